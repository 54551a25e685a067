/* SPDX-License-Identifier: Apache-2.0 */
/* Running the Berth CLI: as the user, in a clean process, listening to what it says. */
#include "berth_plugin.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READY_FD = 3,
	RELEASE_FD = 4,
	FIRST_CLOSED_FD = 5,
	HIGH_FD = 64, /* above the numbers that are given */
	MESSAGE_LIMIT = 64 << 20,
	LINE_LIMIT = 4096,
	CLI_FAILED = 255,
	NO_GROUP = 65534,
};

static const char fatal[] = "FATAL:   ";
static const char info[] = "INFO:    ";
static const char continued[] = "         ";
static const char last_word[] = "\0end"; /* with the closing NUL: at a message's end */

extern char **environ;

struct text {
	char *bytes;
	size_t length;
	size_t room;
};

static int grow(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 16384;
	char *bytes;

	while (room < text->length + more)
		room *= 2;
	if (room == text->room)
		return 0;
	bytes = realloc(text->bytes, room);
	if (!bytes)
		return -1;
	text->bytes = bytes;
	text->room = room;
	return 0;
}

/* ---- the child: only what is safe between fork and exec ---- */

static void say(const char *word)
{
	if (write(STDERR_FILENO, word, strlen(word)) < 0)
		_exit(CLI_FAILED);
}

static _Noreturn void die(const char *what)
{
	int error = errno;

	say(fatal);
	say(what);
	say(": ");
	say(strerrordesc_np(error));
	say("\n");
	_exit(CLI_FAILED);
}

static void signals_default(void)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* descriptors[i] becomes i: first all out of the way, then to their places. */
static void arrange(const int *descriptors, int count)
{
	int high[FIRST_CLOSED_FD];

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

/* slurmstepd's task_init has dropped them; should that ever change, nothing is run. */
static void verify_ids(uid_t uid)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || real != uid || effective != uid ||
	    saved != uid) {
		errno = EPERM;
		die("run as the job's user");
	}
}

static _Noreturn void run(char *const *argv, char *const *environment)
{
	execve(argv[0], argv, environment);
	die(argv[0]);
}

/* ---- what the child says ---- */

struct listener {
	const struct step *step;
	int output;
	char line[LINE_LIMIT];
	size_t length;
	char pending[LINE_LIMIT]; /* the last message, whose hint may follow */
	bool failed;
};

static void flush(struct listener *listener)
{
	if (*listener->pending)
		dprintf(listener->output, "berth: %s: %s\n", listener->step->node,
			listener->pending);
	*listener->pending = '\0';
}

static void take_line(struct listener *listener)
{
	char *line = listener->line;
	size_t used = strlen(listener->pending);

	line[listener->length] = '\0';
	/* A name out of a registry or an option must not move the terminal of who reads it. */
	for (size_t i = 0; i < listener->length; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = ' ';
	listener->length = 0;
	if (!strncmp(line, continued, sizeof(continued) - 1) && used) {
		snprintf(listener->pending + used, sizeof(listener->pending) - used, "; %s",
			 line + sizeof(continued) - 1);
		return;
	}
	flush(listener);
	if (!strncmp(line, fatal, sizeof(fatal) - 1)) {
		listener->failed = true;
		snprintf(listener->pending, sizeof(listener->pending), "%s",
			 line + sizeof(fatal) - 1);
		return;
	}
	/* The others are said at once: a download may take minutes. */
	if (!strncmp(line, info, sizeof(info) - 1))
		line += sizeof(info) - 1;
	dprintf(listener->output, "berth: %s: %s\n", listener->step->node, line);
}

/* 1 while there may be more, 0 at the end. */
static int listen_to(struct listener *listener, int fd)
{
	char bytes[4096];
	ssize_t length = read(fd, bytes, sizeof(bytes));

	if (length < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t i = 0; i < length; i++) {
		if (bytes[i] == '\n')
			take_line(listener);
		else if (listener->length + 1 < sizeof(listener->line))
			listener->line[listener->length++] = bytes[i];
	}
	return length > 0;
}

static int append_from(struct text *text, int fd)
{
	ssize_t length;

	if (text->length > MESSAGE_LIMIT || grow(text, 65536) < 0)
		return 0;
	length = read(fd, text->bytes + text->length, 65536);
	if (length < 0)
		return errno == EINTR || errno == EAGAIN;
	text->length += (size_t)length;
	return length > 0;
}

/* Until both are closed: by the holder when it holds, by the kernel when the child died. */
static int follow(struct listener *listener, int said, struct text *message, int ready)
{
	struct pollfd fds[] = {{.fd = said, .events = POLLIN}, {.fd = ready, .events = POLLIN}};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return fail(listener->step, "listen to berth: %m");
		}
		if (fds[0].revents && !listen_to(listener, said))
			fds[0].fd = -1;
		if (fds[1].revents && !append_from(message, ready))
			fds[1].fd = -1;
	}
	if (listener->length)
		take_line(listener);
	flush(listener);
	return 0;
}

