/* `whit trace`: the container's calls are shown to a tracer outside of it, which answers each with "go on" (seccomp_unotify(2)). */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch.h"
#include "util.h"

enum { NEW_LISTENER = 8, WAIT_KILLABLE = 32 };

/* A tracer that is killed can't answer any more: the supervisor goes with it, and with the supervisor the container. */
int op_tie_to_caller(struct launch *launch, const struct op *op)
{
	(void)launch;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return (uint64_t)getppid() == op_number(op, TIE_TO_CALLER_caller) ? 0 : -ESRCH;
}

int send_descriptor(int socket, int descriptor, const char *text)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	/* sendmsg's signature lacks the const. At least a byte: its NUL. */
	struct iovec data = { .iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text) + (*text == 0) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(descriptor));
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int op_trace(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *program = op_bytes(&launch->plan, op, TRACE_program, &length);
	uint64_t socket = op_number(op, TRACE_socket);
	if (socket > INT_MAX)
		return -EBADF;
	/* Signals that aren't fatal wait until the tracer has answered; kernels before 5.19 would interrupt the call for them. */
	CLEANUP_FD int listener = load_filter(program, length, NEW_LISTENER | WAIT_KILLABLE);
	if (listener == -EINVAL)
		listener = load_filter(program, length, NEW_LISTENER);
	return listener < 0 ? listener : send_descriptor((int)socket, listener, "");
}
