/* SPDX-License-Identifier: ISC */
/*
 * The short way of outer ESP packets (esp_again()) changes nothing but time.
 * Two pairs of gateways are given the same frames; the second forgets, before
 * each, whatever it had decided.  Damaged, repeated, foreign and broken frames,
 * changes of rules, lost states and time come in random order from one seed,
 * and after each all that can be seen is compared: what leaves, every drop,
 * states with their counters and ends, SAs.  Single cases say in plain words
 * what must not take the short way.
 */
#include <stdio.h>

#include "dice.h"
#include "load.h"
#include "netinet/ip.h"
#include "pf/flow_table.h"
#include "sys/netipsec/gateways.h"
#include "test.h"

#define EVENTS	4000
#define KEPT	64

static struct gateways fast, slow;
static uint8_t kept[KEPT][512];		/* sealed frames, the last at nkept - 1 */
static size_t kept_len[KEPT];
static unsigned nkept;
static uint64_t seed = 0x5eed;

static unsigned
pick(unsigned n)
{
	return dice(&seed, n);
}

static void
tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from != fast.gw_a_out || frame[12] != 8 || frame[13] != 0 || len > sizeof(kept[0]))
		return;
	memcpy(kept[nkept % KEPT], frame, len);
	kept_len[nkept++ % KEPT] = len;
}

static void
start(const char *rules)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL, .gc_wire = { .wi_loss = 1000 },
	    .gc_suite = suite_by_name("aes-128-gcm") };

	nkept = 0;
	gateways_open(&fast, &gc);
	gateways_open(&slow, &gc);
	world_tap(fast.gw_world, tap, NULL);
	load(fast.gw_b, rules);
	load(slow.gw_b, rules);
}

static void
end(void)
{
	gateways_close(&fast);
	gateways_close(&slow);
}

/* Host A sends to host B: one more frame is kept, and nothing arrives. */
static void
seal(unsigned len)
{
	struct tp_spec s = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 17,
	    .tp_sport = 1000, .tp_dport = 2000, .tp_len = len };

	send_a(&fast, &s);
}

static void
forget(void)
{
	nk_lock(slow.gw_b);
	nk_bump(slow.gw_b);
	nk_unlock(slow.gw_b);
}

/* A frame to both B, from the station A. */
static void
give(uint8_t *frame, size_t len, bool broadcast)
{
	forget();
	memcpy(frame, fast.gw_b_out->if_mac, 6);
	if (broadcast)
		memset(frame, 0xff, 6);
	wire_put_now(fast.gw_world, fast.gw_b_out, frame, len);
	if (!broadcast)
		memcpy(frame, slow.gw_b_out->if_mac, 6);
	wire_put_now(slow.gw_world, slow.gw_b_out, frame, len);
}

static void
header_sum(uint8_t *frame)
{
	tp_put16(frame + 24, 0);
	tp_put16(frame + 24, (uint16_t)~tp_sum(frame + 14, (frame[14] & 15u) * 4, 0));
}

/* ---- what can be seen ---- */

struct seen {
	size_t		 se_n;
	struct flow	 se_flow[16];
};

static void
see(void *arg, struct flow *fl)
{
	struct seen *se = arg;

	if (se->se_n < 16)
		se->se_flow[se->se_n++] = *fl;
}

static bool
same_flows(void)
{
	static struct seen a, b;

	a.se_n = b.se_n = 0;
	flow_walk(fast.gw_b->nk_worker[0], see, &a);
	flow_walk(slow.gw_b->nk_worker[0], see, &b);
	if (a.se_n != b.se_n)
		return false;
	for (size_t i = 0; i < a.se_n; i++) {
		const struct flow *x = &a.se_flow[i], *y = &b.se_flow[i];

		if (memcmp(x->fl_key, y->fl_key, sizeof(x->fl_key)) != 0 ||
		    memcmp(x->fl_peer, y->fl_peer, sizeof(x->fl_peer)) != 0 ||
		    memcmp(x->fl_rule, y->fl_rule, sizeof(x->fl_rule)) != 0 ||
		    x->fl_flags != y->fl_flags || x->fl_last_ns != y->fl_last_ns)
			return false;
		for (unsigned d = 0; d < 2; d++)
			if (x->fl_dir[d].fd_packets != y->fl_dir[d].fd_packets ||
			    x->fl_dir[d].fd_bytes != y->fl_dir[d].fd_bytes)
				return false;
	}
	return true;
}

