/* What no bundle can do without, whoever made it: FILE's bytes written into fresh memory, once, and COUNT files made there, of SIZE
   bytes each. Prints the least CPU time of ROUNDS in milliseconds, of either, each with taking it away again.

   bundle_floor FILE COUNT SIZE ROUNDS, as root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 2 << 20, MODE = 0755 };

static void fail(const char *what)
{
	fprintf(stderr, "bundle_floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void mount_fresh(const char *folder)
{
	if (mount("floor", folder, "tmpfs", 0, "huge=within_size,mode=755") < 0 || chdir(folder) < 0)
		fail("tmpfs");
}

static void take_away(const char *folder)
{
	if (chdir("/") < 0 || umount(folder) < 0)
		fail("umount");
}

static double copied(const char *folder, const char *bytes, size_t size)
{
	mount_fresh(folder);
	double begin = milliseconds();
	int file = open("copy", O_WRONLY | O_CREAT | O_CLOEXEC, MODE);
	if (file < 0 || ftruncate(file, (off_t)size) < 0)
		fail("copy");
	for (size_t done = 0, length; done < size; done += length) {
		length = size - done < PIECE ? size - done : PIECE;
		if (write(file, bytes + done, length) != (ssize_t)length)
			fail("write");
	}
	close(file);
	take_away(folder);
	return milliseconds() - begin;
}

static double made(const char *folder, const char *bytes, unsigned count, size_t size)
{
	char name[24];
	mount_fresh(folder);
	double begin = milliseconds();
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%u", i);
		int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
		if (file < 0 || write(file, bytes, size) != (ssize_t)size)
			fail(name);
		close(file);
	}
	take_away(folder);
	return milliseconds() - begin;
}

static double least(double one, double other)
{
	return one < other ? one : other;
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/whit-floor-XXXXXX";
	struct stat status;
	double copy = 1e9, make = 1e9;
	if (argc != 5)
		return 2;
	int file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) < 0)
		fail(argv[1]);
	const size_t size = (size_t)status.st_size, each = strtoul(argv[3], NULL, 10);
	char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (bytes == MAP_FAILED || each > size || !mkdtemp(folder))
		fail("begin");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("unshare");
	for (long rounds = strtol(argv[4], NULL, 10); rounds > 0; rounds--) {
		copy = least(copy, copied(folder, bytes, size));
		make = least(make, made(folder, bytes, (unsigned)strtoul(argv[2], NULL, 10), each));
	}
	rmdir(folder);
	printf("%.3f %.3f\n", copy, make);
	return 0;
}
