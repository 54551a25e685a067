/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory this process may use: the least that it, a group above it or the machine allows.
 * A JVM reads the same, but would take a fixed share of it; the planner wants its usual heap, and a
 * smaller one only where that would not fit.
 */
#include "berth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINES_LIMIT = 16 << 20,
	NUMBER_LIMIT = 4096,
};

/* ---- the groups of this process ---- */

/* The path of NUMBER:CONTROLLERS:PATH, in the hierarchy that is mounted there; NULL if there is
 * none. */
static const char *group_of(const char *groups, bool unified)
{
	for (char *state, *line = strtok_r(copy(groups), "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		controllers++;
		if (unified ? !*controllers : list_has(controllers, "memory"))
			return path;
	}
	return NULL;
}

/* Where a group is seen. A mount that does not hold it is that of a container whose group it is. */
static char *directory_of(const struct mount_line *mount, const char *group)
{
	size_t root = strcmp(mount->root, "/") ? strlen(mount->root) : 0;

	if (strncmp(group, mount->root, root) || (group[root] && group[root] != '/') ||
	    strstr(group, "/../"))
		return copy(mount->point);
	return text("%s%s", mount->point, group + root);
}

static uint64_t limit_in(const char *directory, const char *name)
{
	char *line = read_text(AT_FDCWD, text("%s/%s", directory, name), NUMBER_LIMIT);
	uint64_t limit = UINT64_MAX;
	char *end;

	if (!line)
		return UINT64_MAX;
	line[strcspn(line, "\n")] = '\0';
	limit = strtoull(line, &end, 10);
	/* "max", and what version 1 writes for it: the largest number of whole pages. */
	return end == line || *end || limit >= INT64_MAX / 4096 * 4096 ? UINT64_MAX : limit;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The groups above limit their members too, and a step's group has often no number of its own. */
static uint64_t limit_up_to(const struct mount_line *mount, bool unified, char *directory)
{
	size_t top = strlen(mount->point);
	uint64_t limit = UINT64_MAX;

	for (;;) {
		if (unified) {
			limit = least(limit, limit_in(directory, "memory.max"));
			limit = least(limit, limit_in(directory, "memory.high"));
		} else {
			limit = least(limit, limit_in(directory, "memory.limit_in_bytes"));
		}
		if (strlen(directory) <= top)
			return limit;
		*strrchr(directory, '/') = '\0';
	}
}

uint64_t cgroup_memory_limit(const char *mounts, const char *groups)
{
	uint64_t limit = UINT64_MAX;
	char *table = copy(mounts);
	struct mount_line mount;

	while (next_mount(&table, &mount)) {
		bool unified = !strcmp(mount.type, "cgroup2");
		const char *group;

		if (!unified && (strcmp(mount.type, "cgroup") || !list_has(mount.super, "memory")))
			continue;
		group = group_of(groups, unified);
		if (group)
			limit = least(limit,
				      limit_up_to(&mount, unified, directory_of(&mount, group)));
	}
	return limit;
}

uint64_t memory_limit(void)
{
	char *mounts = read_mounts();
	char *groups = read_text(AT_FDCWD, "/proc/self/cgroup", LINES_LIMIT);
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t machine = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;

	return mounts && groups ? least(machine, cgroup_memory_limit(mounts, groups)) : machine;
}

/* ---- the planner's heap ---- */

/*
 * Measured: 100 MB are the JVM's own at the most, beside its heap. Two thirds of what is left then,
 * since the page cache of what is written counts against the group as well.
 */
unsigned long heap_megabytes(unsigned long usual, uint64_t limit)
{
	enum {
		OWN = 128,
		LEAST = 32, /* the initial heap of the short profile must fit in */
	};
	uint64_t megabytes = limit >> 20;
	uint64_t fitting = megabytes > OWN ? (megabytes - OWN) * 2 / 3 : 0;

	if (fitting >= usual)
		return usual;
	return fitting > LEAST ? (unsigned long)fitting : LEAST;
}
