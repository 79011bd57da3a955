/*
 * The physical floor: what the kernel itself needs to start a confined process, and nothing else.
 *
 * It makes the system calls of whit's default launch, in the same order and with the same arguments, without plan,
 * errors, signals or supervision: no launcher that confines as much can be faster. The benchmark compares with it;
 * it is no container runtime.
 *
 *   floor v1|v2 ROOT PROGRAM [ARGUMENT...]     exits as PROGRAM does
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h" /* FILTER: whit's default, written by tests/bench/floor.py */

enum {
	/* linux/mount.h, linux/sched.h and linux/keyctl.h, which a bare musl lacks */
	TREE_CLONE = 1,
	TREE_CLOEXEC = O_CLOEXEC,
	FS_OPEN_CLOEXEC = 1,
	FS_MOUNT_CLOEXEC = 1,
	FS_SET_FLAG = 0,
	FS_SET_STRING = 1,
	FS_CREATE = 6,
	MOVE_FROM_EMPTY_PATH = 4,
	ATTR_RDONLY = 1,
	ATTR_NOSUID = 2,
	ATTR_NODEV = 4,
	ATTR_NOEXEC = 8,
	HARDENED = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC,
	JOIN_SESSION_KEYRING = 1,
	LAST_CAPABILITY = 40,
	PATH_SIZE = 128,
	UID = 65532,
};

struct clone_arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct attributes {
	uint64_t set, clear, propagation, userns_fd;
};
struct program {
	unsigned short length;
	const void *instructions;
};
struct limit {
	const char *controller, *file, *value;
};

static const struct limit V1_LIMITS[] = {
	{ "memory", "memory.limit_in_bytes", "1073741824" },
	{ "cpu", "cpu.cfs_quota_us", "200000" },
	{ "pids", "pids.max", "4096" },
};
static const struct limit V2_LIMITS[] = {
	{ "", "memory.max", "1073741824" },
	{ "", "cpu.max", "200000 100000" },
	{ "", "pids.max", "4096" },
};
enum { LIMITS = 3 };

static long check(long result, const char *what)
{
	if (result >= 0)
		return result;
	(void)!write(2, "floor: ", 7);
	(void)!write(2, what, strlen(what));
	(void)!write(2, "\n", 1);
	_exit(125);
}

/* ---- cgroups: made and limited before the child exists, joined by the child itself ---- */

static void group_path(char *path, const char *controller, const char *file)
{
	char number[16], *digit = number + sizeof number - 1;
	*digit = 0;
	for (pid_t rest = getpid(); rest > 0; rest /= 10)
		*--digit = (char)('0' + rest % 10);
	const char *parts[] = { "/sys/fs/cgroup/", controller, "/whit-floor-", digit, file ? "/" : "", file ? file : "" };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		path = stpcpy(path, parts[i]);
}

static void write_file(const char *path, const char *value)
{
	int fd = (int)check(open(path, O_WRONLY | O_CLOEXEC), path);
	check(write(fd, value, strlen(value)), path);
	close(fd);
}

static void make_groups(const struct limit *limits, int is_v2)
{
	char path[PATH_SIZE];
	for (int i = 0; i < LIMITS; i++) {
		if (i == 0 || !is_v2) {
			group_path(path, limits[i].controller, NULL);
			check(mkdir(path, 0755), path);
		}
		group_path(path, limits[i].controller, limits[i].file);
		write_file(path, limits[i].value);
	}
}

static void join_groups(const int *tasks)
{
	for (int i = 0; i < LIMITS; i++)
		check(write(tasks[i], "0", 1), "tasks");
}

static void remove_groups(const struct limit *limits, int is_v2)
{
	char path[PATH_SIZE];
	for (int i = 0; i < (is_v2 ? 1 : LIMITS); i++) {
		group_path(path, limits[i].controller, NULL);
		check(rmdir(path), path);
	}
}

/* ---- mounts, each by file descriptor ---- */

