/* SPDX-License-Identifier: Apache-2.0 */
/* What each task of a Slurm step pays for entering its container: the plugin's own function in 300
 * processes, each forked as a task is, against the same by files of /proc. Process time, so that
 * what else the machine does counts little. */
#include "../../slurm-plugin/berth_plugin.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	RUNS = 300,
};

int fail(const struct step *step, const char *format, ...)
{
	va_list arguments;

	(void)step;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	exit(1);
}

static void put(const char *path, const char *text)
{
	scoped_fd fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(NULL, "write %s: %m\n", path);
}

static pid_t container(void)
{
	char map[64], byte;
	int ready[2];
	pid_t child;

	if (pipe(ready) < 0 || (child = fork()) < 0)
		fail(NULL, "start a container: %m\n");
	if (child > 0) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
		return child;
	}
	snprintf(map, sizeof(map), "%u %u 1", getuid(), getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		fail(NULL, "make namespaces: %m\n");
	put("/proc/self/uid_map", map);
	if (write(ready[1], "", 1) != 1)
		exit(1);
	pause();
	exit(0);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void by_files(const struct process *process)
{
	char path[64];
	int user, mount;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)process->pid);
	user = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)process->pid);
	mount = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(user, CLONE_NEWUSER) < 0 || setns(mount, CLONE_NEWNS) < 0)
		fail(NULL, "enter: %m\n");
}

static void by_plugin(const struct process *process)
{
	const struct step step = {.node = "here"};

	ns_join(&step, process);
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void measure(const char *name, const struct process *process,
		    void (*join)(const struct process *), double *times)
{
	for (int i = 0; i < RUNS; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			double began;

			now();
			began = now();
			join(process);
			times[i] = now() - began;
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
			fail(NULL, "%s failed\n", name);
	}
	qsort(times, RUNS, sizeof(*times), compare);
	printf("| %s | %.1f | %.1f | %.1f |\n", name, times[0], times[RUNS / 2],
	       times[RUNS * 9 / 10]);
	fflush(stdout);
}

int main(void)
{
	double *times = mmap(NULL, RUNS * sizeof(*times), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct process process;

	if (times == MAP_FAILED)
		fail(NULL, "memory: %m\n");
	if (process_note(&process, container(), getuid()) < 0)
		fail(NULL, "note the container: %m\n");
	puts("| entering a container | least | median | 90 % | (microseconds of process time, bar "
	     "20)\n|---|---|---|---|");
	fflush(stdout);
	measure("two files of /proc, two setns", &process, by_files, times);
	measure("the plugin", &process, by_plugin, times);
	process.number = 0;
	measure("the plugin, without pidfd numbers (Linux 5.8 to 6.8)", &process, by_plugin, times);
	kill(process.pid, SIGKILL);
	return 0;
}
