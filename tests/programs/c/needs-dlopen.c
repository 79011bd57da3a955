#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
	void *i = dlopen("libz.so.1", RTLD_NOW);
	printf("%d\n", !!i);
	return 0;
}