static int new_mount(const char *type, const char *const *options, uint64_t attributes)
{
	int fs = (int)check(syscall(SYS_fsopen, type, FS_OPEN_CLOEXEC), "fsopen");
	check(syscall(SYS_fsconfig, fs, FS_SET_STRING, "source", type, 0), type);
	for (; options && *options; options += 2)
		check(syscall(SYS_fsconfig, fs, options[1] ? FS_SET_STRING : FS_SET_FLAG, options[0], options[1], 0), options[0]);
	check(syscall(SYS_fsconfig, fs, FS_CREATE, NULL, NULL, 0), type);
	int mount_fd = (int)check(syscall(SYS_fsmount, fs, FS_MOUNT_CLOEXEC, attributes), "fsmount");
	close(fs);
	return mount_fd;
}

static void attach(int mount_fd, int at, const char *target)
{
	check(syscall(SYS_move_mount, mount_fd, "", at, target, MOVE_FROM_EMPTY_PATH), target);
	close(mount_fd);
}

static int clone_tree(int at, const char *path, uint64_t attributes)
{
	struct attributes set = { .set = attributes };
	long tree = syscall(SYS_open_tree, at, path, TREE_CLONE | TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH));
	if (tree < 0 && errno == ENOENT)
		return -1; /* this kernel lacks it: nothing to protect */
	check(tree, path);
	check(syscall(SYS_mount_setattr, (int)tree, "", AT_EMPTY_PATH, &set, sizeof set), path);
	return (int)tree;
}

static void make_devices(int root)
{
	static const char *const options[] = { "mode", "755", "size", "64m", NULL };
	static const char *const terminals[] = { "newinstance", NULL, "ptmxmode", "0666", "mode", "0620", NULL };
	static const struct {
		const char *name;
		unsigned minor, major;
	} devices[] = { { "null", 3, 1 }, { "zero", 5, 1 }, { "full", 7, 1 }, { "random", 8, 1 }, { "urandom", 9, 1 }, { "tty", 0, 5 } };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },	     { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" },     { "pts/ptmx", "ptmx" },
	};
	int dev = new_mount("tmpfs", options, ATTR_NOSUID | ATTR_NOEXEC);
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		check(mknodat(dev, devices[i].name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)), devices[i].name);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		check(symlinkat(links[i][0], dev, links[i][1]), links[i][1]);
	check(mkdirat(dev, "shm", 01777), "shm");
	check(mkdirat(dev, "pts", 0755), "pts");
	attach(dev, root, "dev");
	attach(new_mount("devpts", terminals, ATTR_NOSUID | ATTR_NOEXEC), root, "dev/pts");
}

/* A tmpfs that nothing can be put into hides a folder; the same one, cloned once it is attached, hides them all. */
static void mask_directories(int root, const char *const *paths)
{
	static const char *const options[] = { "size", "0", "mode", "555", NULL };
	int empty = -1;
	for (; *paths; paths++) {
		if (faccessat(root, *paths, F_OK, 0) < 0)
			continue;
		if (empty >= 0) {
			attach(clone_tree(empty, "", ATTR_RDONLY), root, *paths);
			continue;
		}
		empty = new_mount("tmpfs", options, ATTR_RDONLY | HARDENED);
		check(syscall(SYS_move_mount, empty, "", root, *paths, MOVE_FROM_EMPTY_PATH), *paths);
	}
	close(empty);
}

static void protect_proc(int root)
{
	static const char *const readonly[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };
	static const char *const files[] = { "proc/interrupts", "proc/kcore",	     "proc/keys",	"proc/latency_stats",
					     "proc/sched_debug", "proc/timer_list", "proc/timer_stats" };
	static const char *const directories[] = { "proc/acpi",	   "proc/asound",		     "proc/scsi",
						   "sys/firmware", "sys/devices/virtual/powercap", NULL };
	for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
		int tree = clone_tree(root, readonly[i], ATTR_RDONLY | HARDENED);
		if (tree >= 0)
			attach(tree, root, readonly[i]);
	}
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (faccessat(root, files[i], F_OK, 0) == 0)
			attach(clone_tree(AT_FDCWD, "/dev/null", ATTR_RDONLY | ATTR_NOSUID | ATTR_NOEXEC), root, files[i]);
	mask_directories(root, directories);
}

