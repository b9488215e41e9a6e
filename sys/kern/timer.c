/* SPDX-License-Identifier: ISC */
/*
 * The timer wheel.
 *
 * A tick count is read as digits in base WHEEL_SLOTS.  A timer stands on the
 * level of the highest digit in which its tick differs from the current one,
 * in the slot of that digit.  So all timers of a lower level are due before
 * all of a higher one, and the next thing to do is always the first used slot
 * of the lowest used level: either its timers fire, or, above level 0, they
 * fall to lower levels when the wheel reaches the slot's first tick.  Empty
 * stretches are jumped over, however long.
 *
 * wh_used may say of an empty slot that it is used (its last timer was
 * cleared); who meets it puts that right.
 */
#include "kern/timer.h"

#include <stddef.h>

#include "kern/clock.h"

#define SLOT_BITS	6
#define SLOT_MASK	(WHEEL_SLOTS - 1)

_Static_assert(WHEEL_SLOTS == 1 << SLOT_BITS, "a slot is a digit");

static uint64_t
ticks_up(uint64_t ns)
{
	return ns / TIMER_TICK_NS + (ns % TIMER_TICK_NS != 0);
}

static void
list_init(struct timer *head)
{
	head->tm_next = head->tm_prev = head;
}

static bool
list_empty(const struct timer *head)
{
	return head->tm_next == head;
}

static void
list_append(struct timer *head, struct timer *t)
{
	t->tm_prev = head->tm_prev;
	t->tm_next = head;
	head->tm_prev->tm_next = t;
	head->tm_prev = t;
}

static void
list_unlink(struct timer *t)
{
	t->tm_prev->tm_next = t->tm_next;
	t->tm_next->tm_prev = t->tm_prev;
	t->tm_next = t->tm_prev = NULL;
}

/* Moves all of from to the empty list to. */
static void
list_take(struct timer *from, struct timer *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	to->tm_next = from->tm_next;
	to->tm_prev = from->tm_prev;
	to->tm_next->tm_prev = to;
	to->tm_prev->tm_next = to;
	list_init(from);
}

void
wheel_init(struct wheel *wh, uint64_t now_ns)
{
	unsigned level, slot;

	wh->wh_now = now_ns / TIMER_TICK_NS;
	wh->wh_count = 0;
	for (level = 0; level < WHEEL_LEVELS; level++) {
		wh->wh_used[level] = 0;
		for (slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&wh->wh_slot[level][slot]);
	}
}

/* Puts t, due after wh_now, into its slot. */
static void
wheel_place(struct wheel *wh, struct timer *t)
{
	unsigned high = 63 - (unsigned)__builtin_clzll(t->tm_when ^ wh->wh_now);
	unsigned level = high / SLOT_BITS;
	unsigned slot = (t->tm_when >> level * SLOT_BITS) & SLOT_MASK;

	list_append(&wh->wh_slot[level][slot], t);
	wh->wh_used[level] |= 1ull << slot;
}

/* The first used slot and its first tick; false if no timer is armed. */
static bool
wheel_first(const struct wheel *wh, unsigned *level, unsigned *slot,
    uint64_t *tick)
{
	uint64_t used, above;
	unsigned l, s;

	for (l = 0; l < WHEEL_LEVELS; l++)
		for (used = wh->wh_used[l]; used != 0; used &= used - 1) {
			s = (unsigned)__builtin_ctzll(used);
			if (list_empty(&wh->wh_slot[l][s]))
				continue;
			above = wh->wh_now >> (l + 1) * SLOT_BITS;
			*level = l;
			*slot = s;
			*tick = (above << SLOT_BITS | s) << l * SLOT_BITS;
			return true;
		}
	return false;
}

/* Forgets used bits of slots that a clear has emptied. */
static void
wheel_tidy(struct wheel *wh, unsigned level, unsigned slot)
{
	unsigned l;

	for (l = 0; l < level; l++)
		wh->wh_used[l] = 0;
	wh->wh_used[level] &= ~0ull << slot;
}

/* The wheel has reached a slot: fire what is due, let the rest fall. */
static void
wheel_slot(struct wheel *wh, unsigned level, unsigned slot, uint64_t now_ns)
{
	struct timer due, *t;

	list_take(&wh->wh_slot[level][slot], &due);
	wh->wh_used[level] &= ~(1ull << slot);
	while (!list_empty(&due)) {
		t = due.tm_next;
		list_unlink(t);
		if (t->tm_when > wh->wh_now) {
			wheel_place(wh, t);
			continue;
		}
		wh->wh_count--;
		t->tm_fn(t->tm_arg, now_ns);
	}
}

void
wheel_advance(struct wheel *wh, uint64_t now_ns)
{
	uint64_t tick, target = now_ns / TIMER_TICK_NS;
	unsigned level, slot;

	while (wh->wh_count != 0 && wheel_first(wh, &level, &slot, &tick) &&
	    tick <= target) {
		wheel_tidy(wh, level, slot);
		wh->wh_now = tick;
		wheel_slot(wh, level, slot, now_ns);
	}
	if (target > wh->wh_now)
		wh->wh_now = target;
	if (wh->wh_count == 0)
		wheel_tidy(wh, WHEEL_LEVELS - 1, SLOT_MASK);
}

uint64_t
wheel_next(const struct wheel *wh)
{
	unsigned level, slot;
	uint64_t tick;

	if (wh->wh_count == 0 || !wheel_first(wh, &level, &slot, &tick))
		return UINT64_MAX;
	return tick > UINT64_MAX / TIMER_TICK_NS ? UINT64_MAX :
	    tick * TIMER_TICK_NS;
}

void
timer_init(struct timer *t, void (*fn)(void *, uint64_t), void *arg)
{
	*t = (struct timer){ .tm_fn = fn, .tm_arg = arg };
}

void
timer_set(struct wheel *wh, struct timer *t, uint64_t when_ns)
{
	uint64_t when = ticks_up(when_ns);

	timer_clear(wh, t);
	t->tm_when = when > wh->wh_now ? when : wh->wh_now + 1;
	wheel_place(wh, t);
	wh->wh_count++;
}

void
timer_clear(struct wheel *wh, struct timer *t)
{
	if (!timer_armed(t))
		return;
	list_unlink(t);
	wh->wh_count--;
}
