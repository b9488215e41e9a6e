/* SPDX-License-Identifier: ISC */
/*
 * Hashes, pseudo-random functions and integrity algorithms of IKE.
 *
 * Contexts belong to the caller, hold no pointers to anything that must be
 * freed, and may be copied.  A context that held a key is wiped by its
 * _final function (or by explicit_bzero() if that is never called).
 */
#ifndef LIBALG_PRF_H
#define LIBALG_PRF_H

#include <bearssl.h>

#include "libalg/alg.h"

/* Hashes: for NAT detection (SHA-1) and signatures (RFC 7427, RFC 8247). */
enum alg_hash {
	ALG_SHA1 = 1,		/* the values are IANA's "IKEv2 Hash */
	ALG_SHA2_256 = 2,	/* Algorithms" */
	ALG_SHA2_384 = 3,
	ALG_SHA2_512 = 4,
};

#define ALG_HASH_MAX	64	/* bytes of the longest digest */
#define PRF_MAX		64	/* bytes of the longest PRF output */
#define INTEG_ICV_MAX	32	/* bytes of the longest ICV */

/* Digest length in bytes; 0 when the hash is unknown. */
size_t hash_len(enum alg_hash h);

/* out gets hash_len(h) bytes.  false, and nothing written: h unknown. */
bool hash_iov(enum alg_hash h, const struct alg_chunk *in, unsigned nin,
    uint8_t *out);

/*
 * PRF (RFC 7296 section 2.13).  alg is an ALG_PRF row with ALG_IKE, else
 * every function here aborts: proposals have been filtered before.
 * The key may have any length, 0 as well; out gets alg->al_out bytes.
 */
struct prf {
	const struct alg	*prf_alg;
	br_hmac_key_context	 prf_key;
	br_hmac_context		 prf_hmac;
};

void prf_init(struct prf *p, const struct alg *alg, const void *key,
    size_t keylen);
void prf_update(struct prf *p, const void *data, size_t n);
void prf_final(struct prf *p, uint8_t *out);

/* All at once: out = prf(key, in[0] | in[1] | ...). */
void prf_iov(const struct alg *alg, const void *key, size_t keylen,
    const struct alg_chunk *in, unsigned nin, uint8_t *out);

/*
 * out = prf+(key, seed[0] | seed[1] | ...), outlen bytes of it.
 * false, and out zeroed: outlen exceeds 255 times the PRF's output.
 */
bool prf_plus(const struct alg *alg, const void *key, size_t keylen,
    const struct alg_chunk *seed, unsigned nseed, uint8_t *out,
    size_t outlen);

/*
 * Integrity.  alg is an ALG_INTEG row with ALG_IKE, key has alg->al_key
 * bytes, icv has alg->al_icv bytes.  integ_verify() compares in constant
 * time.
 */
void integ_compute(const struct alg *alg, const void *key,
    const struct alg_chunk *in, unsigned nin, uint8_t *icv);
bool integ_verify(const struct alg *alg, const void *key,
    const struct alg_chunk *in, unsigned nin, const uint8_t *icv);

#endif
