/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 (RFC 3629) in texts of others, before they are kept or shown.
 */
#ifndef LIBUTIL_UTF8_H
#define LIBUTIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "libutil/cur.h"

/* The length of the sequence at the cursor (section 4); 0: there is none. */
static inline size_t
utf8_sequence(struct cur c)
{
	uint8_t a = cur_u8(&c), b = cur_u8(&c);
	size_t n = a < 0x80 ? 1 : a >= 0xc2 && a < 0xe0 ? 2 :
	    (a & 0xf0) == 0xe0 ? 3 : a >= 0xf0 && a < 0xf5 ? 4 : 0;

	if (n < 2)
		return n;
	if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b >= 0xa0) ||
	    (a == 0xf0 && b < 0x90) || (a == 0xf4 && b >= 0x90) ||
	    (b & 0xc0) != 0x80)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((cur_u8(&c) & 0xc0) != 0x80)
			return 0;
	return cur_ok(&c) ? n : 0;
}

/* U+0000 to U+001F and U+007F to U+009F, which terminals obey. */
static inline bool
utf8_control(struct cur c)
{
	uint8_t a = cur_u8(&c);

	return a < ' ' || a == 0x7f || (a == 0xc2 && cur_u8(&c) < 0xa0);
}

/* One line of n bytes: control characters and what is not UTF-8 become '?'. */
static inline void
utf8_line(char *text, size_t n)
{
	struct cur c = cur_init(text, n);

	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_sequence(c);
		if (k == 0 || utf8_control(c)) {
			text[i] = '?';
			k = 1;
		}
		cur_skip(&c, k);
	}
}

/* The first n bytes of a text or fewer, so that no sequence is cut. */
static inline size_t
utf8_cut(const char *text, size_t len, size_t n)
{
	if (len <= n)
		return len;
	while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

#endif
