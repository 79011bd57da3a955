/* The command line of whit-oci as far as it is answered without Python, and its errors. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "oci.h"
#include "python.h"
#include "util.h"

enum { MAP_SIZE = 4096, LOG_SIZE = 8192, TIME_SIZE = 40 };

static void append_time(char *text, size_t size, size_t *at)
{
	char now[TIME_SIZE];
	struct tm parts;
	time_t seconds = time(NULL);
	if (gmtime_r(&seconds, &parts) && strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &parts))
		append(text, size, at, now);
}

/* As runc's: {"level":"error","msg":"…","time":"…"} or time="…" level=error msg="…". */
static void add_line(const struct oci_call *call, const char *level, const char *quoted)
{
	char line[LOG_SIZE] = "";
	size_t at = 0;
	int json = call->log_format && strcmp(call->log_format, "json") == 0;
	CLEANUP_FD int log = open(call->log, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0644);
	append(line, sizeof(line), &at, json ? "{\"level\":\"" : "time=\"");
	if (!json) {
		append_time(line, sizeof(line), &at);
		append(line, sizeof(line), &at, "\" level=");
	}
	append(line, sizeof(line), &at, level);
	append(line, sizeof(line), &at, json ? "\",\"msg\":" : " msg=");
	append(line, sizeof(line), &at, quoted);
	if (json) {
		append(line, sizeof(line), &at, ",\"time\":\"");
		append_time(line, sizeof(line), &at);
	}
	append(line, sizeof(line), &at, json ? "\"}\n" : "\n");
	if (log >= 0 && write(log, line, at) < 0) {
		/* What is to be logged is said on standard error too. */
		char message[OCI_TEXT_SIZE] = "";
		at = 0;
		if (append(message, sizeof(message), &at, "the log can't be written: ") == 0)
			append(message, sizeof(message), &at, strerror(errno));
		complain_as("whit-oci", message, NULL);
	}
}

/* Messages hold nothing to be escaped but quotes and backslashes: append_shown(). */
static void write_log(const struct oci_call *call, const char *message)
{
	char quoted[LOG_SIZE / 2];
	size_t to = 0;
	quoted[to++] = '"';
	for (; *message && to < sizeof(quoted) - 4; message++) {
		if (*message == '"' || *message == '\\')
			quoted[to++] = '\\';
		quoted[to++] = *message;
	}
	quoted[to++] = '"';
	quoted[to] = 0;
	add_line(call, "error", quoted);
}

void oci_warn(const struct oci_call *call, const char *quoted)
{
	add_line(call, "warning", quoted);
}

/* Nothing in a path is for the terminal or the log to obey. */
static int append_shown(char *buffer, size_t size, size_t *at, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	int error = 0;
	for (; *text && !error; text++) {
		unsigned char byte = (unsigned char)*text;
		const char plain[] = { *text, 0 }, escaped[] = { '\\', 'x', digits[byte >> 4], digits[byte & 15], 0 };
		error = append(buffer, size, at, byte < ' ' || byte == 0x7f ? escaped : plain);
	}
	return error;
}

int oci_fail(const struct oci_call *call, const char *const *parts)
{
	char message[OCI_TEXT_SIZE] = "";
	size_t at = 0;
	for (; *parts; parts++)
		append_shown(message, sizeof(message), &at, *parts);
	if (call->log && *call->log)
		write_log(call, message);
	complain_as("whit-oci", message, NULL);
	return 1;
}

int oci_is_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.";
	return *text && strspn(text, allowed) == strlen(text) && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static int is_flag(const char *word)
{
	return strcmp(word, "--debug") == 0 || strcmp(word, "--systemd-cgroup") == 0;
}

/* Root of a user namespace, such as rootless podman's, hasn't got /run; root's own shell may say otherwise, as with runc. */
static int is_a_users_root(void)
{
	static const char first[] = "         0          0 4294967295\n";
	char map[MAP_SIZE];
	const char *user = getenv("USER");
	if (geteuid() != 0 || (user && strcmp(user, "root") == 0))
		return 0;
	return read_file(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) != 0 && strcmp(map, first) != 0;
}

