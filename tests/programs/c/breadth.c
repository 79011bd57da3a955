/* What POSIX and WASI have in common, in an empty folder that it is given: each line is a call and what came of it, so that the
   same program as a process says what it has to say as WebAssembly. "breadth FOLDER", with a line in standard input. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long tell(const char *what, long got)
{
	if (got < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %ld\n", what, got);
	return got;
}

/* Whether it can be done, where the number itself is nobody's matter. */
static int can(const char *what, int got)
{
	tell(what, got < 0 ? -1 : 0);
	return got;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		can(path, -1);
	close(fd);
}

static void show(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		can(path, -1);
		return;
	}
	long got = read(fd, text, sizeof(text) - 1);
	printf("%s holds %ld bytes: %s\n", path, got, text);
	close(fd);
}

static long size_of(const char *path)
{
	struct stat found;
	return stat(path, &found) ? -1 : (long)found.st_size;
}

static void files(void)
{
	char text[16] = "";
	int fd = can("create", open("file", O_RDWR | O_CREAT | O_EXCL, 0644));
	can("create again", open("file", O_RDWR | O_CREAT | O_EXCL, 0644));
	tell("write", write(fd, "0123456789", 10));
	tell("pwrite", pwrite(fd, "ab", 2, 3));
	tell("pread", pread(fd, text, 6, 2));
	printf("%s\n", text);
	tell("pread at its end", pread(fd, text, 6, 10));
	tell("position", lseek(fd, 0, SEEK_CUR));
	tell("truncate", ftruncate(fd, 4));
	tell("size", size_of("file"));
	tell("grow", ftruncate(fd, 6));
	tell("size", size_of("file"));
	tell("truncate to less than nothing", ftruncate(fd, -1));
	tell("sync", fsync(fd));
	tell("sync data", fdatasync(fd));
	tell("close", close(fd));
	tell("close again", close(fd));
	tell("write when closed", write(fd, "x", 1));
	fd = open("file", O_RDONLY);
	tell("write what is open to read", write(fd, "x", 1));
	tell("truncate what is open to read", ftruncate(fd, 0));
	close(fd);
	fd = open("file", O_WRONLY);
	tell("read what is open to write", read(fd, text, 1));
	close(fd);
	can("open what isn't there", open("nothing", O_RDONLY));
	can("open below a file", open("file/x", O_RDONLY));
	can("open a file as a folder", open("file", O_RDONLY | O_DIRECTORY));
	can("open with O_TRUNC", close(open("file", O_WRONLY | O_TRUNC)));
	tell("size", size_of("file"));
	tell("access", access("file", R_OK));
	tell("access to what isn't there", access("nothing", F_OK));
	tell("unlink", unlink("file"));
	tell("unlink again", unlink("file"));
}

static void appended(void)
{
	put("log", "one\n");
	int fd = open("log", O_WRONLY | O_APPEND);
	tell("is to append", (fcntl(fd, F_GETFL) & O_APPEND) != 0);
	tell("append", write(fd, "two\n", 4));
	lseek(fd, 0, SEEK_SET);
	tell("append at the start", write(fd, "three\n", 6));
	close(fd);
	show("log");
	fd = open("log", O_WRONLY);
	tell("set to append", fcntl(fd, F_SETFL, O_APPEND));
	tell("is to append", (fcntl(fd, F_GETFL) & O_APPEND) != 0);
	tell("append", write(fd, "four\n", 5));
	tell("set to no more", fcntl(fd, F_SETFL, 0));
	tell("write", write(fd, "ONE", 0));
	close(fd);
	show("log");
	unlink("log");
}

static void seeks(void)
{
	char text[8] = "";
	int fd = open("holes", O_RDWR | O_CREAT, 0644);
	tell("seek beyond", lseek(fd, 100000, SEEK_SET));
	tell("write there", write(fd, "end", 3));
	tell("size", size_of("holes"));
	tell("from the end", lseek(fd, -5, SEEK_END));
	tell("read", read(fd, text, 5));
	printf("%d %d %s\n", text[0], text[1], text + 2);
	tell("back", lseek(fd, -1, SEEK_CUR));
	tell("before the start", lseek(fd, -1, SEEK_SET));
	tell("where it was", lseek(fd, 0, SEEK_CUR));
	close(fd);
	tell("in a pipe", lseek(0, 0, SEEK_CUR));
	unlink("holes");
}

