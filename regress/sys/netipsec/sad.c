/* SPDX-License-Identifier: ISC */
/*
 * The SAD: lookups at 100,000 entries, SPIs, anchors, the choice for a policy,
 * lifetimes in seconds, bytes and packets, the end of the sequence numbers.
 */
#include "test.h"

#include <errno.h>
#include <linux/pfkeyv2.h>

#include "clock.h"
#include "gateways.h"
#include "libpfkey/pfkey.h"
#include "netkey/key.h"

static struct world *wo;
static struct nk *nk;

/* What a registered daemon was told last. */
static struct key_socket ks;
static uint8_t told[PFKEY_MSG_MAX];
static struct pfkey_msg msg;
static unsigned soft_n, hard_n;

static bool
daemon_hears(void *arg, const void *m, size_t len)
{
	(void)arg;
	memcpy(told, m, len);
	CU_ASSERT_EQUAL(pfkey_parse(told, len, PFKEY_FROM_KERNEL, &msg, NULL), 0);
	if (msg.pm_type == SADB_EXPIRE) {
		soft_n += PFKEY_HAS(&msg, SADB_EXT_LIFETIME_SOFT);
		hard_n += PFKEY_HAS(&msg, SADB_EXT_LIFETIME_HARD);
	}
	return true;
}

static void
open_world(unsigned workers)
{
	wo = world_new(9);
	nk = world_router(wo, "r", workers);
	nk_lock(nk);
	memset(&ks, 0, sizeof(ks));
	ks.ks_send = daemon_hears;
	ks.ks_registered = 1u << SADB_SATYPE_ESP;
	key_socket_add(nk, &ks);
	nk_unlock(nk);
	soft_n = hard_n = 0;
}

static void
close_world(void)
{
	nk_lock(nk);
	key_socket_remove(nk, &ks);
	nk_unlock(nk);
	world_free(wo);
}

static struct sa *
add(struct sa_params *pp)
{
	const char *err = "";
	struct sa *sa = NULL;

	if (sad_add(nk, world_clock(wo), pp, &err, &sa) != 0) {
		printf("sad_add: %s\n", err);
		return NULL;
	}
	return sa;
}

static void
gcm(struct sa_params *pp, uint32_t spi)
{
	sa_params(pp, suite_by_name("aes-128-gcm"), "192.0.2.1", "192.0.2.2", spi, SA_TUNNEL, spi);
}

static void
hundred_thousand(void)
{
	unsigned n = 100000, wrong = 0;
	struct sa_params pp;
	struct addr dst;
	struct sa *sa;
	uint64_t t;

	open_world(1);
	t = clock_ns();
	for (unsigned i = 0; i < n; i++) {
		gcm(&pp, 0x1000 + i * 3);
		wrong += add(&pp) == NULL;
	}
	printf("%u SAs added in %.3f s, %zu bytes each and %zu of key schedule\n", n,
	    (double)(clock_ns() - t) / 1e9, sizeof(struct sa),
	    xform_key_size(nk->nk_worker[0]->w_xform, sad_lookup(nk, pp.spp_spi, &pp.spp_dst,
	    IPPROTO_ESP)->sa_xform));
	CU_ASSERT_EQUAL(sad_count(nk), n);
	t = clock_ns();
	for (unsigned i = 0; i < n; i++) {
		uint32_t spi = htonl(0x1000 + (i * 7919) % n * 3);

		sa = sad_lookup4(nk, spi, pp.spp_dst.ad_u32[0]);
		wrong += sa == NULL || sa->sa_spi != spi;
	}
	printf("%.0f ns a lookup\n", (double)(clock_ns() - t) / n);
	dst = pp.spp_dst;
	for (unsigned i = 0; i < n; i++) {
		wrong += sad_lookup4(nk, htonl(0x1001 + i * 3), dst.ad_u32[0]) != NULL;
		wrong += sad_lookup4(nk, htonl(0x1000 + i * 3), dst.ad_u32[0] + 1) != NULL;
	}
	CU_ASSERT_EQUAL(wrong, 0);

	test_row("half deleted");
	for (unsigned i = 0; i < n; i += 2)
		wrong += sad_delete(nk, sad_lookup(nk, htonl(0x1000 + i * 3), &dst, IPPROTO_ESP)) != 0;
	for (unsigned i = 0; i < n; i++)
		wrong += (sad_lookup4(nk, htonl(0x1000 + i * 3), dst.ad_u32[0]) != NULL) != (i % 2 != 0);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(sad_count(nk), n / 2);
	test_row("and made again");
	for (unsigned i = 0; i < n; i += 2) {
		gcm(&pp, 0x1000 + i * 3);
		wrong += add(&pp) == NULL;
	}
	for (unsigned i = 0; i < n; i++)
		wrong += sad_lookup4(nk, htonl(0x1000 + i * 3), dst.ad_u32[0]) == NULL;
	CU_ASSERT_EQUAL(wrong, 0);
	close_world();
}