static bool
same_output(struct ifnet *a, struct ifnet *b)
{
	static uint8_t x[WIRE_FRAME_MAX], y[WIRE_FRAME_MAX];
	size_t n, m;

	do {
		n = wire_take(a, x, sizeof(x));
		m = wire_take(b, y, sizeof(y));
		if (n != m || (n > 14 && memcmp(x + 14, y + 14, n - 14) != 0))
			return false;
	} while (n != 0);
	return true;
}

/* The name of what differs, or NULL. */
static const char *
difference(void)
{
	static const enum counter same[] = { CNT_IP_RECEIVED, CNT_IP_DELIVERED, CNT_IP_FORWARDED,
	    CNT_IP_FRAG_IN, CNT_ESP_IN, CNT_ESP_IN_BYTES, CNT_STATE_NEW, CNT_STATE_END,
	    CNT_ICMP_SENT };
	const struct sa *x = fast.gw_ab[1], *y = slow.gw_ab[1];

	for (unsigned i = 1; i < DROP_MAX; i++)
		if (world_drops(fast.gw_b, i) != world_drops(slow.gw_b, i))
			return drop_name(i);
	for (unsigned i = 0; i < TEST_COUNT(same); i++)
		if (world_count(fast.gw_b, same[i]) != world_count(slow.gw_b, same[i]))
			return counter_name(same[i]);
	if (x->sa_packets != y->sa_packets || x->sa_bytes != y->sa_bytes ||
	    x->sa_replay.rp_top != y->sa_replay.rp_top ||
	    memcmp(x->sa_drops, y->sa_drops, sizeof(x->sa_drops)) != 0)
		return "the SA";
	if (!same_flows())
		return "states";
	return same_output(fast.gw_b_in, slow.gw_b_in) ? NULL : "what leaves";
}

/* ---- at random ---- */

static const char *const rules[] = {
	"pass\n",
	"pass\n",
	"block in on em0 proto esp\npass on in0\npass on enc0\n",
	"block\npass on { in0 enc0 }\npass in on em0 proto esp from 192.0.2.1\n",
	"pass\nblock quick on em0 from 192.0.2.9\nblock quick on em0 to 192.0.2.9\n",
	"pass no state\n",
	"block in on em0\npass out on em0 proto esp\npass on { in0 enc0 }\n",
	"set timeout other.single 3\npass\n",
};

static void
damage(uint8_t *f, size_t *len)
{
	switch (pick(10)) {
	case 0:
		f[14 + pick((unsigned)*len - 14)] ^= (uint8_t)(1u << pick(8));
		break;
	case 1:		/* the header's sum */
		f[24] ^= 1;
		break;
	case 2:		/* from elsewhere */
		f[29] = 9;
		header_sum(f);
		break;
	case 3:		/* a fragment */
		f[20] = 0x20;
		header_sum(f);
		break;
	case 4:		/* shorter than it says */
		*len -= 1 + pick((unsigned)*len - 34);
		break;
	case 5:		/* padded by the link */
		memset(f + *len, 0, 6);
		*len += 6;
		break;
	case 6:		/* another SPI */
		f[37] ^= 1;
		break;
	case 7:		/* for somebody else */
		f[33] = 77;
		header_sum(f);
		break;
	case 8:		/* its length */
		tp_put16(f + 16, pick(200));
		header_sum(f);
		break;
	default:	/* DSCP and time to live are free */
		f[15] = (uint8_t)pick(256);
		f[22] = (uint8_t)(1 + pick(255));
		header_sum(f);
	}
}

static void
frame_event(void)
{
	uint8_t f[600];
	unsigned back = pick(3) == 0 ? pick(nkept < KEPT ? nkept : KEPT) : 0;
	unsigned at = (nkept - 1 - back) % KEPT;
	size_t len = kept_len[at];

	memcpy(f, kept[at], len);
	if (pick(4) == 0)
		damage(f, &len);
	give(f, len, pick(50) == 0);
}

static void
event(void)
{
	struct tp_spec back = { .tp_src = "10.2.0.1", .tp_dst = "10.1.0.1", .tp_proto = 17,
	    .tp_sport = 2000, .tp_dport = 1000, .tp_len = 30 };
	unsigned r = pick(100);

	if (nkept == 0 || r < 40)
		seal(pick(300));
	if (r < 90) {
		frame_event();
	} else if (r < 93) {
		const char *text = rules[pick(TEST_COUNT(rules))];

		load(fast.gw_b, text);
		load(slow.gw_b, text);
	} else if (r < 95) {
		flow_flush(fast.gw_b->nk_worker[0]);
		flow_flush(slow.gw_b->nk_worker[0]);
	} else if (r < 98) {
		forget();
		send_b(&fast, &back);
		send_b(&slow, &back);
	} else {
		uint64_t ns = pick(2) ? NSEC_PER_SEC / 10 : 40 * NSEC_PER_SEC;

		world_run(fast.gw_world, ns);
		world_run(slow.gw_world, ns);
	}
}

