#include <stdlib.h>

int main(void)
{
	return system("ls -d /etc");
}
