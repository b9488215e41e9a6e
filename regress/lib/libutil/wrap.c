/* SPDX-License-Identifier: ISC */
/*
 * Texts in lines.
 */
#include <stdlib.h>
#include <string.h>

#include "libutil/wrap.h"
#include "test.h"

static char *
wrapped(const char *label, const char *text, unsigned indent, unsigned columns)
{
	char *buf = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&buf, &len);

	if (out == NULL)
		abort();
	wrap_print(out, label, text, indent, columns);
	if (fclose(out) != 0)
		abort();
	return buf;
}

static void
lines(void)
{
	static const struct {
		const char	*label, *text;
		unsigned	 indent, columns;
		const char	*is;
	} cases[] = {
		{ "", "", 4, 20, "" },
		{ "name", "", 8, 20, "name\n" },
		{ "", "fits", 4, 8, "    fits\n" },
		{ "a:", "one two three", 4, 11, "a:  one two\n    three\n" },
		{ "a:", "one two  three", 4, 12, "a:  one two\n    three\n" },
		{ "", "one two ", 0, 7, "one two\n" },
		{ "", "abcdefghij", 2, 6, "  abcd\n  efgh\n  ij\n" },
		{ "", "x abcdefghij", 2, 6, "  x\n  abcd\n  efgh\n  ij\n" },
		{ "long label", "x", 4, 9, "long labelx\n" },
		{ "", "\xc3\xa4\xc3\xb6\xc3\xbc", 0, 3, "\xc3\xa4\n\xc3\xb6\n\xc3\xbc\n" },
		{ "", "\x80\x80\x80\x80", 0, 2, "\x80\x80\n\x80\x80\n" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		char *got = wrapped(cases[i].label, cases[i].text, cases[i].indent,
		    cases[i].columns);

		test_row("%s%s", cases[i].label, cases[i].text);
		TEST_STRING(got, cases[i].is);
		free(got);
	}
}

/* Whatever the text: it ends, no line is longer, and no letter is lost. */
static void
any_text(void)
{
	static const char *const pieces[] = { " ", "  ", "a", "word", "\xc3\xa4", "\xe2\x82\xac",
	    "longer-than-any-line-may-be" };
	unsigned seed = 1;

	for (unsigned i = 0; i < 2000; i++) {
		unsigned columns = 4 + i % 17, n = 0;
		char text[400] = "", want[400] = "", have[400] = "", *got, *p;

		for (unsigned k = 0; k < i % 12; k++) {
			seed = seed * 1103515245 + 12345;
			n += (unsigned)snprintf(text + n, sizeof(text) - n, "%s",
			    pieces[seed / 65536 % TEST_COUNT(pieces)]);
		}
		got = wrapped("", text, 1, columns);
		n = 0;
		for (p = text; *p != '\0'; p++)
			if (*p != ' ')
				want[n++] = *p;
		n = 0;
		for (p = strtok(got, "\n"); p != NULL; p = strtok(NULL, "\n")) {
			CU_ASSERT_TRUE(strlen(p) <= columns);
			CU_ASSERT_NOT_EQUAL(p[p[0] == ' '] & 0xc0, 0x80);
			for (; *p != '\0'; p++)
				if (*p != ' ')
					have[n++] = *p;
		}
		TEST_STRING(have, want);
		free(got);
	}
}

TEST_MAIN(
	TEST("lines", lines),
	TEST("any text", any_text))
