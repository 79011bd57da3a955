/* A view of a container's files with something put beside them, for a process that looks at it (whit debug): a mount namespace of
   its own, copied from the container's, and in it a root in memory on which all that is at the container's root is mounted. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

enum { LINK_SIZE = 4096, PLACE_MODE = 0755 };

/* All that the container sees, for a place in the view: copied before that lies over it, or it would be in itself. */
static int keep_whole(struct launch *launch, int below)
{
	int tree = launch->tree_count == MAX_TREES ? -E2BIG : tree_clone(below, "", 1);
	if (tree >= 0)
		launch->trees[launch->tree_count++] = tree;
	return tree < 0 ? tree : 0;
}

int op_view_begin(struct launch *launch, const struct op *op)
{
	/* A copy: nothing that is mounted from here on is seen by the container. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	CLEANUP_FD int below = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = below < 0 ? -errno : op_number(op, VIEW_BEGIN_whole) ? keep_whole(launch, below) : 0;
	CLEANUP_FD int context = error ? error : context_open("tmpfs", "");
	error = context < 0 ? context : context_set(context, "mode=755");
	CLEANUP_FD int view = error ? error : context_mount(context, ATTR_NOSUID | ATTR_NODEV);
	error = view < 0 ? view : tree_move(view, below);
	if (error)
		return error;
	launch->view = steal_fd(&below);
	launch->root = steal_fd(&view);
	return 0;
}

/* What is there, a link itself and not what it leads to. */
static int open_entry(int root, const char *path)
{
	struct kernel_open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
	/* With O_PATH and O_NOFOLLOW a link at the end is opened, and RESOLVE_NO_SYMLINKS forbids those on the way. */
	long fd;
	do
		fd = syscall(NR_OPENAT2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

static int copy_link(int source, int view, const char *name)
{
	char target[LINK_SIZE];
	ssize_t length = readlinkat(source, "", target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = 0;
	return symlinkat(target, view, name) < 0 ? -errno : 0;
}

/* `target` is a name right below the root of the view, after a slash; or, where it is there already, a path. */
int op_view_bind(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, VIEW_BIND_path), *target = op_text(&launch->plan, op, VIEW_BIND_target);
	struct stat status;
	CLEANUP_FD int source = open_entry(op_number(op, VIEW_BIND_own) ? launch->root : launch->view, path);
	/* The container may have removed it since it was listed. */
	if (source == -ENOENT)
		return 0;
	if (source < 0 || fstat(source, &status) < 0)
		return source < 0 ? source : -errno;
	if (S_ISLNK(status.st_mode))
		return copy_link(source, launch->root, target + 1);
	int made = S_ISDIR(status.st_mode) ? mkdirat(launch->root, target + 1, PLACE_MODE) : mknodat(launch->root, target + 1, S_IFREG | 0644, 0);
	if (made < 0 && errno != EEXIST)
		return -errno;
	CLEANUP_FD int tree = tree_clone(source, "", 1);
	CLEANUP_FD int place = open_in_root(launch->root, target, RESOLVE_NO_SYMLINKS);
	if (tree < 0 || place < 0)
		return tree < 0 ? tree : place;
	return tree_move(tree, place);
}
