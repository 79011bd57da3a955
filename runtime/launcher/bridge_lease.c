/* Addresses of programs in the foreground, as links in networks/NAME/leases: the same as those of containers that are kept,
   but that the ID says which they are, and nothing else is known of them. All under the lock of the networks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "bridge.h"
#include "kernel.h"
#include "netlink.h"
#include "util.h"

enum { ADDRESS_DIGITS = 8, DIGIT_BITS = 4, NUMBER_BITS = 20, OWNER_ONLY = 0600 };

static const char digits[] = "0123456789abcdef";

int network_open(struct network_folders *folders, const char *path, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	*folders = (struct network_folders){ NO_FD, NO_FD, NO_FD, NO_FD };
	CLEANUP_FD int networks = open(path, flags);
	if (networks < 0)
		return -errno;
	folders->lock = openat(networks, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, OWNER_ONLY);
	if (folders->lock < 0 || flock(folders->lock, LOCK_EX) < 0)
		return -errno;
	folders->network = openat(networks, name, flags);
	if (folders->network < 0)
		return -errno;
	folders->leases = openat(folders->network, "leases", flags);
	folders->hosts = openat(folders->network, "hosts", flags);
	return folders->leases < 0 || folders->hosts < 0 ? -errno : 0;
}

void network_close(const struct network_folders *folders)
{
	close_fd(&folders->hosts);
	close_fd(&folders->leases);
	close_fd(&folders->network);
	close_fd(&folders->lock);
}

static void put_hexadecimal(char *text, uint64_t number, unsigned length)
{
	for (unsigned i = length; i > 0; i--, number >>= DIGIT_BITS)
		text[i - 1] = digits[number & 0xf];
}

static int put_address(char text[ADDRESS_SIZE], uint32_t address)
{
	size_t at = 0;
	for (int shift = 24; shift >= 0; shift -= 8) {
		int error = append_number(text, ADDRESS_SIZE, &at, address >> shift & 0xff);
		error = error || shift == 0 ? error : append(text, ADDRESS_SIZE, &at, ".");
		if (error)
			return error;
	}
	return 0;
}

void end_name(char name[END_NAME_SIZE], uint64_t network_id, uint32_t address)
{
	memcpy(name, "wv", 2);
	put_hexadecimal(name + 2, network_id ^ (uint64_t)address << NUMBER_BITS, LEASE_DIGITS);
	name[END_NAME_SIZE - 1] = 0;
}

/* The address of a program in the foreground, which its ID begins with; 0 for a container that is kept. */
static uint32_t address_of(const char *id, const char *named)
{
	char text[ADDRESS_SIZE];
	uint32_t address = 0;
	for (unsigned i = 0; i < ADDRESS_DIGITS; i++) {
		const char *digit = id[i] ? strchr(digits, id[i]) : NULL;
		if (!digit)
			return 0;
		address = address << DIGIT_BITS | (uint32_t)(digit - digits);
	}
	for (unsigned i = ADDRESS_DIGITS; i < LEASE_DIGITS; i++)
		if (id[i] != '0')
			return 0;
	return put_address(text, address) == 0 && strcmp(text, named) == 0 ? address : 0;
}

static int read_owner(const struct network_folders *folders, const char *address, char id[LEASE_ID_SIZE])
{
	ssize_t length = readlinkat(folders->leases, address, id, LEASE_ID_SIZE - 1);
	if (length < 0)
		return -errno;
	id[length] = 0;
	return 0;
}

void leases_collect(const struct network_folders *folders, int host, uint64_t network_id)
{
	struct listing listing;
	const struct listed *entry;
	list_from(&listing, folders->leases);
	while ((entry = list_next(&listing)) != NULL) {
		char id[LEASE_ID_SIZE], end[END_NAME_SIZE];
		uint32_t address = read_owner(folders, entry->name, id) ? 0 : address_of(id, entry->name);
		end_name(end, network_id, address);
		if (!address || link_index(host, end) != -ENODEV)
			continue;
		unlinkat(folders->hosts, entry->name, 0);
		unlinkat(folders->leases, entry->name, 0);
	}
}

int lease_take(const struct network_folders *folders, uint32_t address, struct lease *lease)
{
	unsigned char random[(LEASE_ID_SIZE - 1 - LEASE_DIGITS + 1) / 2];
	struct lease mine = { 0 };
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	put_hexadecimal(mine.id, address, ADDRESS_DIGITS);
	memset(mine.id + ADDRESS_DIGITS, '0', LEASE_DIGITS - ADDRESS_DIGITS);
	for (unsigned i = LEASE_DIGITS; i < LEASE_ID_SIZE - 1; i++)
		mine.id[i] = digits[random[(i - LEASE_DIGITS) / 2] >> (i % 2 ? DIGIT_BITS : 0) & 0xf];
	int error = put_address(mine.address, address);
	if (error)
		return error;
	if (symlinkat(mine.id, folders->leases, mine.address) < 0)
		return -errno;
	*lease = mine;
	return 0;
}

void lease_give_back(const struct network_folders *folders, const struct lease *lease)
{
	char id[LEASE_ID_SIZE];
	/* Somebody may have found that we have ended, and given the address to another one. */
	if (read_owner(folders, lease->address, id) || strcmp(id, lease->id) != 0)
		return;
	unlinkat(folders->hosts, lease->address, 0);
	unlinkat(folders->leases, lease->address, 0);
}
