/* SPDX-License-Identifier: ISC */
/*
 * The SPD, the SAD and the IPsec stages of the packet path (RFC 4301, 4303,
 * 3948).
 *
 * A policy (struct sp) says what happens to packets of a selector in one
 * direction.  An SA (struct sa) is one-way.  Both are made and removed
 * under nk_lock, live until every worker has passed a quiescent point, and
 * are looked up in constant time at any number of entries.
 *
 * Hot and cold: what the fast path touches of an SA stands in its first
 * cache lines; only the anchor worker (sa_worker) writes them.
 */
#ifndef NETIPSEC_IPSEC_H
#define NETIPSEC_IPSEC_H

#include <stdatomic.h>

#include "crypto/xform.h"
#include "net/fib.h"
#include "net/if.h"
#include "pf/flow.h"

/* ---- selectors and packets described ---- */

struct selector {
	struct prefix		sel_src, sel_dst;	/* same family */
	struct port_range	sel_sport, sel_dport;	/* ICMP: type, code as RFC 4301 4.4.1.1 */
	uint8_t			sel_proto;		/* 0: any */
};

/* SP_FWD: Linux' forward policies; asked for what arrives if no SP_IN matches. */
enum sp_dir { SP_IN, SP_OUT, SP_FWD, SP_DIRS };
enum sp_action { SP_PROTECT, SP_BYPASS, SP_DISCARD };
/* Without an SA, REQUIRE and UNIQUE let nothing pass, and USE lets it pass in clear. */
enum sp_level { SP_LEVEL_REQUIRE, SP_LEVEL_USE, SP_LEVEL_UNIQUE };

/* ---- SPD ---- */

#define SP_HOLD_MAX	16	/* packets that wait for an SA */

struct sp {
	/* hot */
	struct sa	*sp_sa;		/* to seal with, if one serves all of the policy; see sp_sagen */
	_Atomic uint32_t sp_sagen;	/* bumped when the SA that serves this policy changes; never 0 */
	uint8_t		 sp_action;	/* enum sp_action */
	uint8_t		 sp_dir;
	uint8_t		 sp_level;
	uint8_t		 sp_mode;	/* SA_TUNNEL, SA_TRANSPORT */
	uint32_t	 sp_reqid;	/* 0: any SA between the addresses */
	uint32_t	 sp_id;		/* unique, never reused; index of SADB_X_SPDGET */
	bool		 sp_asks;	/* without an SA, key management is asked for one */
	/* cold */
	uint32_t	 sp_priority;	/* lower first; equal: the more specific first, see better() */
	uint8_t		 sp_proto;	/* IPPROTO_ESP */
	struct selector	 sp_sel;
	struct addr	 sp_local;	/* tunnel end points; ad_af 0: transport or any */
	struct addr	 sp_peer;
	uint64_t	 sp_added;	/* now_wall */
	uint32_t	 sp_acq_seq;	/* of the ACQUIRE under way; 0 none */
	uint64_t	 sp_acq_until;	/* no new ACQUIRE before, ns */
	unsigned	 sp_nhold;
	struct pkt	*sp_hold;	/* oldest first, by pkt_link; of any worker's pool */
	struct pkt	**sp_hold_end;
	struct timer	 sp_hold_timer;
	struct timer	 sp_clear_timer; /* what passes in clear asks again */
	/* private to spd.c */
	uint64_t	 sp_rank;	/* priority and how specific */
	struct sp	*sp_next_hash;	/* same masks, same bucket; best first */
	struct sp	*sp_next_id;
	struct sp	*sp_next_sa, **sp_prev_sa;	/* SP_OUT with the same reqid or peer */
	struct sp	*sp_next, *sp_prev;		/* all, oldest first */
	uint32_t	 sp_hash;
	uint16_t	 sp_tuple;
	char		 sp_name[64];	/* of the rule that made it; text for people */
	struct nk	*sp_nk;
};

/*
 * A walk that may pause: entries that come and go meanwhile do not disturb
 * it, and what is there all the time is seen once.  Must be ended.
 */
struct spd_cursor {
	struct sp		*sc_next;
	uint32_t		 sc_last_id;	/* younger ones are not shown */
	struct spd_cursor	*sc_link;
};

