/* Small things that several files need: descriptors that close themselves, whole writes, numbers, one-line errors. */
#ifndef WHIT_UTIL_H
#define WHIT_UTIL_H

#include <stddef.h>
#include <stdint.h>

void close_fd(const int *fd);
#define CLEANUP_FD __attribute__((cleanup(close_fd)))

/* Give the descriptor away: the variable forgets it. */
int steal_fd(int *fd);

/* Write all of `text` to the file `name` below `directory`, which must exist. 0 or -errno. */
int write_file(int directory, const char *name, const char *text);

/* A decimal number without sign or space; 0, or -EINVAL for anything else. */
int parse_number(const char *text, uint64_t *number);

/* Bounded text building: 0, or -ENAMETOOLONG when it doesn't fit. `at` is the length so far. */
int append(char *buffer, size_t size, size_t *at, const char *text);
int append_number(char *buffer, size_t size, size_t *at, uint64_t number);

/* "whit: MESSAGE" and, unless NULL, "hint: HINT" on standard error. */
void complain(const char *message, const char *hint);

#endif
