/* SPDX-License-Identifier: ISC */
/*
 * The filter's state in a network kernel: the ruleset in force, counters,
 * tags.  A new ruleset is built aside and takes the place of the old one in
 * one assignment under nk_lock; slow paths read it under the same lock, and
 * no fast path reads it at all.  States survive it, with their own record
 * of which rules made them; the counters of rules that are gone go too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pf/explain.h"
#include "pf/flow.h"
#include "pf/pf.h"

int
pf_init(struct nk *nk)
{
	struct pf *pf = calloc(1, sizeof(*pf));
	struct pf_set empty;

	if (pf == NULL)
		return ENOMEM;
	pf_set_init(&empty);
	pf->pf_enabled = true;
	pf->pf_since_ns = nk->nk_worker[0]->w_now.now_ns;
	pf->pf_serial = 1;
	pf->pf_rules = pf_ruleset_new(&empty, &pf->pf_tags, nk->nk_ifs);
	nk->nk_pf = pf;
	if (pf->pf_rules == NULL || pf_ctl_init(nk) != 0) {
		pf_fini(nk);
		return ENOMEM;
	}
	pf->pf_rules->rs_serial = pf->pf_serial;
	pf->pf_options = pf->pf_rules->rs_set.ps_options;
	return 0;
}

void
pf_fini(struct nk *nk)
{
	struct pf *pf = nk->nk_pf;

	if (pf == NULL)
		return;
	pf_ctl_fini(nk);
	pf_ruleset_free(pf->pf_rules);
	free(pf->pf_tags.pt_name);
	free(pf);
	nk->nk_pf = NULL;
}

const struct pf_ruleset *
pf_active(struct nk *nk)
{
	return nk->nk_pf->pf_rules;
}

const struct pf_options *
pf_options(const struct nk *nk)
{
	return &nk->nk_pf->pf_options;
}

uint32_t
pf_serial(const struct nk *nk)
{
	return nk->nk_pf->pf_serial;
}

const char *
pf_tag_name(const struct nk *nk, uint16_t tag)
{
	const struct pf_tags *pt = &nk->nk_pf->pf_tags;

	return tag == 0 || tag > pt->pt_n ? "" : pt->pt_name[tag - 1];
}

bool
pf_rolls_dice(const struct nk *nk)
{
	return nk->nk_pf->pf_rules->rs_random;
}

bool
pf_filters(const struct nk *nk, const struct ifnet *ifp)
{
	const struct pf_set *ps = &nk->nk_pf->pf_rules->rs_set;

	if (!nk->nk_pf->pf_enabled)
		return false;
	for (size_t i = 0; i < ps->ps_nskip; i++)
		if (strncmp(ps->ps_skip[i], ifp->if_name, IFNAME_MAX) == 0 ||
		    strncmp(ps->ps_skip[i], ifp->if_group, IFNAME_MAX) == 0)
			return false;
	return true;
}

void
pf_ask(struct nk *nk, const struct pf_pdesc *pd, struct pf_verdict *pv)
{
	struct pf_ruleset *rs = nk->nk_pf->pf_rules;

	if (nk->nk_explain != NULL) {
		pf_test(rs, pd, pv);
		explain_rule(nk, pd, pv);
		return;
	}
	nk->nk_pf->pf_matches++;
	pf_walk(rs, pd, pv, rs->rs_evals);
}

/* ---- counters ---- */

static struct pf_rule_count *
rule_count(struct nk *nk, uint32_t rule)
{
	struct pf_ruleset *rs = nk->nk_pf->pf_rules;

	return rule == 0 || rule > rs->rs_n ? NULL : &rs->rs_count[rule - 1];
}

static void
rule_add(struct nk *nk, uint32_t rule, bool out, uint64_t packets, uint64_t bytes)
{
	struct pf_rule_count *rc = rule_count(nk, rule);

	if (rc == NULL)
		return;
	rc->rc_packets[out] += packets;
	rc->rc_bytes[out] += bytes;
}

