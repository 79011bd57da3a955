/* From a container's folder to its supervisor, and from one run of the container to the next. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"
#include "python.h"
#include "util.h"

enum { FAILED = 125, NUMBER_SIZE = 24, LOST = 137, PACKET_SIZE = 1024, FIRST_WORD = 2, LOOKS_MS = 5000, FORKS_MS = 300, GO_SIZE = HELD_WORD_SIZE * MAX_HELD };

#define FIRST_PAUSE_NS (SECOND_NS / 10)
#define LONGEST_PAUSE_NS (60 * SECOND_NS)
#define STEADY_NS (10 * SECOND_NS)

/* ---- telling the command that started us ---- */

static void tell(struct supervisor *supervisor, const char *word, uint64_t number, const char *text)
{
	char packet[PACKET_SIZE] = "";
	size_t at = 0;
	if (supervisor->caller < 0)
		return;
	append(packet, sizeof(packet), &at, word);
	append(packet, sizeof(packet), &at, " ");
	append_number(packet, sizeof(packet), &at, number);
	if (text) {
		append(packet, sizeof(packet), &at, " ");
		append(packet, sizeof(packet), &at, text);
	}
	if (send(supervisor->caller, packet, at, MSG_NOSIGNAL) < 0)
		return;
}

/* The caller is done with us, or gone. */
static void leave_caller(struct supervisor *supervisor)
{
	close_fd(&supervisor->caller);
	supervisor->caller = -1;
}

/* 0 when it says go, and which ports are to be served. One that has gone away, or has changed its mind, doesn't. */
static int wait_for_go(struct supervisor *supervisor)
{
	static char words[GO_SIZE];
	ssize_t got = recv(supervisor->caller, words, sizeof(words) - 1, 0);
	if (got < 2 || memcmp(words, "go", 2) != 0)
		return -ECANCELED;
	return held_serve(&supervisor->proxy, words + 2);
}

static int give_up(struct supervisor *supervisor, const char *what, int error)
{
	char text[WORDS_SIZE] = "";
	size_t at = 0;
	append(text, sizeof(text), &at, what);
	/* One with a hint has been said already. */
	if (!strchr(what, '\n')) {
		append(text, sizeof(text), &at, ": ");
		append(text, sizeof(text), &at, strerror(-error));
	}
	tell(supervisor, "failed", FAILED, text);
	return FAILED;
}

/* ---- becoming the supervisor ---- */

