/* What the plan of an OCI container depends on beside config.json, as text: all that runtime/oci/host.py reads, or what decides it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "form.h"
#include "kernel.h"
#include "util.h"

enum { SCRATCH_SIZE = 1 << 20, PATH_SIZE = 4096, NUMBER_SIZE = 24 };

static int add(struct form *form, const char *name, const char *text, size_t length)
{
	int error = form_add(form, name, strlen(name));
	error = error ? error : form_add(form, text, length);
	return error ? error : form_add(form, "\n", 1);
}

static int add_number(struct form *form, const char *name, uint64_t number)
{
	char text[NUMBER_SIZE] = "";
	size_t at = 0;
	append_number(text, sizeof(text), &at, number);
	return add(form, name, text, at);
}

/* A file's whole text; one that isn't there has none. A longer one than there is room for makes no form. */
static int add_file(struct form *form, const char *name, const char *path, char *scratch)
{
	ssize_t length = read_file(AT_FDCWD, path, scratch, SCRATCH_SIZE);
	if (length >= SCRATCH_SIZE - 1)
		return -ENOSPC;
	return add(form, name, scratch, length > 0 ? (size_t)length : 0);
}

/* Whether the caller may make cgroups in a folder and put processes there: a user's root may where it has been given one. */
static int add_right(struct form *form, const char *folder)
{
	char path[PATH_SIZE] = "";
	size_t at = 0;
	if (append(path, sizeof(path), &at, folder) || append(path, sizeof(path), &at, "/cgroup.procs"))
		return -EINVAL;
	return form_add(form, access(folder, W_OK | X_OK) == 0 && access(path, W_OK) == 0 ? "+" : "-", 1);
}

/* The same on each step of the way from a mount point to the caller's own cgroup. */
static int add_rights(struct form *form, const char *point, const char *own)
{
	char path[PATH_SIZE] = "";
	size_t at = 0;
	int error = append(path, sizeof(path), &at, point);
	error = error ? error : add_right(form, path);
	while (!error && *own) {
		size_t step = 1 + strcspn(own + 1, "/");
		if (at + step >= sizeof(path))
			return -EINVAL;
		memcpy(path + at, own, step);
		path[at += step] = 0;
		own += step;
		error = add_right(form, path);
	}
	return error ? error : form_add(form, "\n", 1);
}

/* Of a line of mountinfo (proc_pid_mountinfo(5)) what it shows, the mount point, its options and what comes after the separator, if it
   is a cgroup's. */
static int add_cgroup_mount(struct form *form, char *line, const char *own, char *scratch)
{
	char path[PATH_SIZE] = "";
	size_t at = 0;
	char *system = strstr(line, " - cgroup"), *shown = line, *point = line;
	if (!system)
		return 0;
	/* The fourth field is the root of the mount, the fifth the mount point, the sixth its options. */
	for (int i = 0; i < 4; i++) {
		shown = point;
		point = strchr(point, ' ');
		if (!point)
			return -EINVAL;
		point++;
	}
	if (point > system)
		return -EINVAL;
	size_t length = strcspn(point, " "), options = point[length] ? strcspn(point + length + 1, " ") : 0;
	int error = add(form, "cgroup mount ", shown, (size_t)(point - shown) + length + 1 + options);
	error = error ? error : add(form, "", system, strlen(system));
	int unified = strncmp(system, " - cgroup2 ", 11) == 0;
	point[length] = 0;
	error = error ? error : add_rights(form, point, unified ? own : "");
	if (error || !unified)
		return error;
	if (append(path, sizeof(path), &at, point) || append(path, sizeof(path), &at, "/cgroup.controllers"))
		return -EINVAL;
	return add_file(form, "controllers ", path, scratch);
}

static int add_cgroups(struct form *form, char *mounts, char *scratch)
{
	ssize_t length = read_file(AT_FDCWD, "/proc/self/mountinfo", mounts, SCRATCH_SIZE);
	if (length <= 0 || length >= SCRATCH_SIZE - 1)
		return -EINVAL;
	int error = add_file(form, "own cgroups ", "/proc/self/cgroup", scratch);
	char own[PATH_SIZE] = "", *line, *cgroups = scratch;
	size_t at = 0;
	while (!error && (line = next_line(&cgroups)))
		if (strncmp(line, "0::/", 4) == 0 && line[4])
			error = append(own, sizeof(own), &at, line + 3);
	while (!error && (line = next_line(&mounts)))
		error = add_cgroup_mount(form, line, own, scratch);
	return error;
}

/* The file that SEAL_SELF keeps out of reach, and with whose coming a kept plan is another version's. */
static int add_launcher(struct form *form, const char *self)
{
	struct stat status;
	if (stat(self, &status) < 0)
		return -errno;
	const uint64_t numbers[] = {
		status.st_dev, status.st_ino, (uint64_t)status.st_size, (uint64_t)status.st_mtim.tv_sec, (uint64_t)status.st_mtim.tv_nsec,
		(uint64_t)status.st_ctim.tv_sec, (uint64_t)status.st_ctim.tv_nsec, status.st_uid, status.st_mode,
	};
	int error = add(form, "launcher ", self, strlen(self));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		error = error ? error : add_number(form, "", numbers[i]);
	return error;
}

static int add_caller(struct form *form, char *scratch)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data data[2] = { { 0 } };
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	/* What others than root may do hangs on more: where cgroups are theirs, which helpers they find. Python looks. */
	if (geteuid() != 0)
		return -EPERM;
	int error = add_number(form, "group ", getegid());
	error = error ? error : add_file(form, "users ", "/proc/self/uid_map", scratch);
	error = error ? error : add_file(form, "groups ", "/proc/self/setgroups", scratch);
	return error ? error : add_number(form, "capabilities ", (uint64_t)data[1].permitted << 32 | data[0].permitted);
}

static int add_kernel(struct form *form, char *scratch)
{
	struct utsname kernel;
	if (uname(&kernel) < 0)
		return -errno;
	int error = add(form, "kernel ", kernel.release, strlen(kernel.release));
	error = error ? error : add(form, "", kernel.version, strlen(kernel.version));
	error = error ? error : add(form, "machine ", kernel.machine, strlen(kernel.machine));
	/* What the kernel decides when it boots: swap accounting, sizes of huge pages, security modules. */
	error = error ? error : add_file(form, "boot ", "/proc/sys/kernel/random/boot_id", scratch);
	return error ? error : add_number(form, "selinux ", access("/sys/fs/selinux/enforce", F_OK) == 0);
}

int form_add_host(struct form *form, const char *self)
{
	/* Touched only as far as it is used. */
	char *scratch = mmap(NULL, 2 * SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch == MAP_FAILED)
		return -errno;
	int error = add_launcher(form, self);
	error = error ? error : add_caller(form, scratch);
	error = error ? error : add_kernel(form, scratch);
	error = error ? error : add_cgroups(form, scratch + SCRATCH_SIZE, scratch);
	munmap(scratch, 2 * SCRATCH_SIZE);
	return error;
}
