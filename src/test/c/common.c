/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of src/main/c/common, under the sanitizers:
 *   common close            opens descriptors far above its limit, closes them; prints what is left
 *   common start DIRECTORY  the start time of a process by a directory like one of /proc
 *   common user DIRECTORY UID   whether it is that user's
 *   common groups DIRECTORY     whether it is in our control groups
 *   common self             what is true of this process and of its children
 */
#include "common/descriptors.h"
#include "common/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HIGH = 70000, /* where the machine allows it */
};

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int close_all(void)
{
	const struct rlimit few = {16, 16};
	struct rlimit many;
	int left = 0, high;

	require(getrlimit(RLIMIT_NOFILE, &many) == 0, "getrlimit");
	many.rlim_cur = many.rlim_max;
	require(setrlimit(RLIMIT_NOFILE, &many) == 0, "setrlimit");
	high = many.rlim_max < HIGH ? (int)many.rlim_max - 1 : HIGH;
	/* More than one reading of the list, and beyond what the limit will be. */
	for (int fd = 10; fd < 2000; fd++)
		require(dup2(1, fd) == fd, "dup2");
	require(dup2(1, high) == high, "dup2");
	require(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
	require(close_from(5) == 0, "close_from");
	for (int fd = 0; fd <= high; fd++)
		left += fcntl(fd, F_GETFD) >= 0 && fd >= 5;
	printf("%d left, output %s\n", left, fcntl(1, F_GETFD) >= 0 ? "open" : "closed");
	return 0;
}

static int self(void)
{
	scoped_fd own = process_directory(0);
	pid_t child = fork();
	scoped_fd directory = -1;
	scoped_fd pidfd = -1, again = -1;

	require(child >= 0, "fork");
	if (child == 0) {
		pause();
		_exit(0);
	}
	directory = process_directory(child);
	pidfd = process_descriptor(child);
	again = process_descriptor(child);
	require(process_start_time(own) > 0, "our start");
	require(process_start_time(directory) >= process_start_time(own), "the child's start");
	require(process_is_of_user(own, getuid()), "our user");
	require(!process_is_of_user(own, getuid() + 1), "another user");
	require(process_is_in_our_groups(directory), "the child's control groups");
	require(process_identity(pidfd) == process_identity(again), "one identity");
	kill(child, SIGKILL);
	require(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0, "waitid");
	require(process_start_time(directory) == 0, "a zombie has ended");
	waitpid(child, NULL, 0);
	require(process_start_time(directory) == 0, "a process that is gone has ended");
	require(!process_is_of_user(directory, getuid()), "a process that is gone is nobody's");
	require(!process_is_in_our_groups(directory), "a process that is gone is nowhere");
	require(process_directory(child) < 0 && process_descriptor(child) < 0, "no number");
	require(process_identity(-1) == 0, "no pidfd");
	puts("true");
	return 0;
}

int main(int argc, char **argv)
{
	scoped_fd directory = argc > 2 ? open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (argc == 2 && !strcmp(argv[1], "close"))
		return close_all();
	if (argc == 2 && !strcmp(argv[1], "self"))
		return self();
	if (argc == 3 && !strcmp(argv[1], "start"))
		printf("%llu\n", (unsigned long long)process_start_time(directory));
	else if (argc == 4 && !strcmp(argv[1], "user"))
		puts(process_is_of_user(directory, (uid_t)strtoul(argv[3], NULL, 10)) ? "yes"
										      : "no");
	else if (argc == 3 && !strcmp(argv[1], "groups"))
		puts(process_is_in_our_groups(directory) ? "yes" : "no");
	else
		return 2;
	return 0;
}
