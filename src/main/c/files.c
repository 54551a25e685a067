/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories that the plan asks for, and the image's passwd and group with the caller
 * in them. */
#include "berth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DATABASE_LIMIT = 1 << 20
};

void op_make_dir(struct context *context, struct step *step)
{
	mode_t mode = 0;
	int fd;

	parse_mode(step->words[1], &mode);
	fd = make_inside(need_root(context), step->words[0], KIND_DIRECTORY, mode);
	if (fd < 0)
		die_errno("make directory %s in the container", step->words[0]);
	close(fd);
}

void op_symlink(struct context *context, struct step *step)
{
	if (make_link_inside(need_root(context), step->words[1], step->words[0]) < 0)
		die_errno("make symbolic link %s in the container", step->words[1]);
}

static void write_session_file(struct context *context, const char *path, mode_t mode,
			       const char *content, size_t length)
{
	scoped_fd made = make_inside(need_session(context), path, KIND_FILE, mode);
	scoped_fd fd = -1;

	if (made >= 0)
		fd = open(fd_path(made).text, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || write_all(fd, content, length) < 0 || fchmod(fd, mode) < 0)
		die_errno("write %s in the session directory", path);
}

void op_file(struct context *context, struct step *step)
{
	mode_t mode = 0;

	parse_mode(step->words[1], &mode);
	write_session_file(context, step->words[0], mode, step->words[2], strlen(step->words[2]));
}

/*
 * Like mkdir -p; what is there already stays as it is. The mode is set by the descriptor of what
 * was made, without following a link that somebody may have put there meanwhile: root makes these
 * too.
 */
