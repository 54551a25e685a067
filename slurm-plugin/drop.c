/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a forked child: ids, signals and descriptors, up to exec. Nothing but what is safe there: the
 * parent may have threads.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	HIGH_FD = 64, /* above the numbers that are given */
	GIVEN = 5,    /* as many as anybody gives */
	CLI_FAILED = 255,
	NO_GROUP = 65534,
};

static void say(const char *word)
{
	if (write(STDERR_FILENO, word, strlen(word)) < 0)
		_exit(CLI_FAILED);
}

/* As the CLI says it. */
void die(const char *what)
{
	int error = errno;

	say("FATAL:   ");
	say(what);
	say(": ");
	say(strerrordesc_np(error));
	say("\n");
	_exit(CLI_FAILED);
}

void signals_default(void)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* First all out of the way, then to their places. */
void arrange(const int *descriptors, int count)
{
	int high[GIVEN];

	for (int i = 0; i < count; i++) {
		high[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			die("arrange descriptors");
	}
	for (int i = 0; i < count; i++)
		if (dup2(high[i], i) < 0)
			die("arrange descriptors");
	if (close_from(count) < 0)
		die("close descriptors");
}

void verify_user(uid_t uid)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid ||
	    saved != uid) {
		errno = EPERM;
		die("run as the job's user");
	}
}

void become_user(uid_t uid)
{
	gid_t real, effective, saved;

	/* A thread of slurmstepd may act as the user already: then it is root that may drop. By
	 * system calls, which change this thread only, and take no lock. */
	syscall(SYS_setresuid, -1, 0, -1);
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, NO_GROUP, NO_GROUP, NO_GROUP) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0 || getgroups(0, NULL) != 0 ||
	    getresgid(&real, &effective, &saved) < 0 || real != NO_GROUP || effective != NO_GROUP ||
	    saved != NO_GROUP)
		_exit(CLI_FAILED);
	verify_user(uid);
}

void run(char *const *argv, char *const *environment)
{
	execve(argv[0], argv, environment);
	die(argv[0]);
}
