/* What a WASI program can do, one thing a verb. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int show_environment(void)
{
	for (char **one = environ; *one; one++)
		puts(*one);
	return 0;
}

static int copy(FILE *from)
{
	char line[4096];
	size_t got;
	if (!from)
		return perror("open"), 1;
	while ((got = fread(line, 1, sizeof(line), from)))
		fwrite(line, 1, got, stdout);
	return 0;
}

static int put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		return perror("write"), 1;
	return 0;
}

__attribute__((noinline)) static int dive(volatile int depth)
{
	volatile char frame[256];
	frame[0] = (char)depth;
	return dive(depth + 1) + frame[0];
}

static char *volatile eaten;

__attribute__((noinline)) static int eat(void)
{
	for (size_t taken = 0;; taken += 1 << 20) {
		char *piece = malloc(1 << 20);
		if (!piece)
			return printf("refused after %zu MiB\n", taken >> 20), 3;
		memset(piece, 1, 1 << 20);
		eaten = piece;
	}
}

__attribute__((noinline)) static void spin(void)
{
	for (volatile unsigned at = 0;; at++)
		;
}

static int clocks(void)
{
	struct timespec now, before, after;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_MONOTONIC, &before);
	usleep(1000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	int64_t passed = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	return printf("%lld %s\n", (long long)now.tv_sec, passed >= 1000000 ? "slept" : "woke early"), 0;
}

static int randoms(void)
{
	unsigned char bytes[16];
	if (getentropy(bytes, sizeof(bytes)))
		return 1;
	for (size_t at = 0; at < sizeof(bytes); at++)
		printf("%02x", bytes[at]);
	return puts(""), 0;
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "args";
	if (strcmp(verb, "env") == 0)
		return show_environment();
	if (strcmp(verb, "cat") == 0)
		return copy(count > 2 ? fopen(words[2], "r") : stdin);
	if (strcmp(verb, "put") == 0)
		return put(words[2], words[3]);
	if (strcmp(verb, "exit") == 0)
		exit(atoi(words[2]));
	if (strcmp(verb, "dive") == 0)
		return dive(0);
	if (strcmp(verb, "eat") == 0)
		return eat();
	if (strcmp(verb, "spin") == 0)
		spin();
	if (strcmp(verb, "sleep") == 0)
		return sleep(100);
	if (strcmp(verb, "clock") == 0)
		return clocks();
	if (strcmp(verb, "random") == 0)
		return randoms();
	if (strcmp(verb, "abort") == 0)
		abort();
	for (int at = 0; at < count; at++)
		puts(words[at]);
	return 0;
}
