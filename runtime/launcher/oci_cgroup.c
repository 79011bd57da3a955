/* The container's cgroups after create: signals to all that is in them, and their removal. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "oci.h"
#include "python.h"
#include "util.h"

enum { PROCS_SIZE = 4096, FIRST_MEMBERS = 64, DIRECTORY_ENTRY = 4, MAX_DEPTH = 64, REMOVE_TRIES = 500, REMOVE_PAUSE_NS = 2000000 };

/* Call `visit` with every cgroup below `directory`, the innermost first, and with itself. */
static int walk(int directory, int depth, int (*visit)(int directory, void *argument), void *argument)
{
	struct listing listing;
	const struct listed *entry;
	if (depth == MAX_DEPTH)
		return -ELOOP;
	list_from(&listing, directory);
	while ((entry = list_next(&listing))) {
		if (entry->type != DIRECTORY_ENTRY)
			continue;
		CLEANUP_FD int inner = openat(directory, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int error = inner < 0 ? 0 : walk(inner, depth + 1, visit, argument);
		if (error)
			return error;
	}
	return visit(directory, argument);
}

/* Processes that are to be signalled, each once. */
struct members {
	pid_t *pids;
	size_t count, size;
};

static int add_member(struct members *members, pid_t pid)
{
	for (size_t i = 0; i < members->count; i++)
		if (members->pids[i] == pid)
			return 0;
	if (members->count == members->size) {
		size_t size = members->size ? members->size * 2 : FIRST_MEMBERS;
		pid_t *grown = realloc(members->pids, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		members->pids = grown;
		members->size = size;
	}
	members->pids[members->count++] = pid;
	return 0;
}

/* The processes of one cgroup. 0: one of another PID namespace, which can't be named. */
static int collect(int directory, void *argument)
{
	char text[PROCS_SIZE];
	uint64_t pid = 0;
	ssize_t length;
	int error = 0;
	CLEANUP_FD int file = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	while (!error && file >= 0 && (length = read(file, text, sizeof(text))) > 0)
		for (ssize_t i = 0; !error && i < length; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (uint64_t)(text[i] - '0');
				continue;
			}
			if (pid > 1 && pid <= INT32_MAX)
				error = add_member(argument, (pid_t)pid);
			pid = 0;
		}
	return error;
}

static void signal_members(struct members *members, int number)
{
	for (size_t i = 0; i < members->count; i++)
		kill(members->pids[i], number);
	free(members->pids);
}

static int open_cgroup(const char *folder)
{
	int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -errno : directory;
}

/* Call `visit` for each of the container's cgroups. `argument` is handed on. Returns the first error. */
static int each_cgroup(int directory, int (*visit)(const char *folder, void *argument), void *argument)
{
	char text[OCI_PATH_SIZE * 4], *rest = text, *line;
	int error = 0;
	if (read_file(directory, "cgroups", text, sizeof(text)) <= 0)
		return 0;
	while ((line = next_line(&rest))) {
		const char *folder = strchr(line, ':');
		int failed = folder ? visit(folder + 1, argument) : 0;
		error = error ? error : failed;
	}
	return error;
}

static int collect_folder(const char *folder, void *argument)
{
	CLEANUP_FD int directory = open_cgroup(folder);
	return directory < 0 ? directory : walk(directory, 0, collect, argument);
}

/* v2, since Linux 5.14: all at once, and nothing is born in between (cgroup-v2.rst). */
static int kill_folder(const char *folder, void *argument)
{
	CLEANUP_FD int directory = open_cgroup(folder);
	(void)argument;
	return directory < 0 ? directory : write_file(directory, "cgroup.kill", "1");
}

int oci_signal_all(int directory, int number)
{
	struct members members = { 0 };
	if (number == SIGKILL && each_cgroup(directory, kill_folder, NULL) == 0)
		return 0;
	/* Frozen, no process bears another one that would be missed. Who has paused the container resumes it. */
	int paused = oci_freeze(directory, 1);
	int error = each_cgroup(directory, collect_folder, &members);
	signal_members(&members, number);
	if (paused == 0)
		oci_freeze(directory, 0);
	return error;
}

static int kill_inside(int directory, void *argument)
{
	struct members members = { 0 };
	(void)argument;
	int error = collect(directory, &members);
	signal_members(&members, SIGKILL);
	return error;
}

static int remove_inner(int directory, void *argument)
{
	struct listing listing;
	const struct listed *entry;
	(void)argument;
	list_from(&listing, directory);
	while ((entry = list_next(&listing)))
		if (entry->type == DIRECTORY_ENTRY)
			unlinkat(directory, entry->name, AT_REMOVEDIR);
	return 0;
}

static int remove_folder(const char *folder, void *argument)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_NS };
	(void)argument;
	for (int i = 0; i < REMOVE_TRIES; i++) {
		if (rmdir(folder) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		/* A cgroup below it, a process that is left, or one that the kernel is still taking out. */
		CLEANUP_FD int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (directory >= 0) {
			if (write_file(directory, "cgroup.kill", "1"))
				walk(directory, 0, kill_inside, NULL);
			walk(directory, 0, remove_inner, NULL);
		}
		if (i > 0)
			nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int oci_remove_cgroups(int directory)
{
	return each_cgroup(directory, remove_folder, NULL);
}

void oci_leave_scope(int directory, const char *self, const char *folder)
{
	if (faccessat(directory, "scope", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	const char *const words[] = { "whit-oci", "_unscope", folder, NULL };
	python_ran(self, words);
}

int oci_remove_folder(int root, const char *container, int directory)
{
	struct listing listing;
	const struct listed *entry;
	list_from(&listing, directory);
	while ((entry = list_next(&listing)))
		if (entry->type != DIRECTORY_ENTRY && strcmp(entry->name, "plan") != 0)
			unlinkat(directory, entry->name, 0);
	/* Last: a folder without it isn't known as a container's. */
	unlinkat(directory, "plan", 0);
	return unlinkat(root, container, AT_REMOVEDIR) < 0 ? -errno : 0;
}
