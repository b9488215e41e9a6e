/* SPDX-License-Identifier: ISC */
/*
 * The ring between two threads.  Head and tail run freely and are taken
 * modulo RING_SIZE; each side keeps what it last saw of the other's index in
 * its own cache line, and looks again only when that says too little.
 */
#include "kern/ring.h"

void
ring_init(struct ring *r)
{
	atomic_init(&r->rg_head, 0);
	atomic_init(&r->rg_tail, 0);
	r->rg_tail_seen = 0;
	r->rg_head_seen = 0;
}

bool
ring_put(struct ring *r, struct pkt *p)
{
	unsigned head = atomic_load_explicit(&r->rg_head, memory_order_relaxed);

	if (head - r->rg_tail_seen == RING_SIZE) {
		r->rg_tail_seen = atomic_load_explicit(&r->rg_tail,
		    memory_order_acquire);
		if (head - r->rg_tail_seen == RING_SIZE)
			return false;
	}
	r->rg_slot[head % RING_SIZE] = p;
	atomic_store_explicit(&r->rg_head, head + 1, memory_order_release);
	return true;
}

unsigned
ring_get(struct ring *r, struct pkt **out, unsigned max)
{
	unsigned tail = atomic_load_explicit(&r->rg_tail, memory_order_relaxed);
	unsigned i, n;

	if (r->rg_head_seen - tail < max)
		r->rg_head_seen = atomic_load_explicit(&r->rg_head,
		    memory_order_acquire);
	n = r->rg_head_seen - tail;
	if (n > max)
		n = max;
	for (i = 0; i < n; i++)
		out[i] = r->rg_slot[(tail + i) % RING_SIZE];
	if (n != 0)
		atomic_store_explicit(&r->rg_tail, tail + n,
		    memory_order_release);
	return n;
}
