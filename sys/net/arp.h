/* SPDX-License-Identifier: ISC */
/*
 * Neighbours and ARP (RFC 826, conflict detection as RFC 5227 section 2.4).
 *
 * A neighbour is an address on a link, with the Ethernet header that
 * reaches it.  Flows and SAs point at neighbours; the fast path reads
 * ne_valid and copies ne_eth.  Entries are made and changed under nk_lock,
 * retired through the epoch, and bump nk_gen when they go.
 *
 * An entry is made only when this host wants to send to the address (or by
 * the operator).  What a station says about itself, in a request or a
 * reply, asked for or not, changes an entry that exists; it makes none, and
 * never changes a permanent one.  So a flood of replies fills no table.
 *
 *   NEW ──packet──> ASKING ──reply──> REACHABLE ──300 s, used──> PROBING
 *                     │ 3 tries                └─ unused ─> gone      │ reply: REACHABLE
 *                     └─> FAILED (held packets dropped) <─ 3 tries ───┘
 *   FAILED ──packet──> ASKING, at most once a second; ──60 s──> gone
 *
 * Each entry that goes costs every flow a new decision, so they go together:
 * those whose time is over every ARP_SWEEP_NS, and those that did not resolve
 * when the table is full, at most once in ARP_ROOM_NS or a quarter of it at a
 * time.  A scan of addresses that nobody has thus cannot keep the fast path
 * from its decisions.
 */
#ifndef NET_ARP_H
#define NET_ARP_H

#include <stdatomic.h>

#include "net/if.h"

#define ARP_LEN			28	/* bytes of an ARP packet for IPv4 over Ethernet */
#define ARP_TRIES		3
#define ARP_RETRY_NS		NSEC_PER_SEC
#define ARP_REACHABLE_NS	(300 * NSEC_PER_SEC)
#define ARP_FAILED_NS		(60 * NSEC_PER_SEC)
#define ARP_SWEEP_NS		(30 * NSEC_PER_SEC)
#define ARP_ROOM_NS		NSEC_PER_SEC
#define ARP_HOLD_MAX		16	/* packets that wait, per entry; in all see struct pkt_waits */
#define ARP_MAX			8192	/* entries */

enum neigh_state {
	NEIGH_NEW,
	NEIGH_ASKING,
	NEIGH_REACHABLE,
	NEIGH_PROBING,		/* still valid; asked again, by unicast */
	NEIGH_FAILED,
	NEIGH_DEAD		/* out of the table, waits for the epoch */
};

struct neigh {
	uint8_t			 ne_eth[14];	/* destination, source, type */
	_Atomic uint8_t		 ne_valid;	/* ne_eth may be used */
	_Atomic uint8_t		 ne_used;	/* since it was last confirmed */
	uint8_t			 ne_state;	/* enum neigh_state */
	uint8_t			 ne_tries;
	uint8_t			 ne_permanent;
	struct ifnet		*ne_if;
	struct addr		 ne_addr;
	struct neigh		*ne_next;	/* hash chain */
	struct timer		 ne_timer;	/* on nk_wheel: its state ends */
	unsigned		 ne_nhold;
	struct pkt		*ne_hold;	/* wait for the address, oldest first */
};

int		 arp_init(struct nk *);
/* Every worker has ended. */
void		 arp_fini(struct nk *);
/* The entry, made if new; NULL if the table is full. nk_lock held. */
struct neigh	*neigh_get(struct nk *, struct ifnet *, const struct addr *);
/* The entry if there is one. nk_lock held. */
struct neigh	*neigh_find(struct nk *, const struct ifnet *, const struct addr *);
/* ARP packet, pkt_data behind the Ethernet header. Takes the packet. */
void		 arp_input(struct worker *, struct pkt *);
/*
 * What arp_resolve() would do with one more packet: DROP_NONE (it waits) or
 * why not; *ask: the neighbour would be asked for.  ne_valid is not looked at.
 */
enum drop_reason neigh_waits(const struct worker *, const struct neigh *, const struct pkt *,
    bool *ask);
/* Queues the packet (pkt_data at the network header) and asks. Takes it. */
void		 arp_resolve(struct worker *, struct neigh *, struct pkt *);
/*
 * Tells the link of an address of ours (gratuitous request, RFC 5227 section
 * 2.3), soon, from worker 0; for if_addr_add() and an interface that comes
 * up.  nk_lock held; any thread.
 */
void		 arp_announce(struct nk *, struct ifnet *, const struct addr *);
/* A permanent entry. 0, ENETUNREACH (on no link of ours), ENOSPC, EINVAL. nk_lock held. */
int		 arp_set(struct nk *, const struct addr *, const uint8_t mac[6]);
/* 0, ENOENT. nk_lock held. */
int		 arp_delete(struct nk *, const struct addr *);
void		 arp_flush_if(struct nk *, struct ifnet *);
void		 arp_walk(struct nk *, void (*fn)(void *, const struct neigh *), void *);

#endif
