/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
	NAME_OFFSET = 19,   /* getdents64(2): inode, offset, length of the entry, type, name */
	LENGTH_OFFSET = 16, /* of 16 bits */
	LIST_SIZE = 4096,
};

void close_descriptor(const int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	errno = error;
}

/* -1 for what is no number: "." and "..". */
static int number_of(const char *name)
{
	int number = 0;

	for (; *name >= '0' && *name <= '9' && number < INT32_MAX / 10 - 1; name++)
		number = 10 * number + (*name - '0');
	return *name ? -1 : number;
}

/* Without opendir(3), which allocates: the plugin's children come from a program with threads. */
static int close_by_list(int first)
{
	scoped_fd list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char entries[LIST_SIZE];
	long length;

	if (list < 0)
		return -1;
	/* The list goes by number, so closing what was read makes it skip nothing. */
	while ((length = syscall(SYS_getdents64, list, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const char *entry = entries + at;
			uint16_t size;
			int fd = number_of(entry + NAME_OFFSET);

			memcpy(&size, entry + LENGTH_OFFSET, sizeof(size));
			at += size;
			if (fd >= first && fd != list)
				close(fd);
		}
	}
	return length < 0 ? -1 : 0;
}

int close_from(int first)
{
	return syscall(SYS_close_range, first, ~0U, 0) == 0 ? 0 : close_by_list(first);
}
