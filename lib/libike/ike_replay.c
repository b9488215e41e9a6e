/* SPDX-License-Identifier: ISC */
/*
 * Packets that the network kernel drops because their number has been there before
 * or is older than the window (RFC 4303 section 3.4.3).  Some are an accident of
 * the way; many say that something repeats or delays packets: REPLAY-01, with
 * what was counted since the last time, until a while comes with few of them.
 *
 * The kernel is asked as often as a silent peer is (IKE_ACT_SEEN).
 */
#include <inttypes.h>
#include <stdio.h>

#include "libike/ike_var.h"

#define REPLAY_MS	10000	/* a shorter while says nothing */
#define REPLAY_MANY	16	/* packets dropped in it ... */
#define REPLAY_PART	1000	/* ... that are one of so many or more */

void
replay_text(const struct child *c, char *buf, size_t len)
{
	const struct replayed *rp = &c->c_replayed;

	(void)snprintf(buf, len, "of %" PRIu64 " packets that came within %"
	    PRIu64 " s %" PRIu64 " were dropped: they had come before, or came "
	    "later than the window of %u packets takes", rp->rp_of,
	    rp->rp_ms / 1000, rp->rp_many, child_window(c));
}

static void
replay_found(struct child *c, uint64_t dropped, uint64_t passed, uint64_t ms)
{
	struct replayed *rp = &c->c_replayed;
	bool was = rp->rp_many != 0;
	char text[IKE_TEXT_MAX];

	rp->rp_many = dropped >= REPLAY_MANY &&
	    dropped >= (dropped + passed) / REPLAY_PART ? dropped : 0;
	rp->rp_of = dropped + passed;
	rp->rp_ms = ms;
	if (rp->rp_many == 0 || was)
		return;
	replay_text(c, text, sizeof(text));
	act_event(c->c_ike, IKE_EV_NOTE, IKE_R_REPLAY, c->c_sa, c->c_name, 0,
	    "%s", text);
}

void
ike_counted(struct ike *ike, uint64_t now, uint32_t spi, uint64_t passed,
    uint64_t dropped)
{
	struct child *c;
	struct replayed *rp;
	uint64_t since;

	ike_enter(ike, now);
	if ((c = child_find(ike, spi)) != NULL && c->c_state == CHILD_UP) {
		rp = &c->c_replayed;
		since = rp->rp_at != 0 ? rp->rp_at : c->c_since;
		if (ike->i_now - since >= REPLAY_MS) {
			if (passed >= rp->rp_passed && dropped >= rp->rp_dropped)
				replay_found(c, dropped - rp->rp_dropped,
				    passed - rp->rp_passed, ike->i_now - since);
			rp->rp_at = ike->i_now;
			rp->rp_passed = passed;
			rp->rp_dropped = dropped;
		}
	}
	ike_leave(ike);
}
