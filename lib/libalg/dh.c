/* SPDX-License-Identifier: ISC */
/*
 * Diffie-Hellman: what all kinds of groups have in common.  See dh.h.
 */
#include "libalg/dh.h"

#include <string.h>

#include "libalg/dh_local.h"

static const struct dh_ops *
dh_ops(const struct alg *g)
{
	if (g->al_kind != ALG_DH || (g->al_flags & ALG_IKE) == 0)
		return NULL;
	switch ((enum alg_row)(g - alg_table)) {
	case ALG_CURVE25519:
		return &dh_x25519_ops;
	case ALG_ECP256:
	case ALG_ECP384:
	case ALG_ECP521:
		return &dh_ecp_ops;
	default:
		return &dh_modp_ops;
	}
}

size_t
dh_group_size(const struct alg *group)
{
	return group->al_key;
}

size_t
dh_secret_size(const struct alg *group)
{
	return group->al_out;
}

void
dh_wipe(struct dh *d)
{
	explicit_bzero(d, sizeof(*d));
}

bool
dh_generate(struct dh *d, const struct alg *group, const struct alg_rand *rnd)
{
	const struct dh_ops *ops = dh_ops(group);

	memset(d, 0, sizeof(*d));
	if (ops == NULL)
		return false;
	d->dh_group = group;
	do
		rnd->fill(rnd->arg, d->dh_private,
		    ops->do_private_len(group));
	while (!ops->do_private_fix(group, d->dh_private));

	if (ops->do_public(d))
		return true;
	dh_wipe(d);
	return false;
}

bool
dh_from_private(struct dh *d, const struct alg *group, const void *priv,
    size_t privlen)
{
	const struct dh_ops *ops = dh_ops(group);
	size_t full;

	memset(d, 0, sizeof(*d));
	if (ops == NULL || privlen > (full = ops->do_private_len(group)) ||
	    (ops == &dh_x25519_ops && privlen != full))
		return false;
	d->dh_group = group;
	memcpy(&d->dh_private[full - privlen], priv, privlen);
	if (ops->do_private_fix(group, d->dh_private) && ops->do_public(d))
		return true;
	dh_wipe(d);
	return false;
}

bool
dh_public_valid(const struct alg *group, const void *peer, size_t peerlen)
{
	const struct dh_ops *ops = dh_ops(group);

	return ops != NULL && peerlen == dh_group_size(group) &&
	    ops->do_valid(group, peer);
}

bool
dh_shared(const struct dh *d, const void *peer, size_t peerlen,
    uint8_t *secret)
{
	const struct alg *g = d->dh_group;

	if (dh_public_valid(g, peer, peerlen) &&
	    dh_ops(g)->do_shared(d, peer, secret))
		return true;
	explicit_bzero(secret, dh_secret_size(g));
	return false;
}
