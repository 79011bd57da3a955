/* Mounts of OCI containers, by descriptors alone: a tree is opened or made anew, changed in hand, and attached inside the root.
   The tree in hand stays there, so that what can only be changed once it is attached can be. Needs Linux 5.6. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

enum { PATH_SIZE = 4096, KEY_SIZE = 256, PROC_MAGIC = 0x9fa0, NEW_DIRECTORY_MODE = 0755 };

/* What TREE_ATTACH may do, as runtime/oci/filesystem.py says it. */
enum { ATTACH_NO_LINKS = 1, ATTACH_ON_PROC = 2, ATTACH_NEEDS_PROC = 4, ATTACH_KEEP_MODE = 8 };

static void hold(struct launch *launch, int tree)
{
	close_fd(&launch->tree);
	launch->tree = tree;
	launch->late_count = 0;
	/* A folder that was kept open may lie below what is mounted next. */
	close_fd(&launch->parent);
	launch->parent = NO_FD;
}

/* A new file system, attached nowhere. `options` are `length` bytes of texts, each with its NUL. */
static int make_tree(const char *type, const char *source, const char *options, size_t length, uint64_t attributes)
{
	CLEANUP_FD int context = context_open(type, source);
	if (context < 0)
		return context;
	for (const char *end = options + length; options < end; options += strlen(options) + 1) {
		int error = context_set(context, options);
		if (error)
			return error;
	}
	return context_mount(context, attributes);
}

int op_tree_new(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *options = op_bytes(&launch->plan, op, TREE_NEW_options, &length);
	int tree = make_tree(op_text(&launch->plan, op, TREE_NEW_type), op_text(&launch->plan, op, TREE_NEW_source), options,
			     length, op_number(op, TREE_NEW_attributes));
	if (tree < 0)
		return tree;
	hold(launch, tree);
	return 0;
}

int op_tree_bind(struct launch *launch, const struct op *op)
{
	int tree = tree_clone(AT_FDCWD, op_text(&launch->plan, op, TREE_BIND_source), op_number(op, TREE_BIND_recursive) != 0);
	if (tree < 0)
		return tree;
	hold(launch, tree);
	return 0;
}

/* A process that does nothing but have a user namespace; its end closes nothing that is still held. */
static pid_t start_id_process(void)
{
	struct kernel_clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(NR_CLONE3, &args, sizeof(args));
	while (pid == 0)
		pause();
	return pid < 0 ? -errno : (pid_t)pid;
}

static int open_user_namespace(const struct launch *launch, const struct id_maps *maps)
{
	char path[KEY_SIZE] = "";
	pid_t pid = start_id_process();
	if (pid < 0)
		return pid;
	int error = write_id_maps(launch, pid, maps);
	error = error ? error : proc_path(path, sizeof(path), (uint64_t)pid, "/ns/user");
	int fd = error ? error : open(path, O_RDONLY | O_CLOEXEC);
	fd = fd < 0 && !error ? -errno : fd;
	kill(pid, SIGKILL);
	wait_for(pid);
	return fd;
}

/* Done before the container exists: inside a user namespace nobody may map a mount of the host's. */
int op_tree_idmapped(struct launch *launch, const struct op *op)
{
	const struct id_maps maps = { op, TREE_IDMAPPED_uids, TREE_IDMAPPED_gids };
	int below = op_number(op, TREE_IDMAPPED_below) != 0;
	if (launch->tree_count == MAX_TREES)
		return -E2BIG;
	CLEANUP_FD int tree = tree_clone(AT_FDCWD, op_text(&launch->plan, op, TREE_IDMAPPED_source), op_number(op, TREE_IDMAPPED_recursive) != 0);
	if (tree < 0)
		return tree;
	CLEANUP_FD int namespace = open_user_namespace(launch, &maps);
	if (namespace < 0)
		return namespace;
	const struct kernel_mount_attr attr = { .attr_set = ATTR_IDMAP, .userns_fd = (uint64_t)namespace };
	int error = tree_set(tree, &attr, below);
	if (error)
		return error;
	launch->trees[launch->tree_count++] = steal_fd(&tree);
	return 0;
}

int op_tree_keep(struct launch *launch, const struct op *op)
{
	(void)op;
	if (launch->tree_count == MAX_TREES)
		return -E2BIG;
	launch->trees[launch->tree_count++] = steal_fd(&launch->tree);
	return 0;
}

