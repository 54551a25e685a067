/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the tasks, in slurmstepd: the container is let go.
 *
 * slurmstepd kills what it finds in the step's cgroup and then sleeps a second, so it had better
 * find nothing. Holder and server are on their way: this is a matter of milliseconds. But they are
 * the user's, and need not go. So who looks at them and waits is a child that is the user too, and
 * it is waited for no longer than what may be saved.
 */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RELEASE_LIMIT_MS = 3000,
	REAP_LIMIT_MS = 1000, /* a killed process may wait for the machine's memory, say */
	LOOK_MS = 5,
};

bool step_task_ended(struct step *step)
{
	step->ended++;
	if (step->shared)
		__atomic_store_n(&step->shared->ended, step->ended, __ATOMIC_RELEASE);
	return step->ended >= step->tasks;
}

static void nap(long milliseconds)
{
	const struct timespec time = {.tv_sec = milliseconds / 1000,
				      .tv_nsec = milliseconds % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static long milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* ---- in the child ---- */

static void wait_for_end(const struct process *process)
{
	bool ended;
	scoped_fd pidfd = process_open(process, &ended);
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	if (ended)
		return;
	while (pidfd >= 0 ? poll(&end, 1, -1) < 1 : !process_has_ended(process))
		nap(pidfd >= 0 ? 0 : LOOK_MS);
}

/* Ends when all have ended; nobody believes that it does. */
static _Noreturn void watch(const struct step *step, int alive)
{
	const struct shared *shared = step->shared;
	size_t count = shared->process_count;

	become_user(step->uid);
	signals_default();
	arrange((const int[]){alive}, 1);
	if (count > MESSAGE_PROCESSES)
		count = 0;
	for (size_t i = 0; i < count; i++)
		wait_for_end(&shared->processes[i]);
	_exit(0);
}

/* ---- in slurmstepd ---- */

/* Until the only other holder of the pipe is gone, or the time is over. */
static void wait_for_close(int pipe)
{
	struct pollfd end = {.fd = pipe}; /* its end is told unasked */
	struct timespec start;
	long left = RELEASE_LIMIT_MS;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (left > 0 && poll(&end, 1, (int)left) < 0 && errno == EINTR)
		left = RELEASE_LIMIT_MS - milliseconds_since(&start);
}

/* Not for long, even then: a process that is not reaped is init's in the end. */
static void reap(pid_t child)
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	kill(child, SIGKILL); /* ours and not waited for: the number is its own */
	while (waitpid(child, NULL, WNOHANG) == 0 && milliseconds_since(&start) < REAP_LIMIT_MS)
		nap(1);
}

void step_release(struct step *step)
{
	int alive[2];
	pid_t child;

	if (!step->shared || step->release[1] < 0)
		return;
	close(step->release[0]);
	close(step->release[1]);
	close(step->message);
	step->release[0] = step->release[1] = step->message = -1;
	if (pipe2(alive, O_CLOEXEC) < 0) {
		slurm_error("berth: wait for the container's end: %m");
		return;
	}
	child = fork();
	if (child == 0)
		watch(step, alive[1]);
	close(alive[1]);
	if (child < 0) {
		slurm_error("berth: wait for the container's end: %m");
	} else {
		wait_for_close(alive[0]);
		reap(child);
	}
	close(alive[0]);
}
