/* SPDX-License-Identifier: ISC */
/*
 * What pfctl(8) asks over the control socket (libpf/pfrule.h says which
 * record goes with which operation).
 *
 * Loading is a transaction of one client: BEGIN, rules and tables in any
 * number, COMMIT.  Nothing of it is in force before COMMIT and all of it
 * afterwards; a client that goes away leaves nothing.  What a client sends
 * is checked field by field: a record is a claim, not a structure.
 *
 * Walks over states need the workers to stand still.  They copy what they
 * want and let the workers go before anything is sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ctl.h"
#include "pf/explain.h"
#include "pf/flow_table.h"
#include "pf/pf.h"
#include "pf/track.h"

static int
refuse(struct ctl_reply *re, int error, const char *text)
{
	(void)snprintf(re->cr_err, sizeof(re->cr_err), "%s", text);
	return error;
}

/* ---- transactions ---- */

static struct pf_txn *
txn_of(struct pf *pf, uint64_t client)
{
	for (unsigned i = 0; i < PF_TXNS_MAX; i++)
		if (pf->pf_txn[i].tx_open && pf->pf_txn[i].tx_client == client)
			return &pf->pf_txn[i];
	return NULL;
}

static void
txn_end(struct pf_txn *tx)
{
	pf_set_free(&tx->tx_set);
	tx->tx_open = false;
}

static void
pf_client_gone(struct nk *nk, uint64_t client)
{
	struct pf_txn *tx = nk->nk_pf == NULL ? NULL : txn_of(nk->nk_pf, client);

	if (tx != NULL)
		txn_end(tx);
}

static int
ctl_begin(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf *pf = nk->nk_pf;
	struct pf_txn *tx = txn_of(pf, rq->cq_client);

	(void)now;
	for (unsigned i = 0; tx == NULL && i < PF_TXNS_MAX; i++)
		if (!pf->pf_txn[i].tx_open)
			tx = &pf->pf_txn[i];
	if (tx == NULL)
		return refuse(re, EBUSY, "too many rulesets are being loaded at once");
	if (tx->tx_open)
		txn_end(tx);
	pf_set_init(&tx->tx_set);
	tx->tx_client = rq->cq_client;
	tx->tx_open = true;
	return 0;
}

static struct pf_txn *
txn_need(struct nk *nk, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_of(nk->nk_pf, rq->cq_client);

	if (tx == NULL)
		(void)refuse(re, EINVAL, "no ruleset is being loaded on this connection");
	return tx;
}

static int
ctl_rule(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);
	struct pf_rule r;
	const char *why;
	int error;

	(void)now;
	if (tx == NULL)
		return EINVAL;
	(void)cur_copy(&rq->cq_body, &r, sizeof(r));
	error = pf_set_rule(&tx->tx_set, &r, &why);
	if (error == 0)
		return 0;
	(void)snprintf(re->cr_err, sizeof(re->cr_err), "rule %zu: %s",
	    tx->tx_set.ps_nrules, why);
	return error;
}

/* The head and entries of a table message; false: malformed. The entries must be freed. */
static bool
table_msg(struct cur *c, struct pf_table_msg *pm, struct pf_table_entry **e)
{
	*e = NULL;
	if (!cur_copy(c, pm, sizeof(*pm)) || !pf_name_ok(pm->pm_name, sizeof(pm->pm_name)) ||
	    pm->pm_name[0] == '\0' || pm->pm_n > PF_MSG_ENTRIES ||
	    cur_left(c) != pm->pm_n * sizeof(**e))
		return false;
	*e = calloc(pm->pm_n + 1u, sizeof(**e));
	if (*e == NULL)
		return false;
	(void)cur_copy(c, *e, pm->pm_n * sizeof(**e));
	for (uint32_t i = 0; i < pm->pm_n; i++) {
		memset((*e)[i].pe_pad, 0, sizeof((*e)[i].pe_pad));
		if (!pf_entry_ok(&(*e)[i])) {
			free(*e);
			*e = NULL;
			return false;
		}
	}
	return true;
}

