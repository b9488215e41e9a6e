/* SPDX-License-Identifier: ISC */
/*
 * Texts into pages: escaped, and numbers made readable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/utf8.h"
#include "libweb/web.h"

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
		size_t n = utf8_sequence(c);
		const uint8_t *p = cur_bytes(&c, n != 0 ? n : 1);
		const char *e = n == 0 ? "\xef\xbf\xbd" : n == 1 ? entity(*p) : NULL;

		if (e != NULL)
			(void)fputs(e, out);
		else
			(void)fwrite(p, 1, n, out);
	}
}

char *
web_utf8(const char *text)
{
	struct cur c = cur_init(text, strlen(text));
	char *out = malloc(cur_left(&c) * 3 + 1);
	size_t len = 0;

	while (out != NULL && cur_left(&c) != 0) {
		size_t n = utf8_sequence(c);

		if (n != 0) {
			memcpy(out + len, cur_bytes(&c, n), n);
			len += n;
			continue;
		}
		cur_skip(&c, 1);
		memcpy(out + len, "\xef\xbf\xbd", 3);
		len += 3;
	}
	if (out != NULL)
		out[len] = '\0';
	return out;
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
