#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
	sem_t *gate = sem_open("/whit-gate", O_CREAT, 0600, 1);
	puts(gate == SEM_FAILED ? "no gate" : "gate");
	sem_unlink("/whit-gate");
	return 0;
}
