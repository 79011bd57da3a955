/* The supervisor of a container that is kept (docs/engine.md): one process for as long as the container is to run.

   engine_main.c      from a folder to a supervisor, and to its end
   engine_watcher.c   the process that takes its place should it be killed
   engine_settings.c  what the folder's file `supervision` asks for
   engine_status.c    the file `status`
   engine_run.c       one run of the container, by whit-oci
   engine_loop.c      what happens while it runs: all that can be waited for, in one place
   engine_stream.c    what it writes, on its way to the log and to whoever is attached; what they type
   engine_log.c       the log
   engine_enter.c     the namespaces that it is in
   engine_proxy.h     ports that are served here
   engine_events.c    what happens, for `whit events` (events.h)
   engine_control.c   the socket
   engine_probe.c     whether it is well
   engine_health.c    the last answers to that
   engine_cgroup.c    what the kernel says of it
   engine_client.c    the other side: who is attached */
#ifndef WHIT_ENGINE_H
#define WHIT_ENGINE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "engine_proxy.h"
#include "plan.h"

enum {
	CHUNK_SIZE = 32768,
	LINE_SIZE = 16384,
	LOG_ROOM = 65536,
	MAX_CLIENTS = 128,
	/* Of these, so many are kept free of those who stay, so that somebody can always stop the container. */
	KEPT_FREE = 16,
	MAX_PACKET = 65536,
	MAX_WATCHED = MAX_CLIENTS + 16,
	WORDS_SIZE = 512,
	ENGINE_PATH_SIZE = 4096,
	STAMP_SIZE = 24,
	OUTPUT_SIZE = 4096,
	RESULTS = 5,
};

#define SECOND_NS 1000000000ll
#define FOREVER INT64_MAX

enum policy { POLICY_NO, POLICY_ON_FAILURE, POLICY_UNLESS_STOPPED, POLICY_ALWAYS };
enum probe_kind { PROBE_NONE, PROBE_BY_EXEC, PROBE_BY_TCP, PROBE_BY_HTTP };

struct settings {
	const char *records, *id, *image_lock, *root, *secrets;
	char **root_options;
	/* Users and groups of a user namespace, packed as MAP_RANGES has them; mapped without help where newuidmap is empty. */
	int has_users;
	const char *newuidmap, *newgidmap, *uids, *gids;
	size_t uids_length, gids_length;
	/* NULL: the caller's own; empty: a new one. */
	const char *network;
	/* Kernel parameters of that network: files below /proc/sys, and as many values. */
	char **parameters, **parameter_values;
	int has_input, has_terminal, has_log, has_afterwards, gives_back_first;
	uint64_t log_size, log_files;
	enum policy policy;
	uint64_t most_restarts;
	int stop_signal;
	int64_t stop_seconds;
	enum probe_kind probe;
	char **probe_words;
	const char *probe_address, *probe_path;
	uint16_t probe_port;
	int64_t interval, timeout, start_period, start_interval;
	uint64_t retries;
};

enum state { STATE_STARTING, STATE_RUNNING, STATE_RESTARTING, STATE_EXITED };
enum health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* What the file says; times in ns since 1970. */
struct status {
	enum state state;
	pid_t pid;
	int64_t started, finished;
	int exit, oom, stopped;
	uint64_t restarts, failing;
	enum health health;
	char error[WORDS_SIZE];
	/* The last one still is to be written. */
	int is_due;
};

struct log {
	int file, is_stuck;
	uint64_t size, max_size, files;
	char room[LOG_ROOM];
	size_t filled, written;
	/* The beginning of the lines of a second. */
	char stamp[STAMP_SIZE];
	time_t stamped;
};

/* One of the program's two outputs: its pipe or terminal, and the line that hasn't ended. */
struct stream {
	int from;
	char kind;
	const char *name;
	char line[LINE_SIZE];
	size_t filled;
};

struct client {
	int socket, stays, is_attached, wants_output, wants_errors, wants_input, owes, gives_back;
	int64_t patience;
};

