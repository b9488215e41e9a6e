/* SPDX-License-Identifier: ISC */
/*
 * Routes: the table against a naive list, its rules, and a million entries.
 */
#include <errno.h>

#include "test.h"
#include "net/arp.h"
#include "net/fib.h"
#include "sys/testwire.h"

static struct world *wo;
static struct nk *nk;
static struct ifnet *em0, *em1;

static void
setup(void)
{
	wo = world_new(7);
	nk = world_router(wo, "a", 1);
	em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	em1 = world_if(wo, nk, "em1", "10.0.1.1/24", 1400);
}

static void
teardown(void)
{
	world_free(wo);
}

static struct prefix
pfx(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		abort();
	return p;
}

static struct addr
adr(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static int
add(const char *dst, const char *gw, uint8_t prio, uint16_t flags)
{
	struct route rt = { .rt_dst = pfx(dst), .rt_prio = prio,
	    .rt_flags = RT_F_STATIC | flags };

	if (gw != NULL)
		rt.rt_gw = adr(gw);
	return fib_add(nk, &rt);
}

static int
del(const char *dst, const char *gw)
{
	struct prefix p = pfx(dst);
	struct addr a;

	if (gw == NULL)
		return fib_delete(nk, &p, NULL);
	a = adr(gw);
	return fib_delete(nk, &p, &a);
}

static const char *
via(const char *dst)
{
	static char text[ADDR_STRLEN];
	struct addr a = adr(dst);
	const struct route *rt = fib_lookup(nk, &a);

	if (rt == NULL)
		return "none";
	if (rt->rt_gw.ad_af == 0)
		return rt->rt_if == em0 ? "em0" : rt->rt_if == em1 ? "em1" : "link";
	return addr_print(&rt->rt_gw, text);
}

static void
rules(void)
{
	setup();
	TEST_STRING(via("10.0.0.9"), "em0");
	TEST_STRING(via("192.0.2.1"), "none");
	CU_ASSERT_EQUAL(add("0.0.0.0/0", "10.0.0.2", 8, 0), 0);
	TEST_STRING(via("192.0.2.1"), "10.0.0.2");
	CU_ASSERT_EQUAL(add("192.0.0.0/8", "10.0.0.3", 8, 0), 0);
	CU_ASSERT_EQUAL(add("192.0.2.0/24", "10.0.1.4", 8, 0), 0);
	CU_ASSERT_EQUAL(add("192.0.2.1/32", "10.0.0.5", 8, 0), 0);
	TEST_STRING(via("192.0.2.1"), "10.0.0.5");
	TEST_STRING(via("192.0.2.2"), "10.0.1.4");
	TEST_STRING(via("192.1.2.2"), "10.0.0.3");
	TEST_STRING(via("193.1.2.2"), "10.0.0.2");
	/* the better of two to one prefix */
	CU_ASSERT_EQUAL(add("192.0.2.0/24", "10.0.0.6", 4, 0), 0);
	TEST_STRING(via("192.0.2.2"), "10.0.0.6");
	CU_ASSERT_EQUAL(del("192.0.2.0/24", "10.0.0.6"), 0);
	TEST_STRING(via("192.0.2.2"), "10.0.1.4");
	/* refusals */
	CU_ASSERT_EQUAL(add("192.0.2.0/24", "10.0.1.4", 9, 0), EEXIST);
	CU_ASSERT_EQUAL(add("198.51.100.0/24", "172.16.0.1", 8, 0), ENETUNREACH);
	CU_ASSERT_EQUAL(add("198.51.100.0/24", "10.0.0.1", 8, 0), ENETUNREACH);
	CU_ASSERT_EQUAL(add("198.51.100.0/24", NULL, 8, 0), ENETUNREACH);
	CU_ASSERT_EQUAL(del("198.51.100.0/24", NULL), ENOENT);
	CU_ASSERT_EQUAL(del("192.0.2.0/24", "10.0.0.77"), ENOENT);
	/* removal uncovers the shorter one */
	CU_ASSERT_EQUAL(del("192.0.2.1/32", NULL), 0);
	TEST_STRING(via("192.0.2.1"), "10.0.1.4");
	CU_ASSERT_EQUAL(del("192.0.2.0/24", NULL), 0);
	TEST_STRING(via("192.0.2.1"), "10.0.0.3");
	CU_ASSERT_EQUAL(del("192.0.0.0/8", NULL), 0);
	TEST_STRING(via("192.0.2.1"), "10.0.0.2");
	fib_flush(nk);
	TEST_STRING(via("192.0.2.1"), "none");
	TEST_STRING(via("10.0.0.9"), "em0");
	teardown();
}

static void
hosts_bits(void)
{
	struct route rt = { .rt_dst = pfx("10.9.0.0/16") };

	setup();
	rt.rt_gw = adr("10.0.0.2");
	rt.rt_dst.pr_addr.ad_bytes[3] = 1;
	CU_ASSERT_EQUAL(fib_add(nk, &rt), EINVAL);
	rt.rt_dst = pfx("10.9.0.0/16");
	rt.rt_dst.pr_len = 33;
	CU_ASSERT_EQUAL(fib_add(nk, &rt), EINVAL);
	rt.rt_dst = pfx("2001:db8::/32");
	CU_ASSERT_EQUAL(fib_add(nk, &rt), EINVAL);
	teardown();
}

static void
next_hops(void)
{
	static const struct {
		const char	*dst;
		enum drop_reason why;
		bool		 local;
		unsigned	 mtu;
	} cases[] = {
		{ "10.0.0.9", DROP_NONE, false, 1500 },
		{ "10.0.1.9", DROP_NONE, false, 1400 },
		{ "10.0.0.1", DROP_NONE, true, 0 },
		{ "10.0.1.1", DROP_NONE, true, 0 },
		{ "127.0.0.1", DROP_NONE, true, 0 },
		{ "10.0.0.255", DROP_NONE, true, 0 },
		{ "255.255.255.255", DROP_NONE, true, 0 },
		{ "224.0.0.5", DROP_IP_BROADCAST, false, 0 },
		{ "192.0.2.1", DROP_IP_NOROUTE, false, 0 },
		{ "198.51.100.1", DROP_IP_REJECT, false, 0 },
		{ "203.0.113.1", DROP_IP_BLACKHOLE, false, 0 },
		{ "172.16.0.1", DROP_NONE, false, 1500 },
	};

	setup();
	CU_ASSERT_EQUAL(add("198.51.100.0/24", NULL, 8, RT_F_REJECT), 0);
	CU_ASSERT_EQUAL(add("203.0.113.0/24", NULL, 8, RT_F_BLACKHOLE), 0);
	CU_ASSERT_EQUAL(add("172.16.0.0/12", "10.0.0.2", 8, 0), 0);
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct addr dst = adr(cases[i].dst);
		struct nexthop nh;

		test_row("%s", cases[i].dst);
		CU_ASSERT_EQUAL(nexthop_find(nk, &dst, &nh), cases[i].why);
		CU_ASSERT_EQUAL(nh.nh_local, cases[i].local);
		CU_ASSERT_EQUAL(nh.nh_mtu, cases[i].mtu);
		CU_ASSERT_EQUAL(nh.nh_neigh != NULL, cases[i].mtu != 0);
	}
	test_row("the neighbour of a gateway route is the gateway");
	{
		struct addr dst = adr("172.16.5.5"), gw = adr("10.0.0.2");
		struct nexthop nh;

		(void)nexthop_find(nk, &dst, &nh);
		CU_ASSERT_TRUE(addr_equal(&nh.nh_neigh->ne_addr, &gw));
	}
	test_row("an interface that is down");
	{
		struct addr dst = adr("10.0.1.9");
		struct nexthop nh;

		if_set_flags(nk, em1, em1->if_flags & (uint16_t)~IF_F_UP);
		CU_ASSERT_EQUAL(nexthop_find(nk, &dst, &nh), DROP_IF_DOWN);
	}
	teardown();
}

