/* The sockets that were handed to the supervisor: it keeps them open as long as it is there, so that nobody else takes their ports. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "kernel.h"
#include "util.h"

/* "FD" or "FD:PORT". */
static int parse_word(const char *word, uint64_t *fd, uint64_t *port)
{
	char number[HELD_WORD_SIZE];
	const char *colon = strchr(word, ':');
	*port = 0;
	if (copy_part(number, sizeof(number), word, colon ? (size_t)(colon - word) : strlen(word)) || parse_number(number, fd) || *fd > INT_MAX)
		return -EINVAL;
	if (colon && (parse_number(colon + 1, port) || *port == 0 || *port > UINT16_MAX))
		return -EINVAL;
	return 0;
}

static int add(struct proxy *proxy, int fd, uint16_t port)
{
	if (proxy->held_count == MAX_HELD)
		return -E2BIG;
	proxy->held[proxy->held_count++] = (struct held){ .polled.fd = fd, .port = port };
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -EINVAL : 0;
}

int held_find(struct proxy *proxy, int caller)
{
	struct listing listing;
	const struct listed *entry;
	uint64_t fd;
	CLEANUP_FD int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	list_from(&listing, directory);
	while ((entry = list_next(&listing))) {
		if (parse_number(entry->name, &fd) || fd <= STDERR_FILENO || fd > INT_MAX || (int)fd == directory || (int)fd == caller)
			continue;
		int error = add(proxy, (int)fd, 0);
		if (error)
			return error;
	}
	return caller >= 0 && fcntl(caller, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

int held_serve(struct proxy *proxy, char *words)
{
	uint64_t fd, port;
	for (char *word; (word = strsep(&words, " "));) {
		if (!*word)
			continue;
		struct held *found = NULL;
		if (parse_word(word, &fd, &port) || port == 0)
			return -EINVAL;
		for (unsigned i = 0; i < proxy->held_count; i++)
			if (proxy->held[i].polled.fd == (int)fd)
				found = &proxy->held[i];
		if (!found)
			return -EINVAL;
		found->port = (uint16_t)port;
	}
	return 0;
}

void held_hand_on(const struct held *held, char *word)
{
	size_t at = 0;
	append_number(word, HELD_WORD_SIZE, &at, (uint64_t)held->polled.fd);
	if (held->port > 0) {
		append(word, HELD_WORD_SIZE, &at, ":");
		append_number(word, HELD_WORD_SIZE, &at, held->port);
	}
	fcntl(held->polled.fd, F_SETFD, 0);
}

int held_take(struct proxy *proxy, const char *word)
{
	uint64_t fd, port;
	int error = parse_word(word, &fd, &port);
	return error ? error : add(proxy, (int)fd, (uint16_t)port);
}
