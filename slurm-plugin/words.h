/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of strings, and environments, which are such lists; nothing of Slurm in it. */
#ifndef BERTH_WORDS_H
#define BERTH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Variables by which srun hands options on; they are no task's business. SLURM_*: it passes
 * --export=NONE. */
#define HANDED_ON "SLURM_BERTH_"

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
/* The list, not the words. */
void words_free(struct words *words);

/* The value of NAME in a NAME=value list, or NULL. */
const char *environment_find(char *const *environment, const char *name);
/* Those that all tasks of the node have with the same value. */
int environment_common(char *const *environment, struct words *common);
/*
 * What becomes of a job's environment in a container with these variables: they come over the
 * job's, and a job's variable that the container does not have is none of the tasks' either (a
 * clean environment, say). What Slurm made for one task stays. UNSET gets new strings, the names;
 * SET some of the variables.
 */
int environment_merge(char *const *environment, char *const *variables, struct words *unset,
		      struct words *set);

#endif