static int
ctl_table(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);
	struct pf_table_msg pm;
	struct pf_table_entry *e;
	struct pf_table *t;
	size_t added;
	int error;

	(void)now;
	if (tx == NULL)
		return EINVAL;
	if (!table_msg(&rq->cq_body, &pm, &e))
		return refuse(re, EINVAL, "malformed table");
	t = pf_set_table_make(&tx->tx_set, pm.pm_name, pm.pm_flags);
	error = t == NULL ? ENOSPC : pf_table_add(t, e, pm.pm_n, &added);
	free(e);
	return error == 0 ? 0 : refuse(re, error, "too many tables or addresses");
}

static int
ctl_skip(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);
	struct pf_name pn;

	(void)now;
	if (tx == NULL)
		return EINVAL;
	(void)cur_copy(&rq->cq_body, &pn, sizeof(pn));
	if (!pf_name_ok(pn.pn_name, sizeof(pn.pn_name)) || pn.pn_name[0] == '\0' ||
	    strlen(pn.pn_name) >= PF_IFNAME_MAX)
		return refuse(re, EINVAL, "malformed interface name");
	if (tx->tx_set.ps_nskip == PF_SKIP_MAX)
		return refuse(re, ENOSPC, "too many interfaces to skip");
	memcpy(tx->tx_set.ps_skip[tx->tx_set.ps_nskip++], pn.pn_name, PF_IFNAME_MAX);
	return 0;
}

static int
ctl_options(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);
	struct pf_options po;
	const char *why;

	(void)now;
	if (tx == NULL)
		return EINVAL;
	(void)cur_copy(&rq->cq_body, &po, sizeof(po));
	why = pf_options_check(&po);
	if (why != NULL)
		return refuse(re, EINVAL, why);
	tx->tx_set.ps_options = po;
	return 0;
}

static int
ctl_commit(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);
	int error;

	(void)now;
	if (tx == NULL)
		return EINVAL;
	error = pf_commit(nk, &tx->tx_set);
	txn_end(tx);
	return error == 0 ? 0 : refuse(re, error, "out of memory");
}

static int
ctl_abort(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_txn *tx = txn_need(nk, rq, re);

	(void)now;
	if (tx == NULL)
		return EINVAL;
	txn_end(tx);
	return 0;
}

static int
ctl_flush_rules(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	const struct pf_set *old = &nk->nk_pf->pf_rules->rs_set;
	struct pf_set ps;

	(void)now;
	(void)rq;
	pf_set_init(&ps);
	ps.ps_options = old->ps_options;
	ps.ps_nskip = old->ps_nskip;
	memcpy(ps.ps_skip, old->ps_skip, sizeof(ps.ps_skip));
	for (size_t i = 0; i < old->ps_ntables; i++)
		if (pf_set_table_make(&ps, pf_table_name(old->ps_table[i]),
		    pf_table_flags(old->ps_table[i]) | PF_TABLE_KEEP) == NULL) {
			pf_set_free(&ps);
			return refuse(re, ENOMEM, "out of memory");
		}
	return pf_commit(nk, &ps) == 0 ? 0 : refuse(re, ENOMEM, "out of memory");
}

/* ---- rules, labels ---- */

static void
live_counts(void *arg, struct flow *fl)
{
	struct pf_rule_count *rc = arg;
	const struct pf *pf = fl->fl_owner->w_nk->nk_pf;

	if (fl->fl_ruleset != pf->pf_serial)
		return;
	for (unsigned i = 0; i < 4; i++) {
		const struct flow_dir *fd = &fl->fl_dir[i / 2];
		uint32_t rule = fl->fl_rule[i / 2][i % 2];

		if (rule == 0 || rule > pf->pf_rules->rs_n)
			continue;
		rc[rule - 1].rc_packets[i % 2] += fd->fd_packets;
		rc[rule - 1].rc_bytes[i % 2] += fd->fd_bytes;
	}
}

/* Counters of all rules, with what living states have to add; NULL: no memory. */
static struct pf_rule_count *
all_counts(struct nk *nk)
{
	const struct pf_ruleset *rs;
	struct pf_rule_count *rc;

	nk_stop_workers(nk);
	rs = nk->nk_pf->pf_rules;
	rc = calloc(rs->rs_n + 1u, sizeof(*rc));
	if (rc != NULL) {
		memcpy(rc, rs->rs_count, rs->rs_n * sizeof(*rc));
		for (unsigned i = 0; i < nk->nk_nworkers; i++)
			flow_walk(nk->nk_worker[i], live_counts, rc);
	}
	nk_start_workers(nk);
	return rc;
}

