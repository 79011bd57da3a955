/* Filling a folder with a bundle's files, by one process or by two. */
#ifndef WHIT_BUNDLE_FILL_H
#define WHIT_BUNDLE_FILL_H

#include "bundle.h"

/* Files up to FILL_WINDOW bytes are small. A batch is what one process takes at a time; so many large files may be left to the second one. */
enum { FILL_WINDOW = 64 << 10, FILL_BATCH = 16, FILL_LARGE = 32 };

struct filling {
	const struct bundle *bundle;
	unsigned how;
	int root, folder;
	/* The path of the folder that is open. */
	const char *folder_path;
	size_t folder_length;
	uid_t uid;
	gid_t gid;
	/* A part of the bundle, of which small files are made. */
	char *window;
	uint64_t window_at;
	size_t window_length;
	/* Large files that have a name and no content yet, and how much is to be done. */
	struct {
		const struct bundle_entry *entry;
		int file;
	} large[FILL_LARGE];
	unsigned large_count;
	uint64_t large_size;
	uint32_t small_count;
};

/* Copy an entry's content into an empty file. 0 or -errno: -EBADMSG if it isn't what it was, -ENODATA if the bundle has become shorter. */
int copy_content(const struct bundle *bundle, const struct bundle_entry *entry, int file);

/* Make the files among the FILL_BATCH entries from `first` on, but for those in `large`; give those their contents. 0 or -errno. */
int filling_batch(struct filling *filling, uint32_t first);
int filling_large(struct filling *filling);

/* Make all files. Large ones may have no content yet when it returns: `filler` is the process that sees to it, or 0. 0 or -errno. */
int filling_contents(struct filling *filling, pid_t *filler);

#endif
