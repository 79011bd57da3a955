/* A bundle's files out of its own file into a folder that is empty: each is summed up as it is copied, so what has been damaged is never
   run. Folders and what holds nothing come first, and the names of large files; then the contents, then what is another name of a
   file; last the modes of folders. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle_fill.h"
#include "kernel.h"
#include "mount.h"
#include "util.h"

enum { PATH_SIZE = 4096 };

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

static int set_owner(const struct filling *filling, const struct bundle_entry *entry, int at, const char *name)
{
	if (!(filling->how & FILL_OWNERS) || (entry->uid == filling->uid && entry->gid == filling->gid))
		return 0;
	return fchownat(at, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_time(const struct bundle_entry *entry, int at, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = entry->mtime }, { .tv_sec = entry->mtime } };
	/* By the system call, which takes NULL for the descriptor itself. */
	return syscall(SYS_utimensat, at, name, times, name ? AT_SYMLINK_NOFOLLOW : 0) < 0 ? -errno : 0;
}

/* Once its content is there: writing changes its time, and takes the set-user-ID bits away, as another owner does. */
static int finish_file(const struct filling *filling, const struct bundle_entry *entry, int file)
{
	int error = set_owner(filling, entry, file, "");
	if (!error && entry->mode & (S_ISUID | S_ISGID) && fchmod(file, entry->mode & 07777) < 0)
		error = -errno;
	return error ? error : set_time(entry, file, NULL);
}

static int make_file(struct filling *filling, const struct bundle_entry *entry)
{
	const char *name;
	int folder = open_folder(filling, bundle_text(filling->bundle, entry->path), &name);
	if (folder < 0)
		return folder;
	int file = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, entry->mode & 07777);
	return file < 0 ? -errno : file;
}

/* Small contents stand one behind the other: those of many files are read at once. */
static int small_content(struct filling *filling, const struct bundle_entry *entry, const char **content)
{
	if (entry->at < filling->window_at || entry->at + entry->size > filling->window_at + filling->window_length) {
		uint64_t rest = filling->bundle->mark.size - entry->at;
		size_t length = rest < FILL_WINDOW ? (size_t)rest : FILL_WINDOW;
		filling->window_length = 0;
		int error = bundle_read(filling->bundle->fd, filling->window, length, entry->at);
		if (error)
			return error;
		filling->window_at = entry->at;
		filling->window_length = length;
	}
	*content = filling->window + (entry->at - filling->window_at);
	return 0;
}

static int make_small(struct filling *filling, const struct bundle_entry *entry)
{
	const char *content;
	int error = small_content(filling, entry, &content);
	if (error)
		return error;
	if (bundle_sum(0, content, (size_t)entry->size) != entry->sum)
		return -EBADMSG;
	CLEANUP_FD int file = make_file(filling, entry);
	error = file < 0 ? file : write_all(file, content, (size_t)entry->size);
	return error ? error : finish_file(filling, entry, file);
}

static int make_large(struct filling *filling, const struct bundle_entry *entry)
{
	CLEANUP_FD int file = make_file(filling, entry);
	int error = file < 0 ? file : copy_content(filling->bundle, entry, file);
	return error ? error : finish_file(filling, entry, file);
}

int filling_large(struct filling *filling)
{
	int error = 0;
	for (unsigned i = 0; i < filling->large_count && !error; i++) {
		error = copy_content(filling->bundle, filling->large[i].entry, filling->large[i].file);
		error = error ? error : finish_file(filling, filling->large[i].entry, filling->large[i].file);
	}
	return error;
}

static int is_small(const struct bundle_entry *entry)
{
	return entry->size <= FILL_WINDOW;
}

/* Whether it is another name, or has the content, the owner and the time, of one that stands before it. */
static int is_linked(const struct filling *filling, const struct bundle_entry *entry)
{
	return entry->target || (entry->same && filling->how & FILL_SHARED);
}

static int is_file(const struct filling *filling, const struct bundle_entry *entry)
{
	return S_ISREG(entry->mode) && !is_linked(filling, entry);
}

