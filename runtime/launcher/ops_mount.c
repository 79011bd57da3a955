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

enum { PATH_SIZE = 4096, MAX_OPTIONS = 8 };

int op_mounts_private(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* Whoever may write above a folder that was looked at may have put another one in its place since. Its own descriptor is of another
   mount namespace, from which nothing is mounted. */
static int is_the_kept(const struct launch *launch, int root)
{
	return launch->kept < 0 || is_still(launch->kept, "root", root);
}

int op_root_attach(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, ROOT_ATTACH_path);
	int root = mount_root(path, op_number(op, ROOT_ATTACH_attributes));
	if (root < 0)
		return root;
	launch->root = root;
	return is_the_kept(launch, root) ? 0 : -ESTALE;
}

static struct place place_at(struct launch *launch, const char *path, uint64_t resolve)
{
	close_fd(&launch->parent);
	launch->parent = NO_FD;
	return (struct place){ launch->root, path, open_in_root(launch->root, path, resolve) };
}

/* The texts of a list that is known to be short; -E2BIG if it isn't. */
static int short_list(const struct plan *plan, const struct op *op, unsigned argument, const char *list[MAX_OPTIONS + 1])
{
	size_t length, count = 0;
	const char *text = op_bytes(plan, op, argument, &length);
	for (const char *end = text + length; text < end; text += strlen(text) + 1) {
		if (count == MAX_OPTIONS)
			return -E2BIG;
		list[count++] = text;
	}
	list[count] = NULL;
	return 0;
}

int op_mount_new(struct launch *launch, const struct op *op)
{
	const char *options[MAX_OPTIONS + 1];
	int error = short_list(&launch->plan, op, MOUNT_NEW_options, options);
	if (error)
		return error;
	/* No link is followed: an image's own /proc, /sys or /dev may not lead elsewhere. */
	struct place place = place_at(launch, op_text(&launch->plan, op, MOUNT_NEW_target), RESOLVE_NO_SYMLINKS);
	CLEANUP_FD int at = place.at;
	if (at < 0)
		return at;
	return mount_new(op_text(&launch->plan, op, MOUNT_NEW_type), &place, options, op_number(op, MOUNT_NEW_attributes));
}

int op_mount_bind(struct launch *launch, const struct op *op)
{
	CLEANUP_FD int source = open(op_text(&launch->plan, op, MOUNT_BIND_source), O_PATH | O_CLOEXEC);
	if (source < 0)
		return -errno;
	struct place place = place_at(launch, op_text(&launch->plan, op, MOUNT_BIND_target), 0);
	CLEANUP_FD int at = place.at;
	if (at < 0)
		return at;
	return mount_bind(source, &place, op_number(op, MOUNT_BIND_attributes), op_number(op, MOUNT_BIND_recursive) != 0);
}

int op_hosts_bind(struct launch *launch, const struct op *op)
{
	struct place place = place_at(launch, op_text(&launch->plan, op, HOSTS_BIND_target), 0);
	CLEANUP_FD int at = place.at;
	if (at < 0)
		return at;
	return mount_bind(launch->hosts, &place, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, 0);
}

/* What this kernel doesn't have needs neither hiding nor protecting. */
static int unless_absent(int error)
{
	return error == -ENOENT ? 0 : error;
}

/* What the kernel shows there has no links of an image's making; elsewhere an image's own are followed, inside the root. */
static int is_kernels(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0;
}

static uint64_t links(const char *path)
{
	return is_kernels(path) ? RESOLVE_NO_SYMLINKS : 0;
}

int op_mount_readonly(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, MOUNT_READONLY_target);
	struct place place = place_at(launch, path, links(path));
	CLEANUP_FD int at = place.at;
	if (at < 0)
		return unless_absent(at);
	uint64_t attributes = is_kernels(path) ? ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC : ATTR_RDONLY;
	return mount_bind(at, &place, attributes, !is_kernels(path));
}

/* One empty folder hides them all; it can be cloned once it is mounted somewhere. */
static int mask_directory(struct launch *launch, const struct place *place)
{
	static const char *const options[] = { "size=0", "mode=555", NULL };
	if (launch->empty_directory >= 0)
		return mount_bind(launch->empty_directory, place, 0, 0);
	int error = mount_new("tmpfs", place, options, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
	if (error)
		return error;
	launch->empty_directory = open_in_root(launch->root, place->path, links(place->path));
	return launch->empty_directory < 0 ? launch->empty_directory : 0;
}

/* The device is opened once and looked at, so that nothing else can be put in its place. */
static int open_null(struct launch *launch)
{
	struct stat status;
	if (launch->null_device >= 0)
		return 0;
	CLEANUP_FD int null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (null < 0 || fstat(null, &status) < 0)
		return -errno;
	if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != 1 || minor(status.st_rdev) != 3)
		return -ENODEV;
	launch->null_device = steal_fd(&null);
	return 0;
}

int op_mask(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, MASK_target);
	struct place place = place_at(launch, path, links(path));
	CLEANUP_FD int at = place.at;
	struct stat status;
	if (at < 0)
		return unless_absent(at);
	if (fstat(at, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return mask_directory(launch, &place);
	int error = open_null(launch);
	return error ? error : mount_bind(launch->null_device, &place, ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC, 0);
}

/* The folder of `path` opened inside the root; *name is set to its last component. The folder is kept for the next call,
   which is most often for the same one; a mount in between would hide it, so mounting forgets it. */
static int open_parent(struct launch *launch, const char *path, const char **name)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	size_t length = (size_t)(slash + 1 - path);
	*name = slash + 1;
	if (launch->parent >= 0 && length == launch->parent_length && memcmp(path, launch->parent_path, length) == 0)
		return launch->parent;
	int error = copy_part(parent, sizeof(parent), path, length);
	if (error)
		return error;
	close_fd(&launch->parent);
	launch->parent = open_in_root(launch->root, parent, RESOLVE_NO_SYMLINKS);
	launch->parent_path = path;
	launch->parent_length = length;
	return launch->parent;
}

int op_make_directory(struct launch *launch, const struct op *op)
{
	const char *name;
	mode_t mode = (mode_t)op_number(op, MAKE_DIRECTORY_mode);
	int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_DIRECTORY_path), &name);
	if (parent < 0)
		return parent;
	return mkdirat(parent, name, mode) < 0 ? -errno : 0;
}

int op_make_device(struct launch *launch, const struct op *op)
{
	const char *name;
	mode_t mode = (mode_t)op_number(op, MAKE_DEVICE_mode);
	int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_DEVICE_path), &name);
	if (parent < 0)
		return parent;
	dev_t device = makedev((unsigned)op_number(op, MAKE_DEVICE_major), (unsigned)op_number(op, MAKE_DEVICE_minor));
	return mknodat(parent, name, mode, device) < 0 ? -errno : 0;
}

int op_make_link(struct launch *launch, const struct op *op)
{
	const char *name;
	int parent = open_parent(launch, op_text(&launch->plan, op, MAKE_LINK_path), &name);
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
