/* One run of the container: whit-oci creates and starts it, and what it keeps of it is taken away at the end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine.h"
#include "events.h"
#include "launch.h"
#include "oci.h"
#include "util.h"

enum { TEXT_SIZE = 4096, NUMBER_SIZE = 24, EXIT_UNSTARTED = 125, EXIT_UNEXECUTABLE = 126, EXIT_ABSENT = 127 };

/* The proxy has raised them for itself. */
static void give_files_back(const struct supervisor *supervisor)
{
	struct rlimit limit;
	if (supervisor->files == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = supervisor->files;
	setrlimit(RLIMIT_NOFILE, &limit);
}

pid_t run_begin(const struct supervisor *supervisor, const char *const *words, int input, int output, int errors)
{
	pid_t child = fork();
	if (child != 0)
		return child < 0 ? -errno : child;
	const int wanted[] = { input, output, errors };
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if ((wanted[fd] >= 0 ? dup2(wanted[fd], fd) : dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd)) < 0)
			_exit(EXIT_UNSTARTED);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	give_files_back(supervisor);
	/* execve's signature lacks the const. */
	execv(supervisor->runtime, (char *const *)(uintptr_t)words);
	complain("whit-oci isn't installed beside whit", "install whit again");
	_exit(EXIT_UNSTARTED);
}

int run_runtime(const struct supervisor *supervisor, const char *const *words, int input, int output, int errors)
{
	pid_t child = run_begin(supervisor, words, input, output, errors);
	return child < 0 ? child : wait_for(child);
}

/* Docker's exit codes, told from whit-oci's words, which are runc's (moby, daemon/start.go). */
static int exit_code_of(const char *words)
{
	static const char *const absent[] = { "executable file not found", "no such file or directory" };
	static const char *const unexecutable[] = { "permission denied", "exec format error", "is a directory" };
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		if (strstr(words, "exec: ") && strstr(words, absent[i]))
			return EXIT_ABSENT;
	for (size_t i = 0; i < sizeof(unexecutable) / sizeof(*unexecutable); i++)
		if (strstr(words, "exec: ") && strstr(words, unexecutable[i]))
			return EXIT_UNEXECUTABLE;
	return EXIT_UNSTARTED;
}

/* What whit-oci said, without the program's name; a hint follows a line feed. */
static void take_words(struct supervisor *supervisor, const int *from, size_t count)
{
	char text[TEXT_SIZE] = "", *words = text;
	size_t filled = 0, at = 0;
	for (size_t i = 0; i < count; i++) {
		ssize_t got;
		while (from[i] >= 0 && filled < sizeof(text) - 1 && (got = read(from[i], text + filled, sizeof(text) - 1 - filled)) > 0)
			filled += (size_t)got;
	}
	text[filled] = 0;
	if (strncmp(words, "whit", 4) == 0 && strstr(words, ": "))
		words = strstr(words, ": ") + 2;
	supervisor->status.exit = exit_code_of(words);
	words[strlen(words) < WORDS_SIZE ? strlen(words) : WORDS_SIZE - 1] = 0;
	*supervisor->status.error = 0;
	append(supervisor->status.error, WORDS_SIZE, &at, *words ? words : "whit-oci ended without a word");
}

static int listen_for_console(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "console" };
	unlink(address.sun_path);
	CLEANUP_FD int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)(const void *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return -errno;
	return steal_fd(&listener);
}

