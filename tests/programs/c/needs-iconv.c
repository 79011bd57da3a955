#include <iconv.h>
#include <stdio.h>

int main(void)
{
	iconv_t i = iconv_open("UTF-16", "KOI8-R");
	printf("%d\n", i != (iconv_t)-1);
	return 0;
}
