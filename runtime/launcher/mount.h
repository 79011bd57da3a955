/* Mounting by file descriptor, never through a path that the container controls. Each function uses the mount interface of
   Linux 5.12 and, where a call is missing (ENOSYS), the older mount(2) on /proc/self/fd. */
#ifndef WHIT_MOUNT_H
#define WHIT_MOUNT_H

#include <stdint.h>

/* Open `path` as O_PATH inside `root`; absolute links and ".." stay inside. `resolve` adds openat2 RESOLVE_ flags.
   Returns a descriptor or -errno. Without openat2 any symbolic link on the way is -ELOOP. */
int open_in_root(int root, const char *path, uint64_t resolve);

/* Bind the host's `path` over itself with `attributes` (ATTR_*), and return a descriptor of the new mount's root. */
int mount_root(const char *path, uint64_t attributes);

/* Bind what `source` is open on to `target` inside `root`. */
int mount_bind(int source, int root, const char *target, uint64_t attributes, int recursive);

/* Mount a new file system of `type` on `target` inside `root`. `options` are "key=value" or "key", NULL-terminated.
   No symbolic link is followed on the way to `target`. */
int mount_new(const char *type, int root, const char *target, char *const *options, uint64_t attributes);

#endif
