/* SPDX-License-Identifier: ISC */
/*
 * Elliptic-curve groups: the NIST curves over BearSSL (RFC 5903), and
 * Curve25519 (RFC 7748, RFC 8031).
 *
 * BearSSL writes a point as 0x04 | x | y and checks, when it decodes one,
 * that both coordinates are in range and that it lies on the curve.  All
 * three curves have prime order, so nothing else needs checking.
 */
#include <bearssl.h>
#include <string.h>

#include "libalg/dh_local.h"
#include "libalg/x25519.h"

#define ECP_POINT_MAX	133	/* P-521: 1 + 2 * 66 */

static int
ecp_curve(const struct alg *g)
{
	switch ((enum alg_row)(g - alg_table)) {
	case ALG_ECP256:
		return BR_EC_secp256r1;
	case ALG_ECP384:
		return BR_EC_secp384r1;
	default:
		return BR_EC_secp521r1;
	}
}

static const br_ec_impl *
ecp_impl(const struct alg *g)
{
	return ecp_curve(g) == BR_EC_secp256r1 ? &br_ec_p256_m31 :
	    &br_ec_prime_i31;
}

static size_t
ecp_private_len(const struct alg *g)
{
	return g->al_out;
}

/* 0 < priv < order of the group. */
static bool
ecp_private_fix(const struct alg *g, uint8_t *priv)
{
	const uint8_t *order;
	uint8_t any = 0;
	size_t n;

	order = ecp_impl(g)->order(ecp_curve(g), &n);
	if (ecp_curve(g) == BR_EC_secp521r1 && priv[0] > 1)
		return false;	/* longer than 521 bits */
	for (size_t i = 0; i < n; i++)
		any |= priv[i];
	return any != 0 && memcmp(priv, order, n) < 0;
}

static bool
ecp_public(struct dh *d)
{
	const struct alg *g = d->dh_group;
	uint8_t point[ECP_POINT_MAX];

	if (ecp_impl(g)->mulgen(point, d->dh_private, ecp_private_len(g),
	    ecp_curve(g)) != (size_t)g->al_key + 1)
		return false;
	memcpy(d->dh_public, &point[1], g->al_key);
	return true;
}

static bool
ecp_mul(const struct alg *g, const uint8_t *peer, const uint8_t *k, size_t n,
    uint8_t *point)
{
	point[0] = 0x04;
	memcpy(&point[1], peer, g->al_key);
	return ecp_impl(g)->mul(point, (size_t)g->al_key + 1, k, n,
	    ecp_curve(g)) == 1;
}

/* Decoding checks the point: one times the point is enough. */
static bool
ecp_valid(const struct alg *g, const uint8_t *peer)
{
	uint8_t point[ECP_POINT_MAX], one = 1;

	return ecp_mul(g, peer, &one, 1, point);
}

static bool
ecp_shared(const struct dh *d, const uint8_t *peer, uint8_t *secret)
{
	const struct alg *g = d->dh_group;
	uint8_t point[ECP_POINT_MAX];
	bool ok;

	ok = ecp_mul(g, peer, d->dh_private, ecp_private_len(g), point);
	memcpy(secret, &point[1], g->al_out);
	explicit_bzero(point, sizeof(point));
	return ok;
}

const struct dh_ops dh_ecp_ops = {
	.do_private_len = ecp_private_len,
	.do_private_fix = ecp_private_fix,
	.do_public = ecp_public,
	.do_valid = ecp_valid,
	.do_shared = ecp_shared,
};

static size_t
x25519_private_len(const struct alg *g)
{
	return g->al_key;
}

/* Clamping is part of the multiplication (RFC 7748 section 5). */
static bool
x25519_private_fix(const struct alg *g, uint8_t *priv)
{
	(void)g;
	(void)priv;
	return true;
}

static bool
x25519_public(struct dh *d)
{
	static const uint8_t base[32] = { 9 };

	x25519(d->dh_public, d->dh_private, base);
	return true;
}

/* Every string is a public value; small orders show in the result. */
static bool
x25519_valid(const struct alg *g, const uint8_t *peer)
{
	(void)g;
	(void)peer;
	return true;
}

static bool
x25519_shared(const struct dh *d, const uint8_t *peer, uint8_t *secret)
{
	static const uint8_t zero[32];

	x25519(secret, d->dh_private, peer);
	return !alg_equal(secret, zero, sizeof(zero));
}

const struct dh_ops dh_x25519_ops = {
	.do_private_len = x25519_private_len,
	.do_private_fix = x25519_private_fix,
	.do_public = x25519_public,
	.do_valid = x25519_valid,
	.do_shared = x25519_shared,
};
