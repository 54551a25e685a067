/* SPDX-License-Identifier: Apache-2.0 */
#include "processes.h"

#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum {
	START_TIME_FIELD = 22,	       /* proc_pid_stat(5) */
	PROCESS_FS_MAGIC = 0x50494446, /* linux/magic.h: PID_FS_MAGIC */
	TEXT_SIZE = 8192,
	IDS = 4, /* real, effective, saved, of the file system */
};

int process_directory(pid_t pid)
{
	char path[32] = "/proc/self";

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* What fits of a file, closed by a NUL. Returns its length; -1 with errno. */
static ssize_t read_start(int directory, const char *name, char *text, size_t size)
{
	scoped_fd fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	ssize_t got = 1;

	text[0] = '\0';
	if (fd < 0)
		return -1;
	while (length < size - 1 && got > 0) {
		got = read(fd, text + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	}
	text[length] = '\0';
	return got < 0 ? -1 : (ssize_t)length;
}

uint64_t process_start_time(int directory)
{
	char text[TEXT_SIZE];
	const char *at;

	if (read_start(directory, "stat", text, sizeof(text)) < 0)
		return 0;
	/* The name, in parentheses, may hold anything. */
	at = strrchr(text, ')');
	if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return 0;
	for (int field = 2; at && field < START_TIME_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

bool process_is_of_user(int directory, uid_t uid)
{
	char text[TEXT_SIZE];
	const char *line;
	char *rest;

	/* Not by the directory's owner, who is root for a process that cannot be traced. A name in
	 * the first line is escaped. */
	if (read_start(directory, "status", text, sizeof(text)) < 0)
		return false;
	line = strstr(text, "\nUid:\t");
	if (!line)
		return false;
	line += strlen("\nUid:\t");
	for (int i = 0; i < IDS; i++, line = rest) {
		unsigned long id = strtoul(line, &rest, 10);

		if (rest == line || id != uid)
			return false;
	}
	return true;
}

bool process_is_in_our_groups(int directory)
{
	scoped_fd own = process_directory(0);
	char its[TEXT_SIZE], ours[TEXT_SIZE];
	ssize_t length;

	if (own < 0)
		return false;
	length = read_start(own, "cgroup", ours, sizeof(ours));
	if (length < 0)
		return errno == ENOENT; /* a kernel without control groups */
	return length < TEXT_SIZE - 1 &&
	       read_start(directory, "cgroup", its, sizeof(its)) == length && !strcmp(its, ours);
}

int process_descriptor(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

uint64_t process_identity(int pidfd)
{
	struct statfs system;
	struct stat status;

	if (pidfd < 0 || fstatfs(pidfd, &system) < 0 || system.f_type != PROCESS_FS_MAGIC ||
	    fstat(pidfd, &status) < 0)
		return 0;
	return status.st_ino;
}
