/* The end of the way: the program takes the launcher's place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { FIRST_INHERITED = 3, ALL_SEALS = 15, MEMFD_CLOEXEC = 1, MEMFD_SEALABLE = 2, MEMFD_EXECUTABLE = 16, ADD_SEALS = 1033, GET_SEALS = 1034, PROC_MAGIC = 0x9fa0, KEPT = 4 };

extern char **environ;

int sealable_file(void)
{
	int file = (int)syscall(SYS_memfd_create, "whit", MEMFD_CLOEXEC | MEMFD_SEALABLE | MEMFD_EXECUTABLE);
	/* Kernels before 6.3 don't know the flag; later ones may be told not to execute such files without it. */
	if (file < 0 && errno == EINVAL)
		file = (int)syscall(SYS_memfd_create, "whit", MEMFD_CLOEXEC | MEMFD_SEALABLE);
	return file < 0 ? -errno : file;
}

int seal_program(int file)
{
	return fchmod(file, 0500) < 0 || fcntl(file, ADD_SEALS, ALL_SEALS) < 0 ? -errno : 0;
}

static int copy_to_memfd(int source)
{
	struct stat status;
	CLEANUP_FD int copy = sealable_file();
	if (copy < 0)
		return copy;
	if (fstat(source, &status) < 0)
		return -errno;
	for (off_t at = 0; at < status.st_size;)
		if (sendfile(copy, source, &at, (size_t)(status.st_size - at)) <= 0)
			return -EIO;
	int error = seal_program(copy);
	return error ? error : steal_fd(&copy);
}

/* A program that runs as a user who may write the launcher's file, the host's root above all, could overwrite it through
   /proc/self/exe (CVE-2019-5736): so for such a program the launcher starts itself again from a copy that nobody can write. */
int op_seal_self(struct launch *launch, const struct op *op)
{
	(void)op;
	CLEANUP_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return -errno;
	if (fcntl(self, GET_SEALS) == ALL_SEALS)
		return 0;
	CLEANUP_FD int copy = copy_to_memfd(self);
	if (copy < 0)
		return copy;
	/* The copy finds the Python beside the original by argv[0]. */
	launch->argv[0] = (char *)(uintptr_t)launch->self;
	syscall(SYS_execveat, copy, "", launch->argv, environ, AT_EMPTY_PATH);
	return -errno;
}

/* For kernels before 5.9. The limit of open files doesn't tell: those opened before it was lowered are above it. `act` returns
   whether it has changed the list. -ENOENT where there is no /proc, or a folder of the image's instead. */
static int each_listed(unsigned first, int (*act)(int fd))
{
	struct listing listing;
	const struct listed *entry;
	struct statfs status;
	int changed;
	CLEANUP_FD int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || fstatfs(directory, &status) < 0)
		return -errno;
	if (status.f_type != PROC_MAGIC)
		return -ENOENT;
	/* What changes is read until nothing is left. */
	do {
		uint64_t fd;
		changed = 0;
		list_from(&listing, directory);
		while ((entry = list_next(&listing)))
			if (parse_number(entry->name, &fd) == 0 && fd >= first && fd != (uint64_t)directory)
				changed |= act((int)fd);
		if (listing.filled < 0)
			return -errno;
	} while (changed);
	return 0;
}

static int close_one(int fd)
{
	return close(fd) == 0;
}

