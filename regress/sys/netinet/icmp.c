/* SPDX-License-Identifier: ISC */
/*
 * Echo, and when errors are sent and when not (RFC 1122 3.2.2).
 */
#include "router.h"
#include "netinet/icmp.h"

static const struct tp_spec echo = { .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 1,
    .tp_flags = 8, .tp_sport = 99, .tp_dport = 1, .tp_len = 56 };
static const struct tp_spec udp = { .tp_src = A, .tp_dst = B, .tp_proto = 17,
    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 100 };

/* An error came to A: its type, code and source; the packet it quotes is `out`. */
static void
expect_error(unsigned type, unsigned code, const char *src)
{
	size_t n = take(em0), quoted;
	struct addr a;

	CU_ASSERT_TRUE(n >= 20 + 8 + 28 && n <= 576);
	if (n < 56)
		return;
	CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	CU_ASSERT_EQUAL(GOT_L4[0], type);
	CU_ASSERT_EQUAL(GOT_L4[1], code);
	(void)addr_parse(src, &a);
	TEST_BYTES(GOT_IP + 12, a.ad_bytes, 4);
	(void)addr_parse(A, &a);
	TEST_BYTES(GOT_IP + 16, a.ad_bytes, 4);
	quoted = n - 28;
	TEST_BYTES(GOT_L4 + 8, out + TP_ETHER, quoted);
}

static void
replies(void)
{
	struct tp_spec s = echo;

	setup();
	for (size_t len = 0; len < 1472; len += 91) {
		size_t n;

		test_row("echo of %zu bytes", len);
		s.tp_len = len;
		s.tp_dport++;
		from_a(s);
		n = take(em0);
		CU_ASSERT_EQUAL(n, len + 28);
		CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
		CU_ASSERT_EQUAL(GOT_L4[0], 0);
		TEST_BYTES(GOT_L4 + 4, out + TP_IP + 4, len + 4);
		TEST_BYTES(got, mac_a, 6);
	}
	test_row("from the other interface's address");
	s.tp_dst = "10.0.1.1";
	from_a(s);
	CU_ASSERT_NOT_EQUAL(take(em0), 0);
	TEST_BYTES(GOT_IP + 12, out + TP_ETHER + 16, 4);
	test_row("not to a broadcast address");
	s.tp_dst = "10.0.0.255";
	from_a(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	test_row("not with a bad checksum");
	s.tp_dst = "10.0.0.1";
	s.tp_dmac = em0->if_mac;
	(void)tp_build(out, &s);
	out[TP_IP + 20] ^= 1;
	wire_put_now(wo, em0, out, TP_L4 + s.tp_len);
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ICMP_CSUM), 1);
	teardown();
}

/* 60,000 bytes in fragments, and back in fragments. */
static void
large_echo(void)
{
	static uint8_t whole[70000], back[70000];
	struct tp_spec s = echo;
	size_t len, sum = 0, n;

	setup();
	s.tp_len = 60000;
	s.tp_dmac = em0->if_mac;
	s.tp_smac = mac_a;
	len = tp_build(whole, &s) - TP_ETHER - 20;
	for (size_t at = 0; at < len; at += 1480) {
		size_t part = len - at < 1480 ? len - at : 1480;

		memcpy(out, whole, TP_IP);
		memcpy(out + TP_IP, whole + TP_IP + at, part);
		tp_put16(out + TP_ETHER + 2, (unsigned)(20 + part));
		tp_put16(out + TP_ETHER + 6, (unsigned)((at / 8) |
		    (at + part < len ? 0x2000 : 0)));
		tp_put16(out + TP_ETHER + 10, 0);
		tp_put16(out + TP_ETHER + 10, (uint16_t)~tp_sum(out + TP_ETHER, 20, 0));
		wire_put_now(wo, em0, out, TP_IP + part);
	}
	while ((n = take(em0)) != 0) {
		size_t at = (tp_get16(GOT_IP + 6) & 0x1fff) * 8;

		CU_ASSERT_TRUE(n <= 1500 && tp_valid(GOT_IP, n));
		memcpy(back + 20 + at, GOT_IP + 20, n - 20);
		if (at == 0)
			memcpy(back, GOT_IP, 20);
		sum += n - 20;
	}
	CU_ASSERT_EQUAL(sum, len);
	tp_put16(back + 2, (unsigned)(20 + len));
	tp_put16(back + 6, 0);
	CU_ASSERT_EQUAL(tp_transport_sum(back, 20 + len), 0xffff);
	CU_ASSERT_EQUAL(back[20], 0);
	TEST_BYTES(back + 28, whole + TP_L4, s.tp_len);
	teardown();
}

