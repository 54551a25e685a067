/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mount onto a descriptor, and its flags.
 *
 * Sources and targets are descriptors: what was looked at is what is mounted. The mount calls of
 * Linux 5.2 and 5.12 are used where they are; kernels without them, and seccomp filters that
 * refuse them (ENOSYS as well as EPERM), get mount(2) on /proc/self/fd.
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* Of the kernel's headers, which musl does not have. */
enum {
	TREE_CLONE = 1,
	TREE_RECURSIVE = 0x8000,  /* AT_RECURSIVE */
	MOVE_FROM_EMPTY = 0x0004, /* MOVE_MOUNT_F_EMPTY_PATH */
	MOVE_TO_EMPTY = 0x0040,	  /* MOVE_MOUNT_T_EMPTY_PATH */
	ATTRIBUTE_RDONLY = 1,
	ATTRIBUTE_NOSUID = 2,
	ATTRIBUTE_NODEV = 4,
	ATTRIBUTE_NOEXEC = 8,
};

struct mount_attributes {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t user_namespace;
};

static bool call_is_absent(void)
{
	return errno == ENOSYS || errno == EPERM;
}

static uint64_t attributes_of(unsigned long flags)
{
	return (flags & MS_RDONLY ? ATTRIBUTE_RDONLY : 0) |
	       (flags & MS_NOSUID ? ATTRIBUTE_NOSUID : 0) |
	       (flags & MS_NODEV ? ATTRIBUTE_NODEV : 0) |
	       (flags & MS_NOEXEC ? ATTRIBUTE_NOEXEC : 0);
}

/* A remount names all flags anew, and in a user namespace none that was there may be missing. */
static int remount(const char *path, unsigned long flags)
{
	static const struct {
		unsigned long status;
		unsigned long flag;
	} kept[] = {
		{ST_RDONLY, MS_RDONLY},	    {ST_NOSUID, MS_NOSUID},
		{ST_NODEV, MS_NODEV},	    {ST_NOEXEC, MS_NOEXEC},
		{ST_NOATIME, MS_NOATIME},   {ST_NODIRATIME, MS_NODIRATIME},
		{ST_RELATIME, MS_RELATIME},
	};
	struct statvfs status;

	if (statvfs(path, &status) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (status.f_flag & kept[i].status)
			flags |= kept[i].flag;
	return mount("none", path, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
}

static int remount_below(int fd, unsigned long flags)
{
	char top[PATH_MAX];
	ssize_t length = readlink(fd_path(fd).text, top, sizeof(top) - 1);
	char *mounts = read_mounts();
	struct mount_line mount;

	if (length < 0 || !mounts)
		return -1;
	while (next_mount(&mounts, &mount)) {
		if (strncmp(mount.point, top, (size_t)length) || mount.point[length] != '/')
			continue;
		/* Another user's FUSE mount, or one that is hidden by a later one: nothing in it
		 * can be reached by this way either. */
		if (remount(mount.point, flags) < 0 && errno != EACCES && errno != ENOENT &&
		    errno != EINVAL)
			return -1;
	}
	return 0;
}

int restrict_mount(int fd, const struct mount_options *options)
{
	struct mount_attributes attributes = {.set = attributes_of(options->flags)};
	unsigned int flags = AT_EMPTY_PATH | (options->recursive ? TREE_RECURSIVE : 0);

	if (!options->flags)
		return 0;
	if (syscall(SYS_mount_setattr, fd, "", flags, &attributes, sizeof(attributes)) == 0)
		return 0;
	if (!call_is_absent())
		return -1;
	if (remount(fd_path(fd).text, options->flags) < 0)
		return -1;
	return options->recursive ? remount_below(fd, options->flags) : 0;
}

int attach(int source, int target, bool recursive)
{
	unsigned int flags = TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH;
	int tree =
		(int)syscall(SYS_open_tree, source, "", flags | (recursive ? TREE_RECURSIVE : 0));

	if (tree >= 0 &&
	    syscall(SYS_move_mount, tree, "", target, "", MOVE_FROM_EMPTY | MOVE_TO_EMPTY) == 0)
		return tree;
	if (!call_is_absent())
		return -1;
	if (tree >= 0)
		close(tree);
	if (mount(fd_path(source).text, fd_path(target).text, NULL,
		  MS_BIND | (recursive ? MS_REC : 0), NULL) == 0)
		errno = 0;
	return -1;
}
