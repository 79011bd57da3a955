/* `keys hold COMMAND …` runs the command with a secret in its session's keyring; `keys` alone says "reached" if it finds one. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { JOIN_SESSION_KEYRING = 1, SEARCH = 10, SESSION_KEYRING = -3 };

static const char type[] = "user", name[] = "whit-secret";

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "hold") == 0) {
		syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL);
		if (syscall(SYS_add_key, type, name, "secret", 6, SESSION_KEYRING) < 0)
			return 2;
		execv(argv[2], argv + 2);
		return 3;
	}
	if (syscall(SYS_keyctl, SEARCH, SESSION_KEYRING, type, name, 0) >= 0)
		puts("reached");
	return 0;
}
