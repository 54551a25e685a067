/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to steps. The whole plan is checked before anything of it is done: its frame, each word
 * against the type that the op table gives, and what the order of the operations must hold.
 *
 * An op's words are described by a line of types: "path options missing name". A type may end in
 * ? (may be left out), * (any number) or + (one or more); these come last. a|b|c is one of these
 * words.
 */
#include "berth.h"

#include <sched.h>
#include <string.h>

enum {
	PLAN_VERSION = 1,
	WORDS_LIMIT = 1 << 20,
	BYTES_LIMIT = 64 << 20,
	HOST_NAME_LIMIT = 64,
};

static bool is_text(const char *word)
{
	return word != NULL;
}

static bool is_name(const char *word)
{
	return *word != '\0';
}

static bool is_path(const char *word)
{
	return *word == '/';
}

/* Relative, and without any component that leads elsewhere. */
static bool is_inner(const char *word)
{
	for (;;) {
		size_t length = strcspn(word, "/");

		if (length == 0 || (length == 1 && word[0] == '.') ||
		    (length == 2 && word[0] == '.' && word[1] == '.'))
			return false;
		if (!word[length])
			return true;
		word += length + 1;
	}
}

static bool is_number(const char *word)
{
	uint64_t number;

	return parse_number(word, &number);
}

/* In KiB, or half of what there is. */
static bool is_memory(const char *word)
{
	return is_number(word) || strcmp(word, "half") == 0;
}

static bool is_level(const char *word)
{
	uint64_t number;

	return parse_number(word + (*word == '-'), &number) && number <= 9;
}

static bool is_mode(const char *word)
{
	mode_t mode;

	return parse_mode(word, &mode);
}

static bool is_options(const char *word)
{
	struct mount_options options;

	return parse_options(word, &options);
}

static bool is_namespaces(const char *word)
{
	int flags;

	return parse_namespaces(word, &flags);
}

static bool is_host_name(const char *word)
{
	return *word && strlen(word) <= HOST_NAME_LIMIT;
}

static bool is_variable(const char *word)
{
	return *word && !strchr(word, '=');
}

static bool is_assignment(const char *word)
{
	return *word != '=' && strchr(word, '=');
}

static size_t colons(const char *word)
{
	size_t count = 0;

	for (; *word; word++)
		count += *word == ':';
	return count;
}

static bool is_passwd_line(const char *word)
{
	return *word != ':' && colons(word) == 6 && !strchr(word, '\n');
}

static bool is_group_line(const char *word)
{
	return *word != ':' && colons(word) == 3 && !strchr(word, '\n');
}

static const struct {
	const char *name;
	bool (*accepts)(const char *word);
} types[] = {
	{"text", is_text},
	{"name", is_name},
	{"path", is_path},
	{"inner", is_inner},
	{"number", is_number},
	{"memory", is_memory},
	{"level", is_level},
	{"mode", is_mode},
	{"options", is_options},
	{"missing", parse_missing},
	{"namespaces", is_namespaces},
	{"id-map", parse_id_map},
	{"host-name", is_host_name},
	{"variable", is_variable},
	{"assignment", is_assignment},
	{"passwd-line", is_passwd_line},
	{"group-line", is_group_line},
};

static bool accepts(const char *type, size_t length, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == length && !strncmp(types[i].name, type, length))
			return types[i].accepts(word);
	/* Otherwise the type is the list of the words it can be. */
	for (size_t at = 0; at < length;) {
		size_t part = strcspn(type + at, "| ?*+");

		if (strlen(word) == part && !strncmp(word, type + at, part))
			return true;
		at += part + 1;
	}
	return false;
}

static bool words_fit(const char *format, const struct step *step)
{
	size_t i = 0;

	while (*format) {
		size_t length = strcspn(format, " ");
		char repeat = format[length - 1];
		size_t type = length - (strchr("?*+", repeat) != NULL);
		size_t least = strchr("?*", repeat) ? 0 : 1;
		size_t most = strchr("*+", repeat) ? SIZE_MAX : 1;
		size_t seen = 0;

		while (seen < most && i < step->count && accepts(format, type, step->words[i])) {
			seen++;
			i++;
		}
		if (seen < least)
			return false;
		format += length + (format[length] == ' ');
	}
	return i == step->count;
}

