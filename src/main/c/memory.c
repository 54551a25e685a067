/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, buffers and whole-file reads; running out of memory ends the launch. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		die("out of memory");
	return memory;
}

void *resize(void *old, size_t count, size_t size)
{
	void *memory;

	if (size && count > SIZE_MAX / size)
		die("out of memory");
	memory = realloc(old, count * size);
	if (!memory)
		die("out of memory");
	return memory;
}

char *copy(const char *string)
{
	return text("%s", string);
}

char *text(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0)
		die("out of memory");
	va_end(arguments);
	return result;
}

static void make_room(struct buffer *buffer, size_t more)
{
	size_t room = buffer->room ? buffer->room : 4096;

	while (room - buffer->length < more)
		room *= 2;
	if (room != buffer->room)
		buffer->bytes = resize(buffer->bytes, room, 1);
	buffer->room = room;
}

void append(struct buffer *buffer, const void *bytes, size_t length)
{
	make_room(buffer, length);
	if (length)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
}

void append_text(struct buffer *buffer, const char *string)
{
	append(buffer, string, strlen(string));
}

int append_file(struct buffer *buffer, int fd, size_t limit)
{
	size_t start = buffer->length;

	for (;;) {
		ssize_t got;

		make_room(buffer, 4096);
		got = read(fd, buffer->bytes + buffer->length, buffer->room - buffer->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return 0;
		buffer->length += (size_t)got;
		if (buffer->length - start > limit) {
			errno = EFBIG;
			return -1;
		}
	}
}

char *read_text(int directory, const char *path, size_t limit)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not hold us. */
	scoped_fd fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct buffer buffer = {0};

	if (fd < 0 || append_file(&buffer, fd, limit) < 0)
		return NULL;
	append(&buffer, "", 1);
	return buffer.bytes;
}

int write_all(int fd, const void *bytes, size_t length)
{
	const char *from = bytes;

	while (length) {
		ssize_t put = write(fd, from, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		from += put;
		length -= (size_t)put;
	}
	return 0;
}
