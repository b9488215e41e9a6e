/* SPDX-License-Identifier: ISC */
/*
 * What dh.c asks of the kinds of groups.  One table of functions per kind;
 * d->dh_group says which group it is.
 */
#ifndef LIBALG_DH_LOCAL_H
#define LIBALG_DH_LOCAL_H

#include "libalg/dh.h"

struct dh_ops {
	/* Bytes of a private key in dh_private, at its start. */
	size_t	(*do_private_len)(const struct alg *group);
	/* Fix bits of random bytes; false: not a private key, draw again. */
	bool	(*do_private_fix)(const struct alg *group, uint8_t *priv);
	/* Public value from the private key. */
	bool	(*do_public)(struct dh *d);
	/* The peer's value, of the right length, is acceptable. */
	bool	(*do_valid)(const struct alg *group, const uint8_t *peer);
	/* Secret from a value that was found valid. */
	bool	(*do_shared)(const struct dh *d, const uint8_t *peer,
		    uint8_t *secret);
};

extern const struct dh_ops dh_modp_ops, dh_ecp_ops, dh_x25519_ops;

/* dh_modp.c: the group's prime, dh_group_size() bytes, for tests as well. */
void dh_modp_prime(const struct alg *group, uint8_t *p);

#endif
