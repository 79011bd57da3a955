#include <stdio.h>

int main(void)
{
	printf("%p\n", (void *)tmpfile());
	return 0;
}
