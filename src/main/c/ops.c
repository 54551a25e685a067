/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations, and the loop that performs a plan. docs/plan.md describes each row. */
#include "berth.h"

#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void op_level(struct context *context, struct step *step)
{
	(void)context;
	message_level(atoi(step->words[0]), step->count > 1);
}

static void before_leaving_user(struct context *context)
{
	for (size_t i = 0; i < context->plan->count; i++) {
		struct step *step = &context->plan->steps[i];

		if (step->op->before_user)
			step->op->before_user(context, step);
	}
}

static void before_leaving_mount(struct context *context)
{
	for (size_t i = 0; i < context->plan->count; i++) {
		struct step *step = &context->plan->steps[i];

		if (step->op->before_mount)
			step->op->before_mount(context, step);
	}
}

static void op_unshare(struct context *context, struct step *step)
{
	int flags = context->plan->namespaces;

	(void)step;
	if (flags & CLONE_NEWUSER) {
		before_leaving_user(context);
		if (unshare(CLONE_NEWUSER) < 0)
			die_namespaces("create a user namespace");
		flags &= ~CLONE_NEWUSER;
	}
	/* Whoever stays outside is started now: inside the user namespace, where /dev/fuse must be
	 * opened, but before the mount namespace, which it must not keep alive. */
	if (flags & CLONE_NEWNS)
		before_leaving_mount(context);
	if (flags && unshare(flags) < 0)
		die_namespaces("create namespaces");
	/* With a new user namespace the kernel does this by itself. Slave, not private: what the
	 * host unmounts goes here too. */
	if ((flags & CLONE_NEWNS) && !(context->plan->namespaces & CLONE_NEWUSER) &&
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		die_errno("keep mounts away from the host");
}

static void op_loopback(struct context *context, struct step *step)
{
	scoped_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	(void)context;
	(void)step;
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		die_errno("look at the loopback interface");
	request.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die_errno("bring up the loopback interface");
}

static void op_hostname(struct context *context, struct step *step)
{
	(void)context;
	if (sethostname(step->words[0], strlen(step->words[0])) < 0)
		die_errno("set the host name %s", step->words[0]);
}

static void op_umask(struct context *context, struct step *step)
{
	parse_mode(step->words[0], &context->umask);
}

static const struct op table[] = {
	{"level", "level plain?", op_level, NULL, NULL},
	{"lease", "path again|refuse name", op_lease, NULL, NULL},
	{"join", "path number number name", op_join, NULL, NULL},
	{"unshare", "namespaces", op_unshare, NULL, NULL},
	{"map-ids", "id-map id-map", op_map_ids, before_map_ids, NULL},
	{"loopback", "", op_loopback, NULL, NULL},
	{"hostname", "host-name", op_hostname, NULL, NULL},
	{"session", "path memory", op_session, NULL, NULL},
	{"image-dir", "path options", op_image_dir, NULL, NULL},
	{"image-squash", "path number path text?", op_image_squash, NULL, before_image_squash},
	{"image-loop", "path number number text?", op_image_loop, NULL, NULL},
	{"image-temporary", "path text?", op_image_temporary, NULL, before_image_temporary},
	{"skeleton", "path dir|file always?", op_skeleton, NULL, NULL},
	{"root-overlay", "ro|rw", op_root_overlay, NULL, NULL},
	{"root-overlay-dir", "path path ro|rw path*", op_root_overlay_dir, NULL, NULL},
	{"root-bind", "ro|rw", op_root_bind, NULL, NULL},
	{"bind", "path path options missing name path*", op_bind, NULL, NULL},
	{"bind-session", "inner path options missing name", op_bind_session, NULL, NULL},
	{"mount", "proc|sysfs|tmpfs|devpts|mqueue text path options text missing name", op_mount,
	 NULL, NULL},
	{"skip-if-same", "path path", op_skip_if_same, NULL, NULL},
	{"make-dir", "path mode", op_make_dir, NULL, NULL},
	{"symlink", "name path", op_symlink, NULL, NULL},
	{"file", "inner mode text", op_file, NULL, NULL},
	{"make-session-dir", "inner mode", op_make_session_dir, NULL, NULL},
	{"make-host-dir", "path mode", op_make_host_dir, NULL, NULL},
	{"remove-file", "path", op_remove_file, NULL, NULL},
	{"passwd", "passwd-line", op_passwd, NULL, NULL},
	{"group", "group-line*", op_group, NULL, NULL},
	{"require-file", "path name", op_require_file, NULL, NULL},
	{"pivot", "", op_pivot, NULL, NULL},
	{"identity", "id-map id-map", op_identity, NULL, before_identity},
	{"umask", "mode", op_umask, NULL, NULL},
	{"env-keep", "variable*", op_env_keep, NULL, NULL},
	{"env-drop", "variable*", op_env_drop, NULL, NULL},
	{"env-set", "variable text", op_env_set, NULL, NULL},
	{"env-unset", "variable*", op_env_unset, NULL, NULL},
	{"env-image", "path text text assignment*", op_env_image, NULL, before_shell},
	{"privileges", "drop|keep", op_privileges, NULL, NULL},
	{"init", "", op_init, NULL, NULL},
	{"fork", "", op_fork, NULL, NULL},
	{"cwd", "fatal|warn path+", op_cwd, NULL, NULL},
	{"hold", "number number", op_hold, NULL, NULL},
	{"exec", "number text*", op_exec, NULL, NULL},
	{"exec-script", "number path shell|nothing|stop number text path+", op_exec_script, NULL,
	 before_shell},
	{"exec-shell", "path+", op_exec_shell, NULL, NULL},
};

const struct op *op_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

bool op_is_payload(const struct op *op)
{
	return op->perform == op_exec || op->perform == op_exec_script ||
	       op->perform == op_exec_shell || op->perform == op_hold;
}

void perform(struct context *context, struct plan *plan)
{
	context->plan = plan;
	context->session_fd = context->image_fd = context->root_fd = context->shell_fd = -1;
	context->lease_fd = -1;
	/* Modes in a plan are meant as they are written; the payload gets its umask at exec. */
	context->umask = umask(0);
	if (!(plan->namespaces & CLONE_NEWUSER))
		before_leaving_user(context);
	if (!(plan->namespaces & CLONE_NEWNS))
		before_leaving_mount(context);
	for (size_t i = 0; i < plan->count; i++) {
		if (context->skip_next) {
			context->skip_next = false;
			continue;
		}
		plan->steps[i].op->perform(context, &plan->steps[i]);
	}
	die("the plan ended without a payload");
}
