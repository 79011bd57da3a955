/* The second process: it waits for the supervisor's end, and takes its place, should it be killed. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "kernel.h"
#include "util.h"

enum { FAILED = 125, NUMBER_SIZE = 24, FIRST_WORD = 2 };

int *const *watcher_hands_on(struct supervisor *supervisor)
{
	static int *kept[RESUME_NUMBERS];
	int *const all[RESUME_NUMBERS] = { &supervisor->lock, &supervisor->output.from, &supervisor->output_end, &supervisor->errors.from,
					   &supervisor->errors_end, &supervisor->host_network, &supervisor->host_mounts };
	memcpy(kept, all, sizeof(kept));
	return kept;
}

_Noreturn static void take_over(struct supervisor *supervisor, const char *folder)
{
	char numbers[RESUME_NUMBERS][NUMBER_SIZE];
	int *const *kept = watcher_hands_on(supervisor);
	static char held[MAX_HELD][HELD_WORD_SIZE];
	const char *words[RESUME_WORDS + MAX_HELD + 1] = { supervisor->self, "_resume", folder };
	for (size_t i = 0; i < RESUME_NUMBERS; i++) {
		size_t at = 0;
		append_number(numbers[i], sizeof(numbers[i]), &at, (uint64_t)*kept[i]);
		words[FIRST_WORD + 1 + i] = numbers[i];
		fcntl(*kept[i], F_SETFD, 0);
	}
	for (unsigned i = 0; i < supervisor->proxy.held_count; i++) {
		held_hand_on(&supervisor->proxy.held[i], held[i]);
		words[RESUME_WORDS + i] = held[i];
	}
	execv("/proc/self/exe", (char *const *)(uintptr_t)words);
	_exit(FAILED);
}

void watcher_start(struct supervisor *supervisor)
{
	char folder[ENGINE_PATH_SIZE];
	CLEANUP_FD int self = (int)syscall(NR_PIDFD_OPEN, getpid(), 0);
	if (self < 0 || !getcwd(folder, sizeof(folder)))
		return;
	pid_t child = fork();
	if (child != 0) {
		supervisor->watcher = child > 0 ? child : 0;
		return;
	}
	struct pollfd supervised = { .fd = self, .events = POLLIN };
	close_fd(&supervisor->caller);
	close_fd(&supervisor->listener);
	close_fd(&supervisor->signals);
	close_fd(&supervisor->log.file);
	while (poll(&supervised, 1, -1) < 0)
		;
	take_over(supervisor, folder);
}

void watcher_stop(struct supervisor *supervisor)
{
	if (supervisor->watcher > 0) {
		kill(supervisor->watcher, SIGKILL);
		wait_for(supervisor->watcher);
	}
}
