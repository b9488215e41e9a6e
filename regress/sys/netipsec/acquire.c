/* SPDX-License-Identifier: ISC */
/*
 * A packet that needs an SA: it asks, waits, and is the first that the new SA
 * seals.  And a peer that moves behind its NAT.
 */
#include "test.h"

#include <errno.h>
#include <linux/pfkeyv2.h>

#include "gateways.h"
#include "libpfkey/pfkey.h"
#include "netkey/key.h"

static struct gateways gw;
static struct key_socket ks;
static uint8_t ip[2048];
static unsigned acquires, mappings;
static uint8_t told[PFKEY_MSG_MAX];
static struct pfkey_msg msg;

static bool
daemon_hears(void *arg, const void *m, size_t len)
{
	struct pfkey_msg pm;

	(void)arg;
	CU_ASSERT_EQUAL(pfkey_parse(m, len, PFKEY_FROM_KERNEL, &pm, NULL), 0);
	if (pm.pm_type != SADB_ACQUIRE && pm.pm_type != SADB_X_NAT_T_NEW_MAPPING)
		return true;
	memcpy(told, m, len);
	CU_ASSERT_EQUAL(pfkey_parse(told, len, PFKEY_FROM_KERNEL, &msg, NULL), 0);
	acquires += pm.pm_type == SADB_ACQUIRE && pm.pm_errno == 0;
	mappings += pm.pm_type == SADB_X_NAT_T_NEW_MAPPING;
	return true;
}

static void
listen_on(struct nk *nk)
{
	memset(&ks, 0, sizeof(ks));
	ks.ks_send = daemon_hears;
	ks.ks_private = true;
	ks.ks_registered = 1u << SADB_SATYPE_ESP;
	nk_lock(nk);
	key_socket_add(nk, &ks);
	nk_unlock(nk);
	acquires = mappings = 0;
}

static const struct tp_spec spec = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 17,
    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 100 };

static const struct tp_spec back = { .tp_src = "10.2.0.1", .tp_dst = "10.1.0.1", .tp_proto = 17,
    .tp_sport = 2000, .tp_dport = 1000, .tp_len = 100 };

static struct sa *
add(struct nk *nk, uint32_t spi)
{
	struct sa_params pp;
	const char *err = "";
	struct sa *sa = NULL;

	sa_params(&pp, suite_by_name("aes-128-gcm"), "192.0.2.1", "192.0.2.2", spi, SA_TUNNEL, 3);
	nk_lock(nk);
	CU_ASSERT_EQUAL(sad_add(nk, world_clock(gw.gw_world), &pp, &err, &sa), 0);
	nk_unlock(nk);
	return sa;
}

static void
first_packet(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };
	struct tp_spec s = spec;

	for (unsigned workers = 1; workers <= 3; workers += 2) {
		gc.gc_workers = workers;
		gateways_open(&gw, &gc);
		listen_on(gw.gw_a);
		test_row("%u workers: asks with all that a daemon needs", workers);
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(acquires, 1);
		CU_ASSERT_NOT_EQUAL(msg.pm_seq, 0);
		CU_ASSERT_EQUAL(msg.pm_pid, 0);
		CU_ASSERT_EQUAL(msg.pm_reqid, 7);
		CU_ASSERT_EQUAL(msg.pm_mode, SA_TUNNEL);
		CU_ASSERT_EQUAL(msg.pm_src.pa_addr.ad_u32[0], htonl(0xc0000201));
		CU_ASSERT_EQUAL(msg.pm_dst.pa_addr.ad_u32[0], htonl(0xc0000202));
		CU_ASSERT(msg.pm_ncombs > 5);
		CU_ASSERT_EQUAL(msg.pm_packet.sel_dport.po_lo, 2000);
		CU_ASSERT_EQUAL(msg.pm_policy.pp_dir, IPSEC_DIR_OUTBOUND);
		test_row("%u workers: asks once while it waits", workers);
		for (unsigned i = 1; i < 5; i++) {
			s.tp_sport = (uint16_t)(1000 + i);
			send_a(&gw, &s);
		}
		CU_ASSERT_EQUAL(acquires, 1);
		CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 0);
		test_row("%u workers: what waited is what leaves first, in order", workers);
		add(gw.gw_b, 0x7001);
		add(gw.gw_a, 0x7001);
		world_settle(gw.gw_world);
		for (unsigned i = 0; i < 5; i++) {
			CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 128);
			CU_ASSERT_EQUAL(tp_get16(ip + 20), workers == 1 ? 1000 + i : tp_get16(ip + 20));
			CU_ASSERT_EQUAL(ip[8], 62);
			CU_ASSERT_TRUE(tp_valid(ip, 128));
		}
		CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 0);
		s.tp_sport = 1000;
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 128);
		CU_ASSERT_EQUAL(acquires, 1);
		nk_lock(gw.gw_a);
		key_socket_remove(gw.gw_a, &ks);
		nk_unlock(gw.gw_a);
		gateways_close(&gw);
	}
}

