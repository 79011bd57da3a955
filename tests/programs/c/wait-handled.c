#include <signal.h>
#include <unistd.h>

static void end(int number)
{
	_exit(number == SIGTERM ? 0 : 1);
}

int main(void)
{
	signal(SIGTERM, end);
	for (;;)
		pause();
}
