/* Before mount_setattr (Linux 5.12) a mount's attributes could only be set one by one: which mounts are below one. */
#ifndef WHIT_MOUNT_BELOW_H
#define WHIT_MOUNT_BELOW_H

/* Call `visit` with a descriptor of each mount below the one that `outer` is the root of, but for those that another one covers
   wholly or that can't be reached. `argument` is handed on. 0, the first error of a visit, -EBUSY if one isn't found where the kernel
   says that it is, -ELOOP if a link leads there, -E2BIG if there are too many, or another -errno. */
int each_mount_below(int outer, int (*visit)(int mounted, const void *argument), const void *argument);

#endif