static void
time_exceeded(void)
{
	struct tp_spec s = udp;

	setup();
	s.tp_ttl = 1;
	from_a(s);
	expect_error(11, 0, "10.0.0.1");
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	test_row("at most 576 bytes");
	s.tp_len = 1400;
	from_a(s);
	expect_error(11, 0, "10.0.0.1");
	teardown();
}

static void
unreachable(void)
{
	struct tp_spec s = udp;

	setup();
	test_row("no route");
	s.tp_dst = "192.0.2.1";
	from_a(s);
	{
		size_t n = take(em0);

		CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
		CU_ASSERT_EQUAL(GOT_L4[0], 3);
		CU_ASSERT_TRUE(GOT_L4[1] <= 1);
	}
	test_row("a reject route");
	{
		struct route rt = { .rt_flags = RT_F_STATIC | RT_F_REJECT };

		(void)prefix_parse("198.51.100.0/24", &rt.rt_dst);
		nk_lock(nk);
		CU_ASSERT_EQUAL(fib_add(nk, &rt), 0);
		nk_unlock(nk);
	}
	s.tp_dst = "198.51.100.7";
	from_a(s);
	expect_error(3, 1, "10.0.0.1");
	test_row("no program on the port");
	s.tp_dst = "10.0.0.1";
	from_a(s);
	expect_error(3, 3, "10.0.0.1");
	test_row("no program on the port of the far address");
	s.tp_dst = "10.0.1.1";
	from_a(s);
	expect_error(3, 3, "10.0.1.1");
	test_row("no protocol");
	s.tp_dst = "10.0.0.1";
	s.tp_proto = 253;
	from_a(s);
	expect_error(3, 2, "10.0.0.1");
	teardown();
}

/* What no error may be sent about. */
static void
silence(void)
{
	uint8_t inner[100];
	struct tp_spec s = udp;
	size_t n;

	setup();
	test_row("an error");
	n = tp_build(inner, &(struct tp_spec){ .tp_src = "192.0.2.77", .tp_dst = A,
	    .tp_proto = 17, .tp_sport = 5, .tp_dport = 6, .tp_len = 10 }) - TP_ETHER;
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "192.0.2.77", .tp_proto = 1,
	    .tp_flags = 3, .tp_code = 3, .tp_ttl = 1, .tp_data = inner + TP_ETHER,
	    .tp_len = n };
	from_a(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	test_row("a broadcast");
	s = udp;
	s.tp_dst = "10.0.0.255";
	from_a(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	test_row("all ones");
	s.tp_dst = "255.255.255.255";
	from_a(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	test_row("a frame for all stations");
	s = udp;
	s.tp_ttl = 1;
	s.tp_smac = mac_a;
	s.tp_dmac = mac_all;
	wire_put_now(wo, em0, out, tp_build(out, &s));
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_TRUE(world_count(nk, CNT_ICMP_MUTED) >= 2);
	teardown();
}

static void
rate(void)
{
	struct tp_spec s = udp;
	unsigned first, later = 0;

	setup();
	s.tp_ttl = 1;
	for (unsigned i = 0; i < 1000; i++)
		from_a(s);
	first = wire_waiting(em0);
	CU_ASSERT_TRUE(first > ICMP_ERROR_BURST * 3 / 4 && first < ICMP_ERROR_BURST * 3 / 2);
	CU_ASSERT_EQUAL(world_count(nk, CNT_ICMP_LIMITED), 1000 - first);
	wire_flush(em0);
	test_row("then so many a second");
	for (unsigned i = 0; i < 4000; i++) {
		world_run(wo, NSEC_PER_MSEC / 4);
		from_a(s);
		later += wire_waiting(em0);
		wire_flush(em0);
	}
	CU_ASSERT_TRUE(later > ICMP_ERROR_RATE * 3 / 4 && later < ICMP_ERROR_RATE * 3 / 2);
	teardown();
}

/* An error about a flow that passed reaches the sender, and only that. */
static void
forwarded(void)
{
	uint8_t inner[200];
	struct tp_spec e = { .tp_src = B, .tp_dst = A, .tp_proto = 1, .tp_flags = 3,
	    .tp_code = 3, .tp_data = inner };

	setup();
	from_a(udp);
	CU_ASSERT_EQUAL(take(em1), 128);
	memcpy(inner, GOT_IP, 128);
	e.tp_len = 56;
	test_row("about a packet of a flow");
	from_b(e);
	CU_ASSERT_EQUAL(take(em0), 84);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 84));
	test_row("to another than the packet's sender");
	e.tp_dst = "10.0.0.3";
	from_b(e);
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ICMP_BAD), 1);
	teardown();
}

TEST_MAIN(
	TEST("echo", replies),
	TEST("echo of 60,000 bytes", large_echo),
	TEST("time to live", time_exceeded),
	TEST("unreachable", unreachable),
	TEST("no error about", silence),
	TEST("rate", rate),
	TEST("errors pass by their flow", forwarded))
