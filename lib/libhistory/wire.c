/* SPDX-License-Identifier: ISC */
/*
 * Events as bytes of policy.sock.
 */
#include <string.h>

#include "libhistory/history.h"

static void
get_text(struct cur *c, char *out, size_t cap)
{
	size_t n = cur_u16(c);

	out[0] = '\0';
	if (n >= cap) {
		cur_fail(c);
		return;
	}
	if (!cur_copy(c, out, n))
		return;
	out[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
}

void
history_event_put(struct wcur *w, const struct history_event *ev)
{
	wcur_u64(w, ev->he_id);
	wcur_u64(w, (uint64_t)ev->he_time);
	wcur_text(w, ev->he_tunnel, sizeof(ev->he_tunnel));
	wcur_text(w, ev->he_child, sizeof(ev->he_child));
	wcur_text(w, ev->he_event, sizeof(ev->he_event));
	wcur_text(w, ev->he_reason, sizeof(ev->he_reason));
	wcur_text(w, ev->he_peer, sizeof(ev->he_peer));
	wcur_text(w, ev->he_text, sizeof(ev->he_text));
}

bool
history_event_get(struct cur *c, struct history_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->he_id = cur_u64(c);
	ev->he_time = (int64_t)cur_u64(c);
	get_text(c, ev->he_tunnel, sizeof(ev->he_tunnel));
	get_text(c, ev->he_child, sizeof(ev->he_child));
	get_text(c, ev->he_event, sizeof(ev->he_event));
	get_text(c, ev->he_reason, sizeof(ev->he_reason));
	get_text(c, ev->he_peer, sizeof(ev->he_peer));
	get_text(c, ev->he_text, sizeof(ev->he_text));
	if (ev->he_id == 0 || ev->he_id > INT64_MAX || ev->he_time < 0)
		cur_fail(c);
	return cur_ok(c);
}
