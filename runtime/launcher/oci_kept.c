/* create and run without Python, where Python has made the plan of a container of the same form before: form.h and kept.h.

   A form begins with all that a plan depends on beside config.json: the launcher's file, the kernel and its boot, who calls with
   which rights, the cgroups, the options. It is compared byte by byte with the one that the plan was made for. Whatever is unusual
   goes to Python, and so does a form without a kept plan: then Python is told the form, and where it may keep the plan. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guards.h"
#include "kept.h"
#include "launch.h"
#include "oci.h"
#include "python.h"
#include "util.h"

enum { FORM_ROOM = 4 << 20, MAX_CONFIG = 1 << 20, NUMBER_SIZE = 24, TIME_SIZE = 40 };

/* One create or run. `form` and `config` are in memory that lives as long as the process. */
struct wish {
	const char *mode, *bundle_given, *pid_file, *console;
	char bundle[OCI_PATH_SIZE], folder[OCI_PATH_SIZE], kept_path[OCI_PATH_SIZE], created[TIME_SIZE];
	const char *config;
	size_t config_size;
	struct form form;
	struct fillings fillings;
};

static char *memory(size_t size)
{
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return data == MAP_FAILED ? NULL : data;
}

/* `--name VALUE`, `--name=VALUE` or its short form. 1 if the word is that option; `word` is left at its last word. */
static int option(char ***word, const char *name, const char *letter, const char **value)
{
	size_t length = strlen(name);
	if (strncmp(**word, name, length) == 0 && (**word)[length] == '=') {
		*value = **word + length + 1;
		return 1;
	}
	if (strcmp(**word, name) != 0 && (!letter || strcmp(**word, letter) != 0))
		return 0;
	if (!(*word)[1])
		return 0;
	*value = *++*word;
	return 1;
}

/* 0, or -1 for a command line that Python had better look at. */
static int read_words(struct wish *wish, struct oci_call *call, const char *verb, char **words)
{
	int runs = strcmp(verb, "run") == 0;
	wish->mode = verb;
	wish->bundle_given = ".";
	wish->pid_file = wish->console = "";
	for (; *words && **words == '-'; words++) {
		if (option(&words, "--bundle", "-b", &wish->bundle_given) || option(&words, "--pid-file", NULL, &wish->pid_file) ||
		    option(&words, "--console-socket", NULL, &wish->console))
			continue;
		if (!runs || (strcmp(*words, "--detach") != 0 && strcmp(*words, "-d") != 0))
			return -1;
		wish->mode = "run-detached";
	}
	call->container = *words;
	return *words && !words[1] && oci_is_name(*words) ? 0 : -1;
}

