#include <stdio.h>
#include <string.h>

/* An array on the stack that is written to by length and by format: what protectors and fortification look at. */
__attribute__((noinline)) static int fill(const char *text)
{
	char copy[64];
	snprintf(copy, sizeof(copy), "%s!", text);
	return printf("%s\n", copy);
}

int main(int count, char **arguments)
{
	return fill(count > 1 ? arguments[1] : "full") < 0;
}
