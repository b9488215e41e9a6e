/* SPDX-License-Identifier: ISC */
/*
 * Neighbours and ARP (RFC 826).
 *
 * A neighbour is an address on a link, with the Ethernet header that
 * reaches it.  Flows and SAs point at neighbours; the fast path reads
 * ne_valid and copies ne_eth.  Entries are made and changed under nk_lock,
 * retired through the epoch, and bump nk_gen when they go.
 */
#ifndef NET_ARP_H
#define NET_ARP_H

#include <stdatomic.h>

#include "net/if.h"

struct neigh {
	uint8_t			 ne_eth[14];	/* destination, source, type */
	_Atomic uint8_t		 ne_valid;	/* ne_eth may be used */
	uint8_t			 ne_state;	/* enum neigh_state */
	struct ifnet		*ne_if;
	struct addr		 ne_addr;
	struct neigh		*ne_next;	/* hash chain */
	struct timer		 ne_timer;
	uint8_t			 ne_tries;
	uint8_t			 ne_permanent;
	unsigned		 ne_nhold;
	struct pkt		*ne_hold;	/* wait for the address */
};

int		 arp_init(struct nk *);
void		 arp_fini(struct nk *);
/* The entry, made if new; NULL if the table is full. nk_lock held. */
struct neigh	*neigh_get(struct nk *, struct ifnet *, const struct addr *);
/* ARP frame, pkt_data behind the Ethernet header. Takes the packet. */
void		 arp_input(struct worker *, struct pkt *);
/* Queues the packet (pkt_data at the network header) and asks. Takes it. */
void		 arp_resolve(struct worker *, struct neigh *, struct pkt *);
/* 0, or EEXIST, ENOENT, ENETUNREACH */
int		 arp_set(struct nk *, const struct addr *, const uint8_t mac[6]);
int		 arp_delete(struct nk *, const struct addr *);
void		 arp_flush_if(struct nk *, struct ifnet *);
void		 arp_walk(struct nk *, void (*fn)(void *, const struct neigh *), void *);

#endif
