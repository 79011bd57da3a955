#include "mount_old.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kernel.h"
#include "util.h"

enum { PROC_PATH_SIZE = 40, COMPONENT_SIZE = 256, OPTIONS_SIZE = 512, PATH_SIZE = 4096, LINE_SIZE = 32768 };

static int is_dot(const char *component, const char *end)
{
	return end - component == 1 && component[0] == '.';
}

int old_open_in_root(int root, const char *path)
{
	CLEANUP_FD int at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		path += strspn(path, "/");
		if (!*path)
			return steal_fd(&at);
		const char *end = path + strcspn(path, "/");
		char component[COMPONENT_SIZE];
		size_t length = (size_t)(end - path);
		int error = copy_part(component, sizeof(component), path, length);
		if (error)
			return error;
		if (strcmp(component, "..") == 0)
			return -EXDEV;
		CLEANUP_FD int next = is_dot(path, end) ? dup(at) : openat(at, component, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat status;
		if (next < 0 || fstat(next, &status) < 0)
			return -errno;
		if (S_ISLNK(status.st_mode))
			return -ELOOP;
		close(at);
		at = steal_fd(&next);
		path = end;
	}
	return -errno;
}

static int descriptor_path(char path[PROC_PATH_SIZE], int fd)
{
	size_t at = 0;
	int error = append(path, PROC_PATH_SIZE, &at, "/proc/self/fd/");
	return error ? error : append_number(path, PROC_PATH_SIZE, &at, (uint64_t)fd);
}

static unsigned long old_flags(uint64_t attributes)
{
	unsigned long flags = 0;
	flags |= attributes & ATTR_RDONLY ? MS_RDONLY : 0;
	flags |= attributes & ATTR_NOSUID ? MS_NOSUID : 0;
	flags |= attributes & ATTR_NODEV ? MS_NODEV : 0;
	flags |= attributes & ATTR_NOEXEC ? MS_NOEXEC : 0;
	return flags;
}

static int old_bind(int source, int target, int recursive)
{
	char from[PROC_PATH_SIZE], to[PROC_PATH_SIZE];
	int error = descriptor_path(from, source);
	error = error ? error : descriptor_path(to, target);
	if (error)
		return error;
	return mount(from, to, NULL, MS_BIND | (recursive ? MS_REC : 0ul), NULL) < 0 ? -errno : 0;
}

/* Adds to what the mount has already: mount(2) would take away what isn't named, a read-only host mount's flag too. */
static int add_attributes(int mounted, uint64_t attributes)
{
	char path[PROC_PATH_SIZE];
	struct statvfs status;
	int error = descriptor_path(path, mounted);
	if (error)
		return error;
	if (fstatvfs(mounted, &status) < 0)
		return -errno;
	unsigned long flags = old_flags(attributes) | (status.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC));
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
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

/* `line` is one of mountinfo; its fifth field is where the mount is. */
static int add_if_below(char *line, const char *outer, uint64_t attributes)
{
	for (int field = 1; field < 5; field++) {
		line = strchr(line, ' ');
		if (!line)
			return -EIO;
		line++;
	}
	line[strcspn(line, " ")] = 0;
	unescape(line);
	size_t length = strlen(outer);
	if (strncmp(line, outer, length) != 0 || line[length] != '/')
		return 0;
	CLEANUP_FD int mounted = open(line, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	/* What can't be reached from here can't from inside either. */
	if (mounted < 0)
		return errno == EACCES || errno == ENOENT ? 0 : -errno;
	return add_attributes(mounted, attributes);
}

/* Before mount_setattr a mount's attributes could only be set one by one. */
static int add_attributes_below(int outer, uint64_t attributes)
{
	char name[PROC_PATH_SIZE], path[PATH_SIZE], text[LINE_SIZE];
	size_t filled = 0;
	ssize_t got;
	int error = descriptor_path(name, outer);
	ssize_t length = error ? -1 : readlink(name, path, sizeof(path) - 1);
	CLEANUP_FD int list = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (length < 0 || list < 0)
		return error ? error : -errno;
	path[length] = 0;
	while ((got = read(list, text + filled, sizeof(text) - 1 - filled)) > 0) {
		char *line = text, *end;
		filled += (size_t)got;
		text[filled] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			error = add_if_below(line, path, attributes);
			if (error)
				return error;
		}
		filled -= (size_t)(line - text);
		memmove(text, line, filled);
	}
	return got < 0 ? -errno : filled ? -E2BIG : 0;
}

int old_mount_root(const char *path, uint64_t attributes)
{
	CLEANUP_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return -errno;
	int error = old_bind(target, target, 0);
	if (error)
		return error;
	/* The descriptor of the target still names what is below the new mount: look it up again. */
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	error = add_attributes(root, attributes);
	return error ? error : steal_fd(&root);
}

int old_mount_bind(int source, const struct place *place, uint64_t attributes, int recursive)
{
	int error = old_bind(source, place->at, recursive);
	if (error || !attributes)
		return error;
	CLEANUP_FD int mounted = open_in_root(place->root, place->path, 0);
	if (mounted < 0)
		return mounted;
	error = add_attributes(mounted, attributes);
	return error || !recursive ? error : add_attributes_below(mounted, attributes);
}

int old_mount_new(const char *type, const struct place *place, const char *const *options, uint64_t attributes)
{
	char to[PROC_PATH_SIZE], data[OPTIONS_SIZE] = "";
	size_t at = 0;
	int error = descriptor_path(to, place->at);
	for (const char *const *option = options; !error && *option; option++) {
		error = at ? append(data, sizeof(data), &at, ",") : 0;
		error = error ? error : append(data, sizeof(data), &at, *option);
	}
	if (error)
		return error;
	return mount(type, to, type, old_flags(attributes), data) < 0 ? -errno : 0;
}
