#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "mount_old.h"
#include "util.h"

enum { KEY_SIZE = 256 };

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
		return old_open_in_root(root, path);
	return fd < 0 ? -errno : (int)fd;
}

int tree_set(int tree, const struct kernel_mount_attr *attr, int recursive)
{
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_TREE_RECURSIVE : 0u);
	return syscall(NR_MOUNT_SETATTR, tree, "", flags, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

int mount_set(int mounted, const struct kernel_mount_attr *attr, int recursive)
{
	int error = tree_set(mounted, attr, recursive);
	return error == -ENOSYS ? old_mount_set(mounted, attr, recursive) : error;
}

int tree_move(int tree, int target)
{
	return syscall(NR_MOVE_MOUNT, tree, "", target, "", MOVE_FROM_EMPTY_PATH | MOVE_TO_EMPTY_PATH) < 0 ? -errno : 0;
}

int tree_clone(int at, const char *path, int recursive)
{
	unsigned flags = TREE_CLONE | TREE_CLOEXEC | (*path ? 0u : (unsigned)AT_EMPTY_PATH) | (recursive ? AT_TREE_RECURSIVE : 0u);
	long tree = syscall(NR_OPEN_TREE, at, path, flags);
	return tree < 0 ? -errno : (int)tree;
}

int context_open(const char *type, const char *source)
{
	CLEANUP_FD int context = (int)syscall(NR_FSOPEN, type, FS_CLOEXEC);
	if (context < 0 || (*source && syscall(NR_FSCONFIG, context, FSCONFIG_STRING, "source", source, 0) < 0))
		return -errno;
	return steal_fd(&context);
}

int context_set(int context, const char *option)
{
	char key[KEY_SIZE];
	size_t length = strcspn(option, "=");
	int error = copy_part(key, sizeof(key), option, length);
	if (error)
		return error;
	unsigned command = option[length] ? FSCONFIG_STRING : FSCONFIG_FLAG;
	const char *value = option[length] ? option + length + 1 : NULL;
	return syscall(NR_FSCONFIG, context, command, key, value, 0) < 0 ? -errno : 0;
}

int context_mount(int context, uint64_t attributes)
{
	if (syscall(NR_FSCONFIG, context, FSCONFIG_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	long tree = syscall(NR_FSMOUNT, context, FS_CLOEXEC, attributes);
	return tree < 0 ? -errno : (int)tree;
}

static int add_attributes(int tree, uint64_t attributes, int recursive)
{
	const struct kernel_mount_attr attr = { .attr_set = attributes };
	return attributes ? tree_set(tree, &attr, recursive) : 0;
}

/* Attach `path` over itself anew; a descriptor of the new mount's root, or -errno. */
static int new_root(const char *path, uint64_t attributes)
{
	CLEANUP_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return -errno;
	CLEANUP_FD int tree = tree_clone(target, "", 0);
	if (tree < 0)
		return tree;
	int error = add_attributes(tree, attributes, 0);
	error = error ? error : tree_move(tree, target);
	return error ? error : steal_fd(&tree);
}

int mount_root(const char *path, uint64_t attributes)
{
	int root = new_root(path, attributes);
	return root == -ENOSYS ? old_mount_root(path, attributes) : root;
}

static int new_bind(int source, const struct place *place, uint64_t attributes, int recursive)
{
	CLEANUP_FD int tree = tree_clone(source, "", recursive);
	if (tree < 0)
		return tree;
	int error = add_attributes(tree, attributes, recursive);
	return error ? error : tree_move(tree, place->at);
}

int mount_bind(int source, const struct place *place, uint64_t attributes, int recursive)
{
	int error = new_bind(source, place, attributes, recursive);
	return error == -ENOSYS ? old_mount_bind(source, place, attributes, recursive) : error;
}

static int new_file_system(const char *type, int target, const char *const *options, uint64_t attributes)
{
	/* The name that a list of mounts shows. */
	CLEANUP_FD int context = context_open(type, type);
	if (context < 0)
		return context;
	for (const char *const *option = options; *option; option++) {
		int error = context_set(context, *option);
		if (error)
			return error;
	}
	CLEANUP_FD int tree = context_mount(context, attributes);
	return tree < 0 ? tree : tree_move(tree, target);
}

int mount_new(const char *type, const struct place *place, const char *const *options, uint64_t attributes)
{
	int error = new_file_system(type, place->at, options, attributes);
	return error == -ENOSYS ? old_mount_new(type, place, options, attributes) : error;
}
