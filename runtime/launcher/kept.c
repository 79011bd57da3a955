#include "kept.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { VERSION = 2, HOLE_ESCAPE = 0xff, PLAN_SIZE_OFFSET = 12, PLAN_COUNT_OFFSET = 16, PLAN_HEADER_SIZE = 24 };

struct header {
	char magic[8];
	uint32_t version, table, size, patch_count, form_size, plan_size, pieces_size, reserved;
	uint64_t sum;
};

static const struct op_signature signatures[OP_COUNT] = OP_SIGNATURES;

uint64_t kept_sum(const char *data, size_t size)
{
	uint64_t value = 0xcbf29ce484222325u;
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		if (at != KEPT_SUM_OFFSET)
			memcpy(&word, data + at, size - at < sizeof(word) ? size - at : sizeof(word));
		value = (value ^ word) * 0x100000001b3u;
		value ^= value >> 32;
	}
	return value;
}

int kept_check(struct kept *kept, const char *data, size_t size)
{
	struct header header;
	if (size < sizeof(header) || size > MAX_KEPT_SIZE)
		return -EINVAL;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, "WHITKEPT", 8) != 0 || header.version != VERSION || header.table != PLAN_TABLE || header.size != size || header.sum != kept_sum(data, size))
		return -EINVAL;
	/* Each is below 2^32, so that the sum can't overflow. */
	uint64_t all = sizeof(header) + (uint64_t)header.patch_count * sizeof(struct kept_patch) + header.form_size +
		       (uint64_t)header.plan_size + header.pieces_size;
	if (all != size)
		return -EINVAL;
	*kept = (struct kept){
		.patches = (const struct kept_patch *)(const void *)(data + sizeof(header)),
		.patch_count = header.patch_count,
		.form_size = header.form_size,
		.plan_size = header.plan_size,
		.pieces_size = header.pieces_size,
	};
	kept->form = data + sizeof(header) + header.patch_count * sizeof(struct kept_patch);
	kept->plan = kept->form + header.form_size;
	kept->pieces = kept->plan + header.plan_size;
	for (uint32_t i = 0; i < kept->patch_count; i++)
		if (kept->patches[i].piece > kept->pieces_size || kept->patches[i].length > kept->pieces_size - kept->patches[i].piece)
			return -EINVAL;
	return 0;
}

ssize_t kept_text(const struct kept *kept, const struct kept_patch *patch, const struct fillings *fillings, char *text)
{
	const unsigned char *at = (const unsigned char *)kept->pieces + patch->piece, *end = at + patch->length;
	size_t length = 0;
	for (; at < end; at++) {
		if (*at != HOLE_ESCAPE) {
			if (text)
				text[length] = (char)*at;
			length++;
			continue;
		}
		if (++at == end || *at >= fillings->count)
			return -EINVAL;
		const struct hole *filling = &fillings->texts[*at];
		if (text && filling->length)
			memcpy(text + length, filling->text, filling->length);
		length += filling->length;
		if (length > MAX_PLAN_SIZE)
			return -EINVAL;
	}
	return (ssize_t)length;
}

static int takes_text(uint32_t code, uint32_t argument)
{
	if (code == OP_NONE || code >= OP_COUNT || argument >= MAX_ARGUMENTS)
		return 0;
	return signatures[code].kinds[argument] == KIND_TEXT || signatures[code].kinds[argument] == KIND_LIST;
}

/* How long the filled plan is, or 0 if it can't be one. */
static size_t filled_size(const struct kept *kept, const struct fillings *fillings)
{
	size_t size = kept->plan_size;
	for (uint32_t i = 0; i < kept->patch_count && size <= MAX_PLAN_SIZE; i++) {
		if (kept->patches[i].target >= TO_STATE)
			continue;
		ssize_t length = kept_text(kept, &kept->patches[i], fillings, NULL);
		if (length < 0)
			return 0;
		size += (size_t)length + 1;
	}
	return size <= MAX_PLAN_SIZE ? size : 0;
}

static int fill(const struct kept *kept, const struct fillings *fillings, char *data, uint32_t count)
{
	struct op *ops = (struct op *)(void *)(data + PLAN_HEADER_SIZE);
	size_t at = kept->plan_size;
	for (uint32_t i = 0; i < kept->patch_count; i++) {
		const struct kept_patch *patch = &kept->patches[i];
		if (patch->target >= TO_STATE)
			continue;
		if (patch->target >= count || !takes_text(ops[patch->target].code, patch->argument))
			return -EINVAL;
		ssize_t length = kept_text(kept, patch, fillings, data + at);
		if (length < 0)
			return -EINVAL;
		ops[patch->target].arguments[patch->argument] = (uint64_t)at << 32 | (uint64_t)length;
		/* Fresh memory: the NUL behind it is there. */
		at += (size_t)length + 1;
	}
	return 0;
}

int kept_plan(const struct kept *kept, const struct fillings *fillings, struct plan *plan)
{
	uint32_t count, length;
	size_t size = filled_size(kept, fillings);
	if (!size || kept->plan_size < PLAN_HEADER_SIZE)
		return -EINVAL;
	memcpy(&count, kept->plan + PLAN_COUNT_OFFSET, sizeof(count));
	if (count > (kept->plan_size - PLAN_HEADER_SIZE) / sizeof(struct op))
		return -EINVAL;
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -errno;
	memcpy(data, kept->plan, kept->plan_size);
	length = (uint32_t)size;
	memcpy(data + PLAN_SIZE_OFFSET, &length, sizeof(length));
	int error = fill(kept, fillings, data, count);
	error = error ? error : plan_check(plan, data, size);
	if (error)
		munmap(data, size);
	return error;
}
