/* Where a file is cut by content: FastCDC (Xia et al., USENIX ATC 2016) with normalised chunking.
 * chunks FILE BITS prints the sizes of its chunks, one a line, of 2^BITS bytes on average, a quarter to eight times that. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static uint64_t gear[256];

static void fill_gear(void)
{
	uint64_t state = 1; /* splitmix64: any fixed numbers do */

	for (int i = 0; i < 256; i++) {
		uint64_t z = state += 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		gear[i] = z ^ (z >> 31);
	}
}

static size_t cut(const uint8_t *data, size_t left, int bits)
{
	const size_t average = (size_t)1 << bits;
	const size_t least = average / 4, most = average * 8;
	const uint64_t strict = ~0ULL << (64 - bits - 2), loose = ~0ULL << (64 - bits + 2);
	const size_t end = left < most ? left : most;
	uint64_t hash = 0;

	if (left <= least)
		return left;
	for (size_t at = least; at < end; at++) {
		hash = (hash << 1) + gear[data[at]];
		if (!(hash & (at < average ? strict : loose)))
			return at + 1;
	}
	return end;
}

int main(int argc, char **argv)
{
	struct stat state;
	int file = argc == 3 ? open(argv[1], O_RDONLY) : -1;
	int bits = argc == 3 ? atoi(argv[2]) : 0;

	if (file < 0 || fstat(file, &state) < 0 || bits < 8 || bits > 24)
		return 1;
	fill_gear();
	const size_t size = (size_t)state.st_size;
	const uint8_t *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);

	if (data == MAP_FAILED)
		return 1;
	for (size_t at = 0; at < size;) {
		size_t chunk = cut(data + at, size - at, bits);

		printf("%zu\n", chunk);
		at += chunk;
	}
	return 0;
}
