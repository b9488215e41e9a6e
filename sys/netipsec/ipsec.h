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

/* ---- selectors and packets described ---- */

struct selector {
	struct prefix		sel_src, sel_dst;	/* same family */
	struct port_range	sel_sport, sel_dport;	/* ICMP: type, code as RFC 4301 4.4.1.1 */
	uint8_t			sel_proto;		/* 0: any */
};

enum sp_dir { SP_IN, SP_OUT };
enum sp_action { SP_PROTECT, SP_BYPASS, SP_DISCARD };
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
	/* cold */
	uint32_t	 sp_priority;	/* lower first; equal: the more specific first, then the older */
	uint8_t		 sp_proto;	/* IPPROTO_ESP */
	struct selector	 sp_sel;
	struct addr	 sp_local;	/* tunnel end points; ad_af 0: transport or any */
	struct addr	 sp_peer;
	_Atomic uint64_t sp_packets, sp_bytes;
	uint64_t	 sp_added;	/* now_wall */
	uint32_t	 sp_acq_seq;	/* of the ACQUIRE under way; 0 none */
	uint64_t	 sp_acq_until;	/* no new ACQUIRE before, ns */
	unsigned	 sp_nhold;
	struct pkt	*sp_hold;
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
/* The policy for a packet; NULL: none (which means bypass). key.fk_src is the packet's source. */
struct sp	*spd_lookup(struct nk *, enum sp_dir, const struct flow_key *);
/*
 * RFC 4301 section 5.2: may a packet that came through came_sa (NULL: in
 * clear) enter?  DROP_NONE, or SPD_CLEAR, SPD_WRONG_SA, SPD_DISCARD,
 * SPD_UNAUTH, SAD_SELECTOR.  nk_lock held; no side effect.
 */
enum drop_reason spd_check_in(struct nk *, const struct flow_key *, struct sa *came_sa,
    struct sp **sp_out);

/* ---- SAD ---- */

enum sa_state { SA_LARVAL, SA_MATURE, SA_DYING, SA_DEAD };
#define SA_TRANSPORT	1		/* IPSEC_MODE_TRANSPORT */
#define SA_TUNNEL	2		/* IPSEC_MODE_TUNNEL */

#define SA_F_IN		0x0001		/* destination is this host */
#define SA_F_ESN	0x0002
#define SA_F_NATT	0x0004		/* UDP encapsulation */
#define SA_F_USED	0x0008
#define SA_F_NOREPLAY	0x0010		/* manual SA */
#define SA_F_SOFT	0x0020		/* soft EXPIRE was told */

#define SA_KEY_MAX	(64 + 64)

struct sa_lifetime { uint64_t lt_packets, lt_bytes, lt_add_s, lt_use_s; };	/* 0: no limit */

/* Anti-replay window (RFC 4303 section 3.4.3), RFC 6479 style words. */
#define REPLAY_MAX	4096		/* packets */
struct replay {
	uint64_t	 rp_top;	/* highest verified */
	uint32_t	 rp_window;	/* packets; 0: off; a multiple of 64 */
	uint32_t	 rp_words;	/* a power of two, > rp_window / 64 */
	uint64_t	*rp_bits;	/* rp_words of them, owned */
};

