/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher: facts, the planner's plan (or --plan FILE), performed; then it is the payload.
 * --alone PROGRAM WORD... is the planner's: a program that can start no other.
 *
 * Memory is not freed: the process is about to become another program. Descriptors of ours are
 * all close-on-exec, those that the caller left open from 3 on are the payload's.
 */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	PLAN_LIMIT = 64 << 20
};

/* A descriptor below 3 that is closed would be the next file that we open. */
static void fill_standard_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(STATUS_FAILED);
}

static void read_plan_file(struct buffer *bytes, const char *path)
{
	scoped_fd fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || append_file(bytes, fd, PLAN_LIMIT) < 0)
		die_errno("plan %s", path);
}

int main(int argc, char **argv, char **environment)
{
	struct context context = {
		.argc = argc,
		.argv = argv,
		.caller_environment = environment,
	};
	struct buffer bytes = {0};
	struct plan plan;
	const char *fault;

	fill_standard_descriptors();
	signals_take(&context.signals);
	if (argc < 1)
		die("no arguments, not even a name");
	if (argc > 2 && !strcmp(argv[1], "--alone"))
		run_alone(argv + 2, environment);
	if (argc > 2 && !strcmp(argv[1], "--plan"))
		read_plan_file(&bytes, argv[2]);
	else
		ask_planner(&bytes, argc, argv, environment);
	fault = plan_read(&plan, bytes.bytes, bytes.length, argc);
	if (fault)
		die("malformed plan: %s", fault);
	perform(&context, &plan);
}
