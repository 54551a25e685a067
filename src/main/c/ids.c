/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, the ids in them, and the privileges that are left. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SMALL_FILE = 65536
};

/* ---- why namespaces are refused ---- */

static char *sysctl_value(const char *path)
{
	char *value = read_text(AT_FDCWD, path, SMALL_FILE);

	if (value)
		value[strcspn(value, "\n")] = '\0';
	return value;
}

const char *why_no_namespaces(int error)
{
	char *value;

	if (error == ENOSPC || error == EUSERS) {
		value = sysctl_value("/proc/sys/user/max_user_namespaces");
		return text("this machine allows no more user namespaces "
			    "(sysctl user.max_user_namespaces is %s)",
			    value ? value : "too small");
	}
	value = sysctl_value("/proc/sys/kernel/unprivileged_userns_clone");
	if (value && !strcmp(value, "0"))
		return "this machine denies user namespaces to ordinary users "
		       "(sysctl kernel.unprivileged_userns_clone is 0)";
	value = sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	if (value && !strcmp(value, "1"))
		return text("AppArmor denies user namespaces to programs without a profile "
			    "(sysctl kernel.apparmor_restrict_unprivileged_userns is 1); a profile "
			    "with 'userns,' is needed for %s/bin/berth",
			    own_prefix());
	if (error == EINVAL || error == ENOSYS)
		return "this kernel has no such namespaces";
	return NULL;
}

static _Noreturn void die_namespaces(const char *what)
{
	int error = errno;
	const char *reason = why_no_namespaces(error);

	if (reason)
		die("%s: %s", what, reason);
	if (error == EPERM)
		die("%s: operation not permitted (inside a chroot, a container or a sandbox that "
		    "filters system calls?)",
		    what);
	errno = error;
	die_errno("%s", what);
}

bool in_initial_user_namespace(void)
{
	char *map = read_text(AT_FDCWD, "/proc/self/uid_map", SMALL_FILE);
	unsigned long inside = 1, outside = 1, count = 0;

	return map && sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

void op_unshare(struct context *context, struct step *step)
{
	int flags = context->plan->namespaces;

	(void)step;
	if (flags & CLONE_NEWUSER) {
		before_leaving_user(context);
		if (unshare(CLONE_NEWUSER) < 0)
			die_namespaces("create a user namespace");
		flags &= ~CLONE_NEWUSER;
	}
	/* Whoever stays outside is started now: inside the user namespace, where /dev/fuse must be
	 * opened, but before the mount namespace, which it must not keep alive. */
	if (flags & CLONE_NEWNS)
		before_leaving_mount(context);
	if (flags && unshare(flags) < 0)
		die_namespaces("create namespaces");
	/* With a new user namespace the kernel does this by itself. Slave, not private: what the
	 * host unmounts goes here too. */
	if ((flags & CLONE_NEWNS) && !(context->plan->namespaces & CLONE_NEWUSER) &&
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		die_errno("keep mounts away from the host");
}

/* ---- maps ---- */

struct map_line {
	uint64_t inside, outside, count;
};

/* The next line of a map; false, and nowhere further, at its end or where it is none. */
static bool next_line(const char **map, struct map_line *line)
{
	uint64_t *const numbers[] = {&line->inside, &line->outside, &line->count};
	const char *at = *map;
	char word[24];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		size_t length = strcspn(at, " \n");

		if (length >= sizeof(word))
			return false;
		memcpy(word, at, length);
		word[length] = '\0';
		if (!parse_number(word, numbers[i]) || *numbers[i] > UINT32_MAX)
			return false;
		at += length;
		if (i < 2 && *at++ != ' ')
			return false;
	}
	if (*at && *at++ != '\n')
		return false;
	*map = at;
	return true;
}

bool parse_id_map(const char *word)
{
	struct map_line line;

	while (next_line(&word, &line))
		;
	return !*word;
}

/* One id: the kernel lets a process map its own. */
static bool is_own_id(const char *map)
{
	struct map_line line;

	return !*map || (next_line(&map, &line) && !*map && line.count == 1);
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
	while (next_line(&map, &line)) {
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

enum {
	CAPABILITY_VERSION_3 = 0x20080522
};

void drop_privileges(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {CAPABILITY_VERSION_3, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = {{0, 0, 0}, {0, 0, 0}};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("give up new privileges");
	/* EINVAL: before Linux 4.3 there were no ambient ones. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		die_errno("clear ambient capabilities");
	for (unsigned long capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			/* EINVAL: one past the kernel's last. EPERM: there is none to drop. */
			if (errno == EINVAL || errno == EPERM)
				break;
			die_errno("drop capability %lu", capability);
		}
	if (syscall(SYS_capset, &header, none) < 0)
		die_errno("clear capabilities");
}

void op_privileges(struct context *context, struct step *step)
{
	(void)step;
	if (context->plan->drop_privileges)
		drop_privileges();
	else if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("give up new privileges");
}
