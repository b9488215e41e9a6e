/* SPDX-License-Identifier: ISC */
/*
 * Lifetimes of SAs in seconds, bytes and packets, and the end of the sequence
 * numbers (RFC 4301 section 4.4.2.1, RFC 4303 section 3.3.3, RFC 2367
 * section 2.3.2).
 *
 * The fast path compares two counters with sa_lim_packets and sa_lim_bytes and
 * calls sa_limit() when one is reached; sa_lim_packets is 0 until the first
 * use, which is thereby seen as well.  Seconds are on the timer wheel.
 * Reaching a soft limit is told once (SADB_EXPIRE) and makes the SA DYING,
 * which still works but is chosen only if there is no MATURE one; a hard
 * limit is told and ends it.
 */
#include "netipsec/ipsec_var.h"
#include "netkey/key.h"

/* Without ESN: numbers from which a successor is asked for, and the last. */
#define SEQ_SOFT	0xf0000000ull
#define SEQ_LAST	0xffffffffull

#define SECONDS_MAX	(100ull * 365 * 86400)

static uint64_t
min_set(uint64_t a, uint64_t b)
{
	return b != 0 && b < a ? b : a;
}

/* Packets until the sequence number is last, counted as sa_packets counts. */
static uint64_t
seq_limit(const struct sa *sa, uint64_t last)
{
	uint64_t seq = sa->sa_seq;

	if ((sa->sa_flags & SA_F_ESN) != 0 || (sa->sa_flags & SA_F_IN) != 0)
		return UINT64_MAX;
	return seq >= last ? sa->sa_packets : sa->sa_packets + (last - seq);
}

static bool
reached(uint64_t value, uint64_t limit)
{
	return limit != 0 && value >= limit;
}

/* 0 seconds, or more than anybody will wait, is never. */
static uint64_t
after(uint64_t start_ns, uint64_t seconds)
{
	return seconds == 0 || seconds > SECONDS_MAX ? UINT64_MAX :
	    start_ns + seconds * NSEC_PER_SEC;
}

static uint64_t
due_ns(const struct sa *sa, const struct sa_lifetime *lt)
{
	uint64_t due = after(sa->sa_added_ns, lt->lt_add_s);

	if (sa->sa_used_ns != 0)
		due = min_set(due, after(sa->sa_used_ns, lt->lt_use_s));
	return due;
}

static bool
over(const struct sa *sa, const struct sa_lifetime *lt, uint64_t seq_last, uint64_t now_ns)
{
	return reached(sa->sa_packets, lt->lt_packets) || reached(sa->sa_bytes, lt->lt_bytes) ||
	    sa->sa_packets >= seq_limit(sa, seq_last) || now_ns >= due_ns(sa, lt);
}

void
sa_life_arm(struct nk *nk, struct sa *sa)
{
	bool soft = (sa->sa_flags & SA_F_SOFT) == 0;
	uint64_t packets = seq_limit(sa, SEQ_LAST), bytes = UINT64_MAX, due;

	packets = min_set(packets, sa->sa_hard.lt_packets);
	bytes = min_set(bytes, sa->sa_hard.lt_bytes);
	due = due_ns(sa, &sa->sa_hard);
	if (soft) {
		packets = min_set(packets, sa->sa_soft.lt_packets);
		packets = packets < seq_limit(sa, SEQ_SOFT) ? packets : seq_limit(sa, SEQ_SOFT);
		bytes = min_set(bytes, sa->sa_soft.lt_bytes);
		due = min_set(due, due_ns(sa, &sa->sa_soft));
	}
	sa->sa_lim_bytes = bytes;
	__atomic_store_n(&sa->sa_lim_packets,
	    (sa->sa_flags & SA_F_USED) != 0 ? packets : 0, __ATOMIC_RELAXED);
	if (due != UINT64_MAX)
		timer_set(&nk->nk_wheel, &sa->sa_timer, due);
	else
		timer_clear(&nk->nk_wheel, &sa->sa_timer);
}

/* Whatever is due now. False: the SA has ended. */
static bool
life_check(struct nk *nk, struct sa *sa, struct clock_now now)
{
	if (over(sa, &sa->sa_hard, SEQ_LAST, now.now_ns)) {
		key_expire(nk, now, sa, true);
		sad_delete(nk, sa);
		return false;
	}
	if ((sa->sa_flags & SA_F_SOFT) == 0 && over(sa, &sa->sa_soft, SEQ_SOFT, now.now_ns)) {
		sa->sa_flags |= SA_F_SOFT;
		atomic_store_explicit(&sa->sa_state, SA_DYING, memory_order_release);
		key_expire(nk, now, sa, false);
		spd_sa_changed(nk, sa);
	}
	sa_life_arm(nk, sa);
	return true;
}

void
sa_life_amend(struct nk *nk, struct sa *sa, struct clock_now now)
{
	if ((sa->sa_flags & SA_F_SOFT) != 0 && !over(sa, &sa->sa_soft, SEQ_SOFT, now.now_ns)) {
		sa->sa_flags &= (uint16_t)~SA_F_SOFT;
		atomic_store_explicit(&sa->sa_state, SA_MATURE, memory_order_release);
		spd_sa_changed(nk, sa);
	}
	sa_life_arm(nk, sa);
}

static void
life_timer(void *arg, uint64_t now_ns)
{
	struct sa *sa = arg;
	struct clock_now now = ipsec_clock(sa->sa_nk);

	now.now_ns = now_ns;
	life_check(sa->sa_nk, sa, now);
}

void
sa_life_start(struct nk *nk, struct sa *sa, struct clock_now now)
{
	(void)now;
	timer_clear(&nk->nk_wheel, &sa->sa_timer);
	timer_init(&sa->sa_timer, life_timer, sa);
	sa_life_arm(nk, sa);
}

/* What sa_limit() would say. */
static enum drop_reason
limit_check(const struct sa *sa, uint64_t now_ns)
{
	if (sa->sa_state != SA_MATURE && sa->sa_state != SA_DYING)
		return DROP_SAD_STATE;
	if (!over(sa, &sa->sa_hard, SEQ_LAST, now_ns))
		return DROP_NONE;
	return sa->sa_packets >= seq_limit(sa, SEQ_LAST) ? DROP_ESP_SEQ : DROP_SAD_LIFETIME;
}

enum drop_reason
sa_limit(struct worker *w, struct sa *sa)
{
	struct nk *nk = w->w_nk;
	enum drop_reason why = DROP_SAD_STATE;
	bool seq_over;

	nk_lock(nk);
	if (nk->nk_explain != NULL)
		why = limit_check(sa, w->w_now.now_ns);
	else if (sa->sa_state == SA_MATURE || sa->sa_state == SA_DYING) {
		if ((sa->sa_flags & SA_F_USED) == 0) {
			sa->sa_flags |= SA_F_USED;
			sa->sa_used = (uint64_t)w->w_now.now_wall;
			sa->sa_used_ns = w->w_now.now_ns;
		}
		seq_over = sa->sa_packets >= seq_limit(sa, SEQ_LAST);
		why = life_check(nk, sa, w->w_now) ? DROP_NONE :
		    seq_over ? DROP_ESP_SEQ : DROP_SAD_LIFETIME;
	}
	nk_unlock(nk);
	return why;
}
