/* SPDX-License-Identifier: ISC */
/*
 * CREATE_CHILD_SA for the IKE SA itself (RFC 7296 sections 1.3.2, 2.8, 2.18).
 *
 *	initiator                              responder
 *	SK { SA(new SPI), Ni, KEi }  -->
 *				<--  SK { SA(new SPI), Nr, KEr }
 *	or			<--  SK { N(TEMPORARY_FAILURE) }
 *	or			<--  SK { N(INVALID_KE_PAYLOAD) }
 *	SK of the old SA { D(IKE) }  -->
 *
 * The new SA inherits all child SAs.  Collision (section 2.8.2): while our
 * request was out, the peer's succeeded.  Then children stay where they are
 * until our answer comes; the SA of the exchange with the lowest of the four
 * nonces is deleted by its initiator, the other inherits, and its initiator
 * deletes the old one.  If the peer begins to use its new SA for children before
 * our answer has come, it has decided, and for that one.
 */
#include "libike/ike_var.h"

#define REPLACED_MS	60000	/* the peer's Delete of the old one */
#define REKEY_LATER_MS	10000	/* one that could not be begun */

/* An SA that an established one has rekeyed is established. */
static struct ikesa *
rekey_born(struct ikesa *old, bool initiator, const struct ike_proposal *pr,
    const struct ike_seed *seed)
{
	struct ike *ike = old->sa_ike;
	struct ikesa *sa = ikesa_new(ike, initiator);

	if (sa == NULL)
		return NULL;
	if (!ike_keys_derive(&sa->sa_keys, pr, seed, &old->sa_keys)) {
		ikesa_kill(sa, IKE_R_MEMORY);
		return NULL;
	}
	sa->sa_keyed = true;
	sa->sa_algs = *pr;
	sa->sa_spi_i = seed->se_spi_i;
	sa->sa_spi_r = seed->se_spi_r;
	sa->sa_local = old->sa_local;
	sa->sa_remote = old->sa_remote;
	sa->sa_lport = old->sa_lport;
	sa->sa_rport = old->sa_rport;
	sa->sa_natt = old->sa_natt;
	sa->sa_nat_us = old->sa_nat_us;
	sa->sa_nat_peer = old->sa_nat_peer;
	sa->sa_frag = old->sa_frag;
	sa->sa_id_local = old->sa_id_local;
	sa->sa_id_remote = old->sa_id_remote;
	sa->sa_reply_to = old->sa_reply_to;
	sa->sa_since = old->sa_since;
	ikesa_hash_in(sa);
	ikesa_set_pol(sa, old->sa_pol);
	sa->sa_state = initiator ? SA_AUTH_I : SA_AUTH_R;
	ikesa_set_state(sa, SA_UP);
	ikesa_schedule(sa);
	return sa;
}

struct ikesa *
rekey_peers(const struct ikesa *sa)
{
	struct ikesa *to = sa->sa_peer_new != 0 ?
	    ikesa_find(sa->sa_ike, sa->sa_peer_new) : NULL;

	return to != NULL && to->sa_state == SA_UP ? to : NULL;
}

void
rekey_inherit(struct ikesa *old, struct ikesa *to)
{
	struct ike *ike = old->sa_ike;
	struct child *c;
	struct xchg *x;

	while ((c = TAILQ_FIRST(&old->sa_children)) != NULL)
		child_move(c, to);
	while ((x = TAILQ_FIRST(&old->sa_queue)) != NULL) {
		TAILQ_REMOVE(&old->sa_queue, x, x_entry);
		old->sa_nqueue--;
		x->x_sa = to;
		TAILQ_INSERT_TAIL(&to->sa_queue, x, x_entry);
		to->sa_nqueue++;
		if (x->x_type == X_IKE_REKEY || x->x_type == X_PROBE)
			xchg_end(x);
	}
	to->sa_limbo = false;
	old->sa_peer_new = 0;
	if (old->sa_pol != NULL)
		old->sa_pol->pl_rekeys++;
	if (old->sa_state == SA_UP)
		ikesa_set_state(old, SA_REPLACED);
	tmo_clear(&ike->i_tmos, &old->sa_tmo_live);
	tmo_clear(&ike->i_tmos, &old->sa_tmo_keep);
	tmo_set(&ike->i_tmos, &old->sa_tmo_life, ike->i_now + REPLACED_MS);
	ike->i_stats.is_ike_rekeyed++;
	act_event(ike, IKE_EV_IKE_REKEYED, IKE_R_NONE, to, "", 0,
	    "SPI %016llx", (unsigned long long)(to->sa_initiator ?
	    to->sa_spi_i : to->sa_spi_r));
	path_inherit(old, to);
	ikesa_kick(to);
}