struct sa {
	/* hot, read by all workers, written by the anchor */
	uint32_t		 sa_spi;	/* network order */
	uint32_t		 sa_id;		/* unique, never reused */
	_Atomic uint8_t		 sa_state;
	uint8_t			 sa_worker;
	uint16_t		 sa_flags;
	uint8_t			 sa_mode;
	uint8_t			 sa_proto;	/* IPPROTO_ESP */
	uint8_t			 sa_hdrlen;	/* outer IP + UDP + ESP + IV in front of the inner packet */
	uint8_t			 sa_pad[1];
	const struct xform	*sa_xform;
	struct xform_key	*sa_key;	/* owned; xform_key_wipe() on destroy */
	uint64_t		 sa_seq;	/* last sent */
	uint64_t		 sa_packets, sa_bytes;
	uint64_t		 sa_lim_packets, sa_lim_bytes;	/* soonest of soft and hard: slow path beyond */
	uint64_t		 sa_iv;		/* counter for CTR-like IVs: never repeats for a key */
	uint64_t		 sa_last_ns;	/* last use */
	struct nexthop		 sa_nh;		/* outbound outer path, stamped sa_nhgen */
	uint32_t		 sa_nhgen;
	uint32_t		 sa_outer_sum;	/* one's complement sum of the template without length and id */
	uint8_t			 sa_outer[28];	/* IPv4 (+ UDP) header template */
	uint16_t		 sa_inner_mtu;	/* largest inner packet */
	struct replay		 sa_replay;
	/* cold */
	uint32_t		 sa_salt;
	uint32_t		 sa_reqid;
	struct addr		 sa_src, sa_dst;
	struct selector		 sa_sel;	/* sel_src.pr_addr.ad_af 0: none */
	uint16_t		 sa_natt_sport, sa_natt_dport;	/* network order */
	uint64_t		 sa_added;	/* now_wall */
	uint64_t		 sa_used;	/* now_wall of first use; 0 */
	struct sa_lifetime	 sa_hard, sa_soft;
	struct timer		 sa_timer;
	uint16_t		 sa_ealg, sa_aalg;	/* SADB_*ALG_* */
	uint8_t			 sa_ekey[SA_KEY_MAX], sa_akey[SA_KEY_MAX];	/* for GET/DUMP; wiped */
	uint16_t		 sa_ekeylen, sa_akeylen;	/* bytes, salt included */
	uint32_t		 sa_pid, sa_seqno;	/* of the message that made it */
	uint64_t		 sa_drops[8];	/* by reason: replay, auth, selector, lifetime … see sa_drop_name() */
	struct nk		*sa_nk;
};

int		 sad_init(struct nk *);
void		 sad_fini(struct nk *);
struct sa	*sad_lookup(struct nk *, uint32_t spi, const struct addr *dst, uint8_t proto);	/* lock-free */
struct sa	*sad_lookup4(struct nk *, uint32_t spi, uint32_t dst4);	/* ESP over IPv4, for the fast path */
/* The best usable outbound SA for a policy and packet: newest mature with the reqid and ends. */
struct sa	*sad_for_policy(struct nk *, struct sp *, const struct flow_key *);
void		 sad_walk(struct nk *, void (*fn)(void *, struct sa *), void *);
uint64_t	 sad_count(struct nk *);
/* A larval SA with a fresh SPI in [lo, hi] host order. */
int		 sad_getspi(struct nk *, const struct addr *src, const struct addr *dst,
    uint32_t lo, uint32_t hi, uint32_t reqid, uint8_t mode, struct sa **out);
/* Description of an SA as the key socket gives it; copies keys. EINVAL with a reason in err. */
struct sa_params;
int		 sad_add(struct nk *, const struct sa_params *, const char **err, struct sa **out);
int		 sad_update(struct nk *, const struct sa_params *, const char **err, struct sa **out);
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
};

/* ---- stages ---- */

/* ESP packets for us (pkt_data at the outer IPv4 header, pkt_l4 at ESP). Takes v, feeds ip_input(). */
void		 ipsec_input(struct worker *, struct pktvec *v);
/* Packets that pf_flow() decided to protect with pkt_sa. Takes v, ends in ip/ether_output(). */
void		 ipsec_output(struct worker *, struct pktvec *v);
/* UDP on a NAT-T port: true if it was ESP or a keepalive and has been taken. */
bool		 natt_input(struct worker *, struct pkt *);
/* No SA: holds the packet and raises SADB_ACQUIRE. Takes the packet. nk_lock held. */
void		 ipsec_acquire(struct worker *, struct sp *, struct pkt *);

/* Replay window: pure. */
void		 replay_init(struct replay *, uint32_t window);
void		 replay_fini(struct replay *);
/* The 64-bit number that a received 32-bit one stands for (RFC 4303 appendix A2). */
uint64_t	 replay_esn(const struct replay *, uint32_t low);
bool		 replay_check(const struct replay *, uint64_t seq);
void		 replay_commit(struct replay *, uint64_t seq);

#endif