int		 spd_init(struct nk *);
void		 spd_fini(struct nk *);
/* Copies *sp. EEXIST if selector and direction exist (SADB_X_SPDUPDATE replaces). Bumps nk_gen. */
int		 spd_add(struct nk *, const struct sp *, struct sp **out);
int		 spd_update(struct nk *, const struct sp *, struct sp **out);
int		 spd_delete(struct nk *, struct sp *);
void		 spd_flush(struct nk *);
struct sp	*spd_find(struct nk *, enum sp_dir, const struct selector *);
struct sp	*spd_byid(struct nk *, uint32_t id);
void		 spd_walk(struct nk *, void (*fn)(void *, struct sp *), void *);
uint64_t	 spd_count(struct nk *);
void		 spd_cursor_start(struct nk *, struct spd_cursor *);
struct sp	*spd_cursor_next(struct nk *, struct spd_cursor *);
void		 spd_cursor_end(struct nk *, struct spd_cursor *);
/*
 * The policy for a packet; NULL: none (which means bypass). key.fk_src is the
 * packet's source; of ICMP, fk_sport is the type and fk_dport the code.
 * nk_lock held.
 */
struct sp	*spd_lookup(struct nk *, enum sp_dir, const struct flow_key *);
/*
 * RFC 4301 section 5.2: may a packet that came through came_sa (NULL: in
 * clear) enter?  DROP_NONE, or SPD_CLEAR, SPD_WRONG_SA, SPD_DISCARD,
 * SPD_UNAUTH, SAD_SELECTOR.  nk_lock held; no side effect but came_sa's own
 * count of what policy refused.
 */
enum drop_reason spd_check_in(struct nk *, const struct flow_key *, struct sa *came_sa,
    struct sp **sp_out);

/* ---- SAD ---- */

enum sa_state { SA_LARVAL, SA_MATURE, SA_DYING, SA_DEAD };
#define SA_TRANSPORT	1		/* IPSEC_MODE_TRANSPORT */
#define SA_TUNNEL	2		/* IPSEC_MODE_TUNNEL */

#define SA_F_IN		0x0001		/* destination was an address of this host when it was added */
#define SA_F_ESN	0x0002
#define SA_F_NATT	0x0004		/* UDP encapsulation */
#define SA_F_USED	0x0008
#define SA_F_NOREPLAY	0x0010		/* manual SA */
#define SA_F_SOFT	0x0020		/* soft EXPIRE was told */

#define SA_KEY_MAX	(64 + 64)
#define SA_LARVAL_S	240		/* net.inet.esp.larval: seconds that a larval SA waits for its keys */
#define SA_GRAVE_S	120		/* seconds that the struct (without keys) outlives its end, so that
					   packets in rings and reassembly may still point at it */

struct sa_lifetime { uint64_t lt_packets, lt_bytes, lt_add_s, lt_use_s; };	/* 0: no limit */

/* Drops of one SA by reason: X(NAME, word) */
#define SA_DROPS(X)						\
	X(REPLAY,	"replay")				\
	X(AUTH,		"auth")					\
	X(PADDING,	"padding")				\
	X(SELECTOR,	"selector")				\
	X(LIFETIME,	"lifetime")				\
	X(SEQUENCE,	"sequence")				\
	X(ENCAP,	"encap")				\
	X(OTHER,	"other")

enum sa_drop {
#define X(n, word) SA_DROP_##n,
	SA_DROPS(X)
#undef X
	SA_DROP_MAX
};

/* Anti-replay window (RFC 4303 section 3.4.3), RFC 6479 style words. */
#define REPLAY_MAX	4096		/* packets */
struct replay {
	uint64_t	 rp_top;	/* highest verified */
	uint32_t	 rp_window;	/* packets; 0: off */
	uint32_t	 rp_words;	/* a power of two, > rp_window / 64 */
	uint64_t	*rp_bits;	/* rp_words of them, owned */
};

