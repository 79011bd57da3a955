/* An OCI runtime between an engine and a real one: runs RUNTIME with the same arguments, and adds a line "VERB NANOSECONDS" to LOG. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

static const char *verb_of(char **words)
{
	static const char *const verbs[] = { "create", "start", "state", "kill", "delete", "exec", "run" };
	for (; *words; words++)
		for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
			if (strcmp(*words, verbs[i]) == 0)
				return verbs[i];
	return "other";
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;
	char line[128], program[] = RUNTIME;
	long long begin = now();
	if (argc < 1 || posix_spawn(&child, program, NULL, NULL, argv, environ) != 0)
		return 1;
	while (waitpid(child, &status, 0) < 0)
		;
	int length = snprintf(line, sizeof(line), "%s %lld\n", verb_of(argv + 1), now() - begin);
	int log = open(LOG, O_WRONLY | O_APPEND | O_CREAT, 0644);
	if (log < 0 || write(log, line, (size_t)length) != length)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
