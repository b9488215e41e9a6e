/* SPDX-License-Identifier: ISC */
/*
 * ARP over an open wire: what is asked, answered, believed and held.
 */
#include "test.h"
#include "libutil/cur.h"
#include "net/arp.h"
#include "net/fib.h"
#include "netinet/ip.h"
#include "sys/testwire.h"

static struct world *wo;
static struct nk *nk;
static struct ifnet *em0;
static uint8_t frame[2048];

static const uint8_t peer_mac[6] = { 2, 1, 1, 1, 1, 1 };
static const uint8_t evil_mac[6] = { 2, 6, 6, 6, 6, 6 };
static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };

static void
setup(void)
{
	wo = world_new(3);
	nk = world_router(wo, "a", 1);
	em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	world_settle(wo);
}

static void
teardown(void)
{
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	world_free(wo);
}

static size_t
arp_frame(uint8_t *f, const uint8_t to[6], const uint8_t sha[6], unsigned op,
    const char *spa, const char *tpa)
{
	struct wcur c = wcur_init(f, 60);
	struct addr a;

	memset(f, 0, 60);
	wcur_put(&c, to, 6);
	wcur_put(&c, sha, 6);
	wcur_u16(&c, 0x0806);
	wcur_u16(&c, 1);
	wcur_u16(&c, 0x0800);
	wcur_u8(&c, 6);
	wcur_u8(&c, 4);
	wcur_u16(&c, (uint16_t)op);
	wcur_put(&c, sha, 6);
	(void)addr_parse(spa, &a);
	wcur_put(&c, a.ad_bytes, 4);
	wcur_zero(&c, 6);
	(void)addr_parse(tpa, &a);
	wcur_put(&c, a.ad_bytes, 4);
	return 60;
}

static void
say(const uint8_t to[6], const uint8_t sha[6], unsigned op, const char *spa, const char *tpa)
{
	uint8_t f[60];

	wire_put_now(wo, em0, f, arp_frame(f, to, sha, op, spa, tpa));
}

/* A station's announcement, handled within the turn: nothing is freed yet. */
static void
say_unsettled(const uint8_t sha[6], const char *spa)
{
	struct worker *w = nk->nk_worker[0];
	struct pkt *p = pkt_alloc(w, 60);

	p->pkt_len = (uint32_t)arp_frame(p->pkt_data, all, sha, 1, spa, spa);
	pkt_pull(p, 14);
	p->pkt_ifp = em0;
	arp_input(w, p);
}

/* The next frame on the wire is ARP: "1 10.0.0.1 10.0.0.2" (operation, sender, target). */
static const char *
heard(void)
{
	static char text[80];
	struct addr s = { .ad_af = AF_INET }, t = { .ad_af = AF_INET };
	char sb[ADDR_STRLEN], tb[ADDR_STRLEN];
	size_t n = wire_take(em0, frame, sizeof(frame));

	if (n == 0)
		return "nothing";
	if (n < 42 || frame[12] != 8 || frame[13] != 6)
		return "a packet";
	memcpy(s.ad_bytes, frame + 28, 4);
	memcpy(t.ad_bytes, frame + 38, 4);
	snprintf(text, sizeof(text), "%u %s %s", frame[21], addr_print(&s, sb),
	    addr_print(&t, tb));
	return text;
}

/* A packet of this router to an address on the link, through arp_resolve(). */
static void
send_to(const char *dst)
{
	struct worker *w = nk->nk_worker[0];
	struct addr a, src;
	struct nexthop nh;
	struct pkt *p;

	(void)addr_parse(dst, &a);
	(void)addr_parse("10.0.0.1", &src);
	CU_ASSERT_EQUAL(nexthop_find(nk, &a, &nh), DROP_NONE);
	w->w_now = world_clock(wo);
	p = pkt_alloc(w, 64);
	p->pkt_len = 8;
	memset(p->pkt_data, 0, 8);
	ip_header(p, src.ad_v4, a.ad_v4, 253, 64, 0, false, 1);
	p->pkt_flags |= PKT_F_LOCAL_OUT;
	p->pkt_oif = nh.nh_if;
	p->pkt_neigh = nh.nh_neigh;
	ip_output(w, p);
	world_settle(wo);
}

static struct neigh *
entry(const char *text)
{
	struct addr a;

	(void)addr_parse(text, &a);
	return neigh_find(nk, em0, &a);
}

