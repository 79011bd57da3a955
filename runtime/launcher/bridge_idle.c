/* A bridge stays for a while after the last program in the foreground has left it, so that the next one needn't make it.
   Somebody must remove it then: a process that does nothing but wait, one for each store, and has Python look who is there. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"
#include "python.h"
#include "util.h"

enum { IDLE_SECONDS = 30, OWNER_ONLY = 0600, NUMBER_TEXT_SIZE = 24, HELD = STDERR_FILENO + 1 };

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

_Noreturn static void watch(const struct launch *launch, int lock, const char *networks, const char *device, uint64_t id)
{
	char number[NUMBER_TEXT_SIZE], name[] = "whit", verb[] = "_idle", folder[PROGRAM_SIZE], bridge[END_NAME_SIZE];
	char *arguments[] = { name, verb, folder, bridge, number, NULL };
	size_t at = 0;
	struct timespec left = { .tv_sec = IDLE_SECONDS };
	if (let_go_of_all_but(lock) || append_number(number, sizeof(number), &at, id) || copy_part(folder, sizeof(folder), networks, strlen(networks)) || copy_part(bridge, sizeof(bridge), device, strlen(device)))
		_exit(1);
	reset_signals();
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	/* Whoever ends from now on has somebody else watch: who is in the network may be read already. */
	close(HELD);
	python_run(launch->self, arguments);
}

void bridge_watch(const struct launch *launch, const char *networks, const char *device, uint64_t id)
{
	CLEANUP_FD int folder = open(networks, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int lock = folder < 0 ? NO_FD : openat(folder, "idle", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, OWNER_ONLY);
	/* The lock is of who holds any copy of the descriptor: the process that is made now. */
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return;
	if (fork() == 0)
		watch(launch, lock, networks, device, id);
}