/* ---- hold ---- */

/* The options, and what the step adds to them. */
static int add_step_words(const struct step *step, struct words *argv)
{
	if (options_as_flags(argv) < 0)
		return -1;
	for (size_t i = 0; i < step->flags.count; i++)
		if (words_add(argv, step->flags.list[i]) < 0)
			return -1;
	return 0;
}

/* Berth takes the user's part of it, if nobody else could have filled that. */
static int add_store(const struct config *config, struct words *argv)
{
	return config->store ? words_add_new(argv, "--store=%s", config->store) : 0;
}

static int hold_command(const struct step *step, struct words *argv)
{
	if (words_add(argv, (char *)step->config->berth) < 0 ||
	    words_add(argv, (char *)"hold") < 0 ||
	    words_add_new(argv, "--ready-fd=%d", READY_FD) < 0 ||
	    words_add_new(argv, "--release-fd=%d", RELEASE_FD) < 0 ||
	    add_store(step->config, argv) < 0 || add_step_words(step, argv) < 0 ||
	    words_add(argv, (char *)"--") < 0 ||
	    (step->image && words_add(argv, (char *)step->image) < 0))
		return fail(step, "start berth: %m");
	return 0;
}

/*
 * The holder outlives this task, and is no child of the program that the task becomes: that might
 * wait for any child. So it is started by a process that ends at once, and found by shared memory.
 */
