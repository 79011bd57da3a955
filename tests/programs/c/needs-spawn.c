#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

extern char **environ;

int main(void)
{
	char *a[] = {"ls", "-d", "/etc", NULL};
	pid_t p;
	int status = -1, failed = posix_spawnp(&p, "ls", 0, 0, a, environ);
	if (!failed)
		waitpid(p, &status, 0);
	printf("%d %d\n", failed, status);
	return 0;
}
