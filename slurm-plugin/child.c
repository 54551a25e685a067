/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the Berth CLI: as the user, in a clean process, listening to what it says.
 *
 * What it says comes by pipes that others of the user's can hold and write to: an environment
 * script's "sleep 100 &", say. So what ends the listening is what is waited for, the message or the
 * process' end, never the end of a pipe; and what is passed on, or kept, is bounded.
 */
#include "berth_plugin.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	READY_FD = 3,
	RELEASE_FD = 4,
	GIVEN_FDS = 5,
	LINE_LIMIT = 4096,
	SAID_LIMIT = 1 << 20, /* that is passed on */
	READ_SIZE = 65536,
	LAST_READS = 64,      /* of what was said before an end: more than a pipe holds */
	ANSWER_LIMIT = 65536, /* of "berth resolve" */
	LOOK_MS = 20,	      /* where there are no pidfds */
	TIDY_MS = 2000,	      /* for one that is ended by us to take its leases back */
	LAST_WORDS_MS = 5000, /* for a JVM to tidy up when its launcher was ended */
	STARTER_FAILED = 2,
};

static const char fatal[] = "FATAL:   ";
static const char info[] = "INFO:    ";
static const char continued[] = "         ";

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

/* ---- what the child says ---- */

struct listener {
	const struct step *step;
	int output;
	char line[LINE_LIMIT];
	size_t length;
	char pending[LINE_LIMIT]; /* the last message, whose hint may follow */
	size_t said;		  /* how much was passed on */
	bool failed;
};

static void pass_on(struct listener *listener, const char *line)
{
	int length;

	if (listener->said > SAID_LIMIT)
		return;
	length = dprintf(listener->output, "berth: %s: %s\n", listener->step->node, line);
	listener->said += length > 0 ? (size_t)length : SAID_LIMIT;
	if (listener->said > SAID_LIMIT)
		dprintf(listener->output, "berth: %s: what else is said is left out\n",
			listener->step->node);
}

static void flush(struct listener *listener)
{
	if (*listener->pending)
		pass_on(listener, listener->pending);
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
	pass_on(listener, line);
}

enum got {
	GOT_SOMETHING,
	GOT_NOTHING, /* now */
	GOT_END,
};

static enum got got(ssize_t length)
{
	if (length < 0)
		return errno == EINTR || errno == EAGAIN ? GOT_NOTHING : GOT_END;
	return length > 0 ? GOT_SOMETHING : GOT_END;
}

static enum got listen_to(struct listener *listener, int fd)
{
	char bytes[4096];
	ssize_t length = read(fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < length; i++) {
		if (bytes[i] == '\n')
			take_line(listener);
		else if (listener->length + 1 < sizeof(listener->line))
			listener->line[listener->length++] = bytes[i];
	}
	return got(length);
}

static enum got append_from(struct text *text, int fd)
{
	ssize_t length;

	if (text->length > MESSAGE_LIMIT || grow(text, READ_SIZE) < 0)
		return GOT_END;
	length = read(fd, text->bytes + text->length, READ_SIZE);
	if (length > 0)
		text->length += (size_t)length;
	return got(length);
}

static bool has_ended(pid_t child)
{
	siginfo_t end = {0};

	/* It stays to be waited for. */
	return waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid != 0;
}

/* A child, and what comes from it. */
struct source {
	pid_t child;
	int said;     /* words for the user */
	int ready;    /* or -1: the holder's message */
	int signals;  /* or -1: readable when one that ends this process waits for us */
	int grace_ms; /* after the child's end, for others that have still something to say */
	struct text message;
};

/* What had been said before the end that we have seen. */
static void listen_to_the_last(struct listener *listener, const struct source *source)
{
	struct pollfd said = {.fd = source->said, .events = POLLIN};
	struct timespec start, now;
	enum got last = GOT_SOMETHING;
	long left = source->grace_ms;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (left > 0 && last != GOT_END) {
		if (poll(&said, 1, (int)left) > 0)
			last = listen_to(listener, source->said);
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = source->grace_ms - (now.tv_sec - start.tv_sec) * 1000 -
		       (now.tv_nsec - start.tv_nsec) / 1000000;
	}
	for (int i = 0; i < LAST_READS && last == GOT_SOMETHING; i++)
		last = listen_to(listener, source->said);
	if (listener->length)
		take_line(listener);
	flush(listener);
}