static int by_name(const void *one, const void *other)
{
	return strcmp(one, other);
}

static void list(const char *path)
{
	static char names[512][32];
	size_t count = 0;
	DIR *folder = opendir(path);
	if (!folder) {
		can(path, -1);
		return;
	}
	for (struct dirent *one; (one = readdir(folder)) && count < 512; count++)
		snprintf(names[count], sizeof(names[0]), "%.20s %s", one->d_name,
			 one->d_type == DT_DIR ? "folder" : one->d_type == DT_LNK ? "link" : "file");
	rewinddir(folder);
	size_t again = 0;
	while (readdir(folder))
		again++;
	closedir(folder);
	qsort(names, count, sizeof(names[0]), by_name);
	printf("%s has %zu, and %zu when read again:", path, count, again);
	for (size_t at = 0; at < count && at < 8; at++)
		printf(" %s,", names[at]);
	puts("");
}

static void folders(void)
{
	tell("mkdir", mkdir("folder", 0755));
	tell("mkdir again", mkdir("folder", 0755));
	tell("mkdir in what isn't there", mkdir("nowhere/folder", 0755));
	tell("mkdir of more than one name", mkdir("folder/inner", 0755));
	put("folder/file", "x");
	symlink("file", "folder/link");
	list("folder");
	tell("rmdir what isn't empty", rmdir("folder"));
	tell("rmdir a file", rmdir("folder/file"));
	tell("unlink a folder", unlink("folder/inner") ? 0 : 1);
	can("open a folder to write", open("folder", O_WRONLY));
	int at = can("open a folder", open("folder", O_RDONLY | O_DIRECTORY));
	can("open from it", close(openat(at, "file", O_RDONLY)));
	can("up and down again", close(openat(at, "inner/../file", O_RDONLY)));
	close(at);
	for (int number = 0; number < 300; number++) {
		char path[64];
		snprintf(path, sizeof(path), "folder/inner/%03d-with-a-long-name", number);
		put(path, "");
	}
	list("folder/inner");
	for (int number = 0; number < 300; number++) {
		char path[64];
		snprintf(path, sizeof(path), "folder/inner/%03d-with-a-long-name", number);
		if (unlink(path))
			can(path, -1);
	}
	unlink("folder/link");
	unlink("folder/file");
	tell("rmdir", rmdir("folder/inner"));
	tell("rmdir", rmdir("folder"));
	tell("rmdir again", rmdir("folder"));
}

static void renames(void)
{
	put("one", "1");
	put("two", "2");
	tell("rename", rename("one", "three"));
	tell("rename what isn't there", rename("one", "four"));
	tell("rename over another", rename("three", "two"));
	show("two");
	mkdir("from", 0755);
	mkdir("to", 0755);
	put("from/file", "x");
	tell("a folder over an empty one", rename("from", "to"));
	show("to/file");
	mkdir("from", 0755);
	tell("a folder over a full one", rename("from", "to"));
	tell("a folder over a file", rename("from", "two"));
	tell("a file over a folder", rename("two", "from"));
	tell("a folder into itself", rename("to", "to/inner"));
	tell("into a folder", rename("two", "from/two"));
	tell("onto itself", rename("from/two", "from/two"));
	show("from/two");
	unlink("from/two");
	unlink("to/file");
	rmdir("from");
	rmdir("to");
}

static void links(void)
{
	char target[32] = "";
	struct stat found;
	put("file", "x");
	tell("symlink", symlink("file", "link"));
	tell("symlink again", symlink("file", "link"));
	tell("readlink", readlink("link", target, sizeof(target)));
	puts(target);
	tell("readlink into less", readlink("link", target, 2));
	tell("readlink of a file", readlink("file", target, sizeof(target)));
	tell("is a link", lstat("link", &found) == 0 && S_ISLNK(found.st_mode));
	tell("leads to a file", stat("link", &found) == 0 && S_ISREG(found.st_mode));
	show("link");
	can("not through a link", open("link", O_RDONLY | O_NOFOLLOW));
	symlink("nothing", "dangling");
	can("through one that dangles", open("dangling", O_RDONLY));
	can("create through one that is there", open("link", O_RDWR | O_CREAT | O_EXCL, 0644));
	symlink("b", "a");
	symlink("a", "b");
	can("in a circle", open("a", O_RDONLY));
	tell("link", link("file", "same"));
	tell("link again", link("file", "same"));
	tell("names", stat("same", &found) ? -1 : (long)found.st_nlink);
	tell("link to what isn't there", link("nothing", "other"));
	put("same", "by its other name");
	show("file");
	static const char *const all[] = { "file", "same", "link", "dangling", "a", "b" };
	for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++)
		tell("unlink", unlink(all[at]));
}

