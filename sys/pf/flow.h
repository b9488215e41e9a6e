/* SPDX-License-Identifier: ISC */
/*
 * The flow table and pf states, which are one thing (ARCHITECTURE, decision
 * 1).  A state holds, for each direction, everything that was decided about
 * its packets.  The table belongs to one worker and is touched by it alone;
 * the control thread looks only while the workers stand still
 * (nk_stop_workers()).
 *
 * A flow has two sides: side 0 is where the originator's packets come in,
 * side 1 where they leave.  Each side keeps state or not, as the rule that
 * passed the first packet there says; on a side that does not, rules are
 * asked again whenever a decision is made anew.  A flow that keeps no state
 * on either side is only a memory of decisions: it is not a state, is not
 * shown as one, and ends at the next change of the rules.
 */
#ifndef PF_FLOW_H
#define PF_FLOW_H

#include "kern/nk.h"
#include "net/fib.h"
#include "pf/pfvar.h"

struct sa;
struct sp;

/* What was decided about one direction of a flow. */
struct flow_dir {
	uint32_t	 fd_gen;	/* nk_gen when filled; 0: not filled */
	uint32_t	 fd_sagen;	/* sp_sagen of fd_sp_out when fd_sa was read */
	uint8_t		 fd_next;	/* enum pkt_next: LOCAL, FORWARD, PROTECT */
	uint8_t		 fd_local_out;	/* 1: of packets made by this host, and of no others */
	uint16_t	 fd_mtu;	/* largest packet that fits as it is */
	uint32_t	 fd_came_id;	/* sa_id of the SA that was accepted; 0: in clear */
	struct sp	*fd_sp_out;	/* policy that protects; NULL */
	struct sa	*fd_sa;		/* valid while fd_sagen is current */
	struct ifnet	*fd_oif;	/* NULL for LOCAL and PROTECT */
	struct neigh	*fd_neigh;
	uint64_t	 fd_packets;	/* segments of super-packets counted each */
	uint64_t	 fd_bytes;	/* of network packets */
};
_Static_assert(sizeof(struct flow_dir) == 64, "a direction is one cache line");

/* One end of a TCP connection, as far as a filter follows it. */
struct flow_peer {
	uint32_t	fp_seqlo;	/* TCP: highest sequence number + length sent */
	uint32_t	fp_seqhi;	/* TCP: highest that the other end accepts */
	uint16_t	fp_maxwin;	/* TCP: largest window advertised, unscaled */
	uint8_t		fp_wscale;	/* TCP: its shift */
	uint8_t		fp_state;	/* enum tcp_peer; others: enum peer_traffic */
};

#define FL_MIRROR	0x01	/* the back direction's key is the first's, turned round */
#define FL_KEEP_0	0x02	/* side 0 keeps state */
#define FL_KEEP_1	0x04
#define FL_TCP		0x08	/* windows are followed */
#define FL_SETTLED	0x10	/* not TCP: both ends have been heard, nothing to follow */
#define FL_ICMP		0x20	/* fl_icmp_type is the request */
#define FL_LOG		0x40	/* log (all) */
#define FL_USED		0x80	/* the slot holds a flow */
#define FL_KEEP		(FL_KEEP_0 | FL_KEEP_1)
#define FL_KEEPS(side)	((side) == 0 ? FL_KEEP_0 : FL_KEEP_1)

struct flow {
	_Alignas(64) struct flow_dir fl_dir[2];	/* [0] from the originator, [1] back */
	/* third cache line: what a lookup touches */
	struct flow_key	 fl_key[2];	/* as the packets of each direction look on arrival */
	uint64_t	 fl_last_ns;
	uint32_t	 fl_hash;
	uint8_t		 fl_flags;	/* FL_* */
	uint8_t		 fl_icmp_type;
	uint16_t	 fl_tag;
	struct flow_peer fl_peer[2];
	/* rules by direction, [0] on the way in, [1] out: number + 1 in fl_ruleset; 0: none */
	uint32_t	 fl_rule[2][2];
	uint32_t	 fl_ruleset;	/* serial of the ruleset */
	uint32_t	 fl_pad;
	struct worker	*fl_owner;
	uint64_t	 fl_id;		/* unique in this nk */
	uint64_t	 fl_created_ns;
	struct ifnet	*fl_ifp;	/* came in on; enc0 if through an SA; NULL: made here */
	struct timer	 fl_timer;
};
_Static_assert(sizeof(struct flow) <= 384, "six cache lines");

