/* SPDX-License-Identifier: ISC */
/*
 * Replay windows: named cases, and the window against a plain set of the
 * numbers that were accepted, at the edges of 2^32 and with ESN.
 */
#include "test.h"

#include "netipsec/ipsec.h"

enum { END, PASS, DROP };

static const struct window_case {
	const char	*name;
	uint32_t	 window;
	uint64_t	 seq[6];
	int		 verdict[6];
} cases[] = {
	{ "first packet", 64, { 1 }, { PASS } },
	{ "number 0 is never sent", 64, { 0 }, { DROP } },
	{ "duplicate inside the window", 64, { 1, 2, 2 }, { PASS, PASS, DROP } },
	{ "exactly one window old", 64, { 65, 1 }, { PASS, DROP } },
	{ "last one still inside", 64, { 65, 2 }, { PASS, PASS } },
	{ "window of 32", 32, { 33, 1, 2, 2 }, { PASS, DROP, PASS, DROP } },
	{ "window of 4096", 4096, { 4097, 1, 2, 2 }, { PASS, DROP, PASS, DROP } },
	{ "far jump forgets the old", 64, { 5, 1000000, 5, 999999, 999999 },
	    { PASS, PASS, DROP, PASS, DROP } },
	{ "jump of exactly the ring", 64, { 1, 129, 66, 65 }, { PASS, PASS, PASS, DROP } },
	{ "last 32-bit number", 64, { 0xffffffff, 0xfffffffe, 0xffffffff }, { PASS, PASS, DROP } },
	{ "across 2^32", 64, { 0xfffffffe, 0x100000001, 0xffffffff, 0xffffffff },
	    { PASS, PASS, PASS, DROP } },
	{ "no window takes all", 0, { 7, 7, 1 }, { PASS, PASS, PASS } },
};

static void
window(void)
{
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		const struct window_case *c = &cases[i];
		struct replay rp;

		test_row("%s", c->name);
		CU_ASSERT_TRUE_FATAL(replay_init(&rp, c->window));
		for (int k = 0; k < 6 && c->verdict[k] != END; k++) {
			bool ok = replay_check(&rp, c->seq[k]);

			CU_ASSERT_EQUAL(ok, c->verdict[k] == PASS);
			if (ok)
				replay_commit(&rp, c->seq[k]);
		}
		replay_fini(&rp);
	}
}

/* The plain model: every accepted number of the last SPAN is kept. */
#define SPAN	(1u << 15)

struct model {
	uint64_t	top;
	uint8_t		seen[SPAN];	/* by number modulo SPAN, valid above top - SPAN */
};

static bool
model_check(const struct model *m, uint32_t win, uint64_t seq)
{
	if (seq > m->top)
		return true;
	return seq != 0 && seq + win > m->top && !m->seen[seq % SPAN];
}

static void
model_commit(struct model *m, uint64_t seq)
{
	if (seq > m->top) {
		for (uint64_t s = m->top + 1; s <= seq && s <= m->top + SPAN; s++)
			m->seen[s % SPAN] = 0;
		if (seq > m->top + SPAN)
			memset(m->seen, 0, SPAN);
		m->top = seq;
	}
	m->seen[seq % SPAN] = 1;
}

static uint64_t state;

static uint32_t
rnd(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((state >> 33) % n);
}

/* A number near the top: mostly new, sometimes old, sometimes far. */
static uint64_t
next_seq(uint64_t top, uint32_t win)
{
	switch (rnd(8)) {
	case 0:
		return top + 1 + rnd(2 * win);
	case 1: {
		uint64_t back = rnd(2 * win + 2);

		return back < top ? top - back : 0;
	}
	case 2:
		return top > win ? top - win + rnd(3) : top;
	case 3:
		return rnd(64) == 0 ? top + win * 3 : top + 64;
	default:
		return top + rnd(3);
	}
}

static void
against_set(void)
{
	static const uint32_t windows[] = { 32, 33, 63, 64, 65, 127, 128, 512, 1000, 1024, 4096 };
	static const uint64_t starts[] = { 0, 0xffffff00, 0xfffffffff0, 1ull << 40 };
	static struct model m;

	for (size_t i = 0; i < TEST_COUNT(windows) * TEST_COUNT(starts); i++) {
		uint32_t win = windows[i / TEST_COUNT(starts)];
		uint64_t start = starts[i % TEST_COUNT(starts)];
		struct replay rp;
		unsigned wrong = 0;

		test_row("window %u from %#llx", win, (unsigned long long)start);
		state = 1 + i;
		CU_ASSERT_TRUE_FATAL(replay_init(&rp, win));
		memset(&m, 0, sizeof(m));
		rp.rp_top = m.top = start;
		/* what lies in the window before the start counts as not seen */
		for (unsigned n = 0; n < 25000; n++) {
			uint64_t seq = next_seq(m.top, win);
			bool ok = replay_check(&rp, seq);

			wrong += ok != model_check(&m, win, seq);
			if (ok) {
				replay_commit(&rp, seq);
				model_commit(&m, seq);
			}
		}
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT_EQUAL(rp.rp_top, m.top);
		replay_fini(&rp);
	}
}

/*
 * ESN: whatever number the sender used, the receiver guesses it from its low
 * half if it is in the window or less than 2^32 - window ahead.
 */
static void
esn(void)
{
	static const uint32_t windows[] = { 32, 64, 1024, 4096 };
	static const uint64_t tops[] = { 0, 1, 31, 63, 64, 4095, 4096, 0x7fffffff, 0xffffffff,
	    0x100000000, 0x100000001, 0x10000001f, 0x100001000, 0x1ffffffff, 0x200000000,
	    0xfffffffe00000005 };

	for (size_t i = 0; i < TEST_COUNT(windows) * TEST_COUNT(tops); i++) {
		uint32_t win = windows[i / TEST_COUNT(tops)];
		uint64_t top = tops[i % TEST_COUNT(tops)];
		struct replay rp = { .rp_window = win, .rp_top = top };
		uint64_t ahead = (1ull << 32) - win;
		unsigned wrong = 0;

		test_row("window %u, top %#llx", win, (unsigned long long)top);
		state = 77 + i;
		for (uint64_t back = 0; back < win && back <= top; back++)
			wrong += replay_esn(&rp, (uint32_t)(top - back)) != top - back;
		for (unsigned n = 0; n < 20000; n++) {
			uint64_t seq = top + 1 + (n < 200 ? n : n < 400 ? ahead - 1 - (n - 200) :
			    ((uint64_t)rnd(1u << 31) << 1 | (n & 1)) % ahead);

			if (seq < top || seq > top + ahead)
				continue;
			wrong += replay_esn(&rp, (uint32_t)seq) != seq;
		}
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

TEST_MAIN(
	TEST("replay window", window),
	TEST("replay window against a set", against_set),
	TEST("extended sequence numbers", esn))
