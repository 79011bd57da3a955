/* Lets two names change places until it is killed, each time in one step: `swap ONE OTHER`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXCHANGE = 2 };

int main(int argc, char **argv)
{
	while (argc == 3)
		syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE);
	return 1;
}
