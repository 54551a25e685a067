/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squashfs image through a FUSE server.
 *
 * /dev/fuse is opened inside the user namespace that mounts it, else the mount is refused
 * (EINVAL). The server stays outside the mount namespace: it then holds no use of its own mount,
 * and the kernel ends it when the last process that uses the mount is gone. So it needs no
 * supervisor, and the payload no child that it did not start.
 *
 * An image may be made to break its reader: the server is confined (confine.c).
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FUSE = 0,
	GO = 1,
	WORDS = 2
};

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static _Noreturn void run_server(const struct step *step)
{
	const char *image = step->words[0];
	const char *server = step->words[2];
	char *const argv[] = {
		copy(base_name(server)),
		"-f",
		"-o",
		text("offset=%s", step->words[1]),
		copy(image),
		text("/dev/fd/%d", OUTSIDE_FD), /* libfuse: it is mounted already */
		NULL,
	};
	/* The caller's LD_LIBRARY_PATH is for the caller's programs. */
	static char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	static const int ignored[] = {SIGHUP,  SIGINT,	SIGQUIT, SIGTERM, SIGUSR1,
				      SIGUSR2, SIGALRM, SIGXCPU, SIGPIPE};

	/* A batch system signals whatever runs in a job's cgroup. A program that handles TERM needs
	 * its files to the end; the kernel ends the server after it. */
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	confine(server, OUTSIDE_FD + 1, image);
	execve(server, argv, environment);
	dprintf(STDERR_FILENO, "%s: %s", server, why(errno));
	_exit(127);
}

void before_image_squash(struct context *context, struct step *step)
{
	scoped_fd image = open(step->words[0], O_RDONLY | O_CLOEXEC);
	int kept[2];
	pid_t pid;

	if (image < 0)
		die_errno("image %s", step->words[0]);
	require_identity(image, step, 3);
	step->fds[FUSE] = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (step->fds[FUSE] < 0)
		die_errno("image %s: open /dev/fuse", step->words[0]);
	kept[0] = step->fds[FUSE];
	kept[1] = image;
	if (start_outside(kept, 2, &step->fds[GO], &step->fds[WORDS], &pid))
		run_server(step);
	add_helper(context, pid);
}

void op_image_squash(struct context *context, struct step *step)
{
	const char *image = step->words[0];
	const char *server = base_name(step->words[2]);
	scoped_fd at = openat(need_session(context), "image", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;
	/* default_permissions: the kernel checks modes, as on any filesystem. allow_other: ids may
	 * change inside; who is outside the user namespace is kept out all the same. */
	const char *data = text("fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,"
				"default_permissions",
				step->fds[FUSE], (unsigned int)geteuid(), (unsigned int)getegid());

	if (at < 0)
		die_errno("open image in the session directory");
	if (mount(server, fd_path(at).text, text("fuse.%s", server),
		  MS_RDONLY | MS_NOSUID | MS_NODEV, data) < 0)
		die_mount(text("image %s: mount it through FUSE", image));
	if (write_all(step->fds[GO], "", 1) < 0)
		die_errno("image %s: start %s", image, server);
	close(step->fds[GO]);
	/* From here on only the server has it: if the server dies, requests fail at once. */
	close(step->fds[FUSE]);
	image_is_mounted(context);
	if (context->image_fd < 0 || fstat(context->image_fd, &status) < 0) {
		const char *words = last_words(step->fds[WORDS]);

		die("image %s: the squashfs server cannot read it: %s", image,
		    *words ? words : why(errno));
	}
	close(step->fds[WORDS]);
}
