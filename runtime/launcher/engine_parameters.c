/* Kernel parameters of the container's network (net.*): whit-oci finds the network made already, and sets the others. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

#define NETWORK "net/"

/* What another container has may be the host's, too. */
static int is_own(const struct supervisor *supervisor)
{
	struct stat ours, hosts;
	if (stat("/proc/self/ns/net", &ours) < 0 || fstat(supervisor->host_network, &hosts) < 0)
		return 0;
	return ours.st_ino != hosts.st_ino || ours.st_dev != hosts.st_dev;
}

static int set(int folder, const char *file, const char *value)
{
	/* Below net/ the kernel shows each process its own network's; nothing else is to be written from here. */
	if (strncmp(file, NETWORK, strlen(NETWORK)) != 0 || strstr(file, ".."))
		return -EINVAL;
	CLEANUP_FD int fd = openat(folder, file, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	/* One write: the kernel takes each as a whole value. */
	size_t length = strlen(value);
	ssize_t done = write(fd, value, length);
	if (done < 0)
		return -errno;
	return (size_t)done == length ? 0 : -EINVAL;
}

const char *parameters_set(const struct supervisor *supervisor, int *error)
{
	static char words[WORDS_SIZE];
	char **files = supervisor->settings.parameters, **values = supervisor->settings.parameter_values;
	*error = 0;
	if (!files)
		return NULL;
	if (!is_own(supervisor)) {
		*error = -EPERM;
		return "the network whose parameters are to be set is the host's\nhint: leave out --sysctl net.*, or give the container a network of its own";
	}
	CLEANUP_FD int folder = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*error = folder < 0 ? -errno : 0;
	for (; !*error && *files && *values; files++, values++) {
		size_t at = 0;
		append(words, sizeof(words), &at, "can't set the kernel parameter ");
		append(words, sizeof(words), &at, *files);
		*error = set(folder, *files, *values);
	}
	return *error ? words : NULL;
}
