/* Sending a signal to the first process of a PID namespace: by the kernel's rules it would be spared those that it doesn't handle, and people
   expect them to end it, as they would anywhere else. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "launch.h"
#include "util.h"

enum { STATUS_TEXT_SIZE = 4096, SYSCALL_TEXT_SIZE = 256, PROC_PATH_SIZE = 40, PAUSE_NS = 200000, DROP_LOOKS = 5, HOLD_PAUSE_NS = 50000, HOLD_LOOKS = 200, FIRST_REAL_TIME = 32 };

/* Whether the bit of `number` is set in the hexadecimal mask that follows `field` in a /proc/PID/status. */
static int mask_has(const char *status, const char *field, int number)
{
	const char *at = strstr(status, field);
	uint64_t mask = 0;
	int digit;
	if (!at)
		return 1;
	at += strlen(field);
	at += strspn(at, "\t ");
	for (; (digit = hexadecimal(*at)) >= 0; at++)
		mask = mask << 4 | (uint64_t)digit;
	return (int)(mask >> (number - 1) & 1);
}

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[PROC_PATH_SIZE] = "";
	int error = proc_path(path, sizeof(path), (uint64_t)pid, name);
	return error ? error : read_file(AT_FDCWD, path, text, size);
}

/* While a process waits for signals (sigwait), what it waits for doesn't show as blocked. Yes also if it can't be told. */
static int may_wait_for_signals(pid_t pid)
{
	char text[SYSCALL_TEXT_SIZE], waits[SYSCALL_TEXT_SIZE] = "";
	size_t at = 0;
	if (read_proc(pid, "/syscall", text, sizeof(text)) <= 0 || append_number(waits, sizeof(waits), &at, SYS_rt_sigtimedwait))
		return 1;
	return strncmp(text, waits, at) == 0 && (text[at] == ' ' || text[at] == '\n');
}

static int seems_to_drop(pid_t child, int number)
{
	char status[STATUS_TEXT_SIZE];
	if (read_proc(child, "/status", status, sizeof(status)) <= 0)
		return 0;
	return !mask_has(status, "SigCgt:", number) && !mask_has(status, "SigIgn:", number) &&
	       !mask_has(status, "SigBlk:", number) && !may_wait_for_signals(child);
}

/* The kernel drops a signal to the first process of a PID namespace when its default action would end that process.
   A program that doesn't handle SIGTERM or SIGINT must still end by it. One look isn't enough: what is blocked and what is
   waited for come from two files, and a program between two waits seems to do neither. */
static int would_be_dropped(pid_t child, int number)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	for (int look = 0; look < DROP_LOOKS; look++) {
		if (!seems_to_drop(child, number))
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

static int ends_by_default(int number)
{
	return number != SIGWINCH && number != SIGCONT && number != SIGURG && number < FIRST_REAL_TIME;
}

static int asks_to_end(int number)
{
	return number == SIGINT || number == SIGTERM || number == SIGQUIT || number == SIGHUP;
}

static int is_stopped(const char *status)
{
	return strstr(status, "State:\tT ") || strstr(status, "State:\tt ");
}

/* Whether it handles the signal, and can be stopped and let go on without noticing: some system calls of other threads would be interrupted
   (epoll_wait: signal(7)), and what executes another program has mostly one. */
static int can_be_held(const char *status, int number)
{
	return mask_has(status, "SigCgt:", number) && !mask_has(status, "SigBlk:", number) && !mask_has(status, "SigCgt:", SIGCONT) &&
	       !mask_has(status, "SigBlk:", SIGCONT) && strstr(status, "TracerPid:\t0\n") && strstr(status, "Threads:\t1\n") && !is_stopped(status);
}

/* A shell handles SIGINT, and the program that it is about to execute in its own place doesn't: the signal would be dropped between the two. What is
   stopped executes nothing, and has the signal before it goes on. Whether it was stopped, or is to be as soon as it can be. */
static int hold(pid_t first, pid_t shown, int number)
{
	const struct timespec pause = { .tv_nsec = HOLD_PAUSE_NS };
	char status[STATUS_TEXT_SIZE];
	if (read_proc(shown, "/status", status, sizeof(status)) <= 0 || !can_be_held(status, number) || kill(first, SIGSTOP) < 0)
		return 0;
	for (int look = 0; look < HOLD_LOOKS && read_proc(shown, "/status", status, sizeof(status)) > 0 && !is_stopped(status); look++)
		nanosleep(&pause, NULL);
	return 1;
}

static int end_for(pid_t first, int number)
{
	kill(first, SIGKILL);
	return number;
}

int signal_first(pid_t first, pid_t shown, int number)
{
	int is_held = 0;
	/* Again where it executed another program after the first look. */
	do {
		if (ends_by_default(number) && would_be_dropped(shown, number))
			return end_for(first, number);
		is_held = asks_to_end(number) && hold(first, shown, number);
	} while (asks_to_end(number) && !is_held && seems_to_drop(shown, number));
	if (is_held && seems_to_drop(shown, number))
		return end_for(first, number);
	kill(first, number);
	if (is_held)
		kill(first, SIGCONT);
	return 0;
}
