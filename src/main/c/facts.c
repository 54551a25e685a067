/* SPDX-License-Identifier: Apache-2.0 */
/* What the planner is told about the caller; docs/plan.md lists the keys. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
	DATABASE_LIMIT = 64 << 20,
	ANSWER_LIMIT = 1 << 20,
	ANSWER_MILLISECONDS = 10000, /* directory servers of a cluster may be busy */
};

static void word(struct buffer *facts, const char *string)
{
	append(facts, string, strlen(string) + 1);
}

static void number_word(struct buffer *facts, unsigned long long number)
{
	word(facts, text("%llu", number));
}

static void key(struct buffer *facts, const char *name, size_t count)
{
	word(facts, name);
	number_word(facts, count);
}

static void list(struct buffer *facts, const char *name, char **words)
{
	size_t count = 0;

	while (words[count])
		count++;
	key(facts, name, count);
	for (size_t i = 0; i < count; i++)
		word(facts, words[i]);
}

/* The fields of a line; a colon in excess stays in the last. */
static size_t split_line(char *line, char **fields, size_t most)
{
	size_t count = 0;

	while (line && count < most) {
		fields[count++] = line;
		line = count < most ? strchr(line, ':') : NULL;
		if (line)
			*line++ = '\0';
	}
	return count;
}

static int milliseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - start->tv_sec) * 1000 +
		     (now.tv_nsec - start->tv_nsec) / 1000000);
}

/* What getent says, for accounts that are not in the files; "" when it does not know, is not
 * there, or takes too long. */
static char *ask_getent(char *const argv[])
{
	static char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct buffer answer = {0};
	struct timespec start;
	struct pollfd ready = {.events = POLLIN};
	int ends[2];
	pid_t parent = getpid(), child;

	if (access("/usr/bin/getent", X_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return copy("");
	child = fork_quiet();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		end_with_parent(parent, SIGKILL);
		signals_default();
		if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ||
		    dup2(null, STDERR_FILENO) < 0)
			_exit(1);
		if (close_from(3) < 0)
			_exit(1);
		execve("/usr/bin/getent", argv, environment);
		_exit(127);
	}
	close(ends[1]);
	ready.fd = ends[0];
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (child > 0 && answer.length < ANSWER_LIMIT) {
		char bytes[4096];
		int left = ANSWER_MILLISECONDS - milliseconds_since(&start);
		ssize_t got;

		if (left <= 0 || poll(&ready, 1, left) <= 0) {
			if (left > 0 && errno == EINTR)
				continue;
			break;
		}
		got = read(ends[0], bytes, sizeof(bytes));
		if (got <= 0)
			break;
		append(&answer, bytes, (size_t)got);
	}
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		wait_quiet(child);
	}
	append(&answer, "", 1);
	return answer.bytes;
}

