/* SPDX-License-Identifier: ISC */
/*
 * Percent-encoding (RFC 3986 section 2.1) and forms encoded with it
 * (application/x-www-form-urlencoded, WHATWG URL section 5).
 */
#include <stdlib.h>
#include <string.h>

#include "libweb/web.h"
#include "libweb/web_int.h"

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
web_decode(struct cur c, bool plus, char *out, size_t cap, size_t *len)
{
	size_t n = 0;

	while (cur_left(&c) != 0) {
		uint8_t b = cur_u8(&c);

		if (b == '%') {
			int hi = hex(cur_u8(&c)), lo = hex(cur_u8(&c));

			if (!cur_ok(&c) || hi < 0 || lo < 0)
				return false;
			b = (uint8_t)(hi << 4 | lo);
		} else if (b == '+' && plus) {
			b = ' ';
		}
		if (b == '\0' || n + 1 >= cap)
			return false;
		out[n++] = (char)b;
	}
	out[n] = '\0';
	*len = n;
	return true;
}

struct web_field *
field_new(struct web_request *wr, size_t len, bool body)
{
	struct web_field *wf;

	if (wr->wr_nfields == WEB_FIELDS_MAX)
		return NULL;
	wf = &wr->wr_field[wr->wr_nfields];
	memset(wf, 0, sizeof(*wf));
	wf->wf_body = body;
	if ((wf->wf_value = malloc(len + 1)) == NULL)
		return NULL;
	wr->wr_nfields++;
	wf->wf_value[0] = '\0';
	return wf;
}

/* Up to the byte `end', which is passed, or all. */
struct cur
cur_until(struct cur *c, uint8_t end)
{
	struct cur look = *c;
	size_t n = 0;

	while (cur_left(&look) != 0 && cur_u8(&look) != end)
		n++;
	look = cur_sub(c, n);
	if (cur_left(c) != 0)
		cur_skip(c, 1);
	return look;
}

/* A name: letters, digits, '_' and '-'. */
bool
field_name_ok(const char *name)
{
	return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

bool
web_form_parse(struct web_request *wr, struct cur c, bool body)
{
	while (cur_left(&c) != 0) {
		struct cur pair = cur_until(&c, '&'), name = cur_until(&pair, '=');
		struct web_field *wf;
		size_t n;

		if (cur_left(&name) == 0 && cur_left(&pair) == 0)
			continue;
		if ((wf = field_new(wr, cur_left(&pair), body)) == NULL ||
		    !web_decode(name, true, wf->wf_name, sizeof(wf->wf_name), &n) ||
		    !field_name_ok(wf->wf_name) ||
		    !web_decode(pair, true, wf->wf_value, cur_left(&pair) + 1,
		    &wf->wf_len))
			return false;
	}
	return true;
}
