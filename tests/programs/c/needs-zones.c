#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	time_t t = 0;
	struct tm *m = localtime(&t);
	printf("%s", asctime(m));
	return 0;
}
