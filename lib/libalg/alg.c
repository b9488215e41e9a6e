/* SPDX-License-Identifier: ISC */
/*
 * Looking up rows of the algorithm table, and the constant-time compare.
 * See alg.h.
 */
#include "libalg/alg.h"

#include <string.h>
#include <strings.h>

static bool
alg_has_name(const struct alg *a, const char *word)
{
	const char *const names[] = { a->al_name, a->al_swan, a->al_alias[0],
	    a->al_alias[1] };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] != NULL && strcasecmp(names[i], word) == 0)
			return true;
	return false;
}

/*
 * IANA's names do not tell the key length, so they come last and give the
 * first, preferred row; the other names are unique within a kind.
 */
const struct alg *
alg_by_name(enum alg_kind kind, const char *word)
{
	const struct alg *a;

	for (a = alg_next(kind, NULL); a != NULL; a = alg_next(kind, a))
		if (alg_has_name(a, word))
			return a;
	for (a = alg_next(kind, NULL); a != NULL; a = alg_next(kind, a))
		if (strcasecmp(a->al_iana, word) == 0)
			return a;
	return NULL;
}

const struct alg *
alg_by_ike(enum alg_kind kind, unsigned ike_id, unsigned bits)
{
	const struct alg *a;

	if (ike_id == ALG_NO_IKE_ID)
		return NULL;
	for (a = alg_next(kind, NULL); a != NULL; a = alg_next(kind, a))
		if (a->al_ike_id == ike_id && a->al_ike_bits == bits)
			return a;
	return NULL;
}

const struct alg *
alg_by_sadb(enum alg_kind kind, unsigned sadb, unsigned bits)
{
	const struct alg *a;

	if (sadb == 0)
		return NULL;
	for (a = alg_next(kind, NULL); a != NULL; a = alg_next(kind, a))
		if (a->al_sadb == sadb &&
		    (bits == 0 || alg_keymat(a) * 8 == bits))
			return a;
	return NULL;
}

const struct alg *
alg_next(enum alg_kind kind, const struct alg *prev)
{
	size_t i = prev == NULL ? 0 : (size_t)(prev - alg_table) + 1;

	for (; i < ALG_ROWS; i++)
		if (alg_table[i].al_kind == kind)
			return &alg_table[i];
	return NULL;
}

const struct alg *
alg_better(enum alg_kind kind, const struct alg *weak)
{
	if (weak != NULL && weak->al_better != NULL)
		return alg_by_name(kind, weak->al_better);
	return alg_next(kind, NULL);
}

const char *
alg_kind_name(enum alg_kind kind)
{
	switch (kind) {
	case ALG_ENCR:
		return "encryption";
	case ALG_PRF:
		return "prf";
	case ALG_INTEG:
		return "integrity";
	case ALG_DH:
		return "group";
	}
	return "algorithm";
}

bool
alg_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}
