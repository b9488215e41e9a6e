/* SPDX-License-Identifier: ISC */
/*
 * Rules and states on a router between two stations (see router.h): what
 * passes, what is blocked, what is answered, when states end.
 */
#include <unistd.h>

#include "load.h"
#include "net/capture.h"
#include "pf/flow_table.h"
#include "pf/ruleset.h"
#include "pf/track.h"
#include "sys/netinet/router.h"		/* last: it has short names */

#define SYN	0x02
#define ACK	0x10
#define RST	0x04
#define FIN	0x01

#define UDP_AB	{ .tp_src = A, .tp_dst = B, .tp_proto = 17, .tp_sport = 1000, .tp_dport = 53 }
#define UDP_BA	{ .tp_src = B, .tp_dst = A, .tp_proto = 17, .tp_sport = 53, .tp_dport = 1000 }

static bool
reaches_b(struct tp_spec s)
{
	from_a(s);
	return take(em1) != 0;
}

static bool
reaches_a(struct tp_spec s)
{
	from_b(s);
	return take(em0) != 0;
}

static struct tp_spec
tcp_ab(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	return (struct tp_spec){ .tp_src = A, .tp_dst = B, .tp_proto = 6, .tp_sport = 4000,
	    .tp_dport = 80, .tp_flags = flags, .tp_seq = seq, .tp_ack = ack, .tp_len = len };
}

static struct tp_spec
tcp_ba(uint8_t flags, uint32_t seq, uint32_t ack, size_t len)
{
	return (struct tp_spec){ .tp_src = B, .tp_dst = A, .tp_proto = 6, .tp_sport = 80,
	    .tp_dport = 4000, .tp_flags = flags, .tp_seq = seq, .tp_ack = ack, .tp_len = len };
}

/* A connection is open: A's next byte is 1001, B's 5001. */
static void
tcp_open(void)
{
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 0)));
}

static uint64_t
states(void)
{
	return flow_count(nk->nk_worker[0]);
}

static void
without_rules(void)
{
	setup();
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_TRUE(reaches_a((struct tp_spec)UDP_BA));
	CU_ASSERT_TRUE(world_count(nk, CNT_PF_DEFAULT) > 0);
	CU_ASSERT_EQUAL(states(), 0);
	/* remembered, not asked again */
	uint64_t asked = world_count(nk, CNT_PF_DEFAULT), hits = world_count(nk, CNT_FLOW_HIT);
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_EQUAL(world_count(nk, CNT_PF_DEFAULT), asked);
	CU_ASSERT_EQUAL(world_count(nk, CNT_FLOW_HIT), hits + 1);
	teardown();
}

static void
block_and_reply(void)
{
	setup();
	load(nk, "block all\npass in on em0 proto udp from any to any port 53\npass out on em1\n");
	CU_ASSERT_FALSE(reaches_a((struct tp_spec)UDP_BA));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_BLOCK), 1);
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_EQUAL(states(), 1);
	CU_ASSERT_TRUE(reaches_a((struct tp_spec)UDP_BA));
	struct tp_spec other = UDP_BA;
	other.tp_dport = 1001;
	CU_ASSERT_FALSE(reaches_a(other));
	teardown();
}

