/* The root of a bundle: a file system in memory, of the container's own, filled with the image's files from behind the launcher. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bundle.h"
#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

/* Huge pages, where the kernel has them, make the copy ten times as fast. */
static int make_tree(uint64_t attributes)
{
	static const char *const options[] = { "huge=within_size", "mode=755", NULL };
	for (size_t first = 0; first < 2; first++) {
		CLEANUP_FD int context = context_open("tmpfs", "whit");
		int error = context < 0 ? context : 0;
		for (const char *const *option = options + first; *option && !error; option++)
			error = context_set(context, *option);
		int tree = error ? error : context_mount(context, attributes);
		if (tree != -EINVAL)
			return tree;
	}
	return -EINVAL;
}

/* Before Linux 5.2. What lies over the root is found by "/..": the root itself is where this process has it. */
static int old_root(uint64_t attributes)
{
	unsigned long flags = (attributes & ATTR_NOSUID ? MS_NOSUID : 0u) | (attributes & ATTR_NODEV ? MS_NODEV : 0u);
	if (mount("whit", "/", "tmpfs", flags, "huge=within_size,mode=755") < 0 && mount("whit", "/", "tmpfs", flags, "mode=755") < 0)
		return -errno;
	int root = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : root;
}

/* It is attached over the root, where no path leads to it: what is mounted from the host is still found. */
static int attach_root(uint64_t attributes)
{
	int tree = make_tree(attributes);
	if (tree == -ENOSYS)
		return old_root(attributes);
	if (tree < 0)
		return tree;
	CLEANUP_FD int above = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = above < 0 ? -errno : tree_move(tree, above);
	if (error)
		close(tree);
	return error ? error : tree;
}

int op_root_unpack(struct launch *launch, const struct op *op)
{
	if (!launch->bundle)
		return -EINVAL;
	int root = attach_root(op_number(op, ROOT_UNPACK_attributes));
	if (root < 0)
		return root;
	launch->root = root;
	unsigned how = FILL_TOGETHER;
	how |= op_number(op, ROOT_UNPACK_owners) ? FILL_OWNERS : 0u;
	how |= op_number(op, ROOT_UNPACK_shared) ? FILL_SHARED : 0u;
	return bundle_fill(launch->bundle, root, how, &launch->filler);
}

int op_root_filled(struct launch *launch, const struct op *op)
{
	(void)op;
	return launch->filler ? bundle_filled(launch->filler) : 0;
}
