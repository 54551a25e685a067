/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in the root: binds, and file systems of their own. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool is_directory(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The words that bind, bind-session and mount have in common. */
struct target {
	const char *path;
	const char *source; /* as the plan names it */
	const char *missing;
	const char *what;
};

static bool warns(const struct target *target)
{
	return !strcmp(target->missing, "warn") || !strcmp(target->missing, "try");
}

/* The mount point, made if the plan says so; -1: this mount is left out. */
static int open_target(struct context *context, const struct target *target, enum kind kind)
{
	int root = need_root(context);
	int fd = open_inside(root, target->path);
	int error = errno;

	if (target->path[strspn(target->path, "/.")] == '\0')
		die("%s %s: the container's root is no mount point", target->what, target->source);
	if (fd < 0 && (!strcmp(target->missing, "create") || !strcmp(target->missing, "try"))) {
		fd = make_inside(root, target->path, kind, kind == KIND_DIRECTORY ? 0755 : 0644);
		if (fd < 0)
			error = errno;
		if (fd < 0 && !strcmp(target->missing, "create"))
			die_errno("%s %s: make mount point %s", target->what, target->source,
				  target->path);
	}
	if (fd < 0 && !strcmp(target->missing, "fail")) {
		if (error == ENOENT)
			die("%s %s: destination %s doesn't exist in container", target->what,
			    target->source, target->path);
		errno = error;
		die_errno("%s %s: destination %s", target->what, target->source, target->path);
	}
	if (fd < 0 && warns(target)) {
		if (error == ENOENT)
			say(LEVEL_WARNING, "Skipping mount %s [%s]: %s doesn't exist in container",
			    target->source, target->what, target->path);
		else
			say(LEVEL_WARNING, "Skipping mount %s [%s]: %s: %s", target->source,
			    target->what, target->path, why(error));
	}
	if (fd < 0)
		return -1;
	if (is_directory(fd) == (kind == KIND_DIRECTORY))
		return fd;
	close(fd);
	if (!warns(target) && strcmp(target->missing, "skip"))
		die("%s %s: cannot mount a %s on the %s %s", target->what, target->source,
		    kind == KIND_DIRECTORY ? "directory" : "file",
		    kind == KIND_DIRECTORY ? "file" : "directory", target->path);
	say(LEVEL_WARNING, "Skipping mount %s [%s]: a %s cannot be mounted on the %s %s",
	    target->source, target->what, kind == KIND_DIRECTORY ? "directory" : "file",
	    kind == KIND_DIRECTORY ? "file" : "directory", target->path);
	return -1;
}

static _Noreturn void die_target(const struct target *target, const char *what)
{
	die_errno("%s %s to %s: %s", target->what, target->source, target->path, what);
}

/* Mount points in what is about to become read-only. One that cannot be made is told of by what is
 * to be mounted there. */
static void make_points(const struct context *context, char *const *points, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *path = copy(points[i]);
		size_t length = strlen(path);
		enum kind kind = path[length - 1] == '/' ? KIND_DIRECTORY : KIND_FILE;
		int fd;

		if (kind == KIND_DIRECTORY)
			path[length - 1] = '\0';
		fd = make_inside(context->root_fd, path, kind,
				 kind == KIND_DIRECTORY ? 0755 : 0644);
		if (fd >= 0)
			close(fd);
		free(path);
	}
}

/*
 * The options go to the mount that was made, by its descriptor: the image may be a directory that
 * another user changes, and by the path another mount would be found. Kernels that give no
 * descriptor (before Linux 5.2) have to look, and then it must be the source that is seen there.
 *
 * points: count paths in the target, see make_points.
 */
static void bind(struct context *context, int source, const struct target *target,
		 const struct mount_options *options, char *const *points, size_t count)
{
	scoped_fd at =
		open_target(context, target, is_directory(source) ? KIND_DIRECTORY : KIND_FILE);
	scoped_fd mounted = -1;

	if (at < 0)
		return;
	mounted = attach(source, at, options->recursive);
	if (mounted < 0 && errno)
		die_mount(text("%s %s to %s", target->what, target->source, target->path));
	make_points(context, points, count);
	if (!options->flags)
		return;
	if (mounted < 0) {
		mounted = open_inside(context->root_fd, target->path);
		if (mounted < 0)
			die_target(target, "set mount options");
		if (!is_same_file(mounted, source))
			die("%s %s to %s: the mount point was exchanged meanwhile", target->what,
			    target->source, target->path);
	}
	if (restrict_mount(mounted, options) < 0)
		die_target(target, "set mount options");
}

static void bind_words(struct context *context, struct step *step, int source)
{
	const struct target target = {
		.source = step->words[0],
		.path = step->words[1],
		.missing = step->words[3],
		.what = step->words[4],
	};
	struct mount_options options;
	int error = errno;

	parse_options(step->words[2], &options);
	if (source >= 0) {
		bind(context, source, &target, &options, step->words + 5, step->count - 5);
	} else if (warns(&target)) {
		say(LEVEL_WARNING, "skipping mount of %s: stat %s: %s", target.source,
		    target.source, why(error));
	} else if (strcmp(target.missing, "skip")) {
		if (error == ENOENT)
			die("%s %s to %s: mount source %s doesn't exist", target.what,
			    target.source, target.path, target.source);
		errno = error;
		die_errno("%s %s to %s: mount source", target.what, target.source, target.path);
	}
}

void op_bind(struct context *context, struct step *step)
{
	scoped_fd source = open(step->words[0], O_PATH | O_CLOEXEC);

	bind_words(context, step, source);
}

void op_bind_session(struct context *context, struct step *step)
{
	scoped_fd source = open_inside(need_session(context), step->words[0]);

	bind_words(context, step, source);
}

void bind_session_file(struct context *context, const char *source, const char *target_path)
{
	scoped_fd fd = open_inside(need_session(context), source);
	const struct target target = {
		.source = source,
		.path = target_path,
		.missing = "fail",
		.what = "bind",
	};
	const struct mount_options options = {.flags = MS_NOSUID | MS_NODEV};

	if (fd < 0)
		die_errno("open %s in the session directory", source);
	bind(context, fd, &target, &options, NULL, 0);
}

void op_mount(struct context *context, struct step *step)
{
	const char *type = step->words[0];
	const char *data = step->words[4];
	const struct target target = {
		.source = type,
		.path = step->words[2],
		.missing = step->words[5],
		.what = step->words[6],
	};
	struct mount_options options;
	scoped_fd at = open_target(context, &target, KIND_DIRECTORY);

	parse_options(step->words[3], &options);
	if (at < 0)
		return;
	if (mount(*step->words[1] ? step->words[1] : type, fd_path(at).text, type, options.flags,
		  *data ? data : NULL) < 0)
		die_mount(text("%s: mount %s on %s", target.what, type, target.path));
}