static int take_console(struct supervisor *supervisor, int listener)
{
	CLEANUP_FD int sender = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int master = sender < 0 ? -errno : receive_descriptor(sender);
	unlink("console");
	if (master < 0 || fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return master < 0 ? master : -errno;
	supervisor->master = supervisor->input = supervisor->output.from = master;
	return 0;
}

/* The program's input: its end, and ours. */
static int open_input(struct supervisor *supervisor, int *end)
{
	int ends[2];
	*end = -1;
	supervisor->input = -1;
	if (!supervisor->settings.has_input || supervisor->settings.has_terminal)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	*end = ends[0];
	supervisor->input = ends[1];
	return 0;
}

static pid_t read_pid(void)
{
	char text[NUMBER_SIZE];
	uint64_t number = 0;
	if (read_file(AT_FDCWD, "pid", text, sizeof(text)) <= 0 || parse_number(text, &number) || number > INT32_MAX)
		return 0;
	return (pid_t)number;
}

static int create(struct supervisor *supervisor, int console, const int *faults)
{
	char folder[ENGINE_PATH_SIZE], bundle[ENGINE_PATH_SIZE] = "", pid_file[ENGINE_PATH_SIZE] = "", socket_path[NUMBER_SIZE * 2] = "";
	size_t bundle_at = 0, pid_at = 0, socket_at = 0;
	CLEANUP_FD int input = -1;
	if (!getcwd(folder, sizeof(folder)) || append(bundle, sizeof(bundle), &bundle_at, folder) || append(bundle, sizeof(bundle), &bundle_at, "/bundle") ||
	    append(pid_file, sizeof(pid_file), &pid_at, folder) || append(pid_file, sizeof(pid_file), &pid_at, "/pid"))
		return -ENAMETOOLONG;
	/* Short, whatever the folder's path: a socket's address has room for 107 bytes. */
	append(socket_path, sizeof(socket_path), &socket_at, "/proc/");
	append_number(socket_path, sizeof(socket_path), &socket_at, (uint64_t)getpid());
	append(socket_path, sizeof(socket_path), &socket_at, "/cwd/console");
	int error = open_input(supervisor, &input);
	if (error)
		return error;
	const char *words[] = { supervisor->runtime, "--root", supervisor->settings.records, "create", "--bundle", bundle, "--pid-file", pid_file,
				supervisor->settings.id, NULL, NULL, NULL };
	if (console >= 0) {
		words[8] = "--console-socket";
		words[9] = socket_path;
		words[10] = supervisor->settings.id;
	}
	int output = console >= 0 ? -1 : supervisor->output_end, errors = console >= 0 ? faults[1] : supervisor->errors_end;
	int status = run_runtime(supervisor, words, input, output, errors);
	if (status < 0)
		return status;
	return status == 0 ? 0 : -ECANCELED;
}

static int start(struct supervisor *supervisor, const int *faults)
{
	const char *const words[] = { supervisor->runtime, "--root", supervisor->settings.records, "start", supervisor->settings.id, NULL };
	int status = run_runtime(supervisor, words, -1, -1, faults[1]);
	return status == 0 ? 0 : -ECANCELED;
}

void run_clear(struct supervisor *supervisor)
{
	const char *const words[] = { supervisor->runtime, "--root", supervisor->settings.records, "delete", "--force", supervisor->settings.id, NULL };
	run_runtime(supervisor, words, -1, -1, -1);
	stream_close_input(supervisor);
	close_fd(&supervisor->master);
	supervisor->input = supervisor->master = -1;
	if (supervisor->settings.has_terminal)
		supervisor->output.from = -1;
	unlink("pid");
	supervisor->status.pid = 0;
}

void run_thaw(const struct supervisor *supervisor)
{
	CLEANUP_FD int records = open(supervisor->settings.records, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int record = records < 0 ? -1 : openat(records, supervisor->settings.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (record >= 0)
		oci_thaw(record);
}

static int fail(struct supervisor *supervisor, int error, const int *faults)
{
	size_t at = 0;
	if (error == -ECANCELED) {
		const int from[] = { faults[0], supervisor->settings.has_terminal ? -1 : supervisor->errors.from };
		take_words(supervisor, from, sizeof(from) / sizeof(*from));
	} else {
		supervisor->status.exit = EXIT_UNSTARTED;
		*supervisor->status.error = 0;
		append(supervisor->status.error, WORDS_SIZE, &at, "can't start the container: ");
		append(supervisor->status.error, WORDS_SIZE, &at, strerror(-error));
	}
	run_clear(supervisor);
	return -1;
}

static int run_with(struct supervisor *supervisor, const int *faults)
{
	CLEANUP_FD int console = supervisor->settings.has_terminal ? listen_for_console() : -1;
	if (supervisor->settings.has_terminal && console < 0)
		return console;
	int error = create(supervisor, console, faults);
	supervisor->status.pid = error ? 0 : read_pid();
	if (!error && supervisor->status.pid == 0)
		error = -ESRCH;
	if (!error && console >= 0)
		error = take_console(supervisor, console);
	return error ? error : start(supervisor, faults);
}

int run_start(struct supervisor *supervisor)
{
	int faults[2];
	if (pipe2(faults, O_CLOEXEC | O_NONBLOCK) < 0) {
		faults[0] = faults[1] = -1;
		return fail(supervisor, -errno, faults);
	}
	int error = run_with(supervisor, faults);
	close(faults[1]);
	if (error)
		fail(supervisor, error, faults);
	close(faults[0]);
	if (error)
		return -1;
	*supervisor->status.error = 0;
	supervisor->status.state = STATE_RUNNING;
	supervisor->status.started = engine_time();
	supervisor->began = engine_now();
	event_record(AT_FDCWD, "start", "");
	return 0;
}