/* pass out alone lets nothing back in that it did not ask for, and a blocked side blocks. */
static void
both_sides(void)
{
	setup();
	load(nk, "block all\npass in on em0\n");
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	load(nk, "block all\npass out on em1\n");
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

/* A side without state asks the rules for the way back too. */
static void
no_state(void)
{
	setup();
	load(nk, "block all\npass in on em0 no state\npass out on em1 no state\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_EQUAL(states(), 0);
	CU_ASSERT_FALSE(reaches_a((struct tp_spec)UDP_BA));
	load(nk, "block all\npass in on em0 no state\npass out on em1\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_FALSE(reaches_a((struct tp_spec)UDP_BA));	/* out on em0 is not passed */
	load(nk, "block all\npass in on em0 no state\npass out on em0 no state\npass out on em1\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	CU_ASSERT_TRUE(reaches_a((struct tp_spec)UDP_BA));
	teardown();
}

static void
reload(void)
{
	setup();
	load(nk, "pass all\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	load(nk, "block all\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));	/* the state lives */
	CU_ASSERT_TRUE(reaches_a((struct tp_spec)UDP_BA));
	flow_flush(nk->nk_worker[0]);
	CU_ASSERT_EQUAL(states(), 0);
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	/* what only remembers is asked again at once */
	load(nk, "pass no state\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	load(nk, "block all\n");
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	teardown();
}

/* What `pfctl -t bad -T add' put into a table that no statement defines. */
static void
reload_tables(void)
{
	static const char rules[] = "pass no state\nblock in quick from <bad>\n";
	struct pf_table_entry e = { 0 };
	struct pf_table *t;
	size_t n;

	setup();
	load(nk, rules);
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	t = pf_set_table(&pf_active(nk)->rs_set, "bad");
	CU_ASSERT_TRUE_FATAL(t != NULL && pf_entry_parse(A, &e));
	CU_ASSERT_EQUAL(pf_table_add(t, &e, 1, &n), 0);
	CU_ASSERT_EQUAL(pf_table_compile(t), 0);
	nk_bump(nk);
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	test_row("the same rules again: it keeps what it has");
	load(nk, rules);
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	test_row("no rule names it: it goes");
	load(nk, "pass no state\n");
	load(nk, rules);
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	test_row("defined as empty: it is");
	t = pf_set_table(&pf_active(nk)->rs_set, "bad");
	CU_ASSERT_EQUAL(pf_table_add(t, &e, 1, &n), 0);
	load(nk, "table <bad> {}\npass no state\nblock in quick from <bad>\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	teardown();
}

static void
expiry(void)
{
	static const struct { const char *name; struct tp_spec s; bool answered; unsigned s_left; } rows[] = {
		{ "UDP, one packet", UDP_AB, false, 60 },
		{ "UDP, answered", UDP_AB, true, 30 },
		{ "ICMP echo", { .tp_src = A, .tp_dst = B, .tp_proto = 1, .tp_flags = 8, .tp_sport = 7 },
		    false, 20 },
		{ "GRE", { .tp_src = A, .tp_dst = B, .tp_proto = 47, .tp_len = 16 }, false, 60 },
	};

	for (size_t i = 0; i < TEST_COUNT(rows); i++) {
		test_row("%s", rows[i].name);
		setup();
		load(nk, "pass all\n");
		CU_ASSERT_TRUE(reaches_b(rows[i].s));
		if (rows[i].answered)
			CU_ASSERT_TRUE(reaches_a((struct tp_spec)UDP_BA));
		CU_ASSERT_EQUAL(states(), 1);
		world_run(wo, (rows[i].s_left - 2) * NSEC_PER_SEC);
		CU_ASSERT_EQUAL(states(), 1);
		/* the timer first looks at the end of the first timeout */
		world_run(wo, 63 * NSEC_PER_SEC);
		CU_ASSERT_EQUAL(states(), 0);
		teardown();
	}
}

static void
expiry_moves_with_packets(void)
{
	setup();
	load(nk, "pass all\n");
	for (int i = 0; i < 10; i++) {
		CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
		world_run(wo, 20 * NSEC_PER_SEC);
		CU_ASSERT_EQUAL(states(), 1);
	}
	CU_ASSERT_EQUAL(world_count(nk, CNT_STATE_NEW), 1);
	world_run(wo, 61 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

/* ---- TCP ---- */

static void
tcp_first_packet(void)
{
	setup();
	load(nk, "block all\npass proto tcp\n");
	CU_ASSERT_FALSE(reaches_b(tcp_ab(ACK, 1001, 5001, 10)));
	CU_ASSERT_FALSE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_BLOCK), 2);
	tcp_open();
	CU_ASSERT_EQUAL(states(), 1);
	load(nk, "block all\npass proto tcp flags any\n");
	flow_flush(nk->nk_worker[0]);
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 10)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1011, 500)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1011, 5501, 0)));
	teardown();
}

struct tcp_case {
	const char	*name;
	bool		 from_a;
	uint8_t		 flags;
	uint32_t	 seq, ack;
	size_t		 len;
	bool		 passes;
};

