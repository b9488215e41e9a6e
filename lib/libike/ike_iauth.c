/* SPDX-License-Identifier: ISC */
/*
 * IKE_AUTH (RFC 7296 section 1.2) with a shared key (section 2.15).
 *
 *	initiator                              responder
 *	SK { IDi, [N(INITIAL_CONTACT)], [IDr], AUTH, SAi2, TSi, TSr }  -->
 *				<--  SK { IDr, AUTH, SAr2, TSi, TSr }
 *	or			<--  SK { IDr, AUTH, N(why no child) }
 *	or			<--  SK { N(AUTHENTICATION_FAILED) }
 *
 * Neither side computes or checks AUTH here: the authentication process does.
 * An IKE SA becomes SA_UP in this file at two places, both behind
 * x_verify == IKE_VERIFY_OK.  For whoever is refused the answer is the same,
 * whether the identity is unknown or the key is wrong.
 */
#include <stdio.h>

#include "libike/ike_auth.h"
#include "libike/ike_var.h"
#include "libutil/near.h"

#define CONTACT_MS	500	/* more than a round trip */
#define NEAREST_OF	64	/* rules compared with an unknown identity */

/* Stages of the responder's work on a request. */
enum { STAGE_VERIFY, STAGE_ANSWER };

/* Asks for our AUTH, or for a check of the peer's (m). */
static bool
auth_ask(struct xchg *x, bool of_initiator, const struct ike_msg *m)
{
	struct ikesa *sa = x->x_sa;
	struct handshake *hs = sa->sa_hs;
	enum ask_kind kind = m != NULL ? ASK_VERIFY : ASK_SIGN;
	struct ike_blob msg = of_initiator ?
	    (struct ike_blob){ hs->hs_init_i, hs->hs_init_i_len } :
	    (struct ike_blob){ hs->hs_init_r, hs->hs_init_r_len };
	size_t extra = m != NULL ? m->m_auth.b_n : 0;
	struct act *a = act_new(x->x_ike, m != NULL ? IKE_ACT_AUTH_VERIFY :
	    IKE_ACT_AUTH_SIGN, IKE_OCTETS_MAX + extra);
	uint8_t body[IKE_ID_BODY_MAX];
	struct ike_blob id = { body, 0 };
	struct ike_auth_req *ar;

	if (a == NULL)
		return false;
	ar = &a->a_action.ac_auth;
	if (m != NULL)
		id = of_initiator ? m->m_idi_raw : m->m_idr_raw;
	else
		id.b_n = ike_id_body(&sa->sa_id_local, body);
	memcpy(ar->ar_policy, sa->sa_name, sizeof(ar->ar_policy));
	ar->ar_method = m != NULL ? m->m_auth_method : IKE_AUTH_METHOD_PSK;
	ar->ar_prf = sa->sa_keys.k_prf->al_ike_id;
	ar->ar_local = sa->sa_id_local;
	ar->ar_remote = sa->sa_id_remote;
	ar->ar_octets = a->a_bytes;
	ar->ar_octets_len = ike_octets(&sa->sa_keys, of_initiator, msg,
	    of_initiator ? &hs->hs_nr : &hs->hs_ni, id, a->a_bytes);
	if (m != NULL) {
		memcpy(a->a_bytes + IKE_OCTETS_MAX, m->m_auth.b_p, extra);
		ar->ar_auth = a->a_bytes + IKE_OCTETS_MAX;
		ar->ar_auth_len = extra;
	}
	a->a_action.ac_id = ask_new(x, kind, NULL);
	act_queue(x->x_ike, a);
	return a->a_action.ac_id != 0 && ar->ar_octets_len != 0;
}

static struct ike_msg *
auth_reparse(struct xchg *x, bool response, struct ike_msg *m)
{
	if (x->x_plain == NULL || ike_msg_parse(IKE_X_AUTH, response,
	    x->x_plain_first, x->x_plain, x->x_plain_len, m) != IKE_PARSE_OK)
		return NULL;
	return m;
}

