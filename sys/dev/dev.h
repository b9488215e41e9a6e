/* SPDX-License-Identifier: ISC */
/*
 * The drivers, each a table of functions (net/if.h), and their arguments:
 *
 *	packet	NAME[,promisc][,shared]	a Linux interface, by AF_PACKET
 *	xdp	NAME[,copy|generic][,promisc]	the same, by AF_XDP
 *	nic	NAME[,promisc][,shared]	the same, by the better of these: dev/nic.c
 *	tap	[NAME][,host]		a TAP device that is made
 *	pcap	[in=FILE][,out=FILE][,loop=N]	replay and record
 *	pktgen	see dev/pktgen.c	load of any kind, and a sink
 */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include "net/if.h"

extern const struct if_ops packet_ops;
extern const struct if_ops xdp_ops;
extern const struct if_ops nic_ops;
extern const struct if_ops tap_ops;
extern const struct if_ops pcap_ops;
extern const struct if_ops pktgen_ops;

#endif
