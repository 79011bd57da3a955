#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

enum { PROGRAM_UMASK = 022 };

static op_function *const functions[OP_COUNT] = {
	[OP_HOLD_LOCK] = op_hold_lock,
	[OP_TIE_TO_CALLER] = op_tie_to_caller,
	[OP_SEAL_SELF] = op_seal_self,
	[OP_CGROUP_CREATE] = op_cgroup_create,
	[OP_CGROUP_WRITE] = op_cgroup_write,
	[OP_CGROUP_WATCH_OOM] = op_cgroup_watch_oom,
	[OP_TIME_OFFSETS] = op_time_offsets,
	[OP_BRIDGE_FIND] = op_bridge_find,
	[OP_WAY_OUT] = op_way_out,
	[OP_WARN] = op_warn,
	[OP_START_GATE] = op_start_gate,
	[OP_CONSOLE_SOCKET] = op_console_socket,
	[OP_CGROUP_ENTER] = op_cgroup_enter,
	[OP_CGROUP_UNSHARE] = op_cgroup_unshare,
	[OP_MAP_IDS] = op_map_ids,
	[OP_NEW_SESSION] = op_new_session,
	[OP_NEW_KEYRING] = op_new_keyring,
	[OP_NAMELESS] = op_nameless,
	[OP_SET_HOSTNAME] = op_set_hostname,
	[OP_LOOPBACK_UP] = op_loopback_up,
	[OP_BRIDGE_JOIN] = op_bridge_join,
	[OP_WAY_OUT_WAIT] = op_way_out_wait,
	[OP_HOOK_OUTSIDE] = op_hook_outside,
	[OP_HOOK_INSIDE] = op_hook_inside,
	[OP_TERMINAL] = op_terminal,
	[OP_OPEN_ENGINE] = op_open_engine,
	[OP_MOUNTS_PRIVATE] = op_mounts_private,
	[OP_ROOT_ATTACH] = op_root_attach,
	[OP_ROOT_UNPACK] = op_root_unpack,
	[OP_ROOT_FILLED] = op_root_filled,
	[OP_MOUNT_NEW] = op_mount_new,
	[OP_MOUNT_FILLED] = op_mount_filled,
	[OP_MOUNT_BIND] = op_mount_bind,
	[OP_HOSTS_BIND] = op_hosts_bind,
	[OP_MOUNT_READONLY] = op_mount_readonly,
	[OP_MASK] = op_mask,
	[OP_MAKE_DIRECTORY] = op_make_directory,
	[OP_MAKE_DEVICE] = op_make_device,
	[OP_MAKE_LINK] = op_make_link,
	[OP_ROOT_PIVOT] = op_root_pivot,
	[OP_CHANGE_DIRECTORY] = op_change_directory,
	[OP_SET_RLIMIT] = op_set_rlimit,
	[OP_DROP_BOUNDING] = op_drop_bounding,
	[OP_SET_IDS] = op_set_ids,
	[OP_SET_CAPABILITIES] = op_set_capabilities,
	[OP_NO_NEW_PRIVILEGES] = op_no_new_privileges,
	[OP_TRACE] = op_trace,
	[OP_INIT] = op_init,
	[OP_SET_UMASK] = op_set_umask,
	[OP_KEEP_DESCRIPTORS] = op_keep_descriptors,
	[OP_FIND_PROGRAM] = op_find_program,
	[OP_WAIT_START] = op_wait_start,
	[OP_CGROUP_OPEN] = op_cgroup_open,
	[OP_DEVICE_FILTER] = op_device_filter,
	[OP_TREE_IDMAPPED] = op_tree_idmapped,
	[OP_CONTAINER_FIND] = op_container_find,
	[OP_JOIN_PROCESSES] = op_join_processes,
	[OP_JOIN_NAMESPACE] = op_join_namespace,
	[OP_CLONE_AGAIN] = op_clone_again,
	[OP_SET_DOMAINNAME] = op_set_domainname,
	[OP_SYSCTL] = op_sysctl,
	[OP_PROC_WRITE] = op_proc_write,
	[OP_MOUNTS_PROPAGATE] = op_mounts_propagate,
	[OP_ROOT_BIND] = op_root_bind,
	[OP_TREE_NEW] = op_tree_new,
	[OP_TREE_BIND] = op_tree_bind,
	[OP_TREE_KEEP] = op_tree_keep,
	[OP_TREE_TAKE] = op_tree_take,
	[OP_TREE_ATTRIBUTES] = op_tree_attributes,
	[OP_TREE_COPY_UP] = op_tree_copy_up,
	[OP_TREE_ATTACH] = op_tree_attach,
	[OP_TREE_PROPAGATION] = op_tree_propagation,
	[OP_PATH_MAKE] = op_path_make,
	[OP_PATH_ATTRIBUTES] = op_path_attributes,
	[OP_PATH_PROPAGATION] = op_path_propagation,
	[OP_DEVICE_NODE] = op_device_node,
	[OP_LINK_ANEW] = op_link_anew,
	[OP_ROOT_SWITCH] = op_root_switch,
	[OP_ROOT_FIND] = op_root_find,
	[OP_EXEC_IN] = op_exec_in,
	[OP_VIEW_BEGIN] = op_view_begin,
	[OP_VIEW_BIND] = op_view_bind,
	[OP_SET_PERSONALITY] = op_set_personality,
	[OP_SET_SCHEDULER] = op_set_scheduler,
	[OP_SET_IO_PRIORITY] = op_set_io_priority,
	[OP_SET_MEMORY_POLICY] = op_set_memory_policy,
	[OP_SET_AFFINITY] = op_set_affinity,
	[OP_SET_HOME] = op_set_home,
	[OP_LANDLOCK] = op_landlock,
	[OP_OPEN_PROGRAM] = op_open_program,
	[OP_SECCOMP_WITH] = op_seccomp_with,
	[OP_SECCOMP_AGENT] = op_seccomp_agent,
	[OP_SECCOMP_NOTIFY] = op_seccomp_notify,
	[OP_PIDFD_SOCKET] = op_pidfd_socket,
	[OP_MAP_RANGES] = op_map_ranges,
	[OP_MAP_HELPED] = op_map_helped,
	[OP_CGROUP_OWNER] = op_cgroup_owner,
	[OP_SECCOMP] = op_seccomp,
	[OP_EXEC] = op_exec,
};