int		 flow_table_init(struct worker *);
void		 flow_table_fini(struct worker *);
uint64_t	 flow_count(struct worker *);		/* states, without memories of decisions */
uint64_t	 flow_capacity(struct worker *);
void		 flow_walk(struct worker *, void (*fn)(void *, struct flow *), void *);
/* The flow of a key and its direction (0, 1); NULL. */
struct flow	*flow_find(struct worker *, const struct flow_key *, uint32_t hash,
    unsigned *dir);
/* Removes one state, now. The worker's own thread, or nk_lock with the worker stopped. */
void		 flow_remove(struct worker *, struct flow *);
void		 flow_flush(struct worker *);

static inline uint64_t
flow_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15ull) *
	    (b ^ 0xd6e8feb86659fd93ull);

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/*
 * Hash of a key, the same for both directions of a flow; never 0.  Each end
 * is mixed with its port before the two are added: a sum or difference of
 * the ports alone is the same for too many pairs of them.
 */
static inline uint32_t
flow_hash(const struct flow_key *k)
{
	uint64_t a = flow_mix(k->fk_src[0] ^ k->fk_src[1] << 1, (uint64_t)k->fk_sport << 32);
	uint64_t b = flow_mix(k->fk_dst[0] ^ k->fk_dst[1] << 1, (uint64_t)k->fk_dport << 32);
	uint64_t h = (a + b + ((uint64_t)k->fk_rdomain << 8 | k->fk_proto)) *
	    0x9e3779b97f4a7c15ull;

	return (uint32_t)(h >> 32 ^ h) | 1u << 31;
}

/* The worker that has the flows of a hash. */
static inline unsigned
flow_worker(const struct nk *nk, uint32_t hash)
{
	return nk->nk_nworkers == 1 ? 0 :
	    (unsigned)((uint64_t)(hash << 1) * nk->nk_nworkers >> 32);
}

/*
 * The decision for each packet of v (parsed: pkt_key, pkt_hash): known flows
 * by their state, others by pf_test, SPD and FIB, which makes the state.
 * next[i] says what to do with v->pv_pkt[i]; pkt_oif, pkt_neigh, pkt_sa,
 * pkt_tag are set, and pkt_flow and pkt_dir, which hold until the end of the
 * vector; pkt_flow is NULL for a packet that has no flow (ICMP errors,
 * answers of pf, `no state' when the table is full).
 * PKT_NEXT_DONE: taken (dropped, held, handed over).
 */
void		 pf_flow(struct worker *, struct pktvec *v, enum pkt_next next[PKT_VEC_MAX]);

/*
 * A parsed packet as policies and rules see it: its own addresses, and of ICMP
 * type and code for ports (RFC 4301 section 4.4.1.1), where pkt_key has the
 * identifier or, of an error, the packet that it is about.
 */
void		 pf_policy_key(const struct pkt *, struct flow_key *);

/*
 * What was decided about a flow, kept by somebody who knows its packets by
 * other means than their key: an SA its outer packets.
 */
struct flow_stamp {
	struct flow	*fs_flow;
	uint32_t	 fs_gen;	/* nk_gen; 0: nothing is kept */
	uint32_t	 fs_removals;	/* of the worker's table: the flow is still there */
	uint8_t		 fs_dir;
};
/* Keeps what pf_flow() has decided about the packet, which must be ordinary and in clear. */
void		 pf_flow_keep(const struct worker *, const struct pkt *, struct flow_stamp *);
/*
 * Takes one more packet of the flow as pf_flow() would, and counts it.  False,
 * and nothing has been touched: ask pf_flow().
 */
bool		 pf_flow_again(struct worker *, const struct flow_stamp *, struct pkt *);

/*
 * May the outer packets of an SA pass the rules of ifp?  They are not asked
 * per packet: IPsec asks once per SA and nk_gen, and counts a drop as
 * PF_BLOCK.  Inwards, a packet is also allowed if a rule that keeps state
 * lets the reverse packet out, as its state would.  nk_lock held.
 */
bool		 pf_outer_allowed(struct nk *, enum pf_dir, const struct ifnet *ifp,
    const struct flow_key *);

#endif