/* Each on a fresh connection: A's next byte is 1001, B's 5001, windows 65535. */
static const struct tcp_case windows[] = {
	{ "data in order", true, ACK, 1001, 5001, 100, true },
	{ "data back in order", false, ACK, 5001, 1001, 100, true },
	{ "a hole before it", true, ACK, 1001 + 30000, 5001, 100, true },
	{ "the window's last byte", true, ACK, 1001 + 65535 - 100, 5001, 100, true },
	{ "one byte beyond the window", true, ACK, 1001 + 65535 - 99, 5001, 100, false },
	{ "far beyond", true, ACK, 1001 + 200000, 5001, 100, false },
	{ "long before", true, ACK, 1001 - 200000, 5001, 100, false },
	{ "a retransmitted byte", true, ACK, 1001 - 1, 5001, 1, true },
	{ "acknowledges what was never sent", true, ACK, 1001, 5001 + 200000, 1, false },
	{ "acknowledges what is long over", true, ACK, 1001, 5001 - 200000, 1, false },
	{ "RST where the next byte is", false, RST, 5001, 0, 0, true },
	{ "RST in the window but not there", false, RST, 5001 + 1000, 0, 0, false },
	{ "RST with a wrong number", false, RST | ACK, 77777777, 1001, 0, false },
	{ "FIN", true, FIN | ACK, 1001, 5001, 0, true },
};

static void
tcp_windows(void)
{
	for (size_t i = 0; i < TEST_COUNT(windows); i++) {
		const struct tcp_case *c = &windows[i];
		struct tp_spec s = c->from_a ? tcp_ab(c->flags, c->seq, c->ack, c->len) :
		    tcp_ba(c->flags, c->seq, c->ack, c->len);

		test_row("%s", c->name);
		setup();
		load(nk, "pass all\n");
		tcp_open();
		CU_ASSERT_EQUAL(c->from_a ? reaches_b(s) : reaches_a(s), c->passes);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_TCP_WINDOW), !c->passes);
		teardown();
	}
}

/* SYN, scale 7 both ways: 200,000 bytes in flight pass; without, they do not. */
static size_t
with_scale(uint8_t *f, const struct tp_spec *s, int scale)
{
	size_t n = tp_build(f, s);
	static const uint8_t opt[4] = { 1, 3, 3, 0 };

	memcpy(f + n, opt, 4);
	f[n + 3] = (uint8_t)scale;
	f[TP_IP + 12] = 0x60;
	tp_put16(f + TP_ETHER + 2, (unsigned)(n + 4 - TP_ETHER));
	tp_finish(f + TP_ETHER, n + 4 - TP_ETHER);
	return n + 4;
}

static void
scaled(bool both)
{
	struct tp_spec s = tcp_ab(SYN, 1000, 0, 0);

	setup();
	load(nk, "pass all\n");
	s.tp_dmac = em0->if_mac;
	s.tp_smac = mac_a;
	wire_put_now(wo, em0, out, with_scale(out, &s, 7));
	CU_ASSERT_TRUE(take(em1) != 0);
	s = tcp_ba(SYN | ACK, 5000, 1001, 0);
	s.tp_dmac = em1->if_mac;
	s.tp_smac = mac_b;
	wire_put_now(wo, em1, out, both ? with_scale(out, &s, 7) : tp_build(out, &s));
	CU_ASSERT_TRUE(take(em0) != 0);
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1001, 0)));
	for (uint32_t off = 0; off < 200000; off += 1000)
		if (!reaches_b(tcp_ab(ACK, 1001 + off, 5001, 1000))) {
			CU_ASSERT_FALSE(both);
			CU_ASSERT_EQUAL(off, 65000);
			teardown();
			return;
		}
	CU_ASSERT_TRUE(both);
	teardown();
}

static void
tcp_scale(void)
{
	test_row("both offer it");
	scaled(true);
	test_row("one offers it");
	scaled(false);
}

static void
tcp_close(void)
{
	setup();
	load(nk, "pass all\n");
	tcp_open();
	CU_ASSERT_TRUE(reaches_b(tcp_ab(FIN | ACK, 1001, 5001, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1002, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1002, 50)));	/* half closed */
	CU_ASSERT_TRUE(reaches_a(tcp_ba(FIN | ACK, 5051, 1002, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1002, 5052, 0)));
	CU_ASSERT_EQUAL(states(), 1);
	/* the same ports again, at once */
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 900000000, 0, 0)));
	CU_ASSERT_EQUAL(states(), 1);
	CU_ASSERT_EQUAL(world_count(nk, CNT_STATE_NEW), 2);
	CU_ASSERT_TRUE(reaches_a(tcp_ba(RST | ACK, 0, 900000001, 0)));
	world_run(wo, 95 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

static void
tcp_refused(void)
{
	setup();
	load(nk, "pass all\n");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_FALSE(reaches_a(tcp_ba(RST | ACK, 0, 4711, 0)));	/* forged */
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));		/* repeated */
	CU_ASSERT_TRUE(reaches_a(tcp_ba(RST | ACK, 0, 1001, 0)));
	teardown();
}

