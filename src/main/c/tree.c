/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a directory with all that is in it. */
#include "berth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_to_remove(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, flags);
	/* Layers may have directories that their owner cannot write. */
	if (fd >= 0)
		fchmod(fd, 0700);
	return fd;
}

/* A name that is free in top, for a directory that was deeper down. */
static const char *lift(int from, const char *name, int top)
{
	static unsigned long long lifted;
	static char free_name[48];

	struct stat status;

	do
		snprintf(free_name, sizeof(free_name), ".berth-removed-%llu", lifted++);
	while (fstatat(top, free_name, &status, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(from, name, top, free_name) < 0 ? NULL : free_name;
}

/*
 * Removes what is in a directory. The directories in it are moved up to top first: so nothing is
 * ever deeper than two, and neither the stack nor the number of descriptors grows with a tree that
 * is thousands of directories deep.
 *
 * Returns whether one was moved.
 */
static bool empty_directory(int fd, int top)
{
	DIR *directory = fdopendir(fd);
	bool lifted = false;

	if (!directory) {
		close(fd);
		return false;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		const char *name = entry->d_name;
		scoped_fd inner = -1;

		if (!strcmp(name, ".") || !strcmp(name, "..") || unlinkat(fd, name, 0) == 0 ||
		    unlinkat(fd, name, AT_REMOVEDIR) == 0)
			continue;
		/* A directory that gets another parent has to be writable itself. */
		inner = open_to_remove(fd, name);
		if (inner >= 0 && lift(fd, name, top))
			lifted = true;
	}
	closedir(directory);
	return lifted;
}

void remove_tree(const char *path)
{
	scoped_fd top = open_to_remove(AT_FDCWD, path);
	bool left = top >= 0;

	while (left) {
		DIR *directory = fdopendir(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

		left = false;
		if (!directory)
			break;
		for (struct dirent *entry; (entry = readdir(directory));) {
			const char *name = entry->d_name;
			int fd;

			if (!strcmp(name, ".") || !strcmp(name, "..") ||
			    unlinkat(top, name, 0) == 0)
				continue;
			fd = open_to_remove(top, name);
			if (fd >= 0)
				left |= empty_directory(fd, top);
			unlinkat(top, name, AT_REMOVEDIR);
		}
		closedir(directory);
	}
	unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
