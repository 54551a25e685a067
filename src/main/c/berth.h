/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher's files know of each other. docs/plan.md is the contract they perform. */
#ifndef BERTH_H
#define BERTH_H

#include "common/descriptors.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* ---- message.c: one line each on standard error, in Apptainer's format ---- */

enum level {
	LEVEL_FATAL = -4,
	LEVEL_ERROR = -3,
	LEVEL_WARNING = -2,
	LEVEL_INFO = 1,
	LEVEL_VERBOSE = 2,
};

enum {
	STATUS_USAGE =
		125, /* of the planner, for the 1 of usage errors: a JVM that cannot start says 1 */
	STATUS_FAILED = 255
};

void message_level(int level, bool plain);
__attribute__((format(printf, 2, 3))) void say(enum level level, const char *format, ...);
_Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...);
/* The same, with the reason that errno gives appended in words. */
_Noreturn __attribute__((format(printf, 1, 2))) void die_errno(const char *format, ...);
/* errno in words as they stand inside a sentence: "no such file or directory". */
const char *why(int error);

/* ---- memory.c: the launcher's memory lives until exec; see main.c ---- */

void *allocate(size_t count, size_t size);
void *resize(void *old, size_t count, size_t size);
char *copy(const char *text);
__attribute__((format(printf, 1, 2))) char *text(const char *format, ...);

struct buffer {
	char *bytes;
	size_t length;
	size_t room;
};

void append(struct buffer *buffer, const void *bytes, size_t length);
void append_text(struct buffer *buffer, const char *string);
/* Appends all of a file from its offset on; -1 with errno, EFBIG beyond limit bytes. */
int append_file(struct buffer *buffer, int fd, size_t limit);
/* The same as a new string, closed with a NUL; NULL with errno. */
char *read_text(int directory, const char *path, size_t limit);
int write_all(int fd, const void *bytes, size_t length);

/* ---- words.c: what a word of a plan means; false where it is none of its kind ---- */

struct mount_options {
	bool recursive;
	unsigned long flags; /* MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC */
};

struct map_line {
	uint64_t inside, outside, count;
};

bool parse_number(const char *word, uint64_t *number);
bool parse_mode(const char *word, mode_t *mode);
bool parse_namespaces(const char *word, int *flags);
bool parse_options(const char *word, struct mount_options *options);
bool parse_missing(const char *word);
bool parse_id_map(const char *word);
/* The next line of a map; false, and nowhere further, at its end or where it is none. */
bool next_map_line(const char **map, struct map_line *line);
/* Whether a list with commas (NULL: none) has that word. */
bool list_has(const char *list, const char *word);

/* ---- mountinfo.c: the mount table ---- */

struct mount_line {
	char *root;  /* of the file system, what is mounted */
	char *point; /* where */
	char *type;
	char *super; /* the file system's own options, or NULL */
};

/* The next line of /proc/self/mountinfo (proc(5)), taken apart in place; false at the end. Lines
 * that are none are passed over. */
bool next_mount(char **table, struct mount_line *line);
/* The whole table, or NULL with errno. */
char *read_mounts(void);

/* ---- prefix.c: this program's file, and the directory of its installation ---- */

const char *own_file(void);
const char *own_prefix(void);

/* ---- refusal.c: why the kernel refused, by errno ---- */

/* The reason in words when namespaces are refused, or NULL when errno says it all. */
const char *why_no_namespaces(int error);
_Noreturn void die_namespaces(const char *what);
_Noreturn void die_mount(const char *what);

/* ---- privileges.c ---- */

bool in_initial_user_namespace(void);
void drop_privileges(void);

/* ---- limits.c: the memory that control groups and the machine leave us ---- */

/* Bytes; UINT64_MAX if nothing limits them. */
uint64_t memory_limit(void);
/* The same by the texts of /proc/self/mountinfo and /proc/self/cgroup, without the machine. */
uint64_t cgroup_memory_limit(const char *mounts, const char *groups);
/* The planner's heap in MB where it usually has so much and the process may use so many bytes. */
unsigned long heap_megabytes(unsigned long usual, uint64_t limit);

/* ---- plan.c: bytes to steps; every malformed plan is one error ---- */

enum {
	STEP_DESCRIPTORS = 3
};

struct step {
	const struct op *op;
	size_t count;
	char **words;
	int fds[STEP_DESCRIPTORS]; /* what an op keeps between its hooks */
};

struct plan {
	struct step *steps;
	size_t count;
	/* Known ahead, because processes are started before their place in the plan. */
	int namespaces;	      /* CLONE_NEW* of the unshare op */
	bool drop_privileges; /* the payload will have none */
};

/* Splits and checks the bytes, which the plan then refers to (length without a closing NUL is a
 * fault). Returns NULL, or what is wrong with them. */
