/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming the payload. */
#include "berth.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

enum {
	HEAD_SIZE = 512,
	SHELL_FD = 10, /* at least: above those that env-image gives to the shell */
};

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* The static shell is a file of the host: it is opened while the host is there. */
void before_shell(struct context *context, struct step *step)
{
	const char *shell = step->words[op_is(step, "exec-script") ? 1 : 0];
	scoped_fd fd = open(shell, O_PATH | O_CLOEXEC);

	(void)context;
	/* A child that runs it gives low numbers to other files. */
	step->fds[0] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SHELL_FD);
	if (step->fds[0] < 0)
		die_errno("open the shell %s", shell);
}

static void set_working_directory(struct context *context)
{
	char path[PATH_MAX];

	if (getcwd(path, sizeof(path)) && path[0] == '/')
		environment_set(&context->environment, "PWD", path);
}

void op_cwd(struct context *context, struct step *step)
{
	const char *first = step->words[1];

	if (chdir(first) < 0) {
		int error = errno;
		size_t i = 2;

		if (!strcmp(step->words[0], "fatal"))
			die_errno("failed to set working directory: chdir %s", first);
		while (i < step->count && chdir(step->words[i]) < 0)
			i++;
		if (i == step->count)
			die_errno("failed to set working directory: chdir %s",
				  step->words[step->count - 1]);
		say(LEVEL_WARNING,
		    "Error changing the container working directory. Using '%s' instead: "
		    "chdir %s: %s",
		    step->words[i], first, why(error));
	}
	set_working_directory(context);
}

/* prefix words, then the launcher's own arguments from index on (0: none); NULL at the end. */
static char **arguments(const struct context *context, char *const *prefix, size_t count,
			const char *index_word)
{
	uint64_t index = 0;
	size_t own;
	char **argv;

	parse_number(index_word, &index);
	own = index ? (size_t)context->argc - (size_t)index : 0;
	argv = allocate(count + own + 1, sizeof(*argv));
	for (size_t i = 0; i < count; i++)
		argv[i] = prefix[i];
	for (size_t i = 0; i < own; i++)
		argv[count + i] = context->argv[index + i];
	return argv;
}

static const char *architecture(unsigned int machine)
{
	static const struct {
		unsigned int machine;
		const char *name;
	} names[] = {
		{EM_X86_64, "amd64"},  {EM_AARCH64, "arm64"},	  {EM_386, "386"},
		{EM_ARM, "arm"},       {EM_PPC64, "ppc64le"},	  {EM_S390, "s390x"},
		{EM_RISCV, "riscv64"}, {EM_LOONGARCH, "loong64"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return text("ELF machine %u", machine);
}

static unsigned int own_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#elif defined(__powerpc64__)
	return EM_PPC64;
#elif defined(__riscv)
	return EM_RISCV;
#else
#error "name this architecture in architecture() and here"
#endif
}

static size_t read_head(const char *path, unsigned char *head)
{
	scoped_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : read(fd, head, HEAD_SIZE);

	return got < 0 ? 0 : (size_t)got;
}

/* An executable that the kernel does not know: another machine's, or a script without "#!". */
static void run_unknown(struct context *context, const char *path, char *const *argv)
{
	unsigned char head[HEAD_SIZE] = {0};
	size_t length = read_head(path, head), count = 0;
	char **words;

	if (length >= EI_NIDENT + 4 && !memcmp(head, ELFMAG, SELFMAG)) {
		/* e_machine, in the byte order that the file names. */
		unsigned int low = head[head[EI_DATA] == ELFDATA2MSB ? 19 : 18];
		unsigned int high = head[head[EI_DATA] == ELFDATA2MSB ? 18 : 19];
		unsigned int machine = high << 8 | low;

		if (machine != own_machine())
			die("image targets '%s', cannot run on '%s'", architecture(machine),
			    architecture(own_machine()));
		return;
	}
	if (memchr(head, '\0', length))
		return;
	while (argv[count])
		count++;
	words = allocate(count + 2, sizeof(*words));
	words[0] = copy("sh");
	words[1] = copy(path);
	for (size_t i = 1; i < count; i++)
		words[i + 1] = argv[i];
	if (context->shell_fd >= 0)
		run_by_descriptor(context->shell_fd, words, context->environment.variables);
	else
		execve("/bin/sh", words, context->environment.variables);
}

static _Noreturn void run(struct context *context, const char *path, char *const *argv)
{
	int error;

	umask(context->umask);
	signals_give_back(&context->signals);
	execve(path, argv, context->environment.variables);
	error = errno;
	if (error == ENOEXEC)
		run_unknown(context, path, argv);
	if (error == EACCES)
		die("permission denied");
	if (error == ENOENT)
		die("exec %s failed: a shared library is likely missing in the image", path);
	die("exec %s failed: %s", path, why(error));
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static char *search(const struct context *context, const char *name)
{
	const char *path = environment_get(&context->environment, "PATH");

	if (!path)
		path = default_path;
	for (;;) {
		size_t length = strcspn(path, ":");
		char *candidate =
			length ? text("%.*s/%s", (int)length, path, name) : text("./%s", name);

		if (is_program(candidate))
			return candidate;
		free(candidate);
		if (!path[length])
			return NULL;
		path += length + 1;
	}
}

/* A command line in quotes is one word, and no program's name. */
static const char *several_words(const char *name)
{
	return strpbrk(name, " \t|&;")
		       ? " (that is one word: leave its quotes out, or say sh -c and then it)"
		       : "";
}

void op_exec(struct context *context, struct step *step)
{
	char **argv = arguments(context, step->words + 1, step->count - 1, step->words[0]);
	const char *name = argv[0];
	const char *path = name;
	struct stat status;

	if (!strchr(name, '/')) {
		path = *name ? search(context, name) : NULL;
		if (!path)
			die("\"%s\": executable file not found in $PATH%s", name,
			    several_words(name));
	} else if (stat(path, &status) < 0) {
		die("stat %s: %s%s", path, why(errno), several_words(name));
	}
	run(context, path, argv);
}

/* The option after #!/bin/sh, "" for none; NULL when another program interprets the script. */
static const char *shell_option(const char *path)
{
	unsigned char head[HEAD_SIZE + 1] = {0};
	static const char shell[] = "/bin/sh";
	char *line = (char *)head, *end;

	if (read_head(path, head) < 2 || memcmp(line, "#!", 2) != 0)
		return line[0] == ELFMAG0 ? NULL : "";
	line[strcspn(line, "\n")] = '\0';
	line += 2 + strspn(line + 2, " \t");
	if (strncmp(line, shell, sizeof(shell) - 1) || !strchr(" \t", line[sizeof(shell) - 1]))
		return NULL;
	line += sizeof(shell) - 1;
	line += strspn(line, " \t");
	for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]);)
		*--end = '\0';
	return copy(line);
}

