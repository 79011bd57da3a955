/* The bundle's file: its mark, its sums, its head. Nothing of it is believed before it is checked. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "ops.h"
#include "util.h"

enum { PIECE = 256 << 10, WORD = 8 };

/* Between the magic text, by which `whit bundle` finds it, and the last number all is zero. Volatile: what stands here is known when it runs. */
static const volatile struct bundle_mark own_mark
	__attribute__((aligned(16))) = { .magic = { 'w', 'h', 'i', 't', ' ', 'b', 'u', 'n', 'd', 'l', 'e', ' ', 'm', 'a', 'r', 'k' }, .descriptor = NO_BUNDLE };

int bundle_is_marked(struct bundle_mark *mark)
{
	char *to = (char *)mark;
	const volatile char *from = (const volatile char *)&own_mark;
	uint64_t any = 0;
	for (size_t i = 0; i < sizeof(*mark); i++)
		to[i] = from[i];
	for (size_t i = sizeof(mark->magic); i < offsetof(struct bundle_mark, descriptor); i++)
		any |= (unsigned char)to[i];
	/* A bundle that is cut in the middle of its mark is no launcher: what is missing of the file's last page is zero. */
	if (!any && mark->descriptor == NO_BUNDLE)
		return 0;
	return bundle_sum(0, mark, offsetof(struct bundle_mark, sum)) == mark->sum ? 1 : -EBADMSG;
}

