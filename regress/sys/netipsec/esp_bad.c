/* SPDX-License-Identifier: ISC */
/*
 * What must not get through ESP: every altered bit, every length, repeated
 * numbers, padding and next headers that a keyholder could send; and that none
 * of it changes the SA or stops the honest packet behind it.
 */
#include "test.h"

#include "crypto/xform.h"
#include "gateways.h"

static struct gateways gw;
static uint8_t ip[4096];

/* The frame that A sent last towards B, which the wire lost. */
static uint8_t sealed[4096];
static size_t sealed_len;

static void
tap(void *arg, struct ifnet *from, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from != gw.gw_a_out || frame[12] != 8 || frame[13] != 0 || len > sizeof(sealed))
		return;
	memcpy(sealed, frame, len);
	sealed_len = len;
}

static const struct tp_spec spec = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 17,
    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 45 };

static void
open_gateways(const char *suite, uint16_t flags)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name(suite), .gc_mode = SA_TUNNEL,
	    .gc_flags = flags, .gc_wire = { .wi_loss = 1000 } };

	gateways_open(&gw, &gc);
	world_tap(gw.gw_world, tap, NULL);
	send_a(&gw, &spec);
}

/* To B's outer side; true if something came out behind it. */
static bool
passes(const uint8_t *frame, size_t len)
{
	wire_put_now(gw.gw_world, gw.gw_b_out, frame, len);
	world_settle(gw.gw_world);
	return take_b(&gw, ip, sizeof(ip)) != 0;
}

static void
outer_sum(uint8_t *frame)
{
	tp_put16(frame + 24, 0);
	tp_put16(frame + 24, (uint16_t)~tp_sum(frame + 14, 20, 0));
}

/* Nothing of the SA has moved. */
static bool
untouched(const struct sa *sa)
{
	return sa->sa_packets == 0 && sa->sa_bytes == 0 && sa->sa_replay.rp_top == 0 &&
	    sa->sa_used == 0 && sa->sa_state == SA_MATURE && sa->sa_last_ns == 0;
}

static void
every_bit(void)
{
	static const uint16_t flags[] = { 0, SA_F_ESN, SA_F_NATT };
	uint8_t frame[4096];

	for (unsigned i = 0; i < suite_count * TEST_COUNT(flags); i++) {
		const struct suite *su = &suites[i / TEST_COUNT(flags)];
		uint16_t fl = flags[i % TEST_COUNT(flags)];
		unsigned passed = 0;
		size_t esp;

		test_row("%s%s%s", su->su_name, fl & SA_F_ESN ? " ESN" : "", fl & SA_F_NATT ? " UDP" : "");
		open_gateways(su->su_name, fl);
		esp = 14 + 20 + (fl & SA_F_NATT ? 8 : 0);
		CU_ASSERT(sealed_len > esp + 40);
		for (size_t bit = esp * 8; bit < sealed_len * 8; bit++) {
			memcpy(frame, sealed, sealed_len);
			frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			passed += passes(frame, sealed_len);
		}
		CU_ASSERT_EQUAL(passed, 0);
		CU_ASSERT_TRUE(untouched(gw.gw_ab[1]));
		CU_ASSERT_TRUE(passes(sealed, sealed_len));
		/* One of the altered numbers was 0, which is never sent. */
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_drops[SA_DROP_REPLAY], 1);
		CU_ASSERT_FALSE(passes(sealed, sealed_len));
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_drops[SA_DROP_REPLAY], 2);
		gateways_close(&gw);
	}
}

static void
every_length(void)
{
	uint8_t frame[4096];

	for (unsigned i = 0; i < suite_count; i++) {
		unsigned passed = 0;

		test_row("%s", suites[i].su_name);
		open_gateways(suites[i].su_name, 0);
		memset(frame, 0, sizeof(frame));
		for (size_t len = 34; len < sealed_len + 100; len++) {
			if (len == sealed_len)
				continue;
			memcpy(frame, sealed, sealed_len);
			tp_put16(frame + 16, (unsigned)(len - 14));
			outer_sum(frame);
			passed += passes(frame, len);
		}
		CU_ASSERT_EQUAL(passed, 0);
		CU_ASSERT_TRUE(untouched(gw.gw_ab[1]));
		CU_ASSERT(world_drops(gw.gw_b, DROP_ESP_SHORT) > 10);
		CU_ASSERT(world_drops(gw.gw_b, DROP_ESP_ALIGN) > 10);
		CU_ASSERT_TRUE(passes(sealed, sealed_len));
		gateways_close(&gw);
	}
}

/* ---- what only a keyholder can send ---- */

