/* SPDX-License-Identifier: ISC */
/*
 * A packet, and vectors of packets.
 *
 * The bytes of a packet are contiguous, between pkt_buf and pkt_buf +
 * pkt_bufsize.  pkt_data moves: a driver hands up a frame with pkt_data at
 * the Ethernet header; ether_input() moves it to the network header, and
 * from there on every stage finds pkt_data at the header that it is about.
 * At least PKT_HEADROOM bytes are free in front of a received frame, and
 * PKT_TAILROOM behind it, so that ESP works in place.
 *
 * A packet may be a super-packet: up to 64 KiB of one TCP (or UDP) flow
 * with pkt_gso_size != 0, which stands for many packets of that payload
 * size.  A packet with PKT_F_CSUM_PARTIAL has a transport checksum that
 * holds only the pseudo-header sum; whoever lets it leave without a device
 * that finishes checksums must finish it (pkt_csum_start/offset, as in
 * virtio_net_hdr).
 *
 * Ownership: one stage at a time owns a packet.  A stage passes it on,
 * queues it, or ends it with pkt_drop() (counted) or pkt_free() (not).
 */
#ifndef KERN_PKT_H
#define KERN_PKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/drop.h"

#define PKT_HEADROOM	128
#define PKT_TAILROOM	64
#define PKT_SMALL	2048			/* buffer of a small packet, with head- and tailroom */
#define PKT_LARGE	(65536 + 512)		/* buffer of a super-packet */
#define PKT_VEC_MAX	64

struct worker;
struct ifnet;
struct neigh;
struct sa;
struct flow;

/* What pf_flow() and the other deciding stages want done next. */
enum pkt_next {
	PKT_NEXT_DONE,		/* dropped, queued or handed over: not ours any more */
	PKT_NEXT_LOCAL,		/* for this host: ip_deliver() */
	PKT_NEXT_FORWARD,	/* to pkt_neigh on pkt_oif: ip_output() */
	PKT_NEXT_PROTECT,	/* seal with pkt_sa: ipsec_output() */
	PKT_NEXT_ESP,		/* ESP for us, native or in UDP: ipsec_input() */
	PKT_NEXT_INNER,		/* opened: pkt_data at the inner header, pkt_came_sa set: ip_input() again */
};

#define PKT_F_CSUM_PARTIAL	0x0001	/* transport checksum unfinished */
#define PKT_F_CSUM_OK		0x0002	/* transport checksum known good */
#define PKT_F_LOCAL_OUT		0x0004	/* made by this host */
#define PKT_F_NATT		0x0008	/* ESP came in UDP */
#define PKT_F_BCAST		0x0010	/* link-level broadcast or multicast */
#define PKT_F_FRAG		0x0020	/* was reassembled here */
#define PKT_F_LARGE		0x0040	/* buffer is of the large pool */
#define PKT_F_TTL_DONE		0x0080	/* TTL already decremented */
#define PKT_F_BYPASS		0x0100	/* never protected: a port bound with UDP_M_BYPASS */
#define PKT_F_UNFILTERED	0x0200	/* an answer of pf: its rules are not asked */
#define PKT_F_HOST		0x0400	/* made by Linux above the host interface; with LOCAL_OUT */

enum pkt_gso { PKT_GSO_NONE, PKT_GSO_TCP4, PKT_GSO_TCP6, PKT_GSO_UDP };

/* Addresses and ports of a packet, as looked up; unused bytes are zero. */
struct flow_key {
	union {
		uint32_t	fk_src4;
		uint64_t	fk_src[2];
		uint8_t		fk_srcb[16];
	};
	union {
		uint32_t	fk_dst4;
		uint64_t	fk_dst[2];
		uint8_t		fk_dstb[16];
	};
	uint16_t	fk_sport;	/* network order; ICMP: identifier in both */
	uint16_t	fk_dport;
	uint8_t		fk_proto;	/* IPPROTO_* */
	uint8_t		fk_af;		/* AF_INET, AF_INET6 */
	uint16_t	fk_rdomain;	/* 0 */
};
_Static_assert(sizeof(struct flow_key) == 40, "flow_key is compared as five words");

