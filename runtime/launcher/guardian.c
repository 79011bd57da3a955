/* From one process three: the supervisor, the guardian, the container's first process.

   The guardian is the first process of a PID namespace that has nothing in it but the container's own one. It dies with the
   supervisor (PR_SET_PDEATHSIG, which it never loses: it executes nothing and changes no user), and the kernel kills all that
   is in its namespace when it does. The container's first process can't be tied in that way itself: it may undo it, and the
   kernel does when it changes its user. It can't see the guardian. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { SELF_SIZE = 24 };

/* As fork. `cgroup` is a v2 cgroup for the child to be born in, or NO_FD. */
static pid_t clone_process(struct launch *launch, uint64_t flags, int cgroup)
{
	struct kernel_clone_args args = {
		.flags = flags | (cgroup >= 0 ? CLONE_INTO_CGROUP_FLAG : 0),
		.exit_signal = SIGCHLD,
		.cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
	};
	long pid = syscall(NR_CLONE3, &args, sizeof(args));
	if (pid < 0 && (errno == ENOSYS || errno == E2BIG)) {
		/* Kernels before 5.3 (5.7 with a v2 cgroup): the child joins its cgroup itself. */
		launch->late_cgroup = cgroup;
		pid = syscall(SYS_clone, (unsigned long)flags | SIGCHLD, NULL, NULL, NULL, NULL);
	}
	return pid < 0 ? -errno : (pid_t)pid;
}

/* Have the kernel kill this process when the supervisor, which `pidfd` stands for, ends; -ESRCH if it has already. */
static int die_with(int pidfd)
{
	/* A negative descriptor (kernels before 5.3) is passed over by poll. */
	struct pollfd supervisor = { .fd = pidfd, .events = POLLIN };
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* If it has ended before that, no signal will come; nor is anyone left to tell. */
	return poll(&supervisor, 1, 0) == 0 ? 0 : -ESRCH;
}

pid_t number_in_proc(void)
{
	char text[SELF_SIZE];
	uint64_t number;
	ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = 0;
	return parse_number(text, &number) ? 0 : (pid_t)number;
}

pid_t launch_clone_free(struct launch *launch, const struct op *op)
{
	uint64_t flags = op_number(op, CLONE_FREE_flags), wanted = op_number(op, CLONE_FREE_cgroup);
	int ends[2];
	if (wanted > launch->cgroup_count)
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid_t child = clone_process(launch, flags, wanted > 0 ? launch->cgroups[wanted - 1].directory : NO_FD);
	launch->channel = ends[child == 0];
	close(ends[child != 0]);
	if (child != 0)
		return child;
	/* The lock on the container's folder is the parent's. */
	close_fd(&launch->state_directory);
	launch->state_directory = NO_FD;
	close_fd(&launch->console_receiver);
	launch->outcome->number_in_proc = number_in_proc();
	return 0;
}

pid_t launch_clone(struct launch *launch, const struct op *op)
{
	uint64_t flags = op_number(op, CLONE_flags), wanted = op_number(op, CLONE_cgroup);
	if (wanted > launch->cgroup_count)
		return -EINVAL;
	int cgroup = wanted > 0 ? launch->cgroups[wanted - 1].directory : NO_FD;
	CLEANUP_FD int supervisor = (int)syscall(NR_PIDFD_OPEN, getpid(), 0);
	const uid_t user = geteuid();
	const gid_t group = getegid();
	/* Who speaks for the program enters as the root of some users; the container's own may have none. So the guardian's are others. */
	const int is_nested = launch->way_out >= 0;
	/* Whoever isn't root needs the user namespace first; the container's other namespaces belong to it. */
	pid_t guardian = clone_process(launch, CLONE_NEWPID | (flags & CLONE_NEWUSER), NO_FD);
	if (guardian != 0)
		return guardian;
	/* Its own session: what a terminal sends comes to the supervisor alone, which passes it on. */
	int error = setsid() < 0 ? -errno : die_with(supervisor);
	error = error || !is_nested ? error : map_ids(0, user, 0, group);
	launch->outcome->guardian_in_proc = is_nested ? number_in_proc() : 0;
	pid_t child = error ? error : clone_process(launch, is_nested ? flags : flags & ~(uint64_t)CLONE_NEWUSER, cgroup);
	if (child == 0) {
		launch->outcome->number_in_proc = number_in_proc();
		return 0;
	}
	if (child < 0) {
		launch->outcome->index = (uint32_t)(op - launch->plan.ops);
		launch->outcome->error = -child;
		_exit(CHILD_FAILED);
	}
	_exit(supervise(launch, child, &launch->outcome->number_in_proc));
}