/* ------------------------------------------------------------ initiator */

/* But before its end. */
void
ikesa_rekey_later(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	uint64_t when = ike->i_now + REKEY_LATER_MS;

	if (sa->sa_state == SA_UP && when < sa->sa_end_at)
		tmo_set(&ike->i_tmos, &sa->sa_tmo_life, when);
}

void
ikesa_rekey(struct ikesa *sa)
{
	struct xchg *x;

	if (sa->sa_state != SA_UP || sa->sa_peer_new != 0 ||
	    xchg_queued(sa, X_IKE_REKEY, 0, NULL))
		return;
	x = xchg_new(sa, X_IKE_REKEY);
	if (x != NULL)
		xchg_queue(x);
	else
		ikesa_rekey_later(sa);
}

static void
rekey_failed(struct xchg *x, const char *text)
{
	struct ikesa *sa = x->x_sa;
	struct ike *ike = x->x_ike;
	struct ikesa *to = rekey_peers(sa);
	uint64_t left = sa->sa_end_at > ike->i_now ? sa->sa_end_at - ike->i_now :
	    0, wait = ike_jitter(ike, left / 2);

	xchg_end(x);
	if (sa->sa_state != SA_UP)
		return;		/* the peer's rekey has been faster */
	act_event(ike, IKE_EV_NOTE, IKE_R_REKEY, sa, "", 0, "IKE SA: rekey "
	    "failed; the old keys end in %llu s, and it is tried again in %llu "
	    "s: %s", (unsigned long long)left / 1000,
	    (unsigned long long)wait / 1000, text);
	if (to != NULL)
		rekey_inherit(sa, to);
	else if (left != 0)
		tmo_set(&ike->i_tmos, &sa->sa_tmo_life, ike->i_now + wait);
}

static uint16_t
rekey_group(const struct ikesa *sa)
{
	const struct ike_transform *t = ike_proposal_get(&sa->sa_algs,
	    IKE_T_DH);

	if (t != NULL && ike_proposals_has_group(sa->sa_pol->pl_conf.po_ike,
	    t->tr_id))
		return t->tr_id;
	return ike_proposals_group(sa->sa_pol->pl_conf.po_ike);
}

static void
spi_bytes(uint64_t spi, uint8_t out[IKE_SPI_LEN])
{
	struct wcur w = wcur_init(out, IKE_SPI_LEN);

	wcur_u64(&w, spi);
}

void
rekey_begin(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	uint8_t spi[IKE_SPI_LEN];
	struct ike_writer w;

	if (sa->sa_pol == NULL || sa->sa_peer_new != 0) {
		xchg_end(x);
		return;
	}
	if (x->x_group == 0)
		x->x_group = rekey_group(sa);
	x->x_dh = xchg_dh_new(x->x_ike, x->x_group);
	if (x->x_dh == NULL) {
		rekey_failed(x, "out of memory");
		return;
	}
	xchg_nonce(x->x_ike, &x->x_ni);
	x->x_spi = ikesa_spi_new(x->x_ike);
	spi_bytes(x->x_spi, spi);
	seal_begin(x->x_ike, &w);
	ike_put_sa(&w, sa->sa_pol->pl_conf.po_ike, spi, sizeof(spi));
	ike_put_bytes(&w, IKE_P_NONCE, x->x_ni.no_p, x->x_ni.no_n);
	ike_put_ke(&w, x->x_group, x->x_dh->dh_public,
	    dh_group_size(x->x_dh->dh_group));
	x->x_exchange = IKE_X_CREATE_CHILD;
	if (!xchg_send(x, &w))
		rekey_failed(x, "the request could not be built");
}

static bool
rekey_follow_group(struct xchg *x, const struct ike_notify *n)
{
	struct cur c = cur_init(n->n_data.b_p, n->n_data.b_n);
	uint16_t group = cur_u16(&c);
	struct xchg *y;

	if (!cur_end(&c) || group == x->x_group || x->x_tries_group > 2 ||
	    x->x_sa->sa_pol == NULL ||
	    !ike_proposals_has_group(x->x_sa->sa_pol->pl_conf.po_ike, group))
		return false;
	y = xchg_new(x->x_sa, X_IKE_REKEY);
	if (y == NULL)
		return false;
	y->x_group = group;
	y->x_tries_group = x->x_tries_group + 1;
	xchg_end(x);
	xchg_queue(y);
	return true;
}

