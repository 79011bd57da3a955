/* The content of a large file, out of the bundle into memory.

   A piece is as large as a huge page: then the kernel clears no page before it writes to it. It is summed up where it has come to, while it
   is still in the processor's cache: what is looked at is what will be run, and a bundle that is cut short meanwhile is an error and
   no signal. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bundle_fill.h"
#include "util.h"

enum { PIECE = 2 << 20, POPULATE_READ = 22 };

/* A whole number of pages of a file. */
struct view {
	char *bytes;
	size_t size, before;
};

static int view_open(struct view *view, int fd, uint64_t at, uint64_t size, int flags)
{
	view->before = (size_t)(at % (uint64_t)sysconf(_SC_PAGESIZE));
	view->size = (size_t)size + view->before;
	view->bytes = mmap(NULL, view->size, PROT_READ, flags, fd, (off_t)(at - view->before));
	return view->bytes == MAP_FAILED ? -errno : 0;
}

static void view_close(const struct view *view)
{
	if (view->bytes != MAP_FAILED)
		munmap(view->bytes, view->size);
}

/* Why an address that is a good one can't be read. */
static int reason(const struct bundle *bundle, uint64_t at)
{
	char byte;
	int error = bundle_read(bundle->fd, &byte, sizeof(byte), at);
	return error ? error : -EIO;
}

static int copy_pieces(const struct bundle *bundle, const struct bundle_entry *entry, int file, const struct view *from, const struct view *to)
{
	uint64_t sum = 0;
	for (size_t done = 0, length; done < entry->size; done += length) {
		length = entry->size - done < PIECE ? (size_t)entry->size - done : PIECE;
		char *piece = from->bytes + from->before + done, *page = piece - (from->before + done) % (size_t)sysconf(_SC_PAGESIZE);
		/* All its pages at once, rather than one by one. Kernels before 5.14 don't know how; what can't be read, writing tells of. */
		madvise(page, (size_t)(piece - page) + length, POPULATE_READ);
		int error = write_all(file, piece, length);
		if (error)
			return error == -EFAULT ? reason(bundle, entry->at + done + length - 1) : error;
		sum = bundle_sum(sum, to->bytes + done, length);
	}
	return sum == entry->sum ? 0 : -EBADMSG;
}

int copy_content(const struct bundle *bundle, const struct bundle_entry *entry, int file)
{
	struct view from = { .bytes = MAP_FAILED }, to = { .bytes = MAP_FAILED };
	int error = ftruncate(file, (off_t)entry->size) < 0 ? -errno : 0;
	error = error ? error : view_open(&from, bundle->fd, entry->at, entry->size, MAP_PRIVATE);
	error = error ? error : view_open(&to, file, 0, entry->size, MAP_SHARED);
	error = error ? error : copy_pieces(bundle, entry, file, &from, &to);
	view_close(&from);
	view_close(&to);
	return error;
}
