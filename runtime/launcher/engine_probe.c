/* Whether the container is well: a program in it, or a connection or an HTTP request that the supervisor makes itself, being in the
   container's network. What counts is docker's: so many failures one after the other, and none in the time that a start may take. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "events.h"
#include "util.h"

enum { REQUEST_SIZE = 2048, MAX_PROBE_WORDS = 1024, RUNTIME_WORDS = 7, NUMBER_SIZE = 24, STATUS_LINE = 12, STATUS_SIZE = 512 };
enum { SIGNALLED = 128, MS_NS = 1000000, PATH_SIZE = 64, STAT_SIZE = 512, PARENT_AT = 4 };

static const char pid_file[] = "probe.pid";

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

/* Whose child a process is, or 0. */
static pid_t parent_of(uint64_t pid)
{
	char path[PATH_SIZE], text[STAT_SIZE];
	uint64_t parent = 0;
	if (proc_path(path, sizeof(path), pid, "/stat") || read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return 0;
	char *state = strrchr(text, ')');
	char *number = state && strlen(state) > PARENT_AT ? state + PARENT_AT : NULL;
	if (!number)
		return 0;
	number[strcspn(number, " ")] = 0;
	return parse_number(number, &parent) ? 0 : (pid_t)parent;
}

/* The program in the container, and whit-oci, which waits for it. */
static void end_program(const struct probe *probe)
{
	char text[NUMBER_SIZE];
	uint64_t inner;
	if (probe->pid <= 0)
		return;
	if (read_file(AT_FDCWD, pid_file, text, sizeof(text)) > 0 && parse_number(text, &inner) == 0 && parent_of(inner) == probe->pid)
		kill((pid_t)inner, SIGKILL);
	kill(probe->pid, SIGKILL);
}

static void leave(struct supervisor *supervisor)
{
	struct probe *probe = &supervisor->probe;
	end_program(probe);
	close_fd(&probe->fd);
	close_fd(&probe->output);
	unlink(pid_file);
	probe->fd = probe->output = -1;
	probe->asked = 0;
	probe->pid = 0;
	probe->deadline = FOREVER;
}

/* 0 is well, as a program's exit code is. */
static void result(struct supervisor *supervisor, int code)
{
	struct status *status = &supervisor->status;
	enum health before = status->health;
	uint64_t failing = status->failing;
	leave(supervisor);
	result_end(&supervisor->results, code);
	if (code == 0) {
		status->failing = 0;
		status->health = HEALTH_HEALTHY;
	} else if (!is_starting(supervisor, engine_now())) {
		status->failing++;
		if (status->failing >= supervisor->settings.retries)
			status->health = HEALTH_UNHEALTHY;
	}
	if (status->health != before)
		event_record(AT_FDCWD, status->health == HEALTH_HEALTHY ? "health_status: healthy" : "health_status: unhealthy", "");
	if (status->health != before || status->failing != failing)
		status_write(status);
	plan_next(supervisor);
}

/* It couldn't be reached, or gave no answer; the system's words for why. */
static void fail(struct supervisor *supervisor, int error)
{
	const char *words = strerror(error);
	result_add(&supervisor->results, words, strlen(words));
	result(supervisor, 1);
}

static void time_out(struct supervisor *supervisor)
{
	char text[NUMBER_SIZE * 2] = "";
	size_t at = 0, size;
	result_text(&supervisor->results, &size);
	append(text, sizeof(text), &at, "no answer within ");
	append_number(text, sizeof(text), &at, (uint64_t)supervisor->settings.timeout / MS_NS);
	append(text, sizeof(text), &at, size > 0 ? " ms: " : " ms");
	result_put_first(&supervisor->results, text);
	result(supervisor, -1);
}

static void begin_program(struct supervisor *supervisor)
{
	const char *words[MAX_PROBE_WORDS + RUNTIME_WORDS + 1] = {
		supervisor->runtime, "--root", supervisor->settings.records, "exec", "--pid-file", pid_file, supervisor->settings.id
	};
	char **given = supervisor->settings.probe_words;
	int ends[2];
	for (size_t i = 0; i < MAX_PROBE_WORDS && given[i]; i++)
		words[RUNTIME_WORDS + i] = given[i];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		fail(supervisor, errno);
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	supervisor->probe.output = ends[0];
	pid_t child = run_begin(supervisor, words, -1, ends[1], ends[1]);
	close(ends[1]);
	supervisor->probe.pid = child > 0 ? child : 0;
	if (child < 0)
		fail(supervisor, (int)-child);
}

/* What doesn't fit is read all the same: the program mustn't wait for us. */
static void output_ready(struct supervisor *supervisor, unsigned index, short events)
{
	char text[OUTPUT_SIZE];
	ssize_t got;
	(void)index;
	(void)events;
	while (supervisor->probe.output >= 0 && (got = read(supervisor->probe.output, text, sizeof(text))) != 0) {
		if (got < 0)
			return;
		result_add(&supervisor->results, text, (size_t)got);
	}
	close_fd(&supervisor->probe.output);
	supervisor->probe.output = -1;
}

void probe_ended(struct supervisor *supervisor, int status)
{
	supervisor->probe.pid = 0;
	output_ready(supervisor, 0, 0);
	result(supervisor, WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status));
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
	if (length == 0) {
		fail(supervisor, EADDRNOTAVAIL);
		return;
	}
	probe->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0 || (connect(probe->fd, (const struct sockaddr *)(const void *)&address, length) < 0 && errno != EINPROGRESS))
		fail(supervisor, errno);
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

