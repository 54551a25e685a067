/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plugin's files know of each other.
 *
 * The plugin is a guest in slurmstepd: it never ends it and never blocks it. All functions return
 * 0, or -1 when they have told the user why (fail) or logged it (slurm_error).
 *
 * Who runs what: slurmstepd and slurmd (root) only prepare, count, close, and start children. What
 * a user made (processes, files, words) is signalled, read and waited for by tasks, which are the
 * user's, or by a child that has dropped all ids; root waits for such a child for a time that is
 * bounded, and signals no process but its own children, whose numbers nobody else can have.
 */
#ifndef BERTH_PLUGIN_H
#define BERTH_PLUGIN_H

#include "common/descriptors.h"
#include "common/processes.h"
#include "message.h"
#include "words.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <slurm/slurm.h>
#include <slurm/spank.h>

/* ---- options.c: one table of options, and what plugstack.conf says ---- */

enum option_index {
	OPTION_IMAGE,
	OPTION_MOUNTS,
	OPTION_WORKDIR,
	OPTION_MOUNT_HOME,
	OPTION_NO_MOUNT_HOME,
	OPTION_WRITABLE,
	OPTION_READONLY,
	OPTION_ENV,
	OPTION_ENTRYPOINT,
	OPTION_NO_ENTRYPOINT,
	OPTION_OPTIONS,
	OPTION_EXPLAIN,
	OPTION_NAME,
	OPTION_SAVE,
	OPTION_REMAP_ROOT,
	OPTION_NO_REMAP_ROOT,
	OPTION_ENTRYPOINT_LOG,
	OPTION_UNSHARE,
	OPTION_BATCH,
	OPTION_COUNT,
};

struct config {
	const char *berth; /* absolute path of the program */
	const char *store; /* directory that all nodes see, or NULL */
	bool required;	   /* no step without an image */
	bool batch_script; /* contain batch scripts, not only the steps in them */
	bool job_scope;	   /* named containers end with their job */
};

/* Reads the words of plugstack.conf. A fault is kept, to be told where a user can see it. */
const struct config *config_read(int argc, char **argv);
int config_check(void);

int options_register(spank_t spank);
/* In sbatch and salloc: hands on to the commands in the job what Slurm would not. */
int options_complete_in_allocator(void);
/* In srun: takes defaults from the environment, and hands on to the nodes what came from there. */
int options_complete_in_srun(void);
/* In slurmstepd: the same values, by the launch message and the job's environment. */
int options_complete_in_step(char *const *environment);
/* In the slurmstepd of a batch script, which no srun has started: defaults from the job's
 * environment. */
int options_complete_in_batch(char *const *environment);
bool options_contain_batch_script(void);
/* What an option was given; "1" for a flag, NULL if it was not. */
const char *option_value(enum option_index index);
/* Replaces the image by what the CLI made of it, for the nodes. */
int options_hand_on_image(const char *image);
/* What the user calls the image that was replaced; NULL if none was. */
const char *options_image_called(char *const *environment);
/* Whether srun was told to say nothing but errors. */
bool options_are_quiet(char *const *environment);
/* The flags of the Berth CLI that the options stand for. New strings. */
int options_as_flags(struct words *argv);
/* ---- step.c: what the tasks of a step on this node have in common ---- */

enum phase {
	PHASE_FRESH,
	PHASE_READY,
	PHASE_FAILED,
	PHASE_EXPLAINED, /* --container-explain: nothing is run */
};

/* What tells it from another one that gets its pid later. */
struct process {
	pid_t pid;
	uint64_t number; /* of its pidfd; 0 where the kernel has none */
	uint64_t start_time;
	int namespaces; /* in which it is and who noted it is not, as clone(2) calls them */
};

/*
 * Memory of slurmstepd and all tasks, made by slurmstepd. Processes of the user's write to it, so
 * slurmstepd never waits for the mutex and takes nothing out of it but the processes, for a child
 * that has dropped all ids: a task can only hurt its own step.
 */
struct shared {
	pthread_mutex_t mutex; /* of the tasks */
	enum phase phase;
	struct process processes[MESSAGE_PROCESSES];
	size_t process_count;
	uint32_t ended; /* tasks; slurmstepd counts, and only writes it down here */
};

struct step {
	const struct config *config;
	bool contained;
	bool quiet;
	const char *image;   /* NULL: a named container's own */
	const char *called;  /* what the user calls it, if that is something else */
	const char *trouble; /* in user_init, whose failure would be nobody's exit status */
	char node[HOST_NAME_MAX + 1];
	uid_t uid;
	uint32_t tasks;
	uint32_t ended;	    /* tasks, as slurmstepd knows it */
	struct words flags; /* of "berth hold": what the step adds to the options */
	struct shared *shared;
	int release[2]; /* the container ends when nobody has the second open */
	int message;	/* memory file */
};

/* Tells the user, on the task's standard error, in one line. Always -1. */
__attribute__((format(printf, 2, 3))) int fail(const struct step *step, const char *format, ...);

int step_prepare(struct step *step);
/* Makes the container in the first task, waits for it in the others, and enters it. */
int step_enter(struct step *step, spank_t spank);

/* ---- release.c: in slurmstepd, after the tasks ---- */

/* Counts a task's end; true for the last one of the node. */
bool step_task_ended(struct step *step);
/* Ends the container, and waits a bounded time for its processes to be gone. */
void step_release(struct step *step);

/* ---- drop.c: in a forked child; nothing but what is safe between fork and exec ---- */

void signals_default(void);
/* descriptors[i] becomes i, all others are closed. */
void arrange(const int *descriptors, int count);
/* Ends the process unless all ids are the user's. */
void verify_user(uid_t uid);
/* From root: drops groups, group and user for good, or ends the process. */
void become_user(uid_t uid);
_Noreturn void run(char *const *argv, char *const *environment);
/* Ends a child that writes to a standard error. */
_Noreturn void die(const char *what);

/* ---- child.c: the CLI, as the user ---- */

/* Runs "berth hold" until the container is there. *message is new memory with what the holder says;
 * NULL if the plan was only explained. */
int child_hold(struct step *step, struct words *environment, char **message, size_t *length);
/* Runs "berth resolve" in srun; *image is new memory. */
int child_resolve(const struct config *config, const char *image, char **resolved);

/* Starts "berth save", whose messages come from *output. -1 if it could not. */
pid_t child_save(const struct step *step, char *const *environment, int *output);
/* Tells what it says until it ends. -1 if it failed. */
int child_saved(const struct step *step, pid_t saver, int output);

/* ---- behind.c ---- */

/*
 * Returns in a new process, which goes on as the task; the old one does what comes after the tasks
 * of the node, where that may take long: it saves, and keeps the server of a named container.
 */
int stay_behind(struct step *step, char *const *environment);

/* ---- remove.c: in slurmd's epilog, as root ---- */

/* Removes the named containers of jobs that have ended, as the user and in the background. */
void remove_job(const struct config *config, uid_t uid, uint32_t job);

/* ---- ns.c ---- */

/* -1 with errno for one that may not be of this step: only what runs as the user, in our control
 * groups, and was started after the task that asks. */
int process_note(struct process *process, pid_t pid, uid_t uid);
/* A pidfd, or -1 where there is none; *ended if it is not the noted process any more. */
int process_open(const struct process *process, bool *ended);
bool process_has_ended(const struct process *process);
/* Enters the namespaces of a process, if it is the one that was noted. */
int ns_join(const struct step *step, const struct process *process);

#endif
