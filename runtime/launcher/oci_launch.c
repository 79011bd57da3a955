/* Creating a container, or a process in one, from the plan that Python has made. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "launch.h"
#include "oci.h"
#include "python.h"
#include "util.h"

enum { FAILED = 1, NUMBER_SIZE = 24, RECORD_SIZE = 128 };

enum word { WORD_MODE = 2, WORD_FOLDER, WORD_PID_FILE, WORD_PLAN, WORD_LOG, WORD_LOG_FORMAT, WORD_KEYS };

/* What the child tells, in a file: start, which comes later, reads it there. */
static int map_outcome(struct launch *launch)
{
	CLEANUP_FD int file = -1;
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	if (!launch->is_exec) {
		const struct outcome nothing = { 0 };
		flags = MAP_SHARED;
		file = openat(launch->state_directory, "outcome", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0)
			return -errno;
		/* Written, not only made longer: on a full disk that is an error, and the page's first use would be SIGBUS. */
		int error = write_all(file, (const char *)&nothing, sizeof(nothing));
		if (error)
			return error;
	}
	void *shared = mmap(NULL, sizeof(struct outcome), PROT_READ | PROT_WRITE, flags, file, 0);
	if (shared == MAP_FAILED)
		return -errno;
	launch->outcome = shared;
	return 0;
}

/* The child has done all that comes before the program: from now on it is on record. */
int parent_ready(struct launch *launch, const struct op *op)
{
	char text[RECORD_SIZE] = "", boot[BOOT_ID_SIZE], state;
	uint64_t started;
	size_t at = 0;
	(void)op;
	if (launch->state_directory < 0)
		return -EINVAL;
	if (process_times(launch->child, &started, &state) || append_number(text, sizeof(text), &at, (uint64_t)launch->child))
		return -ESRCH;
	int error = *launch->pid_file ? oci_write(AT_FDCWD, launch->pid_file, text) : 0;
	error = error ? error : send_process(launch);
	if (error || launch->is_exec)
		return error;
	if (append(text, sizeof(text), &at, " ") || append_number(text, sizeof(text), &at, started))
		return -ENAMETOOLONG;
	if (boot_id(boot, sizeof(boot)) == 0 && (append(text, sizeof(text), &at, " ") || append(text, sizeof(text), &at, boot)))
		return -ENAMETOOLONG;
	return oci_write(launch->state_directory, "process", text);
}

_Noreturn static void explain(const struct launch *launch, char **argv)
{
	char index[NUMBER_SIZE] = "", error[NUMBER_SIZE] = "";
	size_t index_at = 0, error_at = 0;
	append_number(index, sizeof(index), &index_at, launch->outcome ? launch->outcome->index : 0);
	append_number(error, sizeof(error), &error_at, launch->outcome ? (uint64_t)launch->outcome->error : ENOMEM);
	char name[] = "whit-oci", verb[] = "_launch-failed";
	char *words[] = { name, verb, argv[WORD_MODE], argv[WORD_FOLDER], argv[WORD_PLAN], argv[WORD_LOG], argv[WORD_LOG_FORMAT], index, error, NULL };
	python_run(launch->self, words);
}

/* Python in a process of its own: hooks that come after the start. Whether they all went well. */
static int run_python(const struct launch *launch, const char *verb, char **argv)
{
	const char *const words[] = { "whit-oci", verb, argv[WORD_FOLDER], argv[WORD_LOG], argv[WORD_LOG_FORMAT], NULL };
	return python_ran(launch->self, words);
}

