/* SPDX-License-Identifier: ISC */
/*
 * The host interface (net/host.h): what goes to Linux and what does not, what
 * Linux may send, what the rules say of both, and what Linux is told.
 */
#include <stdio.h>

#include "../pf/load.h"
#include "router.h"
#include "net/host.h"
#include "netinet/udp.h"
#include "pf/explain.h"

static struct ifnet *host;
static struct if_addr told[8];
static unsigned ntold;
static int last_add;

static void
hear_addr(struct ifnet *ifp, const struct if_addr *ia, bool add)
{
	(void)ifp;
	if (ntold < TEST_COUNT(told))
		told[ntold] = *ia;
	ntold++;
	last_add = add;
}

static struct if_ops ops;

static void
open_all(unsigned workers)
{
	setup_workers(workers);
	host = world_if(wo, nk, "host0", NULL, 1500);
	ops = *host->if_ops;
	ops.io_addr = hear_addr;
	host->if_ops = &ops;
	memcpy(host->if_peer, "\x02\x11\x22\x33\x44\x55", 6);
	host->if_flags |= IF_F_HOST;
	ntold = 0;
	nk_lock(nk);
	host_attach(nk, host);
	nk_unlock(nk);
	wire_flush(host);
}

static void
from_host(struct tp_spec s)
{
	s.tp_smac = host->if_peer;
	s.tp_dmac = host->if_peer;	/* NOARP: Linux' own */
	wire_put_now(wo, host, out, tp_build(out, &s));
}

#define SYN	.tp_proto = 6, .tp_flags = 2, .tp_sport = 5000
static const struct tp_spec in = { .tp_src = A, .tp_dst = "10.0.0.1", SYN, .tp_dport = 443 };
static const struct tp_spec back = { .tp_src = "10.0.0.1", .tp_dst = A, .tp_proto = 6,
    .tp_flags = 0x12, .tp_sport = 443, .tp_dport = 5000, .tp_ack = 1 };

static bool
bound(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	(void)m;
	(void)data;
	(void)len;
	++*(unsigned *)arg;
	return true;
}

static void
to_linux(void)
{
	struct tp_spec s = in;
	struct udp_client uc = { .uc_send = bound };
	struct udp_msg m = { .um_op = UDP_BIND, .um_lport = htons(500) };
	unsigned heard = 0;

	open_all(1);
	test_row("TCP for us, as it came, to Linux' station");
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 40);
	TEST_BYTES(got, host->if_peer, 6);
	TEST_BYTES(got + 6, host->if_mac, 6);
	TEST_BYTES(GOT_IP, out + TP_ETHER, 40);
	CU_ASSERT_EQUAL(take(em0), 0);
	test_row("for the far address too");
	s.tp_dst = "10.0.1.1";
	s.tp_sport++;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 40);
	test_row("what is forwarded is not");
	s.tp_dst = B;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_EQUAL(take(em1), 40);
	test_row("echo is netkern's, its answers are Linux'");
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 1, .tp_flags = 8,
	    .tp_sport = 7, .tp_len = 20 };
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_EQUAL(take(em0), 48);
	s.tp_flags = 0;
	s.tp_sport = 8;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 48);
	test_row("a datagram for a port that no program has bound");
	uc.uc_arg = &heard;
	nk_lock(nk);
	udp_client_add(nk, &uc);
	udp_client_message(nk->nk_worker[0], &uc, &m, sizeof(m));
	nk_unlock(nk);
	heard = 0;
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 17,
	    .tp_sport = 500, .tp_dport = 53, .tp_len = 20 };
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 48);
	test_row("one that a program has");
	s.tp_dport = 500;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_EQUAL(heard, 1);
	nk_lock(nk);
	udp_client_remove(nk, &uc);
	nk_unlock(nk);
	test_row("bigger than its MTU");
	nk_lock(nk);
	(void)if_set_mtu(nk, host, 576);
	nk_unlock(nk);
	s.tp_dport = 54;
	s.tp_len = 1400;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 1428);
	test_row("down: answered as without one");
	nk_lock(nk);
	(void)if_set_flags(nk, host, 0);
	nk_unlock(nk);
	from_a(in);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_NOT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_PROTO), 1);
	teardown();
}