/* Until the message is whole, or cannot become so, or the child has ended. */
static int follow(struct listener *listener, struct source *source)
{
	scoped_fd end = process_descriptor(source->child);
	struct pollfd fds[] = {{.fd = source->said, .events = POLLIN},
			       {.fd = source->ready, .events = POLLIN},
			       {.fd = source->signals, .events = POLLIN},
			       {.fd = end, .events = POLLIN}};
	bool ended = false, over = false;

	if (fcntl(source->said, F_SETFL, O_NONBLOCK) < 0 ||
	    (source->ready >= 0 && fcntl(source->ready, F_SETFL, O_NONBLOCK) < 0))
		return fail(listener->step, "listen to berth: %m");
	while (!ended && !over) {
		if (poll(fds, ARRAY_SIZE(fds), end < 0 ? LOOK_MS : -1) < 0 && errno != EINTR)
			return fail(listener->step, "listen to berth: %m");
		if (fds[2].revents)
			return -1;
		/* First: what it said before its end is then all there. */
		ended = has_ended(source->child);
		if (fds[0].fd >= 0 && listen_to(listener, source->said) == GOT_END)
			fds[0].fd = -1;
		if (source->ready >= 0) {
			enum got last;

			while ((last = append_from(&source->message, source->ready)) ==
			       GOT_SOMETHING)
				if (message_is_whole(source->message.bytes, source->message.length))
					break;
			over = last != GOT_NOTHING;
		}
	}
	listen_to_the_last(listener, source);
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
	    (step->quiet && words_add(argv, (char *)"--quiet") < 0) ||
	    words_add(argv, (char *)"hold") < 0 ||
	    words_add_new(argv, "--ready-fd=%d", READY_FD) < 0 ||
	    words_add_new(argv, "--release-fd=%d", RELEASE_FD) < 0 ||
	    add_store(step->config, argv) < 0 || add_step_words(step, argv) < 0 ||
	    (step->called && words_add_new(argv, "--called=%s", step->called) < 0) ||
	    words_add(argv, (char *)"--") < 0 ||
	    (step->image && words_add(argv, (char *)step->image) < 0))
		return fail(step, "start berth: %m");
	return 0;
}

/* It may be making an image for others who wait: on a SIGTERM it says first that it does not. */
static void end_berth(pid_t berth, int end)
{
	struct pollfd fd = {.fd = end, .events = POLLIN};

	kill(berth, SIGTERM);
	if (end >= 0)
		poll(&fd, 1, TIDY_MS);
	else
		poll(NULL, 0, TIDY_MS / 4);
	kill(berth, SIGKILL);
	waitpid(berth, NULL, 0);
}

/*
 * The holder outlives this task, and is no child of the program that the task becomes: that might
 * wait for any child. So it is started by a process in between, which ends when it holds; or ends
 * it when the task was killed before that, or will not have it.
 */
static _Noreturn void watch_over(pid_t berth, int leash)
{
	scoped_fd end = process_descriptor(berth);
	struct pollfd fds[] = {{.fd = leash, .events = POLLIN}, {.fd = end, .events = POLLIN}};
	char byte;

	for (;;) {
		poll(fds, ARRAY_SIZE(fds), end < 0 ? LOOK_MS : -1);
		/* Not waited for before this: the number is its own. */
		if (waitpid(berth, NULL, WNOHANG) != 0)
			_exit(1);
		if (fds[0].revents) {
			if (read(leash, &byte, 1) == 1)
				_exit(0);
			end_berth(berth, end);
			_exit(1);
		}
	}
}

static _Noreturn void start_berth(const struct step *step, char *const *argv,
				  char *const *environment, const int *descriptors, int leash)
{
	sigset_t all;
	pid_t berth;

	/* A signal to the step is meant for its tasks. And a SIGCHLD that is ignored would give
	 * away the number of a child that has ended. */
	signals_default();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	berth = fork();
	if (berth < 0)
		_exit(STARTER_FAILED);
	if (berth == 0) {
		setsid();
		signals_default();
		arrange(descriptors, GIVEN_FDS);
		verify_user(step->uid);
		run(argv, environment);
	}
	arrange(&leash, 1);
	watch_over(berth, 0);
}

