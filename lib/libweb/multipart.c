/* SPDX-License-Identifier: ISC */
/*
 * multipart/form-data (RFC 7578, RFC 2046 section 5.1): how a form sends a
 * file.
 *
 *	--BOUNDARY CRLF
 *	Content-Disposition: form-data; name="file"; filename="x" CRLF
 *	CRLF
 *	the value CRLF
 *	--BOUNDARY--
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "libweb/web.h"
#include "libweb/web_int.h"

/* boundary=..., quoted or not. */
bool
boundary_of(const char *type, char out[BOUNDARY_MAX + 8])
{
	const char *p = strcasestr(type, "boundary=");
	size_t n;

	if (p == NULL)
		return false;
	p += strlen("boundary=");
	if (*p == '"')
		n = strcspn(++p, "\"");
	else
		n = strcspn(p, "; \t");
	if (n == 0 || n > BOUNDARY_MAX)
		return false;
	memcpy(out, "\r\n--", 4);
	memcpy(out + 4, p, n);
	out[n + 4] = '\0';
	return true;
}

/* What stands before the text, which is passed; false if it does not come. */
static bool
until_text(struct cur *c, const char *text, struct cur *out)
{
	size_t len = strlen(text);
	struct cur look = *c;
	const uint8_t *all = cur_bytes(&look, cur_left(&look));
	const uint8_t *at = all == NULL ? NULL : memmem(all, cur_left(c), text, len);

	if (at == NULL)
		return false;
	*out = cur_sub(c, (size_t)(at - all));
	cur_skip(c, len);
	return true;
}

/* name="..." of the header lines. */
bool
part_name(struct cur head, char out[WEB_NAME_MAX])
{
	struct cur line;
	char text[512];
	const char *p;
	size_t n;

	while (cur_left(&head) != 0) {
		line = cur_until(&head, '\n');
		n = cur_left(&line);
		if (n >= sizeof(text))
			return false;
		(void)cur_copy(&line, text, n);
		text[n] = '\0';
		if (strlen(text) != n)
			return false;
		if (strncasecmp(text, "content-disposition:", 20) != 0)
			continue;
		p = strstr(text, " name=\"");
		if (p == NULL)
			return false;
		p += 7;
		n = strcspn(p, "\"");
		if (n >= WEB_NAME_MAX || p[n] != '"')
			return false;
		memcpy(out, p, n);
		out[n] = '\0';
		return field_name_ok(out);
	}
	return false;
}

static bool
take_part(struct web_request *wr, struct cur part)
{
	struct web_field *wf;
	struct cur head;
	size_t n;

	if (!until_text(&part, "\r\n\r\n", &head))
		return false;
	n = cur_left(&part);
	if ((wf = field_new(wr, n, true)) == NULL || !part_name(head, wf->wf_name))
		return false;
	(void)cur_copy(&part, wf->wf_value, n);
	wf->wf_value[n] = '\0';
	wf->wf_len = n;
	return memchr(wf->wf_value, '\0', n) == NULL;
}

bool
web_multipart_parse(struct web_request *wr, const char *type, struct cur c)
{
	char mark[BOUNDARY_MAX + 8];
	struct cur part;
	uint8_t end[2];

	/* the first boundary has no line before it */
	if (!boundary_of(type, mark) || !until_text(&c, mark + 2, &part) ||
	    cur_left(&part) != 0)
		return false;
	for (;;) {
		if (!cur_copy(&c, end, sizeof(end)))
			return false;
		if (memcmp(end, "--", 2) == 0)
			return true;
		if (memcmp(end, "\r\n", 2) != 0 || !until_text(&c, mark, &part) ||
		    !take_part(wr, part))
			return false;
	}
}