static op_function *const parent_functions[OP_COUNT] = {
	[OP_HOOK_OUTSIDE] = parent_hook,
	[OP_WAIT_START] = parent_ready,
	[OP_CLONE_AGAIN] = parent_adopt,
	[OP_MAP_RANGES] = parent_map_ranges,
	[OP_MAP_HELPED] = parent_map_helped,
};

static void fail(const struct launch *launch, uint32_t index, int error)
{
	launch->outcome->index = index;
	launch->outcome->error = error;
}

/* It goes on alone: nothing of it reaches the caller's terminal or holds its pipes open. */
static int leave_streams(void)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	return null < 0 ? -errno : 0;
}

_Noreturn static void run_child(struct launch *launch, uint32_t index)
{
	/* The modes in the plan are meant as they stand, whatever the caller's umask; the program gets docker's. */
	umask(0);
	int early = launch->late_cgroup >= 0 ? write_file(launch->late_cgroup, "cgroup.procs", "0") : 0;
	if (!early && launch->plan.ops[index - 1].code == OP_CLONE_FREE)
		early = mark_inherited(launch);
	if (!early && launch->is_silent)
		early = leave_streams();
	if (early) {
		fail(launch, index - 1, -early);
		_exit(CHILD_FAILED);
	}
	for (; index < launch->plan.count; index++) {
		int error = functions[launch->plan.ops[index].code](launch, &launch->plan.ops[index]);
		if (error) {
			fail(launch, index, -error);
			break;
		}
	}
	_exit(CHILD_FAILED);
}

/* Signals wait from before the child exists until someone takes them: none is lost, and no handler is ever needed.
   Those that stop a job (SIGTSTP and its like) keep their effect on the supervisor. */
