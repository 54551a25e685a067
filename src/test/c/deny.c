/* SPDX-License-Identifier: Apache-2.0 */
/* deny ERRNO CALL… -- COMMAND…: runs a command for which these system calls fail, as on an older
 * kernel (ENOSYS) or under a sandbox (EPERM). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned int number;
} calls[] = {
	{"close_range", 436},
	{"openat2", 437},
	{"open_tree", 428},
	{"move_mount", 429},
	{"pidfd_open", 434},
	{"mount_setattr", 442},
	{"pivot_root", SYS_pivot_root},
	{"unshare", SYS_unshare},
	{"setxattr", SYS_setxattr},
};

static const struct {
	const char *name;
	int error;
} errors[] = {{"ENOSYS", ENOSYS},
	      {"EPERM", EPERM},
	      {"EINVAL", EINVAL},
	      {"ENOSPC", ENOSPC},
	      {"ENOTSUP", ENOTSUP}};

static int error_of(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].error;
	return -1;
}

int main(int argc, char **argv)
{
	struct sock_filter filter[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	unsigned short length = 1;
	struct sock_fprog program = {.filter = filter};
	int error = argc > 3 ? error_of(argv[1]) : -1, at = 2;

	if (error < 0)
		return 2;
	for (; at < argc && strcmp(argv[at], "--"); at++) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
			if (strcmp(calls[i].name, argv[at]))
				continue;
			filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
									calls[i].number, 0, 1);
			filter[length++] = (struct sock_filter)BPF_STMT(
				BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
		}
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) {
		perror("deny");
		return 2;
	}
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 2;
}
