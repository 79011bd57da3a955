/* Landlock: a layer of the kernel's own below mounts and rights. The program writes where it is told and nowhere else, and
   nothing is executed but itself and what the kernel loads for it: a script's interpreter, a program's loader.
   Source: Documentation/userspace-api/landlock.rst. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { HEAD_SIZE = 4096, MAX_LOADED = 5, VERSION_FLAG = 1, PATH_BENEATH = 1, NET_PORT = 2, LOG_NEW_EXEC = 2 };

/* What LANDLOCK's `how` is made of. */
enum { HOW_STRICT = 1, HOW_LOGGED = 2 };

/* Since which version of Landlock the kernel knows what. */
enum { FIRST_WITH_REFER = 2, FIRST_WITH_TRUNCATE = 3, FIRST_WITH_PORTS = 4, FIRST_WITH_IOCTL = 5, FIRST_WITH_SCOPES = 6, FIRST_WITH_LOG = 7 };

#define RIGHT_EXECUTE 0x0001u
#define RIGHT_WRITE_FILE 0x0002u
#define RIGHTS_ON_FOLDERS 0x1ff0u /* to remove and to make files of each kind */
#define RIGHT_REFER 0x2000u
#define RIGHT_TRUNCATE 0x4000u
#define RIGHT_IOCTL_DEVICE 0x8000u
#define SCOPES 0x3u /* abstract sockets, signals */

/* struct landlock_ruleset_attr; older kernels know the beginning of it. */
struct ruleset {
	uint64_t on_files, on_ports, scoped;
};

/* struct landlock_net_port_attr. */
struct port {
	uint64_t allowed, number;
};

struct __attribute__((packed)) path_beneath {
	uint64_t allowed;
	int32_t parent;
};

