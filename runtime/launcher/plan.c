#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct header {
	char magic[8];
	uint32_t version, size, count, table;
};

static const struct op_signature signatures[OP_COUNT] = OP_SIGNATURES;

static size_t reference_offset(uint64_t reference)
{
	return (size_t)(reference >> 32);
}

static size_t reference_length(uint64_t reference)
{
	return (size_t)(reference & 0xffffffffu);
}

static int check_argument(const struct plan *plan, unsigned char kind, uint64_t value)
{
	if (kind == KIND_NONE || kind == KIND_NUMBER)
		return 0;
	size_t offset = reference_offset(value), length = reference_length(value);
	if (offset >= plan->size || length >= plan->size - offset || plan->data[offset + length] != 0)
		return -EINVAL;
	if (kind == KIND_TEXT && memchr(plan->data + offset, 0, length))
		return -EINVAL;
	if (kind == KIND_LIST && length > 0 && plan->data[offset + length - 1] != 0)
		return -EINVAL;
	return 0;
}

static int check_op(const struct plan *plan, const struct op *op)
{
	if (op->code == OP_NONE || op->code >= OP_COUNT)
		return -EINVAL;
	if (op->why >= plan->size || !memchr(plan->data + op->why, 0, plan->size - op->why))
		return -EINVAL;
	for (unsigned i = 0; i < MAX_ARGUMENTS; i++)
		if (check_argument(plan, signatures[op->code].kinds[i], op->arguments[i]))
			return -EINVAL;
	return 0;
}

/* Guards, then what the parent does, one CLONE, what the child does, one EXEC at the very end. */
static int check_stages(const struct plan *plan)
{
	unsigned stage = STAGE_GUARD, clones = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		unsigned next = signatures[plan->ops[i].code].stage;
		if (next < stage || (stage == STAGE_EXEC))
			return -EINVAL;
		clones += next == STAGE_CLONE;
		stage = next;
	}
	return stage == STAGE_EXEC && clones == 1 ? 0 : -EINVAL;
}

static int check_settings(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (signatures[plan->ops[i].code].stage != STAGE_SUPERVISE)
			return -EINVAL;
	return 0;
}

/* All but the order of the operations. */
static int check_form(struct plan *plan, const char *data, size_t size)
{
	struct header header;
	if (size < sizeof(header) || size > MAX_PLAN_SIZE)
		return -EINVAL;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, "WHITPLAN", 8) != 0 || header.version != PLAN_VERSION || header.table != PLAN_TABLE || header.size != size)
		return -EINVAL;
	if (header.count > MAX_OPERATIONS || header.count > (size - sizeof(header)) / sizeof(struct op))
		return -EINVAL;
	*plan = (struct plan){ .data = data, .size = size, .count = header.count };
	plan->ops = (const struct op *)(const void *)(data + sizeof(header));
	for (uint32_t i = 0; i < plan->count; i++)
		if (check_op(plan, &plan->ops[i]))
			return -EINVAL;
	return 0;
}

int plan_check(struct plan *plan, const char *data, size_t size)
{
	return check_form(plan, data, size) || check_stages(plan) ? -EINVAL : 0;
}

int settings_check(struct plan *plan, const char *data, size_t size)
{
	return check_form(plan, data, size) || check_settings(plan) ? -EINVAL : 0;
}

static int read_all(int fd, char *data, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t got = pread(fd, data + done, size - done, (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EINVAL;
		done += (size_t)got;
	}
	return 0;
}

static int load(struct plan *plan, int fd, int (*check)(struct plan *plan, const char *data, size_t size))
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size <= 0 || (uint64_t)status.st_size > MAX_PLAN_SIZE)
		return -EINVAL;
	size_t size = (size_t)status.st_size;
	/* Our own copy, so that nobody can change it after the check. */
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -errno;
	int error = read_all(fd, data, size);
	if (!error)
		error = check(plan, data, size);
	if (error)
		munmap(data, size);
	return error;
}

int plan_load(struct plan *plan, int fd)
{
	return load(plan, fd, plan_check);
}

int settings_load(struct plan *plan, int fd)
{
	return load(plan, fd, settings_check);
}

uint64_t op_number(const struct op *op, unsigned argument)
{
	return op->arguments[argument];
}

const char *op_text(const struct plan *plan, const struct op *op, unsigned argument)
{
	return plan->data + reference_offset(op->arguments[argument]);
}

const char *op_bytes(const struct plan *plan, const struct op *op, unsigned argument, size_t *length)
{
	*length = reference_length(op->arguments[argument]);
	return plan->data + reference_offset(op->arguments[argument]);
}

char **op_list(const struct plan *plan, const struct op *op, unsigned argument)
{
	size_t length, count = 0;
	const char *text = op_bytes(plan, op, argument, &length);
	for (size_t i = 0; i < length; i++)
		count += text[i] == 0;
	char **list = mmap(NULL, (count + 2) * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (list == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		/* execve's signature lacks the const; it changes nothing. */
		list[i] = (char *)(uintptr_t)text;
		text += strlen(text) + 1;
	}
	return list;
}
