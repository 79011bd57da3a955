#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	char n[] = "/tmp/xXXXXXX";
	printf("%d\n", mkstemp(n));
	return 0;
}