/* ------------------------------------------------------------ initiator */

void
auth_begin(struct ikesa *sa)
{
	struct xchg *x = xchg_new(sa, X_AUTH);
	struct handshake *hs = sa->sa_hs;

	ikesa_set_state(sa, SA_AUTH_I);
	if (x == NULL) {
		ikesa_fail(sa, IKE_R_MEMORY, "out of memory");
		return;
	}
	sa->sa_req = x;
	x->x_exchange = IKE_X_AUTH;
	x->x_conn = hs->hs_conn;
	x->x_seq = x->x_conn->cn_seq;
	x->x_ni = hs->hs_ni;
	x->x_nr = hs->hs_nr;
	pol_local_id(sa->sa_pol, sa, &sa->sa_id_local);
	id_copy(&sa->sa_id_remote, sa->sa_pol->pl_conf.po_dstid);
	x->x_new = child_new(x->x_ike, sa, x->x_conn);
	if (x->x_new == NULL || !child_ask(x) || !auth_ask(x, true, NULL))
		ikesa_fail(sa, IKE_R_MEMORY, "out of memory");
}

static bool
auth_first_contact(const struct ikesa *sa)
{
	const struct ikesa *other;

	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry)
		if (other->sa_state == SA_UP || other->sa_state == SA_AUTH_R)
			return false;
	return true;
}

static void
auth_send(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct ike_writer w;

	seal_begin(x->x_ike, &w);
	ike_put_id(&w, IKE_P_IDI, &sa->sa_id_local);
	if (auth_first_contact(sa))
		ike_put_notify(&w, IKE_N_INITIAL_CONTACT, NULL, 0);
	if (sa->sa_id_remote.id_type != IKE_ID_NONE)
		ike_put_id(&w, IKE_P_IDR, &sa->sa_id_remote);
	ike_put_auth(&w, IKE_AUTH_METHOD_PSK, x->x_auth, x->x_auth_len);
	child_offer(x, &w, true);
	if (!xchg_send(x, &w))
		ikesa_fail(sa, IKE_R_MEMORY, "IKE_AUTH could not be built");
}

static void
auth_peer_bad(struct xchg *x)
{
	char id[128];

	x->x_ike->i_stats.is_auth_failed++;
	(void)ike_id_print(&x->x_sa->sa_id_remote, id, sizeof(id));
	if (x->x_verify == IKE_VERIFY_NOKEY)
		ikesa_fail(x->x_sa, IKE_R_AUTH_NOKEY, "we have no key for peer "
		    "%s", id);
	else
		ikesa_fail(x->x_sa, IKE_R_AUTH_KEY, "peer %s does not have our "
		    "key: compare the two sides' pre-shared keys", id);
}

static void
auth_install(struct xchg *x, bool initiator)
{
	struct ikesa *sa = x->x_sa;
	struct child *c = x->x_new;
	struct conn *cn = c->c_conn;

	/* As responder beside another pair: send on it once the peer can. */
	bool out = initiator || conn_other(cn, c) == NULL;

	x->x_new = NULL;
	child_adopt(c, sa);
	c->c_initiator = initiator;
	child_install(c, out);
	x->x_ike->i_stats.is_child_made++;
	act_event(x->x_ike, IKE_EV_CHILD_UP, IKE_R_NONE, sa, c->c_name, 0,
	    "SPIs %08x in, %08x out", c->c_spi_in, c->c_spi_out);
	if (cn != NULL)
		conn_established(cn);
}

/* The IKE SA is up; what of the child? */
static void
auth_child_result(struct xchg *x, const struct ike_msg *m)
{
	struct ikesa *sa = x->x_sa;
	const struct ike_notify *n = ike_msg_error(m);
	struct refusal rf = { .rf_reason = IKE_R_MEMORY,
	    .rf_text = "the child's keys could not be made" };

	if (m->m_has_sa && m->m_has_tsi && m->m_has_tsr) {
		if (child_offer_check(x, m, true, &rf) && child_keys(x, true)) {
			auth_install(x, true);
			return;
		}
		conn_failed(x->x_conn, rf.rf_reason, rf.rf_text, true);
		ikesa_delete(sa, rf.rf_reason);
		return;
	}
	rf.rf_reason = child_refused(x, n, rf.rf_text);
	conn_failed(x->x_conn, rf.rf_reason, rf.rf_text, true);
	pol_up(sa->sa_pol);
}

