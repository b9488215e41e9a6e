/* SPDX-License-Identifier: ISC */
/*
 * ESP between two gateways: every suite, mode, engine and encapsulation, both
 * directions; headers, path MTU, super-packets, congestion marks; rekeying.
 */
#include "test.h"

#include <arpa/inet.h>

#include "crypto/xform.h"
#include "gateways.h"
#include "kern/nk.h"
#include "netinet/ip.h"

static struct gateways gw;
static uint8_t ip[70000];

/* Every frame between the gateways, as it enters the wire. */
static uint8_t outer[4096];
static size_t outer_len;
static unsigned outer_n, clear_n;

static void
tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if ((from != gw.gw_a_out && from != gw.gw_b_out) || frame[12] != 8 || frame[13] != 0)
		return;
	outer_len = len - 14 < sizeof(outer) ? len - 14 : sizeof(outer);
	memcpy(outer, frame + 14, outer_len);
	outer_n++;
	if (outer[9] != 50 && !(outer[9] == 17 && tp_get16(outer + 22) == 4500))
		clear_n++;
}

static void
open_gateways(const struct gateways_conf *gc)
{
	gateways_open(&gw, gc);
	world_tap(gw.gw_world, tap, NULL);
	outer_n = clear_n = 0;
}

static const struct tp_spec udp_ab = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 17,
    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 100 };
static const struct tp_spec udp_ba = { .tp_src = "10.2.0.1", .tp_dst = "10.1.0.1", .tp_proto = 17,
    .tp_sport = 2000, .tp_dport = 1000, .tp_len = 100 };

/* The packet of spec came out as the receiving host must see it, two hops on. */
static bool
arrived(size_t n, const struct tp_spec *spec)
{
	static uint8_t want[70000];
	size_t len = tp_build(want, spec) - TP_ETHER;
	uint8_t *w = want + TP_ETHER;

	if (n != len || !tp_valid(ip, n))
		return false;
	w[8] = (uint8_t)(w[8] - 2);
	tp_finish(w, len);
	return memcmp(ip, w, len) == 0;
}

static bool
engine_does(const char *engine, const struct suite *su)
{
	struct xform_ctx *ctx = xform_ctx_new(engine, NULL);
	bool does = false;

	for (unsigned i = 0; ctx != NULL && i < xform_count; i++) {
		if (strncmp(xform_table[i].x_name, su->su_name, strcspn(su->su_name, "-+")) == 0)
			does |= xform_engine(ctx, &xform_table[i]) != NULL;
	}
	xform_ctx_free(ctx);
	return does;
}

static void
both_ways(unsigned sizes)
{
	struct tp_spec s;

	for (unsigned i = 0; i < sizes; i++) {
		s = udp_ab;
		s.tp_len = i < 40 ? i : (i - 39) * 97;
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		s = udp_ba;
		s.tp_len = i < 40 ? i : (i - 39) * 97;
		send_b(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_a(&gw, ip, sizeof(ip)), &s));
	}
	CU_ASSERT_EQUAL(outer_n, 2 * sizes);
	CU_ASSERT_EQUAL(clear_n, 0);
	CU_ASSERT_EQUAL(gw.gw_ab[0]->sa_packets, sizes);
	CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_packets, sizes);
	CU_ASSERT_EQUAL(gw.gw_ba[1]->sa_packets, sizes);
	CU_ASSERT_EQUAL(gw.gw_ba[1]->sa_bytes, gw.gw_ba[0]->sa_bytes);
}

static void
tunnels(void)
{
	static const uint16_t flags[] = { 0, SA_F_ESN, SA_F_NATT, SA_F_ESN | SA_F_NATT };

	for (unsigned e = 0; xform_engine_name(e) != NULL; e++) {
		for (unsigned i = 0; i < suite_count; i++) {
			for (unsigned f = 0; f < TEST_COUNT(flags); f++) {
				struct gateways_conf gc = { .gc_suite = &suites[i],
				    .gc_engine = xform_engine_name(e), .gc_mode = SA_TUNNEL,
				    .gc_flags = flags[f], .gc_mtu = 2000 };

				if (f == 0)
					test_row("%s %s", gc.gc_engine, suites[i].su_name);
				if (!engine_does(gc.gc_engine, &suites[i])) {
					if (f == 0)
						test_skip("the engine does not have it");
					continue;
				}
				open_gateways(&gc);
				both_ways(f == 0 ? 55 : 20);
				CU_ASSERT_EQUAL(outer[9], (flags[f] & SA_F_NATT) ? 17 : 50);
				gateways_close(&gw);
			}
		}
	}
}

