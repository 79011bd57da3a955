/* The container's cgroups after create: signals to all that is in them, and their removal. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "oci.h"
#include "util.h"

enum { PROCS_SIZE = 65536, DIRECTORY_ENTRY = 4, MAX_DEPTH = 64, REMOVE_TRIES = 500, REMOVE_PAUSE_NS = 2000000 };

/* Call `visit` with every cgroup below `directory`, the innermost first, and with itself. */
static int walk(int directory, int depth, int (*visit)(int directory, int argument), int argument)
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

static int signal_members(int directory, int number)
{
	char text[PROCS_SIZE];
	ssize_t length = read_file(directory, "cgroup.procs", text, sizeof(text));
	for (char *at = text; length > 0 && *at;) {
		uint64_t pid;
		size_t size = strcspn(at, "\n");
		int more = at[size] != 0;
		at[size] = 0;
		/* 0: a process of another PID namespace, which can't be named. */
		if (parse_number(at, &pid) == 0 && pid > 1 && pid <= INT32_MAX)
			kill((pid_t)pid, number);
		at += size + (size_t)more;
	}
	return 0;
}

/* Call `visit` for each of the container's cgroups, or for the first only. `argument` is handed on. */
static int each_cgroup(int directory, int only_first, int (*visit)(const char *folder, int argument), int argument)
{
	char text[OCI_PATH_SIZE * 4];
	int error = 0;
	ssize_t length = read_file(directory, "cgroups", text, sizeof(text));
	for (char *at = text; length > 0 && *at;) {
		size_t size = strcspn(at, "\n");
		int more = at[size] != 0;
		at[size] = 0;
		const char *folder = strchr(at, ':');
		int failed = folder ? visit(folder + 1, argument) : 0;
		error = error ? error : failed;
		if (only_first)
			break;
		at += size + (size_t)more;
	}
	return error;
}

static int signal_folder(const char *folder, int number)
{
	CLEANUP_FD int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -errno : walk(directory, 0, signal_members, number);
}

int oci_signal_all(int directory, int number)
{
	return each_cgroup(directory, 1, signal_folder, number);
}

static int remove_inner(int directory, int argument)
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

static int remove_folder(const char *folder, int argument)
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
			walk(directory, 0, signal_members, SIGKILL);
			walk(directory, 0, remove_inner, 0);
		}
		if (i > 0)
			nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int oci_remove_cgroups(int directory)
{
	return each_cgroup(directory, 0, remove_folder, 0);
}

int oci_remove_folder(int root, const char *container, int directory)
{
	struct listing listing;
	const struct listed *entry;
	list_from(&listing, directory);
	while ((entry = list_next(&listing)))
		if (entry->type != DIRECTORY_ENTRY)
			unlinkat(directory, entry->name, 0);
	return unlinkat(root, container, AT_REMOVEDIR) < 0 ? -errno : 0;
}