int op_tree_take(struct launch *launch, const struct op *op)
{
	uint64_t index = op_number(op, TREE_TAKE_index);
	if (index >= launch->tree_count || launch->trees[index] < 0)
		return -EINVAL;
	/* Cloned, it stands in the list of mounts where it is attached, and not where it was opened. Before Linux 6.15 what is
	   attached nowhere can't be cloned. */
	int tree = tree_clone(launch->trees[index], "", 1);
	hold(launch, tree < 0 ? steal_fd(&launch->trees[index]) : tree);
	close_fd(&launch->trees[index]);
	launch->trees[index] = NO_FD;
	return 0;
}

int op_tree_attributes(struct launch *launch, const struct op *op)
{
	const struct kernel_mount_attr attr = { .attr_set = op_number(op, TREE_ATTRIBUTES_set), .attr_clr = op_number(op, TREE_ATTRIBUTES_clear) };
	int recursive = op_number(op, TREE_ATTRIBUTES_recursive) != 0, error = tree_set(launch->tree, &attr, recursive);
	if (error != -ENOSYS)
		return error;
	/* mount(2) changes only what is attached. */
	if (launch->late_count == MAX_LATE)
		return -E2BIG;
	launch->late[launch->late_count++] = (struct late_change){ attr.attr_set, attr.attr_clr, recursive };
	return 0;
}

static int change_late(struct launch *launch)
{
	int error = 0;
	for (unsigned i = 0; i < launch->late_count && !error; i++) {
		const struct kernel_mount_attr attr = { .attr_set = launch->late[i].set, .attr_clr = launch->late[i].clear };
		error = mount_set(launch->tree, &attr, launch->late[i].recursive);
	}
	launch->late_count = 0;
	return error;
}

int op_tree_propagation(struct launch *launch, const struct op *op)
{
	const struct kernel_mount_attr attr = { .propagation = op_number(op, TREE_PROPAGATION_type) };
	return mount_set(launch->tree, &attr, op_number(op, TREE_PROPAGATION_recursive) != 0);
}

static int make_entry(int folder, const char *name, mode_t mode)
{
	int made = S_ISDIR(mode) ? mkdirat(folder, name, mode & 07777) : mknodat(folder, name, mode, 0);
	return made < 0 && errno != EEXIST ? -errno : 0;
}

/* Open `path` in the root, making what is missing of it: folders, and at the end what `mode` says. Each step is looked up
   anew from the root, so that a link is followed inside of it only, and whatever is swapped meanwhile leads nowhere else. */
static int open_or_make(const struct launch *launch, const char *path, mode_t mode, uint64_t resolve)
{
	char part[PATH_SIZE];
	CLEANUP_FD int folder = NO_FD;
	int at = open_in_root(launch->root, path, resolve);
	if (at != -ENOENT)
		return at;
	for (const char *end = path; *end;) {
		const char *name = end + strspn(end, "/");
		end = name + strcspn(name, "/");
		int is_last = end[strspn(end, "/")] == 0;
		size_t length = (size_t)(end - path);
		int error = copy_part(part, sizeof(part), path, length);
		if (error)
			return error;
		int next = open_in_root(launch->root, part, resolve);
		if (next == -ENOENT) {
			if (folder < 0)
				folder = open_in_root(launch->root, "/", 0);
			error = folder < 0 ? folder : make_entry(folder, part + (name - path), is_last ? mode : S_IFDIR | NEW_DIRECTORY_MODE);
			next = error ? error : open_in_root(launch->root, part, resolve);
		}
		if (next < 0)
			return next;
		close_fd(&folder);
		folder = next;
	}
	return steal_fd(&folder);
}

/* A link of the image's that leads into /proc may not bring a mount there (CVE-2019-16884, CVE-2023-27561). */
static int is_on_proc(int at)
{
	struct statfs status;
	return fstatfs(at, &status) == 0 && status.f_type == PROC_MAGIC;
}

/* A file system in memory gets the mode of the folder that it covers, if there is one. */
static int keep_mode(const struct launch *launch, const char *path)
{
	struct stat status;
	CLEANUP_FD int covered = open_in_root(launch->root, path, 0);
	if (covered < 0)
		return covered == -ENOENT ? 0 : covered;
	return fstat(covered, &status) < 0 || fchmodat(launch->tree, ".", status.st_mode & 07777, 0) < 0 ? -errno : 0;
}

