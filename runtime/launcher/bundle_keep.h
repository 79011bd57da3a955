/* What is kept of bundles in a folder: FOLDER/NAME/root has one's files, FOLDER/NAME/of leads to the bundle. */
#ifndef WHIT_BUNDLE_KEEP_H
#define WHIT_BUNDLE_KEEP_H

#include <sys/stat.h>

#include "bundle.h"

/* A name tells one state of the bundle's file: device, inode, size, times; in the caller's own folders also since which boot. */
enum { KEPT_NAME_SIZE = 224, LINK_SIZE = 4096, FILE_NUMBERS = 7, BOOT_NUMBERS = 2 };

/* What was killed before it had its name: this, a number, a dash, and the name. */
#define UNFINISHED ".tmp-"

/* Since which boot of the machine a file is there, as two numbers; NULL stands for any. 0 or -errno. */
int current_boot(uint64_t *boot);

/* The name of what is kept of a file. 0 or -errno. */
int kept_name(char *name, const struct stat *file, const uint64_t *boot);

/* A name for what isn't whole yet, or not any more. 0 or -errno. */
int unfinished_name(char *text, size_t size, const char *name);

/* Remove what was left unfinished and nobody is at work in; with a boot, also what is of an earlier one, or of a bundle that is gone or is
   another one by now, unless something runs from it. */
void remove_stale(int folder, const uint64_t *boot);

#endif
