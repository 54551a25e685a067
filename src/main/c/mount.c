/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session directory, the image, the root and everything that is mounted in it.
 *
 * Sources and targets are descriptors: what was looked at is what is mounted. The mount calls of
 * Linux 5.2 and 5.12 are used where they are; kernels without them, and seccomp filters that
 * refuse them (ENOSYS as well as EPERM), get mount(2) on /proc/self/fd.
 */
#include "berth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
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
	MOUNTINFO_LIMIT = 64 << 20,
};

struct mount_attributes {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t user_namespace;
};

bool parse_options(const char *word, struct mount_options *options)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} known[] = {
		{"ro", MS_RDONLY},   {"nosuid", MS_NOSUID},
		{"nodev", MS_NODEV}, {"noexec", MS_NOEXEC},
		{"rec", 0},
	};

	memset(options, 0, sizeof(*options));
	while (*word) {
		size_t length = strcspn(word, ",");
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && (strlen(known[i].name) != length ||
						 strncmp(known[i].name, word, length) != 0))
			i++;
		if (i == ARRAY_SIZE(known))
			return false;
		options->flags |= known[i].flag;
		options->recursive |= !known[i].flag;
		word += length;
		if (*word == ',' && !*++word)
			return false;
	}
	return true;
}

bool parse_missing(const char *word)
{
	return !strcmp(word, "create") || !strcmp(word, "try") || !strcmp(word, "skip") ||
	       !strcmp(word, "warn") || !strcmp(word, "fail");
}

int need_session(const struct context *context)
{
	if (context->session_fd < 0)
		die("the plan has no session directory yet");
	return context->session_fd;
}

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

/* A refused mount right after namespaces were granted has a reason that errno does not tell. */
void die_mount(const char *what)
{
	int error = errno;
	const char *reason = error == EPERM || error == EACCES ? why_no_namespaces(error) : NULL;

	if (reason)
		die("%s: %s", what, reason);
	if (error == ENODEV)
		die("%s: this kernel does not have the filesystem", what);
	errno = error;
	die_errno("%s", what);
}

static bool call_is_absent(void)
{
	return errno == ENOSYS || errno == EPERM;
}

/* ---- flags of a mount that is there ---- */

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

