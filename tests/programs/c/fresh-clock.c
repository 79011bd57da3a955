#include <stdio.h>
#include <time.h>

int main(void)
{
	time_t at = 1000000000;
	struct tm parts;
	char text[64];
	localtime_r(&at, &parts);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
	puts(text);
	return 0;
}
