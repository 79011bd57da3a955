#include <stdio.h>
#include <netdb.h>

int main(void)
{
	struct addrinfo *r;
	printf("%d\n", getaddrinfo("localhost", "80", 0, &r));
	return 0;
}