/* ---- transport mode, between the gateways themselves ---- */

static unsigned echoes;

static void
echo_tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	tap(arg, from, frame, len);
	echoes += from == gw.gw_b_out && frame[12] == 8 && frame[13] == 0;
}

/* A asks B by ICMP echo, from the control plane's side. */
static void
ping(struct worker *w, void *arg)
{
	static const uint8_t echo[] = { 8, 0, 0, 0, 1, 2, 0, 1, 'p', 'i', 'n', 'g' };
	struct pkt *p = pkt_alloc(w, 100);
	uint8_t *q;

	(void)arg;
	memcpy(p->pkt_data, echo, sizeof(echo));
	p->pkt_len = sizeof(echo);
	q = p->pkt_data;
	tp_put16(q + 2, (uint16_t)~tp_sum(q, sizeof(echo), 0));
	ip_header(p, (struct in_addr){ inet_addr("192.0.2.1") },
	    (struct in_addr){ inet_addr("192.0.2.2") }, 1, 64, 0, false, 1);
	ip_send(w, p);
}

static void
transport(void)
{
	for (unsigned i = 0; i < 2 * suite_count; i++) {
		bool natt = i >= suite_count;
		const struct suite *su = &suites[i % suite_count];
		struct gateways_conf gc = { .gc_suite = su, .gc_mode = SA_TRANSPORT,
		    .gc_flags = natt ? SA_F_NATT : 0 };

		test_row("%s%s", su->su_name, natt ? " in UDP" : "");
		open_gateways(&gc);
		world_tap(gw.gw_world, echo_tap, NULL);
		echoes = 0;
		for (int n = 0; n < 5; n++) {
			CU_ASSERT_EQUAL(worker_post(gw.gw_a->nk_worker[0], ping, NULL), 0);
			world_settle(gw.gw_world);
		}
		CU_ASSERT_EQUAL(outer_n, 10);
		CU_ASSERT_EQUAL(clear_n, 0);
		CU_ASSERT_EQUAL(echoes, 5);
		CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ICMP_ECHO), 5);
		CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_IN), 5);
		gateways_close(&gw);
	}
}

/* ---- headers ---- */

static const struct gateways_conf plain = { .gc_mode = SA_TUNNEL };

static struct gateways_conf
with(const char *suite)
{
	struct gateways_conf gc = plain;

	gc.gc_suite = suite_by_name(suite);
	return gc;
}

static void
outer_headers(void)
{
	struct gateways_conf gc = with("aes-128-gcm");
	struct tp_spec s = udp_ab;

	open_gateways(&gc);
	test_row("DF and type of service are copied");
	s.tp_off = 0x4000;
	send_a(&gw, &s);
	CU_ASSERT_EQUAL(tp_get16(outer + 6), 0x4000);
	CU_ASSERT_TRUE(tp_sum(outer, 20, 0) == 0xffff);
	CU_ASSERT_EQUAL(tp_get16(outer + 2), outer_len);
	CU_ASSERT_EQUAL(outer_len, 20 + 8 + 8 + (128 + 2 + 3) / 4 * 4 + 16);
	test_row("SPI, sequence number, time to live");
	CU_ASSERT_EQUAL(tp_get32(outer + 20), 0xabab0001);
	CU_ASSERT_EQUAL(tp_get32(outer + 24), 1);
	CU_ASSERT_EQUAL(outer[8], 64);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(tp_get32(outer + 24), 2);
	CU_ASSERT_EQUAL(tp_get16(outer + 6), 0);
	CU_ASSERT_TRUE(tp_sum(outer, 20, 0) == 0xffff);
	gateways_close(&gw);
}