static void hold_signals(struct launch *launch)
{
	static const int left_alone[] = { SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGPIPE, SIGTRAP, SIGSYS, SIGABRT };
	/* Not by sigfillset: musl's leaves out what it uses itself, the first real-time signal of glibc's programs among it. */
	memset(&launch->signals, 0xff, sizeof(launch->signals));
	for (size_t i = 0; i < sizeof(left_alone) / sizeof(*left_alone); i++)
		sigdelset(&launch->signals, left_alone[i]);
	sigprocmask(SIG_BLOCK, &launch->signals, NULL);
	/* An ignored SIGCHLD would let the kernel reap the program before we learn its status; a SIGPIPE from printing a
	   message would leave the cgroups behind. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

static int run_parent(struct launch *launch)
{
	for (uint32_t i = 0; i < launch->plan.count; i++) {
		const struct op *op = &launch->plan.ops[i];
		if (op->code == OP_CLONE || op->code == OP_CLONE_FREE) {
			if (op->code == OP_CLONE)
				cgroups_sweep(launch);
			launch->child = op->code == OP_CLONE ? launch_clone(launch, op) : launch_clone_free(launch, op);
			if (launch->child == 0)
				run_child(launch, i + 1);
			if (launch->child < 0)
				fail(launch, i, -launch->child);
			return launch->child < 0 ? -1 : 0;
		}
		int error = functions[op->code] ? functions[op->code](launch, op) : 0;
		if (error) {
			fail(launch, i, -error);
			return -1;
		}
	}
	return -1;
}

void launch_new(struct launch *launch, char **argv, const char *self)
{
	*launch = (struct launch){ .argv = argv, .self = self, .umask = PROGRAM_UMASK };
	launch->root = launch->empty_directory = launch->null_device = launch->parent = NO_FD;
	launch->gate = launch->console_socket = launch->console_receiver = launch->channel = launch->state_directory = NO_FD;
	launch->tree = launch->proc = launch->pidfd_socket = launch->agent = launch->host_network = launch->hosts = launch->way_out = NO_FD;
	launch->late_cgroup = launch->container = launch->terminal = launch->view = NO_FD;
	launch->engine = launch->code = launch->opened = launch->kept = NO_FD;
}

int launch_start(struct launch *launch)
{
	hold_signals(launch);
	return run_parent(launch);
}

int ask_parent(struct launch *launch, const struct op *op)
{
	uint32_t index = (uint32_t)(op - launch->plan.ops);
	int answer;
	if (send(launch->channel, &index, sizeof(index), MSG_NOSIGNAL) < 0)
		return -errno;
	/* Signals are held: nothing interrupts it. */
	if (recv(launch->channel, &answer, sizeof(answer), 0) != (ssize_t)sizeof(answer))
		return -EPIPE;
	return answer;
}

int serve_child(struct launch *launch)
{
	uint32_t index;
	while (recv(launch->channel, &index, sizeof(index), 0) == (ssize_t)sizeof(index)) {
		const struct op *op = index < launch->plan.count ? &launch->plan.ops[index] : NULL;
		int answer = op && parent_functions[op->code] ? parent_functions[op->code](launch, op) : -EINVAL;
		if (send(launch->channel, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
		if (answer == 0 && op->code == OP_WAIT_START && launch->gate >= 0)
			return 0;
	}
	return launch->outcome->takes_signals && !launch->outcome->error ? 0 : -1;
}

static const char filtered[] = "the program was ended by SIGSYS, as by a system call that its filter doesn't let it make";
static const char filtered_hint[] = "whit syscalls shows those of its code, whit trace --calls what a run makes besides: docs/syscalls.md";

int launch_run(struct launch *launch)
{
	void *shared = mmap(NULL, sizeof(struct outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	launch->outcome = shared;
	int code = launch_start(launch);
	/* Nobody answers here: a child that asks is told so, and doesn't wait. */
	close_fd(&launch->channel);
	if (code == 0) {
		code = supervise(launch, launch->child, NULL);
		cgroups_report(launch);
		if (launch->outcome->was_filtered)
			complain(filtered, filtered_hint);
	}
	bridge_leave(launch);
	cgroups_remove(launch);
	return launch->outcome->error ? -1 : code;
}
