/* SPDX-License-Identifier: ISC */
/*
 * CREATE_CHILD_SA for a child, as initiator (RFC 7296 sections 1.3.1, 1.3.3).
 *
 *	initiator                              responder
 *	SK { [N(REKEY_SA)], SA, Ni, [KEi], TSi, TSr }  -->
 *				<--  SK { SA, Nr, [KEr], TSi, TSr }
 *	or			<--  SK { N(TEMPORARY_FAILURE) }  later again
 *	or			<--  SK { N(CHILD_SA_NOT_FOUND) }  ours goes too
 *	or			<--  SK { N(INVALID_KE_PAYLOAD) }  that group
 *	rekey: SK { D(old) }  -->	after the new pair is in use
 *
 * Collision (section 2.8.1): while our rekey was out, the peer rekeyed the same
 * pair.  The exchange with the lowest of the four nonces loses: its initiator
 * deletes the pair that it made.  The winner's initiator deletes the old pair.
 */
#include <stdio.h>

#include "libike/ike_var.h"

/* A rekey that failed is tried again after this part of what is left. */
#define REKEY_RETRY_PART	4
#define REKEY_LATER_MS		10000

void
conn_create(struct conn *cn, struct ikesa *sa)
{
	struct xchg *x = xchg_new(sa, X_CHILD_NEW);

	if (x == NULL) {
		conn_failed(cn, IKE_R_MEMORY, "out of memory", true);
		return;
	}
	x->x_conn = cn;
	x->x_seq = cn->cn_seq;
	xchg_queue(x);
}

void
child_rekey_later(struct child *c)
{
	tmo_set(&c->c_ike->i_tmos, &c->c_tmo_rekey,
	    c->c_ike->i_now + REKEY_LATER_MS);
}

void
child_rekey(struct child *c)
{
	struct xchg *x;

	if (c->c_state != CHILD_UP || c->c_busy || c->c_conn == NULL ||
	    c->c_sa->sa_state != SA_UP)
		return;
	if (!c->c_out_on) {
		/* The rekey that made it has not ended yet. */
		child_rekey_later(c);
		return;
	}
	x = xchg_new(c->c_sa, X_CHILD_REKEY);
	if (x == NULL) {
		child_rekey_later(c);
		return;
	}
	x->x_conn = c->c_conn;
	x->x_old_spi = c->c_spi_in;
	c->c_busy = true;
	xchg_queue(x);
}

/* The pair to be rekeyed, if it still is to be; NULL. */
static struct child *
create_old(const struct xchg *x)
{
	struct child *c = child_find(x->x_ike, x->x_old_spi);

	return c != NULL && c->c_state == CHILD_UP && c->c_sa == x->x_sa ? c :
	    NULL;
}

static void
create_failed(struct xchg *x, enum ike_reason r, const char *text)
{
	struct child *old = create_old(x);
	struct ike *ike = x->x_ike;

	if (x->x_type == X_CHILD_NEW) {
		if (x->x_conn != NULL)
			conn_failed(x->x_conn, r, text, true);
	} else if (old != NULL) {
		uint64_t left = old->c_end_at > ike->i_now ? old->c_end_at -
		    ike->i_now : 0, wait = ike_jitter(ike, left /
		    REKEY_RETRY_PART);

		act_event(ike, IKE_EV_NOTE, IKE_R_REKEY, x->x_sa, old->c_name,
		    0, "rekey failed; the old keys end in %llu s, and it is "
		    "tried again in %llu s: %s: %s",
		    (unsigned long long)left / 1000,
		    (unsigned long long)wait / 1000, ike_reason_id(r), text);
		if (left != 0)
			tmo_set(&ike->i_tmos, &old->c_tmo_rekey,
			    ike->i_now + wait);
		if (x->x_conn != NULL)
			conn_rekey_failed(x->x_conn, r, text);
	}
	xchg_end(x);
}