static void
rekey_refused(struct xchg *x, const struct ike_msg *m)
{
	const struct ike_notify *n = ike_msg_error(m);

	if (n != NULL && x->x_sa->sa_state == SA_UP &&
	    x->x_sa->sa_peer_new == 0) {
		if (n->n_type == IKE_N_TEMPORARY_FAILURE) {
			xchg_postpone(x);
			return;
		}
		if (n->n_type == IKE_N_INVALID_KE_PAYLOAD &&
		    rekey_follow_group(x, n))
			return;
	}
	rekey_failed(x, n != NULL ? ike_notify_name(n->n_type) :
	    "no reason given");
}

static uint64_t
choice_spi64(const struct ike_choice *ch)
{
	struct cur c = cur_init(ch->pc_spi, ch->pc_spi_len);

	return cur_u64(&c);
}

/* The peer deletes what it made; it has a minute to do so. */
static void
rekey_loser(struct ikesa *sa)
{
	ikesa_set_state(sa, SA_REPLACED);
	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_live);
	tmo_clear(&sa->sa_ike->i_tmos, &sa->sa_tmo_keep);
	tmo_set(&sa->sa_ike->i_tmos, &sa->sa_tmo_life,
	    sa->sa_ike->i_now + REPLACED_MS);
}

/* Which of the two new SAs inherits, when both rekeyed at once. */
static void
rekey_resolve(struct xchg *x, struct ikesa *new)
{
	struct ikesa *old = x->x_sa;
	struct ikesa *peers = rekey_peers(old);
	bool lost = old->sa_state != SA_UP || (peers != NULL &&
	    nonce_cmp(nonce_min(&x->x_ni, &x->x_nr),
	    &old->sa_peer_nonce_min) < 0);

	if (peers != NULL)
		x->x_ike->i_stats.is_collisions++;
	xchg_end(x);
	if (lost) {
		ikesa_set_state(new, SA_REPLACED);
		ikesa_delete(new, IKE_R_NONE);
		if (old->sa_state == SA_UP)
			rekey_inherit(old, peers);
		return;
	}
	if (peers != NULL)
		rekey_loser(peers);
	rekey_inherit(old, new);
	ikesa_delete(old, IKE_R_NONE);
}

void
rekey_response(struct xchg *x, const struct ike_msg *m)
{
	struct ikesa *sa = x->x_sa, *new;
	const struct ike_transform *dh;
	struct ike_seed seed = { .se_ni = &x->x_ni, .se_nr = &x->x_nr };

	if (!m->m_has_sa) {
		rekey_refused(x, m);
		return;
	}
	if (m->m_has_tsi || sa->sa_pol == NULL || !ike_choice_check(m->m_sa,
	    sa->sa_pol->pl_conf.po_ike, false, &x->x_choice) ||
	    (dh = ike_proposal_get(&x->x_choice.pc_pr, IKE_T_DH)) == NULL ||
	    dh->tr_id != x->x_group || m->m_group != x->x_group ||
	    choice_spi64(&x->x_choice) == 0 ||
	    !xchg_secret(x, x->x_dh, m->m_ke)) {
		rekey_failed(x, "the peer's choice is not acceptable");
		return;
	}
	nonce_set(&x->x_nr, m->m_nonce);
	seed.se_spi_i = x->x_spi;
	seed.se_spi_r = choice_spi64(&x->x_choice);
	seed.se_secret = (struct ike_blob){ x->x_secret, x->x_secret_len };
	new = rekey_born(sa, true, &x->x_choice.pc_pr, &seed);
	if (new == NULL)
		rekey_failed(x, "out of memory");
	else
		rekey_resolve(x, new);
}

/* ------------------------------------------------------------ responder */

void
rekey_decided(struct ikesa *sa)
{
	struct ikesa *old;
	uint64_t spi = sa->sa_initiator ? sa->sa_spi_i : sa->sa_spi_r;

	if (!sa->sa_limbo)
		return;
	TAILQ_FOREACH(old, &sa->sa_ike->i_sas, sa_entry)
		if (old->sa_peer_new == spi && old->sa_state == SA_UP) {
			rekey_inherit(old, sa);
			return;
		}
}