/* Folders and what holds nothing. A folder's mode comes when all is in it: it may forbid to write. */
static int make_empty(struct filling *filling, const struct bundle_entry *entry)
{
	const char *name;
	int folder = open_folder(filling, bundle_text(filling->bundle, entry->path), &name), made;
	if (folder < 0)
		return folder;
	if (S_ISLNK(entry->mode))
		made = symlinkat(bundle_text(filling->bundle, entry->target), folder, name);
	else if (S_ISFIFO(entry->mode))
		made = mknodat(folder, name, S_IFIFO | (entry->mode & 07777), 0);
	else
		made = mkdirat(folder, name, 0700);
	int error = made < 0 ? -errno : set_owner(filling, entry, folder, name);
	return error || S_ISDIR(entry->mode) ? error : set_time(entry, folder, name);
}

/* Every file is there by now, and no other one: the path leads through folders of the bundle's own. */
static int make_link(struct filling *filling, const struct bundle_entry *entry)
{
	const struct bundle *bundle = filling->bundle;
	const char *name, *target = bundle_text(bundle, entry->target ? entry->target : bundle->entries[entry->same - 1].path);
	int folder = open_folder(filling, bundle_text(bundle, entry->path), &name);
	if (folder < 0)
		return folder;
	return linkat(filling->root, target, folder, name, 0) < 0 ? -errno : 0;
}

/* The deepest first. Filling a folder has changed its time. */
static int finish_folder(struct filling *filling, const struct bundle_entry *entry)
{
	const char *name;
	int folder = open_folder(filling, bundle_text(filling->bundle, entry->path), &name);
	if (folder < 0)
		return folder;
	/* fchmodat would follow a link: this name was made as a folder. */
	if (fchmodat(folder, name, entry->mode & 07777, 0) < 0)
		return -errno;
	return set_time(entry, folder, name);
}

static int leave(struct filling *filling, const struct bundle_entry *entry)
{
	int file = make_file(filling, entry);
	if (file < 0)
		return file;
	filling->large[filling->large_count].entry = entry;
	filling->large[filling->large_count++].file = file;
	filling->large_size += entry->size;
	return 0;
}

/* Folders, and the names of as many large files as may be left to the second process; and how much small there is. */
static int prepare(struct filling *filling)
{
	int error = 0;
	for (uint32_t i = 0; i < filling->bundle->head->entry_count && !error; i++) {
		const struct bundle_entry *entry = &filling->bundle->entries[i];
		if (!S_ISREG(entry->mode))
			error = make_empty(filling, entry);
		else if (is_file(filling, entry) && is_small(entry))
			filling->small_count++;
		else if (is_file(filling, entry) && filling->how & FILL_TOGETHER && filling->large_count < FILL_LARGE)
			error = leave(filling, entry);
	}
	return error;
}

static int is_left(const struct filling *filling, const struct bundle_entry *entry)
{
	for (unsigned i = 0; i < filling->large_count; i++)
		if (filling->large[i].entry == entry)
			return 1;
	return 0;
}

int filling_batch(struct filling *filling, uint32_t first)
{
	uint32_t count = filling->bundle->head->entry_count, end = count - first < FILL_BATCH ? count : first + FILL_BATCH;
	int error = 0;
	for (uint32_t i = first; i < end && !error; i++) {
		const struct bundle_entry *entry = &filling->bundle->entries[i];
		if (!is_file(filling, entry))
			continue;
		if (is_small(entry))
			error = make_small(filling, entry);
		else if (!is_left(filling, entry))
			error = make_large(filling, entry);
	}
	return error;
}

static int finish(struct filling *filling)
{
	const struct bundle *bundle = filling->bundle;
	int error = 0;
	for (uint32_t i = 0; i < bundle->head->entry_count && !error; i++)
		if (S_ISREG(bundle->entries[i].mode) && is_linked(filling, &bundle->entries[i]))
			error = make_link(filling, &bundle->entries[i]);
	for (uint32_t i = bundle->head->entry_count; i-- > 0 && !error;)
		if (S_ISDIR(bundle->entries[i].mode))
			error = finish_folder(filling, &bundle->entries[i]);
	return error;
}

int bundle_fill(const struct bundle *bundle, int root, unsigned how, pid_t *filler)
{
	struct filling filling = { .bundle = bundle, .root = root, .folder = -1, .how = how, .uid = geteuid(), .gid = getegid() };
	filling.window = mmap(NULL, FILL_WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (filling.window == MAP_FAILED)
		return -errno;
	int error = prepare(&filling);
	error = error ? error : filling_contents(&filling, filler);
	error = error ? error : finish(&filling);
	for (unsigned i = 0; i < filling.large_count; i++)
		close(filling.large[i].file);
	munmap(filling.window, FILL_WINDOW);
	close_fd(&filling.folder);
	return error;
}
