/* whit: executes launch plans, and hands everything else to the Python beside it.

   whit _launch FD              execute the plan that a file descriptor holds (how Python starts a container)
   whit _supervise FOLDER FD    supervise the container of a folder (engine.h)
   whit run …, whit exec …      if a plan for exactly this command line is cached and its guards hold, execute it
   anything else                python: the same arguments
   whit-oci …                   oci.h
   a bundle                     bundle.h

   When an operation of a plan from Python fails, Python is asked to say so in words: whit _explain FD INDEX ERRNO.
   When one of a cached plan does, the cached plan is removed and Python takes over from the beginning. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"
#include "bundle.h"
#include "engine.h"
#include "guards.h"
#include "launch.h"
#include "oci.h"
#include "python.h"
#include "util.h"

enum { PLAN_PATH_SIZE = 4096, FAILED = 125, NUMBER_SIZE = 24, STACK_KIB = 256 };

/* $WHIT_ROOT, else /var/lib/whit for root, else $XDG_DATA_HOME/whit, else $HOME/.local/share/whit: as packer/store does. */
static int append_store_root(char *path, size_t *at)
{
	const char *root = getenv("WHIT_ROOT");
	if (root && *root)
		return append(path, PLAN_PATH_SIZE, at, root);
	if (geteuid() == 0)
		return append(path, PLAN_PATH_SIZE, at, "/var/lib/whit");
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (data && *data == '/')
		return append(path, PLAN_PATH_SIZE, at, data) || append(path, PLAN_PATH_SIZE, at, "/whit");
	if (!home || *home != '/')
		return -ENOENT;
	return append(path, PLAN_PATH_SIZE, at, home) || append(path, PLAN_PATH_SIZE, at, "/.local/share/whit");
}

/* FNV-1a over the arguments, each with its NUL. It only names the file: the plan itself says which command it is for. */
static uint64_t hash_arguments(char *const *arguments)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (; *arguments; arguments++)
		for (const char *at = *arguments;; at++) {
			hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
			if (!*at)
				break;
		}
	return hash;
}

/* Only what nobody else could have put there is used. */
static int is_ours(int fd, mode_t type)
{
	struct stat status;
	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == geteuid() &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

static int open_plans(void)
{
	char path[PLAN_PATH_SIZE] = "";
	size_t at = 0;
	if (append_store_root(path, &at))
		return NO_FD;
	/* No link: whoever owns one decides each time anew which store it leads to. Python refuses the same. */
	CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0 || !is_ours(root, S_IFDIR))
		return NO_FD;
	CLEANUP_FD int plans = openat(root, "plans", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return plans >= 0 && is_ours(plans, S_IFDIR) ? steal_fd(&plans) : NO_FD;
}

/* Returns the program's exit code, or -1 when Python must do it. */
static int execute_cached(char **argv, const char *self, int (*execute)(struct launch *launch))
{
	char name[NUMBER_SIZE] = "";
	size_t at = 0;
	struct launch launch;
	CLEANUP_FD int plans = open_plans();
	if (plans < 0 || append_number(name, sizeof(name), &at, hash_arguments(argv + 1)))
		return -1;
	CLEANUP_FD int fd = openat(plans, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || !is_ours(fd, S_IFREG))
		return -1;
	launch_new(&launch, argv, self);
	if (plan_load(&launch.plan, fd) || !guards_hold(&launch.plan, argv + 1, plans, self))
		return -1;
	int code = execute(&launch);
	if (code < 0)
		unlinkat(plans, name, 0);
	return code;
}

_Noreturn static void explain(const struct launch *launch, char *fd_text)
{
	char index[NUMBER_SIZE], error[NUMBER_SIZE];
	size_t index_at = 0, error_at = 0;
	append_number(index, sizeof(index), &index_at, launch->outcome ? launch->outcome->index : 0);
	append_number(error, sizeof(error), &error_at, launch->outcome ? (uint64_t)launch->outcome->error : ENOMEM);
	char name[] = "whit", verb[] = "_explain";
	char *arguments[] = { name, verb, fd_text, index, error, NULL };
	python_run(launch->self, arguments);
}

static int run_given(char **argv, const char *self)
{
	uint64_t fd;
	struct launch launch;
	if (parse_number(argv[2], &fd) || fd > INT_MAX) {
		complain("_launch is how whit starts its own launcher", "use 'whit run'");
		return FAILED;
	}
	launch_new(&launch, argv, self);
	if (plan_load(&launch.plan, (int)fd)) {
		complain("the launch plan is damaged, or whit's launcher and its Python are of different versions", "install whit again");
		return FAILED;
	}
	int code = launch_run(&launch);
	if (code < 0)
		explain(&launch, argv[2]);
	return code;
}

/*
 * A program that is started with one of them closed would take the first file that it opens for its input or output.
 * Standard output is one that can't be written to, so that who prints there is told, as where it is closed.
 */
static void open_standard_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(FAILED);
}

/* On less neither the launcher nor Python gets far, and all that would be heard of it is a SIGSEGV. */
static int has_stack(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= STACK_KIB * 1024;
}

/* Its frame is larger than what main may need before it has looked at the stack. */
static int __attribute__((noinline)) answer(int argc, char **argv)
{
	char self[PLAN_PATH_SIZE];
	python_locate(self, sizeof(self), argc > 0 ? argv[0] : "");
	if (is_oci(self))
		return oci_main(argc, argv, self);
	if (argc == 3 && strcmp(argv[1], "_launch") == 0)
		return run_given(argv, self);
	if (argc == 4 && strcmp(argv[1], "_supervise") == 0)
		return engine_supervise(argv, self);
	if (argc == 5 && strcmp(argv[1], "_attach") == 0)
		return engine_attach(argv);
	if (argc >= RESUME_WORDS && strcmp(argv[1], "_resume") == 0)
		return engine_resume(argv, self);
	if (argc > 1 && strcmp(argv[1], "_watch") == 0)
		return bridge_begin_watch(argc, argv, self);
	if (argc > 3 && strcmp(argv[1], "_users") == 0)
		return engine_users(argv, self);
	if (argc > 2 && strcmp(argv[1], "run") == 0) {
		int code = execute_cached(argv, self, launch_run);
		if (code >= 0)
			return code;
	}
	if (argc > 3 && strcmp(argv[1], "exec") == 0) {
		int code = execute_cached(argv, self, oci_exec_cached);
		if (code >= 0)
			return code;
	}
	python_run(self, argv);
}

int main(int argc, char **argv)
{
	open_standard_streams();
	/* A file that may not grow any more is an error to be told, not a silent death. A container's program gets it back: reset_signals(). */
	signal(SIGXFSZ, SIG_IGN);
	if (!has_stack()) {
		const char *program = argc > 0 && is_oci(argv[0]) ? "whit-oci" : "whit";
		complain_as(program, "the stack may not be larger than ulimit -s says, and whit needs 256 KiB", "raise it: ulimit -s 8192");
		return FAILED;
	}
	struct bundle_mark mark;
	int is_bundle = bundle_is_marked(&mark);
	if (is_bundle < 0)
		return bundle_damaged(is_bundle, "the launcher");
	return is_bundle ? bundle_main(argc, argv, &mark) : answer(argc, argv);
}