/* Numbers are learnt from who knows those of the SYN. */
static void
tcp_begins(void)
{
	setup();
	load(nk, "pass all\n");
	test_row("a forged SYN, and a forged answer, teach nothing");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	(void)reaches_a(tcp_ba(SYN, 99000000, 0, 0));
	CU_ASSERT_FALSE(reaches_a(tcp_ba(SYN | ACK, 99000000, 1001 + 30000, 0)));
	CU_ASSERT_FALSE(reaches_a(tcp_ba(SYN | ACK, 99000000, 1001 - 30000, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 100)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1101, 100)));
	flow_flush(nk->nk_worker[0]);
	test_row("both open at once");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN, 5000, 0, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN | ACK, 1000, 5001, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 100)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1101, 100)));
	CU_ASSERT_EQUAL(states(), 1);
	flow_flush(nk->nk_worker[0]);
	test_row("data in the SYN that is not taken");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 500)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 500)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 5001, 1501, 100)));
	teardown();
}

/* RFC 9293 section 3.5.2, figure 10; and who wants to end what begins. */
static void
tcp_half_open(void)
{
	setup();
	load(nk, "pass all\n");
	test_row("an RST of any number does not end what is opening");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	(void)reaches_b(tcp_ab(RST, 4711, 0, 0));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 100)));
	flow_flush(nk->nk_worker[0]);
	test_row("an old connection at the other end is reset, and the new one opens");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(ACK, 7000, 300000, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(RST, 300000, 0, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_TRUE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 100)));
	CU_ASSERT_EQUAL(world_count(nk, CNT_STATE_NEW), 2);
	flow_flush(nk->nk_worker[0]);
	test_row("who opens may give up");
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	CU_ASSERT_TRUE(reaches_b(tcp_ab(RST, 1001, 0, 0)));
	CU_ASSERT_FALSE(reaches_a(tcp_ba(SYN | ACK, 5000, 1001, 0)));
	world_run(wo, 95 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

/* What no host sends passes no rule, whether the rule keeps state or not. */
static void
tcp_flags(void)
{
	static const char *const rules[] = { "pass all\n", "pass all flags any\n",
	    "pass all no state\n" };

	for (size_t i = 0; i < TEST_COUNT(rules); i++) {
		unsigned dropped = 0;

		setup();
		load(nk, rules[i]);
		for (unsigned f = 0; f < 64; f++) {
			bool bad = (f & SYN) ? (f & (FIN | RST)) != 0 : !(f & ACK) &&
			    ((f & (FIN | 0x20)) != 0 || !(f & RST));

			test_row("%sflags 0x%02x", rules[i], f);
			flow_flush(nk->nk_worker[0]);
			if (reaches_b(tcp_ab((uint8_t)f, 1000, 0, 0)))
				CU_ASSERT_FALSE(bad);
			dropped += bad;
		}
		CU_ASSERT_TRUE(world_drops(nk, DROP_PF_TCP_FLAGS) <= dropped);
		if (i != 0)
			CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_TCP_FLAGS), dropped);
		teardown();
	}
}

