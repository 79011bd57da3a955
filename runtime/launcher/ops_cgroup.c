/* Control groups: created and limited by the parent, joined by the child, removed by the parent. v1 and v2 differ only in
   how a process joins (runtime/cgroup.py decides), and in the names of the files that the plan writes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { STATUS_SIZE = 1024, REMOVE_TRIES = 200, REMOVE_PAUSE_NS = 1000000 };

/* 0 if it can't be told. */
static uint64_t pid_namespace(void)
{
	struct stat status;
	return stat("/proc/self/ns/pid", &status) < 0 ? 0 : (uint64_t)status.st_ino;
}

/* "PID-NAMESPACE-TIME": whoever finds it can tell whether its supervisor lives, and no two containers share it. */
static int name_cgroups(struct launch *launch)
{
	struct timespec now;
	size_t at = 0;
	if (launch->cgroup_name[0])
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &now);
	int error = append_number(launch->cgroup_name, CGROUP_NAME_SIZE, &at, (uint64_t)getpid());
	error = error ? error : append(launch->cgroup_name, CGROUP_NAME_SIZE, &at, "-");
	error = error ? error : append_number(launch->cgroup_name, CGROUP_NAME_SIZE, &at, pid_namespace());
	error = error ? error : append(launch->cgroup_name, CGROUP_NAME_SIZE, &at, "-");
	uint64_t microseconds = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
	return error ? error : append_number(launch->cgroup_name, CGROUP_NAME_SIZE, &at, microseconds);
}

/* The number before the next dash, which `name` is moved past. 0 or -EINVAL. */
static int take_number(const char **name, uint64_t *number)
{
	char text[CGROUP_NAME_SIZE];
	size_t length = strcspn(*name, "-");
	if ((*name)[length] != '-' || length >= sizeof(text))
		return -EINVAL;
	memcpy(text, *name, length);
	text[length] = 0;
	*name += length + 1;
	return parse_number(text, number);
}

/* In another PID namespace the number may be that of a process that lives: such a cgroup is left alone. */
static int is_stale(const char *name, uint64_t namespace)
{
	uint64_t pid, of;
	if (take_number(&name, &pid) || take_number(&name, &of) || of == 0 || of != namespace)
		return 0;
	return pid > 1 && pid <= INT32_MAX && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* A container's cgroup in every hierarchy, the first one last: as long as that is there, the others are found again. */
static void remove_stale(const struct launch *launch, const char *name)
{
	for (unsigned i = launch->cgroup_count; i-- > 0;)
		if (unlinkat(launch->cgroups[i].parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return;
}

void cgroups_sweep(const struct launch *launch)
{
	struct listing listing;
	const struct listed *entry;
	if (launch->cgroup_count == 0)
		return;
	uint64_t namespace = pid_namespace();
	CLEANUP_FD int directory = openat(launch->cgroups[0].parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return;
	list_from(&listing, directory);
	while ((entry = list_next(&listing)))
		if (is_stale(entry->name, namespace))
			remove_stale(launch, entry->name);
}

int op_cgroup_create(struct launch *launch, const struct op *op)
{
	if (launch->cgroup_count == MAX_CGROUPS)
		return -E2BIG;
	CLEANUP_FD int parent = open(op_text(&launch->plan, op, CGROUP_CREATE_parent), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	int error = name_cgroups(launch);
	if (error)
		return error;
	if (mkdirat(parent, launch->cgroup_name, 0755) < 0)
		return -errno;
	struct cgroup *cgroup = &launch->cgroups[launch->cgroup_count++];
	*cgroup = (struct cgroup){ .parent = steal_fd(&parent), .directory = NO_FD };
	cgroup->directory = openat(cgroup->parent, launch->cgroup_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cgroup->directory < 0 ? -errno : 0;
}

static int cgroup_directory(const struct launch *launch, uint64_t index)
{
	return index < launch->cgroup_count ? launch->cgroups[index].directory : -EINVAL;
}

int op_cgroup_write(struct launch *launch, const struct op *op)
{
	int directory = cgroup_directory(launch, op_number(op, CGROUP_WRITE_cgroup));
	if (directory < 0)
		return directory;
	return write_file(directory, op_text(&launch->plan, op, CGROUP_WRITE_file), op_text(&launch->plan, op, CGROUP_WRITE_value));
}

/* Nothing to do until the end: cgroups_report() finds these operations again. */
int op_cgroup_watch_oom(struct launch *launch, const struct op *op)
{
	int directory = cgroup_directory(launch, op_number(op, CGROUP_WATCH_OOM_cgroup));
	return directory < 0 ? directory : 0;
}

/* v1: a single-threaded process that moves itself by `tasks` is spared the wait that cgroup.procs costs. */
int op_cgroup_enter(struct launch *launch, const struct op *op)
{
	int directory = cgroup_directory(launch, op_number(op, CGROUP_ENTER_cgroup));
	return directory < 0 ? directory : write_file(directory, "tasks", "0");
}

static int counts_kills(int directory, const char *file)
{
	char text[STATUS_SIZE];
	if (read_file(directory, file, text, sizeof(text)) <= 0)
		return 0;
	const char *found = strstr(text, "oom_kill ");
	return found && found[strlen("oom_kill ")] != '0';
}

void cgroups_report(const struct launch *launch)
{
	for (uint32_t i = 0; i < launch->plan.count; i++) {
		const struct op *op = &launch->plan.ops[i];
		if (op->code != OP_CGROUP_WATCH_OOM)
			continue;
		int directory = cgroup_directory(launch, op_number(op, CGROUP_WATCH_OOM_cgroup));
		if (directory >= 0 && counts_kills(directory, op_text(&launch->plan, op, CGROUP_WATCH_OOM_file)))
			complain(op_text(&launch->plan, op, CGROUP_WATCH_OOM_message), NULL);
	}
}

static void remove_cgroup(const struct cgroup *cgroup, const char *name)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_NS };
	/* The kernel may still be taking the last process out. */
	for (int i = 0; i < REMOVE_TRIES && unlinkat(cgroup->parent, name, AT_REMOVEDIR) < 0 && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
	close_fd(&cgroup->directory);
	close_fd(&cgroup->parent);
}

void cgroups_remove(struct launch *launch)
{
	while (launch->cgroup_count > 0)
		remove_cgroup(&launch->cgroups[--launch->cgroup_count], launch->cgroup_name);
}
