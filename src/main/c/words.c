/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a plan to what they mean. */
#include "berth.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>

bool parse_number(const char *word, uint64_t *number)
{
	uint64_t value = 0;

	if (!*word)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9' || value > (INT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*word - '0');
	}
	*number = value;
	return true;
}

bool parse_mode(const char *word, mode_t *mode)
{
	mode_t value = 0;

	if (!*word || strlen(word) > 5)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '7')
			return false;
		value = value * 8 + (mode_t)(*word - '0');
	}
	*mode = value;
	return value <= 07777;
}

struct flag {
	const char *name;
	unsigned long value;
};

/* The names of a list with commas, or'ed. */
static bool parse_flags(const char *list, const struct flag *known, size_t count,
			unsigned long *flags)
{
	*flags = 0;
	while (*list) {
		size_t length = strcspn(list, ",");
		size_t i = 0;

		while (i < count && (strlen(known[i].name) != length ||
				     strncmp(known[i].name, list, length) != 0))
			i++;
		if (i == count)
			return false;
		*flags |= known[i].value;
		list += length;
		if (*list == ',' && !*++list)
			return false;
	}
	return true;
}

bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list && *list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, length) && (list[length] == ',' || !list[length]))
			return true;
	}
	return false;
}

bool parse_namespaces(const char *word, int *flags)
{
	static const struct flag known[] = {
		{"user", CLONE_NEWUSER}, {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID},
		{"ipc", CLONE_NEWIPC},	 {"uts", CLONE_NEWUTS},	 {"net", CLONE_NEWNET},
	};
	unsigned long found;
	bool all = parse_flags(word, known, ARRAY_SIZE(known), &found);

	*flags = (int)found;
	return all && found;
}

bool parse_options(const char *word, struct mount_options *options)
{
	static const struct flag known[] = {
		{"ro", MS_RDONLY},     {"nosuid", MS_NOSUID}, {"nodev", MS_NODEV},
		{"noexec", MS_NOEXEC}, {"rec", MS_REC},
	};
	bool all = parse_flags(word, known, ARRAY_SIZE(known), &options->flags);

	options->recursive = options->flags & MS_REC;
	options->flags &= ~(unsigned long)MS_REC;
	return all;
}

bool parse_missing(const char *word)
{
	return !strcmp(word, "create") || !strcmp(word, "try") || !strcmp(word, "skip") ||
	       !strcmp(word, "warn") || !strcmp(word, "fail");
}

bool next_map_line(const char **map, struct map_line *line)
{
	uint64_t *const numbers[] = {&line->inside, &line->outside, &line->count};
	const char *at = *map;
	char word[24];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		size_t length = strcspn(at, " \n");

		if (length >= sizeof(word))
			return false;
		memcpy(word, at, length);
		word[length] = '\0';
		if (!parse_number(word, numbers[i]) || *numbers[i] > UINT32_MAX)
			return false;
		at += length;
		if (i < 2 && *at++ != ' ')
			return false;
	}
	if (*at && *at++ != '\n')
		return false;
	*map = at;
	return true;
}

bool parse_id_map(const char *word)
{
	struct map_line line;

	while (next_map_line(&word, &line))
		;
	return !*word;
}