static struct pf_counts
counts_of(const struct pf_ruleset *rs, const struct pf_rule_count *rc, uint32_t i)
{
	return (struct pf_counts){ .pc_evals = rs->rs_evals[i],
	    .pc_packets = { rc[i].rc_packets[0], rc[i].rc_packets[1] },
	    .pc_bytes = { rc[i].rc_bytes[0], rc[i].rc_bytes[1] },
	    .pc_states = rc[i].rc_states, .pc_created = rc[i].rc_created };
}

static int
ctl_rules(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_rule_count *rc = all_counts(nk);
	const struct pf_ruleset *rs = nk->nk_pf->pf_rules;
	int error = 0;

	(void)now;
	(void)rq;
	if (rc == NULL)
		return refuse(re, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < rs->rs_n && error == 0; i++) {
		struct pf_rule_info ri = { .ri_rule = rs->rs_set.ps_rule[i], .ri_nr = i,
		    .ri_counts = counts_of(rs, rc, i) };

		error = re->cr_put(re, &ri, sizeof(ri));
	}
	free(rc);
	return error;
}

static int
ctl_labels(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_rule_count *rc = all_counts(nk);
	const struct pf_ruleset *rs = nk->nk_pf->pf_rules;
	int error = 0;

	(void)now;
	(void)rq;
	if (rc == NULL)
		return refuse(re, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < rs->rs_n && error == 0; i++) {
		struct pf_label_info li = { .li_counts = counts_of(rs, rc, i) };

		if (rs->rs_set.ps_rule[i].pr_label[0] == '\0')
			continue;
		memcpy(li.li_label, rs->rs_set.ps_rule[i].pr_label, sizeof(li.li_label));
		error = re->cr_put(re, &li, sizeof(li));
	}
	free(rc);
	return error;
}

static int
ctl_clear(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_ruleset *rs = nk->nk_pf->pf_rules;

	(void)now;
	(void)rq;
	(void)re;
	for (uint32_t i = 0; i < rs->rs_n; i++) {
		uint64_t states = rs->rs_count[i].rc_states;

		memset(&rs->rs_count[i], 0, sizeof(rs->rs_count[i]));
		rs->rs_count[i].rc_states = states;
		rs->rs_evals[i] = 0;
	}
	return 0;
}

/* ---- states ---- */

struct collect {
	struct nk		*co_nk;
	struct clock_now	 co_now;
	struct pf_state_info	*co_si;
	size_t			 co_n, co_cap;
};

static uint32_t
seconds(uint64_t from, uint64_t to)
{
	return to > from ? (uint32_t)((to - from) / NSEC_PER_SEC) : 0;
}

static void
state_describe(struct nk *nk, struct clock_now now, const struct flow *fl,
    struct pf_state_info *si)
{
	const struct flow_key *k = &fl->fl_key[0];
	uint64_t end = flow_end_ns(fl->fl_owner->w_flows, fl);

