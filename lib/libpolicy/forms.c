/* SPDX-License-Identifier: ISC */
/*
 * The forms of keys in texts: what a key looked like where it was written,
 * so that a commit can put its number there.  Keys may begin alike and be
 * many: a place of the text costs one look into a table, and where the first
 * bytes of a key stand, one more for each length that such keys have.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/hash.h"
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
 * A place of a text is looked at by the hash of its first bytes: usually its
 * bit in the filter is not set, and that is all.  Else each length that
 * forms with such a begin have is tried, the longest first, so that a key
 * that begins like another is found whole.  A form is never shorter than
 * that: keys are not.
 */
enum { FORM_HEAD = 16 };

struct form_length {
	size_t	fl_len;
	size_t	fl_next;	/* + 1; shorter; 0: none */
};

static uint64_t
head_hash(const char *p)
{
	uint64_t w[2];

	memcpy(w, p, sizeof(w));
	return hash_word(w[0] * 0xc2b2ae3d27d4eb4full, w[1]);
}

void
form_index_free(struct form_index *fi)
{
	free(fi->fi_used);
	free(fi->fi_first);
	free(fi->fi_table);
	free(fi->fi_head);
	free(fi->fi_length);
}

/* The place of a form of these bytes, or the free one where it would be. */
static size_t
form_slot(const struct form_index *fi, const char *p, size_t len)
{
	size_t slot = hash_bytes(len, p, len) & fi->fi_mask, i;

	for (; (i = fi->fi_table[slot]) != 0; slot = (slot + 1) & fi->fi_mask) {
		const struct policy_form *f = &fi->fi_forms->pf_v[i - 1];

		if (f->pf_len == len && memcmp(f->pf_form, p, len) == 0)
			break;
	}
	return slot;
}

static void
add_length(struct form_index *fi, uint64_t head, size_t len)
{
	size_t *at = &fi->fi_head[head & fi->fi_mask];

	fi->fi_filter[head >> 54] |= 1ull << (head >> 48 & 63);
	while (*at != 0 && fi->fi_length[*at - 1].fl_len > len)
		at = &fi->fi_length[*at - 1].fl_next;
	if (*at != 0 && fi->fi_length[*at - 1].fl_len == len)
		return;
	fi->fi_length[fi->fi_nlengths++] = (struct form_length){ len, *at };
	*at = fi->fi_nlengths;
}

bool
form_index_make(struct form_index *fi, struct policy_forms *pf)
{
	size_t cap = 16;

	while (cap < 2 * pf->pf_n)
		cap *= 2;
	fi->fi_forms = pf;
	fi->fi_mask = cap - 1;
	fi->fi_used = calloc(pf->pf_n + 1, sizeof(*fi->fi_used));
	fi->fi_first = calloc(pf->pf_n + 1, sizeof(*fi->fi_first));
	fi->fi_length = calloc(pf->pf_n + 1, sizeof(*fi->fi_length));
	fi->fi_table = calloc(cap, sizeof(*fi->fi_table));
	fi->fi_head = calloc(cap, sizeof(*fi->fi_head));
	if (fi->fi_used == NULL || fi->fi_first == NULL ||
	    fi->fi_length == NULL || fi->fi_table == NULL ||
	    fi->fi_head == NULL)
		return false;
	for (size_t i = 0; i < pf->pf_n; i++) {
		const struct policy_form *f = &pf->pf_v[i];
		size_t slot;

		fi->fi_first[i] = i;
		if (f->pf_len < FORM_HEAD)
			continue;	/* not used: will be refused */
		slot = form_slot(fi, f->pf_form, f->pf_len);
		if (fi->fi_table[slot] == 0) {
			fi->fi_table[slot] = i + 1;
			add_length(fi, head_hash(f->pf_form), f->pf_len);
		}
		fi->fi_first[i] = fi->fi_table[slot] - 1;
	}
	return true;
}

const struct policy_form *
form_at(const struct form_index *fi, const char *p, size_t left)
{
	uint64_t head;
	size_t i, at;

	if (left < FORM_HEAD)
		return NULL;
	head = head_hash(p);
	if ((fi->fi_filter[head >> 54] & 1ull << (head >> 48 & 63)) == 0)
		return NULL;
	for (at = fi->fi_head[head & fi->fi_mask]; at != 0;
	    at = fi->fi_length[at - 1].fl_next) {
		size_t len = fi->fi_length[at - 1].fl_len;

		if (len > left)
			continue;
		i = fi->fi_table[form_slot(fi, p, len)];
		if (i == 0)
			continue;
		fi->fi_used[i - 1] = true;
		return &fi->fi_forms->pf_v[i - 1];
	}
	return NULL;
}

bool
form_index_used(const struct form_index *fi)
{
	for (size_t i = 0; i < fi->fi_forms->pf_n; i++) {
		if (!fi->fi_used[fi->fi_first[i]])
			return false;
	}
	return true;
}
