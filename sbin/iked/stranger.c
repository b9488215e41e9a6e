/* SPDX-License-Identifier: ISC */
/*
 * What strangers do, peers that have not shown who they are, must not fill the log
 * and the history, nor push out of them what happens to tunnels.  Anybody can send
 * any number of messages that fail, from any address.
 *
 * Of each rule that they fail at, or of each address if they come to none, some
 * events are told at once and then one a minute; and of all together some and then
 * one a second.  The rest is counted, and the number told once a minute.
 */
#include "ikeproc.h"
#include "libutil/log.h"

enum {
	EACH_BURST = 5, EACH_MS = 60000,
	ALL_BURST = 100, ALL_MS = 1000,
	COUNT_MS = 60000,
};

/* Two that share a slot share its events, and no more than that. */
static struct bucket *
slot_of(struct strangers *sr, const struct ike_event *ev)
{
	const void *p = ev->ev_policy;
	size_t n = strlen(ev->ev_policy);
	uint32_t h = 2166136261;		/* FNV-1a */

	if (n == 0) {
		p = ev->ev_peer.ad_bytes;
		n = sizeof(ev->ev_peer.ad_bytes);
	}
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 16777619;
	return &sr->sr_each[(h ^ h >> 16) % STRANGER_SLOTS];
}

bool
stranger_told(struct strangers *sr, uint64_t now, const struct ike_event *ev)
{
	struct bucket *each = slot_of(sr, ev);

	if (bucket_has(each, now, EACH_MS, EACH_BURST) &&
	    bucket_take(&sr->sr_all, now, ALL_MS, ALL_BURST)) {
		each->bk_left--;
		return true;
	}
	if (sr->sr_untold++ == 0)
		sr->sr_untold_at = now;
	sr->sr_lost++;
	return false;
}

void
stranger_timer(struct strangers *sr, uint64_t now)
{
	if (sr->sr_untold == 0 || now - sr->sr_untold_at < COUNT_MS)
		return;
	log_warn("%llu more attempts of peers that did not show who they are "
	    "failed within %llu s", (unsigned long long)sr->sr_untold,
	    (unsigned long long)(now - sr->sr_untold_at) / 1000);
	sr->sr_untold = 0;
}
