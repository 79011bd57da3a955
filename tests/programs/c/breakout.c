/* Tries what Landlock and a strict sandbox are there to stop. Each argument is one try, KIND or KIND=WHERE; prints "KIND done" or why not. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fresh(const char *path, const void *data, size_t size)
{
	int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (file < 0)
		return -1;
	int failed = write(file, data, size) != (ssize_t)size || fchmod(file, 0755) != 0;
	close(file);
	return failed ? -1 : 0;
}

/* Executes it and waits; EPROTO where it ends otherwise than well. */
static int start(int folder, const char *path, char *const words[])
{
	/* By vfork the parent learns of the error. */
	volatile int error = 0;
	int status = 0;
	pid_t child = vfork();
	if (child == 0) {
		syscall(SYS_execveat, folder, path, words, NULL, *path ? 0 : AT_EMPTY_PATH);
		error = errno;
		_exit(1);
	}
	waitpid(child, &status, 0);
	errno = error ? error : EPROTO;
	return status ? -1 : 0;
}

static int drop(const char *path)
{
	static const char script[] = "#!/breakout\n";
	if (fresh(path, script, sizeof(script) - 1))
		return -1;
	char *const words[] = { (char *)path, NULL };
	return start(AT_FDCWD, path, words);
}

/* A file without a name; `flags` beside close-on-exec. */
static int nameless(unsigned flags)
{
	int file = memfd_create("x", MFD_CLOEXEC | flags), self = open("/proc/self/exe", O_RDONLY);
	while (file >= 0 && sendfile(file, self, NULL, 1 << 20) > 0)
		;
	close(self);
	return file;
}

static int execute_nameless(int by_path)
{
	char *const words[] = { "x", NULL };
	char path[64];
	int file = nameless(0);
	if (file < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return by_path ? start(AT_FDCWD, path, words) : start(file, "", words);
}

static int map_nameless(unsigned flags)
{
	int file = nameless(flags);
	void *at = file < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
	return at == MAP_FAILED ? -1 : 0;
}

/* What the loader maps nobody asks Landlock about. */
static int load(const char *path)
{
	char *const words[] = { "ld.so", (char *)path, NULL };
	int self = open("/proc/self/exe", O_RDONLY), file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	while (file >= 0 && sendfile(file, self, NULL, 1 << 20) > 0)
		;
	close(self);
	close(file);
	return file < 0 ? -1 : start(AT_FDCWD, "/lib64/ld-linux-x86-64.so.2", words);
}

static int map(const char *path)
{
	if (fresh(path, "\xc3", 1))
		return -1;
	int file = open(path, O_RDONLY);
	void *at = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
	return at == MAP_FAILED ? -1 : 0;
}

static int generate(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static int listen_at(const char *port, int protocol)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int socket_ = socket(AF_INET, SOCK_STREAM, protocol);
	return socket_ < 0 ? -1 : bind(socket_, (struct sockaddr *)&address, sizeof(address));
}

/* Whether it is let out to try: nobody needs to be there. */
static int connect_to(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int socket_ = socket(AF_INET, SOCK_STREAM, 0);
	if (socket_ < 0)
		return -1;
	return connect(socket_, (struct sockaddr *)&address, sizeof(address)) && errno != ECONNREFUSED ? -1 : 0;
}

static int try(const char *kind, const char *where)
{
	if (strcmp(kind, "drop") == 0)
		return drop(where);
	if (strcmp(kind, "map") == 0)
		return map(where);
	if (strcmp(kind, "write") == 0)
		return fresh(where, "", 0);
	if (strcmp(kind, "generate") == 0)
		return generate();
	if (strcmp(kind, "nameless") == 0)
		return execute_nameless(0);
	if (strcmp(kind, "nameless-by-path") == 0)
		return execute_nameless(1);
	if (strcmp(kind, "map-nameless") == 0)
		return map_nameless(0);
	if (strcmp(kind, "map-sealed") == 0)
		return map_nameless(8); /* MFD_NOEXEC_SEAL */
	if (strcmp(kind, "load") == 0)
		return load(where);
	if (strcmp(kind, "memfd") == 0)
		return memfd_create("x", 0) < 0 ? -1 : 0;
	if (strcmp(kind, "bind") == 0)
		return listen_at(where, 0);
	if (strcmp(kind, "mptcp") == 0)
		return listen_at(where, 262);
	if (strcmp(kind, "connect") == 0)
		return connect_to(where);
	if (strcmp(kind, "unix") == 0)
		return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -1 : 0;
	errno = EINVAL;
	return -1;
}

int main(int count, char **words)
{
	for (int i = 1; i < count; i++) {
		char *where = strchr(words[i], '=');
		if (where)
			*where++ = 0;
		printf("%s %s\n", words[i], try(words[i], where) ? strerror(errno) : "done");
	}
	return 0;
}