struct sa {
	/* line 0: read by all workers, changed only with the configuration */
	_Alignas(64) uint32_t	 sa_spi;	/* network order */
	uint32_t		 sa_id;		/* unique, never reused */
	_Atomic uint8_t		 sa_state;
	uint8_t			 sa_worker;	/* anchor */
	uint16_t		 sa_flags;
	uint8_t			 sa_mode;
	uint8_t			 sa_proto;	/* IPPROTO_ESP */
	uint8_t			 sa_hdrlen;	/* outer IP + UDP + ESP + IV in front of the inner packet */
	uint8_t			 sa_ivlen;
	const struct xform	*sa_xform;	/* NULL while larval */
	struct xform_key	*sa_key;	/* owned; wiped when no worker can hold it */
	uint32_t		 sa_src4, sa_dst4;
	uint16_t		 sa_natt_sport, sa_natt_dport;	/* network order */
	uint16_t		 sa_inner_mtu;	/* largest inner packet; 0: not known yet */
	uint8_t			 sa_icvlen;
	uint8_t			 sa_align;	/* payload and trailer are a multiple of it, at least 4 */
	uint64_t		 sa_lim_packets, sa_lim_bytes;	/* soonest of soft and hard: slow path beyond */

	/* line 1: the anchor's, written with every packet */
	uint64_t		 sa_seq;	/* last sent */
	uint64_t		 sa_packets, sa_bytes;
	uint64_t		 sa_iv;		/* counter for IVs: never repeats for a key */
	uint64_t		 sa_last_ns;	/* last use, 0 never */
	struct replay		 sa_replay;

	/* line 2: outbound template */
	struct nexthop		 sa_nh;		/* outer path, stamped sa_nhgen */
	uint32_t		 sa_nhgen;	/* nk_gen */
	uint32_t		 sa_outer_sum;	/* of the IPv4 template from the TTL on */
	uint8_t			 sa_outer[28];	/* IPv4 (+ UDP) header template */
	uint8_t			 sa_outer_ok;	/* pf lets the outer packet out */

	/* inbound, the anchor's: what pf decided about its outer packets */
	struct flow_stamp	 sa_way;
	uint32_t		 sa_way_src4;	/* that came from there */

	/* cold */
	uint32_t		 sa_reqid;
	uint32_t		 sa_map4;	/* the mapping last told by key_new_mapping() */
	uint16_t		 sa_map_port;
	uint16_t		 sa_pmtu;	/* of the outer path, told by ICMP; 0 none */
	uint16_t		 sa_pmtu_found;	/* by IKE, which tried sizes; 0 none */
	uint64_t		 sa_pmtu_until;
	struct addr		 sa_src, sa_dst;
	struct selector		 sa_sel;	/* sel_src.pr_addr.ad_af 0: none */
	uint64_t		 sa_added;	/* now_wall */
	uint64_t		 sa_used;	/* now_wall of first use; 0 */
	uint64_t		 sa_added_ns, sa_used_ns;	/* the same by the monotonic clock */
	struct sa_lifetime	 sa_hard, sa_soft;
	struct timer		 sa_timer;	/* on nk_wheel */
	uint16_t		 sa_ealg, sa_aalg;	/* SADB_*ALG_* */
	uint16_t		 sa_ekeylen, sa_akeylen;	/* bytes, salt included */
	uint8_t			*sa_keys;	/* encryption, then integrity key: for GET and DUMP; owned, wiped */
	uint32_t		 sa_pid, sa_seqno;	/* of the message that made it */
	uint32_t		 sa_window;	/* as asked for */
	uint64_t		 sa_drops[SA_DROP_MAX];
	uint64_t		 sa_sum_packets, sa_sum_bytes, sa_sum_drops;	/* that totals.c has */
	/* private to sad.c */
	struct sa		*sa_next, *sa_prev;	/* all, oldest first */
	struct sa		*sa_next_req, **sa_prev_req;	/* usable ones of one reqid, newest first */
	struct sa		*sa_next_dst, **sa_prev_dst;	/* usable ones to one destination */
	char			 sa_name[64];	/* of the child that made it; text for people */
	struct nk		*sa_nk;
};
_Static_assert(offsetof(struct sa, sa_seq) == 64, "line 0 of an SA");
_Static_assert(offsetof(struct sa, sa_nh) == 128, "line 1 of an SA");
_Static_assert(offsetof(struct sa, sa_way) <= 192, "line 2 of an SA");

