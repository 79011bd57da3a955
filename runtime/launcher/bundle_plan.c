/* A bundle's plan: one of those that Python has made for it, with what only this host and this command line can tell: users,
   cgroups, volumes, words. As everywhere, nothing is taken away from a permissive start: what is asked for is added. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_plan.h"
#include "kernel.h"
#include "util.h"

extern char **environ;

uint64_t put_bytes(struct building *building, const char *bytes, size_t length)
{
	if (length >= building->room - building->at) {
		building->is_full = 1;
		return 0;
	}
	uint64_t reference = (uint64_t)building->at << 32 | (uint64_t)length;
	/* Fresh memory: the NUL behind it is there. */
	memcpy(building->data + building->at, bytes, length);
	building->at += length + 1;
	return reference;
}

uint64_t put_text(struct building *building, const char *text)
{
	return put_bytes(building, text, strlen(text));
}

struct op *put_op(struct building *building, uint32_t code, const char *why)
{
	building->is_full |= building->count == MAX_OPERATIONS;
	/* Where there is no room, the last one is given up: the plan isn't executed. */
	building->count += building->count < MAX_OPERATIONS;
	struct op *op = &building->ops[building->count - 1];
	*op = (struct op){ .code = code, .why = (uint32_t)(put_text(building, why) >> 32) };
	return op;
}

void begin_list(struct building *building)
{
	building->list = building->at;
}

void add_word(struct building *building, const char *word)
{
	put_text(building, word);
}

/* The NUL of the last word is counted, as in every list; one more stands behind it. */
uint64_t end_list(struct building *building)
{
	uint64_t reference = (uint64_t)building->list << 32 | (uint64_t)(building->at - building->list);
	if (building->at == building->room)
		building->is_full = 1;
	else
		building->at++;
	return reference;
}

/* The program's words: those of the entrypoint, then the person's, or else the image's own. */
static uint64_t arguments(struct building *building, const struct op *op)
{
	size_t length;
	const char *word = op_bytes(&building->from, op, EXEC_arguments, &length), *end = word + length;
	char **given = building->wishes->arguments;
	uint32_t fixed = building->bundle->head->entrypoint_words;
	if (!*given)
		return op->arguments[EXEC_arguments];
	begin_list(building);
	for (; fixed > 0 && word < end; fixed--, word += strlen(word) + 1)
		add_word(building, word);
	for (; *given; given++)
		add_word(building, *given);
	return end_list(building);
}

static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

/* Whether a later wish sets the variable, too. */
static int is_set_later(const struct wishes *wishes, unsigned from, const char *variable)
{
	size_t length = name_length(variable);
	for (unsigned i = from; i < wishes->variable_count; i++)
		if (name_length(wishes->variables[i]) == length && memcmp(wishes->variables[i], variable, length) == 0)
			return 1;
	return 0;
}

/* "NAME" alone passes on the caller's own, if there is one. */
static void add_variable(struct building *building, const char *variable)
{
	size_t length = name_length(variable);
	if (variable[length]) {
		add_word(building, variable);
		return;
	}
	for (char **own = environ; *own; own++)
		if (strncmp(*own, variable, length) == 0 && (*own)[length] == '=')
			add_word(building, *own);
}

static uint64_t environment(struct building *building, const struct op *op)
{
	const struct wishes *wishes = building->wishes;
	size_t length;
	const char *word = op_bytes(&building->from, op, EXEC_environment, &length), *end = word + length;
	if (!wishes->variable_count)
		return op->arguments[EXEC_environment];
	begin_list(building);
	for (; word < end; word += strlen(word) + 1)
		if (!is_set_later(wishes, 0, word))
			add_word(building, word);
	for (unsigned i = 0; i < wishes->variable_count; i++)
		if (!is_set_later(wishes, i + 1, wishes->variables[i]))
			add_variable(building, wishes->variables[i]);
	return end_list(building);
}

/* The program's PATH, as its environment has it. */
static const char *search_path(const struct building *building, uint64_t list)
{
	const char *word = building->data + (list >> 32), *end = word + (list & 0xffffffffu), *found = "";
	for (; word < end; word += strlen(word) + 1)
		if (strncmp(word, "PATH=", 5) == 0)
			found = word + 5;
	return found;
}

/* Without an entrypoint the person's first word is the program, to be found as a shell finds it. */
static int names_program(const struct building *building)
{
	return building->bundle->head->entrypoint_words == 0 && *building->wishes->arguments;
}

