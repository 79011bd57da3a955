/* Being a bundle: from its own file to a launch. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bundle.h"
#include "kernel.h"
#include "launch.h"
#include "util.h"

enum { PATH_SIZE = 4096, SYS_ADMIN_BIT = 21 };

extern char **environ;

int is_privileged(void)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	return geteuid() == 0 && syscall(SYS_capget, &header, data) == 0 && data[0].effective >> SYS_ADMIN_BIT & 1;
}

/* By the file's set-user-ID or set-group-ID bit, or its capabilities. */
static int has_others_rights(void)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	if (getuid() != geteuid() || getgid() != getegid())
		return 1;
	/* Of capabilities alone: security modules ask for the same care where a service is started. */
	return getauxval(AT_SECURE) && geteuid() != 0 && syscall(SYS_capget, &header, data) == 0 && (data[0].permitted | data[1].permitted);
}

/* Which user of the host's the program will be: only that one's files it could write, given a way to them. */
static uid_t user_outside(const struct bundle *bundle)
{
	struct plan plan;
	if (!is_privileged())
		return geteuid();
	if (plan_check(&plan, bundle->data + bundle->head->plans_at[0], bundle->head->plans_size[0]))
		return 0;
	for (uint32_t i = 0; i < plan.count; i++)
		if (plan.ops[i].code == OP_SET_IDS)
			return (uid_t)op_number(&plan.ops[i], SET_IDS_uid);
	return 0;
}

static int may_be_written(const struct bundle *bundle)
{
	struct stat status;
	uid_t user = user_outside(bundle);
	return fstat(bundle->fd, &status) < 0 || user == 0 || user == status.st_uid || status.st_mode & (S_IWGRP | S_IWOTH);
}

/* The launcher alone, in memory that nobody can write, with the bundle as an open descriptor: as SEAL_SELF does it, without the
   image's files. */
static int make_copy(const struct bundle *bundle, int inherited)
{
	size_t size = (size_t)bundle->mark.launcher_size;
	struct bundle_mark mark = bundle->mark;
	if (mark.mark_at > size || sizeof(mark) > size - mark.mark_at)
		return -EBADMSG;
	mark.descriptor = (uint64_t)inherited + 1;
	CLEANUP_FD int copy = sealable_file();
	if (copy < 0)
		return copy;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, bundle->fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	memcpy(bytes + mark.mark_at, &mark, sizeof(mark));
	int error = write_all(copy, bytes, size);
	munmap(bytes, size);
	error = error ? error : seal_program(copy);
	return error ? error : steal_fd(&copy);
}

/* Returns only if it failed. */
static int begin_sealed(const struct bundle *bundle, char **argv)
{
	CLEANUP_FD int inherited = fcntl(bundle->fd, F_DUPFD, STDERR_FILENO + 1);
	if (inherited < 0)
		return -errno;
	CLEANUP_FD int copy = make_copy(bundle, inherited);
	if (copy < 0)
		return copy;
	syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}

static int start(const struct bundle *bundle, const struct wishes *wishes, char **argv)
{
	char self[PATH_SIZE] = "";
	struct launch launch;
	launch_new(&launch, argv, self);
	launch.bundle = bundle;
	int code = bundle_plan(bundle, wishes, &launch);
	if (code)
		return code;
	code = launch_run(&launch);
	return code < 0 ? bundle_explain(&launch) : code;
}

int bundle_main(int argc, char **argv, const struct bundle_mark *mark)
{
	struct bundle bundle;
	struct wishes wishes;
	uint64_t sum;
	if (argc < 1)
		return bundle_complain(NULL, "a program is given at least its name", NULL);
	/* Volumes, networks and limits are asked for by whoever starts it, and would be had by the rights of somebody else. */
	if (has_others_rights())
		return bundle_complain("take its set-user-ID bit, or its file capabilities, away", "a bundle is started by nobody else's rights", NULL);
	int error = bundle_open(&bundle, mark);
	if (error)
		return bundle_damaged(error, "the list of what is in it");
	int code = bundle_wishes(&bundle, argv, &wishes);
	if (code)
		return code;
	if (wishes.help)
		return bundle_help();
	if (wishes.inspect)
		return bundle_inspect(&bundle, wishes.json);
	if (wishes.verify)
		return bundle_verify(&bundle);
	if (!mark->descriptor) {
		error = bundle_sum_launcher(&bundle, &sum);
		if (error || sum != mark->launcher_sum)
			return bundle_damaged(error ? error : -EBADMSG, "the launcher");
		error = may_be_written(&bundle) ? begin_sealed(&bundle, argv) : 0;
		if (error)
			return bundle_complain(NULL, "can't put the launcher out of the container's reach: ", strerror(-error), NULL);
	}
	return start(&bundle, &wishes, argv);
}