static void
spis(void)
{
	struct addr src, dst;
	struct clock_now now;
	struct sa *sa;
	bool seen[16] = { false };

	(void)addr_parse("192.0.2.2", &src);
	(void)addr_parse("192.0.2.1", &dst);
	open_world(1);
	now = world_clock(wo);
	test_row("a small range is used up");
	for (unsigned i = 0; i < 16; i++) {
		CU_ASSERT_EQUAL_FATAL(sad_getspi(nk, now, &src, &dst, 0x100, 0x10f, 1, SA_TUNNEL, &sa), 0);
		CU_ASSERT(ntohl(sa->sa_spi) >= 0x100 && ntohl(sa->sa_spi) <= 0x10f);
		CU_ASSERT_FALSE(seen[ntohl(sa->sa_spi) - 0x100]);
		seen[ntohl(sa->sa_spi) - 0x100] = true;
	}
	CU_ASSERT_EQUAL(sad_getspi(nk, now, &src, &dst, 0x100, 0x10f, 1, SA_TUNNEL, &sa), ENOSPC);
	test_row("another destination has its own");
	CU_ASSERT_EQUAL(sad_getspi(nk, now, &dst, &src, 0x100, 0x10f, 1, SA_TUNNEL, &sa), 0);
	test_row("reserved SPIs and a range the wrong way round");
	CU_ASSERT_EQUAL(sad_getspi(nk, now, &src, &dst, 255, 0x10f, 1, SA_TUNNEL, &sa), EINVAL);
	CU_ASSERT_EQUAL(sad_getspi(nk, now, &src, &dst, 0x110, 0x10f, 1, SA_TUNNEL, &sa), EINVAL);
	test_row("larval SAs go away");
	CU_ASSERT_EQUAL(sad_count(nk), 17);
	world_run(wo, (SA_LARVAL_S - 1) * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(sad_count(nk), 17);
	world_run(wo, 2 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(sad_count(nk), 0);
	close_world();
}

static void
anchors(void)
{
	struct sa_params pp;
	unsigned load[4] = { 0 };
	struct sa *sa[40];

	open_world(4);
	for (unsigned i = 0; i < 40; i++) {
		gcm(&pp, 0x1000 + i);
		sa[i] = add(&pp);
		CU_ASSERT_PTR_NOT_NULL_FATAL(sa[i]);
		load[sa[i]->sa_worker]++;
	}
	for (unsigned w = 0; w < 4; w++)
		CU_ASSERT_EQUAL(load[w], 10);
	for (unsigned i = 0; i < 40; i++) {
		if (sa[i]->sa_worker == 2)
			CU_ASSERT_EQUAL(sad_delete(nk, sa[i]), 0);
	}
	for (unsigned i = 0; i < 10; i++) {
		gcm(&pp, 0x2000 + i);
		CU_ASSERT_EQUAL(add(&pp)->sa_worker, 2);
	}
	close_world();
}

/* ---- the SA for a policy ---- */

static void
choice(void)
{
	struct flow_key k = { .fk_proto = 17, .fk_af = AF_INET };
	struct sa_params pp;
	struct sa *old, *new, *narrow, *any;
	struct sp sp, *p, *q;
	uint32_t gen, qgen;

	open_world(1);
	memcpy(k.fk_srcb, (uint8_t[]){ 10, 1, 0, 1 }, 4);
	memcpy(k.fk_dstb, (uint8_t[]){ 10, 2, 0, 1 }, 4);
	policy(&sp, SP_OUT, "10.1.0.0/16", "10.2.0.0/16", 0, "192.0.2.1", "192.0.2.2", 7);
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &p), 0);
	policy(&sp, SP_OUT, "10.1.0.0/16", "10.3.0.0/16", 0, "192.0.2.1", "192.0.2.3", 8);
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &q), 0);
	test_row("none yet");
	CU_ASSERT_PTR_NULL(sad_for_policy(nk, p, &k));
	CU_ASSERT_PTR_NULL(p->sp_sa);

	test_row("the only one, and only its policy is told");
	gen = p->sp_sagen;
	qgen = q->sp_sagen;
	gcm(&pp, 0x1001);
	old = add(&pp);
	CU_ASSERT_PTR_EQUAL(sad_for_policy(nk, p, &k), old);
	CU_ASSERT_PTR_EQUAL(p->sp_sa, old);
	CU_ASSERT_NOT_EQUAL(p->sp_sagen, gen);
	CU_ASSERT_EQUAL(q->sp_sagen, qgen);

	test_row("the newest");
	gcm(&pp, 0x1002);
	new = add(&pp);
	CU_ASSERT_PTR_EQUAL(p->sp_sa, new);

	test_row("another reqid, other ends and another mode do not serve");
	gcm(&pp, 0x1003);
	pp.spp_reqid = 9;
	CU_ASSERT_PTR_NOT_NULL(add(&pp));
	gcm(&pp, 0x1004);
	pp.spp_mode = SA_TRANSPORT;
	CU_ASSERT_PTR_NOT_NULL(add(&pp));
	gcm(&pp, 0x1005);
	(void)addr_parse("192.0.2.9", &pp.spp_src);
	CU_ASSERT_PTR_NOT_NULL(add(&pp));
	gcm(&pp, 0x1006);
	(void)addr_parse("192.0.2.9", &pp.spp_dst);
	CU_ASSERT_PTR_NOT_NULL(add(&pp));
	CU_ASSERT_PTR_EQUAL(p->sp_sa, new);

	test_row("one with narrow selectors serves what it covers");
	gcm(&pp, 0x1007);
	(void)prefix_parse("10.1.0.0/24", &pp.spp_sel.sel_src);
	(void)prefix_parse("10.2.0.1/32", &pp.spp_sel.sel_dst);
	pp.spp_sel.sel_sport = pp.spp_sel.sel_dport = (struct port_range){ 0, 65535 };
	narrow = add(&pp);
	CU_ASSERT_PTR_EQUAL(p->sp_sa, new);
	CU_ASSERT_PTR_EQUAL(sad_for_policy(nk, p, &k), narrow);
	k.fk_dstb[3] = 2;
	CU_ASSERT_PTR_EQUAL(sad_for_policy(nk, p, &k), new);

	test_row("deleted: the one before");
	CU_ASSERT_EQUAL(sad_delete(nk, new), 0);
	CU_ASSERT_PTR_EQUAL(p->sp_sa, old);
	CU_ASSERT_EQUAL(new->sa_state, SA_DEAD);

	test_row("a policy without reqid takes any between its ends");
	policy(&sp, SP_OUT, "10.1.0.0/16", "10.4.0.0/16", 0, "192.0.2.1", "192.0.2.2", 0);
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &q), 0);
	any = q->sp_sa;
	CU_ASSERT_PTR_NOT_NULL_FATAL(any);
	CU_ASSERT_EQUAL(any->sa_reqid, 9);
	close_world();
}

