/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At a job's end: the user's named containers of jobs that have ended are removed.
 *
 * What is removed, and where it is, the user has made, so it may stand still for ever (a FUSE file
 * system), and the work is the user's. Thus two kinds of processes, none of which the epilog waits
 * for. A keeper, as root, touches nothing of the user's: it sees to it that one works for a user at
 * a time, and ends what it has started when that takes too long. Workers have dropped all ids.
 *
 * A job that has ended is marked by a directory ".ended" in its own; whoever gets to work removes
 * the containers of all marked ones. So of many jobs that end together one works, one waits, and
 * the others need not.
 */
#include "berth_plugin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A test makes them short. */
#ifndef REMOVE_SECONDS
#define REMOVE_SECONDS 600
#endif
#ifndef MARK_SECONDS
#define MARK_SECONDS 30
#endif
#ifndef F_OFD_SETLK
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38
#endif

enum {
	KILL_SECONDS = 10,
	CPU_SECONDS = REMOVE_SECONDS,
	FILE_BYTES = 1 << 20, /* nothing is written but, perhaps, words to nobody */
	ENTRIES = 65536,      /* of a directory, that are looked at */
	SUFFIX_DIGITS = 16,
	FAILED = 1,
};

static const char places[] = "/var/tmp"; /* the same in org.berth.instance.KeptContainers */
static const char mark[] = ".ended";
static const char turns[] = "/run/berth-removals.lock";

struct work {
	const struct config *config;
	uid_t uid;
	uint32_t job;
};

/* ---- a worker: as the user ---- */

/* A directory of the user's alone, or -1. */
static int open_own(int parent, const char *name, uid_t uid)
{
	int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (directory >= 0 && fstat(directory, &status) == 0 && status.st_uid == uid &&
	    (status.st_mode & 077) == 0)
		return directory;
	close_descriptor(&directory);
	return -1;
}

typedef int (*visitor)(const struct work *work, int directory, const char *name);

/* Calls VISIT for each name; the sum of what it returns. */
static int for_each(const struct work *work, int directory, visitor visit)
{
	DIR *list = fdopendir(fcntl(directory, F_DUPFD_CLOEXEC, 0));
	int sum = 0;

	if (!list)
		return 0;
	rewinddir(list);
	for (int i = 0; i < ENTRIES; i++) {
		const struct dirent *entry = readdir(list);

		if (!entry)
			break;
		sum += visit(work, directory, entry->d_name);
	}
	closedir(list);
	return sum;
}

/*
 * Calls VISIT for each directory of the user's where jobs may be: /var/tmp/berth-UID, or, where
 * somebody else has made that, those with 16 more digits that are the user's.
 */
static visitor visit_place;

static int visit_other_place(const struct work *work, int parent, const char *name)
{
	char wanted[32];
	int length = snprintf(wanted, sizeof(wanted), "berth-%u.", (unsigned int)work->uid);
	const char *suffix = name + length;

	if (strncmp(name, wanted, (size_t)length) != 0 || strlen(suffix) != SUFFIX_DIGITS ||
	    strspn(suffix, "0123456789abcdef") != SUFFIX_DIGITS)
		return 0;
	return visit_place(work, parent, name);
}

static int for_each_place(const struct work *work, visitor visit)
{
	scoped_fd parent = open(places, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32];

	snprintf(name, sizeof(name), "berth-%u", (unsigned int)work->uid);
	if (parent < 0)
		return 0;
	scoped_fd own = open_own(parent, name, work->uid);

	if (own >= 0)
		return visit(work, parent, name);
	visit_place = visit;
	return for_each(work, parent, visit_other_place);
}

static int mark_job(const struct work *work, int parent, const char *place)
{
	scoped_fd directory = open_own(parent, place, work->uid);
	scoped_fd job = -1;
	char name[32];

	snprintf(name, sizeof(name), "job-%u", (unsigned int)work->job);
	job = directory < 0 ? -1 : open_own(directory, name, work->uid);
	return job >= 0 && (mkdirat(job, mark, 0700) == 0 || errno == EEXIST);
}

static _Noreturn void do_mark(const struct work *work)
{
	_exit(for_each_place(work, mark_job) > 0 ? 0 : FAILED);
}

