/* libFuzzer target: whatever plan_check accepts, every accessor stays within it, as the executors use them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guards.h"
#include "plan.h"

enum { SIZE_OFFSET = 12, HEADER_SIZE = 24 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct op_signature signatures[OP_COUNT] = OP_SIGNATURES;

/* Where what was read goes, so that reading is not optimised away. */
static volatile size_t sink;

static size_t read_all(const char *data, size_t length)
{
	size_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)data[i];
	return sum;
}

static size_t walk_list(const struct plan *plan, const struct op *op, unsigned argument)
{
	size_t sum = 0, count = 0;
	char **list = op_list(plan, op, argument);
	if (!list)
		return 0;
	for (; list[count]; count++)
		sum += read_all(list[count], strlen(list[count]));
	munmap(list, (count + 1) * sizeof(*list));
	return sum;
}

static size_t walk(const struct plan *plan, const struct op *op)
{
	size_t length, sum = strlen(plan->data + op->why);
	for (unsigned i = 0; i < MAX_ARGUMENTS; i++) {
		const char *bytes;
		switch (signatures[op->code].kinds[i]) {
		case KIND_TEXT:
			sum += read_all(op_text(plan, op, i), strlen(op_text(plan, op, i)));
			break;
		case KIND_BYTES:
			bytes = op_bytes(plan, op, i, &length);
			sum += read_all(bytes, length);
			break;
		case KIND_LIST:
			sum += walk_list(plan, op, i);
			break;
		default:
			sum += op_number(op, i) & 1;
		}
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char run[] = "run", name[] = "server";
	char *const arguments[] = { run, name, NULL };
	struct plan plan;
	/* Memory of just this size, so that the sanitizer sees the first byte beyond it. */
	char *copy = malloc(size ? size : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (plan_check(&plan, copy, size) == 0) {
		for (uint32_t i = 0; i < plan.count; i++)
			sink = walk(&plan, &plan.ops[i]);
		sink = (size_t)guards_hold(&plan, arguments, 0, "/");
	}
	free(copy);
	return 0;
}

/* Nearly every change would end at the header's size; so that is put right, mostly. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	uint32_t changed = (uint32_t)LLVMFuzzerMutate(data, size, most);
	if (seed % 16 && changed >= HEADER_SIZE)
		memcpy(data + SIZE_OFFSET, &changed, sizeof(changed));
	return changed;
}
