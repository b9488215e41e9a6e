/* SPDX-License-Identifier: ISC */
/*
 * UDP for local programs (RFC 768): iked and others bind ports of the
 * router's addresses through a SOCK_SEQPACKET socket, udp.sock.
 *
 * Wire between program and service, one record each, host byte order for
 * struct udp_msg's integers, addresses and ports in network order.
 */
#ifndef NETINET_UDP_H
#define NETINET_UDP_H

#include "net/if.h"

enum udp_op {
	UDP_BIND = 1,		/* program: um_lport; UDP_M_NATT; answered UDP_BOUND or UDP_ERROR */
	UDP_BOUND,
	UDP_DATA,		/* either way, followed by the datagram's bytes */
	UDP_SOURCE,		/* program: which local address reaches um_raddr? answered UDP_SOURCE */
	UDP_ERROR,		/* service: um_errno */
	UDP_KEEPALIVE		/* program: send a NAT keepalive from um_lport to um_raddr (RFC 3948 4) */
};

#define UDP_M_NATT	0x0001	/* BIND: port carries ESP in UDP (RFC 3948): ESP and keepalives stay in the
				   stack, the non-ESP marker is stripped and put by it */
#define UDP_DATA_MAX	65507

struct udp_msg {
	uint16_t	um_op;
	uint16_t	um_flags;
	int32_t		um_errno;
	uint16_t	um_lport;	/* network order */
	uint16_t	um_rport;
	uint32_t	um_pad;
	struct addr	um_laddr;	/* DATA from program: ad_af 0 lets the route choose */
	struct addr	um_raddr;
};

int	udp_init(struct nk *);
void	udp_fini(struct nk *);
/* A UDP packet for this host, pkt_l4 at its header. Takes it. */
void	udp_input(struct worker *, struct pkt *);

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
