/* run and exec in the foreground: signals are passed on, and where the process has a terminal, what goes over it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "launch.h"
#include "oci.h"
#include "util.h"

enum { CHUNK = 4096, SIGNALLED = 128, NAME_SIZE = 64 };

enum watched { WATCH_SIGNALS, WATCH_MASTER, WATCH_INPUT, WATCHED };

int receive_descriptor(int receiver)
{
	char name[NAME_SIZE];
	int master = -1;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = { .iov_base = name, .iov_len = sizeof(name) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	if (recvmsg(receiver, &message, MSG_CMSG_CLOEXEC) <= 0 || message.msg_controllen < CMSG_LEN(sizeof(int)))
		return -EPIPE;
	memcpy(&master, CMSG_DATA(&control.header), sizeof(master));
	return master;
}

static void copy_size(int terminal, int master)
{
	struct winsize size;
	if (ioctl(terminal, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

/* Pass on what there is; 0 when nothing will come any more. */
static int pass(int from, int to)
{
	char bytes[CHUNK];
	ssize_t got = read(from, bytes, sizeof(bytes));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	for (ssize_t at = 0; at < got;) {
		ssize_t done = write(to, bytes + at, (size_t)(got - at));
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return 0;
		at += done > 0 ? done : 0;
	}
	return got > 0;
}

/* The child's exit code once it has ended, else -1. */
static int reap_child(pid_t child)
{
	int status;
	if (waitpid(child, &status, WNOHANG | __WALL) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

static int take_signal(const struct launch *launch, int signals, int master)
{
	struct signalfd_siginfo info;
	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return -1;
	if (info.ssi_signo == SIGCHLD)
		return reap_child(launch->child);
	if (info.ssi_signo == SIGWINCH && master >= 0)
		copy_size(launch->terminal, master);
	else
		kill(launch->child, (int)info.ssi_signo);
	return -1;
}

/* What the program has written before its end is still in the terminal. */
static void drain(int master)
{
	struct pollfd output = { .fd = master, .events = POLLIN };
	while (poll(&output, 1, 0) > 0 && output.revents & POLLIN && pass(master, STDOUT_FILENO))
		;
}

static int attend(const struct launch *launch, int master)
{
	CLEANUP_FD int signals = signalfd(-1, &launch->signals, SFD_CLOEXEC);
	struct pollfd watched[WATCHED] = {
		[WATCH_SIGNALS] = { .fd = signals, .events = POLLIN },
		[WATCH_MASTER] = { .fd = master, .events = POLLIN },
		[WATCH_INPUT] = { .fd = master >= 0 ? STDIN_FILENO : -1, .events = POLLIN },
	};
	int code = reap_child(launch->child);
	while (code < 0) {
		if (poll(watched, WATCHED, -1) < 0)
			continue;
		if (watched[WATCH_MASTER].revents && !pass(master, STDOUT_FILENO))
			watched[WATCH_MASTER].fd = -1;
		if (watched[WATCH_INPUT].revents && !pass(STDIN_FILENO, master))
			watched[WATCH_INPUT].fd = -1;
		if (watched[WATCH_SIGNALS].revents)
			code = take_signal(launch, signals, master);
	}
	if (master >= 0)
		drain(master);
	return code;
}

int oci_attend(struct launch *launch)
{
	struct termios before, raw;
	CLEANUP_FD int master = launch->console_receiver >= 0 ? receive_descriptor(launch->console_receiver) : -1;
	int is_terminal = master >= 0 && tcgetattr(launch->terminal, &before) == 0;
	if (is_terminal) {
		copy_size(launch->terminal, master);
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(launch->terminal, TCSANOW, &raw);
	}
	int code = attend(launch, master);
	if (is_terminal)
		tcsetattr(launch->terminal, TCSANOW, &before);
	return code;
}
