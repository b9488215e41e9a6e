/* SPDX-License-Identifier: ISC */
/*
 * Policies: checking them, building them, finding one.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

/* --------------------------------------------------------------- check */

static bool
name_ok(const char name[IKE_NAME_MAX])
{
	return name[0] != '\0' && memchr(name, '\0', IKE_NAME_MAX) != NULL;
}

static const char *
proposals_check(const struct ike_proposals *ps, enum ike_proto proto)
{
	const char *why;

	if (ps->ps_n > IKE_PROPOSALS_MAX)
		return "too many proposals";
	for (unsigned i = 0; i < ps->ps_n; i++) {
		if (ps->ps_p[i].pr_proto == IKE_PROTO_AH)
			return "AH is not negotiated by this version";
		if (ps->ps_p[i].pr_proto != proto)
			return "a proposal is for another protocol";
		if (!ike_proposal_usable(&ps->ps_p[i], &why))
			return why;
	}
	return NULL;
}

static const char *
ts_check(const struct ike_ts_list *tl)
{
	if (tl->tl_n > IKE_TS_MAX)
		return "too many traffic selectors";
	for (unsigned i = 0; i < tl->tl_n; i++) {
		const struct ike_ts *ts = &tl->tl_ts[i];

		if ((ts->ts_lo.ad_af != AF_INET &&
		    ts->ts_lo.ad_af != AF_INET6) ||
		    ts->ts_lo.ad_af != ts->ts_hi.ad_af ||
		    addr_cmp(&ts->ts_lo, &ts->ts_hi) > 0 ||
		    ts->ts_port.po_lo > ts->ts_port.po_hi)
			return "a traffic selector is empty";
	}
	return NULL;
}

bool
peer_is_host(const struct prefix *peer)
{
	return peer->pr_addr.ad_af != 0 &&
	    peer->pr_len == addr_bits(&peer->pr_addr);
}

static const char *
child_check(const struct ike_policy *po, const struct ike_child_conf *ch)
{
	const char *why;

	if (!name_ok(ch->ch_name))
		return "a child needs a name of 1 to 63 bytes";
	if (ch->ch_mode != IKE_MODE_TUNNEL && ch->ch_mode != IKE_MODE_TRANSPORT)
		return "a child's mode is neither tunnel nor transport";
	if (ch->ch_start > IKE_START_DISABLED)
		return "a child's start is not known";
	if ((ch->ch_start == IKE_START_ACTIVE ||
	    ch->ch_start == IKE_START_DEMAND) && !peer_is_host(&po->po_peer))
		return "who connects needs the peer's address";
	if (ch->ch_lifetime_s != 0 && ch->ch_lifetime_s < 10)
		return "a lifetime is below 10 seconds";
	why = ts_check(&ch->ch_local);
	if (why == NULL)
		why = ts_check(&ch->ch_remote);
	if (why == NULL)
		why = proposals_check(&ch->ch_esp, IKE_PROTO_ESP);
	return why;
}

static const char *
children_check(const struct ike_policy *po)
{
	const char *why;

	if (po->po_nchildren > IKE_CHILDREN_MAX)
		return "too many children";
	for (unsigned i = 0; i < po->po_nchildren; i++) {
		why = child_check(po, &po->po_children[i]);
		if (why != NULL)
			return why;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(po->po_children[i].ch_name,
			    po->po_children[j].ch_name) == 0)
				return "two children have the same name";
	}
	return NULL;
}

const char *
ike_policy_check(const struct ike_policy *po)
{
	const char *why;

	if (!name_ok(po->po_name))
		return "a policy needs a name of 1 to 63 bytes";
	if (po->po_auth == IKE_AUTH_KIND_SIGNATURE)
		return "signature authentication is not built in this version";
	if (po->po_auth == IKE_AUTH_KIND_EAP)
		return "EAP authentication is not built in this version";
	if (po->po_auth != IKE_AUTH_KIND_PSK)
		return "the authentication method is not known";
	if (po->po_srcid.id_len > IKE_ID_MAX ||
	    po->po_dstid.id_len > IKE_ID_MAX)
		return "an identity is too long";
	if (po->po_lifetime_s != 0 && po->po_lifetime_s < 10)
		return "a lifetime is below 10 seconds";
	if (po->po_peer.pr_addr.ad_af != 0 &&
	    po->po_peer.pr_len > addr_bits(&po->po_peer.pr_addr))
		return "the peer's prefix is too long";
	why = proposals_check(&po->po_ike, IKE_PROTO_IKE);
	return why != NULL ? why : children_check(po);
}

/* ---------------------------------------------------------------- build */

