/* Users of a user namespace mapped by shadow's newuidmap and newgidmap, which may map those that /etc/subuid gives the caller,
   and the owner of a cgroup that is handed to such a user. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "util.h"

enum { FIELDS = 3, FIRST_WORDS = 2, NUMBER_SIZE = 21, NOT_STARTED = 127, DELEGATE_SIZE = 4096, NO_CHANGE = -1 };

extern char **environ;

/* PROGRAM PID INSIDE OUTSIDE SIZE …; each word is in `texts`, NUMBER_SIZE apart. */
static int make_words(char **words, char *texts, pid_t child, const char *packed, size_t fields)
{
	for (size_t i = 0; i <= fields; i++) {
		uint32_t number = (uint32_t)child;
		size_t at = 0;
		if (i > 0)
			memcpy(&number, packed + (i - 1) * sizeof(number), sizeof(number));
		words[i + 1] = texts + i * NUMBER_SIZE;
		int error = append_number(words[i + 1], NUMBER_SIZE, &at, number);
		if (error)
			return error;
	}
	return 0;
}

static int run_mapper(const char *program, char **words)
{
	pid_t mapper = fork();
	if (mapper == 0) {
		reset_signals();
		execve(program, words, environ);
		_exit(NOT_STARTED);
	}
	if (mapper < 0)
		return -errno;
	int status = wait_for(mapper);
	if (status < 0)
		return status;
	/* It has said itself, on standard error, which range isn't the caller's. */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

int map_ids_by(const char *program, pid_t child, const char *packed, size_t length)
{
	size_t fields = length / sizeof(uint32_t);
	if (length == 0 || length % (FIELDS * sizeof(uint32_t)))
		return -EINVAL;
	char **words = calloc(fields + FIRST_WORDS + 1, sizeof(*words));
	char *texts = calloc(fields + 1, NUMBER_SIZE);
	int error = words && texts ? make_words(words, texts, child, packed, fields) : -ENOMEM;
	if (!error) {
		/* execve's signature lacks the const. */
		words[0] = (char *)(uintptr_t)program;
		error = run_mapper(program, words);
	}
	free(words);
	free(texts);
	return error;
}

int op_map_helped(struct launch *launch, const struct op *op)
{
	return ask_parent(launch, op);
}

int parent_map_helped(struct launch *launch, const struct op *op)
{
	size_t uids_length, gids_length;
	const char *uids = op_bytes(&launch->plan, op, MAP_HELPED_uids, &uids_length);
	const char *gids = op_bytes(&launch->plan, op, MAP_HELPED_gids, &gids_length);
	int error = map_ids_by(op_text(&launch->plan, op, MAP_HELPED_newgidmap), launch->child, gids, gids_length);
	return error ? error : map_ids_by(op_text(&launch->plan, op, MAP_HELPED_newuidmap), launch->child, uids, uids_length);
}

/* cgroups(7), "Cgroups delegation": the cgroup itself and the files that the kernel lists, as far as they are there. */
int op_cgroup_owner(struct launch *launch, const struct op *op)
{
	char files[DELEGATE_SIZE];
	uint64_t index = op_number(op, CGROUP_OWNER_cgroup);
	uid_t owner = (uid_t)op_number(op, CGROUP_OWNER_uid);
	if (index >= launch->cgroup_count)
		return -EINVAL;
	int directory = launch->cgroups[index].directory;
	if (fchownat(directory, ".", owner, (gid_t)NO_CHANGE, 0) < 0)
		return -errno;
	if (read_file(AT_FDCWD, "/sys/kernel/cgroup/delegate", files, sizeof(files)) <= 0)
		strcpy(files, "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
	char *rest = files, *file;
	while ((file = next_line(&rest)))
		if (fchownat(directory, file, owner, (gid_t)NO_CHANGE, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}
