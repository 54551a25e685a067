/* SPDX-License-Identifier: Apache-2.0 */
/* The root of the container: the image, or an overlay on it; and making it the root. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int need_image(const struct context *context)
{
	if (context->image_fd < 0)
		die("the plan has no image yet");
	return context->image_fd;
}

int need_root(const struct context *context)
{
	if (context->root_fd < 0)
		die("the plan has no root yet");
	return context->root_fd;
}

void op_skeleton(struct context *context, struct step *step)
{
	enum kind kind = strcmp(step->words[1], "dir") ? KIND_FILE : KIND_DIRECTORY;
	scoped_fd skel = openat(need_session(context), "skel", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (skel < 0 ||
	    make_beside(need_image(context), skel, step->words[0], kind, step->count > 2) < 0)
		die_errno("make mount point %s", step->words[0]);
}

static void root_is_mounted(struct context *context)
{
	if (context->root_fd >= 0)
		die("the plan has two roots");
	context->root_fd = openat(context->session_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (context->root_fd < 0)
		die_errno("open the container's root");
}

void op_root_overlay(struct context *context, struct step *step)
{
	bool writable = !strcmp(step->words[0], "rw");
	const char *data =
		text("lowerdir=skel:image%s%s", writable ? ",upperdir=upper,workdir=work" : "",
		     in_initial_user_namespace() ? "" : ",userxattr");
	unsigned long flags = MS_NOSUID | MS_NODEV | (writable ? 0 : MS_RDONLY);

	need_image(context);
	/* Relative names: a session directory's path may hold what overlay takes for separators,
	 * and readers of /proc/mounts are spared it. pivot moves the working directory again. */
	if (chdir(fd_path(need_session(context)).text) < 0)
		die_errno("enter the session directory");
	if (mount("overlay", "root", "overlay", flags, data) < 0)
		die_mount("mount an overlay over the image");
	root_is_mounted(context);
}

/* Without them an overlay cannot tell a removed directory that was made anew from the image's. */
static void require_user_attributes(int upper, const char *path)
{
	const char *attribute = "user.berth";

	if (setxattr(fd_path(upper).text, attribute, "", 0, 0) == 0) {
		removexattr(fd_path(upper).text, attribute);
		return;
	}
	if (errno == EOPNOTSUPP)
		die("layer %s: its file system has no user extended attributes, which a layer "
		    "needs; ext4 and xfs do, tmpfs from Linux 6.6 on",
		    path);
	die_errno("layer %s: set an extended attribute", path);
}

static int open_layer(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		die_errno("layer %s", path);
	return fd;
}

/* The directories are given by descriptor: a path may hold what overlay takes for separators. */
void op_root_overlay_dir(struct context *context, struct step *step)
{
	bool writable = !strcmp(step->words[2], "rw");
	bool initial = in_initial_user_namespace();
	unsigned long flags = MS_NOSUID | MS_NODEV | (writable ? 0 : MS_RDONLY);
	scoped_fd upper = open_layer(step->words[0]);
	scoped_fd work = open_layer(step->words[1]);
	const char *lower = "skel";

	need_image(context);
	if (!initial)
		require_user_attributes(upper, step->words[0]);
	for (size_t i = 3; i < step->count; i++)
		lower = text("%s:%s", lower, fd_path(open_layer(step->words[i])).text);
	if (chdir(fd_path(need_session(context)).text) < 0)
		die_errno("enter the session directory");
	if (mount("overlay", "root", "overlay", flags,
		  text("lowerdir=%s:image,upperdir=%s,workdir=%s%s", lower, fd_path(upper).text,
		       fd_path(work).text, initial ? "" : ",userxattr")) < 0) {
		int error = errno;
		const char *reason = error == EPERM ? why_no_namespaces(error) : NULL;

		die("mount the layer %s over the image: %s; ordinary users' overlays need Linux "
		    "5.11, and a layer a file system of this machine (ext4, xfs), no NFS and no "
		    "overlay",
		    step->words[0], reason ? reason : why(error));
	}
	root_is_mounted(context);
}

void op_root_bind(struct context *context, struct step *step)
{
	const struct mount_options options = {
		.recursive = true,
		.flags = strcmp(step->words[0], "rw") ? MS_RDONLY : 0,
	};
	int mounted = attach_in_session(context, need_image(context), "root", &options);

	if (mounted < 0)
		die_mount("bind the image as the root");
	close(mounted);
	root_is_mounted(context);
}

void op_pivot(struct context *context, struct step *step)
{
	(void)step;
	if (fchdir(need_root(context)) < 0)
		die_errno("enter the container's root");
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		/* The host's tree now lies on top of the new root: off with it. */
		if (umount2(".", MNT_DETACH) < 0)
			die_errno("detach the host's tree");
	} else if (errno == EINVAL) {
		/* The host runs from its initial RAM disk, which cannot be pivoted away from. */
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
			die_errno("move the container's root to /");
	} else {
		die_errno("make the container's root /");
	}
	if (chdir("/") < 0)
		die_errno("enter the container's root");
}
