/* SPDX-License-Identifier: ISC */
/*
 * Making and unmaking a worker's packet pool; packets themselves are in
 * kern/pkt.h.
 */
#ifndef KERN_POOL_H
#define KERN_POOL_H

#include "kern/pkt.h"

struct pkt_pool;

struct pkt_usage {
	unsigned	pu_small, pu_small_free;
	unsigned	pu_large, pu_large_free;
};

/* A pool of that many buffers of each class; NULL if memory is short. */
struct pkt_pool	*pkt_pool_new(unsigned owner, unsigned nsmall, unsigned nlarge);
void		 pkt_pool_free(struct pkt_pool *);
/* The owner's thread, or no thread running. */
void		 pkt_pool_usage(struct pkt_pool *, struct pkt_usage *);

#endif
