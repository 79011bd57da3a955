/* The form of a config.json: what is the same for all containers that are made alike, with holes where they differ.

   A hole is a text that the compiler passes on as it stands, whatever it says: an argument of the program, the source of a bind
   mount, the name of the host. Which members those are, and what their text must be like, is one table in form.c; texts that need
   escaping in JSON are never holes. Two configurations of one form have one plan but for what is in the holes: oci_kept.c. */
#ifndef WHIT_FORM_H
#define WHIT_FORM_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_HOLES = 192, HOLE_MARK = 1 };

struct hole {
	const char *text;
	size_t length;
};

/* `text` has room for `room` bytes, of which `size` are taken. */
struct form {
	char *text;
	size_t room, size;
	struct hole holes[MAX_HOLES];
	unsigned count;
};

/* Append bytes as they are. 0 or -ENOSPC. */
int form_add(struct form *form, const char *text, size_t length);

/* Append what the host and the caller are; `self` is the launcher's path. 0 or -errno, which it is for others than root too. */
int form_add_host(struct form *form, const char *self);

/* Append the configuration with a HOLE_MARK for each hole; the holes point into `config`. 0, or -EINVAL for what has no form:
   what isn't JSON at a glance, what is nested too deep, and an environment that would have to be written into the form. */
int form_add_config(struct form *form, const char *config, size_t size);

/* Whether the path is absolute, without empty parts, "." and "..", and made of characters that no JSON escapes. */
int is_normal_path(const char *path, size_t length);

#endif