const char *plan_read(struct plan *plan, char *bytes, size_t length, int argc);

/* ---- ops.c: the table and the loop ---- */

struct environment {
	char **variables; /* NAME=value, NULL at the end */
	size_t count;
	size_t room;
};

/* What the caller had, for the payload; the launcher works with other ones. */
struct caller_signals {
	struct sigaction child;
	struct sigaction file_size;
};

struct context {
	const struct plan *plan;
	struct caller_signals signals;
	int argc;
	char **argv;
	char **caller_environment;
	struct environment environment;
	mode_t umask;	/* of the payload; while performing it is 0 */
	int session_fd; /* -1 until there is one; O_PATH as all of these */
	int image_fd;
	int root_fd;
	int shell_fd;	     /* the static shell of the last env-image */
	bool skip_next;	     /* the next operation is passed over */
	int lease_fd;	     /* the lock file of a kept container, or -1 */
	bool starts;	     /* that container was not running */
	uint64_t start_time; /* ours, in clock ticks since the machine's start */
	/* Processes outside that end by themselves when the payload has ended. */
	pid_t helpers[2];
	size_t helper_count;
};

struct op {
	const char *name;
	const char *words; /* their types, see plan.c */
	void (*perform)(struct context *context, struct step *step);
	/* What must happen before the caller's user namespace, or the host's mount namespace, is
	 * left: processes that stay outside, and files of the host that are needed inside. */
	void (*before_user)(struct context *context, struct step *step);
	void (*before_mount)(struct context *context, struct step *step);
};

const struct op *op_find(const char *name);
bool op_is_payload(const struct op *op);
_Noreturn void perform(struct context *context, struct plan *plan);

static inline bool op_is(const struct step *step, const char *name)
{
	return strcmp(step->op->name, name) == 0;
}

/* ---- path.c: paths inside a directory that is taken for the root ---- */

enum kind {
	KIND_DIRECTORY,
	KIND_FILE,
};

/* O_PATH descriptor of a path inside root, symbolic links resolved inside it; -1 with errno. */
int open_inside(int root, const char *path);
/* The same, but what is missing is made: parents 0755, the last component with that mode. */
int make_inside(int root, const char *path, enum kind kind, mode_t mode);
/* Makes a missing path of image in skel instead, with the parents that image has. */
int make_beside(int image, int skel, const char *path, enum kind kind, bool always);
int make_link_inside(int root, const char *path, const char *target);
/* "/proc/self/fd/N", for system calls that know no descriptors. */
struct fd_path {
	char text[32];
};
struct fd_path fd_path(int fd);

/* ---- attach.c: mounts by descriptors ---- */

/* Mounts what source shows on target, and returns the descriptor of the new mount; -1 with errno 0
 * where this kernel gives none, and it has to be looked up. */
int attach(int source, int target, bool recursive);
int restrict_mount(int mounted, const struct mount_options *options);

/* ---- image.c: the session directory, and directories as images ---- */

int need_session(const struct context *context);
/* Mounts a directory on session/NAME and returns the descriptor of the new mount. */
int attach_in_session(struct context *context, int source, const char *name,
		      const struct mount_options *options);
/*
 * What the planner looked at: the same file by its device and inode, and where its bytes were
 * verified in the same state too, by the time of its last change. A user can set every other time
 * of a file, not that one. The word is missing for what was not looked at.
 */
void require_identity(int fd, const struct step *step, size_t at);
void image_is_mounted(struct context *context);
void op_session(struct context *context, struct step *step);
void op_image_dir(struct context *context, struct step *step);
void op_image_temporary(struct context *context, struct step *step);
void before_image_temporary(struct context *context, struct step *step);

/* ---- loop.c ---- */

void op_image_loop(struct context *context, struct step *step);

/* ---- tree.c ---- */

/* What cannot be removed stays. */
void remove_tree(const char *path);

/* ---- root.c ---- */

int need_root(const struct context *context);
void op_skeleton(struct context *context, struct step *step);
void op_root_overlay(struct context *context, struct step *step);
void op_root_overlay_dir(struct context *context, struct step *step);
void op_root_bind(struct context *context, struct step *step);
void op_pivot(struct context *context, struct step *step);

/* ---- bind.c ---- */

void op_bind(struct context *context, struct step *step);
void op_bind_session(struct context *context, struct step *step);
void op_mount(struct context *context, struct step *step);
/* Mounts a session file on a file of the container that exists. */
void bind_session_file(struct context *context, const char *source, const char *target);

/* ---- confine.c: a program that reads what strangers wrote ---- */

