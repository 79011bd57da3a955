/* A bundle that its maker has put into a sandbox (--sandbox strict, --landlock): nothing that is asked for as it starts undoes it,
   and what this kernel lacks of it is said. Its rules are in the plan; volumes are added to them here. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle_plan.h"
#include "kernel.h"
#include "util.h"

enum { STRICT = 1, VERSION_FLAG = 1, MESSAGE_SIZE = 512 };

/* As runtime/landlocking.py has them. */
static const struct {
	long since;
	int is_strict;
	const char *what;
} versions[] = {
	{ 3, 0, "truncating (Linux 6.2)" },
	{ 4, 1, "TCP ports (6.7)" },
	{ 5, 1, "ioctl of devices (6.10)" },
	{ 6, 1, "abstract sockets and signals (6.12)" },
};

static const struct op *landlock_of(const struct building *building)
{
	for (uint32_t i = 0; i < building->from.count; i++)
		if (building->from.ops[i].code == OP_LANDLOCK)
			return &building->from.ops[i];
	return NULL;
}

int is_strict(const struct building *building)
{
	const struct op *op = landlock_of(building);
	return op && op_number(op, LANDLOCK_how) & STRICT;
}

static int is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return strncmp(path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
}

/* A start without Landlock fails where nothing but --landlock was asked for, and says so itself. */
static void warn_of_kernel(int strict)
{
	char message[MESSAGE_SIZE] = "warning: the sandbox of this bundle: ";
	const char *between = "this kernel's Landlock knows nothing of ";
	size_t at = strlen(message), before = at;
	long version = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, VERSION_FLAG);
	if (version < 0 && strict)
		append(message, sizeof(message), &at, "this kernel has no Landlock (Linux 5.13), or was started without");
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions) && version > 0; i++) {
		if (version >= versions[i].since || (versions[i].is_strict && !strict))
			continue;
		append(message, sizeof(message), &at, between);
		append(message, sizeof(message), &at, versions[i].what);
		between = ", ";
	}
	if (at > before)
		complain(message, "its other walls stand");
}

int check_sandbox(const struct building *building)
{
	const struct wishes *wishes = building->wishes;
	const int strict = is_strict(building);
	const struct op *exec = &building->from.ops[building->from.count - 1];
	const char *program = op_text(&building->from, exec, EXEC_path);
	struct volume volume;
	if (strict && building->is_writable)
		return bundle_complain("leave it out: nothing but memory and volumes is written in it", "this bundle is in a strict sandbox, and can't be --whit-writable", NULL);
	for (unsigned i = 0; i < wishes->volume_count && strict; i++)
		if (parse_volume(wishes->volumes[i], &volume) == 0 && is_below(program, volume.target))
			return bundle_complain("mount it elsewhere", "this bundle is in a strict sandbox: ", program, " is in what is mounted on ", volume.target, ", of which nothing is executed", NULL);
	if (landlock_of(building))
		warn_of_kernel(strict);
	return 0;
}

/* Where something of the person's is mounted, the program may write. */
void put_landlock(struct building *building, struct op *op)
{
	size_t length;
	const char *path = op_bytes(&building->from, op, LANDLOCK_writable, &length), *end = path + length;
	struct volume volume;
	begin_list(building);
	for (; path < end; path += strlen(path) + 1)
		add_word(building, path);
	for (unsigned i = 0; i < building->wishes->volume_count; i++)
		if (parse_volume(building->wishes->volumes[i], &volume) == 0 && !volume.is_read_only)
			add_word(building, volume.target);
	op->arguments[LANDLOCK_writable] = end_list(building);
}