/* ---- the model ---- */

#define MODEL	600

struct model {
	struct route	mo_route[MODEL];
	unsigned	mo_n;
};

static const struct route *
model_lookup(const struct model *mo, const struct addr *dst)
{
	const struct route *best = NULL;

	for (unsigned i = 0; i < mo->mo_n; i++) {
		const struct route *rt = &mo->mo_route[i];

		if (prefix_match(&rt->rt_dst, dst) &&
		    (best == NULL || rt->rt_dst.pr_len > best->rt_dst.pr_len))
			best = rt;
	}
	return best;
}

/* Few distinct bits, so that prefixes nest and meet. */
static struct addr
model_addr(bool v6)
{
	struct addr a = { .ad_af = v6 ? AF_INET6 : AF_INET };

	for (unsigned i = 0; i < (v6 ? 16u : 4u); i++)
		a.ad_bytes[i] = (uint8_t)((world_rand(wo) & 3) * 0x55);
	if (!v6)
		a.ad_bytes[0] |= 0x40;
	return a;
}

static void
model_step(struct model *mo, bool v6)
{
	struct route rt = { .rt_if = em0, .rt_flags = RT_F_STATIC };
	bool known = false;

	if (mo->mo_n > 0 && world_rand(wo) % 3 == 0) {
		unsigned i = (unsigned)(world_rand(wo) % mo->mo_n);

		CU_ASSERT_EQUAL(fib_delete(nk, &mo->mo_route[i].rt_dst, NULL), 0);
		mo->mo_route[i] = mo->mo_route[--mo->mo_n];
		return;
	}
	rt.rt_dst.pr_addr = model_addr(v6);
	rt.rt_dst.pr_len = (uint8_t)(world_rand(wo) % (v6 ? 129 : 33));
	addr_mask(&rt.rt_dst.pr_addr, rt.rt_dst.pr_len);
	rt.rt_mtu = (uint16_t)world_rand(wo);
	for (unsigned i = 0; i < mo->mo_n; i++)
		known |= mo->mo_route[i].rt_dst.pr_len == rt.rt_dst.pr_len &&
		    addr_equal(&mo->mo_route[i].rt_dst.pr_addr, &rt.rt_dst.pr_addr);
	CU_ASSERT_EQUAL(fib_add(nk, &rt), known ? EEXIST : 0);
	if (!known && mo->mo_n < MODEL)
		mo->mo_route[mo->mo_n++] = rt;
}

