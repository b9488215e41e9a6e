/* SPDX-License-Identifier: ISC */
/*
 * AUTH from a pre-shared key (see ike_auth.h; RFC 7296 section 2.15).
 */
#include <string.h>

#include "libalg/prf.h"
#include "libike/ike_auth.h"

static const char key_pad[] = "Key Pad for IKEv2";	/* without the NUL */

size_t
ike_auth_psk(uint16_t prf, const void *key, size_t keylen, const void *octets,
    size_t len, uint8_t *out)
{
	const struct alg *a = alg_by_ike(ALG_PRF, prf, 0);
	const struct alg_chunk pad = { key_pad, sizeof(key_pad) - 1 };
	const struct alg_chunk in = { octets, len };
	uint8_t inner[PRF_MAX];

	if (a == NULL || !(a->al_flags & ALG_IKE) || keylen == 0)
		return 0;
	prf_iov(a, key, keylen, &pad, 1, inner);
	prf_iov(a, inner, a->al_out, &in, 1, out);
	explicit_bzero(inner, sizeof(inner));
	return a->al_out;
}

bool
ike_auth_psk_verify(uint16_t prf, const void *key, size_t keylen,
    const void *octets, size_t len, const void *auth, size_t authlen)
{
	uint8_t mine[PRF_MAX];
	size_t n = ike_auth_psk(prf, key, keylen, octets, len, mine);
	bool ok = n != 0 && n == authlen && alg_equal(mine, auth, n);

	explicit_bzero(mine, sizeof(mine));
	return ok;
}