/* Seals text (with its trailer as it lies) with A's key and the next number. */
static size_t
seal(uint8_t *frame, const uint8_t *text, uint32_t len)
{
	struct sa *sa = gw.gw_ab[0];
	uint8_t *esp = frame + 34;
	struct xform_job job = { .xj_key = sa->sa_key, .xj_esp = esp, .xj_iv = sa->sa_iv++,
	    .xj_len = len };

	memcpy(frame, sealed, 34);
	tp_put32(esp, 0xabab0001);
	tp_put32(esp + 4, (uint32_t)++sa->sa_seq);
	memcpy(esp + 8 + sa->sa_ivlen, text, len);
	xform_seal(gw.gw_a->nk_worker[0]->w_xform, sa->sa_xform, &job, 1);
	CU_ASSERT_TRUE(job.xj_ok);
	len += 8u + sa->sa_ivlen + sa->sa_icvlen;
	tp_put16(frame + 16, 20 + len);
	outer_sum(frame);
	return 34 + len;
}

static void
padding(void)
{
	uint8_t inner[512], frame[1024];
	struct tp_spec s = spec;
	size_t n = 0;
	unsigned pad = 0;

	open_gateways("aes-128-cbc+hmac-sha2-256", 0);
	s.tp_len = 20;			/* 48 bytes: 14 or more of padding */
	s.tp_dmac = s.tp_smac = NULL;
	{
		uint8_t f[256];

		n = tp_build(f, &s) - 14;
		memcpy(inner, f + 14, n);
	}
	test_row("every length of padding that fits");
	for (pad = 14; pad < 256; pad += 16) {
		for (unsigned k = 0; k < pad; k++)
			inner[n + k] = (uint8_t)(k + 1);
		inner[n + pad] = (uint8_t)pad;
		inner[n + pad + 1] = 4;
		CU_ASSERT_TRUE(passes(frame, seal(frame, inner, (uint32_t)(n + pad + 2))));
	}
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_PADDING), 0);
	test_row("every wrong byte of the padding");
	for (unsigned k = 0; k < 14; k++) {
		for (unsigned i = 0; i < 14; i++)
			inner[n + i] = (uint8_t)(i + 1);
		inner[n + k] ^= 0x80;
		inner[n + 14] = 14;
		inner[n + 15] = 4;
		CU_ASSERT_FALSE(passes(frame, seal(frame, inner, (uint32_t)(n + 16))));
	}
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_PADDING), 14);
	test_row("pad length larger than the payload");
	for (unsigned k = 0; k < 14; k++)
		inner[n + k] = (uint8_t)(k + 1);
	for (pad = (unsigned)n + 15; pad < 256; pad++) {
		inner[n + 14] = (uint8_t)pad;
		CU_ASSERT_FALSE(passes(frame, seal(frame, inner, (uint32_t)(n + 16))));
	}
	test_row("pad length and nothing else");
	memset(inner, 0, 16);
	inner[14] = 14;
	inner[15] = 4;
	for (unsigned k = 0; k < 14; k++)
		inner[k] = (uint8_t)(k + 1);
	CU_ASSERT_FALSE(passes(frame, seal(frame, inner, 16)));
	CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_drops[SA_DROP_AUTH], 0);
	gateways_close(&gw);
}

static void
next_headers(void)
{
	uint8_t inner[512], frame[1024], f[256];
	struct tp_spec s = spec;
	size_t n;

	open_gateways("null+hmac-sha2-256", 0);
	s.tp_len = 22;			/* 50 bytes: no padding */
	n = tp_build(f, &s) - 14;
	memcpy(inner, f + 14, n);
	inner[n] = 0;
	for (unsigned next = 0; next < 256; next++) {
		inner[n + 1] = (uint8_t)next;
		test_row("%u", next);
		CU_ASSERT_EQUAL(passes(frame, seal(frame, inner, (uint32_t)n + 2)), next == 4);
	}
	test_row("counted");
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_DUMMY), 1);
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_NEXT), 254);
	gateways_close(&gw);
}