/* The rules that no single word can show. NULL when all hold. */
static const char *check_order(struct plan *plan, int argc)
{
	bool environment = false, forked = false, joined = false, unshared = false;

	for (size_t i = 0; i < plan->count; i++) {
		const struct step *step = &plan->steps[i];
		const char *name = step->op->name;
		uint64_t index = 0;

		if (op_is_payload(step->op) != (i + 1 == plan->count))
			return "the payload is its last operation, and only that";
		if (op_is(step, "env-keep") || op_is(step, "env-drop")) {
			if (environment)
				return "only one of env-keep and env-drop";
			environment = true;
		} else if (!strncmp(name, "env-", 4) && !environment) {
			return "env-keep or env-drop comes before the other env operations";
		}
		if (op_is(step, "unshare")) {
			if (unshared)
				return "only one unshare";
			unshared = true;
			parse_namespaces(step->words[0], &plan->namespaces);
		}
		if (op_is(step, "lease") || op_is(step, "join")) {
			if (i > 1 || (i == 1 && !op_is(step - 1, "level")))
				return "lease or join is its first operation";
			if (!op_is(&plan->steps[plan->count - 1], "hold"))
				return "lease or join without hold";
			joined = op_is(step, "join");
		}
		if (joined && (op_is(step, "unshare") || op_is(step, "pivot")))
			return "join makes no container";
		if (op_is(step, "identity") && !(plan->namespaces & CLONE_NEWUSER))
			return "identity without a new user namespace";
		if (op_is(step, "map-ids") && !(plan->namespaces & CLONE_NEWUSER))
			return "map-ids without a new user namespace";
		if (op_is(step, "init") || op_is(step, "fork")) {
			if (forked)
				return "only one of init and fork";
			if (op_is(step, "init") && !(plan->namespaces & CLONE_NEWPID))
				return "init without a new PID namespace";
			forked = true;
		}
		/* What else can be passed over would leave behind what its hooks have begun. */
		if (op_is(step, "skip-if-same") &&
		    (i + 1 == plan->count ||
		     !(op_is(step + 1, "bind") || op_is(step + 1, "bind-session"))))
			return "skip-if-same stands before a bind";
		if (op_is(step, "mount") && !strcmp(step->words[0], "proc") &&
		    (plan->namespaces & CLONE_NEWPID) && !forked)
			return "proc of a new PID namespace is mounted after init or fork";
		if (op_is(step, "privileges"))
			plan->drop_privileges = !strcmp(step->words[0], "drop");
		if (op_is(step, "hold") && forked)
			return "hold in a PID namespace of its own";
		if (op_is(step, "exec") || op_is(step, "exec-script")) {
			parse_number(step->words[0], &index);
			if (index > (uint64_t)argc)
				return "an argument index beyond the command line";
			if (step->count == 1 && (!index || index == (uint64_t)argc))
				return "nothing to execute";
		}
	}
	if (!plan->count)
		return "it has no operation";
	if ((plan->namespaces & CLONE_NEWPID) && !forked)
		return "a new PID namespace without init or fork";
	return NULL;
}

static char **split(char *bytes, size_t length, size_t *count)
{
	size_t words = 0;
	char **list;

	for (size_t i = 0; i < length; i++)
		words += bytes[i] == '\0';
	*count = words;
	if (words > WORDS_LIMIT)
		return NULL;
	list = allocate(words + 1, sizeof(*list));
	for (size_t i = 0; i < words; i++) {
		list[i] = bytes;
		bytes += strlen(bytes) + 1;
	}
	return list;
}

const char *plan_read(struct plan *plan, char *bytes, size_t length, int argc)
{
	char **words;
	size_t count, at;
	uint64_t number;

	memset(plan, 0, sizeof(*plan));
	if (length > BYTES_LIMIT)
		return "it is larger than 64 MiB";
	if (!length || bytes[length - 1])
		return "it is cut off";
	words = split(bytes, length, &count);
	if (!words)
		return "it has more than 1048576 words";
	if (count < 3 || strcmp(words[0], "berth-plan"))
		return "it does not start as one";
	if (!parse_number(words[1], &number) || number != PLAN_VERSION)
		return "its version is not 1";
	if (strcmp(words[count - 1], "end"))
		return "it does not end in 'end'";

	plan->steps = allocate(count / 2, sizeof(*plan->steps));
	for (at = 2; at + 1 < count; at += 2 + plan->steps[plan->count++].count) {
		struct step *step = &plan->steps[plan->count];

		step->op = op_find(words[at]);
		if (!step->op)
			return text("unknown operation '%.64s'", words[at]);
		/* The closing 'end' is no word of an operation. */
		if (!parse_number(words[at + 1], &number) || number > count - at - 3)
			return text("%s: bad number of words", step->op->name);
		step->count = (size_t)number;
		step->words = words + at + 2;
		for (size_t i = 0; i < STEP_DESCRIPTORS; i++)
			step->fds[i] = -1;
		if (!words_fit(step->op->words, step))
			return text("%s: its words are not '%s'", step->op->name, step->op->words);
	}
	if (at != count - 1)
		return "it does not end in 'end'";
	return check_order(plan, argc);
}
