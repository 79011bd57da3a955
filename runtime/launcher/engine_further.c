/* A further process of a container's: its beginning and end as events, in docker's words (docs/engine.md, Events). */
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "events.h"
#include "launch.h"
#include "util.h"

enum { ID_BYTES = 32, ACTION_SIZE = 8192, NUMBER_SIZE = 24 };

static const struct op *place_of(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->ops[i].code == OP_EXEC_IN)
			return &plan->ops[i];
	return NULL;
}

static int open_container(const struct launch *launch, const struct op *place)
{
	return open(op_text(&launch->plan, place, EXEC_IN_container), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int new_id(char *text)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[ID_BYTES];
	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes))
		return -1;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	text[2 * ID_BYTES] = 0;
	return 0;
}

static void tell(int folder, const char *what, const char *words, const char *more)
{
	char action[ACTION_SIZE] = "";
	size_t at = 0;
	if (append(action, sizeof(action), &at, what) == 0 && append(action, sizeof(action), &at, words) == 0)
		event_record(folder, action, more);
}

void further_began(struct launch *launch)
{
	const struct op *place = place_of(&launch->plan);
	char more[EVENT_MORE_SIZE] = "";
	size_t at = 0;
	if (!place || new_id(launch->further_id) || event_attribute(more, &at, "execID", launch->further_id))
		return;
	CLEANUP_FD int folder = open_container(launch, place);
	if (folder < 0)
		return;
	const char *words = op_text(&launch->plan, place, EXEC_IN_told);
	tell(folder, "exec_create: ", words, more);
	tell(folder, "exec_start: ", words, more);
}

void further_ended(const struct launch *launch, int code)
{
	const struct op *place = place_of(&launch->plan);
	char more[EVENT_MORE_SIZE] = "", number[NUMBER_SIZE] = "";
	size_t at = 0, number_at = 0;
	if (!place || !*launch->further_id || append_number(number, sizeof(number), &number_at, (uint64_t)code))
		return;
	if (event_attribute(more, &at, "execID", launch->further_id) || event_attribute(more, &at, "exitCode", number))
		return;
	CLEANUP_FD int folder = open_container(launch, place);
	if (folder >= 0)
		event_record(folder, "exec_die", more);
}
