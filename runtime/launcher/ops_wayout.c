/* A way out for a program whose user isn't root: another program (slirp4netns) speaks for it to the host's sockets. It is started
   by the supervisor, in the host's network, before there is a container, told its number as soon as there is one, and ends when
   nobody holds the other end of a pipe any more: whatever ends the supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch.h"
#include "util.h"

/* The descriptors that its arguments name, and how long it may take to be ready. */
enum { READY = STDERR_FILENO + 1, WATCHED, OTHERS, READY_MS = 20000, MOST_WORDS = 24, PATH_SIZE = 64 };

static int keep_only(int ready, int watched)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FD int ready_above = fcntl(ready, F_DUPFD_CLOEXEC, OTHERS), watched_above = fcntl(watched, F_DUPFD_CLOEXEC, OTHERS);
	if (null < 0 || ready_above < 0 || watched_above < 0 || setsid() < 0 || chdir("/") < 0)
		return -errno;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup2(ready_above, READY) < 0 || dup2(watched_above, WATCHED) < 0)
		return -errno;
	return close_from(OTHERS);
}

/* It is the root of the guardian's users, and so may enter the container's network, whatever users that has. */
static int enter_users(pid_t guardian)
{
	char path[PATH_SIZE] = "";
	int error = proc_path(path, sizeof(path), (uint64_t)guardian, "/ns/user");
	if (error)
		return error;
	CLEANUP_FD int users = open(path, O_RDONLY | O_CLOEXEC);
	return users < 0 || setns(users, CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* Its arguments, and behind them the container's first process and the interface. */
struct words {
	char *list[MOST_WORDS];
	char process[PATH_SIZE], interface[PATH_SIZE];
};

static int put_words(const struct launch *launch, const struct op *op, struct words *words)
{
	size_t count = 0, at = 0;
	char **arguments = op_list(&launch->plan, op, WAY_OUT_arguments);
	*words = (struct words){ .interface = "tap0" };
	char *const more[] = { words->process, words->interface };
	if (!arguments)
		return -ENOMEM;
	for (; arguments[count]; count++) {
		if (count + sizeof(more) / sizeof(*more) + 1 >= MOST_WORDS)
			return -E2BIG;
		words->list[count] = arguments[count];
	}
	memcpy(words->list + count, more, sizeof(more));
	return append_number(words->process, PATH_SIZE, &at, (uint64_t)launch->outcome->number_in_proc);
}

_Noreturn static void speak(const struct launch *launch, const struct op *op, int ready, int watched)
{
	char go;
	struct words words;
	if (keep_only(ready, watched) || recv(READY, &go, sizeof(go), 0) != (ssize_t)sizeof(go) || enter_users(launch->outcome->guardian_in_proc) || put_words(launch, op, &words))
		_exit(CHILD_FAILED);
	reset_signals();
	execv(op_text(&launch->plan, op, WAY_OUT_program), words.list);
	_exit(CHILD_FAILED);
}

int op_way_out(struct launch *launch, const struct op *op)
{
	int talk[2], watched[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) < 0)
		return -errno;
	launch->way_out = talk[0];
	CLEANUP_FD int theirs = talk[1];
	if (pipe2(watched, O_CLOEXEC) < 0)
		return -errno;
	/* The other end stays open for as long as the supervisor is there. */
	CLEANUP_FD int read_end = watched[0];
	pid_t child = fork();
	if (child == 0)
		speak(launch, op, theirs, read_end);
	return child < 0 ? -errno : 0;
}

int op_way_out_wait(struct launch *launch, const struct op *op)
{
	(void)op;
	char word = '1';
	struct pollfd ready = { .fd = launch->way_out, .events = POLLIN };
	if (send(launch->way_out, &word, sizeof(word), MSG_NOSIGNAL) < 0)
		return -errno;
	if (poll(&ready, 1, READY_MS) != 1)
		return -ETIMEDOUT;
	ssize_t got = recv(launch->way_out, &word, sizeof(word), 0);
	close_fd(&launch->way_out);
	launch->way_out = NO_FD;
	return got == (ssize_t)sizeof(word) ? 0 : -ENOTCONN;
}

int op_warn(struct launch *launch, const struct op *op)
{
	complain(op_text(&launch->plan, op, WARN_message), op_text(&launch->plan, op, WARN_hint));
	return 0;
}
