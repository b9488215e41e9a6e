/* SPDX-License-Identifier: ISC */
/*
 * An interface of no device (dev/null.h): up, with an address of a /24.
 */
#ifndef REGRESS_SYS_TESTNULL_H
#define REGRESS_SYS_TESTNULL_H

#include <stdlib.h>

#include "dev/null.h"

static struct ifnet *
null_if(struct nk *nk, const char *name, const char *text, uint16_t caps)
{
	static const struct if_ops ops = NULL_DRIVER("null");
	struct addr a;
	char err[100];
	struct ifnet *ifp = if_create(nk, name, &ops, "", err, sizeof(err));

	if (ifp == NULL || !addr_parse(text, &a) || if_set_mtu(nk, ifp, 1500) != 0)
		abort();
	ifp->if_caps = caps;
	if (if_set_flags(nk, ifp, IF_F_UP) != 0 || if_addr_add(nk, ifp, &a, 24) != 0)
		abort();
	return ifp;
}

#endif
