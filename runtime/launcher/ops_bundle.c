/* The root of a bundle: a file system in memory, of the container's own, filled with the image's files from behind the launcher.

   Each file is summed up as it is copied: what has been damaged is never run. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle.h"
#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

/* A piece fits into a core's own cache, so that it is read from memory once for its sum and its copy. */
enum { PIECE = 256 << 10, PATH_SIZE = 4096, LARGE = 2 << 20 };

struct filling {
	const struct bundle *bundle;
	int root, folder;
	/* The path of the folder that is open. */
	const char *folder_path;
	size_t folder_length;
	char *piece;
	int owns;
	uid_t uid;
	gid_t gid;
};

/* Huge pages, where the kernel has them, make the copy ten times as fast. */
static int make_tree(uint64_t attributes)
{
	static const char *const options[] = { "huge=within_size", "mode=755", NULL };
	for (size_t first = 0; first < 2; first++) {
		CLEANUP_FD int context = context_open("tmpfs", "whit");
		int error = context < 0 ? context : 0;
		for (const char *const *option = options + first; *option && !error; option++)
			error = context_set(context, *option);
		int tree = error ? error : context_mount(context, attributes);
		if (tree != -EINVAL)
			return tree;
	}
	return -EINVAL;
}

/* Before Linux 5.2. What lies over the root is found by "/..": the root itself is where this process has it. */
static int old_root(uint64_t attributes)
{
	unsigned long flags = (attributes & ATTR_NOSUID ? MS_NOSUID : 0u) | (attributes & ATTR_NODEV ? MS_NODEV : 0u);
	if (mount("whit", "/", "tmpfs", flags, "huge=within_size,mode=755") < 0 && mount("whit", "/", "tmpfs", flags, "mode=755") < 0)
		return -errno;
	int root = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : root;
}

/* It is attached over the root, where no path leads to it: what is mounted from the host is still found. */
static int attach_root(uint64_t attributes)
{
	int tree = make_tree(attributes);
	if (tree == -ENOSYS)
		return old_root(attributes);
	if (tree < 0)
		return tree;
	CLEANUP_FD int above = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = above < 0 ? -errno : tree_move(tree, above);
	if (error)
		close(tree);
	return error ? error : tree;
}

/* The folder that a path's last part is in; no link is followed on the way. Entries of one folder stand together. */
static int open_folder(struct filling *filling, const char *path, const char **name)
{
	char text[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (!slash)
		return filling->root;
	size_t length = (size_t)(slash - path);
	if (filling->folder >= 0 && length == filling->folder_length && memcmp(path, filling->folder_path, length) == 0)
		return filling->folder;
	close_fd(&filling->folder);
	int error = copy_part(text, sizeof(text), path, length);
	filling->folder = error ? error : open_in_root(filling->root, text, RESOLVE_NO_SYMLINKS);
	filling->folder_path = path;
	filling->folder_length = length;
	return filling->folder;
}

static int copy_content(const struct filling *filling, const struct bundle_entry *entry, int file)
{
	uint64_t sum = 0;
	if (entry->size >= LARGE && ftruncate(file, (off_t)entry->size) < 0)
		return -errno;
	for (uint64_t done = 0; done < entry->size;) {
		size_t length = entry->size - done < PIECE ? (size_t)(entry->size - done) : PIECE;
		int error = bundle_read(filling->bundle->fd, filling->piece, length, entry->at + done);
		if (error)
			return error;
		sum = bundle_sum(sum, filling->piece, length);
		error = write_all(file, filling->piece, length);
		if (error)
			return error;
		done += length;
	}
	return sum == entry->sum ? 0 : -EBADMSG;
}

static int set_owner(const struct filling *filling, const struct bundle_entry *entry, int at, const char *name)
{
	if (!filling->owns || (entry->uid == filling->uid && entry->gid == filling->gid))
		return 0;
	return fchownat(at, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_time(const struct bundle_entry *entry, int at, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = entry->mtime }, { .tv_sec = entry->mtime } };
	/* By the system call, which takes NULL for the descriptor itself. */
	return syscall(SYS_utimensat, at, name, times, name ? AT_SYMLINK_NOFOLLOW : 0) < 0 ? -errno : 0;
}

static int make_file(const struct filling *filling, const struct bundle_entry *entry, int folder, const char *name)
{
	CLEANUP_FD int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode & 07777);
	if (file < 0)
		return -errno;
	int error = copy_content(filling, entry, file);
	error = error ? error : set_owner(filling, entry, file, "");
	/* Writing, and another owner, take the set-user-ID bits away. */
	if (!error && entry->mode & (S_ISUID | S_ISGID) && fchmod(file, entry->mode & 07777) < 0)
		error = -errno;
	return error ? error : set_time(entry, file, NULL);
}

static int make_entry(struct filling *filling, const struct bundle_entry *entry)
{
	const char *name, *target = bundle_text(filling->bundle, entry->target);
	int folder = open_folder(filling, bundle_text(filling->bundle, entry->path), &name), made;
	if (folder < 0)
		return folder;
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		if (!entry->target)
			return make_file(filling, entry, folder, name);
		/* No other file is in there yet: the path leads through folders of the bundle's own. */
		return linkat(filling->root, target, folder, name, 0) < 0 ? -errno : 0;
	case S_IFLNK:
		made = symlinkat(target, folder, name);
		break;
	case S_IFIFO:
		made = mknodat(folder, name, S_IFIFO | (entry->mode & 07777), 0);
		break;
	default:
		/* Its mode comes when all is in it: it may forbid to write. */
		made = mkdirat(folder, name, 0700);
	}
	int error = made < 0 ? -errno : set_owner(filling, entry, folder, name);
	return error ? error : set_time(entry, folder, name);
}

/* The deepest first. Filling a folder has changed its time. */
static int finish_folders(struct filling *filling)
{
	for (uint32_t i = filling->bundle->head->entry_count; i-- > 0;) {
		const struct bundle_entry *entry = &filling->bundle->entries[i];
		const char *name;
		if (!S_ISDIR(entry->mode))
			continue;
		int folder = open_folder(filling, bundle_text(filling->bundle, entry->path), &name);
		if (folder < 0)
			return folder;
		/* fchmodat would follow a link: this name was made as a folder. */
		if (fchmodat(folder, name, entry->mode & 07777, 0) < 0)
			return -errno;
		int error = set_time(entry, folder, name);
		if (error)
			return error;
	}
	return 0;
}

static int fill(struct filling *filling)
{
	int error = 0;
	filling->piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (filling->piece == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < filling->bundle->head->entry_count && !error; i++)
		error = make_entry(filling, &filling->bundle->entries[i]);
	error = error ? error : finish_folders(filling);
	munmap(filling->piece, PIECE);
	close_fd(&filling->folder);
	return error;
}

int bundle_fill(const struct bundle *bundle, int root, int owns)
{
	struct filling filling = { .bundle = bundle, .root = root, .folder = NO_FD, .owns = owns, .uid = geteuid(), .gid = getegid() };
	return fill(&filling);
}

int op_root_unpack(struct launch *launch, const struct op *op)
{
	if (!launch->bundle)
		return -EINVAL;
	int root = attach_root(op_number(op, ROOT_UNPACK_attributes));
	if (root < 0)
		return root;
	launch->root = root;
	return bundle_fill(launch->bundle, root, op_number(op, ROOT_UNPACK_owners) != 0);
}
