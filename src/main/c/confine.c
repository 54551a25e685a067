/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that reads what strangers wrote, such as the server of a squashfs: it sees its
 * libraries and one file, has no privileges, and may ask the kernel for little more than to read
 * and answer.
 *
 * What it runs with is decided here and not in the program, which is the distribution's. So nothing
 * of it has to be trusted but the part that runs before it reads the first byte of the file: its
 * loader, which also tells what it needs.
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LIST_LIMIT = 65536,
};

static _Noreturn void give_up(const char *what)
{
	int error = errno;

	dprintf(STDERR_FILENO, "%s: %s", what, why(error));
	_exit(127);
}

/* ---- what it needs ---- */

/* The lines of "NAME => PATH (ADDRESS)" and "PATH (ADDRESS)" that the program's loader prints in
 * place of running it. A program without a loader prints nothing of that kind. */
static char *libraries_of(const char *program)
{
	static char *const environment[] = {"LD_TRACE_LOADED_OBJECTS=1", NULL};
	char *const argv[] = {copy(program), NULL};
	struct buffer list = {0};
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		give_up("list libraries");
	child = fork_quiet();
	if (child < 0)
		give_up("list libraries");
	if (child == 0) {
		if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(STDIN_FILENO, STDERR_FILENO) < 0)
			_exit(127);
		execve(program, argv, environment);
		_exit(127);
	}
	close(ends[1]);
	append_file(&list, ends[0], LIST_LIMIT);
	close(ends[0]);
	wait_quiet(child);
	append(&list, "", 1);
	return list.bytes;
}

/* The path on a line of the list, or NULL. */
static char *path_on(char *line)
{
	char *path = strstr(line, "=> ");
	char *end;

	path = path ? path + strlen("=> ") : line + strspn(line, " \t");
	end = strstr(path, " (");
	if (path[0] != '/' || !end)
		return NULL;
	*end = '\0';
	return path;
}

/* ---- what it sees ---- */

static int make_parents(int root, const char *path)
{
	char *part = copy(path);

	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	free(part);
	return 0;
}

