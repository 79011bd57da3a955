/* `whit _attach FD FLAGS KEYS`: a terminal or pipes on one side, a container's supervisor on the other, until one of them ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { FAILED = 125, MAX_KEYS = 16, SIZE_TEXT = 48, TYPED_SIZE = 4096, LAST_SIGNAL_LEFT_ALONE = SIGTSTP };

struct session {
	int supervisor, signals, has_input, has_terminal, is_raw, passes_signals;
	/* What of the keys that let go of the container has been typed already. */
	const char *keys;
	size_t matched;
	struct termios before;
	int code;
};

static void send_typed(struct session *session, const char *bytes, size_t size)
{
	char packet[TYPED_SIZE + MAX_KEYS + 1] = "0";
	memcpy(packet + 1, bytes, size);
	/* A container that has ended takes no more; how it ended is still to be read. */
	if (size > 0 && send(session->supervisor, packet, size + 1, MSG_NOSIGNAL) < 0)
		session->has_input = 0;
}

/* The keys are held back until it is clear that they aren't meant; 0 when all of them were typed, 1 as long as the session goes on. */
static int type(struct session *session, const char *bytes, size_t size)
{
	char passed[TYPED_SIZE + MAX_KEYS];
	size_t filled = 0, length = strlen(session->keys);
	for (size_t i = 0; i < size; i++) {
		if (length > 0 && bytes[i] == session->keys[session->matched]) {
			session->matched++;
			if (session->matched == length)
				return 0;
			continue;
		}
		memcpy(passed + filled, session->keys, session->matched);
		filled += session->matched;
		session->matched = 0;
		passed[filled++] = bytes[i];
		if (filled > sizeof(passed) - MAX_KEYS - 1 || i + 1 == size) {
			send_typed(session, passed, filled);
			filled = 0;
		}
	}
	send_typed(session, passed, filled);
	return 1;
}

static int take_input(struct session *session)
{
	char bytes[TYPED_SIZE / 2];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (got <= 0) {
		session->has_input = 0;
		send(session->supervisor, "c", 1, MSG_NOSIGNAL);
		return 1;
	}
	return type(session, bytes, (size_t)got);
}

static void send_size(const struct session *session)
{
	char packet[SIZE_TEXT] = "r ";
	struct winsize size;
	size_t at = 2;
	if (!session->has_terminal || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return;
	append_number(packet, sizeof(packet), &at, size.ws_row);
	append(packet, sizeof(packet), &at, " ");
	append_number(packet, sizeof(packet), &at, size.ws_col);
	if (send(session->supervisor, packet, at, MSG_NOSIGNAL) < 0)
		return;
}

static int take_output(struct session *session)
{
	static char packet[MAX_PACKET];
	uint64_t code = FAILED;
	ssize_t got = recv(session->supervisor, packet, sizeof(packet) - 1, 0);
	/* ECONNRESET is said once where something of ours was left unread; what the supervisor sent before comes after it. */
	if (got <= 0)
		return got < 0 && (errno == EINTR || errno == ECONNRESET);
	packet[got] = 0;
	if (packet[0] == 'x' && got > 2) {
		parse_number(packet + 2, &code);
		session->code = (int)code;
		return 0;
	}
	if (packet[0] == '1' || packet[0] == '2')
		return write_all(packet[0] == '1' ? STDOUT_FILENO : STDERR_FILENO, packet + 1, (size_t)got - 1) == 0;
	return 1;
}

/* Signals go to the container by the supervisor, over a connection of their own: this one is for bytes. */
static void pass_signal(const struct session *session, uint32_t number)
{
	char packet[SIZE_TEXT] = "s ";
	size_t at = 2;
	append_number(packet, sizeof(packet), &at, number);
	if (session->passes_signals && send(session->supervisor, packet, at, MSG_NOSIGNAL) < 0)
		return;
}

static void take_signal(struct session *session)
{
	struct signalfd_siginfo info;
	if (read(session->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		send_size(session);
	else
		pass_signal(session, info.ssi_signo);
}

static void hold_signals(struct session *session)
{
	static const int wanted[] = { SIGWINCH, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	sigset_t signals;
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (wanted[i] == SIGWINCH || session->passes_signals)
			sigaddset(&signals, wanted[i]);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	session->signals = signalfd(-1, &signals, SFD_CLOEXEC);
}

static void set_raw(struct session *session)
{
	if (!session->has_terminal || tcgetattr(STDIN_FILENO, &session->before) < 0)
		return;
	struct termios raw = session->before;
	cfmakeraw(&raw);
	session->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void run(struct session *session)
{
	int goes_on = 1;
	while (goes_on) {
		struct pollfd watched[] = {
			{ .fd = session->supervisor, .events = POLLIN },
			{ .fd = session->has_input ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = session->signals, .events = POLLIN },
		};
		if (poll(watched, sizeof(watched) / sizeof(*watched), -1) < 0)
			continue;
		if (watched[2].revents)
			take_signal(session);
		if (watched[1].revents)
			goes_on = take_input(session);
		if (goes_on && watched[0].revents)
			goes_on = take_output(session);
	}
}

int engine_attach(char **argv)
{
	uint64_t fd;
	struct session session = { .keys = argv[4], .code = 0 };
	if (parse_number(argv[2], &fd) || fd > INT32_MAX || strlen(argv[4]) > MAX_KEYS) {
		complain("_attach is how whit attaches to a container", "use 'whit attach'");
		return FAILED;
	}
	session.supervisor = (int)fd;
	fcntl(session.supervisor, F_SETFD, FD_CLOEXEC);
	session.has_input = strchr(argv[3], 'i') != NULL;
	session.has_terminal = strchr(argv[3], 't') != NULL;
	session.passes_signals = strchr(argv[3], 's') != NULL;
	signal(SIGPIPE, SIG_IGN);
	hold_signals(&session);
	set_raw(&session);
	send_size(&session);
	run(&session);
	if (session.is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &session.before);
	return session.code;
}
