/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel refused a namespace or a mount, in words that name the setting. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	SMALL_FILE = 65536
};

static char *sysctl_value(const char *path)
{
	char *value = read_text(AT_FDCWD, path, SMALL_FILE);

	if (value)
		value[strcspn(value, "\n")] = '\0';
	return value;
}

const char *why_no_namespaces(int error)
{
	char *value;

	if (error == ENOSPC || error == EUSERS) {
		value = sysctl_value("/proc/sys/user/max_user_namespaces");
		return text("this machine allows no more user namespaces "
			    "(sysctl user.max_user_namespaces is %s)",
			    value ? value : "too small");
	}
	value = sysctl_value("/proc/sys/kernel/unprivileged_userns_clone");
	if (value && !strcmp(value, "0"))
		return "this machine denies user namespaces to ordinary users "
		       "(sysctl kernel.unprivileged_userns_clone is 0)";
	value = sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	if (value && !strcmp(value, "1"))
		return text("AppArmor denies user namespaces to programs without a profile "
			    "(sysctl kernel.apparmor_restrict_unprivileged_userns is 1); a profile "
			    "with 'userns,' is needed for %s/bin/berth",
			    own_prefix());
	if (error == EINVAL || error == ENOSYS)
		return "this kernel has no such namespaces";
	return NULL;
}

void die_namespaces(const char *what)
{
	int error = errno;
	const char *reason = why_no_namespaces(error);

	if (reason)
		die("%s: %s", what, reason);
	if (error == EPERM)
		die("%s: operation not permitted (inside a chroot, a container or a sandbox that "
		    "filters system calls?)",
		    what);
	errno = error;
	die_errno("%s", what);
}

/* A refused mount right after namespaces were granted has a reason that errno does not tell. */
void die_mount(const char *what)
{
	int error = errno;
	const char *reason = error == EPERM || error == EACCES ? why_no_namespaces(error) : NULL;

	if (reason)
		die("%s: %s", what, reason);
	if (error == ENODEV)
		die("%s: this kernel does not have the filesystem", what);
	errno = error;
	die_errno("%s", what);
}
