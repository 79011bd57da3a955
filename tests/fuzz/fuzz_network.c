/* libFuzzer target: a program's way into a network and out of it, whatever the plan's records say, the kernel answers, and files of
   networks hold. What the launcher's files call is answered by fuzz_network_host.h. */
#include "fuzz_network_host.h"

#define socket host_socket
#define send host_send
#define recv host_recv
#define ioctl host_ioctl
#define getrandom host_getrandom
#define open host_open
#define openat host_openat
#define fork host_fork
#define pipe2 host_pipe2
#include "netlink.c"

#include "bridge_lease.c"
#include "ops_bridge.c"
#include "bridge_idle.c"
#include "ops_wayout.c"
#undef socket
#undef send
#undef recv
#undef ioctl
#undef getrandom
#undef open
#undef openat
#undef fork
#undef pipe2

enum { PLAN_SIZE_OFFSET = 12, PLAN_HEADER = 24, MOST_LEASES = 8, MOST_NAME = 48, MOST_ID = 80 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int leases_folder, hosts_folder;

/* What only other files of the launcher have, and nobody calls here. */
_Noreturn void python_run(const char *self, char *const *argv)
{
	(void)self;
	(void)argv;
	abort();
}

void reset_signals(void)
{
	abort();
}

int close_from(unsigned first)
{
	(void)first;
	abort();
}

static void remove_folder(void)
{
	static const char *const names[] = { "bridge/leases", "bridge/hosts", "bridge/names", "bridge", "lock" };
	char path[sizeof(networks_folder) + MOST_NAME];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", networks_folder, names[i]);
		remove(path);
	}
	remove(networks_folder);
}

static int make_folder(const char *name)
{
	char path[sizeof(networks_folder) + MOST_NAME];
	snprintf(path, sizeof(path), "%s/%s", networks_folder, name);
	require(mkdir(path, 0700) == 0);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* In namespaces of our own: what is set in /proc/sys/net is set there. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && mkdtemp(networks_folder));
	close(make_folder("bridge"));
	leases_folder = make_folder("bridge/leases");
	hosts_folder = make_folder("bridge/hosts");
	require(leases_folder >= 0 && hosts_folder >= 0);
	atexit(remove_folder);
	return 0;
}

static void empty(int folder)
{
	struct listing listing;
	const struct listed *entry;
	list_from(&listing, folder);
	while ((entry = list_next(&listing)))
		unlinkat(folder, entry->name, 0);
}

/* Addresses that are taken already, by whomever, in whatever form. */
static void put_leases(void)
{
	unsigned count = take_byte() % MOST_LEASES;
	while (count-- > 0) {
		char name[MOST_NAME + 1] = "", id[MOST_ID + 1] = "";
		take(name, take_byte() % MOST_NAME);
		take(id, take_byte() % MOST_ID);
		if (*name && *id && !strchr(name, '/'))
			(void)!symlinkat(id, leases_folder, name);
	}
}

/* The hosts file of the network's neighbours. */
static void put_names(const uint8_t *data, size_t size)
{
	char path[sizeof(networks_folder) + MOST_NAME];
	snprintf(path, sizeof(path), "%s/bridge/names", networks_folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && write_all(fd, (const char *)data, size) == 0);
	close(fd);
}

static int execute(struct launch *launch, const struct op *op)
{
	size_t length;
	struct words words;
	switch (op->code) {
	case OP_BRIDGE_FIND:
		close_fd(&launch->host_network);
		launch->host_network = NO_FD;
		wanted_address = op_bytes(&launch->plan, op, BRIDGE_FIND_address, &length);
		wanted_address = length == MAC_LENGTH ? wanted_address : NULL;
		return op_bridge_find(launch, op);
	case OP_BRIDGE_JOIN:
		close_fd(&launch->hosts);
		launch->hosts = NO_FD;
		return op_bridge_join(launch, op);
	case OP_WAY_OUT:
		/* What the process that is started there does with them. */
		(void)put_words(launch, op, &words);
		close_fd(&launch->way_out);
		launch->way_out = NO_FD;
		return op_way_out(launch, op);
	case OP_WAY_OUT_WAIT:
		return launch->way_out < 0 ? -EINVAL : op_way_out_wait(launch, op);
	default:
		return 0;
	}
}

/* What was taken is given back, unless it has become another's. */
static void leave(const struct launch *launch)
{
	char id[LEASE_ID_SIZE];
	const struct lease *lease = (const struct lease *)&launch->outcome->lease;
	bridge_leave(launch);
	if (!lease->id[0])
		return;
	ssize_t length = readlinkat(leases_folder, lease->address, id, sizeof(id) - 1);
	id[length < 0 ? 0 : length] = 0;
	require(length < 0 || strcmp(id, lease->id) != 0);
}

static void run(const struct plan *plan)
{
	struct outcome outcome = { .number_in_proc = 7, .guardian_in_proc = 6 };
	struct launch launch = { .plan = *plan, .self = "/whit", .outcome = &outcome, .host_network = NO_FD, .hosts = NO_FD, .way_out = NO_FD };
	for (uint32_t i = 0; i < plan->count && execute(&launch, &plan->ops[i]) == 0; i++)
		;
	leave(&launch);
	close_fd(&launch.host_network);
	close_fd(&launch.hosts);
	close_fd(&launch.way_out);
	close_pipes();
}

/* A plan, and behind it what the host is like. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan plan;
	uint32_t length = (uint32_t)size;
	if (size < PLAN_HEADER)
		return 0;
	memcpy(&length, data + PLAN_SIZE_OFFSET, sizeof(length));
	length = length < size ? length : (uint32_t)size;
	/* Memory of just this size, so that the sanitizer sees the first byte beyond it. */
	char *copy = malloc(length ? length : 1);
	require(copy != NULL);
	memcpy(copy, data, length);
	if (plan_check(&plan, copy, length) == 0) {
		left = data + length;
		left_size = size - length;
		put_leases();
		put_names(left, left_size);
		run(&plan);
		empty(leases_folder);
		empty(hosts_folder);
	}
	free(copy);
	return 0;
}
