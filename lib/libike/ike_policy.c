/* SPDX-License-Identifier: ISC */
/*
 * Policies: checking them, replacing them by difference, finding one.
 *
 * The new set is built whole before anything of the old one is touched.  Then
 * old policies equal to a new one move over with their SAs; within a policy the
 * same holds for its children.  What is left of the old set is deleted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libike/ike_var.h"

TAILQ_HEAD(pol_list, pol);

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

static bool
peer_is_host(const struct ike_policy *po)
{
	return po->po_peer.pr_addr.ad_af != 0 &&
	    po->po_peer.pr_len == addr_bits(&po->po_peer.pr_addr);
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
	    ch->ch_start == IKE_START_DEMAND) && !peer_is_host(po))
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

static void
conn_free(struct conn *cn)
{
	tmo_clear(&cn->cn_pol->pl_ike->i_tmos, &cn->cn_tmo);
	free(cn);
}

static void
pol_free(struct pol *pl)
{
	struct conn *cn;

	while ((cn = TAILQ_FIRST(&pl->pl_conns)) != NULL) {
		TAILQ_REMOVE(&pl->pl_conns, cn, cn_entry);
		conn_free(cn);
	}
	pl->pl_ike->i_objects.oc_policies--;
	free(pl);
}

static void
pol_list_free(struct pol_list *list)
{
	struct pol *pl;

	while ((pl = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, pl, pl_entry);
		pol_free(pl);
	}
}

void
pol_free_all(struct ike *ike)
{
	struct pol *pl;

	while ((pl = TAILQ_FIRST(&ike->i_pols)) != NULL) {
		TAILQ_REMOVE(&ike->i_pols, pl, pl_entry);
		pol_free(pl);
	}
}

static struct conn *
conn_new(struct pol *pl, const struct ike_child_conf *ch)
{
	struct conn *cn = ike_calloc(1, sizeof(*cn));

	if (cn == NULL)
		return NULL;
	cn->cn_pol = pl;
	cn->cn_conf = *ch;
	cn->cn_since = pl->pl_ike->i_now;
	if (cn->cn_conf.ch_esp.ps_n == 0)
		ike_proposals_default(IKE_PROTO_ESP, &cn->cn_conf.ch_esp);
	tmo_init(&cn->cn_tmo, TMO_CONN, cn);
	return cn;
}

static struct pol *
pol_new(struct ike *ike, const struct ike_policy *po)
{
	struct pol *pl = ike_calloc(1, sizeof(*pl));
	struct conn *cn;

	if (pl == NULL)
		return NULL;
	ike->i_objects.oc_policies++;
	pl->pl_ike = ike;
	TAILQ_INIT(&pl->pl_conns);
	LIST_INIT(&pl->pl_sas);
	pl->pl_conf = *po;
	pl->pl_conf.po_children = NULL;
	if (pl->pl_conf.po_ike.ps_n == 0)
		ike_proposals_default(IKE_PROTO_IKE, &pl->pl_conf.po_ike);
	for (unsigned i = 0; i < po->po_nchildren; i++) {
		cn = conn_new(pl, &po->po_children[i]);
		if (cn == NULL) {
			pol_free(pl);
			return NULL;
		}
		TAILQ_INSERT_TAIL(&pl->pl_conns, cn, cn_entry);
	}
	return pl;
}

/* A reqid, and which policy of the array has it. */
struct reqid_of {
	uint32_t	ro_reqid;
	size_t		ro_i;
};

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
reqid_cmp(const void *a, const void *b)
{
	const struct reqid_of *x = a, *y = b;

	if (x->ro_reqid != y->ro_reqid)
		return x->ro_reqid < y->ro_reqid ? -1 : 1;
	return (x->ro_i > y->ro_i) - (x->ro_i < y->ro_i);
}

