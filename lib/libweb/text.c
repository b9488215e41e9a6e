/* SPDX-License-Identifier: ISC */
/*
 * Texts into pages: escaped, and numbers made readable.
 */
#include <stdio.h>
#include <string.h>

#include "libweb/web.h"

/* The length of the UTF-8 sequence at the cursor (RFC 3629 section 4); 0: none. */
static size_t
sequence(struct cur c)
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

static const char *
entity(uint8_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '`':
		return "&#96;";
	case '\n':
	case '\t':
		return NULL;
	default:
		return c < ' ' || c == 0x7f ? "\xef\xbf\xbd" : NULL;
	}
}

void
web_escape(const char *text, FILE *out)
{
	struct cur c = cur_init(text, strlen(text));

	while (cur_left(&c) != 0) {
		size_t n = sequence(c);
		const uint8_t *p = cur_bytes(&c, n != 0 ? n : 1);
		const char *e = n == 0 ? "\xef\xbf\xbd" : n == 1 ? entity(*p) : NULL;

		if (e != NULL)
			(void)fputs(e, out);
		else
			(void)fwrite(p, 1, n, out);
	}
}

void
web_encode(const char *text, FILE *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text != '\0'; text++)
		if (strchr(plain, *text) != NULL)
			(void)fputc(*text, out);
		else
			(void)fprintf(out, "%%%02X", (unsigned char)*text);
}

void
web_bytes(double v, char *out, size_t cap)
{
	static const char units[] = " KMGTP";
	size_t u = 0;

	while (v >= 999.5 && u + 2 < sizeof(units)) {
		v /= 1000;
		u++;
	}
	if (u == 0)
		(void)snprintf(out, cap, "%.0f ", v);
	else
		(void)snprintf(out, cap, v < 9.95 ? "%.1f %c" : "%.0f %c", v, units[u]);
}

void
web_duration(uint64_t s, char *out, size_t cap)
{
	unsigned long long v = s;

	if (v < 60)
		(void)snprintf(out, cap, "%llu s", v);
	else if (v < 3600 && v % 60 == 0)
		(void)snprintf(out, cap, "%llu min", v / 60);
	else if (v < 3600)
		(void)snprintf(out, cap, "%llu min %02llu s", v / 60, v % 60);
	else if (v < 86400)
		(void)snprintf(out, cap, "%llu h %02llu min", v / 3600, v / 60 % 60);
	else
		(void)snprintf(out, cap, "%llu d %02llu h", v / 86400, v / 3600 % 24);
}
