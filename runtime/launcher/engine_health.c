/* The last results of the container's probe, in the file `health`: "BEGAN ENDED EXIT OUTPUT" a line each (docs/engine.md). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

/* Each byte may take two. */
enum { HEALTH_LINE_SIZE = 2 * OUTPUT_SIZE + 128 };

static const char current[] = "health", next[] = "health.new";

static struct result *result_of(struct results *results, uint64_t number)
{
	return &results->all[number % RESULTS];
}

void result_begin(struct results *results)
{
	struct result *result = result_of(results, results->count);
	result->began = engine_time();
	result->size = 0;
}

void result_add(struct results *results, const char *text, size_t size)
{
	struct result *result = result_of(results, results->count);
	size_t room = OUTPUT_SIZE - result->size;
	size = size < room ? size : room;
	memcpy(result->output + result->size, text, size);
	result->size += size;
}

void result_put_first(struct results *results, const char *text)
{
	struct result *result = result_of(results, results->count);
	size_t length = strlen(text), left = OUTPUT_SIZE - length;
	left = result->size < left ? result->size : left;
	memmove(result->output + length, result->output, left);
	memcpy(result->output, text, length);
	result->size = length + left;
}

const char *result_text(struct results *results, size_t *size)
{
	const struct result *result = result_of(results, results->count);
	*size = result->size;
	return result->output;
}

static size_t form(char *line, const struct result *result)
{
	size_t at = 0;
	append_number(line, HEALTH_LINE_SIZE, &at, (uint64_t)result->began);
	append(line, HEALTH_LINE_SIZE, &at, " ");
	append_number(line, HEALTH_LINE_SIZE, &at, (uint64_t)result->ended);
	append(line, HEALTH_LINE_SIZE, &at, result->exit < 0 ? " -" : " ");
	append_number(line, HEALTH_LINE_SIZE, &at, (uint64_t)(result->exit < 0 ? -result->exit : result->exit));
	line[at++] = ' ';
	for (size_t i = 0; i < result->size; i++) {
		char byte = result->output[i];
		if (byte == '\n' || byte == '\\' || byte == '\r')
			line[at++] = '\\';
		line[at++] = (char)(byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte);
	}
	line[at++] = '\n';
	return at;
}

void result_end(struct results *results, int exit)
{
	char line[HEALTH_LINE_SIZE];
	struct result *result = result_of(results, results->count);
	result->ended = engine_time();
	result->exit = exit;
	results->count++;
	CLEANUP_FD int file = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	uint64_t first = results->count > RESULTS ? results->count - RESULTS : 0;
	int error = file < 0 ? -1 : 0;
	for (uint64_t i = first; !error && i < results->count; i++)
		error = write_all(file, line, form(line, result_of(results, i)));
	if (error || rename(next, current) < 0)
		unlink(next);
}
