/* SPDX-License-Identifier: ISC */
/*
 * Which chunks of a revision a new policy still consists of (chunk.h).
 *
 * The new rules are walked in order.  Where the rules of a chunk stand, all
 * of them and in its order, it is taken whole; what stands between becomes
 * new chunks.  Usually the next chunk follows the last one; after rules that
 * are in no chunk, the next is found by its first rule.  A few new rules
 * beside a chunk are joined with it, lest chunks become ever smaller.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/chunk.h"
#include "libpolicy/hash.h"
#include "libpolicy/parse.h"

/* A chunk of the base, and where its rules are there. */
struct piece {
	const struct chunk	*pi_chunk;
	size_t			 pi_from;
	bool			 pi_taken;
};

struct planner {
	const struct policy	*pn_base;
	struct policy		*pn_pol;
	struct chunk_plan	*pn_plan;
	struct piece		*pn_piece;
	size_t			 pn_n;
	size_t			*pn_table;	/* of pieces + 1 by their first rule; 0 free */
	size_t			 pn_mask;
};

static bool
same_rule(const struct planner *pn, enum rule_kind kind, size_t old, size_t new)
{
	const struct policy *a = pn->pn_base, *b = pn->pn_pol;

	switch (kind) {
	case RULE_FLOW:
		return policy_flow_equal(&a->pol_flows[old], &b->pol_flows[new]);
	case RULE_SA:
		return policy_sa_equal(&a->pol_sas[old], &b->pol_sas[new]);
	case RULE_IKE:
		return policy_ike_equal(&a->pol_ikes[old], &b->pol_ikes[new]);
	default:
		return false;
	}
}

/* Of what makes a rule the one it is; equal rules have equal ones. */
static uint64_t
hash_rule(const struct policy *pol, enum rule_kind kind, size_t i)
{
	switch (kind) {
	case RULE_FLOW:
		return hash_bytes((uint64_t)pol->pol_flows[i].fl_dir,
		    &pol->pol_flows[i].fl_sel, sizeof(pol->pol_flows[i].fl_sel));
	case RULE_SA:
		return hash_bytes(pol->pol_sas[i].sa_spi, &pol->pol_sas[i].sa_dst.ad_bytes,
		    sizeof(pol->pol_sas[i].sa_dst.ad_bytes));
	default:
		return hash_bytes(7, pol->pol_ikes[i].ik_name,
		    strlen(pol->pol_ikes[i].ik_name));
	}
}

static bool
planner_init(struct planner *pn, const struct policy_held *base)
{
	size_t at[RULE_KINDS] = { 0 }, cap = 16;

	while (cap < base->ph_chunks.cs_n * 2)
		cap *= 2;
	pn->pn_base = &base->ph_policy;
	pn->pn_mask = cap - 1;
	pn->pn_piece = calloc(base->ph_chunks.cs_n + 1, sizeof(*pn->pn_piece));
	pn->pn_table = calloc(cap, sizeof(*pn->pn_table));
	if (pn->pn_piece == NULL || pn->pn_table == NULL)
		return false;
	for (size_t i = 0; i < base->ph_chunks.cs_n; i++) {
		const struct chunk *ch = &base->ph_chunks.cs_v[i];
		size_t slot;

		if (ch->ch_kind == RULE_SET)
			continue;
		slot = hash_rule(pn->pn_base, ch->ch_kind, at[ch->ch_kind]) &
		    pn->pn_mask;
		while (pn->pn_table[slot] != 0)
			slot = (slot + 1) & pn->pn_mask;
		pn->pn_piece[pn->pn_n] = (struct piece){ ch, at[ch->ch_kind],
		    false };
		pn->pn_table[slot] = ++pn->pn_n;
		at[ch->ch_kind] += ch->ch_rules;
	}
	return true;
}

/* New rules behind a small chunk take its rules along. */
static struct plan_step
with_last(struct chunk_plan *cp, struct plan_step step)
{
	const struct plan_step *last;

	if (step.pl_chunk != NULL || cp->cp_n == 0)
		return step;
	last = &cp->cp_v[cp->cp_n - 1];
	if (last->pl_chunk == NULL || last->pl_kind != step.pl_kind || last->pl_part != step.pl_part ||
	    last->pl_chunk->ch_len >= CHUNK_BYTES / 2)
		return step;
	step.pl_from = last->pl_from;
	cp->cp_n--;
	return step;
}

static bool
add_step(struct planner *pn, const struct plan_step *step)
{
	struct chunk_plan *cp = pn->pn_plan;
	struct plan_step *v, it;

	if (step->pl_from == step->pl_to)
		return true;
	it = with_last(cp, *step);
	v = cp->cp_v;
	if ((cp->cp_n & (cp->cp_n - 1)) == 0) {
		v = reallocarray(v, cp->cp_n == 0 ? 1 : 2 * cp->cp_n,
		    sizeof(*v));
		if (v == NULL)
			return false;
		cp->cp_v = v;
	}
	v[cp->cp_n++] = it;
	return true;
}

