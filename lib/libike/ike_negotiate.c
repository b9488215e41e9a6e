/* SPDX-License-Identifier: ISC */
/*
 * What IKE_AUTH and CREATE_CHILD_SA share: offering a child, choosing from an
 * offer, checking an answer (RFC 7296 sections 1.2, 1.3.1 and 2.9).
 *
 * In IKE_AUTH there is no key exchange of the child's own, so groups are left
 * out of the ESP proposals (no_dh).
 */
#include <stdarg.h>
#include <stdio.h>

#include "libike/ike_var.h"

static uint16_t __attribute__((format(printf, 4, 5)))
refuse(struct refusal *rf, uint16_t notify, enum ike_reason r, const char *fmt,
    ...)
{
	va_list ap;

	rf->rf_notify = notify;
	rf->rf_reason = r;
	va_start(ap, fmt);
	(void)vsnprintf(rf->rf_text, sizeof(rf->rf_text), fmt, ap);
	va_end(ap);
	return notify;
}

bool
child_ask(struct xchg *x)
{
	struct ikesa *sa = x->x_sa;
	struct child *c = x->x_new;
	struct ike_sa_ref ref = { .sr_src = sa->sa_remote,
	    .sr_dst = sa->sa_local, .sr_proto = IKE_PROTO_ESP,
	    .sr_inbound = true, .sr_reqid = c->c_reqid };
	struct act *a = act_new(x->x_ike, IKE_ACT_GETSPI, 0);

	if (a == NULL)
		return false;
	a->a_action.ac_id = ask_new(x, ASK_SPI, &ref);
	a->a_action.ac_getspi = (struct ike_getspi){ .gs_src = sa->sa_remote,
	    .gs_dst = sa->sa_local, .gs_proto = IKE_PROTO_ESP,
	    .gs_mode = c->c_mode, .gs_reqid = c->c_reqid,
	    .gs_seq = x->x_seq };
	act_queue(x->x_ike, a);
	return a->a_action.ac_id != 0;
}

/* ------------------------------------------------------------ initiator */

static const struct ike_proposals *
child_proposals(const struct xchg *x, bool no_dh, struct ike_proposals *buf)
{
	const struct ike_proposals *ps = x->x_conn->cn_conf.ch_esp;

	if (!no_dh)
		return ps;
	ike_proposals_strip_dh(ps, buf);
	return buf;
}

