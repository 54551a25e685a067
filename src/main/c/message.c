/* SPDX-License-Identifier: Apache-2.0 */
/* One line per message, on standard error, as Apptainer prints them: an eight-column label. */
#include "berth.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int shown_level = LEVEL_INFO;
static bool no_colour;

void message_level(int level, bool plain)
{
	shown_level = level;
	no_colour = plain;
}

const char *why(int error)
{
	static char words[128];

	if (error == EFBIG)
		return "file too large (ulimit -f bounds the size of files)";
	snprintf(words, sizeof(words), "%s", strerror(error));
	/* "No such file" becomes "no such file", "I/O error" stays. */
	if (words[0] && islower((unsigned char)words[1]))
		words[0] = (char)tolower((unsigned char)words[0]);
	return words;
}

static const char *label(enum level level)
{
	switch (level) {
	case LEVEL_FATAL:
		return "FATAL:";
	case LEVEL_ERROR:
		return "ERROR:";
	case LEVEL_WARNING:
		return "WARNING:";
	case LEVEL_INFO:
		return "INFO:";
	case LEVEL_VERBOSE:
		break;
	}
	return "VERBOSE:";
}

static const char *colour(enum level level)
{
	switch (level) {
	case LEVEL_FATAL:
	case LEVEL_ERROR:
		return "\033[31m";
	case LEVEL_WARNING:
		return "\033[33m";
	case LEVEL_INFO:
		return "\033[34m";
	case LEVEL_VERBOSE:
		break;
	}
	return "\033[0m";
}

__attribute__((format(printf, 3, 0))) static void print(enum level level, int error,
							const char *format, va_list arguments)
{
	char line[4096];
	char head[32];
	int length;
	bool coloured = !no_colour && !getenv("NOCOLOR") && isatty(STDERR_FILENO);

	if ((int)level > shown_level && level > LEVEL_ERROR)
		return;
	length = vsnprintf(line, sizeof(line), format, arguments);
	if (length >= 0 && (size_t)length < sizeof(line) && error)
		snprintf(line + length, sizeof(line) - (size_t)length, ": %s", why(error));
	/* Names come from images and users: they may not move the cursor or fake a second line. */
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	if (coloured)
		snprintf(head, sizeof(head), "%s%-8s\033[0m", colour(level), label(level));
	else
		snprintf(head, sizeof(head), "%-8s", label(level));
	dprintf(STDERR_FILENO, "%s %s\n", head, line);
}

void say(enum level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(level, 0, format, arguments);
	va_end(arguments);
}

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(LEVEL_FATAL, 0, format, arguments);
	va_end(arguments);
	_exit(STATUS_FAILED);
}

void die_errno(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	print(LEVEL_FATAL, error, format, arguments);
	va_end(arguments);
	_exit(STATUS_FAILED);
}
