/* tmpcopyup: what a new file system in memory covers is copied into it, with owners, modes, times and links. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

enum { LINK_SIZE = 4096, MAX_DEPTH = 64 };

static int copy_folder(int from, int to, unsigned depth);

static int copy_data(int from, const char *name, int to, const struct stat *status)
{
	CLEANUP_FD int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	CLEANUP_FD int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (source < 0 || target < 0)
		return -errno;
	for (off_t at = 0; at < status->st_size;) {
		ssize_t done = sendfile(target, source, &at, (size_t)(status->st_size - at));
		if (done < 0)
			return -errno;
		if (done == 0)
			break;
	}
	return 0;
}

static int copy_link(int from, const char *name, int to)
{
	char target[LINK_SIZE];
	ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = 0;
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_below(int from, const char *name, int to, unsigned depth)
{
	if (depth == MAX_DEPTH)
		return -ELOOP;
	CLEANUP_FD int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (source < 0 || mkdirat(to, name, 0700) < 0)
		return -errno;
	CLEANUP_FD int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return target < 0 ? -errno : copy_folder(source, target, depth + 1);
}

/* Owner first: changing it takes set-user-ID bits away. */
static int copy_status(int to, const char *name, const struct stat *status)
{
	const struct timespec times[2] = { status->st_atim, status->st_mtim };
	if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(status->st_mode) && fchmodat(to, name, status->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_entry(int from, const char *name, int to, unsigned depth)
{
	struct stat status;
	int error;
	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		error = copy_below(from, name, to, depth);
	else if (S_ISREG(status.st_mode))
		error = copy_data(from, name, to, &status);
	else if (S_ISLNK(status.st_mode))
		error = copy_link(from, name, to);
	else
		error = mknodat(to, name, status.st_mode, status.st_rdev) < 0 ? -errno : 0;
	return error ? error : copy_status(to, name, &status);
}

static int copy_folder(int from, int to, unsigned depth)
{
	struct listing listing;
	const struct listed *entry;
	list_from(&listing, from);
	while ((entry = list_next(&listing))) {
		int error = copy_entry(from, entry->name, to, depth);
		if (error)
			return error;
	}
	return listing.filled < 0 ? -errno : 0;
}

int op_mount_filled(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, MOUNT_FILLED_target);
	const char *const options[] = { op_text(&launch->plan, op, MOUNT_FILLED_option), NULL };
	/* A folder that was kept open may lie below what is mounted now. */
	close_fd(&launch->parent);
	launch->parent = NO_FD;
	CLEANUP_FD int covered = open_in_root(launch->root, path, RESOLVE_NO_SYMLINKS);
	if (covered < 0)
		return covered;
	const struct place place = { launch->root, path, covered };
	CLEANUP_FD int from = openat(covered, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = from < 0 ? -errno : mount_new("tmpfs", &place, options, op_number(op, MOUNT_FILLED_attributes));
	if (error)
		return error;
	CLEANUP_FD int mounted = open_in_root(launch->root, path, RESOLVE_NO_SYMLINKS);
	CLEANUP_FD int to = mounted < 0 ? mounted : openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return mounted < 0 ? mounted : -errno;
	return copy_folder(from, to, 0);
}

int op_tree_copy_up(struct launch *launch, const struct op *op)
{
	CLEANUP_FD int covered = open_in_root(launch->root, op_text(&launch->plan, op, TREE_COPY_UP_target), 0);
	if (covered < 0)
		return covered == -ENOENT ? 0 : covered;
	CLEANUP_FD int from = openat(covered, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int to = openat(launch->tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;
	if (from < 0 || to < 0 || fstat(from, &status) < 0)
		return -errno;
	int error = copy_folder(from, to, 0);
	if (error)
		return error;
	return fchown(to, status.st_uid, status.st_gid) < 0 || fchmod(to, status.st_mode & 07777) < 0 ? -errno : 0;
}
