/* SPDX-License-Identifier: ISC */
/*
 * INFORMATIONAL (RFC 7296 sections 1.4, 2.4 and 2.25).
 *
 *	either side                            the other
 *	SK { }  -->		<--  SK { }			does it live?
 *	SK { D(IKE) }  -->	<--  SK { }
 *	SK { D(our inbound SPIs) }  -->  <--  SK { D(its inbound SPIs) }
 *
 * A pair that both sides delete at once is not named in the answer.  When the
 * initiator of a rekey deletes the old pair, it has shown that it uses the new
 * one: the responder now sends on it.
 */
#include "libike/ike_var.h"

#define DELETE_SPIS_MAX	64	/* in one answer */

/* ------------------------------------------------------------ initiator */

void
child_delete(struct child *c, enum ike_reason why)
{
	struct ikesa *sa = c->c_sa;
	struct conn *cn = c->c_conn;
	struct xchg *x;

	if (c->c_state == CHILD_DELETING) {
		/* Asked again by its hard lifetime: it is of no use now. */
		if (c->c_in_on)
			act_event(c->c_ike, IKE_EV_NOTE, IKE_R_EXPIRED, sa,
			    c->c_name, 0, "the lifetime of a replaced pair "
			    "ended before the peer confirmed its deletion");
		child_unload(c, false);
		return;
	}
	/* A pair that another has replaced goes without a word. */
	if (c->c_state == CHILD_REPLACED && why == IKE_R_EXPIRED)
		why = IKE_R_NONE;
	c->c_state = CHILD_DELETING;
	tmo_clear(&c->c_ike->i_tmos, &c->c_tmo_rekey);
	if (why != IKE_R_NONE) {
		act_event(c->c_ike, IKE_EV_CHILD_DOWN, why, sa, c->c_name, 0,
		    "%s", ike_reason_title(why));
		child_unload(c, false);
	}
	x = sa->sa_state == SA_UP ? xchg_new(sa, X_CHILD_DELETE) : NULL;
	if (x == NULL) {
		child_remove(c, why == IKE_R_NONE);
	} else {
		x->x_old_spi = c->c_spi_in;
		x->x_reason = why;
		c->c_busy = true;
		xchg_queue(x);
	}
	if (why != IKE_R_NONE && cn != NULL)
		conn_lost(cn, why, ike_reason_title(why));
}

static bool
info_put(struct xchg *x, struct ike_writer *w)
{
	const struct child *c;

	switch (x->x_type) {
	case X_CHILD_DELETE:
		c = child_find(x->x_ike, x->x_old_spi);
		if (c == NULL)
			return false;	/* the peer was faster */
		ike_put_delete_esp(w, &c->c_spi_in, 1);
		return true;
	case X_IKE_DELETE:
		ike_put_delete_ike(w);
		return true;
	default:
		x->x_ike->i_stats.is_liveness++;
		return true;
	}
}

void
info_begin(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct ike_writer w;

	seal_begin(x->x_ike, &w);
	x->x_exchange = IKE_X_INFORMATIONAL;
	if (!info_put(x, &w)) {
		xchg_end(x);
		return;
	}
	if (!xchg_send(x, &w)) {
		xchg_end(x);
		ikesa_kill(sa, IKE_R_MEMORY);
	}
}

void
info_response(struct xchg *x, const struct ike_msg *m)
{
	struct ikesa *sa = x->x_sa;
	enum xchg_type type = x->x_type;
	bool linger = x->x_reason == IKE_R_NONE;
	struct child *c = child_find(x->x_ike, x->x_old_spi);

	(void)m;	/* whatever it names: the pair is gone on both sides */
	xchg_end(x);
	if (type == X_IKE_DELETE)
		ikesa_kill(sa, sa->sa_reason);
	else if (type == X_CHILD_DELETE && c != NULL)
		child_remove(c, linger);
}

/* ------------------------------------------------------------ responder */