static void
from_linux(void)
{
	struct tp_spec s = back;

	for (unsigned workers = 1; workers <= 3; workers += 2) {
		open_all(workers);
		test_row("%u workers: leaves with its time to live", workers);
		s = back;
		s.tp_ttl = 1;
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 40);
		TEST_BYTES(got, mac_a, 6);
		CU_ASSERT_EQUAL(GOT_IP[8], 1);
		CU_ASSERT_TRUE(tp_valid(GOT_IP, 40));
		CU_ASSERT_EQUAL(world_count(nk, CNT_IP_FORWARDED), 0);
		test_row("%u workers: no address but ours", workers);
		s.tp_src = "10.0.0.3";
		from_host(s);
		s.tp_src = B;
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 0);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_HOST_SOURCE), 2);
		test_row("%u workers: nor in a flow of others", workers);
		s = (struct tp_spec){ .tp_src = B, .tp_dst = A, SYN, .tp_dport = 80 };
		from_b(s);
		CU_ASSERT_EQUAL(take(em0), 40);
		s.tp_flags = 0x10;
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 0);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_HOST_SOURCE), 3);
		test_row("%u workers: nor 127.0.0.1", workers);
		s.tp_src = "127.0.0.1";
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 0);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_ADDR), 1);
		test_row("%u workers: fragments are joined, and cut again", workers);
		s = (struct tp_spec){ .tp_src = "10.0.0.1", .tp_dst = A, .tp_proto = 17,
		    .tp_sport = 53, .tp_dport = 99, .tp_len = 792 };
		s.tp_off = 0x2000;	/* 800 bytes with the header, more to come */
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 0);
		s.tp_proto = 17;
		s.tp_off = 100;
		s.tp_len = 92;
		from_host(s);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_HOST_SOURCE), 3);
		CU_ASSERT_EQUAL(world_count(nk, CNT_IP_REASSEMBLED), 1);
		CU_ASSERT_EQUAL(take(em0), 820);	/* as large as they came */
		CU_ASSERT_EQUAL(take(em0), 120);
		CU_ASSERT_EQUAL(take(em0), 0);
		test_row("%u workers: nobody else's piece joins them", workers);
		s.tp_off = 0x2000;
		s.tp_len = 792;
		from_host(s);
		s.tp_off = 100;
		s.tp_len = 92;
		s.tp_dport = 666;
		from_b(s);
		CU_ASSERT_EQUAL(take(em0), 0);
		s.tp_dport = 99;
		from_host(s);
		CU_ASSERT_EQUAL(take(em0), 820);
		CU_ASSERT_EQUAL(take(em0), 120);
		CU_ASSERT_EQUAL(tp_get16(GOT_IP + 22), 99);
		CU_ASSERT_EQUAL(take(em0), 0);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_FRAG_OVERLAP), 0);
		world_run(wo, 20 * NSEC_PER_SEC);
		test_row("%u workers: what is not IPv4", workers);
		(void)tp_build(out, &back);
		out[12] = 0x86;
		wire_put_now(wo, host, out, TP_ETHER + 40);
		CU_ASSERT_EQUAL(take(em0), 0);
		CU_ASSERT_EQUAL(world_drops(nk, DROP_ETH_PROTO), 1);
		test_row("%u workers: what Linux sends to us does not come back", workers);
		s = back;
		s.tp_dst = "10.0.1.1";
		from_host(s);
		for (size_t n; (n = take(host)) != 0;)
			CU_ASSERT_EQUAL(GOT_IP[9], 1);	/* at most an error */
		teardown();
	}
}

static void
rules(void)
{
	struct tp_spec s = in;

	open_all(1);
	test_row("rules of the interface that it comes in on");
	load(nk, "block in on em0 proto tcp to self port 443\npass on em1\n");
	from_a(in);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_BLOCK), 1);
	test_row("a state lets the answer out");
	load(nk, "block\npass in on em0 proto tcp to self port 443\n");
	s.tp_sport++;
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 40);
	s = back;
	s.tp_dport = 5001;
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 40);
	test_row("and nothing else");
	s.tp_dport = 5002;
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_BLOCK), 2);
	test_row("nor an ICMP error about nothing");
	s = (struct tp_spec){ .tp_src = "10.0.0.1", .tp_dst = A, .tp_proto = 1, .tp_flags = 3,
	    .tp_code = 3, .tp_len = 28 };
	{
		static uint8_t quoted[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2,
		    10, 0, 0, 1, 0, 1, 0, 2, 0, 8, 0, 0 };

		s.tp_data = quoted;
		from_host(s);
	}
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_PF_BLOCK), 3);
	test_row("a reset reaches Linux, as if from the far end");
	load(nk, "block return out on em0 proto tcp\n");
	s = (struct tp_spec){ .tp_src = "10.0.0.1", .tp_dst = A, SYN, .tp_dport = 25 };
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(take(host), 40);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, 40));
	TEST_BYTES(GOT_IP + 12, out + TP_ETHER + 16, 4);
	CU_ASSERT_EQUAL(GOT_L4[13] & 4, 4);
	teardown();
}

/* An ICMP error for Linux: from whom it sent to, about its packet. */
static void
expect_error(unsigned type, unsigned code)
{
	size_t n = take(host);

	CU_ASSERT_TRUE_FATAL(n >= 56);
	CU_ASSERT_TRUE(tp_valid(GOT_IP, n));
	CU_ASSERT_EQUAL(GOT_L4[0], type);
	CU_ASSERT_EQUAL(GOT_L4[1], code);
	TEST_BYTES(GOT_IP + 12, out + TP_ETHER + 16, 4);
	TEST_BYTES(GOT_IP + 16, out + TP_ETHER + 12, 4);
	TEST_BYTES(GOT_L4 + 8, out + TP_ETHER, 28);
}

