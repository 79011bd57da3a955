/* libFuzzer target: any bytes as a config.json make a form from which they can be put together again, or none; any bytes as a kept
   plan, filled with texts, make a plan that plan_check accepts, or none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kept.h"

enum { SIZE_OFFSET = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Memory of just this size, so that the sanitizer sees the first byte beyond it. */
static char *copy_of(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	require(copy != NULL);
	memcpy(copy, data, size);
	return copy;
}

static void put_together(const struct form *form, const char *config, size_t size)
{
	size_t at = 0;
	unsigned hole = 0;
	for (size_t i = 0; i < form->size; i++) {
		if (form->text[i] != HOLE_MARK) {
			require(at < size && config[at++] == form->text[i]);
			continue;
		}
		require(hole < form->count && form->holes[hole].text == config + at);
		at += form->holes[hole++].length;
	}
	require(at == size && hole == form->count);
}

static void as_config(const uint8_t *data, size_t size)
{
	char *config = copy_of(data, size);
	/* The mark of an empty hole is longer than the hole. */
	struct form form = { .text = malloc(size + MAX_HOLES), .room = size + MAX_HOLES };
	require(form.text != NULL);
	int error = form_add_config(&form, config, size);
	if (!error)
		put_together(&form, config, size);
	free(form.text);
	free(config);
}

static void as_kept(const uint8_t *data, size_t size)
{
	char *bytes = copy_of(data, size);
	char text[] = "text";
	struct kept kept;
	struct plan plan;
	uint32_t length = (uint32_t)size;
	struct fillings fillings = { .count = 12 };
	for (unsigned i = 0; i < fillings.count; i++)
		fillings.texts[i] = (struct hole){ text, i % sizeof(text) };
	/* Nearly every change would end at the header's size or sum; so they are put right. */
	if (size >= KEPT_SUM_OFFSET + sizeof(uint64_t)) {
		memcpy(bytes + SIZE_OFFSET, &length, sizeof(length));
		uint64_t sum = kept_sum(bytes, size);
		memcpy(bytes + KEPT_SUM_OFFSET, &sum, sizeof(sum));
	}
	if (kept_check(&kept, bytes, size) == 0) {
		for (uint32_t i = 0; i < kept.patch_count; i++) {
			ssize_t room = kept_text(&kept, &kept.patches[i], &fillings, NULL);
			char *filled = room < 0 ? NULL : malloc((size_t)room + 1);
			require(!filled || kept_text(&kept, &kept.patches[i], &fillings, filled) == room);
			free(filled);
		}
		if (kept_plan(&kept, &fillings, &plan) == 0) {
			struct plan again;
			require(plan_check(&again, plan.data, plan.size) == 0);
			munmap((void *)(uintptr_t)plan.data, plan.size);
		}
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_config(data, size);
	as_kept(data, size);
	return 0;
}