static void
auth_verified(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct ike_msg m;

	if (sa->sa_abandoned) {
		ikesa_abandoned(sa);
		return;
	}
	if (x->x_verify != IKE_VERIFY_OK || auth_reparse(x, true, &m) == NULL) {
		auth_peer_bad(x);
		return;
	}
	ikesa_up(sa);
	if (x->x_conn != NULL)
		auth_child_result(x, &m);
	if (sa->sa_req == x)
		xchg_end(x);
	ikesa_duplicates(sa);
	ikesa_met(sa);
}

void
auth_answered(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;

	if (x->x_plain != NULL)
		auth_verified(x);
	else if (x->x_new->c_spi_in == 0)
		ikesa_fail(sa, IKE_R_KERNEL, "the kernel gave no SPI");
	else if (x->x_ask_failed)
		ikesa_fail(sa, IKE_R_AUTH_NOKEY, "we have no key for this "
		    "peer");
	else
		auth_send(x);
}

void
auth_response(struct xchg *x, const struct inmsg *im, const struct ike_msg *m)
{
	struct ikesa *sa = x->x_sa;
	const struct ike_notify *n = ike_msg_error(m);
	const struct ike_id *want = &sa->sa_id_remote;
	char a[128], b[128];

	/* Unchecked: the keys are the peer's, and a Delete harms nobody. */
	if (sa->sa_abandoned && m->m_has_auth) {
		ikesa_abandoned(sa);
		return;
	}
	if (x->x_plain != NULL)
		return;		/* the answer again, while it is checked */
	if (!m->m_has_auth || !m->m_has_idr) {
		if (n != NULL && n->n_type == IKE_N_AUTHENTICATION_FAILED)
			ikesa_fail(sa, IKE_R_AUTH_PEER, "the peer refused our "
			    "key or our identity %s", ike_id_print(
			    &sa->sa_id_local, a, sizeof(a)));
		else
			ikesa_fail(sa, IKE_R_PEER_ERROR, "the peer answered "
			    "IKE_AUTH with %s", n != NULL ?
			    ike_notify_name(n->n_type) : m->m_has_eap ? "EAP" :
			    "nothing that authenticates it");
		return;
	}
	if (want->id_type != IKE_ID_NONE && !ike_id_equal(want, &m->m_idr)) {
		ikesa_fail(sa, IKE_R_ID_UNKNOWN, "the peer says it is %s; we "
		    "expect %s", ike_id_print(&m->m_idr, a, sizeof(a)),
		    ike_id_print(want, b, sizeof(b)));
		return;
	}
	sa->sa_id_remote = m->m_idr;
	tmo_clear(&x->x_ike->i_tmos, &sa->sa_tmo_retrans);
	x->x_ask_failed = false;
	if (!xchg_keep_plain(x, im) || !auth_ask(x, false, m))
		ikesa_fail(sa, IKE_R_MEMORY, "out of memory");
}

/* ------------------------------------------------------------ responder */

static void
auth_refuse(struct xchg *x, enum ike_reason r, const char *text)
{
	struct ikesa *sa = x->x_sa;
	uint32_t msgid = x->x_msgid;

	x->x_ike->i_stats.is_auth_failed++;
	act_event(x->x_ike, IKE_EV_FAILED, r, sa, "", 0, "%s", text);
	xchg_end(x);
	seal_respond_notify(sa, IKE_X_AUTH, msgid, IKE_N_AUTHENTICATION_FAILED,
	    NULL, 0);
	ikesa_refused(sa);
}

