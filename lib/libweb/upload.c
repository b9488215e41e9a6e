/* SPDX-License-Identifier: ISC */
/*
 * A form with a file that is not to be held in memory (multipart/form-data, RFC
 * 7578): a window slides over the body.
 *
 *	read -> | what may not be given out yet | -> wu_data()
 *	         at most the length of a mark - 1
 *
 * A part ends at its mark, CR LF "--" and the boundary; the first one has no
 * CR LF before it, so that one is put into the window first.
 */
#include <stdlib.h>
#include <string.h>

#include "libweb/web.h"
#include "libweb/web_int.h"

enum {
	HEAD_MAX	= 2048,		/* bytes of a part's header lines */
	VALUE_MAX	= 16384,	/* of a small field */
};

struct window {
	const struct web_upload	*wi_wu;
	uint64_t	 wi_left;	/* of the body, not read yet */
	size_t		 wi_n;
	char		 wi_mark[BOUNDARY_MAX + 8];
	size_t		 wi_marklen;
	bool		 wi_begun;	/* wu_begin() was asked */
	bool		 wi_refused;	/* ... or wu_data(), and said no */
	uint8_t		 wi_buf[WEB_WINDOW];
};

/* More of the body; false: there is none, or no room. */
static bool
more(struct window *wi)
{
	size_t room = WEB_WINDOW - wi->wi_n;
	ssize_t got;

	if (room > wi->wi_left)
		room = (size_t)wi->wi_left;
	if (room == 0)
		return false;
	got = wi->wi_wu->wu_read(wi->wi_wu->wu_arg, wi->wi_buf + wi->wi_n, room);
	if (got <= 0)
		return false;
	wi->wi_n += (size_t)got;
	wi->wi_left -= (uint64_t)got;
	return true;
}

static void
pass(struct window *wi, size_t n)
{
	wi->wi_n -= n;
	memmove(wi->wi_buf, wi->wi_buf + n, wi->wi_n);
}

/* Where the text begins in the window; wi_n: nowhere. */
static size_t
find(const struct window *wi, const char *text, size_t len)
{
	const uint8_t *at = memmem(wi->wi_buf, wi->wi_n, text, len);

	return at == NULL ? wi->wi_n : (size_t)(at - wi->wi_buf);
}

/* Until the text stands in the window, at most max bytes from its begin. */
static bool
until(struct window *wi, const char *text, size_t len, size_t max, size_t *at)
{
	while ((*at = find(wi, text, len)) == wi->wi_n)
		if (wi->wi_n > max + len || !more(wi))
			return false;
	return *at <= max;
}

static bool
begin(struct window *wi)
{
	const struct web_upload *wu = wi->wi_wu;

	if (!wi->wi_begun && !wu->wu_begin(wu->wu_arg))
		wi->wi_refused = true;
	wi->wi_begun = true;
	return !wi->wi_refused;
}

static bool
give(struct window *wi, size_t n)
{
	const struct web_upload *wu = wi->wi_wu;

	if (n != 0 && (!begin(wi) || !wu->wu_data(wu->wu_arg, wi->wi_buf, n))) {
		wi->wi_refused = true;
		return false;
	}
	pass(wi, n);
	return true;
}

static bool
stream_part(struct window *wi)
{
	size_t at;

	if (!begin(wi))
		return false;
	while ((at = find(wi, wi->wi_mark, wi->wi_marklen)) == wi->wi_n) {
		/* the end of the window may be the begin of a mark */
		if (wi->wi_n >= wi->wi_marklen &&
		    !give(wi, wi->wi_n - wi->wi_marklen + 1))
			return false;
		if (!more(wi))
			return false;
	}
	if (!give(wi, at))
		return false;
	pass(wi, wi->wi_marklen);
	return true;
}

static bool
small_part(struct window *wi, struct web_request *wr, const char *name)
{
	struct web_field *wf;
	struct cur c;
	size_t at;

	if (wi->wi_begun || !until(wi, wi->wi_mark, wi->wi_marklen, VALUE_MAX,
	    &at) || (wf = field_new(wr, at, true)) == NULL)
		return false;
	c = cur_init(wi->wi_buf, at);
	(void)cur_copy(&c, wf->wf_value, at);
	wf->wf_value[at] = '\0';
	wf->wf_len = at;
	memcpy(wf->wf_name, name, strlen(name) + 1);
	pass(wi, at + wi->wi_marklen);
	return memchr(wf->wf_value, '\0', at) == NULL;
}

/* Behind a mark: "--" ends the body, CR LF and header lines begin a part. */
static bool
parts(struct window *wi, struct web_request *wr)
{
	char name[WEB_NAME_MAX];
	size_t at;

	for (;;) {
		while (wi->wi_n < 2)
			if (!more(wi))
				return false;
		if (memcmp(wi->wi_buf, "--", 2) == 0)
			return true;
		if (memcmp(wi->wi_buf, "\r\n", 2) != 0)
			return false;
		pass(wi, 2);
		if (!until(wi, "\r\n\r\n", 4, HEAD_MAX, &at) ||
		    !part_name(cur_init(wi->wi_buf, at), name))
			return false;
		pass(wi, at + 4);
		if (strcmp(name, "file") == 0 || strcmp(name, "text") == 0 ?
		    !stream_part(wi) : !small_part(wi, wr, name))
			return false;
	}
}

static bool
take(struct window *wi, struct web_request *wr)
{
	size_t at;

	memcpy(wi->wi_buf, "\r\n", 2);
	wi->wi_n = 2;
	if (!until(wi, wi->wi_mark, wi->wi_marklen, 0, &at))
		return false;
	pass(wi, wi->wi_marklen);
	return parts(wi, wr);
}

/* So that the server can still answer who is sending. */
static void
drain(struct window *wi)
{
	do
		wi->wi_n = 0;
	while (more(wi));
}

int
web_upload(struct web_request *wr, const struct web_upload *wu, uint64_t max,
    const char **why)
{
	struct window *wi = calloc(1, sizeof(*wi));
	uint64_t len;
	int status = length_of(wr->wr_length, max, &len);
	bool ok;

	*why = wi == NULL ? "Out of memory." : status == 413 ?
	    "The file is too large." : "The request's length is missing or wrong.";
	if (wi == NULL || status != 0) {
		free(wi);
		return status != 0 ? status : 503;
	}
	wi->wi_wu = wu;
	wi->wi_left = len;
	ok = boundary_of(wr->wr_type, wi->wi_mark);
	wi->wi_marklen = strlen(wi->wi_mark);
	ok = ok && take(wi, wr);
	drain(wi);
	*why = wi->wi_refused ? "" : "The form cannot be read.";
	ok = ok && !wi->wi_refused;
	explicit_bzero(wi, sizeof(*wi));
	free(wi);
	return ok ? 0 : 400;
}
