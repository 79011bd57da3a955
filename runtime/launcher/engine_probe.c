/* Whether the container is well: a program in it, or a connection or an HTTP request that the supervisor makes itself, being in the
   container's network. What counts is docker's: so many failures one after the other, and none in the time that a start may take. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { REQUEST_SIZE = 2048, MAX_PROBE_WORDS = 1024, RUNTIME_WORDS = 5, NUMBER_SIZE = 24, STATUS_LINE = 12 };

static int is_starting(const struct supervisor *supervisor, int64_t now)
{
	return supervisor->status.health == HEALTH_STARTING && now - supervisor->began < supervisor->settings.start_period;
}

static void plan_next(struct supervisor *supervisor)
{
	const struct settings *settings = &supervisor->settings;
	int64_t now = engine_now();
	int soon = is_starting(supervisor, now) && settings->start_interval > 0;
	supervisor->probe.next = now + (soon ? settings->start_interval : settings->interval);
}

static void leave(struct supervisor *supervisor)
{
	struct probe *probe = &supervisor->probe;
	close_fd(&probe->fd);
	probe->fd = -1;
	probe->asked = 0;
	if (probe->pid > 0)
		kill(-probe->pid, SIGKILL);
	probe->pid = 0;
	probe->deadline = FOREVER;
}

static void result(struct supervisor *supervisor, int is_well)
{
	struct status *status = &supervisor->status;
	enum health before = status->health;
	uint64_t failing = status->failing;
	leave(supervisor);
	if (is_well) {
		status->failing = 0;
		status->health = HEALTH_HEALTHY;
	} else if (!is_starting(supervisor, engine_now())) {
		status->failing++;
		if (status->failing >= supervisor->settings.retries)
			status->health = HEALTH_UNHEALTHY;
	}
	if (status->health != before)
		event_record(status->health == HEALTH_HEALTHY ? "health_status: healthy" : "health_status: unhealthy", NULL, NULL);
	if (status->health != before || status->failing != failing)
		status_write(status);
	plan_next(supervisor);
}

static void begin_program(struct supervisor *supervisor)
{
	const char *words[MAX_PROBE_WORDS + RUNTIME_WORDS + 1] = { supervisor->runtime, "--root", supervisor->settings.records, "exec", supervisor->settings.id };
	char **given = supervisor->settings.probe_words;
	for (size_t i = 0; i < MAX_PROBE_WORDS && given[i]; i++)
		words[RUNTIME_WORDS + i] = given[i];
	supervisor->probe.pid = run_begin(supervisor, words, -1, -1, -1);
	if (supervisor->probe.pid < 0)
		result(supervisor, 0);
}

void probe_ended(struct supervisor *supervisor, int status)
{
	supervisor->probe.pid = 0;
	result(supervisor, WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* An address of either family. Its length, or 0. */
static socklen_t address_of(const struct settings *settings, struct sockaddr_storage *storage)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)storage;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)storage;
	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, settings->probe_address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(settings->probe_port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, settings->probe_address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(settings->probe_port);
		return sizeof(*six);
	}
	return 0;
}

static void begin_connection(struct supervisor *supervisor)
{
	struct sockaddr_storage address;
	struct probe *probe = &supervisor->probe;
	socklen_t length = address_of(&supervisor->settings, &address);
	probe->fd = length == 0 ? -1 : socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0 || (connect(probe->fd, (const struct sockaddr *)(const void *)&address, length) < 0 && errno != EINPROGRESS))
		result(supervisor, 0);
}

static int ask(const struct supervisor *supervisor)
{
	char request[REQUEST_SIZE] = "", port[NUMBER_SIZE] = "";
	size_t at = 0, port_at = 0;
	const struct settings *settings = &supervisor->settings;
	int is_six = strchr(settings->probe_address, ':') != NULL;
	append_number(port, sizeof(port), &port_at, settings->probe_port);
	const char *const parts[] = { "GET ", settings->probe_path, " HTTP/1.1\r\nHost: ", is_six ? "[" : "", settings->probe_address, is_six ? "]:" : ":",
				      port, "\r\nUser-Agent: whit\r\nAccept: */*\r\nConnection: close\r\n\r\n" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (append(request, sizeof(request), &at, parts[i]))
			return -ENAMETOOLONG;
	return send(supervisor->probe.fd, request, at, MSG_NOSIGNAL) == (ssize_t)at ? 0 : -EIO;
}

/* "HTTP/1.1 204": all below 400 is well. It comes in one piece from whoever writes a status line. */
static int is_answer_well(int fd)
{
	char line[STATUS_LINE + 1] = "";
	if (recv(fd, line, STATUS_LINE, 0) != STATUS_LINE || strncmp(line, "HTTP/1.", 7) != 0)
		return 0;
	return line[8] == ' ' && (line[9] == '2' || line[9] == '3');
}

static void probe_ready(struct supervisor *supervisor, unsigned index, short events)
{
	int error = 0;
	socklen_t length = sizeof(error);
	struct probe *probe = &supervisor->probe;
	(void)index;
	(void)events;
	if (probe->fd < 0)
		return;
	if (probe->asked) {
		result(supervisor, is_answer_well(probe->fd));
		return;
	}
	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error)
		result(supervisor, 0);
	else if (supervisor->settings.probe == PROBE_BY_TCP)
		result(supervisor, 1);
	else if (ask(supervisor))
		result(supervisor, 0);
	else
		probe->asked = 1;
}

void probe_begin(struct supervisor *supervisor)
{
	supervisor->status.health = supervisor->settings.probe == PROBE_NONE ? HEALTH_NONE : HEALTH_STARTING;
	supervisor->status.failing = 0;
	supervisor->probe = (struct probe){ .fd = -1, .deadline = FOREVER };
	plan_next(supervisor);
}

void probe_end(struct supervisor *supervisor)
{
	leave(supervisor);
}

void probe_watch(struct supervisor *supervisor, struct watch *watch)
{
	const struct probe *probe = &supervisor->probe;
	if (supervisor->settings.probe == PROBE_NONE || supervisor->status.state != STATE_RUNNING || supervisor->is_over)
		return;
	watch_add(watch, probe->fd, probe->asked ? POLLIN : POLLOUT, probe_ready, 0);
	watch_until(watch, probe->fd >= 0 || probe->pid > 0 ? probe->deadline : probe->next);
}

void probe_due(struct supervisor *supervisor, int64_t now)
{
	struct probe *probe = &supervisor->probe;
	if (supervisor->settings.probe == PROBE_NONE || supervisor->status.state != STATE_RUNNING || supervisor->is_over)
		return;
	if (probe->fd >= 0 || probe->pid > 0) {
		if (now >= probe->deadline)
			result(supervisor, 0);
		return;
	}
	if (now < probe->next)
		return;
	probe->deadline = now + supervisor->settings.timeout;
	if (supervisor->settings.probe == PROBE_BY_EXEC)
		begin_program(supervisor);
	else
		begin_connection(supervisor);
}
