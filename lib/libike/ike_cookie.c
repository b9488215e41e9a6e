/* SPDX-License-Identifier: ISC */
/*
 * Cookies (RFC 7296 section 2.6): above a number of half-open SAs, of one
 * address or of all, a peer must show that it receives at its address before
 * anything is stored or computed for it.
 *
 *	cookie = version, HMAC(secret of version, Ni | address | SPIi), 16 bytes
 *
 * The secret is renewed every minute; that of the minute before still counts.
 */
#include "libike/ike_var.h"

#define COOKIE_KEY_MS	60000
#define COOKIE_MAC_LEN	16
#define COOKIE_LEN	(1 + COOKIE_MAC_LEN)

static unsigned
half_open_of(const struct ike *ike, const struct addr *peer)
{
	const struct ikesa *sa;
	unsigned n = 0;

	LIST_FOREACH(sa, &ike->i_half, sa_half_entry)
		n += addr_equal(&sa->sa_remote, peer);
	return n;
}

bool
cookie_wanted(const struct ike *ike, const struct addr *peer)
{
	const struct ike_conf *cf = &ike->i_conf;

	return ike->i_objects.oc_halfopen >= cf->cf_cookie_all ||
	    half_open_of(ike, peer) >= cf->cf_cookie_peer;
}

bool
cookie_limit(const struct ike *ike, const struct addr *peer)
{
	const struct ike_conf *cf = &ike->i_conf;

	return ike->i_objects.oc_halfopen >= cf->cf_halfopen_max ||
	    half_open_of(ike, peer) >= cf->cf_halfopen_peer_max;
}

static void
cookie_mac(const struct ike *ike, unsigned version, const struct ike_hdr *h,
    const struct addr *peer, struct ike_blob nonce, uint8_t *out)
{
	uint8_t spi[IKE_SPI_LEN], mac[PRF_MAX];
	struct wcur w = wcur_init(spi, sizeof(spi));
	const struct alg_chunk in[] = { { nonce.b_p, nonce.b_n },
	    { peer->ad_bytes, sizeof(peer->ad_bytes) },
	    { spi, sizeof(spi) } };

	wcur_u64(&w, h->h_spi_i);
	prf_iov(&alg_table[ALG_PRF_HMAC_SHA2_256], ike->i_cookie_key[version],
	    sizeof(ike->i_cookie_key[version]), in, 3, mac);
	memcpy(out, mac, COOKIE_MAC_LEN);
}

/* Which of the two secrets is the newer one. */
static unsigned
cookie_rotate(struct ike *ike)
{
	uint64_t age = (ike->i_now - ike->i_cookie_since) / COOKIE_KEY_MS;

	if (age != 0) {
		ike->i_cookie_version ^= 1;
		ike_random(ike, ike->i_cookie_key[ike->i_cookie_version],
		    sizeof(ike->i_cookie_key[0]));
		if (age > 1)
			ike_random(ike,
			    ike->i_cookie_key[ike->i_cookie_version ^ 1],
			    sizeof(ike->i_cookie_key[0]));
		ike->i_cookie_since = ike->i_now;
	}
	return ike->i_cookie_version;
}

size_t
cookie_make(struct ike *ike, const struct ike_hdr *h, const struct addr *peer,
    struct ike_blob nonce, uint8_t *out)
{
	unsigned version = cookie_rotate(ike);

	out[0] = (uint8_t)version;
	cookie_mac(ike, version, h, peer, nonce, out + 1);
	return COOKIE_LEN;
}

bool
cookie_check(struct ike *ike, const struct ike_hdr *h, const struct addr *peer,
    struct ike_blob nonce, struct ike_blob cookie)
{
	uint8_t mac[COOKIE_MAC_LEN];

	(void)cookie_rotate(ike);
	if (cookie.b_n != COOKIE_LEN || cookie.b_p[0] > 1)
		return false;
	cookie_mac(ike, cookie.b_p[0], h, peer, nonce, mac);
	return alg_equal(mac, cookie.b_p + 1, sizeof(mac));
}
