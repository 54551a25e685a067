/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squashfs server that an image has taken over: tries to reach beyond what it may, and says on
 * standard error what it could do, "nothing" at best. Its parent's number is in its own name space,
 * so it knows whom to attack: process 1 and the numbers around its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int successes;

static void tell(const char *what, bool succeeded)
{
	if (succeeded)
		dprintf(STDERR_FILENO, "%s%s", successes++ ? ", " : "", what);
}

/* Everything below / but the programs' and the image's ways. */
static void list(const char *path, int depth)
{
	DIR *directory = opendir(path);

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char name[4096];
		struct stat status;

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(name, &status) < 0)
			continue;
		if (S_ISDIR(status.st_mode) && depth < 8)
			list(name, depth + 1);
		else if (!strstr(name, ".so") && !strstr(name, "hostile") && !strstr(name, "image"))
			tell(name, true);
	}
	if (directory)
		closedir(directory);
}

static bool signals_others(void)
{
	bool did = false;

	for (pid_t pid = 1; pid < getpid() + 50; pid++)
		if (pid != getpid() && (kill(pid, 0) == 0 || syscall(SYS_tgkill, pid, pid, 0) == 0))
			did = true;
	return did || kill(-1, 0) == 0 || kill(0, 0) == 0;
}

int main(int argc, char **argv)
{
	const char *image = argv[argc - 2];
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	char byte;

	tell("cannot read its image", read(open(image, O_RDONLY), &byte, 1) != 1);
	tell("cannot read its image by descriptor", pread(5, &byte, 1, 0) != 1);
	list("", 0);
	tell("write the image", open(image, O_RDWR) >= 0);
	tell("write the image by descriptor", write(5, "x", 1) == 1);
	tell("chmod the image", fchmod(5, 0644) == 0);
	tell("touch the image", futimens(5, NULL) == 0);
	tell("set an attribute of the image", fsetxattr(5, "user.x", "x", 1, 0) == 0);
	tell("make a file", open("/made", O_CREAT | O_WRONLY, 0600) >= 0);
	tell("new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
	syscall(SYS_capget, &header, data);
	tell("capabilities",
	     data[0].effective || data[0].permitted || data[1].effective || data[0].inheritable);
	tell("capabilities to come", prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 1);
	tell("no filter", prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2);
	tell("ptrace", ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0 || errno != EPERM);
	tell("process_vm_readv", syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0) == 0);
	tell("process_vm_writev", syscall(SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0) == 0);
	tell("signals", signals_others());
	tell("socket", socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || socket(AF_INET, SOCK_DGRAM, 0) >= 0);
	tell("unshare", unshare(CLONE_NEWUSER) == 0);
	tell("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0);
	tell("clone3", syscall(435, NULL, 0) == 0 || errno != ENOSYS);
	tell("mount", mount("none", "/", "tmpfs", 0, NULL) == 0);
	tell("umount", umount2("/", MNT_DETACH) == 0);
	tell("chroot", chroot("/") == 0);
	tell("bpf", syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno != EPERM);
	tell("io_uring", syscall(425, 1, NULL) >= 0 || errno != EPERM);
	tell("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0 || errno != EPERM);
	tell("pidfd", syscall(434, getpid(), 0) >= 0 || errno != EPERM);
	tell("keys", syscall(SYS_keyctl, 0, -3, 1) >= 0 || errno != EPERM);
#ifdef __x86_64__
	tell("x32", syscall(0x40000000 | 39) >= 0 || errno != EPERM);
#endif
	if (!successes)
		dprintf(STDERR_FILENO, "nothing");
	return 1;
}