/* Do the rules of the piece stand at `at`? */
static bool
piece_stands(const struct planner *pn, const struct piece *pi,
    const struct plan_step *se, size_t at)
{
	const struct chunk *ch = pi->pi_chunk;

	if (pi->pi_taken || ch->ch_kind != se->pl_kind ||
	    ch->ch_part != se->pl_part || ch->ch_rules > se->pl_to - at)
		return false;
	for (size_t i = 0; i < ch->ch_rules; i++) {
		if (!same_rule(pn, ch->ch_kind, pi->pi_from + i, at + i))
			return false;
	}
	return true;
}

/* The piece that stands at `at`, first of all the one after the last. */
static struct piece *
piece_at(struct planner *pn, const struct piece *last,
    const struct plan_step *se, size_t at)
{
	size_t next = last != NULL ? (size_t)(last - pn->pn_piece) + 1 : 0;
	size_t slot, i;

	if (next < pn->pn_n && piece_stands(pn, &pn->pn_piece[next], se, at))
		return &pn->pn_piece[next];
	slot = hash_rule(pn->pn_pol, se->pl_kind, at) & pn->pn_mask;
	for (; (i = pn->pn_table[slot]) != 0; slot = (slot + 1) & pn->pn_mask) {
		if (piece_stands(pn, &pn->pn_piece[i - 1], se, at))
			return &pn->pn_piece[i - 1];
	}
	return NULL;
}

/* The numbers of the keys, which the rules of a text do not have. */
static void
take_keys(struct planner *pn, const struct piece *pi, size_t at)
{
	const struct chunk *ch = pi->pi_chunk;

	for (size_t i = 0; i < ch->ch_rules; i++) {
		size_t o = pi->pi_from + i, n = at + i;

		if (ch->ch_kind == RULE_SA) {
			pn->pn_pol->pol_sas[n].sa_enckey.pk_id =
			    pn->pn_base->pol_sas[o].sa_enckey.pk_id;
			pn->pn_pol->pol_sas[n].sa_authkey.pk_id =
			    pn->pn_base->pol_sas[o].sa_authkey.pk_id;
		} else if (ch->ch_kind == RULE_IKE) {
			pn->pn_pol->pol_ikes[n].ik_psk.pk_id =
			    pn->pn_base->pol_ikes[o].ik_psk.pk_id;
		}
	}
}

/* Few new rules before a chunk that is not too large: they join. */
static bool
joins(const struct plan_step *gap, size_t at, const struct chunk *ch)
{
	size_t n = at - gap->pl_from;

	return n != 0 && n < ch->ch_rules / 4 && ch->ch_len <
	    CHUNK_BYTES + CHUNK_BYTES / 2;
}

/* The rules of one kind and one part. */
static bool
plan_section(struct planner *pn, const struct plan_step *se)
{
	struct plan_step gap = *se;
	struct piece *last = NULL, *pi;
	size_t at = se->pl_from;

	while (at < se->pl_to) {
		if (pn->pn_n == 0 ||
		    (pi = piece_at(pn, last, se, at)) == NULL) {
			at++;
			continue;
		}
		take_keys(pn, pi, at);
		pi->pi_taken = true;
		last = pi;
		gap.pl_to = at;
		at += pi->pi_chunk->ch_rules;
		if (joins(&gap, gap.pl_to, pi->pi_chunk))
			continue;
		if (!add_step(pn, &gap) || !add_step(pn, &(struct plan_step){
		    pi->pi_chunk, se->pl_kind, se->pl_part, gap.pl_to, at }))
			return false;
		gap.pl_from = at;
	}
	gap.pl_to = at;
	return add_step(pn, &gap);
}

bool
chunk_plan(struct chunk_plan *cp, const struct policy_held *base,
    struct policy *pol)
{
	const struct policy_split *sp = &pol->pol_split;
	const struct { enum rule_kind kind; size_t split, n; } all[] = {
		{ RULE_FLOW, sp->sp_flows, pol->pol_nflows },
		{ RULE_SA, sp->sp_sas, pol->pol_nsas },
		{ RULE_IKE, sp->sp_ikes, pol->pol_nikes },
	};
	struct planner pn = { .pn_pol = pol, .pn_plan = cp };
	bool ok = base == NULL || planner_init(&pn, base);

	*cp = (struct chunk_plan){ NULL, 0 };
	for (size_t i = 0; ok && i < sizeof(all) / sizeof(all[0]); i++) {
		size_t split = all[i].split < all[i].n ? all[i].split :
		    all[i].n;
		struct plan_step ipsec = { NULL, all[i].kind,
		    POLICY_PART_IPSEC, 0, split };
		struct plan_step iked = { NULL, all[i].kind, POLICY_PART_IKED,
		    split, all[i].n };

		ok = plan_section(&pn, &ipsec) && plan_section(&pn, &iked);
	}
	free(pn.pn_piece);
	free(pn.pn_table);
	if (!ok)
		chunk_plan_free(cp);
	return ok;
}

void
chunk_plan_free(struct chunk_plan *cp)
{
	free(cp->cp_v);
	*cp = (struct chunk_plan){ NULL, 0 };
}