/* Would this policy have agreed to the algorithms of IKE_SA_INIT? */
static bool
policy_allows(const struct pol *pl, const struct ikesa *sa)
{
	const struct ike_proposals *ps = pl->pl_conf.po_ike;

	for (unsigned i = 0; i < ps->ps_n; i++) {
		unsigned held = 0;

		for (unsigned j = 0; j < sa->sa_algs.pr_n; j++)
			held += ike_proposal_holds(&ps->ps_p[i],
			    &sa->sa_algs.pr_t[j]);
		if (held == sa->sa_algs.pr_n)
			return true;
	}
	return false;
}

/* The first policy for address, algorithms and both identities. */
static struct pol *
auth_policy(struct ikesa *sa, const struct ike_msg *m)
{
	const struct ike_id *us = m->m_has_idr ? &m->m_idr : NULL;
	struct pol *pl = NULL;

	while ((pl = pol_for_peer(sa->sa_ike, &sa->sa_local, &sa->sa_remote,
	    pl)) != NULL)
		if (policy_allows(pl, sa) &&
		    pol_ids_match(pl, sa, &m->m_idi, us))
			return pl;
	return NULL;
}

/*
 * The rule for this address whose dstid is most like what the peer said, if one
 * is near.  Strangers ask, so not very many are compared.
 */
static const struct pol *
auth_nearest(const struct ikesa *sa, const char *id)
{
	const struct pol *best = NULL;
	unsigned least = (unsigned)strlen(id) / 3 + 1, compared = 0;
	struct pol *pl = NULL;

	while (compared++ < NEAREST_OF && (pl = pol_for_peer(sa->sa_ike,
	    &sa->sa_local, &sa->sa_remote, pl)) != NULL) {
		const struct ike_id *want = pl->pl_conf.po_dstid;
		char text[128];
		unsigned d;

		if (want->id_type == IKE_ID_NONE)
			continue;
		d = near_distance(id, ike_id_print(want, text, sizeof(text)));
		if (d < least) {
			least = d;
			best = pl;
		}
	}
	return best;
}

static void
auth_unknown(struct xchg *x, const struct ike_id *peer)
{
	char id[128], near[128], text[IKE_TEXT_MAX];
	const struct pol *pl;
	int n;

	(void)ike_id_print(peer, id, sizeof(id));
	pl = auth_nearest(x->x_sa, id);
	n = snprintf(text, sizeof(text), "no policy for peer identity %s at this "
	    "address", id);
	if (pl != NULL && n > 0)
		(void)snprintf(text + n, sizeof(text) - (size_t)n, "; the nearest "
		    "is %s, of %s", ike_id_print(pl->pl_conf.po_dstid, near,
		    sizeof(near)), pl->pl_conf.po_name);
	auth_refuse(x, IKE_R_ID_UNKNOWN, text);
}

void
auth_requested(struct ikesa *sa, const struct inmsg *im,
    const struct ike_msg *m)
{
	struct xchg *x = xchg_new(sa, X_PEER_AUTH);
	struct pol *pl;

	ikesa_set_state(sa, SA_AUTH_R);
	if (x == NULL) {
		ikesa_kill(sa, IKE_R_MEMORY);
		return;
	}
	sa->sa_rsp = x;
	x->x_msgid = im->im_hdr.h_msgid;
	x->x_ni = sa->sa_hs->hs_ni;
	x->x_nr = sa->sa_hs->hs_nr;
	sa->sa_id_remote = m->m_idi;
	pl = auth_policy(sa, m);
	if (pl == NULL) {
		auth_unknown(x, &m->m_idi);
		return;
	}
	ikesa_set_pol(sa, pl);
	pol_local_id(pl, sa, &sa->sa_id_local);
	if (!m->m_has_auth) {
		auth_refuse(x, IKE_R_AUTH_KEY, "the peer asks for EAP, which "
		    "its policy does not allow");
		return;
	}
	if (!xchg_keep_plain(x, im) || !auth_ask(x, true, m))
		auth_refuse(x, IKE_R_MEMORY, "out of memory");
}

