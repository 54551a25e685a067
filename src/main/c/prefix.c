/* SPDX-License-Identifier: Apache-2.0 */
/* Where this program is installed. */
#include "berth.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *own_file(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		die_errno("find the own program file");
	path[length] = '\0';
	return path;
}

const char *own_prefix(void)
{
	const char *prefix = getenv("BERTH_PREFIX");
	char *path, *slash;

	if (prefix && prefix[0] == '/')
		return prefix;
	path = copy(own_file());
	for (int up = 0; up < 2; up++) {
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	}
	return path;
}