void
conn_free(struct conn *cn)
{
	struct ike *ike = cn->cn_pol->pl_ike;

	tmo_clear(&ike->i_tmos, &cn->cn_tmo);
	itab_out(&ike->i_reqids, &cn->cn_by_reqid);
	blob_free(ike, cn->cn_conf.ch_local);
	blob_free(ike, cn->cn_conf.ch_remote);
	blob_free(ike, cn->cn_conf.ch_esp);
	free(cn->cn_note);
	free(cn);
}

void
pol_free(struct pol *pl)
{
	struct ike *ike = pl->pl_ike;
	struct conn *cn;

	while ((cn = TAILQ_FIRST(&pl->pl_conns)) != NULL) {
		TAILQ_REMOVE(&pl->pl_conns, cn, cn_entry);
		conn_free(cn);
	}
	itab_out(&ike->i_names, &pl->pl_by_name);
	blob_free(ike, pl->pl_conf.po_srcid);
	blob_free(ike, pl->pl_conf.po_dstid);
	blob_free(ike, pl->pl_conf.po_ike);
	ike->i_objects.oc_policies--;
	free(pl);
}

void
pol_free_all(struct ike *ike)
{
	for (size_t i = 0; i < ike->i_order.or_n; i++)
		pol_free(ike->i_order.or_pol[i]);
	free(ike->i_order.or_pol);
	free(ike->i_order.or_peer);
	ike->i_order = (struct order){ .or_n = 0 };
	itab_free(&ike->i_blobs);
	itab_free(&ike->i_names);
	itab_free(&ike->i_reqids);
}

/* Those that are given, else the defaults. */
static const struct ike_proposals *
keep_proposals(struct ike *ike, enum ike_proto proto,
    const struct ike_proposals *ps)
{
	struct ike_proposals usual;

	if (ps->ps_n != 0)
		return blob_proposals(ike, ps);
	memset(&usual, 0, sizeof(usual));
	ike_proposals_default(proto, &usual);
	return blob_proposals(ike, &usual);
}

static bool
keep_child(struct ike *ike, const struct ike_child_conf *ch,
    struct conn_conf *cc)
{
	*cc = (struct conn_conf){ .ch_reqid = ch->ch_reqid,
	    .ch_mode = ch->ch_mode, .ch_start = ch->ch_start,
	    .ch_lifetime_s = ch->ch_lifetime_s,
	    .ch_lifetime_bytes = ch->ch_lifetime_bytes,
	    .ch_replay = ch->ch_replay };
	memcpy(cc->ch_name, ch->ch_name, sizeof(cc->ch_name));
	cc->ch_local = blob_ts_list(ike, &ch->ch_local);
	cc->ch_remote = blob_ts_list(ike, &ch->ch_remote);
	cc->ch_esp = keep_proposals(ike, IKE_PROTO_ESP, &ch->ch_esp);
	return cc->ch_local != NULL && cc->ch_remote != NULL &&
	    cc->ch_esp != NULL;
}

static bool
keep_policy(struct ike *ike, const struct ike_policy *po, struct pol_conf *pc)
{
	*pc = (struct pol_conf){ .po_local = po->po_local,
	    .po_peer = po->po_peer, .po_peer_port = po->po_peer_port,
	    .po_auth = po->po_auth, .po_dpd = po->po_dpd,
	    .po_encap = po->po_encap,
	    .po_lifetime_s = po->po_lifetime_s };
	memcpy(pc->po_name, po->po_name, sizeof(pc->po_name));
	pc->po_srcid = blob_id(ike, &po->po_srcid);
	pc->po_dstid = blob_id(ike, &po->po_dstid);
	pc->po_ike = keep_proposals(ike, IKE_PROTO_IKE, &po->po_ike);
	return pc->po_srcid != NULL && pc->po_dstid != NULL &&
	    pc->po_ike != NULL;
}

static bool
conn_new(struct pol *pl, const struct ike_child_conf *ch)
{
	struct conn *cn = ike_calloc(1, sizeof(*cn));

	if (cn == NULL)
		return false;
	cn->cn_pol = pl;
	tmo_init(&cn->cn_tmo, TMO_CONN, cn);
	TAILQ_INSERT_TAIL(&pl->pl_conns, cn, cn_entry);
	return keep_child(pl->pl_ike, ch, &cn->cn_conf);
}

struct pol *
pol_new(struct ike *ike, const struct ike_policy *po)
{
	struct pol *pl = ike_calloc(1, sizeof(*pl));
	bool ok;

	if (pl == NULL)
		return NULL;
	ike->i_objects.oc_policies++;
	pl->pl_ike = ike;
	TAILQ_INIT(&pl->pl_conns);
	LIST_INIT(&pl->pl_sas);
	ok = keep_policy(ike, po, &pl->pl_conf);
	for (unsigned i = 0; ok && i < po->po_nchildren; i++)
		ok = conn_new(pl, &po->po_children[i]);
	if (ok)
		return pl;
	pol_free(pl);
	return NULL;
}

