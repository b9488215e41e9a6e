/* SPDX-License-Identifier: ISC */
/*
 * A ring of packets from one producer thread to one consumer thread.
 */
#ifndef KERN_RING_H
#define KERN_RING_H

#include <stdatomic.h>
#include <stdbool.h>

#define RING_SIZE	1024		/* a power of two */

struct pkt;

struct ring {
	_Alignas(64) _Atomic unsigned	 rg_head;	/* producer's */
	unsigned			 rg_tail_seen;
	_Alignas(64) _Atomic unsigned	 rg_tail;	/* consumer's */
	unsigned			 rg_head_seen;
	_Alignas(64) struct pkt		*rg_slot[RING_SIZE];
};

void		ring_init(struct ring *);
bool		ring_put(struct ring *, struct pkt *);		/* false: full */
unsigned	ring_get(struct ring *, struct pkt **, unsigned max);

#endif
