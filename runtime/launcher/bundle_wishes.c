/* What a person asks of a bundle. A bundle is meant to feel like the program that is in it: all words are the program's, but those
   at the beginning that begin with --whit. One "--" behind such words is dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "util.h"

enum { CPU_PERIOD_US = 100000, MIN_QUOTA_US = 1000, MIN_MEMORY = 256 << 10, MAX_PIDS = 1 << 22, MAX_DECIMALS = 9 };

enum kind { TEXT, VOLUME, VARIABLE, SWITCH, ACTION };

static const struct flag {
	const char *name, *variable;
	enum kind kind;
	size_t place;
} flags[] = {
	{ "memory", "WHIT_MEMORY", TEXT, offsetof(struct wishes, memory) },
	{ "cpus", "WHIT_CPUS", TEXT, offsetof(struct wishes, cpus) },
	{ "pids-limit", "WHIT_PIDS_LIMIT", TEXT, offsetof(struct wishes, pids_limit) },
	{ "network", "WHIT_NETWORK", TEXT, offsetof(struct wishes, network) },
	{ "workdir", "WHIT_WORKDIR", TEXT, offsetof(struct wishes, workdir) },
	{ "unpack", "WHIT_UNPACK", TEXT, offsetof(struct wishes, unpack) },
	{ "volume", "WHIT_VOLUME", VOLUME, 0 },
	{ "env", "WHIT_ENV", VARIABLE, 0 },
	{ "writable", "WHIT_WRITABLE", SWITCH, offsetof(struct wishes, writable) },
	{ "inspect", NULL, ACTION, offsetof(struct wishes, inspect) },
	{ "verify", NULL, ACTION, offsetof(struct wishes, verify) },
	{ "json", NULL, ACTION, offsetof(struct wishes, json) },
	{ "help", NULL, ACTION, offsetof(struct wishes, help) },
};
enum { FLAG_COUNT = sizeof(flags) / sizeof(*flags) };

static const struct flag *find_flag(const char *name, size_t length)
{
	for (size_t i = 0; i < FLAG_COUNT; i++)
		if (strlen(flags[i].name) == length && memcmp(flags[i].name, name, length) == 0)
			return &flags[i];
	return NULL;
}

static int add_to(const char **list, unsigned *count, unsigned most, const char *value)
{
	if (*count == most)
		return bundle_complain(NULL, "too many volumes or variables at ", value, NULL);
	list[(*count)++] = value;
	return 0;
}

/* An ACTION is an int; it is set from the command line alone. */
static int set_flag(struct wishes *wishes, const struct flag *flag, const char *value)
{
	char *place = (char *)wishes + flag->place;
	switch (flag->kind) {
	case TEXT:
	case SWITCH:
		memcpy(place, &value, sizeof(value));
		return 0;
	case VOLUME:
		return add_to(wishes->volumes, &wishes->volume_count, MAX_VOLUMES, value);
	case VARIABLE:
		return add_to(wishes->variables, &wishes->variable_count, MAX_VARIABLES, value);
	case ACTION:
		*(int *)(void *)place = 1;
		return 0;
	}
	return 0;
}

/* "NAME=VALUE", each with its NUL: what its maker has given it. */
static int read_defaults(const struct bundle *bundle, struct wishes *wishes)
{
	const char *at = bundle_text(bundle, bundle->head->defaults_at), *end = at + bundle->head->defaults_size;
	for (; at < end; at += strlen(at) + 1) {
		size_t length = strcspn(at, "=");
		const struct flag *flag = find_flag(at, length);
		if (!flag || flag->kind == ACTION || !at[length])
			return bundle_damaged(-EBADMSG, "its settings");
		int code = set_flag(wishes, flag, at + length + 1);
		if (code)
			return code;
	}
	return 0;
}

/* Volumes and variables stand one a line in theirs. */
static int read_variable(struct wishes *wishes, const struct flag *flag)
{
	char *value = flag->variable ? getenv(flag->variable) : NULL, *line;
	if (!value || !*value)
		return 0;
	if (flag->kind != VOLUME && flag->kind != VARIABLE)
		return set_flag(wishes, flag, value);
	char *rest = strdup(value);
	int code = rest ? 0 : bundle_complain(NULL, "the machine is out of memory", NULL);
	while (!code && (line = next_line(&rest)))
		code = *line ? set_flag(wishes, flag, line) : 0;
	return code;
}

static int is_whits(const char *word)
{
	return word && (strcmp(word, "--whit") == 0 || strncmp(word, "--whit-", strlen("--whit-")) == 0);
}

