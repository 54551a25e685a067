/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a directory that is taken for the root. An image is not trusted: whatever its
 * symbolic links say, nothing outside it is reached. What exists is opened by openat2; where a
 * kernel or a seccomp filter has none, and where something is to be made, the path is walked
 * component by component.
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum {
	RESOLVE_NO_MAGICLINKS = 0x02,
	RESOLVE_IN_ROOT = 0x10,
	LINKS_LIMIT = 40,
};

struct open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

/* A walk: what exists of a path, without symbolic links, and what is missing below. */
struct walk {
	int root;
	int fd;	       /* O_PATH of the last that exists */
	char *done;    /* its path: "" is the root, else "/a/b" */
	char *missing; /* "" when all exists, else "c/d" */
};

struct fd_path fd_path(int fd)
{
	struct fd_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

static void move_to(struct walk *walk, int fd)
{
	if (walk->fd >= 0)
		close(walk->fd);
	walk->fd = fd;
}

static int open_component(int directory, const char *name)
{
	return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int to_root(struct walk *walk)
{
	int fd = open_component(walk->root, ".");

	if (fd < 0)
		return -1;
	move_to(walk, fd);
	walk->done[0] = '\0';
	return 0;
}

/* ".." by its meaning inside the root: the parent by name, opened again from the root down. */
static int to_parent(struct walk *walk)
{
	char *path = copy(walk->done);
	char *last = strrchr(path, '/');
	int result = to_root(walk);

	if (last)
		*last = '\0';
	for (char *name = strtok(path, "/"); name && result == 0; name = strtok(NULL, "/")) {
		int fd = open_component(walk->fd, name);

		if (fd < 0) {
			result = -1;
			break;
		}
		move_to(walk, fd);
		strcat(strcat(walk->done, "/"), name);
	}
	free(path);
	return result;
}

static char *link_target(int fd)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(fd, "", target, sizeof(target) - 1);

	if (length < 0)
		return NULL;
	target[length] = '\0';
	return copy(target);
}

static int walk_path(struct walk *walk, int root, const char *path)
{
	char *todo = copy(path);
	unsigned int links = 0;
	struct stat status = {0};

	walk->root = root;
	walk->fd = -1;
	walk->done = allocate(PATH_MAX, 1);
	walk->missing = copy("");
	if (to_root(walk) < 0)
		return -1;
	for (char *at = todo;;) {
		char name[NAME_MAX + 1];
		size_t length;
		int fd;

		at += strspn(at, "/");
		if (!*at)
			return 0;
		length = strcspn(at, "/");
		if (length > NAME_MAX || strlen(walk->done) + 1 + length >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, at, length);
		name[length] = '\0';
		at += length;
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			if (to_parent(walk) < 0)
				return -1;
			continue;
		}
		fd = open_component(walk->fd, name);
		if (fd < 0 && errno == ENOENT) {
			walk->missing = text("%s%s", name, at);
			return 0;
		}
		if (fd < 0 || fstat(fd, &status) < 0)
			return -1;
		if (S_ISLNK(status.st_mode)) {
			char *target = link_target(fd);

			close(fd);
			if (!target)
				return -1;
			if (++links > LINKS_LIMIT) {
				errno = ELOOP;
				return -1;
			}
			if (target[0] == '/' && to_root(walk) < 0)
				return -1;
			todo = at = text("%s%s", target, at);
			continue;
		}
		if (!S_ISDIR(status.st_mode) && *at) {
			close(fd);
			errno = ENOTDIR;
			return -1;
		}
		move_to(walk, fd);
		strcat(strcat(walk->done, "/"), name);
	}
}

int open_inside(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	struct walk walk;
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	/* EPERM: a seccomp filter that does not know the call. EAGAIN: something was renamed. */
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
		return fd;
	if (walk_path(&walk, root, path) < 0)
		return -1;
	if (*walk.missing) {
		close(walk.fd);
		errno = ENOENT;
		return -1;
	}
	return walk.fd;
}

/* Makes one component, or finds that another process has just made it; opens it. */
static int make_component(int parent, const char *name, enum kind kind, mode_t mode)
{
	if (kind == KIND_DIRECTORY) {
		if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
			return -1;
	} else {
		scoped_fd fd = openat(parent, name,
				      O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOCTTY, mode);

		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	return open_component(parent, name);
}

/* Makes the components of path below from, which is closed; opens the last. */
static int make_below(int from, const char *path, enum kind kind, mode_t mode)
{
	while (*path) {
		char name[NAME_MAX + 1];
		size_t length = strcspn(path, "/");
		const char *next = path + length + strspn(path + length, "/");
		bool last = !*next;
		int fd;

		if (length > NAME_MAX) {
			close(from);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, length);
		name[length] = '\0';
		path = next;
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			/* Below something that does not exist. */
			close(from);
			errno = ENOENT;
			return -1;
		}
		fd = make_component(from, name, last ? kind : KIND_DIRECTORY, last ? mode : 0755);
		close_descriptor(&from);
		if (fd < 0)
			return -1;
		from = fd;
	}
	return from;
}

int make_inside(int root, const char *path, enum kind kind, mode_t mode)
{
	struct walk walk;

	if (walk_path(&walk, root, path) < 0)
		return -1;
	return make_below(walk.fd, walk.missing, kind, mode);
}

/* The directories of path in skel, with the modes they have in image. */
static int copy_directories(int image, int skel, const char *path)
{
	int fd = open_component(skel, ".");

	for (const char *end = path; fd >= 0 && *end;) {
		struct stat status;
		char *prefix, *name;
		int child = -1;

		end += 1 + strcspn(end + 1, "/");
		prefix = text("%.*s", (int)(end - path), path);
		name = strrchr(prefix, '/') + 1;
		if (fstatat(image, prefix + 1, &status, AT_SYMLINK_NOFOLLOW) == 0)
			child = make_component(fd, name, KIND_DIRECTORY, status.st_mode & 07777);
		free(prefix);
		close_descriptor(&fd);
		fd = child;
	}
	return fd;
}

int make_beside(int image, int skel, const char *path, enum kind kind, bool always)
{
	struct walk walk;
	struct stat status;
	int fd;

	if (walk_path(&walk, image, path) < 0)
		return -1;
	if (!*walk.missing) {
		bool file = fstat(walk.fd, &status) == 0 && !S_ISDIR(status.st_mode);

		close(walk.fd);
		if (!always)
			return 0;
		if (file)
			*strrchr(walk.done, '/') = '\0';
		fd = copy_directories(image, skel, walk.done);
	} else {
		close(walk.fd);
		fd = copy_directories(image, skel, walk.done);
		if (fd >= 0)
			fd = make_below(fd, walk.missing, kind,
					kind == KIND_DIRECTORY ? 0755 : 0644);
	}
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int make_link_inside(int root, const char *path, const char *target)
{
	struct walk walk;
	char *name;

	if (walk_path(&walk, root, path) < 0)
		return -1;
	if (*walk.missing) {
		scoped_fd parent = -1;

		name = strrchr(walk.missing, '/');
		parent = name ? make_below(walk.fd,
					   text("%.*s", (int)(name - walk.missing), walk.missing),
					   KIND_DIRECTORY, 0755)
			      : walk.fd;
		name = name ? name + 1 : walk.missing;
		if (parent < 0 || (symlinkat(target, parent, name) < 0 && errno != EEXIST))
			return -1;
		return 0;
	}
	close(walk.fd);
	return 0;
}