/* In a child that is about to become the program: from here on it sees itself, its libraries and
 * the file of that descriptor, under that path and only to be read; it has no privileges, and
 * system calls that reach further are refused. Ends the child with a word on standard error. */
void confine(const char *program, int file, const char *path);
/* Becomes argv[0], which can start no other program: a shell that works out what a file assigns. */
_Noreturn void run_alone(char *const argv[], char *const environment[]);

/* ---- squash.c ---- */

void op_image_squash(struct context *context, struct step *step);
void before_image_squash(struct context *context, struct step *step);

/* ---- ids.c ---- */

void op_map_ids(struct context *context, struct step *step);
void before_map_ids(struct context *context, struct step *step);
void op_identity(struct context *context, struct step *step);
void before_identity(struct context *context, struct step *step);
void op_privileges(struct context *context, struct step *step);

/* ---- process.c ---- */

/* fork without a signal to the parent at the end, whatever the caller thinks of SIGCHLD: nothing
 * of it can reach the payload. To be awaited by wait_quiet only. */
pid_t fork_quiet(void);
int wait_quiet(pid_t pid);
void end_with_parent(pid_t parent, int signal);
/* Sets up a child that is ours alone: these descriptors from 3 on, all others but 0-2 closed. */
void keep_only(const int *descriptors, int count);
/* Becomes an open file; returns if that fails. */
void run_by_descriptor(int fd, char *const argv[], char *const environment[]);
void signals_default(void);
void signals_take(struct caller_signals *signals);
void signals_give_back(const struct caller_signals *signals);
/* A child that does our work, in which all signals are blocked. Who waits for it passes signals on
 * to it, stops with it, and ends by the signal that has ended it. */
pid_t fork_supervised(sigset_t *before);
int wait_supervised(pid_t child, const sigset_t *before);

/* Starts a process that belongs to nobody (own session, init's child), holds only the given
 * descriptors (from 4 on) and whose words on standard error can be read from *words. True in it,
 * once the launcher has written to *go; in the launcher false, and *pid is its number. */
enum {
	OUTSIDE_FD = 4
};
bool start_outside(const int *descriptors, int count, int *go, int *words, pid_t *pid);
/* Remembers a process that ends by itself after the payload: who waits for all of us can know. */
void add_helper(struct context *context, pid_t pid);
char *last_words(int words);

void op_init(struct context *context, struct step *step);
void op_fork(struct context *context, struct step *step);
void op_hold(struct context *context, struct step *step);

/* ---- lease.c ---- */

void op_lease(struct context *context, struct step *step);
void op_join(struct context *context, struct step *step);
/* The container can be entered by others now: says who holds it, in its lock file. */
void lease_others(struct context *context);

/* ---- exec.c ---- */

void before_shell(struct context *context, struct step *step);
void op_cwd(struct context *context, struct step *step);
void op_exec(struct context *context, struct step *step);
void op_exec_script(struct context *context, struct step *step);
void op_exec_shell(struct context *context, struct step *step);

/* ---- env.c ---- */

const char *environment_get(const struct environment *environment, const char *name);
void environment_set(struct environment *environment, const char *name, const char *value);
/* Reads what a shell's "export -p" wrote into environment; false when it is not that. */
bool environment_parse(struct environment *environment, const char *exports);
bool is_variable_name(const char *name, size_t length);
void op_env_keep(struct context *context, struct step *step);
void op_env_drop(struct context *context, struct step *step);
void op_env_set(struct context *context, struct step *step);
void op_env_unset(struct context *context, struct step *step);
void op_env_image(struct context *context, struct step *step);

/* ---- files.c ---- */

void op_make_dir(struct context *context, struct step *step);
void op_symlink(struct context *context, struct step *step);
void op_file(struct context *context, struct step *step);
void op_make_host_dir(struct context *context, struct step *step);
void op_remove_file(struct context *context, struct step *step);
void op_skip_if_same(struct context *context, struct step *step);
void op_make_session_dir(struct context *context, struct step *step);
void op_passwd(struct context *context, struct step *step);
void op_group(struct context *context, struct step *step);
void op_require_file(struct context *context, struct step *step);

/* ---- facts.c ---- */

/* A memfd with what the planner is told about the caller. */
int gather_facts(int argc, char **argv, char **environment);

/* ---- profile.c ---- */

enum profile {
	PROFILE_SHORT, /* starts fast, small heap */
	PROFILE_LONG,  /* for work of more than a second */
};

enum profile profile_of(int argc, char **argv);
/* The name of the AOT cache: that of launches, or that of everything. */
const char *classes_of(enum profile profile, int argc, char **argv);

/* ---- planner.c ---- */

/* Asks the planner; returns its plan. Does not return when it has done all the work itself. */
void ask_planner(struct buffer *plan, int argc, char **argv, char **environment);

#endif
