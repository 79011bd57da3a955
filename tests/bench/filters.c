/* How long the kernel takes to load a system call filter: filters ROUNDS FILTER prints the nanoseconds of each load, by a process of its own each. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int count, char **words)
{
	static struct sock_filter code[BPF_MAXINSNS];
	FILE *file = count == 3 ? fopen(words[2], "r") : NULL;
	if (!file)
		return 2;
	struct sock_fprog program = { .len = (unsigned short)fread(code, sizeof *code, BPF_MAXINSNS, file), .filter = code };
	/* A filter may not let its process write. */
	long long *taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (taken == MAP_FAILED || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 3;
	for (int round = atoi(words[1]); round > 0; round--) {
		*taken = -1;
		pid_t child = fork();
		if (child == 0) {
			long long begin = now();
			long error = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
			*taken = error ? -1 : now() - begin;
			syscall(SYS_exit_group, 0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child || *taken < 0)
			return 4;
		printf("%lld\n", *taken);
	}
	return 0;
}
