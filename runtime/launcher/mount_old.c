#include "mount_old.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kernel.h"
#include "mount_below.h"
#include "util.h"

enum { PROC_PATH_SIZE = 40, COMPONENT_SIZE = 256, OPTIONS_SIZE = 512, NO_SYMFOLLOW = 256 };

/* As statvfs(3) tells what a mount has; the first four are the newer interface's own numbers. */
enum { SAME_ATTRIBUTES = 15, HAS_NOATIME = 1024, HAS_NODIRATIME = 2048, HAS_RELATIME = 4096, HAS_NOSYMFOLLOW = 8192 };

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
	unsigned long flags = attributes & ATTR_NOATIME ? MS_NOATIME : attributes & ATTR_STRICTATIME ? MS_STRICTATIME : MS_RELATIME;
	flags |= attributes & ATTR_RDONLY ? MS_RDONLY : 0;
	flags |= attributes & ATTR_NOSUID ? MS_NOSUID : 0;
	flags |= attributes & ATTR_NODEV ? MS_NODEV : 0;
	flags |= attributes & ATTR_NOEXEC ? MS_NOEXEC : 0;
	flags |= attributes & ATTR_NODIRATIME ? MS_NODIRATIME : 0;
	flags |= attributes & ATTR_NOSYMFOLLOW ? NO_SYMFOLLOW : 0;
	return flags;
}

/* What a mount has, in the newer interface's words. */
static int attributes_of(int mounted, uint64_t *attributes)
{
	struct statvfs status;
	if (fstatvfs(mounted, &status) < 0)
		return -errno;
	*attributes = status.f_flag & SAME_ATTRIBUTES;
	*attributes |= status.f_flag & HAS_NOATIME ? ATTR_NOATIME : status.f_flag & HAS_RELATIME ? 0 : ATTR_STRICTATIME;
	*attributes |= status.f_flag & HAS_NODIRATIME ? ATTR_NODIRATIME : 0;
	*attributes |= status.f_flag & HAS_NOSYMFOLLOW ? ATTR_NOSYMFOLLOW : 0;
	return 0;
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

/* mount(2) would take away what isn't named, a read-only host mount's flag too: so all is named. */
static int set_attributes(int mounted, const void *argument)
{
	const struct kernel_mount_attr *attr = argument;
	char path[PROC_PATH_SIZE];
	uint64_t attributes = 0;
	int error = descriptor_path(path, mounted);
	error = error ? error : attributes_of(mounted, &attributes);
	if (error)
		return error;
	unsigned long flags = old_flags((attributes & ~attr->attr_clr) | attr->attr_set);
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

static int set_propagation(int mounted, unsigned long flags)
{
	char path[PROC_PATH_SIZE];
	int error = descriptor_path(path, mounted);
	if (error)
		return error;
	return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

int old_mount_set(int mounted, const struct kernel_mount_attr *attr, int recursive)
{
	int error = 0;
	if (attr->attr_set & ATTR_IDMAP)
		return -ENOSYS;
	if (attr->attr_set || attr->attr_clr) {
		error = set_attributes(mounted, attr);
		error = error || !recursive ? error : each_mount_below(mounted, set_attributes, attr);
	}
	return error || !attr->propagation ? error : set_propagation(mounted, attr->propagation | (recursive ? MS_REC : 0ul));
}

static int add_attributes(int mounted, uint64_t attributes, int recursive)
{
	const struct kernel_mount_attr attr = { .attr_set = attributes };
	return attributes ? old_mount_set(mounted, &attr, recursive) : 0;
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
	error = add_attributes(root, attributes, 0);
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
	return add_attributes(mounted, attributes, recursive);
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