static void
model_run(bool v6)
{
	static struct model mo;
	uint64_t before;
	unsigned wrong = 0;

	setup();
	fib_delete_if(nk, em0);
	fib_delete_if(nk, em1);
	before = fib_count(nk);
	mo.mo_n = 0;
	for (unsigned step = 0; step < 1500 && mo.mo_n < MODEL; step++) {
		model_step(&mo, v6);
		for (unsigned i = 0; i < 20; i++) {
			struct addr dst = model_addr(v6);
			const struct route *want = model_lookup(&mo, &dst);
			const struct route *got = fib_lookup(nk, &dst);

			wrong += (want == NULL) != (got == NULL) || (want != NULL &&
			    (want->rt_mtu != got->rt_mtu ||
			    want->rt_dst.pr_len != got->rt_dst.pr_len));
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(fib_count(nk), before + mo.mo_n);
	while (mo.mo_n > 0)
		(void)fib_delete(nk, &mo.mo_route[--mo.mo_n].rt_dst, NULL);
	CU_ASSERT_EQUAL(fib_count(nk), before);
	teardown();
}

static void
model(void)
{
	test_row("IPv4");
	model_run(false);
	test_row("IPv6");
	model_run(true);
}

/* ---- a million ---- */

static void
count_one(void *arg, const struct route *rt)
{
	(void)rt;
	(*(unsigned *)arg)++;
}

static void
million(void)
{
	const unsigned n = 1000000;
	struct route rt = { .rt_flags = RT_F_STATIC };
	uint64_t before, empty;
	unsigned walked = 0, wrong = 0;

	setup();
	before = fib_count(nk);
	empty = fib_bytes(nk);
	rt.rt_if = em0;
	/* /24s one after another from 20.0.0.0 on: as dense as the real table */
	for (unsigned i = 0; i < n; i++) {
		rt.rt_dst = (struct prefix){ .pr_len = 24 };
		rt.rt_dst.pr_addr.ad_af = AF_INET;
		rt.rt_dst.pr_addr.ad_v4.s_addr = htonl((20u << 24) + (i << 8));
		rt.rt_mtu = (uint16_t)i;
		if (fib_add(nk, &rt) != 0)
			wrong++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(fib_count(nk), before + n);
	CU_ASSERT_TRUE(fib_bytes(nk) < 128u << 20);
	fib_walk(nk, count_one, &walked);
	CU_ASSERT_EQUAL(walked, before + n);
	for (unsigned i = 0; i < n; i += 7) {
		struct addr a = { .ad_af = AF_INET };
		const struct route *got;

		a.ad_v4.s_addr = htonl((20u << 24) + (i << 8) + (i & 255));
		got = fib_lookup(nk, &a);
		wrong += got == NULL || got->rt_mtu != (uint16_t)i;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	fib_flush(nk);
	CU_ASSERT_EQUAL(fib_count(nk), before);
	/* what is left is slabs of free entries, no node */
	CU_ASSERT_TRUE(fib_bytes(nk) < empty + n * 90ull);
	teardown();
}

TEST_MAIN(
	TEST("longest match, several gateways, refusals", rules),
	TEST("malformed prefixes are refused", hosts_bits),
	TEST("next hops", next_hops),
	TEST("random tables against a list", model),
	TEST("a million routes in 128 MB", million))
