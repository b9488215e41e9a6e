/* SPDX-License-Identifier: ISC */
/*
 * Requests as a web server hands them over: a line each for method, address,
 * type of the body, cookie and length, then the body.  Whatever comes, what is
 * taken is bounded and without NUL, and prints without a character of HTML.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libweb/web.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { LINES = 5, LINE_MAX_ = 600 };

struct given {
	char		 gi_line[LINES][LINE_MAX_];
	struct cur	 gi_body;
};

static const char *
get(void *arg, const char *name)
{
	static const char *const names[LINES] = { "REQUEST_METHOD", "REQUEST_URI",
	    "CONTENT_TYPE", "HTTP_COOKIE", "CONTENT_LENGTH" };
	struct given *gi = arg;

	for (size_t i = 0; i < LINES; i++)
		if (strcmp(name, names[i]) == 0)
			return gi->gi_line[i];
	return NULL;
}

static ssize_t
feed(void *arg, void *buf, size_t n)
{
	struct given *gi = arg;
	size_t left = cur_left(&gi->gi_body);

	n = n < left ? n : left;
	(void)cur_copy(&gi->gi_body, buf, n);
	return (ssize_t)n;
}

static void
line(struct cur *c, char out[LINE_MAX_])
{
	size_t n = 0;
	uint8_t b;

	while (cur_left(c) != 0 && (b = cur_u8(c)) != '\n')
		if (b != 0 && n + 1 < LINE_MAX_)
			out[n++] = (char)b;
	out[n] = '\0';
}

static void
check_printed(const char *text)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		abort();
	web_escape(text, f);
	(void)fputc('\n', f);
	web_encode(text, f);
	(void)fclose(f);
	if (strpbrk(out, "<>\"'`") != NULL)
		abort();
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct web_request wr;
	struct given gi = { .gi_body = cur_init(data, len) };
	const char *why = "";

	for (size_t i = 0; i < LINES; i++)
		line(&gi.gi_body, gi.gi_line[i]);
	if (gi.gi_line[4][0] == '=')
		(void)snprintf(gi.gi_line[4], LINE_MAX_, "%zu", cur_left(&gi.gi_body));
	if (web_request_read(&wr, get, feed, &gi, &why) == 0) {
		if (wr.wr_path[0] != '/' || strstr(wr.wr_path, "/.") != NULL ||
		    wr.wr_nfields > WEB_FIELDS_MAX ||
		    (wr.wr_session[0] != '\0' && strlen(wr.wr_session) != WEB_TOKEN))
			abort();
		check_printed(wr.wr_path);
		for (size_t i = 0; i < wr.wr_nfields; i++) {
			if (strlen(wr.wr_field[i].wf_value) != wr.wr_field[i].wf_len)
				abort();
			check_printed(wr.wr_field[i].wf_value);
		}
	}
	web_request_free(&wr);
	return 0;
}