/* As packer/support/locks.py: who only looks lets go at once, and so does a process that was forked with another's lock. */
static int hold_lock(struct supervisor *supervisor)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	supervisor->lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (supervisor->lock < 0)
		return -errno;
	for (int waited = 0; flock(supervisor->lock, LOCK_EX | LOCK_NB) < 0; waited++) {
		int error = -errno, patience = flock(supervisor->lock, LOCK_SH | LOCK_NB) < 0 ? FORKS_MS : LOOKS_MS;
		if (error != -EWOULDBLOCK || waited >= patience)
			return error;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int settings_open(struct supervisor *supervisor)
{
	CLEANUP_FD int file = open("supervision", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		return -errno;
	int error = settings_load(&supervisor->plan, file);
	return error ? error : settings_read(&supervisor->settings, &supervisor->plan);
}

/* whit-oci is beside us. */
static int find_runtime(struct supervisor *supervisor)
{
	const char *slash = strrchr(supervisor->self, '/');
	size_t folder = slash ? (size_t)(slash - supervisor->self) + 1 : 0, at = folder;
	int error = copy_part(supervisor->runtime, sizeof(supervisor->runtime), supervisor->self, folder);
	return error ? error : append(supervisor->runtime, sizeof(supervisor->runtime), &at, "whit-oci");
}

static int hold_image(struct supervisor *supervisor)
{
	if (!supervisor->settings.image_lock)
		return 0;
	supervisor->image_lock = open(supervisor->settings.image_lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return supervisor->image_lock < 0 || flock(supervisor->image_lock, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
}

static int hold_all_signals(struct supervisor *supervisor)
{
	sigset_t signals;
	static const int wanted[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		sigaddset(&signals, wanted[i]);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	supervisor->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;
	return 0;
}

static void prepare(struct supervisor *supervisor, const char *self)
{
	supervisor->self = self;
	supervisor->lock = supervisor->caller = supervisor->signals = supervisor->listener = supervisor->image_lock = -1;
	supervisor->input = supervisor->master = supervisor->probe.fd = supervisor->probe.output = -1;
	supervisor->output = (struct stream){ .from = -1, .kind = '1', .name = "stdout" };
	supervisor->errors = (struct stream){ .from = -1, .kind = '2', .name = "stderr" };
	supervisor->output_end = supervisor->errors_end = supervisor->log.file = -1;
	supervisor->proxy.epoll = -1;
	supervisor->kill_at = FOREVER;
	supervisor->pause = FIRST_PAUSE_NS;
}

/* What a supervisor needs that takes another one's place, too. */
static const char *open_all(struct supervisor *supervisor, int *error)
{
	*error = settings_open(supervisor);
	if (*error == -EINVAL)
		return "the container's settings are of another version of whit, or damaged: start it anew (whit restart), and if that doesn't help, install whit again";
	if (*error)
		return "the container's settings can't be read";
	*error = find_runtime(supervisor);
	if (!*error)
		*error = hold_image(supervisor);
	if (*error)
		return "the image's files can't be held";
	*error = log_open(&supervisor->log, &supervisor->settings);
	if (*error)
		return "can't write the container's log";
	*error = status_open(&supervisor->status);
	if (*error)
		return "can't write the container's status";
	*error = control_open(supervisor);
	if (*error)
		return "can't make the container's socket";
	*error = hold_all_signals(supervisor);
	return *error ? "can't wait for signals" : NULL;
}

/* ---- one run after the other ---- */

static int is_to_run_again(struct supervisor *supervisor)
{
	const struct settings *settings = &supervisor->settings;
	if (supervisor->ending || supervisor->status.stopped || settings->policy == POLICY_NO)
		return 0;
	if (settings->policy != POLICY_ON_FAILURE)
		return 1;
	return supervisor->status.exit != 0 && (settings->most_restarts == 0 || supervisor->status.restarts < settings->most_restarts);
}

/* 1 when the time of the next run has come. */
static int wait_for_next(struct supervisor *supervisor)
{
	if (supervisor->began > 0 && engine_now() - supervisor->began >= STEADY_NS)
		supervisor->pause = FIRST_PAUSE_NS;
	supervisor->again_at = engine_now() + supervisor->pause;
	supervisor->pause = supervisor->pause * 2 < LONGEST_PAUSE_NS ? supervisor->pause * 2 : LONGEST_PAUSE_NS;
	supervisor->status.state = STATE_RESTARTING;
	status_write(&supervisor->status);
	loop_wait(supervisor);
	if (supervisor->ending || supervisor->status.stopped)
		return 0;
	supervisor->status.restarts++;
	return 1;
}

/* From its start to its end. 0, or -1 when it couldn't be started. */
static int run(struct supervisor *supervisor)
{
	supervisor->is_over = 0;
	supervisor->ended_for = 0;
	/* One that can't be started isn't steady, however long the one before it ran. */
	supervisor->began = 0;
	supervisor->kill_at = FOREVER;
	supervisor->status.oom = 0;
	if (run_start(supervisor))
		return -1;
	probe_begin(supervisor);
	status_write(&supervisor->status);
	tell(supervisor, "started", (uint64_t)supervisor->status.pid, NULL);
	leave_caller(supervisor);
	if (supervisor->early_stop)
		engine_stop(supervisor, supervisor->early_stop, supervisor->early_seconds);
	loop_run(supervisor);
	probe_end(supervisor);
	run_clear(supervisor);
	return 0;
}

static void give_back(struct supervisor *supervisor)
{
	char folder[ENGINE_PATH_SIZE];
	const char *const words[] = { "whit", "_ended", getcwd(folder, sizeof(folder)), NULL };
	if (!supervisor->settings.has_afterwards || !words[FIRST_WORD])
		return;
	if (leave_namespaces(supervisor))
		return;
	python_ran(supervisor->self, words);
}

static int finish(struct supervisor *supervisor)
{
	const struct timespec pause = { .tv_sec = 1 };
	supervisor->status.state = STATE_EXITED;
	/* Unless somebody has taken the files away. */
	for (int error; (error = status_write(&supervisor->status)) && error != -ENOENT;)
		nanosleep(&pause, NULL);
	watcher_stop(supervisor);
	/* Who waits for one that is removed finds nothing of it any more. */
	if (supervisor->settings.gives_back_first)
		give_back(supervisor);
	if (!control_tell_end(supervisor, supervisor->status.exit) && !supervisor->settings.gives_back_first)
		give_back(supervisor);
	return 0;
}

static int supervise_runs(struct supervisor *supervisor)
{
	do {
		int failed = run(supervisor);
		if (failed && supervisor->caller >= 0) {
			supervisor->status.stopped = 1;
			tell(supervisor, "failed", (uint64_t)supervisor->status.exit, supervisor->status.error);
			leave_caller(supervisor);
		}
	} while (is_to_run_again(supervisor) && wait_for_next(supervisor));
	return finish(supervisor);
}

int engine_supervise(char **argv, const char *self)
{
	static struct supervisor supervisor;
	uint64_t caller;
	int error;
	prepare(&supervisor, self);
	if (parse_number(argv[3], &caller) || caller > INT32_MAX || chdir(argv[2]) < 0) {
		complain("_supervise is how whit starts a container's supervisor", "use 'whit run -d'");
		return FAILED;
	}
	supervisor.caller = (int)caller;
	error = held_find(&supervisor.proxy, supervisor.caller);
	if (error)
		return give_up(&supervisor, "too many ports are published", error);
	error = hold_lock(&supervisor);
	if (error)
		return give_up(&supervisor, "the container has a supervisor already", error);
	const char *what = open_all(&supervisor, &error);
	if (what)
		return give_up(&supervisor, what, error);
	error = streams_open(&supervisor);
	if (error)
		return give_up(&supervisor, "can't make a pipe", error);
	what = enter_namespaces(&supervisor, &error);
	if (what)
		return give_up(&supervisor, what, error);
	status_write(&supervisor.status);
	tell(&supervisor, "ready", (uint64_t)getpid(), NULL);
	if (wait_for_go(&supervisor))
		return FAILED;
	what = parameters_set(&supervisor, &error);
	if (what)
		return give_up(&supervisor, what, error);
	control_settle(&supervisor);
	watcher_start(&supervisor);
	error = proxy_open(&supervisor);
	if (error) {
		watcher_stop(&supervisor);
		return give_up(&supervisor, "can't listen at the published ports", error);
	}
	return supervise_runs(&supervisor);
}

int engine_resume(char **argv, const char *self)
{
	static struct supervisor supervisor;
	uint64_t number;
	int error;
	prepare(&supervisor, self);
	int *const *kept = watcher_hands_on(&supervisor);
	for (size_t i = 0; i < RESUME_NUMBERS; i++) {
		if (parse_number(argv[FIRST_WORD + 1 + i], &number) || number > INT32_MAX)
			return FAILED;
		*kept[i] = (int)number;
		fcntl(*kept[i], F_SETFD, FD_CLOEXEC);
	}
	for (char **word = argv + RESUME_WORDS; *word; word++)
		if (held_take(&supervisor.proxy, *word))
			return FAILED;
	if (chdir(argv[2]) < 0 || open_all(&supervisor, &error))
		return FAILED;
	status_read(&supervisor.status);
	watcher_start(&supervisor);
	if (proxy_open(&supervisor))
		return FAILED;
	/* The one before us was killed, and the container is with it. */
	run_clear(&supervisor);
	streams_end(&supervisor);
	supervisor.status.exit = LOST;
	supervisor.status.finished = engine_time();
	if (is_to_run_again(&supervisor) && wait_for_next(&supervisor))
		return supervise_runs(&supervisor);
	return finish(&supervisor);
}
