/* Small things that several files need: descriptors that close themselves, whole writes, numbers, one-line errors. */
#ifndef WHIT_UTIL_H
#define WHIT_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void close_fd(const int *fd);
#define CLEANUP_FD __attribute__((cleanup(close_fd)))

/* Give the descriptor away: the variable forgets it. */
int steal_fd(int *fd);

/* Wait for the end of a child. Its status as waitpid(2) tells it, or -errno. */
int wait_for(pid_t child);

/* 0 or -errno. */
int write_all(int fd, const char *text, size_t length);

/* Write all of `text` to the file `name` below `directory`, which must exist. 0 or -errno. */
int write_file(int directory, const char *name, const char *text);

/* The whole of a small file, no link; its length or -errno. `text` gets a NUL. */
ssize_t read_file(int directory, const char *name, char *text, size_t size);

/* Whether what is open is what has that name below a folder now; no link is followed. */
int is_still(int folder, const char *name, int opened);

/* "/proc/PID" and `name`, which begins with a slash. 0 or -ENAMETOOLONG. */
int proc_path(char *path, size_t size, uint64_t pid, const char *name);

/* The names in a folder, from its beginning, without "." and "..". */
struct listing {
	int directory;
	long at, filled;
	char entries[2048] __attribute__((aligned(8)));
};
struct listed;
void list_from(struct listing *listing, int directory);

/* The next one, or NULL: then `filled` is -1 if the folder can't be read any further, and errno says why. */
const struct listed *list_next(struct listing *listing);

/* The first `length` bytes of `text`, with a NUL. 0 or -ENAMETOOLONG. */
int copy_part(char *buffer, size_t size, const char *text, size_t length);

/* The next line of what is left of a text, or NULL. Its end becomes a NUL. */
char *next_line(char **rest);

/* What a hexadecimal digit, a small one, stands for; -1 for anything else. */
int hexadecimal(char digit);

/* A decimal number without sign or space; 0, or -EINVAL for anything else. */
int parse_number(const char *text, uint64_t *number);

/* Bounded text building: 0, or -ENAMETOOLONG when it doesn't fit. `at` is the length so far. */
int append(char *buffer, size_t size, size_t *at, const char *text);
int append_number(char *buffer, size_t size, size_t *at, uint64_t number);

/* "whit: MESSAGE" and, unless NULL, "hint: HINT" on standard error. */
void complain(const char *message, const char *hint);

/* The same as another program: whit-oci. */
void complain_as(const char *program, const char *message, const char *hint);

#endif