/* Reads one word, and the next one where that is its value. Returns how many were read, or minus the exit code. */
static int read_word(struct wishes *wishes, char **words)
{
	static const char hint[] = "--whit-help tells which there are; '--whit -- WORD' hands a word to the program", all[] = "--whit-help shows all words, with their values";
	if (strcmp(words[0], "--whit") == 0)
		return 1;
	const char *name = words[0] + strlen("--whit-");
	size_t length = strcspn(name, "=");
	const struct flag *flag = find_flag(name, length);
	if (!flag)
		return -bundle_complain(hint, "there is no ", words[0], NULL);
	int takes_value = flag->kind != ACTION && flag->kind != SWITCH;
	if (!takes_value && name[length])
		return -bundle_complain(all, words[0], ": it takes no value", NULL);
	const char *value = takes_value ? name[length] ? name + length + 1 : words[1] : "1";
	if (!value)
		return -bundle_complain(all, words[0], " needs a value", NULL);
	int code = set_flag(wishes, flag, value);
	return code ? -code : 1 + (takes_value && !name[length]);
}

int bundle_wishes(const struct bundle *bundle, char **argv, struct wishes *wishes)
{
	*wishes = (struct wishes){ .arguments = argv + (argv[0] != NULL) };
	int code = read_defaults(bundle, wishes);
	wishes->makers_unpack = wishes->unpack;
	for (size_t i = 0; i < FLAG_COUNT && !code; i++)
		code = read_variable(wishes, &flags[i]);
	char **first = wishes->arguments;
	while (!code && is_whits(*wishes->arguments)) {
		int taken = read_word(wishes, wishes->arguments);
		if (taken < 0)
			return -taken;
		wishes->arguments += taken;
	}
	if (wishes->arguments > first && *wishes->arguments && strcmp(*wishes->arguments, "--") == 0)
		wishes->arguments++;
	return code;
}

/* A number with up to nine decimals, as billionths; `*end` is what stands behind it. */
static int parse_decimal(const char *text, const char **end, unsigned __int128 *billionths)
{
	unsigned __int128 value = 0;
	unsigned digits = 0, decimals = 0;
	for (; *text >= '0' && *text <= '9' && digits < 20; text++, digits++)
		value = value * 10 + (unsigned)(*text - '0');
	if (*text == '.' && digits > 0) {
		text++;
		for (; *text >= '0' && *text <= '9' && decimals < MAX_DECIMALS; text++, decimals++)
			value = value * 10 + (unsigned)(*text - '0');
		digits = decimals;
	}
	for (; decimals < MAX_DECIMALS; decimals++)
		value *= 10;
	*billionths = value;
	*end = text;
	return digits > 0 ? 0 : -EINVAL;
}

int parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kmgt";
	const char *end, *unit;
	unsigned __int128 value, factor = 1;
	int error = parse_decimal(text, &end, &value);
	if (*end && (unit = strchr(units, *end | 0x20))) {
		factor <<= 10 * (unit - units + 1);
		end++;
		end += (*end | 0x20) == 'i' && (end[1] | 0x20) == 'b';
	}
	end += (*end | 0x20) == 'b';
	value = value * factor / 1000000000u;
	if (error || *end || value < MIN_MEMORY || value >> 63)
		return -EINVAL;
	*bytes = (uint64_t)value;
	return 0;
}

int parse_cpus(const char *text, uint64_t *quota)
{
	const char *end;
	unsigned __int128 value;
	int error = parse_decimal(text, &end, &value);
	value = (value * CPU_PERIOD_US + 500000000u) / 1000000000u;
	if (error || *end || value < MIN_QUOTA_US || value >> 40)
		return -EINVAL;
	*quota = (uint64_t)value;
	return 0;
}

int parse_pids(const char *text, uint64_t *count)
{
	*count = 0;
	if (strcmp(text, "max") == 0)
		return 0;
	return parse_number(text, count) || *count == 0 || *count > MAX_PIDS ? -EINVAL : 0;
}

/* An absolute path without "..", not the root itself, nothing in /proc and /sys. */
static int is_target(const char *path)
{
	if (*path != '/')
		return 0;
	for (const char *at = path; (at = strstr(at, "/..")); at += 3)
		if (!at[3] || at[3] == '/')
			return 0;
	path += strspn(path, "/");
	return *path && !(strncmp(path, "proc", 4) == 0 && (!path[4] || path[4] == '/')) && !(strncmp(path, "sys", 3) == 0 && (!path[3] || path[3] == '/'));
}

int parse_volume(const char *text, struct volume *volume)
{
	size_t source = strcspn(text, ":");
	const char *rest = text[source] ? text + source + 1 : text + source;
	size_t target = strcspn(rest, ":");
	const char *option = rest[target] ? rest + target + 1 : "rw";
	if (copy_part(volume->source, sizeof(volume->source), text, source) || copy_part(volume->target, sizeof(volume->target), rest, target))
		return -ENAMETOOLONG;
	volume->is_read_only = strcmp(option, "ro") == 0;
	int is_known = volume->is_read_only || strcmp(option, "rw") == 0;
	int is_source = strchr(volume->source, '/') || strcmp(volume->source, ".") == 0 || strcmp(volume->source, "..") == 0;
	return is_known && is_source && is_target(volume->target) ? 0 : -EINVAL;
}
