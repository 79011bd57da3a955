/* The supervisor's socket: who asks it to do something, and who looks at or types into the container. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "engine.h"
#include "events.h"
#include "launch.h"
#include "util.h"

enum { MAX_WORDS = 4, NUMBER_SIZE = 24 };

#define PATIENCE_NS (10 * SECOND_NS)

int control_open(struct supervisor *supervisor)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "control" };
	unlink(address.sun_path);
	for (unsigned i = 0; i < MAX_CLIENTS; i++)
		supervisor->clients[i].socket = -1;
	supervisor->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (supervisor->listener < 0 || bind(supervisor->listener, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0)
		return -errno;
	return listen(supervisor->listener, MAX_CLIENTS) < 0 ? -errno : 0;
}

static void let_go(struct client *client)
{
	close(client->socket);
	*client = (struct client){ .socket = -1 };
}

static void answer(struct client *client, const char *text)
{
	if (send(client->socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		let_go(client);
}

/* Whether he has heard it. */
static int answer_code(struct client *client, int code)
{
	char text[NUMBER_SIZE] = "x ";
	size_t at = 2;
	append_number(text, sizeof(text), &at, (uint64_t)code);
	answer(client, text);
	if (client->socket < 0)
		return 0;
	let_go(client);
	return 1;
}

int control_tell_end(struct supervisor *supervisor, int code)
{
	int gives_back = 0;
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = &supervisor->clients[i];
		int would = client->gives_back;
		if (client->socket >= 0 && answer_code(client, code))
			gives_back |= would;
	}
	return gives_back;
}

/* 1 if there is room for one more who stays; else he is told. */
static int may_stay(struct supervisor *supervisor, struct client *client)
{
	unsigned staying = 0;
	for (unsigned i = 0; i < MAX_CLIENTS; i++)
		staying += supervisor->clients[i].socket >= 0 && supervisor->clients[i].stays;
	client->stays = staying < MAX_CLIENTS - KEPT_FREE;
	if (!client->stays) {
		answer(client, "e too many wait for this container or are attached to it");
		if (client->socket >= 0)
			let_go(client);
	}
	return client->stays;
}

static void begin_attach(struct client *client, const char *flags)
{
	client->wants_input = strchr(flags, 'i') != NULL;
	client->wants_output = strchr(flags, 'o') != NULL;
	client->wants_errors = strchr(flags, 'e') != NULL;
	client->is_attached = 1;
	answer(client, "k");
}

static void stop(struct supervisor *supervisor, struct client *client, char *const *words, size_t count)
{
	uint64_t seconds = 0, number = (uint64_t)supervisor->settings.stop_signal;
	int is_forever = count > 1 && strcmp(words[1], "-1") == 0;
	if (count < 2 || (!is_forever && parse_number(words[1], &seconds)) || (count > 2 && parse_number(words[2], &number)) ||
	    number < 1 || number >= (uint64_t)NSIG || seconds > INT32_MAX) {
		answer(client, "e stop takes seconds and a signal");
		return;
	}
	/* Who stops it gives back what it had, and needn't wait for another Python to start: unless he has gone by then. */
	client->gives_back = count > 3 && strcmp(words[3], "mine") == 0;
	engine_stop(supervisor, (int)number, is_forever ? -1 : (int64_t)seconds);
}

/* One that the kernel would drop ends the program, as it would anywhere else. */
static void pass_signal(struct supervisor *supervisor, int number)
{
	if (supervisor->status.pid == 0 || supervisor->is_over)
		return;
	if (number == SIGKILL)
		run_thaw(supervisor);
	int fatal = signal_first(supervisor->status.pid, supervisor->status.pid, number);
	supervisor->ended_for = fatal ? fatal : supervisor->ended_for;
}

static void send_signal(struct supervisor *supervisor, struct client *client, char *const *words, size_t count)
{
	uint64_t number;
	if (count != 2 || parse_number(words[1], &number) || number < 1 || number >= (uint64_t)NSIG)
		answer(client, "e kill takes a signal's number");
	else if (supervisor->status.pid == 0)
		answer(client, "e the container is not running");
	else {
		/* A container that a person has killed isn't started again, as docker has it. */
		if (number == SIGKILL)
			supervisor->status.stopped = 1;
		event_record_number(AT_FDCWD, "kill", "signal", number);
		pass_signal(supervisor, (int)number);
		answer(client, "k");
	}
}

static void set_policy(struct supervisor *supervisor, struct client *client, char *const *words, size_t count)
{
	uint64_t policy, most;
	if (count != 3 || parse_number(words[1], &policy) || policy > POLICY_ALWAYS || parse_number(words[2], &most)) {
		answer(client, "e restart takes a policy and how often at most");
		return;
	}
	supervisor->settings.policy = (enum policy)policy;
	supervisor->settings.most_restarts = most;
	answer(client, "k");
}

/* "ROWS COLUMNS" */
static void resize(struct supervisor *supervisor, const char *rows_text, const char *columns_text)
{
	uint64_t rows, columns;
	if (supervisor->master < 0 || parse_number(rows_text, &rows) || parse_number(columns_text, &columns) || rows > UINT16_MAX || columns > UINT16_MAX)
		return;
	const struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	ioctl(supervisor->master, TIOCSWINSZ, &size);
}

static size_t split(char *text, char **words)
{
	size_t count = 0;
	for (char *rest = text, *word; count < MAX_WORDS && (word = strsep(&rest, " "));)
		if (*word)
			words[count++] = word;
	return count;
}

