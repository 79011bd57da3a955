/* A plan of a bundle's in the making. */
#ifndef WHIT_BUNDLE_PLAN_H
#define WHIT_BUNDLE_PLAN_H

#include "bundle.h"
#include "launch.h"

/* `data` begins with the plan that Python made, `from`; texts are added behind it, and operations to `ops`. */
struct building {
	const struct bundle *bundle;
	const struct wishes *wishes;
	struct cgroup_layout *layout;
	struct plan from;
	char *data;
	size_t room, at, list;
	struct op *ops;
	uint32_t count;
	struct kept kept;
	int is_full, is_on_host, is_writable, has_found;
	/* 0: no limit. */
	uint64_t memory, cpu_quota, pids;
};

/* Add bytes, or a text; the reference by which an operation has it. Where there is no room, `is_full` is set. */
uint64_t put_bytes(struct building *building, const char *bytes, size_t length);
uint64_t put_text(struct building *building, const char *text);

/* A list of words, which grows in place at the end of what is taken; the reference by which an operation has it. */
void begin_list(struct building *building);
void add_word(struct building *building, const char *word);
uint64_t end_list(struct building *building);

/* Add an operation, whose arguments are then set. */
struct op *put_op(struct building *building, uint32_t code, const char *why);

/* Whether the plan is that of --sandbox strict; and whether what is asked for goes with it. 0, or the exit code after it has been said
   what can't be; what this kernel lacks is said, too. */
int is_strict(const struct building *building);
int check_sandbox(const struct building *building);

/* Let the program write to volumes. */
void put_landlock(struct building *building, struct op *op);

/* Read the limits, and find where this host has its cgroups. Returns 0, or the exit code after it has been said what can't be. */
int read_limits(struct building *building);

/* Whether the memory is enough for the files, where they are in it. Returns 0, or the exit code. */
int check_memory(const struct building *building);

/* The cgroups with their limits, how the child enters them (v1), and how the program sees them: as runtime/cgroup.py and mounts.py. */
void put_cgroups(struct building *building);
void put_cgroup_entries(struct building *building);
void put_cgroup_mounts(struct building *building);

#endif
