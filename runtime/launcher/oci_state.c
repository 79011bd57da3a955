/* What is known of a container: the records in its folder, and what the kernel says of its process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "oci.h"
#include "util.h"

enum { STAT_SIZE = 2048, FREEZE_TRIES = 1000, FREEZE_PAUSE_NS = 1000000, START_TIME_AFTER_STATE = 19 };

int oci_write(int directory, const char *path, const char *text)
{
	char temporary[OCI_PATH_SIZE] = "";
	size_t folder = strrchr(path, '/') ? (size_t)(strrchr(path, '/') + 1 - path) : 0, at = folder;
	int error = copy_part(temporary, sizeof(temporary), path, folder);
	error = error ? error : append(temporary, sizeof(temporary), &at, ".whit-");
	error = error ? error : append(temporary, sizeof(temporary), &at, path + folder);
	if (error)
		return error;
	CLEANUP_FD int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	error = write_all(fd, text, strlen(text));
	if (!error && renameat(directory, temporary, directory, path) < 0)
		error = -errno;
	if (error)
		unlinkat(directory, temporary, 0);
	return error;
}

/* `name` is the stat file of a process, below `directory`. */
static int read_times(int directory, const char *name, uint64_t *started, char *state)
{
	char text[STAT_SIZE];
	ssize_t length = read_file(directory, name, text, sizeof(text));
	if (length < 0)
		return (int)length;
	/* The name, in parentheses, may hold anything. */
	char *field = strrchr(text, ')');
	if (!field || field[1] != ' ' || !field[2])
		return -EINVAL;
	field += 2;
	*state = *field;
	for (int i = 0; i < START_TIME_AFTER_STATE; i++) {
		field = strchr(field, ' ');
		if (!field)
			return -EINVAL;
		field++;
	}
	field[strcspn(field, " \n")] = 0;
	return parse_number(field, started);
}

int process_times(pid_t pid, uint64_t *started, char *state)
{
	char path[OCI_TEXT_SIZE] = "";
	int error = proc_path(path, sizeof(path), (uint64_t)pid, "/stat");
	return error ? error : read_times(AT_FDCWD, path, started, state);
}

int boot_id(char *text, size_t size)
{
	ssize_t length = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, size);
	if (length < 0)
		return (int)length;
	text[strcspn(text, "\n")] = 0;
	return *text ? 0 : -EINVAL;
}

/* Clock ticks since a boot say nothing of another one's processes. A record of an older whit names none, and neither does one of a machine
   that can't tell. */
static int is_of_this_boot(const char *recorded)
{
	char now[BOOT_ID_SIZE];
	return !*recorded || boot_id(now, sizeof(now)) || strcmp(recorded, now) == 0;
}

int oci_process(int directory, pid_t *pid, uint64_t *started)
{
	char text[OCI_TEXT_SIZE], *boot;
	uint64_t number;
	ssize_t length = read_file(directory, "process", text, sizeof(text));
	if (length < 0)
		return (int)length;
	char *space = strchr(text, ' ');
	if (!space)
		return -EINVAL;
	*space = 0;
	space[1 + strcspn(space + 1, "\n")] = 0;
	boot = space + 1 + strcspn(space + 1, " ");
	if (*boot)
		*boot++ = 0;
	if (parse_number(text, &number) || number == 0 || number > INT32_MAX || parse_number(space + 1, started))
		return -EINVAL;
	*pid = (pid_t)number;
	if (!is_of_this_boot(boot))
		*started = UINT64_MAX;
	return 0;
}

static int is_alive(char state)
{
	return state != 'Z' && state != 'X';
}

int oci_lives(pid_t pid, uint64_t started)
{
	uint64_t now;
	char state;
	return process_times(pid, &now, &state) == 0 && now == started && is_alive(state);
}

int process_lives_in(int folder, uint64_t started)
{
	uint64_t now;
	char state;
	return read_times(folder, "stat", &now, &state) == 0 && now == started && is_alive(state);
}

