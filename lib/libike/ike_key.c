/* SPDX-License-Identifier: ISC */
/*
 * The key schedule (see ike_key.h).
 *
 *	SKEYSEED = prf(Ni | Nr, g^ir)				first SA
 *	SKEYSEED = prf(SK_d of the old SA, g^ir | Ni | Nr)	rekeyed SA
 *	SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr =
 *	    prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
 *	KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr)
 */
#include "libike/ike_key.h"

static const struct alg *
row(const struct ike_proposal *pr, uint8_t type)
{
	const struct ike_transform *t = ike_proposal_get(pr, type);

	if (t == NULL || (type != IKE_T_ENCR && t->tr_id == 0))
		return NULL;
	return alg_by_ike((enum alg_kind)type, t->tr_id, t->tr_keybits);
}

struct schedule {
	const struct alg	*encr, *integ, *prf;
	uint8_t			 buf[3 * PRF_MAX + 2 * SK_KEY_MAX +
				    2 * SK_IKEY_MAX];
};

static bool
schedule_algs(struct schedule *s, const struct ike_proposal *pr)
{
	s->encr = row(pr, IKE_T_ENCR);
	s->integ = row(pr, IKE_T_INTEG);
	s->prf = row(pr, IKE_T_PRF);
	return s->encr != NULL && s->prf != NULL &&
	    (s->encr->al_flags & ALG_IKE) && (s->prf->al_flags & ALG_IKE) &&
	    (s->integ != NULL) == !(s->encr->al_flags & ALG_AEAD);
}

static void
skeyseed(const struct alg *prf, const struct ike_seed *seed,
    const struct ike_keys *old, uint8_t *out)
{
	const struct ike_nonce *ni = seed->se_ni, *nr = seed->se_nr;
	uint8_t nonces[2 * IKE_NONCE_MAX];
	const struct alg_chunk secret = { seed->se_secret.b_p,
	    seed->se_secret.b_n };
	const struct alg_chunk all[] = { secret, { ni->no_p, ni->no_n },
	    { nr->no_p, nr->no_n } };

	if (old != NULL) {
		prf_iov(old->k_prf, old->k_d, old->k_prf->al_out, all, 3, out);
		return;
	}
	memcpy(nonces, ni->no_p, ni->no_n);
	memcpy(nonces + ni->no_n, nr->no_p, nr->no_n);
	prf_iov(prf, nonces, (size_t)ni->no_n + nr->no_n, &secret, 1, out);
}

static bool
schedule_expand(struct schedule *s, const struct ike_seed *seed,
    const uint8_t *key, size_t keylen, size_t n)
{
	uint8_t spis[2 * IKE_SPI_LEN];
	struct wcur w = wcur_init(spis, sizeof(spis));
	const struct alg_chunk in[] = {
		{ seed->se_ni->no_p, seed->se_ni->no_n },
		{ seed->se_nr->no_p, seed->se_nr->no_n },
		{ spis, sizeof(spis) },
	};

	wcur_u64(&w, seed->se_spi_i);
	wcur_u64(&w, seed->se_spi_r);
	return prf_plus(s->prf, key, keylen, in, 3, s->buf, n);
}

bool
ike_keys_derive(struct ike_keys *k, const struct ike_proposal *pr,
    const struct ike_seed *seed, const struct ike_keys *old)
{
	uint8_t key[PRF_MAX];
	struct schedule s;
	size_t d, a, e, n;
	struct cur c;
	bool ok = false;

	memset(k, 0, sizeof(*k));
	if (!schedule_algs(&s, pr))
		return false;
	d = s.prf->al_out;
	a = s.integ != NULL ? s.integ->al_key : 0;
	e = alg_keymat(s.encr);
	n = 3 * d + 2 * a + 2 * e;
	skeyseed(s.prf, seed, old, key);
	/* The old PRF made SKEYSEED, so its output length is the key's. */
	if (n <= sizeof(s.buf) && schedule_expand(&s, seed, key,
	    old != NULL ? old->k_prf->al_out : d, n)) {
		const uint8_t *ai, *ar, *ei, *er;

		c = cur_init(s.buf, n);
		k->k_prf = s.prf;
		(void)cur_copy(&c, k->k_d, d);
		ai = cur_bytes(&c, a);
		ar = cur_bytes(&c, a);
		ei = cur_bytes(&c, e);
		er = cur_bytes(&c, e);
		(void)cur_copy(&c, k->k_pi, d);
		(void)cur_copy(&c, k->k_pr, d);
		ok = cur_end(&c) &&
		    sk_init(&k->k_i, s.encr, s.integ, ei, a ? ai : NULL) &&
		    sk_init(&k->k_r, s.encr, s.integ, er, a ? ar : NULL);
	}
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&s, sizeof(s));
	if (!ok)
		ike_keys_wipe(k);
	return ok;
}

void
ike_keys_wipe(struct ike_keys *k)
{
	explicit_bzero(k, sizeof(*k));
}

