/* Operations that take rights away, in the order in which runtime/plan.py puts them; none gives any back. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { LAST_CAPABILITY = 63, FILTER_MODE = 1, INSTRUCTION_SIZE = 8, MAX_INSTRUCTIONS = 4096 };

int op_set_rlimit(struct launch *launch, const struct op *op)
{
	(void)launch;
	struct rlimit limit = { op_number(op, SET_RLIMIT_soft), op_number(op, SET_RLIMIT_hard) };
	return syscall(SYS_prlimit64, 0, (int)op_number(op, SET_RLIMIT_resource), &limit, NULL) < 0 ? -errno : 0;
}

int op_drop_bounding(struct launch *launch, const struct op *op)
{
	(void)launch;
	uint64_t keep = op_number(op, DROP_BOUNDING_keep);
	for (unsigned capability = 0; capability <= LAST_CAPABILITY; capability++) {
		if (keep >> capability & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			/* EINVAL: the kernel knows no capability of this number, nor a higher one. */
			return errno == EINVAL && capability > 0 ? 0 : -errno;
	}
	return 0;
}

int op_set_ids(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *packed = op_bytes(&launch->plan, op, SET_IDS_groups, &length);
	if (length % sizeof(gid_t))
		return -EINVAL;
	gid_t gid = (gid_t)op_number(op, SET_IDS_gid);
	uid_t uid = (uid_t)op_number(op, SET_IDS_uid);
	/* The raw calls: a libc's own would signal threads that aren't there. */
	if (op_number(op, SET_IDS_set_groups) && syscall(SYS_setgroups, length / sizeof(gid_t), packed) < 0)
		return -errno;
	/* The capabilities are set right after this, by SET_CAPABILITIES; until then they must not vanish. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int raise_ambient(uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	for (unsigned capability = 0; capability <= LAST_CAPABILITY; capability++)
		if (ambient >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return -errno;
	return 0;
}

int op_set_capabilities(struct launch *launch, const struct op *op)
{
	(void)launch;
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	uint64_t effective = op_number(op, SET_CAPABILITIES_effective), permitted = op_number(op, SET_CAPABILITIES_permitted);
	uint64_t inheritable = op_number(op, SET_CAPABILITIES_inheritable);
	struct kernel_cap_data data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	return raise_ambient(op_number(op, SET_CAPABILITIES_ambient));
}

int op_no_new_privileges(struct launch *launch, const struct op *op)
{
	(void)launch;
	(void)op;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int load_filter(const char *program, size_t length, unsigned flags)
{
	if (length == 0 || length % INSTRUCTION_SIZE || length / INSTRUCTION_SIZE > MAX_INSTRUCTIONS)
		return -EINVAL;
	struct kernel_sock_fprog fprog = { .length = (unsigned short)(length / INSTRUCTION_SIZE), .filter = program };
	long result = syscall(SYS_seccomp, FILTER_MODE, flags, &fprog);
	return result < 0 ? -errno : (int)result;
}

int op_seccomp(struct launch *launch, const struct op *op)
{
	size_t length;
	const char *program = op_bytes(&launch->plan, op, SECCOMP_program, &length);
	return load_filter(program, length, 0);
}
