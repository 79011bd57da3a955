/* One launch: what the operations share. Nothing in the launcher is global but what the kernel keeps for us. */
#ifndef WHIT_LAUNCH_H
#define WHIT_LAUNCH_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

enum { MAX_CGROUPS = 16, CGROUP_NAME_SIZE = 64, PROGRAM_SIZE = 4096, MAX_TREES = 64, MAX_LATE = 4, FURTHER_ID_SIZE = 65, ADDRESS_SIZE = 16, LEASE_ID_SIZE = 65, NO_FD = -1, CHILD_FAILED = 125 };

/* An address in a network of whit's, and the ID by which its owner is known there (bridge.h). */
struct lease {
	char address[ADDRESS_SIZE], id[LEASE_ID_SIZE];
};

/* What the child tells its parent, in memory that both see: which operation failed, and how (`error` is an errno, 0 if none
   did); whether signals that are sent to it from now on act as they do on the program; its number in the host's /proc; and the address
   that it has taken, to be given back. */
struct outcome {
	uint32_t index;
	int error;
	int takes_signals;
	int was_filtered; /* the program was ended by SIGSYS */
	int has_init; /* the first process of the namespace is ours and loses no signal */
	pid_t number_in_proc, guardian_in_proc;
	struct lease lease;
};

struct cgroup {
	int parent, directory;
};

struct late_change {
	uint64_t set, clear;
	int recursive;
};

struct bundle;

struct launch {
	struct plan plan;
	/* What the root is filled from, in a bundle (ops_bundle.c). */
	const struct bundle *bundle;
	/* The folder that its files are kept in, or NO_FD. */
	int kept;
	/* The process that fills it further, or 0. */
	pid_t filler;
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
	/* What only OCI containers have (ops_oci.c): the gate that start opens, the socket that the terminal is sent to and its
	   other end, the channel between the child and its parent, and the container's folder of state. */
	int gate, console_socket, console_receiver, channel, state_directory;
	/* The caller's terminal, where the container's is passed on to it. */
	int terminal;
	/* For whit's own exec: the keys that let go of the process, NULL elsewhere; and whether it goes without the caller's streams. */
	const char *keys;
	int is_silent;
	/* Its name in events, and whether it was let go of. */
	char further_id[FURTHER_ID_SIZE];
	int has_let_go;
	/* A failure is the caller's to tell: Python begins again (exec_cached). */
	int falls_back;
	const char *pid_file;
	/* Who gets the process as a descriptor, and who answers the system calls that the filter asks about (ops_listen.c). */
	int pidfd_socket, agent;
	/* The folder in /proc of the container's first process, and when that was started, for a further one (ops_join.c). */
	int container;
	/* The root that a view of a container's files lies over (ops_view.c). */
	int view;
	uint64_t container_started;
	/* The kept plan that this is, if it is one (oci_kept.c). */
	const char *kept_path;
	int is_exec;
	/* The mount in hand, a /proc that is attached nowhere, and mounts whose users are mapped (ops_tree.c, ops_process.c). */
	int tree, proc;
	/* The host's network namespace, asked by a socket of it, the bridge's number there, and the program's hosts file (ops_bridge.c). */
	int host_network, bridge, hosts;
	/* Where a program is told to speak for this one outside, and says that it does (ops_wayout.c). */
	int way_out;
	/* What is to be changed of the mount in hand once it is attached, on kernels that can't change it before (Linux 5.12). */
	struct late_change late[MAX_LATE];
	unsigned late_count;
	int trees[MAX_TREES];
	unsigned tree_count;
	/* The WebAssembly engine, which is executed in the program's place, and the compiled program, its descriptor 3 (ops_wasm.c). */
	int engine, code;
	/* The program, where the filter lets nothing be executed but by this descriptor. */
	int opened;
	/* What it is started with, once that was looked up. */
	char **arguments, **environment;
	/* The kernel executes no file without a name in this PID namespace (ops_landlock.c). */
	int is_nameless_shut;
	/* How many descriptors from 3 on the program inherits, its umask, and where it was found. */
	unsigned kept_descriptors;
	int is_closed; /* all others */
	int is_marked; /* those that were inherited, to be closed when the program starts: mark_inherited() */
	mode_t umask;
	char program[PROGRAM_SIZE];
	/* "HOME=…" for a program whose environment has none. */
	char home[PROGRAM_SIZE];
};

/* A launch of which nothing has been done yet. */
void launch_new(struct launch *launch, char **argv, const char *self);