static void put_find(struct building *building)
{
	if (!names_program(building) || building->has_found)
		return;
	const struct op *exec = &building->from.ops[building->from.count - 1];
	uint64_t variables = environment(building, exec);
	struct op *find = put_op(building, OP_FIND_PROGRAM, "the program that is asked for");
	find->arguments[FIND_PROGRAM_name] = put_text(building, *building->wishes->arguments);
	find->arguments[FIND_PROGRAM_path] = put_text(building, search_path(building, variables));
	building->has_found = 1;
}

static void put_mount(struct building *building, const char *source, const char *target, uint64_t attributes)
{
	struct op *bind = put_op(building, OP_TREE_BIND, "asked for");
	bind->arguments[TREE_BIND_source] = put_text(building, source);
	bind->arguments[TREE_BIND_recursive] = 1;
	struct op *set = put_op(building, OP_TREE_ATTRIBUTES, "what is mounted gives no rights");
	set->arguments[TREE_ATTRIBUTES_set] = attributes;
	set->arguments[TREE_ATTRIBUTES_recursive] = 1;
	put_op(building, OP_TREE_ATTACH, "asked for")->arguments[TREE_ATTACH_target] = put_text(building, target);
}

static int is_taken(const struct building *building, const char *target)
{
	struct volume volume;
	for (unsigned i = 0; i < building->wishes->volume_count; i++)
		if (parse_volume(building->wishes->volumes[i], &volume) == 0 && strcmp(volume.target, target) == 0)
			return 1;
	return 0;
}

/* What is mounted last: the program's cgroups, how the host finds names, and the volumes. */
static void put_mounts(struct building *building)
{
	static const char *const names[] = { "/etc/hosts", "/etc/resolv.conf" };
	/* What is mapped to be executed Landlock knows nothing of. */
	const uint64_t attributes = ATTR_NOSUID | ATTR_NODEV | (is_strict(building) ? ATTR_NOEXEC : 0u);
	struct volume volume;
	struct stat status;
	put_cgroup_mounts(building);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && building->is_on_host; i++)
		if (!is_taken(building, names[i]) && stat(names[i], &status) == 0 && S_ISREG(status.st_mode))
			put_mount(building, names[i], names[i], ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC);
	for (unsigned i = 0; i < building->wishes->volume_count; i++)
		if (parse_volume(building->wishes->volumes[i], &volume) == 0)
			put_mount(building, volume.source, volume.target, (volume.is_read_only ? ATTR_RDONLY : 0u) | attributes);
}

/* An operation of Python's, and what belongs before it. */
static void put_known(struct building *building, const struct op *op)
{
	const char *workdir = building->wishes->workdir;
	struct op copy = *op;
	switch (op->code) {
	case OP_ROOT_UNPACK:
		copy.arguments[ROOT_UNPACK_shared] = !building->is_writable;
		if (*building->kept.path) {
			copy.code = OP_ROOT_ATTACH;
			copy.why = (uint32_t)(put_text(building, "the image's files are kept there") >> 32);
			copy.arguments[ROOT_ATTACH_path] = put_text(building, building->kept.path);
			copy.arguments[ROOT_ATTACH_attributes] = ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV;
		}
		break;
	case OP_ROOT_FILLED:
		if (*building->kept.path)
			return;
		break;
	case OP_CLONE:
		put_cgroups(building);
		copy.arguments[CLONE_cgroup] = building->layout->version == 2;
		break;
	case OP_MAP_IDS:
		copy.arguments[MAP_IDS_uid_outside] = geteuid();
		copy.arguments[MAP_IDS_gid_outside] = getegid();
		break;
	case OP_CGROUP_UNSHARE:
		put_cgroup_entries(building);
		break;
	case OP_PATH_ATTRIBUTES:
		put_mounts(building);
		if (building->is_writable)
			return;
		break;
	case OP_CHANGE_DIRECTORY:
		if (workdir)
			copy.arguments[CHANGE_DIRECTORY_path] = put_text(building, workdir);
		break;
	case OP_FIND_PROGRAM:
		put_find(building);
		if (names_program(building))
			return;
		break;
	case OP_LANDLOCK:
		put_landlock(building, &copy);
		break;
	case OP_SECCOMP:
		put_find(building);
		break;
	case OP_EXEC:
		copy.arguments[EXEC_arguments] = arguments(building, op);
		copy.arguments[EXEC_environment] = environment(building, op);
		break;
	default:
		break;
	}
	if (building->count < MAX_OPERATIONS)
		building->ops[building->count++] = copy;
	else
		building->is_full = 1;
}

