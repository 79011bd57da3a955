/* A bundle's limits: parsed, and as operations, in the order in which runtime/cgroup.py has them. */
#include <string.h>

#include "bundle_plan.h"
#include "kernel.h"
#include "util.h"

enum { DEFAULT_PIDS = 4096, NUMBER_SIZE = 48, MESSAGE_SIZE = 256, MEGABYTE = 1000000 };
enum { MEMORY, CPU, PIDS };

static const char *const names[CGROUP_V1_COUNT] = { "memory", "cpu", "pids" };

/* The index of a controller's cgroup among those that are made; v2 has but one. */
static uint64_t index_of(const struct cgroup_layout *layout, int controller)
{
	uint64_t index = 0;
	for (int i = 0; layout->version == 1 && i < controller; i++)
		index += layout->parents[i][0] != 0;
	return index;
}

static int has(const struct cgroup_layout *layout, int controller)
{
	return layout->version == 2 || (layout->version == 1 && layout->parents[controller][0]);
}

static int refuse_limit(const struct building *building, const char *option)
{
	if (building->layout->version)
		return bundle_complain("leave that limit out", option, ": this host hasn't got the controller", NULL);
	return bundle_complain("run as root, or under 'systemd-run --user --scope -p Delegate=yes'; or leave the limit out", option, " needs a cgroup: ", building->layout->why, NULL);
}

/* The files are in the container's own memory: less would end it before it has begun, and say nothing of why. */
int check_memory(const struct building *building)
{
	char text[MESSAGE_SIZE] = "";
	size_t at = 0;
	uint64_t files = building->bundle->head->files_size;
	if (!building->memory || building->memory > files || *building->kept.path)
		return 0;
	append_number(text, sizeof(text), &at, files / MEGABYTE);
	append(text, sizeof(text), &at, " MB of files, which it keeps in memory");
	return bundle_complain("give it more with --whit-memory", "a memory limit of ", building->wishes->memory, " is less than the bundle's ", text, NULL);
}

int read_limits(struct building *building)
{
	const struct wishes *wishes = building->wishes;
	if (wishes->memory && parse_size(wishes->memory, &building->memory))
		return bundle_complain("write a number and a unit, at least 256k: 512k, 64m, 1.5g", "'", wishes->memory, "' is no memory limit", NULL);
	if (wishes->cpus && parse_cpus(wishes->cpus, &building->cpu_quota))
		return bundle_complain("write a decimal number, at least 0.01: 0.5, 2", "'", wishes->cpus, "' is no number of CPUs", NULL);
	building->pids = DEFAULT_PIDS;
	if (wishes->pids_limit && parse_pids(wishes->pids_limit, &building->pids))
		return bundle_complain("write a number from 1 on, or 'max' for no limit", "'", wishes->pids_limit, "' is no limit of processes", NULL);
	cgroup_layout_find(building->layout);
	if (building->memory && !has(building->layout, MEMORY))
		return refuse_limit(building, "--whit-memory");
	if (building->cpu_quota && !has(building->layout, CPU))
		return refuse_limit(building, "--whit-cpus");
	if (!has(building->layout, PIDS)) {
		if (wishes->pids_limit && building->pids)
			return refuse_limit(building, "--whit-pids-limit");
		building->pids = 0;
	}
	return 0;
}

static void put_write(struct building *building, int controller, const char *file, const char *value, const char *why)
{
	struct op *write = put_op(building, OP_CGROUP_WRITE, why);
	write->arguments[CGROUP_WRITE_cgroup] = index_of(building->layout, controller);
	write->arguments[CGROUP_WRITE_file] = put_text(building, file);
	write->arguments[CGROUP_WRITE_value] = put_text(building, value);
}

static const char *number(char *text, uint64_t value, const char *behind)
{
	size_t at = 0;
	text[0] = 0;
	append_number(text, NUMBER_SIZE, &at, value);
	append(text, NUMBER_SIZE, &at, behind);
	return text;
}

static void put_watch(struct building *building, const char *file)
{
	char text[MESSAGE_SIZE] = "out of memory: the container reached its limit of ";
	size_t at = strlen(text);
	append(text, sizeof(text), &at, building->wishes->memory);
	append(text, sizeof(text), &at, " and the kernel killed a process in it\nhint: give it more with --whit-memory");
	struct op *watch = put_op(building, OP_CGROUP_WATCH_OOM, "tell whose limit killed it");
	watch->arguments[CGROUP_WATCH_OOM_cgroup] = index_of(building->layout, MEMORY);
	watch->arguments[CGROUP_WATCH_OOM_file] = put_text(building, file);
	watch->arguments[CGROUP_WATCH_OOM_message] = put_text(building, text);
}

