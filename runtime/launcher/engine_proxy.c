/* Connections to published ports: what comes from one side goes by a pipe to the other. A pipe belongs to a direction only while
   something is in it, so a connection that is silent costs two sockets; and no more is taken from one side than the other has room for. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum {
	CLIENT,
	SERVER,
	SIDES,
	MOST_EVENTS = 64,
	MOST_ACCEPTED = 16,
	MOST_TURNS = 4,
	PIPE_SIZE = 256 * 1024,
	BACKLOG = 4096,
	/* Each may have two sockets and, while it is busy, two pipes. */
	FILES_EACH = 6,
	FILES_OTHERS = MAX_HELD + 128,
	MOST_CONNECTIONS = 16384,
};

#define FULL_PAUSE_NS SECOND_NS

struct side {
	struct polled polled;
	struct connection *of;
};

/* What comes from one side and is on its way to the other. */
struct flow {
	int pipe[2];
	size_t pending;
	int is_ended, is_passed_on;
};

struct connection {
	struct side sides[SIDES];
	/* flows[CLIENT] comes from the client. */
	struct flow flows[SIDES];
	int is_connected, is_over;
	struct connection *next, *previous;
};

int polled_want(struct proxy *proxy, struct polled *polled, uint32_t wanted)
{
	struct epoll_event event = { .events = wanted, .data.ptr = polled };
	int how = polled->wanted == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
	if (wanted == polled->wanted)
		return 0;
	if (epoll_ctl(proxy->epoll, how, polled->fd, &event) < 0)
		return -errno;
	polled->wanted = wanted;
	return 0;
}

void polled_close(struct proxy *proxy, struct polled *polled)
{
	if (polled->fd < 0)
		return;
	polled_want(proxy, polled, 0);
	close(polled->fd);
	polled->fd = -1;
}

