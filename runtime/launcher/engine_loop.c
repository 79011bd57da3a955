/* All that a supervisor waits for, one turn after the other. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "events.h"
#include "launch.h"
#include "util.h"

#define DRAIN_NS SECOND_NS

enum { SIGNALLED = 128, MS_NS = 1000000 };

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int64_t engine_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t engine_time(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void watch_add(struct watch *watch, int fd, short events, watch_function *ready, unsigned index)
{
	if (fd < 0 || watch->count == MAX_WATCHED)
		return;
	watch->fds[watch->count] = (struct pollfd){ .fd = fd, .events = events };
	watch->ready[watch->count] = ready;
	watch->index[watch->count++] = index;
}

void watch_until(struct watch *watch, int64_t time)
{
	if (time < watch->until)
		watch->until = time;
}

void engine_stop(struct supervisor *supervisor, int number, int64_t seconds)
{
	supervisor->status.stopped = 1;
	supervisor->again_at = 0;
	if (supervisor->status.pid == 0) {
		supervisor->early_stop = number;
		supervisor->early_seconds = seconds;
	}
	if (supervisor->status.pid == 0 || supervisor->is_over)
		return;
	event_record_number(AT_FDCWD, "kill", "signal", (uint64_t)number);
	run_thaw(supervisor);
	int fatal = signal_first(supervisor->status.pid, supervisor->status.pid, number);
	supervisor->ended_for = fatal ? fatal : supervisor->ended_for;
	supervisor->kill_at = seconds < 0 ? FOREVER : engine_now() + seconds * SECOND_NS;
}

static void ended(struct supervisor *supervisor, int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (number == SIGKILL && supervisor->ended_for)
		number = supervisor->ended_for;
	supervisor->status.exit = number ? SIGNALLED + number : WEXITSTATUS(status);
	supervisor->status.finished = engine_time();
	supervisor->is_over = 1;
	supervisor->status.oom = cgroup_had_oom(supervisor);
	if (supervisor->status.oom)
		event_record(AT_FDCWD, "oom", "");
	event_record_number(AT_FDCWD, "die", "exitCode", (uint64_t)supervisor->status.exit);
}

static void reap(struct supervisor *supervisor)
{
	pid_t pid;
	int status;
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid == supervisor->status.pid && !supervisor->is_over)
			ended(supervisor, status);
		else if (pid == supervisor->probe.pid)
			probe_ended(supervisor, status);
		else if (pid == supervisor->watcher)
			supervisor->watcher = 0;
	}
}

/* SIGTERM and its like are the machine's: the container is stopped, and comes back with the machine. */
static void signals_ready(struct supervisor *supervisor, unsigned index, short events)
{
	struct signalfd_siginfo info;
	(void)index;
	(void)events;
	while (read(supervisor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(supervisor);
			continue;
		}
		int stopped = supervisor->status.stopped;
		engine_stop(supervisor, supervisor->settings.stop_signal, supervisor->settings.stop_seconds);
		supervisor->status.stopped = stopped;
		supervisor->ending = 1;
	}
}

static int timeout_of(const struct watch *watch)
{
	if (watch->until == FOREVER)
		return -1;
	int64_t left = (watch->until - engine_now() + MS_NS - 1) / MS_NS;
	if (left < 0)
		return 0;
	return left < INT32_MAX ? (int)left : INT32_MAX;
}

static void due(struct supervisor *supervisor)
{
	int64_t now = engine_now();
	streams_due(supervisor, now);
	probe_due(supervisor, now);
	proxy_due(supervisor, now);
	if (!supervisor->is_over && supervisor->status.pid > 0 && now >= supervisor->kill_at) {
		kill(supervisor->status.pid, SIGKILL);
		supervisor->kill_at = FOREVER;
	}
}

static void turn(struct supervisor *supervisor, int64_t until)
{
	struct watch watch = { .until = until };
	watch_until(&watch, supervisor->kill_at);
	watch_add(&watch, supervisor->signals, POLLIN, signals_ready, 0);
	streams_watch(supervisor, &watch);
	control_watch(supervisor, &watch);
	probe_watch(supervisor, &watch);
	proxy_watch(supervisor, &watch);
	if (poll(watch.fds, watch.count, timeout_of(&watch)) > 0)
		for (unsigned i = 0; i < watch.count; i++)
			if (watch.fds[i].revents)
				watch.ready[i](supervisor, watch.index[i], watch.fds[i].revents);
	due(supervisor);
}

void loop_run(struct supervisor *supervisor)
{
	while (!supervisor->is_over)
		turn(supervisor, FOREVER);
	/* The rest of what it wrote, as long as the log has no room for it and nobody has stopped the container. */
	streams_end(supervisor);
	if (supervisor->chunk_size > 0) {
		supervisor->status.state = STATE_EXITED;
		status_write(&supervisor->status);
	}
	while (supervisor->chunk_size > 0 && !supervisor->ending && !supervisor->status.stopped) {
		turn(supervisor, FOREVER);
		streams_end(supervisor);
	}
	/* And of what it sent. */
	int64_t end = engine_now() + DRAIN_NS;
	while (proxy_is_busy(supervisor) && engine_now() < end)
		turn(supervisor, end);
}

void loop_wait(struct supervisor *supervisor)
{
	while (supervisor->again_at > engine_now() && !supervisor->ending)
		turn(supervisor, supervisor->again_at);
}