static bool
names_unique(const struct ike_policy *po, size_t n)
{
	const char **name;
	bool ok;

	if (n < 2)
		return true;
	ok = (name = ike_calloc(n, sizeof(*name))) != NULL;
	for (size_t i = 0; ok && i < n; i++)
		name[i] = po[i].po_name;
	if (ok)
		qsort(name, n, sizeof(*name), name_cmp);
	for (size_t i = 1; ok && i < n; i++)
		ok = strcmp(name[i - 1], name[i]) != 0;
	free(name);
	return ok;
}

/* No two policies share a reqid; children of one may. */
static bool
reqids_unique(const struct ike_policy *po, size_t n)
{
	struct reqid_of *ro;
	size_t m = 0;
	bool ok;

	if (n < 2)
		return true;
	for (size_t i = 0; i < n; i++)
		m += po[i].po_nchildren;
	ok = (ro = ike_calloc(m + 1, sizeof(*ro))) != NULL;
	m = 0;
	for (size_t i = 0; ok && i < n; i++)
		for (unsigned c = 0; c < po[i].po_nchildren; c++)
			if (po[i].po_children[c].ch_reqid != 0)
				ro[m++] = (struct reqid_of){
				    po[i].po_children[c].ch_reqid, i };
	if (ok)
		qsort(ro, m, sizeof(*ro), reqid_cmp);
	for (size_t i = 1; ok && i < m; i++)
		ok = ro[i - 1].ro_reqid != ro[i].ro_reqid ||
		    ro[i - 1].ro_i == ro[i].ro_i;
	free(ro);
	return ok;
}

static bool
pol_list_build(struct ike *ike, const struct ike_policy *po, size_t n,
    struct pol_list *list)
{
	struct pol *pl;

