#include <stdio.h>
#include <time.h>

int main(void)
{
	time_t t = 0;
	struct tm *m = localtime(&t);
	printf("%s", asctime(m));
	return 0;
}
