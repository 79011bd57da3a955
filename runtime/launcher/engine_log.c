/* The container's log: lines "TIME STREAM TAG TEXT", in files that make room for the next one at a size (docs/engine.md). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { NAME_SIZE = 32, HEAD_SIZE = 64, MAX_FILES = 1000, NANOSECOND_DIGITS = 9 };

/* A line that a crash has cut off ends here, so that the next one is whole. */
static int end_last_line(int file, uint64_t size)
{
	char last = '\n';
	if (size > 0 && pread(file, &last, 1, (off_t)size - 1) != 1)
		return -EIO;
	return last == '\n' ? 0 : write_all(file, "\n", 1);
}

static int open_file(struct log *log)
{
	log->file = open("log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	off_t size = log->file < 0 ? -1 : lseek(log->file, 0, SEEK_END);
	if (size < 0)
		return -errno;
	log->size = (uint64_t)size;
	return end_last_line(log->file, log->size);
}

int log_open(struct log *log, const struct settings *settings)
{
	log->file = -1;
	log->max_size = settings->log_size;
	log->files = settings->log_files < MAX_FILES ? settings->log_files : MAX_FILES;
	return settings->has_log ? open_file(log) : 0;
}

static void name_file(char *name, uint64_t number)
{
	size_t at = 0;
	append(name, NAME_SIZE, &at, "log");
	if (number > 0) {
		append(name, NAME_SIZE, &at, ".");
		append_number(name, NAME_SIZE, &at, number);
	}
}

static void rotate(struct log *log)
{
	char from[NAME_SIZE], to[NAME_SIZE];
	if (log->files <= 1) {
		/* There is to be one alone: it begins anew. */
		if (ftruncate(log->file, 0) == 0)
			log->size = 0;
		return;
	}
	for (uint64_t number = log->files - 1; number > 0; number--) {
		name_file(from, number - 1);
		name_file(to, number);
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	int old = log->file;
	if (open_file(log) == 0) {
		close(old);
		return;
	}
	/* It goes on in the old one, and tries again when as much has been written: not at once, which would shift the files away. */
	log->file = old;
	log->size = 0;
}

int log_flush(struct log *log)
{
	while (log->file >= 0 && log->written < log->filled) {
		ssize_t done = write(log->file, log->room + log->written, log->filled - log->written);
		if (done < 0 && errno == EINTR)
			continue;
		log->is_stuck = done < 0;
		if (done < 0)
			return -errno;
		log->written += (size_t)done;
		log->size += (uint64_t)done;
	}
	log->filled = log->written = 0;
	if (log->file >= 0 && log->max_size > 0 && log->size >= log->max_size)
		rotate(log);
	return 0;
}

int log_has_room(const struct log *log)
{
	return sizeof(log->room) - log->filled > LINE_SIZE + HEAD_SIZE;
}

/* "2026-11-29T12:00:00.": the same for all of a second's lines. */
static void stamp_second(struct log *log, time_t second)
{
	struct tm parts;
	if (log->stamped == second && *log->stamp)
		return;
	log->stamped = second;
	if (!gmtime_r(&second, &parts) || strftime(log->stamp, sizeof(log->stamp), "%Y-%m-%dT%H:%M:%S.", &parts) == 0)
		*log->stamp = 0;
}

static void add_head(struct log *log, const char *stream, char tag)
{
	struct timespec now;
	char *at = log->room + log->filled;
	clock_gettime(CLOCK_REALTIME, &now);
	stamp_second(log, now.tv_sec);
	size_t length = strlen(log->stamp), name = strlen(stream);
	memcpy(at, log->stamp, length);
	at += length;
	for (long left = now.tv_nsec, digit = NANOSECOND_DIGITS - 1; digit >= 0; digit--, left /= 10)
		at[digit] = (char)('0' + left % 10);
	at += NANOSECOND_DIGITS;
	*at++ = 'Z';
	*at++ = ' ';
	memcpy(at, stream, name);
	at += name;
	*at++ = ' ';
	*at++ = tag;
	*at++ = ' ';
	log->filled = (size_t)(at - log->room);
}

void log_add(struct log *log, const char *stream, char tag, const char *text, size_t size)
{
	if (log->file < 0)
		return;
	add_head(log, stream, tag);
	memcpy(log->room + log->filled, text, size);
	log->filled += size;
	log->room[log->filled++] = '\n';
}
