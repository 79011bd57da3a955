/* Whom a container's process is sent to: who wants it as a descriptor, and who answers for the system call filter. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { NEW_LISTENER = 8, STATE_SIZE = 65536 };

int op_pidfd_socket(struct launch *launch, const struct op *op)
{
	launch->pidfd_socket = connect_to(op_text(&launch->plan, op, PIDFD_SOCKET_path));
	return launch->pidfd_socket < 0 ? launch->pidfd_socket : 0;
}

int send_process(const struct launch *launch)
{
	if (launch->pidfd_socket < 0)
		return 0;
	CLEANUP_FD int process = (int)syscall(NR_PIDFD_OPEN, launch->child, 0);
	return process < 0 ? -errno : send_descriptor(launch->pidfd_socket, process, "pidfd");
}

int op_seccomp_agent(struct launch *launch, const struct op *op)
{
	launch->agent = connect_to(op_text(&launch->plan, op, SECCOMP_AGENT_path));
	return launch->agent < 0 ? launch->agent : 0;
}

/* The process's state as the agent gets it: its number stands between the parts, once or twice. */
static int write_state(const struct launch *launch, const struct op *op, char *text, size_t size)
{
	const char *between = op_text(&launch->plan, op, SECCOMP_NOTIFY_between);
	uint64_t number = (uint64_t)launch->outcome->number_in_proc;
	size_t at = 0;
	int error = append(text, size, &at, op_text(&launch->plan, op, SECCOMP_NOTIFY_head)) || append_number(text, size, &at, number);
	if (!error && *between)
		error = append(text, size, &at, between) || append_number(text, size, &at, number);
	return error || append(text, size, &at, op_text(&launch->plan, op, SECCOMP_NOTIFY_tail)) ? -ENAMETOOLONG : 0;
}

int op_seccomp_notify(struct launch *launch, const struct op *op)
{
	static char state[STATE_SIZE];
	size_t length;
	const char *program = op_bytes(&launch->plan, op, SECCOMP_NOTIFY_program, &length);
	int error = write_state(launch, op, state, sizeof(state));
	/* The filter may forbid what closing takes; sending the listener is what it may not ask about (runtime/oci/compile.py). */
	error = error ? error : close_before_program(launch);
	if (error)
		return error;
	int listener = load_filter(program, length, (unsigned)op_number(op, SECCOMP_NOTIFY_flags) | NEW_LISTENER);
	return listener < 0 ? listener : send_descriptor(launch->agent, listener, state);
}
