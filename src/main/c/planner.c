/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner: a short-lived JVM in a child process. It is told the facts and writes the plan, both
 * in memory files, and has ended before anything of the plan is done.
 */
#include "berth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	JAVA_VERSION = 25,
	TEXT_LIMIT = 1 << 20,
	PLAN_LIMIT = 64 << 20,
	FACTS_FD = 3,
	PLAN_FD = 4,
	JAVA_FAILED = 1, /* status of a JVM that could not start */
};

struct list {
	char **words;
	size_t count;
	size_t room;
};

static void add(struct list *list, char *string)
{
	if (list->count + 2 > list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->words = resize(list->words, list->room, sizeof(*list->words));
	}
	list->words[list->count++] = string;
	list->words[list->count] = NULL;
}

/* ---- which Java ---- */

/* The feature version that the release file of a Java home tells: JAVA_VERSION="25.0.3" is 25. */
static long java_version(const char *home)
{
	char *release = read_text(AT_FDCWD, text("%s/release", home), TEXT_LIMIT);
	char *version = release ? strstr(release, "JAVA_VERSION=\"") : NULL;

	return version ? strtol(version + strlen("JAVA_VERSION=\""), NULL, 10) : 0;
}

static char *java_in(const char *home)
{
	char *java = text("%s/bin/java", home);

	return access(java, X_OK) == 0 ? java : NULL;
}

/* The newest of the distribution's; of two as new the one whose name sorts first. */
static char *java_of_distribution(void)
{
	static const char directory[] = "/usr/lib/jvm";
	DIR *list = opendir(directory);
	char *best = NULL;
	long best_version = JAVA_VERSION - 1;

	for (struct dirent *entry; list && (entry = readdir(list));) {
		char *home = text("%s/%s", directory, entry->d_name);
		long version = entry->d_name[0] == '.' ? 0 : java_version(home);

		if (!java_in(home) || version < JAVA_VERSION || version < best_version)
			continue;
		if (version > best_version || strcmp(home, best) < 0)
			best = home;
		best_version = version;
	}
	if (list)
		closedir(list);
	return best ? java_in(best) : NULL;
}

static char *find_java(const char *prefix)
{
	const char *chosen = getenv("BERTH_JAVA_HOME");
	const char *usual = getenv("JAVA_HOME");
	char *java = java_in(text("%s/libexec/berth/runtime", prefix));

	if (java)
		return java;
	if (chosen && *chosen) {
		java = java_in(chosen);
		if (!java)
			die("BERTH_JAVA_HOME is %s, where bin/java is not", chosen);
		return java;
	}
	if (usual && *usual && java_version(usual) >= JAVA_VERSION)
		java = java_in(usual);
	if (!java)
		java = java_of_distribution();
	if (!java)
		die("Java %d or newer is needed and was not found: set BERTH_JAVA_HOME or "
		    "JAVA_HOME to its directory, or install it below /usr/lib/jvm",
		    JAVA_VERSION);
	return java;
}

/* ---- the command line ---- */

static char *installed_text(const char *prefix, const char *name)
{
	char *path = text("%s/libexec/berth/%s", prefix, name);
	char *content = read_text(AT_FDCWD, path, TEXT_LIMIT);

	if (!content)
		die_errno("this installation is not complete: %s", path);
	return content;
}

/* libexec/berth/classpath has the jars in their order, relative, on one line. */
static struct list class_path(const char *prefix)
{
	char *line = installed_text(prefix, "classpath");
	struct list jars = {0};
	char *state;

	if (strchr(prefix, ':'))
		die("Java cannot run from a directory with a colon in its name: %s", prefix);
	line[strcspn(line, "\n")] = '\0';
	for (char *jar = strtok_r(line, ":", &state); jar; jar = strtok_r(NULL, ":", &state))
		add(&jars, text("%s/libexec/berth/%s", prefix, jar));
	if (!jars.count)
		die("this installation is not complete: %s/libexec/berth/classpath is empty",
		    prefix);
	return jars;
}

static char *joined(const struct list *words)
{
	struct buffer line = {0};

	for (size_t i = 0; i < words->count; i++) {
		if (i)
			append_text(&line, ":");
		append_text(&line, words->words[i]);
	}
	append(&line, "", 1);
	return line.bytes;
}