static void
tcp_established_stays(void)
{
	setup();
	load(nk, "pass all\n");
	tcp_open();
	world_run(wo, 3600 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 1);
	CU_ASSERT_TRUE(reaches_b(tcp_ab(ACK, 1001, 5001, 10)));
	world_run(wo, 86402 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

static void
short_headers(void)
{
	struct tp_spec s = tcp_ab(SYN, 1000, 0, 0);
	size_t n;

	setup();
	load(nk, "pass all\n");
	s.tp_dmac = em0->if_mac;
	s.tp_smac = mac_a;
	n = tp_build(out, &s);
	out[TP_IP + 12] = 0xf0;		/* options that are not there */
	tp_finish(out + TP_ETHER, n - TP_ETHER);
	wire_put_now(wo, em0, out, n);
	CU_ASSERT_EQUAL(take(em1), 0);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

/* ---- ICMP ---- */

static struct tp_spec
error_about(const uint8_t *ip, uint8_t type, uint8_t code)
{
	static uint8_t body[28];

	memcpy(body, ip, sizeof(body));
	return (struct tp_spec){ .tp_src = B, .tp_dst = A, .tp_proto = 1, .tp_flags = type,
	    .tp_code = code, .tp_data = body, .tp_len = sizeof(body) };
}

static void
icmp_errors(void)
{
	uint8_t ip[28];

	setup();
	load(nk, "block all\npass in on em0\npass out on em1\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	memcpy(ip, GOT_IP, sizeof(ip));
	CU_ASSERT_TRUE(reaches_a(error_about(ip, 3, 3)));
	tp_put16(ip + 20, 1001);	/* about a packet that never was */
	CU_ASSERT_FALSE(reaches_a(error_about(ip, 3, 3)));
	/* of TCP only about what can have been sent */
	CU_ASSERT_TRUE(reaches_b(tcp_ab(SYN, 1000, 0, 0)));
	memcpy(ip, GOT_IP, sizeof(ip));
	CU_ASSERT_TRUE(reaches_a(error_about(ip, 3, 3)));
	tp_put32(ip + 24, 777777);
	CU_ASSERT_FALSE(reaches_a(error_about(ip, 3, 3)));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_ICMP_STATE), 1);
	CU_ASSERT_EQUAL(states(), 2);
	teardown();
}

static void
icmp_queries(void)
{
	struct tp_spec ask = { .tp_src = A, .tp_dst = B, .tp_proto = 1, .tp_flags = 8, .tp_sport = 7 };
	struct tp_spec reply = { .tp_src = B, .tp_dst = A, .tp_proto = 1, .tp_flags = 0, .tp_sport = 7 };
	struct tp_spec back = { .tp_src = B, .tp_dst = A, .tp_proto = 1, .tp_flags = 8, .tp_sport = 7 };

	setup();
	load(nk, "block all\npass in on em0 proto icmp icmp-type echoreq\npass out on em1\n");
	CU_ASSERT_FALSE(reaches_a(reply));
	CU_ASSERT_TRUE(reaches_b(ask));
	CU_ASSERT_TRUE(reaches_a(reply));
	CU_ASSERT_FALSE(reaches_a(back));	/* a query from there is another thing */
	teardown();
}

/* ---- block return ---- */

static void
answers(void)
{
	setup();
	load(nk, "block return all\n");
	from_a(tcp_ab(SYN, 1000, 0, 0));
	CU_ASSERT_EQUAL(take(em0), 40);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 40));
	CU_ASSERT_EQUAL(GOT_IP[9], 6);
	CU_ASSERT_EQUAL(GOT_IP[20 + 13], RST | ACK);
	CU_ASSERT_EQUAL(tp_get32(GOT_IP + 28), 1001);
	CU_ASSERT_EQUAL(tp_get16(GOT_IP + 20), 80);
	CU_ASSERT_TRUE(memcmp(GOT_IP + 16, (uint8_t[]){ 10, 0, 0, 2 }, 4) == 0);
	from_a(tcp_ab(RST, 1000, 0, 0));
	CU_ASSERT_EQUAL(take(em0), 0);
	from_a((struct tp_spec)UDP_AB);
	CU_ASSERT_TRUE(take(em0) >= 56);
	CU_ASSERT_EQUAL(GOT_IP[9], 1);
	CU_ASSERT_EQUAL(GOT_IP[20], 3);
	CU_ASSERT_EQUAL(GOT_IP[21], 3);
	from_a((struct tp_spec){ .tp_src = A, .tp_dst = B, .tp_proto = 1, .tp_flags = 8 });
	CU_ASSERT_EQUAL(take(em0), 0);
	load(nk, "block return-icmp(host-prohib) proto udp\n");
	world_run(wo, 5 * NSEC_PER_SEC);
	from_a((struct tp_spec)UDP_AB);
	CU_ASSERT_TRUE(take(em0) >= 56);
	CU_ASSERT_EQUAL(GOT_IP[21], 10);
	load(nk, "block drop all\n");
	from_a((struct tp_spec)UDP_AB);
	CU_ASSERT_EQUAL(take(em0), 0);
	teardown();
}

