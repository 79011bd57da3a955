/* libFuzzer target: whatever bundle_check accepts, all that is read of it stays within it; and a person's words are read, whatever
   they are. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bundle.h"
#include "plan.h"

enum { FILE_SIZE = 1 << 20, MOST_WORDS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where what was read goes, so that reading is not optimised away. */
static volatile size_t sink;

/* Said by bundle_tell.c, which needs the whole launcher. */
int bundle_complain(const char *hint, ...)
{
	const char *part;
	va_list parts;
	va_start(parts, hint);
	while ((part = va_arg(parts, const char *)))
		sink += strlen(part);
	va_end(parts);
	return 125;
}

int bundle_damaged(int error, const char *what)
{
	sink += strlen(what) + (size_t)(error != 0);
	return 125;
}

static void require(int holds)
{
	if (!holds)
		abort();
}

static void walk_entry(const struct bundle *bundle, const struct bundle_entry *entry)
{
	const char *path = bundle_text(bundle, entry->path);
	require(*path && *path != '/');
	sink += strlen(path);
	if (entry->target)
		sink += strlen(bundle_text(bundle, entry->target));
	if (S_ISREG(entry->mode) && !entry->target)
		require(entry->at <= FILE_SIZE && entry->size <= FILE_SIZE - entry->at);
}

static void walk(struct bundle *bundle)
{
	struct plan plan;
	struct wishes wishes;
	char name[] = "name", *words[] = { name, NULL };
	for (uint32_t i = 0; i < bundle->head->entry_count; i++)
		walk_entry(bundle, &bundle->entries[i]);
	for (unsigned i = 0; i < BUNDLE_PLANS; i++)
		sink += (size_t)plan_check(&plan, bundle->data + bundle->head->plans_at[i], bundle->head->plans_size[i]);
	sink += (size_t)bundle_wishes(bundle, words, &wishes);
}

/* Words behind each other, each with its NUL. */
static void as_words(const struct bundle *bundle, char *text, size_t size)
{
	char name[] = "name", *words[MOST_WORDS + 2] = { name };
	struct wishes wishes;
	struct volume volume;
	uint64_t number;
	size_t count = 1;
	text[size] = 0;
	for (char *at = text; at < text + size && count <= MOST_WORDS; at += strlen(at) + 1) {
		words[count++] = at;
		sink += (size_t)(parse_size(at, &number) + parse_cpus(at, &number) + parse_pids(at, &number));
		if (parse_volume(at, &volume) == 0)
			require(*volume.target == '/' && *volume.source);
	}
	sink += (size_t)bundle_wishes(bundle, words, &wishes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle_head none = { .version = BUNDLE_VERSION };
	struct bundle bundle = { .fd = -1 }, empty = { .data = (const char *)&none, .size = sizeof(none), .head = &none };
	/* Memory of just this size, so that the sanitizer sees the first byte beyond it. */
	char *copy = malloc(size ? size : 1), *text = malloc(size + 1);
	require(copy && text);
	memcpy(copy, data, size);
	memcpy(text, data, size);
	if (bundle_check(&bundle, copy, size, FILE_SIZE) == 0)
		walk(&bundle);
	as_words(&empty, text, size);
	const size_t whole = size / 2 / BUNDLE_PAGE * BUNDLE_PAGE;
	require(bundle_sum(0, copy, size) == bundle_sum(bundle_sum(0, copy, whole), copy + whole, size - whole));
	free(copy);
	free(text);
	return 0;
}
