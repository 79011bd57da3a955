/* state, start, kill and delete: what an engine calls all the time, without Python. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "oci.h"
#include "python.h"
#include "util.h"

enum { STATE_SIZE = 1 << 20, NUMBER_SIZE = 24, REAL_TIME_FIRST = 34, REAL_TIME_LAST = 64, END_MILLISECONDS = 10000 };

static const char pid_mark[] = "\"pid\": ", status_mark[] = "\"status\": \"";

static int fail_with(const struct oci_call *call, const char *what, const char *why)
{
	return oci_fail(call, (const char *const[]){ what, " container \"", call->container, "\": ", why, NULL });
}

int oci_has_log(const struct oci_call *call)
{
	if (call->log_format && strcmp(call->log_format, "json") != 0 && strcmp(call->log_format, "text") != 0)
		return 0;
	if (!call->log || !*call->log)
		return 1;
	CLEANUP_FD int log = open(call->log, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0644);
	return log >= 0;
}

/* Write text up to `end`, or to its end. 0 or -errno. */
static int print(const char *text, const char *end)
{
	return write_all(STDOUT_FILENO, text, end ? (size_t)(end - text) : strlen(text));
}

/* state.json is what create wrote, with pid 0 and status "creating"; both are put in as they are now. */
int oci_state(struct oci_call *call, char **words)
{
	pid_t pid;
	uint64_t started;
	char number[NUMBER_SIZE] = "";
	size_t at = 0;
	if ((words[0] && words[1]) || !oci_has_log(call))
		return -1;
	char *text = malloc(STATE_SIZE);
	if (!text || read_file(call->directory, "state.json", text, STATE_SIZE) <= 0)
		return -1;
	size_t length = strlen(text);
	if (length < 2 || strcmp(text + length - 2, "}\n") != 0)
		return -1;
	enum oci_status status = oci_status(call->directory, &pid, &started);
	append_number(number, sizeof(number), &at, status == OCI_STOPPED ? 0 : (uint64_t)pid);
	const char *pid_at = strstr(text, pid_mark), *status_at = pid_at ? strstr(pid_at, status_mark) : NULL;
	const char *after = pid_at ? pid_at + strlen(pid_mark) : NULL;
	if (!status_at || !after)
		return -1;
	const char *rest = strchr(status_at + strlen(status_mark), '"');
	int error = print(text, after);
	error = error ? error : print(number, NULL);
	error = error ? error : print(after + strspn(after, "0123456789"), status_at + strlen(status_mark));
	error = error ? error : print(oci_status_name(status), NULL);
	error = error || !rest ? error : print(rest, NULL);
	free(text);
	return error ? 1 : 0;
}

/* What happened to the child between the gate and the program: the other side of the gate closes with either. */
static void await_program(int gate)
{
	struct pollfd closed = { .fd = gate, .events = 0 };
	while (poll(&closed, 1, -1) < 0 && errno == EINTR)
		;
}

static int folder_of(const struct oci_call *call, char *folder, size_t size)
{
	size_t at = 0;
	*folder = 0;
	return append(folder, size, &at, call->root) || append(folder, size, &at, "/") || append(folder, size, &at, call->container);
}

static void leave_scope(const struct oci_call *call)
{
	char folder[OCI_PATH_SIZE];
	if (!folder_of(call, folder, sizeof(folder)))
		oci_leave_scope(call->directory, call->self, folder);
}

_Noreturn static void python_for(const struct oci_call *call, const char *verb, const struct outcome *outcome)
{
	char index[NUMBER_SIZE] = "", error[NUMBER_SIZE] = "", folder[OCI_PATH_SIZE];
	size_t index_at = 0, error_at = 0;
	append_number(index, sizeof(index), &index_at, outcome ? outcome->index : 0);
	append_number(error, sizeof(error), &error_at, outcome ? (uint64_t)outcome->error : 0);
	if (folder_of(call, folder, sizeof(folder)))
		_exit(1);
	const char *const words[] = { "whit-oci", verb, folder, call->log ? call->log : "", call->log_format ? call->log_format : "", index, error, NULL };
	/* execve's signature lacks the const. */
	python_run(call->self, (char *const *)(uintptr_t)words);
}

