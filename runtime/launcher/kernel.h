/* The kernel's interface as the launcher uses it, independent of which libc's headers are at hand (musl's lack linux/). */
#ifndef WHIT_KERNEL_H
#define WHIT_KERNEL_H

#include <stdint.h>
#include <sys/types.h>

/* System call numbers from 424 on are the same on every architecture. */
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define NR_PIDFD_OPEN 434
#define NR_CLONE3 435
#define NR_CLOSE_RANGE 436
#define CLOSE_RANGE_CLOEXEC_FLAG 4u
#define NR_OPENAT2 437
#define NR_LANDLOCK_CREATE_RULESET 444
#define NR_LANDLOCK_ADD_RULE 445
#define NR_LANDLOCK_RESTRICT_SELF 446
#define NR_MOUNT_SETATTR 442

#define NS_TIME 0x00000080u
#define NS_MOUNT 0x00020000u
#define NS_CGROUP 0x02000000u
#define CLONE_INTO_CGROUP_FLAG 0x200000000ull

struct kernel_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct kernel_open_how {
	uint64_t flags, mode, resolve;
};
#define RESOLVE_NO_XDEV 0x01u
#define RESOLVE_NO_MAGICLINKS 0x02u
#define RESOLVE_NO_SYMLINKS 0x04u
#define RESOLVE_BENEATH 0x08u
#define RESOLVE_IN_ROOT 0x10u

struct kernel_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
#define ATTR_RDONLY 0x01u
#define ATTR_NOSUID 0x02u
#define ATTR_NODEV 0x04u
#define ATTR_NOEXEC 0x08u
#define ATTR_NOATIME 0x10u
#define ATTR_STRICTATIME 0x20u
#define ATTR_ATIME 0x70u
#define ATTR_NODIRATIME 0x80u
#define ATTR_IDMAP 0x00100000u
#define ATTR_NOSYMFOLLOW 0x00200000u

#define TREE_CLONE 1u
#define TREE_CLOEXEC 02000000u
#define AT_TREE_RECURSIVE 0x8000u
#define MOVE_FROM_EMPTY_PATH 0x04u
#define MOVE_TO_EMPTY_PATH 0x40u
#define FS_CLOEXEC 1u
#define FSCONFIG_FLAG 0u
#define FSCONFIG_STRING 1u
#define FSCONFIG_CREATE 6u

struct kernel_cap_header {
	uint32_t version;
	int pid;
};
struct kernel_cap_data {
	uint32_t effective, permitted, inheritable;
};
#define CAPABILITY_VERSION_3 0x20080522u

/* An entry of getdents64. */
struct listed {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

struct kernel_sock_fprog {
	unsigned short length;
	const void *filter;
};

#endif
