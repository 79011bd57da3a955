#include <stdio.h>
#include <netdb.h>

int main(void)
{
	struct servent *s = getservbyname("imap", "tcp");
	printf("%d\n", s ? s->s_port : -1);
	return 0;
}
