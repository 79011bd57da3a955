/* What the program writes: read when the log and all who are attached have taken what was read before, so that nothing is lost and
   a slow disk slows the program down, as a pipe would. And what is typed for it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

enum { STUCK_PAUSE_NS = 200000000 };

static int open_pipe(int *from, int *to)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	*from = ends[0];
	*to = ends[1];
	return 0;
}

int streams_open(struct supervisor *supervisor)
{
	int error = open_pipe(&supervisor->output.from, &supervisor->output_end);
	return error ? error : open_pipe(&supervisor->errors.from, &supervisor->errors_end);
}

/* Put what is in hand into the log, line by line, as far as it has room; 1 when all of it is there. */
static int log_chunk(struct supervisor *supervisor)
{
	struct stream *stream = supervisor->chunk_of;
	while (supervisor->chunk_logged < supervisor->chunk_size) {
		if (!log_has_room(&supervisor->log) && log_flush(&supervisor->log))
			return 0;
		const char *text = supervisor->chunk + supervisor->chunk_logged;
		size_t left = supervisor->chunk_size - supervisor->chunk_logged, room = LINE_SIZE - stream->filled;
		const char *end = memchr(text, '\n', left);
		size_t length = end ? (size_t)(end - text) : left;
		int is_whole = end && length <= room;
		length = length < room ? length : room;
		supervisor->chunk_logged += length + (is_whole ? 1 : 0);
		if (is_whole && stream->filled == 0) {
			log_add(&supervisor->log, stream->name, 'F', text, length);
			continue;
		}
		memcpy(stream->line + stream->filled, text, length);
		stream->filled += length;
		if (!is_whole && stream->filled < LINE_SIZE)
			continue;
		log_add(&supervisor->log, stream->name, is_whole ? 'F' : 'P', stream->line, stream->filled);
		stream->filled = 0;
	}
	return log_flush(&supervisor->log) == 0;
}

/* Send what is in hand on its way. 1 when all have taken it. */
static int pass_chunk(struct supervisor *supervisor)
{
	if (supervisor->chunk_size == 0)
		return 1;
	int is_sent = control_send_chunk(supervisor), is_logged = log_chunk(supervisor);
	if (is_sent && is_logged)
		supervisor->chunk_size = 0;
	return is_sent && is_logged;
}

/* 1 when something was read. */
static int read_chunk(struct supervisor *supervisor, struct stream *stream)
{
	if (!pass_chunk(supervisor) || stream->from < 0)
		return 0;
	ssize_t got = read(stream->from, supervisor->chunk, sizeof(supervisor->chunk));
	if (got <= 0) {
		/* A terminal that nobody has open any more. */
		if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			if (stream->from == supervisor->master)
				stream->from = -1;
		}
		return 0;
	}
	supervisor->chunk_of = stream;
	supervisor->chunk_size = (size_t)got;
	supervisor->chunk_logged = 0;
	control_owe_chunk(supervisor);
	pass_chunk(supervisor);
	return 1;
}

static void output_ready(struct supervisor *supervisor, unsigned index, short events)
{
	(void)events;
	read_chunk(supervisor, index == 0 ? &supervisor->output : &supervisor->errors);
}

static void type_more(struct supervisor *supervisor)
{
	while (supervisor->input >= 0 && supervisor->typed_done < supervisor->typed_size) {
		ssize_t done = write(supervisor->input, supervisor->typed + supervisor->typed_done, supervisor->typed_size - supervisor->typed_done);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (done < 0)
			break;
		supervisor->typed_done += (size_t)done;
	}
	supervisor->typed_size = supervisor->typed_done = 0;
}

static void input_ready(struct supervisor *supervisor, unsigned index, short events)
{
	(void)index;
	(void)events;
	type_more(supervisor);
}

void stream_type(struct supervisor *supervisor, const char *bytes, size_t size)
{
	if (supervisor->input < 0 || size > sizeof(supervisor->typed))
		return;
	memcpy(supervisor->typed, bytes, size);
	supervisor->typed_size = size;
	supervisor->typed_done = 0;
	type_more(supervisor);
}

void stream_close_input(struct supervisor *supervisor)
{
	if (supervisor->input >= 0 && supervisor->input != supervisor->master)
		close(supervisor->input);
	if (supervisor->input != supervisor->master)
		supervisor->input = -1;
}

void streams_watch(struct supervisor *supervisor, struct watch *watch)
{
	if (supervisor->typed_size > 0)
		watch_add(watch, supervisor->input, POLLOUT, input_ready, 0);
	if (supervisor->status.is_due || supervisor->log.is_stuck)
		watch_until(watch, engine_now() + STUCK_PAUSE_NS);
	if (supervisor->chunk_size > 0)
		return;
	watch_add(watch, supervisor->output.from, POLLIN, output_ready, 0);
	watch_add(watch, supervisor->errors.from, POLLIN, output_ready, 1);
}

void streams_due(struct supervisor *supervisor, int64_t now)
{
	(void)now;
	if (supervisor->status.is_due)
		status_write(&supervisor->status);
	if (supervisor->chunk_size > 0 || supervisor->log.is_stuck)
		pass_chunk(supervisor);
}

static void end_line(struct supervisor *supervisor, struct stream *stream)
{
	if (stream->filled == 0)
		return;
	log_add(&supervisor->log, stream->name, 'P', stream->line, stream->filled);
	stream->filled = 0;
	log_flush(&supervisor->log);
}

/* Nothing writes any more, and what was written is in the pipes. Where the log or a client takes no more, something stays in hand. */
void streams_end(struct supervisor *supervisor)
{
	struct stream *streams[] = { &supervisor->output, &supervisor->errors };
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
		while (read_chunk(supervisor, streams[i]))
			;
		if (supervisor->chunk_size > 0)
			return;
		end_line(supervisor, streams[i]);
	}
}
