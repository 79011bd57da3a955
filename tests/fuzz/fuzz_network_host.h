/* The host that fuzz_network.c's launcher sees: what the kernel answers, and which files networks have, is up to the input. */
#ifndef WHIT_FUZZ_NETWORK_HOST_H
#define WHIT_FUZZ_NETWORK_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MESSAGE_HEAD = 16, MAC_LENGTH = 6, MAX_PIPES = 8 };

/* What is left of the input, the address that a bridge is asked for, the folder of networks, and what is closed afterwards. */
static const uint8_t *left;
static size_t left_size;
static const char *wanted_address;
static char networks_folder[64] = "/tmp/whit-fuzz-XXXXXX";
static int pipes[MAX_PIPES];
static unsigned pipe_count;

static void require(int holds)
{
	if (!holds)
		abort();
}

/* As many bytes as there are; the rest is zeros. */
static size_t take(void *to, size_t size)
{
	size_t got = size < left_size ? size : left_size;
	memset(to, 0, size);
	memcpy(to, left, got);
	left += got;
	left_size -= got;
	return got;
}

static uint8_t take_byte(void)
{
	uint8_t byte;
	take(&byte, sizeof(byte));
	return byte;
}

static int host_socket(int family, int type, int protocol)
{
	if (family != AF_NETLINK)
		return socket(family, type, protocol);
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* The kernel would read it so: a header with the size of all, and attributes that are aligned and within. */
static ssize_t host_send(int fd, const void *data, size_t size, int flags)
{
	uint32_t length;
	/* Only the way out's is no request. */
	if (size < MESSAGE_HEAD)
		return send(fd, data, size, flags);
	memcpy(&length, data, sizeof(length));
	require(length == size && size % 4 == 0);
	return (ssize_t)size;
}

/* An error of the socket's, nothing, or an answer of any size and content: whole ones of the kernel's often enough. */
static ssize_t host_recv(int fd, void *to, size_t size, int flags)
{
	uint8_t kind = take_byte();
	size_t length = kind < 8 ? MESSAGE_HEAD + sizeof(int) : kind < 16 ? kind : (size_t)kind * 64;
	(void)flags;
	if (kind == 0xff || left_size == 0) {
		errno = fd < 0 ? EBADF : ENOBUFS;
		return -1;
	}
	length = length < size ? length : size;
	take(to, length);
	if (kind < 8) {
		/* An acknowledgement, or a refusal by the number that is there. */
		const uint16_t error = 2;
		memcpy((char *)to + 4, &error, sizeof(error));
		if (kind < 4)
			memset((char *)to + MESSAGE_HEAD, 0, sizeof(int));
	}
	return (ssize_t)length;
}

static int host_ioctl(int fd, unsigned long request, struct ifreq *answer)
{
	uint8_t kind = take_byte();
	require(strnlen(answer->ifr_name, sizeof(answer->ifr_name)) < sizeof(answer->ifr_name));
	if (fd < 0 || kind % 4 == 0) {
		errno = fd < 0 ? EBADF : ENODEV;
		return -1;
	}
	if (request == SIOCGIFINDEX)
		answer->ifr_ifindex = kind;
	else if (kind % 4 == 1 || !wanted_address)
		take(answer->ifr_hwaddr.sa_data, MAC_LENGTH);
	else
		memcpy(answer->ifr_hwaddr.sa_data, wanted_address, MAC_LENGTH);
	return 0;
}

static ssize_t host_getrandom(void *to, size_t size, unsigned flags)
{
	(void)flags;
	take(to, size);
	return (ssize_t)size;
}

/* Whatever path a plan names, it is our folder; /proc is that of a network namespace of our own. */
static int host_open(const char *path, int flags)
{
	require(!(flags & O_CREAT));
	int is_systems = strncmp(path, "/proc/self/", 11) == 0 || strcmp(path, "/dev/null") == 0;
	return open(is_systems ? path : networks_folder, flags);
}

/* Nothing of what a plan says may lead out of it. */
static int host_openat(int folder, const char *name, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	if (strchr(name, '/') || strcmp(name, "..") == 0) {
		errno = ENOENT;
		return -1;
	}
	return openat(folder, name, flags, mode);
}

/* Nobody is started: we are the one who goes on. */
static pid_t host_fork(void)
{
	return 1;
}

static int host_pipe2(int *ends, int flags)
{
	int error = pipe2(ends, flags);
	if (error == 0 && pipe_count < MAX_PIPES)
		pipes[pipe_count++] = ends[1];
	return error;
}

static void close_pipes(void)
{
	while (pipe_count > 0)
		close(pipes[--pipe_count]);
}

#endif
