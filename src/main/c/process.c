/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: quiet ones, ones that belong to nobody, and those that wait for a payload. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORDS_SIZE = 4096, /* of a helper's last words */
	FIRST_KEPT_FD = 3,
};

static pid_t fork_with(int end_signal)
{
	return (pid_t)syscall(SYS_clone, end_signal, NULL, NULL, NULL, NULL);
}

pid_t fork_quiet(void)
{
	return fork_with(0);
}

int wait_quiet(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

void end_with_parent(pid_t parent, int signal)
{
	if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 || getppid() != parent)
		_exit(STATUS_FAILED);
}

void signals_default(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* fails for KILL, STOP and the C library's own */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void keep_only(const int *descriptors, int count)
{
	int high[8];

	/* First out of the way: one's old number may be the other's new one. No further than that:
	 * the caller may allow few descriptors. */
	for (int i = 0; i < count; i++) {
		high[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, FIRST_KEPT_FD + count);
		if (high[i] < 0)
			die_errno("arrange descriptors");
	}
	for (int i = 0; i < count; i++)
		if (dup2(high[i], FIRST_KEPT_FD + i) < 0)
			die_errno("arrange descriptors");
	if (close_from(FIRST_KEPT_FD + count) < 0)
		die_errno("close descriptors");
}

void run_by_descriptor(int fd, char *const argv[], char *const environment[])
{
	syscall(SYS_execveat, fd, "", argv, environment, AT_EMPTY_PATH);
}

/* ---- processes that belong to nobody ---- */

bool start_outside(const int *descriptors, int count, int *go, int *words, pid_t *pid)
{
	int kept[8], signal_pipe[2];
	char byte;
	pid_t child;
	/* The one in between shares only this with us. */
	pid_t *number = mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*words = memfd_create("berth-words", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Bounded: what the helper says later is lost, not kept in memory. */
	if (number == MAP_FAILED || *words < 0 || ftruncate(*words, WORDS_SIZE) < 0 ||
	    fcntl(*words, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0 ||
	    pipe2(signal_pipe, O_CLOEXEC) < 0)
		die_errno("start a helper process");
	child = fork_quiet();
	if (child < 0)
		die_errno("start a helper process");
	if (child > 0) {
		close(signal_pipe[0]);
		wait_quiet(child);
		*go = signal_pipe[1];
		*pid = *number;
		munmap(number, sizeof(*number));
		return false;
	}
	/* The one in between ends at once, so that init inherits the other. */
	child = fork_quiet();
	if (child != 0) {
		*number = child;
		_exit(child < 0);
	}
	setsid();
	signals_default();
	close(STDIN_FILENO);
	if (open("/dev/null", O_RDWR) < 0 || dup2(STDIN_FILENO, STDOUT_FILENO) < 0 ||
	    dup2(*words, STDERR_FILENO) < 0 || chdir("/") < 0)
		_exit(1);
	kept[0] = signal_pipe[0];
	for (int i = 0; i < count; i++)
		kept[i + 1] = descriptors[i];
	keep_only(kept, count + 1);
	/* A launch that fails before its turn ends the helper too. */
	if (read(FIRST_KEPT_FD, &byte, 1) != 1)
		_exit(0);
	close(FIRST_KEPT_FD);
	return true;
}

void add_helper(struct context *context, pid_t pid)
{
	if (context->helper_count < ARRAY_SIZE(context->helpers))
		context->helpers[context->helper_count++] = pid;
}

char *last_words(int words)
{
	char *said = allocate(WORDS_SIZE + 1, 1);
	size_t length;

	if (pread(words, said, WORDS_SIZE, 0) < 0)
		return copy("");
	length = strlen(said);
	while (length && (said[length - 1] == '\n' || said[length - 1] == '.'))
		said[--length] = '\0';
	for (char *c = said; *c; c++)
		if (*c == '\n')
			*c = ' ';
	return said;
}

/* ---- what the caller did to our signals ---- */

/*
 * Where SIGCHLD is ignored, children vanish before they are awaited; where SIGXFSZ is not, a file
 * that grows over a limit ends the process without a word. Both dispositions survive execve: some
 * parents leave them ignored, and the payload gets what they left.
 */
void signals_take(struct caller_signals *signals)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	const struct sigaction ignored = {.sa_handler = SIG_IGN};

	sigaction(SIGCHLD, &standard, &signals->child);
	sigaction(SIGXFSZ, &ignored, &signals->file_size);
}

void signals_give_back(const struct caller_signals *signals)
{
	sigaction(SIGCHLD, &signals->child, NULL);
	sigaction(SIGXFSZ, &signals->file_size, NULL);
}

/* ---- waiting for a child that does our work ---- */

/* Nothing may be lost between fork and the first wait. */
static void block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static _Noreturn void end_as(int status)
{
	const struct rlimit none = {0, 0};
	sigset_t all;
	int number;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* By the same signal, but the one core file is the payload's. */
	number = WTERMSIG(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(number, SIG_DFL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	kill(getpid(), number);
	_exit(128 + number);
}

/* A shell must see its job stop. The signal itself, not SIGSTOP: it may be ignored, and the kernel
 * stops no group that nobody could continue. */
static void stop_self(int number)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, number);
	kill(getpid(), number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
}

/*
 * Passes signals on until the child has ended. What the terminal sends goes to the whole
 * foreground process group, so a payload of that group has it already; what somebody sent is always
 * forwarded. Returns the child's status, and the last signal but SIGCHLD; orphans are reaped on the
 * way.
 */
static int supervise(pid_t child, bool stops, int *last)
{
	sigset_t all;

	sigfillset(&all);
	for (;;) {
		siginfo_t info;
		int status, number = sigwaitinfo(&all, &info);
		pid_t ended;

		if (number < 0)
			continue;
		if (number == SIGCHLD) {
			while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
				if (ended == child)
					return status;
			continue;
		}
		*last = number;
		if (number != SIGURG && (info.si_code != SI_KERNEL || getpgid(child) != getpgid(0)))
			kill(child, number);
		if (stops && (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU))
			stop_self(number);
	}
}

pid_t fork_supervised(sigset_t *before)
{
	pid_t child;

	block_signals(before);
	child = fork_with(SIGCHLD);
	if (child < 0)
		sigprocmask(SIG_SETMASK, before, NULL);
	return child;
}

int wait_supervised(pid_t child, const sigset_t *before)
{
	int last = 0;
	int status = supervise(child, true, &last);

	/* A program that tidies up when it is told to end says so by its status; who waits for us
	 * (a shell that runs a script, say) goes by the signal. */
	if (last &&
	    (WIFEXITED(status) ? WEXITSTATUS(status) == 128 + last : WTERMSIG(status) == last))
		end_as(last);
	sigprocmask(SIG_SETMASK, before, NULL);
	return status;
}

/* ---- waiting for a payload ---- */

/* Who only waits holds nothing of the caller's: a reader of the payload's output must see its end
 * when the payload closes it. */
static _Noreturn void wait_for_payload(pid_t child, int alive, const int *payload_status)
{
	int status, last = 0;

	/* The pipe's end stays: it tells the child that we are there. */
	if (alive != 0)
		dup2(alive, 0);
	if (close_from(1) < 0)
		die_errno("close descriptors");
	status = supervise(child, true, &last);
	end_as(*payload_status >= 0 ? *payload_status : status);
}

/* PID 1 in its own name, for ps: the argument area is one block up to the environment. */
static void name_process(struct context *context, const char *name)
{
	char *last = context->argv[context->argc - 1];
	char *end = last + strlen(last);
	size_t room = (size_t)(end - context->argv[0]);

	prctl(PR_SET_NAME, name, 0, 0, 0);
	memset(context->argv[0], 0, room);
	strncpy(context->argv[0], name, room);
}

static _Noreturn void be_init(struct context *context, pid_t payload, int *payload_status)
{
	int last = 0;

	name_process(context, "appinit");
	if (close_from(0) < 0)
		_exit(STATUS_FAILED);
	/* The payload's root will be elsewhere: pivot takes along who is at the old one. */
	if (chdir("/") < 0)
		_exit(STATUS_FAILED);
	if (context->plan->drop_privileges)
		drop_privileges();
	/* PID 1 cannot end itself by a signal, so the launcher is told how the payload ended. */
	*payload_status = supervise(payload, false, &last);
	_exit(WIFEXITED(*payload_status) ? WEXITSTATUS(*payload_status)
					 : 128 + WTERMSIG(*payload_status));
}

/* The kernel ends the new PID namespace with its PID 1, and that one ends with the launcher. */
static void end_with_launcher(int launcher_pipe)
{
	struct pollfd end = {.fd = launcher_pipe};

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* getppid() is 0 here whether the launcher lives or not. */
	if (poll(&end, 1, 0) != 0)
		_exit(STATUS_FAILED);
}

static void start_payload(struct context *context, bool shim)
{
	sigset_t before;
	int alive[2];
	pid_t child;
	int *status = mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (status == MAP_FAILED || pipe2(alive, O_CLOEXEC) < 0)
		die_errno("start the payload");
	*status = -1;
	child = fork_supervised(&before);
	if (child < 0)
		die_errno("start the payload");
	if (child > 0)
		wait_for_payload(child, alive[1], status);
	close(alive[1]);
	end_with_launcher(alive[0]);
	close(alive[0]);
	if (shim) {
		child = fork_with(SIGCHLD);
		if (child < 0)
			die_errno("start the payload");
		if (child > 0)
			be_init(context, child, status);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void op_init(struct context *context, struct step *step)
{
	(void)step;
	start_payload(context, true);
}

void op_fork(struct context *context, struct step *step)
{
	(void)step;
	start_payload(context, false);
}

/* ---- holding a container open for others ---- */

static void append_word(struct buffer *message, const char *word)
{
	append(message, word, strlen(word) + 1);
}

/* What docs/plan.md calls the holder's message. */
static void describe_container(const struct context *context, struct buffer *message)
{
	char directory[PATH_MAX];

	if (!getcwd(directory, sizeof(directory)))
		die_errno("read the working directory");
	append_word(message, "berth-held");
	append_word(message, "1");
	append_word(message, text("%zu", context->helper_count + 1));
	append_word(message, text("%d", (int)getpid()));
	for (size_t i = 0; i < context->helper_count; i++)
		append_word(message, text("%d", (int)context->helpers[i]));
	append_word(message, directory);
	for (size_t i = 0; i < context->environment.count; i++)
		append_word(message, context->environment.variables[i]);
	append_word(message, "end");
}

void op_hold(struct context *context, struct step *step)
{
	struct buffer message = {0};
	uint64_t ready = 0, release = 0;
	sigset_t all;
	int kept[2];
	char byte;

	parse_number(step->words[0], &ready);
	parse_number(step->words[1], &release);
	describe_container(context, &message);
	/* What a step is sent is meant for its tasks; we end when they have ended. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	name_process(context, "berth-hold");
	lease_others(context);
	if (write_all((int)ready, message.bytes, message.length) < 0)
		die_errno("say that the container is ready");
	kept[0] = (int)release;
	kept[1] = context->lease_fd;
	keep_only(kept, kept[1] < 0 ? 1 : 2);
	for (int fd = 0; fd < FIRST_KEPT_FD; fd++)
		close(fd);
	while (read(FIRST_KEPT_FD, &byte, 1) > 0)
		;
	_exit(0);
}
