/* Removing what was unpacked and isn't wanted: of an image whose names may be links to anywhere, as deep as it likes.

   No path is followed: a folder is opened by its name in its parent, never by a link, emptied of files, and the folders in it are moved
   up to the one that is to be removed, where they are next. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "kernel.h"
#include "util.h"

enum { FD_PATH_SIZE = 48, NUMBER_SIZE = 24 };

/* It may forbid its owner to read and to write. By a descriptor: fchmodat follows links. */
static int open_own(int parent, const char *name)
{
	char path[FD_PATH_SIZE] = "/proc/self/fd/";
	size_t at = 14;
	CLEANUP_FD int place = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		return -errno;
	int error = append_number(path, sizeof(path), &at, (uint64_t)place);
	if (error || chmod(path, 0700) < 0)
		return error ? error : -errno;
	int folder = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -errno : folder;
}

/* A name that is taken by something else is left for the next one. */
static int move_up(int top, int folder, const char *name, uint64_t *number)
{
	CLEANUP_FD int moved = open_own(folder, name);
	if (moved < 0)
		return moved;
	for (;;) {
		char free[NUMBER_SIZE] = "";
		size_t at = 0;
		int error = append_number(free, sizeof(free), &at, (*number)++);
		if (error)
			return error;
		if (renameat(folder, name, top, free) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -errno;
	}
}

static int empty_folder(int top, int folder, uint64_t *number)
{
	struct listing listing;
	const struct listed *found;
	int error = 0;
	list_from(&listing, folder);
	while (!error && (found = list_next(&listing)))
		if (unlinkat(folder, found->name, 0) < 0)
			error = errno == EISDIR || errno == EPERM ? move_up(top, folder, found->name, number) : -errno;
	return error ? error : listing.filled < 0 ? -errno : 0;
}

static int remove_one(int top, const char *name, uint64_t *number)
{
	if (unlinkat(top, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	CLEANUP_FD int folder = open_own(top, name);
	int error = folder < 0 ? folder : empty_folder(top, folder, number);
	if (error)
		return error;
	return unlinkat(top, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int bundle_remove(int parent, const char *name)
{
	uint64_t number = 0;
	int error = 0, is_empty = 0;
	CLEANUP_FD int top = open_own(parent, name);
	if (top < 0)
		return top;
	while (!error && !is_empty) {
		struct listing listing;
		const struct listed *found;
		is_empty = 1;
		list_from(&listing, top);
		for (; !error && (found = list_next(&listing)); is_empty = 0)
			error = remove_one(top, found->name, &number);
		error = error ? error : listing.filled < 0 ? -errno : 0;
	}
	if (error)
		return error;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