static int has_hook(const struct launch *launch, const char *name)
{
	return faccessat(launch->state_directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What `delete` would do. */
static void remove_container(struct launch *launch, char **argv)
{
	oci_remove_cgroups(launch->state_directory);
	oci_leave_scope(launch->state_directory, launch->self, argv[WORD_FOLDER]);
	if (has_hook(launch, "poststop"))
		run_python(launch, "_poststop", argv);
	else
		oci_remove_folder(AT_FDCWD, argv[WORD_FOLDER], launch->state_directory);
}

static int open_folder(struct launch *launch, const char *path)
{
	launch->state_directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (launch->state_directory < 0)
		return -errno;
	/* Held until create ends: delete sees by it that somebody is at work. */
	if (!launch->is_exec && flock(launch->state_directory, LOCK_EX) < 0)
		return -errno;
	return 0;
}

/* 0 if a file can be put there. Found out before anything is done: hooks of a container that then fails have run for nothing. */
static int check_pid_file(const char *path)
{
	char folder[OCI_PATH_SIZE] = ".";
	struct stat status;
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) + 1 : 0;
	if (!*path)
		return 0;
	if (length && copy_part(folder, sizeof(folder), path, length))
		return -ENAMETOOLONG;
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return -EISDIR;
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* Nothing has been done yet but a new container's folder: that goes. */
static int refuse(const struct launch *launch, char **argv, const char *what, const char *path, int error)
{
	const struct oci_call call = { .log = argv[WORD_LOG], .log_format = argv[WORD_LOG_FORMAT] };
	const char *const parts[] = { what, path, ": ", strerror(-error), NULL };
	if (!launch->is_exec)
		oci_remove_folder(AT_FDCWD, argv[WORD_FOLDER], launch->state_directory);
	return oci_fail(&call, parts);
}

static int unreadable(void)
{
	complain_as("whit-oci", "the container's folder can't be read", "is another program at work in it?");
	return FAILED;
}

/* Python, which has made the folder and the plan, is this process now: nobody else would take them away. */
static int refuse_plan(struct launch *launch, char **argv)
{
	const struct oci_call call = { .log = argv[WORD_LOG], .log_format = argv[WORD_LOG_FORMAT] };
	const char *const parts[] = { "the launch plan is damaged, or whit's launcher and its Python are of different versions: install whit again", NULL };
	launch->is_exec = strncmp(argv[WORD_MODE], "exec", 4) == 0;
	if (open_folder(launch, argv[WORD_FOLDER]))
		return unreadable();
	if (!launch->is_exec)
		oci_remove_folder(AT_FDCWD, argv[WORD_FOLDER], launch->state_directory);
	return oci_fail(&call, parts);
}

/* Whether it was one of the operations that are about this container's own files and programs: with others the plan is good. */
static int failed_by_its_own_texts(const struct launch *launch)
{
	static const uint32_t about[] = {
		OP_EXEC, OP_FIND_PROGRAM, OP_CONSOLE_SOCKET, OP_TREE_BIND, OP_ROOT_BIND, OP_HOOK_INSIDE, OP_HOOK_OUTSIDE, OP_JOIN_NAMESPACE, OP_JOIN_PROCESSES,
	};
	uint32_t index = launch->outcome->index;
	for (size_t i = 0; index < launch->plan.count && i < sizeof(about) / sizeof(*about); i++)
		if (launch->plan.ops[index].code == about[i])
			return 1;
	return 0;
}

/* whit's own exec and debug: `exec-whit`, and `exec-whit-detached`, of which nothing stays. */
static void read_mode(struct launch *launch, char **words)
{
	const char *mode = words[WORD_MODE];
	launch->is_exec = strncmp(mode, "exec", 4) == 0;
	launch->pid_file = words[WORD_PID_FILE];
	if (strncmp(mode, "exec-whit", 9) == 0) {
		launch->keys = words[WORD_KEYS] ? words[WORD_KEYS] : "";
		launch->is_silent = mode[9] != 0;
	}
}

/* Whether the launcher stays with the process until its end. */
static int attends(const char *mode)
{
	static const char *const modes[] = { "run", "run-kept", "exec", "exec-whit" };
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(mode, modes[i]) == 0)
			return 1;
	return 0;
}

int oci_execute(struct launch *launch, char **words)
{
	const char *mode = words[WORD_MODE];
	read_mode(launch, words);
	if (open_folder(launch, words[WORD_FOLDER]))
		return unreadable();
	int error = map_outcome(launch);
	if (error)
		return refuse(launch, words, "can't write the container's records in ", words[WORD_FOLDER], error);
	error = check_pid_file(launch->pid_file);
	if (error)
		return refuse(launch, words, "can't write the pid file ", launch->pid_file, error);
	int code = launch_start(launch);
	if (code == 0)
		code = serve_child(launch);
	if (code < 0) {
		if (launch->child > 0) {
			kill(launch->child, SIGKILL);
			wait_for(launch->child);
		}
		cgroups_remove(launch);
		/* Python has the next one, should it be the plan that no longer fits. */
		if (launch->kept_path && !failed_by_its_own_texts(launch))
			unlink(launch->kept_path);
		if (launch->falls_back)
			return -1;
		further_began(launch);
		explain(launch, words);
	}
	further_began(launch);
	/* One that fails has ended the container. */
	int failed = strncmp(mode, "run", 3) == 0 && has_hook(launch, "poststart") && !run_python(launch, "_poststart", words);
	int is_kept = strcmp(mode, "run-kept") == 0;
	if (launch->is_silent && launch->console_receiver >= 0)
		oci_hold_terminal(receive_descriptor(launch->console_receiver));
	if (!failed && !attends(mode))
		return 0;
	flock(launch->state_directory, LOCK_UN);
	code = oci_attend(launch);
	if (!launch->has_let_go)
		further_ended(launch, code);
	code = failed ? FAILED : code;
	if (!launch->is_exec && !is_kept)
		remove_container(launch, words);
	return code;
}

/* Looked for before anything is executed, and done by then. */
int op_exec_in(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return 0;
}

int oci_exec_cached(struct launch *launch)
{
	const struct plan *plan = &launch->plan;
	const struct op *op = NULL;
	pid_t pid;
	uint64_t started;
	for (uint32_t i = 0; i < plan->count && !op; i++)
		op = plan->ops[i].code == OP_EXEC_IN ? &plan->ops[i] : NULL;
	if (!op)
		return -1;
	const char *folder = op_text(plan, op, EXEC_IN_folder), *keys = op_text(plan, op, EXEC_IN_keys);
	CLEANUP_FD int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* In a paused container it would stand still. */
	if (directory < 0 || oci_status(directory, &pid, &started) != OCI_RUNNING)
		return -1;
	CLEANUP_FD int nothing = op_number(op, EXEC_IN_reads) ? NO_FD : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing >= 0 && dup2(nothing, STDIN_FILENO) < 0)
		return -1;
	const char *mode = op_number(op, EXEC_IN_detached) ? "exec-whit-detached" : "exec-whit";
	const char *const words[] = { "whit-oci", "_launch", mode, folder, "", "", "", "text", keys, NULL };
	launch->falls_back = 1;
	return oci_execute(launch, (char **)(uintptr_t)words);
}

int oci_launch(char **argv, const char *self)
{
	struct launch launch;
	launch_new(&launch, argv, self);
	CLEANUP_FD int plan = open(argv[WORD_PLAN], O_RDONLY | O_CLOEXEC);
	if (plan < 0 || plan_load(&launch.plan, plan))
		return refuse_plan(&launch, argv);
	return oci_execute(&launch, argv);
}
