/* HOME, for programs that are given none: the specification doesn't ask for it, and images count on it, because runc sets it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"
#include "util.h"

enum { LINE_SIZE = 4096, FIELD_UID = 2, FIELD_HOME = 5, FIELD_COUNT = 7 };

/* The home of user `uid` if the line, which is taken apart, is of that user (passwd(5)). NULL if it isn't. */
static const char *home_of(char *line, uint64_t uid)
{
	char *fields[FIELD_COUNT] = { line };
	uint64_t number;
	for (size_t i = 1; i < FIELD_COUNT; i++) {
		char *colon = strchr(fields[i - 1], ':');
		if (!colon)
			return NULL;
		*colon = 0;
		fields[i] = colon + 1;
	}
	return parse_number(fields[FIELD_UID], &number) == 0 && number == uid ? fields[FIELD_HOME] : NULL;
}

/* A longer line is nobody's. */
static int find_home(int file, uint64_t uid, struct launch *launch)
{
	char text[LINE_SIZE + 1];
	size_t filled = 0, at;
	ssize_t got;
	int skips = 0;
	while ((got = read(file, text + filled, LINE_SIZE - filled)) > 0) {
		char *line = text, *end;
		filled += (size_t)got;
		text[filled] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1, skips = 0) {
			*end = 0;
			const char *home = skips ? NULL : home_of(line, uid);
			at = strlen("HOME=");
			if (home && *home == '/')
				return append(launch->home, sizeof(launch->home), &at, home);
		}
		filled -= (size_t)(line - text);
		memmove(text, line, filled);
		if (filled == LINE_SIZE) {
			filled = 0;
			skips = 1;
		}
	}
	at = strlen("HOME=");
	return append(launch->home, sizeof(launch->home), &at, "/");
}

int op_set_home(struct launch *launch, const struct op *op)
{
	struct stat status;
	memcpy(launch->home, "HOME=", sizeof("HOME="));
	CLEANUP_FD int file = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) {
		size_t at = strlen("HOME=");
		return append(launch->home, sizeof(launch->home), &at, "/");
	}
	return find_home(file, op_number(op, SET_HOME_uid), launch);
}
