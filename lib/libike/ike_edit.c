/* SPDX-License-Identifier: ISC */
/*
 * The policies in force give way to others, by difference (ike.h).
 *
 * An edit is a list of steps: a run of policies in force that stay, or a policy
 * built from what was put.  Nothing in force is touched until all has been
 * checked and all memory is there.  Then what was put and equals that of its
 * name takes the old one's place under the old one's SAs; within a policy the
 * same holds for its children.  What no step names goes with its SAs.
 */
#include <stdlib.h>

#include "libike/ike_var.h"

/* What becomes of a policy in force. */
enum fate { FATE_GOES, FATE_KEPT, FATE_MERGED };

struct step {
	struct pol	*st_pol;	/* put; NULL: kept */
	size_t		 st_from, st_n;
};

struct ike_edit {
	struct ike	*ed_ike;
	uint64_t	 ed_version;	/* that it began with */
	bool		 ed_bad;
	struct step	*ed_step;
	size_t		 ed_nsteps;
	size_t		 ed_n;		/* policies that there will be */
	size_t		 ed_nputs, ed_nconns;	/* put, and their children */
	uint8_t		*ed_fate;	/* enum fate of each in force; NULL: all go */
};

/* -------------------------------------------------------------- compare */

static bool
child_conf_equal(const struct conn_conf *a, const struct conn_conf *b)
{
	return strcmp(a->ch_name, b->ch_name) == 0 &&
	    a->ch_reqid == b->ch_reqid && a->ch_mode == b->ch_mode &&
	    a->ch_start == b->ch_start &&
	    ike_ts_list_equal(a->ch_local, b->ch_local) &&
	    ike_ts_list_equal(a->ch_remote, b->ch_remote) &&
	    ike_proposals_equal(a->ch_esp, b->ch_esp) &&
	    a->ch_lifetime_s == b->ch_lifetime_s &&
	    a->ch_lifetime_bytes == b->ch_lifetime_bytes &&
	    a->ch_replay == b->ch_replay;
}

static bool
policy_equal(const struct pol_conf *a, const struct pol_conf *b)
{
	return strcmp(a->po_name, b->po_name) == 0 &&
	    addr_equal(&a->po_local, &b->po_local) &&
	    addr_equal(&a->po_peer.pr_addr, &b->po_peer.pr_addr) &&
	    a->po_peer.pr_len == b->po_peer.pr_len &&
	    a->po_peer_port == b->po_peer_port &&
	    ike_id_equal(a->po_srcid, b->po_srcid) &&
	    ike_id_equal(a->po_dstid, b->po_dstid) &&
	    a->po_auth == b->po_auth && a->po_dpd == b->po_dpd &&
	    a->po_encap == b->po_encap &&
	    ike_proposals_equal(a->po_ike, b->po_ike) &&
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
	linger_drop(cn->cn_pol->pl_ike, cn->cn_conf.ch_reqid);
	TAILQ_REMOVE(&cn->cn_pol->pl_conns, cn, cn_entry);
	conn_free(cn);
}

