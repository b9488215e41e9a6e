/* SPDX-License-Identifier: ISC */
/*
 * CTL_IPSEC_SAS: what a program may know of the SAs that must not know their
 * keys.  One answer each; the body of the request is empty.
 */
#ifndef NETIPSEC_SA_LIST_H
#define NETIPSEC_SA_LIST_H

#include "kern/ctl.h"

int	sa_list(struct nk *, struct clock_now, struct ctl_request *, struct ctl_reply *);

#endif
