/* SPDX-License-Identifier: ISC */
/*
 * Publishing and freeing tables that workers read without a lock.
 *
 * A writer builds a new table aside, publishes it with EPOCH_PUBLISH() and
 * retires the old one.  What is retired is freed once every worker has
 * passed a quiescent point (the top of its loop) or is idle since.
 * Writers hold nk_lock; workers take nothing.
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
	struct epoch_item	*ep_head, *ep_tail;		/* retired, oldest first */
	uint64_t		 ep_pending;
};

#define EPOCH_PUBLISH(ptr, val) \
	__atomic_store_n(&(ptr), (val), __ATOMIC_RELEASE)
#define EPOCH_READ(ptr) \
	__atomic_load_n(&(ptr), __ATOMIC_CONSUME)

void	epoch_init(struct epoch *, unsigned workers);
/* The worker holds no pointer from before. */
void	epoch_quiescent(struct epoch *, unsigned worker);
/* The worker sleeps, and holds none until it calls epoch_quiescent(). */
void	epoch_idle(struct epoch *, unsigned worker);
/* Calls fn(arg) when no worker can hold it any more; never inside this call. */
void	epoch_retire(struct epoch *, void (*fn)(void *arg), void *arg);
/* Frees what may be freed. Called by the control thread, with nk_lock. */
void	epoch_reclaim(struct epoch *);
/* Frees all; only when every worker has ended. */
void	epoch_drain(struct epoch *);

#endif