static int start(struct step *step, char *const *argv, char *const *environment, int said,
		 int ready)
{
	scoped_fd null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int descriptors[] = {null, said, said, ready, step->release[0]};
	pid_t child;
	int status;

	if (null < 0)
		return fail(step, "open /dev/null: %m");
	child = fork();
	if (child < 0)
		return fail(step, "start berth: %m");
	if (child == 0) {
		child = fork();
		if (child != 0)
			_exit(child < 0);
		step->shared->starting = getpid();
		setsid();
		signals_default();
		arrange(descriptors, FIRST_CLOSED_FD);
		verify_ids(step->uid);
		run(argv, environment);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail(step, "start berth: %m");
	if (status != 0)
		return fail(step, "start berth: no further process could be made");
	return 0;
}

static bool is_whole(const struct text *message)
{
	return message->length > sizeof(last_word) &&
	       !memcmp(message->bytes + message->length - sizeof(last_word), last_word,
		       sizeof(last_word));
}

int child_hold(struct step *step, struct words *environment, char **message, size_t *length)
{
	struct words argv = {0};
	struct text text = {0};
	bool explain = option_value(OPTION_EXPLAIN) != NULL;
	struct listener listener = {.step = step,
				    .output = explain ? STDOUT_FILENO : STDERR_FILENO};
	int said[2], ready[2];

	if (hold_command(step, &argv) < 0)
		return -1;
	if (pipe2(said, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return fail(step, "start berth: %m");
	if (start(step, argv.list, words_list(environment), said[1], ready[1]) < 0)
		return -1;
	close(said[1]);
	close(ready[1]);
	if (follow(&listener, said[0], &text, ready[0]) < 0)
		return -1;
	close(said[0]);
	close(ready[0]);
	step->shared->starting = 0;
	*message = NULL;
	if (is_whole(&text)) {
		*message = text.bytes;
		*length = text.length;
		return 0;
	}
	if (listener.failed)
		return -1;
	if (explain)
		return 0;
	return fail(step, "the container was not made: berth ended early (for the reason above, or "
			  "killed by the "
			  "step's memory limit, or the image's entrypoint failed)");
}

/* ---- save ---- */

static int save_command(const struct step *step, struct words *argv)
{
	if (words_add(argv, (char *)step->config->berth) < 0 ||
	    words_add(argv, (char *)"save") < 0 || add_store(step->config, argv) < 0 ||
	    add_step_words(step, argv) < 0)
		return fail(step, "start berth: %m");
	return 0;
}

pid_t child_save(const struct step *step, char *const *environment, int *output)
{
	scoped_fd null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct words argv = {0}, variables = {0};
	int said[2];
	pid_t child;

	for (; *environment; environment++)
		if (words_add(&variables, *environment) < 0)
			return fail(step, "start berth: %m");
	if (save_command(step, &argv) < 0)
		return -1;
	if (null < 0 || pipe2(said, O_CLOEXEC) < 0)
		return fail(step, "start berth: %m");
	child = fork();
	if (child < 0)
		return fail(step, "start berth: %m");
	if (child == 0) {
		const int descriptors[] = {null, said[1], said[1]};

		signals_default();
		arrange(descriptors, 3);
		verify_ids(step->uid);
		run(argv.list, words_list(&variables));
	}
	close(said[1]);
	*output = said[0];
	return child;
}

int child_saved(const struct step *step, pid_t saver, int output)
{
	struct listener listener = {.step = step, .output = STDERR_FILENO};
	struct text none = {0};
	int status = -1;

	/* Its JVM has it open too, and lives a moment longer when it is told to end. */
	if (follow(&listener, output, &none, -1) < 0)
		return -1;
	while (waitpid(saver, &status, 0) < 0)
		if (errno != EINTR)
			break;
	if (status == 0)
		return 0;
	return listener.failed ? -1 : fail(step, "the container was not saved");
}

/* ---- the end of a job ---- */

/* Nothing is looked at before this. */
static void become(uid_t uid)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, NO_GROUP, NO_GROUP, NO_GROUP) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		_exit(CLI_FAILED);
	verify_ids(uid);
}

void child_remove_job(const struct config *config, uid_t uid, uint32_t job)
{
	static char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	char directory[64], option[32];
	char *const argv[] = {(char *)config->berth, (char *)"container", (char *)"remove", option,
			      NULL};
	pid_t child;

	/* The same in org.berth.instance.KeptContainers. */
	snprintf(directory, sizeof(directory), "/var/tmp/berth-%u/job-%u", (unsigned int)uid,
		 (unsigned int)job);
	snprintf(option, sizeof(option), "--job=%u", (unsigned int)job);
	child = fork();
	if (child < 0) {
		slurm_error("berth: remove the containers of job %u: %m", (unsigned int)job);
		return;
	}
	if (child == 0) {
		struct stat status;
		int null;

		become(uid);
		if (lstat(directory, &status) < 0 || !S_ISDIR(status.st_mode) ||
		    status.st_uid != uid)
			_exit(0);
		/* Nobody waits for a large one to be gone: the node is free meanwhile. */
		if (fork() != 0)
			_exit(0);
		setsid();
		signals_default();
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0 || chdir("/") < 0)
			_exit(CLI_FAILED);
		arrange((const int[]){null, null, null}, 3);
		run(argv, environment);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- resolve ---- */

int child_resolve(const struct config *config, const char *image, char **resolved)
{
	struct words argv = {0}, variables = {0};
	struct text text = {0};
	int output[2];
	int status;
	pid_t child;

	if (words_add(&argv, (char *)config->berth) < 0 ||
	    words_add(&argv, (char *)"resolve") < 0 ||
	    (config->store && words_add(&argv, (char *)"--fill") < 0) ||
	    add_store(config, &argv) < 0 || options_as_flags(&argv) < 0 ||
	    words_add(&argv, (char *)"--") < 0 || words_add(&argv, (char *)image) < 0)
		goto failed;
	for (char **variable = environ; *variable; variable++)
		if (words_add(&variables, *variable) < 0)
			goto failed;
	if (pipe2(output, O_CLOEXEC) < 0)
		goto failed;
	child = fork();
	if (child < 0)
		goto failed;
	if (child == 0) {
		const int descriptors[] = {STDIN_FILENO, output[1], STDERR_FILENO};

		signals_default();
		arrange(descriptors, 3);
		verify_ids(getuid());
		run(argv.list, words_list(&variables));
	}
	close(output[1]);
	while (append_from(&text, output[0]))
		;
	close(output[0]);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			goto failed;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !text.length || grow(&text, 1) < 0) {
		slurm_error("berth: the image %s is not to be had", image);
		return -1;
	}
	text.bytes[text.length] = '\0';
	*resolved = text.bytes;
	return 0;
failed:
	slurm_error("berth: run %s: %m", config->berth);
	return -1;
}
