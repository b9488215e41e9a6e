/* SPDX-License-Identifier: ISC */
/*
 * Timers on a hierarchical wheel: constant time to arm, disarm and fire.
 * A wheel belongs to one worker (or to the control thread) and is touched
 * by it alone.  Resolution is TIMER_TICK_NS; a timer never fires early.
 */
#ifndef KERN_TIMER_H
#define KERN_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_NS	10000000ull		/* 10 ms */
#define WHEEL_LEVELS	7		/* 64^7 ticks: all of a 64-bit clock */
#define WHEEL_SLOTS	64

struct timer {
	struct timer	*tm_next;		/* NULL: not armed */
	struct timer	*tm_prev;
	uint64_t	 tm_when;		/* ticks */
	void		(*tm_fn)(void *arg, uint64_t now_ns);
	void		*tm_arg;
};

struct wheel {
	uint64_t	 wh_now;		/* ticks passed */
	uint64_t	 wh_count;		/* timers armed */
	uint64_t	 wh_used[WHEEL_LEVELS];	/* bit per slot: may hold timers */
	struct timer	 wh_slot[WHEEL_LEVELS][WHEEL_SLOTS];	/* list heads */
};

void		wheel_init(struct wheel *, uint64_t now_ns);
/* Fires all that are due; a handler may arm and disarm any timer, also its own. */
void		wheel_advance(struct wheel *, uint64_t now_ns);
/* A time not later than the next timer's; UINT64_MAX if none is armed. */
uint64_t	wheel_next(const struct wheel *);

void		timer_init(struct timer *, void (*fn)(void *, uint64_t), void *arg);
/* Arms, or moves if armed. */
void		timer_set(struct wheel *, struct timer *, uint64_t when_ns);
void		timer_clear(struct wheel *, struct timer *);

static inline bool
timer_armed(const struct timer *t)
{
	return t->tm_next != 0;
}

#endif
