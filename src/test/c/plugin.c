/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the Slurm plugin's functions that know nothing of Slurm, under the sanitizers:
 *   plugin read               a holder's message from standard input; prints it, or what is wrong
 *   plugin fuzz COUNT SEED    the same for COUNT damaged copies of it
 *   plugin merge NAME=VALUE… -- NAME=VALUE…   a job's environment and a container's: what becomes
 *                             of the job's
 *   plugin common NAME=VALUE… what all tasks of a node have
 */
#include "../../../slurm-plugin/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LIMIT = 1 << 20
};

static size_t read_all(char *bytes)
{
	size_t length = 0;
	ssize_t got;

	while (length < LIMIT && (got = read(0, bytes + length, LIMIT - length)) > 0)
		length += (size_t)got;
	return length;
}

/* In a block of just that size, so that the sanitizer sees a read beyond it. */
static char *exactly(const char *bytes, size_t length)
{
	char *copy = malloc(length);

	if (length)
		memcpy(copy, bytes, length);
	return copy;
}

static int show(const char *bytes, size_t length)
{
	char *copy = exactly(bytes, length);
	struct message message;
	const char *fault = message_read(&message, copy, length);

	if (fault) {
		puts(fault);
	} else {
		for (size_t i = 0; i < message.process_count; i++)
			printf("%d ", (int)message.processes[i]);
		printf("%s", message.directory);
		for (char **word = words_list(&message.variables); *word; word++)
			printf(" %s", *word);
		puts("");
	}
	words_free(&message.variables);
	free(copy);
	return 0;
}

static size_t below(size_t limit)
{
	return limit ? (size_t)rand() % limit : 0;
}

static int fuzz(const char *bytes, size_t length, int count, unsigned int seed)
{
	static const char interesting[] = "\0\0\0end019=/-";
	int refused = 0;

	srand(seed);
	for (int i = 0; i < count; i++) {
		size_t size = below(4) ? length : below(length + 1);
		char *copy = exactly(bytes, size);
		struct message message;
		size_t read = 0;

		for (size_t changes = below(8); changes && size; changes--)
			copy[below(size)] = interesting[below(sizeof(interesting) - 1)];
		/* Mostly with the closing word: without it nothing else is looked at. */
		if (below(4) && size >= 5)
			memcpy(copy + size - 5, "\0end", 5);
		refused += message_read(&message, copy, size) != NULL;
		for (char **word = words_list(&message.variables); *word; word++)
			read += strlen(*word);
		if (read > size || message.process_count > MESSAGE_PROCESSES)
			return 1;
		words_free(&message.variables);
		free(copy);
	}
	printf("%d refused\n", refused);
	return 0;
}

static int merge(int argc, char **argv)
{
	struct words job = {0}, container = {0}, unset = {0}, set = {0};
	struct words *list = &job;

	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			list = &container;
		else
			words_add(list, argv[i]);
	if (environment_merge(words_list(&job), words_list(&container), &unset, &set) < 0)
		return 1;
	for (size_t i = 0; i < unset.count; i++) {
		printf("-%s ", unset.list[i]);
		free(unset.list[i]);
	}
	for (size_t i = 0; i < set.count; i++)
		printf("+%s ", set.list[i]);
	puts("");
	words_free(&job);
	words_free(&container);
	words_free(&unset);
	words_free(&set);
	return 0;
}

static int common(char **environment)
{
	struct words words = {0};

	if (environment_common(environment, &words) < 0)
		return 1;
	for (size_t i = 0; i < words.count; i++)
		printf("%s ", words.list[i]);
	puts("");
	words_free(&words);
	return 0;
}

int main(int argc, char **argv)
{
	static char bytes[LIMIT];

	if (argc == 2 && !strcmp(argv[1], "read"))
		return show(bytes, read_all(bytes));
	if (argc == 4 && !strcmp(argv[1], "fuzz"))
		return fuzz(bytes, read_all(bytes), atoi(argv[2]), (unsigned int)atoi(argv[3]));
	if (argc > 2 && !strcmp(argv[1], "merge"))
		return merge(argc, argv);
	if (argc >= 2 && !strcmp(argv[1], "common"))
		return common(argv + 2);
	return 2;
}
