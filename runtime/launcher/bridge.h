/* A program's place in a network of whit's while it runs in the foreground (docs/networks.md): ops_bridge.c makes it,
   bridge_lease.c keeps it on disk in the way of runtime/engine/networks/folder.py. */
#ifndef WHIT_BRIDGE_H
#define WHIT_BRIDGE_H

#include <stdint.h>

#include "launch.h"

enum { END_NAME_SIZE = 16, LEASE_DIGITS = 13 };

/* What BRIDGE_JOIN's `place` holds: the network as it is at the time of the plan; addresses as numbers of this machine. */
struct bridge_place {
	uint64_t id; /* the first 13 digits of the network's ID */
	uint32_t gateway, first, count, prefix, mtu, reserved;
};

/* The folders and files of a network, open: `lock` as long as anything of it is changed. */
struct network_folders {
	int lock, network, leases, hosts;
};

/* Lock the networks of that folder and open what is in the one of that name. 0 or -errno; network_close in any case. */
int network_open(struct network_folders *folders, const char *path, const char *name);
void network_close(const struct network_folders *folders);

/* Forget who has ended without a word: those whose end of a veth pair is gone from the namespace of `host`. */
void leases_collect(const struct network_folders *folders, int host, uint64_t network_id);

/* Take an address, if nobody has it: 0, -EEXIST, or another -errno. */
int lease_take(const struct network_folders *folders, uint32_t address, struct lease *lease);
void lease_give_back(const struct network_folders *folders, const struct lease *lease);

/* The end of the veth pair in the bridge. It is made of the address, so that the kernel lets nobody have the address as long
   as anything is left of who had it before. */
void end_name(char name[END_NAME_SIZE], uint64_t network_id, uint32_t address);

/* Have the bridge removed some time after everybody has left it, if nobody else watches already. */
void bridge_watch(const char *self, const char *networks, const char *device, uint64_t id);

/* The same as a command, `whit _watch NETWORKS DEVICE NUMBER`, for who has just made the bridge. Returns the exit code. */
int bridge_begin_watch(int argc, char **argv, const char *self);

#endif