/* No IV twice for a key: within an SA, and over SAs made anew with the same key. */
static void
ivs(void)
{
	static uint8_t seen[200][8];
	unsigned n = 0, twice = 0;

	for (unsigned restart = 0; restart < 10; restart++) {
		struct gateways_conf gc = with("aes-128-gcm");

		gateways_open(&gw, &gc);
		for (unsigned i = 0; i < restart * 7; i++)
			(void)world_rand(gw.gw_world);
		sad_flush(gw.gw_a, 0);
		{
			struct sa_params pp;
			const char *err;

			sa_params(&pp, gc.gc_suite, "192.0.2.1", "192.0.2.2", 0xabab0001, SA_TUNNEL, 1);
			CU_ASSERT_EQUAL(sad_add(gw.gw_a, world_clock(gw.gw_world), &pp, &err,
			    &gw.gw_ab[0]), 0);
		}
		world_tap(gw.gw_world, tap, NULL);
		for (int i = 0; i < 20; i++) {
			send_a(&gw, &udp_ab);
			memcpy(seen[n++], outer + 28, 8);
		}
		gateways_close(&gw);
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++)
			twice += memcmp(seen[i], seen[k], 8) == 0;
	}
	CU_ASSERT_EQUAL(n, 200);
	CU_ASSERT_EQUAL(twice, 0);
}

static void
ecn(void)
{
	static const struct {
		const char	*name;
		uint8_t		 inner, outer, want;
		bool		 drop;
	} cases[] = {
		{ "nothing marked", 0, 0, 0, false },
		{ "ECT(0) stays", 2, 2, 2, false },
		{ "outer CE, inner ECT(0)", 2, 3, 3, false },
		{ "outer CE, inner ECT(1)", 1, 3, 3, false },
		{ "outer ECT(1), inner ECT(0)", 2, 1, 1, false },
		{ "outer ECT(1), inner ECT(1)", 1, 1, 1, false },
		{ "outer ECT(0), inner ECT(1)", 1, 2, 1, false },
		{ "outer ECT(1), inner CE", 3, 1, 3, false },
		{ "outer ECT(1), inner not capable", 0, 1, 0, false },
		{ "outer CE, inner CE", 3, 3, 3, false },
		{ "outer CE, inner not capable", 0, 3, 0, true },
		{ "outer not capable, inner CE", 3, 0, 3, false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct gateways_conf gc = with("aes-128-gcm");
		uint8_t frame[300], held[2048];
		size_t n;

		test_row("%s", cases[i].name);
		gateways_open(&gw, &gc);
		world_tap(gw.gw_world, tap, NULL);
		world_wire(gw.gw_world, gw.gw_b_out, (struct wire){ .wi_loss = 1000 });
		world_wire(gw.gw_world, gw.gw_a_out, (struct wire){ .wi_loss = 1000 });
		{
			struct tp_spec s = udp_ab;
			static const uint8_t mac[6] = { 2, 0xee, 0, 0, 0, 1 };

			s.tp_dmac = gw.gw_a_in->if_mac;
			s.tp_smac = mac;
			n = tp_build(frame, &s);
			frame[15] = cases[i].inner;
			tp_finish(frame + 14, n - 14);
			wire_put_now(gw.gw_world, gw.gw_a_in, frame, n);
			world_settle(gw.gw_world);
		}
		CU_ASSERT_EQUAL(outer[1], cases[i].inner);
		memcpy(held, gw.gw_b_out->if_mac, 6);
		memcpy(held + 6, gw.gw_a_out->if_mac, 6);
		held[12] = 8;
		held[13] = 0;
		memcpy(held + 14, outer, outer_len);
		held[15] = cases[i].outer;
		tp_put16(held + 24, 0);
		tp_put16(held + 24, (uint16_t)~tp_sum(held + 14, 20, 0));
		wire_put_now(gw.gw_world, gw.gw_b_out, held, outer_len + 14);
		world_settle(gw.gw_world);
		n = take_b(&gw, ip, sizeof(ip));
		CU_ASSERT_EQUAL(n == 0, cases[i].drop);
		if (n != 0) {
			CU_ASSERT_EQUAL(ip[1], cases[i].want);
			CU_ASSERT_TRUE(tp_valid(ip, n));
		} else {
			CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_ECN), 1);
		}
		gateways_close(&gw);
	}
}