	for (size_t i = 0; i < n; i++) {
		if (ike_policy_check(&po[i]) != NULL)
			return false;
	}
	if (!names_unique(po, n) || !reqids_unique(po, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		pl = pol_new(ike, &po[i]);
		if (pl == NULL) {
			pol_list_free(list);
			return false;
		}
		TAILQ_INSERT_TAIL(list, pl, pl_entry);
	}
	return true;
}

/* -------------------------------------------------------------- compare */

static bool
child_conf_equal(const struct ike_child_conf *a, const struct ike_child_conf *b)
{
	return strcmp(a->ch_name, b->ch_name) == 0 &&
	    a->ch_reqid == b->ch_reqid && a->ch_mode == b->ch_mode &&
	    a->ch_start == b->ch_start &&
	    ike_ts_list_equal(&a->ch_local, &b->ch_local) &&
	    ike_ts_list_equal(&a->ch_remote, &b->ch_remote) &&
	    ike_proposals_equal(&a->ch_esp, &b->ch_esp) &&
	    a->ch_lifetime_s == b->ch_lifetime_s &&
	    a->ch_lifetime_bytes == b->ch_lifetime_bytes &&
	    a->ch_replay == b->ch_replay;
}

static bool
policy_equal(const struct ike_policy *a, const struct ike_policy *b)
{
	return strcmp(a->po_name, b->po_name) == 0 &&
	    addr_equal(&a->po_local, &b->po_local) &&
	    addr_equal(&a->po_peer.pr_addr, &b->po_peer.pr_addr) &&
	    a->po_peer.pr_len == b->po_peer.pr_len &&
	    a->po_peer_port == b->po_peer_port &&
	    ike_id_equal(&a->po_srcid, &b->po_srcid) &&
	    ike_id_equal(&a->po_dstid, &b->po_dstid) &&
	    a->po_auth == b->po_auth && a->po_dpd == b->po_dpd &&
	    ike_proposals_equal(&a->po_ike, &b->po_ike) &&
	    a->po_lifetime_s == b->po_lifetime_s;
}

/* --------------------------------------------------------------- change */

static void
conn_forget_xchg(struct xchg *x, const struct conn *cn)
{
	if (x == NULL || x->x_conn != cn)
		return;
	x->x_conn = NULL;
	if (x->x_new != NULL)
		x->x_new->c_conn = NULL;
}

/* On one IKE SA: its children go, exchanges for it lead to nothing. */
static void
conn_forget_on(struct ikesa *sa, const struct conn *cn)
{
	struct child *c, *cnext;
	struct xchg *x, *xnext;

	if (sa->sa_hs != NULL && sa->sa_hs->hs_conn == cn) {
		ikesa_kill(sa, IKE_R_POLICY);
		return;
	}
	for (x = TAILQ_FIRST(&sa->sa_queue); x != NULL; x = xnext) {
		xnext = TAILQ_NEXT(x, x_entry);
		if (x->x_conn == cn && x->x_type != X_CHILD_DELETE)
			xchg_end(x);
	}
	conn_forget_xchg(sa->sa_req, cn);
	conn_forget_xchg(sa->sa_rsp, cn);
	for (c = TAILQ_FIRST(&sa->sa_children); c != NULL; c = cnext) {
		cnext = TAILQ_NEXT(c, c_entry);
		if (c->c_conn != cn)
			continue;
		c->c_conn = NULL;
		child_delete(c, IKE_R_POLICY);
	}
}

static void
conn_remove(struct conn *cn)
{
	struct ikesa *sa, *next;

	for (sa = LIST_FIRST(&cn->cn_pol->pl_sas); sa != NULL; sa = next) {
		next = LIST_NEXT(sa, sa_pol_entry);
		conn_forget_on(sa, cn);
	}
	TAILQ_REMOVE(&cn->cn_pol->pl_conns, cn, cn_entry);
	conn_free(cn);
}

static void
pol_remove(struct pol *pl)
{
	struct ikesa *sa;

	while ((sa = LIST_FIRST(&pl->pl_sas)) != NULL) {
		ikesa_delete(sa, IKE_R_POLICY);
		if (sa->sa_pol == pl)
			ikesa_kill(sa, IKE_R_POLICY);
	}
	pol_free(pl);
}

static struct conn *
pol_conn(const struct pol *pl, const char *name)
{
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (strcmp(cn->cn_conf.ch_name, name) == 0)
			return cn;
	return NULL;
}

/* Takes over into old, in the order of new, what new has. */
static void
pol_merge(struct pol *old, struct pol *new)
{
	struct conn_list merged = TAILQ_HEAD_INITIALIZER(merged);
	struct conn *cn, *was;

	while ((cn = TAILQ_FIRST(&new->pl_conns)) != NULL) {
		TAILQ_REMOVE(&new->pl_conns, cn, cn_entry);
		was = pol_conn(old, cn->cn_conf.ch_name);
		if (was != NULL &&
		    child_conf_equal(&was->cn_conf, &cn->cn_conf)) {
			TAILQ_REMOVE(&old->pl_conns, was, cn_entry);
			conn_free(cn);
			cn = was;
		}
		cn->cn_pol = old;
		TAILQ_INSERT_TAIL(&merged, cn, cn_entry);
	}
	while ((cn = TAILQ_FIRST(&old->pl_conns)) != NULL)
		conn_remove(cn);
	TAILQ_CONCAT(&old->pl_conns, &merged, cn_entry);
	pol_free(new);
}

/* The policies in force, sorted by name. */
struct pol_index {
	struct pol	**pi_pol;
	size_t		 pi_n;
};

static int
pol_cmp(const void *a, const void *b)
{
	return strcmp((*(struct pol *const *)a)->pl_conf.po_name,
	    (*(struct pol *const *)b)->pl_conf.po_name);
}

static bool
pol_index_make(struct ike *ike, size_t n, struct pol_index *pi)
{
	struct pol *pl;

	*pi = (struct pol_index){ NULL, 0 };
	if (n == 0)		/* nothing to compare: this cannot fail */
		return true;
	TAILQ_FOREACH(pl, &ike->i_pols, pl_entry)
		pi->pi_n++;
	pi->pi_pol = ike_calloc(pi->pi_n + 1, sizeof(struct pol *));
	if (pi->pi_pol == NULL)
		return false;
	pi->pi_n = 0;
	TAILQ_FOREACH(pl, &ike->i_pols, pl_entry)
		pi->pi_pol[pi->pi_n++] = pl;
	qsort(pi->pi_pol, pi->pi_n, sizeof(struct pol *), pol_cmp);
	return true;
}

/* Of its name, and equal; each is asked for once, for names are unique. */
static struct pol *
pol_find_equal(const struct pol_index *pi, struct pol *pl)
{
	struct pol **at = bsearch(&pl, pi->pi_pol, pi->pi_n,
	    sizeof(struct pol *), pol_cmp);

	return at != NULL && policy_equal(&(*at)->pl_conf, &pl->pl_conf) ?
	    *at : NULL;
}

/* What is there of the new list already moves over with its SAs. */
static void
pol_list_merge(struct ike *ike, const struct pol_index *pi,
    struct pol_list *list)
{
	struct pol_list next = TAILQ_HEAD_INITIALIZER(next);
	struct pol *pl, *old;