	memset(si, 0, sizeof(*si));
	si->si_src.ad_af = si->si_dst.ad_af = k->fk_af;
	memcpy(si->si_src.ad_bytes, k->fk_srcb, sizeof(k->fk_srcb));
	memcpy(si->si_dst.ad_bytes, k->fk_dstb, sizeof(k->fk_dstb));
	si->si_sport = ntohs(k->fk_sport);
	si->si_dport = ntohs(k->fk_dport);
	si->si_proto = k->fk_proto;
	si->si_local = fl->fl_dir[0].fd_local_out ? 1 :
	    fl->fl_dir[0].fd_next == PKT_NEXT_LOCAL ? 2 : 0;
	si->si_worker = (uint16_t)fl->fl_owner->w_id;
	si->si_rule_in = fl->fl_rule[0][0];
	si->si_rule_out = fl->fl_rule[0][1];
	si->si_age_s = seconds(fl->fl_created_ns, now.now_ns);
	si->si_expires_s = seconds(now.now_ns, end);
	si->si_id = fl->fl_id;
	for (unsigned i = 0; i < 2; i++) {
		si->si_peer[i] = fl->fl_peer[i].fp_state;
		si->si_protected[i] = fl->fl_dir[i].fd_next == PKT_NEXT_PROTECT;
		si->si_came[i] = fl->fl_dir[i].fd_came_id != 0;
		si->si_seqlo[i] = fl->fl_peer[i].fp_seqlo;
		si->si_seqhi[i] = fl->fl_peer[i].fp_seqhi;
		si->si_wscale[i] = fl->fl_peer[i].fp_wscale > 14 ? 0 : fl->fl_peer[i].fp_wscale;
		si->si_packets[i] = fl->fl_dir[i].fd_packets;
		si->si_bytes[i] = fl->fl_dir[i].fd_bytes;
	}
	if (fl->fl_ifp != NULL)
		memcpy(si->si_ifname, fl->fl_ifp->if_name, sizeof(si->si_ifname) - 1);
	(void)snprintf(si->si_tag, sizeof(si->si_tag), "%s", pf_tag_name(nk, fl->fl_tag));
}

static void
collect_one(void *arg, struct flow *fl)
{
	struct collect *co = arg;

	if ((fl->fl_flags & FL_KEEP) && co->co_n < co->co_cap)
		state_describe(co->co_nk, co->co_now, fl, &co->co_si[co->co_n++]);
}

static int
ctl_states(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct collect co = { .co_nk = nk, .co_now = now };
	size_t each = cur_left(&rq->cq_body) != 0 ? PF_MSG_STATES : 1;
	int error = 0;

	nk_stop_workers(nk);
	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		co.co_cap += flow_count(nk->nk_worker[i]);
	co.co_si = calloc(co.co_cap + 1, sizeof(*co.co_si));
	for (unsigned i = 0; co.co_si != NULL && i < nk->nk_nworkers; i++)
		flow_walk(nk->nk_worker[i], collect_one, &co);
	nk_start_workers(nk);
	if (co.co_si == NULL)
		return refuse(re, ENOMEM, "out of memory");
	for (size_t i = 0; i < co.co_n && error == 0; i += each) {
		size_t n = co.co_n - i < each ? co.co_n - i : each;

		error = re->cr_put(re, &co.co_si[i], n * sizeof(co.co_si[i]));
	}
	free(co.co_si);
	return error;
}

struct killing {
	struct worker	*ki_worker;
	struct pf_kill	 ki_what;
	uint64_t	 ki_n;
};

static bool
label_is(const struct pf *pf, uint32_t rule, const char *label)
{
	return rule != 0 && rule <= pf->pf_rules->rs_n &&
	    strcmp(pf->pf_rules->rs_set.ps_rule[rule - 1].pr_label, label) == 0;
}

static bool
kill_matches(const struct pf *pf, const struct pf_kill *pk, const struct flow *fl)
{
	struct addr a = { .ad_af = fl->fl_key[0].fk_af }, b = a;

	memcpy(a.ad_bytes, fl->fl_key[0].fk_srcb, sizeof(a.ad_bytes));
	memcpy(b.ad_bytes, fl->fl_key[0].fk_dstb, sizeof(b.ad_bytes));
	if (pk->pk_src.pr_addr.ad_af != 0 && !prefix_match(&pk->pk_src, &a))
		return false;
	if (pk->pk_dst.pr_addr.ad_af != 0 && !prefix_match(&pk->pk_dst, &b))
		return false;
	if (pk->pk_id != 0 && pk->pk_id != fl->fl_id)
		return false;
	return pk->pk_label[0] == '\0' || (fl->fl_ruleset == pf->pf_serial &&
	    (label_is(pf, fl->fl_rule[0][0], pk->pk_label) ||
	    label_is(pf, fl->fl_rule[0][1], pk->pk_label)));
}

static void
kill_one(void *arg, struct flow *fl)
{
	struct killing *ki = arg;

	if (!kill_matches(ki->ki_worker->w_nk->nk_pf, &ki->ki_what, fl))
		return;
	ki->ki_n += (fl->fl_flags & FL_KEEP) != 0;
	flow_remove(ki->ki_worker, fl);
}