static void
pol_remove(struct pol *pl)
{
	struct ikesa *sa;
	struct conn *cn;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		linger_drop(pl->pl_ike, cn->cn_conf.ch_reqid);

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

/* ----------------------------------------------------------------- edit */

static bool
edit_step(struct ike_edit *ed, const struct step *st)
{
	struct step *list;
	size_t n = ed->ed_nsteps;

	if ((n & (n - 1)) == 0) {
		list = ike_calloc(n == 0 ? 1 : 2 * n, sizeof(*list));
		if (list == NULL)
			return false;
		if (n != 0)
			memcpy(list, ed->ed_step, n * sizeof(*list));
		free(ed->ed_step);
		ed->ed_step = list;
	}
	ed->ed_step[ed->ed_nsteps++] = *st;
	ed->ed_n += st->st_n;
	return true;
}

static void
edit_init(struct ike_edit *ed, struct ike *ike)
{
	*ed = (struct ike_edit){ .ed_ike = ike, .ed_version = ike->i_version };
}

static void
edit_clear(struct ike_edit *ed, bool puts)
{
	for (size_t i = 0; puts && i < ed->ed_nsteps; i++)
		if (ed->ed_step[i].st_pol != NULL)
			pol_free(ed->ed_step[i].st_pol);
	free(ed->ed_step);
	free(ed->ed_fate);
}

struct ike_edit *
ike_edit_begin(struct ike *ike)
{
	struct ike_edit *ed = ike_calloc(1, sizeof(*ed));

	if (ed != NULL)
		edit_init(ed, ike);
	return ed;
}

void
ike_edit_abort(struct ike_edit *ed)
{
	if (ed == NULL)
		return;
	edit_clear(ed, true);
	free(ed);
}

static bool
fates(struct ike_edit *ed)
{
	if (ed->ed_fate == NULL)
		ed->ed_fate = ike_calloc(ed->ed_ike->i_order.or_n + 1, 1);
	return ed->ed_fate != NULL;
}

static bool
edit_keep(struct ike_edit *ed, size_t from, size_t n)
{
	const struct step st = { .st_from = from, .st_n = n };
	size_t have = ed->ed_ike->i_order.or_n;

	if (ed->ed_version != ed->ed_ike->i_version || from > have ||
	    n > have - from || !fates(ed))
		return false;
	for (size_t i = from; i < from + n; i++)
		if (ed->ed_fate[i]++ != FATE_GOES)
			return false;
	return n == 0 || edit_step(ed, &st);
}

bool
ike_edit_keep(struct ike_edit *ed, size_t from, size_t n)
{
	if (ed == NULL)
		return false;
	if (!ed->ed_bad && !edit_keep(ed, from, n))
		ed->ed_bad = true;
	return !ed->ed_bad;
}

static bool
edit_put(struct ike_edit *ed, const struct ike_policy *po)
{
	struct step st = { .st_n = 1 };

	if (ike_policy_check(po) != NULL ||
	    (st.st_pol = pol_new(ed->ed_ike, po)) == NULL)
		return false;
	if (!edit_step(ed, &st)) {
		pol_free(st.st_pol);
		return false;
	}
	ed->ed_nputs++;
	ed->ed_nconns += po->po_nchildren;
	return true;
}

bool
ike_edit_put(struct ike_edit *ed, const struct ike_policy *po)
{
	if (ed == NULL)
		return false;
	if (!ed->ed_bad && !edit_put(ed, po))
		ed->ed_bad = true;
	return !ed->ed_bad;
}

/* ---------------------------------------------------------------- unique */

static bool
stays(const struct ike_edit *ed, const struct pol *pl)
{
	return pl != NULL && ed->ed_fate != NULL &&
	    ed->ed_fate[pl->pl_place] != FATE_GOES;
}

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No name stands twice among what is put, nor there and among what is kept. */
static bool
names_unique(const struct ike_edit *ed)
{
	const char **name = ike_calloc(ed->ed_nputs, sizeof(*name));
	bool ok = name != NULL;
	size_t m = 0;

	for (size_t i = 0; ok && i < ed->ed_nsteps; i++)
		if (ed->ed_step[i].st_pol != NULL) {
			name[m] = ed->ed_step[i].st_pol->pl_conf.po_name;
			ok = !stays(ed, pol_by_name(ed->ed_ike, name[m]));
			m++;
		}
	if (ok)
		qsort(name, m, sizeof(*name), name_cmp);
	for (size_t i = 1; ok && i < m; i++)
		ok = strcmp(name[i - 1], name[i]) != 0;
	free(name);
	return ok;
}

/* A reqid, and the policy that has it. */
struct reqid_of {
	uint32_t		 ro_reqid;
	const struct pol	*ro_pol;
};

static int
reqid_cmp(const void *a, const void *b)
{
	const struct reqid_of *x = a, *y = b;

	return (x->ro_reqid > y->ro_reqid) - (x->ro_reqid < y->ro_reqid);
}

static size_t
reqids_of(const struct pol *pl, struct reqid_of *ro)
{
	const struct conn *cn;
	size_t n = 0;

	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry)
		if (cn->cn_conf.ch_reqid != 0)
			ro[n++] = (struct reqid_of){ cn->cn_conf.ch_reqid, pl };
	return n;
}

/* No two policies share a reqid; children of one may. */
static bool
reqids_unique(const struct ike_edit *ed)
{
	struct reqid_of *ro = ike_calloc(ed->ed_nconns + 1, sizeof(*ro));
	bool ok = ro != NULL;
	size_t m = 0;

	for (size_t i = 0; ok && i < ed->ed_nsteps; i++)
		if (ed->ed_step[i].st_pol != NULL)
			m += reqids_of(ed->ed_step[i].st_pol, ro + m);
	if (ok)
		qsort(ro, m, sizeof(*ro), reqid_cmp);
	for (size_t i = 0; ok && i < m; i++)
		ok = !stays(ed, pol_by_reqid(ed->ed_ike, ro[i].ro_reqid)) &&
		    (i == 0 || ro[i - 1].ro_reqid != ro[i].ro_reqid ||
		    ro[i - 1].ro_pol == ro[i].ro_pol);
	free(ro);
	return ok;
}

/* ---------------------------------------------------------------- commit */

/* All memory that the change needs. */
static bool
edit_room(struct ike_edit *ed, struct order *next)
{
	struct ike *ike = ed->ed_ike;

	*next = (struct order){ .or_n = ed->ed_n };
	if (ed->ed_n == 0)
		return true;	/* taking all away cannot fail */
	next->or_pol = ike_calloc(ed->ed_n, sizeof(struct pol *));
	next->or_peer = ike_calloc(ed->ed_n, sizeof(uint32_t));
	if (next->or_pol != NULL && next->or_peer != NULL && fates(ed) &&
	    itab_room(&ike->i_names, ed->ed_n) &&
	    itab_room(&ike->i_reqids, ike->i_reqids.tb_n + ed->ed_nconns))
		return true;
	free(next->or_pol);
	free(next->or_peer);
	return false;
}

