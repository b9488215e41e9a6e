/* SPDX-License-Identifier: ISC */
/*
 * Differences of SPD entries and of manual SAs (see diff.h): one side stands in
 * a table by its keys, and the other is walked.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/diff.h"
#include "libpolicy/hash.h"

/* What is compared: flows or SAs. */
struct kind {
	size_t		 ki_size;
	uint64_t	 (*ki_hash)(const void *);
	bool		 (*ki_key)(const void *, const void *);	/* the same one? */
	bool		 (*ki_same)(const void *, const void *); /* and equal? */
};

static uint64_t
hash_flow(const void *p)
{
	const struct policy_flow *fl = p;

	return hash_bytes((uint64_t)fl->fl_dir, &fl->fl_sel, sizeof(fl->fl_sel));
}

static bool
key_flow(const void *a, const void *b)
{
	const struct policy_flow *x = a, *y = b;

	return memcmp(&x->fl_sel, &y->fl_sel, sizeof(x->fl_sel)) == 0 &&
	    x->fl_dir == y->fl_dir;
}

static uint64_t
hash_sa(const void *p)
{
	const struct policy_sa *sa = p;

	return hash_bytes(sa->sa_spi, sa->sa_dst.ad_bytes,
	    sizeof(sa->sa_dst.ad_bytes));
}

static bool
key_sa(const void *a, const void *b)
{
	const struct policy_sa *x = a, *y = b;

	return x->sa_spi == y->sa_spi && addr_equal(&x->sa_dst, &y->sa_dst);
}

/* Identities stay here: the key socket does not carry them. */
static bool
same_flow(const void *a, const void *b)
{
	struct policy_flow x = *(const struct policy_flow *)a;
	struct policy_flow y = *(const struct policy_flow *)b;
	bool clear = x.fl_type == POLICY_BYPASS || x.fl_type == POLICY_DENY;

	if (clear && x.fl_type == y.fl_type)
		return true;
	memset(&x.fl_srcid, 0, sizeof(x.fl_srcid));
	memset(&x.fl_dstid, 0, sizeof(x.fl_dstid));
	memset(&y.fl_srcid, 0, sizeof(y.fl_srcid));
	memset(&y.fl_dstid, 0, sizeof(y.fl_dstid));
	if (x.fl_mode == POLICY_TRANSPORT && y.fl_mode == POLICY_TRANSPORT) {
		/* transport mode has the packet's own ends */
		memset(&x.fl_local, 0, sizeof(x.fl_local));
		memset(&x.fl_peer, 0, sizeof(x.fl_peer));
		memset(&y.fl_local, 0, sizeof(y.fl_local));
		memset(&y.fl_peer, 0, sizeof(y.fl_peer));
	}
	return policy_flow_equal(&x, &y);
}

static bool
same_sa(const void *a, const void *b)
{
	return policy_sa_equal(a, b);
}

static const struct kind flows = { sizeof(struct policy_flow), hash_flow,
    key_flow, same_flow };
static const struct kind sas = { sizeof(struct policy_sa), hash_sa, key_sa,
    same_sa };

/* The old side, by its keys. */
struct table {
	const struct kind	*ta_kind;
	const char		*ta_v;
	size_t			*ta_slot;	/* index + 1; 0 free */
	size_t			 ta_mask;
	bool			*ta_kept;	/* of the old side: it is in the new */
};

static const void *
element(const struct table *ta, size_t i)
{
	return ta->ta_v + i * ta->ta_kind->ki_size;
}

static size_t *
slot_of(const struct table *ta, const void *p)
{
	size_t at = ta->ta_kind->ki_hash(p) & ta->ta_mask;

	while (ta->ta_slot[at] != 0 && !ta->ta_kind->ki_key(p,
	    element(ta, ta->ta_slot[at] - 1)))
		at = (at + 1) & ta->ta_mask;
	return &ta->ta_slot[at];
}

static bool
table_init(struct table *ta, const struct kind *ki, const void *v, size_t n)
{
	size_t cap = 16;

	while (cap < 2 * n)
		cap *= 2;
	*ta = (struct table){ ki, v, calloc(cap, sizeof(size_t)), cap - 1,
	    calloc(n + 1, sizeof(bool)) };
	if (ta->ta_slot == NULL || ta->ta_kept == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		*slot_of(ta, element(ta, i)) = i + 1;
	return true;
}

/* Both sides in their order: what comes or changes, then what goes. */
static size_t
walk(struct table *ta, size_t na, const void *b, size_t nb,
    struct policy_change *out)
{
	size_t n = 0;

	for (size_t j = 0; j < nb; j++) {
		const void *new = (const char *)b + j * ta->ta_kind->ki_size;
		size_t i = *slot_of(ta, new);

		if (i == 0) {
			out[n++] = (struct policy_change){ POLICY_ADD, 0, j };
			continue;
		}
		ta->ta_kept[i - 1] = true;
		if (!ta->ta_kind->ki_same(element(ta, i - 1), new))
			out[n++] = (struct policy_change){ POLICY_CHANGE,
			    i - 1, j };
	}
	for (size_t i = 0; i < na; i++) {
		if (!ta->ta_kept[i])
			out[n++] = (struct policy_change){ POLICY_DELETE, i, 0 };
	}
	return n;
}

static struct policy_change *
diff(const struct kind *ki, const void *a, size_t na, const void *b, size_t nb,
    size_t *n)
{
	struct policy_change *out = calloc(na + nb + 1, sizeof(*out));
	struct table ta;
	bool ok = table_init(&ta, ki, a, na) && out != NULL;

	*n = ok ? walk(&ta, na, b, nb, out) : 1;
	if (!ok || *n == 0) {
		free(out);
		out = NULL;
	}
	free(ta.ta_slot);
	free(ta.ta_kept);
	return out;
}

struct policy_change *
policy_diff_flows(const struct policy_flow *a, size_t na,
    const struct policy_flow *b, size_t nb, size_t *n)
{
	return diff(&flows, a, na, b, nb, n);
}

struct policy_change *
policy_diff_sas(const struct policy_sa *a, size_t na,
    const struct policy_sa *b, size_t nb, size_t *n)
{
	return diff(&sas, a, na, b, nb, n);
}
