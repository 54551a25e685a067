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
#include <unistd.h>

/* Places in the table of kinds. */
enum {
	USERS = 0,
	MOUNTS = 4,
};

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

/* Of a directory of /proc. */
static bool is_own(int directory, const char *namespace)
{
	struct stat its, ours;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/%s", namespace);
	return fstatat(directory, namespace, &its, 0) == 0 && stat(path, &ours) == 0 &&
	       its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* Of a directory of /proc. */
static bool is_of_step(int directory, uint64_t start_time, uid_t uid)
{
	scoped_fd own = process_directory(0);

	return start_time && own >= 0 && start_time >= process_start_time(own) &&
	       process_is_of_user(directory, uid) && process_is_in_our_groups(directory);
}

int process_note(struct process *process, pid_t pid, uid_t uid)
{
	scoped_fd pidfd = process_descriptor(pid);
	scoped_fd directory = process_directory(pid);

	*process = (struct process){.pid = pid, .number = process_identity(pidfd)};
	if (directory < 0)
		return -1;
	process->start_time = process_start_time(directory);
	/* 0 would be this process. */
	if (pid < 1 || !is_of_step(directory, process->start_time, uid)) {
		errno = EPERM;
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!is_own(directory, kinds[i].file))
			process->namespaces |= kinds[i].flag;
	return 0;
}

static bool has_start_time(const struct process *process)
{
	scoped_fd directory = process_directory(process->pid);

	return directory >= 0 && process_start_time(directory) == process->start_time;
}

bool process_has_ended(const struct process *process)
{
	return !has_start_time(process);
}

int process_open(const struct process *process, bool *ended)
{
	int pidfd = process_descriptor(process->pid);

	if (pidfd < 0) {
		*ended = process_has_ended(process);
		return -1;
	}
	/* Two files of /proc cost more than a join. */
	*ended = process->number ? process_identity(pidfd) != process->number
				 : process_has_ended(process);
	return pidfd;
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
	bool ended;
	scoped_fd pidfd = process_open(process, &ended);
	int error;

	if (pidfd < 0)
		return 1;
	if (ended)
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
	scoped_fd directory = process_directory(process->pid);
	int files[ARRAY_SIZE(kinds)];
	int result = 0;

	/* All are opened before one is entered: afterwards /proc may be another. */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		files[i] =
			directory < 0 ? -1 : openat(directory, kinds[i].file, O_RDONLY | O_CLOEXEC);
	if (directory < 0 || process_start_time(directory) != process->start_time)
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
