/* SPDX-License-Identifier: ISC */
/*
 * How near two words are.
 */
#include "libutil/near.h"
#include "test.h"

#define A32	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char	*a, *b;
	unsigned	 want;
} cases[] = {
	{ "", "", 0 },
	{ "", "abc", 3 },
	{ "pass", "pass", 0 },
	{ "Pass", "pASS", 0 },
	{ "pass", "psas", 1 },
	{ "psas", "pass", 1 },
	{ "pass", "pas", 1 },
	{ "pass", "passs", 1 },
	{ "pass", "pans", 1 },
	{ "block", "pass", 5 },
	{ "kitten", "sitting", 3 },
	{ "ab", "ba", 1 },
	{ A32 A32, A32 A32, 0 },
	{ A32 A32, "", 64 },
	{ A32 A32 "a", A32 A32 "a", NEAR_FAR },
};

static void
words(void)
{
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s and %s", cases[i].a, cases[i].b);
		CU_ASSERT_EQUAL(near_distance(cases[i].a, cases[i].b),
		    cases[i].want);
		CU_ASSERT_EQUAL(near_distance(cases[i].b, cases[i].a),
		    cases[i].want);
	}
}

TEST_MAIN(TEST("words", words))
