#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	puts(setlocale(LC_ALL, "") ? "ok" : "no");
	printf("%d\n", (int)MB_CUR_MAX);
	return 0;
}
