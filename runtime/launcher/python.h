/* The other half of whit: the Python that compiles plans and does everything else. */
#ifndef WHIT_PYTHON_H
#define WHIT_PYTHON_H

#include <stddef.h>

/* Where this program's file is; from `name` (argv[0]) when it runs from a sealed copy, see op_seal_self(). */
void python_locate(char *self, size_t size, const char *name);

/* Whether this program is called by the name of the OCI runtime. */
int is_oci(const char *self);

/* Become Python with the arguments after argv[0]. On failure says so and exits with 125. */
_Noreturn void python_run(const char *self, char *const *argv);

/* Python with these arguments in a process of its own, to its end. Whether it ended with 0. */
int python_ran(const char *self, const char *const *argv);

#endif
