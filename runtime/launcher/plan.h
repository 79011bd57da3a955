/* A launch plan in memory: checked once, then trusted. The format is described in runtime/encode.py and docs/plan.md. */
#ifndef WHIT_PLAN_H
#define WHIT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "ops.h"

struct op {
	uint32_t code;
	uint32_t why;
	uint64_t arguments[MAX_ARGUMENTS];
};

struct plan {
	const char *data;
	size_t size;
	const struct op *ops;
	uint32_t count;
};

/* Check that every operation, argument and reference of `data` is within it. 0 or -EINVAL. `data` must be 8-byte aligned. */
int plan_check(struct plan *plan, const char *data, size_t size);

/* Read the whole plan from `fd` into memory of our own and check it. 0 or -errno. */
int plan_load(struct plan *plan, int fd);

/* The same for a supervisor's settings, which are operations of the stage SUPERVISE alone. */
int settings_check(struct plan *plan, const char *data, size_t size);
int settings_load(struct plan *plan, int fd);

/* Valid only on a checked plan, with an argument of the kind that the operation's signature gives. */
uint64_t op_number(const struct op *op, unsigned argument);
const char *op_text(const struct plan *plan, const struct op *op, unsigned argument);
const char *op_bytes(const struct plan *plan, const struct op *op, unsigned argument, size_t *length);

/* The texts of a list as a vector that ends with two NULLs: there is room for one more. In fresh memory that lives as long as
   the process; NULL if there is none left. */
char **op_list(const struct plan *plan, const struct op *op, unsigned argument);

#endif
