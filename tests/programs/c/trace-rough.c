/* What is hard on a tracer, by its first argument; each prints "done" at its end, or says what went wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 32, OPENS = 400, CHILDREN = 50, MANY = 20000, NAMES = 2000, INTERRUPTED = 3000 };

static int failed(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static void *opens(void *number)
{
	char path[64];
	for (int i = 0; i < OPENS; i++) {
		snprintf(path, sizeof(path), "/thread/%ld/%d", (long)(intptr_t)number, i);
		if (open(path, O_RDONLY) >= 0 || errno != ENOENT)
			return (void *)1;
	}
	return NULL;
}

static int threads(void)
{
	pthread_t all[THREADS];
	int wrong = 0;
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, opens, (void *)i))
			return failed("pthread_create");
	for (int i = 0; i < THREADS; i++) {
		void *result;
		pthread_join(all[i], &result);
		wrong |= result != NULL;
	}
	return wrong ? failed("open") : 0;
}

/* A child that shares its parent's memory until it executes another program, as posix_spawn and Go do it. */
static int one_child(const char *self, const char *name)
{
	int status;
	pid_t child = vfork();
	if (child == 0) {
		execl(self, self, "open", name, (char *)NULL);
		_exit(1);
	}
	return waitpid(child, &status, 0) < 0 || status;
}

static int children(const char *self)
{
	for (int i = 0; i < CHILDREN; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/child/%d", i);
		if (one_child(self, name))
			return failed("child");
	}
	return 0;
}

static int filtered(unsigned action, unsigned flags)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_readlinkat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(program) / sizeof(*program), program };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

/* A program that has a filter of its own: what that refuses is refused; the rest is still shown. */
static int own_filter(void)
{
	char space[16];
	if (filtered(SECCOMP_RET_ERRNO | ENOTTY, 0) < 0)
		return failed("seccomp");
	if (readlinkat(AT_FDCWD, "/refused", space, sizeof(space)) >= 0 || errno != ENOTTY)
		return failed("readlinkat");
	open("/after-filter", O_RDONLY);
	return 0;
}

/* There is one listener at most: the second is refused, and the program goes on. */
static int own_listener(void)
{
	if (filtered(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER) >= 0 || errno != EBUSY)
		return failed("seccomp");
	open("/after-listener", O_RDONLY);
	return 0;
}

static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

/* Signals come while calls are being shown: none may be lost, and no call may fail for one that asks to go on after it. */
static int signals(void)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 200 }, { 0, 200 } };
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < INTERRUPTED; i++)
		if (open("/signals", O_RDONLY) >= 0 || errno != ENOENT)
			return failed("open");
	return ticks > 0 ? 0 : failed("no signal came");
}

static int many(void)
{
	for (int i = 0; i < MANY; i++) {
		int fd = open("/etc/passwd", O_RDONLY);
		if (fd < 0)
			return failed("open");
		close(fd);
	}
	return 0;
}

static void *rewrites(void *path)
{
	for (;;) {
		strcpy(path, "/race/one");
		strcpy(path, "/race/two");
	}
	return NULL;
}

/* Hostile: a path that changes while it is read, pointers to nothing, a path without an end, names by the thousand. */
static int hostile(void)
{
	static char path[16], endless[16384];
	pthread_t thread;
	pthread_create(&thread, NULL, rewrites, path);
	memset(endless, 'a', sizeof(endless) - 1);
	for (int i = 0; i < 1000; i++) {
		open(path, O_RDONLY);
		syscall(SYS_openat, AT_FDCWD, (char *)16, O_RDONLY);
		syscall(SYS_openat, AT_FDCWD, (char *)-16, O_RDONLY);
		syscall(SYS_openat, -7, "relative", O_RDONLY);
		syscall(SYS_openat, AT_FDCWD, endless, O_RDONLY);
		syscall(SYS_openat, AT_FDCWD, "/\xff\xfe\x1b[31m\n", O_RDONLY);
		syscall(SYS_execve, "/hostile", (char *)16, (char *)-16);
		syscall(SYS_connect, 0, (char *)16, -1);
		syscall(SYS_bind, 0, endless, 0xffffffff);
	}
	for (int i = 0; i < NAMES; i++) {
		snprintf(endless, sizeof(endless), "/name/%d", i);
		open(endless, O_RDONLY);
	}
	return 0;
}

/* A child that is killed while its call waits for the tracer. */
static int killed(void)
{
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();
		if (child == 0)
			for (;;)
				open("/killed", O_RDONLY);
		usleep(500);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int result = 2;
	if (!strcmp(mode, "open") && argc > 2)
		return open(argv[2], O_RDONLY) >= 0;
	if (!strcmp(mode, "threads"))
		result = threads();
	if (!strcmp(mode, "children"))
		result = children("/proc/self/exe");
	if (!strcmp(mode, "own-filter"))
		result = own_filter();
	if (!strcmp(mode, "own-listener"))
		result = own_listener();
	if (!strcmp(mode, "signals"))
		result = signals();
	if (!strcmp(mode, "many"))
		result = many();
	if (!strcmp(mode, "hostile"))
		result = hostile();
	if (!strcmp(mode, "killed"))
		result = killed();
	if (result == 0)
		puts("done");
	return result;
}
