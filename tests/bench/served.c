/* The program in an engine's containers: `serve PORT` answers, `write LINES CHUNK` fills a log; without a word it ends. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 100, ROOM = 256 * 1024 };

static char room[ROOM];

static void end(int number)
{
	(void)number;
	_exit(0);
}

static int write_all(int to, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(to, bytes, length);
		if (written < 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* The first byte is what is wanted: the same bytes back, or as many as the next eight bytes say. */
static void answer(int client)
{
	char wanted;
	uint64_t left;
	ssize_t got;
	if (read(client, &wanted, 1) != 1)
		return;
	if (wanted == 'e') {
		while ((got = read(client, room, ROOM)) > 0 && write_all(client, room, (size_t)got) == 0)
			;
		return;
	}
	if (recv(client, &left, sizeof(left), MSG_WAITALL) != sizeof(left))
		return;
	while (left > 0) {
		size_t part = left < ROOM ? left : ROOM;
		if (write_all(client, room, part) < 0)
			return;
		left -= part;
	}
}

static int serve(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int on = 1, server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(server, 64) < 0)
		return 1;
	for (;;) {
		int client = accept(server, NULL, NULL);
		if (client < 0)
			continue;
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		answer(client);
		close(client);
	}
}

/* As many lines a write as fit into a chunk, one at least. */
static int write_lines(long lines, size_t chunk)
{
	size_t used = 0;
	for (long i = 0; i < lines; i++) {
		int length = snprintf(room + used, LINE, "%012ld ", i);
		memset(room + used + length, 'x', (size_t)(LINE - 1 - length));
		room[used + LINE - 1] = '\n';
		used += LINE;
		if (used + LINE > chunk || i == lines - 1) {
			if (write_all(STDOUT_FILENO, room, used) < 0)
				return 1;
			used = 0;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, end);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 4 && strcmp(argv[1], "write") == 0 && atol(argv[3]) <= ROOM)
		return write_lines(atol(argv[2]), (size_t)atol(argv[3]));
	return argc == 1 ? 0 : 2;
}
