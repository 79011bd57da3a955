/* A program in the foreground in a network of whit's: an address out of the same pool as for containers that are kept, a veth
   pair, the way out, and a hosts file. It is given back when the program has ended; what a killed supervisor has left is
   found by whoever comes next, since the kernel takes the veth pair with the container's namespace. docs/networks.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge.h"
#include "netlink.h"
#include "util.h"

/* linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/veth.h, linux/netfilter/nf_tables.h */
enum { NEW_LINK = 16, NEW_ADDRESS = 20, NEW_ROUTE = 24, GET_TABLE = 10 << 8 | 1 };
enum { LINK_ADDRESS = 1, LINK_NAME = 3, LINK_MTU = 4, LINK_MASTER = 10, LINK_INFO = 18, LINK_NAMESPACE = 28 };
enum { INFO_KIND = 1, INFO_DATA = 2, PEER_OF_PAIR = 1, ADDRESS_WHOLE = 1, ADDRESS_LOCAL = 2, ROUTE_LINK = 4, ROUTE_GATEWAY = 5, TABLE_NAME = 1 };
enum { LINK_UP = 1, TABLE_MAIN = 254, BY_ADMINISTRATOR = 4, UNICAST = 1, FAMILY_INET = 1 };
enum { MAC_SIZE = 6, BUFFER_SIZE = 4096, FOR_ALL_TO_READ = 0644 };

struct link_head {
	uint8_t family, padding;
	uint16_t type;
	int32_t index;
	uint32_t flags, change;
};

struct address_head {
	uint8_t family, prefix, flags, scope;
	uint32_t index;
};

struct route_head {
	uint8_t family, to_size, from_size, service, table, protocol, scope, type;
	uint32_t flags;
};

struct filter_head {
	uint8_t family, version;
	uint16_t resource;
};

static const char interface[] = "eth0";

/* Whether the network's rules are there: whoever starts a firewall anew may have flushed them all. */
static int table_is_there(const char *device)
{
	struct request request;
	struct filter_head head = { .family = FAMILY_INET };
	CLEANUP_FD int filters = netlink_open(NETLINK_OF_FILTERS);
	if (filters < 0)
		return filters;
	request_begin(&request, GET_TABLE, 0, &head, sizeof(head));
	request_put_text(&request, TABLE_NAME, device);
	return request_send(filters, &request);
}

int op_bridge_find(struct launch *launch, const struct op *op)
{
	const char *device = op_text(&launch->plan, op, BRIDGE_FIND_device);
	size_t length;
	const char *address = op_bytes(&launch->plan, op, BRIDGE_FIND_address, &length);
	CLEANUP_FD int host = netlink_open(NETLINK_OF_ROUTES);
	if (host < 0 || length != MAC_SIZE)
		return host < 0 ? host : -EINVAL;
	int error = link_has_address(host, device, address);
	error = error ? error : table_is_there(device);
	int bridge = error ? error : link_index(host, device);
	if (bridge < 0)
		return bridge;
	launch->bridge = bridge;
	launch->host_network = steal_fd(&host);
	return 0;
}

static int get_place(const struct launch *launch, const struct op *op, struct bridge_place *place)
{
	size_t length;
	const char *data = op_bytes(&launch->plan, op, BRIDGE_JOIN_place, &length);
	if (length != sizeof(*place))
		return -EINVAL;
	memcpy(place, data, length);
	return place->count > 0 && place->prefix <= 32 ? 0 : -EINVAL;
}