static void
announces(void)
{
	setup();
	TEST_STRING(heard(), "1 10.0.0.1 10.0.0.1");
	TEST_BYTES(frame, all, 6);
	teardown();
}

static void
answers(void)
{
	setup();
	wire_flush(em0);
	test_row("who has our address");
	say(all, peer_mac, 1, "10.0.0.2", "10.0.0.1");
	TEST_STRING(heard(), "2 10.0.0.1 10.0.0.2");
	TEST_BYTES(frame, peer_mac, 6);
	TEST_BYTES(frame + 6, em0->if_mac, 6);
	TEST_BYTES(frame + 32, peer_mac, 6);
	test_row("an address conflict probe");
	say(all, peer_mac, 1, "0.0.0.0", "10.0.0.1");
	TEST_STRING(heard(), "2 10.0.0.1 0.0.0.0");
	test_row("somebody else's address");
	say(all, peer_mac, 1, "10.0.0.2", "10.0.0.3");
	TEST_STRING(heard(), "nothing");
	test_row("asking makes no entry");
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	teardown();
}

static void
resolves(void)
{
	setup();
	wire_flush(em0);
	send_to("10.0.0.2");
	send_to("10.0.0.2");
	TEST_STRING(heard(), "1 10.0.0.1 10.0.0.2");
	TEST_STRING(heard(), "nothing");
	say(em0->if_mac, peer_mac, 2, "10.0.0.2", "10.0.0.1");
	for (int i = 0; i < 2; i++) {
		TEST_STRING(heard(), "a packet");
		TEST_BYTES(frame, peer_mac, 6);
		TEST_BYTES(frame + 6, em0->if_mac, 6);
	}
	send_to("10.0.0.2");
	TEST_STRING(heard(), "a packet");
	teardown();
}

static void
gives_up(void)
{
	setup();
	wire_flush(em0);
	for (int i = 0; i < ARP_HOLD_MAX + 5; i++)
		send_to("10.0.0.2");
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ARP_HOLD), 5);
	CU_ASSERT_EQUAL(world_busy(nk), ARP_HOLD_MAX);
	world_run(wo, 10 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(wire_waiting(em0), ARP_TRIES);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ARP_TIMEOUT), ARP_HOLD_MAX);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	test_row("asked again, but not by each packet");
	wire_flush(em0);
	send_to("10.0.0.2");
	CU_ASSERT_EQUAL(wire_waiting(em0), 1);
	send_to("10.0.0.2");
	CU_ASSERT_EQUAL(wire_waiting(em0), 1);
	world_run(wo, 5 * NSEC_PER_SEC);
	test_row("forgotten after a minute");
	world_run(wo, 70 * NSEC_PER_SEC);
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	teardown();
}

