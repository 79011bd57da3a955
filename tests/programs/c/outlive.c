/* Tries to live on when its parent dies: by undoing PR_SET_PDEATHSIG, or by becoming user 1, at which the kernel undoes it. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "user") == 0) {
		if (setgid(1) < 0 || setuid(1) < 0)
			return 1;
	} else if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0) {
		return 1;
	}
	setsid();
	puts("ready");
	fflush(stdout);
	sleep(600);
	return 0;
}
