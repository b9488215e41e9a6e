/* SPDX-License-Identifier: ISC */
/*
 * A form with a file, read in pieces whose size the first byte gives: fields
 * are bounded and without NUL, the file is part of the body, and nothing of it
 * comes before wu_begin() was asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libweb/web.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct given {
	struct cur	gi_body;
	size_t		gi_piece, gi_n;
	bool		gi_begun;
};

static ssize_t
feed(void *arg, void *buf, size_t n)
{
	struct given *gi = arg;
	size_t left = cur_left(&gi->gi_body);

	n = n < left ? n : left;
	n = n < gi->gi_piece ? n : gi->gi_piece;
	(void)cur_copy(&gi->gi_body, buf, n);
	return (ssize_t)n;
}

static bool
begin(void *arg)
{
	struct given *gi = arg;

	if (gi->gi_begun)
		abort();
	gi->gi_begun = true;
	return true;
}

static bool
take(void *arg, const void *p, size_t n)
{
	struct given *gi = arg;

	(void)p;
	if (!gi->gi_begun || n == 0 || n > WEB_WINDOW)
		abort();
	gi->gi_n += n;
	return gi->gi_n < 5000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct web_request wr;
	struct given gi = { .gi_body = cur_init(data, size), .gi_piece = 1 };
	const struct web_upload wu = { feed, begin, take, &gi };
	const char *why = "";

	memset(&wr, 0, sizeof(wr));
	gi.gi_piece += cur_u8(&gi.gi_body);
	(void)snprintf(wr.wr_type, sizeof(wr.wr_type),
	    "multipart/form-data; boundary=x");
	(void)snprintf(wr.wr_length, sizeof(wr.wr_length), "%zu",
	    cur_left(&gi.gi_body));
	if (web_upload(&wr, &wu, 1 << 20, &why) == 0 && gi.gi_n > size)
		abort();
	for (size_t i = 0; i < wr.wr_nfields; i++)
		if (wr.wr_field[i].wf_name[0] != '\0' &&
		    strlen(wr.wr_field[i].wf_value) > wr.wr_field[i].wf_len)
			abort();
	web_request_free(&wr);
	return 0;
}