/* ---- the rest ---- */

static void
skip_and_disable(void)
{
	setup();
	load(nk, "set skip on em0\nblock all\npass out on em1\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	load(nk, "set skip on em\nblock all\n");
	CU_ASSERT_TRUE(reaches_a((struct tp_spec){ .tp_src = B, .tp_dst = A, .tp_proto = 17,
	    .tp_sport = 9, .tp_dport = 9 }));
	load(nk, "block all\n");
	CU_ASSERT_FALSE(reaches_a((struct tp_spec){ .tp_src = B, .tp_dst = A, .tp_proto = 17,
	    .tp_sport = 9, .tp_dport = 9 }));
	teardown();
}

static void
tags(void)
{
	setup();
	load(nk, "block all\npass in on em0 tag \"lan\"\npass out on em1 tagged \"lan\"\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	flow_flush(nk->nk_worker[0]);
	load(nk, "block all\npass in on em0 tag other\npass out on em1 tagged lan\n");
	CU_ASSERT_FALSE(reaches_b((struct tp_spec)UDP_AB));
	load(nk, "block all\npass in on em0\npass out on em1 ! tagged lan\n");
	CU_ASSERT_TRUE(reaches_b((struct tp_spec)UDP_AB));
	teardown();
}

static void
limit(void)
{
	struct tp_spec s = UDP_AB;

	setup();
	load(nk, "set limit states 10\npass all\n");
	for (unsigned i = 0; i < 20; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		CU_ASSERT_EQUAL(reaches_b(s), i < 10);
	}
	CU_ASSERT_EQUAL(states(), 10);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_STATE_LIMIT), 10);
	teardown();
}

/* log: what a rule says is told as DLT_PFLOG (117), blocked or passed. */
static unsigned
logged(const char *rules, unsigned packets)
{
	FILE *f = tmpfile();
	uint8_t head[24], rec[16];
	unsigned n = 0;

	setup();
	load(nk, rules);
	nk_lock(nk);
	CU_ASSERT_EQUAL_FATAL(capture_start(nk, "pflog0", dup(fileno(f)), 65535), 0);
	nk_unlock(nk);
	for (unsigned i = 0; i < packets; i++)
		from_a((struct tp_spec)UDP_AB);
	nk_lock(nk);
	capture_write(nk);
	CU_ASSERT_EQUAL(capture_stop(nk, "pflog0"), 0);
	nk_unlock(nk);
	rewind(f);
	CU_ASSERT_EQUAL(fread(head, 1, sizeof(head), f), sizeof(head));
	CU_ASSERT_TRUE(head[20] == 117 || head[23] == 117);
	while (fread(rec, 1, sizeof(rec), f) == sizeof(rec)) {
		uint32_t caplen;

		memcpy(&caplen, rec + 8, 4);
		CU_ASSERT_TRUE(caplen > 28 && caplen < 200);
		fseek(f, (long)caplen, SEEK_CUR);
		n++;
	}
	fclose(f);
	wire_flush(em1);
	teardown();
	return n;
}

static void
logging(void)
{
	test_row("blocked");
	CU_ASSERT_EQUAL(logged("block log all\n", 3), 3);
	test_row("the first of a state");
	CU_ASSERT_EQUAL(logged("pass\npass in log on em0\n", 3), 1);
	test_row("log (all)");
	CU_ASSERT_EQUAL(logged("pass\npass in log (all) on em0\n", 3), 3);
	test_row("without log");
	CU_ASSERT_EQUAL(logged("block all\n", 3), 0);
}

