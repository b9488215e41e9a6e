/* SPDX-License-Identifier: ISC */
/*
 * What only the whole policy can show: names, reqids, defaults, rules that
 * contradict each other, and the SPD entries that IKE rules imply.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/hash.h"
#include "libpolicy/parse.h"

enum {
	REQID_MIN = 0x4000,	/* those below are for manual keying */
};

static void finish_error(const struct policy *, struct policy_errors *,
    const struct policy_place *, const char *, ...)
    __attribute__((format(printf, 4, 5)));

static void
finish_error(const struct policy *pol, struct policy_errors *errs,
    const struct policy_place *at, const char *fmt, ...)
{
	struct tok tk = { .tk_line = at->po_line, .tk_col = at->po_col };
	char msg[512];
	va_list ap;

	if (at->po_line != 0 && at->po_file < pol->pol_nfiles)
		tk.tk_file = pol->pol_files[at->po_file];
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	policy_errors_add(errs, &tk, msg);
}

/*
 * ---- is anything there twice? ----
 *
 * Usually nothing is: that is found out by hashes.  If two are the same, or
 * memory is short, the rules are sorted, and who they are is told.
 */

struct hashes {
	uint64_t	*ha_v;		/* 0: free */
	size_t		 ha_mask;
	bool		 ha_twice;	/* or perhaps */
};

static void
hashes_init(struct hashes *ha, size_t n)
{
	size_t cap = 16;

	while (cap < 2 * n)
		cap *= 2;
	ha->ha_v = calloc(cap, sizeof(*ha->ha_v));
	ha->ha_mask = cap - 1;
	ha->ha_twice = ha->ha_v == NULL;
}

/* True if something was there twice. */
static bool
hashes_end(struct hashes *ha)
{
	free(ha->ha_v);
	return ha->ha_twice;
}

static void
hashes_add(struct hashes *ha, uint64_t h)
{
	size_t at = h & ha->ha_mask;

	if (ha->ha_twice)
		return;
	h += h == 0;
	while (ha->ha_v[at] != 0 && ha->ha_v[at] != h)
		at = (at + 1) & ha->ha_mask;
	ha->ha_twice = ha->ha_v[at] == h;
	ha->ha_v[at] = h;
}

/* ---- names ---- */

static int
cmp_name(const void *a, const void *b)
{
	const struct policy_ike *x = *(const struct policy_ike *const *)a;
	const struct policy_ike *y = *(const struct policy_ike *const *)b;
	int c = strcmp(x->ik_name, y->ik_name);

	return c != 0 ? c : (x > y) - (x < y);
}

/* "peer-192.0.2.1" for a rule without a name: it survives reordering. */
static bool
derive_name(struct policy *pol, struct policy_ike *ik, unsigned try)
{
	char name[PREFIX_STRLEN + 32], peer[PREFIX_STRLEN] = "any";

	if (ik->ik_peer.pr_addr.ad_af != 0)
		(void)prefix_print(&ik->ik_peer, peer);
	for (char *p = peer; *p != '\0'; p++) {
		if (*p == '/')
			*p = '_';
	}
	if (try == 1)
		(void)snprintf(name, sizeof(name), "peer-%s", peer);
	else
		(void)snprintf(name, sizeof(name), "peer-%s-%u", peer, try);
	ik->ik_name = policy_text(pol, name);
	return ik->ik_name != NULL;
}

static struct policy_ike **
by_name(const struct policy *pol)
{
	struct policy_ike **v = calloc(pol->pol_nikes + 1, sizeof(*v));

	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < pol->pol_nikes; i++)
		v[i] = &pol->pol_ikes[i];
	qsort(v, pol->pol_nikes, sizeof(*v), cmp_name);
	return v;
}

/*
 * Of the rules [from, to) that share a name, the first or the one that was
 * named keeps it, and the others are numbered on from k.
 */
static bool
names_number(struct policy *pol, struct policy_ike **v, size_t from, size_t to,
    unsigned k)
{
	bool taken = false, memory = true;

	for (size_t i = from; i < to; i++)
		taken |= v[i]->ik_named;
	for (size_t i = from; i < to; i++) {
		if (v[i]->ik_named)
			continue;
		if (taken)
			memory &= derive_name(pol, v[i], ++k);
		taken = true;
	}
	return memory;
}

