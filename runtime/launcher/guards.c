#include "guards.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"
#include "util.h"

enum { DIRECTORY_SIZE = 4096, CGROUP_SIZE = 8192, LANDLOCK_VERSION = 1 };

static int same_command(const struct plan *plan, const struct op *op, char *const *arguments)
{
	size_t length;
	const char *text = op_bytes(plan, op, GUARD_COMMAND_arguments, &length);
	const char *end = text + length;
	for (; *arguments; arguments++) {
		if (text == end || strcmp(text, *arguments) != 0)
			return 0;
		text += strlen(text) + 1;
	}
	return text == end;
}

static uint64_t nanoseconds(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int same_file(const struct plan *plan, const struct op *op)
{
	struct stat status;
	if (stat(op_text(plan, op, GUARD_FILE_path), &status) < 0)
		return 0;
	return status.st_dev == op_number(op, GUARD_FILE_device) && status.st_ino == op_number(op, GUARD_FILE_inode) &&
	       (uint64_t)status.st_size == op_number(op, GUARD_FILE_size) &&
	       nanoseconds(status.st_mtim) == op_number(op, GUARD_FILE_mtime_ns) &&
	       nanoseconds(status.st_ctim) == op_number(op, GUARD_FILE_ctime_ns);
}

static int absent(const struct plan *plan, const struct op *op)
{
	struct stat status;
	/* As Python's is_path() tells files from images: a folder of that name changes nothing. */
	return stat(op_text(plan, op, GUARD_ABSENT_path), &status) < 0 || !S_ISREG(status.st_mode);
}

static int same_directory(const struct plan *plan, const struct op *op)
{
	char path[DIRECTORY_SIZE];
	return getcwd(path, sizeof(path)) && strcmp(path, op_text(plan, op, GUARD_DIRECTORY_path)) == 0;
}

static int same_variable(const struct plan *plan, const struct op *op)
{
	const char *value = getenv(op_text(plan, op, GUARD_ENVIRONMENT_name));
	if (!op_number(op, GUARD_ENVIRONMENT_present))
		return value == NULL;
	return value && strcmp(value, op_text(plan, op, GUARD_ENVIRONMENT_value)) == 0;
}

static int same_kernel(const struct plan *plan, const struct op *op)
{
	struct utsname name;
	return uname(&name) == 0 && strcmp(name.release, op_text(plan, op, GUARD_KERNEL_release)) == 0 &&
	       strcmp(name.version, op_text(plan, op, GUARD_KERNEL_version)) == 0;
}

/* The caller's own cgroup in the v2 hierarchy: /proc/self/cgroup has a line "0::/PATH" (cgroups(7)). */
static int same_cgroup(const struct plan *plan, const struct op *op)
{
	char text[CGROUP_SIZE];
	if (read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return 0;
	const char *own = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	const char *expected = op_text(plan, op, GUARD_CGROUP_own);
	if (!own)
		return *expected == 0;
	own = strchr(own, '/') + 1;
	size_t size = strcspn(own, "\n");
	return own[size] == '\n' && strlen(expected) == size && memcmp(own, expected, size) == 0;
}

static int leads_to(const char *path, const struct stat *found)
{
	struct stat named;
	return stat(path, &named) == 0 && named.st_dev == found->st_dev && named.st_ino == found->st_ino;
}

/* A copied store holds plans whose paths lead to the first one. */
static int same_store(const struct plan *plan, const struct op *op, int plans)
{
	struct stat found;
	return fstat(plans, &found) == 0 && leads_to(op_text(plan, op, GUARD_STORE_plans), &found);
}

static int same_launcher(const struct plan *plan, const struct op *op, const char *self)
{
	struct stat found;
	return stat(self, &found) == 0 && leads_to(op_text(plan, op, GUARD_LAUNCHER_path), &found);
}

/* The kernel's command line may switch it off. */
static int same_landlock(const struct op *op)
{
	long version = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
	return (version < 0 ? 0 : (uint64_t)version) == op_number(op, GUARD_LANDLOCK_version);
}

int guards_hold(const struct plan *plan, char *const *arguments, int plans, const char *self)
{
	int for_this_command = 0, of_this_store = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct op *op = &plan->ops[i];
		int holds = 1;
		if (op->code == OP_GUARD_COMMAND)
			holds = for_this_command = same_command(plan, op, arguments);
		else if (op->code == OP_GUARD_STORE)
			holds = of_this_store = same_store(plan, op, plans);
		else if (op->code == OP_GUARD_LAUNCHER)
			holds = same_launcher(plan, op, self);
		else if (op->code == OP_GUARD_FILE)
			holds = same_file(plan, op);
		else if (op->code == OP_GUARD_ABSENT)
			holds = absent(plan, op);
		else if (op->code == OP_GUARD_DIRECTORY)
			holds = same_directory(plan, op);
		else if (op->code == OP_GUARD_ENVIRONMENT)
			holds = same_variable(plan, op);
		else if (op->code == OP_GUARD_CGROUP)
			holds = same_cgroup(plan, op);
		else if (op->code == OP_GUARD_LANDLOCK)
			holds = same_landlock(op);
		else if (op->code == OP_GUARD_KERNEL)
			holds = same_kernel(plan, op);
		if (!holds)
			return 0;
	}
	/* A plan without a command or a store belongs to none. */
	return for_this_command && of_this_store;
}

int files_hold(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->ops[i].code == OP_GUARD_FILE && !same_file(plan, &plan->ops[i]))
			return 0;
	return 1;
}
