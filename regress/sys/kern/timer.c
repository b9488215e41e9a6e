/* SPDX-License-Identifier: ISC */
/*
 * The timer wheel against a naive model: a list of times that is searched.
 */
#include "test.h"

#include "kern/timer.h"

#define N	200
#define START	123456789ull

struct mine {
	struct timer	 t;
	uint64_t	 due;		/* model: when it was set for; 0 not armed */
	unsigned	 fired;
};

static struct wheel wh;
static struct mine all[N];
static uint64_t clock_ns;
static bool early, unexpected;

static uint64_t seed = 1;

static uint64_t
rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 20) % below;
}

static void
fire(void *arg, uint64_t now)
{
	struct mine *m = arg;

	if (m->due == 0)
		unexpected = true;
	if (now < m->due || now != clock_ns)
		early = true;
	m->due = 0;
	m->fired++;
	if (rnd(4) == 0) {		/* arm itself again */
		m->due = now + rnd(5000000000ull);
		timer_set(&wh, &m->t, m->due);
	}
	if (rnd(4) == 0) {		/* clear another */
		m = &all[rnd(N)];
		m->due = 0;
		timer_clear(&wh, &m->t);
	}
}

static void
setup(void)
{
	clock_ns = START;
	early = unexpected = false;
	wheel_init(&wh, clock_ns);
	memset(all, 0, sizeof(all));
	for (int i = 0; i < N; i++)
		timer_init(&all[i].t, fire, &all[i]);
}

/* All that are due by the model, with the tick's grace, have fired. */
static unsigned
overdue(void)
{
	unsigned n = 0;

	for (int i = 0; i < N; i++)
		if (all[i].due != 0 && all[i].due + 2 * TIMER_TICK_NS <= clock_ns)
			n++;
	return n;
}

static unsigned
armed(void)
{
	unsigned n = 0;

	for (int i = 0; i < N; i++)
		n += timer_armed(&all[i].t);
	return n;
}

static void
model(uint64_t span, uint64_t step)
{
	setup();
	for (int round = 0; round < 20000; round++) {
		struct mine *m = &all[rnd(N)];

		m->due = clock_ns + 1 + rnd(span);
		timer_set(&wh, &m->t, m->due);
		clock_ns += rnd(step);
		wheel_advance(&wh, clock_ns);
		if (overdue() != 0 || wh.wh_count != armed())
			break;
	}
	CU_ASSERT_EQUAL(overdue(), 0);
	CU_ASSERT_FALSE(early);
	CU_ASSERT_FALSE(unexpected);
	CU_ASSERT_EQUAL(wh.wh_count, armed());
}

static void
spans(void)
{
	test_row("milliseconds");
	model(50000000ull, 3000000ull);
	test_row("seconds, uneven steps");
	model(10000000000ull, 700000000ull);
	test_row("hours with jumps of minutes");
	model(40000000000000ull, 600000000000ull);
	test_row("years with jumps of months");
	model(400000000000000000ull, 9000000000000000ull);
}

static void
next_is_a_lower_bound(void)
{
	uint64_t least;

	setup();
	CU_ASSERT_EQUAL(wheel_next(&wh), UINT64_MAX);
	for (int round = 0; round < 2000; round++) {
		struct mine *m = &all[rnd(N)];

		m->due = clock_ns + rnd(100000000000ull);
		timer_set(&wh, &m->t, m->due);
		least = UINT64_MAX;
		for (int i = 0; i < N; i++)
			if (all[i].due != 0 && all[i].due < least)
				least = all[i].due;
		if (wheel_next(&wh) > least + 2 * TIMER_TICK_NS) {
			CU_FAIL("next is later than the first timer");
			return;
		}
		clock_ns += rnd(1000000000ull);
		wheel_advance(&wh, clock_ns);
	}
	/* going from next to next fires everything, without busy turns */
	unsigned turns = 0;
	seed = 2;
	while (wh.wh_count != 0 && turns++ < 100000) {
		clock_ns = wheel_next(&wh);
		wheel_advance(&wh, clock_ns);
	}
	CU_ASSERT_TRUE(turns < 100000);
	CU_ASSERT_EQUAL(wh.wh_count, 0);
	CU_ASSERT_FALSE(early);
}

static void
count(void *arg, uint64_t now)
{
	(void)now;
	++*(unsigned *)arg;
}

static void
edges(void)
{
	struct timer t;
	unsigned n = 0;

	wheel_init(&wh, START);
	timer_init(&t, count, &n);

	test_row("in the past: at the next tick");
	timer_set(&wh, &t, 1);
	wheel_advance(&wh, START);
	CU_ASSERT_EQUAL(n, 0);
	wheel_advance(&wh, START + TIMER_TICK_NS);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_FALSE(timer_armed(&t));

	test_row("never");
	timer_set(&wh, &t, UINT64_MAX);
	wheel_advance(&wh, UINT64_MAX / 2);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_TRUE(timer_armed(&t));

	test_row("moved and cleared");
	timer_set(&wh, &t, UINT64_MAX / 2 + 5 * TIMER_TICK_NS);
	CU_ASSERT_EQUAL(wh.wh_count, 1);
	timer_clear(&wh, &t);
	timer_clear(&wh, &t);
	CU_ASSERT_EQUAL(wh.wh_count, 0);
	wheel_advance(&wh, UINT64_MAX / 2 + 9 * TIMER_TICK_NS);
	CU_ASSERT_EQUAL(n, 1);
}

TEST_MAIN(
	TEST("model", spans),
	TEST("next", next_is_a_lower_bound),
	TEST("edges", edges))