static bool
edit_ready(struct ike_edit *ed, struct order *next)
{
	if (ed->ed_bad || ed->ed_version != ed->ed_ike->i_version)
		return false;
	return (ed->ed_nputs == 0 || (names_unique(ed) && reqids_unique(ed))) &&
	    edit_room(ed, next);
}

/* What is put, or the old one that it equals, with the SAs of that one. */
static struct pol *
put_or_merge(struct ike_edit *ed, struct pol *pl)
{
	struct pol *old = pol_by_name(ed->ed_ike, pl->pl_conf.po_name);

	if (old == NULL || !policy_equal(&old->pl_conf, &pl->pl_conf))
		return pl;
	ed->ed_fate[old->pl_place] = FATE_MERGED;
	pol_merge(old, pl);
	return old;
}

static void
next_order(struct ike_edit *ed, struct order *next)
{
	const struct order *was = &ed->ed_ike->i_order;
	size_t at = 0;

	for (size_t i = 0; i < ed->ed_nsteps; i++) {
		const struct step *st = &ed->ed_step[i];

		if (st->st_pol != NULL) {
			next->or_pol[at] = put_or_merge(ed, st->st_pol);
			next->or_peer[at] = pol_peer_hash(next->or_pol[at]);
		} else {
			memcpy(next->or_pol + at, was->or_pol + st->st_from,
			    st->st_n * sizeof(*next->or_pol));
			memcpy(next->or_peer + at, was->or_peer + st->st_from,
			    st->st_n * sizeof(*next->or_peer));
		}
		at += st->st_n;
	}
}

/* Those that no step names, of the order that was. */
static void
remove_gone(const struct ike_edit *ed, struct order *was)
{
	for (size_t i = 0; i < was->or_n; i++)
		if (ed->ed_fate == NULL || ed->ed_fate[i] == FATE_GOES)
			pol_remove(was->or_pol[i]);
	free(was->or_pol);
	free(was->or_peer);
}

/* Found from now on, by name and by reqid. */
static void
pol_enter(struct pol *pl)
{
	struct ike *ike = pl->pl_ike;
	const char *name = pl->pl_conf.po_name;
	struct conn *cn;

	if (pl->pl_by_name.ln_prev == NULL)
		itab_in(&ike->i_names, &pl->pl_by_name,
		    itab_hash(name, strlen(name)), pl);
	TAILQ_FOREACH(cn, &pl->pl_conns, cn_entry) {
		uint32_t r = cn->cn_conf.ch_reqid;

		if (cn->cn_since == 0)
			cn->cn_since = ike->i_now;
		if (r != 0 && cn->cn_by_reqid.ln_prev == NULL)
			itab_in(&ike->i_reqids, &cn->cn_by_reqid,
			    itab_hash(&r, sizeof(r)), cn);
	}
}

/* Runs that stand where they stood are not touched at all. */
static void
settle(struct ike_edit *ed)
{
	const struct order *or = &ed->ed_ike->i_order;
	size_t at = 0;

	for (size_t i = 0; i < ed->ed_nsteps; i++) {
		const struct step *st = &ed->ed_step[i];

		if (st->st_pol != NULL || st->st_from != at)
			for (size_t p = at; p < at + st->st_n; p++)
				or->or_pol[p]->pl_place = p;
		if (st->st_pol != NULL)
			pol_enter(or->or_pol[at]);
		at += st->st_n;
	}
}

static void
start_put(const struct ike_edit *ed)
{
	const struct order *or = &ed->ed_ike->i_order;
	size_t at = 0;

	for (size_t i = 0; i < ed->ed_nsteps; i++) {
		if (ed->ed_step[i].st_pol != NULL)
			pol_up(or->or_pol[at]);
		at += ed->ed_step[i].st_n;
	}
}

static bool
edit_commit(struct ike_edit *ed, uint64_t now)
{
	struct ike *ike = ed->ed_ike;
	struct order next, was = ike->i_order;

	ike_enter(ike, now);
	if (!edit_ready(ed, &next)) {
		edit_clear(ed, true);
		return false;
	}
	next_order(ed, &next);
	ike->i_order = next;
	ike->i_version++;
	remove_gone(ed, &was);
	settle(ed);
	start_put(ed);
	edit_clear(ed, false);
	ike_leave(ike);
	return true;
}

bool
ike_edit_commit(struct ike_edit *ed, uint64_t now)
{
	bool ok = ed != NULL && edit_commit(ed, now);

	free(ed);
	return ok;
}

bool
ike_policy_set(struct ike *ike, uint64_t now, const struct ike_policy *po,
    size_t n)
{
	struct ike_edit ed;

	edit_init(&ed, ike);
	for (size_t i = 0; i < n && !ed.ed_bad; i++)
		ed.ed_bad = !edit_put(&ed, &po[i]);
	return edit_commit(&ed, now);
}
