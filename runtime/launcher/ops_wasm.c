/* The WebAssembly engine and the compiled code, both of the host: opened before the container's root hides them, executed by
   descriptor once all is confined. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "launch.h"
#include "mount.h"
#include "util.h"

/* Through a mount of its own that is read-only and attached nowhere: the program's user may own the file, and would else find a
   way to it by /proc/self (CVE-2019-5736). Where no such mount can be made (before Linux 5.12) its mode alone protects it. */
static int open_read_only(const char *path)
{
	static const struct kernel_mount_attr read_only = { .attr_set = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV };
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/');
	if (!name || copy_part(folder, sizeof(folder), path, (size_t)(name - path)))
		return -EINVAL;
	CLEANUP_FD int tree = tree_clone(AT_FDCWD, *folder ? folder : "/", 0);
	int is_ready = tree >= 0 && tree_set(tree, &read_only, 0) == 0;
	int fd = openat(is_ready ? tree : AT_FDCWD, is_ready ? name + 1 : path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int op_open_engine(struct launch *launch, const struct op *op)
{
	launch->engine = open_read_only(op_text(&launch->plan, op, OPEN_ENGINE_engine));
	if (launch->engine < 0)
		return launch->engine;
	launch->code = open_read_only(op_text(&launch->plan, op, OPEN_ENGINE_code));
	if (launch->code < 0)
		return launch->code;
	launch->kept_descriptors = 1;
	return 0;
}
