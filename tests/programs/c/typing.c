/* Tries to type into the terminal that is its standard input, in each way that others have had. Silence: none worked. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The kernel looks at the lower half of a request only. */
static const unsigned long requests[] = { TIOCSTI, 0x100000000ul | TIOCSTI };

int main(void)
{
	if (ioctl(0, TIOCSCTTY, 0) == 0 || ioctl(0, TIOCSCTTY, 1) == 0)
		puts("took the terminal");
	if (open("/dev/tty", O_RDWR) >= 0)
		puts("opened the terminal");
	for (unsigned i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (ioctl(0, requests[i], "x") == 0)
			puts("typed");
	if (ioctl(0, TIOCLINUX, "\3") == 0)
		puts("pasted");
	return 0;
}
