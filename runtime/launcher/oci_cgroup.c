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

enum { PROCS_SIZE = 4096, FIRST_MEMBERS = 64, DIRECTORY_ENTRY = 4, MAX_DEPTH = 64, BATCH = 64, REMOVE_TRIES = 500, REMOVE_PAUSE_NS = 2000000 };

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
	int has_doubles;
};

typedef int find_function(int directory, void *members);

static int add_member(struct members *members, pid_t pid)
{
	for (size_t i = 0; !members->has_doubles && i < members->count; i++)
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

static int is_member(const struct members *members, pid_t pid)
{
	for (size_t i = 0; i < members->count; i++)
		if (members->pids[i] == pid)
			return 1;
	return 0;
}

/* Some of the processes: `find` lists them anew once they are held by descriptors. A number that has become another process's
   since it was listed isn't listed again. */
static int signal_some(const pid_t *pids, size_t count, int number, find_function *find, int directory)
{
	int held[BATCH];
	struct members now = { .has_doubles = 1 };
	for (size_t i = 0; i < count; i++)
		held[i] = (int)syscall(NR_PIDFD_OPEN, pids[i], 0);
	int error = find(directory, &now);
	for (size_t i = 0; i < count; i++) {
		if (is_member(&now, pids[i])) {
			/* Without such descriptors (before Linux 5.3), or with as many open as may be. */
			if (held[i] < 0)
				kill(pids[i], number);
			else
				syscall(SYS_pidfd_send_signal, held[i], number, NULL, 0);
		}
		close_fd(&held[i]);
	}
	free(now.pids);
	return error;
}

static int signal_found(int number, find_function *find, int directory)
{
	struct members members = { 0 };
	/* What is found is signalled, though a part can't be looked into. */
	int error = find(directory, &members);
	for (size_t i = 0; i < members.count; i += BATCH) {
		int failed = signal_some(members.pids + i, members.count - i < BATCH ? members.count - i : BATCH, number, find, directory);
		error = error ? error : failed;
	}
	free(members.pids);
	return error;
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

static int collect_all(int directory, void *argument)
{
	return each_cgroup(directory, collect_folder, argument);
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
	if (number == SIGKILL && each_cgroup(directory, kill_folder, NULL) == 0)
		return 0;
	/* Frozen, no process bears another one that would be missed. Who has paused the container resumes it. */
	int paused = oci_freeze(directory, 1);
	int error = signal_found(number, collect_all, directory);
	if (paused == 0)
		oci_freeze(directory, 0);
	return error;
}

static int kill_inside(int directory, void *argument)
{
	(void)argument;
	return signal_found(SIGKILL, collect, directory);
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
