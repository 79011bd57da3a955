#include "mount_below.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "util.h"

enum { LINE_SIZE = 32768, INFO_SIZE = 512, PROC_PATH_SIZE = 48, MAX_MOUNTS = 1024, PLACE_FIELD = 4 };

struct known {
	uint64_t number, parent;
};

struct walk {
	/* The first one is the outer one. */
	struct known known[MAX_MOUNTS];
	size_t count;
	int (*visit)(int mounted, const void *argument);
	const void *argument;
};

/* A line of mountinfo. */
struct line {
	uint64_t number, parent;
	char *place;
};

static const struct known *find(const struct walk *walk, uint64_t number)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->known[i].number == number)
			return &walk->known[i];
	return NULL;
}

/* Which mount a descriptor is of, in mountinfo's numbers: "mnt_id:" of its fdinfo (proc_pid_fdinfo(5)). */
static int mount_number(int fd, uint64_t *number)
{
	char path[PROC_PATH_SIZE] = "", text[INFO_SIZE];
	static const char name[] = "\nmnt_id:\t";
	size_t at = 0;
	int error = append(path, sizeof(path), &at, "/proc/self/fdinfo/");
	error = error ? error : append_number(path, sizeof(path), &at, (uint64_t)fd);
	ssize_t length = error ? error : read_file(AT_FDCWD, path, text, sizeof(text));
	if (length < 0)
		return (int)length;
	char *value = strstr(text, name);
	if (!value)
		return -EIO;
	value += strlen(name);
	value[strcspn(value, "\n")] = 0;
	return parse_number(value, number);
}

/* proc_pid_mountinfo(5) writes space, tab, line feed and backslash as \\ and three octal digits. */
static void unescape(char *text)
{
	char *to = text;
	for (; *text; text++, to++) {
		*to = *text;
		if (text[0] == '\\' && text[1] && text[2] && text[3]) {
			*to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		}
	}
	*to = 0;
}

static int parse(char *text, struct line *line)
{
	char *fields[PLACE_FIELD + 1];
	for (int i = 0; i <= PLACE_FIELD; i++) {
		size_t length = strcspn(text, " ");
		if (!text[length])
			return -EIO;
		fields[i] = text;
		text[length] = 0;
		text += length + 1;
	}
	line->place = fields[PLACE_FIELD];
	unescape(line->place);
	return parse_number(fields[0], &line->number) || parse_number(fields[1], &line->parent) ? -EIO : 0;
}

static int each_line(struct walk *walk, int (*take)(struct walk *walk, const struct line *line))
{
	char text[LINE_SIZE];
	size_t filled = 0;
	ssize_t got;
	CLEANUP_FD int list = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (list < 0)
		return -errno;
	while ((got = read(list, text + filled, sizeof(text) - 1 - filled)) > 0) {
		char *at = text, *end;
		filled += (size_t)got;
		text[filled] = 0;
		for (; (end = strchr(at, '\n')); at = end + 1) {
			struct line line;
			*end = 0;
			int error = parse(at, &line);
			error = error ? error : take(walk, &line);
			if (error)
				return error;
		}
		filled -= (size_t)(at - text);
		memmove(text, at, filled);
	}
	return got < 0 ? -errno : filled ? -E2BIG : 0;
}

static int learn(struct walk *walk, const struct line *line)
{
	if (!find(walk, line->parent) || find(walk, line->number))
		return 0;
	if (walk->count == MAX_MOUNTS)
		return -E2BIG;
	walk->known[walk->count++] = (struct known){ line->number, line->parent };
	return 0;
}

/* Whether a mount lies somewhere on another one. */
static int is_on(const struct walk *walk, uint64_t number, uint64_t below)
{
	const struct known *known = find(walk, number);
	/* The outer one's own parent isn't known, so this ends. */
	for (; known && known != walk->known; known = find(walk, known->parent))
		if (known->parent == below)
			return 1;
	return 0;
}

/* The kernel names a mount's place without links: one that leads there has been put on the way since. */
static int open_place(const char *place)
{
	struct kernel_open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	int fd = (int)syscall(NR_OPENAT2, AT_FDCWD, place, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		fd = open(place, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int visit_one(struct walk *walk, const struct line *line)
{
	uint64_t found;
	const struct known *known = find(walk, line->number);
	if (!known || known == walk->known)
		return 0;
	CLEANUP_FD int mounted = open_place(line->place);
	/* What can't be reached from here can't from inside either. */
	if (mounted < 0)
		return mounted == -EACCES ? 0 : mounted == -ENOENT ? -EBUSY : mounted;
	int error = mount_number(mounted, &found);
	if (error)
		return error;
	if (found == line->number)
		return walk->visit(mounted, walk->argument);
	/* Covered by one that is mounted on its root. Anything else was moved meanwhile, or is hidden by one on a folder above it. */
	return is_on(walk, found, line->number) ? 0 : -EBUSY;
}

int each_mount_below(int outer, int (*visit)(int mounted, const void *argument), const void *argument)
{
	struct walk walk = { .count = 1, .visit = visit, .argument = argument };
	size_t before;
	int error = mount_number(outer, &walk.known[0].number);
	/* They stand in no order: until no more are found. */
	do {
		before = walk.count;
		error = error ? error : each_line(&walk, learn);
	} while (!error && walk.count > before);
	return error ? error : each_line(&walk, visit_one);
}
