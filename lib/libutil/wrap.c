/* SPDX-License-Identifier: ISC */
/*
 * Long texts in narrow columns.
 */
#include "libutil/wrap.h"

#include <string.h>

#include "libutil/utf8.h"

/* How much of the text, of n bytes, stands in a line of so many. */
static size_t
line_length(const char *text, size_t n, size_t room)
{
	size_t at = room;

	if (n <= room)
		return n;
	while (at != 0 && text[at] != ' ')
		at--;
	while (at > 1 && text[at - 1] == ' ')
		at--;
	if (at == 0 && (at = utf8_cut(text, n, room)) == 0)
		at = room;
	return at;
}

void
wrap_print(FILE *out, const char *label, const char *text, unsigned indent,
    unsigned columns)
{
	size_t n;

	while (*label != '\0' || *text != '\0') {
		n = line_length(text, strlen(text), columns - indent);
		if (n == 0)
			fprintf(out, "%s\n", label);
		else
			fprintf(out, "%-*s%.*s\n", (int)indent, label, (int)n, text);
		label = "";
		text += n;
		text += strspn(text, " ");
	}
}