/* A scan of addresses that nobody has: most buffers stay free. */
static void
many_wait(void)
{
	const unsigned share = 2048 / 8;
	char text[20];

	setup();
	for (unsigned i = 0; i < 20 * ARP_HOLD_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", 20 + i / ARP_HOLD_MAX);
		send_to(text);
	}
	test_row("all addresses together hold their share of the buffers");
	CU_ASSERT_EQUAL(world_busy(nk), share);
	CU_ASSERT_EQUAL(world_drops(nk, DROP_ARP_HOLD), 20 * ARP_HOLD_MAX - share);
	test_row("who answers is reached all the same");
	send_to("10.0.0.2");
	say(em0->if_mac, peer_mac, 2, "10.0.0.2", "10.0.0.1");
	wire_flush(em0);
	send_to("10.0.0.2");
	TEST_STRING(heard(), "a packet");
	test_row("what ended leaves room");
	world_run(wo, 10 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	wire_flush(em0);
	send_to("10.0.0.3");
	CU_ASSERT_EQUAL(world_busy(nk), 1);
	say(em0->if_mac, peer_mac, 2, "10.0.0.3", "10.0.0.1");
	TEST_STRING(heard(), "1 10.0.0.1 10.0.0.3");
	TEST_STRING(heard(), "a packet");
	teardown();
}

/* In how many turns of a tenth of a second flows would have to decide anew. */
static unsigned
turns_that_bump(unsigned seconds)
{
	unsigned bumps = 0;

	for (unsigned i = 0; i < seconds * 10; i++) {
		uint32_t gen = nk_generation(nk);

		world_run(wo, NSEC_PER_SEC / 10);
		bumps += nk_generation(nk) != gen;
	}
	return bumps;
}

/* A slow scan, and one that fills the table: decisions of flows hold. */
static void
scans(void)
{
	char text[20];
	unsigned bumps = 0, n = 0, refused;
	uint32_t gen;

	setup();
	test_row("what did not resolve goes together");
	for (unsigned i = 2; i < 42; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", i);
		send_to(text);
		world_run(wo, NSEC_PER_SEC / 2);
	}
	CU_ASSERT_TRUE(turns_that_bump(130) <= 4);
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	CU_ASSERT_PTR_NULL(entry("10.0.0.41"));
	test_row("a full table makes room once a second");
	em0 = world_if(wo, nk, "em1", "10.9.0.1/16", 1500);
	send_to("10.9.255.1");
	say(em0->if_mac, peer_mac, 2, "10.9.255.1", "10.9.0.1");
	for (unsigned turn = 0; turn < 100; turn++) {
		for (unsigned i = 0; i < 300; i++, n++) {
			struct addr a;
			struct nexthop nh;

			snprintf(text, sizeof(text), "10.9.%u.%u", n / 250 % 250, 2 + n % 250);
			(void)addr_parse(text, &a);
			gen = nk_generation(nk);
			if (nexthop_find(nk, &a, &nh) == DROP_NONE)
				send_to(text);
			bumps += nk_generation(nk) != gen;
		}
		world_run(wo, NSEC_PER_SEC / 10);
		wire_flush(em0);
	}
	CU_ASSERT_TRUE(bumps >= 1 && bumps <= 10);
	test_row("entries that nobody may send to do not hold it full");
	world_run(wo, 5 * NSEC_PER_SEC);
	refused = 0;
	for (unsigned i = 0; i < 5 * ARP_MAX; i++) {
		struct addr a = addr_v4((struct in_addr){ htonl(0x0a090000 + 2 + i) });
		struct nexthop nh;

		refused += nexthop_find(nk, &a, &nh) != DROP_NONE;
	}
	CU_ASSERT_EQUAL(refused, 0);
	wire_flush(em0);
	test_row("who is there stays, who comes later is found");
	send_to("10.9.255.1");
	TEST_STRING(heard(), "a packet");
	world_run(wo, 5 * NSEC_PER_SEC);
	wire_flush(em0);
	send_to("10.9.255.2");
	TEST_STRING(heard(), "1 10.9.0.1 10.9.255.2");
	world_run(wo, 10 * NSEC_PER_SEC);
	teardown();
}

static void
ages(void)
{
	setup();
	send_to("10.0.0.2");
	say(em0->if_mac, peer_mac, 2, "10.0.0.2", "10.0.0.1");
	send_to("10.0.0.2");
	wire_flush(em0);
	test_row("a used one is confirmed by unicast");
	world_run(wo, ARP_REACHABLE_NS + NSEC_PER_SEC / 2);
	TEST_STRING(heard(), "1 10.0.0.1 10.0.0.2");
	TEST_BYTES(frame, peer_mac, 6);
	send_to("10.0.0.2");
	TEST_STRING(heard(), "a packet");
	say(em0->if_mac, peer_mac, 2, "10.0.0.2", "10.0.0.1");
	test_row("an unused one goes");
	world_run(wo, ARP_REACHABLE_NS + ARP_SWEEP_NS);
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	test_row("one that does not answer any more fails");
	send_to("10.0.0.3");
	say(em0->if_mac, peer_mac, 2, "10.0.0.3", "10.0.0.1");
	send_to("10.0.0.3");
	world_run(wo, ARP_REACHABLE_NS + 10 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(entry("10.0.0.3")->ne_state, NEIGH_FAILED);
	teardown();
}

static void
poisoning(void)
{
	struct addr a;

	setup();
	wire_flush(em0);
	test_row("unasked replies make no entry");
	for (unsigned i = 2; i < 250; i++) {
		char text[20];

		snprintf(text, sizeof(text), "10.0.0.%u", i);
		say(em0->if_mac, evil_mac, 2, text, "10.0.0.1");
	}
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	CU_ASSERT_EQUAL(wire_waiting(em0), 0);
	test_row("a permanent entry stays");
	(void)addr_parse("10.0.0.2", &a);
	CU_ASSERT_EQUAL(arp_set(nk, &a, peer_mac), 0);
	say(em0->if_mac, evil_mac, 2, "10.0.0.2", "10.0.0.1");
	send_to("10.0.0.2");
	TEST_STRING(heard(), "a packet");
	TEST_BYTES(frame, peer_mac, 6);
	world_run(wo, 2 * ARP_REACHABLE_NS);
	CU_ASSERT_PTR_NOT_NULL(entry("10.0.0.2"));
	CU_ASSERT_EQUAL(arp_delete(nk, &a), 0);
	CU_ASSERT_PTR_NULL(entry("10.0.0.2"));
	test_row("our own address is defended, not given up");
	wire_flush(em0);
	say(all, evil_mac, 1, "10.0.0.1", "10.0.0.1");
	TEST_STRING(heard(), "1 10.0.0.1 10.0.0.1");
	TEST_BYTES(frame + 6, em0->if_mac, 6);
	say(all, evil_mac, 1, "10.0.0.1", "10.0.0.1");
	TEST_STRING(heard(), "nothing");
	CU_ASSERT_EQUAL(world_count(nk, CNT_ARP_CONFLICT), 2);
	test_row("a station that changed is followed");
	send_to("10.0.0.7");
	say(em0->if_mac, peer_mac, 2, "10.0.0.7", "10.0.0.1");
	say(all, evil_mac, 1, "10.0.0.7", "10.0.0.7");
	CU_ASSERT_EQUAL(world_count(nk, CNT_ARP_CHANGED), 1);
	TEST_BYTES(entry("10.0.0.7")->ne_eth, evil_mac, 6);
	wire_flush(em0);
	send_to("10.0.0.7");
	TEST_STRING(heard(), "a packet");
	TEST_BYTES(frame, evil_mac, 6);
	test_row("also for a packet that was on its way to the old entry");
	{
		struct neigh *old = entry("10.0.0.7");
		struct worker *w = nk->nk_worker[0];
		struct pkt *p = pkt_alloc(w, 64);

		p->pkt_len = 20;
		say_unsettled(peer_mac, "10.0.0.7");
		CU_ASSERT_EQUAL(old->ne_state, NEIGH_DEAD);
		arp_resolve(w, old, p);
		world_settle(wo);
		TEST_STRING(heard(), "a packet");
		TEST_BYTES(frame, peer_mac, 6);
	}
	teardown();
}

static void
operator_errors(void)
{
	struct addr a;

	setup();
	(void)addr_parse("172.16.0.1", &a);
	CU_ASSERT_NOT_EQUAL(arp_set(nk, &a, peer_mac), 0);
	(void)addr_parse("10.0.0.1", &a);
	CU_ASSERT_NOT_EQUAL(arp_set(nk, &a, peer_mac), 0);
	(void)addr_parse("10.0.0.2", &a);
	CU_ASSERT_NOT_EQUAL(arp_set(nk, &a, all), 0);
	CU_ASSERT_NOT_EQUAL(arp_delete(nk, &a), 0);
	teardown();
}

/* Every truncation, and every byte changed; then an honest exchange. */
static void
malformed(void)
{
	uint8_t good[60], f[60];
	size_t n = arp_frame(good, all, peer_mac, 1, "10.0.0.2", "10.0.0.1");

	setup();
	for (size_t len = 0; len <= 42; len++)
		wire_put_now(wo, em0, good, len);
	for (size_t at = 0; at < 42; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(f, good, n);
			f[at] ^= (uint8_t)(1u << bit);
			wire_put_now(wo, em0, f, n);
		}
	CU_ASSERT_TRUE(world_drops(nk, DROP_ARP_BAD) > 28);
	CU_ASSERT_TRUE(world_drops(nk, DROP_ETH_SHORT) == 14);
	wire_flush(em0);
	say(all, peer_mac, 1, "10.0.0.2", "10.0.0.1");
	TEST_STRING(heard(), "2 10.0.0.1 10.0.0.2");
	teardown();
}

TEST_MAIN(
	TEST("a new address is announced", announces),
	TEST("requests are answered", answers),
	TEST("packets wait for the answer", resolves),
	TEST("no answer", gives_up),
	TEST("a scan", many_wait),
	TEST("scans and decisions", scans),
	TEST("entries age", ages),
	TEST("what stations claim", poisoning),
	TEST("what the operator may not set", operator_errors),
	TEST("malformed packets", malformed))
