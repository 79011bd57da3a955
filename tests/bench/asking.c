/* The client of served.c: `asking ADDRESS PORT TIMES BYTES` prints the ns of a round trip and of a new connection with one
   round trip, each the median of TIMES, and the ns until BYTES have come. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 256 * 1024 };

static char room[ROOM];
static struct sockaddr_in there = { .sin_family = AF_INET };

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static int reach(const char *first, size_t length)
{
	int on = 1, made = socket(AF_INET, SOCK_STREAM, 0);
	if (made < 0 || connect(made, (struct sockaddr *)&there, sizeof(there)) < 0)
		give_up("connect");
	setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (write(made, first, length) != (ssize_t)length)
		give_up("write");
	return made;
}

static void round_trip(int server)
{
	char byte = 'x';
	if (write(server, &byte, 1) != 1 || read(server, &byte, 1) != 1)
		give_up("round trip");
}

static int order(const void *one, const void *other)
{
	long long a = *(const long long *)one, b = *(const long long *)other;
	return (a > b) - (a < b);
}

static long long middle(long long *times, size_t count)
{
	qsort(times, count, sizeof(*times), order);
	return times[count / 2];
}

static long long fetch(uint64_t bytes)
{
	char asked[1 + sizeof(bytes)] = "d";
	long long begin = now();
	memcpy(asked + 1, &bytes, sizeof(bytes));
	int server = reach(asked, sizeof(asked));
	while (bytes > 0) {
		ssize_t got = read(server, room, ROOM);
		if (got <= 0)
			give_up("read");
		bytes -= (uint64_t)got;
	}
	close(server);
	return now() - begin;
}

int main(int argc, char **argv)
{
	if (argc != 5 || inet_pton(AF_INET, argv[1], &there.sin_addr) != 1)
		return 2;
	there.sin_port = htons((uint16_t)atoi(argv[2]));
	size_t count = (size_t)atol(argv[3]);
	long long *trips = calloc(count, sizeof(*trips)), *connections = calloc(count, sizeof(*connections));
	if (count == 0 || !trips || !connections)
		return 2;
	int server = reach("e", 1);
	round_trip(server);
	for (size_t i = 0; i < count; i++) {
		long long begin = now();
		round_trip(server);
		trips[i] = now() - begin;
	}
	close(server);
	for (size_t i = 0; i < count; i++) {
		long long begin = now();
		server = reach("e", 1);
		round_trip(server);
		connections[i] = now() - begin;
		close(server);
	}
	printf("%lld %lld %lld\n", middle(trips, count), middle(connections, count), fetch((uint64_t)atoll(argv[4])));
	return 0;
}
