#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct addrinfo hints, *found = NULL;
	memset(&hints, 0, sizeof hints);
	hints.ai_socktype = SOCK_STREAM;
	int failed = getaddrinfo(argc > 1 ? argv[1] : "127.0.0.1", "smtp", &hints, &found);
	printf("%s\n", failed ? "no address" : "address");
	return 0;
}
