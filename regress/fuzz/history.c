/* SPDX-License-Identifier: ISC */
/*
 * Events as policyd(8) gets them: what is taken is printable, and is written
 * as the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "libhistory/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_text(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	if (n == cap)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cur c = cur_init(data, len);
	struct history_event ev, again;
	uint8_t buf[1024];
	struct wcur w = wcur_init(buf, sizeof(buf));

	if (!history_event_get(&c, &ev))
		return 0;
	check_text(ev.he_tunnel, sizeof(ev.he_tunnel));
	check_text(ev.he_text, sizeof(ev.he_text));
	check_text(ev.he_peer, sizeof(ev.he_peer));
	history_event_put(&w, &ev);
	if (!wcur_ok(&w))
		abort();
	c = cur_init(buf, wcur_len(&w));
	if (!history_event_get(&c, &again) || !cur_end(&c) ||
	    strcmp(ev.he_text, again.he_text) != 0)
		abort();
	return 0;
}
