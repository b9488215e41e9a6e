/* SPDX-License-Identifier: ISC */
/*
 * Hashes, PRF, prf+ and integrity over BearSSL's hashes.  See prf.h.
 */
#include "libalg/prf.h"

#include <stdlib.h>
#include <string.h>

static const br_hash_class *
hash_class(enum alg_hash h)
{
	switch (h) {
	case ALG_SHA1:
		return &br_sha1_vtable;
	case ALG_SHA2_256:
		return &br_sha256_vtable;
	case ALG_SHA2_384:
		return &br_sha384_vtable;
	case ALG_SHA2_512:
		return &br_sha512_vtable;
	}
	return NULL;
}

/* The hash under an HMAC row, as PRF or as integrity. */
static const br_hash_class *
hmac_class(const struct alg *a)
{
	switch ((enum alg_row)(a - alg_table)) {
	case ALG_PRF_HMAC_SHA1:
	case ALG_HMAC_SHA1:
		return &br_sha1_vtable;
	case ALG_PRF_HMAC_SHA2_256:
	case ALG_HMAC_SHA2_256:
		return &br_sha256_vtable;
	case ALG_PRF_HMAC_SHA2_384:
	case ALG_HMAC_SHA2_384:
		return &br_sha384_vtable;
	case ALG_PRF_HMAC_SHA2_512:
	case ALG_HMAC_SHA2_512:
		return &br_sha512_vtable;
	default:
		abort();
	}
}

size_t
hash_len(enum alg_hash h)
{
	const br_hash_class *c = hash_class(h);

	return c == NULL ? 0 :
	    (c->desc >> BR_HASHDESC_OUT_OFF) & BR_HASHDESC_OUT_MASK;
}

bool
hash_iov(enum alg_hash h, const struct alg_chunk *in, unsigned nin,
    uint8_t *out)
{
	const br_hash_class *c = hash_class(h);
	br_hash_compat_context ctx;

	if (c == NULL)
		return false;
	c->init(&ctx.vtable);
	for (unsigned i = 0; i < nin; i++)
		c->update(&ctx.vtable, in[i].p, in[i].n);
	c->out(&ctx.vtable, out);
	explicit_bzero(&ctx, sizeof(ctx));
	return true;
}

static void
hmac_start(struct prf *p, const struct alg *alg, const void *key,
    size_t keylen)
{
	p->prf_alg = alg;
	br_hmac_key_init(&p->prf_key, hmac_class(alg), key, keylen);
	br_hmac_init(&p->prf_hmac, &p->prf_key, 0);
}

void
prf_init(struct prf *p, const struct alg *alg, const void *key,
    size_t keylen)
{
	if (alg->al_kind != ALG_PRF)
		abort();
	hmac_start(p, alg, key, keylen);
}

void
prf_update(struct prf *p, const void *data, size_t n)
{
	br_hmac_update(&p->prf_hmac, data, n);
}

void
prf_final(struct prf *p, uint8_t *out)
{
	br_hmac_out(&p->prf_hmac, out);
	explicit_bzero(p, sizeof(*p));
}

static void
prf_chunks(struct prf *p, const struct alg_chunk *in, unsigned nin)
{
	for (unsigned i = 0; i < nin; i++)
		prf_update(p, in[i].p, in[i].n);
}

void
prf_iov(const struct alg *alg, const void *key, size_t keylen,
    const struct alg_chunk *in, unsigned nin, uint8_t *out)
{
	struct prf p;

	prf_init(&p, alg, key, keylen);
	prf_chunks(&p, in, nin);
	prf_final(&p, out);
}

/* T1 = prf(K, S | 0x01), Tn = prf(K, Tn-1 | S | n): RFC 7296 section 2.13. */
bool
prf_plus(const struct alg *alg, const void *key, size_t keylen,
    const struct alg_chunk *seed, unsigned nseed, uint8_t *out,
    size_t outlen)
{
	struct prf keyed, p;
	uint8_t t[PRF_MAX];
	size_t size = alg->al_out, take;

	if (outlen > 255 * size) {
		explicit_bzero(out, outlen);
		return false;
	}
	prf_init(&keyed, alg, key, keylen);
	for (uint8_t n = 1; outlen > 0; n++) {
		p = keyed;
		if (n > 1)
			prf_update(&p, t, size);
		prf_chunks(&p, seed, nseed);
		prf_update(&p, &n, 1);
		prf_final(&p, t);
		take = outlen < size ? outlen : size;
		memcpy(out, t, take);
		out += take;
		outlen -= take;
	}
	explicit_bzero(&keyed, sizeof(keyed));
	explicit_bzero(t, sizeof(t));
	return true;
}

void
integ_compute(const struct alg *alg, const void *key,
    const struct alg_chunk *in, unsigned nin, uint8_t *icv)
{
	struct prf p;
	uint8_t full[PRF_MAX];

	if (alg->al_kind != ALG_INTEG)
		abort();
	hmac_start(&p, alg, key, alg->al_key);
	prf_chunks(&p, in, nin);
	prf_final(&p, full);
	memcpy(icv, full, alg->al_icv);
	explicit_bzero(full, sizeof(full));
}

bool
integ_verify(const struct alg *alg, const void *key,
    const struct alg_chunk *in, unsigned nin, const uint8_t *icv)
{
	uint8_t mine[INTEG_ICV_MAX];
	bool ok;

	integ_compute(alg, key, in, nin, mine);
	ok = alg_equal(mine, icv, alg->al_icv);
	explicit_bzero(mine, sizeof(mine));
	return ok;
}
