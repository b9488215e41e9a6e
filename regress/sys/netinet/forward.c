/* SPDX-License-Identifier: ISC */
/*
 * Packets through a router: time to live, path MTU, what is not forwarded,
 * and neighbours that are not yet known.
 */
#include "router.h"

static const struct tp_spec udp = { .tp_src = A, .tp_dst = B, .tp_proto = 17,
    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 100 };

static void
passes(void)
{
	struct tp_spec s = udp;
	size_t n;

	setup();
	from_a(s);
	n = take(em1);
	CU_ASSERT_EQUAL(n, 128);
	TEST_BYTES(got, mac_b, 6);
	TEST_BYTES(got + 6, em1->if_mac, 6);
	CU_ASSERT_EQUAL(GOT_IP[8], 63);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	TEST_BYTES(GOT_IP + 12, out + TP_ETHER + 12, n - 12);
	test_row("again, by its flow");
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 128);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	CU_ASSERT_TRUE(world_count(nk, CNT_FLOW_HIT) >= 1);
	test_row("and back");
	s.tp_src = B;
	s.tp_dst = A;
	s.tp_sport = 2000;
	s.tp_dport = 1000;
	from_b(s);
	CU_ASSERT_EQUAL(take(em0), 128);
	CU_ASSERT_EQUAL(world_count(nk, CNT_IP_FORWARDED), 3);
	test_row("every time to live");
	for (unsigned ttl = 2; ttl < 256; ttl++) {
		s = udp;
		s.tp_ttl = (uint8_t)ttl;
		from_a(s);
		n = take(em1);
		CU_ASSERT_EQUAL(GOT_IP[8], ttl - 1);
		CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	}
	teardown();
}

static void
not_forwarded(void)
{
	static const struct {
		const char	*name, *dst;
		bool		 link_broadcast;
		enum drop_reason why;
	} cases[] = {
		{ "multicast", "224.0.0.9", false, DROP_IP_BROADCAST },
		{ "multicast to all stations of the link", "224.0.0.9", true, DROP_IP_BROADCAST },
		{ "one address in a frame for all", B, true, DROP_IP_BROADCAST },
		{ "our address in a frame for all", "10.0.0.1", true, DROP_IP_BROADCAST },
		{ "no route", "192.0.2.1", false, DROP_IP_NOROUTE },
		{ "all ones: for us, no port", "255.255.255.255", true, DROP_UDP_NOPORT },
		{ "the subnet's broadcast: for us, no port", "10.0.0.255", true, DROP_UDP_NOPORT },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct tp_spec s = udp;

		test_row("%s", cases[i].name);
		setup();
		s.tp_dst = cases[i].dst;
		s.tp_dmac = em0->if_mac;
		s.tp_smac = mac_a;
		if (cases[i].link_broadcast)
			s.tp_dmac = mac_all;
		wire_put_now(wo, em0, out, tp_build(out, &s));
		CU_ASSERT_EQUAL(world_drops(nk, cases[i].why), 1);
		CU_ASSERT_EQUAL(wire_waiting(em1), 0);
		CU_ASSERT_EQUAL(wire_waiting(em0), cases[i].why == DROP_IP_NOROUTE);
		teardown();
	}
	test_row("a frame for another station");
	setup();
	{
		struct tp_spec s = udp;

		s.tp_dmac = mac_b;
		s.tp_smac = mac_a;
		wire_put_now(wo, em0, out, tp_build(out, &s));
		CU_ASSERT_EQUAL(world_drops(nk, DROP_ETH_NOTOURS), 1);
	}
	test_row("an unknown Ethernet type");
	(void)tp_build(out, &(struct tp_spec){ .tp_dmac = em0->if_mac, .tp_src = A,
	    .tp_dst = B });
	out[12] = 0x88;
	wire_put_now(wo, em0, out, 60);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ETH_PROTO), 1);
	teardown();
}

static void
path_mtu(void)
{
	struct tp_spec s = udp;

	setup();
	if_set_mtu(nk, em1, 600);
	s.tp_len = 1400;
	s.tp_off = 0x4000;
	test_row("told, if it must not be fragmented");
	from_a(s);
	CU_ASSERT_EQUAL(take(em0), 576);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 576));
	CU_ASSERT_EQUAL(GOT_L4[0], 3);
	CU_ASSERT_EQUAL(GOT_L4[1], 4);
	CU_ASSERT_EQUAL(tp_get16(GOT_L4 + 6), 600);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_CANTFRAG), 1);
	test_row("fragments else");
	s.tp_off = 0;
	from_a(s);
	CU_ASSERT_EQUAL(wire_waiting(em1), 3);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = take(em1);

		CU_ASSERT_TRUE(n <= 600 && tp_valid(GOT_IP, n));
		CU_ASSERT_EQUAL((tp_get16(GOT_IP + 6) & 0x1fff) * 8, i * 576);
		CU_ASSERT_EQUAL((tp_get16(GOT_IP + 6) & 0x2000) != 0, i < 2);
		TEST_BYTES(GOT_IP + 20, out + TP_IP + i * 576, n - 20);
	}
	test_row("exactly the MTU");
	s.tp_len = 572;
	s.tp_off = 0x4000;
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 600);
	s.tp_len = 573;
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 0);
	teardown();
}

static void
waits_for_neighbour(void)
{
	uint8_t f[60] = { 0 };
	struct tp_spec s = udp;
	struct addr a;

	setup();
	s.tp_dst = "10.0.1.3";
	from_a(s);
	CU_ASSERT_EQUAL(wire_take(em1, got, sizeof(got)), 42);
	CU_ASSERT_EQUAL(got[13], 6);
	memcpy(f, got + 6, 6);
	memcpy(f + 6, mac_b, 6);
	memcpy(f + 12, got + 12, 8);
	f[21] = 2;
	memcpy(f + 22, mac_b, 6);
	(void)addr_parse("10.0.1.3", &a);
	memcpy(f + 28, a.ad_bytes, 4);
	memcpy(f + 32, got + 22, 10);
	wire_put_now(wo, em1, f, sizeof(f));
	CU_ASSERT_EQUAL(take(em1), 128);
	CU_ASSERT_EQUAL(GOT_IP[8], 63);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 128));
	teardown();
}

static void
interface_down(void)
{
	setup();
	from_a(udp);
	CU_ASSERT_EQUAL(take(em1), 128);
	if_set_flags(nk, em1, em1->if_flags & (uint16_t)~IF_F_UP);
	from_a(udp);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	if_set_flags(nk, em1, em1->if_flags | IF_F_UP);
	know(B, mac_b);
	world_settle(wo);
	wire_flush(em1);
	from_a(udp);
	CU_ASSERT_EQUAL(take(em1), 128);
	teardown();
}

static void
martians(void)
{
	struct tp_spec s = udp;

	setup();
	s.tp_src = "10.0.1.1";
	from_a(s);
	s.tp_src = "10.0.0.1";
	from_a(s);
	CU_ASSERT_EQUAL(wire_waiting(em1), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_ADDR), 2);
	teardown();
}

TEST_MAIN(
	TEST("forwarding", passes),
	TEST("not forwarded", not_forwarded),
	TEST("path MTU", path_mtu),
	TEST("waits for its neighbour", waits_for_neighbour),
	TEST("an interface that goes down and up", interface_down),
	TEST("our own addresses as source", martians))
