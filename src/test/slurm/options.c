/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several ways to say an option counts, by the plugin's own table.
 *
 * usage: options PLACE [--OPTION[=VALUE]…] [NAME=VALUE…]
 *
 * PLACE: sbatch, which takes the options; srun, which takes the options and completes them from the
 * environment; step, slurmstepd with what srun has handed on; batch, that of a batch script. Prints
 * the flags of the CLI, and what is handed on.
 */
#include "../../../slurm-plugin/berth_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static struct spank_option rows[OPTION_COUNT];
static size_t row_count;

/* Slurm's, which only its own programs have. */
void slurm_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

spank_err_t spank_option_register(spank_t spank, struct spank_option *option)
{
	(void)spank;
	rows[row_count] = *option;
	rows[row_count++].name = strdup(option->name);
	return ESPANK_SUCCESS;
}

static spank_context_t context = S_CTX_LOCAL;

spank_context_t spank_context(void)
{
	return context;
}

static int give(const char *word)
{
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < row_count; i++)
		if (strlen(rows[i].name) == length && !strncmp(rows[i].name, word, length))
			return rows[i].cb(rows[i].val, word[length] ? word + length + 1 : NULL, 0);
	return -1;
}

int main(int argc, char **argv)
{
	const char *place = argc > 1 ? argv[1] : "";
	struct words flags = {0};
	int result = 0;

	environ = (char *[]){NULL};
	if (!strcmp(place, "sbatch"))
		context = S_CTX_ALLOCATOR;
	if (options_register(NULL) < 0)
		return 2;
	for (int i = 2; i < argc && result == 0; i++)
		result = strncmp(argv[i], "--", 2) == 0	       ? give(argv[i] + 2)
			 : !strncmp(argv[i], "#SBATCH --", 10) ? give(argv[i] + 10)
							       : putenv(argv[i]);
	if (result == 0)
		result = !strcmp(place, "sbatch") ? options_complete_in_allocator()
			 : !strcmp(place, "srun") ? options_complete_in_srun()
			 : !strcmp(place, "step") ? options_complete_in_step(environ)
						  : options_complete_in_batch(environ);
	if (result < 0 || options_as_flags(&flags) < 0)
		return 1;
	for (size_t i = 0; i < flags.count; i++) {
		printf("%s ", flags.list[i]);
		free(flags.list[i]);
	}
	for (char **variable = environ; *variable; variable++)
		if (!strncmp(*variable, HANDED_ON, sizeof(HANDED_ON) - 1))
			printf("%s ", *variable);
	printf("%s\n", options_contain_batch_script() ? "script" : "steps");
	words_free(&flags);
	return 0;
}
