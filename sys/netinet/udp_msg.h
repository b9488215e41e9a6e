/* SPDX-License-Identifier: ISC */
/*
 * udp.sock (SOCK_SEQPACKET): UDP for local programs (RFC 768).  iked and
 * others bind ports of the router's addresses through it.
 *
 * One record each way is a struct udp_msg, integers in host byte order,
 * addresses and ports in network order; UDP_DATA is followed by the
 * datagram's bytes.
 */
#ifndef NETINET_UDP_MSG_H
#define NETINET_UDP_MSG_H

#include "libutil/addr.h"

#define UDP_SOCKET	"udp.sock"	/* in the run directory */

enum udp_op {
	UDP_BIND = 1,		/* program: um_lport, um_flags; answered UDP_BOUND or UDP_ERROR */
	UDP_BOUND,
	UDP_DATA,		/* either way */
	UDP_SOURCE,		/* program: which local address reaches um_raddr?
				   answered UDP_SOURCE with um_laddr and um_mtu, or UDP_ERROR */
	UDP_ERROR,		/* service: um_errno; um_lport, um_raddr as in the request.
				   Of DATA its first UDP_QUOTE bytes follow, or fewer.  It has
				   not gone, or (EHOSTUNREACH, ENETDOWN, EHOSTDOWN) goes only if
				   policy has a way for it or the next hop answers after all:
				   EADDRNOTAVAIL um_laddr is none of ours
				   EHOSTUNREACH	no route to um_raddr
				   ENETDOWN	the interface on the way is down
				   EHOSTDOWN	the next hop does not answer ARP
				   EPERM	the rules block it
				   By ICMP, of what was sent from um_laddr, um_lport to um_raddr,
				   um_rport, which anyone can say:
				   EMSGSIZE	it is larger than um_mtu
				   ENETUNREACH	network or host cannot be reached
				   ECONNREFUSED	nothing listens there
				   EACCES	prohibited */
	UDP_KEEPALIVE		/* program: send a NAT keepalive (RFC 3948 section 4)
				   from um_lport to um_raddr, um_rport */
};

/*
 * Of a bound port:
 * NATT		carries ESP in UDP (RFC 3948): ESP and keepalives stay in the
 *		stack, which strips and puts the non-ESP marker
 * BYPASS	its datagrams are never protected and need not arrive
 *		protected, whatever the SPD says: IKE's own (RFC 4301 section 5)
 * Of DATA from a program:
 * DF		the packet must not be fragmented on the way
 */
#define UDP_M_NATT	0x0001
#define UDP_M_BYPASS	0x0002
#define UDP_M_DF	0x0004
#define UDP_DATA_MAX	65507
#define UDP_QUOTE	16

struct udp_msg {
	uint16_t	um_op;
	uint16_t	um_flags;
	int32_t		um_errno;
	uint16_t	um_lport;	/* network order */
	uint16_t	um_rport;
	uint32_t	um_mtu;		/* of the way: largest IP packet; 0 not known.  DATA from
					   a program: of the fragments that it leaves in; 0 any */
	struct addr	um_laddr;	/* DATA from program: ad_af 0 lets the route choose */
	struct addr	um_raddr;
};

#endif