static int show(int root, int source, const char *name)
{
	static const struct mount_options options = {.flags = MS_RDONLY | MS_NOSUID | MS_NODEV};
	scoped_fd target = -1, mounted = -1;

	if (make_parents(root, name) < 0)
		return -1;
	target = openat(root, name, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	if (target < 0)
		return -1;
	mounted = attach(source, target, false);
	/* Nobody else is in this tree, so the name leads to it. */
	if (mounted < 0 && !errno)
		mounted = openat(root, name, O_PATH | O_CLOEXEC);
	return mounted < 0 ? -1 : restrict_mount(mounted, &options);
}

static void show_path(int root, const char *path)
{
	scoped_fd source = open(path, O_PATH | O_CLOEXEC);

	if (source < 0 ? errno != ENOENT : show(root, source, path + 1) < 0)
		give_up(path);
}

static void leave_files(const char *program, char *libraries, int file, const char *path)
{
	/* Any directory will do, nobody else sees it. */
	static const char place[] = "/dev";
	char *state;
	scoped_fd root = -1, source = -1, shown = -1;
	struct stat found, wanted;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		give_up("hide the host's files");
	/* A descriptor of the namespace that was left cannot be mounted here. Before the place is
	 * covered: images lie in /dev/shm, too. */
	source = open(path, O_PATH | O_CLOEXEC);
	if (source < 0 || fstat(source, &found) < 0 || fstat(file, &wanted) < 0)
		give_up("open the file");
	if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) {
		errno = ESTALE;
		give_up("the file was replaced");
	}
	if (mount("none", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") < 0)
		give_up("hide the host's files");
	root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		give_up("hide the host's files");
	show_path(root, program);
	show_path(root, "/etc/ld.so.cache");
	for (char *line = strtok_r(libraries, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *library = path_on(line);

		if (library && strcmp(library, program) != 0)
			show_path(root, library);
	}
	if (show(root, source, path + 1) < 0)
		give_up("show the file");
	/* What was opened before could still be changed: its mode, say. */
	shown = openat(root, path + 1, O_RDONLY | O_CLOEXEC);
	if (shown < 0 || dup2(shown, file) < 0)
		give_up("open the file");
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
		    0)
		give_up("hide the host's files");
}

/* ---- who it is ---- */

/* Root without capabilities may not read the files of others. */
static void become_owner(int file)
{
	struct stat status;

	if (fstat(file, &status) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(status.st_gid, status.st_gid, status.st_gid) < 0 ||
	    setresuid(status.st_uid, status.st_uid, status.st_uid) < 0)
		give_up("become the owner of the file");
}

/* ---- what it may ask for ---- */

/* Of the kernel's headers, which musl does not have: classic BPF (filter.h), seccomp_data. */
struct instruction {
	uint16_t code;
	uint8_t if_true, if_false;
	uint32_t value;
};

struct program {
	unsigned short length;
	struct instruction *instructions;
};

enum {
	LOAD = 0x20,	   /* BPF_LD | BPF_W | BPF_ABS */
	IF_EQUAL = 0x15,   /* BPF_JMP | BPF_JEQ | BPF_K */
	IF_ABOVE = 0x35,   /* BPF_JMP | BPF_JGE | BPF_K */
	IF_ANY_BIT = 0x45, /* BPF_JMP | BPF_JSET | BPF_K */
	RETURN = 0x06,	   /* BPF_RET | BPF_K */
	AT_NUMBER = 0,	   /* in seccomp_data */
	AT_MACHINE = 4,
	AT_FIRST_ARGUMENT = 16, /* its low half, on the little-endian machines that we run on */
	AT_FIFTH_ARGUMENT = 48,
	ALLOW = 0x7fff0000,
	REFUSE = 0x00050000,	 /* with an errno in the low half */
	NAMESPACES = 0x7e020080, /* CLONE_NEW* of clone(2) */
	SET_FILTER = 1,
	X32 = 0x40000000, /* numbers of the x32 ABI of amd64 */
	CALLS_LIMIT = 96,
};

#if defined(__x86_64__)
#define MACHINE 0xc000003e
#elif defined(__aarch64__)
#define MACHINE 0xc00000b7
#elif defined(__riscv)
#define MACHINE 0xc00000f3
#elif defined(__powerpc64__)
#define MACHINE 0xc0000015
#endif

/* Other processes, other files than those that are there, the network, namespaces, and parts of the
 * kernel that were often found at fault. */
static const int refused[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_tkill,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid, SYS_setsid, SYS_prlimit64,
	SYS_sched_setaffinity, SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen,
	SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
	SYS_unshare, SYS_setns, SYS_setuid, SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
	SYS_capset, SYS_mknodat, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
	SYS_add_key, SYS_request_key, SYS_memfd_create, SYS_shmget, SYS_msgget, SYS_semget,
	SYS_mq_open, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	SYS_reboot, SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_acct, SYS_personality,
	SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fanotify_init,
	/* By number: the C library's headers may be older. These are the same on all machines. */
	424, /* pidfd_send_signal */
	425, /* io_uring_setup */
	426, /* io_uring_enter */
	427, /* io_uring_register */
	428, /* open_tree */
	429, /* move_mount */
	430, /* fsopen */
	431, /* fsconfig */
	432, /* fsmount */
	433, /* fspick */
	434, /* pidfd_open */
	438, /* pidfd_getfd */
	440, /* process_madvise */
	442, /* mount_setattr */
	448, /* process_mrelease */
};

struct filter {
	struct instruction instructions[2 * CALLS_LIMIT + 32];
	unsigned short length;
};

static void add(struct filter *filter, uint16_t code, uint32_t value, uint8_t if_true,
		uint8_t if_false)
{
	filter->instructions[filter->length++] =
		(struct instruction){code, if_true, if_false, value};
}

/* Where the number is that one: the answer. */
static void answer(struct filter *filter, int number, uint32_t with)
{
	add(filter, IF_EQUAL, (uint32_t)number, 0, 1);
	add(filter, RETURN, with, 0, 0);
}

static void begin(struct filter *filter)
{
	filter->length = 0;
	add(filter, LOAD, AT_MACHINE, 0, 0);
	/* Another ABI has other numbers. */
	add(filter, IF_EQUAL, MACHINE, 1, 0);
	add(filter, RETURN, REFUSE | EPERM, 0, 0);
	add(filter, LOAD, AT_NUMBER, 0, 0);
#if defined(__x86_64__)
	add(filter, IF_ABOVE, X32, 0, 1);
	add(filter, RETURN, REFUSE | EPERM, 0, 0);
#endif
}

/* A kernel without filters (CONFIG_SECCOMP) has the walls of the namespaces all the same. */
static void install(struct filter *filter)
{
	struct program program = {filter->length, filter->instructions};

	if (syscall(SYS_seccomp, SET_FILTER, 0, &program) < 0 && errno != ENOSYS && errno != EINVAL)
		give_up("confine system calls");
}

static void refuse_calls(void)
{
	struct filter filter;

	_Static_assert(ARRAY_SIZE(refused) <= CALLS_LIMIT, "the filter has no room");
	begin(&filter);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		answer(&filter, refused[i], REFUSE | EPERM);
	/* Its arguments are in memory, which a filter cannot read; C libraries then take clone. */
	answer(&filter, 435, REFUSE | ENOSYS); /* clone3 */
	add(&filter, IF_EQUAL, SYS_clone, 0, 4);
	add(&filter, LOAD, AT_FIRST_ARGUMENT, 0, 0);
	add(&filter, IF_ANY_BIT, NAMESPACES, 0, 1);
	add(&filter, RETURN, REFUSE | EPERM, 0, 0);
	add(&filter, RETURN, ALLOW, 0, 0);
	/* A signal to itself ends an abort(). */
	add(&filter, IF_EQUAL, SYS_kill, 1, 0);
	add(&filter, IF_EQUAL, SYS_tgkill, 0, 3);
	add(&filter, LOAD, AT_FIRST_ARGUMENT, 0, 0);
	add(&filter, IF_EQUAL, (uint32_t)getpid(), 1, 0);
	add(&filter, RETURN, REFUSE | EPERM, 0, 0);
	add(&filter, RETURN, ALLOW, 0, 0);
	install(&filter);
}

/* In place of this process: a program that can start no other one. */
_Noreturn void run_alone(char *const argv[], char *const environment[])
{
	struct filter filter;
	int fd = open(argv[0], O_PATH | O_CLOEXEC);

	if (fd < 0)
		die_errno("run %s", argv[0]);
	begin(&filter);
	answer(&filter, SYS_execve, REFUSE | EPERM);
	/* This one call is ours: a descriptor without a path, which no shell uses. */
	add(&filter, IF_EQUAL, SYS_execveat, 0, 3);
	add(&filter, LOAD, AT_FIFTH_ARGUMENT, 0, 0);
	add(&filter, IF_EQUAL, AT_EMPTY_PATH, 1, 0);
	add(&filter, RETURN, REFUSE | EPERM, 0, 0);
	add(&filter, RETURN, ALLOW, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("give up new privileges");
	install(&filter);
	run_by_descriptor(fd, argv, environment);
	die_errno("run %s", argv[0]);
}

void confine(const char *program, int file, const char *path)
{
	char *libraries = libraries_of(program);
	bool root = geteuid() == 0 && in_initial_user_namespace();

	leave_files(program, libraries, file, path);
	if (root)
		become_owner(file);
	drop_privileges();
	refuse_calls();
}
