/* A bundle's files kept unpacked, for who would rather have quick starts than nothing left behind.

   They are in a folder that only the caller can write, under a name made of what tells one state of the bundle's file from another: its
   contents can't say whose they are, since sums can be forged. They are filled in beside their place and renamed, so all of them are there or none. What was
   killed while it filled in is removed by the next one that does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle.h"
#include "kernel.h"
#include "util.h"

enum { PATH_SIZE = 4096, NAME_SIZE = 160, NAME_NUMBERS = 7, FOLDER_MODE = 0755, ATTEMPTS = 16 };

static const char UNFINISHED[] = ".tmp-";

static int name_of(const struct bundle *bundle, char *name)
{
	struct stat status;
	size_t at = 0;
	if (fstat(bundle->fd, &status) < 0)
		return -errno;
	const uint64_t numbers[NAME_NUMBERS] = {
		(uint64_t)status.st_dev, (uint64_t)status.st_ino, (uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec, (uint64_t)status.st_mtim.tv_nsec,
		(uint64_t)status.st_ctim.tv_sec, (uint64_t)status.st_ctim.tv_nsec,
	};
	for (size_t i = 0; i < NAME_NUMBERS; i++) {
		int error = append(name, NAME_SIZE, &at, i ? "-" : "");
		error = error ? error : append_number(name, NAME_SIZE, &at, numbers[i]);
		if (error)
			return error;
	}
	return 0;
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

/* ".tmp-" and the numbers that follow in such a name. */
static int is_unfinished(const char *name)
{
	unsigned numbers = 0;
	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) != 0)
		return 0;
	for (name += strlen(UNFINISHED); *name; numbers++) {
		size_t length = strspn(name, "0123456789");
		if (!length || (name[length] && (name[length] != '-' || !name[length + 1])))
			return 0;
		name += length + (name[length] == '-');
	}
	return numbers == NAME_NUMBERS + 1;
}

/* Who fills a folder in holds its lock, and nobody else's is removed: not where locks can't be had, either. */
static void remove_left(int folder)
{
	struct listing listing;
	const struct listed *found;
	list_from(&listing, folder);
	while ((found = list_next(&listing))) {
		CLEANUP_FD int left = is_unfinished(found->name) ? openat(folder, found->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (left >= 0 && flock(left, LOCK_EX | LOCK_NB) == 0)
			bundle_remove(folder, found->name);
	}
}

static int unfinished_name(char *text, size_t size, const char *name)
{
	size_t at = 0;
	uint64_t number;
	/* A process's number is another one's, too, in another PID namespace, or after it was killed. */
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	*text = 0;
	if (append(text, size, &at, UNFINISHED) || append_number(text, size, &at, number) || append(text, size, &at, "-") || append(text, size, &at, name))
		return -ENAMETOOLONG;
	return 0;
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

static int fill_beside(const struct bundle *bundle, int folder, const char *name)
{
	char temporary[NAME_SIZE + 32];
	pid_t nobody;
	remove_left(folder);
	mode_t mask = umask(0);
	CLEANUP_FD int root = make_unfinished(folder, temporary, sizeof(temporary), name);
	int error = root < 0 ? root : bundle_fill(bundle, root, is_privileged() ? FILL_OWNERS : 0u, &nobody);
	umask(mask);
	if (root < 0)
		return error;
	add_places(root);
	/* After a crash either all of it is there, or not under its name. */
	if (!error && (syscall(SYS_syncfs, root) < 0 || renameat(folder, temporary, folder, name) < 0))
		error = -errno;
	if (error)
		bundle_remove(folder, temporary);
	/* Somebody else was quicker. */
	return error == -EEXIST || error == -ENOTEMPTY ? 0 : error;
}

static int keep_in(const struct bundle *bundle, const char *folder, char *path, size_t size)
{
	char name[NAME_SIZE] = "";
	struct stat status;
	size_t at = 0;
	CLEANUP_FD int place = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return -errno;
	int error = is_private(place) ? name_of(bundle, name) : NOT_PRIVATE;
	if (!error && fstatat(place, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		error = errno == ENOENT ? fill_beside(bundle, place, name) : -errno;
	if (error)
		return error;
	*path = 0;
	return append(path, size, &at, folder) || append(path, size, &at, "/") || append(path, size, &at, name) ? -ENAMETOOLONG : 0;
}

static int refuse(const char *asked, const char *folder, int error)
{
	if (!*folder)
		return bundle_complain("set $HOME, or $XDG_RUNTIME_DIR for 'runtime'; or name a folder", "--whit-unpack: you have no folder for '", asked, "'", NULL);
	if (error == NOT_PRIVATE)
		return bundle_complain("it has to be yours, and nobody else may write to it", "--whit-unpack: ", folder, " isn't yours alone", NULL);
	return bundle_complain(error == -ENOENT ? "make the folder first" : NULL, "--whit-unpack: can't put the files into ", folder, ": ", strerror(-error), NULL);
}

int bundle_keep(const struct bundle *bundle, const char *asked, int is_must, char *path, size_t size)
{
	char folder[PATH_SIZE] = "";
	int error = bundle_place(asked, folder, sizeof(folder));
	error = error ? error : keep_in(bundle, folder, path, size);
	if (error == -EBADMSG || error == -ENODATA)
		return bundle_damaged(error, "a file in it");
	if (error)
		*path = 0;
	return error && is_must ? refuse(asked, folder, error) : 0;
}
