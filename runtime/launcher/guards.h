/* What a cached plan depends on. */
#ifndef WHIT_GUARDS_H
#define WHIT_GUARDS_H

#include "plan.h"

/* Whether the plan belongs to this command line (`arguments` without the program's name), and all that it was made from
   is still as it was. */
int guards_hold(const struct plan *plan, char *const *arguments);

#endif