/* 0 if each of the paths is absolute and normal, so that it is the same for Python and for the kernel, and needs no escape. */
static int check_paths(struct wish *wish, const struct oci_call *call)
{
	size_t at = 0;
	const char *const paths[] = { wish->pid_file, wish->console, call->log ? call->log : "", call->root, wish->bundle };
	if (strcmp(wish->bundle_given, ".") == 0) {
		if (!getcwd(wish->bundle, sizeof(wish->bundle)))
			return -1;
	} else if (append(wish->bundle, sizeof(wish->bundle), &at, wish->bundle_given)) {
		return -1;
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (*paths[i] && !is_normal_path(paths[i], strlen(paths[i])))
			return -1;
	return *wish->bundle ? 0 : -1;
}

static int read_config(struct wish *wish)
{
	struct stat status;
	CLEANUP_FD int directory = open(wish->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int file = directory < 0 ? -1 : openat(directory, "config.json", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > MAX_CONFIG)
		return -1;
	char *text = memory((size_t)status.st_size);
	if (!text || read(file, text, (size_t)status.st_size) != (ssize_t)status.st_size)
		return -1;
	wish->config = text;
	wish->config_size = (size_t)status.st_size;
	return 0;
}

static int make_form(struct wish *wish, const char *self)
{
	struct form *form = &wish->form;
	const char *parts[] = { wish->mode, *wish->console ? " --console-socket\n" : "\n" };
	form->text = memory(FORM_ROOM);
	form->room = FORM_ROOM;
	if (!form->text)
		return -ENOMEM;
	int error = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		error = error ? error : form_add(form, parts[i], strlen(parts[i]));
	error = error ? error : form_add_host(form, self);
	error = error ? error : form_add(form, "", 1);
	return error ? error : form_add_config(form, wish->config, wish->config_size);
}

static int is_ours(int fd, mode_t type)
{
	struct stat status;
	return fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type && status.st_uid == geteuid() &&
	       !(status.st_mode & (S_IWGRP | S_IWOTH));
}

/* FNV-1a. It only names the file: the form in it is compared. */
static uint64_t hash(const struct form *form)
{
	uint64_t value = 0xcbf29ce484222325u;
	for (size_t i = 0; i < form->size; i++)
		value = (value ^ (unsigned char)form->text[i]) * 0x100000001b3u;
	return value;
}

/* ROOT/@plans/HASH: no container can be called so. */
static int name_kept(struct wish *wish, const struct oci_call *call)
{
	size_t at = 0, folder = 0;
	int error = append(wish->kept_path, OCI_PATH_SIZE, &at, call->root) || append(wish->kept_path, OCI_PATH_SIZE, &at, "/@plans/") ||
		    append_number(wish->kept_path, OCI_PATH_SIZE, &at, hash(&wish->form));
	return error || append(wish->folder, OCI_PATH_SIZE, &folder, call->root) || append(wish->folder, OCI_PATH_SIZE, &folder, "/") ||
	       append(wish->folder, OCI_PATH_SIZE, &folder, call->container);
}

static int load_kept(const struct wish *wish, const struct oci_call *call, struct kept *kept)
{
	struct stat status;
	CLEANUP_FD int root = open(call->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int plans = root < 0 ? -1 : openat(root, "@plans", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!is_ours(root, S_IFDIR) || !is_ours(plans, S_IFDIR))
		return -1;
	CLEANUP_FD int file = openat(plans, strrchr(wish->kept_path, '/') + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (!is_ours(file, S_IFREG) || fstat(file, &status) < 0 || status.st_size <= 0 || status.st_size > MAX_KEPT_SIZE)
		return -1;
	char *data = memory((size_t)status.st_size);
	if (!data || read(file, data, (size_t)status.st_size) != (ssize_t)status.st_size)
		return -1;
	if (kept_check(kept, data, (size_t)status.st_size) || kept->form_size != wish->form.size ||
	    memcmp(kept->form, wish->form.text, wish->form.size) != 0)
		return -1;
	return 0;
}

static void fill(struct fillings *fillings, enum filling index, const char *text)
{
	fillings->texts[index] = (struct hole){ text, strlen(text) };
}

/* The same texts as in Python's form of the plan: paths without the slash that they begin with. */
static void gather(struct wish *wish, const struct oci_call *call)
{
	struct fillings *fillings = &wish->fillings;
	struct timespec now;
	struct tm parts;
	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &parts)) {
		size_t at = strftime(wish->created, sizeof(wish->created), "%Y-%m-%dT%H:%M:%S", &parts);
		snprintf(wish->created + at, sizeof(wish->created) - at, ".%09ldZ", now.tv_nsec);
	}
	fill(fillings, FILL_ID, call->container);
	fill(fillings, FILL_BUNDLE, wish->bundle + 1);
	fill(fillings, FILL_ROOT, call->root + 1);
	fill(fillings, FILL_CONSOLE, *wish->console ? wish->console + 1 : "");
	fill(fillings, FILL_CREATED, wish->created);
	memcpy(fillings->texts + FILL_CONFIG, wish->form.holes, wish->form.count * sizeof(struct hole));
	fillings->count = FILL_CONFIG + wish->form.count;
}

static int write_record(int folder, const char *name, const char *data, size_t length)
{
	CLEANUP_FD int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return file < 0 ? -errno : write_all(file, data, length);
}

static int write_patch(const struct oci_call *call, const struct wish *wish, const struct kept *kept, const struct kept_patch *patch, int folder)
{
	static const char *const names[] = { "state.json", "cgroups", "poststart", "poststop" };
	ssize_t length = kept_text(kept, patch, &wish->fillings, NULL);
	char *text = length < 0 ? NULL : memory((size_t)length + 1);
	if (!text)
		return -EINVAL;
	kept_text(kept, patch, &wish->fillings, text);
	if (patch->target == TO_WARNING) {
		if (call->log && *call->log)
			oci_warn(call, text);
		return 0;
	}
	return patch->target < TO_WARNING ? write_record(folder, names[patch->target - TO_STATE], text, (size_t)length) : -EINVAL;
}

static int write_records(const struct oci_call *call, const struct wish *wish, const struct kept *kept, const struct plan *plan, int folder)
{
	int error = write_record(folder, "plan", plan->data, plan->size);
	error = error ? error : write_record(folder, "config.json", wish->config, wish->config_size);
	for (uint32_t i = 0; !error && i < kept->patch_count; i++)
		if (kept->patches[i].target >= TO_STATE)
			error = write_patch(call, wish, kept, &kept->patches[i], folder);
	if (!error && strcmp(wish->mode, "create") == 0 && mkfifoat(folder, "start", 0600) < 0)
		error = -errno;
	return error;
}

static int execute(struct oci_call *call, struct wish *wish, struct launch *launch)
{
	char name[] = "whit-oci", verb[] = "_launch", plan[OCI_PATH_SIZE] = "";
	size_t at = 0;
	if (append(plan, sizeof(plan), &at, wish->folder) || append(plan, sizeof(plan), &at, "/plan") || chdir(wish->bundle) < 0)
		return -1;
	const char *const words[] = { name, verb, wish->mode, wish->folder, wish->pid_file, plan, call->log ? call->log : "", call->log_format ? call->log_format : "text", NULL };
	launch->kept_path = wish->kept_path;
	return oci_execute(launch, (char **)(uintptr_t)words);
}

/* The container by its plan. The exit code, or -1: Python must do it. */
static int make(struct oci_call *call, struct wish *wish, const struct kept *kept, struct launch *launch)
{
	CLEANUP_FD int root = open(call->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, call->container, 0711) < 0)
		return -1;
	CLEANUP_FD int folder = openat(root, call->container, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -1;
	if (write_records(call, wish, kept, &launch->plan, folder)) {
		oci_remove_folder(root, call->container, folder);
		return -1;
	}
	return execute(call, wish, launch);
}

/* Python, told the form of what it is to make, and where the plan may be kept. Returns if it can't be told. */
static void python_with_form(const struct oci_call *call, const struct wish *wish)
{
	char number[NUMBER_SIZE] = "", verb[] = "_form";
	size_t at = 0, count = 0;
	int form = (int)syscall(SYS_memfd_create, "whit-form", 0);
	while (call->argv[count])
		count++;
	char **words = (char **)(void *)memory((count + 4) * sizeof(*words));
	if (form < 0 || !words || write_all(form, wish->form.text, wish->form.size) || append_number(number, sizeof(number), &at, (uint64_t)form)) {
		close_fd(&form);
		return;
	}
	words[0] = call->argv[0];
	words[1] = verb;
	words[2] = number;
	words[3] = (char *)(uintptr_t)wish->kept_path;
	memcpy(words + 4, call->argv + 1, (count - 1) * sizeof(*words));
	python_run(call->self, words);
}

int oci_create(struct oci_call *call, const char *verb, char **words)
{
	struct wish wish = { .config = NULL };
	struct kept kept;
	struct launch launch;
	launch_new(&launch, call->argv, call->self);
	if (call->unusual || !oci_has_log(call) || read_words(&wish, call, verb, words) || check_paths(&wish, call))
		return -1;
	/* Nearly every plan of root's says SEAL_SELF, which begins again from the sealed copy: better before than after all else. */
	if (geteuid() == 0 && op_seal_self(&launch, NULL))
		return -1;
	if (read_config(&wish) || make_form(&wish, call->self) || name_kept(&wish, call))
		return -1;
	gather(&wish, call);
	if (load_kept(&wish, call, &kept) == 0 && kept_plan(&kept, &wish.fillings, &launch.plan) == 0 && files_hold(&launch.plan))
		return make(call, &wish, &kept, &launch);
	python_with_form(call, &wish);
	return -1;
}
