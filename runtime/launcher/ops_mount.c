/* Operations on the container's file system: everything between the host's mounts and the new root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

enum { PATH_SIZE = 4096 };

int op_mounts_private(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int op_root_attach(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, ROOT_ATTACH_path);
	int root = mount_root(path, op_number(op, ROOT_ATTACH_attributes));
	if (root < 0)
		return root;
	launch->root = root;
	return 0;
}

int op_mount_new(struct launch *launch, const struct op *op)
{
	char **options = op_list(&launch->plan, op, MOUNT_NEW_options);
	if (!options)
		return -ENOMEM;
	return mount_new(op_text(&launch->plan, op, MOUNT_NEW_type), launch->root, op_text(&launch->plan, op, MOUNT_NEW_target),
			 options, op_number(op, MOUNT_NEW_attributes));
}

int op_mount_bind(struct launch *launch, const struct op *op)
{
	CLEANUP_FD int source = open(op_text(&launch->plan, op, MOUNT_BIND_source), O_PATH | O_CLOEXEC);
	if (source < 0)
		return -errno;
	return mount_bind(source, launch->root, op_text(&launch->plan, op, MOUNT_BIND_target),
			  op_number(op, MOUNT_BIND_attributes), op_number(op, MOUNT_BIND_recursive) != 0);
}

/* What this kernel doesn't have needs neither hiding nor protecting. */
static int unless_absent(int error)
{
	return error == -ENOENT ? 0 : error;
}

int op_mount_readonly(struct launch *launch, const struct op *op)
{
	const char *target = op_text(&launch->plan, op, MOUNT_READONLY_target);
	CLEANUP_FD int source = open_in_root(launch->root, target, RESOLVE_NO_SYMLINKS);
	if (source < 0)
		return unless_absent(source);
	return mount_bind(source, launch->root, target, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, 0);
}

static int mask_directory(struct launch *launch, const char *target)
{
	if (launch->empty_directory >= 0)
		return mount_bind(launch->empty_directory, launch->root, target, 0, 0);
	char *const options[] = { (char[]){ "size=0" }, (char[]){ "mode=555" }, NULL };
	int error = mount_new("tmpfs", launch->root, target, options, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
	if (error)
		return error;
	launch->empty_directory = open_in_root(launch->root, target, RESOLVE_NO_SYMLINKS);
	return launch->empty_directory < 0 ? launch->empty_directory : 0;
}

/* The device is opened once and looked at, so that nothing else can be put in its place. */
static int mask_file(struct launch *launch, const char *target)
{
	struct stat status;
	CLEANUP_FD int null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 || fstat(null, &status) < 0)
		return -errno;
	if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != 1 || minor(status.st_rdev) != 3)
		return -ENODEV;
	return mount_bind(null, launch->root, target, ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC, 0);
}

int op_mask(struct launch *launch, const struct op *op)
{
	const char *target = op_text(&launch->plan, op, MASK_target);
	CLEANUP_FD int found = open_in_root(launch->root, target, RESOLVE_NO_SYMLINKS);
	struct stat status;
	if (found < 0)
		return unless_absent(found);
	if (fstat(found, &status) < 0)
		return -errno;
	return S_ISDIR(status.st_mode) ? mask_directory(launch, target) : mask_file(launch, target);
}

/* The folder of `path` opened inside the root; *name is set to its last component. */
static int open_parent(const struct launch *launch, const char *path, const char **name)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	size_t length = (size_t)(slash - path);
	if (length >= sizeof(parent) - 1)
		return -ENAMETOOLONG;
	memcpy(parent, path, length);
	parent[length] = '/';
	parent[length + 1] = 0;
	*name = slash + 1;
	return open_in_root(launch->root, parent, RESOLVE_NO_SYMLINKS);
}

int op_make_directory(struct launch *launch, const struct op *op)
{
	const char *name;
	mode_t mode = (mode_t)op_number(op, MAKE_DIRECTORY_mode);
	CLEANUP_FD int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_DIRECTORY_path), &name);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, mode) < 0 || fchmodat(parent, name, mode, 0) < 0)
		return -errno;
	return 0;
}

int op_make_device(struct launch *launch, const struct op *op)
{
	const char *name;
	mode_t mode = (mode_t)op_number(op, MAKE_DEVICE_mode);
	CLEANUP_FD int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_DEVICE_path), &name);
	if (parent < 0)
		return parent;
	dev_t device = makedev((unsigned)op_number(op, MAKE_DEVICE_major), (unsigned)op_number(op, MAKE_DEVICE_minor));
	return mknodat(parent, name, mode, device) < 0 ? -errno : 0;
}

int op_make_link(struct launch *launch, const struct op *op)
{
	const char *name;
	CLEANUP_FD int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_LINK_path), &name);
	if (parent < 0)
		return parent;
	return symlinkat(op_text(&launch->plan, op, MAKE_LINK_target), parent, name) < 0 ? -errno : 0;
}

int op_root_pivot(struct launch *launch, const struct op *op)
{
	(void)op;
	if (fchdir(launch->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	/* The old root now lies over the new one; taking it off leaves no way back to the host's files. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int op_change_directory(struct launch *launch, const struct op *op)
{
	char path[PATH_SIZE];
	if (chdir(op_text(&launch->plan, op, CHANGE_DIRECTORY_path)) < 0)
		return -errno;
	/* Outside of the root the kernel answers "(unreachable)…": such a directory leads to the host (CVE-2024-21626). */
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return -errno;
	return path[0] == '/' ? 0 : -EXDEV;
}