/* A router behind A says that a host of its network has no such port: from 10.1.0.7, about 10.1.0.9. */
static void
port_unreachable(void)
{
	static const uint8_t mac[6] = { 2, 0xee, 0, 0, 0, 1 };
	struct tp_spec s = { .tp_dmac = gw.gw_a_in->if_mac, .tp_smac = mac, .tp_src = "10.1.0.7",
	    .tp_dst = "10.2.0.1", .tp_proto = 1, .tp_flags = 3, .tp_len = 28 };
	struct tp_spec about = { .tp_src = "10.2.0.1", .tp_dst = "10.1.0.9", .tp_proto = 17,
	    .tp_sport = 53, .tp_dport = 4000 };
	uint8_t frame[200], inner[200];
	size_t n = tp_build(frame, &s), k = tp_build(inner, &about);

	CU_ASSERT_EQUAL_FATAL(k - TP_ETHER, 28);
	frame[TP_IP + 1] = 3;
	memset(frame + TP_IP + 4, 0, 4);
	memcpy(frame + TP_IP + 8, inner + TP_ETHER, 28);
	tp_finish(frame + TP_ETHER, n - TP_ETHER);
	wire_put_now(gw.gw_world, gw.gw_a_in, frame, n);
	world_settle(gw.gw_world);
}

static void
packet_is(const char *src, const char *dst, unsigned sport, unsigned dport)
{
	struct addr a;

	(void)addr_parse(src, &a);
	CU_ASSERT_TRUE(addr_equal(&msg.pm_packet.sel_src.pr_addr, &a));
	(void)addr_parse(dst, &a);
	CU_ASSERT_TRUE(addr_equal(&msg.pm_packet.sel_dst.pr_addr, &a));
	CU_ASSERT_EQUAL(msg.pm_packet.sel_proto, 1);
	CU_ASSERT_EQUAL(msg.pm_packet.sel_sport.po_lo, sport);
	CU_ASSERT_EQUAL(msg.pm_packet.sel_dport.po_lo, dport);
}

/* ICMP is asked for, and sealed, as what it is: not as its flow's key. */
static void
icmp(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };
	struct tp_spec echo = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 1,
	    .tp_flags = 8, .tp_sport = 4711, .tp_len = 20 };
	struct sa_params pp;
	struct sa *sa;
	const char *err = "";

	gateways_open(&gw, &gc);
	listen_on(gw.gw_a);
	test_row("an echo: type and code");
	send_a(&gw, &echo);
	CU_ASSERT_EQUAL(acquires, 1);
	packet_is("10.1.0.1", "10.2.0.1", 8, 0);
	world_run(gw.gw_world, (SP_HOLD_S + 1) * NSEC_PER_SEC);
	test_row("an error: who sends it, not what it is about");
	port_unreachable();
	CU_ASSERT_EQUAL(acquires, 2);
	packet_is("10.1.0.7", "10.2.0.1", 3, 3);
	test_row("an SA for ICMP alone takes it");
	add(gw.gw_b, 0x7001);
	sa_params(&pp, suite_by_name("aes-128-gcm"), "192.0.2.1", "192.0.2.2", 0x7001, SA_TUNNEL, 3);
	pp.spp_sel = (struct selector){ .sel_proto = 1, .sel_sport = { 0, 65535 },
	    .sel_dport = { 0, 65535 } };
	(void)prefix_parse("10.1.0.7/32", &pp.spp_sel.sel_src);
	(void)prefix_parse("10.2.0.0/24", &pp.spp_sel.sel_dst);
	nk_lock(gw.gw_a);
	CU_ASSERT_EQUAL(sad_add(gw.gw_a, world_clock(gw.gw_world), &pp, &err, &sa), 0);
	nk_unlock(gw.gw_a);
	world_settle(gw.gw_world);
	CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_OUT), 1);
	CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 56);
	nk_lock(gw.gw_a);
	key_socket_remove(gw.gw_a, &ks);
	nk_unlock(gw.gw_a);
	gateways_close(&gw);
}

