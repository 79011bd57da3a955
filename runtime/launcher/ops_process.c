/* Operations on the container's first process that only OCI asks for, and on kernel parameters of its namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { PATH_SIZE = 512, NUMBER_SIZE = 24, IOPRIO_WHO_PROCESS = 1, WORD_BITS = 8, PROC_MAGIC = 0x9fa0, PROC_ROOT = 1 };

/* Where none may be mounted, the one that is mounted: a user namespace's root mounts none of a PID namespace that isn't its own. It must
   be the root of a proc file system; what is mounted in it isn't walked into. */
static int mounted_proc(void)
{
	struct stat status;
	struct statfs system;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (proc >= 0 && fstat(proc, &status) == 0 && fstatfs(proc, &system) == 0 && system.f_type == PROC_MAGIC && status.st_ino == PROC_ROOT)
		return proc;
	close_fd(&proc);
	return -EPERM;
}

/* A /proc of our own that is attached nowhere: nothing in the container, and no mount of it, can stand in for one of its
   files (CVE-2019-19921, CVE-2025-52881). */
static int private_proc(struct launch *launch)
{
	if (launch->proc >= 0)
		return launch->proc;
	CLEANUP_FD int context = (int)syscall(NR_FSOPEN, "proc", FS_CLOEXEC);
	if (context >= 0 && syscall(NR_FSCONFIG, context, FSCONFIG_CREATE, NULL, NULL, 0) == 0)
		launch->proc = (int)syscall(NR_FSMOUNT, context, FS_CLOEXEC, ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
	if (launch->proc >= 0)
		return launch->proc;
	if (errno != EPERM)
		return -errno;
	launch->proc = mounted_proc();
	return launch->proc;
}

static int write_proc(struct launch *launch, const char *path, const char *value)
{
	struct kernel_open_how how = {
		.flags = O_WRONLY | O_CLOEXEC | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	int proc = private_proc(launch);
	if (proc < 0)
		return proc;
	CLEANUP_FD int fd = (int)syscall(NR_OPENAT2, proc, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	/* One write: the kernel takes each as a whole value. */
	size_t length = strlen(value);
	ssize_t done = write(fd, value, length);
	if (done < 0)
		return -errno;
	return (size_t)done == length ? 0 : -EINVAL;
}

int op_sysctl(struct launch *launch, const struct op *op)
{
	char path[PATH_SIZE] = "";
	size_t at = 0;
	int error = append(path, sizeof(path), &at, "sys/");
	error = error ? error : append(path, sizeof(path), &at, op_text(&launch->plan, op, SYSCTL_file));
	return error ? error : write_proc(launch, path, op_text(&launch->plan, op, SYSCTL_value));
}

int op_proc_write(struct launch *launch, const struct op *op)
{
	/* What this process is called there: a proc that is mounted may be of another PID namespace. */
	char path[PATH_SIZE] = "";
	int proc = private_proc(launch);
	ssize_t length = proc < 0 ? proc : readlinkat(proc, "self", path, NUMBER_SIZE);
	if (length <= 0)
		return proc < 0 ? proc : -ENOENT;
	size_t at = (size_t)length;
	int error = append(path, sizeof(path), &at, "/");
	error = error ? error : append(path, sizeof(path), &at, op_text(&launch->plan, op, PROC_WRITE_file));
	return error ? error : write_proc(launch, path, op_text(&launch->plan, op, PROC_WRITE_value));
}

int op_set_personality(struct launch *launch, const struct op *op)
{
	(void)launch;
	return syscall(SYS_personality, op_number(op, SET_PERSONALITY_number)) < 0 ? -errno : 0;
}

int op_set_scheduler(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *attributes = op_bytes(&launch->plan, op, SET_SCHEDULER_attributes, &length);
	return syscall(SYS_sched_setattr, 0, attributes, 0) < 0 ? -errno : 0;
}

int op_set_io_priority(struct launch *launch, const struct op *op)
{
	(void)launch;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, op_number(op, SET_IO_PRIORITY_value)) < 0 ? -errno : 0;
}

int op_set_memory_policy(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *nodes = op_bytes(&launch->plan, op, SET_MEMORY_POLICY_nodes, &length);
	unsigned long bits = length * WORD_BITS;
	/* The kernel counts one bit less than it is told. */
	return syscall(SYS_set_mempolicy, op_number(op, SET_MEMORY_POLICY_mode), length ? nodes : NULL, length ? bits + 1 : 0) < 0 ? -errno : 0;
}

int op_set_affinity(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *mask = op_bytes(&launch->plan, op, SET_AFFINITY_mask, &length);
	return syscall(SYS_sched_setaffinity, 0, length, mask) < 0 ? -errno : 0;
}

int op_seccomp_with(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *program = op_bytes(&launch->plan, op, SECCOMP_WITH_program, &length);
	/* The filter may forbid what closing takes. */
	int error = close_before_program(launch);
	return error ? error : load_filter(program, length, (unsigned)op_number(op, SECCOMP_WITH_flags));
}