static int mark_one(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

int mark_inherited(struct launch *launch)
{
	uint64_t first = FIRST_INHERITED;
	if (syscall(NR_CLOSE_RANGE, UINT_MAX, UINT_MAX, 0) == 0 || errno != ENOSYS)
		return 0;
	for (uint32_t i = 0; i < launch->plan.count; i++)
		if (launch->plan.ops[i].code == OP_KEEP_DESCRIPTORS)
			first += op_number(&launch->plan.ops[i], KEEP_DESCRIPTORS_count);
	launch->is_marked = 1;
	return first > UINT_MAX ? -EINVAL : each_listed((unsigned)first, mark_one);
}

int close_from(unsigned first)
{
	if (syscall(NR_CLOSE_RANGE, first, UINT_MAX, 0) == 0)
		return 0;
	return errno == ENOSYS ? each_listed(first, close_one) : -errno;
}

int close_inherited(void)
{
	return close_from(FIRST_INHERITED);
}

/* Out of the way of what is to have its number; what isn't open stays so. */
static int move_away(int *fd, int from)
{
	if (*fd >= 0 && (*fd = fcntl(*fd, F_DUPFD_CLOEXEC, from)) < 0)
		return -errno;
	return 0;
}

/* All is closed before the program is looked for, and not by its start: a program's or an interpreter's path could lead
   through what is open (CVE-2024-21626). Until then there stay only the way to the seccomp agent, the WebAssembly engine, the
   channel to the parent and the gate: by its end the parent, or start, knows that the program is there. */
int close_before_program(struct launch *launch)
{
	int first = FIRST_INHERITED + (int)launch->kept_descriptors, error = 0;
	int *const kept[] = { &launch->channel, &launch->gate, &launch->agent, &launch->engine };
	if (launch->is_closed)
		return 0;
	/* One alone is in nobody's way, and the limit of open files may be tight. */
	int is_crowded = launch->agent >= 0 || launch->engine >= 0;
	for (size_t i = 0; is_crowded && !error && i < KEPT; i++)
		error = move_away(kept[i], first + KEPT);
	error = error ? error : move_away(&launch->code, first + KEPT);
	if (error)
		return error;
	if (launch->code >= 0 && dup2(launch->code, FIRST_INHERITED) < 0)
		return -errno;
	for (size_t i = 0; i < KEPT; i++) {
		if (*kept[i] < 0)
			continue;
		if (*kept[i] != first && dup3(*kept[i], first, O_CLOEXEC) < 0)
			return -errno;
		*kept[i] = first++;
	}
	launch->is_closed = 1;
	error = close_from((unsigned)first);
	/* No path leads through what is open where there is no /proc; and it closes when the program starts. */
	return error == -ENOENT && launch->is_marked ? 0 : error;
}

/* Nothing of how the launcher was started reaches the program: neither ignored signals (Python's SIGPIPE) nor blocked ones. */
void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* All that comes between here and the program, but for its start. */
static int make_ready(struct launch *launch)
{
	int error = close_before_program(launch);
	if (error)
		return error;
	umask(launch->umask);
	reset_signals();
	launch->outcome->takes_signals = 1;
	return 0;
}

/* What the program is started with. Memory for it is asked for once. */
static int list_words(struct launch *launch, const struct op *op)
{
	if (launch->arguments)
		return 0;
	launch->arguments = op_list(&launch->plan, op, EXEC_arguments);
	launch->environment = op_list(&launch->plan, op, EXEC_environment);
	return launch->arguments && launch->environment ? 0 : -ENOMEM;
}

/* For a filter that allows the program's own calls and, to execute, this descriptor alone: so nothing may be left to be done. */
int op_open_program(struct launch *launch, const struct op *op)
{
	int number = (int)op_number(op, OPEN_PROGRAM_descriptor), error = make_ready(launch);
	for (const struct op *later = op; !error && later < launch->plan.ops + launch->plan.count; later++)
		error = later->code == OP_EXEC ? list_words(launch, later) : 0;
	if (error)
		return error;
	CLEANUP_FD int program = open(op_text(&launch->plan, op, OPEN_PROGRAM_path), O_PATH | O_CLOEXEC);
	if (program < 0)
		return -errno;
	if (program == number)
		launch->opened = steal_fd(&program);
	else
		launch->opened = dup3(program, number, O_CLOEXEC);
	return launch->opened < 0 ? -errno : 0;
}

int op_exec(struct launch *launch, const struct op *op)
{
	int error = list_words(launch, op);
	if (error)
		return error;
	char **arguments = launch->arguments, **environment = launch->environment;
	size_t variables = 0;
	while (environment[variables])
		variables++;
	environment[variables] = launch->home[0] ? launch->home : NULL;
	error = launch->opened < 0 ? make_ready(launch) : 0;
	if (error)
		return error;
	if (launch->opened >= 0)
		syscall(SYS_execveat, launch->opened, "", arguments, environment, AT_EMPTY_PATH);
	else if (launch->engine >= 0)
		syscall(SYS_execveat, launch->engine, "", arguments, environment, AT_EMPTY_PATH);
	else
		execve(launch->program[0] ? launch->program : op_text(&launch->plan, op, EXEC_path), arguments, environment);
	return -errno;
}
