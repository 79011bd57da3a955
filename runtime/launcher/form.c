#include "form.h"

#include <errno.h>
#include <string.h>

enum { PATH_SIZE = 512, MAX_DEPTH = 24, LONGEST_HOST_NAME = 64 };

enum kind { ANY, ABSOLUTE, SOURCE, VARIABLE, ARGUMENT, HOST_NAME, CGROUP };

/* What runtime/oci passes on verbatim. A member that it looks into stands here only with a kind whose texts all come out alike:
   the source of a mount is asked whether it is of /dev, a variable whether it is PATH or HOME, an argument whether
   it names a module of WebAssembly (packer/wasm/claim.py), a cgroup's path is made normal.
   tests/unit/runtime/test_oci_kept.py compares plans of holes that are filled with plans that Python makes. */
static const struct {
	const char *path;
	enum kind kind;
} free_members[] = {
	{ "hostname", HOST_NAME },
	{ "root.path", ABSOLUTE },
	{ "process.args[]", ARGUMENT },
	{ "process.env[]", VARIABLE },
	{ "mounts[].source", SOURCE },
	{ "linux.cgroupsPath", CGROUP },
	{ "linux.namespaces[].path", ABSOLUTE },
	{ "hooks.*[].path", ABSOLUTE },
	{ "hooks.*[].args[]", ANY },
	{ "hooks.*[].env[]", VARIABLE },
};

/* Kubernetes' annotations tell a container's sandbox and name, and are nothing but kept. */
static const char free_annotations[] = "annotations.io.kubernetes.";

/* Where an image tells the calls of its program, the filter is for the program at that path (packer/image/callsclaim.py), so that the
   first argument isn't free. Whoever writes this name with escapes isn't seen here: runtime/oci/kept.py keeps nothing then. */
static const char tells_calls[] = "dev.whit.syscalls";

/* `is_first`: what is read is a list's first item. */
struct reader {
	const char *at, *end;
	struct form *form;
	int tells_calls, is_first;
	char path[PATH_SIZE];
	size_t length;
};

struct text {
	const char *at;
	size_t length;
	int is_plain;
};

int form_add(struct form *form, const char *text, size_t length)
{
	if (length > form->room - form->size)
		return -ENOSPC;
	memcpy(form->text + form->size, text, length);
	form->size += length;
	return 0;
}

static int begins(const char *text, size_t length, const char *with)
{
	size_t size = strlen(with);
	return length >= size && memcmp(text, with, size) == 0;
}

static int is_letter(char letter)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/* A star stands for one name. */
static int matches(const char *pattern, const char *path)
{
	for (; *pattern; pattern++) {
		if (*pattern == '*' && is_letter(*path)) {
			while (is_letter(*path))
				path++;
		} else if (*pattern != *path++) {
			return 0;
		}
	}
	return *path == 0;
}

/* Parts between slashes, none of them empty, "." or "..". */
static int is_normal(const char *path, size_t length)
{
	size_t part = 0;
	for (size_t i = 0; i <= length; i++) {
		if (i < length && path[i] != '/') {
			part++;
			continue;
		}
		if (part == 0 || (part == 1 && path[i - 1] == '.') || (part == 2 && path[i - 1] == '.' && path[i - 2] == '.'))
			return 0;
		part = 0;
	}
	return 1;
}

static int is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

int is_normal_path(const char *path, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_plain((unsigned char)path[i]))
			return 0;
	return length > 1 && *path == '/' && is_normal(path + 1, length - 1);
}

/* A name that ends in .wasm or .wat, before a # if there is one. */
static int names_module(const char *text, size_t length)
{
	const char *function = memchr(text, '#', length);
	if (function)
		length = (size_t)(function - text);
	return (length >= 5 && memcmp(text + length - 5, ".wasm", 5) == 0) || (length >= 4 && memcmp(text + length - 4, ".wat", 4) == 0);
}

/* Where the hole begins in a text of this kind: after the slash of an absolute path. -1: there is none. */
static int hole_in(enum kind kind, const char *text, size_t length)
{
	int absolute = length > 1 && *text == '/';
	switch (kind) {
	case ANY:
		return 0;
	case ABSOLUTE:
		return absolute ? 1 : -1;
	case SOURCE:
		return absolute && !begins(text, length, "/dev/") ? 1 : -1;
	case VARIABLE:
		return begins(text, length, "PATH=") || begins(text, length, "HOME=") ? -1 : 0;
	case ARGUMENT:
		return names_module(text, length) ? -1 : 0;
	case HOST_NAME:
		return length > 0 && length <= LONGEST_HOST_NAME ? 0 : -1;
	case CGROUP:
		if (memchr(text, ':', length))
			return -1;
		return is_normal(text + absolute, length - (size_t)absolute) ? absolute : -1;
	}
	return -1;
}

static int free_kind(const struct reader *reader, enum kind *kind)
{
	*kind = ANY;
	if (begins(reader->path, reader->length, free_annotations))
		return 1;
	for (size_t i = 0; i < sizeof(free_members) / sizeof(*free_members); i++) {
		*kind = free_members[i].kind;
		if (matches(free_members[i].path, reader->path))
			return 1;
	}
	return 0;
}

static int push(struct reader *reader, const char *text, size_t length)
{
	if (length >= PATH_SIZE - reader->length)
		return -EINVAL;
	memcpy(reader->path + reader->length, text, length);
	reader->length += length;
	reader->path[reader->length] = 0;
	return 0;
}

static void pop(struct reader *reader, size_t length)
{
	reader->length = length;
	reader->path[length] = 0;
}