struct sad_cursor {			/* as struct spd_cursor */
	struct sa		*sc_next;
	uint32_t		 sc_last_id;
	struct sad_cursor	*sc_link;
};

int		 sad_init(struct nk *);
void		 sad_fini(struct nk *);
struct sa	*sad_lookup(struct nk *, uint32_t spi, const struct addr *dst, uint8_t proto);	/* lock-free */
struct sa	*sad_lookup4(struct nk *, uint32_t spi, uint32_t dst4);	/* ESP over IPv4, for the fast path */
/* The best usable outbound SA for a policy and packet: newest mature with the reqid and ends. */
struct sa	*sad_for_policy(struct nk *, struct sp *, const struct flow_key *);
void		 sad_walk(struct nk *, void (*fn)(void *, struct sa *), void *);
void		 sad_cursor_start(struct nk *, struct sad_cursor *);
struct sa	*sad_cursor_next(struct nk *, struct sad_cursor *);
void		 sad_cursor_end(struct nk *, struct sad_cursor *);
uint64_t	 sad_count(struct nk *);
/* A larval SA with a fresh SPI in [lo, hi] host order; EINVAL, EAFNOSUPPORT, ENOSPC (range full), ENOMEM. */
int		 sad_getspi(struct nk *, struct clock_now, const struct addr *src, const struct addr *dst,
    uint32_t lo, uint32_t hi, uint32_t reqid, uint8_t mode, struct sa **out);
/*
 * Description of an SA as the key socket gives it; copies keys.
 * add: EEXIST if (SPI, destination) exists.  update: gives a larval SA its
 * keys; of a mature one it changes lifetimes and the peer's address or port
 * (keys, sequence number and replay state stay; spp_ealg 0 or the same keys,
 * others are EINVAL); ESRCH if there is none.
 * EINVAL, EAFNOSUPPORT, EOPNOTSUPP with a reason in err.
 */
struct sa_params;
int		 sad_add(struct nk *, struct clock_now, const struct sa_params *, const char **err, struct sa **out);
int		 sad_update(struct nk *, struct clock_now, const struct sa_params *, const char **err, struct sa **out);
int		 sad_delete(struct nk *, struct sa *);
void		 sad_flush(struct nk *, uint8_t proto);

struct sa_params {
	uint32_t		 spp_spi;	/* network order */
	uint8_t			 spp_proto, spp_mode;
	uint16_t		 spp_flags;	/* SA_F_ESN | SA_F_NATT | SA_F_NOREPLAY */
	uint32_t		 spp_window;	/* packets */
	uint32_t		 spp_reqid;
	struct addr		 spp_src, spp_dst;
	struct selector		 spp_sel;
	uint16_t		 spp_natt_sport, spp_natt_dport;
	uint16_t		 spp_ealg, spp_aalg;
	const uint8_t		*spp_ekey, *spp_akey;
	uint16_t		 spp_ekeylen, spp_akeylen;
	struct sa_lifetime	 spp_hard, spp_soft;
	uint32_t		 spp_pid, spp_seqno;
	uint64_t		 spp_seq_start;	/* first sequence number - 1 */
	const char		*spp_name;	/* NULL: none */
};

/* The clock that slow paths go by: worker 0's. */
static inline struct clock_now
ipsec_clock(const struct nk *nk)
{
	return nk->nk_worker[0]->w_now;
}

/* ---- stages ---- */

/*
 * An unparsed packet, pkt_data at the IPv4 header: is it plain ESP of an SA
 * that this worker opens, for whose outer packets the last decision holds
 * (esp_keep())?  It is counted in its flow then, and ready for ipsec_input();
 * else nothing has happened.
 */
bool		 esp_again(struct worker *, struct pkt *);
/* An ESP packet that pf_flow() let in: the decision holds for those that follow. */
void		 esp_keep(struct worker *, const struct pkt *);
/*
 * ESP packets for us, pkt_data at the outer IPv4 header, pkt_l4 at ESP (behind
 * natt_input() if it came in UDP).  Of one with pkt_from set only SPI and
 * sequence number are there, and all of ESP is where that points to, until
 * ipsec_input() is back.  Takes v, feeds ip_input() with whole
 * vectors of inner packets.
 */