static void
limits(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };
	struct tp_spec s = spec;

	gateways_open(&gw, &gc);
	test_row("nobody registered: nothing waits");
	send_a(&gw, &s);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_NO_SA), 1);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	listen_on(gw.gw_a);
	test_row("no more wait than the limit");
	for (unsigned i = 0; i < 100; i++) {
		s.tp_sport = (uint16_t)(1000 + i);
		send_a(&gw, &s);
	}
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_HOLD), 100 - SP_HOLD_MAX);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), SP_HOLD_MAX);
	test_row("asks again after a while");
	CU_ASSERT_EQUAL(acquires, 1);
	world_run(gw.gw_world, SP_ACQUIRE_S * NSEC_PER_SEC + NSEC_PER_SEC);
	send_a(&gw, &s);
	CU_ASSERT_EQUAL(acquires, 1);	/* no room to wait: nothing to ask for */
	test_row("nobody waits for ever");
	world_run(gw.gw_world, SP_HOLD_S * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_NO_SA), 1 + SP_HOLD_MAX);
	send_a(&gw, &s);
	CU_ASSERT_EQUAL(acquires, 2);
	test_row("a daemon that gives up ends the wait");
	{
		struct pfkey_msg m;
		uint8_t buf[256];
		size_t len;

		pfkey_init(&m, SADB_ACQUIRE, SADB_SATYPE_ESP);
		m.pm_errno = ETIMEDOUT;
		m.pm_seq = msg.pm_seq;
		len = pfkey_build(&m, buf, sizeof(buf));
		nk_lock(gw.gw_a);
		key_message(gw.gw_a, world_clock(gw.gw_world), &ks, buf, len);
		nk_unlock(gw.gw_a);
		world_settle(gw.gw_world);
	}
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	test_row("a policy that goes takes what it holds with it");
	world_run(gw.gw_world, SP_ACQUIRE_S * NSEC_PER_SEC);
	send_a(&gw, &s);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 1);
	nk_lock(gw.gw_a);
	spd_flush(gw.gw_a);
	key_socket_remove(gw.gw_a, &ks);
	nk_unlock(gw.gw_a);
	world_settle(gw.gw_world);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	gateways_close(&gw);
}

/* The policy of A's network becomes one of this type. */
static struct sp *
retype(uint8_t level, bool asks)
{
	struct sp sp, *made = NULL;

	policy(&sp, SP_OUT, "10.1.0.0/24", "10.2.0.0/24", 0, "192.0.2.1", "192.0.2.2", 7);
	sp.sp_level = level;
	sp.sp_asks = asks;
	nk_lock(gw.gw_a);
	CU_ASSERT_EQUAL(spd_update(gw.gw_a, &sp, &made), 0);
	nk_unlock(gw.gw_a);
	return made;
}

/* What leaves A is sealed, or not. */
static bool seen_esp, seen_clear;

static void
wire_tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from != gw.gw_a_out || len < 34 || frame[12] != 8 || frame[13] != 0)
		return;
	seen_esp |= frame[14 + 9] == 50;
	seen_clear |= frame[14 + 9] == 17;
}

static void
send_seen(void)
{
	seen_esp = seen_clear = false;
	send_a(&gw, &spec);
}

/* Type acquire: in clear, and asked for beside it; protected when the SA comes. */
static void
in_clear_meanwhile(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };
	struct sp *sp;

	for (unsigned workers = 1; workers <= 3; workers += 2) {
		gc.gc_workers = workers;
		gateways_open(&gw, &gc);
		world_tap(gw.gw_world, wire_tap, NULL);
		sp = retype(SP_LEVEL_USE, true);
		test_row("%u workers: nobody to ask: in clear", workers);
		send_seen();
		CU_ASSERT_TRUE(seen_clear && !seen_esp);
		listen_on(gw.gw_a);
		world_run(gw.gw_world, SP_ACQUIRE_S * NSEC_PER_SEC + NSEC_PER_SEC);
		test_row("%u workers: in clear and asked for, once", workers);
		for (unsigned i = 0; i < 5; i++) {
			send_seen();
			CU_ASSERT_TRUE(seen_clear && !seen_esp);
		}
		CU_ASSERT_EQUAL(acquires, 1);
		CU_ASSERT_EQUAL(msg.pm_reqid, 7);
		CU_ASSERT_EQUAL(msg.pm_packet.sel_dport.po_lo, 2000);
		CU_ASSERT_EQUAL(sp->sp_nhold, 0);
		test_row("%u workers: the same flow asks again after a while", workers);
		world_run(gw.gw_world, SP_ACQUIRE_S * NSEC_PER_SEC + NSEC_PER_SEC);
		send_seen();
		send_seen();
		CU_ASSERT_TRUE(seen_clear && !seen_esp);
		CU_ASSERT_EQUAL(acquires, 2);
		test_row("%u workers: sealed as soon as there is an SA", workers);
		add(gw.gw_b, 0x7001);
		add(gw.gw_a, 0x7001);
		for (unsigned i = 0; i < 3; i++) {
			send_seen();
			CU_ASSERT_TRUE(seen_esp && !seen_clear);
		}
		world_run(gw.gw_world, 3 * SP_ACQUIRE_S * NSEC_PER_SEC);
		send_seen();
		CU_ASSERT_TRUE(seen_esp && !seen_clear);
		CU_ASSERT_EQUAL(acquires, 2);
		test_row("%u workers: a policy that goes leaves no timer", workers);
		retype(SP_LEVEL_USE, true);
		nk_lock(gw.gw_a);
		sad_flush(gw.gw_a, IPPROTO_ESP);
		nk_unlock(gw.gw_a);
		send_seen();
		CU_ASSERT_TRUE(timer_armed(&sp->sp_clear_timer));
		nk_lock(gw.gw_a);
		spd_flush(gw.gw_a);
		key_socket_remove(gw.gw_a, &ks);
		nk_unlock(gw.gw_a);
		world_run(gw.gw_world, 2 * SP_ACQUIRE_S * NSEC_PER_SEC);
		gateways_close(&gw);
	}
}

