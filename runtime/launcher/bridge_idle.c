/* A bridge stays for a while after the last program in the foreground has left it, so that the next one needn't make it.
   Somebody must remove it then: a process that does nothing but wait, one for each store, and has Python look who is there. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "python.h"
#include "util.h"

enum { IDLE_SECONDS = 30, NUMBER_TEXT_SIZE = 24, HELD = STDERR_FILENO + 1 };

/* Nothing of the caller's is held: no pipe, no terminal, no folder. */
static int let_go_of_all_but(int held)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || chdir("/") < 0 || setsid() < 0)
		return -errno;
	/* Above those that are about to be replaced. */
	CLEANUP_FD int safe = fcntl(held, F_DUPFD_CLOEXEC, HELD + 1);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (safe < 0 || dup3(safe, HELD, O_CLOEXEC) < 0)
		return -errno;
	return close_from(HELD + 1);
}

/* What came before this was a process of its own was meant for the program: above all what the kernel tells everybody at a terminal
   when who leads its session ends, as the supervisor may just now. Ignored, nothing of it stays. */
static void forget_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	reset_signals();
}

_Noreturn static void watch(const struct launch *launch, int lock, const char *networks, const char *device, uint64_t id)
{
	char number[NUMBER_TEXT_SIZE], name[] = "whit", verb[] = "_idle", folder[PROGRAM_SIZE], bridge[END_NAME_SIZE];
	char *arguments[] = { name, verb, folder, bridge, number, NULL };
	size_t at = 0;
	struct timespec left = { .tv_sec = IDLE_SECONDS };
	if (let_go_of_all_but(lock) || append_number(number, sizeof(number), &at, id) || copy_part(folder, sizeof(folder), networks, strlen(networks)) || copy_part(bridge, sizeof(bridge), device, strlen(device)))
		_exit(1);
	forget_signals();
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	/* Whoever ends from now on has somebody else watch: who is in the network may be read already. */
	close(HELD);
	python_run(launch->self, arguments);
}

/* A name among those of the network namespace that no file stands for, so that the store's file system isn't held. -1: it is taken. */
static int take_watch(const char *device)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t at = 1;
	CLEANUP_FD int taken = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (taken < 0 || append(name.sun_path, sizeof(name.sun_path), &at, "whit idle ") || append(name.sun_path, sizeof(name.sun_path), &at, device))
		return -1;
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + at);
	return bind(taken, (const struct sockaddr *)&name, length) < 0 ? -1 : steal_fd(&taken);
}

void bridge_watch(const struct launch *launch, const char *networks, const char *device, uint64_t id)
{
	/* It is of who holds any copy of the descriptor: the process that is made now. */
	CLEANUP_FD int watch_of = take_watch(device);
	if (watch_of >= 0 && fork() == 0)
		watch(launch, watch_of, networks, device, id);
}
