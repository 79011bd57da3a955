/* The sum by which a bundle notices damage, as fast as memory is read on any machine: eight words stand side by side, of which two
   are added at once where there is no more than SSE2 or NEON. */
#include <string.h>

#include "bundle.h"

enum { LANES = 8, LINE = LANES * sizeof(uint64_t), BELOW = 59 };

/* Two words of a line; arithmetic on them is modulo 2^64. */
typedef uint64_t pair __attribute__((vector_size(16)));

static pair pair_at(const unsigned char *at)
{
	pair words;
	memcpy(&words, at, sizeof(words));
	return words;
}

/* Lanes of a page: line r of 64 counts 129 - 2r times. Such a factor is odd, so no change of a word is lost, and each line has
   another one, so lines that change places are noticed. */
static void weigh(const unsigned char *page, uint64_t lanes[LANES])
{
	pair a[4] = { { 0 } }, b[4] = { { 0 } };
	for (const unsigned char *at = page, *end = page + BUNDLE_PAGE; at < end; at += LINE) {
		a[0] += pair_at(at);
		b[0] += a[0];
		a[1] += pair_at(at + 16);
		b[1] += a[1];
		a[2] += pair_at(at + 32);
		b[2] += a[2];
		a[3] += pair_at(at + 48);
		b[3] += a[3];
	}
	for (int i = 0; i < 4; i++) {
		const pair both = a[i] + b[i] + b[i];
		memcpy(lanes + 2 * i, &both, sizeof(both));
	}
}

/* Modulo 2^64 - 59: what stands above 64 bits counts 59 times below them. */
static uint64_t reduced(unsigned __int128 number)
{
	for (int i = 0; i < 3; i++)
		number = (uint64_t)number + (number >> 64) * BELOW;
	uint64_t low = (uint64_t)number, prime = UINT64_MAX - BELOW + 1;
	return low >= prime ? low - prime : low;
}

static uint64_t with_page(uint64_t sum, const unsigned char *page)
{
	uint64_t lanes[LANES];
	weigh(page, lanes);
	for (int i = 0; i < LANES; i++)
		sum = reduced((unsigned __int128)sum * BELOW + lanes[i]);
	return sum;
}

uint64_t bundle_sum(uint64_t sum, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	for (; length >= BUNDLE_PAGE; length -= BUNDLE_PAGE, at += BUNDLE_PAGE)
		sum = with_page(sum, at);
	if (length > 0) {
		unsigned char page[BUNDLE_PAGE] = { 0 };
		memcpy(page, at, length);
		sum = with_page(sum, page);
	}
	return sum;
}
