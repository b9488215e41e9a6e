/* SPDX-License-Identifier: ISC */
/*
 * What a state knows of its two ends, and when it ends itself.
 */
#ifndef PF_TRACK_H
#define PF_TRACK_H

#include "libpf/pfrule.h"
#include "pf/flow.h"

/* Ends of a TCP connection, in the order in which they pass. */
enum tcp_peer {
	TCP_PEER_CLOSED,	/* nothing heard */
	TCP_PEER_SYN,		/* SYN sent, not acknowledged */
	TCP_PEER_OPEN,		/* SYN acknowledged */
	TCP_PEER_FIN,		/* FIN sent, not acknowledged */
	TCP_PEER_FIN_ACKED,
	TCP_PEER_RESET,
	TCP_PEER_MAX
};

/* Ends of everything else. */
enum peer_traffic { PEER_SILENT, PEER_SINGLE, PEER_MULTIPLE };

/* Begins to follow with the first packet, which is of direction 0. False: its header is not all there. */
bool		 track_first(struct flow *, const struct pkt *);
/*
 * Follows one more packet of direction dir.  DROP_NONE, PF_SHORT or
 * PF_TCP_WINDOW; on a drop nothing has changed.  Sets *sooner if the state
 * may now end earlier than its timer stands.
 */
enum drop_reason track_tcp(struct flow *, unsigned dir, const struct pkt *, bool *sooner);
void		 track_other(struct flow *, unsigned dir);
/* Does the packet open a connection in place of this one, which is over? */
bool		 track_reopens(const struct flow *, unsigned dir, const struct pkt *);
/* May an ICMP error about this flow's packets be believed? p is the error. */
bool		 track_icmp_error(const struct flow *, unsigned dir, const struct pkt *);
/* Seconds that the flow lasts after its last packet, by the timeouts alone. */
uint32_t	 track_timeout(const struct flow *, const struct pf_options *);
/* Packets that one pkt stands for. */
unsigned	 track_segments(const struct pkt *);

/* ICMP (RFC 792): is it an error about another packet? */
static inline bool
icmp_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The answer to a query; -1: not a query. */
int		 icmp_answer(uint8_t type);

/* The type that this direction of an FL_ICMP flow carries. */
static inline bool
flow_icmp_fits(const struct flow *fl, unsigned dir, const struct pkt *p)
{
	return p->pkt_icmp_type == (dir == 0 ? (int)fl->fl_icmp_type :
	    icmp_answer(fl->fl_icmp_type));
}

#endif
