/* SPDX-License-Identifier: ISC */
/*
 * Tables of addresses.
 *
 * Entries are kept sorted, as the operator wrote them.  For matches they
 * are compiled: the address space is cut into the ranges between the first
 * and last addresses of all entries, and each range knows whether the
 * longest prefix that covers it is positive, negated, or none.  An index
 * over the upper 16 bits of an address leads to the few ranges that begin
 * there, so that a match costs the same at ten entries and at a hundred
 * thousand.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pf/pfvar.h"

#define INDEX_BITS	16
#define INDEX_SIZE	(1u << INDEX_BITS)

struct ranges {
	uint32_t	*rg_first;	/* first address of each range, host order; [0] is 0 */
	uint8_t		*rg_in;		/* 1: in the table */
	uint32_t	 rg_n;
	uint32_t	 rg_index[INDEX_SIZE];	/* the range that holds the first address of the block */
};

struct pf_table {
	char			 pt_name[PF_TABLE_MAX];
	uint32_t		 pt_flags;
	struct pf_table_entry	*pt_entry;
	size_t			 pt_n, pt_cap;
	struct ranges		*pt_ranges;	/* NULL: matches nothing */
};

bool
pf_entry_ok(const struct pf_table_entry *e)
{
	struct addr masked = e->pe_prefix.pr_addr;

	if (masked.ad_af != AF_INET || e->pe_prefix.pr_len > 32 || e->pe_neg > 1)
		return false;
	for (unsigned i = 0; i < sizeof(masked.ad_pad); i++)
		if (masked.ad_pad[i] != 0)
			return false;
	addr_mask(&masked, e->pe_prefix.pr_len);
	return addr_equal(&masked, &e->pe_prefix.pr_addr);
}

struct pf_table *
pf_table_new(const char *name, uint32_t flags)
{
	struct pf_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	for (size_t i = 0; i + 1 < sizeof(t->pt_name) && name[i] != '\0'; i++)
		t->pt_name[i] = name[i];
	t->pt_flags = flags & (PF_TABLE_PERSIST | PF_TABLE_CONST | PF_TABLE_KEEP);
	return t;
}

static void
ranges_free(struct ranges *r)
{
	if (r == NULL)
		return;
	free(r->rg_first);
	free(r->rg_in);
	free(r);
}

void
pf_table_free(struct pf_table *t)
{
	if (t == NULL)
		return;
	ranges_free(t->pt_ranges);
	free(t->pt_entry);
	free(t);
}

/* By address, then the shorter prefix: an entry follows those that cover it. */
static int
entry_cmp(const void *va, const void *vb)
{
	const struct pf_table_entry *a = va, *b = vb;
	uint32_t x = ntohl(a->pe_prefix.pr_addr.ad_v4.s_addr);
	uint32_t y = ntohl(b->pe_prefix.pr_addr.ad_v4.s_addr);

	if (x != y)
		return x < y ? -1 : 1;
	return (int)a->pe_prefix.pr_len - (int)b->pe_prefix.pr_len;
}

int
pf_table_add(struct pf_table *t, const struct pf_table_entry *e, size_t n, size_t *added)
{
	size_t before = t->pt_n, out = 0;

	*added = 0;
	if (n > PF_ENTRIES_MAX - t->pt_n)
		return ENOSPC;
	if (t->pt_n + n > t->pt_cap) {
		size_t cap = (t->pt_n + n) * 2;
		struct pf_table_entry *p = realloc(t->pt_entry, cap * sizeof(*p));

		if (p == NULL)
			return ENOMEM;
		t->pt_entry = p;
		t->pt_cap = cap;
	}
	if (n != 0)
		memcpy(t->pt_entry + t->pt_n, e, n * sizeof(*e));
	t->pt_n += n;
	/* the newer of two equal prefixes stands behind: insertion keeps the order */
	for (size_t i = before; i < t->pt_n; i++)
		t->pt_entry[i].pe_pad[0] = 1;
	if (t->pt_n != 0)
		qsort(t->pt_entry, t->pt_n, sizeof(*t->pt_entry), entry_cmp);
	for (size_t i = 0; i < t->pt_n; i++) {
		struct pf_table_entry *last = out == 0 ? NULL : &t->pt_entry[out - 1];

		if (last != NULL && entry_cmp(last, &t->pt_entry[i]) == 0) {
			/* one of them is new and its sign counts */
			if (t->pt_entry[i].pe_pad[0])
				last->pe_neg = t->pt_entry[i].pe_neg;
			last->pe_pad[0] &= t->pt_entry[i].pe_pad[0];
			continue;
		}
		t->pt_entry[out++] = t->pt_entry[i];
	}
	t->pt_n = out;
	for (size_t i = 0; i < t->pt_n; i++)
		t->pt_entry[i].pe_pad[0] = 0;
	*added = t->pt_n - before;
	return 0;
}

