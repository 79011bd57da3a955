/* A bundle: this launcher with launch plans and an image's files behind it, in one executable (docs/bundle.md).

   The launcher's own file has a mark, all zero but for its ends. `whit bundle` copies the file, appends the rest and fills in the mark, so a launcher
   knows that it is a bundle's without opening anything. What is appended: the files' contents, one behind the other; the page and
   the document that --whit-inspect shows; the head, which says where all of that is; and a signature, if there is one. */
#ifndef WHIT_BUNDLE_H
#define WHIT_BUNDLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { BUNDLE_VERSION = 2, BUNDLE_PLANS = 4, BUNDLE_PAGE = 4096, MAX_HEAD_SIZE = 256 << 20, MAX_ENTRIES = 1000000 };

/* Which of the plans is for whom: root's or a user's, with a network of its own or with the host's. */
enum { PLAN_USER = 1, PLAN_HOST_NETWORK = 2 };

/* A launcher that is no bundle's has this in the place of the descriptor. */
#define NO_BUNDLE UINT64_MAX

/* `sum` is of what stands before it. A sealed copy of the launcher has the bundle open as the descriptor before `descriptor`. */
struct bundle_mark {
	char magic[16];
	uint64_t mark_at, launcher_size, size, head_at, head_size, head_sum, launcher_sum;
	uint64_t sum;
	uint64_t descriptor;
};

/* Places of 32 bits are within the head, those of 64 bits within the file. */
struct bundle_head {
	char magic[8];
	uint32_t version, table;
	uint32_t entry_count, entries_at;
	uint32_t plans_at[BUNDLE_PLANS], plans_size[BUNDLE_PLANS];
	uint32_t defaults_at, defaults_size;
	uint32_t entrypoint_words, pool_at;
	uint64_t files_size;
	uint64_t page_at, page_size, page_sum;
	uint64_t document_at, document_size, document_sum;
	uint64_t signature_at, signature_size;
};

/* One file of the image's: `path` has no slash at its beginning. A link has its target; a regular file that has one is a hard link.
   `same` is 0, or that of a file before it that is equal in all but its name, counted from 1: where nothing can be written, both may be one. */
struct bundle_entry {
	uint32_t path, target, mode, uid, gid, same;
	int64_t mtime;
	uint64_t at, size, sum;
};

struct bundle {
	int fd;
	struct bundle_mark mark;
	const char *data;
	size_t size;
	const struct bundle_head *head;
	const struct bundle_entry *entries;
};

/* The sum of bytes behind whole pages that gave `sum`, as runtime/bundle/sums.py defines it; what is less than a page is taken for
   one with zeros at its end. */
uint64_t bundle_sum(uint64_t sum, const void *bytes, size_t length);

/* 1 in a bundle, 0 in the launcher itself, -EBADMSG if the mark is damaged. */
int bundle_is_marked(struct bundle_mark *mark);

/* Check a head, in 8-byte aligned memory, for a file of that size: all that it says is within one or the other. 0 or -EBADMSG. */
int bundle_check(struct bundle *bundle, const char *data, size_t size, uint64_t file_size);

/* Open the bundle that this program is, look at its size and its head. 0 or -errno: -ENODATA if its end is missing, -EFBIG if
   there is more than should be, -EBADMSG if it is damaged. */
int bundle_open(struct bundle *bundle, const struct bundle_mark *mark);

/* Read what it says at a place into memory, `length` bytes. 0, -errno, or -ENODATA if there are less. */
int bundle_read(int fd, void *memory, size_t length, uint64_t at);

/* Sum up a part of the file, or the launcher without its mark. 0 or -errno. */
int bundle_sum_part(const struct bundle *bundle, uint64_t at, uint64_t size, uint64_t *sum);
int bundle_sum_launcher(const struct bundle *bundle, uint64_t *sum);

/* A text of a head that was checked. */
const char *bundle_text(const struct bundle *bundle, uint32_t at);

/* Be a bundle. */
int bundle_main(int argc, char **argv, const struct bundle_mark *mark);

