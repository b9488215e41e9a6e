/* SPDX-License-Identifier: ISC */
/*
 * Publishing and freeing tables that workers read without a lock.
 *
 * A writer builds a new table aside, publishes it with EPOCH_PUBLISH() and
 * retires the old one.  What is retired is freed once every worker has
 * passed a quiescent point (the end of its turn) or is idle since.
 * Writers hold nk_lock; workers take nothing.
 *
 * Packets that wait in a ring from one worker to another carry pointers
 * past the sender's quiescent point.  So with more than one worker a thing
 * is freed after two such rounds, the second begun when the first is over,
 * and a worker samples the epoch before it empties its rings and reports
 * that sample when it holds nothing.
 */
#ifndef KERN_EPOCH_H
#define KERN_EPOCH_H

#include <stdatomic.h>
#include <stdint.h>

#define EPOCH_WORKERS	32

struct epoch_item;

struct epoch {
	_Atomic uint64_t	 ep_now;
	_Atomic uint64_t	 ep_seen[EPOCH_WORKERS];	/* UINT64_MAX: idle */
	unsigned		 ep_workers;
	struct epoch_list {
		struct epoch_item	*el_head, *el_tail;	/* oldest first */
	}			 ep_first, ep_second;
	_Atomic uint64_t	 ep_pending;
};

#define EPOCH_PUBLISH(ptr, val) \
	__atomic_store_n(&(ptr), (val), __ATOMIC_RELEASE)
#define EPOCH_READ(ptr) \
	__atomic_load_n(&(ptr), __ATOMIC_CONSUME)

void	epoch_init(struct epoch *, unsigned workers);
/* To be taken before the worker empties its rings. Ends its idleness. */
uint64_t epoch_sample(struct epoch *, unsigned worker);
/* The worker holds no pointer from before the sample. */
void	epoch_quiescent(struct epoch *, unsigned worker, uint64_t sample);
/* The worker sleeps, and holds none until epoch_sample(). Only where no ring leads to it. */
void	epoch_idle(struct epoch *, unsigned worker);
/* Calls fn(arg) when no worker can hold it any more; never inside this call. */
void	epoch_retire(struct epoch *, void (*fn)(void *arg), void *arg);
/* Frees what may be freed. Called by the control thread, with nk_lock. */
void	epoch_reclaim(struct epoch *);
/* Frees all; only when every worker has ended. */
void	epoch_drain(struct epoch *);

#endif
