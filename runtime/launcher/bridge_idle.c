/* A bridge stays for a while after the last program in the foreground has left it, so that the next one needn't make it.
   Somebody must remove it then, whoever else was killed: a process that does nothing but look at it now and then, one for each
   store, and in the end has Python look who is there. It begins with the bridge, or, where it was killed, with who leaves it. */
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
#include "netlink.h"
#include "python.h"
#include "util.h"

enum { LOOK_SECONDS = 10, IDLE_LOOKS = 3, NUMBER_TEXT_SIZE = 24, HELD = STDERR_FILENO + 1, MAC_BYTES = 6, BYTE_BITS = 8, WATCH_WORDS = 5, FAILED = 125 };

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

/* Until nobody has been in the bridge for a while. 0, or -ENODEV where it isn't there any more, or has become another's. */
static int wait_until_idle(const char *device, uint64_t id)
{
	/* As Network.mac of runtime/engine/networks/model.py. */
	char mac[MAC_BYTES] = { 0x06 };
	for (int i = 1; i < MAC_BYTES; i++)
		mac[i] = (char)(id >> (LEASE_DIGITS * 4 - BYTE_BITS * i));
	for (int looks = 0; looks < IDLE_LOOKS;) {
		struct timespec left = { .tv_sec = LOOK_SECONDS };
		while (nanosleep(&left, &left) < 0 && errno == EINTR)
			;
		if (link_has_address(HELD, device, mac))
			return -ENODEV;
		looks = link_is_running(HELD, device) > 0 ? 0 : looks + 1;
	}
	return 0;
}

_Noreturn static void watch(const char *self, int lock, const char *networks, const char *device, uint64_t id)
{
	char number[NUMBER_TEXT_SIZE], name[] = "whit", verb[] = "_idle", folder[PROGRAM_SIZE], bridge[END_NAME_SIZE];
	char *arguments[] = { name, verb, folder, bridge, number, NULL };
	size_t at = 0;
	if (let_go_of_all_but(lock) || append_number(number, sizeof(number), &at, id) || copy_part(folder, sizeof(folder), networks, strlen(networks)) || copy_part(bridge, sizeof(bridge), device, strlen(device)))
		_exit(1);
	forget_signals();
	if (wait_until_idle(device, id))
		_exit(0);
	/* Whoever ends from now on has somebody else watch: who is in the network may be read already. */
	close(HELD);
	python_run(self, arguments);
}

/* A name among those of the network namespace that no file stands for, so that the store's file system isn't held. -1: it is taken. */
static int take_watch(const char *device, uint64_t id)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char *const text = name.sun_path;
	size_t at = 1;
	CLEANUP_FD int taken = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (taken < 0 || append(text, sizeof(name.sun_path), &at, "whit idle ") || append(text, sizeof(name.sun_path), &at, device) ||
	    append(text, sizeof(name.sun_path), &at, " ") || append_number(text, sizeof(name.sun_path), &at, id))
		return -1;
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + at);
	return bind(taken, (const struct sockaddr *)&name, length) < 0 ? -1 : steal_fd(&taken);
}

void bridge_watch(const char *self, const char *networks, const char *device, uint64_t id)
{
	/* It is of who holds any copy of the descriptor: the process that is made now. */
	CLEANUP_FD int watch_of = take_watch(device, id);
	if (watch_of >= 0 && fork() == 0)
		watch(self, watch_of, networks, device, id);
}

int bridge_begin_watch(int argc, char **argv, const char *self)
{
	uint64_t id;
	if (argc != WATCH_WORDS || parse_number(argv[WATCH_WORDS - 1], &id)) {
		complain("_watch is how whit has a bridge removed that nobody uses any more", "use 'whit network prune'");
		return FAILED;
	}
	bridge_watch(self, argv[2], argv[3], id);
	return 0;
}
