/* run and exec in the foreground: signals are passed on, and where the process has a terminal, what goes over it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "launch.h"
#include "oci.h"
#include "util.h"

enum { CHUNK = 4096, SIGNALLED = 128, NAME_SIZE = 64, MAX_KEYS = 16, LET_GO = 1, HELD = 3 };

/* In docker's words. */
static const char let_go[] = "read escape sequence\n";

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

/* What is typed, but for the keys that let go of the process: those are held back until it is clear that they aren't meant.
   -1 when all of them were typed, 0 when nothing will come any more. `matched` is how many have been typed already. */
static int type(const char *keys, size_t *matched, int master)
{
	char bytes[CHUNK], passed[CHUNK + MAX_KEYS];
	size_t filled = 0;
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	for (ssize_t i = 0; i < got; i++) {
		if (bytes[i] == keys[*matched]) {
			if (keys[++*matched])
				continue;
			return write_all(master, passed, filled) ? 0 : -1;
		}
		size_t before = *matched;
		*matched = 0;
		memcpy(passed + filled, keys, before);
		passed[filled + before] = bytes[i];
		filled += before + 1;
	}
	return got > 0 && write_all(master, passed, filled) == 0;
}

/* The caller's terminal may be hung up before this is in a session of its own. */
static void take_signals_but_hangup(void)
{
	sigset_t none;
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 1 where children are born in our own process namespace, and not in the container's, whose processes would see them. */
static int bears_children_here(void)
{
	struct stat own, of_children;
	CLEANUP_FD int namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (namespace < 0 || fstat(namespace, &own) < 0 || stat("/proc/self/ns/pid_for_children", &of_children) < 0)
		return 0;
	return own.st_ino == of_children.st_ino || setns(namespace, CLONE_NEWPID) == 0;
}

void oci_hold_terminal(int master)
{
	char bytes[CHUNK];
	if (master < 0 || !bears_children_here() || fork() != 0)
		return;
	setsid();
	take_signals_but_hangup();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (chdir("/") < 0 || dup2(master, HELD) < 0 || close_from(HELD + 1))
		_exit(LET_GO);
	while (read(HELD, bytes, sizeof(bytes)) > 0)
		;
	_exit(0);
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

/* Whether somebody types there who may let go of it. */
static int has_keys(const struct launch *launch, int master)
{
	return launch->keys && *launch->keys && strlen(launch->keys) <= MAX_KEYS && master >= 0 && isatty(STDIN_FILENO);
}

static int attend(struct launch *launch, int master)
{
	size_t matched = 0;
	int may_let_go = has_keys(launch, master);
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
		int typed = !watched[WATCH_INPUT].revents ? 1 : may_let_go ? type(launch->keys, &matched, master) : pass(STDIN_FILENO, master);
		if (typed < 0) {
			oci_hold_terminal(master);
			launch->has_let_go = 1;
			return LET_GO;
		}
		if (!typed)
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
	if (is_terminal)
		copy_size(launch->terminal, master);
	/* With whit exec -t, without -i, keys still mean what they do in the caller's terminal: ^C ends it. */
	is_terminal = is_terminal && (!launch->keys || isatty(STDIN_FILENO));
	if (is_terminal) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(launch->terminal, TCSANOW, &raw);
	}
	int code = attend(launch, master);
	if (is_terminal)
		tcsetattr(launch->terminal, TCSANOW, &before);
	if (launch->has_let_go)
		write_all(STDERR_FILENO, let_go, sizeof(let_go) - 1);
	return code;
}
