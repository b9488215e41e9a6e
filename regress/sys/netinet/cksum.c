/* SPDX-License-Identifier: ISC */
/*
 * The Internet checksum against the plainest one, at every length and
 * alignment.
 */
#include "test.h"
#include "netinet/ip.h"
#include "sys/testpkt.h"

static uint8_t bytes[4096 + 64];

static void
fill(void)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		x = x * 1103515245 + 12345;
		bytes[i] = (uint8_t)(x >> 16);
	}
}

static uint16_t
plain(const uint8_t *p, size_t n)
{
	return (uint16_t)~tp_sum(p, n, 0);
}

static uint16_t
ours(const uint8_t *p, size_t n)
{
	uint16_t v = in_fold(in_sum(p, n, 0));
	uint8_t b[2];

	memcpy(b, &v, 2);
	return (uint16_t)(b[0] << 8 | b[1]);
}

static void
lengths(void)
{
	unsigned wrong = 0;

	fill();
	for (size_t at = 0; at < 9; at++)
		for (size_t n = 0; n < 600; n++)
			wrong += ours(bytes + at, n) != plain(bytes + at, n);
	for (size_t n = 600; n < 4096; n += 37)
		wrong += ours(bytes + 3, n) != plain(bytes + 3, n);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
extremes(void)
{
	static uint8_t big[65536];

	memset(big, 0xff, sizeof(big));
	CU_ASSERT_EQUAL(ours(big, sizeof(big)), 0);
	memset(big, 0, sizeof(big));
	CU_ASSERT_EQUAL(ours(big, sizeof(big)), 0xffff);
	memset(big, 0xfe, sizeof(big));
	CU_ASSERT_EQUAL(ours(big, 65535), plain(big, 65535));
}

/* RFC 1071 section 3: the example's sum is ddf2. */
static void
rfc1071(void)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	CU_ASSERT_EQUAL(ours(example, sizeof(example)), (uint16_t)~0xddf2);
}

static void
pieces(void)
{
	unsigned wrong = 0;

	fill();
	for (size_t cut = 0; cut < 200; cut += 2)
		wrong += in_fold(in_sum(bytes + cut, 400 - cut, in_sum(bytes, cut, 0))) !=
		    in_fold(in_sum(bytes, 400, 0));
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
adjusting(void)
{
	unsigned wrong = 0;

	fill();
	for (unsigned i = 0; i < 2000; i++) {
		uint16_t from, to, sum = in_fold(in_sum(bytes, 64, 0));

		memcpy(&from, bytes + (i % 32) * 2, 2);
		to = (uint16_t)(i * 40503u);
		memcpy(bytes + (i % 32) * 2, &to, 2);
		wrong += in_adjust(sum, from, to) != in_fold(in_sum(bytes, 64, 0));
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

TEST_MAIN(
	TEST("every length and alignment", lengths),
	TEST("all ones, all zeroes", extremes),
	TEST("example of RFC 1071", rfc1071),
	TEST("sum in pieces", pieces),
	TEST("a changed word (RFC 1624)", adjusting))
