#include <sys/mman.h>
#include <fcntl.h>

int main(void)
{
	return shm_open("/x", O_CREAT | O_RDWR, 0600);
}
