/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enters a container by the plugin's own function, on kernels of several ages.
 *
 * usage: join CASE [nested]    says whether it is inside, or why not; kernel calls are refused by a
 *                              filter as an older kernel refuses them
 *        join note PID         whether that process would be taken for one of this one's step
 */
#include "../../../slurm-plugin/berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static const char *const kinds[] = {"user", "ipc", "mnt", "net"};

int fail(const struct step *step, const char *format, ...)
{
	va_list arguments;

	(void)step;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	return -1;
}

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(2);
}

static void put(const char *path, const char *text)
{
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
}

/* NESTED: its process is in a user namespace below the one that its mounts belong to. */
static pid_t container(bool nested)
{
	char map[64], groups[64], byte;
	int ready[2];
	pid_t child;

	snprintf(map, sizeof(map), "%u %u 1", getuid(), getuid());
	snprintf(groups, sizeof(groups), "%u %u 1", getgid(), getgid());
	require(pipe(ready) == 0, "pipe");
	child = fork();
	require(child >= 0, "fork");
	if (child > 0) {
		close(ready[1]);
		require(read(ready[0], &byte, 1) == 1, "the container");
		return child;
	}
	require(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC) == 0, "unshare");
	put("/proc/self/uid_map", map);
	if (nested) {
		/* Only who has both ids in the outer one may make another. */
		put("/proc/self/setgroups", "deny");
		put("/proc/self/gid_map", groups);
		require(unshare(CLONE_NEWUSER) == 0, "unshare");
		put("/proc/self/uid_map", map);
	}
	require(write(ready[1], "", 1) == 1, "write");
	pause();
	exit(0);
}

/* The system call fails with this error, if its second argument is this number (0: any). */
static void refuse(unsigned int number, unsigned int second, unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_SIZE(code), code};

	require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "filter");
}

static void namespace_of(const char *pid, const char *kind, char *text, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kind);
	length = readlink(path, text, size - 1);
	require(length > 0, path);
	text[length] = '\0';
}

static void show_rights(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	require(status != NULL, "/proc/self/status");
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, "CapEff", 6) || !strncmp(line, "NoNewPrivs", 10))
			fputs(line, stdout);
	fclose(status);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const struct step step = {.node = "here"};
	struct process process;
	char own[ARRAY_SIZE(kinds)][64], its[ARRAY_SIZE(kinds)][64], now[64], pid[16];

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(what, "note")) {
		int result = process_note(&process, (pid_t)atoi(argv[2]), getuid());

		puts(result == 0 ? "noted" : strerror(errno));
		return result != 0;
	}
	require(process_note(&process, container(argc > 2), getuid()) == 0, "note");
	snprintf(pid, sizeof(pid), "%d", (int)process.pid);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		namespace_of("self", kinds[i], own[i], sizeof(own[i]));
		namespace_of(pid, kinds[i], its[i], sizeof(its[i]));
	}
	if (!strcmp(what, "without-pidfd")) {
		refuse(SYS_pidfd_open, 0, ENOSYS);
	} else if (!strcmp(what, "without-setns-of-pidfd")) {
		refuse(SYS_setns, (unsigned int)process.namespaces, EINVAL);
	} else if (!strcmp(what, "without-numbers")) {
		process.number = 0;
	} else if (!strcmp(what, "other-number")) {
		process.number++;
	} else if (!strcmp(what, "other-start")) {
		process.number = 0;
		process.start_time++;
	} else if (!strcmp(what, "ended")) {
		kill(process.pid, SIGKILL);
		waitpid(process.pid, NULL, 0);
	} else if (!strcmp(what, "dead")) {
		/* A number that is taken, of a process that nobody has waited for. */
		kill(process.pid, SIGKILL);
		require(waitid(P_PID, (id_t)process.pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0,
			"waitid");
	}
	if (ns_join(&step, &process) < 0) {
		kill(process.pid, SIGKILL);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		namespace_of("self", kinds[i], now, sizeof(now));
		printf("%s %s\n", kinds[i],
		       strcmp(now, its[i])	? "lost"
		       : strcmp(own[i], its[i]) ? "entered"
						: "kept");
	}
	show_rights();
	kill(process.pid, SIGKILL);
	return 0;
}
