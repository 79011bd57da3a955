/* What happens to the container, a line of JSON each, in the store's file `events` (docs/engine.md, Events). What can't be written is lost. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { EVENT_SIZE = 16384, TRIES = 8, LARGEST = 1 << 20 };

/* The folder is containers/ID of the store. */
static const char current[] = "../../events", older[] = "../../events.1";

static int is_current(int file)
{
	struct stat mine, there;
	return fstat(file, &mine) == 0 && fstatat(AT_FDCWD, current, &there, AT_SYMLINK_NOFOLLOW) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

static void put(int file, const char *line, size_t size)
{
	ssize_t done = write(file, line, size);
	struct stat state;
	/* So that the next one is whole. */
	if (done > 0 && (size_t)done < size && write(file, "\n", 1) < 0)
		return;
	if (fstat(file, &state) == 0 && state.st_size >= LARGEST && flock(file, LOCK_EX | LOCK_NB) == 0 && is_current(file))
		rename(current, older);
}

static int form(char *line, size_t *at, const char *action, const char *name, const char *value)
{
	char actor[EVENT_SIZE];
	int64_t now = engine_time();
	ssize_t length = read_file(AT_FDCWD, "actor", actor, sizeof(actor));
	if (length <= 0 || (size_t)length >= sizeof(actor) - 1)
		return -1;
	int error = append(line, EVENT_SIZE, at, "{\"Type\":\"container\",\"Action\":\"") || append(line, EVENT_SIZE, at, action) ||
		    append(line, EVENT_SIZE, at, "\",\"Actor\":") || append(line, EVENT_SIZE, at, actor);
	if (!error && name)
		error = append(line, EVENT_SIZE, at, ",\"") || append(line, EVENT_SIZE, at, name) || append(line, EVENT_SIZE, at, "\":\"") ||
			append(line, EVENT_SIZE, at, value) || append(line, EVENT_SIZE, at, "\"");
	return error || append(line, EVENT_SIZE, at, "}},\"scope\":\"local\",\"time\":") ||
	       append_number(line, EVENT_SIZE, at, (uint64_t)(now / SECOND_NS)) || append(line, EVENT_SIZE, at, ",\"timeNano\":") ||
	       append_number(line, EVENT_SIZE, at, (uint64_t)now) || append(line, EVENT_SIZE, at, "}\n");
}

void event_record(const char *action, const char *name, const char *value)
{
	char line[EVENT_SIZE] = "";
	size_t size = 0;
	if (form(line, &size, action, name, value))
		return;
	for (unsigned i = 0; i < TRIES; i++) {
		CLEANUP_FD int file = open(current, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0 || flock(file, LOCK_SH) < 0)
			return;
		/* Another one has taken its place: nothing is written to this one any more. */
		if (!is_current(file))
			continue;
		put(file, line, size);
		return;
	}
}

void event_record_number(const char *action, const char *name, uint64_t number)
{
	char text[STAMP_SIZE] = "";
	size_t at = 0;
	append_number(text, sizeof(text), &at, number);
	event_record(action, name, text);
}
