/* What the container's cgroups say of it: whether the kernel killed something in it for memory, whether it is paused. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { LIST_SIZE = 8192, FILE_SIZE = 1024 };

/* A file of the container's cgroup of a controller, or of v2's only one. The file's length, or -errno. */
static ssize_t read_of(const struct supervisor *supervisor, const char *controller, const char *name, const char *unified_name, char *text)
{
	char list[LIST_SIZE], *rest = list, *line, path[ENGINE_PATH_SIZE] = "";
	size_t at = 0;
	if (append(path, sizeof(path), &at, supervisor->settings.records) || append(path, sizeof(path), &at, "/") ||
	    append(path, sizeof(path), &at, supervisor->settings.id) || append(path, sizeof(path), &at, "/cgroups"))
		return -1;
	ssize_t length = read_file(AT_FDCWD, path, list, sizeof(list));
	while (length > 0 && (line = next_line(&rest))) {
		char *folder = strchr(line, ':');
		if (!folder)
			continue;
		*folder++ = 0;
		int is_unified = strcmp(line, "unified") == 0;
		if (!is_unified && strcmp(line, controller) != 0)
			continue;
		at = 0;
		if (append(path, sizeof(path), &at, folder) || append(path, sizeof(path), &at, "/") ||
		    append(path, sizeof(path), &at, is_unified ? unified_name : name))
			return -1;
		ssize_t got = read_file(AT_FDCWD, path, text, FILE_SIZE);
		if (got >= 0)
			return got;
	}
	return -1;
}

int cgroup_had_oom(const struct supervisor *supervisor)
{
	static const char word[] = "oom_kill ";
	char text[FILE_SIZE], *rest = text, *line;
	uint64_t number = 0;
	if (read_of(supervisor, "memory", "memory.oom_control", "memory.events", text) <= 0)
		return 0;
	while ((line = next_line(&rest)))
		if (strncmp(line, word, sizeof(word) - 1) == 0 && parse_number(line + sizeof(word) - 1, &number) == 0)
			return number > 0;
	return 0;
}

int cgroup_is_frozen(const struct supervisor *supervisor)
{
	char text[FILE_SIZE];
	if (read_of(supervisor, "freezer", "freezer.state", "cgroup.freeze", text) <= 0)
		return 0;
	return strncmp(text, "FROZEN", 6) == 0 || strncmp(text, "FREEZING", 8) == 0 || *text == '1';
}
