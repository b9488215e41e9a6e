/* SPDX-License-Identifier: ISC */
/*
 * CREATE_CHILD_SA for a child, as responder (the ladder is in ike_create.c).
 *
 * What is refused, and how (RFC 7296 section 2.25):
 *
 *	the IKE SA is being rekeyed or closed		TEMPORARY_FAILURE
 *	the pair is being closed, or was rekeyed	TEMPORARY_FAILURE
 *	no such pair					CHILD_SA_NOT_FOUND
 *
 * A rekey of the same pair that we have only planned is put off, and needless if
 * the peer's succeeds; one that is already out goes on, and the nonces decide when
 * its answer comes.
 */
#include "libike/ike_var.h"

static void
respond_error(struct ikesa *sa, uint32_t msgid, uint16_t notify)
{
	seal_respond_notify(sa, IKE_X_CREATE_CHILD, msgid, notify, NULL, 0);
}

static void
respond_not_found(struct ikesa *sa, uint32_t msgid, uint32_t spi)
{
	struct ike_writer w;

	seal_begin(sa->sa_ike, &w);
	ike_put_notify_spi(&w, IKE_N_CHILD_SA_NOT_FOUND, IKE_PROTO_ESP, spi);
	seal_respond(sa, IKE_X_CREATE_CHILD, msgid, &w);
}

/* An error that tells the group that we want (section 1.3). */
static void
respond_refusal(struct xchg *x, const struct refusal *rf)
{
	const struct ike_transform *t = ike_proposal_get(&x->x_choice.pc_pr,
	    IKE_T_DH);
	uint8_t group[2] = { 0, 0 };

	if (rf->rf_notify == IKE_N_INVALID_KE_PAYLOAD && t != NULL) {
		group[0] = (uint8_t)(t->tr_id >> 8);
		group[1] = (uint8_t)t->tr_id;
		seal_respond_notify(x->x_sa, IKE_X_CREATE_CHILD, x->x_msgid,
		    rf->rf_notify, group, sizeof(group));
		return;
	}
	act_event(x->x_ike, IKE_EV_NOTE, rf->rf_reason, x->x_sa, "", 0, "%s",
	    rf->rf_text);
	respond_error(x->x_sa, x->x_msgid, rf->rf_notify);
}

/* Our rekey of this pair, queued or out; NULL. */
static struct xchg *
own_rekey(struct ikesa *sa, uint32_t old_spi)
{
	struct xchg *x = sa->sa_req;

	if (x != NULL && x->x_type == X_CHILD_REKEY && x->x_old_spi == old_spi)
		return x;
	TAILQ_FOREACH(x, &sa->sa_queue, x_entry)
		if (x->x_type == X_CHILD_REKEY && x->x_old_spi == old_spi)
			return x;
	return NULL;
}

static bool
responder_secret(struct xchg *x, const struct ike_msg *m)
{
	const struct ike_transform *t = ike_proposal_get(&x->x_choice.pc_pr,
	    IKE_T_DH);

	if (t == NULL || t->tr_id == IKE_DH_NONE)
		return true;
	x->x_dh = xchg_dh_new(x->x_ike, t->tr_id);
	return x->x_dh != NULL && xchg_secret(x, x->x_dh, m->m_ke);
}

static void
create_choose(struct xchg *x, const struct ike_msg *m, struct child *old)
{
	struct refusal rf = { .rf_notify = 0 };

	nonce_set(&x->x_ni, m->m_nonce);
	xchg_nonce(x->x_ike, &x->x_nr);
	if (child_choose(x, m, false, old != NULL ? old->c_conn : NULL,
	    &rf) != 0) {
		respond_refusal(x, &rf);
		xchg_end(x);
		return;
	}
	if (!responder_secret(x, m)) {
		respond_error(x->x_sa, x->x_msgid, IKE_N_INVALID_SYNTAX);
		xchg_end(x);
		return;
	}
	if (old != NULL)
		x->x_old_spi = old->c_spi_in;
	if (!child_ask(x)) {
		respond_error(x->x_sa, x->x_msgid, IKE_N_TEMPORARY_FAILURE);
		xchg_end(x);
	}
}

