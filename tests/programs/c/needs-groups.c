#include <stdio.h>
#include <grp.h>

int main(void)
{
	struct group *p = getgrnam("root");
	printf("%d\n", p ? (int)p->gr_gid : -1);
	return 0;
}
