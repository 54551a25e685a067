/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --container-save: the changed image is written when the tasks of the node have ended.
 *
 * That takes seconds or minutes, and what takes long in task_exit cannot be cancelled and drains
 * nodes. So the task that made the container becomes two processes: the child goes on as the task,
 * and the one that slurmstepd knows stays on the host, passes signals on, saves when all tasks of
 * the node have ended, and ends as the task did. To Slurm the saving is a part of that task.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	POLL_MS = 50,
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

/*
 * Waits for the task and for the others of this node.
 *
 * Returns whether the step was cancelled, which a SIGTERM says.
 */
static bool wait_for_tasks(const struct step *step, pid_t task, const sigset_t *all, int *status)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	bool cancelled = false;
	bool running = true;

	while (running || ended_tasks(step) + 1 < step->tasks) {
		siginfo_t signal;

		if (sigtimedwait(all, &signal, &pause) > 0) {
			cancelled |= signal.si_signo == SIGTERM;
			if (running)
				pass_on(task, &signal);
		}
		if (running && waitpid(task, status, WNOHANG) != 0)
			running = false;
	}
	return cancelled;
}

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

static _Noreturn void stay_behind(struct step *step, char *const *environment, pid_t task,
				  const sigset_t *all)
{
	int status = 0;
	bool cancelled;
	int output;

	leave_files();
	cancelled = wait_for_tasks(step, task, all, &status);
	if (cancelled)
		end_as(status);
	saver = child_save(step, environment, &output);
	if (saver < 0)
		_exit(1);
	let_cancel(all);
	if (child_saved(step, saver, output) < 0)
		_exit(1);
	end_as(status);
}

int save_stay_behind(struct step *step, char *const *environment)
{
	sigset_t all, before;
	pid_t task;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	task = fork();
	if (task > 0)
		stay_behind(step, environment, task, &all);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return task < 0 ? fail(step, "stay behind to save the container: %m") : 0;
}
