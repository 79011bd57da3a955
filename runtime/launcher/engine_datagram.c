/* Datagrams to published ports. Who asks is told apart by address: each has a socket of its own in the container's network, so that
   answers find their way back; one that was silent for a while is forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

enum { MOST_SESSIONS = 1024, MOST_DATAGRAMS = 64 };

#define SILENCE_NS (90 * SECOND_NS)

struct session {
	struct polled polled;
	const struct held *held;
	struct sockaddr_storage peer;
	socklen_t length;
	int64_t deadline;
	struct session *next;
};

static void end(struct proxy *proxy, struct session **place)
{
	struct session *session = *place;
	*place = session->next;
	polled_close(proxy, &session->polled);
	session->next = proxy->gone;
	proxy->gone = session;
	proxy->session_count--;
}

void sessions_sweep(struct proxy *proxy)
{
	while (proxy->gone) {
		struct session *session = proxy->gone;
		proxy->gone = session->next;
		free(session);
	}
}

void sessions_expire(struct proxy *proxy, int64_t now)
{
	proxy->expiry = 0;
	for (struct session **place = &proxy->sessions; *place;) {
		if ((*place)->deadline <= now) {
			end(proxy, place);
			continue;
		}
		if (proxy->expiry == 0 || (*place)->deadline < proxy->expiry)
			proxy->expiry = (*place)->deadline;
		place = &(*place)->next;
	}
}

/* Answers of the container's; its kernel says so, too, when nobody listens there: that goes nowhere. */
static void answers_ready(struct proxy *proxy, struct polled *polled, uint32_t events)
{
	struct session *session = (struct session *)(void *)polled;
	(void)events;
	for (unsigned i = 0; i < MOST_DATAGRAMS && polled->fd >= 0; i++) {
		ssize_t got = recv(polled->fd, proxy->datagram, sizeof(proxy->datagram), MSG_DONTWAIT);
		if (got < 0)
			return;
		session->deadline = engine_now() + SILENCE_NS;
		if (sendto(session->held->polled.fd, proxy->datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL,
			   (const struct sockaddr *)(const void *)&session->peer, session->length) < 0)
			continue;
	}
}

static void end_oldest(struct proxy *proxy)
{
	struct session **oldest = &proxy->sessions;
	for (struct session **place = oldest; *place; place = &(*place)->next)
		if ((*place)->deadline < (*oldest)->deadline)
			oldest = place;
	if (*oldest)
		end(proxy, oldest);
}

static struct session *begin(struct proxy *proxy, const struct held *held, const struct sockaddr_storage *peer, socklen_t length)
{
	if (proxy->session_count >= MOST_SESSIONS)
		end_oldest(proxy);
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	*session = (struct session){ .polled = { .fd = proxy_connect(SOCK_DGRAM, held->port), .ready = answers_ready },
				     .held = held, .peer = *peer, .length = length, .deadline = engine_now() + SILENCE_NS };
	if (session->polled.fd < 0 || polled_want(proxy, &session->polled, EPOLLIN)) {
		polled_close(proxy, &session->polled);
		free(session);
		return NULL;
	}
	session->next = proxy->sessions;
	proxy->sessions = session;
	proxy->session_count++;
	if (proxy->expiry == 0)
		proxy->expiry = session->deadline;
	return session;
}

/* The session of an asker; it comes to the front, where it is found soonest. */
static struct session *find(struct proxy *proxy, const struct held *held, const struct sockaddr_storage *peer, socklen_t length)
{
	for (struct session **place = &proxy->sessions; *place; place = &(*place)->next) {
		struct session *session = *place;
		if (session->held != held || session->length != length || memcmp(&session->peer, peer, length) != 0)
			continue;
		*place = session->next;
		session->next = proxy->sessions;
		proxy->sessions = session;
		return session;
	}
	return begin(proxy, held, peer, length);
}

void datagrams_ready(struct proxy *proxy, struct polled *polled, uint32_t events)
{
	const struct held *held = (const struct held *)(const void *)polled;
	(void)events;
	for (unsigned i = 0; i < MOST_DATAGRAMS; i++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		memset(&peer, 0, sizeof(peer));
		ssize_t got = recvfrom(polled->fd, proxy->datagram, sizeof(proxy->datagram), MSG_DONTWAIT, (struct sockaddr *)(void *)&peer, &length);
		if (got < 0)
			return;
		struct session *session = find(proxy, held, &peer, length);
		if (!session)
			continue;
		session->deadline = engine_now() + SILENCE_NS;
		/* A second try: the first one may have been told of a datagram that nobody took. */
		if (send(session->polled.fd, proxy->datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED &&
		    send(session->polled.fd, proxy->datagram, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			continue;
	}
}
