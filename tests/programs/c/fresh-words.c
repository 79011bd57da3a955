#include <locale.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

int main(void)
{
	setlocale(LC_ALL, "");
	printf("%d\n", iswalpha(L'a') != 0);
	return 0;
}