/* One pass over rules sorted by name; true if all names differed. */
static bool
names_round(struct policy *pol, struct policy_ike **v, unsigned round,
    bool *memory)
{
	bool unique = true;
	size_t to;

	for (size_t i = 0; i < pol->pol_nikes; i = to) {
		bool unnamed = !v[i]->ik_named;

		for (to = i + 1; to < pol->pol_nikes &&
		    strcmp(v[i]->ik_name, v[to]->ik_name) == 0; to++)
			unnamed |= !v[to]->ik_named;
		if (to - i == 1 || !unnamed)
			continue;
		unique = false;
		*memory &= names_number(pol, v, i, to, (round - 1) * 10 + 1);
	}
	return unique;
}

static void
names_check(const struct policy *pol, struct policy_ike **v,
    struct policy_errors *errs)
{
	for (size_t i = 1; i < pol->pol_nikes; i++) {
		if (v[i]->ik_named && v[i - 1]->ik_named &&
		    strcmp(v[i]->ik_name, v[i - 1]->ik_name) == 0)
			finish_error(pol, errs, &v[i]->ik_at, "a second rule "
			    "with the name '%s'", v[i]->ik_name);
	}
}

static bool
names_unique(const struct policy *pol)
{
	struct hashes ha;

	hashes_init(&ha, pol->pol_nikes);
	for (size_t i = 0; i < pol->pol_nikes; i++)
		hashes_add(&ha, hash_bytes(1, pol->pol_ikes[i].ik_name,
		    strlen(pol->pol_ikes[i].ik_name)));
	return !hashes_end(&ha);
}

static bool
finish_names(struct policy *pol, struct policy_errors *errs)
{
	bool memory = true, unique = false;
	struct policy_ike **v;

	for (size_t i = 0; i < pol->pol_nikes; i++) {
		if (!pol->pol_ikes[i].ik_named)
			memory &= derive_name(pol, &pol->pol_ikes[i], 1);
	}
	if (!memory || names_unique(pol))
		return memory;
	for (unsigned round = 1; memory && !unique && round < 8; round++) {
		if ((v = by_name(pol)) == NULL)
			return false;
		if (round == 1)
			names_check(pol, v, errs);
		unique = names_round(pol, v, round, &memory);
		free(v);
	}
	if (memory && !unique && pol->pol_nikes != 0)
		finish_error(pol, errs, &pol->pol_ikes[0].ik_at, "rules "
		    "without a name cannot be told apart: name them");
	return memory;
}

/* ---- reqids ---- */

/* FNV-1a over the name: the same rule has the same reqid in each revision. */
static uint32_t
reqid_hash(const char *name, unsigned try)
{
	uint32_t h = 2166136261u ^ try;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	h ^= h >> 15;
	return (h & 0x7fffffff) | REQID_MIN;
}

static bool
finish_reqids(struct policy *pol)
{
	size_t cap = 16;
	uint32_t *set;

	while (cap < pol->pol_nikes * 2)
		cap *= 2;
	if ((set = calloc(cap, sizeof(*set))) == NULL)
		return false;
	for (size_t i = 0; i < pol->pol_nikes; i++) {
		struct policy_ike *ik = &pol->pol_ikes[i];
		unsigned try = 0;
		size_t at;

		do {
			ik->ik_reqid = reqid_hash(ik->ik_name, try++);
			at = ik->ik_reqid & (cap - 1);
			while (set[at] != 0 && set[at] != ik->ik_reqid)
				at = (at + 1) & (cap - 1);
		} while (set[at] == ik->ik_reqid);
		set[at] = ik->ik_reqid;
	}
	free(set);
	return true;
}

/* ---- contradictions ---- */

static int
cmp_flow(const void *a, const void *b)
{
	const struct policy_flow *x = *(const struct policy_flow *const *)a;
	const struct policy_flow *y = *(const struct policy_flow *const *)b;
	int c = memcmp(&x->fl_sel, &y->fl_sel, sizeof(x->fl_sel));

	if (c == 0)
		c = (int)x->fl_dir - (int)y->fl_dir;
	return c != 0 ? c : (x > y) - (x < y);
}

