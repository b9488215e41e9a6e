/* SPDX-License-Identifier: ISC */
/*
 * The difference of two texts.  Lines that both begin and end with are put
 * aside; for the rest the longest common subsequence is found by a table,
 * or, if it would be too large, all old lines go and all new ones come.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libutil/udiff.h"

enum { CONTEXT = 3, TABLE_MAX = 16 << 20 };

struct lines {
	const char	**ln_v;
	size_t		 *ln_len;
	size_t		  ln_n;
};

/* What happens, one line each: ' ', '-' or '+'. */
struct edits {
	char	*ed_op;
	size_t	 ed_n;
};

static bool
split(const char *text, struct lines *ln)
{
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p++)
		n += *p == '\n';
	ln->ln_v = calloc(n + 2, sizeof(*ln->ln_v));
	ln->ln_len = calloc(n + 2, sizeof(*ln->ln_len));
	ln->ln_n = 0;
	if (ln->ln_v == NULL || ln->ln_len == NULL)
		return false;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		ln->ln_v[ln->ln_n] = text;
		ln->ln_len[ln->ln_n++] = len;
		text += len + (text[len] == '\n');
	}
	return true;
}

static bool
same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	return a->ln_len[i] == b->ln_len[k] &&
	    memcmp(a->ln_v[i], b->ln_v[k], a->ln_len[i]) == 0;
}

static void
put(struct edits *ed, char op, size_t n)
{
	while (n-- != 0)
		ed->ed_op[ed->ed_n++] = op;
}

/* Lines [i0, i1) of a against [k0, k1) of b. */
static bool
middle(struct edits *ed, const struct lines *a, size_t i0, size_t i1,
    const struct lines *b, size_t k0, size_t k1)
{
	size_t n = i1 - i0, m = k1 - k0, w = m + 1, i = 0, k = 0;
	uint32_t *t;

	if (n == 0 || m == 0 || (n + 1) > TABLE_MAX / w) {
		put(ed, '-', n);
		put(ed, '+', m);
		return true;
	}
	/* t[i * w + k]: longest common part of what is left */
	if ((t = calloc((n + 1) * w, sizeof(*t))) == NULL)
		return false;
	for (i = n; i-- > 0;) {
		for (k = m; k-- > 0;) {
			uint32_t down = t[(i + 1) * w + k];
			uint32_t right = t[i * w + k + 1];

			t[i * w + k] = same(a, i0 + i, b, k0 + k) ?
			    t[(i + 1) * w + k + 1] + 1 :
			    down > right ? down : right;
		}
	}
	for (i = k = 0; i < n || k < m;) {
		if (i < n && k < m && same(a, i0 + i, b, k0 + k)) {
			put(ed, ' ', 1);
			i++;
			k++;
		} else if (i < n && (k == m || t[(i + 1) * w + k] >=
		    t[i * w + k + 1])) {
			put(ed, '-', 1);
			i++;
		} else {
			put(ed, '+', 1);
			k++;
		}
	}
	free(t);
	return true;
}

static bool
compare(struct edits *ed, const struct lines *a, const struct lines *b)
{
	size_t head = 0, tail = 0;

	ed->ed_n = 0;
	if ((ed->ed_op = malloc(a->ln_n + b->ln_n + 1)) == NULL)
		return false;
	while (head < a->ln_n && head < b->ln_n && same(a, head, b, head))
		head++;
	while (tail < a->ln_n - head && tail < b->ln_n - head &&
	    same(a, a->ln_n - tail - 1, b, b->ln_n - tail - 1))
		tail++;
	put(ed, ' ', head);
	if (!middle(ed, a, head, a->ln_n - tail, b, head, b->ln_n - tail))
		return false;
	put(ed, ' ', tail);
	return true;
}

/* One hunk from edit e on; returns where it ends. */
static size_t
hunk(const struct edits *ed, size_t e, size_t *i, size_t *k,
    const struct lines *a, const struct lines *b, FILE *out)
{
	size_t end = e, quiet = 0, na = 0, nb = 0;

	for (; end < ed->ed_n && quiet <= 2 * CONTEXT; end++)
		quiet = ed->ed_op[end] == ' ' ? quiet + 1 : 0;
	if (quiet > CONTEXT)
		end -= quiet - CONTEXT;
	for (size_t x = e; x < end; x++) {
		na += ed->ed_op[x] != '+';
		nb += ed->ed_op[x] != '-';
	}
	fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", *i + (na != 0), na,
	    *k + (nb != 0), nb);
	for (; e < end; e++) {
		bool added = ed->ed_op[e] == '+';
		const struct lines *ln = added ? b : a;
		size_t at = added ? *k : *i;

		fprintf(out, "%c%.*s\n", ed->ed_op[e], (int)ln->ln_len[at],
		    ln->ln_v[at]);
		*i += !added;
		*k += ed->ed_op[e] != '-';
	}
	return end;
}

static void
print(const struct edits *ed, const struct lines *a, const struct lines *b,
    FILE *out)
{
	size_t i = 0, k = 0;

	for (size_t e = 0; e < ed->ed_n;) {
		bool near = false;

		for (size_t x = e; x < ed->ed_n && x <= e + CONTEXT; x++)
			near = near || ed->ed_op[x] != ' ';
		if (near) {
			e = hunk(ed, e, &i, &k, a, b, out);
			continue;
		}
		i++;
		k++;
		e++;
	}
}

bool
udiff(const char *a, const char *b, const char *aname, const char *bname,
    FILE *out, bool *differ)
{
	struct lines la = { 0 }, lb = { 0 };
	struct edits ed = { 0 };
	bool ok;

	*differ = strcmp(a, b) != 0;
	if (!*differ)
		return true;
	ok = split(a, &la) && split(b, &lb) && compare(&ed, &la, &lb);
	if (ok) {
		fprintf(out, "--- %s\n+++ %s\n", aname, bname);
		print(&ed, &la, &lb, out);
	}
	free(la.ln_v);
	free(la.ln_len);
	free(lb.ln_v);
	free(lb.ln_len);
	free(ed.ed_op);
	return ok;
}
