/* SPDX-License-Identifier: ISC */
/*
 * The key schedule (RFC 7296 sections 2.13, 2.14, 2.17 and 2.18) as pure
 * functions over libalg.
 */
#ifndef LIBIKE_IKE_KEY_H
#define LIBIKE_IKE_KEY_H

#include "libalg/alg.h"
#include "libalg/dh.h"
#include "libalg/prf.h"
#include "libalg/sk.h"
#include "libike/ike_msg.h"

/* Keys of one IKE SA; wiped by ike_keys_wipe(). */
struct ike_keys {
	const struct alg	*k_prf;
	struct sk		 k_i, k_r;	/* from initiator, responder */
	uint8_t			 k_d[PRF_MAX];	/* k_prf->al_out bytes each */
	uint8_t			 k_pi[PRF_MAX], k_pr[PRF_MAX];
};

struct ike_nonce {
	uint16_t	no_n;
	uint8_t		no_p[IKE_NONCE_MAX];
};

/* What enters the derivation besides the old keys. */
struct ike_seed {
	const struct ike_nonce	*se_ni, *se_nr;
	uint64_t		 se_spi_i, se_spi_r;	/* IKE SA alone */
	struct ike_blob		 se_secret;	/* g^ir; empty: no group */
};

/*
 * Derive the keys of an IKE SA; old is NULL for the first SA and the keys of
 * the SA rekeyed otherwise (section 2.18).  False, and *k zeroed, if the
 * proposal holds what libalg cannot run.
 */
bool	ike_keys_derive(struct ike_keys *k, const struct ike_proposal *pr,
	    const struct ike_seed *seed, const struct ike_keys *old);
void	ike_keys_wipe(struct ike_keys *k);

/* Keys of a child, out of KEYMAT (section 2.17), by sender. */
struct ike_child_keys {
	uint8_t	ck_encr_i[IKE_KEY_MAX], ck_integ_i[IKE_KEY_MAX];
	uint8_t	ck_encr_r[IKE_KEY_MAX], ck_integ_r[IKE_KEY_MAX];
	uint8_t	ck_encr_len, ck_integ_len;
};
bool	ike_child_keys_derive(struct ike_child_keys *ck,
	    const struct ike_keys *k, const struct ike_proposal *pr,
	    const struct ike_seed *seed);

/*
 * Octets that the AUTH payload signs (section 2.15): the signer's IKE_SA_INIT
 * message, the other side's nonce, and prf(SK_p, signer's ID body).
 * => out has IKE_OCTETS_MAX bytes; returns the length, 0 if it does not fit.
 */
size_t	ike_octets(const struct ike_keys *k, bool of_initiator,
	    struct ike_blob message, const struct ike_nonce *other,
	    struct ike_blob id_body, uint8_t *out);

/* Can libalg and libike run each transform of it? */
bool	ike_proposal_usable(const struct ike_proposal *pr, const char **why);

#endif
