/* SPDX-License-Identifier: ISC */
/*
 * Inside the flow table: shared by the files of this folder only.
 *
 * A bucket is one cache line: eight signatures (the whole hash) and eight
 * entries.  An entry is a flow's index times two, plus the direction whose
 * key has that hash, plus 1 so that 0 is empty.  A flow whose back key is
 * the first one turned round, as all are without address translation, has
 * one entry, since the hash is the same both ways.  A hash has two buckets
 * where its entry may stand.  Both are full by chance never, but somebody may
 * have chosen addresses and ports so: then the flow there gives way that would
 * end first, if that is soon; else there is no state, and no longer walk.
 */
#ifndef PF_FLOW_TABLE_H
#define PF_FLOW_TABLE_H

#include "pf/flow.h"

#define BUCKET_SLOTS	8

struct flow_bucket {
	_Alignas(64) uint32_t	fb_sig[BUCKET_SLOTS];
	uint32_t		fb_entry[BUCKET_SLOTS];
};
_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");

struct flow_table {
	struct flow_bucket	*ft_bucket;
	uint32_t		 ft_mask;	/* buckets - 1 */
	uint32_t		 ft_max;	/* flows */
	uint32_t		 ft_fresh;	/* slots never used begin here */
	uint32_t		 ft_nfree;
	uint32_t		 ft_removals;	/* stamp: pointers from before may be stale */
	uint32_t		 ft_used;
	uint64_t		 ft_states;
	uint64_t		 ft_next_id;
	struct flow		*ft_flow;
	uint32_t		*ft_free;
	struct worker		*ft_worker;
	uint32_t		 ft_sweep_at;	/* the next slot that the sweep looks at */
	struct timer		 ft_sweep;	/* while timeouts shrink */
};

static inline struct flow_bucket *
flow_bucket1(const struct flow_table *ft, uint32_t hash)
{
	return &ft->ft_bucket[hash & ft->ft_mask];
}

static inline struct flow_bucket *
flow_bucket2(const struct flow_table *ft, uint32_t hash)
{
	return &ft->ft_bucket[(hash * 0x9e3779b1u >> 7) & ft->ft_mask];
}

/* Five words; the compiler makes it two vector compares. */
static inline bool
flow_key_same(const struct flow_key *a, const struct flow_key *b)
{
	const uint64_t *x = (const void *)a, *y = (const void *)b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) |
	    (x[4] ^ y[4])) == 0;
}

/* a is b turned round */
static inline bool
flow_key_mirrored(const struct flow_key *a, const struct flow_key *b)
{
	return ((a->fk_src[0] ^ b->fk_dst[0]) | (a->fk_src[1] ^ b->fk_dst[1]) |
	    (a->fk_dst[0] ^ b->fk_src[0]) | (a->fk_dst[1] ^ b->fk_src[1]) |
	    (uint64_t)(a->fk_sport ^ b->fk_dport) | (uint64_t)(a->fk_dport ^ b->fk_sport) |
	    (uint64_t)(a->fk_proto ^ b->fk_proto) | (uint64_t)(a->fk_af ^ b->fk_af) |
	    (uint64_t)(a->fk_rdomain ^ b->fk_rdomain)) == 0;
}

static inline void
flow_key_turn(struct flow_key *out, const struct flow_key *k)
{
	*out = *k;
	out->fk_src[0] = k->fk_dst[0];
	out->fk_src[1] = k->fk_dst[1];
	out->fk_dst[0] = k->fk_src[0];
	out->fk_dst[1] = k->fk_src[1];
	out->fk_sport = k->fk_dport;
	out->fk_dport = k->fk_sport;
}

/* Is it the flow of the key, and in which direction? */
static inline bool
flow_is(const struct flow *fl, const struct flow_key *k, unsigned *dir)
{
	if (flow_key_same(&fl->fl_key[0], k)) {
		*dir = 0;
		return true;
	}
	*dir = 1;
	if (fl->fl_flags & FL_MIRROR)
		return flow_key_mirrored(k, &fl->fl_key[0]);
	return flow_key_same(&fl->fl_key[1], k);
}

/* A flow with its keys, armed nowhere, in the table; NULL if there is no room. */
struct flow	*flow_new(struct flow_table *, const struct flow_key *, uint32_t hash);
/* When it ends, if no more packets come; timeouts shrink as the table fills. */
uint64_t	 flow_end_ns(const struct flow_table *, const struct flow *);
/* Arms the expiry, or moves it nearer after a change of state. */
void		 flow_timer(struct worker *, struct flow *);

/* decide.c: everything but a current decision of a known flow. */
enum pkt_next	 flow_decide(struct worker *, struct pkt *);
/* flow.c: follows, counts and marks a packet whose direction is filled. */
enum pkt_next	 flow_take(struct worker *, struct flow *, unsigned dir, struct pkt *);

#endif
