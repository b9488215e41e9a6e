/* SPDX-License-Identifier: ISC */
/*
 * Differences of texts in the unified form.
 */
#include <stdlib.h>
#include <string.h>

#include "libutil/udiff.h"
#include "test.h"

#define HEAD	"--- old\n+++ new\n"

static const struct {
	const char	*name, *a, *b, *want;
} cases[] = {
	{ "the same", "one\ntwo\n", "one\ntwo\n", "" },
	{ "both empty", "", "", "" },
	{ "all new", "", "one\ntwo\n", HEAD "@@ -0,0 +1,2 @@\n+one\n+two\n" },
	{ "all gone", "one\n", "", HEAD "@@ -1,1 +0,0 @@\n-one\n" },
	{ "one changes", "a\nb\nc\n", "a\nB\nc\n", HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n" },
	{ "three lines around it", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n",
	    HEAD "@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n" },
	{ "two places", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
	    HEAD "@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -7,3 +8,4 @@\n 7\n 8\n 9\n+10\n" },
};

static void
texts(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		bool differ = i % 2 == 0;

		test_row("%s", cases[i].name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(out);
		CU_ASSERT_TRUE(udiff(cases[i].a, cases[i].b, "old", "new", out, &differ));
		CU_ASSERT_EQUAL(fclose(out), 0);
		TEST_STRING(text, cases[i].want);
		CU_ASSERT_EQUAL(differ, cases[i].want[0] != '\0');
		free(text);
	}
}

TEST_MAIN(TEST("texts", texts))
