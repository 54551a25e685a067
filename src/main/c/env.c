/* SPDX-License-Identifier: Apache-2.0 */
/* The payload's environment: NAME=value bytes, in the caller's order. */
#include "berth.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXPORTS_FD = 9, /* part of the contract with the planner's script */
	EXPORTS_LIMIT = 64 << 20,
};

bool is_variable_name(const char *name, size_t length)
{
	if (!length || isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

static bool is_named(const char *variable, const char *name, size_t length)
{
	return !strncmp(variable, name, length) && variable[length] == '=';
}

static char **find(const struct environment *environment, const char *name, size_t length)
{
	for (size_t i = 0; i < environment->count; i++)
		if (is_named(environment->variables[i], name, length))
			return &environment->variables[i];
	return NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
	char **variable = find(environment, name, strlen(name));

	return variable ? *variable + strlen(name) + 1 : NULL;
}

/* Appends NAME=value, or puts it in the place of the one with that name. */
static void put(struct environment *environment, char *variable)
{
	char **old = find(environment, variable, strcspn(variable, "="));

	if (old) {
		*old = variable;
		return;
	}
	if (environment->count + 2 > environment->room) {
		environment->room = environment->room ? 2 * environment->room : 64;
		environment->variables = resize(environment->variables, environment->room,
						sizeof(*environment->variables));
	}
	environment->variables[environment->count++] = variable;
	environment->variables[environment->count] = NULL;
}

void environment_set(struct environment *environment, const char *name, const char *value)
{
	put(environment, text("%s=%s", name, value));
}

static void clear(struct environment *environment)
{
	environment->count = 0;
	environment->room = 2;
	environment->variables = allocate(environment->room, sizeof(*environment->variables));
}

static void drop(struct environment *environment, const char *name, size_t length)
{
	char **variable = find(environment, name, length);
	size_t at;

	if (!variable)
		return;
	at = (size_t)(variable - environment->variables);
	memmove(variable, variable + 1, (environment->count - at) * sizeof(*variable));
	environment->count--;
}

/* Any name goes along: bash exports functions as BASH_FUNC_x%%, some programs use dots. */
static bool is_usable(const char *variable)
{
	return strcspn(variable, "=") > 0 && strchr(variable, '=');
}

void op_env_keep(struct context *context, struct step *step)
{
	clear(&context->environment);
	for (char **variable = context->caller_environment; *variable; variable++)
		for (size_t i = 0; i < step->count; i++)
			if (is_usable(*variable) &&
			    is_named(*variable, step->words[i], strlen(step->words[i])))
				put(&context->environment, *variable);
}

static bool is_dropped(const char *variable, const struct step *step)
{
	for (size_t i = 0; i < step->count; i++) {
		const char *pattern = step->words[i];
		size_t length = strlen(pattern);

		if (pattern[length - 1] == '*' ? !strncmp(variable, pattern, length - 1)
					       : is_named(variable, pattern, length))
			return true;
	}
	return false;
}

void op_env_drop(struct context *context, struct step *step)
{
	clear(&context->environment);
	for (char **variable = context->caller_environment; *variable; variable++)
		if (is_usable(*variable) && !is_dropped(*variable, step))
			put(&context->environment, *variable);
}

void op_env_set(struct context *context, struct step *step)
{
	environment_set(&context->environment, step->words[0], step->words[1]);
}

void op_env_unset(struct context *context, struct step *step)
{
	for (size_t i = 0; i < step->count; i++)
		drop(&context->environment, step->words[i], strlen(step->words[i]));
}

/* ---- what "export -p" writes ---- */

/* One character after a backslash inside $'…' (bash, mksh). */
static void read_escape(const char **at, struct buffer *out)
{
	static const char names[] = "abeEfnrtv";
	static const char values[] = "\a\b\033\033\f\n\r\t\v";
	const char *name = **at ? strchr(names, **at) : NULL;
	unsigned int value = 0;
	char byte;

	if (name) {
		byte = values[name - names];
		(*at)++;
	} else if (**at == 'x' && isxdigit((unsigned char)(*at)[1])) {
		(*at)++;
		for (int i = 0; i < 2 && isxdigit((unsigned char)**at); i++, (*at)++) {
			int digit = tolower((unsigned char)**at);

			value = value * 16 +
				(unsigned int)(digit > '9' ? digit - 'a' + 10 : digit - '0');
		}
		byte = (char)value;
	} else if (**at >= '0' && **at <= '7') {
		for (int i = 0; i < 3 && **at >= '0' && **at <= '7'; i++, (*at)++)
			value = value * 8 + (unsigned int)(**at - '0');
		byte = (char)value;
	} else {
		byte = **at;
		if (byte)
			(*at)++;
	}
	append(out, &byte, 1);
}

/* A shell word of quoted and bare parts, up to the end of its line. False if a quote stays open. */
static bool read_word(const char **at, struct buffer *out)
{
	enum {
		BARE,
		SINGLE,
		DOUBLE,
		DOLLAR,
	} state = BARE;

	for (;;) {
		char c = **at;

		if (!c)
			return state == BARE;
		if (state == BARE && (c == '\n' || c == ' ' || c == '\t'))
			return true;
		(*at)++;
		if (state == SINGLE ? c == '\'' : (state == DOLLAR ? c == '\'' : false)) {
			state = BARE;
		} else if (state == DOUBLE && c == '"') {
			state = BARE;
		} else if (state == BARE && c == '\'') {
			state = SINGLE;
		} else if (state == BARE && c == '"') {
			state = DOUBLE;
		} else if (state == BARE && c == '$' && **at == '\'') {
			(*at)++;
			state = DOLLAR;
		} else if (state == DOLLAR && c == '\\') {
			read_escape(at, out);
		} else if (c == '\\' && (state == BARE ||
					 (state == DOUBLE && **at && strchr("\"\\$`\n", **at)))) {
			/* An escaped newline is none at all. */
			if (**at && **at != '\n')
				append(out, *at, 1);
			if (**at)
				(*at)++;
		} else {
			append(out, &c, 1);
		}
	}
}

bool environment_parse(struct environment *environment, const char *exports)
{
	static const char keyword[] = "export ";

	while (*exports) {
		struct buffer variable = {0};
		const char *name;
		size_t length;

		if (strncmp(exports, keyword, sizeof(keyword) - 1))
			return false;
		exports += sizeof(keyword) - 1;
		name = exports;
		length = strcspn(exports, "= \n");
		exports += length;
		append(&variable, name, length);
		append(&variable, "=", 1);
		if (*exports == '=') {
			exports++;
			if (!read_word(&exports, &variable))
				return false;
			append(&variable, "", 1);
			/* A NUL cannot be in an environment; what an escape made of it ends here.
			 */
			if (is_variable_name(name, length))
				put(environment, variable.bytes);
		}
		if (*exports != '\n')
			return *exports == '\0';
		exports++;
	}
	return true;
}

/* ---- the image's environment scripts ---- */

static _Noreturn void run_environment_script(struct context *context, struct step *step,
					     int exports)
{
	char **argv = allocate(5, sizeof(*argv));

	argv[0] = copy("sh");
	argv[1] = copy("-c");
	argv[2] = step->words[1];
	argv[3] = step->words[2];
	umask(context->umask);
	signals_give_back(&context->signals);
	if (context->plan->drop_privileges)
		drop_privileges();
	/* In this child only: the payload may have got a descriptor of that number. */
	if (exports == EXPORTS_FD ? fcntl(exports, F_SETFD, 0) < 0 : dup2(exports, EXPORTS_FD) < 0)
		die_errno("give the exports descriptor to the shell");
	run_by_descriptor(step->fds[0], argv, step->words + 3);
	die_errno("run the shell %s", step->words[0]);
}

/* Apptainer's restore_env: the image's variables, and of the caller's those that it left alone. */
static void merge(struct environment *environment, struct environment *image)
{
	for (size_t i = 0; i < environment->count; i++) {
		char *variable = environment->variables[i];
		size_t length = strcspn(variable, "=");
		char **theirs = find(image, variable, length);

		if (!theirs)
			put(image, variable);
		else if (!(*theirs)[length + 1])
			drop(image, variable, length);
	}
	*environment = *image;
}

void op_env_image(struct context *context, struct step *step)
{
	scoped_fd exports = memfd_create("berth-exports", MFD_CLOEXEC);
	struct environment image = {0};
	struct buffer said = {0};
	pid_t parent = getpid(), child;
	int status;

	context->shell_fd = step->fds[0];
	if (exports < 0)
		die_errno("keep what the image's environment scripts export");
	child = fork_quiet();
	if (child < 0)
		die_errno("start the image's environment scripts");
	if (child == 0) {
		end_with_parent(parent, SIGKILL);
		run_environment_script(context, step, exports);
	}
	status = wait_quiet(child);
	if (!WIFEXITED(status))
		die("the image's environment scripts were ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	if (lseek(exports, 0, SEEK_SET) < 0 || append_file(&said, exports, EXPORTS_LIMIT) < 0)
		die_errno("read what the image's environment scripts export");
	/* One of them said "exit 0" before the planner's script came to its end. */
	if (!said.length)
		_exit(0);
	append(&said, "", 1);
	clear(&image);
	if (strlen(said.bytes) + 1 != said.length || !environment_parse(&image, said.bytes))
		die("what the image's environment scripts export cannot be read");
	merge(&context->environment, &image);
}
