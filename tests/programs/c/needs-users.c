#include <stdio.h>
#include <pwd.h>

int main(void)
{
	struct passwd *p = getpwnam("root");
	printf("%s\n", p ? p->pw_dir : "none");
	return 0;
}