/* ---- sizes ---- */

/* Two fragments of what B's host receives, put together; or one packet. */
static size_t
take_whole(void)
{
	static uint8_t second[70000];
	size_t n = take_b(&gw, ip, sizeof(ip)), k;
	unsigned off;

	if (n == 0 || (tp_get16(ip + 6) & 0x2000) == 0)
		return n;
	k = take_b(&gw, second, sizeof(second));
	off = (tp_get16(second + 6) & 0x1fff) * 8;
	if (k == 0 || !tp_valid(second, k) || off + 20 != n)
		return 0;
	memcpy(ip + n, second + 20, k - 20);
	n += k - 20;
	tp_put16(ip + 2, (unsigned)n);
	tp_put16(ip + 6, 0);
	tp_put16(ip + 10, 0);
	tp_put16(ip + 10, (uint16_t)~tp_sum(ip, 20, 0));
	return n;
}

/* A link on which no fragment of an inner packet finds room: said so, not lost. */
static void
tiny_path(void)
{
	for (unsigned mtu = 68; mtu < 100; mtu += 4) {
		struct gateways_conf gc = with("aes-128-gcm");
		struct tp_spec s = udp_ab;
		unsigned fits = mtu >= 36 + 16 + 2 + 28 + 2;

		test_row("MTU %u", mtu);
		gc.gc_mtu = mtu;
		gateways_open(&gw, &gc);
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_IP_CANTFRAG), !fits);
		CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_OUT) > 0, fits);
		gateways_close(&gw);
	}
}

static void
path_mtu(void)
{
	for (unsigned i = 0; i < suite_count; i++) {
		struct gateways_conf gc = with(suites[i].su_name);
		struct tp_spec s = udp_ab;
		uint16_t mtu;
		size_t n;

		test_row("%s", suites[i].su_name);
		open_gateways(&gc);
		send_a(&gw, &s);		/* so that the path is known */
		(void)take_b(&gw, ip, sizeof(ip));
		mtu = gw.gw_ab[0]->sa_inner_mtu;
		CU_ASSERT(mtu > 1380 && mtu < 1460);

		/* The largest that fits leaves in one packet that fills the wire. */
		s.tp_off = 0x4000;
		s.tp_len = mtu - 28u;
		outer_n = 0;
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(outer_n, 1);
		CU_ASSERT(outer_len <= 1500 && outer_len > 1500u - suites[i].su_align);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));

		/* One byte more is answered with the size that fits. */
		s.tp_len++;
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(outer_n, 1);
		n = take_a(&gw, ip, sizeof(ip));
		CU_ASSERT_TRUE(n >= 56 && tp_valid(ip, n) && ip[9] == 1 && ip[20] == 3 && ip[21] == 4);
		CU_ASSERT_EQUAL(tp_get16(ip + 26), mtu);

		/* Without DF it arrives in fragments that were sealed one by one. */
		s.tp_off = 0;
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(outer_n, 3);
		CU_ASSERT_EQUAL(outer[9], 50);
		CU_ASSERT_EQUAL(tp_get16(outer + 6) & 0x3fff, 0);
		CU_ASSERT_TRUE(arrived(take_whole(), &s));
		gateways_close(&gw);
	}
}

/* What a router between the gateways says about the last outer packet. */
static void
router_says(unsigned mtu, size_t quoted, int damage)
{
	uint8_t frame[256] = { 0 }, *p = frame + 14 + 20;
	size_t n = 8 + quoted;

	memcpy(frame, gw.gw_a_out->if_mac, 6);
	frame[12] = 8;
	frame[14] = 0x45;
	tp_put16(frame + 16, (unsigned)(20 + n));
	frame[22] = 64;
	frame[23] = 1;
	tp_put32(frame + 26, 0xc0000263);
	tp_put32(frame + 30, 0xc0000201);
	p[0] = 3;
	p[1] = 4;
	tp_put16(p + 6, mtu);
	memcpy(p + 8, outer, quoted);
	if (damage >= 0)
		p[8 + damage] ^= 0x10;
	tp_finish(frame + 14, 20 + n);
	wire_put_now(gw.gw_world, gw.gw_a_out, frame, 34 + n);
	world_settle(gw.gw_world);
}