/* The peer is who it says: prepare the answer. */
static void
auth_prepare(struct xchg *x, const struct ike_msg *m)
{
	struct refusal rf = { .rf_notify = 0 };

	x->x_stage = STAGE_ANSWER;
	x->x_ask_failed = false;
	x->x_initial_contact =
	    ike_msg_notify(m, IKE_N_INITIAL_CONTACT) != NULL;
	if (m->m_has_sa && m->m_has_tsi && m->m_has_tsr) {
		if (child_choose(x, m, true, NULL, &rf) != 0)
			act_event(x->x_ike, IKE_EV_FAILED, rf.rf_reason,
			    x->x_sa, "", 0, "%s", rf.rf_text);
	} else {
		rf.rf_notify = IKE_N_NO_PROPOSAL_CHOSEN;
	}
	x->x_peer_notify = rf.rf_notify;
	if ((x->x_new != NULL && !child_ask(x)) || !auth_ask(x, false, NULL))
		auth_refuse(x, IKE_R_MEMORY, "out of memory");
}

/*
 * INITIAL_CONTACT: what the peer had before, it has forgotten (2.4).  Its
 * network kernel need not have: while our answer is under way both still use the
 * old pair, which therefore goes a little later.
 */
static void
auth_initial_contact(struct ikesa *sa)
{
	struct tmo_heap *th = &sa->sa_ike->i_tmos;
	struct ikesa *other;

	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry)
		if (other != sa && other->sa_state == SA_UP &&
		    !other->sa_tmo_contact.tm_on &&
		    other->sa_since <= sa->sa_created &&
		    ike_id_equal(&other->sa_id_remote, &sa->sa_id_remote))
			tmo_set(th, &other->sa_tmo_contact,
			    sa->sa_ike->i_now + CONTACT_MS);
}

static void
auth_respond(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	bool child = x->x_new != NULL && x->x_new->c_spi_in != 0 &&
	    x->x_conn != NULL && child_keys(x, false);
	bool initial = x->x_initial_contact;
	struct ike_writer w;

	if (!child && x->x_peer_notify == 0)
		x->x_peer_notify = IKE_N_NO_ADDITIONAL_SAS;
	seal_begin(x->x_ike, &w);
	ike_put_id(&w, IKE_P_IDR, &sa->sa_id_local);
	ike_put_auth(&w, IKE_AUTH_METHOD_PSK, x->x_auth, x->x_auth_len);
	if (child)
		child_answer(x, &w);
	else
		ike_put_notify(&w, x->x_peer_notify, NULL, 0);
	ikesa_up(sa);
	if (child)
		auth_install(x, false);
	seal_respond(sa, IKE_X_AUTH, x->x_msgid, &w);
	xchg_end(x);
	sa->sa_unproven = true;
	if (initial)
		auth_initial_contact(sa);
	ikesa_crowd(sa);
}

void
auth_peer_answered(struct xchg *x)
{
	struct ike_msg m;

	if (x->x_sa->sa_pol == NULL) {
		auth_refuse(x, IKE_R_POLICY, "the policy went meanwhile");
		return;
	}
	switch (x->x_stage) {
	case STAGE_VERIFY:
		if (x->x_verify != IKE_VERIFY_OK)
			auth_refuse(x, x->x_verify == IKE_VERIFY_NOKEY ?
			    IKE_R_AUTH_NOKEY : IKE_R_AUTH_KEY,
			    x->x_verify == IKE_VERIFY_NOKEY ?
			    "we have no key for this peer" : "the peer's key "
			    "is wrong: compare the two sides' pre-shared keys");
		else if (auth_reparse(x, false, &m) == NULL)
			auth_refuse(x, IKE_R_SYNTAX, "malformed");
		else
			auth_prepare(x, &m);
		break;
	case STAGE_ANSWER:
		if (x->x_auth_len == 0)
			auth_refuse(x, IKE_R_AUTH_NOKEY, "we have no key to "
			    "show to this peer");
		else
			auth_respond(x);
		break;
	}
}