static int
kill_states(struct nk *nk, const struct pf_kill *pk, struct ctl_reply *re)
{
	struct killing ki = { .ki_what = *pk };
	struct pf_number pn;

	nk_stop_workers(nk);
	for (unsigned i = 0; i < nk->nk_nworkers; i++) {
		ki.ki_worker = nk->nk_worker[i];
		flow_walk(ki.ki_worker, kill_one, &ki);
	}
	nk_start_workers(nk);
	pn.pn_value = ki.ki_n;
	return re->cr_put(re, &pn, sizeof(pn));
}

static bool
prefix_ok(const struct prefix *p)
{
	return p->pr_addr.ad_af == 0 ||
	    ((p->pr_addr.ad_af == AF_INET || p->pr_addr.ad_af == AF_INET6) &&
	    p->pr_len <= addr_bits(&p->pr_addr));
}

static int
ctl_kill(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_kill pk;

	(void)now;
	(void)cur_copy(&rq->cq_body, &pk, sizeof(pk));
	if (!prefix_ok(&pk.pk_src) || !prefix_ok(&pk.pk_dst) ||
	    memchr(pk.pk_label, '\0', sizeof(pk.pk_label)) == NULL)
		return refuse(re, EINVAL, "malformed address or label");
	return kill_states(nk, &pk, re);
}

static int
ctl_flush_states(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_kill all = { 0 };

	(void)now;
	(void)rq;
	return kill_states(nk, &all, re);
}

/* ---- status ---- */

static void
info_workers(struct nk *nk, struct pf_info *in)
{
	for (unsigned i = 0; i < nk->nk_nworkers; i++) {
		struct worker *w = nk->nk_worker[i];

		in->in_states += flow_count(w);
		in->in_capacity += flow_capacity(w);
		in->in_searches += counter_get(&w->w_count[CNT_FLOW_HIT]) +
		    counter_get(&w->w_count[CNT_FLOW_MISS]) +
		    counter_get(&w->w_count[CNT_FLOW_REFILL]);
		in->in_inserts += counter_get(&w->w_count[CNT_STATE_NEW]);
		in->in_removals += counter_get(&w->w_count[CNT_STATE_END]);
		in->in_default += counter_get(&w->w_count[CNT_PF_DEFAULT]);
		in->in_short += counter_get(&w->w_drop[DROP_PF_SHORT]);
		in->in_state_limit += counter_get(&w->w_drop[DROP_PF_STATE_LIMIT]);
		in->in_window += counter_get(&w->w_drop[DROP_PF_TCP_WINDOW]);
		in->in_icmp_state += counter_get(&w->w_drop[DROP_PF_ICMP_STATE]);
	}
}

static int
ctl_info(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	const struct pf *pf = nk->nk_pf;
	struct pf_info in = { 0 };

	(void)rq;
	in.in_enabled = pf->pf_enabled;
	in.in_since_s = (now.now_ns - pf->pf_since_ns) / NSEC_PER_SEC;
	in.in_options = pf->pf_rules->rs_set.ps_options;
	in.in_limit = in.in_options.po_limit_states;
	in.in_match = pf->pf_matches;
	in.in_rules = pf->pf_rules->rs_n;
	in.in_tables = pf->pf_rules->rs_set.ps_ntables;
	in.in_serial = pf->pf_serial;
	info_workers(nk, &in);
	if (in.in_limit == 0 || in.in_limit > in.in_capacity)
		in.in_limit = in.in_capacity;
	return re->cr_put(re, &in, sizeof(in));
}

static int
ctl_enable(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf *pf = nk->nk_pf;
	struct pf_number pn;

	(void)cur_copy(&rq->cq_body, &pn, sizeof(pn));
	if (pn.pn_value > 1)
		return refuse(re, EINVAL, "neither 1 nor 0");
	if (pf->pf_enabled == (pn.pn_value == 1))
		return refuse(re, EEXIST, pn.pn_value ? "pf already enabled" : "pf not enabled");
	pf->pf_enabled = pn.pn_value == 1;
	pf->pf_since_ns = now.now_ns;
	nk_bump(nk);		/* what keeps no state asks again */
	return 0;
}