/* The inner packet is none of those that policy lets in through this SA. */
static void
inner_policy(void)
{
	static const struct {
		const char	*name, *src, *dst;
		enum drop_reason why;
	} cases[] = {
		{ "source outside the policy", "10.9.0.1", "10.2.0.1", DROP_SPD_UNAUTH },
		{ "the other gateway's own address", "192.0.2.1", "10.2.0.1", DROP_SPD_UNAUTH },
		{ "from our own net", "10.2.0.7", "10.2.0.1", DROP_SPD_UNAUTH },
	};
	uint8_t inner[512], frame[1024], f[256];

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct tp_spec s = spec;
		size_t n;

		test_row("%s", cases[i].name);
		open_gateways("null+hmac-sha2-256", 0);
		s.tp_len = 22;
		s.tp_src = cases[i].src;
		s.tp_dst = cases[i].dst;
		n = tp_build(f, &s) - 14;
		memcpy(inner, f + 14, n);
		inner[n] = 0;
		inner[n + 1] = 4;
		CU_ASSERT_FALSE(passes(frame, seal(frame, inner, (uint32_t)n + 2)));
		CU_ASSERT_EQUAL(world_drops(gw.gw_b, cases[i].why), 1);
		CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_drops[SA_DROP_SELECTOR], 1);
		gateways_close(&gw);
	}
	test_row("the protected packet in clear");
	open_gateways("null+hmac-sha2-256", 0);
	{
		struct tp_spec s = spec;

		s.tp_dmac = gw.gw_b_out->if_mac;
		CU_ASSERT_FALSE(passes(f, tp_build(f, &s)));
		CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_SPD_CLEAR), 1);
	}
	test_row("the protected packet in plain IP-in-IP");
	{
		struct tp_spec s = { .tp_src = "192.0.2.1", .tp_dst = "192.0.2.2", .tp_proto = 4,
		    .tp_data = inner, .tp_len = 50 };

		s.tp_dmac = gw.gw_b_out->if_mac;
		CU_ASSERT_FALSE(passes(f, tp_build(f, &s)));
	}
	gateways_close(&gw);
}

static void
encapsulation(void)
{
	uint8_t frame[4096];
	size_t n;

	test_row("native ESP for an SA in UDP");
	open_gateways("aes-128-gcm", SA_F_NATT);
	memcpy(frame, sealed, 34);
	memcpy(frame + 34, sealed + 42, sealed_len - 42);
	n = sealed_len - 8;
	frame[23] = 50;
	tp_put16(frame + 16, (unsigned)(n - 14));
	outer_sum(frame);
	CU_ASSERT_FALSE(passes(frame, n));
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_ENCAP), 1);
	test_row("keepalive");
	memcpy(frame, sealed, 42);
	frame[42] = 0xff;
	tp_put16(frame + 16, 29);
	tp_put16(frame + 38, 9);
	outer_sum(frame);
	CU_ASSERT_FALSE(passes(frame, 43));
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_NATT_KEEPALIVE), 1);
	test_row("shorter than an SPI");
	for (unsigned k = 0; k < 4; k++) {
		frame[42] = 1;
		tp_put16(frame + 16, 28 + k);
		tp_put16(frame + 38, 8 + k);
		outer_sum(frame);
		CU_ASSERT_FALSE(passes(frame, 42 + k));
	}
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_NATT_SHORT), 4);
	test_row("only an SPI");
	tp_put16(frame + 16, 32);
	tp_put16(frame + 38, 12);
	outer_sum(frame);
	tp_put32(frame + 42, 0xabab0001);
	CU_ASSERT_FALSE(passes(frame, 46));
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_ESP_SHORT), 1);
	CU_ASSERT_TRUE(untouched(gw.gw_ab[1]));
	gateways_close(&gw);

	test_row("ESP in UDP for a native SA");
	open_gateways("aes-128-gcm", 0);
	CU_ASSERT_TRUE(passes(sealed, sealed_len));
	gateways_close(&gw);
}

/* Random damage, 50,000 packets; an honest one passes after every 1,000. */
static void
damage(void)
{
	uint8_t frame[4096];
	unsigned passed = 0, honest = 0;

	open_gateways("aes-128-gcm", 0);
	for (unsigned i = 0; i < 50000; i++) {
		size_t len = sealed_len;

		memcpy(frame, sealed, sealed_len);
		for (unsigned k = 0; k <= world_rand(gw.gw_world) % 4; k++)
			frame[34 + world_rand(gw.gw_world) % (sealed_len - 34)] =
			    (uint8_t)world_rand(gw.gw_world);
		if (world_rand(gw.gw_world) % 3 == 0) {
			len = 34 + world_rand(gw.gw_world) % (sealed_len - 34);
			tp_put16(frame + 16, (unsigned)(len - 14));
			outer_sum(frame);
		}
		if (len == sealed_len && memcmp(frame, sealed, len) == 0)
			continue;
		passed += passes(frame, len);
		if (i % 1000 == 999) {
			honest += passes(sealed, sealed_len);
			send_a(&gw, &spec);
		}
	}
	CU_ASSERT_EQUAL(passed, 0);
	CU_ASSERT_EQUAL(honest, 50);
	gateways_close(&gw);
}

TEST_MAIN(
	TEST("every bit", every_bit),
	TEST("every length", every_length),
	TEST("padding", padding),
	TEST("next header", next_headers),
	TEST("inner packet against policy", inner_policy),
	TEST("encapsulation", encapsulation),
	TEST("50,000 damaged packets", damage))
