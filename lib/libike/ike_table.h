/* SPDX-License-Identifier: ISC */
/*
 * A table of links by hash, which grows.  A link lies in what it leads to
 * (ln_owner), is in at most one table, and costs no memory of its own; room is
 * made beforehand, so that putting one in cannot fail.
 */
#ifndef LIBIKE_IKE_TABLE_H
#define LIBIKE_IKE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ilink {
	struct ilink	*ln_next;
	struct ilink	**ln_prev;	/* NULL: in no table */
	uint32_t	 ln_hash;
	void		*ln_owner;
};

struct itab {
	struct ilink	**tb_slot;	/* NULL: empty, without room */
	size_t		 tb_slots;	/* a power of two */
	size_t		 tb_n;
};

/* Room for n links at good speed; false: out of memory, nothing has changed. */
bool	itab_room(struct itab *tb, size_t n);
/* The links that are left in it belong to nothing any more. */
void	itab_free(struct itab *tb);
/* The table must have had room for a first one. */
void	itab_in(struct itab *tb, struct ilink *ln, uint32_t hash, void *owner);
/* Does nothing if it is in no table. */
void	itab_out(struct itab *tb, struct ilink *ln);
/* Each with this hash, in no order. */
struct ilink *itab_first(const struct itab *tb, uint32_t hash);
struct ilink *itab_next(const struct ilink *ln);

uint32_t itab_hash(const void *p, size_t n);

#endif
