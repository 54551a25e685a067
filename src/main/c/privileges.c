/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do, and how it gives that up. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SMALL_FILE = 4096,
	CAPABILITY_VERSION_3 = 0x20080522,
};

bool in_initial_user_namespace(void)
{
	char *map = read_text(AT_FDCWD, "/proc/self/uid_map", SMALL_FILE);
	unsigned long inside = 1, outside = 1, count = 0;

	return map && sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

void drop_privileges(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {CAPABILITY_VERSION_3, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = {{0, 0, 0}, {0, 0, 0}};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno("give up new privileges");
	/* EINVAL: before Linux 4.3 there were no ambient ones. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		die_errno("clear ambient capabilities");
	for (unsigned long capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			/* EINVAL: one past the kernel's last. EPERM: there is none to drop. */
			if (errno == EINVAL || errno == EPERM)
				break;
			die_errno("drop capability %lu", capability);
		}
	if (syscall(SYS_capset, &header, none) < 0)
		die_errno("clear capabilities");
}