/* Each rule that decides what an earlier one decides is told once. */
static void
flows_check(const struct policy *pol, const struct policy_flow *const *v,
    size_t n, struct policy_errors *errs)
{
	struct policy_place told = { 0 };

	for (size_t i = 1; i < n; i++) {
		const struct policy_flow *x = v[i - 1], *y = v[i];

		if (memcmp(&x->fl_sel, &y->fl_sel, sizeof(x->fl_sel)) != 0 ||
		    x->fl_dir != y->fl_dir ||
		    (told.po_line != 0 && y->fl_at.po_line == told.po_line &&
		    y->fl_at.po_file == told.po_file))
			continue;
		told = y->fl_at;
		finish_error(pol, errs, &y->fl_at, "this rule decides the same "
		    "%s packets as the rule in line %u", policy_dir_name(
		    y->fl_dir), x->fl_at.po_line);
	}
}

static uint64_t
hash_flow(const struct policy_selector *sel, enum policy_dir dir)
{
	return hash_bytes((uint64_t)dir, sel, sizeof(*sel));
}

/* The flow in of a selector, which the peer has as its flow out. */
static uint64_t
hash_flow_in(const struct policy_selector *sel)
{
	struct policy_selector in = {
		.ps_src = sel->ps_dst, .ps_dst = sel->ps_src,
		.ps_sport = sel->ps_dport, .ps_dport = sel->ps_sport,
		.ps_proto = sel->ps_proto,
	};

	return hash_flow(&in, POLICY_IN);
}

static bool
flows_unique(const struct policy *pol)
{
	size_t n = pol->pol_nflows;
	struct hashes ha;

	for (size_t i = 0; i < pol->pol_nikes; i++)
		n += policy_flows_of_ike(&pol->pol_ikes[i], NULL, 0);
	hashes_init(&ha, n);
	for (size_t i = 0; i < pol->pol_nflows; i++)
		hashes_add(&ha, hash_flow(&pol->pol_flows[i].fl_sel,
		    pol->pol_flows[i].fl_dir));
	for (size_t i = 0; i < pol->pol_nikes; i++) {
		const struct policy_ike *ik = &pol->pol_ikes[i];

		if (policy_flows_of_ike(ik, NULL, 0) == 0)
			continue;
		for (size_t j = 0; j < ik->ik_nsel; j++) {
			hashes_add(&ha, hash_flow(&ik->ik_sel[j], POLICY_OUT));
			hashes_add(&ha, hash_flow_in(&ik->ik_sel[j]));
		}
	}
	return !hashes_end(&ha);
}

static bool
finish_flows(const struct policy *pol, struct policy_errors *errs)
{
	const struct policy_flow **p;
	struct policy_flow *v;
	size_t n;

	if (flows_unique(pol))
		return true;
	v = policy_flows(pol, &n);
	if (v == NULL)
		return n == 0;
	if ((p = calloc(n, sizeof(*p))) != NULL) {
		for (size_t i = 0; i < n; i++)
			p[i] = &v[i];
		qsort(p, n, sizeof(*p), cmp_flow);
		flows_check(pol, p, n, errs);
	}
	n = p != NULL;
	free(p);
	free(v);
	return n != 0;
}

static int
cmp_sa(const void *a, const void *b)
{
	const struct policy_sa *x = *(const struct policy_sa *const *)a;
	const struct policy_sa *y = *(const struct policy_sa *const *)b;
	int c = addr_cmp(&x->sa_dst, &y->sa_dst);

	if (c == 0 && x->sa_spi != y->sa_spi)
		c = x->sa_spi < y->sa_spi ? -1 : 1;
	return c != 0 ? c : (x > y) - (x < y);
}

static bool
sas_unique(const struct policy *pol)
{
	struct hashes ha;

	hashes_init(&ha, pol->pol_nsas);
	for (size_t i = 0; i < pol->pol_nsas; i++)
		hashes_add(&ha, hash_bytes(pol->pol_sas[i].sa_spi,
		    &pol->pol_sas[i].sa_dst, sizeof(struct addr)));
	return !hashes_end(&ha);
}

static bool
finish_sas(const struct policy *pol, struct policy_errors *errs)
{
	const struct policy_sa **v;

	if (sas_unique(pol))
		return true;
	if ((v = calloc(pol->pol_nsas + 1, sizeof(*v))) == NULL)
		return false;
	for (size_t i = 0; i < pol->pol_nsas; i++)
		v[i] = &pol->pol_sas[i];
	qsort(v, pol->pol_nsas, sizeof(*v), cmp_sa);
	for (size_t i = 1; i < pol->pol_nsas; i++) {
		if (v[i]->sa_spi == v[i - 1]->sa_spi &&
		    addr_equal(&v[i]->sa_dst, &v[i - 1]->sa_dst))
			finish_error(pol, errs, &v[i]->sa_at, "SPI 0x%08x is "
			    "already taken by the SA in line %u",
			    v[i]->sa_spi, v[i - 1]->sa_at.po_line);
	}
	free(v);
	return true;
}

