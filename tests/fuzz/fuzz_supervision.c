/* libFuzzer target: settings of a supervisor that settings_check accepts are read; what comes of them can be used. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where what was read goes, so that reading is not optimised away. */
static volatile size_t sink;

static size_t length_of(const char *text)
{
	return text ? strlen(text) : 0;
}

/* Everything that a list's vector holds; the vector goes, the texts are the plan's. */
static size_t take_list(char **list)
{
	size_t sum = 0, count = 0;
	if (!list)
		return 0;
	for (; list[count]; count++)
		sum += strlen(list[count]);
	munmap(list, (count + 1) * sizeof(*list));
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan plan;
	struct settings settings;
	char *copy = aligned_alloc(8, size + (8 - size % 8) % 8 + 8);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (settings_check(&plan, copy, size) == 0) {
		int error = settings_read(&settings, &plan);
		if (!error && (settings.interval <= 0 || settings.stop_signal <= 0 || settings.policy > POLICY_ALWAYS))
			abort();
		if (!error && settings.has_users && (settings.uids_length % 12 || settings.gids_length % 12))
			abort();
		for (size_t i = 0; !error && settings.has_users && i < settings.uids_length; i++)
			sink += (unsigned char)settings.uids[i];
		for (size_t i = 0; !error && settings.has_users && i < settings.gids_length; i++)
			sink += (unsigned char)settings.gids[i];
		if (!error && settings.has_users)
			sink += strlen(settings.newuidmap) + strlen(settings.newgidmap);
		if (!error)
			sink += strlen(settings.records) + strlen(settings.id) + length_of(settings.network) + length_of(settings.probe_path);
		sink += take_list(settings.root_options) + take_list(settings.probe_words);
	}
	free(copy);
	return 0;
}