/* /proc/self/mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *path)
{
	char *out = path;

	for (; *path; path++) {
		if (path[0] == '\\' && path[1] && path[2] && path[3]) {
			*out++ = (char)((path[1] - '0') * 64 + (path[2] - '0') * 8 +
					(path[3] - '0'));
			path += 3;
		} else {
			*out++ = *path;
		}
	}
	*out = '\0';
}

static int remount_below(int fd, unsigned long flags)
{
	char top[PATH_MAX];
	ssize_t length = readlink(fd_path(fd).text, top, sizeof(top) - 1);
	char *mounts = read_text(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT);
	char *line_state, *word_state;

	if (length < 0 || !mounts)
		return -1;
	for (char *line = strtok_r(mounts, "\n", &line_state); line;
	     line = strtok_r(NULL, "\n", &line_state)) {
		char *path = strtok_r(line, " ", &word_state);

		for (int i = 0; i < 4 && path; i++)
			path = strtok_r(NULL, " ", &word_state);
		if (!path)
			continue;
		unescape(path);
		if (strncmp(path, top, (size_t)length) || path[length] != '/')
			continue;
		/* Another user's FUSE mount, or one that is hidden by a later one: nothing in it
		 * can be reached by this way either. */
		if (remount(path, flags) < 0 && errno != EACCES && errno != ENOENT &&
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

/* ---- bind ---- */

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

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Mounts a directory on session/NAME and returns the descriptor of the new mount. */
static int attach_in_session(struct context *context, int source, const char *name,
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

/* ---- session, image, root ---- */

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

/*
 * What the planner looked at: the same file by its device and inode, and where its bytes were
 * verified in the same state too, by the time of its last change. A user can set every other time
 * of a file, not that one. The word is missing for what was not looked at.
 */
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

/* Loop devices, from <linux/loop.h>. */
enum {
	LOOP_SET_FD_CALL = 0x4C00,
	LOOP_CLR_FD_CALL = 0x4C01,
	LOOP_SET_STATUS64_CALL = 0x4C04,
	LOOP_CTL_GET_FREE_CALL = 0x4C82,
	LOOP_READ_ONLY = 1,
	LOOP_AUTOCLEAR = 4,
	LOOP_TRIES = 64,
};

struct loop_status {
	uint64_t device, inode, rdevice, offset, size_limit;
	uint32_t number, encrypt_type, encrypt_key_size, flags;
	uint8_t file_name[64], crypt_name[64], encrypt_key[32];
	uint64_t init[2];
};

/* A loop device that shows this part of the file and goes with its last user. */
static int open_loop(int file, uint64_t offset, uint64_t size, char *name, size_t name_size)
{
	scoped_fd control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_status status = {
		.offset = offset,
		.size_limit = size,
		.flags = LOOP_READ_ONLY | LOOP_AUTOCLEAR,
	};

	if (control < 0)
		return -1;
	/* Another process may take the free device between the two calls. */
	for (int i = 0; i < LOOP_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE_CALL);
		int device;

		if (number < 0)
			return -1;
		snprintf(name, name_size, "/dev/loop%d", number);
		device = open(name, O_RDONLY | O_CLOEXEC);
		if (device < 0)
			return -1;
		if (ioctl(device, LOOP_SET_FD_CALL, file) == 0) {
			if (ioctl(device, LOOP_SET_STATUS64_CALL, &status) == 0)
				return device;
			ioctl(device, LOOP_CLR_FD_CALL);
			close(device);
			return -1;
		}
		close_descriptor(&device);
		if (errno != EBUSY)
			return -1;
	}
	return -1;
}

void op_image_loop(struct context *context, struct step *step)
{
	scoped_fd file = open(step->words[0], O_RDONLY | O_CLOEXEC);
	scoped_fd at = openat(need_session(context), "image", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped_fd device = -1;
	uint64_t offset = 0, size = 0;
	char name[32];

	parse_number(step->words[1], &offset);
	parse_number(step->words[2], &size);
	if (file < 0 || at < 0)
		die_errno("image %s", step->words[0]);
	require_identity(file, step, 3);
	device = open_loop(file, offset, size, name, sizeof(name));
	if (device < 0)
		die_errno("image %s: set up a loop device", step->words[0]);
	if (mount(name, fd_path(at).text, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		die_mount(text("image %s: mount it", step->words[0]));
	image_is_mounted(context);
}

static int open_to_remove(int parent, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, flags);
	/* Layers may have directories that their owner cannot write. */
	if (fd >= 0)
		fchmod(fd, 0700);
	return fd;
}

/* A name that is free in top, for a directory that was deeper down. */
static const char *lift(int from, const char *name, int top)
{
	static unsigned long long lifted;
	static char free_name[48];

	struct stat status;

	do
		snprintf(free_name, sizeof(free_name), ".berth-removed-%llu", lifted++);
	while (fstatat(top, free_name, &status, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(from, name, top, free_name) < 0 ? NULL : free_name;
}

/*
 * Removes what is in a directory. The directories in it are moved up to top first: so nothing is
 * ever deeper than two, and neither the stack nor the number of descriptors grows with a tree that
 * is thousands of directories deep.
 *
 * Returns whether one was moved.
 */
static bool empty_directory(int fd, int top)
{
	DIR *directory = fdopendir(fd);
	bool lifted = false;

	if (!directory) {
		close(fd);
		return false;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		const char *name = entry->d_name;
		scoped_fd inner = -1;

		if (!strcmp(name, ".") || !strcmp(name, "..") || unlinkat(fd, name, 0) == 0 ||
		    unlinkat(fd, name, AT_REMOVEDIR) == 0)
			continue;
		/* A directory that gets another parent has to be writable itself. */
		inner = open_to_remove(fd, name);
		if (inner >= 0 && lift(fd, name, top))
			lifted = true;
	}
	closedir(directory);
	return lifted;
}

static void remove_tree(const char *path)
{
	scoped_fd top = open_to_remove(AT_FDCWD, path);
	bool left = top >= 0;

	while (left) {
		DIR *directory = fdopendir(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

		left = false;
		if (!directory)
			break;
		for (struct dirent *entry; (entry = readdir(directory));) {
			const char *name = entry->d_name;
			int fd;

			if (!strcmp(name, ".") || !strcmp(name, "..") ||
			    unlinkat(top, name, 0) == 0)
				continue;
			fd = open_to_remove(top, name);
			if (fd >= 0)
				left |= empty_directory(fd, top);
			unlinkat(top, name, AT_REMOVEDIR);
		}
		closedir(directory);
	}
	unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
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
