/* Where containers' cgroups are made, found as runtime/host.py finds it, for a bundle that has no Python. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "util.h"

enum { TEXT_SIZE = 1 << 20, PATH_SIZE = 4096 };

static const char *const controllers[CGROUP_V1_COUNT] = { "memory", "cpu", "pids" };

/* A word of a list that has commas between. */
static int has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ',' || at[-1] == ' ') && (!at[length] || at[length] == ',' || at[length] == ' ' || at[length] == '\n'))
			return 1;
	return 0;
}

/* One line of proc_pid_mountinfo(5): the fifth field is the mount point; behind " - " stand type, source and options. */
static void read_mount(char *line, struct cgroup_layout *layout, char *unified)
{
	char *system = strstr(line, " - cgroup"), *point = line;
	if (!system)
		return;
	*system = 0;
	for (int i = 0; i < 4 && point; i++)
		point = (point = strchr(point, ' ')) ? point + 1 : NULL;
	if (!point)
		return;
	size_t length = strcspn(point, " ");
	const char *options = strrchr(system + 1, ' ');
	if (strncmp(system + 1, "- cgroup2 ", strlen("- cgroup2 ")) == 0) {
		if (!*unified)
			copy_part(unified, PATH_SIZE, point, length);
		return;
	}
	for (int i = 0; i < CGROUP_V1_COUNT && options; i++)
		if (has_word(options + 1, controllers[i])) {
			layout->version = 1;
			copy_part(layout->parents[i], PATH_SIZE, point, length);
		}
}

static void refuse(struct cgroup_layout *layout, const char *path, const char *why)
{
	size_t at = 0;
	layout->version = 0;
	if (append(layout->why, sizeof(layout->why), &at, path) == 0)
		append(layout->why, sizeof(layout->why), &at, why);
}

/* Whit's own folder in a hierarchy, below which every container has its cgroup. */
static int make_folder(struct cgroup_layout *layout, char *path)
{
	size_t at = strlen(path);
	if (append(path, PATH_SIZE, &at, "/whit"))
		return -ENAMETOOLONG;
	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		refuse(layout, path, errno == EROFS ? " can't be made: the file system is read-only" : " can't be made: permission denied");
		return -errno;
	}
	if (access(path, W_OK) < 0) {
		refuse(layout, path, " isn't yours to write");
		return -EACCES;
	}
	return 0;
}

static int exists_in(const char *folder, const char *name)
{
	char path[PATH_SIZE] = "";
	size_t at = 0;
	return append(path, sizeof(path), &at, folder) == 0 && append(path, sizeof(path), &at, name) == 0 && access(path, F_OK) == 0;
}

static void find_v1(struct cgroup_layout *layout)
{
	for (int i = 0; i < CGROUP_V1_COUNT; i++)
		if (layout->parents[i][0] && make_folder(layout, layout->parents[i]))
			return;
	layout->has_swap = layout->parents[0][0] && exists_in(layout->parents[0], "/memory.memsw.limit_in_bytes");
}

/* Hand the controllers down to a folder's children; 0 where the kernel, or a process in it, forbids that. */
static int enable(const char *path)
{
	char text[PATH_SIZE];
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), is_enabled = 0;
	if (folder >= 0 && read_file(folder, "cgroup.subtree_control", text, sizeof(text)) >= 0) {
		is_enabled = has_word(text, "memory") && has_word(text, "cpu") && has_word(text, "pids");
		is_enabled = is_enabled || write_file(folder, "cgroup.subtree_control", "+memory +cpu +pids") == 0;
	}
	close_fd(&folder);
	return is_enabled;
}

/* Root's containers live below the hierarchy's root, a user's beside the user's own cgroup, which was delegated. */
static void find_v2(struct cgroup_layout *layout, char *base, char *own)
{
	size_t at = strlen(base);
	if (!is_privileged()) {
		char *slash = strrchr(own, '/');
		if (slash)
			*slash = 0;
		append(base, PATH_SIZE, &at, own);
	}
	layout->version = 2;
	if (!enable(base)) {
		refuse(layout, base, " hands no controllers down");
		return;
	}
	if (copy_part(layout->parents[0], PATH_SIZE, base, strlen(base)) || make_folder(layout, layout->parents[0]))
		return;
	if (!enable(layout->parents[0]))
		refuse(layout, layout->parents[0], " hands no controllers down");
	layout->has_swap = exists_in(layout->parents[0], "/memory.swap.max");
}

/* The line "0::/…" of /proc/self/cgroup (cgroups(7)). */
static void find_own(char *text, char *own)
{
	char *line;
	ssize_t length = read_file(AT_FDCWD, "/proc/self/cgroup", text, TEXT_SIZE);
	*own = 0;
	while (length > 0 && (line = next_line(&text)))
		if (strncmp(line, "0::", 3) == 0)
			copy_part(own, PATH_SIZE, line + 3, strlen(line + 3));
}

void cgroup_layout_find(struct cgroup_layout *layout)
{
	char unified[PATH_SIZE] = "", own[PATH_SIZE] = "", *line, *rest;
	*layout = (struct cgroup_layout){ .version = 0 };
	char *text = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED || read_file(AT_FDCWD, "/proc/self/mountinfo", text, TEXT_SIZE) < 0) {
		refuse(layout, "/proc/self/mountinfo", " can't be read");
		return;
	}
	rest = text;
	while ((line = next_line(&rest)))
		read_mount(line, layout, unified);
	find_own(text, own);
	munmap(text, TEXT_SIZE);
	if (layout->version)
		find_v1(layout);
	else if (*unified)
		find_v2(layout, unified, own);
	else
		refuse(layout, "no cgroup file system", " is mounted");
}
