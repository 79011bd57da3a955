/* What happens to the container, a line of JSON each, in the store's file `events` (docs/engine.md, Events). What can't be written is lost. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "events.h"
#include "util.h"

enum { EVENT_SIZE = 16384, TRIES = 8, LARGEST = 1 << 20 };

/* A container's folder is containers/ID of the store. */
static const char current[] = "../../events", older[] = "../../events.1";

static int is_current(int folder, int file)
{
	struct stat mine, there;
	return fstat(file, &mine) == 0 && fstatat(folder, current, &there, AT_SYMLINK_NOFOLLOW) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

static void put(int folder, int file, const char *line, size_t size)
{
	ssize_t done = write(file, line, size);
	struct stat state;
	/* So that the next one is whole. */
	if (done > 0 && (size_t)done < size && write(file, "\n", 1) < 0)
		return;
	if (fstat(file, &state) == 0 && state.st_size >= LARGEST && flock(file, LOCK_EX | LOCK_NB) == 0 && is_current(folder, file))
		renameat(folder, current, folder, older);
}

static int form(int folder, char *line, size_t *at, const char *action, const char *more)
{
	char actor[EVENT_SIZE];
	int64_t now = engine_time();
	ssize_t length = read_file(folder, "actor", actor, sizeof(actor));
	if (length <= 0 || (size_t)length >= sizeof(actor) - 1)
		return -1;
	int error = append(line, EVENT_SIZE, at, "{\"Type\":\"container\",\"Action\":\"") || append(line, EVENT_SIZE, at, action) ||
		    append(line, EVENT_SIZE, at, "\",\"Actor\":") || append(line, EVENT_SIZE, at, actor) || append(line, EVENT_SIZE, at, more);
	return error || append(line, EVENT_SIZE, at, "}},\"scope\":\"local\",\"time\":") ||
	       append_number(line, EVENT_SIZE, at, (uint64_t)(now / SECOND_NS)) || append(line, EVENT_SIZE, at, ",\"timeNano\":") ||
	       append_number(line, EVENT_SIZE, at, (uint64_t)now) || append(line, EVENT_SIZE, at, "}\n");
}

void event_record(int folder, const char *action, const char *more)
{
	char line[EVENT_SIZE] = "";
	size_t size = 0;
	if (form(folder, line, &size, action, more))
		return;
	for (unsigned i = 0; i < TRIES; i++) {
		CLEANUP_FD int file = openat(folder, current, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0 || flock(file, LOCK_SH) < 0)
			return;
		/* Another one has taken its place: nothing is written to this one any more. */
		if (!is_current(folder, file))
			continue;
		put(folder, file, line, size);
		return;
	}
}

int event_attribute(char *more, size_t *at, const char *name, const char *value)
{
	return append(more, EVENT_MORE_SIZE, at, ",\"") || append(more, EVENT_MORE_SIZE, at, name) || append(more, EVENT_MORE_SIZE, at, "\":\"") ||
	       append(more, EVENT_MORE_SIZE, at, value) || append(more, EVENT_MORE_SIZE, at, "\"");
}

void event_record_number(int folder, const char *action, const char *name, uint64_t number)
{
	char text[STAMP_SIZE] = "", more[EVENT_MORE_SIZE] = "";
	size_t at = 0, more_at = 0;
	append_number(text, sizeof(text), &at, number);
	event_attribute(more, &more_at, name, text);
	event_record(folder, action, more);
}