bool
policy_finish(struct policy *pol, struct policy_errors *errs)
{
	static const struct policy_place nowhere;
	unsigned before = errs->per_n + errs->per_more;
	struct policy_defaults *de = policy_alloc(pol, sizeof(*de));
	bool memory = de != NULL;

	if (memory)
		policy_defaults_init(de);
	for (size_t i = 0; memory && i < pol->pol_nikes; i++)
		policy_proposals_complete(&pol->pol_ikes[i], de);
	memory = memory && finish_names(pol, errs) && finish_reqids(pol) &&
	    finish_flows(pol, errs) && finish_sas(pol, errs);
	if (!memory)
		finish_error(pol, errs, &nowhere, "out of memory");
	pol->pol_finished = errs->per_n + errs->per_more == before;
	return pol->pol_finished;
}

/* ---- what IKE rules imply ---- */

static struct policy_flow
implied_flow(const struct policy_ike *ik, size_t sel, enum policy_dir dir)
{
	const struct policy_selector *s = &ik->ik_sel[sel];
	struct policy_flow fl = {
		.fl_type = POLICY_REQUIRE, .fl_dir = dir,
		.fl_satype = IPPROTO_ESP, .fl_mode = ik->ik_mode,
		.fl_sel = *s, .fl_local = ik->ik_local,
		.fl_peer = ik->ik_peer.pr_addr, .fl_srcid = ik->ik_srcid,
		.fl_dstid = ik->ik_dstid, .fl_reqid = ik->ik_reqid,
		.fl_name = ik->ik_name, .fl_at = ik->ik_at,
	};

	if (dir == POLICY_IN) {
		fl.fl_sel.ps_src = s->ps_dst;
		fl.fl_sel.ps_dst = s->ps_src;
		fl.fl_sel.ps_sport = s->ps_dport;
		fl.fl_sel.ps_dport = s->ps_sport;
	}
	return fl;
}

size_t
policy_flows_of_ike(const struct policy_ike *ik, struct policy_flow *out,
    size_t max)
{
	const struct prefix *peer = &ik->ik_peer;
	size_t n = 0;

	if (peer->pr_addr.ad_af == 0 ||
	    peer->pr_len != addr_bits(&peer->pr_addr))
		return 0;
	for (size_t i = 0; i < ik->ik_nsel; i++, n += 2) {
		if (n + 1 < max) {
			out[n] = implied_flow(ik, i, POLICY_OUT);
			out[n + 1] = implied_flow(ik, i, POLICY_IN);
		}
	}
	return n;
}

struct policy_flow *
policy_flows(const struct policy *pol, size_t *n)
{
	size_t all = pol->pol_nflows, at;
	struct policy_flow *v;

	for (size_t i = 0; i < pol->pol_nikes; i++)
		all += policy_flows_of_ike(&pol->pol_ikes[i], NULL, 0);
	*n = 0;
	if (all == 0)
		return NULL;
	if ((v = calloc(all, sizeof(*v))) == NULL) {
		*n = 1;
		return NULL;
	}
	if (pol->pol_nflows != 0)
		memcpy(v, pol->pol_flows, pol->pol_nflows * sizeof(*v));
	at = pol->pol_nflows;
	for (size_t i = 0; i < pol->pol_nikes; i++)
		at += policy_flows_of_ike(&pol->pol_ikes[i], v + at, all - at);
	*n = all;
	return v;
}

const struct policy_ike *
policy_ike_by_reqid(const struct policy *pol, uint32_t reqid)
{
	for (size_t i = 0; i < pol->pol_nikes; i++) {
		if (pol->pol_ikes[i].ik_reqid == reqid)
			return &pol->pol_ikes[i];
	}
	return NULL;
}

const struct policy_ike *
policy_ike_by_name(const struct policy *pol, const char *name)
{
	for (size_t i = 0; i < pol->pol_nikes; i++) {
		if (strcmp(pol->pol_ikes[i].ik_name, name) == 0)
			return &pol->pol_ikes[i];
	}
	return NULL;
}
