/* The names of what is kept of bundles, and which of it nobody needs any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "bundle_keep.h"
#include "kernel.h"
#include "util.h"

enum { BOOT_TEXT_SIZE = 64, DIGITS_A_NUMBER = 16, HEXADECIMAL = 16 };

/* A UUID: 32 digits, and dashes between them. */
int current_boot(uint64_t *boot)
{
	char text[BOOT_TEXT_SIZE];
	unsigned count = 0;
	ssize_t length = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
	if (length < 0)
		return (int)length;
	boot[0] = boot[1] = 0;
	for (const char *at = text; *at && count < BOOT_NUMBERS * DIGITS_A_NUMBER; at++) {
		int digit = hexadecimal(*at);
		if (digit < 0)
			continue;
		uint64_t *number = &boot[count++ / DIGITS_A_NUMBER];
		*number = *number * HEXADECIMAL + (uint64_t)digit;
	}
	return count == BOOT_NUMBERS * DIGITS_A_NUMBER ? 0 : -EINVAL;
}

static int append_numbers(char *name, size_t *at, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (append(name, KEPT_NAME_SIZE, at, *at ? "-" : "") || append_number(name, KEPT_NAME_SIZE, at, numbers[i]))
			return -ENAMETOOLONG;
	return 0;
}

int kept_name(char *name, const struct stat *file, const uint64_t *boot)
{
	const uint64_t numbers[FILE_NUMBERS] = {
		(uint64_t)file->st_dev, (uint64_t)file->st_ino, (uint64_t)file->st_size, (uint64_t)file->st_mtim.tv_sec, (uint64_t)file->st_mtim.tv_nsec,
		(uint64_t)file->st_ctim.tv_sec, (uint64_t)file->st_ctim.tv_nsec,
	};
	size_t at = 0;
	*name = 0;
	int error = append_numbers(name, &at, numbers, FILE_NUMBERS);
	return error || !boot ? error : append_numbers(name, &at, boot, BOOT_NUMBERS);
}

int unfinished_name(char *text, size_t size, const char *name)
{
	size_t at = 0;
	uint64_t number;
	/* A process's number is another one's, too, in another PID namespace, or after it was killed. */
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	*text = 0;
	if (append(text, size, &at, UNFINISHED) || append_number(text, size, &at, number) || append(text, size, &at, "-") || append(text, size, &at, name))
		return -ENAMETOOLONG;
	return 0;
}

/* How many numbers a name is made of; 0 if it is another kind of name. */
static unsigned count_numbers(const char *name)
{
	unsigned numbers = 0;
	for (; *name; numbers++) {
		size_t length = strspn(name, "0123456789");
		if (!length || (name[length] && (name[length] != '-' || !name[length + 1])))
			return 0;
		name += length + (name[length] == '-');
	}
	return numbers;
}

static int is_unfinished(const char *name)
{
	if (strncmp(name, UNFINISHED, strlen(UNFINISHED)) != 0)
		return 0;
	unsigned numbers = count_numbers(name + strlen(UNFINISHED));
	return numbers == 1 + FILE_NUMBERS || numbers == 1 + FILE_NUMBERS + BOOT_NUMBERS;
}

/* Whether what is kept under that name is no longer what the bundle, at its path, would have kept since this boot. */
static int is_outdated(int kept, const char *name, const uint64_t *boot)
{
	char path[LINK_SIZE], now[KEPT_NAME_SIZE];
	struct stat status;
	ssize_t length = readlinkat(kept, "of", path, sizeof(path) - 1);
	if (length < 0)
		return errno == ENOENT;
	path[length] = 0;
	return stat(path, &status) < 0 || kept_name(now, &status, boot) || strcmp(now, name) != 0;
}

static void remove_kept(int folder, const char *name)
{
	char unfinished[KEPT_NAME_SIZE + 32];
	/* From here on nobody finds it, though it takes a while. */
	if (unfinished_name(unfinished, sizeof(unfinished), name) == 0 && renameat(folder, name, folder, unfinished) == 0)
		bundle_remove(folder, unfinished);
}

/* Who fills a folder in, or runs from it, holds its lock, and nobody else's is removed: not where locks can't be had, either. */
void remove_stale(int folder, const uint64_t *boot)
{
	struct listing listing;
	const struct listed *found;
	list_from(&listing, folder);
	while ((found = list_next(&listing))) {
		int is_left = is_unfinished(found->name), is_own = boot && count_numbers(found->name) == FILE_NUMBERS + BOOT_NUMBERS;
		CLEANUP_FD int kept = is_left || is_own ? openat(folder, found->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (kept < 0 || (is_own && !is_outdated(kept, found->name, boot)) || flock(kept, LOCK_EX | LOCK_NB) < 0 || !is_still(folder, found->name, kept))
			continue;
		if (is_left)
			bundle_remove(folder, found->name);
		else
			remove_kept(folder, found->name);
	}
}
