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
	char unpacked[PROGRAM_SIZE];
	int is_full, is_on_host, is_writable, has_found;
	/* 0: no limit. */
	uint64_t memory, cpu_quota, pids;
};

/* Add bytes, or a text; the reference by which an operation has it. Where there is no room, `is_full` is set. */
uint64_t put_bytes(struct building *building, const char *bytes, size_t length);
uint64_t put_text(struct building *building, const char *text);

/* Add an operation, whose arguments are then set. */
struct op *put_op(struct building *building, uint32_t code, const char *why);

/* Read the limits, and find where this host has its cgroups. Returns 0, or the exit code after it has been said what can't be. */
int read_limits(struct building *building);

/* The cgroups with their limits, how the child enters them (v1), and how the program sees them: as runtime/cgroup.py and mounts.py. */
void put_cgroups(struct building *building);
void put_cgroup_entries(struct building *building);
void put_cgroup_mounts(struct building *building);

#endif
