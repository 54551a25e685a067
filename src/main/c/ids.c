/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, the ids in them, and the privileges that are left. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- maps ---- */

/* One id: the kernel lets a process map its own. */
static bool is_own_id(const char *map)
{
	struct map_line line;

	return !*map || (next_map_line(&map, &line) && !*map && line.count == 1);
}

/* The kernel takes a map in one write only. */
static int write_at_once(int directory, const char *path, const char *content)
{
	scoped_fd fd = openat(directory, path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, content, strlen(content)) < 0 ? -1 : 0;
}

static void write_own(int proc, const char *file, const char *content)
{
	if (write_at_once(proc, text("self/%s", file), content) < 0)
		die_mount(text("write /proc/self/%s", file));
}

static void map_own(int proc, const char *uids, const char *gids)
{
	/* The order is the kernel's: without setgroups denied no gid_map is taken. */
	if (*gids) {
		write_own(proc, "setgroups", "deny");
		write_own(proc, "gid_map", gids);
	}
	if (*uids)
		write_own(proc, "uid_map", uids);
}

static int open_proc(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (proc < 0)
		die_errno("open /proc");
	return proc;
}

/* newuidmap PID INSIDE OUTSIDE COUNT…; does not return. */
static _Noreturn void run_map_program(const char *name, pid_t pid, const char *map)
{
	static const char *const directories[] = {"/usr/bin", "/usr/local/bin", "/bin"};
	static char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
	char **argv = allocate(strlen(map) / 2 + 4, sizeof(*argv));
	size_t count = 0;
	struct map_line line;

	argv[count++] = copy(name);
	argv[count++] = text("%d", (int)pid);
	while (next_map_line(&map, &line)) {
		argv[count++] = text("%llu", (unsigned long long)line.inside);
		argv[count++] = text("%llu", (unsigned long long)line.outside);
		argv[count++] = text("%llu", (unsigned long long)line.count);
	}
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		execve(text("%s/%s", directories[i], name), argv, environment);
	dprintf(STDERR_FILENO, "%s: %s", name, why(errno));
	_exit(127);
}

static void map_from_outside(pid_t pid, const char *file, const char *program, const char *map)
{
	pid_t child;

	if (!*map)
		return;
	if (geteuid() == 0) {
		if (write_at_once(AT_FDCWD, text("/proc/%d/%s", (int)pid, file), map) == 0)
			return;
		dprintf(STDERR_FILENO, "write %s: %s", file, why(errno));
		_exit(1);
	}
	child = fork_quiet();
	if (child == 0)
		run_map_program(program, pid, map);
	if (child < 0 || wait_quiet(child) != 0)
		_exit(1);
}

/* Ranges are mapped by set-user-id programs, which must run outside the new user namespace. The
 * child is there before it, waits for the word, and is awaited by op_map_ids. */
void before_map_ids(struct context *context, struct step *step)
{
	int done[2];
	pid_t pid = getpid(), child;

	(void)context;
	if (is_own_id(step->words[0]) && is_own_id(step->words[1]))
		return;
	if (pipe2(done, O_CLOEXEC) < 0)
		die_errno("start the child that maps ids");
	if (start_outside(&done[1], 1, &step->fds[0], &step->fds[1], &child)) {
		map_from_outside(pid, "gid_map", "newgidmap", step->words[1]);
		map_from_outside(pid, "uid_map", "newuidmap", step->words[0]);
		write_all(OUTSIDE_FD, "", 1);
		_exit(0);
	}
	/* The child's end must be the only one: its death then ends the wait too. */
	close(done[1]);
	step->fds[2] = done[0];
}

void op_map_ids(struct context *context, struct step *step)
{
	char done;

	(void)context;
	if (step->fds[0] < 0) {
		scoped_fd proc = open_proc();

		map_own(proc, step->words[0], step->words[1]);
		return;
	}
	if (write_all(step->fds[0], "", 1) < 0 || read(step->fds[2], &done, 1) != 1)
		die("map user and group ids: %s", last_words(step->fds[1]));
	close(step->fds[0]);
	close(step->fds[1]);
	close(step->fds[2]);
}

/* The container may have no /proc. */
void before_identity(struct context *context, struct step *step)
{
	(void)context;
	step->fds[0] = open_proc();
}

void op_identity(struct context *context, struct step *step)
{
	(void)context;
	if (unshare(CLONE_NEWUSER) < 0)
		die_namespaces("create a second user namespace");
	map_own(step->fds[0], step->words[0], step->words[1]);
	close(step->fds[0]);
	step->fds[0] = -1;
}

/* ---- privileges ---- */

void op_privileges(struct context *context, struct step *step)
{
	(void)step;
	if (context->plan->drop_privileges)
		drop_privileges();
	else if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("give up new privileges");
}
