/* SPDX-License-Identifier: ISC */
/*
 * IKE_SA_INIT (RFC 7296 section 1.2), in the clear.
 *
 *	initiator                              responder
 *	HDR, [N(COOKIE)], SAi1, KEi, Ni,
 *	    N(NAT_DETECTION_*)  -->
 *				<--  HDR, SAr1, KEr, Nr, N(NAT_DETECTION_*)
 *	or		<--  HDR, N(COOKIE)		again with it (2.6)
 *	or		<--  HDR, N(INVALID_KE_PAYLOAD)	again, that group (1.3)
 *	or		<--  HDR, N(NO_PROPOSAL_CHOSEN)
 *
 * Anybody can send these, so: what is malformed is dropped without a trace; the
 * responder stores nothing for who has not returned a cookie once there are
 * many; and it never sends more bytes than it got to an address that has not
 * shown that it receives.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

#define RESTARTS_MAX	5	/* cookies and groups followed in one attempt */

/* ------------------------------------------------------------ initiator */

static bool
init_request(struct ikesa *sa)
{
	struct ike *ike = sa->sa_ike;
	struct handshake *hs = sa->sa_hs;
	struct ike_hdr h = { .h_spi_i = sa->sa_spi_i, .h_version = IKE_VERSION,
	    .h_exchange = IKE_X_SA_INIT, .h_flags = IKE_F_INITIATOR };
	struct ike_writer w;
	size_t n;

	ike_writer_message(&w, ike->i_buf, IKE_INIT_MAX, &h);
	if (hs->hs_cookie_len != 0)
		ike_put_notify(&w, IKE_N_COOKIE, hs->hs_cookie,
		    hs->hs_cookie_len);
	ike_put_sa(&w, sa->sa_pol->pl_conf.po_ike, NULL, 0);
	ike_put_ke(&w, hs->hs_group, hs->hs_dh->dh_public,
	    dh_group_size(hs->hs_dh->dh_group));
	ike_put_bytes(&w, IKE_P_NONCE, hs->hs_ni.no_p, hs->hs_ni.no_n);
	nat_put(ike, &w, sa, 0, sa->sa_pol->pl_conf.po_encap);
	if (ike->i_conf.cf_fragment != 0)
		ike_put_notify(&w, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	n = ike_writer_finish(&w, true);
	free(hs->hs_init_i);
	hs->hs_init_i = n != 0 ? ike_calloc(1, n) : NULL;
	if (hs->hs_init_i == NULL)
		return false;
	memcpy(hs->hs_init_i, ike->i_buf, n);
	hs->hs_init_i_len = n;
	sa->sa_req->x_exchange = IKE_X_SA_INIT;
	return xchg_send(sa->sa_req, &w);
}

static bool
init_set_group(struct ikesa *sa, uint16_t group)
{
	struct handshake *hs = sa->sa_hs;

	xchg_dh_free(hs->hs_dh);
	hs->hs_group = group;
	hs->hs_dh = xchg_dh_new(sa->sa_ike, group);
	return hs->hs_dh != NULL;
}

static bool
connect_addresses(struct ikesa *sa, const struct pol_conf *po)
{
	struct ike *ike = sa->sa_ike;

	sa->sa_remote = po->po_peer.pr_addr;
	sa->sa_local = po->po_local;
	sa->sa_lport = ike->i_conf.cf_port;
	sa->sa_rport = po->po_peer_port != 0 ? po->po_peer_port : 500;
	if (sa->sa_local.ad_af != 0)
		return true;
	return ike->i_conf.cf_source != NULL &&
	    ike->i_conf.cf_source(ike->i_conf.cf_arg, &sa->sa_remote,
	    &sa->sa_local);
}

static bool
connect_begin(struct ikesa *sa, struct conn *cn)
{
	struct ike *ike = sa->sa_ike;

	sa->sa_hs = ike_calloc(1, sizeof(*sa->sa_hs));
	sa->sa_req = xchg_new(sa, X_INIT);
	if (sa->sa_hs == NULL || sa->sa_req == NULL)
		return false;
	sa->sa_hs->hs_conn = cn;
	sa->sa_spi_i = ikesa_spi_new(ike);
	ikesa_hash_in(sa);
	xchg_nonce(ike, &sa->sa_hs->hs_ni);
	return init_set_group(sa,
	    ike_proposals_group(sa->sa_pol->pl_conf.po_ike)) &&
	    init_request(sa);
}

bool
ikesa_connect(struct conn *cn)
{
	struct pol *pl = cn->cn_pol;
	struct ike *ike = pl->pl_ike;
	struct ikesa *sa;

	if (ike->i_stopping)
		return false;
	if (!peer_is_host(&pl->pl_conf.po_peer)) {
		conn_failed(cn, IKE_R_NO_ROUTE, "the policy names no single "
		    "peer to connect to", false);
		return false;
	}
	sa = ikesa_new(ike, true);
	if (sa == NULL) {
		conn_failed(cn, IKE_R_MEMORY, "as many IKE SAs as allowed",
		    true);
		return false;
	}
	ikesa_set_pol(sa, pl);
	if (!connect_addresses(sa, &pl->pl_conf)) {
		ikesa_kill(sa, IKE_R_NO_ROUTE);
		conn_failed(cn, IKE_R_NO_ROUTE, "no address of ours leads to "
		    "the peer", true);
		return false;
	}
	if (!connect_begin(sa, cn)) {
		ikesa_kill(sa, IKE_R_MEMORY);
		conn_failed(cn, IKE_R_MEMORY, "out of memory", true);
		return false;
	}
	act_event(ike, IKE_EV_CONNECTING, IKE_R_NONE, sa, cn->cn_conf.ch_name,
	    0, "IKE_SA_INIT sent");
	return true;
}

/* True if the request was sent again with what the peer asked for. */
static bool
init_follow(struct ikesa *sa, const struct ike_msg *m)
{
	const struct ike_notify *cookie = ike_msg_notify(m, IKE_N_COOKIE);
	const struct ike_notify *ke = ike_msg_notify(m,
	    IKE_N_INVALID_KE_PAYLOAD);
	struct handshake *hs = sa->sa_hs;
	struct cur c;
	uint16_t group;

	if (hs->hs_restarts++ >= RESTARTS_MAX)
		return false;
	if (cookie != NULL && cookie->n_data.b_n >= 1 &&
	    cookie->n_data.b_n <= IKE_COOKIE_MAX) {
		memcpy(hs->hs_cookie, cookie->n_data.b_p, cookie->n_data.b_n);
		hs->hs_cookie_len = cookie->n_data.b_n;
		return init_request(sa);
	}
	if (ke == NULL)
		return false;
	c = cur_init(ke->n_data.b_p, ke->n_data.b_n);
	group = cur_u16(&c);
	if (!cur_end(&c) || group == hs->hs_group ||
	    !ike_proposals_has_group(sa->sa_pol->pl_conf.po_ike, group))
		return false;
	sa->sa_ike->i_stats.is_invalid_ke++;
	act_event(sa->sa_ike, IKE_EV_NOTE, IKE_R_KE_GROUP, sa, "", 0,
	    "trying again with group %u", group);
	return init_set_group(sa, group) && init_request(sa);
}

static void
init_refused(struct ikesa *sa, const struct ike_msg *m)
{
	const struct ike_notify *n = ike_msg_error(m);
	char ours[300];

	if (init_follow(sa, m))
		return;
	if (n == NULL) {
		sa->sa_ike->i_stats.is_in_state++;
		return;
	}
	switch (n->n_type) {
	case IKE_N_NO_PROPOSAL_CHOSEN:
		ikesa_fail(sa, IKE_R_PROP_IKE, "the peer accepts none of our "
		    "IKE proposals: %s", ike_proposals_print(
		    sa->sa_pol->pl_conf.po_ike, ours, sizeof(ours)));
		break;
	case IKE_N_INVALID_KE_PAYLOAD:
		ikesa_fail(sa, IKE_R_PROP_IKE, "the peer wants a group that we "
		    "do not have");
		break;
	default:
		ikesa_fail(sa, IKE_R_PEER_ERROR, "the peer answered "
		    "IKE_SA_INIT with %s", ike_notify_name(n->n_type));
		break;
	}
}

/* Keys out of both halves; false: the answer is not acceptable. */
static bool
init_keys(struct ikesa *sa, struct xchg *x, const struct ike_proposal *pr,
    const struct dh *dh, struct ike_blob peer)
{
	struct handshake *hs = sa->sa_hs;
	struct ike_seed seed = { .se_ni = &hs->hs_ni, .se_nr = &hs->hs_nr,
	    .se_spi_i = sa->sa_spi_i, .se_spi_r = sa->sa_spi_r };

	if (!xchg_secret(x, dh, peer))
		return false;
	seed.se_secret = (struct ike_blob){ x->x_secret, x->x_secret_len };
	if (!ike_keys_derive(&sa->sa_keys, pr, &seed, NULL))
		return false;
	sa->sa_keyed = true;
	sa->sa_algs = *pr;
	return true;
}

static bool
init_keep_answer(struct handshake *hs, const struct ike_datagram *dg)
{
	hs->hs_init_r = ike_calloc(1, dg->dg_len);
	if (hs->hs_init_r == NULL)
		return false;
	memcpy(hs->hs_init_r, dg->dg_data, dg->dg_len);
	hs->hs_init_r_len = dg->dg_len;
	return true;
}

static void
init_accepted(struct ikesa *sa, const struct inmsg *im, const struct ike_msg *m)
{
	struct ike *ike = sa->sa_ike;
	struct handshake *hs = sa->sa_hs;
	const struct ike_transform *dh;
	struct ike_choice ch;
	bool natt;

	if (!ike_choice_check(m->m_sa, sa->sa_pol->pl_conf.po_ike, false,
	    &ch) || (dh = ike_proposal_get(&ch.pc_pr, IKE_T_DH)) == NULL ||
	    dh->tr_id != hs->hs_group || m->m_group != hs->hs_group ||
	    im->im_hdr.h_spi_r == 0 || im->im_dg->dg_len > IKE_INIT_MAX) {
		ike->i_stats.is_in_illegal++;
		return;
	}
	nonce_set(&hs->hs_nr, m->m_nonce);
	sa->sa_spi_r = im->im_hdr.h_spi_r;
	if (!init_keys(sa, sa->sa_req, &ch.pc_pr, hs->hs_dh, m->m_ke) ||
	    !init_keep_answer(hs, im->im_dg)) {
		sa->sa_keyed = false;
		sa->sa_spi_r = 0;
		ike->i_stats.is_in_illegal++;
		return;
	}
	nat_check(sa, m, im->im_dg, sa->sa_spi_i, sa->sa_spi_r, &sa->sa_nat_us,
	    &sa->sa_nat_peer, &natt);
	sa->sa_frag = ike->i_conf.cf_fragment != 0 &&
	    ike_msg_notify(m, IKE_N_FRAGMENTATION_SUPPORTED) != NULL;
	if (natt && (sa->sa_nat_us || sa->sa_nat_peer ||
	    sa->sa_pol->pl_conf.po_encap)) {
		sa->sa_natt = true;
		sa->sa_lport = ike->i_conf.cf_port_natt;
		sa->sa_rport = 4500;
	}
	xchg_end(sa->sa_req);
	auth_begin(sa);
}

void
init_response(struct ikesa *sa, const struct inmsg *im)
{
	struct ike_msg m;

	if (sa->sa_state != SA_INIT_I || sa->sa_req == NULL ||
	    im->im_hdr.h_msgid != 0) {
		sa->sa_ike->i_stats.is_in_state++;
		return;
	}
	if (ike_msg_parse(IKE_X_SA_INIT, true, im->im_first, im->im_p,
	    im->im_n, &m) != IKE_PARSE_OK) {
		sa->sa_ike->i_stats.is_in_malformed++;
		return;
	}
	if (m.m_has_sa)
		init_accepted(sa, im, &m);
	else
		init_refused(sa, &m);
}

/* ------------------------------------------------------------ responder */

static struct ike_datagram
reply_to(const struct ike_datagram *dg)
{
	struct ike_datagram to = *dg;

	to.dg_data = NULL;
	to.dg_len = 0;
	return to;
}

/* A clear answer of one notify, never longer than the question. */
static void
init_reply_notify(struct ike *ike, const struct inmsg *im, uint16_t type,
    const void *p, size_t n)
{
	struct ike_hdr h = { .h_spi_i = im->im_hdr.h_spi_i,
	    .h_version = IKE_VERSION, .h_exchange = IKE_X_SA_INIT,
	    .h_flags = IKE_F_RESPONSE, .h_msgid = im->im_hdr.h_msgid };
	struct ike_datagram to = reply_to(im->im_dg);
	struct ike_writer w;
	size_t len;

	ike_writer_message(&w, ike->i_buf, IKE_INIT_MAX, &h);
	ike_put_notify(&w, type, p, n);
	len = ike_writer_finish(&w, true);
	if (len != 0 && len <= im->im_dg->dg_len)
		act_send(ike, &to, ike->i_buf, len);
}

static struct ikesa *
half_find(struct ike *ike, const struct inmsg *im)
{
	struct ikesa *sa;

	LIST_FOREACH(sa, &ike->i_half_hash[im->im_hdr.h_spi_i % IKE_HASH_SLOTS],
	    sa_half_hash)
		if (sa->sa_spi_i == im->im_hdr.h_spi_i &&
		    addr_equal(&sa->sa_remote, &im->im_dg->dg_remote) &&
		    sa->sa_rport == im->im_dg->dg_rport)
			return sa;
	return NULL;
}

/* The same request again gets the same answer again. */
static void
init_again(struct ikesa *sa, const struct inmsg *im)
{
	const struct handshake *hs = sa->sa_hs;

	if (hs == NULL || sa->sa_cached == NULL || sa->sa_next_rsp != 1 ||
	    hs->hs_init_i_len != im->im_dg->dg_len ||
	    memcmp(hs->hs_init_i, im->im_dg->dg_data, im->im_dg->dg_len) != 0) {
		sa->sa_ike->i_stats.is_in_state++;
		return;
	}
	sa->sa_ike->i_stats.is_in_again++;
	outmsg_send(sa->sa_ike, sa->sa_cached, &sa->sa_reply_to);
}

/* The first policy for this peer whose IKE proposals meet the offer. */
static struct pol *
init_policy(struct ike *ike, const struct inmsg *im, const struct ike_msg *m,
    struct ike_choice *ch, struct pol **any)
{
	struct pol *pl = NULL;

	*any = NULL;
	while ((pl = pol_for_peer(ike, &im->im_dg->dg_local,
	    &im->im_dg->dg_remote, pl)) != NULL) {
		if (*any == NULL)
			*any = pl;
		if (ike_choose(m->m_sa, pl->pl_conf.po_ike, m->m_group, false,
		    ch))
			return pl;
	}
	return NULL;
}

static void
init_no_proposal(struct ike *ike, const struct inmsg *im,
    const struct ike_msg *m, const struct pol *any, uint8_t failed)
{
	char theirs[200], ours[200];
	struct ikesa who;

	init_reply_notify(ike, im, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
	if (any == NULL) {
		ike->i_stats.is_in_no_policy++;
		return;
	}
	memset(&who, 0, sizeof(who));
	who.sa_state = SA_HALF_R;
	memcpy(who.sa_name, any->pl_conf.po_name, sizeof(who.sa_name));
	who.sa_remote = im->im_dg->dg_remote;
	who.sa_rport = im->im_dg->dg_rport;
	act_event(ike, IKE_EV_FAILED, IKE_R_PROP_IKE, &who, "", 0,
	    "no common %s: the peer offers %s; we accept %s",
	    ike_transform_type_name(failed),
	    ike_offers_print(m->m_sa, theirs, sizeof(theirs)),
	    ike_proposals_print(any->pl_conf.po_ike, ours, sizeof(ours)));
}

static void
init_demand_cookie(struct ike *ike, const struct inmsg *im,
    const struct ike_msg *m)
{
	uint8_t cookie[IKE_COOKIE_MAX];
	size_t len = cookie_make(ike, &im->im_hdr, &im->im_dg->dg_remote,
	    m->m_nonce, cookie);

	ike->i_stats.is_cookies_sent++;
	init_reply_notify(ike, im, IKE_N_COOKIE, cookie, len);
}

/* True if the peer must return a cookie first (and has been told so). */
static bool
init_cookie(struct ike *ike, const struct inmsg *im, const struct ike_msg *m,
    bool *proven)
{
	const struct ike_notify *n = ike_msg_notify(m, IKE_N_COOKIE);
	const struct addr *peer = &im->im_dg->dg_remote;

	*proven = n != NULL && cookie_check(ike, &im->im_hdr, peer, m->m_nonce,
	    n->n_data);
	if (*proven || !cookie_wanted(ike, peer))
		return false;
	if (n != NULL)
		ike->i_stats.is_cookies_bad++;
	init_demand_cookie(ike, im, m);
	return true;
}

static size_t
init_build_answer(struct ikesa *sa, const struct ike_msg *m,
    const struct ike_choice *ch, bool natt)
{
	struct ike *ike = sa->sa_ike;
	struct handshake *hs = sa->sa_hs;
	struct ike_hdr h = { .h_spi_i = sa->sa_spi_i, .h_spi_r = sa->sa_spi_r,
	    .h_version = IKE_VERSION, .h_exchange = IKE_X_SA_INIT,
	    .h_flags = IKE_F_RESPONSE };
	struct ike_writer w;

	ike_writer_message(&w, ike->i_buf, IKE_INIT_MAX, &h);
	ike_put_sa_answer(&w, &ch->pc_pr, ch->pc_number, NULL, 0);
	ike_put_ke(&w, hs->hs_group, hs->hs_dh->dh_public,
	    dh_group_size(hs->hs_dh->dh_group));
	ike_put_bytes(&w, IKE_P_NONCE, hs->hs_nr.no_p, hs->hs_nr.no_n);
	if (natt)
		nat_put(ike, &w, sa, sa->sa_spi_r, hs->hs_encap);
	sa->sa_frag = ike->i_conf.cf_fragment != 0 &&
	    ike_msg_notify(m, IKE_N_FRAGMENTATION_SUPPORTED) != NULL;
	if (sa->sa_frag)
		ike_put_notify(&w, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	return ike_writer_finish(&w, true);
}

static bool
half_begin(struct ikesa *sa, const struct inmsg *im, const struct ike_msg *m,
    uint16_t group, bool encap)
{
	const struct ike_datagram *dg = im->im_dg;
	struct handshake *hs = ike_calloc(1, sizeof(*hs));

	sa->sa_hs = hs;
	if (hs == NULL)
		return false;
	sa->sa_spi_i = im->im_hdr.h_spi_i;
	sa->sa_spi_r = ikesa_spi_new(sa->sa_ike);
	sa->sa_local = dg->dg_local;
	sa->sa_remote = dg->dg_remote;
	sa->sa_lport = dg->dg_lport;
	sa->sa_rport = dg->dg_rport;
	sa->sa_natt = dg->dg_natt;
	sa->sa_reply_to = reply_to(dg);
	nonce_set(&hs->hs_ni, m->m_nonce);
	xchg_nonce(sa->sa_ike, &hs->hs_nr);
	hs->hs_group = group;
	hs->hs_encap = encap;
	hs->hs_dh = xchg_dh_new(sa->sa_ike, group);
	hs->hs_init_i = ike_calloc(1, dg->dg_len);
	if (hs->hs_init_i == NULL || hs->hs_dh == NULL)
		return false;
	memcpy(hs->hs_init_i, dg->dg_data, dg->dg_len);
	hs->hs_init_i_len = dg->dg_len;
	return true;
}

/* Keys, answer, and only then a place among the half-open ones. */
static bool
half_finish(struct ikesa *sa, const struct inmsg *im, const struct ike_msg *m,
    const struct ike_choice *ch, bool proven)
{
	struct ike *ike = sa->sa_ike;
	struct handshake *hs = sa->sa_hs;
	struct xchg *x = xchg_new(sa, X_INIT);
	bool ok, natt;
	size_t n;

	if (x == NULL)
		return false;
	ok = init_keys(sa, x, &ch->pc_pr, hs->hs_dh, m->m_ke);
	xchg_free(x);
	if (!ok)
		return false;
	nat_check(sa, m, im->im_dg, sa->sa_spi_i, 0, &sa->sa_nat_us,
	    &sa->sa_nat_peer, &natt);
	n = init_build_answer(sa, m, ch, natt);
	if (n > im->im_dg->dg_len && !proven)
		init_demand_cookie(ike, im, m);
	if (n == 0 || (n > im->im_dg->dg_len && !proven))
		return false;
	hs->hs_init_r = ike_calloc(1, n);
	sa->sa_cached = outmsg_clear(ike->i_buf, n);
	if (hs->hs_init_r == NULL || sa->sa_cached == NULL)
		return false;
	memcpy(hs->hs_init_r, ike->i_buf, n);
	hs->hs_init_r_len = n;
	sa->sa_next_rsp = 1;
	ikesa_hash_in(sa);
	sa->sa_half = true;
	LIST_INSERT_HEAD(&ike->i_half, sa, sa_half_entry);
	LIST_INSERT_HEAD(&ike->i_half_hash[sa->sa_spi_i % IKE_HASH_SLOTS], sa,
	    sa_half_hash);
	ike->i_objects.oc_halfopen++;
	tmo_set(&ike->i_tmos, &sa->sa_tmo_life,
	    ike->i_now + ike->i_conf.cf_halfopen_ms);
	outmsg_send(ike, sa->sa_cached, &sa->sa_reply_to);
	return true;
}

static void
init_new_half(struct ike *ike, const struct inmsg *im, const struct ike_msg *m,
    const struct ike_choice *ch, const struct pol *pl, bool proven)
{
	uint16_t group = ike_proposal_get(&ch->pc_pr, IKE_T_DH)->tr_id;
	struct ikesa *sa = ikesa_new(ike, false);

	if (sa == NULL) {
		ike->i_stats.is_in_limit++;
		return;
	}
	if (!half_begin(sa, im, m, group, pl->pl_conf.po_encap) ||
	    !half_finish(sa, im, m, ch, proven)) {
		ike->i_stats.is_in_illegal++;
		ikesa_kill(sa, IKE_R_MEMORY);
	}
}

static bool
init_parse(struct ike *ike, const struct inmsg *im, struct ike_msg *m)
{
	enum ike_parse e = ike_msg_parse(IKE_X_SA_INIT, false, im->im_first,
	    im->im_p, im->im_n, m);

	if (e == IKE_PARSE_OK && im->im_dg->dg_len <= IKE_INIT_MAX)
		return true;
	if (e == IKE_PARSE_CRITICAL)
		init_reply_notify(ike, im, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
		    &m->m_critical, 1);
	if (e == IKE_PARSE_ILLEGAL || e == IKE_PARSE_MISSING ||
	    e == IKE_PARSE_CRITICAL)
		ike->i_stats.is_in_illegal++;
	else
		ike->i_stats.is_in_malformed++;
	return false;
}

void
init_requested(struct ike *ike, const struct inmsg *im)
{
	const struct ike_transform *dh;
	struct ike_choice ch;
	struct ikesa *again = half_find(ike, im);
	struct ike_msg m;
	struct pol *pl, *any;
	uint8_t group[2];
	bool proven;

	if (again != NULL) {
		init_again(again, im);
		return;
	}
	if (im->im_hdr.h_spi_i == 0 || im->im_hdr.h_msgid != 0 ||
	    ike->i_stopping || !init_parse(ike, im, &m))
		return;
	if (init_cookie(ike, im, &m, &proven))
		return;
	if (cookie_limit(ike, &im->im_dg->dg_remote)) {
		ike->i_stats.is_in_limit++;
		return;
	}
	memset(&ch, 0, sizeof(ch));
	pl = init_policy(ike, im, &m, &ch, &any);
	dh = pl != NULL ? ike_proposal_get(&ch.pc_pr, IKE_T_DH) : NULL;
	if (dh == NULL) {
		init_no_proposal(ike, im, &m, any, ch.pc_failed);
		return;
	}
	if (dh->tr_id != m.m_group) {
		ike->i_stats.is_invalid_ke++;
		group[0] = (uint8_t)(dh->tr_id >> 8);
		group[1] = (uint8_t)dh->tr_id;
		init_reply_notify(ike, im, IKE_N_INVALID_KE_PAYLOAD, group, 2);
		return;
	}
	init_new_half(ike, im, &m, &ch, pl, proven);
}
