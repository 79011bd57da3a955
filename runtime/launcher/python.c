#include "python.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

enum { PYTHON_PATH_SIZE = 4096, FAILED = 125 };

extern char **environ;

void python_locate(char *self, size_t size, const char *name)
{
	ssize_t length = readlink("/proc/self/exe", self, size - 1);
	self[length > 0 ? length : 0] = 0;
	size_t at = 0;
	if (strncmp(self, "/memfd:", 7) == 0 && *name == '/')
		append(self, size, &at, name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int is_oci(const char *self)
{
	return strcmp(base_name(self), "whit-oci") == 0;
}

/* Without the site module, which takes as long as half a command of whit's, or all of whit-oci's. What that would add to the
   path is where whit is: its site-packages, or what a source tree's Makefile links there. A virtual environment may have what
   whit needs from the system's Python; then site finds it. */
#define START(module, beside) \
	"import sys, os\n" \
	"at = '%s/../lib/python%d.%d/site-packages' % (os.path.dirname(sys.executable), *sys.version_info[:2])\n" \
	"for place in (at, at + '/whit-source'):\n" \
	"    if os.path.isdir(place + '/whit/runtime') and all(os.path.isdir(at + name) for name in " beside "):\n" \
	"        sys.path += [place, at]\n" \
	"        break\n" \
	"else:\n" \
	"    import site\n" \
	"    site.main()\n" \
	"from whit.runtime." module " import main\n" \
	"main()\n"

static const char start_oci[] = START("oci", "()");
static const char start[] = START("main", "('/click', '/certifi', '/isal', '/tzdata')");

/* With a Python of the machine's, which may know nothing of whit. */
#define START_ANYWHERE(program, module) \
	"import importlib.util, sys\n" \
	"if importlib.util.find_spec('whit') is None:\n" \
	"    sys.exit('" program ": you can execute no Python that has whit\\nhint: install whit with a Python that everybody can execute')\n" \
	"from whit.runtime." module " import main\n" \
	"main()\n"

static const char anywhere_oci[] = START_ANYWHERE("whit-oci", "oci");
static const char anywhere[] = START_ANYWHERE("whit", "main");

/* `options` are one word: -IS, -EP. */
static void try_python(char *python, const char *options, const char *module, char *const *argv)
{
	size_t count = 0;
	while (argv[count])
		count++;
	char **arguments = mmap(NULL, (count + 8) * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arguments == MAP_FAILED)
		return;
	/* The full path as argv[0] is how Python recognises a virtual environment. execve's signature lacks the const. */
	size_t at = 0;
	arguments[at++] = python;
	arguments[at++] = (char *)(uintptr_t)options;
	arguments[at++] = (char *)(uintptr_t)"-c";
	arguments[at++] = (char *)(uintptr_t)module;
	for (size_t i = 1; i < count; i++)
		arguments[at++] = argv[i];
	execve(python, arguments, environ);
}

_Noreturn void python_run(const char *self, char *const *argv)
{
	static const char *const names[] = { "python", "python3" };
	int oci = is_oci(self);
	const char *module = oci ? start_oci : start;
	char python[PYTHON_PATH_SIZE] = "";
	/* An interruption waits until whit's own code is there to tell of it: Python's start would answer with a traceback. */
	sigset_t waiting;
	sigemptyset(&waiting);
	if (!oci)
		sigaddset(&waiting, SIGINT);
	sigprocmask(SIG_SETMASK, &waiting, NULL);
	size_t folder = (size_t)(base_name(self) - self);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && folder < sizeof(python); i++) {
		memcpy(python, self, folder);
		size_t at = folder;
		if (append(python, sizeof(python), &at, names[i]) == 0)
			try_python(python, "-IS", module, argv);
	}
	/* Installed outside of a virtual environment, whit may stand where no Python does. It may be in the user's own
	   site-packages (so not -I), but never in the working directory, which may be anybody's (-P). */
	size_t at = 0;
	if (append(python, sizeof(python), &at, "/usr/bin/python3") == 0)
		try_python(python, "-EP", oci ? anywhere_oci : anywhere, argv);
	complain_as(oci ? "whit-oci" : "whit", "there is no Python beside the whit program", "install whit with pip, or run it from its virtual environment");
	_exit(FAILED);
}

int python_ran(const char *self, const char *const *argv)
{
	pid_t pid = fork();
	/* execve's signature lacks the const. */
	if (pid == 0)
		python_run(self, (char *const *)(uintptr_t)argv);
	return pid > 0 && wait_for(pid) == 0;
}
