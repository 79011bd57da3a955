/* Waiting for the program, and passing on what a person or a service manager sends it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"
#include "util.h"

enum { START_PAUSE_NS = 200000, SIGNALLED = 128, INIT_FAILED = 125 };

/* A signal that comes before the program has started would wait in the child, blocked, and be dropped when the child
   unblocks it: so it waits here. */
static void wait_for_start(const struct launch *launch, pid_t child)
{
	const struct timespec pause = { .tv_nsec = START_PAUSE_NS };
	siginfo_t ended = { 0 };
	while (!launch->outcome->takes_signals && ended.si_pid == 0) {
		nanosleep(&pause, NULL);
		if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) < 0)
			return;
	}
}

/* Returns the signal that the program was ended for, or 0. */
static int forward(const struct launch *launch, pid_t child, const volatile pid_t *shown, int number)
{
	if (shown)
		wait_for_start(launch, child);
	if (shown && !launch->outcome->has_init)
		return signal_first(child, *shown, number);
	kill(child, number);
	return 0;
}

/* Reap all that has ended; 1 when `child` was among it. */
static int reap(pid_t child, int *status)
{
	pid_t ended;
	int found = 0, any;
	while ((ended = waitpid(-1, &any, WNOHANG)) > 0) {
		if (ended == child) {
			*status = any;
			found = 1;
		}
	}
	return found;
}

int supervise(const struct launch *launch, pid_t child, const volatile pid_t *shown)
{
	int status = 0, ended_for = 0;
	for (;;) {
		int number = sigwaitinfo(&launch->signals, NULL);
		if (number < 0)
			continue;
		if (number != SIGCHLD) {
			int fatal = forward(launch, child, shown, number);
			ended_for = fatal ? fatal : ended_for;
		} else if (reap(child, &status)) {
			break;
		}
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	int number = WTERMSIG(status);
	if (number == SIGSYS)
		launch->outcome->was_filtered = 1;
	return SIGNALLED + (number == SIGKILL && ended_for ? ended_for : number);
}

/* The end of the pipe comes when the other process has nothing open any more. */
static int wait_for_closing(const int *ends)
{
	char nothing;
	close(ends[1]);
	ssize_t got = read(ends[0], &nothing, sizeof(nothing));
	close(ends[0]);
	return got == 0 ? 0 : -EIO;
}

/* The words that this process was started with name places of the host's, and whoever is in the PID namespace may read them
   (/proc/1/cmdline). The kernel laid them down one behind the other. */
static void forget_words(char *const *argv)
{
	static const char name[] = "whit-init";
	char *end = argv[0];
	for (size_t i = 0; argv[i] && argv[i] == end; i++)
		end += strlen(end) + 1;
	size_t size = (size_t)(end - argv[0]);
	memset(argv[0], 0, size);
	memcpy(argv[0], name, size < sizeof(name) ? size : sizeof(name));
	prctl(PR_SET_NAME, name);
}

/* `--init`: this process stays behind as the first one of the PID namespace; the program becomes its child. */
int op_init(struct launch *launch, const struct op *op)
{
	(void)op;
	int ends[2];
	/* A program of the same user could reach what this process has open, the host's cgroups among it, and could trace it
	   and so escape the system call filter: before there is a program, nothing is open here and nobody may trace it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		return wait_for_closing(ends);
	int error = close_inherited();
	if (error) {
		kill(child, SIGKILL);
		return error;
	}
	forget_words(launch->argv);
	/* Signals that were sent to this process wait for it, and none is dropped. */
	launch->outcome->has_init = 1;
	launch->outcome->takes_signals = 1;
	int code = supervise(launch, child, NULL);
	_exit(launch->outcome->error ? INIT_FAILED : code);
}