/* Types use and dontacq ask nobody. */
static void
asks_nobody(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };

	gateways_open(&gw, &gc);
	world_tap(gw.gw_world, wire_tap, NULL);
	listen_on(gw.gw_a);
	test_row("dontacq: dropped");
	retype(SP_LEVEL_REQUIRE, false);
	send_seen();
	CU_ASSERT_TRUE(!seen_clear && !seen_esp);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_NO_SA), 1);
	test_row("use: in clear");
	retype(SP_LEVEL_USE, false);
	send_seen();
	CU_ASSERT_TRUE(seen_clear && !seen_esp);
	world_run(gw.gw_world, 2 * SP_ACQUIRE_S * NSEC_PER_SEC);
	send_seen();
	CU_ASSERT_TRUE(seen_clear && !seen_esp);
	CU_ASSERT_EQUAL(acquires, 0);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	test_row("dontacq after require: what waited ends");
	retype(SP_LEVEL_REQUIRE, true);
	send_seen();
	CU_ASSERT_EQUAL(acquires, 1);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 1);
	retype(SP_LEVEL_REQUIRE, false);
	world_settle(gw.gw_world);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	test_row("either is sealed with an SA");
	add(gw.gw_b, 0x7001);
	add(gw.gw_a, 0x7001);
	send_seen();
	CU_ASSERT_TRUE(seen_esp && !seen_clear);
	retype(SP_LEVEL_USE, false);
	send_seen();
	CU_ASSERT_TRUE(seen_esp && !seen_clear);
	nk_lock(gw.gw_a);
	key_socket_remove(gw.gw_a, &ks);
	nk_unlock(gw.gw_a);
	gateways_close(&gw);
}

/* Many policies wait for one SA: all that they hold leaves, several vectors of it. */
static void
many_policies(void)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL };
	char dst[32];

	gateways_open(&gw, &gc);
	listen_on(gw.gw_a);
	for (unsigned i = 1; i <= 12; i++) {
		struct sp sp, *made;

		snprintf(dst, sizeof(dst), "10.2.0.%u/32", i);
		policy(&sp, SP_OUT, "10.1.0.0/24", dst, 0, "192.0.2.1", "192.0.2.2", 7);
		nk_lock(gw.gw_a);
		CU_ASSERT_EQUAL(spd_add(gw.gw_a, &sp, &made), 0);
		nk_unlock(gw.gw_a);
	}
	for (unsigned i = 0; i < 12 * SP_HOLD_MAX; i++) {
		struct tp_spec s = spec;

		snprintf(dst, sizeof(dst), "10.2.0.%u", 1 + i % 12);
		s.tp_dst = dst;
		s.tp_sport = (uint16_t)(1000 + i);
		send_a(&gw, &s);
	}
	test_row("all together hold no more than their share of the buffers");
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 1024 / 8);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_HOLD), 12 * SP_HOLD_MAX - 1024 / 8);
	CU_ASSERT_EQUAL(acquires, 12);
	test_row("what waited goes when an SA comes");
	add(gw.gw_b, 0x7001);
	add(gw.gw_a, 0x7001);
	world_settle(gw.gw_world);
	CU_ASSERT_EQUAL(world_busy(gw.gw_a), 0);
	CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ESP_IN), 1024 / 8);
	test_row("and leaves room for others");
	for (unsigned i = 0; i < SP_HOLD_MAX; i++)
		send_a(&gw, &spec);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_HOLD), 12 * SP_HOLD_MAX - 1024 / 8);
	nk_lock(gw.gw_a);
	key_socket_remove(gw.gw_a, &ks);
	nk_unlock(gw.gw_a);
	gateways_close(&gw);
}