/* ---- tables ---- */

static uint32_t
table_rules(const struct pf_set *ps, const char *name)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ps->ps_nrules; i++) {
		const struct pf_rule *r = &ps->ps_rule[i];

		n += (r->pr_src.pa_type == PF_ADDR_TABLE && strcmp(r->pr_src.pa_name, name) == 0) ||
		    (r->pr_dst.pa_type == PF_ADDR_TABLE && strcmp(r->pr_dst.pa_name, name) == 0);
	}
	return n;
}

static int
ctl_tables(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	const struct pf_set *ps = &nk->nk_pf->pf_rules->rs_set;
	int error = 0;

	(void)now;
	(void)rq;
	for (size_t i = 0; i < ps->ps_ntables && error == 0; i++) {
		const struct pf_table *t = ps->ps_table[i];
		const struct pf_table_entry *e;
		struct pf_table_info ti = { .ti_flags = pf_table_flags(t) & ~PF_TABLE_KEEP,
		    .ti_rules = table_rules(ps, pf_table_name(t)),
		    .ti_entries = pf_table_entries(t, &e) };

		memcpy(ti.ti_name, pf_table_name(t), sizeof(ti.ti_name));
		error = re->cr_put(re, &ti, sizeof(ti));
	}
	return error;
}

/* The table that a request names, for a change; -T add makes it, as on OpenBSD. */
static int
table_open(struct nk *nk, struct ctl_request *rq, struct ctl_reply *re, bool make,
    struct pf_table_msg *pm, struct pf_table_entry **e, struct pf_table **t)
{
	struct pf_set *ps = &nk->nk_pf->pf_rules->rs_set;

	if (!table_msg(&rq->cq_body, pm, e))
		return refuse(re, EINVAL, "malformed table");
	*t = make ? pf_set_table_make(ps, pm->pm_name, PF_TABLE_PERSIST) :
	    pf_set_table(ps, pm->pm_name);
	if (*t != NULL && (pf_table_flags(*t) & PF_TABLE_CONST) == 0)
		return 0;
	free(*e);
	if (*t != NULL)
		return refuse(re, EPERM, "the table is const");
	return make ? refuse(re, ENOSPC, "too many tables") :
	    refuse(re, ENOENT, "no such table");
}

static int
table_done(struct nk *nk, struct pf_table *t, int error, uint64_t n, struct ctl_reply *re)
{
	struct pf_number pn = { .pn_value = n };

	if (error == 0)
		error = pf_table_compile(t);
	if (error != 0)
		return refuse(re, error, error == ENOSPC ? "too many addresses" : "out of memory");
	nk_bump(nk);
	return re->cr_put(re, &pn, sizeof(pn));
}

static int
ctl_table_add(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_table_msg pm;
	struct pf_table_entry *e;
	struct pf_table *t;
	size_t n = 0;
	int error;

	(void)now;
	error = table_open(nk, rq, re, true, &pm, &e, &t);
	if (error != 0)
		return error;
	if (pm.pm_flags & PF_TABLE_REPLACE)
		pf_table_clear(t);
	error = pf_table_add(t, e, pm.pm_n, &n);
	free(e);
	return table_done(nk, t, error, n, re);
}

static int
ctl_table_del(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_table_msg pm;
	struct pf_table_entry *e;
	struct pf_table *t;
	size_t n;
	int error = table_open(nk, rq, re, false, &pm, &e, &t);

	(void)now;
	if (error != 0)
		return error;
	n = pf_table_delete(t, e, pm.pm_n);
	free(e);
	return table_done(nk, t, 0, n, re);
}

static int
ctl_table_test(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_table_msg pm;
	struct pf_table_entry *e;
	const struct pf_table *t;
	struct pf_number pn = { 0 };

	(void)now;
	if (!table_msg(&rq->cq_body, &pm, &e))
		return refuse(re, EINVAL, "malformed table");
	t = pf_set_table(&nk->nk_pf->pf_rules->rs_set, pm.pm_name);
	for (uint32_t i = 0; t != NULL && i < pm.pm_n; i++)
		pn.pn_value += pf_table_match4(t, ntohl(e[i].pe_prefix.pr_addr.ad_v4.s_addr));
	free(e);
	return t == NULL ? refuse(re, ENOENT, "no such table") : re->cr_put(re, &pn, sizeof(pn));
}