/* The child has gone, or was taken down by command, or is up already. */
static bool
create_needless(const struct xchg *x)
{
	if (x->x_conn == NULL)
		return true;
	return x->x_type == X_CHILD_REKEY ? create_old(x) == NULL :
	    x->x_conn->cn_down || conn_is_up(x->x_conn);
}

void
create_begin(struct xchg *x)
{
	struct ike *ike = x->x_ike;

	if (create_needless(x)) {
		xchg_end(x);
		return;
	}
	xchg_nonce(ike, &x->x_ni);
	if (x->x_group == 0)
		x->x_group = ike_proposals_group(x->x_conn->cn_conf.ch_esp);
	if (x->x_group != IKE_DH_NONE)
		x->x_dh = xchg_dh_new(ike, x->x_group);
	x->x_new = child_new(ike, x->x_sa, x->x_conn);
	if (x->x_new == NULL || (x->x_group != IKE_DH_NONE && x->x_dh == NULL))
		create_failed(x, IKE_R_MEMORY, "out of memory");
	else if (!child_ask(x))
		create_failed(x, IKE_R_MEMORY, "out of memory");
}

void
create_answered(struct xchg *x)
{
	struct ike_writer w;

	if (x->x_new->c_spi_in == 0) {
		create_failed(x, IKE_R_KERNEL, "the kernel gave no SPI");
		return;
	}
	if (create_needless(x)) {
		xchg_end(x);
		return;
	}
	seal_begin(x->x_ike, &w);
	if (x->x_type == X_CHILD_REKEY)
		ike_put_notify_spi(&w, IKE_N_REKEY_SA, IKE_PROTO_ESP,
		    x->x_old_spi);
	child_offer(x, &w, false);
	x->x_exchange = IKE_X_CREATE_CHILD;
	if (!xchg_send(x, &w))
		create_failed(x, IKE_R_MEMORY, "the request could not be "
		    "built");
}

/* ------------------------------------------------------------- refusals */

/* The same again, at once, with the group that the peer wants. */
static bool
create_follow_group(struct xchg *x, const struct ike_notify *n)
{
	struct cur c = cur_init(n->n_data.b_p, n->n_data.b_n);
	uint16_t group = cur_u16(&c);
	struct child *old = create_old(x);
	struct xchg *y;

	if (!cur_end(&c) || group == x->x_group || x->x_conn == NULL ||
	    !ike_proposals_has_group(x->x_conn->cn_conf.ch_esp, group) ||
	    x->x_tries_group++ > 2)
		return false;
	y = xchg_new(x->x_sa, x->x_type);
	if (y == NULL)
		return false;
	x->x_ike->i_stats.is_invalid_ke++;
	y->x_conn = x->x_conn;
	y->x_old_spi = x->x_old_spi;
	y->x_seq = x->x_seq;
	y->x_group = group;
	y->x_tries_group = x->x_tries_group;
	xchg_end(x);
	if (old != NULL)
		old->c_busy = true;
	xchg_queue(y);
	return true;
}

static void
create_not_found(struct xchg *x)
{
	struct child *old = create_old(x);
	struct conn *cn = x->x_conn;

	xchg_end(x);
	if (old == NULL)
		return;		/* the peer has rekeyed it meanwhile */
	child_remove(old, false);
	if (cn != NULL)
		conn_lost(cn, IKE_R_PEER_DELETED,
		    ike_reason_title(IKE_R_PEER_DELETED));
}

static void
create_refused(struct xchg *x, const struct ike_msg *m)
{
	const struct ike_notify *n = ike_msg_error(m);
	uint16_t type = n != NULL ? n->n_type : 0;
	char text[IKE_TEXT_MAX];

	if (type == IKE_N_TEMPORARY_FAILURE) {
		if (x->x_type == X_CHILD_REKEY && create_old(x) == NULL)
			xchg_end(x);
		else
			xchg_postpone(x);
		return;
	}
	if (type == IKE_N_CHILD_SA_NOT_FOUND && x->x_type == X_CHILD_REKEY) {
		create_not_found(x);
		return;
	}
	if (type == IKE_N_INVALID_KE_PAYLOAD && create_follow_group(x, n))
		return;
	create_failed(x, child_refused(x, n, text), text);
}

