#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "nobody";
	struct passwd *who = getpwnam(name);
	if (!who) {
		puts("no such user");
		return 1;
	}
	if (getuid() == 0 && argc > 2 && initgroups(name, who->pw_gid) == 0 && setgid(who->pw_gid) == 0)
		setuid(who->pw_uid);
	umask(022);
	printf("would run as %u\n", (unsigned)who->pw_uid);
	return 0;
}