/* What a person asks of a bundle, as texts: from its maker, from WHIT_* variables, from --whit-* words; the last one has its way. */
enum { MAX_VOLUMES = 64, MAX_VARIABLES = 256 };
struct wishes {
	const char *memory, *cpus, *pids_limit, *network, *workdir, *writable, *unpack;
	/* What its maker wishes for; the same pointer as `unpack` where nobody has asked for anything else. */
	const char *makers_unpack;
	const char *volumes[MAX_VOLUMES], *variables[MAX_VARIABLES];
	unsigned volume_count, variable_count;
	int inspect, verify, json, help;
	/* The words that are the program's. */
	char **arguments;
};

/* Read them. Returns 0, or the exit code after it has been said what is wrong. */
int bundle_wishes(const struct bundle *bundle, char **argv, struct wishes *wishes);

/* "1.5g" as bytes, "0.5" CPUs as microseconds of 100 ms, a number of processes (0 for "max"). 0 or -EINVAL. */
int parse_size(const char *text, uint64_t *bytes);
int parse_cpus(const char *text, uint64_t *quota);
int parse_pids(const char *text, uint64_t *count);

/* SOURCE:TARGET[:ro]. */
struct volume {
	char source[4096], target[4096];
	int is_read_only;
};
int parse_volume(const char *text, struct volume *volume);

struct launch;

/* Make the plan that the wishes and this host ask for of the bundle's own. Returns 0, or the exit code after it has been said what
   can't be. */
int bundle_plan(const struct bundle *bundle, const struct wishes *wishes, struct launch *launch);

/* Where containers' cgroups are made on this host: as runtime/host.py finds it. */
enum { CGROUP_V1_COUNT = 3 };
struct cgroup_layout {
	int version; /* 0: none, for the reason in `why` */
	int has_swap;
	char parents[CGROUP_V1_COUNT][4096]; /* v1: of memory, cpu and pids, empty if there is none; v2: the first */
	char why[4352];
};
void cgroup_layout_find(struct cgroup_layout *layout);

/* How files are made: with their owners; equal ones as one; by a second process, too, where that is quicker. */
enum { FILL_OWNERS = 1, FILL_SHARED = 2, FILL_TOGETHER = 4 };

/* Put the files into an empty folder. With FILL_TOGETHER large ones may have no content yet when it returns; `filler` is the process that
   sees to it, or 0, and bundle_filled() waits for it. 0 or -errno: -EBADMSG if one is damaged, -ENODATA if the bundle has become shorter. */
int bundle_fill(const struct bundle *bundle, int root, unsigned how, pid_t *filler);
int bundle_filled(pid_t filler);

/* Where the files are unpacked: `path` of the root, empty if nowhere; and the folder that it is in, open. */
struct kept {
	char path[4096];
	int folder;
};

/* Have the files unpacked below a folder of the caller's own, now if they aren't there yet; nowhere if that can't be
   and isn't a must. Returns 0, or the exit code after it has been said what can't be. */
int bundle_keep(const struct bundle *bundle, const char *asked, int is_must, struct kept *kept);

/* Whether what is asked for is one of the caller's own folders, `cache` or `runtime`. */
int bundle_is_own_place(const char *asked);

/* The path of the folder that is asked for; the caller's own ones are made. 0 or -errno, or that others could write to it, that nothing is
   executed from there, or that other machines may use it. */
enum { NOT_PRIVATE = -4096, NOT_EXECUTED = -4097, NOT_LOCAL = -4098 };
int bundle_place(const char *asked, char *path, size_t size);

/* Whether a folder is the caller's, and nobody else may write to it. */
int is_private(int folder);

struct statfs;

/* Whether other machines may have a file system, too: what runs from there holds locks that aren't seen here. */
int is_shared(const struct statfs *system);

/* Remove a folder below another one, with all that is in it; no link is followed. 0 or -errno. */
int bundle_remove(int parent, const char *name);

/* Say why the launch failed. Returns the exit code. */
int bundle_explain(const struct launch *launch);

/* --whit-inspect, --whit-verify, --whit-help: the exit code. */
int bundle_inspect(const struct bundle *bundle, int as_json);
int bundle_verify(const struct bundle *bundle);
int bundle_help(void);

/* Say that the bundle is damaged, where `what` is, as the error tells. Returns the exit code. */
int bundle_damaged(int error, const char *what);

/* Whether this process may make namespaces without a user namespace. */
int is_privileged(void);

/* "whit: MESSAGE" of several texts, the last one NULL, and a hint or NULL. Returns the exit code of whit's own failures, 125. */
int bundle_complain(const char *hint, ...) __attribute__((sentinel));

#endif
