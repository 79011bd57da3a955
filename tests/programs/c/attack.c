/* Runs as a container's first process and lies in wait for the runtime's own processes: prints "saw" for each one that it can
   look into before it has become the program, and overwrites the runtime's file where it can, which it prints as "overwrote". */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

static const char junk[] = "#!/overwritten\n";

/* A file that is executed can't be opened to be written; once that has ended it can. */
static void overwrite(int file)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	for (int tries = 0; tries < 2000; tries++) {
		int writable = open(path, O_WRONLY | O_TRUNC);
		if (writable >= 0) {
			if (write(writable, junk, sizeof(junk) - 1) > 0)
				puts("overwrote");
			close(writable);
			return;
		}
		usleep(1000);
	}
}

static void look_at(const char *pid, int want_file)
{
	char path[300], target[300];
	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = 0;
	if (!strstr(target, "whit"))
		return;
	int file = open(path, O_RDONLY);
	if (file >= 0 && want_file)
		overwrite(file);
	else if (file >= 0)
		puts("saw");
	if (file >= 0)
		close(file);
}

int main(int argc, char **argv)
{
	int want_file = argc > 1 && strcmp(argv[1], "overwrite") == 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("ready");
	for (;;) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;
		while (proc && (entry = readdir(proc)))
			if (entry->d_name[0] > '0' && entry->d_name[0] <= '9' && atoi(entry->d_name) != getpid())
				look_at(entry->d_name, want_file);
		if (proc)
			closedir(proc);
	}
}
