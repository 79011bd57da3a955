/* Operations that only OCI containers have: the gate that start opens, hooks, the terminal, and finding the program. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "oci.h"
#include "util.h"

enum { FIRST_OWN = 3, MILLISECONDS = 1000, HOOK_NOT_STARTED = 127, HOOK_ENDED = 4096, HOOK_KILLED = 256, MAX_KEPT = 1024 };

int op_start_gate(struct launch *launch, const struct op *op)
{
	/* To read; and to write, so that a start which opens it and is killed before it has written is no end of what is read.
	   start's open finds a reader as long as the child lives. */
	launch->gate = open(op_text(&launch->plan, op, START_GATE_path), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return launch->gate < 0 ? -errno : 0;
}

int op_wait_start(struct launch *launch, const struct op *op)
{
	struct pollfd gate = { .fd = launch->gate, .events = POLLIN };
	char byte;
	int error = ask_parent(launch, op);
	if (error || launch->gate < 0)
		return error;
	close_fd(&launch->channel);
	launch->channel = NO_FD;
	ssize_t got;
	do
		if (poll(&gate, 1, -1) < 0 && errno != EINTR)
			return -errno;
	while ((got = read(launch->gate, &byte, 1)) < 0 && (errno == EAGAIN || errno == EINTR));
	return got == 1 ? 0 : -ECANCELED;
}

int op_set_umask(struct launch *launch, const struct op *op)
{
	launch->umask = (mode_t)op_number(op, SET_UMASK_mask) & 0777;
	return 0;
}