/* Execute the plan until the child exists. 0, or -1 when an operation failed. `outcome` must be there. */
int launch_start(struct launch *launch);

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
op_function op_start_gate, op_console_socket, op_hook_outside, op_hook_inside, op_terminal, op_set_umask, op_keep_descriptors;
op_function op_find_program, op_wait_start, op_container_find;
op_function op_cgroup_open, op_device_filter, op_tree_idmapped, op_join_processes, op_join_namespace, op_clone_again;
op_function op_map_ranges, op_set_domainname, op_sysctl, op_proc_write, op_mounts_propagate, op_root_bind, op_tree_new, op_tree_bind;
op_function op_tree_keep, op_tree_take, op_tree_attributes, op_tree_copy_up, op_mount_filled, op_tree_attach, op_tree_propagation, op_path_make;
op_function op_path_attributes, op_path_propagation, op_device_node, op_link_anew, op_root_switch, op_set_personality;
op_function op_set_scheduler, op_set_io_priority, op_set_memory_policy, op_set_affinity, op_set_home, op_seccomp_with, op_landlock, op_nameless;
op_function op_map_helped, op_cgroup_owner, op_root_find, op_pidfd_socket, op_seccomp_agent, op_seccomp_notify;
op_function op_view_begin, op_view_bind, op_exec_in, op_open_engine, op_bridge_find, op_bridge_join, op_hosts_bind, op_way_out, op_way_out_wait, op_warn;
op_function op_root_unpack, op_root_filled, op_no_new_privileges, op_init, op_seccomp, op_open_program, op_exec, op_tie_to_caller, op_trace;

/* Fork into the namespaces that the CLONE operation names, with a guardian in between (guardian.c). As fork: 0 in the
   container's first process, in the supervisor the pid of the guardian, which ends as the program does, or -errno. */
pid_t launch_clone(struct launch *launch, const struct op *op);

/* The same without a guardian: the child is the caller's to keep; a channel connects it with its parent. */
pid_t launch_clone_free(struct launch *launch, const struct op *op);

/* In the child: have the parent execute the operation. In the parent: execute what the child asks for, until it waits at the
   gate or has become the program: 0, or -1 when it failed. */
op_function ask_parent;
int serve_child(struct launch *launch);

/* The functions by which the parent executes what it is asked for. */
op_function parent_hook, parent_ready, parent_adopt, parent_map_ranges, parent_map_helped;

/* Which arguments of an operation are the mappings of users and groups: triples of 32 bits, inside, outside, size. */
struct id_maps {
	const struct op *op;
	unsigned uids, gids;
};

/* Map one user and one group of the caller's into the user namespace that this process is in. 0 or -errno. */
int map_ids(uint64_t uid, uint64_t outer_uid, uint64_t gid, uint64_t outer_gid);

/* Write them for a process that is in a user namespace of its own. 0 or -errno. */
int write_id_maps(const struct launch *launch, pid_t child, const struct id_maps *maps);

/* Have newuidmap or newgidmap map such triples for a process that is in a user namespace of its own. 0 or -errno. */
int map_ids_by(const char *program, pid_t child, const char *packed, size_t length);

/* What the supervisor's /proc calls this process, whichever PID namespace that is of; 0 if it can't be told. */
pid_t number_in_proc(void);

/* Open what belongs to the container's first process, by its name in that process's folder in /proc, or any absolute path.
   A descriptor, -ESRCH if the process has ended, or another -errno. */
int open_of_container(const struct launch *launch, const char *path, int flags);

/* A stream socket that is connected to the one of that path, or -errno. */
int connect_to(const char *path);

/* Send the container's process to whoever asked for it. 0 or -errno. */
int send_process(const struct launch *launch);

/* Send a descriptor, with a text that the receiver may show. 0 or -errno. */
int send_descriptor(int socket, int descriptor, const char *text);

/* Bring up the loopback interface of the network namespace. 0 or -errno. */
int loopback_up(void);

/* Send a signal to the first process of a PID namespace; `shown` is its number in /proc. If the kernel would drop it, the process is killed.
   Returns the signal that it was ended for in that way, or 0. */
int signal_first(pid_t first, pid_t shown, int number);

/* The descriptor that comes over a socket with a text, or -errno. */
int receive_descriptor(int receiver);

/* A file in memory for a program: made, and once that is in it, closed to all who would write to it. A descriptor, or 0; or -errno. */
int sealable_file(void);
int seal_program(int file);

/* Undo what was done to signals on the way to a program. */
void reset_signals(void);

/* Load a system call filter, `length` bytes of instructions. 0, the listener's descriptor if `flags` asks for one, or -errno. */
int load_filter(const char *program, size_t length, unsigned flags);

/* Close every descriptor from `first` on. 0 or -errno. */
int close_from(unsigned first);
int close_inherited(void);

/* Before Linux 5.9 only /proc tells what is open, and a container may have none: what the caller has left open is marked while the
   host's is at hand, so that the program's start closes it. 0 or -errno. */
int mark_inherited(struct launch *launch);

/* Close all that isn't the program's, but for the channel or the gate, which its start closes; once. 0 or -errno. */
int close_before_program(struct launch *launch);

/* Wait for `child`, passing it every signal that reaches us. Returns its exit code. `shown` is its number in /proc, known
   once it takes signals, where it is the first process of its namespace: those lose some. NULL where no signal is lost. */
int supervise(const struct launch *launch, pid_t child, const volatile pid_t *shown);

/* Remove what supervisors that were killed have left. A cgroup that still holds a process can't be removed: no harm is done. */
void cgroups_sweep(const struct launch *launch);

/* Give back the address that the program had, if it had one. */
void bridge_leave(const struct launch *launch);

/* Print the out-of-memory message of each watched cgroup in which the kernel killed something, then remove all cgroups. */
void cgroups_report(const struct launch *launch);
void cgroups_remove(struct launch *launch);

#endif