static int remove_if_ended(const struct work *work, int place, const char *name)
{
	static char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	static const char prefix[] = "job-";
	const char *digits = name + sizeof(prefix) - 1;
	char option[32];
	char *const argv[] = {(char *)work->config->berth, (char *)"container", (char *)"remove",
			      option, NULL};
	struct stat status;
	scoped_fd job = -1;
	pid_t child;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || strlen(digits) > 10 || !*digits ||
	    strspn(digits, "0123456789") != strlen(digits))
		return 0;
	job = open_own(place, name, work->uid);
	if (job < 0 || fstatat(job, mark, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	snprintf(option, sizeof(option), "--job=%s", digits);
	child = fork();
	if (child == 0)
		run(argv, environment);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 1;
}

static int remove_in(const struct work *work, int parent, const char *place)
{
	scoped_fd directory = open_own(parent, place, work->uid);

	return directory < 0 ? 0 : for_each(work, directory, remove_if_ended);
}

static _Noreturn void do_remove(const struct work *work)
{
	for_each_place(work, remove_in);
	_exit(0);
}

/* Not of processes, whose number would be counted with those of the user's other jobs; nor of
 * memory, which the JVM's options bound. */
static void set_limits(void)
{
	static const struct {
		int resource;
		rlim_t limit;
	} limits[] = {
		{RLIMIT_CPU, CPU_SECONDS},
		{RLIMIT_FSIZE, FILE_BYTES},
		{RLIMIT_CORE, 0},
		{RLIMIT_NOFILE, 4096},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct rlimit limit = {limits[i].limit, limits[i].limit};

		if (setrlimit(limits[i].resource, &limit) < 0 && errno != EPERM)
			_exit(FAILED);
	}
}

/* ---- the keeper: as root, but all that it looks at is its own ---- */

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* What a worker has started is this one's child when the worker is gone. Only children are
 * signalled: as long as they are not waited for, nobody else has their numbers. */
static void end_children(void)
{
	time_t end = now() + KILL_SECONDS;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	while (waitpid(-1, NULL, WNOHANG) >= 0 && now() < end) {
		const struct timespec pause = {.tv_nsec = 10000000};
		FILE *list = fopen(path, "re");
		int child;

		while (list && fscanf(list, "%d", &child) == 1)
			kill(child, SIGKILL);
		if (list)
			fclose(list);
		nanosleep(&pause, NULL);
	}
}

/* Whether a worker has ended well, in time. */
static bool work_as_user(const struct work *work, void (*task)(const struct work *), int seconds)
{
	time_t end = now() + seconds;
	int status = -1;
	bool running = true;
	pid_t worker = fork();

	if (worker == 0) {
		set_limits();
		become_user(work->uid);
		if (close_from(STDERR_FILENO + 1) < 0)
			_exit(FAILED);
		task(work);
	}
	if (worker < 0)
		return false;
	for (long pause = 1; running && now() < end; pause += pause < 200) {
		const struct timespec time = {.tv_nsec = pause * 1000000};

		nanosleep(&time, NULL);
		running = waitpid(worker, &status, WNOHANG) == 0;
	}
	/* The list of children may be missing in this kernel. */
	if (running)
		kill(worker, SIGKILL);
	end_children();
	return !running && status == 0;
}

static bool lock(int file, off_t place, bool wait)
{
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
	int result;

	do
		result = fcntl(file, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

static void unlock(int file, off_t place)
{
	struct flock range = {
		.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};

	fcntl(file, F_OFD_SETLK, &range);
}

/*
 * Two places of a file that only root can open: who has the first one works, who has the second one
 * waits for that. False if both are taken: who waits has not begun, and will see our mark.
 */
static bool take_turn(uid_t uid)
{
	int file = open(turns, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t working = 2 * (off_t)uid, waiting = working + 1;

	if (file < 0)
		return false;
	if (lock(file, working, false))
		return true;
	if (!lock(file, waiting, false) || !lock(file, working, true))
		return false;
	unlock(file, waiting);
	return true;
}

static _Noreturn void keep(const struct work *work)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signals_default();
	prctl(PR_SET_NAME, "berth-remove", 0, 0, 0);
	if (null < 0 || chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		_exit(FAILED);
	arrange((const int[]){null, null, null}, 3);
	if (work_as_user(work, do_mark, MARK_SECONDS) && take_turn(work->uid))
		work_as_user(work, do_remove, REMOVE_SECONDS);
	_exit(0);
}

void remove_job(const struct config *config, uid_t uid, uint32_t job)
{
	const struct work work = {.config = config, .uid = uid, .job = job};
	pid_t child = fork();

	if (child < 0) {
		slurm_error("berth: remove the containers of job %u: %m", (unsigned int)job);
		return;
	}
	/* Nobody waits for a large one to be gone: the node is free meanwhile. slurmd kills the
	 * process group of what calls this when it has ended, so the keeper is made in a session of
	 * its own. */
	if (child == 0) {
		setsid();
		child = fork();
		if (child == 0)
			keep(&work);
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