void		 ipsec_input(struct worker *, struct pktvec *v);
/* Packets that pf_flow() decided to protect with pkt_sa. Takes v, ends in ip_output_vec(). */
void		 ipsec_output(struct worker *, struct pktvec *v);
/*
 * An ordinary UDP packet for a NAT-T port, pkt_data at IPv4, pkt_l4 at UDP;
 * no lock.  PKT_NEXT_ESP: pkt_l4 is now at ESP, PKT_F_NATT, pkt_natt_port
 * and pkt_peer4 are set, for ipsec_input().  PKT_NEXT_DONE: taken (keepalive, too
 * short).  PKT_NEXT_LOCAL: IKE, the non-ESP marker still there.
 */
enum pkt_next	 natt_input(struct worker *, struct pkt *);
/*
 * A UDP super-packet for a NAT-T port, pkt_l4 at UDP: is each of its datagrams
 * ESP, as natt_input() would say of each?  Else they must be asked one by one.
 */
bool		 natt_all_esp(const struct pkt *);
/*
 * Such a super-packet, to ipsec_input() packet by packet, whose bytes go
 * straight from where they are to where they are opened.  Takes it.
 */
void		 natt_super(struct worker *, struct pkt *);
/*
 * An ICMP error for this host, pkt_l4 at the ICMP header, checksum verified: if
 * it is "fragmentation needed" about ESP sent lately, the SA's inner MTU
 * follows (RFC 4301 section 8.2.1).  The packet stays the caller's.
 */
void		 ipsec_icmp(struct worker *, const struct pkt *);
/*
 * What IKE has found to be the largest outer packet that arrives; 0: no size was
 * found not to.  It holds until it is told otherwise.  nk_lock held.
 */
void		 sa_measured(struct sa *, uint16_t mtu);
/*
 * No SA: holds the packet and raises SADB_ACQUIRE (at most one a policy and
 * SP_ACQUIRE_S).  Takes the packet.  nk_lock held.  When an SA comes, the
 * packets held are sealed with it, on the worker that owns their buffers.
 */
#define SP_ACQUIRE_S	5	/* net.inet.esp.acquire */
#define SP_HOLD_S	30	/* net.inet.esp.hold: the longest that a packet is held */
void		 ipsec_acquire(struct worker *, struct sp *, struct pkt *);
/*
 * No SA, and the packet passes in clear all the same: raises SADB_ACQUIRE as
 * often as ipsec_acquire() does, if the policy asks.  What was decided about
 * its flows holds until an SA comes, or until it is time to ask again.  nk_lock held.
 */
void		 ipsec_acquire_beside(struct worker *, struct sp *, const struct flow_key *);

/* Replay window: pure. */
/* Any window up to REPLAY_MAX, more is cut to that; 0: no check. False: no memory. */
bool		 replay_init(struct replay *, uint32_t window);
void		 replay_fini(struct replay *);
/* The 64-bit number that a received 32-bit one stands for (RFC 4303 appendix A2). */
uint64_t	 replay_esn(const struct replay *, uint32_t low);
/* Moves the top of the window to a higher number; replay_commit() only. */
void		 replay_advance(struct replay *, uint64_t seq);

/* May a packet of this number be taken? */
static inline bool
replay_check(const struct replay *rp, uint64_t seq)
{
	if (rp->rp_window == 0 || seq > rp->rp_top)
		return true;
	if (seq == 0 || rp->rp_top - seq >= rp->rp_window)
		return false;
	return (rp->rp_bits[(seq >> 6) & (rp->rp_words - 1)] >> (seq & 63) & 1) == 0;
}

/* The packet of this number has been verified; replay_check() said yes. */
static inline void
replay_commit(struct replay *rp, uint64_t seq)
{
	if (seq > rp->rp_top) {
		if (seq >> 6 != rp->rp_top >> 6)
			replay_advance(rp, seq);
		rp->rp_top = seq;
	}
	if (rp->rp_window != 0)
		rp->rp_bits[(seq >> 6) & (rp->rp_words - 1)] |= 1ull << (seq & 63);
}

#endif
