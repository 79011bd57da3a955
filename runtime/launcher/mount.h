/* Mounting by file descriptor, never through a path that the container controls. Each function uses the mount interface of
   Linux 5.12 and, where a call is missing (ENOSYS), the older mount(2) on /proc/self/fd of the host's /proc. */
#ifndef WHIT_MOUNT_H
#define WHIT_MOUNT_H

#include <stdint.h>

/* Open `path` as O_PATH inside `root`; absolute links and ".." stay inside. `resolve` adds openat2 RESOLVE_ flags.
   Returns a descriptor or -errno. Without openat2 any symbolic link on the way is -ELOOP. */
int open_in_root(int root, const char *path, uint64_t resolve);

/* Bind the host's `path` over itself with `attributes` (ATTR_*), and return a descriptor of the new mount's root. */
int mount_root(const char *path, uint64_t attributes);

/* A place to mount on: `path` inside `root`, and what it is now, as open_in_root() gives it. */
struct place {
	int root;
	const char *path;
	int at;
};

/* Bind what `source` is open on to a place. The source may be the place itself. */
int mount_bind(int source, const struct place *place, uint64_t attributes, int recursive);

/* Mount a new file system of `type` on a place. `options` are "key=value" or "key", NULL-terminated. */
int mount_new(const char *type, const struct place *place, const char *const *options, uint64_t attributes);

/* Change the attributes or the propagation of an attached mount, that `mounted` is the root of, and of those below it if it is
   recursive. Without mount_setattr each is changed by itself (mount_below.h); users can't be mapped then: -ENOSYS. */
struct kernel_mount_attr;
int mount_set(int mounted, const struct kernel_mount_attr *attr, int recursive);

/* What follows needs Linux 5.2, and tree_set Linux 5.12: -ENOSYS where the call is missing. Trees are mounts in hand, attached
   nowhere. */

/* A copy of the mount at `path`, or at `at` itself with an empty path; with those below it if it is recursive. */
int tree_clone(int at, const char *path, int recursive);
int tree_set(int tree, const struct kernel_mount_attr *attr, int recursive);
int tree_move(int tree, int target);

/* A new file system: a context of its type (without a source if that is empty), its options ("key=value" or "key"), its tree. */
int context_open(const char *type, const char *source);
int context_set(int context, const char *option);
int context_mount(int context, uint64_t attributes);

#endif
