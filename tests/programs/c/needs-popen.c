#include <stdio.h>

int main(void)
{
	FILE *f = popen("ls", "r");
	return f ? pclose(f) : 1;
}