/* The pair that replaced this one may now be sent on. */
static void
replaced_switch(struct ikesa *sa, const struct child *old)
{
	struct child *c;

	TAILQ_FOREACH(c, &sa->sa_children, c_entry)
		if (c != old && c->c_old_in == old->c_spi_in &&
		    c->c_state == CHILD_UP)
			child_out(c);
}

/* Made by a rekey of the peer that has lost against ours, still out. */
static bool
redundant(const struct ikesa *sa, const struct child *c)
{
	return sa->sa_req != NULL && sa->sa_req->x_type == X_CHILD_REKEY &&
	    sa->sa_req->x_peer_new == c->c_spi_in;
}

/* => Returns our inbound SPI for the answer, 0 if it is not to be named. */
static uint32_t
child_deleted(struct ikesa *sa, struct child *c)
{
	uint32_t spi = c->c_state == CHILD_DELETING ? 0 : c->c_spi_in;
	bool was_up = c->c_state == CHILD_UP && !redundant(sa, c);
	struct conn *cn = c->c_conn;
	char name[IKE_NAME_MAX];

	if (c->c_state != CHILD_UP)
		replaced_switch(sa, c);
	memcpy(name, c->c_name, sizeof(name));
	child_remove(c, true);
	if (!was_up || cn == NULL || conn_is_up(cn))
		return spi;
	act_event(sa->sa_ike, IKE_EV_CHILD_DOWN, IKE_R_PEER_DELETED, sa, name,
	    0, "%s", ike_reason_title(IKE_R_PEER_DELETED));
	conn_lost(cn, IKE_R_PEER_DELETED,
	    ike_reason_title(IKE_R_PEER_DELETED));
	return spi;
}

static size_t
delete_children(struct ikesa *sa, const struct ike_delete *d, uint32_t *spis,
    size_t n)
{
	struct cur c = cur_init(d->d_spis.b_p, d->d_spis.b_n);
	struct child *child;
	uint32_t spi;

	while (cur_left(&c) != 0) {
		child = child_by_out(sa, cur_u32(&c));
		if (child == NULL)
			continue;
		spi = child_deleted(sa, child);
		if (spi != 0 && n < DELETE_SPIS_MAX)
			spis[n++] = spi;
	}
	return n;
}

/* The whole IKE SA: by Delete, or by an error that ends it (2.21.3). */
static bool
info_ends(const struct ike_msg *m)
{
	for (unsigned i = 0; i < m->m_ndelete; i++)
		if (m->m_delete[i].d_proto == IKE_PROTO_IKE)
			return true;
	return ike_msg_notify(m, IKE_N_AUTHENTICATION_FAILED) != NULL ||
	    ike_msg_notify(m, IKE_N_INVALID_SYNTAX) != NULL;
}

void
info_requested(struct ikesa *sa, const struct inmsg *im,
    const struct ike_msg *m)
{
	uint32_t msgid = im->im_hdr.h_msgid, spis[DELETE_SPIS_MAX];
	struct ikesa *to;
	struct ike_writer w;
	size_t n = 0;

	if (info_ends(m)) {
		seal_respond_notify(sa, IKE_X_INFORMATIONAL, msgid, 0, NULL, 0);
		to = rekey_peers(sa);
		if (to != NULL) {
			if (sa->sa_req != NULL)
				xchg_end(sa->sa_req);
			rekey_inherit(sa, to);
		}
		ikesa_closed(sa, IKE_R_PEER_DELETED);
		return;
	}
	for (unsigned i = 0; i < m->m_ndelete; i++)
		if (m->m_delete[i].d_proto == IKE_PROTO_ESP)
			n = delete_children(sa, &m->m_delete[i], spis, n);
	seal_begin(sa->sa_ike, &w);
	if (n != 0)
		ike_put_delete_esp(&w, spis, n);
	seal_respond(sa, IKE_X_INFORMATIONAL, msgid, &w);
}
