/* SPDX-License-Identifier: ISC */
/*
 * The distance of two words (Damerau and Levenshtein), row by row (near.h).
 */
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "libutil/near.h"

enum { BEFORE_LAST, LAST, THIS, ROWS };

static int
letter(char c)
{
	return tolower((unsigned char)c);
}

static bool
exchanged(const char *a, const char *b, size_t i, size_t j)
{
	return i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
	    letter(a[i - 2]) == letter(b[j - 1]);
}

unsigned
near_distance(const char *a, const char *b)
{
	unsigned d[ROWS][NEAR_MAX + 1] = { { 0 } };
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAR_MAX || m > NEAR_MAX)
		return NEAR_FAR;
	for (size_t j = 0; j <= m; j++)
		d[LAST][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		d[THIS][0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned v = d[LAST][j - 1] +
			    (letter(a[i - 1]) != letter(b[j - 1]));

			if (d[LAST][j] + 1 < v)
				v = d[LAST][j] + 1;
			if (d[THIS][j - 1] + 1 < v)
				v = d[THIS][j - 1] + 1;
			if (exchanged(a, b, i, j) &&
			    d[BEFORE_LAST][j - 2] + 1 < v)
				v = d[BEFORE_LAST][j - 2] + 1;
			d[THIS][j] = v;
		}
		memmove(d[BEFORE_LAST], d[LAST], 2 * sizeof(d[0]));
	}
	return d[LAST][m];
}
