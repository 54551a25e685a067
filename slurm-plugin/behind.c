/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes after the tasks of a node and may take long: --container-save writes an image, which
 * takes seconds or minutes; the server of a named container stays for as long as other steps are in
 * that have joined, and this step with it, since the server is killed with the step's cgroup.
 *
 * What takes long in task_exit cannot be cancelled and drains nodes. So the task that made the
 * container becomes two processes: the child goes on as the task, and the one that slurmstepd knows
 * stays on the host, passes signals on, does what is to be done when all tasks of the node have
 * ended, and ends as the task did. To Slurm all of that is a part of the task, and ends with it.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

enum {
	POLL_MS = 50,
	LONG_POLL_MS = 200,
};

static volatile pid_t saver;

static void end_saver(int number)
{
	int error = errno;

	if (saver > 0)
		kill(saver, number);
	errno = error;
}

/* Of the tasks on this node, as slurmstepd counts them. */
static uint32_t ended_tasks(const struct step *step)
{
	return __atomic_load_n(&step->shared->ended, __ATOMIC_ACQUIRE);
}

/* The terminal reaches the task by itself. A stop reaches only what slurmstepd has started. */
static void pass_on(pid_t task, const siginfo_t *signal)
{
	if (signal->si_signo == SIGCHLD || signal->si_code == SI_KERNEL)
		return;
	kill(task, signal->si_signo == SIGTSTP ? SIGSTOP : signal->si_signo);
}

/* A signal, or 0 when there was none for so long. */
static int next_signal(const sigset_t *all, long milliseconds, siginfo_t *signal)
{
	const struct timespec pause = {.tv_nsec = milliseconds * 1000000L};

	return sigtimedwait(all, signal, &pause) > 0 ? signal->si_signo : 0;
}

/*
 * Waits for the task and for the others of this node.
 *
 * Returns whether nothing is to be done any more: the step was cancelled, which a SIGTERM says; or
 * the task failed and is not saved, and Slurm may end the others when it sees that
 * (--kill-on-bad-exit).
 */
static bool wait_for_tasks(const struct step *step, pid_t task, const sigset_t *all, int *status)
{
	bool cancelled = false;
	bool running = true;

	while (running || ended_tasks(step) + 1 < step->tasks) {
		siginfo_t signal;
		int number = next_signal(all, POLL_MS, &signal);

		cancelled |= number == SIGTERM;
		if (number && running)
			pass_on(task, &signal);
		if (running && waitpid(task, status, WNOHANG) != 0)
			running = false;
		if (!running && *status && !option_value(OPTION_SAVE))
			return ended_tasks(step) + 1 < step->tasks;
	}
	return cancelled;
}

/* ---- a named container ---- */

static void end_holder(const struct process *holder)
{
	bool ended;
	scoped_fd pidfd = process_open(holder, &ended);

	if (ended)
		return;
	if (pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	else
		kill(holder->pid, SIGKILL);
}

/* Lets the container go, and waits until its server has no step more to serve. A SIGTERM ends the
 * wait, and so does whatever ends this process. */
static void keep_server(const struct shared *shared, const sigset_t *all)
{
	end_holder(&shared->processes[0]);
	for (size_t i = 1; i < shared->process_count && i < MESSAGE_PROCESSES; i++) {
		long pause = 1;

		while (!process_has_ended(&shared->processes[i])) {
			siginfo_t signal;

			if (next_signal(all, pause, &signal) == SIGTERM)
				return;
			pause = pause < LONG_POLL_MS / 2 ? 2 * pause : LONG_POLL_MS;
		}
	}
}

/* ---- saving ---- */

/* So that what a SIGTERM asks for is done at once, also while we listen. */
static void let_cancel(const sigset_t *all)
{
	const struct sigaction action = {.sa_handler = end_saver};
	sigset_t others = *all;

	sigaction(SIGTERM, &action, NULL);
	sigdelset(&others, SIGTERM);
	sigprocmask(SIG_SETMASK, &others, NULL);
}

static _Noreturn void end_as(int status)
{
	if (WIFSIGNALED(status)) {
		const struct rlimit none = {0, 0};
		sigset_t unblocked;

		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		sigemptyset(&unblocked);
		sigprocmask(SIG_SETMASK, &unblocked, NULL);
		kill(getpid(), WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Of the task's files only its standard error is kept: others wait for the end of the rest. */
static void leave_files(void)
{
	scoped_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (close_from(STDERR_FILENO + 1) < 0)
		_exit(1);
}

static int save(const struct step *step, char *const *environment, const sigset_t *all)
{
	sigset_t before;
	int output, result;

	saver = child_save(step, environment, &output);
	if (saver < 0)
		return -1;
	sigprocmask(SIG_BLOCK, NULL, &before);
	let_cancel(all);
	result = child_saved(step, saver, output);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

static _Noreturn void do_the_rest(const struct step *step, char *const *environment, pid_t task,
				  const sigset_t *all)
{
	int status = 0;
	bool failed;

	leave_files();
	if (wait_for_tasks(step, task, all, &status))
		end_as(status);
	failed = option_value(OPTION_SAVE) && save(step, environment, all) < 0;
	if (option_value(OPTION_NAME))
		keep_server(step->shared, all);
	if (failed)
		_exit(1);
	end_as(status);
}

int stay_behind(struct step *step, char *const *environment)
{
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	struct sigaction child;
	sigset_t all, before;
	pid_t task;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* Ignored, it would take the task's status away, and with it its number. */
	sigaction(SIGCHLD, &standard, &child);
	task = fork();
	if (task > 0)
		do_the_rest(step, environment, task, &all);
	sigaction(SIGCHLD, &child, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return task < 0 ? fail(step, "stay behind for what comes after the tasks: %m") : 0;
}
