/* One launch: what the operations share. Nothing in the launcher is global but what the kernel keeps for us. */
#ifndef WHIT_LAUNCH_H
#define WHIT_LAUNCH_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

enum { MAX_CGROUPS = 16, CGROUP_NAME_SIZE = 64, NO_FD = -1, CHILD_FAILED = 125 };

/* What the child tells its parent, in memory that both see: which operation failed, and how (`error` is an errno, 0 if none
   did); whether signals that are sent to it from now on act as they do on the program; and its number in the host's /proc. */
struct outcome {
	uint32_t index;
	int error;
	int takes_signals;
	pid_t number_in_proc;
};

struct cgroup {
	int parent, directory;
};

struct launch {
	struct plan plan;
	char **argv;
	const char *self;
	volatile struct outcome *outcome;
	struct cgroup cgroups[MAX_CGROUPS];
	unsigned cgroup_count;
	char cgroup_name[CGROUP_NAME_SIZE];
	int root;
	int empty_directory, null_device;
	int parent;
	const char *parent_path;
	size_t parent_length;
	sigset_t signals;
	/* The cgroup that the child has to join by itself, on kernels without CLONE_INTO_CGROUP. */
	int late_cgroup;
	pid_t child;
};

/* Execute the plan and supervise the program until it ends. Returns the exit code of the program (128 + n for signal n),
   or -1 when an operation failed: then `outcome` says which, and nothing of the container is left. */
int launch_run(struct launch *launch);

/* How each operation is executed; 0 or -errno. */
typedef int op_function(struct launch *launch, const struct op *op);

op_function op_hold_lock, op_seal_self, op_cgroup_create, op_cgroup_write, op_cgroup_watch_oom, op_time_offsets;
op_function op_cgroup_enter, op_cgroup_unshare, op_map_ids, op_new_session, op_new_keyring;
op_function op_set_hostname, op_loopback_up, op_mounts_private, op_root_attach, op_mount_new, op_mount_bind;
op_function op_mount_readonly, op_mask, op_make_directory, op_make_device, op_make_link, op_root_pivot;
op_function op_change_directory, op_set_rlimit, op_drop_bounding, op_set_ids, op_set_capabilities;
op_function op_no_new_privileges, op_init, op_seccomp, op_exec, op_tie_to_caller, op_trace;

/* Fork into the namespaces that the CLONE operation names, with a guardian in between (guardian.c). As fork: 0 in the
   container's first process, in the supervisor the pid of the guardian, which ends as the program does, or -errno. */
pid_t launch_clone(struct launch *launch, const struct op *op);

/* Load a system call filter, `length` bytes of instructions. 0, the listener's descriptor if `flags` asks for one, or -errno. */
int load_filter(const char *program, size_t length, unsigned flags);

/* Close every descriptor but the standard streams. 0 or -errno. */
int close_inherited(void);

/* Wait for `child`, passing it every signal that reaches us. Returns its exit code. `shown` is its number in /proc, known
   once it takes signals, where it is the first process of its namespace: those lose some. NULL where no signal is lost. */
int supervise(const struct launch *launch, pid_t child, const volatile pid_t *shown);

/* Remove what supervisors that were killed have left. A cgroup that still holds a process can't be removed: no harm is done. */
void cgroups_sweep(const struct launch *launch);

/* Print the out-of-memory message of each watched cgroup in which the kernel killed something, then remove all cgroups. */
void cgroups_report(const struct launch *launch);
void cgroups_remove(struct launch *launch);

#endif