/* `fd` is a connection; `output` what a program writes. */
struct probe {
	pid_t pid;
	int fd, asked, output;
	int64_t next, deadline;
};

/* What came of the probes: the last ones, and the one that goes on. */
struct result {
	int64_t began, ended;
	int exit;
	size_t size;
	char output[OUTPUT_SIZE];
};
struct results {
	struct result all[RESULTS];
	uint64_t count;
};

struct supervisor {
	struct plan plan;
	struct settings settings;
	struct status status;
	struct log log;
	struct stream output, errors;
	/* The ends that the program writes to: they are open as long as the supervisor is, and so nothing is lost with it. */
	int output_end, errors_end;
	/* What was read from a stream last, and is on its way. */
	char chunk[CHUNK_SIZE];
	size_t chunk_size, chunk_logged;
	struct stream *chunk_of;
	/* What a client has sent for the program. */
	char typed[CHUNK_SIZE];
	size_t typed_size, typed_done;
	int input, master;
	struct client clients[MAX_CLIENTS];
	struct probe probe;
	struct results results;
	const char *self;
	char runtime[ENGINE_PATH_SIZE];
	int lock, caller, signals, listener, image_lock;
	/* The namespaces that the supervisor was started in: what is given back at the end is given back there. */
	int host_network, host_mounts;
	pid_t watcher;
	/* Ports of the host's, and those that are served here; and how many files the container may have open, if that was changed. */
	struct proxy proxy;
	uint64_t files;
	/* Since when the container runs, when it is killed if it doesn't stop, when it is started again: monotonic, in ns. */
	int64_t began, kill_at, again_at, pause;
	/* A stop that was asked for before there was a process: its signal, or 0, and its patience. */
	int early_stop;
	int64_t early_seconds;
	int ended_for, is_over, ending;
};

/* Times of the monotonic clock, which nobody sets, and of the day; in ns. */
int64_t engine_now(void);
int64_t engine_time(void);

/* `whit _supervise FOLDER FD` and `whit _resume FOLDER FD…`, the descriptors being those of a supervisor that was killed.
   Both return the exit code. */
enum { RESUME_NUMBERS = 7, RESUME_WORDS = RESUME_NUMBERS + 3 };
int engine_supervise(char **argv, const char *self);
int engine_resume(char **argv, const char *self);

/* `whit _attach FD FLAGS KEYS`: FLAGS `i` passes the input on, `t` the terminal's size, `s` signals; KEYS let go. Returns the exit code. */
int engine_attach(char **argv);

/* The second process is started, or killed because all is over; what a supervisor needs of the one whose place it takes. */
void watcher_start(struct supervisor *supervisor);
void watcher_stop(struct supervisor *supervisor);
int *const *watcher_hands_on(struct supervisor *supervisor);

/* Read the folder's settings. 0 or -errno. */
int settings_open(struct supervisor *supervisor);

/* 0, or -EINVAL for settings that no supervisor can have. */
int settings_read(struct settings *settings, const struct plan *plan);

/* The status file: made, so that it can be written later whatever room the disk has; written; read. 0 or -errno. */
int status_open(struct status *status);
int status_write(struct status *status);
int status_read(struct status *status);

/* Create and start the container. 0, or -1: `status.error` and `status.exit` say why not. */
int run_start(struct supervisor *supervisor);

/* Let it go on if it is paused: no signal reaches one that is. */
void run_thaw(const struct supervisor *supervisor);

/* After its end: take away what whit-oci keeps of it. */
void run_clear(struct supervisor *supervisor);

/* Run whit-oci with these words after its own; its output and errors go where they are told, -1: nowhere. Its status as waitpid's. */
int run_runtime(const struct supervisor *supervisor, const char *const *words, int input, int output, int errors);
pid_t run_begin(const struct supervisor *supervisor, const char *const *words, int input, int output, int errors);

/* Everything that is waited for until the container has ended; or, while it waits for its next start, until that time. */
void loop_run(struct supervisor *supervisor);
void loop_wait(struct supervisor *supervisor);

