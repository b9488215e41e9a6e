/* SPDX-License-Identifier: ISC */
/*
 * Ethernet (RFC 894): frames in, frames out.
 */
#ifndef NET_ETHER_H
#define NET_ETHER_H

#include "net/if.h"

#define ETHER_HLEN	14

/*
 * Frames received on ifp, pkt_data at the Ethernet header.  Takes all of v;
 * v is empty afterwards.
 */
void	ether_input(struct worker *, struct ifnet *ifp, struct pktvec *v);

/*
 * A network packet (pkt_data at its header) to pkt_neigh: puts the frame's
 * header in front and calls if_output(); waits for ARP if need be.
 */
void	ether_output(struct worker *, struct pkt *);

#endif
