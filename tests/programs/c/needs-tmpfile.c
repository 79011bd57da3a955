#include <stdio.h>

int main(void)
{
	char line[8] = "";
	FILE *f = tmpfile();
	if (f && fputs("kept\n", f) >= 0) {
		rewind(f);
		fgets(line, sizeof line, f);
	}
	fputs(line, stdout);
	return !f;
}