static void
at_random(void)
{
	unsigned short_way;
	const char *what;

	start("pass\n");
	for (unsigned i = 0; i < EVENTS; i++) {
		event();
		if ((what = difference()) != NULL) {
			test_row("event %u: %s", i, what);
			CU_FAIL_FATAL("the two differ");
		}
	}
	test_row("both ways were taken");
	short_way = (unsigned)world_count(fast.gw_b, CNT_FLOW_HIT);
	CU_ASSERT(short_way > EVENTS / 8);
	CU_ASSERT(world_count(slow.gw_b, CNT_FLOW_HIT) < short_way / 8);
	CU_ASSERT(world_count(fast.gw_b, CNT_ESP_IN) > EVENTS / 8);
	end();
}

/* ---- one at a time ---- */

/* The next frame of A; how many packets host B has got of it. */
static unsigned
arrives(uint8_t last)
{
	uint64_t had = world_count(fast.gw_b, CNT_IP_FORWARDED);
	unsigned at;

	seal(40);
	at = (nkept - 1) % KEPT;
	kept[at][29] = last;
	header_sum(kept[at]);
	give(kept[at], kept_len[at], false);
	return (unsigned)(world_count(fast.gw_b, CNT_IP_FORWARDED) - had);
}

static uint64_t
outer_packets(void)
{
	static struct seen se;

	se.se_n = 0;
	flow_walk(fast.gw_b->nk_worker[0], see, &se);
	for (size_t i = 0; i < se.se_n; i++)
		if (se.se_flow[i].fl_key[0].fk_proto == 50)
			return se.se_flow[i].fl_dir[0].fd_packets;
	return 0;
}

static void
by_hand(void)
{
	struct flow_stamp *fs;

	start("pass\n");
	fs = &fast.gw_ab[1]->sa_way;
	test_row("the first packet is asked about, and the way is kept");
	CU_ASSERT_EQUAL(arrives(1), 1);
	CU_ASSERT_EQUAL(fs->fs_gen, nk_generation(fast.gw_b));
	test_row("those that follow are counted in its state");
	for (unsigned i = 0; i < 9; i++)
		CU_ASSERT_EQUAL(arrives(1), 1);
	CU_ASSERT_EQUAL(outer_packets(), 10);
	test_row("its state lives by them");
	for (unsigned i = 0; i < 10; i++) {
		world_run(fast.gw_world, 25 * NSEC_PER_SEC);
		CU_ASSERT_EQUAL(arrives(1), 1);
	}
	CU_ASSERT_EQUAL(outer_packets(), 20);
	test_row("from elsewhere: asked about");
	load(fast.gw_b, "pass\nblock quick on em0 from 192.0.2.9\n"
	    "block quick on em0 to 192.0.2.9\n");
	CU_ASSERT_EQUAL(arrives(1), 1);
	CU_ASSERT_EQUAL(arrives(9), 0);
	CU_ASSERT_EQUAL(world_drops(fast.gw_b, DROP_PF_BLOCK), 1);
	CU_ASSERT_EQUAL(arrives(1), 1);
	test_row("a rule that blocks, and no state that says otherwise");
	load(fast.gw_b, "block in on em0 proto esp\npass on { in0 enc0 }\n");
	CU_ASSERT_EQUAL(arrives(1), 1);		/* the state still does */
	flow_flush(fast.gw_b->nk_worker[0]);
	CU_ASSERT_EQUAL(arrives(1), 0);
	CU_ASSERT_EQUAL(arrives(1), 0);
	CU_ASSERT_EQUAL(world_drops(fast.gw_b, DROP_PF_BLOCK), 3);
	test_row("a state that was killed is made anew");
	load(fast.gw_b, "pass\n");
	CU_ASSERT_EQUAL(arrives(1), 1);
	flow_flush(fast.gw_b->nk_worker[0]);
	CU_ASSERT_EQUAL(outer_packets(), 0);
	CU_ASSERT_EQUAL(arrives(1), 1);
	CU_ASSERT_EQUAL(outer_packets(), 1);
	end();
}

TEST_MAIN(
	TEST("by hand", by_hand),
	TEST("at random", at_random))