/* The options before the verb; returns where the verb is, or NULL if Python had better look at them. */
static char **read_options(struct oci_call *call, char **words)
{
	static const char *const names[] = { "--root", "--log", "--log-format", "--criu", "--rootless" };
	const char *values[sizeof(names) / sizeof(*names)] = { NULL };
	for (; *words && **words == '-'; words++) {
		size_t i = 0, length = 0;
		if (is_flag(*words)) {
			call->unusual = 1;
			continue;
		}
		for (; i < sizeof(names) / sizeof(*names); i++) {
			length = strlen(names[i]);
			if (strncmp(*words, names[i], length) == 0 && ((*words)[length] == '=' || (*words)[length] == 0))
				break;
		}
		if (i == sizeof(names) / sizeof(*names) || (!(*words)[length] && !words[1]))
			return NULL;
		values[i] = (*words)[length] ? *words + length + 1 : *++words;
	}
	if (values[0] && !*values[0])
		values[0] = NULL;
	size_t at = 0;
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int is_root = geteuid() == 0 && !(runtime && *runtime == '/' && is_a_users_root());
	if (!values[0] && !is_root && (!runtime || *runtime != '/'))
		return NULL;
	int error = values[0] ? append(call->root, sizeof(call->root), &at, values[0]) :
				append(call->root, sizeof(call->root), &at, is_root ? "/run" : runtime) ||
					append(call->root, sizeof(call->root), &at, "/whit-oci");
	call->unusual |= values[3] || values[4];
	call->log = values[1];
	call->log_format = values[2];
	return error ? NULL : words;
}

/* The flags that follow a verb's words are put before them: runc takes them at either place. */
static void put_flags_first(char **words)
{
	static const char *const flags[] = { "--force", "-f", "--all", "-a" };
	char **next = words;
	for (char **word = words; *word && strcmp(*word, "--") != 0; word++)
		for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
			if (strcmp(*word, flags[i]) == 0) {
				char *flag = *word;
				memmove(next + 1, next, (size_t)(word - next) * sizeof(*next));
				*next++ = flag;
				break;
			}
}

/* The first word that is no option. */
static const char *container_of(char **words)
{
	while (*words && **words == '-')
		words++;
	return *words;
}

typedef int verb_function(struct oci_call *call, char **words);

static int answer(struct oci_call *call, verb_function *verb, char **words)
{
	put_flags_first(words);
	call->container = container_of(words);
	if (!call->container || !oci_is_name(call->container))
		return -1;
	CLEANUP_FD int root = open(call->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int directory = root < 0 ? -1 : openat(root, call->container, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0) {
		/* `delete --force` of what isn't there is no error, as with runc. */
		if (verb == oci_delete && (strcmp(words[0], "--force") == 0 || strcmp(words[0], "-f") == 0))
			return 0;
		return oci_fail(call, (const char *const[]){ "container \"", call->container, "\" does not exist", NULL });
	}
	if (verb == oci_start)
		flock(directory, LOCK_EX);
	call->root_directory = root;
	call->directory = directory;
	return verb(call, words);
}

int oci_main(int argc, char **argv, const char *self)
{
	static const struct {
		const char *name;
		verb_function *function;
	} verbs[] = { { "state", oci_state }, { "start", oci_start }, { "kill", oci_kill }, { "delete", oci_delete } };
	struct oci_call call = { .argv = argv, .self = self };
	if ((argc == 8 || argc == 9) && strcmp(argv[1], "_launch") == 0)
		return oci_launch(argv, self);
	char **words = argc > 1 ? read_options(&call, argv + 1) : NULL;
	for (size_t i = 0; words && *words && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(*words, verbs[i].name) != 0)
			continue;
		int code = answer(&call, verbs[i].function, words + 1);
		if (code >= 0)
			return code;
	}
	if (words && *words && (strcmp(*words, "create") == 0 || strcmp(*words, "run") == 0)) {
		int code = oci_create(&call, *words, words + 1);
		if (code >= 0)
			return code;
	}
	python_run(self, argv);
}