/* A program may read its own limits. */
static void mount_groups(int root, int is_v2)
{
	static const char *const options[] = { "mode", "755", "size", "64k", NULL };
	if (is_v2) {
		attach(new_mount("cgroup2", NULL, ATTR_RDONLY | HARDENED), root, "sys/fs/cgroup");
		return;
	}
	int folder = new_mount("tmpfs", options, HARDENED);
	for (int i = 0; i < 2; i++)
		check(mkdirat(folder, V1_LIMITS[i].controller, 0755), V1_LIMITS[i].controller);
	check(syscall(SYS_move_mount, folder, "", root, "sys/fs/cgroup", MOVE_FROM_EMPTY_PATH), "cgroups");
	for (int i = 0; i < 2; i++) {
		const char *const controller[] = { V1_LIMITS[i].controller, NULL, NULL };
		attach(new_mount("cgroup", controller, ATTR_RDONLY | HARDENED), folder, V1_LIMITS[i].controller);
	}
	close(folder);
}

static void enter_root(const char *path, int is_v2)
{
	static const char *const scratch[] = { "mode", "1777", NULL };
	char directory[PATH_SIZE];
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	int root = clone_tree(AT_FDCWD, path, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV);
	check(syscall(SYS_move_mount, root, "", AT_FDCWD, path, MOVE_FROM_EMPTY_PATH), path);
	attach(new_mount("proc", NULL, HARDENED), root, "proc");
	make_devices(root);
	attach(new_mount("sysfs", NULL, ATTR_RDONLY | HARDENED), root, "sys");
	protect_proc(root);
	mount_groups(root, is_v2);
	attach(new_mount("tmpfs", scratch, HARDENED), root, "tmp");
	check(fchdir(root), "fchdir");
	check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "umount");
	check(chdir("/"), "chdir");
	check(syscall(SYS_getcwd, directory, sizeof directory), "getcwd");
	close(root);
}

/* ---- identity and privileges ---- */

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = (int)check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	check(ioctl(fd, SIOCSIFFLAGS, &request), "loopback");
	close(fd);
}

static void drop_privileges(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 };
	uint32_t none[6] = { 0 };
	struct program filter = { sizeof FILTER / 8, FILTER };
	for (int capability = 0; capability <= LAST_CAPABILITY; capability++)
		check(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "bounding set");
	check(syscall(SYS_setgroups, 0, NULL), "setgroups");
	check(syscall(SYS_setresgid, UID, UID, UID), "setresgid");
	check(syscall(SYS_setresuid, UID, UID, UID), "setresuid");
	check(syscall(SYS_capset, &header, none), "capset");
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	check(syscall(SYS_close_range, 3u, ~0u, 0u), "close_range");
	check(syscall(SYS_seccomp, 1u, 0u, &filter), "seccomp");
}

static void start(char **arguments, const int *tasks, int is_v2)
{
	static char *environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "pdeathsig");
	if (!is_v2) {
		join_groups(tasks);
		check(unshare(CLONE_NEWCGROUP), "cgroup namespace");
	}
	check(setsid(), "setsid");
	check(syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL), "keyring");
	check(sethostname("whit-floor", 10), "hostname");
	loopback_up();
	enter_root(arguments[0], is_v2);
	drop_privileges();
	execve(arguments[1], arguments + 1, environment);
	check(-1, arguments[1]);
}

int main(int count, char **arguments)
{
	if (count < 4)
		check(-1, "floor v1|v2 ROOT PROGRAM [ARGUMENT...]");
	int is_v2 = strcmp(arguments[1], "v2") == 0;
	const struct limit *limits = is_v2 ? V2_LIMITS : V1_LIMITS;
	char path[PATH_SIZE];
	int tasks[LIMITS], status;
	struct clone_arguments call = { .exit_signal = SIGCHLD };

	make_groups(limits, is_v2);
	call.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	if (is_v2) {
		group_path(path, "", NULL);
		call.cgroup = (uint64_t)check(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
		call.flags |= 0x200000000u /* CLONE_INTO_CGROUP */ | CLONE_NEWCGROUP;
	}
	for (int i = 0; i < LIMITS && !is_v2; i++) {
		group_path(path, limits[i].controller, "tasks");
		tasks[i] = (int)check(open(path, O_WRONLY | O_CLOEXEC), path);
	}
	pid_t child = (pid_t)check(syscall(SYS_clone3, &call, sizeof call), "clone3");
	if (child == 0)
		start(arguments + 2, tasks, is_v2);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	remove_groups(limits, is_v2);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
