/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plugin's files know of each other.
 *
 * The plugin is a guest in slurmstepd: it never ends it and never blocks it. All functions return
 * 0, or -1 when they have told the user why (fail) or logged it (slurm_error).
 */
#ifndef BERTH_PLUGIN_H
#define BERTH_PLUGIN_H

#include "common/descriptors.h"
#include "common/processes.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <slurm/slurm.h>
#include <slurm/spank.h>

/* A growing list of strings that ends with NULL; words belong to somebody else unless said. */
struct words {
	char **list;
	size_t count;
	size_t room;
};

int words_add(struct words *words, char *word);
__attribute__((format(printf, 2, 3))) int words_add_new(struct words *words, const char *format,
							...);
/* Never NULL: an environment may be empty (--export=NONE). */
char **words_list(struct words *words);
/* The value of NAME in a NAME=value list, or NULL. */
const char *environment_find(char *const *environment, const char *name);

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
/* The flags of the Berth CLI that the options stand for. New strings. */
int options_as_flags(struct words *argv);
/* Variables by which srun hands options on; they are no task's business. */
bool is_handed_on(const char *variable);

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

enum {
	PROCESSES = 4
};

/* Memory of all tasks and slurmstepd. */
struct shared {
	pthread_mutex_t mutex;
	enum phase phase;
	pid_t starting; /* while the container is being made */
	struct process processes[PROCESSES];
	size_t process_count;
	size_t message_length; /* of the holder's message in step->message */
	uint32_t ended;	       /* tasks */
};

struct step {
	const struct config *config;
	bool contained;
	const char *image;   /* NULL: a named container's own */
	const char *trouble; /* in user_init, whose failure would be nobody's exit status */
	char node[HOST_NAME_MAX + 1];
	uid_t uid;
	uint32_t tasks;
	uint32_t ended;	    /* where nothing is shared */
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
/* In slurmstepd: counts a task's end; true for the last one of the node. */
bool step_task_ended(struct step *step);
/* In slurmstepd: ends the container, and waits a bounded time for its processes to be gone. */
void step_release(struct step *step);

/* ---- child.c ---- */

/* Runs "berth hold" until the container is there. *message is new memory with what the holder says;
 * NULL if the plan was only explained. */
int child_hold(struct step *step, struct words *environment, char **message, size_t *length);
/* At a job's end, as root: removes the job's named containers, as the user and in the background.
 */
void child_remove_job(const struct config *config, uid_t uid, uint32_t job);
/* Runs "berth resolve" in srun; *image is new memory. */
int child_resolve(const struct config *config, const char *image, char **resolved);

/* Starts "berth save", whose messages come from *output. -1 if it could not. */
pid_t child_save(const struct step *step, char *const *environment, int *output);
/* Tells what it says until it ends. -1 if it failed. */
int child_saved(const struct step *step, pid_t saver, int output);

/* ---- save.c ---- */

/* Returns in a new process, which goes on as the task; the old one saves when all have ended. */
int save_stay_behind(struct step *step, char *const *environment);

/* ---- ns.c ---- */

void process_note(struct process *process, pid_t pid);
/* Enters the namespaces of a process, if it is the one that was noted. */
int ns_join(const struct step *step, const struct process *process);

#endif
