/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

enum {
	DIGITS = 9, /* of the largest number of a process: 2^22 */
	FIRST_PID = 1,
};

static const char last_word[] = "\0end"; /* with the closing NUL */

static const char other_version[] = "is of another version than this plugin";
static const char malformed[] = "says nothing that can be understood about the container";

bool message_is_whole(const char *bytes, size_t length)
{
	return length > sizeof(last_word) &&
	       !memcmp(bytes + length - sizeof(last_word), last_word, sizeof(last_word));
}

/* A place in bytes that are closed by a NUL. */
struct place {
	char *at;
	const char *end;
};

/* NULL at the end. */
static char *next(struct place *place)
{
	char *word = place->at;

	if (word == place->end)
		return NULL;
	place->at += strlen(word) + 1;
	return word;
}

/* -1 for what is no number in decimal digits. */
static long number(const char *word)
{
	size_t length = word ? strlen(word) : 0;

	if (length < 1 || length > DIGITS || strspn(word, "0123456789") != length)
		return -1;
	return strtol(word, NULL, 10);
}

static bool is_word(const char *word, const char *wanted)
{
	return word && !strcmp(word, wanted);
}

const char *message_read(struct message *message, char *bytes, size_t length)
{
	struct place place = {.at = bytes, .end = bytes + length};
	long count;

	*message = (struct message){0};
	if (!message_is_whole(bytes, length))
		return malformed;
	if (!is_word(next(&place), "berth-held") || !is_word(next(&place), "1"))
		return other_version;
	count = number(next(&place));
	if (count < 1 || count > MESSAGE_PROCESSES)
		return malformed;
	for (long i = 0; i < count; i++) {
		long pid = number(next(&place));

		if (pid < FIRST_PID)
			return malformed;
		message->processes[i] = (pid_t)pid;
	}
	message->process_count = (size_t)count;
	message->directory = next(&place);
	if (!message->directory || *message->directory != '/')
		return malformed;
	for (char *word; (word = next(&place));) {
		const char *value = strchr(word, '=');

		if (place.at == place.end) /* "end" */
			return NULL;
		if (value && value != word && words_add(&message->variables, word) < 0)
			return "says more than there is memory for";
	}
	return malformed;
}
