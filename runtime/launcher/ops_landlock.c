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

enum { HEAD_SIZE = 4096, MAX_LOADED = 5, VERSION_FLAG = 1, PATH_BENEATH = 1, FIRST_WITH_REFER = 2, FIRST_WITH_TRUNCATE = 3 };

#define RIGHT_EXECUTE 0x0001u
#define RIGHT_WRITE_FILE 0x0002u
#define RIGHTS_ON_FOLDERS 0x1ff0u /* to remove and to make files of each kind */
#define RIGHT_REFER 0x2000u
#define RIGHT_TRUNCATE 0x4000u

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
	int error = allow(ruleset, path, 0, RIGHT_EXECUTE);
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

int op_landlock(struct launch *launch, const struct op *op)
{
	long version = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, VERSION_FLAG);
	if (version < 0)
		return -errno;
	uint64_t on_file = RIGHT_WRITE_FILE | (version >= FIRST_WITH_TRUNCATE ? RIGHT_TRUNCATE : 0u);
	uint64_t on_folder = on_file | RIGHTS_ON_FOLDERS | (version >= FIRST_WITH_REFER ? RIGHT_REFER : 0u);
	uint64_t handled = on_folder | RIGHT_EXECUTE;
	CLEANUP_FD int ruleset = (int)syscall(NR_LANDLOCK_CREATE_RULESET, &handled, sizeof(handled), 0);
	if (ruleset < 0)
		return -errno;
	size_t length;
	const char *path = op_bytes(&launch->plan, op, LANDLOCK_writable, &length);
	for (const char *end = path + length; path < end; path += strlen(path) + 1) {
		int error = allow(ruleset, path, on_folder, on_file);
		if (error && error != -ENOENT)
			return error;
	}
	int error = -EINVAL;
	if (launch->engine >= 0)
		error = allow_engine(ruleset, launch->engine);
	else if (launch->program[0])
		error = allow_program(ruleset, launch->program, 0);
	if (error)
		return error;
	return syscall(NR_LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0 ? -errno : 0;
}
