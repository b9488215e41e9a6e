/* SPDX-License-Identifier: ISC */
/*
 * The host interface: Linux above a TAP device serves what netkern itself does
 * not (the management plane: SSH, the web server), with the addresses of
 * this host.
 *
 *	to Linux	a packet for one of our addresses that pf passed and that
 *			no service here takes: TCP, datagrams for ports that no
 *			program has bound, other protocols, and ICMP that answers
 *			what Linux sent.  It is handed over as it is: no rules are
 *			asked a second time, no hop is counted.
 *	from Linux	a packet made by this host: rules out, routes and policies
 *			decide about it as about any of netkern's own.  Its source
 *			must be an address of ours (HOST_SOURCE), which pf_flow()
 *			asks before it remembers a decision.
 *
 * There is at most one.  It has no neighbours: Linux' side asks for none
 * (NOARP) and takes frames for its own station, if_peer.  ICMP errors about
 * what Linux sent go to Linux alone, from the address that it sent to: from
 * one of ours Linux would not believe them, for it has the same.
 */
#ifndef NET_HOST_H
#define NET_HOST_H

#include "net/if.h"

/* Made and gone; nk_lock held. The driver is told of all addresses (io_addr). */
void		 host_attach(struct nk *, struct ifnet *);
void		 host_detach(struct nk *, struct ifnet *);
/* An address of this host has come, or goes. nk_lock held. */
void		 host_addr(struct nk *, const struct ifnet *, const struct if_addr *, bool add);

/* Would Linux get a packet that no service here takes? No lock. */
bool		 host_takes(const struct worker *, const struct pkt *);
/* Takes the packet (pkt_data at the IP header) to Linux; host_takes() said yes. */
void		 host_output(struct worker *, struct pkt *);
/* Takes those packets for this host that are Linux' for sure, joined where they can be. */
void		 host_output_vec(struct worker *, struct pktvec *);
/* Frames from Linux. Takes all of v. */
void		 host_input(struct worker *, struct ifnet *, struct pktvec *);

#endif
