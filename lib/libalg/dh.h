/* SPDX-License-Identifier: ISC */
/*
 * Diffie-Hellman groups of IKE: MODP (RFC 3526), ECP (RFC 5903), Curve25519
 * (RFC 8031).
 *
 * Values are as in the KE payload: MODP big-endian and as long as the
 * prime; ECP x then y, without a leading byte; Curve25519 as in RFC 7748.
 * The shared secret is g^ir as the key schedule wants it: MODP as long as
 * the prime, ECP the x coordinate alone (RFC 5903 section 9, erratum
 * resolved there), Curve25519 32 bytes.
 *
 * The peer's value is checked before it is used (RFC 6989, RFC 8031 section
 * 5): MODP 1 < y < p - 1; ECP on the curve; Curve25519 refuses a result of
 * all zeroes.
 */
#ifndef LIBALG_DH_H
#define LIBALG_DH_H

#include "libalg/alg.h"

#define DH_PRIVATE_MAX	80	/* bytes: 8192-bit MODP has 624-bit exponents */
#define DH_PUBLIC_MAX	1024
#define DH_SECRET_MAX	1024

/* A key pair, used for one exchange.  Wipe with dh_wipe(). */
struct dh {
	const struct alg	*dh_group;
	uint8_t			 dh_private[DH_PRIVATE_MAX];
	uint8_t			 dh_public[DH_PUBLIC_MAX];
};

/* Bytes of a public value (the KE payload's data), of a shared secret. */
size_t dh_group_size(const struct alg *group);
size_t dh_secret_size(const struct alg *group);

/*
 * Make a key pair; the public value is dh_group_size() bytes of dh_public.
 * false, and d zeroed: the group is not usable (no ALG_IKE).
 */
bool dh_generate(struct dh *d, const struct alg *group,
    const struct alg_rand *rnd);

/*
 * The same from a given private key, for published vectors: big-endian,
 * for Curve25519 the 32 bytes of RFC 7748.  false also when the key is too
 * long for the group, is zero, or exceeds the group's order.
 */
bool dh_from_private(struct dh *d, const struct alg *group, const void *priv,
    size_t privlen);

/*
 * secret gets dh_secret_size() bytes.
 * false, and secret zeroed: the peer's value has a wrong length or is not
 * acceptable; the exchange must fail.
 */
bool dh_shared(const struct dh *d, const void *peer, size_t peerlen,
    uint8_t *secret);

/* The check alone, as far as it needs no private key. */
bool dh_public_valid(const struct alg *group, const void *peer,
    size_t peerlen);

void dh_wipe(struct dh *d);

#endif
