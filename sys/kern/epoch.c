/* SPDX-License-Identifier: ISC */
/*
 * Epochs: when is what was retired free of readers?
 *
 * ep_now grows with every retirement.  A retired thing bears the number
 * before the growth; a worker that has since sampled a greater number, and
 * then finished its turn, cannot hold it, except in a packet that it put
 * into another worker's ring.  So after all have passed (ep_first), the
 * thing is numbered again and waits once more (ep_second): the receivers
 * have then sampled, emptied their rings and finished what they took.
 */
#include "kern/epoch.h"

#include <stdlib.h>

#define EPOCH_IDLE	UINT64_MAX

struct epoch_item {
	struct epoch_item	*ei_next;
	uint64_t		 ei_epoch;
	void			(*ei_fn)(void *);
	void			*ei_arg;
};

void
epoch_init(struct epoch *ep, unsigned workers)
{
	unsigned i;

	*ep = (struct epoch){ .ep_workers = workers };
	atomic_init(&ep->ep_now, 1);
	for (i = 0; i < EPOCH_WORKERS; i++)
		atomic_init(&ep->ep_seen[i], EPOCH_IDLE);
}

/*
 * An idle worker is marked as holding things before it looks at any: the
 * fence orders that store before the loads of published pointers, and pairs
 * with the one in epoch_least().
 */
uint64_t
epoch_sample(struct epoch *ep, unsigned worker)
{
	if (atomic_load_explicit(&ep->ep_seen[worker],
	    memory_order_relaxed) == EPOCH_IDLE) {
		atomic_store(&ep->ep_seen[worker], 0);
		atomic_thread_fence(memory_order_seq_cst);
	}
	return atomic_load(&ep->ep_now);
}

void
epoch_quiescent(struct epoch *ep, unsigned worker, uint64_t sample)
{
	if (atomic_load_explicit(&ep->ep_seen[worker],
	    memory_order_relaxed) != sample)
		atomic_store(&ep->ep_seen[worker], sample);
}

void
epoch_idle(struct epoch *ep, unsigned worker)
{
	atomic_store(&ep->ep_seen[worker], EPOCH_IDLE);
}

static uint64_t
epoch_least(struct epoch *ep)
{
	uint64_t seen, least = EPOCH_IDLE;
	unsigned i;

	atomic_thread_fence(memory_order_seq_cst);
	for (i = 0; i < ep->ep_workers; i++) {
		seen = atomic_load(&ep->ep_seen[i]);
		if (seen < least)
			least = seen;
	}
	return least;
}

static void
list_append(struct epoch_list *l, struct epoch_item *it)
{
	it->ei_next = NULL;
	if (l->el_tail == NULL)
		l->el_head = it;
	else
		l->el_tail->ei_next = it;
	l->el_tail = it;
}

/* The oldest, if every worker has passed it. */
static struct epoch_item *
list_passed(struct epoch_list *l, uint64_t least)
{
	struct epoch_item *it = l->el_head;

	if (it == NULL || it->ei_epoch >= least)
		return NULL;
	l->el_head = it->ei_next;
	if (l->el_head == NULL)
		l->el_tail = NULL;
	return it;
}

static void
item_end(struct epoch *ep, struct epoch_item *it)
{
	atomic_fetch_sub(&ep->ep_pending, 1);
	it->ei_fn(it->ei_arg);
	free(it);
}

/* Without memory for the note the thing is kept for ever: never freed early. */
void
epoch_retire(struct epoch *ep, void (*fn)(void *), void *arg)
{
	struct epoch_item *it = malloc(sizeof(*it));

	if (it == NULL)
		return;
	it->ei_fn = fn;
	it->ei_arg = arg;
	it->ei_epoch = atomic_fetch_add(&ep->ep_now, 1);
	list_append(&ep->ep_first, it);
	atomic_fetch_add(&ep->ep_pending, 1);
}

void
epoch_reclaim(struct epoch *ep)
{
	uint64_t least = epoch_least(ep), again = 0;
	struct epoch_item *it;

	while ((it = list_passed(&ep->ep_second, least)) != NULL)
		item_end(ep, it);
	while ((it = list_passed(&ep->ep_first, least)) != NULL) {
		if (ep->ep_workers == 1) {
			item_end(ep, it);
			continue;
		}
		if (again == 0)
			again = atomic_fetch_add(&ep->ep_now, 1);
		it->ei_epoch = again;
		list_append(&ep->ep_second, it);
	}
}

void
epoch_drain(struct epoch *ep)
{
	struct epoch_item *it;

	while ((it = list_passed(&ep->ep_second, EPOCH_IDLE)) != NULL)
		item_end(ep, it);
	while ((it = list_passed(&ep->ep_first, EPOCH_IDLE)) != NULL)
		item_end(ep, it);
}
