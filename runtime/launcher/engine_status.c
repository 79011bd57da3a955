/* The status file. Its two halves are files of a fixed size that change places: none is ever made longer, so that an end can be put on
   record on a disk that is full. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { STATUS_SIZE = 2048, NUMBER_SIZE = 24 };

static const char current[] = "status", spare[] = "status.spare";
static const char *const states[] = { "starting", "running", "restarting", "exited" };
static const char *const healths[] = { "none", "starting", "healthy", "unhealthy" };

#define EXCHANGE 2u

static int make(const char *name)
{
	char nothing[STATUS_SIZE];
	CLEANUP_FD int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
	if (size < 0)
		return -errno;
	if (size == STATUS_SIZE)
		return 0;
	memset(nothing, '\n', sizeof(nothing));
	int error = ftruncate(file, 0) < 0 || lseek(file, 0, SEEK_SET) < 0 ? -errno : write_all(file, nothing, sizeof(nothing));
	return !error && fsync(file) < 0 ? -errno : error;
}

int status_open(struct status *status)
{
	int error = make(current);
	error = error ? error : make(spare);
	status->is_due = 1;
	return error;
}

static void add(char *text, size_t *at, const char *name, const char *value)
{
	append(text, STATUS_SIZE, at, name);
	append(text, STATUS_SIZE, at, " ");
	append(text, STATUS_SIZE, at, value);
	append(text, STATUS_SIZE, at, "\n");
}

static void add_number(char *text, size_t *at, const char *name, uint64_t value)
{
	char number[NUMBER_SIZE] = "";
	size_t length = 0;
	append_number(number, sizeof(number), &length, value);
	add(text, at, name, number);
}

static void format(char *text, const struct status *status)
{
	size_t at = 0;
	memset(text, '\n', STATUS_SIZE);
	add(text, &at, "state", states[status->state]);
	add_number(text, &at, "pid", (uint64_t)status->pid);
	add_number(text, &at, "started", (uint64_t)status->started);
	add_number(text, &at, "finished", (uint64_t)status->finished);
	add_number(text, &at, "exit", (uint64_t)status->exit);
	add_number(text, &at, "oom", (uint64_t)status->oom);
	add_number(text, &at, "restarts", status->restarts);
	add(text, &at, "health", healths[status->health]);
	add_number(text, &at, "failing", status->failing);
	add_number(text, &at, "stopped", (uint64_t)status->stopped);
	char error[WORDS_SIZE];
	memcpy(error, status->error, sizeof(error));
	error[strcspn(error, "\n")] = 0;
	if (*error)
		add(text, &at, "error", error);
	text[at] = '\n';
}

int status_write(struct status *status)
{
	char text[STATUS_SIZE];
	format(text, status);
	CLEANUP_FD int file = open(spare, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int error = file < 0 ? -errno : write_all(file, text, sizeof(text));
	if (!error && fdatasync(file) < 0)
		error = -errno;
	if (!error && syscall(SYS_renameat2, AT_FDCWD, spare, AT_FDCWD, current, EXCHANGE) < 0)
		error = -errno;
	status->is_due = error != 0;
	return error;
}

static int which(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return 0;
}

static void read_line(struct status *status, const char *name, const char *value)
{
	uint64_t number = 0;
	if (strcmp(name, "error") == 0) {
		size_t at = 0;
		append(status->error, sizeof(status->error), &at, value);
		return;
	}
	if (strcmp(name, "state") == 0)
		status->state = (enum state)which(states, sizeof(states) / sizeof(*states), value);
	if (strcmp(name, "health") == 0)
		status->health = (enum health)which(healths, sizeof(healths) / sizeof(*healths), value);
	if (parse_number(value, &number))
		return;
	if (strcmp(name, "pid") == 0)
		status->pid = (pid_t)number;
	else if (strcmp(name, "started") == 0)
		status->started = (int64_t)number;
	else if (strcmp(name, "finished") == 0)
		status->finished = (int64_t)number;
	else if (strcmp(name, "exit") == 0)
		status->exit = (int)number;
	else if (strcmp(name, "restarts") == 0)
		status->restarts = number;
	else if (strcmp(name, "failing") == 0)
		status->failing = number;
	else if (strcmp(name, "stopped") == 0)
		status->stopped = number != 0;
}

int status_read(struct status *status)
{
	char text[STATUS_SIZE + 1], *rest = text, *line;
	ssize_t length = read_file(AT_FDCWD, current, text, sizeof(text));
	if (length < 0)
		return (int)length;
	while ((line = next_line(&rest))) {
		char *space = strchr(line, ' ');
		if (!space)
			continue;
		*space = 0;
		read_line(status, line, space + 1);
	}
	return 0;
}
