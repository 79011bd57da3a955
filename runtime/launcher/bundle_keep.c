/* A bundle's files kept unpacked, for who would rather have quick starts than nothing left behind.

   They are in a folder that only the caller can write, under a name made of what tells one state of the bundle's file from another: its
   contents can't say whose they are, since sums can be forged. They are filled in beside their place and renamed, so all of them are there or none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle.h"
#include "util.h"

enum { NAME_SIZE = 160, FOLDER_MODE = 0755 };

static int is_private(int folder)
{
	struct stat status;
	return fstat(folder, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static int name_of(const struct bundle *bundle, char *name)
{
	struct stat status;
	size_t at = 0;
	if (fstat(bundle->fd, &status) < 0)
		return -errno;
	const uint64_t numbers[] = {
		(uint64_t)status.st_dev, (uint64_t)status.st_ino, (uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec, (uint64_t)status.st_mtim.tv_nsec,
		(uint64_t)status.st_ctim.tv_sec, (uint64_t)status.st_ctim.tv_nsec,
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		int error = append(name, NAME_SIZE, &at, i ? "-" : "");
		error = error ? error : append_number(name, NAME_SIZE, &at, numbers[i]);
		if (error)
			return error;
	}
	return 0;
}

/* What was filled in and isn't wanted: the entries are known, the deepest come last. Folders may forbid to write. */
static void remove_filled(const struct bundle *bundle, int folder, const char *name, int root)
{
	for (uint32_t i = 0; i < bundle->head->entry_count; i++)
		if (S_ISDIR(bundle->entries[i].mode))
			fchmodat(root, bundle_text(bundle, bundle->entries[i].path), 0700, 0);
	unlinkat(root, "etc/hosts", 0);
	unlinkat(root, "etc/resolv.conf", 0);
	for (uint32_t i = bundle->head->entry_count; i-- > 0;)
		unlinkat(root, bundle_text(bundle, bundle->entries[i].path), S_ISDIR(bundle->entries[i].mode) ? AT_REMOVEDIR : 0);
	unlinkat(folder, name, AT_REMOVEDIR);
}

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

static int fill_beside(const struct bundle *bundle, int folder, const char *name)
{
	char temporary[NAME_SIZE + 32] = ".tmp-";
	size_t at = strlen(temporary);
	uint64_t number;
	/* A process's number is another one's, too, in another PID namespace, or after it was killed. */
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	if (append_number(temporary, sizeof(temporary), &at, number) || append(temporary, sizeof(temporary), &at, "-") || append(temporary, sizeof(temporary), &at, name))
		return -ENAMETOOLONG;
	pid_t nobody;
	mode_t mask = umask(0);
	int error = mkdirat(folder, temporary, FOLDER_MODE) < 0 ? -errno : 0;
	CLEANUP_FD int root = error ? -1 : openat(folder, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = error || root >= 0 ? error : -errno;
	error = error ? error : bundle_fill(bundle, root, is_privileged() ? FILL_OWNERS : 0u, &nobody);
	umask(mask);
	if (root < 0)
		return error;
	add_places(root);
	/* After a crash either all of it is there, or not under its name. */
	if (!error && (syscall(SYS_syncfs, root) < 0 || renameat(folder, temporary, folder, name) < 0))
		error = -errno;
	if (error)
		remove_filled(bundle, folder, temporary, root);
	/* Somebody else was quicker. */
	return error == -EEXIST || error == -ENOTEMPTY ? 0 : error;
}

int bundle_keep(const struct bundle *bundle, const char *folder, char *path, size_t size)
{
	char name[NAME_SIZE] = "";
	struct stat status;
	size_t at = 0;
	CLEANUP_FD int place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return bundle_complain("make the folder first", "--whit-unpack: ", folder, ": ", strerror(errno), NULL);
	if (!is_private(place))
		return bundle_complain("it has to be yours, and nobody else may write to it", "--whit-unpack: ", folder, " isn't yours alone", NULL);
	int error = name_of(bundle, name);
	if (!error && fstatat(place, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		error = errno == ENOENT ? fill_beside(bundle, place, name) : -errno;
	if (error == -EBADMSG || error == -ENODATA)
		return bundle_damaged(error, "a file in it");
	error = error ? error : append(path, size, &at, folder) || append(path, size, &at, "/") || append(path, size, &at, name) ? -ENAMETOOLONG : 0;
	if (error)
		return bundle_complain(NULL, "--whit-unpack: can't put the files into ", folder, ": ", strerror(-error), NULL);
	return 0;
}
