/* SPDX-License-Identifier: ISC */
/*
 * The clock does not begin in the past, and a time that was kept is read
 * whole or not at all.
 */
#include <errno.h>

#include "../../../sbin/init/clock.h"
#include "test.h"

static time_t last;
static int result;

static int
set(time_t to)
{
	last = to;
	errno = EPERM;
	return result;
}

static void
kept(void)
{
	static const struct {
		const char *name, *text;
		time_t t;
	} cases[] = {
		{ "a time", "1795300000", 1795300000 },
		{ "nothing", "", 0 },
		{ "before 1970", "-5", 0 },
		{ "a power cut's zeroes", "17953\0", 17953 },
		{ "letters behind it", "17953x", 0 },
		{ "2200 is the end", "7258118400", 7258118400 },
		{ "after it", "7258118401", 0 },
		{ "far after it", "99999999999999999999", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_row("%s", cases[i].name);
		CU_ASSERT_EQUAL(clock_read(cases[i].text), cases[i].t);
	}
}

static void
raised(void)
{
	char text[CLOCK_TEXT] = "";

	last = 0;
	result = 0;
	CU_ASSERT(!clock_raise(2000, 2000, "x", set, text));
	CU_ASSERT(!clock_raise(3000, 2000, "x", set, text));
	CU_ASSERT(!clock_raise(3000, 0, "x", set, text));
	CU_ASSERT_EQUAL(last, 0);
	CU_ASSERT(clock_raise(60, 86400, "the image was made", set, text));
	CU_ASSERT_EQUAL(last, 86400);
	TEST_STRING(text, "CLOCK-01 the clock said 1970-01-01 00:01; now "
	    "1970-01-02 00:00, when the image was made: set it, or name a time "
	    "server (menu, t)");
	result = -1;
	CU_ASSERT(clock_raise(60, 86400, "the image was made", set, text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "CLOCK-01 the clock says "
	    "1970-01-01 00:01, is wrong, and cannot be set: "));
}

TEST_MAIN(TEST("a time that was kept", kept), TEST("raised", raised))
