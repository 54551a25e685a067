/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session directory and an image that is a directory in it. squash.c and loop.c have the other
 * kinds.
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* ---- the session ---- */

int need_session(const struct context *context)
{
	if (context->session_fd < 0)
		die("the plan has no session directory yet");
	return context->session_fd;
}

int attach_in_session(struct context *context, int source, const char *name,
		      const struct mount_options *options)
{
	scoped_fd target = openat(need_session(context), name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int mounted;

	if (target < 0)
		return -1;
	mounted = attach(source, target, options->recursive);
	/* Nobody else sees the session directory. */
	if (mounted < 0 && errno == 0)
		mounted = openat(context->session_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mounted < 0 || restrict_mount(mounted, options) < 0)
		return -1;
	return mounted;
}

void op_session(struct context *context, struct step *step)
{
	static const char *const directories[] = {"image", "skel", "upper", "work", "root"};
	const char *place = step->words[0];
	scoped_fd at = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *size = step->words[1];
	const char *data = strcmp(size, "half") == 0 ? "mode=755,size=50%"
			   : strcmp(size, "0") == 0  ? "mode=755,size=0"
						     : text("mode=755,size=%sk", size);

	if (context->session_fd >= 0)
		die("the plan has two session directories");
	if (at < 0)
		die_errno("session directory %s", place);
	if (mount("tmpfs", fd_path(at).text, "tmpfs", MS_NOSUID | MS_NODEV, data) < 0)
		die_mount(text("mount the session directory on %s", place));
	context->session_fd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (context->session_fd < 0)
		die_errno("session directory %s", place);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (mkdirat(context->session_fd, directories[i], 0755) < 0)
			die_errno("make %s in the session directory", directories[i]);
}

/* ---- images ---- */

void image_is_mounted(struct context *context)
{
	if (context->image_fd >= 0)
		die("the plan has two images");
	context->image_fd = openat(context->session_fd, "image", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void image_directory(struct context *context, int source, const char *path,
			    const struct mount_options *options)
{
	int mounted;

	if (source < 0)
		die_errno("image %s", path);
	mounted = attach_in_session(context, source, "image", options);
	if (mounted < 0)
		die_mount(text("bind image %s", path));
	close(mounted);
	image_is_mounted(context);
}

void op_image_dir(struct context *context, struct step *step)
{
	scoped_fd source = open(step->words[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mount_options options;
	int error = errno;

	parse_options(step->words[1], &options);
	errno = error;
	image_directory(context, source, step->words[0], &options);
}

void require_identity(int fd, const struct step *step, size_t at)
{
	struct stat status;
	const char *file;

	if (step->count <= at)
		return;
	if (fstat(fd, &status) < 0)
		die_errno("image %s", step->words[0]);
	file = text("%llu:%llu", (unsigned long long)status.st_dev,
		    (unsigned long long)status.st_ino);
	if (strcmp(step->words[at], file) &&
	    strcmp(step->words[at], text("%s:%lld%09ld", file, (long long)status.st_ctim.tv_sec,
					 status.st_ctim.tv_nsec)))
		die("image %s: it was exchanged or changed after it was looked at, and is not used",
		    step->words[0]);
}

static void wait_for_end(pid_t pid, int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	if (pidfd >= 0)
		while (poll(&end, 1, -1) < 0)
			;
	else /* Linux before 5.3 */
		while (kill(pid, 0) == 0)
			sleep(1);
}

/* The remover stays on the host, where it sees the directory but holds no mount, and outlives the
 * payload, which is this process or one that this process waits for. */
void before_image_temporary(struct context *context, struct step *step)
{
	pid_t launcher = getpid();
	scoped_fd pidfd = (int)syscall(SYS_pidfd_open, launcher, 0);
	scoped_fd directory = open(step->words[0], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int go = -1, words = -1;
	pid_t pid;

	if (directory < 0)
		die_errno("image %s", step->words[0]);
	require_identity(directory, step, 1);
	if (start_outside(&pidfd, pidfd < 0 ? 0 : 1, &go, &words, &pid)) {
		wait_for_end(launcher, pidfd < 0 ? -1 : OUTSIDE_FD);
		remove_tree(step->words[0]);
		_exit(0);
	}
	if (write_all(go, "", 1) < 0)
		die_errno("image %s: start its remover", step->words[0]);
	add_helper(context, pid);
	close(go);
	close(words);
}

void op_image_temporary(struct context *context, struct step *step)
{
	const struct mount_options options = {.flags = MS_NOSUID | MS_NODEV};
	scoped_fd directory = open(step->words[0], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	scoped_fd source = -1;

	if (directory < 0)
		die_errno("image %s", step->words[0]);
	require_identity(directory, step, 1);
	source = openat(directory, "root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	image_directory(context, source, step->words[0], &options);
}