static void put_v1(struct building *building)
{
	char text[NUMBER_SIZE];
	if (building->memory)
		put_write(building, MEMORY, "memory.limit_in_bytes", number(text, building->memory, ""), "limit memory");
	if (building->memory && building->layout->has_swap)
		put_write(building, MEMORY, "memory.memsw.limit_in_bytes", number(text, building->memory, ""), "no swap beyond the memory limit");
	if (building->cpu_quota) {
		put_write(building, CPU, "cpu.cfs_period_us", "100000", "the period that CPU time is counted in");
		put_write(building, CPU, "cpu.cfs_quota_us", number(text, building->cpu_quota, ""), "limit CPU time");
	}
	if (building->pids)
		put_write(building, PIDS, "pids.max", number(text, building->pids, ""), "limit processes and threads");
	if (building->memory)
		put_watch(building, "memory.oom_control");
}

static void put_v2(struct building *building)
{
	char text[NUMBER_SIZE];
	if (building->memory)
		put_write(building, MEMORY, "memory.max", number(text, building->memory, ""), "limit memory");
	if (building->memory && building->layout->has_swap)
		put_write(building, MEMORY, "memory.swap.max", "0", "no swap beyond the memory limit");
	if (building->cpu_quota)
		put_write(building, CPU, "cpu.max", number(text, building->cpu_quota, " 100000"), "limit CPU time");
	if (building->pids)
		put_write(building, PIDS, "pids.max", number(text, building->pids, ""), "limit processes and threads");
	if (building->memory)
		put_watch(building, "memory.events");
}

void put_cgroups(struct building *building)
{
	const struct cgroup_layout *layout = building->layout;
	for (int i = 0; i < CGROUP_V1_COUNT && layout->version; i++)
		if (layout->parents[i][0])
			put_op(building, OP_CGROUP_CREATE, "a cgroup of its own")->arguments[CGROUP_CREATE_parent] = put_text(building, layout->parents[i]);
	if (layout->version == 1)
		put_v1(building);
	else if (layout->version == 2)
		put_v2(building);
}

void put_cgroup_entries(struct building *building)
{
	uint64_t index = 0;
	for (int i = 0; i < CGROUP_V1_COUNT && building->layout->version == 1; i++)
		if (building->layout->parents[i][0])
			put_op(building, OP_CGROUP_ENTER, "join the cgroup by the quick way, its tasks file")->arguments[CGROUP_ENTER_cgroup] = index++;
}

static void put_file_system(struct building *building, const char *type, const char *target, const char *options, size_t length, uint64_t attributes)
{
	struct op *mount = put_op(building, OP_MOUNT_NEW, "lets the program read its own limits");
	mount->arguments[MOUNT_NEW_type] = put_text(building, type);
	mount->arguments[MOUNT_NEW_target] = put_text(building, target);
	mount->arguments[MOUNT_NEW_options] = put_bytes(building, options, length);
	mount->arguments[MOUNT_NEW_attributes] = attributes;
}

void put_cgroup_mounts(struct building *building)
{
	static const char place[] = "mode=755\0size=64k";
	const uint64_t hardened = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;
	const int is_limited[CGROUP_V1_COUNT] = { building->memory != 0, building->cpu_quota != 0, 0 };
	if (!is_limited[MEMORY] && !is_limited[CPU])
		return;
	if (building->layout->version == 2) {
		put_file_system(building, "cgroup2", "/sys/fs/cgroup", "", 0, ATTR_RDONLY | hardened);
		return;
	}
	put_file_system(building, "tmpfs", "/sys/fs/cgroup", place, sizeof(place), hardened);
	for (int i = 0; i < CGROUP_V1_COUNT; i++) {
		char path[NUMBER_SIZE] = "/sys/fs/cgroup/";
		size_t at = strlen(path);
		if (!is_limited[i] || append(path, sizeof(path), &at, names[i]))
			continue;
		struct op *make = put_op(building, OP_MAKE_DIRECTORY, "a place for its cgroup");
		make->arguments[MAKE_DIRECTORY_path] = put_text(building, path);
		make->arguments[MAKE_DIRECTORY_mode] = 0755;
		put_file_system(building, "cgroup", path, names[i], strlen(names[i]) + 1, ATTR_RDONLY | hardened);
	}
}
