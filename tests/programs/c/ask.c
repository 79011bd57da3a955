/* A component of WASI 0.2 that asks a server over HTTP, by wasi:http's functions as the canonical ABI has them:
   ask http|https AUTHORITY PATH prints the answer's status and its body, or the error's number in wasi:http's error-code.
   With SERVICE it is a service that is asked for /AUTHORITY/PATH, and answers with what it is told there. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FROM(module, name) __attribute__((import_module(module), import_name(name)))
#define TYPES "wasi:http/types@0.2.12"

FROM(TYPES, "[constructor]fields") int32_t make_fields(void);
FROM(TYPES, "[constructor]outgoing-request") int32_t make_request(int32_t fields);
FROM(TYPES, "[method]outgoing-request.set-scheme")
int32_t set_scheme(int32_t request, int32_t some, int32_t scheme, const char *other, size_t size);
FROM(TYPES, "[method]outgoing-request.set-authority")
int32_t set_authority(int32_t request, int32_t some, const char *text, size_t size);
FROM(TYPES, "[method]outgoing-request.set-path-with-query")
int32_t set_path(int32_t request, int32_t some, const char *text, size_t size);
FROM("wasi:http/outgoing-handler@0.2.12", "handle")
void handle(int32_t request, int32_t some, int32_t options, void *result);
FROM(TYPES, "[method]future-incoming-response.subscribe") int32_t subscribe(int32_t future);
FROM(TYPES, "[method]future-incoming-response.get") void get(int32_t future, void *result);
FROM(TYPES, "[method]incoming-response.status") int32_t status_of(int32_t response);
FROM(TYPES, "[method]incoming-response.consume") void consume(int32_t response, void *result);
FROM(TYPES, "[method]incoming-body.stream") void stream_of(int32_t body, void *result);
FROM("wasi:io/poll@0.2.12", "[method]pollable.block") void block(int32_t pollable);
FROM("wasi:io/streams@0.2.12", "[method]input-stream.blocking-read")
void blocking_read(int32_t stream, int64_t most, void *result);

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t size, size_t align, size_t wanted)
{
	(void)size;
	(void)align;
	return realloc(old, wanted);
}

/* Where a function leaves its result. */
static union {
	uint8_t bytes[64];
	int32_t words[16];
	int64_t aligned;
} left;

/* Asks, and waits for the answer: 0, or what kept it from one. Whatever it made is in "left". */
static uint8_t ask(int is_secret, const char *authority, size_t authority_size, const char *path, size_t path_size)
{
	int32_t request = make_request(make_fields());
	if (set_scheme(request, 1, is_secret, "", 0) || set_authority(request, 1, authority, authority_size) ||
	    set_path(request, 1, path, path_size))
		return 255;
	handle(request, 0, 0, &left);
	if (left.bytes[0])
		return left.bytes[8];
	int32_t future = left.words[2];
	block(subscribe(future));
	get(future, &left);
	return left.bytes[16] ? left.bytes[24] : 0;
}

static int32_t open_body(int32_t response)
{
	consume(response, &left);
	stream_of(left.words[1], &left);
	return left.words[1];
}

#ifdef SERVICE

FROM(TYPES, "[method]incoming-request.path-with-query") void path_of(int32_t request, void *result);
FROM(TYPES, "[constructor]outgoing-response") int32_t make_response(int32_t fields);
FROM(TYPES, "[method]outgoing-response.set-status-code") int32_t set_status(int32_t response, int32_t code);
FROM(TYPES, "[method]outgoing-response.body") void body_of(int32_t response, void *result);
FROM(TYPES, "[method]outgoing-body.write") void open_to_write(int32_t body, void *result);
FROM(TYPES, "[static]outgoing-body.finish") void finish(int32_t body, int32_t some, int32_t trailers, void *result);
FROM(TYPES, "[static]response-outparam.set")
void answer(int32_t out, int32_t failed, int32_t response, int32_t, int64_t, int32_t, int32_t, int32_t, int32_t);
FROM("wasi:io/streams@0.2.12", "[method]output-stream.blocking-write-and-flush")
void blocking_write(int32_t stream, const void *data, size_t size, void *result);
FROM("wasi:io/streams@0.2.12", "[resource-drop]output-stream") void drop_stream(int32_t stream);

__attribute__((export_name("wasi:http/incoming-handler@0.2.12#handle"))) void serve(int32_t request, int32_t out)
{
	path_of(request, &left);
	const char *authority = (const char *)left.words[1] + 1;
	size_t size = (size_t)left.words[2] - 1, host = 0;
	while (host < size && authority[host] != '/')
		host++;
	uint8_t error = ask(0, authority, host, authority + host, size - host);
	int32_t from = error ? 0 : left.words[6], response = make_response(make_fields());
	set_status(response, error ? 500 + error : status_of(from));
	body_of(response, &left);
	int32_t body = left.words[1];
	answer(out, 0, response, 0, 0, 0, 0, 0, 0);
	open_to_write(body, &left);
	int32_t stream = left.words[1], source = error ? 0 : open_body(from);
	while (!error && (blocking_read(source, 4096, &left), left.bytes[0] == 0)) {
		void *piece = (void *)left.words[1];
		blocking_write(stream, piece, (size_t)left.words[2], &left);
		free(piece);
	}
	drop_stream(stream);
	finish(body, 0, 0, &left);
}

#else

static int failed(uint8_t code)
{
	return printf("error %d\n", code), 1;
}

static int print_body(int32_t response)
{
	int32_t stream = open_body(response);
	while (blocking_read(stream, 4096, &left), left.bytes[0] == 0) {
		fwrite((const void *)left.words[1], 1, (size_t)left.words[2], stdout);
		free((void *)left.words[1]);
	}
	/* Closed is its end; anything else is a failure in the middle. */
	return left.bytes[4] == 1 ? 0 : (puts("cut short"), 1);
}

int main(int count, char **words)
{
	if (count < 4)
		return 2;
	uint8_t error = ask(strcmp(words[1], "https") == 0, words[2], strlen(words[2]), words[3], strlen(words[3]));
	if (error)
		return failed(error);
	int32_t response = left.words[6];
	printf("%d\n", status_of(response));
	return print_body(response);
}

#endif
