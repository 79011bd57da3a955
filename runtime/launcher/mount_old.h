/* Mounting on kernels before Linux 5.12: mount(2) on /proc/self/fd. mount.c comes here when a newer call is missing. */
#ifndef WHIT_MOUNT_OLD_H
#define WHIT_MOUNT_OLD_H

#include <stdint.h>

#include "mount.h"

/* As open_in_root(), for kernels before 5.6: it refuses what openat2 would resolve inside the root, links and "..". */
int old_open_in_root(int root, const char *path);

/* As mount_set(). */
int old_mount_set(int mounted, const struct kernel_mount_attr *attr, int recursive);

/* As mount_root(), mount_bind() and mount_new(). */
int old_mount_root(const char *path, uint64_t attributes);
int old_mount_bind(int source, const struct place *place, uint64_t attributes, int recursive);
int old_mount_new(const char *type, const struct place *place, const char *const *options, uint64_t attributes);

#endif
