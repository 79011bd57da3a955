/* Where a bundle's files are kept: in a folder that is named; or in one of the caller's own, `cache`, which stays, or `runtime`, which lasts
   until the caller logs out, mostly in memory (XDG Base Directory Specification). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "util.h"

enum { FOLDER_MODE = 0700, PATH_SIZE = 4096 };

int is_private(int folder)
{
	struct stat status;
	return fstat(folder, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* It is made if it isn't there. Whoever could put another one in its place could have the caller run what they like. */
static int own_folder(const char *path)
{
	if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	CLEANUP_FD int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	return is_private(folder) ? 0 : NOT_PRIVATE;
}

/* Variables whose path isn't absolute count as unset, says the specification. */
static const char *absolute(const char *variable)
{
	const char *path = getenv(variable);
	return path && *path == '/' ? path : NULL;
}

static int below(char *path, size_t size, const char *base, const char *name)
{
	size_t at = 0;
	*path = 0;
	return append(path, size, &at, base) || append(path, size, &at, name) ? -ENAMETOOLONG : 0;
}

static int is_cache(const char *asked)
{
	return strcmp(asked, "cache") == 0;
}

int bundle_is_own_place(const char *asked)
{
	return is_cache(asked) || strcmp(asked, "runtime") == 0;
}

int bundle_place(const char *asked, char *path, size_t size)
{
	char base[PATH_SIZE];
	if (!bundle_is_own_place(asked))
		return below(path, size, asked, "");
	const char *own = absolute(is_cache(asked) ? "XDG_CACHE_HOME" : "XDG_RUNTIME_DIR"), *home = is_cache(asked) && !own ? absolute("HOME") : NULL;
	if (!own && !home)
		return -ENOTDIR;
	int error = below(base, sizeof(base), own ? own : home, own ? "" : "/.cache");
	error = error ? error : below(path, size, base, "/whit-bundles");
	error = error ? error : own_folder(base);
	return error ? error : own_folder(path);
}
