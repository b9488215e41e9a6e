/* SPDX-License-Identifier: ISC */
/*
 * Tables by hash (ike_table.h).
 */
#include <stdlib.h>

#include "libike/ike_var.h"

enum { SLOTS_MIN = 16 };

/* What is hashed is the operator's own, so nobody chooses collisions. */
uint32_t
itab_hash(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = n, w;
	size_t k;

	for (; n != 0; b += k, n -= k) {
		k = n < sizeof(w) ? n : sizeof(w);
		w = 0;
		memcpy(&w, b, k);
		h = (h ^ w) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return (uint32_t)(h >> 32);
}

static void
slot_in(struct itab *tb, struct ilink *ln)
{
	struct ilink **at = &tb->tb_slot[ln->ln_hash & (tb->tb_slots - 1)];

	ln->ln_next = *at;
	if (ln->ln_next != NULL)
		ln->ln_next->ln_prev = &ln->ln_next;
	ln->ln_prev = at;
	*at = ln;
}

bool
itab_room(struct itab *tb, size_t n)
{
	struct itab to = { .tb_slots = SLOTS_MIN, .tb_n = tb->tb_n };
	struct ilink *ln;

	if (n == 0 || n <= tb->tb_slots)
		return true;
	while (to.tb_slots < n)
		to.tb_slots *= 2;
	to.tb_slot = ike_calloc(to.tb_slots, sizeof(struct ilink *));
	if (to.tb_slot == NULL)
		return false;
	for (size_t i = 0; i < tb->tb_slots; i++)
		while ((ln = tb->tb_slot[i]) != NULL) {
			tb->tb_slot[i] = ln->ln_next;
			slot_in(&to, ln);
		}
	free(tb->tb_slot);
	*tb = to;
	return true;
}

void
itab_free(struct itab *tb)
{
	free(tb->tb_slot);
	*tb = (struct itab){ .tb_n = 0 };
}

void
itab_in(struct itab *tb, struct ilink *ln, uint32_t hash, void *owner)
{
	ln->ln_hash = hash;
	ln->ln_owner = owner;
	slot_in(tb, ln);
	tb->tb_n++;
}

void
itab_out(struct itab *tb, struct ilink *ln)
{
	if (ln->ln_prev == NULL)
		return;
	*ln->ln_prev = ln->ln_next;
	if (ln->ln_next != NULL)
		ln->ln_next->ln_prev = ln->ln_prev;
	ln->ln_next = NULL;
	ln->ln_prev = NULL;
	tb->tb_n--;
}

static struct ilink *
same_hash(struct ilink *ln, uint32_t hash)
{
	while (ln != NULL && ln->ln_hash != hash)
		ln = ln->ln_next;
	return ln;
}

struct ilink *
itab_first(const struct itab *tb, uint32_t hash)
{
	return tb->tb_slots == 0 ? NULL :
	    same_hash(tb->tb_slot[hash & (tb->tb_slots - 1)], hash);
}

struct ilink *
itab_next(const struct ilink *ln)
{
	return same_hash(ln->ln_next, ln->ln_hash);
}