/* One descriptor to wait for, and what is done when it is ready. */
struct watch;
typedef void watch_function(struct supervisor *supervisor, unsigned index, short events);
struct watch {
	struct pollfd fds[MAX_WATCHED];
	watch_function *ready[MAX_WATCHED];
	unsigned index[MAX_WATCHED];
	unsigned count;
	int64_t until;
};
void watch_add(struct watch *watch, int fd, short events, watch_function *ready, unsigned index);
void watch_until(struct watch *watch, int64_t time);

/* Each part says what it waits for, and is called when its time may have come. */
void streams_watch(struct supervisor *supervisor, struct watch *watch);
void streams_due(struct supervisor *supervisor, int64_t now);
void control_watch(struct supervisor *supervisor, struct watch *watch);
void probe_watch(struct supervisor *supervisor, struct watch *watch);
void probe_due(struct supervisor *supervisor, int64_t now);

/* What the program wrote before its end, and a line of it that has none, go to the log. */
void streams_end(struct supervisor *supervisor);
int streams_open(struct supervisor *supervisor);

/* Bytes for the program's input; `size` 0 closes it. */
void stream_type(struct supervisor *supervisor, const char *bytes, size_t size);
void stream_close_input(struct supervisor *supervisor);

int log_open(struct log *log, const struct settings *settings);
/* A line for the log, or a part of one. How much room there is for more is known before: log_has_room(). */
void log_add(struct log *log, const char *stream, char tag, const char *text, size_t size);
int log_has_room(const struct log *log);
/* Write what waits. 0, or -errno: it still waits. */
int log_flush(struct log *log);

int control_open(struct supervisor *supervisor);
void control_settle(struct supervisor *supervisor);
/* Tell everybody who waits for the end. 1 if one who gives back what the container had has heard it. */
int control_tell_end(struct supervisor *supervisor, int code);
/* Send what was read to each who is attached; 0 while one of them takes nothing. */
int control_send_chunk(struct supervisor *supervisor);
/* Note who is to get it. */
void control_owe_chunk(struct supervisor *supervisor);

/* Stop the container: by its signal, and by SIGKILL after `seconds` (negative: never). */
void engine_stop(struct supervisor *supervisor, int signal, int64_t seconds);

/* Enter the namespaces that the settings ask for: NULL, or what can't be done, and `error`. And leave them: 0 or -errno. */
const char *enter_namespaces(struct supervisor *supervisor, int *error);
int leave_namespaces(struct supervisor *supervisor);
/* Once its interfaces are there: what couldn't be done, NULL for nothing. */
const char *parameters_set(const struct supervisor *supervisor, int *error);

/* `whit _users FOLDER WORD…`: Python with these words as the root of the container's users; files of theirs may be in its folder. */
int engine_users(char **argv, const char *self);

/* Listen at the ports that are to be served, if any. 0 or -errno. */
int proxy_open(struct supervisor *supervisor);
void proxy_watch(struct supervisor *supervisor, struct watch *watch);
void proxy_due(struct supervisor *supervisor, int64_t now);

/* Whether something of the container's is on its way to an asker. */
int proxy_is_busy(const struct supervisor *supervisor);

void result_begin(struct results *results);
/* More of its output, as far as there is room; something to stand before it; what there is of it. */
void result_add(struct results *results, const char *text, size_t size);
void result_put_first(struct results *results, const char *text);
const char *result_text(struct results *results, size_t *size);
/* Put it on record, with a program's exit code, or what is like one; -1: there was none. */
void result_end(struct results *results, int exit);

/* Whether the kernel has killed something in the container for memory; whether it is paused. */
int cgroup_had_oom(const struct supervisor *supervisor);
int cgroup_is_frozen(const struct supervisor *supervisor);

void probe_begin(struct supervisor *supervisor);
void probe_end(struct supervisor *supervisor);
/* A child of the probe's has ended. */
void probe_ended(struct supervisor *supervisor, int status);

#endif
