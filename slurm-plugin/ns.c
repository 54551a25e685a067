/* SPDX-License-Identifier: Apache-2.0 */
/* Entering the namespaces of a process. */
#include "berth_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum {
	START_TIME_FIELD = 22,	       /* proc(5) */
	PROCESS_FS_MAGIC = 0x50494446, /* linux/magic.h: PID_FS_MAGIC */
	USERS = 0,		       /* places in the table of kinds */
	MOUNTS = 4,
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

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

unsigned long long process_start_time(pid_t pid)
{
	scoped_fd directory = open_process(pid);

	return directory < 0 ? 0 : start_time_in(directory);
}

static const struct {
	const char *file; /* below /proc/PID */
	int flag;
} kinds[] = {
	[USERS] = {"ns/user", CLONE_NEWUSER},
	{"ns/ipc", CLONE_NEWIPC},
	{"ns/uts", CLONE_NEWUTS},
	{"ns/net", CLONE_NEWNET},
	[MOUNTS] = {"ns/mnt", CLONE_NEWNS},
};

/* Unlike a number in use again: unique for as long as the machine is up. 0 where the kernel gives
 * all processes one (before Linux 6.9). */
static uint64_t unique_number(int pidfd)
{
	struct statfs system;
	struct stat status;

	if (pidfd < 0 || fstatfs(pidfd, &system) < 0 || system.f_type != PROCESS_FS_MAGIC ||
	    fstat(pidfd, &status) < 0)
		return 0;
	return status.st_ino;
}

/* Of a directory of /proc. */
static bool is_own(int directory, const char *namespace)
{
	struct stat its, ours;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/%s", namespace);
	return fstatat(directory, namespace, &its, 0) == 0 && stat(path, &ours) == 0 &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

void process_note(struct process *process, pid_t pid)
{
	scoped_fd pidfd = open_pidfd(pid);
	scoped_fd directory = open_process(pid);

	process->pid = pid;
	process->number = unique_number(pidfd);
	process->start_time = directory < 0 ? 0 : start_time_in(directory);
	process->namespaces = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (directory >= 0 && !is_own(directory, kinds[i].file))
			process->namespaces |= kinds[i].flag;
}

/* A new member of a user namespace has all capabilities in it: the container's programs get none,
 * as they would from the command line. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	return (int)syscall(SYS_capset, &header, none);
}

static int fail_ended(const struct step *step, const struct process *process)
{
	return fail(step, "the container has ended (process %d)", (int)process->pid);
}

/* One call, which enters all of them or none (Linux 5.8). 1 if the kernel does not have it. */
static int join_by_pidfd(const struct step *step, const struct process *process)
{
	scoped_fd pidfd = open_pidfd(process->pid);
	struct stat status;
	int error;

	if (pidfd < 0)
		return 1;
	/* Two files of /proc cost more than the join. */
	if (process->number ? fstat(pidfd, &status) < 0 || status.st_ino != process->number
			    : process_start_time(process->pid) != process->start_time)
		return fail_ended(step, process);
	if (setns(pidfd, process->namespaces) == 0)
		return 0;
	error = errno;
	if (error == EINVAL)
		return 1;
	if (error == ESRCH)
		return fail_ended(step, process);
	errno = error;
	return fail(step, "enter the container's namespaces: %m");
}

static bool is_same(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * Where tasks have an id of their own, the process is in a user namespace below that to which its
 * mounts belong, and from there the mounts cannot be entered any more: the outer one, the others,
 * then the inner one. Otherwise the user namespace gives the right to enter the others.
 */
static int enter_files(const struct process *process, const int *files)
{
	scoped_fd owner = ioctl(files[MOUNTS], NS_GET_USERNS);
	scoped_fd own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	bool nested = owner >= 0 && !is_same(owner, files[USERS]) && !is_same(owner, own);

	if (nested && setns(owner, CLONE_NEWUSER) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((process->namespaces & kinds[i].flag) && !(nested && i == USERS) &&
		    setns(files[i], kinds[i].flag) < 0)
			return -1;
	return nested ? setns(files[USERS], CLONE_NEWUSER) : 0;
}

static int join_by_files(const struct step *step, const struct process *process)
{
	scoped_fd directory = open_process(process->pid);
	int files[ARRAY_SIZE(kinds)];
	int result = 0;

	/* All are opened before one is entered: afterwards /proc may be another. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		files[i] =
			directory < 0 ? -1 : openat(directory, kinds[i].file, O_RDONLY | O_CLOEXEC);
	if (directory < 0 || start_time_in(directory) != process->start_time)
		result = fail_ended(step, process);
	else if (enter_files(process, files) < 0)
		result = fail(step, "enter the container's namespaces: %m");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		close_descriptor(&files[i]);
	return result;
}

int ns_join(const struct step *step, const struct process *process)
{
	bool root = getuid() == 0; /* on the host */
	int result = join_by_pidfd(step, process);

	if (result > 0)
		result = join_by_files(step, process);
	if (result < 0)
		return -1;
	/* As root of the container's namespaces the tasks keep their capabilities there. */
	if (!root && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(step, "give up new privileges: %m");
	if (getuid() != 0 && drop_capabilities() < 0)
		return fail(step, "give up capabilities: %m");
	return 0;
}