static void command(struct supervisor *supervisor, struct client *client, char *text)
{
	char *words[MAX_WORDS] = { NULL };
	size_t count = split(text, words);
	const char *verb = count > 0 ? words[0] : "";
	if (strcmp(verb, "attach") == 0) {
		if (may_stay(supervisor, client))
			begin_attach(client, count > 1 ? words[1] : "");
	} else if (strcmp(verb, "wait") == 0)
		may_stay(supervisor, client);
	else if (strcmp(verb, "stop") == 0)
		stop(supervisor, client, words, count);
	else if (strcmp(verb, "kill") == 0)
		send_signal(supervisor, client, words, count);
	else if (strcmp(verb, "restart") == 0)
		set_policy(supervisor, client, words, count);
	else if (strcmp(verb, "resize") == 0 && count == 3) {
		resize(supervisor, words[1], words[2]);
		answer(client, "k");
	} else
		answer(client, "e there is no such command");
}

/* What a client sends that is attached. */
static void typed(struct supervisor *supervisor, const struct client *client, char *packet, size_t size)
{
	char *words[MAX_WORDS] = { NULL };
	uint64_t number;
	if (packet[0] == '0' && client->wants_input)
		stream_type(supervisor, packet + 1, size - 1);
	else if (packet[0] == 'c' && client->wants_input)
		stream_close_input(supervisor);
	else if (packet[0] == 'r' && size > 2 && split(packet + 2, words) == 2)
		resize(supervisor, words[0], words[1]);
	else if (packet[0] == 's' && size > 2 && parse_number(packet + 2, &number) == 0 && number > 0 && number < (uint64_t)NSIG)
		pass_signal(supervisor, (int)number);
}

static void client_ready(struct supervisor *supervisor, unsigned index, short events)
{
	char packet[CHUNK_SIZE + 2];
	struct client *client = &supervisor->clients[index];
	/* That it can take more is looked at when what it is owed is sent. */
	if (client->socket < 0 || !(events & (POLLIN | POLLHUP | POLLERR)))
		return;
	ssize_t got = recv(client->socket, packet, sizeof(packet) - 1, MSG_DONTWAIT);
	if (got <= 0) {
		if (got == 0 || (errno != EAGAIN && errno != EINTR))
			let_go(client);
		return;
	}
	packet[got] = 0;
	if (!client->is_attached)
		command(supervisor, client, packet);
	else
		typed(supervisor, client, packet, (size_t)got);
}

static void listener_ready(struct supervisor *supervisor, unsigned index, short events)
{
	(void)index;
	(void)events;
	int socket = accept4(supervisor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	for (unsigned i = 0; socket >= 0 && i < MAX_CLIENTS; i++)
		if (supervisor->clients[i].socket < 0) {
			supervisor->clients[i] = (struct client){ .socket = socket };
			return;
		}
	if (socket >= 0)
		close(socket);
}

/* Who has connected by now, and asked for something, is heard before anything else happens. */
void control_settle(struct supervisor *supervisor)
{
	struct pollfd listener = { .fd = supervisor->listener, .events = POLLIN };
	for (unsigned i = 0; i < MAX_CLIENTS && poll(&listener, 1, 0) > 0; i++)
		listener_ready(supervisor, 0, POLLIN);
	for (unsigned i = 0; i < MAX_CLIENTS; i++)
		if (supervisor->clients[i].socket >= 0)
			client_ready(supervisor, i, POLLIN);
}

void control_owe_chunk(struct supervisor *supervisor)
{
	int is_output = supervisor->chunk_of == &supervisor->output;
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = &supervisor->clients[i];
		client->owes = client->socket >= 0 && (is_output ? client->wants_output : client->wants_errors);
	}
}

/* Whether it needs no more of what is in hand. */
static int send_to(struct supervisor *supervisor, struct client *client)
{
	char kind = supervisor->chunk_of->kind;
	struct iovec parts[] = { { &kind, 1 }, { supervisor->chunk, supervisor->chunk_size } };
	const struct msghdr message = { .msg_iov = parts, .msg_iovlen = sizeof(parts) / sizeof(*parts) };
	if (sendmsg(client->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
		client->owes = 0;
		client->patience = 0;
		return 1;
	}
	if (errno != EAGAIN && errno != ENOBUFS) {
		let_go(client);
		return 1;
	}
	return 0;
}

int control_send_chunk(struct supervisor *supervisor)
{
	int all = 1;
	int64_t now = engine_now();
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		struct client *client = &supervisor->clients[i];
		if (client->socket < 0 || !client->owes || send_to(supervisor, client))
			continue;
		if (client->patience == 0)
			client->patience = now + PATIENCE_NS;
		if (now >= client->patience)
			let_go(client);
		else
			all = 0;
	}
	return all;
}

void control_watch(struct supervisor *supervisor, struct watch *watch)
{
	watch_add(watch, supervisor->listener, POLLIN, listener_ready, 0);
	for (unsigned i = 0; i < MAX_CLIENTS; i++) {
		const struct client *client = &supervisor->clients[i];
		/* What is typed waits in the socket while the program hasn't taken what was typed before. */
		short events = client->wants_input && supervisor->typed_size > 0 ? 0 : POLLIN;
		watch_add(watch, client->socket, (short)(client->owes ? events | POLLOUT : events), client_ready, i);
		if (client->owes)
			watch_until(watch, client->patience);
	}
}