int bundle_read(int fd, void *memory, size_t length, uint64_t at)
{
	for (char *to = memory; length > 0;) {
		ssize_t got = pread(fd, to, length, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		to += got;
		at += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

static int sum_on(const struct bundle *bundle, uint64_t at, uint64_t size, uint64_t *sum)
{
	char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = piece == MAP_FAILED ? -errno : 0;
	for (uint64_t done = 0; done < size && !error;) {
		size_t length = size - done < PIECE ? (size_t)(size - done) : PIECE;
		error = bundle_read(bundle->fd, piece, length, at + done);
		*sum = error ? *sum : bundle_sum(*sum, piece, length);
		done += length;
	}
	if (piece != MAP_FAILED)
		munmap(piece, PIECE);
	return error;
}

int bundle_sum_part(const struct bundle *bundle, uint64_t at, uint64_t size, uint64_t *sum)
{
	*sum = 0;
	return sum_on(bundle, at, size, sum);
}

/* The mark itself, which holds this sum, is left out. */
int bundle_sum_launcher(const struct bundle *bundle, uint64_t *sum)
{
	uint64_t behind = bundle->mark.mark_at + sizeof(struct bundle_mark);
	*sum = 0;
	if (behind > bundle->mark.launcher_size || behind < bundle->mark.mark_at)
		return -EBADMSG;
	int error = sum_on(bundle, 0, bundle->mark.mark_at, sum);
	return error ? error : sum_on(bundle, behind, bundle->mark.launcher_size - behind, sum);
}

const char *bundle_text(const struct bundle *bundle, uint32_t at)
{
	return bundle->data + at;
}

static int is_within(uint64_t at, uint64_t size, uint64_t whole)
{
	return at <= whole && size <= whole - at;
}

static int is_text(const struct bundle *bundle, uint32_t at)
{
	return at >= bundle->head->pool_at && at < bundle->size && memchr(bundle->data + at, 0, bundle->size - at);
}

/* Parts between single slashes, none of them "." or "..", not too long for a path. */
static int is_path(const char *path)
{
	if (strlen(path) >= 4096)
		return 0;
	for (const char *end; *path; path = *end ? end + 1 : end) {
		end = path + strcspn(path, "/");
		size_t length = (size_t)(end - path);
		if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.') || (*end && !end[1]))
			return 0;
	}
	return 1;
}

static int is_same(const struct bundle *bundle, const struct bundle_entry *entry)
{
	if (entry->same > (size_t)(entry - bundle->entries))
		return 0;
	const struct bundle_entry *other = &bundle->entries[entry->same - 1];
	return other->mode == entry->mode && !other->target && !other->same && other->at == entry->at && other->size == entry->size && other->sum == entry->sum;
}

static int check_entry(const struct bundle *bundle, const struct bundle_entry *entry, uint64_t file_size)
{
	if (!is_text(bundle, entry->path) || !*bundle_text(bundle, entry->path) || !is_path(bundle_text(bundle, entry->path)))
		return 0;
	if (entry->target && !is_text(bundle, entry->target))
		return 0;
	if (entry->same && (!S_ISREG(entry->mode) || entry->target || !is_same(bundle, entry)))
		return 0;
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		if (entry->target)
			return *bundle_text(bundle, entry->target) && is_path(bundle_text(bundle, entry->target));
		return is_within(entry->at, entry->size, file_size);
	case S_IFLNK:
		return entry->target && *bundle_text(bundle, entry->target);
	case S_IFDIR:
	case S_IFIFO:
		return 1;
	default:
		return 0;
	}
}

static int check_places(const struct bundle *bundle, uint64_t file_size)
{
	const struct bundle_head *head = bundle->head;
	if (head->entries_at % WORD || !is_within(head->entries_at, (uint64_t)head->entry_count * sizeof(struct bundle_entry), bundle->size))
		return 0;
	for (unsigned i = 0; i < BUNDLE_PLANS; i++)
		if (head->plans_at[i] % WORD || !is_within(head->plans_at[i], head->plans_size[i], bundle->size))
			return 0;
	if (!is_within(head->defaults_at, head->defaults_size, bundle->size) || head->pool_at > bundle->size)
		return 0;
	if (head->defaults_size > 0 && bundle->data[head->defaults_at + head->defaults_size - 1] != 0)
		return 0;
	return is_within(head->page_at, head->page_size, file_size) && is_within(head->document_at, head->document_size, file_size) &&
	       is_within(head->signature_at, head->signature_size, file_size);
}

int bundle_check(struct bundle *bundle, const char *data, size_t size, uint64_t file_size)
{
	const struct bundle_head *head = (const struct bundle_head *)(const void *)data;
	if (size < sizeof(*head) || size > MAX_HEAD_SIZE || memcmp(head->magic, "WHITBNDL", 8) != 0)
		return -EBADMSG;
	if (head->version != BUNDLE_VERSION || head->table != PLAN_TABLE || head->entry_count > MAX_ENTRIES)
		return -EBADMSG;
	bundle->data = data;
	bundle->size = size;
	bundle->head = head;
	if (!check_places(bundle, file_size))
		return -EBADMSG;
	bundle->entries = (const struct bundle_entry *)(const void *)(data + head->entries_at);
	for (uint32_t i = 0; i < head->entry_count; i++)
		if (!check_entry(bundle, &bundle->entries[i], file_size))
			return -EBADMSG;
	return 0;
}

static int load_head(struct bundle *bundle)
{
	const struct bundle_mark *mark = &bundle->mark;
	if (mark->head_size > MAX_HEAD_SIZE || mark->head_size == 0 || !is_within(mark->head_at, mark->head_size, mark->size))
		return -EBADMSG;
	char *data = mmap(NULL, (size_t)mark->head_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -errno;
	int error = bundle_read(bundle->fd, data, (size_t)mark->head_size, mark->head_at);
	if (!error && bundle_sum(0, data, (size_t)mark->head_size) != mark->head_sum)
		error = -EBADMSG;
	return error ? error : bundle_check(bundle, data, (size_t)mark->head_size, mark->size);
}

int bundle_open(struct bundle *bundle, const struct bundle_mark *mark)
{
	struct stat status;
	*bundle = (struct bundle){ .fd = (int)mark->descriptor - 1, .mark = *mark };
	if (!mark->descriptor)
		bundle->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	else if (fcntl(bundle->fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (bundle->fd < 0 || fstat(bundle->fd, &status) < 0)
		return -errno;
	if ((uint64_t)status.st_size != mark->size)
		return (uint64_t)status.st_size < mark->size ? -ENODATA : -EFBIG;
	return load_head(bundle);
}
