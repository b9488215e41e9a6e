/* SPDX-License-Identifier: ISC */
/*
 * The flow table and pf states, which are one thing (ARCHITECTURE, decision
 * 1).  A state holds, for each direction, everything that was decided about
 * its packets.  The table belongs to one worker and is touched by it alone.
 */
#ifndef PF_FLOW_H
#define PF_FLOW_H

#include "kern/nk.h"
#include "net/fib.h"

struct pf_rule;
struct sa;
struct sp;

/* What was decided about one direction of a flow. */
struct flow_dir {
	uint32_t	 fd_gen;	/* nk_gen when filled; 0: not filled */
	uint32_t	 fd_sagen;	/* sp_sagen of fd_sp_out when fd_sa was read */
	uint8_t		 fd_next;	/* enum pkt_next: LOCAL, FORWARD, PROTECT */
	uint8_t		 fd_drop;	/* enum drop_reason, if not DROP_NONE */
	uint16_t	 fd_mtu;
	uint32_t	 fd_came_id;	/* sa_id of the SA that was accepted; 0: in clear */
	struct sp	*fd_sp_out;	/* policy that protects; NULL */
	struct sa	*fd_sa;		/* valid while fd_sagen is current */
	struct ifnet	*fd_oif;
	struct neigh	*fd_neigh;
	uint64_t	 fd_packets;
	uint64_t	 fd_bytes;
};
_Static_assert(sizeof(struct flow_dir) == 64, "a direction is one cache line");

/* TCP, as far as a filter follows it (window tracking per direction). */
struct flow_tcp {
	uint32_t	ft_seqlo;	/* highest ACK seen from the other side */
	uint32_t	ft_seqhi;	/* highest sequence allowed */
	uint32_t	ft_end;		/* highest sequence + length sent */
	uint16_t	ft_maxwin;
	uint8_t		ft_wscale;
	uint8_t		ft_state;	/* enum tcp_state */
};

struct flow {
	struct flow_dir	 fl_dir[2];	/* [0] from the originator, [1] back */
	struct flow_key	 fl_key[2];	/* as the packets of each direction look on arrival */
	uint64_t	 fl_last_ns;
	struct flow_tcp	 fl_tcp[2];
	uint32_t	 fl_hash;
	uint8_t		 fl_state;	/* protocol state of UDP/other: single, no, multiple */
	uint8_t		 fl_flags;
	uint16_t	 fl_tag;
	uint32_t	 fl_rule_in;	/* rule numbers + 1 in the ruleset fl_ruleset; 0: default pass */
	uint32_t	 fl_rule_out;
	uint32_t	 fl_ruleset;	/* ruleset serial */
	uint64_t	 fl_id;
	uint64_t	 fl_created;	/* now_wall */
	struct ifnet	*fl_ifp;	/* came in on */
	struct timer	 fl_timer;
};

int		 flow_table_init(struct worker *);
void		 flow_table_fini(struct worker *);
uint64_t	 flow_count(struct worker *);
void		 flow_walk(struct worker *, void (*fn)(void *, struct flow *), void *);
/* Removes one state, now. The worker's own thread, or nk_lock with the worker stopped. */
void		 flow_remove(struct worker *, struct flow *);
void		 flow_flush(struct worker *);

/* Hash of a key, the same for both directions of a flow. */
uint32_t	 flow_hash(const struct flow_key *);

/*
 * The decision for each packet of v (parsed: pkt_key, pkt_hash): known flows
 * by their state, others by pf_test, SPD and FIB, which makes the state.
 * next[i] says what to do with v->pv_pkt[i]; pkt_flow, pkt_dir, pkt_oif,
 * pkt_neigh, pkt_sa are set.  PKT_NEXT_DONE: taken (dropped, held, handed over).
 */
void		 pf_flow(struct worker *, struct pktvec *v, enum pkt_next next[PKT_VEC_MAX]);

#endif