static int allow(int ruleset, const char *path, uint64_t on_folder, uint64_t on_file)
{
	struct stat status;
	CLEANUP_FD int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	struct path_beneath rule = { S_ISDIR(status.st_mode) ? on_folder : on_file, fd };
	return syscall(NR_LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_engine(int ruleset, int engine)
{
	struct path_beneath rule = { RIGHT_EXECUTE, engine };
	return syscall(NR_LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* The loader that an ELF file of this machine's width names; NULL for none. `head` ends with a NUL. */
static const char *loader(const char *head, size_t length)
{
	Elf64_Ehdr file;
	Elf64_Phdr segment;
	if (length < sizeof(file) || memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_CLASS] != ELFCLASS64)
		return NULL;
	memcpy(&file, head, sizeof(file));
	for (size_t i = 0; i < file.e_phnum; i++) {
		if (file.e_phoff > length || i * sizeof(segment) + sizeof(segment) > length - file.e_phoff)
			return NULL;
		memcpy(&segment, head + file.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_INTERP)
			return segment.p_offset < length ? head + segment.p_offset : NULL;
	}
	return NULL;
}

/* The program that a script's first line names; it is cut off after that. */
static const char *interpreter(char *head)
{
	if (strncmp(head, "#!", 2) != 0)
		return NULL;
	char *path = head + 2 + strspn(head + 2, " \t");
	path[strcspn(path, " \t\n")] = 0;
	return *path ? path : NULL;
}

static int allow_program(int ruleset, const char *path, int depth)
{
	char head[HEAD_SIZE + 1];
	if (depth == MAX_LOADED)
		return 0;
	int error = allow(ruleset, path, RIGHT_EXECUTE, RIGHT_EXECUTE);
	/* What isn't there, or may not be read, execve will say of. */
	CLEANUP_FD int fd = error ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : pread(fd, head, HEAD_SIZE, 0);
	if (error || length <= 0)
		return error == -ENOENT ? 0 : error;
	head[length] = 0;
	const char *next = loader(head, (size_t)length);
	next = next ? next : interpreter(head);
	return next ? allow_program(ruleset, next, depth + 1) : 0;
}

/* What is handled, and so forbidden but for the rules: as much of what the plan wants as this kernel knows. */
static struct ruleset handled(const struct op *op, long version)
{
	struct ruleset all = { RIGHT_EXECUTE | RIGHT_WRITE_FILE | RIGHTS_ON_FOLDERS, 0, 0 };
	if (version >= FIRST_WITH_REFER)
		all.on_files |= RIGHT_REFER;
	if (version >= FIRST_WITH_TRUNCATE)
		all.on_files |= RIGHT_TRUNCATE;
	if (version >= FIRST_WITH_PORTS)
		all.on_ports = op_number(op, LANDLOCK_on_ports);
	if (!(op_number(op, LANDLOCK_how) & HOW_STRICT))
		return all;
	if (version >= FIRST_WITH_IOCTL)
		all.on_files |= RIGHT_IOCTL_DEVICE;
	if (version >= FIRST_WITH_SCOPES)
		all.scoped = SCOPES;
	return all;
}

static size_t known_size(long version)
{
	struct ruleset *all;
	if (version >= FIRST_WITH_SCOPES)
		return sizeof(*all);
	return version >= FIRST_WITH_PORTS ? sizeof(all->on_files) + sizeof(all->on_ports) : sizeof(all->on_files);
}

static int allow_writing(int ruleset, const struct launch *launch, const struct op *op, uint64_t on_folder)
{
	size_t length;
	const char *path = op_bytes(&launch->plan, op, LANDLOCK_writable, &length);
	const uint64_t on_file = on_folder & (RIGHT_WRITE_FILE | RIGHT_TRUNCATE | RIGHT_IOCTL_DEVICE);
	for (const char *end = path + length; path < end; path += strlen(path) + 1) {
		int error = allow(ruleset, path, on_folder, on_file);
		if (error && error != -ENOENT)
			return error;
	}
	return 0;
}

static int allow_executing(int ruleset, const struct launch *launch, const struct op *op)
{
	size_t length;
	const char *path = op_bytes(&launch->plan, op, LANDLOCK_executable, &length);
	for (const char *end = path + length; path < end; path += strlen(path) + 1) {
		int error = allow_program(ruleset, path, 0);
		if (error)
			return error;
	}
	if (launch->engine >= 0)
		return allow_engine(ruleset, launch->engine);
	return launch->program[0] ? allow_program(ruleset, launch->program, 0) : -EINVAL;
}

static int allow_ports(int ruleset, const struct launch *launch, const struct op *op)
{
	size_t length;
	struct port port;
	const char *at = op_bytes(&launch->plan, op, LANDLOCK_ports, &length);
	for (; length >= sizeof(port); at += sizeof(port), length -= sizeof(port)) {
		memcpy(&port, at, sizeof(port));
		if (syscall(NR_LANDLOCK_ADD_RULE, ruleset, NET_PORT, &port, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Of files without a name (memfd_create) Landlock knows nothing: they are in no folder, and may be executed. Since Linux 6.3 a PID
   namespace can be told to execute none; for older kernels, and a user who isn't the machine's root, LANDLOCK loads a filter.
   WebAssembly's engine needs them, and executes nothing. */
int op_nameless(struct launch *launch, const struct op *op)
{
	(void)op;
	launch->is_nameless_shut = launch->engine < 0 && write_file(AT_FDCWD, "/proc/sys/vm/memfd_noexec", "2") == 0;
	return 0;
}

static int shut_nameless(const struct launch *launch, const struct op *op)
{
	size_t length;
	const char *filter = op_bytes(&launch->plan, op, LANDLOCK_nameless, &length);
	return launch->is_nameless_shut || launch->engine >= 0 ? 0 : load_filter(filter, length, 0);
}

static int restrict_self(const struct launch *launch, const struct op *op, long version)
{
	const struct ruleset all = handled(op, version);
	CLEANUP_FD int ruleset = (int)syscall(NR_LANDLOCK_CREATE_RULESET, &all, known_size(version), 0);
	if (ruleset < 0)
		return -errno;
	int error = allow_writing(ruleset, launch, op, all.on_files & ~(uint64_t)RIGHT_EXECUTE);
	if (!error)
		error = allow_executing(ruleset, launch, op);
	if (!error && all.on_ports)
		error = allow_ports(ruleset, launch, op);
	if (error)
		return error;
	const int is_logged = version >= FIRST_WITH_LOG && op_number(op, LANDLOCK_how) & HOW_LOGGED;
	return syscall(NR_LANDLOCK_RESTRICT_SELF, ruleset, is_logged ? LOG_NEW_EXEC : 0) < 0 ? -errno : 0;
}

int op_landlock(struct launch *launch, const struct op *op)
{
	int error = shut_nameless(launch, op);
	if (error)
		return error;
	long version = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, VERSION_FLAG);
	/* A strict sandbox has other walls too, and whit has said that this one isn't there. */
	if (version < 0)
		return op_number(op, LANDLOCK_how) & HOW_STRICT && (errno == ENOSYS || errno == EOPNOTSUPP) ? 0 : -errno;
	return restrict_self(launch, op, version);
}