void op_make_host_dir(struct context *context, struct step *step)
{
	const char *path = step->words[0];
	scoped_fd above = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mode_t mode = 0;

	(void)context;
	parse_mode(step->words[1], &mode);
	for (;;) {
		size_t length = strcspn(path + strspn(path, "/"), "/");
		char *name = copy(path + strspn(path, "/"));
		bool last;
		int fd;

		path += strspn(path, "/") + length;
		last = path[strspn(path, "/")] == '\0';
		name[length] = '\0';
		if (!length)
			return;
		if (mkdirat(above, name, last ? 0700 : 0755) == 0) {
			fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd < 0 || (last && fchmod(fd, mode) < 0))
				die_errno("set the mode of %s", step->words[0]);
		} else if (errno != EEXIST) {
			die_errno("make the directory %.*s", (int)(path - step->words[0]),
				  step->words[0]);
		} else if (last) {
			return;
		} else {
			fd = openat(above, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		if (last) {
			close(fd);
			return;
		}
		if (fd < 0)
			die_errno("make the directory %s", step->words[0]);
		close(above);
		above = fd;
	}
}

void op_remove_file(struct context *context, struct step *step)
{
	(void)context;
	if (unlink(step->words[0]) < 0 && errno != ENOENT)
		die_errno("remove %s", step->words[0]);
}

void op_skip_if_same(struct context *context, struct step *step)
{
	scoped_fd one = open_inside(need_root(context), step->words[0]);
	scoped_fd other = open_inside(need_root(context), step->words[1]);
	struct stat a, b;

	context->skip_next = one >= 0 && other >= 0 && fstat(one, &a) == 0 &&
			     fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void op_make_session_dir(struct context *context, struct step *step)
{
	mode_t mode = 0;
	int fd;

	parse_mode(step->words[1], &mode);
	fd = make_inside(need_session(context), step->words[0], KIND_DIRECTORY, mode);
	if (fd < 0 || fchmodat(AT_FDCWD, fd_path(fd).text, mode, 0) < 0)
		die_errno("make %s in the session directory", step->words[0]);
	close(fd);
}

/* The container's own database, NULL with a WARNING when there is none that can be changed. */
static char *read_database(struct context *context, const char *name)
{
	char *path = text("/etc/%s", name);
	scoped_fd fd = open_inside(need_root(context), path);
	struct stat status;
	char *content;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		say(LEVEL_WARNING, "%s file doesn't exist in container, not updating", name);
		return NULL;
	}
	content = read_text(AT_FDCWD, fd_path(fd).text, DATABASE_LIMIT);
	if (!content)
		say(LEVEL_WARNING, "%s file of the container is not updated: %s", name, why(errno));
	return content;
}

static void bind_database(struct context *context, const char *name, const struct buffer *content)
{
	char *path = text("/etc/%s", name);

	write_session_file(context, name, 0644, content->bytes, content->length);
	bind_session_file(context, name, path);
}

/* Field number (from 0) of a line of the databases; its length is set. */
static const char *field(const char *line, size_t line_length, size_t number, size_t *length)
{
	const char *end = line + line_length;

	for (; number; number--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	*length = 0;
	while (line + *length < end && line[*length] != ':')
		(*length)++;
	return line;
}

static bool same_field(const char *a, size_t a_length, const char *b, size_t number)
{
	size_t left_length = 0, right_length = 0;
	const char *left = field(a, a_length, number, &left_length);
	const char *right = field(b, strlen(b), number, &right_length);

	return left && right && left_length == right_length && !memcmp(left, right, left_length);
}

static void append_field(struct buffer *buffer, const char *line, size_t line_length, size_t number)
{
	size_t length = 0;
	const char *bytes = field(line, line_length, number, &length);

	if (bytes)
		append(buffer, bytes, length);
}

/* The image's entry of the caller's uid, with what the host says of the caller put in. */
static void append_passwd(struct buffer *out, const char *line, size_t length, const char *caller)
{
	size_t uid_length = 0;
	const char *uid = field(caller, strlen(caller), 2, &uid_length);
	bool root = uid_length == 1 && uid[0] == '0';
	/* Fields of name:x:uid:gid:gecos:home:shell that come from the host. */
	const char *host = root ? ".....h." : "h...hh.";

	for (size_t i = 0; i < 7; i++) {
		if (host[i] == 'h')
			append_field(out, caller, strlen(caller), i);
		else
			append_field(out, line, length, i);
		append(out, i < 6 ? ":" : "\n", 1);
	}
}

static void end_line(struct buffer *buffer)
{
	if (buffer->length && buffer->bytes[buffer->length - 1] != '\n')
		append(buffer, "\n", 1);
}

void op_passwd(struct context *context, struct step *step)
{
	const char *caller = step->words[0];
	const char *line = read_database(context, "passwd");
	struct buffer out = {0};
	bool found = false;

	if (!line)
		return;
	while (*line) {
		size_t length = strcspn(line, "\n");
		size_t whole = length + (line[length] == '\n');

		if (same_field(line, length, caller, 2)) {
			append_passwd(&out, line, length, caller);
			found = true;
		} else {
			append(&out, line, whole);
		}
		line += whole;
	}
	if (!found) {
		end_line(&out);
		append_text(&out, caller);
		append(&out, "\n", 1);
	}
	bind_database(context, "passwd", &out);
}

static bool has_gid(const char *database, const char *group)
{
	while (*database) {
		size_t length = strcspn(database, "\n");

		if (same_field(database, length, group, 2))
			return true;
		database += length + (database[length] == '\n');
	}
	return false;
}

void op_group(struct context *context, struct step *step)
{
	char *image = read_database(context, "group");
	struct buffer out = {0};

	if (!image)
		return;
	append_text(&out, image);
	for (size_t i = 0; i < step->count; i++) {
		if (has_gid(image, step->words[i]))
			continue;
		end_line(&out);
		append_text(&out, step->words[i]);
		append(&out, "\n", 1);
	}
	bind_database(context, "group", &out);
}

void op_require_file(struct context *context, struct step *step)
{
	int fd = open_inside(need_root(context), step->words[0]);

	if (fd < 0)
		die("%s", step->words[1]);
	close(fd);
}