static bool is_newer(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* An AOT cache, unless a jar has changed since: the JVM itself would not notice. */
static char *valid_cache(const char *prefix, const char *name, const struct list *jars)
{
	char *path = text("%s/libexec/berth/%s.aot", prefix, name);
	struct stat cache, jar;

	if (stat(path, &cache) < 0)
		return NULL;
	for (size_t i = 0; i < jars->count; i++)
		if (stat(jars->words[i], &jar) < 0 || is_newer(&jar, &cache))
			return NULL;
	return path;
}

static char *with_prefix(const char *option, const char *prefix)
{
	static const char mark[] = "@PREFIX@";
	struct buffer out = {0};

	for (const char *at; (at = strstr(option, mark)); option = at + sizeof(mark) - 1) {
		append(&out, option, (size_t)(at - option));
		append_text(&out, prefix);
	}
	append(&out, option, strlen(option) + 1);
	return out.bytes;
}

/* -XmxNm, with less where a control group or the machine has not enough for it. */
static char *fitting(char *option)
{
	static const char heap[] = "-Xmx";
	unsigned long usual;
	char *unit;

	if (strncmp(option, heap, strlen(heap)))
		return option;
	usual = strtoul(option + strlen(heap), &unit, 10);
	if (strcmp(unit, "m"))
		return option;
	return text("%s%lum", heap, heap_megabytes(usual, memory_limit()));
}

/* libexec/berth/jvm.options: one option a line, for one profile only with "short:" or "long:". */
static void add_options(struct list *argv, const char *prefix, enum profile profile)
{
	const char *mine = profile == PROFILE_SHORT ? "short:" : "long:";
	const char *other = profile == PROFILE_SHORT ? "long:" : "short:";
	char *state;

	for (char *line = strtok_r(installed_text(prefix, "jvm.options"), "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		if (line[0] == '#' || !strncmp(line, other, strlen(other)))
			continue;
		if (!strncmp(line, mine, strlen(mine)))
			line += strlen(mine);
		line += strspn(line, " \t");
		if (*line)
			add(argv, fitting(with_prefix(line, prefix)));
	}
}

static struct list java_command(const char *prefix, enum profile profile, const char *name)
{
	struct list jars = class_path(prefix);
	struct list argv = {0};
	char *cache = valid_cache(prefix, name, &jars);

	add(&argv, find_java(prefix));
	add_options(&argv, prefix, profile);
	if (cache)
		add(&argv, text("-XX:AOTCache=%s", cache));
	add(&argv, text("-Dberth.profile=%s", profile == PROFILE_SHORT ? "short" : "long"));
	add(&argv, copy("-cp"));
	add(&argv, joined(&jars));
	add(&argv, copy("org.berth.command.Main"));
	return argv;
}

/* ---- what the caller allows us ---- */

static unsigned long megabytes_of_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return 0;
	return (unsigned long)(limit.rlim_cur >> 20);
}

/* A JVM reserves more than it uses; where it gets too little it ends in words of its own. Measured:
 * 550 MB with the short profile. */
static void check_address_space(enum profile profile)
{
	const unsigned long needed = profile == PROFILE_SHORT ? 640 : 1024;
	unsigned long allowed = megabytes_of_limit(RLIMIT_AS);

	if (allowed && allowed < needed)
		die("this shell allows its programs %lu MB of address space and %lu MB are needed: "
		    "raise it with 'ulimit -v %lu' or more",
		    allowed, needed, needed << 10);
}

static _Noreturn void die_java(const char *prefix)
{
	static const struct {
		int resource;
		const char *name;
	} known[] = {
		{RLIMIT_AS, "MB of address space (ulimit -v)"},
		{RLIMIT_DATA, "MB of data (ulimit -d)"},
	};
	struct buffer limits = {0};
	struct rlimit processes;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (megabytes_of_limit(known[i].resource))
			append_text(&limits,
				    text("%s%lu %s", limits.length ? ", " : "",
					 megabytes_of_limit(known[i].resource), known[i].name));
	if (getrlimit(RLIMIT_NPROC, &processes) == 0 && processes.rlim_cur < 4096)
		append_text(&limits,
			    text("%s%lu processes and threads (ulimit -u)",
				 limits.length ? ", " : "", (unsigned long)processes.rlim_cur));
	append(&limits, "", 1);
	if (limits.length > 1)
		die("Java could not start (%s/libexec/berth): this shell allows its programs %s",
		    prefix, limits.bytes);
	die("Java could not start (%s/libexec/berth): the node may be out of memory, or the "
	    "installation is damaged",
	    prefix);
}

/* What would change our JVM, put code into it, or make it talk: whole families, since a dynamic
 * linker and a C library learn new ones. */
static bool changes_java(const char *variable)
{
	static const char *const families[] = {"LD_", "GLIBC_", "MALLOC_", "_JAVA_"};
	static const char *const names[] = {
		"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTIONS", "CLASSPATH",
		"GCONV_PATH",	     "LOCPATH",		 "LC_ALL",	 "BERTH_FACTS_FD",
		"BERTH_PLAN_FD",
	};
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (!strncmp(variable, families[i], strlen(families[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == length && !strncmp(variable, names[i], length))
			return true;
	return false;
}

/* The payload still gets what is left out. */
static struct list java_environment(char **caller)
{
	struct list environment = {0};

	for (; *caller; caller++)
		if (!changes_java(*caller))
			add(&environment, *caller);
	add(&environment, copy("LC_ALL=C.UTF-8"));
	/* The C library reserves 64 MB for each further thread. */
	if (megabytes_of_limit(RLIMIT_AS))
		add(&environment, copy("MALLOC_ARENA_MAX=1"));
	add(&environment, text("BERTH_FACTS_FD=%d", FACTS_FD));
	add(&environment, text("BERTH_PLAN_FD=%d", PLAN_FD));
	return environment;
}

/* ---- the child ---- */

/* The JVM runs under no signal settings of the caller's, but for one thing: who said that a
 * hang-up or an interrupt shall not end the work (nohup) meant this part of it too. */
static void set_signals(void)
{
	static const int kept[] = {SIGHUP, SIGINT, SIGQUIT};
	struct sigaction actions[ARRAY_SIZE(kept)];

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		sigaction(kept[i], NULL, &actions[i]);
	signals_default();
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (actions[i].sa_handler == SIG_IGN)
			signal(kept[i], SIG_IGN);
}

static int run_java(const struct list *argv, int facts, int plan, char **caller)
{
	struct list environment = java_environment(caller);
	const int descriptors[] = {facts, plan};
	pid_t parent = getpid(), child;
	sigset_t before;

	child = fork_supervised(&before);
	if (child < 0)
		die_errno("start the planner");
	if (child == 0) {
		end_with_parent(parent, SIGTERM);
		set_signals();
		keep_only(descriptors, 2);
		/* The caller's directory may be gone, or a server's that does not answer. What the
		 * planner reads it names by whole paths. */
		if (chdir("/") < 0)
			die_errno("change to /");
		execve(argv->words[0], argv->words, environment.words);
		die_errno("run %s", argv->words[0]);
	}
	return wait_supervised(child, &before);
}

void ask_planner(struct buffer *plan, int argc, char **argv, char **environment)
{
	const char *prefix = own_prefix();
	enum profile profile = profile_of(argc, argv);
	struct list java = java_command(prefix, profile, classes_of(profile, argc, argv));
	int facts_fd, plan_fd, status;

	check_address_space(profile);
	facts_fd = gather_facts(argc, argv, environment);
	plan_fd = memfd_create("berth-plan", MFD_CLOEXEC);
	if (plan_fd < 0)
		die_errno("make room for the plan");
	status = run_java(&java, facts_fd, plan_fd, environment);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		die("Java was killed before the work was done, as it happens where memory is short "
		    "(this process may use %llu MB)",
		    (unsigned long long)(memory_limit() >> 20));
	if (WIFSIGNALED(status))
		die("the planner was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == JAVA_FAILED)
		die_java(prefix);
	if (WEXITSTATUS(status) == STATUS_USAGE)
		_exit(1);
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	if (lseek(plan_fd, 0, SEEK_SET) < 0 || append_file(plan, plan_fd, PLAN_LIMIT) < 0)
		die_errno("read the plan");
	if (!plan->length)
		_exit(0);
	close(plan_fd);
	close(facts_fd);
}