/* ---- NAT ---- */

static uint8_t sealed[2048];
static size_t sealed_len;

static void
tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from == gw.gw_a_out && frame[12] == 8 && frame[13] == 0 && len < sizeof(sealed)) {
		memcpy(sealed, frame, len);
		sealed_len = len;
	}
}

/* The last sealed packet, as if a NAT had given it this address and port. */
static void
through_nat(uint8_t last, uint16_t port, bool damage)
{
	uint8_t frame[2048];

	memcpy(frame, sealed, sealed_len);
	frame[14 + 15] = last;
	tp_put16(frame + 34, port);
	if (damage)
		frame[sealed_len - 1] ^= 1;
	tp_put16(frame + 24, 0);
	tp_put16(frame + 24, (uint16_t)~tp_sum(frame + 14, 20, 0));
	wire_put_now(gw.gw_world, gw.gw_b_out, frame, sealed_len);
	world_settle(gw.gw_world);
}

static void
moved(void)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name("aes-128-gcm"),
	    .gc_mode = SA_TUNNEL, .gc_flags = SA_F_NATT, .gc_wire = { .wi_loss = 1000 } };

	gateways_open(&gw, &gc);
	listen_on(gw.gw_b);
	world_tap(gw.gw_world, tap, NULL);
	test_row("from where it should be");
	send_a(&gw, &spec);
	through_nat(1, 4500, false);
	CU_ASSERT_EQUAL(mappings, 0);
	test_row("from elsewhere, without proof");
	send_a(&gw, &spec);
	through_nat(77, 5555, true);
	CU_ASSERT_EQUAL(mappings, 0);
	test_row("from elsewhere, proven");
	through_nat(77, 5555, false);
	CU_ASSERT_EQUAL(mappings, 1);
	CU_ASSERT_EQUAL(msg.pm_src.pa_addr.ad_u32[0], htonl(0xc0000201));
	CU_ASSERT_EQUAL(msg.pm_dst.pa_addr.ad_u32[0], htonl(0xc000024d));
	CU_ASSERT_EQUAL(msg.pm_natt_sport, 4500);
	CU_ASSERT_EQUAL(msg.pm_natt_dport, 5555);
	test_row("told once");
	send_a(&gw, &spec);
	through_nat(77, 5555, false);
	CU_ASSERT_EQUAL(mappings, 1);
	test_row("an old packet from elsewhere tells nothing");
	{
		uint8_t old[2048];
		size_t n = sealed_len;

		send_a(&gw, &spec);
		memcpy(old, sealed, sealed_len);
		send_a(&gw, &spec);
		through_nat(77, 5555, false);
		memcpy(sealed, old, n);
		through_nat(99, 1234, false);
	}
	CU_ASSERT_EQUAL(mappings, 1);
	CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_packets, 5);
	test_row("an update follows it");
	{
		struct sa_params pp;
		const char *err = "";
		struct sa *sa;

		sa_params(&pp, gc.gc_suite, "192.0.2.2", "192.0.2.1", 0xbaba0001, SA_TUNNEL, 0);
		pp.spp_flags = SA_F_NATT;
		pp.spp_natt_sport = htons(4500);
		pp.spp_natt_dport = htons(5555);
		pp.spp_ealg = 0;
		nk_lock(gw.gw_b);
		CU_ASSERT_EQUAL(sad_update(gw.gw_b, world_clock(gw.gw_world), &pp, &err, &sa), 0);
		key_socket_remove(gw.gw_b, &ks);
		nk_unlock(gw.gw_b);
		CU_ASSERT_EQUAL(sa->sa_state, SA_MATURE);
		send_b(&gw, &back);
		CU_ASSERT_EQUAL(tp_get16(sa->sa_outer + 22), 5555);
		CU_ASSERT_EQUAL(sa->sa_packets, 1);
	}
	gateways_close(&gw);
}

TEST_MAIN(
	TEST("first packet", first_packet),
	TEST("ICMP", icmp),
	TEST("limits", limits),
	TEST("many policies", many_policies),
	TEST("in clear meanwhile", in_clear_meanwhile),
	TEST("asks nobody", asks_nobody),
	TEST("a peer that moves", moved))
