/* SPDX-License-Identifier: ISC */
/*
 * The IKE rules of one revision by difference to another's (store.h): from
 * the lists of their chunks, of which only those are read that differ, and
 * of these only the rules are parsed that do.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/chunk.h"

/* The IKE rules of a side that may differ: texts, and their reqids. */
struct side {
	struct chunks	 si_all;	/* of the revision */
	struct chunks	 si_ike;	/* of them; borrowed from si_all */
	size_t		 si_from;	/* chunks [si_from, si_to) of si_ike */
	size_t		 si_to;
	struct textbuf	 si_body;
	struct textbuf	 si_reqids;
	size_t		*si_rule;	/* where each rule begins, and their end */
	size_t		 si_n;
};

static void
side_free(struct side *si)
{
	chunks_free(&si->si_all);
	textbuf_free(&si->si_body);
	textbuf_free(&si->si_reqids);
	free(si->si_rule);
}

/* IKE rules stand behind all others. */
static bool
side_list(struct policy_store *st, uint64_t rev, struct side *si,
    const char **why)
{
	size_t n = 0;

	if (rev != 0 && !chunks_list(st, rev, &si->si_all, why))
		return false;
	while (n < si->si_all.cs_n && si->si_all.cs_v[n].ch_kind != RULE_IKE)
		n++;
	si->si_ike = (struct chunks){ n != 0 || si->si_all.cs_n != 0 ?
	    si->si_all.cs_v + n : NULL, si->si_all.cs_n - n };
	si->si_to = si->si_ike.cs_n;
	return true;
}

static bool
same_chunk(const struct chunk *a, const struct chunk *b)
{
	return a->ch_id == b->ch_id;
}

/* Passes over the chunks that both begin with, and both end with. */
static size_t
trim_chunks(struct side *a, struct side *b)
{
	size_t at = 0;

	while (a->si_from < a->si_to && b->si_from < b->si_to &&
	    same_chunk(&a->si_ike.cs_v[a->si_from],
	    &b->si_ike.cs_v[b->si_from])) {
		at += a->si_ike.cs_v[a->si_from++].ch_rules;
		b->si_from++;
	}
	while (a->si_from < a->si_to && b->si_from < b->si_to &&
	    same_chunk(&a->si_ike.cs_v[a->si_to - 1],
	    &b->si_ike.cs_v[b->si_to - 1])) {
		a->si_to--;
		b->si_to--;
	}
	return at;
}

/* A rule ends with a line that is not continued. */
static bool
side_split(struct side *si)
{
	const char *p = si->si_body.tb_p;
	size_t n = 0, max = si->si_reqids.tb_n / 4;

	if ((si->si_rule = calloc(max + 1, sizeof(*si->si_rule))) == NULL)
		return false;
	for (size_t i = 0; i < si->si_body.tb_n; i++) {
		if (p[i] != '\n' || (i != 0 && p[i - 1] == '\\'))
			continue;
		if (n == max)
			return false;
		si->si_rule[++n] = i + 1;
	}
	si->si_n = n;
	return n == max && si->si_rule[n] == si->si_body.tb_n;
}

static bool
side_read(struct policy_store *st, struct side *si, const char **why)
{
	for (size_t i = si->si_from; i < si->si_to; i++) {
		if (!chunk_read(st, &si->si_ike.cs_v[i], &si->si_body,
		    &si->si_reqids, why))
			return false;
	}
	return side_split(si) ||
	    store_fail(st, why, "rules of the store cannot be told apart");
}

static bool
same_rule(const struct side *a, size_t i, const struct side *b, size_t j)
{
	size_t n = a->si_rule[i + 1] - a->si_rule[i];

	return n == b->si_rule[j + 1] - b->si_rule[j] &&
	    memcmp(a->si_body.tb_p + a->si_rule[i],
	    b->si_body.tb_p + b->si_rule[j], n) == 0 &&
	    memcmp(a->si_reqids.tb_p + 4 * i, b->si_reqids.tb_p + 4 * j,
	    4) == 0;
}

static uint32_t
reqid_at(const struct side *si, size_t i)
{
	const uint8_t *p = (const uint8_t *)si->si_reqids.tb_p + 4 * i;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* The `set` lines, and rules [from, to). */
static bool
parse_rules(struct policy_store *st, const struct side *si, size_t from,
    size_t to, unsigned flags, struct policy *pol, const char **why)
{
	struct textbuf tb = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < si->si_all.cs_n &&
	    si->si_all.cs_v[i].ch_kind == RULE_SET; i++)
		ok = chunk_read(st, &si->si_all.cs_v[i], &tb, NULL, why);
	if (from != to)
		textbuf_add(&tb, si->si_body.tb_p + si->si_rule[from],
		    si->si_rule[to] - si->si_rule[from]);
	textbuf_char(&tb, '\0');
	if (ok && tb.tb_short)
		ok = store_fail(st, why, "out of memory");
	if (ok) {
		ok = store_load_text(st, tb.tb_p, flags, pol, why);
		for (size_t i = 0; ok && i < pol->pol_nikes; i++)
			pol->pol_ikes[i].ik_reqid = reqid_at(si, from + i);
		if (!ok)
			policy_free(pol);
	}
	textbuf_free(&tb);
	return ok;
}

static bool
delta(struct policy_store *st, struct side *a, struct side *b, unsigned flags,
    struct policy_delta *de, const char **why)
{
	size_t from = 0, na, nb;

	de->de_at = trim_chunks(a, b);
	if (!side_read(st, a, why) || !side_read(st, b, why))
		return false;
	na = a->si_n;
	nb = b->si_n;
	for (; from < na && from < nb && same_rule(a, from, b, from); from++)
		continue;
	for (; na > from && nb > from && same_rule(a, na - 1, b, nb - 1); na--)
		nb--;
	de->de_at += from;
	de->de_old = na - from;
	return parse_rules(st, b, from, nb, flags, &de->de_new, why);
}

bool
policy_store_delta(struct policy_store *st, uint64_t from, uint64_t to,
    unsigned flags, struct policy_delta *de, const char **why)
{
	struct side a = { 0 }, b = { 0 };
	bool ok;

	*de = (struct policy_delta){ 0 };
	if (st->st_db == NULL)
		return store_fail(st, why, "%s", st->st_damage);
	/* one read transaction: chunks and their lists belong together */
	(void)store_exec(st, "BEGIN");
	ok = side_list(st, from, &a, why) && side_list(st, to, &b, why) &&
	    delta(st, &a, &b, flags, de, why);
	(void)store_exec(st, "COMMIT");
	side_free(&a);
	side_free(&b);
	return ok;
}
