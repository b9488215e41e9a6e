/* SPDX-License-Identifier: ISC */
/*
 * Making and unmaking a worker's packet pool; packets themselves are in
 * kern/pkt.h.
 */
#ifndef KERN_POOL_H
#define KERN_POOL_H

#include "kern/nk.h"
#include "kern/pkt.h"

struct pkt_pool;

struct pkt_usage {
	unsigned	pu_small, pu_small_free;
	unsigned	pu_large, pu_large_free;
	unsigned	pu_frames, pu_frames_free;
};

/* A pool of that many buffers of each class; NULL if memory is short. */
struct pkt_pool	*pkt_pool_new(unsigned owner, unsigned nsmall, unsigned nlarge);
void		 pkt_pool_free(struct pkt_pool *);
/* The owner's thread, or no thread running. */
void		 pkt_pool_usage(struct pkt_pool *, struct pkt_usage *);

/*
 * Buffers that wait for what a stranger can delay: a neighbour that does not
 * answer, an SA that does not come.  However many addresses he names, one
 * kind of waiting gets an eighth of each class of a pool.
 */
struct pkt_waits {
	unsigned	pw_n[NK_WORKERS_MAX][PKT_CLASSES];
};

/* May one more like it wait? */
bool		 pkt_waits_room(const struct nk *, const struct pkt_waits *, const struct pkt *);

static inline void
pkt_waits_add(struct pkt_waits *pw, const struct pkt *p)
{
	pw->pw_n[p->pkt_owner][p->pkt_class]++;
}

static inline void
pkt_waits_end(struct pkt_waits *pw, const struct pkt *p)
{
	pw->pw_n[p->pkt_owner][p->pkt_class]--;
}

/*
 * Gives the pool n packets whose buffers a device may use (kern/frames.h);
 * once, before anybody takes one.  It uses them and the stack, of n, for good.
 */
void		 pkt_pool_frames(struct pkt_pool *, struct pkt *, struct pkt **stack, unsigned n);
/* One of them, its metadata as the last user left it; NULL: none is free. */
struct pkt	*pkt_frame(struct worker *);
/* Fewer than n are left. */
bool		 pkt_frames_scarce(struct worker *, unsigned n);
/* It becomes a packet: of that data in its buffer, all other metadata zero. */
void		 pkt_frame_begin(struct pkt *, uint8_t *data, uint32_t len);

#endif