/* Names with other characters are told from none: nothing below them is free. */
static int push_name(struct reader *reader, const struct text *name)
{
	int annotation = strcmp(reader->path, "annotations") == 0, known = name->length > 0;
	for (size_t i = 0; i < name->length; i++) {
		char letter = name->at[i];
		known &= is_letter(letter) || (letter >= '0' && letter <= '9') || (annotation && letter && strchr(".-/_", letter));
	}
	int error = reader->length ? push(reader, ".", 1) : 0;
	if (error)
		return error;
	return known ? push(reader, name->at, name->length) : push(reader, "?", 1);
}

static int copy(struct reader *reader, size_t length)
{
	int error = form_add(reader->form, reader->at, length);
	reader->at += length;
	return error;
}

static int copy_space(struct reader *reader)
{
	size_t length = 0;
	while (reader->at + length < reader->end && reader->at[length] && strchr(" \t\r\n", reader->at[length]))
		length++;
	return copy(reader, length);
}

/* The text behind a quotation mark that has just been read, as it is written. The closing mark isn't read yet. */
static int read_text(struct reader *reader, struct text *text)
{
	*text = (struct text){ .at = reader->at, .is_plain = 1 };
	for (const char *at = reader->at; at < reader->end; at++) {
		if (*at == '"') {
			text->length = (size_t)(at - text->at);
			reader->at = at;
			return 0;
		}
		if ((unsigned char)*at < 0x20)
			return -EINVAL;
		text->is_plain &= is_plain((unsigned char)*at);
		if (*at == '\\' && ++at < reader->end && (unsigned char)*at < 0x20)
			return -EINVAL;
	}
	return -EINVAL;
}

/* The next byte must be this one; it is copied. */
static int expect(struct reader *reader, char wanted)
{
	if (reader->at == reader->end || *reader->at != wanted)
		return -EINVAL;
	return copy(reader, 1);
}

static int read_string(struct reader *reader)
{
	struct text text;
	enum kind kind;
	static const char mark = HOLE_MARK;
	struct form *form = reader->form;
	int error = expect(reader, '"');
	error = error ? error : read_text(reader, &text);
	if (error)
		return error;
	int is_free = free_kind(reader, &kind);
	/* What an environment holds may be secret, and forms are kept. */
	if (is_free && kind == VARIABLE && (!text.is_plain || form->count == MAX_HOLES))
		return -EINVAL;
	is_free &= kind != ARGUMENT || !reader->is_first || !reader->tells_calls;
	int begin = is_free && text.is_plain && form->count < MAX_HOLES ? hole_in(kind, text.at, text.length) : -1;
	if (begin < 0)
		error = form_add(form, text.at, text.length);
	else {
		size_t before = (size_t)begin;
		form->holes[form->count++] = (struct hole){ text.at + before, text.length - before };
		error = form_add(form, text.at, before);
		error = error ? error : form_add(form, &mark, 1);
	}
	return error ? error : expect(reader, '"');
}

static int read_value(struct reader *reader, unsigned depth);

static int read_member(struct reader *reader, unsigned depth)
{
	struct text name;
	size_t length = reader->length;
	int error = expect(reader, '"');
	error = error ? error : read_text(reader, &name);
	error = error ? error : form_add(reader->form, name.at, name.length);
	error = error ? error : expect(reader, '"');
	error = error ? error : copy_space(reader);
	error = error ? error : expect(reader, ':');
	error = error ? error : push_name(reader, &name);
	error = error ? error : read_value(reader, depth);
	pop(reader, length);
	return error;
}

static int read_item(struct reader *reader, unsigned depth)
{
	size_t length = reader->length;
	int error = push(reader, "[]", 2);
	error = error ? error : read_value(reader, depth);
	pop(reader, length);
	return error;
}

static int read_many(struct reader *reader, unsigned depth, char close, int (*read)(struct reader *, unsigned))
{
	int error = copy(reader, 1);
	error = error ? error : copy_space(reader);
	if (!error && expect(reader, close) == 0)
		return 0;
	for (int first = 1; !error; first = 0) {
		error = copy_space(reader);
		reader->is_first = first;
		error = error ? error : read(reader, depth + 1);
		error = error ? error : copy_space(reader);
		if (!error && expect(reader, close) == 0)
			return 0;
		error = error ? error : expect(reader, ',');
	}
	return error;
}

/* Numbers and the three words: what they say is the compiler's business. */
static int read_scalar(struct reader *reader)
{
	size_t length = 0;
	while (reader->at + length < reader->end) {
		char letter = reader->at[length];
		if (!is_letter(letter) && !(letter >= '0' && letter <= '9') && letter != '-' && letter != '+' && letter != '.')
			break;
		length++;
	}
	return length ? copy(reader, length) : -EINVAL;
}

static int read_value(struct reader *reader, unsigned depth)
{
	int error = copy_space(reader);
	if (error || depth > MAX_DEPTH || reader->at == reader->end)
		return error ? error : -EINVAL;
	switch (*reader->at) {
	case '{':
		return read_many(reader, depth, '}', read_member);
	case '[':
		return read_many(reader, depth, ']', read_item);
	case '"':
		return read_string(reader);
	default:
		return read_scalar(reader);
	}
}

int form_add_config(struct form *form, const char *config, size_t size)
{
	struct reader reader = { .at = config, .end = config + size, .form = form };
	reader.tells_calls = memmem(config, size, tells_calls, strlen(tells_calls)) != NULL;
	int error = read_value(&reader, 0);
	error = error ? error : copy_space(&reader);
	return error || reader.at != reader.end ? -EINVAL : 0;
}