void
pf_count(struct nk *nk, enum pf_dir dir, const struct pf_verdict *pv, uint64_t packets,
    uint64_t bytes)
{
	if (nk->nk_explain == NULL)
		rule_add(nk, pv->pv_rule, dir == PF_OUT, packets, bytes);
}

static void
account_states(struct nk *nk, uint32_t rule, int change)
{
	struct pf_rule_count *rc = rule_count(nk, rule);

	if (rc == NULL)
		return;
	rc->rc_states += (uint64_t)(int64_t)change;
	if (change > 0)
		rc->rc_created++;
}

void
pf_state_account(struct nk *nk, const struct flow *fl, int change)
{
	if (fl->fl_ruleset != nk->nk_pf->pf_serial || nk->nk_explain != NULL)
		return;
	for (unsigned side = 0; side < 2; side++)
		if (fl->fl_flags & FL_KEEPS(side))
			account_states(nk, fl->fl_rule[0][side], change);
	if (change > 0)
		return;
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned out = 0; out < 2; out++)
			rule_add(nk, fl->fl_rule[dir][out], out != 0,
			    fl->fl_dir[dir].fd_packets, fl->fl_dir[dir].fd_bytes);
}

/* ---- publishing ---- */

static bool
table_named(const struct pf_set *ps, const char *name)
{
	for (size_t i = 0; i < ps->ps_nrules; i++) {
		const struct pf_rule *r = &ps->ps_rule[i];

		if ((r->pr_src.pa_type == PF_ADDR_TABLE && strcmp(r->pr_src.pa_name, name) == 0) ||
		    (r->pr_dst.pa_type == PF_ADDR_TABLE && strcmp(r->pr_dst.pa_name, name) == 0))
			return true;
	}
	return false;
}

/*
 * Tables that the new set leaves out but that persist or that its rules name,
 * and those that it defines without saying what they hold, keep what they had.
 */
static int
carry_tables(const struct pf_set *old, struct pf_set *ps)
{
	for (size_t i = 0; i < old->ps_ntables; i++) {
		const struct pf_table *from = old->ps_table[i];
		const char *name = pf_table_name(from);
		uint32_t flags = pf_table_flags(from);
		const struct pf_table_entry *e;
		struct pf_table *to = pf_set_table(ps, name);
		size_t n = pf_table_entries(from, &e), added;

		if (to == NULL && (flags & PF_TABLE_PERSIST) == 0 && !table_named(ps, name))
			continue;
		if (to != NULL && (pf_table_flags(to) & PF_TABLE_KEEP) == 0)
			continue;
		if (to == NULL)
			to = pf_set_table_make(ps, name, flags);
		if (to == NULL || pf_table_add(to, e, n, &added) != 0)
			return ENOMEM;
	}
	return 0;
}

/* Tables that do not persist go when no rule names them. */
static void
drop_tables(struct pf_set *ps)
{
	size_t n = 0;

	for (size_t i = 0; i < ps->ps_ntables; i++) {
		struct pf_table *t = ps->ps_table[i];

		if ((pf_table_flags(t) & PF_TABLE_PERSIST) || table_named(ps, pf_table_name(t)))
			ps->ps_table[n++] = t;
		else
			pf_table_free(t);
	}
	ps->ps_ntables = n;
}

int
pf_commit(struct nk *nk, struct pf_set *ps)
{
	struct pf *pf = nk->nk_pf;
	struct pf_ruleset *rs, *old = pf->pf_rules;

	if (carry_tables(&old->rs_set, ps) != 0) {
		pf_set_free(ps);
		return ENOMEM;
	}
	drop_tables(ps);
	rs = pf_ruleset_new(ps, &pf->pf_tags, nk->nk_ifs);
	if (rs == NULL)
		return ENOMEM;
	rs->rs_serial = ++pf->pf_serial;
	pf->pf_rules = rs;
	pf->pf_options = rs->rs_set.ps_options;
	pf_ruleset_free(old);
	/* what keeps no state asks the new rules */
	nk_bump(nk);
	return 0;
}