/* Section 2.25.2; a child exchange of ours that is out also forbids it. */
static bool
rekey_must_wait(const struct ikesa *sa)
{
	const struct xchg *x = sa->sa_req;

	if (sa->sa_state != SA_UP || sa->sa_peer_new != 0 ||
	    sa->sa_pol == NULL)
		return true;
	return x != NULL && (x->x_type == X_CHILD_NEW ||
	    x->x_type == X_CHILD_REKEY || x->x_type == X_CHILD_DELETE);
}

static void
rekey_respond(struct ikesa *sa, uint32_t msgid, const struct xchg *x)
{
	uint8_t spi[IKE_SPI_LEN];
	struct ike_writer w;

	spi_bytes(x->x_spi, spi);
	seal_begin(sa->sa_ike, &w);
	ike_put_sa_answer(&w, &x->x_choice.pc_pr, x->x_choice.pc_number, spi,
	    sizeof(spi));
	ike_put_bytes(&w, IKE_P_NONCE, x->x_nr.no_p, x->x_nr.no_n);
	ike_put_ke(&w, x->x_dh->dh_group->al_ike_id, x->x_dh->dh_public,
	    dh_group_size(x->x_dh->dh_group));
	seal_respond(sa, IKE_X_CREATE_CHILD, msgid, &w);
}

/* The new SA is there and answered: collision, or inheritance at once. */
static void
rekey_requested_done(struct ikesa *sa, struct ikesa *new, const struct xchg *x)
{
	struct xchg *own = sa->sa_req;

	if (own != NULL && own->x_type == X_IKE_REKEY && own->x_sent) {
		new->sa_limbo = true;
		sa->sa_peer_new = x->x_spi;
		sa->sa_peer_nonce_min = *nonce_min(&x->x_ni, &x->x_nr);
		return;
	}
	rekey_inherit(sa, new);
	ikesa_crowd(new);
}

/* x: a container for the choice and the key exchange, never queued. */
static uint16_t
rekey_make(struct ikesa *sa, struct xchg *x, const struct ike_msg *m,
    struct ikesa **new)
{
	const struct ike_transform *dh;
	struct ike_seed seed = { .se_ni = &x->x_ni, .se_nr = &x->x_nr };

	if (!ike_choose(m->m_sa, sa->sa_pol->pl_conf.po_ike, m->m_group, false,
	    &x->x_choice) || choice_spi64(&x->x_choice) == 0 ||
	    (dh = ike_proposal_get(&x->x_choice.pc_pr, IKE_T_DH)) == NULL)
		return IKE_N_NO_PROPOSAL_CHOSEN;
	x->x_group = dh->tr_id;
	if (dh->tr_id != m->m_group)
		return IKE_N_INVALID_KE_PAYLOAD;
	x->x_dh = xchg_dh_new(x->x_ike, dh->tr_id);
	if (x->x_dh == NULL)
		return IKE_N_TEMPORARY_FAILURE;
	if (!xchg_secret(x, x->x_dh, m->m_ke))
		return IKE_N_INVALID_SYNTAX;
	nonce_set(&x->x_ni, m->m_nonce);
	xchg_nonce(x->x_ike, &x->x_nr);
	x->x_spi = ikesa_spi_new(x->x_ike);
	seed.se_spi_i = choice_spi64(&x->x_choice);
	seed.se_spi_r = x->x_spi;
	seed.se_secret = (struct ike_blob){ x->x_secret, x->x_secret_len };
	*new = rekey_born(sa, false, &x->x_choice.pc_pr, &seed);
	return *new != NULL ? 0 : IKE_N_TEMPORARY_FAILURE;
}

void
rekey_requested(struct ikesa *sa, const struct inmsg *im,
    const struct ike_msg *m)
{
	uint32_t msgid = im->im_hdr.h_msgid;
	struct ikesa *new = NULL;
	struct xchg *x;
	uint8_t group[2];
	uint16_t error;

	x = rekey_must_wait(sa) ? NULL : xchg_new(sa, X_IKE_REKEY);
	if (x == NULL) {
		seal_respond_notify(sa, IKE_X_CREATE_CHILD, msgid,
		    IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	error = rekey_make(sa, x, m, &new);
	if (error == 0) {
		rekey_respond(sa, msgid, x);
		rekey_requested_done(sa, new, x);
	} else {
		group[0] = (uint8_t)(x->x_group >> 8);
		group[1] = (uint8_t)x->x_group;
		seal_respond_notify(sa, IKE_X_CREATE_CHILD, msgid, error, group,
		    error == IKE_N_INVALID_KE_PAYLOAD ? 2 : 0);
	}
	xchg_free(x);
}