int op_keep_descriptors(struct launch *launch, const struct op *op)
{
	uint64_t count = op_number(op, KEEP_DESCRIPTORS_count);
	if (count > MAX_KEPT)
		return -EINVAL;
	for (int fd = FIRST_OWN; fd < FIRST_OWN + (int)count; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return -EBADF;
	launch->kept_descriptors = (unsigned)count;
	return 0;
}

/* What execve would say of the file, as far as it can be told before. */
static int is_program(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (!S_ISREG(status.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* As execvp does: a name with a slash is a path; others are looked for in the folders of PATH. */
int op_find_program(struct launch *launch, const struct op *op)
{
	const char *name = op_text(&launch->plan, op, FIND_PROGRAM_name), *path = op_text(&launch->plan, op, FIND_PROGRAM_path);
	size_t at = 0;
	int worst = -ENOENT;
	if (strchr(name, '/')) {
		int error = append(launch->program, PROGRAM_SIZE, &at, name);
		return error ? error : is_program(launch->program);
	}
	for (;; path++) {
		size_t length = strcspn(path, ":");
		if (*name && length < PROGRAM_SIZE) {
			memcpy(launch->program, path, length);
			launch->program[length] = 0;
			at = length;
			int error = append(launch->program, PROGRAM_SIZE, &at, length ? "/" : "./") ||
				    append(launch->program, PROGRAM_SIZE, &at, name);
			error = error ? -ENAMETOOLONG : is_program(launch->program);
			if (error == 0)
				return 0;
			if (error == -EACCES || error == -EISDIR)
				worst = -EACCES;
		}
		path += length;
		if (!*path)
			break;
	}
	launch->program[0] = 0;
	return worst;
}

/* `error` is memory that the parent sees; a program that starts has another. */
_Noreturn static void become_hook(const struct launch *launch, const struct op *op, int input, int *error)
{
	char **arguments = op_list(&launch->plan, op, HOOK_INSIDE_arguments);
	char **environment = op_list(&launch->plan, op, HOOK_INSIDE_environment);
	/* What a hook prints isn't the container's output. */
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (arguments && environment && dup2(input, STDIN_FILENO) >= 0 && (null < 0 || (dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0))) {
		close_from(FIRST_OWN);
		reset_signals();
		umask(022);
		execve(op_text(&launch->plan, op, HOOK_INSIDE_path), arguments, environment);
	}
	*error = arguments && environment ? errno : ENOMEM;
	_exit(HOOK_NOT_STARTED);
}

/* 0 when the hook has ended with 0; above all errors how it failed (runtime/oci/afterwards.py reads it); -ETIMEDOUT when it took too long. */
static int await_hook(pid_t hook, uint64_t seconds)
{
	if (seconds) {
		CLEANUP_FD int pidfd = (int)syscall(NR_PIDFD_OPEN, hook, 0);
		struct pollfd ended = { .fd = pidfd, .events = POLLIN };
		if (pidfd >= 0 && poll(&ended, 1, seconds > INT_MAX / MILLISECONDS ? -1 : (int)seconds * MILLISECONDS) == 0) {
			kill(hook, SIGKILL);
			wait_for(hook);
			return -ETIMEDOUT;
		}
	}
	int status = wait_for(hook);
	if (status < 0)
		return status;
	if (WIFSIGNALED(status))
		return -(HOOK_ENDED + HOOK_KILLED + WTERMSIG(status));
	return WEXITSTATUS(status) == 0 ? 0 : -(HOOK_ENDED + WEXITSTATUS(status));
}

/* The state of the container on its standard input: what stands before the pid, the pid, what stands after it. */
static int run_hook(const struct launch *launch, const struct op *op, pid_t pid)
{
	int ends[2];
	char number[24] = "";
	size_t at = 0, length;
	append_number(number, sizeof(number), &at, (uint64_t)pid);
	int *start_error = mmap(NULL, sizeof(*start_error), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (start_error == MAP_FAILED || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t hook = fork();
	if (hook == 0)
		become_hook(launch, op, ends[0], start_error);
	close(ends[0]);
	if (hook > 0) {
		/* A hook that doesn't read its input is no error; SIGPIPE is ignored. */
		const char *before = op_bytes(&launch->plan, op, HOOK_INSIDE_before, &length);
		if (write(ends[1], before, length) == (ssize_t)length && write(ends[1], number, at) == (ssize_t)at) {
			const char *after = op_bytes(&launch->plan, op, HOOK_INSIDE_after, &length);
			if (write(ends[1], after, length) < 0)
				length = 0;
		}
	}
	close(ends[1]);
	int error = hook < 0 ? -errno : await_hook(hook, op_number(op, HOOK_INSIDE_timeout));
	if (hook > 0 && *start_error)
		error = -*start_error;
	munmap(start_error, sizeof(*start_error));
	return error;
}

int op_hook_inside(struct launch *launch, const struct op *op)
{
	return run_hook(launch, op, launch->outcome->number_in_proc);
}

int op_hook_outside(struct launch *launch, const struct op *op)
{
	return ask_parent(launch, op);
}

int parent_hook(struct launch *launch, const struct op *op)
{
	return run_hook(launch, op, launch->child);
}

int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* The caller's terminal, looked for where runc does: any of the standard streams may lead elsewhere. */
static int open_terminal(void)
{
	for (int fd = STDERR_FILENO; fd >= 0; fd--)
		if (isatty(fd)) {
			int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN);
			return copy < 0 ? -errno : copy;
		}
	int own = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	return own < 0 ? -errno : own;
}

/* Without a path the terminal comes to the launcher itself, which stays between it and the caller's (oci_terminal.c). */
int op_console_socket(struct launch *launch, const struct op *op)
{
	const char *path = op_text(&launch->plan, op, CONSOLE_SOCKET_path);
	int ends[2];
	if (*path) {
		launch->console_socket = connect_to(path);
		return launch->console_socket < 0 ? launch->console_socket : 0;
	}
	launch->terminal = open_terminal();
	/* With whit exec -t a program may have one where the caller has none. */
	if (launch->terminal < 0 && !launch->keys)
		return launch->terminal;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	launch->console_socket = ends[0];
	launch->console_receiver = ends[1];
	return 0;
}

static int is_ptmx(const struct stat *status)
{
	return S_ISCHR(status->st_mode) && status->st_rdev == makedev(5, 2);
}

/* The container's own ptmx, and nothing that was put in its place: a character device 5:2. */
static int open_master(int root)
{
	char path[40] = "/proc/self/fd/";
	size_t at = strlen(path);
	struct stat status;
	CLEANUP_FD int found = root < 0 ? open("/dev/pts/ptmx", O_PATH | O_CLOEXEC | O_NOFOLLOW) : open_in_root(root, "/dev/pts/ptmx", RESOLVE_NO_SYMLINKS);
	if (found < 0)
		return root < 0 ? -errno : found;
	if (fstat(found, &status) < 0)
		return -errno;
	if (!is_ptmx(&status))
		return -ENODEV;
	append_number(path, sizeof(path), &at, (uint64_t)found);
	/* Inside of a container that is entered, /proc is the container's: the name is opened again, and looked at again. */
	CLEANUP_FD int master = open(root < 0 ? "/dev/pts/ptmx" : path, O_RDWR | O_NOCTTY | O_CLOEXEC | (root < 0 ? O_NOFOLLOW : 0));
	if (master < 0 || fstat(master, &status) < 0)
		return -errno;
	return is_ptmx(&status) ? steal_fd(&master) : -ENODEV;
}

/* /dev/console, for programs that know no other terminal; a place for it is made where there is none. */
static int bind_console(struct launch *launch, int terminal)
{
	CLEANUP_FD int dev = open_in_root(launch->root, "/dev", RESOLVE_NO_SYMLINKS);
	if (dev < 0)
		return dev;
	if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST && errno != EROFS)
		return -errno;
	struct place place = { launch->root, "/dev/console", open_in_root(launch->root, "/dev/console", RESOLVE_NO_SYMLINKS) };
	CLEANUP_FD int at = place.at;
	return at < 0 ? (at == -ENOENT ? 0 : at) : mount_bind(terminal, &place, 0, 0);
}

int op_terminal(struct launch *launch, const struct op *op)
{
	int unlock = 0;
	struct winsize size = { .ws_row = (unsigned short)op_number(op, TERMINAL_rows), .ws_col = (unsigned short)op_number(op, TERMINAL_columns) };
	CLEANUP_FD int master = open_master(launch->root);
	if (master < 0)
		return master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	/* By the master, never by a path that could lead elsewhere by now (CVE-2025-52565). */
	CLEANUP_FD int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || (size.ws_row && ioctl(terminal, TIOCSWINSZ, &size) < 0))
		return -errno;
	if (fchown(terminal, (uid_t)op_number(op, TERMINAL_user), (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM)
		return -errno;
	int error = launch->root < 0 ? 0 : bind_console(launch, terminal);
	error = error ? error : send_descriptor(launch->console_socket, master, "/dev/ptmx");
	if (error)
		return error;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(terminal, fd) < 0)
			return -errno;
	return ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -errno : 0;
}
