/* SPDX-License-Identifier: ISC */
/*
 * Differences of SPD entries and of manual SAs (see diff.h): both sides are
 * sorted by their key and walked together.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/diff.h"

struct sorted {
	const void	*so_p;
	size_t		 so_i;
};

static int
key_flow(const void *a, const void *b)
{
	const struct policy_flow *x = ((const struct sorted *)a)->so_p;
	const struct policy_flow *y = ((const struct sorted *)b)->so_p;
	int c = memcmp(&x->fl_sel, &y->fl_sel, sizeof(x->fl_sel));

	return c != 0 ? c : (int)x->fl_dir - (int)y->fl_dir;
}

static int
key_sa(const void *a, const void *b)
{
	const struct policy_sa *x = ((const struct sorted *)a)->so_p;
	const struct policy_sa *y = ((const struct sorted *)b)->so_p;
	int c = addr_cmp(&x->sa_dst, &y->sa_dst);

	return c != 0 ? c : (x->sa_spi > y->sa_spi) - (x->sa_spi < y->sa_spi);
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

static struct sorted *
sort(const void *v, size_t n, size_t size,
    int (*cmp)(const void *, const void *))
{
	struct sorted *s = calloc(n + 1, sizeof(*s));

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct sorted){ (const char *)v + i * size, i };
	qsort(s, n, sizeof(*s), cmp);
	return s;
}

static int
by_type(const void *a, const void *b)
{
	const struct policy_change *x = a, *y = b;
	bool dx = x->ch_type == POLICY_DELETE, dy = y->ch_type == POLICY_DELETE;

	if (dx != dy)
		return dx ? 1 : -1;
	if (dx)
		return (x->ch_old > y->ch_old) - (x->ch_old < y->ch_old);
	return (x->ch_new > y->ch_new) - (x->ch_new < y->ch_new);
}

static size_t
merge(const struct sorted *a, size_t na, const struct sorted *b, size_t nb,
    int (*cmp)(const void *, const void *),
    bool (*same)(const void *, const void *), struct policy_change *out)
{
	size_t i = 0, j = 0, n = 0;

	while (i < na || j < nb) {
		int c = i == na ? 1 : j == nb ? -1 : cmp(&a[i], &b[j]);

		if (c < 0) {
			out[n++] = (struct policy_change){ POLICY_DELETE,
			    a[i++].so_i, 0 };
		} else if (c > 0) {
			out[n++] = (struct policy_change){ POLICY_ADD, 0,
			    b[j++].so_i };
		} else {
			if (!same(a[i].so_p, b[j].so_p))
				out[n++] = (struct policy_change){
				    POLICY_CHANGE, a[i].so_i, b[j].so_i };
			i++;
			j++;
		}
	}
	return n;
}

static struct policy_change *
diff(const void *a, size_t na, const void *b, size_t nb, size_t size,
    int (*cmp)(const void *, const void *),
    bool (*same)(const void *, const void *), size_t *n)
{
	struct sorted *sa = sort(a, na, size, cmp);
	struct sorted *sb = sort(b, nb, size, cmp);
	struct policy_change *out = calloc(na + nb + 1, sizeof(*out));

	*n = 1;
	if (sa != NULL && sb != NULL && out != NULL) {
		*n = merge(sa, na, sb, nb, cmp, same, out);
		qsort(out, *n, sizeof(*out), by_type);
		if (*n == 0) {
			free(out);
			out = NULL;
		}
	} else {
		free(out);
		out = NULL;
	}
	free(sa);
	free(sb);
	return out;
}

struct policy_change *
policy_diff_flows(const struct policy_flow *a, size_t na,
    const struct policy_flow *b, size_t nb, size_t *n)
{
	return diff(a, na, b, nb, sizeof(*a), key_flow, same_flow, n);
}

struct policy_change *
policy_diff_sas(const struct policy_sa *a, size_t na,
    const struct policy_sa *b, size_t nb, size_t *n)
{
	return diff(a, na, b, nb, sizeof(*a), key_sa, same_sa, n);
}
