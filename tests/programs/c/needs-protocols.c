#include <netdb.h>
#include <stdio.h>

int main(void)
{
	struct protoent *p = getprotobyname("sctp");
	printf("%d\n", p ? p->p_proto : -1);
	return 0;
}
