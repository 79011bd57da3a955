/* A bundle's files kept unpacked, for who would rather have quick starts than nothing left behind.

   They are in a folder that only the caller can write, under a name made of what tells one state of the bundle's file from another: its
   contents can't say whose they are, since sums can be forged. They are filled in beside their place and renamed, so all of them are there or none.

   In a folder that was named they stay for good. In the caller's own ones nobody waits for the disk: after a crash there may be less than was
   written, so what was unpacked before the machine started isn't used; and what can't be used any more is removed by the next one that unpacks there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle_keep.h"
#include "kernel.h"
#include "util.h"

/* What is unpacked may be set-user-ID: nobody else enters the folder around it. */
enum { PATH_SIZE = 4096, FD_PATH_SIZE = 48, FOLDER_MODE = 0700, ROOT_MODE = 0755, ATTEMPTS = 16 };

/* Where the host's are shown: in memory such places are made at each start. No link is followed. */
static void add_places(int root)
{
	CLEANUP_FD int etc = openat(root, "etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return;
	/* Where there is one already, it stays. */
	mknodat(etc, "hosts", S_IFREG | 0644, 0);
	mknodat(etc, "resolv.conf", S_IFREG | 0644, 0);
}

/* An empty folder to be filled in, and its lock: its descriptor. Somebody may have taken it for one that was left, before it was locked. */
static int make_unfinished(int folder, char *text, size_t size, const char *name)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct stat status;
		int error = unfinished_name(text, size, name);
		if (error || mkdirat(folder, text, FOLDER_MODE) < 0)
			return error ? error : -errno;
		CLEANUP_FD int root = openat(folder, text, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (root < 0 && errno != ENOENT)
			return -errno;
		int is_taken = root < 0 || (flock(root, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
		if (!is_taken && fstat(root, &status) == 0 && status.st_nlink > 0)
			return steal_fd(&root);
	}
	return -EBUSY;
}

/* Where the bundle was started from: for who wants to know whether it is still there. */
static int add_origin(const struct bundle *bundle, int kept)
{
	char path[FD_PATH_SIZE] = "/proc/self/fd/", origin[LINK_SIZE];
	size_t at = strlen(path);
	int error = append_number(path, sizeof(path), &at, (uint64_t)bundle->fd);
	ssize_t length = error ? -1 : readlink(path, origin, sizeof(origin) - 1);
	if (length < 0)
		return error ? error : -errno;
	origin[length] = 0;
	return symlinkat(origin, kept, "of") < 0 ? -errno : 0;
}

static int fill_in(const struct bundle *bundle, int kept)
{
	pid_t nobody;
	if (mkdirat(kept, "root", ROOT_MODE) < 0)
		return -errno;
	CLEANUP_FD int root = openat(kept, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = root < 0 ? -errno : bundle_fill(bundle, root, is_privileged() ? FILL_OWNERS : 0u, &nobody);
	if (!error)
		add_places(root);
	return error ? error : add_origin(bundle, kept);
}

static int fill_beside(const struct bundle *bundle, int folder, const char *name, int is_lasting)
{
	char temporary[KEPT_NAME_SIZE + 32];
	mode_t mask = umask(0);
	CLEANUP_FD int kept = make_unfinished(folder, temporary, sizeof(temporary), name);
	int error = kept < 0 ? kept : fill_in(bundle, kept);
	umask(mask);
	if (kept < 0)
		return error;
	/* After a crash either all of it is there, or not under its name. */
	error = error || !is_lasting || syscall(SYS_syncfs, kept) == 0 ? error : -errno;
	int is_named = !error && renameat(folder, temporary, folder, name) == 0;
	/* Somebody else may have been quicker. */
	if (!error && !is_named && errno != EEXIST && errno != ENOTEMPTY)
		error = -errno;
	if (!is_named)
		bundle_remove(folder, temporary);
	return error;
}

/* Its descriptor, which stays open, and locked, as long as this process lives: what runs from it isn't removed. -ENOENT if it isn't there, or
   not for long; -ENOTDIR if it isn't whole. */
static int hold(int folder, const char *name)
{
	struct stat root;
	CLEANUP_FD int kept = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (kept < 0)
		return -errno;
	if (flock(kept, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -ENOENT;
	if (!is_still(folder, name, kept))
		return -ENOENT;
	if (fstatat(kept, "root", &root, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(root.st_mode))
		return -ENOTDIR;
	return steal_fd(&kept);
}

static int check_place(int folder, int is_lasting, struct statfs *system)
{
	if (!is_private(folder))
		return NOT_PRIVATE;
	if (fstatfs(folder, system) < 0)
		return -errno;
	/* There something is removed again. */
	if (!is_lasting && is_shared(system))
		return NOT_LOCAL;
	return system->f_flags & ST_NOEXEC ? NOT_EXECUTED : 0;
}

static int keep_in(const struct bundle *bundle, const char *folder, int is_lasting, struct kept *kept)
{
	char name[KEPT_NAME_SIZE];
	uint64_t boot[BOOT_NUMBERS];
	struct stat status;
	struct statfs system;
	size_t at = 0;
	CLEANUP_FD int place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = place < 0 || fstat(bundle->fd, &status) < 0 ? -errno : check_place(place, is_lasting, &system);
	error = error || is_lasting ? error : current_boot(boot);
	error = error ? error : kept_name(name, &status, is_lasting ? NULL : boot);
	if (error)
		return error;
	for (int attempt = 0; (kept->folder = hold(place, name)) == -ENOENT && attempt < ATTEMPTS; attempt++) {
		if (!is_shared(&system))
			remove_stale(place, is_lasting ? NULL : boot);
		error = fill_beside(bundle, place, name, is_lasting);
		if (error)
			return error;
	}
	if (kept->folder < 0)
		return kept->folder;
	const size_t size = sizeof(kept->path);
	return append(kept->path, size, &at, folder) || append(kept->path, size, &at, "/") || append(kept->path, size, &at, name) || append(kept->path, size, &at, "/root") ? -ENAMETOOLONG : 0;
}

static int refuse(const char *asked, const char *folder, int error)
{
	if (!*folder)
		return bundle_complain("set $HOME, or $XDG_RUNTIME_DIR for 'runtime'; or name a folder", "--whit-unpack: you have no folder for '", asked, "'", NULL);
	if (error == NOT_PRIVATE)
		return bundle_complain("it has to be yours, and nobody else may write to it", "--whit-unpack: ", folder, " isn't yours alone", NULL);
	if (error == NOT_EXECUTED)
		return bundle_complain("name a folder of another file system", "--whit-unpack: nothing is executed from ", folder, ": it is mounted with noexec", NULL);
	if (error == NOT_LOCAL)
		return bundle_complain("name a folder: there it stays until you remove it", "--whit-unpack: other machines may use ", folder, ", and what runs there isn't seen here", NULL);
	const char *hint = error == -ENOENT ? "make the folder first" : error == -ENOTDIR ? "remove what isn't whole in it, or is there in its place" : NULL;
	return bundle_complain(hint, "--whit-unpack: can't put the files into ", folder, ": ", strerror(-error), NULL);
}

int bundle_keep(const struct bundle *bundle, const char *asked, int is_must, struct kept *kept)
{
	char folder[PATH_SIZE] = "";
	int error = bundle_place(asked, folder, sizeof(folder));
	error = error ? error : keep_in(bundle, folder, !bundle_is_own_place(asked), kept);
	if (error == -EBADMSG || error == -ENODATA)
		return bundle_damaged(error, "a file in it");
	if (error)
		*kept->path = 0;
	return error && is_must ? refuse(asked, folder, error) : 0;
}