static _Noreturn void run_script(struct context *context, const struct step *step, char *path)
{
	const char *option = shell_option(path);
	char *prefix[3];
	size_t count = 0;

	if (!option) {
		prefix[count++] = path;
		run(context, path, arguments(context, prefix, count, step->words[0]));
	}
	if (access(path, R_OK) < 0)
		die_errno("open %s", path);
	prefix[count++] = copy("sh");
	if (*option)
		prefix[count++] = copy(option);
	prefix[count++] = path;
	umask(context->umask);
	signals_give_back(&context->signals);
	run_by_descriptor(step->fds[0], arguments(context, prefix, count, step->words[0]),
			  context->environment.variables);
	die_errno("run the shell %s", step->words[1]);
}

void op_exec_script(struct context *context, struct step *step)
{
	enum {
		SHELL = 1,
		OTHERWISE,
		STATUS,
		TEXT,
		CANDIDATES
	};
	const char *otherwise = step->words[OTHERWISE];
	char *shell[] = {copy("/bin/sh")};
	struct stat status;
	uint64_t number = 0;

	for (size_t i = CANDIDATES; i < step->count; i++)
		if (stat(step->words[i], &status) == 0)
			run_script(context, step, step->words[i]);
	if (!strcmp(otherwise, "stop")) {
		parse_number(step->words[STATUS], &number);
		dprintf(STDOUT_FILENO, "%s\n", step->words[TEXT]);
		_exit((int)number);
	}
	say(LEVEL_INFO, "%s", step->words[TEXT]);
	if (!strcmp(otherwise, "nothing"))
		_exit(0);
	run(context, shell[0], arguments(context, shell, 1, step->words[0]));
}

void op_exec_shell(struct context *context, struct step *step)
{
	char *last = NULL;

	for (size_t i = 0; i < step->count; i++) {
		/* Words joined by newlines: the program and its arguments. */
		char **argv = allocate(strlen(step->words[i]) / 2 + 2, sizeof(*argv));
		size_t count = 0;

		for (char *word = strtok(copy(step->words[i]), "\n"); word;
		     word = strtok(NULL, "\n"))
			argv[count++] = word;
		last = argv[0];
		if (!is_program(last))
			continue;
		environment_set(&context->environment, "SHELL", last);
		run(context, last, argv);
	}
	say(LEVEL_ERROR, "%s does not exist in container", last);
	_exit(1);
}
