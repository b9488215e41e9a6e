/* SPDX-License-Identifier: ISC */
/*
 * UDP for local programs: the service behind udp.sock (netinet/udp_msg.h).
 */
#ifndef NETINET_UDP_H
#define NETINET_UDP_H

#include "net/if.h"
#include "netinet/udp_msg.h"

int	udp_init(struct nk *);
void	udp_fini(struct nk *);
/* The port (network order) is bound with UDP_M_BYPASS. nk_lock held. */
bool	udp_port_bypass(struct nk *, uint16_t port);
/* A UDP packet for this host, pkt_l4 at its header. Takes it. */
void	udp_input(struct worker *, struct pkt *);
/* Does the port (network order) carry ESP in UDP? Lock-free. */
bool	udp_is_natt(struct nk *, uint16_t port);
/*
 * An ICMP error for this host, pkt_l4 at its header, verified: if it is
 * "fragmentation needed" about a datagram from a bound port, the program hears of
 * it.  The packet stays the caller's.
 */
void	udp_icmp(struct worker *, const struct pkt *);
/* Length and checksum of a UDP packet (pkt_l4 set, not a fragment): DROP_NONE, UDP_BAD, UDP_CSUM. */
enum drop_reason udp_check(const struct pkt *);

/* Clients: a shell (kern/main.c) or a test supplies how messages reach them. */
struct udp_client {
	bool	(*uc_send)(void *arg, const struct udp_msg *, const void *data, size_t len);	/* false: full */
	void	*uc_arg;
	struct udp_client *uc_next;
	unsigned uc_nports;
	struct { uint16_t port; uint16_t flags; } uc_port[8];
};
void	udp_client_add(struct nk *, struct udp_client *);
void	udp_client_remove(struct nk *, struct udp_client *);
/* One record from the program; malformed ones are answered UDP_ERROR EINVAL. nk_lock held. */
void	udp_client_message(struct worker *, struct udp_client *, const void *, size_t);

#endif
