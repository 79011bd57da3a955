/* Published ports that the supervisor serves itself, because no rule of the kernel's leads them to the container: those of a user
   who isn't root, and of root [::1]. The supervisor is in the container's network, and connects to 127.0.0.1 there.

   engine_held.c      the sockets that were handed to the supervisor, bound to the host's ports
   engine_proxy.c     connections, from one socket to the other by a pipe: the kernel moves pages, and nothing is copied
   engine_datagram.c  datagrams: an asker has a socket of its own in the container's network, until nothing was heard for a while */
#ifndef WHIT_ENGINE_PROXY_H
#define WHIT_ENGINE_PROXY_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_HELD = 1024, MAX_IDLE_PIPES = 32, MAX_DATAGRAM = 65536 };

/* A descriptor of the proxy's, what it waits for, and what is done then. */
struct proxy;
struct polled;
typedef void polled_function(struct proxy *proxy, struct polled *polled, uint32_t events);
struct polled {
	int fd;
	uint32_t wanted;
	polled_function *ready;
};

/* A socket that holds a port of the host's. `port` is the container's that it is served by, 0 if a rule of the kernel's does that. */
struct held {
	struct polled polled;
	uint16_t port;
};

struct connection;
struct session;

struct proxy {
	/* -1 as long as nothing is served. */
	int epoll;
	struct held held[MAX_HELD];
	unsigned held_count;
	/* Those that are open, those that are over and may still be named by an event that is to come, and memory for others. */
	struct connection *connections, *over, *unused;
	unsigned count, most;
	int is_full;
	/* Pipes with nothing in them. */
	int pipes[MAX_IDLE_PIPES][2];
	unsigned pipe_count;
	struct session *sessions, *gone;
	unsigned session_count;
	/* When to look for sessions that have been silent. */
	int64_t expiry;
	char datagram[MAX_DATAGRAM];
};

/* Wait for these events of it, 0: for none. 0 or -errno. */
int polled_want(struct proxy *proxy, struct polled *polled, uint32_t wanted);

/* Forget and close it. A child that was just forked may still have it open, so it must be forgotten first. */
void polled_close(struct proxy *proxy, struct polled *polled);

/* A socket in the container's network, on its way to the port there; or -errno. */
int proxy_connect(int type, uint16_t port);

polled_function connections_ready, datagrams_ready;

/* Close sessions that have been silent, and give back what no event can name any more. */
void sessions_expire(struct proxy *proxy, int64_t now);
void sessions_sweep(struct proxy *proxy);

/* What was inherited beside `caller`, which may be none, is held and stays ours. 0, or -E2BIG where it is too much. */
int held_find(struct proxy *proxy, int caller);

/* "FD:PORT FD:PORT …": serve these. 0, or -EINVAL. */
int held_serve(struct proxy *proxy, char *words);

/* Room for the words of all that is held: each a descriptor, with a colon and its port if it is served. */
enum { HELD_WORD_SIZE = 24 };

/* Write the word of one, and let it be inherited. */
void held_hand_on(const struct held *held, char *word);

/* Take what such a word says. 0, or -EINVAL. */
int held_take(struct proxy *proxy, const char *word);

#endif
