/* SPDX-License-Identifier: ISC */
/*
 * The main() of a CUnit test program, and what the tests share.
 *
 *	#include "test.h"
 *
 *	static void
 *	window(void)
 *	{
 *		for (size_t i = 0; i < TEST_COUNT(cases); i++) {
 *			test_row("%s", cases[i].name);
 *			CU_ASSERT_EQUAL(f(cases[i].in), cases[i].out);
 *		}
 *	}
 *
 *	TEST_MAIN(
 *		TEST("replay window", window),
 *		TEST("wraps at 2^32", wraps))
 *
 * CUnit's assertions are blocks: set them in braces before an else.
 *
 * A test counts as one case, or, if it calls test_row(), as one per row.
 * A failed assertion is printed with its file, line, test and row.  The last
 * line is `N passed, N failed`, with `, N skipped` if test_skip() was called,
 * and the exit status is 0 only if nothing failed and something passed or
 * was skipped by name.  Arguments, if any, are parts of the names to run.
 */
#ifndef REGRESS_TEST_H
#define REGRESS_TEST_H

#include <CUnit/CUnit.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char	*t_name;
	void		(*t_run)(void);
};

static struct test_state {
	const char	*ts_test;
	char		 ts_row[200];	/* empty: no row yet */
	unsigned	 ts_mark;	/* failures when the row began */
	unsigned	 ts_shown;	/* failures printed of this test */
	bool		 ts_skip;
	unsigned	 ts_passed, ts_failed, ts_skipped;
} test_state;

#define TEST(name, function)	{ name, function }
#define TEST_COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define TEST_MAIN(...)							\
	static const struct test test_list[] = { __VA_ARGS__ };		\
	int								\
	main(int argc, char **argv)					\
	{								\
		return test_main(argc, argv, test_list,			\
		    TEST_COUNT(test_list));				\
	}

/* Prints the failures that are not yet printed; returns how many. */
static inline unsigned
test_show_failures(void)
{
	struct test_state *s = &test_state;
	CU_pFailureRecord f = CU_get_failure_list();
	unsigned n = 0;

	for (; f != NULL; f = f->pNext, n++) {
		if (n < s->ts_shown)
			continue;
		printf("%s:%u: %s%s%s: %s\n", f->strFileName, f->uiLineNumber,
		    s->ts_test, s->ts_row[0] == '\0' ? "" : ": ", s->ts_row,
		    f->strCondition);
	}
	s->ts_shown = n;
	return n;
}

/* Ends the row or the test that runs, and counts it. */
static inline void
test_close(void)
{
	struct test_state *s = &test_state;
	unsigned n = test_show_failures();

	if (n > s->ts_mark)
		s->ts_failed++;
	else if (s->ts_skip)
		s->ts_skipped++;
	else
		s->ts_passed++;
	s->ts_mark = n;
	s->ts_skip = false;
}

/* What follows, up to the next row, is a case of its own with this name. */
__attribute__((format(printf, 1, 2))) static inline void
test_row(const char *fmt, ...)
{
	struct test_state *s = &test_state;
	va_list ap;

	if (s->ts_row[0] != '\0')
		test_close();
	va_start(ap, fmt);
	vsnprintf(s->ts_row, sizeof(s->ts_row), fmt, ap);
	va_end(ap);
}

/* This test or row cannot run here; it is counted and printed by name. */
static inline void
test_skip(const char *why)
{
	struct test_state *s = &test_state;

	printf("SKIPPED %s%s%s: %s\n", s->ts_test,
	    s->ts_row[0] == '\0' ? "" : ": ", s->ts_row, why);
	s->ts_skip = true;
}

/*
 * Hexadecimal text, blanks allowed anywhere, to at most cap bytes.  Returns
 * the length; a malformed or longer text ends the program, for it is a
 * mistake in the test.
 */
static inline size_t
test_hex(const char *text, void *buf, size_t cap)
{
	uint8_t *out = buf;
	unsigned nibble, half = 0;
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (strchr(" \t\n:", *text) != NULL)
			continue;
		if (*text >= '0' && *text <= '9')
			nibble = (unsigned)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			nibble = (unsigned)(*text - 'a') + 10;
		else if (*text >= 'A' && *text <= 'F')
			nibble = (unsigned)(*text - 'A') + 10;
		else
			nibble = 16;
		if (nibble > 15 || n / 2 >= cap) {
			printf("bad hexadecimal text at \"%.20s\"\n", text);
			exit(2);
		}
		if (n++ % 2 == 0)
			half = nibble;
		else
			out[n / 2 - 1] = (uint8_t)(half << 4 | nibble);
	}
	if (n % 2 != 0) {
		printf("odd hexadecimal text\n");
		exit(2);
	}
	return n / 2;
}

/* Equal bytes, or both in hexadecimal and a failed assertion. */
#define TEST_BYTES(actual, expected, n)					\
	do {								\
		CU_ASSERT_TRUE(test_bytes(actual, expected, n, #actual)); \
	} while (0)
static inline bool
test_bytes(const void *actual, const void *expected, size_t n, const char *what)
{
	const uint8_t *p[2] = { actual, expected };

	if (n == 0 || memcmp(actual, expected, n) == 0)
		return true;
	for (int side = 0; side < 2; side++) {
		printf("%s %s ", what, side == 0 ? "is        " : "should be ");
		for (size_t i = 0; i < n; i++)
			printf("%02x", p[side][i]);
		printf("\n");
	}
	return false;
}

/* Equal strings, or both printed and a failed assertion. */
#define TEST_STRING(actual, expected)					\
	do {								\
		CU_ASSERT_TRUE(test_string(actual, expected, #actual));	\
	} while (0)
static inline bool
test_string(const char *actual, const char *expected, const char *what)
{
	if (actual != NULL && expected != NULL && strcmp(actual, expected) == 0)
		return true;
	if (actual == NULL && expected == NULL)
		return true;
	printf("%s is \"%s\", should be \"%s\"\n", what,
	    actual == NULL ? "(null)" : actual,
	    expected == NULL ? "(null)" : expected);
	return false;
}

static inline bool
test_wanted(int argc, char **argv, const char *name)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]) != NULL)
			return true;
	return false;
}

static inline int
test_main(int argc, char **argv, const struct test *tests, size_t n)
{
	struct test_state *s = &test_state;
	CU_pSuite suite;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS ||
	    (suite = CU_add_suite("regress", NULL, NULL)) == NULL)
		return 2;
	for (size_t i = 0; i < n; i++) {
		CU_pTest test;

		if (!test_wanted(argc, argv, tests[i].t_name))
			continue;
		test = CU_add_test(suite, tests[i].t_name, tests[i].t_run);
		if (test == NULL)
			return 2;
		*s = (struct test_state){ .ts_test = tests[i].t_name,
		    .ts_passed = s->ts_passed, .ts_failed = s->ts_failed,
		    .ts_skipped = s->ts_skipped };
		CU_run_test(suite, test);
		test_close();
	}
	CU_cleanup_registry();
	printf("%u passed, %u failed", s->ts_passed, s->ts_failed);
	if (s->ts_skipped != 0)
		printf(", %u skipped", s->ts_skipped);
	printf("\n");
	return s->ts_failed != 0 || s->ts_passed + s->ts_skipped == 0;
}

#endif