static void
errors(void)
{
	struct tp_spec s = { .tp_src = "10.0.0.1", .tp_dst = "203.0.113.9", .tp_proto = 17,
	    .tp_sport = 9, .tp_dport = 9, .tp_len = 20 };

	open_all(1);
	test_row("no route");
	from_host(s);
	expect_error(3, 0);
	test_row("too big");
	nk_lock(nk);
	(void)if_set_mtu(nk, em0, 800);
	nk_unlock(nk);
	s.tp_dst = A;
	s.tp_off = 0x4000;
	s.tp_len = 1000;
	from_host(s);
	expect_error(3, 4);
	CU_ASSERT_EQUAL(tp_get16(GOT_L4 + 6), 800);
	test_row("an error about what Linux sent is its");
	s.tp_len = 20;
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 48);
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 1, .tp_flags = 3,
	    .tp_code = 3, .tp_data = GOT_IP, .tp_len = 48 };
	from_a(s);
	CU_ASSERT_EQUAL(take(host), 76);
	teardown();
}

/* netkern -P: no rules and no policies yet, so Linux waits, too. */
static void
before_policy(void)
{
	struct tp_spec s = back;

	open_all(1);
	nk->nk_policy_wait = true;
	test_row("nothing to Linux");
	from_a(in);
	CU_ASSERT_EQUAL(take(host), 0);
	CU_ASSERT_NOT_EQUAL(take(em0), 0);
	test_row("nothing from it");
	s.tp_dport = 7;
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 0);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_POLICY_WAIT), 1);
	nk_lock(nk);
	nk->nk_policy_wait = false;
	nk_bump(nk);
	nk_unlock(nk);
	test_row("then both");
	from_host(s);
	CU_ASSERT_EQUAL(take(em0), 40);
	from_a(in);
	CU_ASSERT_EQUAL(take(host), 40);
	teardown();
}

static void
addresses(void)
{
	struct addr a;

	open_all(1);
	test_row("all that there are, without loopback");
	CU_ASSERT_EQUAL(ntold, 2);
	test_row("one that comes");
	(void)addr_parse("10.0.0.9", &a);
	nk_lock(nk);
	CU_ASSERT_EQUAL(if_addr_add(nk, em0, &a, 24), 0);
	CU_ASSERT_EQUAL(ntold, 3);
	CU_ASSERT_EQUAL(last_add, 1);
	CU_ASSERT_TRUE(addr_equal(&told[2].ia_addr, &a));
	CU_ASSERT_EQUAL(told[2].ia_plen, 24);
	test_row("one that goes");
	CU_ASSERT_EQUAL(if_addr_del(nk, em0, &a), 0);
	CU_ASSERT_EQUAL(ntold, 4);
	CU_ASSERT_EQUAL(last_add, 0);
	CU_ASSERT_TRUE(addr_equal(&told[3].ia_addr, &a));
	test_row("those of an interface that goes");
	nk_unlock(nk);
	CU_ASSERT_EQUAL(if_destroy(nk, em1), 0);
	CU_ASSERT_EQUAL(ntold, 5);
	CU_ASSERT_EQUAL(last_add, 0);
	test_row("all, when it goes itself");
	CU_ASSERT_EQUAL(if_destroy(nk, host), 0);
	CU_ASSERT_EQUAL(ntold, 6);
	from_a(in);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_IP_PROTO), 1);
	wire_flush(em0);
	teardown();
}

static void
explained(void)
{
	struct explain_info ei;
	struct explain_pkt ek = { .ek_data = out + TP_ETHER, .ek_len = 40 };
	struct tp_spec s = in;

	open_all(1);
	ek.ek_ifp = em0;
	test_row("for Linux");
	(void)tp_build(out, &s);
	nk_lock(nk);
	CU_ASSERT_EQUAL(explain_packet(nk, world_clock(wo), &ek, &ei), 0);
	CU_ASSERT_EQUAL(ei.ei_verdict, EXPLAIN_DELIVERED);
	CU_ASSERT_EQUAL(ei.ei_local, 2);
	CU_ASSERT_EQUAL(take(host), 0);
	test_row("for netkern");
	s = (struct tp_spec){ .tp_src = A, .tp_dst = "10.0.0.1", .tp_proto = 1, .tp_flags = 8 };
	ek.ek_len = (uint32_t)(tp_build(out, &s) - TP_ETHER);
	CU_ASSERT_EQUAL(explain_packet(nk, world_clock(wo), &ek, &ei), 0);
	CU_ASSERT_EQUAL(ei.ei_verdict, EXPLAIN_DELIVERED);
	CU_ASSERT_EQUAL(ei.ei_local, 1);
	nk_unlock(nk);
	teardown();
}

TEST_MAIN(
	TEST("to Linux", to_linux),
	TEST("from Linux", from_linux),
	TEST("rules", rules),
	TEST("errors", errors),
	TEST("before policy", before_policy),
	TEST("addresses", addresses),
	TEST("explained", explained))