/* name, gecos, home and shell from the first line of that uid; false if there is none. */
static bool passwd_from(struct buffer *facts, char *database, const char *uid)
{
	char *state;

	for (char *line = strtok_r(database, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *fields[7];

		if (split_line(line, fields, 7) != 7 || strcmp(fields[2], uid))
			continue;
		key(facts, "passwd", 4);
		word(facts, fields[0]);
		word(facts, fields[4]);
		word(facts, fields[5]);
		word(facts, fields[6]);
		return true;
	}
	return false;
}

static void passwd_fact(struct buffer *facts)
{
	char *uid = text("%u", (unsigned int)getuid());
	char *file = read_text(AT_FDCWD, "/etc/passwd", DATABASE_LIMIT);
	char *argv[] = {"getent", "passwd", uid, NULL};

	if (file && passwd_from(facts, file, uid))
		return;
	if (!passwd_from(facts, ask_getent(argv), uid))
		key(facts, "passwd", 0);
}

struct groups {
	char **gids; /* as text; NULL at the end */
	char **names;
	size_t count;
};

static void groups_from(struct groups *groups, char *database)
{
	char *state;

	for (char *line = strtok_r(database, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *fields[4];

		if (split_line(line, fields, 4) < 3)
			continue;
		for (size_t i = 0; i < groups->count; i++)
			if (!groups->names[i] && !strcmp(groups->gids[i], fields[2]))
				groups->names[i] = copy(fields[0]);
	}
}

static void ids_and_groups_facts(struct buffer *facts)
{
	int supplementary = getgroups(0, NULL);
	size_t count = supplementary < 0 ? 0 : (size_t)supplementary;
	gid_t *list = allocate(count, sizeof(*list));
	struct groups groups = {
		.gids = allocate(count + 2, sizeof(*groups.gids)),
		.names = allocate(count + 2, sizeof(*groups.names)),
	};
	char **argv = allocate(count + 4, sizeof(*argv));
	char *file = read_text(AT_FDCWD, "/etc/group", DATABASE_LIMIT);
	size_t named = 0, asked = 2;

	if (count && getgroups((int)count, list) != (int)count)
		count = 0;
	key(facts, "ids", 4 + count);
	number_word(facts, getuid());
	number_word(facts, geteuid());
	number_word(facts, getgid());
	number_word(facts, getegid());
	groups.gids[groups.count++] = text("%u", (unsigned int)getgid());
	for (size_t i = 0; i < count; i++) {
		number_word(facts, list[i]);
		if (list[i] != getgid())
			groups.gids[groups.count++] = text("%u", (unsigned int)list[i]);
	}
	if (file)
		groups_from(&groups, file);
	argv[0] = copy("getent");
	argv[1] = copy("group");
	for (size_t i = 0; i < groups.count; i++)
		if (!groups.names[i])
			argv[asked++] = groups.gids[i];
	if (asked > 2)
		groups_from(&groups, ask_getent(argv));
	for (size_t i = 0; i < groups.count; i++)
		named += groups.names[i] != NULL;
	key(facts, "groups", named);
	for (size_t i = 0; i < groups.count; i++)
		if (groups.names[i])
			word(facts, text("%s:%s", groups.gids[i], groups.names[i]));
}

/* $PWD is what the user calls the place, if it is the same and has no dots in it. */
static const char *logical_directory(const struct stat *here)
{
	const char *path = getenv("PWD");
	struct stat status;

	if (!path || path[0] != '/' || strstr(path, "/./") || strstr(path, "/../") ||
	    stat(path, &status) < 0 || status.st_dev != here->st_dev ||
	    status.st_ino != here->st_ino)
		return NULL;
	for (const char *last = strrchr(path, '/') + 1; *last == '.'; last++)
		if (!last[1])
			return NULL; /* ends in "." or ".." */
	return path;
}

static void cwd_fact(struct buffer *facts)
{
	char path[PATH_MAX];
	struct stat here = {0};
	const char *logical = NULL;

	if (stat(".", &here) == 0)
		logical = logical_directory(&here);
	/* A directory that is gone or unreachable has no path. */
	if (!getcwd(path, sizeof(path)) || path[0] != '/')
		path[0] = '\0';
	key(facts, "cwd", 3);
	word(facts, path[0] && logical ? logical : path);
	number_word(facts, here.st_dev);
	number_word(facts, here.st_ino);
}

static void umask_fact(struct buffer *facts)
{
	mode_t mask = umask(0);

	umask(mask);
	key(facts, "umask", 1);
	word(facts, text("%03o", (unsigned int)mask));
}

static void terminal_fact(struct buffer *facts)
{
	key(facts, "tty", 3);
	for (int fd = 0; fd < 3; fd++)
		word(facts, isatty(fd) ? "1" : "0");
}

static void uname_fact(struct buffer *facts)
{
	struct utsname system;

	if (uname(&system) < 0)
		die_errno("ask for the system's name");
	key(facts, "uname", 5);
	word(facts, system.sysname);
	word(facts, system.nodename);
	word(facts, system.release);
	word(facts, system.version);
	word(facts, system.machine);
}

static const char *error_name(int error)
{
	switch (error) {
	case EACCES:
		return "EACCES";
	case EPERM:
		return "EPERM";
	case ENOENT:
		return "ENOENT";
	case ENODEV:
		return "ENODEV";
	case ENXIO:
		return "ENXIO";
	default:
		return text("%d", error);
	}
}

static void fuse_fact(struct buffer *facts)
{
	scoped_fd fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	key(facts, "fuse", 1);
	word(facts, fd >= 0 ? "ok" : error_name(errno));
}

int gather_facts(int argc, char **argv, char **environment)
{
	struct buffer facts = {0};
	int fd = memfd_create("berth-facts", MFD_CLOEXEC);

	word(&facts, "berth-facts");
	word(&facts, "1");
	key(&facts, "argv", (size_t)argc);
	for (int i = 0; i < argc; i++)
		word(&facts, argv[i]);
	list(&facts, "env", environment);
	ids_and_groups_facts(&facts);
	passwd_fact(&facts);
	cwd_fact(&facts);
	umask_fact(&facts);
	terminal_fact(&facts);
	key(&facts, "exe", 1);
	word(&facts, own_file());
	key(&facts, "prefix", 1);
	word(&facts, own_prefix());
	uname_fact(&facts);
	fuse_fact(&facts);
	word(&facts, "end");
	if (fd < 0 || write_all(fd, facts.bytes, facts.length) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		die_errno("write down the facts for the planner");
	return fd;
}