static int
ctl_table_show(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *re)
{
	struct pf_name pn;
	const struct pf_table_entry *e;
	const struct pf_table *t;
	size_t n;
	int error = 0;

	(void)now;
	(void)cur_copy(&rq->cq_body, &pn, sizeof(pn));
	if (!pf_name_ok(pn.pn_name, sizeof(pn.pn_name)))
		return refuse(re, EINVAL, "malformed table name");
	t = pf_set_table(&nk->nk_pf->pf_rules->rs_set, pn.pn_name);
	if (t == NULL)
		return refuse(re, ENOENT, "no such table");
	n = pf_table_entries(t, &e);
	for (size_t i = 0; i < n && error == 0; i++)
		error = re->cr_put(re, &e[i], sizeof(e[i]));
	return error;
}

/* ---- the table of operations ---- */

#define ENTRIES(n)	(sizeof(struct pf_table_msg) + (n) * sizeof(struct pf_table_entry))

static const struct ctl_entry entries[] = {
	/* operation		  privileged	least, most */
	{ CTL_PF_BEGIN,		  true,	 0, 0, ctl_begin },
	{ CTL_PF_RULE,		  true,	 sizeof(struct pf_rule), sizeof(struct pf_rule), ctl_rule },
	{ CTL_PF_TABLE,		  true,	 ENTRIES(0), ENTRIES(PF_MSG_ENTRIES), ctl_table },
	{ CTL_PF_SKIP,		  true,	 sizeof(struct pf_name), sizeof(struct pf_name), ctl_skip },
	{ CTL_PF_OPTIONS,	  true,	 sizeof(struct pf_options), sizeof(struct pf_options), ctl_options },
	{ CTL_PF_COMMIT,	  true,	 0, 0, ctl_commit },
	{ CTL_PF_ABORT,		  true,	 0, 0, ctl_abort },
	{ CTL_PF_RULES,		  false, 0, 0, ctl_rules },
	{ CTL_PF_STATES,	  false, 0, sizeof(struct pf_number), ctl_states },
	{ CTL_PF_TABLES,	  false, 0, 0, ctl_tables },
	{ CTL_PF_INFO,		  false, 0, 0, ctl_info },
	{ CTL_PF_LABELS,	  false, 0, 0, ctl_labels },
	{ CTL_PF_FLUSH_STATES,	  true,	 0, 0, ctl_flush_states },
	{ CTL_PF_FLUSH_RULES,	  true,	 0, 0, ctl_flush_rules },
	{ CTL_PF_CLEAR_COUNTERS,  true,	 0, 0, ctl_clear },
	{ CTL_PF_KILL,		  true,	 sizeof(struct pf_kill), sizeof(struct pf_kill), ctl_kill },
	{ CTL_PF_ENABLE,	  true,	 sizeof(struct pf_number), sizeof(struct pf_number), ctl_enable },
	{ CTL_PF_TABLE_ADD,	  true,	 ENTRIES(0), ENTRIES(PF_MSG_ENTRIES), ctl_table_add },
	{ CTL_PF_TABLE_DEL,	  true,	 ENTRIES(0), ENTRIES(PF_MSG_ENTRIES), ctl_table_del },
	{ CTL_PF_TABLE_TEST,	  false, ENTRIES(0), ENTRIES(PF_MSG_ENTRIES), ctl_table_test },
	{ CTL_PF_TABLE_SHOW,	  false, sizeof(struct pf_name), sizeof(struct pf_name), ctl_table_show },
	{ 0 }
};

int
pf_ctl_init(struct nk *nk)
{
	return ctl_register(nk, entries) != 0 || explain_init(nk) != 0 ||
	    ctl_register_close(nk, pf_client_gone) != 0 ? ENOMEM : 0;
}

void
pf_ctl_fini(struct nk *nk)
{
	for (unsigned i = 0; i < PF_TXNS_MAX; i++)
		if (nk->nk_pf->pf_txn[i].tx_open)
			txn_end(&nk->nk_pf->pf_txn[i]);
}
