/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include "common/descriptors.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Variables that Slurm makes for one task, or for the step: a container never changes them. */
static const char *const task_owned[] = {
	"SLURM_*",
	"SLURMD_*",
	"PMI_*",
	"PMI2_*",
	"PMIX_[!M]*",
	"PALS_*",
	"SLINGSHOT_*",
	"CUDA_VISIBLE_DEVICES",
	"GPU_DEVICE_*",
	"ROCR_VISIBLE_*",
	"ZE_AFFINITY_MASK",
	"OMPI_MCA_orte_*",
	"MPI_LOCAL*",
	"I_MPI_PMI_LIBRARY",
	"KRB5CCNAME",
};

/* Those of Slurm's that differ from task to task, or are ours. The others say what step it is: its
 * GPUs, say, which decide whether the container has their drivers. */
static const char *const slurm_task_owned[] = {
	"SLURM_PROCID", "SLURM_LOCALID", "SLURM_TASK_PID", "SLURM_CPU_BIND*", HANDED_ON "*",
};

int words_add(struct words *words, char *word)
{
	if (words->count + 2 > words->room) {
		size_t room = words->room ? 2 * words->room : 64;
		char **list = realloc(words->list, room * sizeof(*list));

		if (!list)
			return -1;
		words->list = list;
		words->room = room;
	}
	words->list[words->count++] = word;
	words->list[words->count] = NULL;
	return 0;
}

int words_add_new(struct words *words, const char *format, ...)
{
	va_list arguments;
	char *word;
	int length;

	va_start(arguments, format);
	length = vasprintf(&word, format, arguments);
	va_end(arguments);
	return length < 0 ? -1 : words_add(words, word);
}

char **words_list(struct words *words)
{
	static char *none[] = {NULL};

	return words->list ? words->list : none;
}

void words_free(struct words *words)
{
	free(words->list);
	*words = (struct words){0};
}

const char *environment_find(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static bool is_in(const char *const *patterns, size_t count, const char *variable)
{
	size_t length = strcspn(variable, "=");
	char name[256];

	/* What is longer is decided by its beginning: no pattern has an end. */
	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, variable, length);
	name[length] = '\0';
	for (size_t i = 0; i < count; i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

static bool is_task_owned(const char *variable)
{
	return is_in(task_owned, ARRAY_SIZE(task_owned), variable);
}

static bool is_common(const char *variable)
{
	if (!strncmp(variable, "SLURM_", 6))
		return !is_in(slurm_task_owned, ARRAY_SIZE(slurm_task_owned), variable);
	return !is_task_owned(variable);
}

int environment_common(char *const *environment, struct words *common)
{
	for (; *environment; environment++)
		if (is_common(*environment) && words_add(common, *environment) < 0)
			return -1;
	return 0;
}

static bool is_handed_on(const char *variable)
{
	return !strncmp(variable, HANDED_ON, sizeof(HANDED_ON) - 1);
}

int environment_merge(char *const *environment, char *const *variables, struct words *unset,
		      struct words *set)
{
	for (; *environment; environment++) {
		char *name = strndup(*environment, strcspn(*environment, "="));

		if (!name)
			return -1;
		if (!is_handed_on(name) &&
		    (is_task_owned(name) || environment_find(variables, name)))
			free(name);
		else if (words_add(unset, name) < 0)
			return -1;
	}
	for (; *variables; variables++)
		if (strchr(*variables, '=') && !is_task_owned(*variables) &&
		    words_add(set, *variables) < 0)
			return -1;
	return 0;
}