int proxy_connect(int type, uint16_t port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CLEANUP_FD int made = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (made < 0 || (connect(made, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0 && errno != EINPROGRESS))
		return -errno;
	return steal_fd(&made);
}

static int take_pipe(struct proxy *proxy, struct flow *flow)
{
	if (flow->pipe[0] >= 0)
		return 0;
	if (proxy->pipe_count > 0) {
		proxy->pipe_count--;
		flow->pipe[0] = proxy->pipes[proxy->pipe_count][0];
		flow->pipe[1] = proxy->pipes[proxy->pipe_count][1];
		return 0;
	}
	if (pipe2(flow->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		flow->pipe[0] = flow->pipe[1] = -1;
		return -errno;
	}
	/* A user has so many pages for pipes: where no more are left it stays smaller. */
	fcntl(flow->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

static void leave_pipe(struct proxy *proxy, struct flow *flow)
{
	if (flow->pipe[0] < 0)
		return;
	if (flow->pending == 0 && proxy->pipe_count < MAX_IDLE_PIPES) {
		proxy->pipes[proxy->pipe_count][0] = flow->pipe[0];
		proxy->pipes[proxy->pipe_count++][1] = flow->pipe[1];
	} else {
		close(flow->pipe[0]);
		close(flow->pipe[1]);
	}
	flow->pipe[0] = flow->pipe[1] = -1;
}

static void drop(struct proxy *proxy, struct connection *connection)
{
	for (unsigned i = 0; i < SIDES; i++) {
		polled_close(proxy, &connection->sides[i].polled);
		leave_pipe(proxy, &connection->flows[i]);
	}
	connection->is_over = 1;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		proxy->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	connection->next = proxy->over;
	proxy->over = connection;
	proxy->count--;
}

/* One side has failed: the other one hears of that, and not of an end. */
static void reset(struct proxy *proxy, struct connection *connection)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	for (unsigned i = 0; i < SIDES; i++)
		setsockopt(connection->sides[i].polled.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	drop(proxy, connection);
}

static int is_momentary(int error)
{
	return error == EAGAIN || error == EINTR;
}

/* Move what there is, but no more than a bounded lot: others wait. 0 or -errno. */
static int pump(struct proxy *proxy, struct connection *connection, unsigned from)
{
	struct flow *flow = &connection->flows[from];
	int source = connection->sides[from].polled.fd, target = connection->sides[SIDES - 1 - from].polled.fd, is_short = 0;
	for (unsigned turn = 0; turn < MOST_TURNS && !is_short; turn++) {
		if (flow->pending == 0 && !flow->is_ended) {
			int error = take_pipe(proxy, flow);
			ssize_t got = error ? error : splice(source, NULL, flow->pipe[1], NULL, PIPE_SIZE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
			if (got < 0 && (error || !is_momentary(errno)))
				return error ? error : -errno;
			flow->is_ended = got == 0;
			flow->pending = got > 0 ? (size_t)got : 0;
			is_short = flow->pending < CHUNK_SIZE;
		}
		if (flow->pending == 0)
			break;
		ssize_t put = splice(flow->pipe[0], NULL, target, NULL, flow->pending, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
		if (put < 0 && !is_momentary(errno))
			return -errno;
		flow->pending -= put > 0 ? (size_t)put : 0;
		if (flow->pending > 0)
			return 0;
	}
	leave_pipe(proxy, flow);
	if (flow->is_ended && !flow->is_passed_on) {
		flow->is_passed_on = 1;
		if (shutdown(target, SHUT_WR) < 0)
			return -errno;
	}
	return 0;
}

/* What each side is asked for next; or the end. */
static int settle(struct proxy *proxy, struct connection *connection)
{
	if (connection->flows[CLIENT].is_passed_on && connection->flows[SERVER].is_passed_on) {
		drop(proxy, connection);
		return 0;
	}
	for (unsigned i = 0; i < SIDES; i++) {
		const struct flow *out = &connection->flows[i], *in = &connection->flows[SIDES - 1 - i];
		uint32_t wanted = (!out->is_ended && out->pending == 0 ? (uint32_t)EPOLLIN : 0) | (in->pending > 0 ? (uint32_t)EPOLLOUT : 0);
		int error = polled_want(proxy, &connection->sides[i].polled, wanted);
		if (error)
			return error;
	}
	return 0;
}

/* 0 when the container's side has taken the connection. */
static int finish_connecting(struct connection *connection)
{
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(connection->sides[SERVER].polled.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return -errno;
	connection->is_connected = 1;
	return -error;
}

static void side_ready(struct proxy *proxy, struct polled *polled, uint32_t events)
{
	const struct side *side = (const struct side *)(const void *)polled;
	struct connection *connection = side->of;
	if (connection->is_over)
		return;
	unsigned which = side == &connection->sides[SERVER] ? SERVER : CLIENT;
	int error = connection->is_connected ? 0 : finish_connecting(connection);
	if (!error && (events & ~(uint32_t)EPOLLOUT))
		error = pump(proxy, connection, which);
	if (!error && (events & ~(uint32_t)EPOLLIN))
		error = pump(proxy, connection, SIDES - 1 - which);
	error = error ? error : settle(proxy, connection);
	if (error && !connection->is_over)
		reset(proxy, connection);
}

static struct connection *allocate(struct proxy *proxy)
{
	struct connection *connection = proxy->unused;
	if (!connection)
		return calloc(1, sizeof(*connection));
	proxy->unused = connection->next;
	*connection = (struct connection){ .is_over = 0 };
	return connection;
}

static void begin(struct proxy *proxy, int client, uint16_t port)
{
	static const int yes = 1;
	struct connection *connection = allocate(proxy);
	if (!connection) {
		close(client);
		return;
	}
	int server = proxy_connect(SOCK_STREAM, port), error = server < 0 ? server : 0;
	const int fds[SIDES] = { [CLIENT] = client, [SERVER] = server < 0 ? -1 : server };
	for (unsigned i = 0; i < SIDES; i++) {
		connection->sides[i] = (struct side){ .polled = { .fd = fds[i], .ready = side_ready }, .of = connection };
		connection->flows[i] = (struct flow){ .pipe = { -1, -1 } };
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	}
	setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	connection->next = proxy->connections;
	if (proxy->connections)
		proxy->connections->previous = connection;
	proxy->connections = connection;
	proxy->count++;
	error = error ? error : polled_want(proxy, &connection->sides[SERVER].polled, EPOLLOUT);
	if (error)
		reset(proxy, connection);
}

/* Who listens stops to, or begins again: with no descriptor left it would be told of the same asker for ever. */
static void set_full(struct proxy *proxy, int is_full)
{
	for (unsigned i = 0; i < proxy->held_count; i++)
		if (proxy->held[i].polled.ready == connections_ready)
			polled_want(proxy, &proxy->held[i].polled, is_full ? 0 : EPOLLIN);
	proxy->is_full = is_full;
}

void connections_ready(struct proxy *proxy, struct polled *polled, uint32_t events)
{
	const struct held *held = (const struct held *)(const void *)polled;
	int is_stuck = proxy->count >= proxy->most;
	(void)events;
	for (unsigned i = 0; i < MOST_ACCEPTED && !is_stuck; i++) {
		int client = accept4(polled->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0 && (is_momentary(errno) || errno == ECONNABORTED))
			return;
		if (client >= 0)
			begin(proxy, client, held->port);
		is_stuck = client < 0 || proxy->count >= proxy->most;
	}
	if (is_stuck)
		set_full(proxy, 1);
}

static int raise_files(struct supervisor *supervisor)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	supervisor->files = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	rlim_t left = limit.rlim_max > FILES_OTHERS ? (limit.rlim_max - FILES_OTHERS) / FILES_EACH : 1;
	supervisor->proxy.most = left < MOST_CONNECTIONS ? (unsigned)left : MOST_CONNECTIONS;
	return 0;
}

static int serve(struct proxy *proxy, struct held *held)
{
	static const int yes = 1;
	int type = 0, fd = held->polled.fd;
	socklen_t length = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
		return -errno;
	held->polled.ready = type == SOCK_STREAM ? connections_ready : datagrams_ready;
	/* Inherited by its connections: the port can be bound again while the kernel still remembers those. */
	if (type == SOCK_STREAM && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 || listen(fd, BACKLOG) < 0))
		return -errno;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return polled_want(proxy, &held->polled, EPOLLIN);
}

int proxy_open(struct supervisor *supervisor)
{
	struct proxy *proxy = &supervisor->proxy;
	int error = 0;
	for (unsigned i = 0; i < proxy->held_count && !error; i++) {
		if (proxy->held[i].port == 0)
			continue;
		if (proxy->epoll < 0) {
			proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
			error = proxy->epoll < 0 ? -errno : raise_files(supervisor);
		}
		error = error ? error : serve(proxy, &proxy->held[i]);
	}
	return error;
}

static void sweep(struct proxy *proxy)
{
	while (proxy->over) {
		struct connection *connection = proxy->over;
		proxy->over = connection->next;
		connection->next = proxy->unused;
		proxy->unused = connection;
	}
	sessions_sweep(proxy);
}

static void proxy_ready(struct supervisor *supervisor, unsigned index, short revents)
{
	struct epoll_event events[MOST_EVENTS];
	struct proxy *proxy = &supervisor->proxy;
	(void)index;
	(void)revents;
	int count = epoll_wait(proxy->epoll, events, MOST_EVENTS, 0);
	for (int i = 0; i < count; i++) {
		struct polled *polled = events[i].data.ptr;
		polled->ready(proxy, polled, events[i].events);
	}
	sweep(proxy);
	if (proxy->is_full && proxy->count < proxy->most)
		set_full(proxy, 0);
}

void proxy_watch(struct supervisor *supervisor, struct watch *watch)
{
	const struct proxy *proxy = &supervisor->proxy;
	watch_add(watch, proxy->epoll, POLLIN, proxy_ready, 0);
	if (proxy->expiry > 0)
		watch_until(watch, proxy->expiry);
	if (proxy->is_full)
		watch_until(watch, engine_now() + FULL_PAUSE_NS);
}

void proxy_due(struct supervisor *supervisor, int64_t now)
{
	struct proxy *proxy = &supervisor->proxy;
	if (proxy->expiry > 0 && now >= proxy->expiry) {
		sessions_expire(proxy, now);
		sessions_sweep(proxy);
	}
	if (proxy->is_full && proxy->count < proxy->most)
		set_full(proxy, 0);
}

int proxy_is_busy(const struct supervisor *supervisor)
{
	for (const struct connection *connection = supervisor->proxy.connections; connection; connection = connection->next)
		if (connection->is_connected && !connection->flows[SERVER].is_passed_on)
			return 1;
	return 0;
}