int op_tree_attach(struct launch *launch, const struct op *op)
{
	uint64_t how = op_number(op, TREE_ATTACH_how);
	struct stat status;
	int error = how & ATTACH_KEEP_MODE ? keep_mode(launch, op_text(&launch->plan, op, TREE_ATTACH_target)) : 0;
	if (error)
		return error;
	if (fstat(launch->tree, &status) < 0)
		return -errno;
	if (how & ATTACH_NEEDS_PROC && !is_on_proc(launch->tree))
		return -EXDEV;
	mode_t mode = S_ISDIR(status.st_mode) ? S_IFDIR | NEW_DIRECTORY_MODE : S_IFREG | 0644;
	CLEANUP_FD int at = open_or_make(launch, op_text(&launch->plan, op, TREE_ATTACH_target), mode,
					 how & ATTACH_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0);
	if (at < 0)
		return at;
	if (!(how & ATTACH_ON_PROC) && is_on_proc(at))
		return -EXDEV;
	error = tree_move(launch->tree, at);
	return error ? error : change_late(launch);
}

int op_path_make(struct launch *launch, const struct op *op)
{
	int at = open_or_make(launch, op_text(&launch->plan, op, PATH_MAKE_path), S_IFDIR | (mode_t)op_number(op, PATH_MAKE_mode), 0);
	if (at < 0)
		return at;
	close(at);
	return 0;
}

int op_path_attributes(struct launch *launch, const struct op *op)
{
	const struct kernel_mount_attr attr = { .attr_set = op_number(op, PATH_ATTRIBUTES_set), .attr_clr = op_number(op, PATH_ATTRIBUTES_clear) };
	CLEANUP_FD int at = open_in_root(launch->root, op_text(&launch->plan, op, PATH_ATTRIBUTES_target), 0);
	return at < 0 ? at : mount_set(at, &attr, op_number(op, PATH_ATTRIBUTES_recursive) != 0);
}

int op_path_propagation(struct launch *launch, const struct op *op)
{
	const struct kernel_mount_attr attr = { .propagation = op_number(op, PATH_PROPAGATION_type) };
	CLEANUP_FD int at = open_in_root(launch->root, op_text(&launch->plan, op, PATH_PROPAGATION_target), 0);
	return at < 0 ? at : mount_set(at, &attr, op_number(op, PATH_PROPAGATION_recursive) != 0);
}

/* The folder of `path`, made if it is missing, and its last component. No link is followed: an image's /dev may not lead
   elsewhere. */
static int open_folder(struct launch *launch, const char *path, const char **name)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	size_t length = (size_t)(slash + 1 - path);
	int error = copy_part(folder, sizeof(folder), path, length);
	*name = slash + 1;
	return error ? error : open_or_make(launch, folder, S_IFDIR | NEW_DIRECTORY_MODE, RESOLVE_NO_SYMLINKS);
}

static int is_device(int folder, const char *name, mode_t mode, dev_t device)
{
	struct stat status;
	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && (status.st_mode & S_IFMT) == (mode & S_IFMT) &&
	       status.st_rdev == device;
}

int op_device_node(struct launch *launch, const struct op *op)
{
	const char *name;
	mode_t mode = (mode_t)op_number(op, DEVICE_NODE_mode);
	dev_t device = makedev((unsigned)op_number(op, DEVICE_NODE_major), (unsigned)op_number(op, DEVICE_NODE_minor));
	CLEANUP_FD int folder = open_folder(launch, op_text(&launch->plan, op, DEVICE_NODE_path), &name);
	if (folder < 0)
		return folder;
	/* An image's file of that name makes room for the device; a folder doesn't. */
	if (!is_device(folder, name, mode, device) && unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (mknodat(folder, name, mode, device) < 0 && errno != EEXIST)
		return -errno;
	uid_t uid = (uid_t)op_number(op, DEVICE_NODE_uid);
	gid_t gid = (gid_t)op_number(op, DEVICE_NODE_gid);
	return fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int op_link_anew(struct launch *launch, const struct op *op)
{
	const char *name;
	CLEANUP_FD int folder = open_folder(launch, op_text(&launch->plan, op, LINK_ANEW_path), &name);
	if (folder < 0)
		return folder;
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return symlinkat(op_text(&launch->plan, op, LINK_ANEW_target), folder, name) < 0 ? -errno : 0;
}
