/* Namespaces beside those that one clone makes: joined by path, made by a second clone after that, or with many users mapped. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "oci.h"
#include "util.h"

enum { PROC_PATH_SIZE = 48, MAPS_SIZE = 16384, FIELDS = 3, GET_NAMESPACE_TYPE = 0xb703 };

static const char *own_namespace(uint64_t type)
{
	switch (type) {
	case CLONE_NEWNET:
		return "/proc/self/ns/net";
	case CLONE_NEWIPC:
		return "/proc/self/ns/ipc";
	case CLONE_NEWUTS:
		return "/proc/self/ns/uts";
	default:
		return NULL;
	}
}

/* Where kernel parameters are set in a namespace, it may not be the host's under another name. */
static int is_own(int namespace, uint64_t type)
{
	struct stat joined, own;
	const char *path = own_namespace(type);
	return path && fstat(namespace, &joined) == 0 && stat(path, &own) == 0 && joined.st_dev == own.st_dev &&
	       joined.st_ino == own.st_ino;
}

/* Everything of the container's is opened by way of this folder: between looking at a process and joining its namespaces it may
   end, and its number become another's. */
int op_container_find(struct launch *launch, const struct op *op)
{
	char path[PROC_PATH_SIZE] = "";
	int error = proc_path(path, sizeof(path), op_number(op, CONTAINER_FIND_pid), "");
	CLEANUP_FD int folder = error ? error : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	launch->container_started = op_number(op, CONTAINER_FIND_started);
	if (error || folder < 0)
		return error ? error : errno == ENOENT ? -ESRCH : -errno;
	if (!process_lives_in(folder, launch->container_started))
		return -ESRCH;
	launch->container = steal_fd(&folder);
	return 0;
}

int open_of_container(const struct launch *launch, const char *path, int flags)
{
	int fd = openat(launch->container, path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int error = -errno;
	return launch->container >= 0 && !process_lives_in(launch->container, launch->container_started) ? -ESRCH : error;
}

static int join(const struct launch *launch, const char *path, uint64_t type, int foreign)
{
	CLEANUP_FD int namespace = open_of_container(launch, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (namespace < 0)
		return namespace;
	/* Looked at first: what isn't a namespace, or one of another kind, is said to be that. */
	if ((uint64_t)(uint32_t)ioctl(namespace, GET_NAMESPACE_TYPE) != type)
		return -EINVAL;
	if (foreign && is_own(namespace, type))
		return -EEXIST;
	/* From here on processes of the container see this one, which still holds what is the host's (CVE-2016-9962). */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return setns(namespace, (int)type) < 0 ? -errno : 0;
}

int op_join_processes(struct launch *launch, const struct op *op)
{
	return join(launch, op_text(&launch->plan, op, JOIN_PROCESSES_path), CLONE_NEWPID, 0);
}

int op_join_namespace(struct launch *launch, const struct op *op)
{
	return join(launch, op_text(&launch->plan, op, JOIN_NAMESPACE_path), op_number(op, JOIN_NAMESPACE_type),
		    op_number(op, JOIN_NAMESPACE_foreign) != 0);
}

/* The child that has joined namespaces makes another one, in new namespaces that belong to those, and ends. */
int op_clone_again(struct launch *launch, const struct op *op)
{
	/* The new one's parent is ours. */
	struct kernel_clone_args args = { .flags = op_number(op, CLONE_AGAIN_flags) | CLONE_PARENT };
	long pid = syscall(NR_CLONE3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0)
		_exit(0);
	launch->outcome->number_in_proc = number_in_proc();
	return ask_parent(launch, op);
}

int parent_adopt(struct launch *launch, const struct op *op)
{
	(void)op;
	if (launch->outcome->number_in_proc <= 0)
		return -ESRCH;
	wait_for(launch->child);
	launch->child = launch->outcome->number_in_proc;
	return 0;
}

/* `packed` holds triples of 32 bits: inside, outside, size. */
static int write_ranges(pid_t child, const char *name, const char *packed, size_t length)
{
	char path[PROC_PATH_SIZE] = "", text[MAPS_SIZE] = "";
	size_t at = 0;
	uint32_t fields[FIELDS];
	int error = length % sizeof(fields) ? -EINVAL : proc_path(path, sizeof(path), (uint64_t)child, name);
	for (; !error && length > 0; packed += sizeof(fields), length -= sizeof(fields)) {
		memcpy(fields, packed, sizeof(fields));
		for (size_t i = 0; i < FIELDS && !error; i++) {
			error = append_number(text, sizeof(text), &at, fields[i]);
			error = error ? error : append(text, sizeof(text), &at, i < FIELDS - 1 ? " " : "\n");
		}
	}
	return error ? error : write_file(AT_FDCWD, path, text);
}

int write_id_maps(const struct launch *launch, pid_t child, const struct id_maps *maps)
{
	size_t uids_length, gids_length;
	const char *uids = op_bytes(&launch->plan, maps->op, maps->uids, &uids_length);
	const char *gids = op_bytes(&launch->plan, maps->op, maps->gids, &gids_length);
	/* Groups first: once a user is mapped, the kernel asks more of who maps groups. */
	int error = write_ranges(child, "/gid_map", gids, gids_length);
	return error ? error : write_ranges(child, "/uid_map", uids, uids_length);
}

/* Whoever is in the new namespace may only map its own user; the parent has the right to map any. */
int op_map_ranges(struct launch *launch, const struct op *op)
{
	return ask_parent(launch, op);
}

int parent_map_ranges(struct launch *launch, const struct op *op)
{
	const struct id_maps maps = { op, MAP_RANGES_uids, MAP_RANGES_gids };
	return write_id_maps(launch, launch->child, &maps);
}

int op_set_domainname(struct launch *launch, const struct op *op)
{
	const char *name = op_text(&launch->plan, op, SET_DOMAINNAME_name);
	return setdomainname(name, strlen(name)) < 0 ? -errno : 0;
}