/* ---- lifetimes ---- */

static void
update(const struct sa_params *pp)
{
	const char *err = "";
	struct sa *sa;

	CU_ASSERT_EQUAL(sad_update(nk, world_clock(wo), pp, &err, &sa), 0);
}

static void
seconds(void)
{
	struct sa_params pp;
	struct addr dst;
	struct sa *sa;

	open_world(1);
	gcm(&pp, 0x1001);
	dst = pp.spp_dst;
	pp.spp_soft.lt_add_s = 10;
	pp.spp_hard.lt_add_s = 20;
	sa = add(&pp);
	test_row("before the soft limit");
	world_run(wo, 9900 * NSEC_PER_MSEC);
	CU_ASSERT_EQUAL(sa->sa_state, SA_MATURE);
	CU_ASSERT_EQUAL(soft_n, 0);
	test_row("soft");
	world_run(wo, 200 * NSEC_PER_MSEC);
	CU_ASSERT_EQUAL(sa->sa_state, SA_DYING);
	CU_ASSERT_EQUAL(soft_n, 1);
	CU_ASSERT_EQUAL(msg.pm_sa.ps_spi, 0x1001);
	CU_ASSERT_EQUAL(msg.pm_sa.ps_state, SADB_SASTATE_DYING);
	test_row("soft is told once");
	world_run(wo, 9 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(soft_n, 1);
	CU_ASSERT_EQUAL(hard_n, 0);
	CU_ASSERT_EQUAL(sad_count(nk), 1);
	test_row("hard");
	world_run(wo, 2 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(hard_n, 1);
	CU_ASSERT_EQUAL(msg.pm_sa.ps_state, SADB_SASTATE_DEAD);
	CU_ASSERT_EQUAL(sad_count(nk), 0);
	CU_ASSERT_PTR_NULL(sad_lookup(nk, htonl(0x1001), &dst, IPPROTO_ESP));
	test_row("an update gives a new life");
	sa = add(&pp);
	world_run(wo, 15 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(soft_n, 2);
	pp.spp_ealg = 0;
	update(&pp);
	world_run(wo, NSEC_PER_SEC);
	test_row("one with the same lifetimes does not tell soft again");
	CU_ASSERT_EQUAL(sa->sa_state, SA_DYING);
	CU_ASSERT_EQUAL(soft_n, 2);
	pp.spp_hard.lt_add_s = 1000;
	pp.spp_soft.lt_add_s = 500;
	update(&pp);
	CU_ASSERT_EQUAL(sa->sa_state, SA_MATURE);
	world_run(wo, 20 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(sad_count(nk), 1);
	CU_ASSERT_EQUAL(hard_n, 1);
	world_run(wo, 500 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(soft_n, 3);
	close_world();
}

static struct gateways gw;

static unsigned
send_n(unsigned n)
{
	static const struct tp_spec s = { .tp_src = "10.1.0.1", .tp_dst = "10.2.0.1", .tp_proto = 17,
	    .tp_sport = 1000, .tp_dport = 2000, .tp_len = 100 };
	uint8_t ip[2048];
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		send_a(&gw, &s);
		got += take_b(&gw, ip, sizeof(ip)) != 0;
	}
	return got;
}

static void
listen_on(struct nk *on)
{
	memset(&ks, 0, sizeof(ks));
	ks.ks_send = daemon_hears;
	ks.ks_registered = 1u << SADB_SATYPE_ESP;
	nk_lock(on);
	key_socket_add(on, &ks);
	nk_unlock(on);
	soft_n = hard_n = 0;
}

static void
stop_listening(struct nk *on)
{
	nk_lock(on);
	key_socket_remove(on, &ks);
	nk_unlock(on);
}

/* Limits by use, at the sender (receiver false) or at the receiver. */
static void
use_limits(void)
{
	static const struct {
		const char		*name;
		struct sa_lifetime	 soft, hard;
		uint64_t		 seq;
		unsigned		 before_soft, passes;
		enum drop_reason	 why;
		bool			 sender_only;
	} cases[] = {
		{ "packets", { .lt_packets = 5 }, { .lt_packets = 9 }, 0, 5, 9, DROP_SAD_LIFETIME, false },
		{ "bytes", { .lt_bytes = 600 }, { .lt_bytes = 1200 }, 0, 5, 10, DROP_SAD_LIFETIME, false },
		{ "only hard", { 0 }, { .lt_packets = 4 }, 0, 4, 4, DROP_SAD_LIFETIME, false },
		{ "the last sequence number", { 0 }, { 0 }, 0xffffffffu - 7, 0, 7, DROP_ESP_SEQ, true },
	};

	for (size_t i = 0; i < TEST_COUNT(cases) * 2; i++) {
		bool receiver = i >= TEST_COUNT(cases);
		size_t k = i % TEST_COUNT(cases);
		struct gateways_conf gc = { .gc_suite = suite_by_name("aes-128-gcm"),
		    .gc_mode = SA_TUNNEL, .gc_seq = cases[k].seq };
		struct sa *sa, *made;
		struct nk *on;
		struct sa_params pp;
		const char *err = "";

		if (receiver && cases[k].sender_only)
			continue;
		test_row("%s, at the %s", cases[k].name, receiver ? "receiver" : "sender");
		gateways_open(&gw, &gc);
		on = receiver ? gw.gw_b : gw.gw_a;
		sa = gw.gw_ab[receiver];
		sa_params(&pp, gc.gc_suite, "192.0.2.1", "192.0.2.2", 0xabab0001, SA_TUNNEL, 1);
		pp.spp_ealg = 0;
		pp.spp_soft = cases[k].soft;
		pp.spp_hard = cases[k].hard;
		if (!cases[k].sender_only)
			CU_ASSERT_EQUAL(sad_update(on, world_clock(gw.gw_world), &pp, &err, &made), 0);
		listen_on(on);
		CU_ASSERT_EQUAL(send_n(cases[k].before_soft), cases[k].before_soft);
		CU_ASSERT_EQUAL(soft_n, 0);
		CU_ASSERT_EQUAL(send_n(20), cases[k].passes - cases[k].before_soft);
		CU_ASSERT_EQUAL(hard_n, 1);
		CU_ASSERT_EQUAL(soft_n, cases[k].hard.lt_packets == 4 ? 0 : 1);
		CU_ASSERT_EQUAL(world_drops(on, cases[k].why), 1);
		CU_ASSERT_EQUAL(sa->sa_state, SA_DEAD);
		stop_listening(on);
		gateways_close(&gw);
	}
}

/* With ESN the numbers go on behind 2^32. */
static void
esn_goes_on(void)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name("aes-128-gcm"),
	    .gc_mode = SA_TUNNEL, .gc_flags = SA_F_ESN, .gc_seq = 0xffffffffu - 7 };

	gateways_open(&gw, &gc);
	CU_ASSERT_EQUAL(send_n(100), 100);
	CU_ASSERT_EQUAL(gw.gw_ab[1]->sa_replay.rp_top, 0xffffffffull - 7 + 100);
	gateways_close(&gw);
}

static void
first_use(void)
{
	struct gateways_conf gc = { .gc_suite = suite_by_name("aes-128-gcm"), .gc_mode = SA_TUNNEL };
	struct sa_params pp;
	const char *err = "";
	struct sa *sa;

	gateways_open(&gw, &gc);
	sa_params(&pp, gc.gc_suite, "192.0.2.1", "192.0.2.2", 0xabab0001, SA_TUNNEL, 1);
	pp.spp_hard.lt_use_s = 10;
	pp.spp_ealg = 0;
	CU_ASSERT_EQUAL(sad_update(gw.gw_a, world_clock(gw.gw_world), &pp, &err, &sa), 0);
	listen_on(gw.gw_a);
	test_row("not used: no limit");
	world_run(gw.gw_world, 60 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(hard_n, 0);
	CU_ASSERT_EQUAL(sa->sa_used, 0);
	test_row("ten seconds from the first use");
	CU_ASSERT_EQUAL(send_n(1), 1);
	CU_ASSERT_NOT_EQUAL(sa->sa_used, 0);
	world_run(gw.gw_world, 9 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(hard_n, 0);
	world_run(gw.gw_world, 2 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(hard_n, 1);
	stop_listening(gw.gw_a);
	gateways_close(&gw);
}

/* ---- what is refused ---- */

static void
refusals(void)
{
	static const struct {
		const char	*name, *suite;
		int		 change, error;
	} cases[] = {
		{ "cipher key one byte short", "aes-128-gcm", 1, EINVAL },
		{ "integrity key one byte short", "aes-128-cbc+hmac-sha2-256", 2, EINVAL },
		{ "unknown cipher", "aes-128-gcm", 3, EINVAL },
		{ "cipher without integrity", "aes-128-cbc+hmac-sha2-256", 4, EINVAL },
		{ "AEAD with integrity", "aes-128-gcm", 5, EINVAL },
		{ "SPI 255", "aes-128-gcm", 6, EINVAL },
		{ "window of 4097", "aes-128-gcm", 7, EINVAL },
		{ "multicast destination", "aes-128-gcm", 8, EINVAL },
		{ "IPv6 ends", "aes-128-gcm", 9, EAFNOSUPPORT },
		{ "AH", "aes-128-gcm", 10, EOPNOTSUPP },
		{ "BEET mode", "aes-128-gcm", 11, EOPNOTSUPP },
		{ "UDP encapsulation without ports", "aes-128-gcm", 12, EINVAL },
	};

	open_world(1);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct sa_params pp;
		const char *err = NULL;
		struct sa *sa;

		test_row("%s", cases[i].name);
		sa_params(&pp, suite_by_name(cases[i].suite), "192.0.2.1", "192.0.2.2", 0x1001,
		    SA_TUNNEL, 1);
		switch (cases[i].change) {
		case 1: pp.spp_ekeylen--; break;
		case 2: pp.spp_akeylen--; break;
		case 3: pp.spp_ealg = 77; break;
		case 4: pp.spp_aalg = 0; break;
		case 5: pp.spp_aalg = SADB_X_AALG_SHA2_256HMAC; pp.spp_akeylen = 32; break;
		case 6: pp.spp_spi = htonl(255); break;
		case 7: pp.spp_window = 4097; break;
		case 8: (void)addr_parse("224.0.0.1", &pp.spp_dst); break;
		case 9: (void)addr_parse("2001:db8::1", &pp.spp_dst);
			(void)addr_parse("2001:db8::2", &pp.spp_src); break;
		case 10: pp.spp_proto = IPPROTO_AH; break;
		case 11: pp.spp_mode = 3; break;
		case 12: pp.spp_flags = SA_F_NATT; break;
		}
		CU_ASSERT_EQUAL(sad_add(nk, world_clock(wo), &pp, &err, &sa), cases[i].error);
		CU_ASSERT_PTR_NOT_NULL(err);
		CU_ASSERT_EQUAL(sad_count(nk), 0);
	}
	close_world();
}

TEST_MAIN(
	TEST("100,000 SAs", hundred_thousand),
	TEST("SPIs", spis),
	TEST("anchors", anchors),
	TEST("SA of a policy", choice),
	TEST("lifetime in seconds", seconds),
	TEST("lifetime by use", use_limits),
	TEST("ESN goes on", esn_goes_on),
	TEST("lifetime from first use", first_use),
	TEST("SAs refused", refusals))
