/* What a cached plan depends on. */
#ifndef WHIT_GUARDS_H
#define WHIT_GUARDS_H

#include "plan.h"

/* Whether the plan belongs to this command line (`arguments` without the program's name), and all that it was made from
   is still as it was. `plans` is the open folder that the plan was found in, `self` the path of the
   running launcher. */
int guards_hold(const struct plan *plan, char *const *arguments, int plans, const char *self);

/* Whether the files that it was made from are as they were; of other guards it knows nothing. */
int files_hold(const struct plan *plan);

#endif