/* "HTTP/1.1 204": all below 400 is well. */
static int is_answer_well(const char *line, size_t size)
{
	return size >= STATUS_LINE && strncmp(line, "HTTP/1.", 7) == 0 && line[8] == ' ' && (line[9] == '2' || line[9] == '3');
}

/* The answer up to the end of its first line, in as many pieces as it comes. */
static void take_answer(struct supervisor *supervisor)
{
	char piece[STATUS_SIZE];
	size_t size;
	ssize_t got = recv(supervisor->probe.fd, piece, sizeof(piece), 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		fail(supervisor, errno);
		return;
	}
	const char *end = memchr(piece, '\r', (size_t)got);
	end = end ? end : memchr(piece, '\n', (size_t)got);
	result_add(&supervisor->results, piece, end ? (size_t)(end - piece) : (size_t)got);
	const char *line = result_text(&supervisor->results, &size);
	if (end || got == 0 || size >= STATUS_SIZE) {
		if (size == 0)
			result_put_first(&supervisor->results, "the answer was empty");
		result(supervisor, is_answer_well(line, size) ? 0 : 1);
	}
}

static void connected(struct supervisor *supervisor)
{
	static const char words[] = "connected";
	int error = 0;
	socklen_t length = sizeof(error);
	struct probe *probe = &supervisor->probe;
	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error) {
		fail(supervisor, error ? error : errno);
	} else if (supervisor->settings.probe == PROBE_BY_TCP) {
		result_add(&supervisor->results, words, sizeof(words) - 1);
		result(supervisor, 0);
	} else {
		error = ask(supervisor);
		probe->asked = !error;
		if (error)
			fail(supervisor, -error);
	}
}

static void probe_ready(struct supervisor *supervisor, unsigned index, short events)
{
	(void)index;
	(void)events;
	if (supervisor->probe.fd < 0)
		return;
	if (supervisor->probe.asked)
		take_answer(supervisor);
	else
		connected(supervisor);
}

void probe_begin(struct supervisor *supervisor)
{
	supervisor->status.health = supervisor->settings.probe == PROBE_NONE ? HEALTH_NONE : HEALTH_STARTING;
	supervisor->status.failing = 0;
	supervisor->probe = (struct probe){ .fd = -1, .output = -1, .deadline = FOREVER };
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
	watch_add(watch, probe->output, POLLIN, output_ready, 0);
	watch_until(watch, probe->fd >= 0 || probe->pid > 0 ? probe->deadline : probe->next);
}

void probe_due(struct supervisor *supervisor, int64_t now)
{
	struct probe *probe = &supervisor->probe;
	if (supervisor->settings.probe == PROBE_NONE || supervisor->status.state != STATE_RUNNING || supervisor->is_over)
		return;
	if (probe->fd >= 0 || probe->pid > 0) {
		if (now >= probe->deadline)
			time_out(supervisor);
		return;
	}
	if (now < probe->next)
		return;
	/* Who stands still can't answer, and is none the worse for it. */
	if (cgroup_is_frozen(supervisor)) {
		plan_next(supervisor);
		return;
	}
	probe->deadline = now + supervisor->settings.timeout;
	result_begin(&supervisor->results);
	if (supervisor->settings.probe == PROBE_BY_EXEC)
		begin_program(supervisor);
	else
		begin_connection(supervisor);
}
