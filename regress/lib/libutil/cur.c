/* SPDX-License-Identifier: ISC */
/*
 * Cursors: integers in both byte orders, and that nothing is read or
 * written beyond the end, which the checked build proves by its sanitizer
 * because each buffer here has exactly the length that the cursor is told.
 */
#include "libutil/cur.h"
#include "test.h"

static const uint8_t bytes[] = {
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
	0x0c, 0x0d, 0x0e, 0x0f
};

static void
reads_network_order(void)
{
	struct cur c = cur_init(bytes, sizeof(bytes));

	CU_ASSERT_EQUAL(cur_u8(&c), 0x01);
	CU_ASSERT_EQUAL(cur_u16(&c), 0x0203);
	CU_ASSERT_EQUAL(cur_u32(&c), 0x04050607);
	CU_ASSERT_EQUAL(cur_u64(&c), 0x08090a0b0c0d0e0f);
	CU_ASSERT_TRUE(cur_end(&c));
}

static void
reads_host_order(void)
{
	uint16_t a = 0x1234;
	uint32_t b = 0x12345678;
	uint64_t d = 0x123456789abcdef0;
	uint8_t buf[14];
	struct wcur w = wcur_init(buf, sizeof(buf));
	struct cur c = cur_init(buf, sizeof(buf));

	wcur_put(&w, &a, sizeof(a));
	wcur_put(&w, &b, sizeof(b));
	wcur_put(&w, &d, sizeof(d));
	CU_ASSERT_TRUE(wcur_ok(&w));
	CU_ASSERT_EQUAL(cur_u16_host(&c), a);
	CU_ASSERT_EQUAL(cur_u32_host(&c), b);
	CU_ASSERT_EQUAL(cur_u64_host(&c), d);
	CU_ASSERT_TRUE(cur_end(&c));
}

/* For every length that is too short: zero, a failed cursor, nothing left. */
static void
short_reads_fail(void)
{
	for (size_t n = 0; n < 8; n++) {
		uint8_t *exact = malloc(n + (n == 0));
		struct cur c;

		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		memset(exact, 0xff, n);
		test_row("8 bytes of %zu", n);
		c = cur_init(exact, n);
		CU_ASSERT_PTR_NULL(cur_bytes(&c, 8));
		CU_ASSERT_FALSE(cur_ok(&c));
		CU_ASSERT_FALSE(cur_end(&c));
		CU_ASSERT_EQUAL(cur_left(&c), 0);
		c = cur_init(exact, n);
		CU_ASSERT_EQUAL(cur_u64_host(&c), 0);
		CU_ASSERT_FALSE(cur_ok(&c));
		free(exact);
	}
}

static void
failure_is_for_good(void)
{
	struct cur c = cur_init(bytes, sizeof(bytes));

	CU_ASSERT_PTR_NULL(cur_bytes(&c, sizeof(bytes) + 1));
	CU_ASSERT_EQUAL(cur_u8(&c), 0);
	CU_ASSERT_PTR_NULL(cur_bytes(&c, 0));
	CU_ASSERT_FALSE(cur_ok(&c));
}

static void
huge_length_does_not_wrap(void)
{
	struct cur c = cur_init(bytes, sizeof(bytes));
	struct wcur w;
	uint8_t buf[4];

	CU_ASSERT_EQUAL(cur_u8(&c), 1);
	CU_ASSERT_PTR_NULL(cur_bytes(&c, SIZE_MAX));
	w = wcur_init(buf, sizeof(buf));
	wcur_u8(&w, 1);
	CU_ASSERT_PTR_NULL(wcur_room(&w, SIZE_MAX));
	CU_ASSERT_FALSE(wcur_ok(&w));
}

static void
failed_copy_zeroes(void)
{
	struct cur c = cur_init(bytes, 3);
	uint8_t dst[4] = { 9, 9, 9, 9 };
	static const uint8_t zero[4];

	CU_ASSERT_FALSE(cur_copy(&c, dst, sizeof(dst)));
	TEST_BYTES(dst, zero, sizeof(zero));
}

static void
sub_cursor_is_bounded(void)
{
	struct cur c = cur_init(bytes, 6), s = cur_sub(&c, 2), t;

	CU_ASSERT_EQUAL(cur_left(&s), 2);
	CU_ASSERT_EQUAL(cur_u16(&s), 0x0102);
	CU_ASSERT_EQUAL(cur_u8(&s), 0);
	CU_ASSERT_FALSE(cur_ok(&s));
	CU_ASSERT_TRUE(cur_ok(&c));
	CU_ASSERT_EQUAL(cur_u8(&c), 0x03);
	t = cur_sub(&c, 4);
	CU_ASSERT_FALSE(cur_ok(&t));
	CU_ASSERT_EQUAL(cur_left(&t), 0);
	CU_ASSERT_FALSE(cur_ok(&c));
}

static void
writes_network_order(void)
{
	uint8_t buf[sizeof(bytes)];
	struct wcur w = wcur_init(buf, sizeof(buf));

	wcur_u8(&w, 0x01);
	wcur_u16(&w, 0x0203);
	wcur_u32(&w, 0x04050607);
	wcur_u64(&w, 0x08090a0b0c0d0e0f);
	CU_ASSERT_TRUE(wcur_ok(&w));
	CU_ASSERT_EQUAL(wcur_len(&w), sizeof(bytes));
	TEST_BYTES(buf, bytes, sizeof(bytes));
}

/* A write that does not fit leaves the buffer as it was, and later ones too. */
static void
short_writes_fail(void)
{
	for (size_t n = 0; n < 4; n++) {
		uint8_t *exact = malloc(n + (n == 0));
		struct wcur w;

		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		memset(exact, 0xee, n);
		test_row("4 bytes into %zu", n);
		w = wcur_init(exact, n);
		wcur_u32(&w, 0x01020304);
		CU_ASSERT_FALSE(wcur_ok(&w));
		wcur_u8(&w, 1);
		CU_ASSERT_EQUAL(wcur_len(&w), 0);
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(exact[i], 0xee);
		free(exact);
	}
}

/* The text may end where its buffer does, without a zero. */
static void
writes_texts(void)
{
	const char exact[3] = { 'a', 'b', 'c' };
	uint8_t buf[12];
	struct wcur w = wcur_init(buf, sizeof(buf));

	wcur_text(&w, exact, sizeof(exact));
	wcur_text(&w, "", 9);
	wcur_text(&w, "defg", 2);
	TEST_BYTES(buf, "\0\3abc\0\0\0\2de", 11);
	CU_ASSERT_EQUAL(wcur_len(&w), 11);
	wcur_text(&w, "h", 1);
	CU_ASSERT_FALSE(wcur_ok(&w));
	CU_ASSERT_EQUAL(wcur_len(&w), 11);
}

TEST_MAIN(
	TEST("reads integers in network order", reads_network_order),
	TEST("reads integers in host order", reads_host_order),
	TEST("short reads fail", short_reads_fail),
	TEST("a failed cursor stays failed", failure_is_for_good),
	TEST("a huge length does not wrap", huge_length_does_not_wrap),
	TEST("a failed copy zeroes its target", failed_copy_zeroes),
	TEST("a sub-cursor ends where it was told", sub_cursor_is_bounded),
	TEST("writes integers in network order", writes_network_order),
	TEST("short writes fail", short_writes_fail),
	TEST("writes texts", writes_texts))
