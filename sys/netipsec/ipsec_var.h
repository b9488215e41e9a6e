/* SPDX-License-Identifier: ISC */
/*
 * What the files of netipsec share and nobody else sees.
 */
#ifndef NETIPSEC_IPSEC_VAR_H
#define NETIPSEC_IPSEC_VAR_H

#include "kern/pool.h"
#include "kern/sysctl.h"
#include "netipsec/ipsec.h"

/*
 * The table of SAs by (SPI, destination, protocol): open addressing with
 * linear probing, four slots a cache line.  Workers read it without a lock:
 * a slot's pointer is written last, and its tag is believed only with it.
 */
struct sad_slot {
	uint64_t		 ss_tag;	/* sad_tag() */
	struct sa *_Atomic	 ss_sa;		/* NULL: never used; SAD_GONE: was */
};
#define SAD_GONE	((struct sa *)(uintptr_t)1)

struct sad_table {
	uint64_t	 st_mask;	/* slots - 1 */
	uint64_t	 st_used;	/* slots not NULL */
	struct sad_slot	 st_slot[];
};

struct sad {
	struct sad_table	*sd_table;	/* published */
	struct sa		*sd_head, *sd_tail;
	uint64_t		 sd_count;
	uint64_t		 sd_buckets;	/* of each of the next two; a power of two */
	struct sa		**sd_req;	/* usable ones by (reqid, destination), newest first */
	struct sa		**sd_dst;	/* usable ones by destination */
	uint32_t		 sd_next_id;
	uint32_t		 sd_turn;	/* round robin among equally loaded workers */
	uint32_t		 sd_load[NK_WORKERS_MAX];	/* SAs anchored */
	unsigned		 sd_larval_s, sd_hold_s, sd_acquire_s;	/* settings */
	struct sad_cursor	*sd_cursors;
	struct sa		*sd_grave;	/* dead ones by sa_next, oldest first */
	struct sa		*sd_grave_tail;
	struct timer		 sd_grave_timer;
	struct totals		*sd_totals;	/* totals.c */
	struct pkt_waits	 sd_waits;	/* acquire.c: packets that policies hold */
	struct pkt		*sd_ready[NK_WORKERS_MAX];	/* acquire.c: to be sealed or dropped there */
};

static inline uint64_t
mix64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return x ^ x >> 32;
}

/* (SPI, IPv4 destination) exactly, or a hash of an IPv6 destination. */
static inline uint64_t
sad_tag4(uint32_t spi, uint32_t dst4)
{
	return (uint64_t)spi << 32 | dst4;
}

static inline void
sad_prefetch4(const struct sad *sd, uint32_t spi, uint32_t dst4)
{
	struct sad_table *t = EPOCH_READ(sd->sd_table);

	__builtin_prefetch(&t->st_slot[mix64(sad_tag4(spi, dst4)) & t->st_mask]);
}

/* ipsec_sysctl.c */
extern const struct sysctl_entry ipsec_sysctl[];

/* sad.c */
bool		 selector_match(const struct selector *, const struct flow_key *);
void		 sad_link_usable(struct nk *, struct sa *);
int		 sad_insert(struct nk *, struct sa *);
void		 sad_remove(struct nk *, struct sa *);
void		 sad_bury(struct nk *, struct sa *);

/* totals.c */
int		 totals_init(struct nk *);
void		 totals_fini(struct nk *);
/* The SA leaves the SAD; and again when no worker holds it. */
void		 totals_add(struct nk *, struct sa *);

/* spd.c */
/* The SA changed what serves policies: choose again, release what they hold. */
void		 spd_sa_changed(struct nk *, const struct sa *);
/* Flows that the policy decided about ask again. */
void		 spd_again(struct nk *, struct sp *);

/* sa.c */
/* The SA's addresses and ports as they stand in front of each packet: its anchor's, or not yet shared. */
void		 sa_template(struct sa *);
/* sa_inner_mtu for an outer path of mtu. */
void		 sa_set_mtu(struct sa *, uint16_t mtu);

/* sa_life.c */
void		 sa_life_start(struct nk *, struct sa *, struct clock_now);
/* From the soonest of what is still to happen: sa_lim_*, and the timer. nk_lock held. */
void		 sa_life_arm(struct nk *, struct sa *);
/* It has other lifetimes.  DYING is MATURE again if it has not reached the new soft one. */
void		 sa_life_amend(struct nk *, struct sa *, struct clock_now);
/*
 * The fast path met sa_lim_*: first use, soft and hard limits, the end of the
 * sequence numbers.  DROP_NONE: go on; else the SA takes no more packets.
 */
enum drop_reason sa_limit(struct worker *, struct sa *);

/* acquire.c */
void		 hold_init(struct sp *);
/* An SA serves the policy: what it holds goes out on the workers that own it. */
void		 hold_release(struct nk *, struct sp *);
void		 hold_drop(struct nk *, struct sp *, enum drop_reason why);
/* The same at the end, when no worker runs any more. */
void		 hold_free(struct sp *);
void		 hold_fini(struct nk *);

static inline void
sa_drop_count(struct sa *sa, enum sa_drop why)
{
	sa->sa_drops[why]++;
}

/* Of whatever reason. */
static inline uint64_t
sa_dropped(const struct sa *sa)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SA_DROP_MAX; i++)
		n += sa->sa_drops[i];
	return n;
}

#endif
