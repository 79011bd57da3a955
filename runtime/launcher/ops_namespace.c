/* Operations on namespaces other than the mount namespace, and on the process's place among others. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { KEYCTL_JOIN_SESSION = 1, ID_MAP_SIZE = 96 };

int op_hold_lock(struct launch *launch, const struct op *op)
{
	CLEANUP_FD int fd = open(op_text(&launch->plan, op, HOLD_LOCK_path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		/* Somebody unpacks or removes the image. Nothing is made yet: whoever gets tired of waiting may end us. */
		sigprocmask(SIG_UNBLOCK, &launch->signals, NULL);
		int error = flock(fd, LOCK_SH) < 0 ? -errno : 0;
		sigprocmask(SIG_BLOCK, &launch->signals, NULL);
		if (error)
			return error;
	}
	/* Held, by being open, for as long as the supervisor lives. */
	steal_fd(&fd);
	return 0;
}

int op_time_offsets(struct launch *launch, const struct op *op)
{
	if (syscall(SYS_unshare, NS_TIME) < 0)
		return -errno;
	return write_file(AT_FDCWD, "/proc/self/timens_offsets", op_text(&launch->plan, op, TIME_OFFSETS_offsets));
}

int op_cgroup_unshare(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return syscall(SYS_unshare, NS_CGROUP) < 0 ? -errno : 0;
}

static int write_map(const char *path, uint64_t inside, uint64_t outside)
{
	char text[ID_MAP_SIZE];
	size_t at = 0;
	int error = append_number(text, sizeof(text), &at, inside);
	error = error ? error : append(text, sizeof(text), &at, " ");
	error = error ? error : append_number(text, sizeof(text), &at, outside);
	error = error ? error : append(text, sizeof(text), &at, " 1\n");
	return error ? error : write_file(AT_FDCWD, path, text);
}

int map_ids(uint64_t uid, uint64_t outer_uid, uint64_t gid, uint64_t outer_gid)
{
	/* Denied first: an unprivileged user may not map a group while setgroups could drop one (CVE-2014-8989). */
	int error = write_file(AT_FDCWD, "/proc/self/setgroups", "deny");
	if (error && error != -ENOENT)
		return error;
	error = write_map("/proc/self/uid_map", uid, outer_uid);
	return error ? error : write_map("/proc/self/gid_map", gid, outer_gid);
}

int op_map_ids(struct launch *launch, const struct op *op)
{
	(void)launch;
	return map_ids(op_number(op, MAP_IDS_uid_inside), op_number(op, MAP_IDS_uid_outside), op_number(op, MAP_IDS_gid_inside), op_number(op, MAP_IDS_gid_outside));
}

int op_new_session(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return setsid() < 0 ? -errno : 0;
}

int op_new_keyring(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION, NULL) < 0 && errno != ENOSYS)
		return -errno;
	return 0;
}

int op_set_hostname(struct launch *launch, const struct op *op)
{
	const char *name = op_text(&launch->plan, op, SET_HOSTNAME_name);
	return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -errno;
	return 0;
}

int op_loopback_up(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return loopback_up();
}
