/* Requests to the kernel's network code: netlink(7), rtnetlink(7). Its numbers stand here because musl's headers lack linux/. */
#ifndef WHIT_NETLINK_H
#define WHIT_NETLINK_H

#include <stddef.h>
#include <stdint.h>

enum { NETLINK_OF_ROUTES = 0, NETLINK_OF_FILTERS = 12, REQUEST_SIZE = 512 };
enum { FLAG_REQUEST = 1, FLAG_ACK = 4, FLAG_EXCLUSIVE = 0x200, FLAG_CREATE = 0x400 };

struct request {
	size_t size;
	int is_full;
	char data[REQUEST_SIZE] __attribute__((aligned(4)));
};

/* A socket in the network namespace of the caller, or -errno. */
int netlink_open(int protocol);

/* Begin with the message's kind, flags beside FLAG_REQUEST, and what stands before its attributes. */
void request_begin(struct request *request, uint16_t kind, uint16_t flags, const void *head, size_t size);
void request_put(struct request *request, uint16_t kind, const void *data, size_t size);
void request_put_text(struct request *request, uint16_t kind, const char *text);
void request_put_number(struct request *request, uint16_t kind, uint32_t number);

/* An attribute that holds others, of which request_begin's `head` is the beginning where the kernel wants one. */
size_t request_open(struct request *request, uint16_t kind, const void *head, size_t size);
void request_close(struct request *request, size_t begin);

/* Send it and hear what the kernel says: 0, also for an answer that isn't an error, or -errno. */
int request_send(int socket, struct request *request);

/* The number of the interface of that name in the socket's network namespace, or -errno. */
int link_index(int socket, const char *name);

/* Whether it is on and has a carrier, which a bridge has from who is in it: 1, 0, or -errno. */
int link_is_running(int socket, const char *name);

/* Whether its hardware address is that one, of six bytes: 0, -ENODEV, or another -errno. */
int link_has_address(int socket, const char *name, const char *address);

#endif
