/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the namespaces of a process. */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	START_TIME_FIELD = 22, /* proc(5) */
};

/* Of a process by its directory in /proc; 0 if it has ended. */
static unsigned long long start_time_in(int directory)
{
	scoped_fd fd = openat(directory, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	if (length <= 0)
		return 0;
	text[length] = '\0';
	/* The name, in parentheses, may hold anything. */
	at = strrchr(text, ')');
	if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return 0;
	for (int field = 2; at && field < START_TIME_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static int open_process(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

unsigned long long process_start_time(pid_t pid)
{
	scoped_fd directory = open_process(pid);

	return directory < 0 ? 0 : start_time_in(directory);
}

static bool is_own(int namespace, const char *path)
{
	struct stat its, ours;

	return fstat(namespace, &its) == 0 && stat(path, &ours) == 0 && its.st_dev == ours.st_dev &&
	       its.st_ino == ours.st_ino;
}

/* A new member of a user namespace has all capabilities in it: the container's programs get none,
 * as they would from the command line. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

int ns_join(const struct step *step, const struct process *process)
{
	scoped_fd directory = open_process(process->pid);
	scoped_fd user = -1;
	scoped_fd mount = -1;

	if (directory >= 0) {
		user = openat(directory, "ns/user", O_RDONLY | O_CLOEXEC);
		mount = openat(directory, "ns/mnt", O_RDONLY | O_CLOEXEC);
	}
	if (user < 0 || mount < 0 || start_time_in(directory) != process->start_time)
		return fail(step, "the container has ended (process %d)", (int)process->pid);
	/* Root's container has no user namespace of its own, and none is entered twice. */
	if (!is_own(user, "/proc/self/ns/user") && setns(user, CLONE_NEWUSER) < 0)
		return fail(step, "enter the container's user namespace: %m");
	if (setns(mount, CLONE_NEWNS) < 0)
		return fail(step, "enter the container's mount namespace: %m");
	if (getuid() != 0 && drop_capabilities() < 0)
		return fail(step, "give up capabilities: %m");
	return 0;
}