bool
ike_child_keys_derive(struct ike_child_keys *ck, const struct ike_keys *k,
    const struct ike_proposal *pr, const struct ike_seed *seed)
{
	const struct alg *encr = row(pr, IKE_T_ENCR);
	const struct alg *integ = row(pr, IKE_T_INTEG);
	uint8_t buf[4 * IKE_KEY_MAX];
	const struct alg_chunk in[] = {
		{ seed->se_secret.b_p, seed->se_secret.b_n },
		{ seed->se_ni->no_p, seed->se_ni->no_n },
		{ seed->se_nr->no_p, seed->se_nr->no_n },
	};
	size_t e, a;
	struct cur c;
	bool ok;

	memset(ck, 0, sizeof(*ck));
	if (encr == NULL)
		return false;
	e = alg_keymat(encr);
	a = integ != NULL ? integ->al_key : 0;
	if (e > IKE_KEY_MAX || a > IKE_KEY_MAX)
		return false;
	ok = prf_plus(k->k_prf, k->k_d, k->k_prf->al_out, in, 3, buf,
	    2 * (e + a));
	c = cur_init(buf, 2 * (e + a));
	(void)cur_copy(&c, ck->ck_encr_i, e);
	(void)cur_copy(&c, ck->ck_integ_i, a);
	(void)cur_copy(&c, ck->ck_encr_r, e);
	(void)cur_copy(&c, ck->ck_integ_r, a);
	ck->ck_encr_len = (uint8_t)e;
	ck->ck_integ_len = (uint8_t)a;
	explicit_bzero(buf, sizeof(buf));
	if (!ok)
		explicit_bzero(ck, sizeof(*ck));
	return ok;
}

size_t
ike_octets(const struct ike_keys *k, bool of_initiator, struct ike_blob message,
    const struct ike_nonce *other, struct ike_blob id_body, uint8_t *out)
{
	const struct alg_chunk id = { id_body.b_p, id_body.b_n };
	struct wcur w = wcur_init(out, IKE_OCTETS_MAX);
	uint8_t mac[PRF_MAX];

	prf_iov(k->k_prf, of_initiator ? k->k_pi : k->k_pr, k->k_prf->al_out,
	    &id, 1, mac);
	wcur_put(&w, message.b_p, message.b_n);
	wcur_put(&w, other->no_p, other->no_n);
	wcur_put(&w, mac, k->k_prf->al_out);
	return wcur_ok(&w) ? wcur_len(&w) : 0;
}

static bool
transform_usable(const struct ike_transform *t, uint8_t proto)
{
	const struct alg *a;
	unsigned need = proto == IKE_PROTO_IKE ? ALG_IKE : ALG_ESP;

	if (t->tr_type == IKE_T_ESN)
		return proto != IKE_PROTO_IKE && t->tr_id <= IKE_ESN_YES;
	if (t->tr_type < IKE_T_ENCR || t->tr_type > IKE_T_DH)
		return false;
	if (t->tr_id == 0 && (t->tr_type == IKE_T_INTEG ||
	    (t->tr_type == IKE_T_DH && proto != IKE_PROTO_IKE)))
		return true;
	if (t->tr_type == IKE_T_DH)
		need = ALG_IKE;
	a = alg_by_ike((enum alg_kind)t->tr_type, t->tr_id, t->tr_keybits);
	return a != NULL && (a->al_flags & need) != 0 &&
	    (t->tr_type != IKE_T_PRF || proto == IKE_PROTO_IKE);
}

/* An AEAD and a classic cipher do not mix (RFC 5282 section 8). */
static const char *
proposal_shape(const struct ike_proposal *pr)
{
	bool aead = false, classic = false, integ = false;

	for (unsigned i = 0; i < pr->pr_n; i++) {
		const struct ike_transform *t = &pr->pr_t[i];

		if (t->tr_type == IKE_T_INTEG && t->tr_id != 0)
			integ = true;
		if (t->tr_type != IKE_T_ENCR)
			continue;
		if (alg_by_ike(ALG_ENCR, t->tr_id, t->tr_keybits)->al_flags &
		    ALG_AEAD)
			aead = true;
		else
			classic = true;
	}
	if (!aead && !classic)
		return "a proposal has no encryption";
	if (aead && (classic || integ))
		return "an AEAD cipher stands beside a cipher or an integrity "
		    "algorithm that needs its own proposal";
	if (classic && !integ)
		return "a proposal has encryption without integrity";
	return NULL;
}

bool
ike_proposal_usable(const struct ike_proposal *pr, const char **why)
{
	*why = "a proposal has a bad number of transforms";
	if (pr->pr_n == 0 || pr->pr_n > IKE_TRANSFORMS_MAX)
		return false;
	*why = "a proposal names a transform that cannot be run";
	for (unsigned i = 0; i < pr->pr_n; i++)
		if (!transform_usable(&pr->pr_t[i], pr->pr_proto))
			return false;
	*why = "an IKE proposal needs a PRF and a group";
	if (pr->pr_proto == IKE_PROTO_IKE &&
	    (ike_proposal_get(pr, IKE_T_PRF) == NULL ||
	    ike_proposal_get(pr, IKE_T_DH) == NULL))
		return false;
	*why = proposal_shape(pr);
	return *why == NULL;
}
