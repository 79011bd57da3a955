/* The namespaces that a supervisor is in: a mount namespace for a writable root, and the container's network. One whose user isn't root
   makes a user namespace first, as whose root it may do all that, and run whit-oci; the container has one of its own in that. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "launch.h"
#include "mount.h"
#include "python.h"
#include "util.h"

enum { FAILED = 125, FIELDS = 3, MAP_TEXT = 64, NUMBER_SIZE = 24 };

/* NS_GET_USERNS and NS_GET_PARENT of ioctl_ns(2) */
#define GET_USER_NAMESPACE 0xb701u
#define GET_PARENT 0xb702u

/* The user namespace that another one belongs to: that of another container's network, which only who is there may enter. */
static int join_users(const char *path, int parent)
{
	CLEANUP_FD int namespace = open(path, O_RDONLY | O_CLOEXEC);
	/* Constants: the C libraries don't agree on the type of a request. */
	CLEANUP_FD int users = namespace < 0 ? -1 : parent ? ioctl(namespace, GET_PARENT) : ioctl(namespace, GET_USER_NAMESPACE);
	return users < 0 || setns(users, CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* Oneself alone: nobody else has to be asked. */
static int map_oneself(const char *path, const char *packed)
{
	char text[MAP_TEXT] = "";
	uint32_t numbers[FIELDS];
	size_t at = 0;
	memcpy(numbers, packed, sizeof(numbers));
	for (size_t i = 0; i < FIELDS; i++) {
		append_number(text, sizeof(text), &at, numbers[i]);
		append(text, sizeof(text), &at, i + 1 < FIELDS ? " " : "\n");
	}
	return write_file(AT_FDCWD, path, text);
}

static int unshare_alone(const struct settings *settings)
{
	if (settings->uids_length != FIELDS * sizeof(uint32_t) || settings->gids_length != FIELDS * sizeof(uint32_t))
		return -EINVAL;
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	/* Denied first: an unprivileged user may not map a group while setgroups could drop one (CVE-2014-8989). */
	int error = write_file(AT_FDCWD, "/proc/self/setgroups", "deny");
	error = error ? error : map_oneself("/proc/self/uid_map", settings->uids);
	return error ? error : map_oneself("/proc/self/gid_map", settings->gids);
}

/* In a process that stays outside: map the users of `target` once it says that it is in a namespace of its own. */
_Noreturn static void map_when_told(const struct settings *settings, pid_t target, int told)
{
	char word;
	if (read(told, &word, 1) != 1)
		_exit(FAILED);
	int error = map_ids_by(settings->newgidmap, target, settings->gids, settings->gids_length);
	error = error ? error : map_ids_by(settings->newuidmap, target, settings->uids, settings->uids_length);
	_exit(error ? FAILED : 0);
}

static int unshare_helped(const struct settings *settings)
{
	int ends[2];
	pid_t self = getpid();
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP_FD int told = ends[0], tell = ends[1];
	pid_t helper = fork();
	if (helper < 0)
		return -errno;
	if (helper == 0) {
		close(tell);
		map_when_told(settings, self, told);
	}
	int error = unshare(CLONE_NEWUSER) < 0 || write(tell, "", 1) != 1 ? -errno : 0;
	close(steal_fd(&tell));
	int status = wait_for(helper);
	if (error || status < 0)
		return error ? error : status;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -EPERM;
	/* It is the namespace's root that all is done as. */
	return setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ? -errno : 0;
}

static int enter_users(const struct settings *settings)
{
	if (!settings->has_users)
		return 0;
	if (settings->network && *settings->network)
		return join_users(settings->network, 0);
	return *settings->newuidmap ? unshare_helped(settings) : unshare_alone(settings);
}

static int remember_host(struct supervisor *supervisor)
{
	supervisor->host_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	supervisor->host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return supervisor->host_network < 0 || supervisor->host_mounts < 0 ? -errno : 0;
}

/* `groups` may ping. As in docker's: any user may take any port of a network that is the container's own. */
static int open_network(const char *groups)
{
	int error = loopback_up();
	error = error ? error : write_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	return error ? error : write_file(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", groups);
}

static int enter_network(const struct settings *settings)
{
	const char *path = settings->network;
	if (!path)
		return 0;
	if (!*path)
		return unshare(CLONE_NEWNET) < 0 ? -errno : open_network(settings->has_users ? "0 0" : "0 2147483647");
	CLEANUP_FD int namespace = open(path, O_RDONLY | O_CLOEXEC);
	return namespace < 0 || setns(namespace, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int mount_at(const char *path, const char *type, const char *const *options)
{
	CLEANUP_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (target < 0)
		return -errno;
	const struct place place = { .root = AT_FDCWD, .path = path, .at = target };
	return mount_new(type, &place, options, 0);
}

/* What the host mounts later comes to us; what we mount stays here, and goes with us. */
static int enter_mounts(const struct settings *settings)
{
	/* Never swapped, unlike tmpfs. */
	static const char *const secret[] = { "mode=0700", NULL };
	int error = 0;
	if (!settings->root && !settings->secrets)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return -errno;
	if (settings->root)
		error = mount_at(settings->root, "overlay", (const char *const *)settings->root_options);
	return error || !settings->secrets ? error : mount_at(settings->secrets, "ramfs", secret);
}

/* The kernel's words for a file system that can't be the upper one, such as another overlay, and for a user before Linux 5.11. */
static const char *root_refused(const struct settings *settings, int error)
{
	if (error == -EINVAL)
		return "its root can't be written: the store's file system takes no layer of overlayfs\n"
		       "hint: set WHIT_ROOT to a folder on another one, as ext4 or tmpfs, or run it with --read-only";
	if (error == -EPERM && settings->has_users)
		return "its root can't be written: this kernel lets only root mount overlayfs\nhint: run it with --read-only, or as root";
	return "can't mount the container's root";
}

const char *enter_namespaces(struct supervisor *supervisor, int *error)
{
	*error = remember_host(supervisor);
	if (*error)
		return "can't find the host's namespaces";
	*error = enter_users(&supervisor->settings);
	if (*error)
		return "can't make a user namespace";
	*error = enter_mounts(&supervisor->settings);
	if (*error)
		return root_refused(&supervisor->settings, *error);
	*error = enter_network(&supervisor->settings);
	return *error ? "can't enter the container's network" : NULL;
}

/* The host's namespaces are closed to a user's: there what is mounted in the container's folder, and stands in the way, is given up. */
int leave_namespaces(struct supervisor *supervisor)
{
	const struct settings *settings = &supervisor->settings;
	if (!settings->has_users)
		return setns(supervisor->host_network, CLONE_NEWNET) < 0 || setns(supervisor->host_mounts, CLONE_NEWNS) < 0 ? -errno : 0;
	if ((settings->root && umount2(settings->root, MNT_DETACH) < 0) || (settings->secrets && umount2(settings->secrets, MNT_DETACH) < 0))
		return -errno;
	return 0;
}

/* The supervisor's, as long as there is one. */
static int join_supervisor(void)
{
	char text[NUMBER_SIZE], path[NUMBER_SIZE * 2] = "";
	uint64_t pid;
	CLEANUP_FD int lock = open("lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0 || read_file(AT_FDCWD, "pid", text, sizeof(text)) <= 0)
		return -ESRCH;
	if (parse_number(text, &pid) || proc_path(path, sizeof(path), pid, "/ns/user"))
		return -ESRCH;
	return join_users(path, 1);
}

int engine_users(char **argv, const char *self)
{
	static struct supervisor supervisor;
	CLEANUP_FD int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = chdir(argv[2]) < 0 ? -errno : settings_open(&supervisor);
	supervisor.settings.network = NULL;
	if (!error && join_supervisor())
		error = enter_users(&supervisor.settings);
	if (error) {
		complain("can't be the root of the container's users", NULL);
		return FAILED;
	}
	if (before < 0 || fchdir(before) < 0)
		complain("the working directory is closed to you", NULL);
	argv[2] = argv[0];
	python_run(self, argv + 2);
}
