#include <stdio.h>
#include <unistd.h>

int main(void)
{
	execl("/bin/ls", "ls", "-d", "/etc", (char *)0);
	perror("x");
	return 0;
}