	while ((pl = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, pl, pl_entry);
		old = pol_find_equal(pi, pl);
		if (old != NULL) {
			TAILQ_REMOVE(&ike->i_pols, old, pl_entry);
			pol_merge(old, pl);
			pl = old;
		}
		TAILQ_INSERT_TAIL(&next, pl, pl_entry);
	}
	TAILQ_CONCAT(list, &next, pl_entry);
}

bool
ike_policy_set(struct ike *ike, uint64_t now, const struct ike_policy *po,
    size_t n)
{
	struct pol_list list = TAILQ_HEAD_INITIALIZER(list);
	struct pol_index pi;
	struct pol *pl, *old;

	ike_enter(ike, now);
	if (!pol_index_make(ike, n, &pi))
		return false;
	if (!pol_list_build(ike, po, n, &list)) {
		free(pi.pi_pol);
		return false;
	}
	pol_list_merge(ike, &pi, &list);
	free(pi.pi_pol);
	while ((old = TAILQ_FIRST(&ike->i_pols)) != NULL) {
		TAILQ_REMOVE(&ike->i_pols, old, pl_entry);
		pol_remove(old);
	}
	while ((pl = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, pl, pl_entry);
		TAILQ_INSERT_TAIL(&ike->i_pols, pl, pl_entry);
	}
	TAILQ_FOREACH(pl, &ike->i_pols, pl_entry)
		pol_up(pl);
	ike_leave(ike);
	return true;
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

struct pol *
pol_for_peer(struct ike *ike, const struct addr *local,
    const struct addr *remote, struct pol *after)
{
	struct pol *pl = after != NULL ? TAILQ_NEXT(after, pl_entry) :
	    TAILQ_FIRST(&ike->i_pols);

	for (; pl != NULL; pl = TAILQ_NEXT(pl, pl_entry)) {
		const struct ike_policy *po = &pl->pl_conf;

		if (pol_disabled(pl))
			continue;
		if (po->po_local.ad_af != 0 &&
		    !addr_equal(&po->po_local, local))
			continue;
		if (po->po_peer.pr_addr.ad_af != 0 &&
		    !prefix_match(&po->po_peer, remote))
			continue;
		return pl;
	}
	return NULL;
}

void
pol_local_id(const struct pol *pl, const struct ikesa *sa, struct ike_id *out)
{
	const struct addr *a = &sa->sa_local;

	*out = pl->pl_conf.po_srcid;
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

	if (pl->pl_conf.po_dstid.id_type != IKE_ID_NONE &&
	    !ike_id_equal(&pl->pl_conf.po_dstid, peer))
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
	*local = cn->cn_conf.ch_local;
	*remote = cn->cn_conf.ch_remote;
	if (local->tl_n == 0)
		ts_host(&sa->sa_local, local);
	if (remote->tl_n == 0)
		ts_host(&sa->sa_remote, remote);
}
