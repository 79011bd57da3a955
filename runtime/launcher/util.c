#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"

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

int wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

int write_all(int fd, const char *text, size_t length)
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

ssize_t read_file(int directory, const char *name, char *text, size_t size)
{
	CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t done = 0;
	ssize_t got = 1;
	if (fd < 0)
		return -errno;
	while (done < size - 1 && (got = read(fd, text + done, size - 1 - done)) > 0)
		done += (size_t)got;
	text[done] = 0;
	return got < 0 ? -errno : (ssize_t)done;
}

int is_still(int folder, const char *name, int opened)
{
	struct stat held, named;
	return fstat(opened, &held) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

int proc_path(char *path, size_t size, uint64_t pid, const char *name)
{
	size_t at = 0;
	int error = append(path, size, &at, "/proc/");
	error = error ? error : append_number(path, size, &at, pid);
	return error ? error : append(path, size, &at, name);
}

void list_from(struct listing *listing, int directory)
{
	listing->directory = directory;
	listing->at = 0;
	listing->filled = lseek(directory, 0, SEEK_SET) < 0 ? -1 : 0;
}

const struct listed *list_next(struct listing *listing)
{
	while (listing->filled >= 0) {
		if (listing->at >= listing->filled) {
			listing->at = 0;
			listing->filled = syscall(SYS_getdents64, listing->directory, listing->entries, sizeof(listing->entries));
			if (listing->filled <= 0)
				return NULL;
		}
		const struct listed *entry = (const struct listed *)(const void *)(listing->entries + listing->at);
		listing->at += entry->length;
		if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
			return entry;
	}
	return NULL;
}

int hexadecimal(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = digit ? strchr(digits, digit) : NULL;
	return at ? (int)(at - digits) : -1;
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

int copy_part(char *buffer, size_t size, const char *text, size_t length)
{
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(buffer, text, length);
	buffer[length] = 0;
	return 0;
}

char *next_line(char **rest)
{
	char *line = *rest;
	if (!*line)
		return NULL;
	*rest += strcspn(line, "\n");
	if (**rest)
		*(*rest)++ = 0;
	return line;
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
	complain_as("whit", message, hint);
}

void complain_as(const char *program, const char *message, const char *hint)
{
	const char *parts[] = { program, ": ", message, hint ? "\nhint: " : "", hint ? hint : "", "\n" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (write_all(STDERR_FILENO, parts[i], strlen(parts[i])))
			return;
}
