/* SPDX-License-Identifier: ISC */
/*
 * Authentication with a pre-shared key (RFC 7296 section 2.15) as pure
 * functions, for the process that holds the keys and for tests.
 *
 *	AUTH = prf(prf(key, "Key Pad for IKEv2"), octets)
 *
 * The octets come from IKE_ACT_AUTH_SIGN or IKE_ACT_AUTH_VERIFY
 * (libike/ike.h).  Both functions keep nothing and wipe what they computed
 * on the way.
 */
#ifndef LIBIKE_IKE_AUTH_H
#define LIBIKE_IKE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_AUTH_METHOD_PSK	2	/* RFC 7296 section 3.8 */

/*
 * Writes the AUTH data to out (at least 64 bytes) and returns its length, the
 * output length of the PRF; 0 if the PRF is not known or the key is empty.
 */
size_t	ike_auth_psk(uint16_t prf, const void *key, size_t keylen,
	    const void *octets, size_t len, uint8_t *out);

/* True if and only if auth is what the key gives; compares in constant time. */
bool	ike_auth_psk_verify(uint16_t prf, const void *key, size_t keylen,
	    const void *octets, size_t len, const void *auth, size_t authlen);

#endif
