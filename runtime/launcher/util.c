#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, text, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		length -= (size_t)done;
	}
	return 0;
}

int write_file(int directory, const char *name, const char *text)
{
	CLEANUP_FD int fd = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return write_all(fd, text, strlen(text));
}

int parse_number(const char *text, uint64_t *number)
{
	uint64_t value = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(unsigned char)*text - '0';
		if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
			return -EINVAL;
	}
	*number = value;
	return 0;
}

int append(char *buffer, size_t size, size_t *at, const char *text)
{
	size_t length = strlen(text);
	if (*at >= size || length >= size - *at)
		return -ENAMETOOLONG;
	memcpy(buffer + *at, text, length + 1);
	*at += length;
	return 0;
}

int append_number(char *buffer, size_t size, size_t *at, uint64_t number)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;
	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return append(buffer, size, at, digits + i);
}

void complain(const char *message, const char *hint)
{
	const char *parts[] = { "whit: ", message, hint ? "\nhint: " : "", hint ? hint : "", "\n" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (write_all(STDERR_FILENO, parts[i], strlen(parts[i])))
			return;
}
