/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of single functions, under the sanitizers:
 *   unit fuzz PLAN COUNT SEED   reads COUNT damaged copies of a plan; only plan_read is called
 *   unit read PLAN              whether the launcher would perform it
 *   unit exports                "export -p" from standard input; prints the environment, NUL after
 *   unit memory MOUNTS GROUPS   the limit by files like /proc/self/mountinfo and /proc/self/cgroup
 *   unit heap USUAL LIMIT       the planner's heap in MB where LIMIT bytes may be used
 *   unit path ROOT PATH         where a path inside a root leads, by openat2 or by the walk
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int below(unsigned int limit)
{
	return limit ? (unsigned int)rand() % limit : 0;
}

/* Copies in which bytes are changed, taken out or put in, or that are noise. The block is as long
 * as the plan, so that the sanitizer sees a read beyond it. */
static char *damaged(const struct buffer *plan, size_t *length)
{
	unsigned int kind = below(5);
	size_t size = plan->length;
	char *bytes;

	if (kind == 0)
		size = below((unsigned int)size);
	if (kind == 4)
		size = below(512);
	bytes = allocate(size, 1);
	if (kind == 4)
		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)below(256);
	else
		memcpy(bytes, plan->bytes, size);
	for (unsigned int i = kind == 1 ? 1 + below(8) : 0; i && size; i--)
		bytes[below((unsigned int)size)] = (char)below(256);
	if (kind == 2 && size > 2) {
		size_t from = below((unsigned int)size - 1), to = from + 1 + below(8);

		if (to < size) {
			memmove(bytes + from, bytes + to, size - to);
			size -= to - from;
			bytes = resize(bytes, size, 1);
		}
	}
	if (kind == 3 && size)
		for (unsigned int i = 1 + below(4); i; i--)
			bytes[below((unsigned int)size)] = "\0000129-,:/"[below(10)];
	*length = size;
	return bytes;
}

static int fuzz(const char *path, int count, unsigned int seed)
{
	struct buffer plan = {0};
	int refused = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || append_file(&plan, fd, 1 << 20) < 0)
		return 2;
	srand(seed);
	for (int i = 0; i < count; i++) {
		struct plan read;
		size_t length;
		char *bytes = damaged(&plan, &length);

		refused += plan_read(&read, bytes, length, 8) != NULL;
		free(bytes);
		free(read.steps);
	}
	printf("%d refused\n", refused);
	return 0;
}

static int read_plan(const char *path)
{
	struct buffer bytes = {0};
	struct plan plan;
	const char *fault;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || append_file(&bytes, fd, 1 << 20) < 0)
		return 2;
	/* As many arguments as any plan may refer to. */
	fault = plan_read(&plan, bytes.bytes, bytes.length, INT_MAX);
	if (fault)
		puts(fault);
	return fault != NULL;
}

static int exports(void)
{
	struct environment environment = {0};
	struct buffer said = {0};

	if (append_file(&said, 0, 1 << 20) < 0)
		return 2;
	append(&said, "", 1);
	if (!environment_parse(&environment, said.bytes))
		return 1;
	for (size_t i = 0; i < environment.count; i++)
		fwrite(environment.variables[i], 1, strlen(environment.variables[i]) + 1, stdout);
	return 0;
}

static int path(const char *root, const char *inside)
{
	char place[PATH_MAX];
	int top = open(root, O_PATH | O_DIRECTORY);
	int fd = open_inside(top, inside);
	ssize_t length = fd < 0 ? -1 : readlink(fd_path(fd).text, place, sizeof(place) - 1);

	if (length < 0) {
		puts(strerror(errno));
		return 1;
	}
	place[length] = '\0';
	puts(place);
	return 0;
}

static int memory(const char *mounts, const char *groups)
{
	uint64_t limit = cgroup_memory_limit(read_text(AT_FDCWD, mounts, 1 << 20),
					     read_text(AT_FDCWD, groups, 1 << 20));

	if (limit == UINT64_MAX)
		puts("none");
	else
		printf("%llu\n", (unsigned long long)limit);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "fuzz"))
		return fuzz(argv[2], atoi(argv[3]), (unsigned int)atoi(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "read"))
		return read_plan(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "exports"))
		return exports();
	if (argc == 4 && !strcmp(argv[1], "path"))
		return path(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "memory"))
		return memory(argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "heap")) {
		printf("%lu\n",
		       heap_megabytes(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10)));
		return 0;
	}
	return 2;
}