void
child_offer(struct xchg *x, struct ike_writer *w, bool no_dh)
{
	struct ike_ts_list local, remote;
	struct ike_proposals buf;
	uint8_t spi[IKE_ESP_SPI_LEN];
	struct wcur sw = wcur_init(spi, sizeof(spi));

	wcur_u32(&sw, x->x_new->c_spi_in);
	conn_ts(x->x_conn, x->x_sa, &local, &remote);
	if (x->x_conn->cn_conf.ch_mode == IKE_MODE_TRANSPORT)
		ike_put_notify(w, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	ike_put_sa(w, child_proposals(x, no_dh, &buf), spi, sizeof(spi));
	if (!no_dh)
		ike_put_bytes(w, IKE_P_NONCE, x->x_ni.no_p, x->x_ni.no_n);
	if (x->x_dh != NULL)
		ike_put_ke(w, x->x_dh->dh_group->al_ike_id, x->x_dh->dh_public,
		    dh_group_size(x->x_dh->dh_group));
	ike_put_ts(w, IKE_P_TSI, &local);
	ike_put_ts(w, IKE_P_TSR, &remote);
}

static uint32_t
choice_spi(const struct ike_choice *ch)
{
	struct cur c = cur_init(ch->pc_spi, ch->pc_spi_len);

	return cur_u32(&c);
}

/* A peer's SPI that one of its pairs has already. */
static bool
spi_taken(struct ikesa *sa, uint32_t spi)
{
	struct ikesa *other;

	if (child_by_out(sa, spi) != NULL)
		return true;
	if (sa->sa_pol == NULL)
		return false;
	LIST_FOREACH(other, &sa->sa_pol->pl_sas, sa_pol_entry)
		if (addr_equal(&other->sa_remote, &sa->sa_remote) &&
		    child_by_out(other, spi) != NULL)
			return true;
	return false;
}

static void
child_set_algs(struct child *c, const struct ike_choice *ch)
{
	const struct ike_transform *esn;

	c->c_algs = ch->pc_pr;
	c->c_spi_out = choice_spi(ch);
	esn = ike_proposal_get(&ch->pc_pr, IKE_T_ESN);
	c->c_esn = esn != NULL && esn->tr_id == IKE_ESN_YES;
}

static void
child_note_narrowed(const struct xchg *x, const struct ike_ts_list *local,
    const struct ike_ts_list *remote)
{
	const struct child *c = x->x_new;
	char a[120], b[120], p[120], q[120];

	if (ike_ts_list_equal(local, &c->c_local) &&
	    ike_ts_list_equal(remote, &c->c_remote))
		return;
	act_event(x->x_ike, IKE_EV_NOTE, IKE_R_TS_NARROWED, x->x_sa, c->c_name,
	    0, "we asked for %s to %s and got %s to %s",
	    ike_ts_list_print(local, a, sizeof(a)),
	    ike_ts_list_print(remote, b, sizeof(b)),
	    ike_ts_list_print(&c->c_local, p, sizeof(p)),
	    ike_ts_list_print(&c->c_remote, q, sizeof(q)));
}

bool
child_offer_check(struct xchg *x, const struct ike_msg *m, bool no_dh,
    struct refusal *rf)
{
	bool transport = ike_msg_notify(m, IKE_N_USE_TRANSPORT_MODE) != NULL;
	struct ike_ts_list local, remote;
	struct child *c = x->x_new;
	struct ike_proposals buf;

	if (!ike_choice_check(m->m_sa, child_proposals(x, no_dh, &buf), no_dh,
	    &x->x_choice) || choice_spi(&x->x_choice) == 0 ||
	    spi_taken(x->x_sa, choice_spi(&x->x_choice))) {
		(void)refuse(rf, IKE_N_NO_PROPOSAL_CHOSEN, IKE_R_PROP_ESP,
		    "the peer chose an ESP proposal that we did not offer, or "
		    "an SPI that it has already");
		return false;
	}
	conn_ts(x->x_conn, x->x_sa, &local, &remote);
	if (m->m_tsi.tl_n == 0 || m->m_tsr.tl_n == 0 ||
	    !ike_ts_list_covers(&local, &m->m_tsi) ||
	    !ike_ts_list_covers(&remote, &m->m_tsr)) {
		(void)refuse(rf, IKE_N_TS_UNACCEPTABLE, IKE_R_TS_NONE,
		    "the peer's selectors are wider than what we asked for");
		return false;
	}
	if (transport != (x->x_conn->cn_conf.ch_mode == IKE_MODE_TRANSPORT)) {
		(void)refuse(rf, IKE_N_NO_PROPOSAL_CHOSEN, IKE_R_MODE,
		    "we asked for %s mode and the peer set the other",
		    transport ? "tunnel" : "transport");
		return false;
	}
	c->c_local = m->m_tsi;
	c->c_remote = m->m_tsr;
	c->c_mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
	child_set_algs(c, &x->x_choice);
	child_note_narrowed(x, &local, &remote);
	return true;
}

static enum ike_reason
refused_reason(const struct xchg *x, const struct ike_notify *n)
{
	switch (n != NULL ? n->n_type : 0) {
	case IKE_N_NO_PROPOSAL_CHOSEN:
		/* The pair is there: only its group was not offered before. */
		return x->x_type == X_CHILD_REKEY ? IKE_R_PROP_PFS :
		    IKE_R_PROP_ESP;
	case IKE_N_TS_UNACCEPTABLE:
	case IKE_N_SINGLE_PAIR_REQUIRED:
		return IKE_R_TS_NONE;
	case IKE_N_INVALID_KE_PAYLOAD:
		return IKE_R_PROP_PFS;
	case IKE_N_NO_ADDITIONAL_SAS:
	case IKE_N_TEMPORARY_FAILURE:
		return IKE_R_PEER_BUSY;
	default:
		return IKE_R_PEER_ERROR;
	}
}

enum ike_reason
child_refused(const struct xchg *x, const struct ike_notify *n,
    char text[IKE_TEXT_MAX])
{
	enum ike_reason r = refused_reason(x, n);
	const char *name = n != NULL ? ike_notify_name(n->n_type) :
	    "no reason given";
	struct ike_ts_list local, remote;
	char a[200], b[200];

	if (x->x_conn != NULL && (r == IKE_R_PROP_ESP || r == IKE_R_PROP_PFS)) {
		(void)snprintf(text, IKE_TEXT_MAX, "the peer refused (%s) all "
		    "that we offer for the child SA: %s", name,
		    ike_proposals_print(x->x_conn->cn_conf.ch_esp, a,
		    sizeof(a)));
	} else if (x->x_conn != NULL && r == IKE_R_TS_NONE) {
		conn_ts(x->x_conn, x->x_sa, &local, &remote);
		(void)snprintf(text, IKE_TEXT_MAX, "the peer refused (%s) our "
		    "%s to its %s", name,
		    ike_ts_list_print(&local, a, sizeof(a)),
		    ike_ts_list_print(&remote, b, sizeof(b)));
	} else {
		(void)snprintf(text, IKE_TEXT_MAX, "the peer refused the child "
		    "SA: %s", name);
	}
	return r;
}

/* ------------------------------------------------------------ responder */

static bool
conn_serves(const struct conn *cn, const struct ikesa *sa,
    const struct ike_msg *m, bool whole, struct child *out)
{
	struct ike_ts_list local, remote;

	if (cn->cn_conf.ch_start == IKE_START_DISABLED)
		return false;
	conn_ts(cn, sa, &local, &remote);
	if (whole && (!ike_ts_list_covers(&local, &m->m_tsr) ||
	    !ike_ts_list_covers(&remote, &m->m_tsi)))
		return false;
	return ike_ts_narrow(&local, &m->m_tsr, &out->c_local) &&
	    ike_ts_narrow(&remote, &m->m_tsi, &out->c_remote);
}

/* Who takes the peer's selectors whole is preferred. */
static struct conn *
conn_for_ts(struct ikesa *sa, const struct ike_msg *m, struct conn *only,
    struct child *out)
{
	struct conn *cn;

	if (only != NULL)
		return conn_serves(only, sa, m, false, out) ? only : NULL;
	if (sa->sa_pol == NULL)
		return NULL;
	for (int whole = 1; whole >= 0; whole--)
		TAILQ_FOREACH(cn, &sa->sa_pol->pl_conns, cn_entry)
			if (conn_serves(cn, sa, m, whole, out))
				return cn;
	return NULL;
}

static uint16_t
refuse_ts(struct refusal *rf, const struct ikesa *sa, const struct ike_msg *m)
{
	struct conn *cn = sa->sa_pol != NULL ?
	    TAILQ_FIRST(&sa->sa_pol->pl_conns) : NULL;
	struct ike_ts_list local = { 0 }, remote = { 0 };
	char a[120], b[120], p[100], q[100];

	if (cn != NULL)
		conn_ts(cn, sa, &local, &remote);
	return refuse(rf, IKE_N_TS_UNACCEPTABLE, IKE_R_TS_NONE,
	    "the peer asks for its %s to our %s; we have its %s to our %s",
	    ike_ts_list_print(&m->m_tsi, a, sizeof(a)),
	    ike_ts_list_print(&m->m_tsr, b, sizeof(b)),
	    ike_ts_list_print(&remote, p, sizeof(p)),
	    ike_ts_list_print(&local, q, sizeof(q)));
}

static uint16_t
refuse_proposal(struct refusal *rf, const struct ike_msg *m,
    const struct ike_proposals *ours, uint8_t failed)
{
	char a[200], b[200];

	return refuse(rf, IKE_N_NO_PROPOSAL_CHOSEN,
	    failed == IKE_T_DH ? IKE_R_PROP_PFS : IKE_R_PROP_ESP,
	    "no common %s: the peer offers %s; we accept %s",
	    ike_transform_type_name(failed),
	    ike_offers_print(m->m_sa, a, sizeof(a)),
	    ike_proposals_print(ours, b, sizeof(b)));
}

static uint16_t
child_choose_group(const struct xchg *x, const struct ike_msg *m,
    struct refusal *rf)
{
	const struct ike_transform *t = ike_proposal_get(&x->x_choice.pc_pr,
	    IKE_T_DH);

	if (t == NULL || t->tr_id == IKE_DH_NONE ||
	    (m->m_has_ke && m->m_group == t->tr_id))
		return 0;
	x->x_ike->i_stats.is_invalid_ke++;
	return refuse(rf, IKE_N_INVALID_KE_PAYLOAD, IKE_R_KE_GROUP,
	    "the peer's key exchange is for group %u; we want %s",
	    m->m_has_ke ? m->m_group : 0, ike_transform_name(t));
}

uint16_t
child_choose(struct xchg *x, const struct ike_msg *m, bool no_dh,
    struct conn *only, struct refusal *rf)
{
	bool transport = ike_msg_notify(m, IKE_N_USE_TRANSPORT_MODE) != NULL;
	struct ikesa *sa = x->x_sa;
	struct child found;
	struct conn *cn;

	if (sa->sa_nchildren >= x->x_ike->i_conf.cf_children_max)
		return refuse(rf, IKE_N_NO_ADDITIONAL_SAS, IKE_R_MEMORY,
		    "the peer has as many child SAs as we allow");
	memset(&found, 0, sizeof(found));
	cn = conn_for_ts(sa, m, only, &found);
	if (cn == NULL)
		return refuse_ts(rf, sa, m);
	if (cn->cn_conf.ch_mode == IKE_MODE_TRANSPORT && !transport)
		return refuse(rf, IKE_N_NO_PROPOSAL_CHOSEN, IKE_R_MODE,
		    "the peer asks for tunnel mode and we are configured for "
		    "transport mode");
	if (!ike_choose(m->m_sa, cn->cn_conf.ch_esp, m->m_group, no_dh,
	    &x->x_choice))
		return refuse_proposal(rf, m, cn->cn_conf.ch_esp,
		    x->x_choice.pc_failed);
	if (choice_spi(&x->x_choice) == 0 ||
	    spi_taken(sa, choice_spi(&x->x_choice)))
		return refuse(rf, IKE_N_NO_PROPOSAL_CHOSEN, IKE_R_SYNTAX,
		    "the peer offers an SPI of zero or one that it has "
		    "already");
	if (!no_dh && child_choose_group(x, m, rf) != 0)
		return rf->rf_notify;
	x->x_conn = cn;
	x->x_new = child_new(x->x_ike, sa, cn);
	if (x->x_new == NULL)
		return refuse(rf, IKE_N_TEMPORARY_FAILURE, IKE_R_MEMORY,
		    "out of memory");
	x->x_new->c_local = found.c_local;
	x->x_new->c_remote = found.c_remote;
	x->x_new->c_mode = cn->cn_conf.ch_mode;
	child_set_algs(x->x_new, &x->x_choice);
	return 0;
}

void
child_answer(struct xchg *x, struct ike_writer *w)
{
	struct child *c = x->x_new;
	uint8_t spi[IKE_ESP_SPI_LEN];
	struct wcur sw = wcur_init(spi, sizeof(spi));

	wcur_u32(&sw, c->c_spi_in);
	if (c->c_mode == IKE_MODE_TRANSPORT)
		ike_put_notify(w, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	ike_put_sa_answer(w, &x->x_choice.pc_pr, x->x_choice.pc_number, spi,
	    sizeof(spi));
	if (x->x_type == X_PEER_CHILD)
		ike_put_bytes(w, IKE_P_NONCE, x->x_nr.no_p, x->x_nr.no_n);
	if (x->x_dh != NULL)
		ike_put_ke(w, x->x_dh->dh_group->al_ike_id, x->x_dh->dh_public,
		    dh_group_size(x->x_dh->dh_group));
	ike_put_ts(w, IKE_P_TSI, &c->c_remote);
	ike_put_ts(w, IKE_P_TSR, &c->c_local);
}

bool
child_keys(struct xchg *x, bool initiator)
{
	struct ike_seed seed = { .se_ni = &x->x_ni, .se_nr = &x->x_nr,
	    .se_secret = { x->x_secret, x->x_secret_len } };

	x->x_new->c_initiator = initiator;
	return ike_child_keys_derive(&x->x_new->c_keys, &x->x_sa->sa_keys,
	    &x->x_new->c_algs, &seed);
}
