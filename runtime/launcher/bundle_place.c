/* Where a bundle's files are kept: in a folder that is named; or in one of the caller's own, `cache`, which stays, or `runtime`, which lasts
   until the caller logs out, mostly in memory (XDG Base Directory Specification). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "bundle.h"
#include "util.h"

enum { FOLDER_MODE = 0700, PATH_SIZE = 4096 };

int is_private(int folder)
{
	struct stat status;
	return fstat(folder, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

int is_shared(const struct statfs *system)
{
	/* NFS, SMB, 9P, FUSE (sshfs, virtiofs), Ceph, AFS, Coda, Lustre, GPFS, BeeGFS, OrangeFS, OCFS2, GFS2, VirtualBox's. */
	static const uint32_t types[] = { 0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x00c36400, 0x5346414f, 0x6b414653,
		0x73757245, 0x0bd00bd0, 0x47504653, 0x19830326, 0x20030528, 0x7461636f, 0x01161970, 0x786f4256 };
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if ((uint32_t)system->f_type == types[i])
			return 1;
	return 0;
}

static int private_folder(const char *path)
{
	CLEANUP_FD int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	return is_private(folder) ? 0 : NOT_PRIVATE;
}

/* It is made if it isn't there. Whoever could put another one in its place could have the caller run what they like. */
static int own_folder(const char *path)
{
	if (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	return private_folder(path);
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
	/* Nothing of root's is to lie about in a user's home. */
	error = error || !home ? error : private_folder(home);
	error = error ? error : own_folder(base);
	return error ? error : own_folder(path);
}