static void
adaptive(void)
{
	struct tp_spec s = UDP_AB;

	setup();
	load(nk, "set timeout { adaptive.start 100, adaptive.end 200 }\npass all\n");
	for (unsigned i = 0; i < 180; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		from_a(s);
	}
	CU_ASSERT_EQUAL(states(), 180);
	/* at 180 of 100 to 200, 60 seconds are 12 */
	world_run(wo, 11 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 180);
	world_run(wo, 49 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	/* what has gone no longer shrinks the rest */
	load(nk, "set timeout { adaptive.start 100, adaptive.end 120, udp.first 1000 }\npass all\n");
	for (unsigned i = 0; i < 119; i++) {
		s.tp_sport = (uint16_t)(3000 + i);
		from_a(s);
	}
	world_run(wo, 60 * NSEC_PER_SEC);
	CU_ASSERT_TRUE(states() > 90 && states() < 119);
	flow_flush(nk->nk_worker[0]);
	world_run(wo, 60 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	wire_flush(em1);
	teardown();
}

/* One of the two limits alone: the other is as by itself. */
static void
adaptive_start(void)
{
	struct tp_spec s = UDP_AB;

	setup();
	load(nk, "set limit states 1000\nset timeout adaptive.start 10\npass all\n");
	for (unsigned i = 0; i < 500; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		CU_ASSERT_TRUE(reaches_b(s));
	}
	CU_ASSERT_EQUAL(states(), 500);
	world_run(wo, 52 * NSEC_PER_SEC);	/* of 60 */
	CU_ASSERT_TRUE(states() < 250);
	world_run(wo, 20 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

static void
probability(void)
{
	struct tp_spec s = UDP_AB;
	unsigned passed = 0;

	setup();
	load(nk, "pass all\nblock in on em0 probability 30%\n");
	for (unsigned i = 0; i < 2000; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		passed += reaches_b(s);
	}
	CU_ASSERT_TRUE(passed > 1300 && passed < 1500);
	test_row("each rule throws a die of its own");
	load(nk, "pass all\nblock in quick on em0 probability 50%\n"
	    "block in quick on em0 probability 50%\n");
	passed = 0;
	for (unsigned i = 0; i < 2000; i++) {
		s.tp_sport = (uint16_t)(12000 + i);
		passed += reaches_b(s);
	}
	CU_ASSERT_TRUE(passed > 400 && passed < 600);
	teardown();
}

/* A flow that somebody chose so that its hash is that of many others. */
static struct flow *
chosen(uint16_t port, uint8_t proto)
{
	struct worker *w = nk->nk_worker[0];
	struct flow_key k = { .fk_src4 = 1, .fk_dst4 = 2, .fk_sport = port, .fk_proto = proto,
	    .fk_af = AF_INET };
	struct flow *fl;

	w->w_now = world_clock(wo);
	fl = flow_new(w->w_flows, &k, 0x80001234);
	if (fl != NULL)
		flow_timer(w, fl);
	return fl;
}

/* More flows of one hash than its two buckets hold. */
static void
crowd(void)
{
	struct flow *first, *fl;

	setup();
	first = chosen(1, 17);
	for (unsigned i = 2; i <= 2 * BUCKET_SLOTS; i++) {
		world_run(wo, NSEC_PER_SEC);
		CU_ASSERT_PTR_NOT_NULL(chosen((uint16_t)i, 17));
	}
	test_row("the one that ends first gives way");
	first->fl_last_ns = world_now(wo);	/* another packet of it */
	for (unsigned i = 0; i < 100; i++) {
		fl = chosen((uint16_t)(100 + i), 17);
		CU_ASSERT_PTR_NOT_NULL(fl);
		first->fl_last_ns = world_now(wo) + i;
	}
	CU_ASSERT_EQUAL(nk->nk_worker[0]->w_flows->ft_used, 2 * BUCKET_SLOTS);
	CU_ASSERT_EQUAL(first->fl_key[0].fk_sport, 1);
	CU_ASSERT_TRUE(first->fl_flags & FL_USED);
	test_row("what stays for long stays");
	flow_flush(nk->nk_worker[0]);
	for (unsigned i = 1; i <= 2 * BUCKET_SLOTS; i++) {
		fl = chosen((uint16_t)i, 6);
		fl->fl_flags |= FL_TCP | FL_KEEP_0;
		nk->nk_worker[0]->w_flows->ft_states++;
		fl->fl_peer[0].fp_state = fl->fl_peer[1].fp_state = TCP_PEER_OPEN;
	}
	CU_ASSERT_PTR_NULL(chosen(99, 17));
	CU_ASSERT_EQUAL(states(), 2 * BUCKET_SLOTS);
	teardown();
}

/* Thousands of flows in a table for 4096: all found again, all gone in the end. */
static void
many(void)
{
	struct tp_spec s = UDP_AB;

	setup();
	load(nk, "pass all\n");
	for (unsigned i = 0; i < 3500; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		CU_ASSERT_TRUE(reaches_b(s));
	}
	CU_ASSERT_EQUAL(states(), 3500);
	uint64_t misses = world_count(nk, CNT_FLOW_MISS);
	for (unsigned i = 0; i < 3500; i++) {
		s.tp_sport = (uint16_t)(2000 + i);
		CU_ASSERT_TRUE(reaches_b(s));
	}
	CU_ASSERT_EQUAL(world_count(nk, CNT_FLOW_MISS), misses);
	world_run(wo, 130 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(states(), 0);
	teardown();
}

static void
workers(void)
{
	struct tp_spec s = UDP_AB, r = UDP_BA;

	setup_workers(3);
	load(nk, "block all\npass in on em0\npass out on em1\n");
	for (unsigned i = 0; i < 200; i++) {
		s.tp_sport = r.tp_dport = (uint16_t)(2000 + i);
		CU_ASSERT_TRUE(reaches_b(s));
		CU_ASSERT_TRUE(reaches_a(r));
	}
	uint64_t n[3] = { flow_count(nk->nk_worker[0]), flow_count(nk->nk_worker[1]),
	    flow_count(nk->nk_worker[2]) };
	CU_ASSERT_EQUAL(n[0] + n[1] + n[2], 200);
	CU_ASSERT_TRUE(n[0] > 30 && n[1] > 30 && n[2] > 30);
	teardown();
}

/* A packet with our own address as source is not a known flow's, whatever its key. */
static void
own_address(void)
{
	setup();
	load(nk, "pass all\n");
	CU_ASSERT_FALSE(reaches_b((struct tp_spec){ .tp_src = "10.0.1.1", .tp_dst = B,
	    .tp_proto = 17, .tp_sport = 5, .tp_dport = 5 }));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_ADDR), 1);
	teardown();
}

/* A route that changes moves known flows with it. */
static void
route_change(void)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = "192.0.2.1", .tp_proto = 17,
	    .tp_sport = 5, .tp_dport = 5 };
	struct prefix p;

	setup();
	load(nk, "pass all\n");
	world_route(nk, "192.0.2.0/24", B);
	CU_ASSERT_TRUE(reaches_b(s));
	CU_ASSERT_TRUE(prefix_parse("192.0.2.0/24", &p));
	CU_ASSERT_EQUAL(fib_delete(nk, &p, NULL), 0);
	CU_ASSERT_FALSE(reaches_b(s));
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_NOROUTE), 1);
	CU_ASSERT_TRUE(take(em0) != 0);		/* and A is told */
	world_route(nk, "192.0.2.0/24", B);
	CU_ASSERT_TRUE(reaches_b(s));
	CU_ASSERT_EQUAL(world_count(nk, CNT_STATE_NEW), 1);
	teardown();
}