int oci_start(struct oci_call *call, char **words)
{
	pid_t pid;
	uint64_t started;
	struct stat hook;
	if ((words[0] && words[1]) || !oci_has_log(call))
		return -1;
	enum oci_status status = oci_status(call->directory, &pid, &started);
	if (status == OCI_STOPPED)
		return fail_with(call, "cannot start", "it has stopped");
	if (status != OCI_CREATED)
		return fail_with(call, "cannot start", status == OCI_CREATING ? "it isn't created yet" : "it runs already");
	CLEANUP_FD int gate = openat(call->directory, "start", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (gate < 0 || write(gate, "", 1) != 1)
		return fail_with(call, "cannot start", errno == ENXIO ? "it has stopped" : strerror(errno));
	unlinkat(call->directory, "start", 0);
	await_program(gate);
	CLEANUP_FD int file = openat(call->directory, "outcome", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct outcome outcome;
	if (file >= 0 && pread(file, &outcome, sizeof(outcome), 0) == (ssize_t)sizeof(outcome) && outcome.error)
		python_for(call, "_start-failed", &outcome);
	if (fstatat(call->directory, "poststart", &hook, AT_SYMLINK_NOFOLLOW) == 0)
		python_for(call, "_poststart", NULL);
	return 0;
}

/* By its number or its name, with or without SIG. 0 if there is no such signal. */
static int parse_signal(const char *text)
{
	static const char *const names[] = {
		NULL, "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
		"STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
	};
	uint64_t number;
	if (parse_number(text, &number) == 0)
		return number <= REAL_TIME_LAST ? (int)number : 0;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < (int)(sizeof(names) / sizeof(*names)); i++)
		if (strcasecmp(text, names[i]) == 0)
			return i;
	if (strcasecmp(text, "RTMAX") == 0)
		return REAL_TIME_LAST;
	if (strncasecmp(text, "RTMIN", 5) != 0)
		return 0;
	if (!text[5])
		return REAL_TIME_FIRST;
	return text[5] == '+' && parse_number(text + 6, &number) == 0 && number <= REAL_TIME_LAST - REAL_TIME_FIRST ? REAL_TIME_FIRST + (int)number : 0;
}

/* By a descriptor of the process, looked at after it was opened: the number may have been given to another one. */
static int signal_process(pid_t pid, uint64_t started, int number)
{
	CLEANUP_FD int pidfd = (int)syscall(NR_PIDFD_OPEN, pid, 0);
	if (pidfd < 0 && errno != ENOSYS)
		return -errno;
	if (!oci_lives(pid, started))
		return -ESRCH;
	long result = pidfd < 0 ? kill(pid, number) : syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
	return result < 0 ? -errno : 0;
}

int oci_kill(struct oci_call *call, char **words)
{
	pid_t pid;
	uint64_t started;
	int all = 0, number = SIGTERM;
	if (!oci_has_log(call))
		return -1;
	for (; *words && **words == '-'; words++) {
		if (strcmp(*words, "--all") != 0 && strcmp(*words, "-a") != 0)
			return -1;
		all = 1;
	}
	if (words[0] && words[1]) {
		number = parse_signal(words[1]);
		/* `kill ID SIGNAL --all` */
		if (number == 0 || words[2])
			return -1;
	}
	enum oci_status status = oci_status(call->directory, &pid, &started);
	int error = status == OCI_CREATING || status == OCI_STOPPED ? -ESRCH : signal_process(pid, started, number);
	if (all)
		error = oci_signal_all(call->directory, number);
	if (error == -ESRCH)
		return fail_with(call, "cannot kill", "container not running");
	if (error == -ENOENT && all)
		error = 0;
	if (number == SIGKILL && status == OCI_PAUSED)
		oci_thaw(call->directory);
	return error ? fail_with(call, "cannot kill", strerror(-error)) : 0;
}

/* Kill the first process, and with it its PID namespace, and wait until it is gone or a zombie. */
static void end_process(const struct oci_call *call, pid_t pid, uint64_t started)
{
	CLEANUP_FD int pidfd = (int)syscall(NR_PIDFD_OPEN, pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	const struct timespec pause = { .tv_nsec = 1000000 };
	if (signal_process(pid, started, SIGKILL))
		return;
	oci_thaw(call->directory);
	if (pidfd >= 0 && poll(&ended, 1, END_MILLISECONDS) >= 0)
		return;
	for (int i = 0; i < END_MILLISECONDS && oci_lives(pid, started); i++)
		nanosleep(&pause, NULL);
}

int oci_delete(struct oci_call *call, char **words)
{
	pid_t pid;
	uint64_t started;
	int force = 0;
	struct stat hook;
	for (; *words && **words == '-'; words++) {
		if (strcmp(*words, "--force") != 0 && strcmp(*words, "-f") != 0)
			return -1;
		force = 1;
	}
	if ((words[0] && words[1]) || !oci_has_log(call))
		return -1;
	enum oci_folder kind = oci_folder_kind(call->directory);
	if (kind == OCI_NO_FOLDER || (kind == OCI_REMNANT && !force))
		return fail_with(call, "cannot delete", "its folder is no container of whit-oci's");
	/* Whoever creates it holds the lock; a creator that was killed doesn't any more. */
	if (flock(call->directory, LOCK_EX | LOCK_NB) < 0 && !force)
		return fail_with(call, "cannot delete", "another command works on it");
	enum oci_status status = oci_status(call->directory, &pid, &started);
	if (!force && (status == OCI_RUNNING || status == OCI_PAUSED))
		return fail_with(call, "cannot delete", status == OCI_PAUSED ? "it is not stopped: paused" : "it is not stopped: running");
	if (status != OCI_STOPPED && status != OCI_CREATING)
		end_process(call, pid, started);
	int error = oci_remove_cgroups(call->directory);
	if (error && !force)
		return fail_with(call, "cannot remove the cgroups of", strerror(-error));
	leave_scope(call);
	if (fstatat(call->directory, "poststop", &hook, AT_SYMLINK_NOFOLLOW) == 0)
		python_for(call, "_poststop", NULL);
	error = oci_remove_folder(call->root_directory, call->container, call->directory);
	return error ? fail_with(call, "cannot delete", strerror(-error)) : 0;
}
