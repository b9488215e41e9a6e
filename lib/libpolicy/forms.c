/* SPDX-License-Identifier: ISC */
/*
 * The forms of keys in texts: what a key looked like where it was written,
 * so that a commit can put its number there.  Keys may begin alike and be
 * many: a place of the text costs one look into a table, and where the first
 * bytes of a key stand, a binary search for each length that such keys have.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/parse.h"
#include "libpolicy/store_int.h"

void
policy_forms_add(struct policy_forms *pf, const char *form, size_t len,
    const struct policy_key *keys, size_t nkeys)
{
	struct policy_form *v, *f;

	/* what stands between the quotes: a comment may repeat it without */
	if (len >= 2 && form[0] == '"' && form[len - 1] == '"') {
		form++;
		len -= 2;
	}
	v = pf->pf_v;
	if ((pf->pf_n & (pf->pf_n - 1)) == 0)	/* 0, 1, 2, 4, ... */
		v = reallocarray(v, pf->pf_n == 0 ? 1 : 2 * pf->pf_n,
		    sizeof(*v));
	if (v == NULL) {
		pf->pf_memory = true;
		return;
	}
	pf->pf_v = v;
	f = &v[pf->pf_n];
	memset(f, 0, sizeof(*f));
	if ((f->pf_form = malloc(len + 1)) == NULL) {
		pf->pf_memory = true;
		return;
	}
	memcpy(f->pf_form, form, len);
	f->pf_form[len] = '\0';
	f->pf_len = len;
	for (; f->pf_nkeys < nkeys && f->pf_nkeys < 2; f->pf_nkeys++)
		policy_key_copy(&f->pf_key[f->pf_nkeys], &keys[f->pf_nkeys]);
	pf->pf_n++;
}

void
policy_forms_free(struct policy_forms *pf)
{
	for (size_t i = 0; i < pf->pf_n; i++) {
		struct policy_form *f = &pf->pf_v[i];

		explicit_bzero(f->pf_form, f->pf_len);
		free(f->pf_form);
		policy_key_wipe(&f->pf_key[0]);
		policy_key_wipe(&f->pf_key[1]);
	}
	free(pf->pf_v);
	memset(pf, 0, sizeof(*pf));
}

/*
 * Forms by their first bytes, the longer ones first, so that a key that
 * begins like another is found whole.  A form is never shorter than that:
 * keys are not.
 */
enum { FORM_HEAD = 16, FORM_BUCKETS = 1 << 14 };

static unsigned
form_hash(const char *p)
{
	uint64_t h[2];

	memcpy(h, p, sizeof(h));
	h[0] = (h[0] ^ h[1] * 0xc2b2ae3d27d4eb4full) * 0x9e3779b97f4a7c15ull;
	return (unsigned)(h[0] >> 50);
}

static int
form_cmp(const void *a, const void *b, void *forms)
{
	const struct policy_forms *pf = forms;
	const struct policy_form *x = &pf->pf_v[*(const size_t *)a];
	const struct policy_form *y = &pf->pf_v[*(const size_t *)b];
	unsigned hx = form_hash(x->pf_form), hy = form_hash(y->pf_form);

	if (hx != hy)
		return hx < hy ? -1 : 1;
	if (x->pf_len != y->pf_len)
		return x->pf_len > y->pf_len ? -1 : 1;
	return memcmp(x->pf_form, y->pf_form, x->pf_len);
}

void
form_index_free(struct form_index *fi)
{
	free(fi->fi_order);
	free(fi->fi_first);
	free(fi->fi_used);
}

bool
form_index_make(struct form_index *fi, struct policy_forms *pf)
{
	size_t n = 0;

	fi->fi_forms = pf;
	fi->fi_order = calloc(pf->pf_n + 1, sizeof(*fi->fi_order));
	fi->fi_first = calloc(FORM_BUCKETS + 1, sizeof(*fi->fi_first));
	fi->fi_used = calloc(pf->pf_n + 1, sizeof(*fi->fi_used));
	if (fi->fi_order == NULL || fi->fi_first == NULL ||
	    fi->fi_used == NULL)
		return false;
	for (size_t i = 0; i < pf->pf_n; i++) {
		if (pf->pf_v[i].pf_len < FORM_HEAD)
			continue;	/* not used: will be refused */
		fi->fi_order[n++] = i;
		fi->fi_first[form_hash(pf->pf_v[i].pf_form) + 1]++;
	}
	for (size_t i = 0; i < FORM_BUCKETS; i++)
		fi->fi_first[i + 1] += fi->fi_first[i];
	qsort_r(fi->fi_order, n, sizeof(*fi->fi_order), form_cmp, pf);
	return true;
}

/* Which of the bucket's forms from i on is not longer, nor before p. */
static size_t
form_lower(const struct form_index *fi, size_t i, size_t end, const char *p,
    size_t len)
{
	while (i < end) {
		size_t mid = i + (end - i) / 2;
		const struct policy_form *f =
		    &fi->fi_forms->pf_v[fi->fi_order[mid]];

		if (f->pf_len > len || (f->pf_len == len && p != NULL &&
		    memcmp(f->pf_form, p, len) < 0))
			i = mid + 1;
		else
			end = mid;
	}
	return i;
}

static const struct policy_form *
form_of(const struct form_index *fi, size_t i)
{
	return &fi->fi_forms->pf_v[fi->fi_order[i]];
}

const struct policy_form *
form_at(const struct form_index *fi, const char *p, size_t left)
{
	size_t i, end, len;
	unsigned h;

	if (left < FORM_HEAD)
		return NULL;
	h = form_hash(p);
	end = fi->fi_first[h + 1];
	i = form_lower(fi, fi->fi_first[h], end, NULL, left);
	for (; i < end; i = form_lower(fi, i, end, NULL, len - 1)) {
		const struct policy_form *f;

		len = form_of(fi, i)->pf_len;
		i = form_lower(fi, i, end, p, len);
		if (i == end)
			return NULL;
		f = form_of(fi, i);
		if (f->pf_len != len || memcmp(f->pf_form, p, len) != 0)
			continue;
		/* the same form may stand in the list more than once */
		for (; i < end && form_of(fi, i)->pf_len == len &&
		    memcmp(form_of(fi, i)->pf_form, p, len) == 0; i++)
			fi->fi_used[fi->fi_order[i]] = true;
		return f;
	}
	return NULL;
}
