/* SPDX-License-Identifier: ISC */
/*
 * IPv4 (RFC 791, 1122, 1812): input, forward, output, fragments, ICMP,
 * and the making of segments out of super-packets and back.
 */
#ifndef NETINET_IP_H
#define NETINET_IP_H

#include "net/if.h"
#include "net/fib.h"

/*
 * Packets with pkt_data at the IPv4 header: from Ethernet (pkt_ifp set), or
 * opened ones (pkt_came_sa set).  Checks the header, reassembles what is for
 * us or what must be whole, fills pkt_key/pkt_hash/pkt_l4, and runs
 *	pf_flow()	-> ip_deliver() | ipsec_output() | ip_output()
 * Takes all of v; v is empty afterwards.
 */
void		 ip_input(struct worker *, struct pktvec *v);

/*
 * The first half of it, for one packet: checked, parsed, whole.  NULL: it was
 * dropped, or waits for its other fragments.
 */
struct pkt	*ip_input_one(struct worker *, struct pkt *);
/*
 * The second half of ip_input(), for packets already checked and parsed
 * (pkt_key, pkt_hash, pkt_l4 filled): pf_flow() and on.  Packets that another
 * worker handed over (HANDOVER_FLOW) go on here.  Takes all of v.
 */
void		 ip_flow(struct worker *, struct pktvec *v);

/*
 * The header checks and the parse alone: fills pkt_af, pkt_proto, pkt_l4,
 * pkt_key, pkt_hash, pkt_tcpflags, pkt_icmp_*; trims link padding.
 * DROP_NONE, or why not.  No side effect on anything but the packet.
 *
 * The key.  TCP and UDP: both ports.  ICMP queries: the identifier in both.
 * ICMP errors: the key of the packet that the error is about with source
 * and destination swapped, so that it finds that packet's flow in the
 * direction in which the error travels; pkt_proto is still IPPROTO_ICMP.
 * All others: no ports.  Of a fragment nothing behind the IP header is
 * read: pkt_l4 is NULL, the ports are 0.
 */
enum drop_reason ip_parse(struct pkt *);

/* pkt_data at an IPv4 header that ip_parse() accepted: is it a fragment? */
bool		 ip_is_fragment(const struct pkt *);

/* The parsed packet is an ICMP error: pkt_key is of the packet it is about. */
static inline bool
ip_is_icmp_error(const struct pkt *p)
{
	return p->pkt_proto == IPPROTO_ICMP && (p->pkt_icmp_type == 3 ||
	    p->pkt_icmp_type == 4 || p->pkt_icmp_type == 5 ||
	    p->pkt_icmp_type == 11 || p->pkt_icmp_type == 12);
}

/* For this host: ICMP, UDP (service, ESP in UDP), ESP. Takes the packet. */
void		 ip_deliver(struct worker *, struct pkt *);

/*
 * A decided packet to pkt_neigh on pkt_oif: decrements the TTL unless made
 * here or already done, fragments or answers too-big, then ether_output().
 */
void		 ip_output(struct worker *, struct pkt *);
/* The same for many, which gro_merge() may join first. Takes all of v; v is empty afterwards. */
void		 ip_output_vec(struct worker *, struct pktvec *v);
/*
 * Decrements the TTL, once, of a packet that is not made here: before it is
 * sealed or leaves.  False: it ended, was answered and is taken.
 */
bool		 ip_ttl(struct worker *, struct pkt *);

/*
 * A packet made by this host (pkt_data at a complete IPv4 header, checksum
 * not yet set): goes through pf_flow() as any other.
 */
void		 ip_send(struct worker *, struct pkt *);
/* The first half of it: marked as made here, summed and parsed. DROP_NONE, or why not. */
enum drop_reason ip_made(struct pkt *);

/* Puts a 20-byte IPv4 header in front (ip_len from pkt_len); the checksum is set. */
void		 ip_header(struct pkt *, struct in_addr src, struct in_addr dst,
    uint8_t proto, uint8_t ttl, uint8_t tos, bool df, uint16_t id);

/* One's complement sums (RFC 1071), in network order as they lie. */
uint32_t	 in_sum(const void *, size_t, uint32_t sum);
uint16_t	 in_fold(uint32_t sum);			/* folded, complemented */
uint32_t	 in_pseudo(const struct flow_key *, uint16_t len);
/* Adjusts a checksum for a 16-bit word that changed (RFC 1624). */
uint16_t	 in_adjust(uint16_t csum, uint16_t from, uint16_t to);

/* How far a packet has been cut up; starts as zeroes. */
struct gso_state {
	uint32_t	gs_off;		/* payload bytes done */
	uint16_t	gs_id;		/* IPv4 identification of the next */
	bool		gs_nosum;	/* the caller's: UDP datagrams need no checksum (it stays 0) */
};

/*
 * ICMP errors about a packet (pkt_data at its IPv4 header), rate-limited and
 * subject to RFC 1122 3.2.2; the packet stays the caller's.
 */
void		 icmp_error(struct worker *, const struct pkt *, uint8_t type,
    uint8_t code, uint16_t mtu);
/* For this host, pkt_l4 at the ICMP header. Takes the packet. */
void		 icmp_input(struct worker *, struct pkt *);

/* Reassembly. Takes the fragment; the whole packet when it is complete, else NULL. */
int		 frag_init(struct worker *);
void		 frag_fini(struct worker *);
struct pkt	*frag_input(struct worker *, struct pkt *);
/*
 * Fragments of at most mtu bytes, as many as out has room for: true when all
 * is done; call again with the same state otherwise.  p, whose checksum is
 * finished, stays the caller's; fragments have its metadata.
 */
bool		 frag_split(struct worker *, const struct pkt *p, uint16_t mtu,
    struct gso_state *, struct pktvec *out);
/* Splits into fragments of at most mtu bytes and gives each to ether_output(). Takes it. */
void		 frag_output(struct worker *, struct pkt *, uint16_t mtu);

/* Finishes PKT_F_CSUM_PARTIAL. */
void		 csum_finish(struct pkt *);
/*
 * Cuts a super-packet (pkt_data at the network header) into ordinary ones
 * with finished checksums, at most out's room at a time: returns true when
 * all is done; call again with the same state otherwise.  The super-packet
 * stays the caller's.  Segments have the super-packet's metadata.
 */
bool		 gso_segment(struct worker *, const struct pkt *, struct gso_state *,
    struct pktvec *out);
/* Segments that are left to cut. */
unsigned	 gso_left(const struct pkt *, const struct gso_state *);
/*
 * The next segment alone, written to a place with room for GSO_ROOM bytes or
 * the segment, whichever is more; its length, 0: none is left.
 */
#define GSO_ROOM	128
uint32_t	 gso_write(struct worker *, const struct pkt *, struct gso_state *, uint8_t *to);
/*
 * Makes a super-packet of what has IPv4 without options at pkt_data, TCP or
 * UDP behind it, and the payload of several: lengths in the headers, the
 * checksum left to the device, and the payload's size of each.
 */
void		 gso_mark(struct pkt *, enum pkt_gso, uint16_t size);
/*
 * Joins consecutive TCP segments of one flow in v into super-packets where
 * the out interface takes them (RFC 9293 bytes in order, same flags, same
 * size but the last).  v may shrink.
 */
void		 gro_merge(struct worker *, struct pktvec *v);

#endif
