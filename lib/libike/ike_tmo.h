/* SPDX-License-Identifier: ISC */
/*
 * Timers of one instance: a pairing heap whose nodes live in the objects that
 * they belong to, so that setting a timer cannot fail.  The earliest is found
 * at once; setting costs O(1), clearing and firing O(log n) amortised.
 */
#ifndef LIBIKE_IKE_TMO_H
#define LIBIKE_IKE_TMO_H

#include <stdbool.h>
#include <stdint.h>

struct tmo {
	uint64_t	 tm_at;
	struct tmo	*tm_child;	/* leftmost */
	struct tmo	*tm_next;	/* sibling to the right */
	struct tmo	*tm_prev;	/* sibling to the left, or the parent */
	bool		 tm_on;
	uint8_t		 tm_kind;	/* the owner's business */
	void		*tm_owner;
};

struct tmo_heap {
	struct tmo	*th_root;
};

/* Sets, or moves, t. */
void	tmo_set(struct tmo_heap *h, struct tmo *t, uint64_t at);
/* Harmless if t is not set. */
void	tmo_clear(struct tmo_heap *h, struct tmo *t);
/* Takes out the earliest that is due at now; NULL. */
struct tmo *tmo_due(struct tmo_heap *h, uint64_t now);

static inline uint64_t
tmo_next(const struct tmo_heap *h)
{
	return h->th_root != NULL ? h->th_root->tm_at : UINT64_MAX;
}

#endif