/* -------------------------------------------------------------- success */

static bool
create_secret(struct xchg *x, const struct ike_msg *m)
{
	const struct ike_transform *t = ike_proposal_get(&x->x_choice.pc_pr,
	    IKE_T_DH);

	if (t == NULL || t->tr_id == IKE_DH_NONE)
		return true;	/* no PFS was chosen */
	return x->x_dh != NULL && m->m_has_ke && t->tr_id == x->x_group &&
	    m->m_group == x->x_group && xchg_secret(x, x->x_dh, m->m_ke);
}

/* The peer has a pair that we do not want: tell it. */
static void
create_drop_new(struct xchg *x, struct child *c)
{
	x->x_new = NULL;
	child_adopt(c, x->x_sa);
	child_delete(c, IKE_R_NONE);
}

static void
create_up(struct xchg *x, struct child *c, bool rekey)
{
	struct ike *ike = x->x_ike;

	act_event(ike, rekey ? IKE_EV_CHILD_REKEYED : IKE_EV_CHILD_UP,
	    IKE_R_NONE, x->x_sa, c->c_name, 0, "SPIs %08x in, %08x out",
	    c->c_spi_in, c->c_spi_out);
	if (rekey) {
		ike->i_stats.is_child_rekeyed++;
		conn_rekeyed(c->c_conn);
	} else {
		ike->i_stats.is_child_made++;
		conn_established(c->c_conn);
	}
}

/*
 * Our rekey has succeeded.  If the peer's of the same pair has too, the nonces
 * decide which of the two new pairs stays.
 */
static void
create_rekeyed(struct xchg *x, struct child *c)
{
	struct child *old = child_find(x->x_ike, x->x_old_spi);
	bool lost = x->x_peer_new != 0 && nonce_cmp(nonce_min(&x->x_ni,
	    &x->x_nr), &x->x_peer_min) < 0;

	if (x->x_peer_new != 0)
		x->x_ike->i_stats.is_collisions++;
	if (old != NULL) {
		c->c_old_in = old->c_spi_in;
		c->c_old_out = old->c_spi_out;
	}
	x->x_new = NULL;
	child_adopt(c, x->x_sa);
	/* A redundant pair only receives, until the peer knows. */
	child_install(c, !lost);
	if (lost) {
		child_delete(c, IKE_R_NONE);
		return;
	}
	create_up(x, c, true);
	if (old != NULL && old->c_state != CHILD_DELETING)
		child_delete(old, IKE_R_NONE);
}

void
create_response(struct xchg *x, const struct ike_msg *m)
{
	struct child *c = x->x_new;
	struct refusal rf = { .rf_reason = IKE_R_PROP_PFS,
	    .rf_text = "the peer's key exchange does not fit the proposal" };

	if (!m->m_has_sa || !m->m_has_tsi) {
		create_refused(x, m);
		return;
	}
	if (x->x_conn == NULL ||
	    (x->x_type == X_CHILD_NEW && x->x_conn->cn_down)) {
		create_drop_new(x, c);
		xchg_end(x);
		return;
	}
	nonce_set(&x->x_nr, m->m_nonce);
	if (!child_offer_check(x, m, false, &rf) || !create_secret(x, m) ||
	    !child_keys(x, true)) {
		create_drop_new(x, c);
		create_failed(x, rf.rf_reason, rf.rf_text);
		return;
	}
	if (x->x_type == X_CHILD_REKEY) {
		create_rekeyed(x, c);
	} else {
		x->x_new = NULL;
		child_adopt(c, x->x_sa);
		child_install(c, true);
		create_up(x, c, false);
	}
	xchg_end(x);
}
