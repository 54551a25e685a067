/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Slurm plugin's options under the sanitizers, with this program in Slurm's place:
 *   plugin_options local|allocator|remote|batch CALL… [-- WORD…]
 * Each CALL (NAME or NAME=VALUE) is what Slurm would call back with, in its order; the WORDs are
 * the command line that the plugin looks at, as srun's own, up to a word "command". Prints what the
 * options are then, what is handed on to the commands in the job or to the nodes, and errors.
 */
#include "../../../slurm-plugin/berth_plugin.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static struct spank_option rows[64];
static char names[64][64];
static int row_count;
static spank_context_t context;

spank_context_t spank_context(void)
{
	return context;
}

int spank_option_register(spank_t spank, struct spank_option *option)
{
	(void)spank;
	if (row_count == 64)
		return ESPANK_ERROR;
	rows[row_count] = *option;
	snprintf(names[row_count], sizeof(names[row_count]), "%s", option->name);
	row_count++;
	return ESPANK_SUCCESS;
}

void slurm_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("error: ");
	vprintf(format, arguments);
	puts("");
	va_end(arguments);
}

static int call(char *word)
{
	char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : strlen(word);

	for (int i = 0; i < row_count; i++)
		if (strlen(names[i]) == length && !strncmp(names[i], word, length))
			return rows[i].cb(rows[i].val, value ? value + 1 : NULL,
					  context == S_CTX_REMOTE);
	printf("no option %s\n", word);
	return -1;
}

static int complete(const char *how)
{
	if (!strcmp(how, "local"))
		return options_complete_in_srun();
	if (!strcmp(how, "allocator"))
		return options_complete_in_allocator();
	if (!strcmp(how, "batch"))
		return options_complete_in_batch(environ);
	return options_complete_in_step(environ);
}

int main(int argc, char **argv)
{
	struct words flags = {0};
	int words = 2;

	if (argc < 2)
		return 2;
	context = !strcmp(argv[1], "local")	  ? S_CTX_LOCAL
		  : !strcmp(argv[1], "allocator") ? S_CTX_ALLOCATOR
						  : S_CTX_REMOTE;
	for (optind = 1; optind < argc && strcmp(argv[optind], "command") != 0; optind++)
		;
	if (options_register(NULL) < 0)
		return 1;
	for (; words < argc && strcmp(argv[words], "--") != 0; words++)
		if (call(argv[words]) < 0)
			return 1;
	if (complete(argv[1]) < 0)
		return 1;
	for (int i = 0; i < OPTION_COUNT; i++)
		if (option_value((enum option_index)i))
			printf("%s=%s\n", names[i], option_value((enum option_index)i));
	for (char **variable = environ; *variable; variable++)
		if (!strncmp(*variable, HANDED_ON, strlen(HANDED_ON)))
			printf("handed on: %s\n", *variable + strlen(HANDED_ON));
	if (options_as_flags(&flags) < 0)
		return 1;
	printf("flags:");
	for (size_t i = 0; i < flags.count; i++)
		printf(" %s", flags.list[i]);
	puts("");
	for (size_t i = 0; i < flags.count; i++)
		free(flags.list[i]);
	words_free(&flags);
	return 0;
}