static bool
ikesa_busy(const struct ikesa *sa)
{
	return sa->sa_state != SA_UP || sa->sa_peer_new != 0 ||
	    (sa->sa_req != NULL && sa->sa_req->x_type == X_IKE_REKEY);
}

void
create_requested(struct ikesa *sa, const struct inmsg *im,
    const struct ike_msg *m)
{
	const struct ike_notify *n = ike_msg_notify(m, IKE_N_REKEY_SA);
	uint32_t msgid = im->im_hdr.h_msgid;
	struct child *old = NULL;
	struct xchg *x, *own;

	if (ikesa_busy(sa)) {
		respond_error(sa, msgid, IKE_N_TEMPORARY_FAILURE);
		return;
	}
	if (n != NULL) {
		old = n->n_proto == IKE_PROTO_ESP ?
		    child_by_out(sa, n->n_spi) : NULL;
		if (old == NULL) {
			respond_not_found(sa, msgid, n->n_spi);
			return;
		}
		own = own_rekey(sa, old->c_spi_in);
		if (own != NULL && !own->x_sent) {
			xchg_end(own);
			child_rekey_later(old);	/* if the peer's fails */
		}
		if (old->c_state != CHILD_UP || old->c_conn == NULL) {
			respond_error(sa, msgid, IKE_N_TEMPORARY_FAILURE);
			return;
		}
	}
	x = xchg_new(sa, X_PEER_CHILD);
	if (x == NULL) {
		respond_error(sa, msgid, IKE_N_TEMPORARY_FAILURE);
		return;
	}
	x->x_msgid = msgid;
	sa->sa_rsp = x;
	create_choose(x, m, old);
}

/* The pair is replaced; if our rekey of it is out, this is a collision. */
static void
created_replaces(struct xchg *x, struct child *c, struct child *old)
{
	struct xchg *own = own_rekey(x->x_sa, old->c_spi_in);

	c->c_old_in = old->c_spi_in;
	c->c_old_out = old->c_spi_out;
	old->c_state = CHILD_REPLACED;
	tmo_clear(&x->x_ike->i_tmos, &old->c_tmo_rekey);
	if (own == NULL)
		return;
	if (!own->x_sent) {
		xchg_end(own);
		return;
	}
	own->x_peer_new = c->c_spi_in;
	own->x_peer_min = *nonce_min(&x->x_ni, &x->x_nr);
}

static void
created_install(struct xchg *x, struct child *old)
{
	struct ike *ike = x->x_ike;
	struct child *c = x->x_new;
	struct ike_writer w;

	seal_begin(ike, &w);
	child_answer(x, &w);
	x->x_new = NULL;
	child_adopt(c, x->x_sa);
	if (old != NULL)
		created_replaces(x, c, old);
	child_install(c, old == NULL);
	seal_respond(x->x_sa, IKE_X_CREATE_CHILD, x->x_msgid, &w);
	act_event(ike, old != NULL ? IKE_EV_CHILD_REKEYED : IKE_EV_CHILD_UP,
	    IKE_R_NONE, x->x_sa, c->c_name, 0, "SPIs %08x in, %08x out",
	    c->c_spi_in, c->c_spi_out);
	if (old != NULL) {
		ike->i_stats.is_child_rekeyed++;
		conn_rekeyed(c->c_conn);
	} else {
		ike->i_stats.is_child_made++;
		conn_established(c->c_conn);
	}
	xchg_end(x);
}

void
create_peer_answered(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct child *old = child_find(x->x_ike, x->x_old_spi);
	uint16_t error = 0;

	if (x->x_new->c_spi_in == 0 || ikesa_busy(sa))
		error = IKE_N_TEMPORARY_FAILURE;
	else if (x->x_conn == NULL)
		error = IKE_N_TS_UNACCEPTABLE;
	else if (x->x_old_spi != 0 &&
	    (old == NULL || old->c_sa != sa || old->c_state != CHILD_UP))
		error = IKE_N_TEMPORARY_FAILURE;
	else if (!child_keys(x, false))
		error = IKE_N_TEMPORARY_FAILURE;
	if (error != 0) {
		respond_error(sa, x->x_msgid, error);
		xchg_end(x);
		return;
	}
	created_install(x, old);
}