static void
path_mtu_told(void)
{
	for (unsigned natt = 0; natt < 2; natt++) {
		struct gateways_conf gc = with("aes-128-gcm");
		size_t quoted = natt ? 36 : 28;
		struct tp_spec s = udp_ab;
		struct sa *sa;

		gc.gc_flags = natt ? SA_F_NATT : 0;
		s.tp_off = 0x4000;
		s.tp_len = 1300;
		open_gateways(&gc);
		sa = gw.gw_ab[0];
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		test_row("%s: forged messages are not believed", natt ? "UDP" : "ESP");
		router_says(1200, quoted, natt ? 28 : 20);	/* SPI */
		router_says(1200, quoted, natt ? 33 : 25);	/* sequence number */
		router_says(1200, quoted, 12);			/* source */
		router_says(1200, quoted, 19);			/* destination */
		router_says(1200, quoted - 1, -1);		/* cut short */
		router_says(0, quoted, -1);
		CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_PMTU), 0);
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		test_row("%s: the next big packet is answered", natt ? "UDP" : "ESP");
		router_says(1200, quoted, -1);
		CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_PMTU), 1);
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 0);
		CU_ASSERT(take_a(&gw, ip, sizeof(ip)) >= 56 && ip[20] == 3 && ip[21] == 4);
		CU_ASSERT_EQUAL(tp_get16(ip + 26), sa->sa_inner_mtu);
		CU_ASSERT(sa->sa_inner_mtu > 1100 && sa->sa_inner_mtu < 1160);
		s.tp_len = sa->sa_inner_mtu - 28u;
		outer_n = 0;
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		CU_ASSERT_EQUAL(outer_n, 1);
		CU_ASSERT(outer_len <= 1200);
		test_row("%s: not below 576, and forgotten after ten minutes", natt ? "UDP" : "ESP");
		router_says(68, quoted, -1);
		send_a(&gw, &udp_ab);
		CU_ASSERT(sa->sa_inner_mtu > 490);
		world_run(gw.gw_world, 601 * NSEC_PER_SEC);
		nk_bump(gw.gw_a);
		s.tp_len = 1300;
		while (take_b(&gw, ip, sizeof(ip)) != 0)
			continue;
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		test_row("%s: what IKE found holds until it says otherwise", natt ? "UDP" : "ESP");
		sa_measured(sa, 1200);
		world_run(gw.gw_world, 3600 * NSEC_PER_SEC);
		nk_bump(gw.gw_a);
		send_a(&gw, &s);
		CU_ASSERT_EQUAL(take_b(&gw, ip, sizeof(ip)), 0);
		CU_ASSERT(sa->sa_inner_mtu > 1100 && sa->sa_inner_mtu < 1160);
		sa_measured(sa, 0);
		send_a(&gw, &s);
		CU_ASSERT_TRUE(arrived(take_b(&gw, ip, sizeof(ip)), &s));
		gateways_close(&gw);
	}
}

/* ---- rekeying, selection ---- */

