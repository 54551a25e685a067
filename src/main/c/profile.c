/* SPDX-License-Identifier: Apache-2.0 */
/* What a command line asks of the planner's JVM: to start fast, or to work for long. */
#include "berth.h"

#include <string.h>
#include <unistd.h>

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* The index of the command: the first word after the global options. */
static int command_at(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++)
		if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "--config"))
			i++;
	return i < argc ? i : argc;
}

/* Whether an image of that name is fetched or converted first (ImageName.java has the same
 * schemes). */
static bool is_acquired(const char *word)
{
	static const char *const schemes[] = {"docker",	 "docker-archive", "docker-daemon",
					      "oci",	 "oci-archive",	   "oras",
					      "library", "http",	   "https"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t length = strlen(schemes[i]);

		if (!strncmp(word, schemes[i], length) && word[length] == ':')
			return true;
	}
	return false;
}

/* A container command may have to convert an image first: one that has to be fetched. */
enum profile profile_of(int argc, char **argv)
{
	static const char *const commands[] = {"pull", "build",	 "push", "resolve",
					       "sign", "verify", "key",	 "save"};
	int i = command_at(argc, argv);

	/* A step's image may stand there without a scheme; it is the last word. */
	if (i < argc && !strcmp(argv[i], "hold") && access(argv[argc - 1], F_OK) < 0)
		return PROFILE_LONG;
	if (i + 1 < argc && !strcmp(argv[i], "container") && !strcmp(argv[i + 1], "save"))
		return PROFILE_LONG;
	if (i + 1 < argc && !strcmp(argv[i], "cache") && !strcmp(argv[i + 1], "pin"))
		return PROFILE_LONG;
	if (i < argc && is_one_of(argv[i], commands, ARRAY_SIZE(commands)))
		return PROFILE_LONG;
	for (; i < argc; i++)
		if (is_acquired(argv[i]))
			return PROFILE_LONG;
	return PROFILE_SHORT;
}

const char *classes_of(enum profile profile, int argc, char **argv)
{
	static const char *const launches[] = {"exec", "run", "shell", "test", "hold", "version"};
	int i = command_at(argc, argv);
	bool launch = i < argc ? is_one_of(argv[i], launches, ARRAY_SIZE(launches))
			       : argc > 1 && !strcmp(argv[argc - 1], "--version");

	return launch && profile == PROFILE_SHORT ? "short" : "long";
}
