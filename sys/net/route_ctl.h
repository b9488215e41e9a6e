/* SPDX-License-Identifier: ISC */
/*
 * What route(8) and arp listings ask of the control socket: CTL_RT_* and
 * CTL_ARP_* of kern/ctl.h.
 */
#ifndef NET_ROUTE_CTL_H
#define NET_ROUTE_CTL_H

struct nk;

/* Registers the operations; 0 or errno. */
int	route_ctl_init(struct nk *);

#endif