static void
rekey(void)
{
	struct gateways_conf gc = with("aes-128-gcm");
	struct sa_params pp;
	struct sa *in2, *out2, *larval;
	const char *err = "";
	struct clock_now now;

	open_gateways(&gc);
	now = world_clock(gw.gw_world);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(tp_get32(outer + 20), 0xabab0001);

	test_row("a larval SA changes nothing");
	CU_ASSERT_EQUAL(sad_getspi(gw.gw_b, now, &gw.gw_ab[0]->sa_src, &gw.gw_ab[0]->sa_dst, 0x5000,
	    0x5000, 7, SA_TUNNEL, &larval), 0);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(tp_get32(outer + 20), 0xabab0001);

	test_row("the new SA takes over as soon as it is mature");
	sa_params(&pp, gc.gc_suite, "192.0.2.1", "192.0.2.2", 0x5000, SA_TUNNEL, 9);
	CU_ASSERT_EQUAL(sad_update(gw.gw_b, now, &pp, &err, &in2), 0);
	CU_ASSERT_EQUAL(sad_add(gw.gw_a, now, &pp, &err, &out2), 0);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(tp_get32(outer + 20), 0x5000);
	CU_ASSERT_EQUAL(gw.gw_ab[0]->sa_packets, 2);

	test_row("the old inbound SA still receives");
	CU_ASSERT_EQUAL(sad_delete(gw.gw_a, out2), 0);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(tp_get32(outer + 20), 0xabab0001);
	CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_packets, 3);

	test_row("without any SA nothing leaves");
	outer_n = 0;
	CU_ASSERT_EQUAL(sad_delete(gw.gw_a, gw.gw_ab[0]), 0);
	send_a(&gw, &udp_ab);
	CU_ASSERT_EQUAL(outer_n, 0);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_NO_SA), 1);
	gateways_close(&gw);
}

static void
workers(void)
{
	for (unsigned n = 2; n <= 4; n++) {
		struct gateways_conf gc = with("aes-256-gcm");
		unsigned got = 0;

		gc.gc_workers = n;
		test_row("%u workers", n);
		open_gateways(&gc);
		for (unsigned i = 0; i < 200; i++) {
			struct tp_spec s = i & 1 ? udp_ba : udp_ab;

			s.tp_sport = (uint16_t)(s.tp_sport + i / 2);
			i & 1 ? send_b(&gw, &s) : send_a(&gw, &s);
			world_settle(gw.gw_world);
			got += (i & 1 ? take_a(&gw, ip, sizeof(ip)) : take_b(&gw, ip, sizeof(ip))) == 128;
		}

		CU_ASSERT_EQUAL(got, 200);
		CU_ASSERT_EQUAL(clear_n, 0);
		CU_ASSERT_NOT_EQUAL(gw.gw_ab[0]->sa_worker, gw.gw_ba[1]->sa_worker);
		gateways_close(&gw);
	}
}

/* Loss, duplication and reordering on the way: each packet at most once, none altered. */
static void
bad_wire(void)
{
	struct gateways_conf gc = with("aes-128-gcm");
	unsigned got = 0, wrong = 0;
	bool seen[500] = { false };

	gc.gc_wire = (struct wire){ .wi_loss = 50, .wi_dup = 300, .wi_corrupt = 50,
	    .wi_delay_ns = 1000000, .wi_jitter_ns = 20000000 };
	gateways_open(&gw, &gc);
	for (unsigned i = 0; i < 500; i++) {
		struct tp_spec s = udp_ab;

		s.tp_dport = (uint16_t)i;
		s.tp_len = i;
		send_a(&gw, &s);
		world_run(gw.gw_world, 1000000);
	}
	world_run(gw.gw_world, NSEC_PER_SEC);
	for (size_t n; (n = take_b(&gw, ip, sizeof(ip))) != 0;) {
		unsigned i = tp_get16(ip + 22);

		if (ip[9] != 17)
			continue;
		wrong += !tp_valid(ip, n) || i >= 500 || n != 28 + i || seen[i];
		if (i < 500)
			seen[i] = true;
		got++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(got > 400 && got < 490);
	CU_ASSERT(world_drops(gw.gw_b, DROP_ESP_REPLAY) > 50);
	CU_ASSERT(world_drops(gw.gw_b, DROP_ESP_BADAUTH) > 5);
	gateways_close(&gw);
}

TEST_MAIN(
	TEST("tunnel", tunnels),
	TEST("transport", transport),
	TEST("outer headers", outer_headers),
	TEST("initialisation vectors", ivs),
	TEST("congestion marks", ecn),
	TEST("tiny path", tiny_path),
	TEST("path MTU", path_mtu),
	TEST("path MTU told by a router", path_mtu_told),
	TEST("rekey", rekey),
	TEST("several workers", workers),
	TEST("a bad wire", bad_wire))
