/* The root of an OCI container: opened, and in the end made the root. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

/* How ROOT_SWITCH makes the root the root; runtime/oci/filesystem.py says it. */
enum { SWITCH_PIVOT = 0, SWITCH_COVER = 1, SWITCH_ENTER = 2 };

int op_mounts_propagate(struct launch *launch, const struct op *op)
{
	(void)launch;
	return mount(NULL, "/", NULL, op_number(op, MOUNTS_PROPAGATE_flags), NULL) < 0 ? -errno : 0;
}

/* The root file system with all that is mounted in it, attached over itself: pivot_root wants a mount of its own. Where the
   mount namespace is another's, it is attached nowhere (Linux 6.15 mounts on it all the same): nobody else sees it. */
int op_root_bind(struct launch *launch, const struct op *op)
{
	const struct kernel_mount_attr own = { .propagation = op_number(op, ROOT_BIND_propagation) };
	int is_attached = op_number(op, ROOT_BIND_attached) != 0;
	CLEANUP_FD int target = open(op_text(&launch->plan, op, ROOT_BIND_path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return -errno;
	CLEANUP_FD int tree = tree_clone(target, "", 1);
	if (tree < 0)
		return tree;
	/* Never shared, whatever the host's is: nothing that is attached below it may show up outside. */
	int set = tree_set(tree, &own, !is_attached), is_late = set == -ENOSYS && is_attached;
	int error = is_late ? 0 : set;
	error = error || !is_attached ? error : tree_move(tree, target);
	/* Late is early enough: the host's mounts are shared with nobody here since MOUNTS_PROPAGATE. */
	error = error || !is_late ? error : mount_set(tree, &own, 0);
	if (error)
		return error;
	launch->root = steal_fd(&tree);
	return 0;
}

static void forget(int *fd)
{
	close_fd(fd);
	*fd = NO_FD;
}

/* What is the host's and has been used: the program may be long in coming, and meanwhile others may share its namespaces. */
static void forget_host(struct launch *launch)
{
	for (unsigned i = 0; i < launch->cgroup_count; i++)
		forget(&launch->cgroups[i].directory);
	for (unsigned i = 0; i < launch->tree_count; i++)
		forget(&launch->trees[i]);
	forget(&launch->tree);
	forget(&launch->view);
	forget(&launch->parent);
	forget(&launch->null_device);
	forget(&launch->empty_directory);
}

/* The root of a container that has no mount namespace of its own, for a further process in it. */
int op_root_find(struct launch *launch, const struct op *op)
{
	/* As where a namespace is joined: processes of the container see this one from now on. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	launch->root = open_of_container(launch, op_text(&launch->plan, op, ROOT_FIND_path), O_PATH | O_DIRECTORY);
	return launch->root < 0 ? launch->root : 0;
}

static int enter_root(struct launch *launch)
{
	int error = fchdir(launch->root) < 0 || chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
	forget(&launch->root);
	forget_host(launch);
	return error;
}

/* The root is put over the host's, which is nowhere to be found then: what pivot_root doesn't do on an initramfs. */
static int cover_root(struct launch *launch)
{
	if (fchdir(launch->root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return -errno;
	return enter_root(launch);
}

/* As ROOT_PIVOT, where mounts may be shared with the host: taking the old root off must not reach it. */
static int pivot_root(struct launch *launch)
{
	CLEANUP_FD int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || fchdir(launch->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	forget_host(launch);
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}

int op_root_switch(struct launch *launch, const struct op *op)
{
	switch (op_number(op, ROOT_SWITCH_how)) {
	case SWITCH_PIVOT:
		return pivot_root(launch);
	case SWITCH_COVER:
		return cover_root(launch);
	case SWITCH_ENTER:
		return enter_root(launch);
	default:
		return -EINVAL;
	}
}
