/* Control groups whose place the caller gives: made on the way down, and kept for `delete` to remove. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { NAME_SIZE = 256, VALUE_SIZE = 4096, CPUSET_INHERITS = 1, MUST_EXIST = 2, HANDS_DOWN = 4 };
enum { BPF_PROG_ATTACH_COMMAND = 8, BPF_PROG_LOAD_COMMAND = 5, BPF_TYPE_CGROUP_DEVICE = 15, BPF_ATTACH_CGROUP_DEVICE = 6, BPF_MULTI = 2, BPF_INSTRUCTION = 8 };

/* v1: a new cpuset is empty, and nothing can enter it; the one above lends its own. */
static int inherit_cpuset(int above, int directory, const char *name)
{
	char value[VALUE_SIZE];
	ssize_t length = read_file(directory, name, value, sizeof(value));
	if (length < 0)
		return (int)length;
	if (length > 0 && value[0] != '\n')
		return 0;
	length = read_file(above, name, value, sizeof(value));
	return length < 0 ? (int)length : write_file(directory, name, value);
}

/* v2: controllers reach a cgroup only if the one above hands them down; those that it hasn't got are passed over. */
static void hand_down(int directory)
{
	char available[VALUE_SIZE], word[NAME_SIZE];
	if (read_file(directory, "cgroup.controllers", available, sizeof(available)) < 0)
		return;
	for (const char *at = available; *at;) {
		size_t length = strcspn(at, " \n");
		if (length > 0 && length < sizeof(word) - 1) {
			word[0] = '+';
			memcpy(word + 1, at, length);
			word[length + 1] = 0;
			write_file(directory, "cgroup.subtree_control", word);
		}
		at += length;
		at += strspn(at, " \n");
	}
}

static int step_down(int above, const char *name, uint64_t how)
{
	if (how & HANDS_DOWN)
		hand_down(above);
	if (!(how & MUST_EXIST) && mkdirat(above, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	CLEANUP_FD int next = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return -errno;
	int error = how & CPUSET_INHERITS ? inherit_cpuset(above, next, "cpuset.cpus") : 0;
	error = error || !(how & CPUSET_INHERITS) ? error : inherit_cpuset(above, next, "cpuset.mems");
	return error ? error : steal_fd(&next);
}

int op_cgroup_open(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, CGROUP_OPEN_path);
	uint64_t how = op_number(op, CGROUP_OPEN_how);
	if (launch->cgroup_count == MAX_CGROUPS)
		return -E2BIG;
	CLEANUP_FD int at = open(op_text(&launch->plan, op, CGROUP_OPEN_base), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		char name[NAME_SIZE];
		size_t length = strcspn(path, "/");
		int error = copy_part(name, sizeof(name), path, length);
		int next = error ? error : step_down(at, name, how);
		if (next < 0)
			return next;
		close(at);
		at = next;
		path += length;
	}
	launch->cgroups[launch->cgroup_count++] = (struct cgroup){ .parent = NO_FD, .directory = steal_fd(&at) };
	return 0;
}

/* bpf(2)'s arguments as far as these two commands read them. */
struct load_arguments {
	uint32_t type, count;
	uint64_t instructions, license;
	uint32_t log_level, log_size;
	uint64_t log;
	uint32_t kernel_version, flags;
};
struct attach_arguments {
	uint32_t target, program, type, flags;
};

/* v2 has no list of devices: a program decides. It goes with the cgroup. */
int op_device_filter(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *program = op_bytes(&launch->plan, op, DEVICE_FILTER_program, &length);
	uint64_t index = op_number(op, DEVICE_FILTER_cgroup);
	if (index >= launch->cgroup_count || length % BPF_INSTRUCTION)
		return -EINVAL;
	struct load_arguments load = {
		.type = BPF_TYPE_CGROUP_DEVICE,
		.count = (uint32_t)(length / BPF_INSTRUCTION),
		.instructions = (uint64_t)(uintptr_t)program,
		.license = (uint64_t)(uintptr_t)"GPL",
	};
	CLEANUP_FD int loaded = (int)syscall(SYS_bpf, BPF_PROG_LOAD_COMMAND, &load, sizeof(load));
	if (loaded < 0)
		return -errno;
	struct attach_arguments attach = {
		.target = (uint32_t)launch->cgroups[index].directory,
		.program = (uint32_t)loaded,
		.type = BPF_ATTACH_CGROUP_DEVICE,
		.flags = BPF_MULTI,
	};
	return syscall(SYS_bpf, BPF_PROG_ATTACH_COMMAND, &attach, sizeof(attach)) < 0 ? -errno : 0;
}
