/* SPDX-License-Identifier: ISC */
/*
 * Revisions in memory: parsed, with their keys, and with the chunks that
 * their rules stand in, by which two of them are compared (storew.h).
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/chunk.h"
#include "libpolicy/parse.h"

static struct policy_held *
held_new(uint64_t rev)
{
	struct policy_held *ph = calloc(1, sizeof(*ph));

	if (ph == NULL)
		return NULL;
	ph->ph_refs = 1;
	ph->ph_revision = rev;
	policy_init(&ph->ph_policy);
	return ph;
}

void
policy_held_release(struct policy_held *ph)
{
	if (ph == NULL || --ph->ph_refs != 0)
		return;
	policy_free(&ph->ph_policy);
	chunks_free(&ph->ph_chunks);
	free(ph);
}

void
held_forget(struct policy_store *st)
{
	policy_held_release(st->st_held);
	st->st_held = NULL;
	if (st->st_new != NULL)
		chunks_free(st->st_new);
	free(st->st_new);
	st->st_new = NULL;
}

void
held_chunks(struct policy_store *st, uint64_t rev, struct chunks *cs)
{
	if (st->st_new == NULL)
		st->st_new = calloc(1, sizeof(*st->st_new));
	else
		chunks_free(st->st_new);
	if (st->st_new == NULL) {
		chunks_free(cs);
		return;
	}
	*st->st_new = *cs;
	st->st_newrev = rev;
}

void
policy_store_keep(struct policy_store *st, uint64_t rev, struct policy *pol)
{
	struct policy_held *ph = st->st_new != NULL && st->st_newrev == rev ?
	    held_new(rev) : NULL;

	policy_held_release(st->st_held);
	st->st_held = ph;
	if (ph == NULL)
		return;				/* it is read again */
	ph->ph_policy = *pol;
	policy_init(pol);
	ph->ph_chunks = *st->st_new;
	*st->st_new = (struct chunks){ NULL, 0 };
	st->st_newrev = 0;
}

static bool
same_chunks(const struct chunks *a, const struct chunks *b)
{
	if (a->cs_n != b->cs_n)
		return false;
	for (size_t i = 0; i < a->cs_n; i++) {
		if (a->cs_v[i].ch_id != b->cs_v[i].ch_id)
			return false;
	}
	return true;
}

/* One that has these chunks: ph, if it is not NULL and has. */
static bool
held_has(struct policy_held *ph, const struct chunks *cs)
{
	return ph != NULL && !ph->ph_whole && same_chunks(&ph->ph_chunks, cs);
}

static struct policy_held *
held_load(struct policy_store *st, uint64_t rev, struct chunks *cs,
    const char **why)
{
	struct policy_held *ph = held_new(rev);
	bool ok;

	if (ph == NULL) {
		(void)store_fail(st, why, "out of memory");
		return NULL;
	}
	policy_free(&ph->ph_policy);
	if (cs != NULL)
		ok = store_load_chunks(st, cs, POLICY_LOAD_SECRETS,
		    &ph->ph_policy, why);
	else
		ok = policy_store_load(st, rev, POLICY_LOAD_SECRETS,
		    &ph->ph_policy, why);
	ph->ph_whole = cs == NULL;
	if (cs != NULL) {
		ph->ph_chunks = *cs;
		*cs = (struct chunks){ NULL, 0 };
	}
	if (ok)
		return ph;
	policy_init(&ph->ph_policy);
	policy_held_release(ph);
	return NULL;
}

struct policy_held *
policy_store_hold(struct policy_store *st, uint64_t rev,
    struct policy_held *perhaps, const char **why)
{
	struct policy_held *ph = NULL;
	struct chunks cs = { NULL, 0 };

	if (rev == 0) {
		if ((ph = held_new(0)) == NULL)
			(void)store_fail(st, why, "out of memory");
		return ph;
	}
	if (st->st_db == NULL)
		return held_load(st, rev, NULL, why);
	if (st->st_held == NULL || st->st_held->ph_revision != rev) {
		if (!chunks_list(st, rev, &cs, why))
			return NULL;
		if (!held_has(st->st_held, &cs)) {
			ph = held_has(perhaps, &cs) ? perhaps :
			    held_load(st, rev, &cs, why);
			if (ph == NULL)
				return NULL;
			ph->ph_refs += ph == perhaps;
			policy_held_release(st->st_held);
			st->st_held = ph;
		}
		chunks_free(&cs);
		st->st_held->ph_revision = rev;
	}
	st->st_held->ph_refs++;
	return st->st_held;
}

/* ---- a part of one for another ---- */

static bool
keep_rules(const struct policy *from, const struct chunk *ch, size_t at,
    struct policy *pol)
{
	bool ok = true;

	for (size_t i = at; ok && i < at + ch->ch_rules; i++) {
		struct policy_place nowhere = { 0 };

		if (ch->ch_kind == RULE_FLOW) {
			ok = policy_add_flow(pol, &from->pol_flows[i]);
			pol->pol_flows[pol->pol_nflows - 1].fl_at = nowhere;
		} else if (ch->ch_kind == RULE_SA) {
			ok = policy_add_sa(pol, &from->pol_sas[i]);
			pol->pol_sas[pol->pol_nsas - 1].sa_at = nowhere;
		} else {
			ok = policy_add_ike(pol, &from->pol_ikes[i]);
			pol->pol_ikes[pol->pol_nikes - 1].ik_at = nowhere;
			/* as its normal form would say */
			pol->pol_ikes[pol->pol_nikes - 1].ik_named = true;
		}
	}
	return ok;
}

