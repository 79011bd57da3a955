/* Sending a signal to the first process of a PID namespace: by the kernel's rules it would be spared those that it doesn't handle, and people
   expect them to end it, as they would anywhere else. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "launch.h"
#include "util.h"

enum { STATUS_TEXT_SIZE = 4096, SYSCALL_TEXT_SIZE = 256, PROC_PATH_SIZE = 40, PAUSE_NS = 200000, DROP_LOOKS = 5, PENDING_LOOKS = 25, ATTEMPTS = 3, FIRST_REAL_TIME = 32, STACK_FIELD = 28 };

/* Whether the bit of `number` is set in the hexadecimal mask that follows `field` in a /proc/PID/status. */
static int mask_has(const char *status, const char *field, int number)
{
	const char *at = strstr(status, field);
	uint64_t mask = 0;
	if (!at)
		return 1;
	at += strlen(field);
	at += strspn(at, "\t ");
	for (; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
		mask = mask << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
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

/* Of what a process executes: where its stack begins, another place for each program. 0 if it can't be told. */
static uint64_t image_of(pid_t pid)
{
	char text[STATUS_TEXT_SIZE];
	uint64_t number = 0;
	if (read_proc(pid, "/stat", text, sizeof(text)) <= 0)
		return 0;
	/* The second field is a name, which may have anything in it. */
	char *at = strrchr(text, ')');
	for (unsigned field = 2; at && field < STACK_FIELD; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	char *end = at ? strchr(at, ' ') : NULL;
	if (!end)
		return 0;
	*end = 0;
	return parse_number(at, &number) ? 0 : number;
}

/* Whether a signal that was handled has met another program than it was sent to: a shell that handles it, and meanwhile had executed one that
   doesn't. `before` is what was executed then. */
static int has_met_another(pid_t shown, int number, uint64_t before)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	char status[STATUS_TEXT_SIZE];
	for (int look = 0; look < PENDING_LOOKS; look++) {
		nanosleep(&pause, NULL);
		if (read_proc(shown, "/status", status, sizeof(status)) <= 0 || mask_has(status, "SigBlk:", number))
			return 0;
		if (!mask_has(status, "ShdPnd:", number))
			return image_of(shown) != before;
	}
	return 0;
}

static int asks_to_end(int number)
{
	return number == SIGINT || number == SIGTERM || number == SIGQUIT;
}

int signal_first(pid_t first, pid_t shown, int number)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t before = image_of(shown);
		if (ends_by_default(number) && would_be_dropped(shown, number)) {
			kill(first, SIGKILL);
			return number;
		}
		kill(first, number);
		if (!before || !asks_to_end(number) || !has_met_another(shown, number, before))
			return 0;
	}
	return 0;
}
