/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the holder of a container says of it (docs/plan.md); nothing of Slurm in it.
 *
 * Any process of the user's can write to the descriptor that it comes by, so it is not believed:
 * what it says is checked here for its form, and where a process is used, for who that is.
 */
#ifndef BERTH_MESSAGE_H
#define BERTH_MESSAGE_H

#include "words.h"

#include <sys/types.h>

enum {
	MESSAGE_LIMIT = 64 << 20,
	MESSAGE_PROCESSES = 4,
};

struct message {
	pid_t processes[MESSAGE_PROCESSES]; /* the holder; then those that end by themselves after
					       it */
	size_t process_count;
	const char *directory;	/* absolute, in the container */
	struct words variables; /* NAME=value */
};

/* Whether its last word has come. */
bool message_is_whole(const char *bytes, size_t length);
/* The message refers to the bytes. Returns NULL, or what is wrong with it: the rest of a sentence
 * that begins with the program's name. */
const char *message_read(struct message *message, char *bytes, size_t length);

#endif