static bool
keep_set(struct policy_store *st, const struct chunk *ch, struct policy *pol,
    const char **why)
{
	struct policy_errors errs = { .per_n = 0 };
	struct textbuf tb = { 0 };
	struct policy_text text = { .tx_name = "store" };
	bool ok = chunk_read(st, ch, &tb, NULL, why);

	text.tx_body = tb.tb_p;
	text.tx_len = tb.tb_n;
	ok = ok && policy_parse(pol, &text, NULL, NULL, 0, &errs);
	textbuf_free(&tb);
	policy_errors_free(&errs);
	return ok;
}

bool
policy_store_keep_part(struct policy_store *st, const struct policy_held *ph,
    enum policy_part part, struct policy *pol, const char **why)
{
	size_t at[RULE_KINDS] = { 0 };
	bool ok = !ph->ph_whole;

	*why = ok ? "out of memory" : "the store is damaged";
	for (size_t i = 0; ok && i < ph->ph_chunks.cs_n; i++) {
		const struct chunk *ch = &ph->ph_chunks.cs_v[i];
		size_t from = at[ch->ch_kind];

		at[ch->ch_kind] += ch->ch_rules;
		if (ch->ch_part != part)
			continue;
		ok = ch->ch_kind == RULE_SET ? keep_set(st, ch, pol, why) :
		    keep_rules(&ph->ph_policy, ch, from, pol);
	}
	return ok;
}

/* ---- what one has and another has not ---- */

static int
cmp_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/*
 * Calls fn for each run of rules of ph that stands in no chunk of other, by
 * kind and places.  False without memory.
 */
static bool
each_other(const struct policy_held *ph, const struct policy_held *other,
    void (*fn)(void *, const struct policy *, enum rule_kind, size_t, size_t),
    void *arg)
{
	size_t n = other != NULL ? other->ph_chunks.cs_n : 0;
	const struct policy *pol = &ph->ph_policy;
	size_t at[RULE_KINDS] = { 0 };
	int64_t *ids;

	if (ph->ph_whole || other == NULL || other->ph_whole) {
		fn(arg, pol, RULE_FLOW, 0, pol->pol_nflows);
		fn(arg, pol, RULE_SA, 0, pol->pol_nsas);
		fn(arg, pol, RULE_IKE, 0, pol->pol_nikes);
		return true;
	}
	if ((ids = calloc(n + 1, sizeof(*ids))) == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		ids[i] = other->ph_chunks.cs_v[i].ch_id;
	qsort(ids, n, sizeof(*ids), cmp_id);
	for (size_t i = 0; i < ph->ph_chunks.cs_n; i++) {
		const struct chunk *ch = &ph->ph_chunks.cs_v[i];
		size_t from = at[ch->ch_kind];

		at[ch->ch_kind] += ch->ch_rules;
		if (bsearch(&ch->ch_id, ids, n, sizeof(*ids), cmp_id) == NULL)
			fn(arg, pol, ch->ch_kind, from, from + ch->ch_rules);
	}
	free(ids);
	return true;
}

struct gather {
	struct policy_flow	*ga_flow;	/* NULL: only counts */
	struct policy_sa	*ga_sa;
	size_t			 ga_n;
	size_t			 ga_max;
};

static void
gather_flows(void *arg, const struct policy *pol, enum rule_kind kind,
    size_t from, size_t to)
{
	struct gather *ga = arg;

	if (kind == RULE_FLOW && ga->ga_flow != NULL && from != to)
		memcpy(ga->ga_flow + ga->ga_n, pol->pol_flows + from,
		    (to - from) * sizeof(*ga->ga_flow));
	if (kind == RULE_FLOW)
		ga->ga_n += to - from;
	for (size_t i = from; kind == RULE_IKE && i < to; i++)
		ga->ga_n += policy_flows_of_ike(&pol->pol_ikes[i],
		    ga->ga_flow != NULL ? ga->ga_flow + ga->ga_n : NULL,
		    ga->ga_flow != NULL ? ga->ga_max - ga->ga_n : 0);
}

static void
gather_sas(void *arg, const struct policy *pol, enum rule_kind kind,
    size_t from, size_t to)
{
	struct gather *ga = arg;

	if (kind != RULE_SA)
		return;
	if (ga->ga_sa != NULL && from != to)
		memcpy(ga->ga_sa + ga->ga_n, pol->pol_sas + from,
		    (to - from) * sizeof(*ga->ga_sa));
	ga->ga_n += to - from;
}

bool
policy_held_flows(const struct policy_held *ph, const struct policy_held *other,
    struct policy_flow **v, size_t *n)
{
	struct gather ga = { 0 };

	*v = NULL;
	if (!each_other(ph, other, gather_flows, &ga) ||
	    (*v = calloc(ga.ga_n + 1, sizeof(**v))) == NULL)
		return false;
	ga = (struct gather){ .ga_flow = *v, .ga_max = ga.ga_n };
	if (!each_other(ph, other, gather_flows, &ga)) {
		free(*v);
		return false;
	}
	*n = ga.ga_n;
	return true;
}

bool
policy_held_sas(const struct policy_held *ph, const struct policy_held *other,
    struct policy_sa **v, size_t *n)
{
	struct gather ga = { 0 };

	*v = NULL;
	if (!each_other(ph, other, gather_sas, &ga) ||
	    (*v = calloc(ga.ga_n + 1, sizeof(**v))) == NULL)
		return false;
	ga = (struct gather){ .ga_sa = *v };
	if (!each_other(ph, other, gather_sas, &ga)) {
		free(*v);
		return false;
	}
	*n = ga.ga_n;
	return true;
}
