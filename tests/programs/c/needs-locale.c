#include <locale.h>
#include <stdio.h>

int main(void)
{
	puts(setlocale(LC_ALL, "") ? "ok" : "no");
	return 0;
}
