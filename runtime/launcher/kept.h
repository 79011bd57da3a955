/* A kept plan of whit-oci: the plan that Python has made for one form, and where in it the holes' texts go. The format is
   described in runtime/oci/kept.py. Nothing here reaches outside of memory. */
#ifndef WHIT_KEPT_H
#define WHIT_KEPT_H

#include <sys/types.h>

#include "form.h"
#include "plan.h"

enum { MAX_KEPT_SIZE = 8 << 20, MAX_FILLINGS = 256, KEPT_SUM_OFFSET = 40 };

/* Which texts a patch is for that isn't an argument of an operation: the container's records, and warnings for the log. */
enum kept_target { TO_STATE = 0xfffffff0u, TO_CGROUPS, TO_POSTSTART, TO_POSTSTOP, TO_WARNING };

/* The fillings that the command line gives; those of the configuration follow from FILL_CONFIG on. */
enum filling { FILL_ID, FILL_BUNDLE, FILL_ROOT, FILL_CONSOLE, FILL_CREATED, FILL_CONFIG = 8 };

struct kept_patch {
	uint32_t target, argument, piece, length;
};

struct kept {
	const char *form, *plan, *pieces;
	size_t form_size, plan_size, pieces_size;
	const struct kept_patch *patches;
	uint32_t patch_count;
};

struct fillings {
	struct hole texts[MAX_FILLINGS];
	unsigned count;
};

/* The sum of a kept plan, as runtime/oci/kept.py has it: damage on the disk may not make a container fail. */
uint64_t kept_sum(const char *data, size_t size);

/* Check its sum, and that all of it is within `data`, which must be 8-byte aligned. 0 or -EINVAL. */
int kept_check(struct kept *kept, const char *data, size_t size);

/* The text of a patch with its holes filled, in `text` if that isn't NULL. Its length, or -EINVAL. */
ssize_t kept_text(const struct kept *kept, const struct kept_patch *patch, const struct fillings *fillings, char *text);

/* The plan with its holes filled, in fresh memory, checked. 0 or -errno. */
int kept_plan(const struct kept *kept, const struct fillings *fillings, struct plan *plan);

#endif