TEST_MAIN(
	TEST("without rules all passes", without_rules),
	TEST("block, and the way back of a state", block_and_reply),
	TEST("both sides are asked", both_sides),
	TEST("no state", no_state),
	TEST("a new ruleset and old states", reload),
	TEST("a new ruleset and old tables", reload_tables),
	TEST("states end", expiry),
	TEST("packets keep a state alive", expiry_moves_with_packets),
	TEST("TCP: the first packet", tcp_first_packet),
	TEST("TCP: windows", tcp_windows),
	TEST("TCP: window scale", tcp_scale),
	TEST("TCP: close and reopen", tcp_close),
	TEST("TCP: refused", tcp_refused),
	TEST("TCP: how it begins", tcp_begins),
	TEST("TCP: half open", tcp_half_open),
	TEST("TCP: flags that no host sends", tcp_flags),
	TEST("TCP: established stays", tcp_established_stays),
	TEST("TCP: header cut short", short_headers),
	TEST("ICMP errors belong to flows", icmp_errors),
	TEST("ICMP queries", icmp_queries),
	TEST("block return", answers),
	TEST("set skip", skip_and_disable),
	TEST("tags", tags),
	TEST("limit of states", limit),
	TEST("log", logging),
	TEST("adaptive timeouts", adaptive),
	TEST("adaptive.start alone", adaptive_start),
	TEST("probability", probability),
	TEST("flows of one hash", crowd),
	TEST("thousands of flows", many),
	TEST("three workers", workers),
	TEST("our own address as source", own_address),
	TEST("a route changes", route_change))