/* No IPv6, as the network has none, and never routes that a neighbour announces: said before there is an interface to say it of. */
static int without_v6(void)
{
	int error = write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/accept_ra", "0");
	error = error ? error : write_file(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return error == -ENOENT ? 0 : error;
}

/* One end in the bridge, and on; the other in the namespace of this process, where it can be turned on once there are both. */
static int make_pair(const struct launch *launch, const struct bridge_place *place, uint32_t address, int namespace)
{
	struct request request;
	const struct link_head head = { .flags = LINK_UP, .change = LINK_UP }, off = { 0 };
	const unsigned char mac[MAC_SIZE] = { 0x02, 0x77, (unsigned char)(address >> 24), (unsigned char)(address >> 16), (unsigned char)(address >> 8), (unsigned char)address };
	char end[END_NAME_SIZE];
	end_name(end, place->id, address);
	request_begin(&request, NEW_LINK, FLAG_ACK | FLAG_CREATE | FLAG_EXCLUSIVE, &head, sizeof(head));
	request_put_text(&request, LINK_NAME, end);
	request_put_number(&request, LINK_MASTER, (uint32_t)launch->bridge);
	if (place->mtu)
		request_put_number(&request, LINK_MTU, place->mtu);
	size_t info = request_open(&request, LINK_INFO, NULL, 0);
	request_put_text(&request, INFO_KIND, "veth");
	size_t data = request_open(&request, INFO_DATA, NULL, 0);
	size_t peer = request_open(&request, PEER_OF_PAIR, &off, sizeof(off));
	request_put_text(&request, LINK_NAME, interface);
	request_put(&request, LINK_ADDRESS, mac, sizeof(mac));
	if (place->mtu)
		request_put_number(&request, LINK_MTU, place->mtu);
	request_put_number(&request, LINK_NAMESPACE, (uint32_t)namespace);
	request_close(&request, peer);
	request_close(&request, data);
	request_close(&request, info);
	return request_send(launch->host_network, &request);
}

static int configure(const struct bridge_place *place, uint32_t address)
{
	struct request request;
	const uint32_t own = htonl(address), gateway = htonl(place->gateway);
	CLEANUP_FD int inside = netlink_open(NETLINK_OF_ROUTES);
	int index = inside < 0 ? inside : link_index(inside, interface);
	if (index < 0)
		return index;
	const struct address_head head = { .family = AF_INET, .prefix = (uint8_t)place->prefix, .index = (uint32_t)index };
	request_begin(&request, NEW_ADDRESS, FLAG_ACK | FLAG_CREATE | FLAG_EXCLUSIVE, &head, sizeof(head));
	request_put(&request, ADDRESS_LOCAL, &own, sizeof(own));
	request_put(&request, ADDRESS_WHOLE, &own, sizeof(own));
	int error = request_send(inside, &request);
	const struct link_head on = { .index = index, .flags = LINK_UP, .change = LINK_UP };
	request_begin(&request, NEW_LINK, FLAG_ACK, &on, sizeof(on));
	error = error ? error : request_send(inside, &request);
	if (error)
		return error;
	const struct route_head route = { .family = AF_INET, .table = TABLE_MAIN, .protocol = BY_ADMINISTRATOR, .type = UNICAST };
	request_begin(&request, NEW_ROUTE, FLAG_ACK | FLAG_CREATE | FLAG_EXCLUSIVE, &route, sizeof(route));
	request_put(&request, ROUTE_GATEWAY, &gateway, sizeof(gateway));
	request_put_number(&request, ROUTE_LINK, (uint32_t)index);
	return request_send(inside, &request);
}

/* The first address that is free, from somewhere in the upper half of the pool downwards: containers that are kept get the lowest.
   One of which the kernel has something left (EEXIST) is somebody else's still. */
static int take_place(struct launch *launch, const struct network_folders *folders, const struct bridge_place *place, struct lease *lease, uint32_t *address)
{
	uint32_t random;
	CLEANUP_FD int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (namespace < 0 || getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	uint32_t begin = place->count - 1 - random % (place->count / 2 + 1);
	for (uint32_t i = 0; i < place->count; i++) {
		*address = place->first + (begin + place->count - i) % place->count;
		int error = *address == place->gateway ? -EEXIST : lease_take(folders, *address, lease);
		if (error == -EEXIST)
			continue;
		if (error)
			return error;
		*(struct lease *)&launch->outcome->lease = *lease;
		error = make_pair(launch, place, *address, namespace);
		if (error != -EEXIST)
			return error;
		lease_give_back(folders, lease);
	}
	return -EADDRNOTAVAIL;
}

static int copy_names(const struct network_folders *folders, int hosts)
{
	char text[BUFFER_SIZE];
	ssize_t got;
	CLEANUP_FD int names = openat(folders->network, "names", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (names < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((got = read(names, text, sizeof(text))) > 0) {
		int error = write_all(hosts, text, (size_t)got);
		if (error)
			return error;
	}
	return got < 0 ? -errno : 0;
}

/* What every hosts file has, the container itself, and its neighbours, whose lines Python keeps current (networks/neighbours.py). */
static int write_hosts(struct launch *launch, const struct op *op, const struct network_folders *folders, const struct lease *lease)
{
	const char *const own[] = { lease->address, "\t", op_text(&launch->plan, op, BRIDGE_JOIN_hostname), "\n" };
	size_t length;
	const char *head = op_bytes(&launch->plan, op, BRIDGE_JOIN_head, &length);
	CLEANUP_FD int hosts = openat(folders->hosts, lease->address, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FOR_ALL_TO_READ);
	if (hosts < 0)
		return -errno;
	int error = write_all(hosts, head, length);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own) && !error; i++)
		error = write_all(hosts, own[i], strlen(own[i]));
	error = error ? error : copy_names(folders, hosts);
	if (error)
		return error;
	launch->hosts = openat(folders->hosts, lease->address, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return launch->hosts < 0 ? -errno : 0;
}

static int join_locked(struct launch *launch, const struct op *op, struct network_folders *folders, const struct bridge_place *place, uint32_t *address)
{
	struct lease lease;
	int error = network_open(folders, op_text(&launch->plan, op, BRIDGE_JOIN_networks), op_text(&launch->plan, op, BRIDGE_JOIN_network));
	if (error)
		return error;
	leases_collect(folders, launch->host_network, place->id);
	error = take_place(launch, folders, place, &lease, address);
	return error ? error : write_hosts(launch, op, folders, &lease);
}

int op_bridge_join(struct launch *launch, const struct op *op)
{
	struct bridge_place place;
	struct network_folders folders;
	uint32_t address = 0;
	int error = get_place(launch, op, &place);
	error = error ? error : without_v6();
	if (error)
		return error;
	error = join_locked(launch, op, &folders, &place, &address);
	network_close(&folders);
	/* What it reaches is the host's. */
	close_fd(&launch->host_network);
	launch->host_network = NO_FD;
	return error ? error : configure(&place, address);
}

static const struct op *find_op(const struct launch *launch, uint32_t code)
{
	for (uint32_t i = 0; i < launch->plan.count; i++)
		if (launch->plan.ops[i].code == code)
			return &launch->plan.ops[i];
	return NULL;
}

void bridge_leave(const struct launch *launch)
{
	const struct lease *lease = (const struct lease *)&launch->outcome->lease;
	const struct op *found = find_op(launch, OP_BRIDGE_FIND), *joined = find_op(launch, OP_BRIDGE_JOIN);
	struct network_folders folders;
	struct bridge_place place;
	if (!joined || get_place(launch, joined, &place))
		return;
	const char *networks = op_text(&launch->plan, joined, BRIDGE_JOIN_networks);
	if (lease->id[0]) {
		if (network_open(&folders, networks, op_text(&launch->plan, joined, BRIDGE_JOIN_network)) == 0)
			lease_give_back(&folders, lease);
		network_close(&folders);
	}
	/* Also for one that never got so far: the bridge may have been made for it. */
	if (found)
		bridge_watch(launch->self, networks, op_text(&launch->plan, found, BRIDGE_FIND_device), place.id);
}