/* Which are wrong is said; what they mean, by those who need it. */
static int check_wishes(struct building *building)
{
	const struct wishes *wishes = building->wishes;
	struct volume volume;
	const char *network = wishes->network ? wishes->network : "none";
	building->is_on_host = strcmp(network, "host") == 0;
	building->is_writable = wishes->writable && *wishes->writable && strcmp(wishes->writable, "0") != 0;
	if (!building->is_on_host && strcmp(network, "none") != 0)
		return bundle_complain("'whit run' has all networks of whit's", "a bundle's network is none or host, not '", network, "'", NULL);
	if (wishes->workdir && *wishes->workdir != '/')
		return bundle_complain("begin it with /", "the working directory '", wishes->workdir, "' isn't absolute", NULL);
	for (unsigned i = 0; i < wishes->volume_count; i++)
		if (parse_volume(wishes->volumes[i], &volume))
			return bundle_complain("write SOURCE:/TARGET or SOURCE:/TARGET:ro, the source with a slash in it, nothing in /proc or /sys", "'", wishes->volumes[i], "' is no volume", NULL);
	for (unsigned i = 0; i < wishes->variable_count; i++)
		if (name_length(wishes->variables[i]) == 0)
			return bundle_complain("write NAME=VALUE, or NAME to pass on your own", "'", wishes->variables[i], "' sets no variable", NULL);
	return 0;
}

static int has_place(const struct bundle *bundle, const char *target)
{
	for (uint32_t i = 0; i < bundle->head->entry_count; i++)
		if (strcmp(bundle_text(bundle, bundle->entries[i].path), target + strspn(target, "/")) == 0)
			return 1;
	return 0;
}

static int lacks_places(const struct building *building)
{
	struct volume volume;
	for (unsigned i = 0; i < building->wishes->volume_count; i++)
		if (parse_volume(building->wishes->volumes[i], &volume) == 0 && !has_place(building->bundle, volume.target))
			return 1;
	return 0;
}

/* What its maker wishes for gives way to what can't be with it; what is asked for at the start doesn't. */
static int keep(struct building *building)
{
	const struct wishes *wishes = building->wishes;
	int is_must = wishes->unpack != wishes->makers_unpack;
	if (!wishes->unpack || strcmp(wishes->unpack, "none") == 0)
		return 0;
	if (!is_must && (building->is_writable || lacks_places(building)))
		return 0;
	if (building->is_writable)
		return bundle_complain("leave one of them out", "files that are kept by --whit-unpack can't be --whit-writable", NULL);
	return bundle_keep(building->bundle, wishes->unpack, is_must, &building->kept);
}

/* The plan's own text stays where it is, at the beginning: references into it hold. */
static int take_template(struct building *building)
{
	const struct bundle *bundle = building->bundle;
	unsigned which = (is_privileged() ? 0u : PLAN_USER) | (building->is_on_host ? PLAN_HOST_NETWORK : 0u);
	size_t size = bundle->head->plans_size[which], words = 0;
	for (char **word = building->wishes->arguments; *word; word++)
		words += strlen(*word) + 1;
	for (unsigned i = 0; i < building->wishes->variable_count; i++)
		words += 2 * strlen(building->wishes->variables[i]) + 2;
	for (char **own = environ; *own; own++)
		words += 2 * strlen(*own) + 2;
	building->room = 3 * size + words + (1 << 20);
	building->data = mmap(NULL, building->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	building->ops = mmap(NULL, MAX_OPERATIONS * sizeof(struct op), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (building->data == MAP_FAILED || (void *)building->ops == MAP_FAILED)
		return -errno;
	memcpy(building->data, bundle->data + bundle->head->plans_at[which], size);
	building->at = size;
	return plan_check(&building->from, building->data, size) ? -EBADMSG : 0;
}

int bundle_plan(const struct bundle *bundle, const struct wishes *wishes, struct launch *launch)
{
	struct cgroup_layout layout;
	struct building building = { .bundle = bundle, .wishes = wishes, .layout = &layout };
	int code = check_wishes(&building);
	code = code ? code : read_limits(&building);
	code = code ? code : keep(&building);
	code = code ? code : check_memory(&building);
	if (code)
		return code;
	int error = take_template(&building);
	if (error)
		return bundle_damaged(error, "a launch plan");
	code = check_sandbox(&building);
	if (code)
		return code;
	for (uint32_t i = 0; i < building.from.count; i++)
		put_known(&building, &building.from.ops[i]);
	if (building.is_full || building.at > UINT32_MAX)
		return bundle_complain("give it fewer", "these are more words, variables and volumes than there is room for", NULL);
	if (*building.kept.path)
		launch->kept = building.kept.folder;
	launch->plan = (struct plan){ .data = building.data, .size = building.at, .ops = building.ops, .count = building.count };
	return 0;
}