struct pkt {
	uint8_t		*pkt_data;
	uint32_t	 pkt_len;	/* bytes from pkt_data on */
	uint16_t	 pkt_flags;
	uint8_t		 pkt_af;	/* of the header at pkt_data */
	uint8_t		 pkt_proto;	/* transport protocol of that header */
	uint8_t		*pkt_l4;	/* transport header; NULL if none */
	struct ifnet	*pkt_ifp;	/* came in on; NULL if made here; pkt_came_sa implies enc0 for rules */
	struct ifnet	*pkt_oif;
	struct neigh	*pkt_neigh;
	struct flow	*pkt_flow;
	struct sa	*pkt_sa;	/* to seal with; or being opened with */
	struct sa	*pkt_came_sa;	/* came through this SA (innermost); NULL: in clear */
	/* second cache line */
	struct flow_key	 pkt_key;
	uint32_t	 pkt_hash;	/* of pkt_key; equal for both directions of a flow */
	uint8_t		 pkt_dir;	/* index of pkt_flow's direction, 0 or 1 */
	uint8_t		 pkt_tcpflags;
	uint16_t	 pkt_tag;	/* pf tag; 0 none */
	uint64_t	 pkt_seq;	/* ESP sequence number, 64 bits */
	uint16_t	 pkt_gso_size;	/* payload bytes a segment; 0: ordinary packet */
	uint8_t		 pkt_gso;	/* enum pkt_gso */
	uint8_t		 pkt_drop;	/* enum drop_reason, once dropped */
	uint16_t	 pkt_csum_start; /* from pkt_data at the Ethernet or network header, see pkt_csum_base */
	uint16_t	 pkt_csum_off;	/* from pkt_csum_start */
	uint8_t		*pkt_csum_base;	/* the checksum starts at pkt_csum_base + pkt_csum_start */
	uint8_t		 pkt_stage;	/* enum handover, while in a ring */
	uint16_t	 pkt_natt_port;	/* UDP source port of PKT_F_NATT, network order */
	uint8_t		 pkt_icmp_type;
	uint8_t		 pkt_icmp_code;
	uint32_t	 pkt_peer4;	/* outer source of an ESP packet, network order */
	uint16_t	 pkt_frag_max;	/* largest fragment it came in, or leaves in; 0: whole */
	struct pkt	*pkt_link;	/* in hold queues */
	const uint8_t	*pkt_from;	/* ESP that is not at pkt_l4 yet: see ipsec_input() */
	/* buffer: set when the pool is made, nobody changes it */
	_Alignas(16) uint8_t *pkt_buf;
	uint32_t	 pkt_bufsize;
	uint8_t		 pkt_owner;	/* worker whose pool it is of */
	uint8_t		 pkt_class;	/* enum pkt_class_id: of that pool */
	uint16_t	 pkt_lent;	/* of a frame, while a device has it: see kern/frames.h */
};

/* What a pool has. Frames are small packets that devices read and write: kern/frames.h. */
enum pkt_class_id { PKT_CLASS_SMALL, PKT_CLASS_LARGE, PKT_CLASS_FRAME, PKT_CLASSES };

struct pktvec {
	unsigned	 pv_n;
	struct pkt	*pv_pkt[PKT_VEC_MAX];
};

static inline bool
pktvec_full(const struct pktvec *v)
{
	return v->pv_n == PKT_VEC_MAX;
}

static inline void
pktvec_add(struct pktvec *v, struct pkt *p)
{
	v->pv_pkt[v->pv_n++] = p;
}

static inline uint32_t
pkt_headroom(const struct pkt *p)
{
	return (uint32_t)(p->pkt_data - p->pkt_buf);
}

static inline uint32_t
pkt_tailroom(const struct pkt *p)
{
	return (uint32_t)(p->pkt_buf + p->pkt_bufsize - p->pkt_data) - p->pkt_len;
}

/* Takes n bytes off the front. The caller has checked pkt_len. */
static inline void
pkt_pull(struct pkt *p, uint32_t n)
{
	p->pkt_data += n;
	p->pkt_len -= n;
}

/* Puts n bytes in front; the caller has checked pkt_headroom(). */
static inline uint8_t *
pkt_push(struct pkt *p, uint32_t n)
{
	p->pkt_data -= n;
	p->pkt_len += n;
	return p->pkt_data;
}

/*
 * A packet of w's pool with PKT_HEADROOM in front and room for len bytes
 * plus PKT_TAILROOM; pkt_len is 0 and all metadata zero.  NULL (counted
 * NOBUF) if the pool is empty.  Never allocates after start.
 */
struct pkt	*pkt_alloc(struct worker *w, uint32_t len);
/* A copy with its metadata, from w's pool; NULL as pkt_alloc(). */
struct pkt	*pkt_copy(struct worker *w, const struct pkt *p);
/* Gives the packet back to the pool it is of, from any worker. */
void		 pkt_free(struct worker *w, struct pkt *p);
/* Counts the reason, tells a trace, frees. Always PKT_NEXT_DONE. */
enum pkt_next	 pkt_drop(struct worker *w, struct pkt *p, enum drop_reason why);

#endif
