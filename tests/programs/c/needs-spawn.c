#include <spawn.h>
#include <stddef.h>

int main(void)
{
	char *a[] = {"ls", NULL};
	pid_t p;
	return posix_spawnp(&p, "ls", 0, 0, a, a);
}
