/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in a container that is kept: one at a time starts it, any number may join.
 *
 * A lock of the open file description (fcntl(2), F_OFD_SETLK) on a file beside the layer, so that
 * it dies with the process that has it. Who starts the container has the write lock until it can
 * be entered; from then on each holder has a read lock and a line "PID START-TIME" in the file.
 */
#include "berth.h"
#include "common/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef NS_GET_USERNS
#define NS_GET_USERNS 0xb701 /* of the kernel's headers, which musl does not have */
#endif
#ifndef F_OFD_SETLK
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38
#endif

enum {
	START_LIMIT = 10
};

static const char started_over[] = "BERTH_STARTED_OVER=";

static int set_lock(int fd, short type, int command)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
	int result;

	do
		result = fcntl(fd, command, &lock);
	while (result < 0 && errno == EINTR);
	return result;
}

/*
 * What the planner saw is no longer so: it is asked anew. Nothing was done yet, as these operations
 * are the first of a plan.
 */
static _Noreturn void start_over(struct context *context, const char *name)
{
	const size_t length = sizeof(started_over) - 1;
	uint64_t count = 0;
	size_t variables = 0, kept = 0;
	char **environment;

	while (context->caller_environment[variables])
		variables++;
	environment = allocate(variables + 2, sizeof(*environment));
	for (size_t i = 0; i < variables; i++) {
		char *variable = context->caller_environment[i];

		if (strncmp(variable, started_over, length) != 0)
			environment[kept++] = variable;
		else if (!parse_number(variable + length, &count))
			count = 0;
	}
	if (count >= START_LIMIT)
		die("container %s: others started and ended it all the time; try again", name);
	environment[kept] = text("%s%d", started_over, (int)count + 1);
	umask(context->umask);
	execve("/proc/self/exe", context->argv, environment);
	die_errno("container %s: start again", name);
}

/* The lock file, locked; starts over when it was not to be had, or is another container's. */
static int take(struct context *context, const char *path, const char *name, short type,
		const char *refusal)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	struct stat ours, there;

	if (fd < 0 && errno == ENOENT)
		start_over(context, name);
	if (fd < 0)
		die_errno("container %s: open %s", name, path);
	if (set_lock(fd, type, F_OFD_SETLK) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			die_errno("container %s: lock %s", name, path);
		if (refusal)
			die("container %s: %s", name, refusal);
		/* Until it can be entered, or is free again. */
		if (set_lock(fd, F_RDLCK, F_OFD_SETLKW) < 0)
			die_errno("container %s: wait for %s", name, path);
		start_over(context, name);
	}
	/* It may have been removed, and made anew, before it was locked. */
	if (fstat(fd, &ours) < 0 || lstat(path, &there) < 0 || ours.st_dev != there.st_dev ||
	    ours.st_ino != there.st_ino)
		start_over(context, name);
	return fd;
}

static void keep(struct context *context, int lease, const char *name)
{
	scoped_fd own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	context->lease_fd = lease;
	context->start_time = own < 0 ? 0 : process_start_time(own);
	if (!context->start_time)
		die_errno("container %s: read /proc/self/stat", name);
}

void op_lease(struct context *context, struct step *step)
{
	const char *name = step->words[2];
	const char *refusal =
		strcmp(step->words[1], "again")
			? "a step of yours on this node has it; join that one, or wait "
			  "for its end"
			: NULL;

	keep(context, take(context, step->words[0], name, F_WRLCK, refusal), name);
	context->starts = true;
}

/* ---- entering ---- */

static bool is_same(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static void enter_one(int namespace, const char *own, int kind, const char *name)
{
	scoped_fd ours = open(own, O_RDONLY | O_CLOEXEC);

	if (namespace < 0 || ours < 0)
		die_errno("container %s: look at its namespaces", name);
	if (!is_same(namespace, ours) && setns(namespace, kind) < 0)
		die_errno("container %s: enter its %s namespace", name, strrchr(own, '/') + 1);
}

/*
 * The container's mounts may belong to a user namespace above the one of its processes: that one
 * comes first, since only in it may the others be entered, and theirs last.
 */
static void enter(int process, const char *name)
{
	static const struct {
		const char *in_process;
		const char *own;
		int kind;
	} others[] = {
		{"ns/uts", "/proc/self/ns/uts", CLONE_NEWUTS},
		{"ns/ipc", "/proc/self/ns/ipc", CLONE_NEWIPC},
		{"ns/net", "/proc/self/ns/net", CLONE_NEWNET},
	};
	int namespaces[ARRAY_SIZE(others)];
	scoped_fd user = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
	scoped_fd mounts = openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
	scoped_fd owner = mounts < 0 ? -1 : ioctl(mounts, NS_GET_USERNS);
	scoped_fd entered = -1;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		namespaces[i] = openat(process, others[i].in_process, O_RDONLY | O_CLOEXEC);
	if (user < 0 || mounts < 0)
		die_errno("container %s: look at its namespaces", name);
	enter_one(owner, "/proc/self/ns/user", CLONE_NEWUSER, name);
	/* Our /proc is the host's only until its mounts are left. */
	entered = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		enter_one(namespaces[i], others[i].own, others[i].kind, name);
		close(namespaces[i]);
	}
	enter_one(mounts, "/proc/self/ns/mnt", CLONE_NEWNS, name);
	if (entered < 0 || (!is_same(user, entered) && setns(user, CLONE_NEWUSER) < 0))
		die_errno("container %s: enter its user namespace", name);
}

void op_join(struct context *context, struct step *step)
{
	const char *name = step->words[3];
	int lease = take(context, step->words[0], name, F_RDLCK, NULL);
	scoped_fd process =
		open(text("/proc/%s", step->words[1]), O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t start_time = 0;

	parse_number(step->words[2], &start_time);
	if (process < 0 || process_start_time(process) != start_time)
		start_over(context, name);
	keep(context, lease, name);
	enter(process, name);
}

/* ---- holding ---- */

void lease_others(struct context *context)
{
	const char *line;

	if (context->lease_fd < 0)
		return;
	line = text("%d %llu\n", (int)getpid(), (unsigned long long)context->start_time);
	if ((context->starts && ftruncate(context->lease_fd, 0) < 0) ||
	    write_all(context->lease_fd, line, strlen(line)) < 0 ||
	    set_lock(context->lease_fd, F_RDLCK, F_OFD_SETLK) < 0)
		die_errno("say who holds the container");
}
