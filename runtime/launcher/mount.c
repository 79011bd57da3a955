#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "util.h"

enum { PROC_PATH_SIZE = 40, COMPONENT_SIZE = 256, OPTIONS_SIZE = 512 };

static int is_dot(const char *component, const char *end)
{
	return end - component == 1 && component[0] == '.';
}

/* For kernels before 5.6. It refuses what openat2 would resolve inside the root: links and "..". */
static int walk_in_root(int root, const char *path)
{
	CLEANUP_FD int at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		path += strspn(path, "/");
		if (!*path)
			return steal_fd(&at);
		const char *end = path + strcspn(path, "/");
		char component[COMPONENT_SIZE];
		size_t length = (size_t)(end - path);
		if (length >= sizeof(component))
			return -ENAMETOOLONG;
		memcpy(component, path, length);
		component[length] = 0;
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

int open_in_root(int root, const char *path, uint64_t resolve)
{
	struct kernel_open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	long fd;
	do
		fd = syscall(NR_OPENAT2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	if (fd < 0 && errno == ENOSYS)
		return walk_in_root(root, path);
	return fd < 0 ? -errno : (int)fd;
}

static int proc_path(char path[PROC_PATH_SIZE], int fd)
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
	int error = proc_path(from, source);
	error = error ? error : proc_path(to, target);
	if (error)
		return error;
	return mount(from, to, NULL, MS_BIND | (recursive ? MS_REC : 0ul), NULL) < 0 ? -errno : 0;
}

static int old_attributes(int mounted, uint64_t attributes)
{
	char path[PROC_PATH_SIZE];
	int error = proc_path(path, mounted);
	if (error)
		return error;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | old_flags(attributes), NULL) < 0 ? -errno : 0;
}

static int set_attributes(int mounted, uint64_t attributes, int recursive)
{
	struct kernel_mount_attr attr = { .attr_set = attributes };
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_TREE_RECURSIVE : 0u);
	if (!attributes || syscall(NR_MOUNT_SETATTR, mounted, "", flags, &attr, sizeof(attr)) == 0)
		return 0;
	return -errno;
}

static int move_to(int mounted, int target)
{
	if (syscall(NR_MOVE_MOUNT, mounted, "", target, "", MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int clone_tree(int source, int recursive)
{
	unsigned flags = TREE_CLONE | TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_TREE_RECURSIVE : 0u);
	long tree = syscall(NR_OPEN_TREE, source, "", flags);
	return tree < 0 ? -errno : (int)tree;
}

static int old_root(const char *path, int target, uint64_t attributes)
{
	int error = old_bind(target, target, 0);
	if (error)
		return error;
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	error = old_attributes(root, attributes);
	return error ? error : steal_fd(&root);
}

int mount_root(const char *path, uint64_t attributes)
{
	CLEANUP_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return -errno;
	CLEANUP_FD int tree = clone_tree(target, 0);
	if (tree == -ENOSYS)
		return old_root(path, target, attributes);
	if (tree < 0)
		return tree;
	int error = set_attributes(tree, attributes, 0);
	if (error == -ENOSYS)
		return old_root(path, target, attributes);
	error = error ? error : move_to(tree, target);
	return error ? error : steal_fd(&tree);
}

static int old_bind_at(int source, const struct place *place, uint64_t attributes, int recursive)
{
	int error = old_bind(source, place->at, recursive);
	if (error || !attributes)
		return error;
	/* The descriptor of the place still names what is below the new mount: look it up again. */
	CLEANUP_FD int mounted = open_in_root(place->root, place->path, 0);
	return mounted < 0 ? mounted : old_attributes(mounted, attributes);
}

int mount_bind(int source, const struct place *place, uint64_t attributes, int recursive)
{
	CLEANUP_FD int tree = clone_tree(source, recursive);
	if (tree == -ENOSYS)
		return old_bind_at(source, place, attributes, recursive);
	if (tree < 0)
		return tree;
	int error = set_attributes(tree, attributes, recursive);
	if (error == -ENOSYS)
		return old_bind_at(source, place, attributes, recursive);
	return error ? error : move_to(tree, place->at);
}

static int old_new(const char *type, int target, const char *const *options, uint64_t attributes)
{
	char to[PROC_PATH_SIZE], data[OPTIONS_SIZE] = "";
	size_t at = 0;
	int error = proc_path(to, target);
	for (const char *const *option = options; !error && *option; option++) {
		error = at ? append(data, sizeof(data), &at, ",") : 0;
		error = error ? error : append(data, sizeof(data), &at, *option);
	}
	if (error)
		return error;
	return mount(type, to, type, old_flags(attributes), data) < 0 ? -errno : 0;
}

static int configure(int context, const char *option)
{
	char key[COMPONENT_SIZE];
	size_t length = strcspn(option, "=");
	if (length >= sizeof(key))
		return -ENAMETOOLONG;
	memcpy(key, option, length);
	key[length] = 0;
	unsigned command = option[length] ? FSCONFIG_STRING : FSCONFIG_FLAG;
	const char *value = option[length] ? option + length + 1 : NULL;
	return syscall(NR_FSCONFIG, context, command, key, value, 0) < 0 ? -errno : 0;
}

int mount_new(const char *type, const struct place *place, const char *const *options, uint64_t attributes)
{
	CLEANUP_FD int context = (int)syscall(NR_FSOPEN, type, FS_CLOEXEC);
	if (context < 0)
		return errno == ENOSYS ? old_new(type, place->at, options, attributes) : -errno;
	/* The name that a list of mounts shows. */
	if (syscall(NR_FSCONFIG, context, FSCONFIG_STRING, "source", type, 0) < 0)
		return -errno;
	for (const char *const *option = options; *option; option++) {
		int error = configure(context, *option);
		if (error)
			return error;
	}
	if (syscall(NR_FSCONFIG, context, FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	CLEANUP_FD int mounted = (int)syscall(NR_FSMOUNT, context, FS_CLOEXEC, attributes);
	if (mounted < 0)
		return -errno;
	return move_to(mounted, place->at);
}
