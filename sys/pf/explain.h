/* SPDX-License-Identifier: ISC */
/*
 * Trying a packet out: what would become of it, by the code that would do it.
 *
 * A struct nk is copied, and the copy given a worker of its own (packets,
 * flow table, fragments, timers, counters) into which the one flow that the
 * packet belongs to is copied, and the SA that would seal it.  Then the
 * packet goes through ip_input_one(), pf_flow() and the rest as any other.
 * What the copy shares with the original (rules, policies, routes,
 * neighbours, interfaces) is only read: where the path would write to it, or
 * let something out, it asks whether nk_explain is set, and tells the
 * recorder instead.  Such places are all off the fast path:
 *
 *	pf_ask, pf_count, pf_state_account	rules and their counters
 *	neigh_get, arp_resolve			neighbours; a frame leaves
 *	ip_send					an answer is sent
 *	host_output				Linux would get it
 *	ipsec_acquire				the packet waits for an SA
 *	sa_limit				an SA's first use and limits
 *	ipsec_icmp, UDP's delivery		what arrives
 *
 * Limits: a fragment is judged without those that have come already; a rule
 * with a probability is diced for; what the peer's cryptography would say of
 * ESP for this host is not known.
 */
#ifndef PF_EXPLAIN_H
#define PF_EXPLAIN_H

#include "net/arp.h"
#include "pf/explain_msg.h"
#include "pf/pfvar.h"

struct sa;
struct sp;

struct explain {
	struct explain_info	 ex_info;
	const struct nk		*ex_nk;		/* the original */
	struct neigh		 ex_neigh;	/* stands for each neighbour; never valid */
	const struct neigh	*ex_real;	/* the one that it stands for; NULL: there is none yet */
	bool			 ex_outer;	/* rules are asked about an outer packet */
	bool			 ex_held;
};

/* A packet as it would arrive or be sent. */
struct explain_pkt {
	const uint8_t	*ek_data;	/* from the IP header on */
	uint32_t	 ek_len;
	uint16_t	 ek_flags;	/* PKT_F_LOCAL_OUT, PKT_F_BCAST, PKT_F_BYPASS */
	struct ifnet	*ek_ifp;	/* came in on; NULL if made here */
	struct sa	*ek_came_sa;
};

/*
 * 0, or ENOMEM.  nk_lock held, workers standing still (nk_stop_workers()) or
 * without threads.
 */
int	explain_packet(struct nk *, struct clock_now, const struct explain_pkt *,
    struct explain_info *);
/*
 * The bytes of a described packet; NULL, or why there is no such packet.
 * The buffer has room for 65,535 bytes.
 */
int	explain_init(struct nk *);		/* CTL_EXPLAIN */

/* ---- from the places named above; nk is the copy ---- */

void	explain_rule(struct nk *, const struct pf_pdesc *, const struct pf_verdict *);
void	explain_outer(struct nk *, bool);
void	explain_policy(struct nk *, bool out, const struct sp *);
struct neigh *explain_neigh(struct nk *, struct ifnet *, const struct addr *,
    const struct neigh *real);
/* May one more like the packet wait, in the pool of some worker of the instance itself? */
struct pkt_waits;
bool	 explain_room(const struct nk *, const struct pkt_waits *, const struct pkt *);
void	explain_sent(struct worker *, struct pkt *);		/* takes it */
void	explain_answer(struct worker *, struct pkt *);		/* takes it */
void	explain_host(struct worker *, struct pkt *);		/* takes it */
void	explain_held(struct worker *, struct pkt *, bool ask);	/* takes it */

#endif
