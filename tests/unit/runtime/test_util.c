/* The launcher's small helpers, under ASan and UBSan: exits with the number of failed checks, each named on stderr. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static int failures;

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	failures++;
}

static int refuses(const char *text)
{
	uint64_t number = 7;
	return parse_number(text, &number) == -EINVAL && number == 7;
}

static void numbers(void)
{
	uint64_t number = 7;
	check(parse_number("0", &number) == 0 && number == 0, "zero");
	check(parse_number("18446744073709551615", &number) == 0 && number == UINT64_MAX, "the greatest number");
	check(refuses("18446744073709551616"), "one more than the greatest");
	check(refuses("99999999999999999999"), "many more than the greatest");
	check(refuses("") && refuses("-1") && refuses("+1") && refuses(" 1") && refuses("1 ") && refuses("1x") && refuses("\xb9"),
	      "what is no number");
}

static void appending(void)
{
	char buffer[8] = "";
	size_t at = 0;
	check(append(buffer, sizeof(buffer), &at, "abc") == 0 && at == 3, "a text fits");
	check(append(buffer, sizeof(buffer), &at, "defg") == 0 && strcmp(buffer, "abcdefg") == 0, "a text fits to the last byte");
	check(append(buffer, sizeof(buffer), &at, "") == 0 && at == 7, "nothing always fits");
	check(append(buffer, sizeof(buffer), &at, "h") == -ENAMETOOLONG && strcmp(buffer, "abcdefg") == 0, "one byte too many");
	at = sizeof(buffer);
	check(append(buffer, sizeof(buffer), &at, "") == -ENAMETOOLONG, "a place beyond the buffer");
}

static void appending_numbers(void)
{
	char buffer[21] = "";
	size_t at = 0;
	check(append_number(buffer, sizeof(buffer), &at, UINT64_MAX) == 0 && strcmp(buffer, "18446744073709551615") == 0,
	      "the greatest number fits in 21 bytes");
	at = 0;
	check(append_number(buffer, 20, &at, UINT64_MAX) == -ENAMETOOLONG, "and not in 20");
	check(append_number(buffer, sizeof(buffer), &at, 0) == 0 && strcmp(buffer, "0") == 0, "zero has a digit");
}

static void descriptors(void)
{
	int fd = 5;
	check(steal_fd(&fd) == 5 && fd == -1, "a descriptor that is given away is forgotten");
	close_fd(&fd);
}

int main(void)
{
	numbers();
	appending();
	appending_numbers();
	descriptors();
	return failures;
}
