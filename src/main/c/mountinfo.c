/* SPDX-License-Identifier: Apache-2.0 */
/* The mount table of this process. */
#include "berth.h"

#include <fcntl.h>
#include <string.h>

enum {
	TABLE_LIMIT = 64 << 20, /* a node with thousands of containers has long ones */
};

char *read_mounts(void)
{
	return read_text(AT_FDCWD, "/proc/self/mountinfo", TABLE_LIMIT);
}

/* Blanks, line feeds and backslashes are written as \040 and the like. */
static void decode(char *field)
{
	char *to = field;

	for (const char *from = field; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* ID PARENT DEVICE ROOT POINT OPTIONS [OPTIONAL]... - TYPE SOURCE SUPER-OPTIONS */
static bool take_apart(char *text, struct mount_line *line)
{
	char *separator = strstr(text, " - ");
	char *state;

	if (!separator)
		return false;
	*separator = '\0';
	line->type = strtok_r(separator + 3, " ", &state);
	if (!line->type)
		return false;
	strtok_r(NULL, " ", &state);
	line->super = strtok_r(NULL, " ", &state);
	for (int i = 0; i < 3; i++)
		if (!strtok_r(i ? NULL : text, " ", &state))
			return false;
	line->root = strtok_r(NULL, " ", &state);
	line->point = strtok_r(NULL, " ", &state);
	if (!line->root || !line->point)
		return false;
	decode(line->root);
	decode(line->point);
	return true;
}

bool next_mount(char **table, struct mount_line *line)
{
	while (**table) {
		char *text = *table;
		size_t length = strcspn(text, "\n");

		*table += length + (text[length] == '\n');
		text[length] = '\0';
		if (take_apart(text, line))
			return true;
	}
	return false;
}
