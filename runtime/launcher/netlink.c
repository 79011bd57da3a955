#include "netlink.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

enum { ANSWER_SIZE = 8192, KIND_ERROR = 2, ALIGNMENT = 4, ADDRESS_BYTES = 6 };

struct header {
	uint32_t length;
	uint16_t kind, flags;
	uint32_t sequence, port;
};

struct attribute {
	uint16_t length, kind;
};

int netlink_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

static void add(struct request *request, const void *data, size_t size)
{
	size_t padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (padded > sizeof(request->data) - request->size) {
		request->is_full = 1;
		return;
	}
	if (size)
		memcpy(request->data + request->size, data, size);
	memset(request->data + request->size + size, 0, padded - size);
	request->size += padded;
}

void request_begin(struct request *request, uint16_t kind, uint16_t flags, const void *head, size_t size)
{
	struct header header = { .kind = kind, .flags = flags | FLAG_REQUEST };
	request->size = 0;
	request->is_full = 0;
	add(request, &header, sizeof(header));
	add(request, head, size);
}

void request_put(struct request *request, uint16_t kind, const void *data, size_t size)
{
	struct attribute attribute = { (uint16_t)(sizeof(attribute) + size), kind };
	add(request, &attribute, sizeof(attribute));
	add(request, data, size);
}

void request_put_text(struct request *request, uint16_t kind, const char *text)
{
	request_put(request, kind, text, strlen(text) + 1);
}

void request_put_number(struct request *request, uint16_t kind, uint32_t number)
{
	request_put(request, kind, &number, sizeof(number));
}

size_t request_open(struct request *request, uint16_t kind, const void *head, size_t size)
{
	size_t begin = request->size;
	request_put(request, kind, head, size);
	return begin;
}

void request_close(struct request *request, size_t begin)
{
	uint16_t length = (uint16_t)(request->size - begin);
	if (!request->is_full)
		memcpy(request->data + begin + offsetof(struct attribute, length), &length, sizeof(length));
}

int request_send(int socket, struct request *request)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(4)));
	struct header header;
	uint32_t length = (uint32_t)request->size;
	int error;
	if (request->is_full)
		return -ENOSPC;
	memcpy(request->data + offsetof(struct header, length), &length, sizeof(length));
	if (send(socket, request->data, request->size, 0) < 0)
		return -errno;
	ssize_t got = recv(socket, answer, sizeof(answer), 0);
	if (got < 0)
		return -errno;
	if ((size_t)got < sizeof(header) + sizeof(error))
		return -EPROTO;
	memcpy(&header, answer, sizeof(header));
	memcpy(&error, answer + sizeof(header), sizeof(error));
	return header.kind == KIND_ERROR ? error : 0;
}

/* A question about an interface is asked of a namespace by a socket of it, of whatever family (netdevice(7)). */
static int put_name(struct ifreq *question, const char *name)
{
	*question = (struct ifreq){ 0 };
	return copy_part(question->ifr_name, sizeof(question->ifr_name), name, strlen(name));
}

int link_index(int socket, const char *name)
{
	struct ifreq answer;
	int error = put_name(&answer, name);
	if (error)
		return error;
	return ioctl(socket, SIOCGIFINDEX, &answer) < 0 ? -errno : answer.ifr_ifindex;
}

int link_is_running(int socket, const char *name)
{
	struct ifreq answer;
	int error = put_name(&answer, name);
	if (error)
		return error;
	return ioctl(socket, SIOCGIFFLAGS, &answer) < 0 ? -errno : (answer.ifr_flags & IFF_RUNNING) != 0;
}

int link_has_address(int socket, const char *name, const char *address)
{
	struct ifreq answer;
	int error = put_name(&answer, name);
	if (error)
		return error;
	if (ioctl(socket, SIOCGIFHWADDR, &answer) < 0)
		return -errno;
	return memcmp(answer.ifr_hwaddr.sa_data, address, ADDRESS_BYTES) == 0 ? 0 : -ENODEV;
}