static int is_frozen(const char *folder)
{
	char text[OCI_TEXT_SIZE];
	CLEANUP_FD int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return 0;
	if (read_file(directory, "freezer.state", text, sizeof(text)) > 0)
		return strncmp(text, "THAWED", 6) != 0;
	return read_file(directory, "cgroup.freeze", text, sizeof(text)) > 0 && text[0] == '1';
}

/* The folder of the hierarchy that freezes: v1's freezer, or v2's only one. In `text`, or NULL. */
static const char *freezer(int directory, char *text, size_t size)
{
	if (read_file(directory, "cgroups", text, size) <= 0)
		return NULL;
	char *line = strncmp(text, "freezer:", 8) == 0 ? text : strstr(text, "\nfreezer:");
	if (!line)
		line = strncmp(text, "unified:", 8) == 0 ? text : strstr(text, "\nunified:");
	if (!line)
		return NULL;
	line = strchr(line, ':') + 1;
	line[strcspn(line, "\n")] = 0;
	return line;
}

void oci_thaw(int directory)
{
	oci_freeze(directory, 0);
}

/* Whether all of it is frozen: v1 says it where it is told, v2 in its events. */
static int has_frozen(int cgroup)
{
	char text[OCI_TEXT_SIZE];
	if (read_file(cgroup, "freezer.state", text, sizeof(text)) > 0)
		return strncmp(text, "FROZEN", 6) == 0;
	return read_file(cgroup, "cgroup.events", text, sizeof(text)) > 0 && strstr(text, "frozen 1");
}

int oci_freeze(int directory, int freeze)
{
	char text[OCI_PATH_SIZE];
	const struct timespec pause = { .tv_nsec = FREEZE_PAUSE_NS };
	const char *folder = freezer(directory, text, sizeof(text));
	CLEANUP_FD int cgroup = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (cgroup < 0)
		return -ENOENT;
	if (freeze && is_frozen(folder))
		return -EALREADY;
	for (int i = 0; i < FREEZE_TRIES; i++) {
		int error = write_file(cgroup, "freezer.state", freeze ? "FROZEN" : "THAWED");
		if (error == -ENOENT)
			error = write_file(cgroup, "cgroup.freeze", freeze ? "1" : "0");
		if (error || !freeze || has_frozen(cgroup))
			return error;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Whether somebody waits at the gate: a start that was killed may have left it there after it was opened. */
static int waits(int directory)
{
	CLEANUP_FD int gate = openat(directory, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return gate >= 0;
}

enum oci_folder oci_folder_kind(int directory)
{
	static const char mark[] = "WHITPLAN";
	char text[sizeof(mark) - 1];
	struct listing listing;
	const struct listed *entry;
	CLEANUP_FD int plan = openat(directory, "plan", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	ssize_t length = plan < 0 ? 0 : read(plan, text, sizeof(text));
	if (length < 0 || memcmp(text, mark, (size_t)length) != 0)
		return OCI_NO_FOLDER;
	if ((size_t)length == sizeof(text))
		return OCI_FOLDER;
	list_from(&listing, directory);
	while ((entry = list_next(&listing)))
		if (strcmp(entry->name, "plan") != 0)
			return OCI_NO_FOLDER;
	return listing.filled < 0 ? OCI_NO_FOLDER : OCI_REMNANT;
}

enum oci_status oci_status(int directory, pid_t *pid, uint64_t *started)
{
	char text[OCI_PATH_SIZE];
	*pid = 0;
	if (oci_process(directory, pid, started))
		return OCI_CREATING;
	if (!oci_lives(*pid, *started))
		return OCI_STOPPED;
	const char *folder = freezer(directory, text, sizeof(text));
	if (folder && is_frozen(folder))
		return OCI_PAUSED;
	return waits(directory) ? OCI_CREATED : OCI_RUNNING;
}

const char *oci_status_name(enum oci_status status)
{
	static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };
	return names[status];
}