size_t
pf_table_delete(struct pf_table *t, const struct pf_table_entry *e, size_t n)
{
	size_t out = 0, gone = 0;

	for (size_t i = 0; i < n && t->pt_n != 0; i++) {
		struct pf_table_entry *found = bsearch(&e[i], t->pt_entry, t->pt_n,
		    sizeof(*e), entry_cmp);

		if (found != NULL)
			found->pe_pad[0] = 1;
	}
	for (size_t i = 0; i < t->pt_n; i++) {
		if (t->pt_entry[i].pe_pad[0])
			gone++;
		else
			t->pt_entry[out++] = t->pt_entry[i];
	}
	t->pt_n = out;
	return gone;
}

void
pf_table_clear(struct pf_table *t)
{
	t->pt_n = 0;
}

/* ---- compiling ---- */

struct cover {			/* prefixes that are open at a point of the sweep */
	uint32_t	cv_last;
	uint8_t		cv_in;
};

static void
range_begin(struct ranges *r, uint32_t first, uint8_t in)
{
	/* a range that would be empty gives way */
	if (r->rg_n != 0 && r->rg_first[r->rg_n - 1] == first)
		r->rg_n--;
	if (r->rg_n != 0 && r->rg_in[r->rg_n - 1] == in)
		return;
	r->rg_first[r->rg_n] = first;
	r->rg_in[r->rg_n++] = in;
}

/* Ends the covers that lie before address at. */
static unsigned
covers_end(struct ranges *r, struct cover *cv, unsigned depth, uint64_t at)
{
	while (depth != 0 && cv[depth - 1].cv_last < at) {
		uint32_t last = cv[--depth].cv_last;

		/* covers of one end go together */
		if (last != UINT32_MAX && (depth == 0 || cv[depth - 1].cv_last != last))
			range_begin(r, last + 1, depth == 0 ? 0 : cv[depth - 1].cv_in);
	}
	return depth;
}

static void
ranges_sweep(struct ranges *r, const struct pf_table_entry *e, size_t n)
{
	struct cover cv[33];
	unsigned depth = 0;

	range_begin(r, 0, 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t first = ntohl(e[i].pe_prefix.pr_addr.ad_v4.s_addr);
		unsigned len = e[i].pe_prefix.pr_len;
		uint32_t last = first | (len == 0 ? UINT32_MAX : len == 32 ? 0 :
		    UINT32_MAX >> len);

		depth = covers_end(r, cv, depth, first);
		cv[depth].cv_last = last;
		cv[depth].cv_in = !e[i].pe_neg;
		depth++;
		range_begin(r, first, !e[i].pe_neg);
	}
	(void)covers_end(r, cv, depth, (uint64_t)UINT32_MAX + 1);
}

static void
ranges_index(struct ranges *r)
{
	uint32_t at = 0;

	for (uint32_t b = 0; b < INDEX_SIZE; b++) {
		uint32_t first = b << (32 - INDEX_BITS);

		while (at + 1 < r->rg_n && r->rg_first[at + 1] <= first)
			at++;
		r->rg_index[b] = at;
	}
}

int
pf_table_compile(struct pf_table *t)
{
	struct ranges *r;

	if (t->pt_n == 0) {
		ranges_free(t->pt_ranges);
		t->pt_ranges = NULL;
		return 0;
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return ENOMEM;
	r->rg_first = malloc((2 * t->pt_n + 2) * sizeof(*r->rg_first));
	r->rg_in = malloc(2 * t->pt_n + 2);
	if (r->rg_first == NULL || r->rg_in == NULL) {
		ranges_free(r);
		return ENOMEM;
	}
	ranges_sweep(r, t->pt_entry, t->pt_n);
	ranges_index(r);
	ranges_free(t->pt_ranges);
	t->pt_ranges = r;
	return 0;
}

bool
pf_table_match4(const struct pf_table *t, uint32_t a)
{
	const struct ranges *r = t->pt_ranges;
	uint32_t block = a >> (32 - INDEX_BITS), lo, hi;

	if (r == NULL)
		return false;
	lo = r->rg_index[block];
	hi = block + 1 < INDEX_SIZE ? r->rg_index[block + 1] : r->rg_n - 1;
	/* the last range that begins at or before a lies in [lo, hi] */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (r->rg_first[mid] <= a)
			lo = mid;
		else
			hi = mid - 1;
	}
	return r->rg_in[lo] != 0;
}

const char *
pf_table_name(const struct pf_table *t)
{
	return t->pt_name;
}

uint32_t
pf_table_flags(const struct pf_table *t)
{
	return t->pt_flags;
}

size_t
pf_table_entries(const struct pf_table *t, const struct pf_table_entry **e)
{
	*e = t->pt_entry;
	return t->pt_n;
}