static void show_times(const char *path)
{
	struct stat found;
	if (lstat(path, &found)) {
		can(path, -1);
		return;
	}
	printf("%s: read %lld.%09ld, written %lld.%09ld\n", path, (long long)found.st_atim.tv_sec, found.st_atim.tv_nsec,
	       (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
}

static void times(void)
{
	const struct timespec set[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };
	const struct timespec written[2] = { { 0, UTIME_OMIT }, { 1200000000, 5 } };
	const struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
	struct stat found;
	put("file", "x");
	symlink("file", "link");
	tell("set times", utimensat(AT_FDCWD, "file", set, 0));
	show_times("file");
	tell("of one only", utimensat(AT_FDCWD, "link", written, 0));
	show_times("file");
	tell("of a link", utimensat(AT_FDCWD, "link", set, AT_SYMLINK_NOFOLLOW));
	show_times("link");
	int fd = open("file", O_RDWR);
	tell("by descriptor", futimens(fd, set));
	show_times("file");
	tell("now", futimens(fd, now));
	tell("is now", fstat(fd, &found) == 0 && llabs((long long)(time(NULL) - found.st_mtim.tv_sec)) < 60);
	tell("of what isn't there", utimensat(AT_FDCWD, "nothing", set, 0));
	close(fd);
	unlink("link");
	unlink("file");
}

static int64_t now_of(clockid_t clock)
{
	struct timespec now;
	return clock_gettime(clock, &now) ? -1 : now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void waits(void)
{
	struct pollfd one = { .fd = 0, .events = POLLIN };
	char line[64] = "";
	tell("poll input", poll(&one, 1, 10000));
	tell("there is some", (one.revents & POLLIN) != 0);
	tell("read", read(0, line, sizeof(line) - 1));
	printf("%s", line);
	one = (struct pollfd){ .fd = 1, .events = POLLOUT };
	tell("poll output", poll(&one, 1, 10000));
	int64_t before = now_of(CLOCK_MONOTONIC);
	tell("poll nothing", poll(NULL, 0, 20));
	tell("waited", now_of(CLOCK_MONOTONIC) - before >= 20000000);
	const struct timespec pause = { 0, 5000000 };
	before = now_of(CLOCK_MONOTONIC);
	tell("nanosleep", nanosleep(&pause, NULL));
	tell("slept", now_of(CLOCK_MONOTONIC) - before >= 5000000);
	struct timespec step;
	tell("resolution", clock_getres(CLOCK_MONOTONIC, &step));
	tell("is known", step.tv_sec == 0 && step.tv_nsec > 0);
	tell("it is after 2020", now_of(CLOCK_REALTIME) / 1000000000 > 1577836800);
	tell("terminals", isatty(0) + isatty(1) + isatty(2));
}

static void randoms(void)
{
	static unsigned char one[256], other[256], large[1 << 16];
	tell("random", getentropy(one, sizeof(one)));
	tell("random again", getentropy(other, sizeof(other)));
	tell("differ", memcmp(one, other, sizeof(one)) != 0);
	for (size_t at = 0; at < sizeof(large); at += 256)
		getentropy(large + at, 256);
	size_t counts[256] = { 0 }, least = sizeof(large);
	for (size_t at = 0; at < sizeof(large); at++)
		counts[large[at]]++;
	for (size_t at = 0; at < 256; at++)
		least = counts[at] < least ? counts[at] : least;
	tell("each byte comes", least > 100);
}

int main(int count, char **words)
{
	if (count != 2 || chdir(words[1]))
		return perror("breadth"), 2;
	files();
	appended();
	seeks();
	folders();
	renames();
	links();
	times();
	waits();
	randoms();
	list(".");
	fprintf(stderr, "and to standard error\n");
	return 42;
}