/* ----------------------------------------------------------------- find */

static bool
pol_disabled(const struct pol *pl)
{
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (cn->cn_conf.ch_start != IKE_START_DISABLED)
			return false;
	return true;
}

/* Never 0. */
static uint32_t
addr_hash(const struct addr *a)
{
	uint32_t h = itab_hash(a->ad_bytes, addr_bits(a) / 8);

	return h == 0 ? 1 : h;
}

uint32_t
pol_peer_hash(const struct pol *pl)
{
	return peer_is_host(&pl->pl_conf.po_peer) ?
	    addr_hash(&pl->pl_conf.po_peer.pr_addr) : 0;
}

static bool
pol_fits(const struct pol *pl, const struct addr *local,
    const struct addr *remote)
{
	const struct pol_conf *po = &pl->pl_conf;

	if (po->po_local.ad_af != 0 && !addr_equal(&po->po_local, local))
		return false;
	if (po->po_peer.pr_addr.ad_af != 0 &&
	    !prefix_match(&po->po_peer, remote))
		return false;
	return !pol_disabled(pl);
}

struct pol *
pol_for_peer(struct ike *ike, const struct addr *local,
    const struct addr *remote, struct pol *after)
{
	const struct order *or = &ike->i_order;
	uint32_t peer = addr_hash(remote);

	for (size_t i = after != NULL ? after->pl_place + 1 : 0; i < or->or_n;
	    i++)
		if ((or->or_peer[i] == 0 || or->or_peer[i] == peer) &&
		    pol_fits(or->or_pol[i], local, remote))
			return or->or_pol[i];
	return NULL;
}

struct pol *
pol_by_name(const struct ike *ike, const char *name)
{
	const struct ilink *ln;

	for (ln = itab_first(&ike->i_names, itab_hash(name, strlen(name)));
	    ln != NULL; ln = itab_next(ln)) {
		struct pol *pl = ln->ln_owner;

		if (strcmp(pl->pl_conf.po_name, name) == 0)
			return pl;
	}
	return NULL;
}

struct pol *
pol_by_reqid(const struct ike *ike, uint32_t reqid)
{
	const struct ilink *ln;

	for (ln = itab_first(&ike->i_reqids, itab_hash(&reqid, sizeof(reqid)));
	    ln != NULL; ln = itab_next(ln)) {
		const struct conn *cn = ln->ln_owner;

		if (cn->cn_conf.ch_reqid == reqid)
			return cn->cn_pol;
	}
	return NULL;
}

void
pol_local_id(const struct pol *pl, const struct ikesa *sa, struct ike_id *out)
{
	const struct addr *a = &sa->sa_local;

	id_copy(out, pl->pl_conf.po_srcid);
	if (out->id_type != IKE_ID_NONE)
		return;
	memset(out, 0, sizeof(*out));
	out->id_type = a->ad_af == AF_INET6 ? IKE_ID_IPV6_ADDR :
	    IKE_ID_IPV4_ADDR;
	out->id_len = a->ad_af == AF_INET6 ? 16 : 4;
	memcpy(out->id_data, a->ad_bytes, out->id_len);
}

bool
pol_ids_match(const struct pol *pl, const struct ikesa *sa,
    const struct ike_id *peer, const struct ike_id *us)
{
	struct ike_id mine;

	if (pl->pl_conf.po_dstid->id_type != IKE_ID_NONE &&
	    !ike_id_equal(pl->pl_conf.po_dstid, peer))
		return false;
	pol_local_id(pl, sa, &mine);
	return us == NULL || ike_id_equal(&mine, us);
}

static void
ts_host(const struct addr *a, struct ike_ts_list *out)
{
	struct prefix p = { .pr_addr = *a, .pr_len = (uint8_t)addr_bits(a) };

	memset(out, 0, sizeof(*out));
	out->tl_n = 1;
	ike_ts_from_prefix(&p, &out->tl_ts[0]);
}

void
conn_ts(const struct conn *cn, const struct ikesa *sa,
    struct ike_ts_list *local, struct ike_ts_list *remote)
{
	ts_list_copy(local, cn->cn_conf.ch_local);
	ts_list_copy(remote, cn->cn_conf.ch_remote);
	if (local->tl_n == 0)
		ts_host(&sa->sa_local, local);
	if (remote->tl_n == 0)
		ts_host(&sa->sa_remote, remote);
}
