#include <unistd.h>

/* Does nothing about signals. */
int main(void)
{
	for (;;)
		pause();
}
