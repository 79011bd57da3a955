/* From a container's folder to its supervisor, and from one run of the container to the next. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "python.h"
#include "util.h"

enum { FAILED = 125, NUMBER_SIZE = 24, LOST = 137, PACKET_SIZE = 1024, FIRST_WORD = 2, OLD_MOST_INHERITED = 1024 };

#define FIRST_PAUSE_NS (SECOND_NS / 10)
#define LONGEST_PAUSE_NS (60 * SECOND_NS)
#define STEADY_NS (10 * SECOND_NS)

/* What was handed to us stays ours: the sockets of published ports, which nobody else can bind meanwhile. */
static void keep_inherited(void)
{
	if (syscall(NR_CLOSE_RANGE, STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC_FLAG) == 0)
		return;
	for (int fd = STDERR_FILENO + 1; fd < OLD_MOST_INHERITED; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

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

/* 0 when it says go. One that has gone away, or has changed its mind, doesn't. */
static int wait_for_go(struct supervisor *supervisor)
{
	char word[NUMBER_SIZE];
	ssize_t got = recv(supervisor->caller, word, sizeof(word), 0);
	return got == 2 && memcmp(word, "go", 2) == 0 ? 0 : -ECANCELED;
}

static int give_up(struct supervisor *supervisor, const char *what, int error)
{
	char text[WORDS_SIZE] = "";
	size_t at = 0;
	append(text, sizeof(text), &at, what);
	append(text, sizeof(text), &at, ": ");
	append(text, sizeof(text), &at, strerror(-error));
	tell(supervisor, "failed", FAILED, text);
	return FAILED;
}

static int give_up_root(struct supervisor *supervisor, int error)
{
	/* The kernel's words for a file system that can't be the upper one, such as another overlay. */
	if (error == -EINVAL)
		tell(supervisor, "failed", FAILED, "its root can't be written: the store's file system takes no layer of overlayfs\n"
			"hint: set WHIT_ROOT to a folder on another one, as ext4 or tmpfs, or run it with --read-only");
	return error == -EINVAL ? FAILED : give_up(supervisor, "can't mount the container's root", error);
}

/* ---- becoming the supervisor ---- */

static int hold_lock(struct supervisor *supervisor)
{
	supervisor->lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (supervisor->lock < 0)
		return -errno;
	return flock(supervisor->lock, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int read_settings(struct supervisor *supervisor)
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

/* As in docker's: any user may take any port of a network that is the container's own, and may ping. */
static int open_network(void)
{
	int error = loopback_up();
	error = error ? error : write_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	return error ? error : write_file(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

static int remember_host(struct supervisor *supervisor)
{
	supervisor->host_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	supervisor->host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return supervisor->host_network < 0 || supervisor->host_mounts < 0 ? -errno : 0;
}

static int enter_network(const char *path)
{
	if (!path)
		return 0;
	if (!*path)
		return unshare(CLONE_NEWNET) < 0 ? -errno : open_network();
	CLEANUP_FD int namespace = open(path, O_RDONLY | O_CLOEXEC);
	return namespace < 0 || setns(namespace, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int mount_at(const char *path, const char *type, const char *const *options)
{
	CLEANUP_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (target < 0)
		return -errno;
	const struct place place = { .root = AT_FDCWD, .path = path, .at = target };
	return mount_new(type, &place, options, 0);
}

/* What the host mounts later comes to us; what we mount stays here, and goes with us. */
static int enter_mounts(const struct settings *settings)
{
	/* Never swapped, unlike tmpfs. */
	static const char *const secret[] = { "mode=0700", NULL };
	int error = 0;
	if (!settings->root && !settings->secrets)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return -errno;
	if (settings->root)
		error = mount_at(settings->root, "overlay", (const char *const *)settings->root_options);
	return error || !settings->secrets ? error : mount_at(settings->secrets, "ramfs", secret);
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
	supervisor->input = supervisor->master = supervisor->probe.fd = -1;
	supervisor->output = (struct stream){ .from = -1, .kind = '1', .name = "stdout" };
	supervisor->errors = (struct stream){ .from = -1, .kind = '2', .name = "stderr" };
	supervisor->output_end = supervisor->errors_end = supervisor->log.file = -1;
	supervisor->kill_at = FOREVER;
	supervisor->pause = FIRST_PAUSE_NS;
}

/* What a supervisor needs that takes another one's place, too. */
static const char *open_all(struct supervisor *supervisor, int *error)
{
	*error = read_settings(supervisor);
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
	supervisor->kill_at = FOREVER;
	supervisor->status.oom = 0;
	if (run_start(supervisor))
		return -1;
	probe_begin(supervisor);
	status_write(&supervisor->status);
	tell(supervisor, "started", (uint64_t)supervisor->status.pid, NULL);
	leave_caller(supervisor);
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
	if (setns(supervisor->host_network, CLONE_NEWNET) < 0 || setns(supervisor->host_mounts, CLONE_NEWNS) < 0)
		return;
	python_ran(supervisor->self, words);
}

static int finish(struct supervisor *supervisor)
{
	supervisor->status.state = STATE_EXITED;
	while (status_write(&supervisor->status)) {
		const struct timespec pause = { .tv_sec = 1 };
		nanosleep(&pause, NULL);
	}
	watcher_stop(supervisor);
	control_tell_end(supervisor, supervisor->status.exit);
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
	keep_inherited();
	error = hold_lock(&supervisor);
	if (error)
		return give_up(&supervisor, "the container has a supervisor already", error);
	const char *what = open_all(&supervisor, &error);
	if (what)
		return give_up(&supervisor, what, error);
	error = streams_open(&supervisor);
	error = error ? error : remember_host(&supervisor);
	error = error ? error : enter_mounts(&supervisor.settings);
	if (error)
		return give_up_root(&supervisor, error);
	error = enter_network(supervisor.settings.network);
	if (error)
		return give_up(&supervisor, "can't enter the container's network", error);
	status_write(&supervisor.status);
	tell(&supervisor, "ready", (uint64_t)getpid(), NULL);
	if (wait_for_go(&supervisor))
		return FAILED;
	control_settle(&supervisor);
	watcher_start(&supervisor);
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
	if (chdir(argv[2]) < 0 || open_all(&supervisor, &error))
		return FAILED;
	status_read(&supervisor.status);
	watcher_start(&supervisor);
	/* The one before us was killed, and the container is with it. */
	run_clear(&supervisor);
	streams_end(&supervisor);
	supervisor.status.exit = LOST;
	supervisor.status.finished = engine_time();
	if (is_to_run_again(&supervisor) && wait_for_next(&supervisor))
		return supervise_runs(&supervisor);
	return finish(&supervisor);
}