/* The starter ends, and berth with it unless it HOLDS. Returns the starter's status. */
static int end_starter(pid_t starter, int leash, bool holds)
{
	int status = 0;

	/* If that fails it has ended, and whether the container is there is seen on entering. */
	if (holds)
		send(leash, "", 1, MSG_NOSIGNAL);
	close(leash);
	while (waitpid(starter, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Those that would end this process. */
static void ending_signals(sigset_t *set)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	struct sigaction action;

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
			sigaddset(set, ending[i]);
}

static int hold(struct step *step, struct words *environment, int signals, char **message,
		size_t *length)
{
	bool explain = option_value(OPTION_EXPLAIN) != NULL;
	struct listener listener = {.step = step,
				    .output = explain ? STDOUT_FILENO : STDERR_FILENO};
	scoped_fd null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct words argv = {0};
	struct source source = {0};
	int said[2], ready[2], leash[2];
	int result, status;
	bool held;

	if (hold_command(step, &argv) < 0)
		return -1;
	if (null < 0 || pipe2(said, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash) < 0)
		return fail(step, "start berth: %m");
	source.child = fork();
	if (source.child < 0)
		return fail(step, "start berth: %m");
	if (source.child == 0) {
		const int descriptors[] = {null, said[1], said[1], ready[1], step->release[0]};

		start_berth(step, argv.list, words_list(environment), descriptors, leash[0]);
	}
	close(said[1]);
	close(ready[1]);
	close(leash[0]);
	source.said = said[0];
	source.ready = ready[0];
	source.signals = signals;
	result = follow(&listener, &source);
	held = result == 0 && message_is_whole(source.message.bytes, source.message.length);
	status = end_starter(source.child, leash[1], held);
	close(said[0]);
	close(ready[0]);
	*message = NULL;
	if (held) {
		*message = source.message.bytes;
		*length = source.message.length;
		return 0;
	}
	if (result < 0 || listener.failed)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STARTER_FAILED)
		return fail(step, "start berth: no further process could be made");
	if (explain)
		return 0;
	return fail(step, "the container was not made: berth ended early (for the reason above, or "
			  "killed by the "
			  "step's memory limit, or the image's entrypoint failed)");
}

/*
 * When the step is cancelled its tasks get a signal, and when the last of them has ended, the rest
 * of the step is killed: so this one ends when berth has, which gives its leases back.
 */
int child_hold(struct step *step, struct words *environment, char **message, size_t *length)
{
	scoped_fd signals = -1;
	sigset_t ending, before;
	int result;

	ending_signals(&ending);
	signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return fail(step, "start berth: %m");
	sigprocmask(SIG_BLOCK, &ending, &before);
	result = hold(step, environment, signals, message, length);
	/* The end, if one of them has come. */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

/* ---- save ---- */

static int save_command(const struct step *step, struct words *argv)
{
	if (words_add(argv, (char *)step->config->berth) < 0 ||
	    (step->quiet && words_add(argv, (char *)"--quiet") < 0) ||
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
		verify_user(step->uid);
		run(argv.list, words_list(&variables));
	}
	close(said[1]);
	*output = said[0];
	return child;
}

int child_saved(const struct step *step, pid_t saver, int output)
{
	struct listener listener = {.step = step, .output = STDERR_FILENO};
	/* Its JVM has it open too, and lives a moment longer when it is told to end. */
	struct source source = {.child = saver,
				.said = output,
				.ready = -1,
				.signals = -1,
				.grace_ms = LAST_WORDS_MS};
	int status = -1;

	if (follow(&listener, &source) < 0)
		return -1;
	while (waitpid(saver, &status, 0) < 0)
		if (errno != EINTR)
			break;
	if (status == 0)
		return 0;
	return listener.failed ? -1 : fail(step, "the container was not saved");
}

/* ---- resolve ---- */

/* A memory file that holds so much and no more. */
static int bounded_file(size_t size)
{
	int file = memfd_create("berth-answer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (file >= 0 && (ftruncate(file, (off_t)size) < 0 ||
			  fcntl(file, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(file);
		return -1;
	}
	return file;
}

int child_resolve(const struct config *config, const char *image, char **resolved)
{
	/* Not a pipe: the answer is there when the child has ended, whoever else has it open. */
	scoped_fd answer = bounded_file(ANSWER_LIMIT);
	struct words argv = {0}, variables = {0};
	char *text = calloc(ANSWER_LIMIT + 1, 1);
	int status = -1;
	pid_t child;

	if (answer < 0 || !text || words_add(&argv, (char *)config->berth) < 0 ||
	    (options_are_quiet(environ) && words_add(&argv, (char *)"--quiet") < 0) ||
	    words_add(&argv, (char *)"resolve") < 0 ||
	    (config->store && words_add(&argv, (char *)"--fill") < 0) ||
	    add_store(config, &argv) < 0 || options_as_flags(&argv) < 0 ||
	    words_add(&argv, (char *)"--") < 0 || words_add(&argv, (char *)image) < 0)
		goto failed;
	for (char **variable = environ; *variable; variable++)
		if (words_add(&variables, *variable) < 0)
			goto failed;
	child = fork();
	if (child < 0)
		goto failed;
	if (child == 0) {
		const int descriptors[] = {STDIN_FILENO, answer, STDERR_FILENO};

		signals_default();
		arrange(descriptors, 3);
		verify_user(getuid());
		run(argv.list, words_list(&variables));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			goto failed;
	if (pread(answer, text, ANSWER_LIMIT, 0) < 0)
		goto failed;
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !*text) {
		/* What ended with a status has said why, in words of its own. */
		if (WIFSIGNALED(status))
			slurm_error("berth: could not look up the image %s: %s was ended by signal "
				    "%d (%s)",
				    image, config->berth, WTERMSIG(status),
				    strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status) == 0)
			slurm_error("berth: could not look up the image %s: %s did not answer",
				    image, config->berth);
		free(text);
		return -1;
	}
	*resolved = text;
	return 0;
failed:
	slurm_error("berth: run %s: %m", config->berth);
	free(text);
	return -1;
}
