/* SPDX-License-Identifier: ISC */
/*
 * The SPD against a list that is walked from end to end, its order, its
 * changes, and the check of arriving packets (RFC 4301 section 5.2).
 */
#include "test.h"

#include <errno.h>

#include "clock.h"
#include "gateways.h"

static struct world *wo;
static struct nk *nk;

static void
open_world(uint64_t seed)
{
	wo = world_new(seed);
	nk = world_router(wo, "r", 1);
}

static void
close_world(void)
{
	world_free(wo);
}

static uint32_t
rnd(uint32_t n)
{
	return (uint32_t)(world_rand(wo) % n);
}

/* Few bits, so that prefixes nest and packets hit. */
static struct addr
small_addr(uint8_t af)
{
	struct addr a = { .ad_af = af };
	unsigned n = af == AF_INET ? 4 : 16;

	a.ad_bytes[0] = 10;
	for (unsigned i = 1; i < n; i++)
		a.ad_bytes[i] = i >= n - 2 ? (uint8_t)rnd(4) * 64 : 0;
	return a;
}

static struct prefix
small_prefix(uint8_t af)
{
	static const uint8_t v4[] = { 0, 8, 17, 18, 24, 25, 26, 32 };
	static const uint8_t v6[] = { 0, 64, 112, 113, 120, 122, 128 };
	struct prefix pr = { .pr_addr = small_addr(af) };

	pr.pr_len = af == AF_INET ? v4[rnd(8)] : v6[rnd(7)];
	addr_mask(&pr.pr_addr, pr.pr_len);
	return pr;
}

static struct port_range
small_ports(bool has)
{
	uint16_t lo = (uint16_t)rnd(6);

	if (!has || rnd(3) == 0)
		return (struct port_range){ 0, 65535 };
	return (struct port_range){ lo, (uint16_t)(lo + (rnd(2) != 0 ? 0 : rnd(4))) };
}

static void
small_policy(struct sp *sp)
{
	static const uint8_t protos[] = { 0, 6, 17, 1, 50 };
	uint8_t af = rnd(5) == 0 ? AF_INET6 : AF_INET;
	bool ports;

	memset(sp, 0, sizeof(*sp));
	sp->sp_sel.sel_proto = protos[rnd(5)];
	ports = sp->sp_sel.sel_proto != 0 && sp->sp_sel.sel_proto != 50;
	sp->sp_sel.sel_src = small_prefix(af);
	sp->sp_sel.sel_dst = small_prefix(af);
	sp->sp_sel.sel_sport = small_ports(ports);
	sp->sp_sel.sel_dport = small_ports(ports);
	sp->sp_dir = (uint8_t)rnd(2);
	sp->sp_action = (uint8_t)rnd(3);
	sp->sp_priority = rnd(3) * 1000;
	sp->sp_mode = SA_TUNNEL;
	sp->sp_proto = IPPROTO_ESP;
}

static void
small_key(struct flow_key *k)
{
	static const uint8_t protos[] = { 6, 17, 1, 50, 47 };
	uint8_t af = rnd(5) == 0 ? AF_INET6 : AF_INET;
	struct addr a = small_addr(af), b = small_addr(af);

	memset(k, 0, sizeof(*k));
	memcpy(k->fk_srcb, a.ad_bytes, 16);
	memcpy(k->fk_dstb, b.ad_bytes, 16);
	k->fk_af = af;
	k->fk_proto = protos[rnd(5)];
	if (k->fk_proto != 50 && k->fk_proto != 47) {
		k->fk_sport = htons((uint16_t)rnd(8));
		k->fk_dport = htons((uint16_t)rnd(8));
	}
}

/* ---- the slow model: written apart from the SPD ---- */

#define MODEL_MAX	4000
static struct sp *model[MODEL_MAX];
static unsigned nmodel;

static bool
bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++) {
		if ((a[i / 8] >> (7 - i % 8) & 1) != (b[i / 8] >> (7 - i % 8) & 1))
			return false;
	}
	return true;
}

static bool
model_match(const struct sp *sp, const struct flow_key *k)
{
	const struct selector *s = &sp->sp_sel;

	return s->sel_src.pr_addr.ad_af == k->fk_af &&
	    bits_equal(s->sel_src.pr_addr.ad_bytes, k->fk_srcb, s->sel_src.pr_len) &&
	    bits_equal(s->sel_dst.pr_addr.ad_bytes, k->fk_dstb, s->sel_dst.pr_len) &&
	    (s->sel_proto == 0 || s->sel_proto == k->fk_proto) &&
	    ntohs(k->fk_sport) >= s->sel_sport.po_lo && ntohs(k->fk_sport) <= s->sel_sport.po_hi &&
	    ntohs(k->fk_dport) >= s->sel_dport.po_lo && ntohs(k->fk_dport) <= s->sel_dport.po_hi;
}

static int
ports_class(struct port_range r)
{
	return r.po_lo == 0 && r.po_hi == 65535 ? 0 : r.po_lo == r.po_hi ? 2 : 1;
}

/* Among equals: the longer source, then per end the later begin and the earlier end of ports. */
static bool
model_tie(const struct selector *x, const struct selector *y, bool older)
{
	const int d[] = {
		x->sel_src.pr_len - y->sel_src.pr_len,
		x->sel_sport.po_lo - y->sel_sport.po_lo, y->sel_sport.po_hi - x->sel_sport.po_hi,
		x->sel_dport.po_lo - y->sel_dport.po_lo, y->sel_dport.po_hi - x->sel_dport.po_hi,
	};

	for (size_t i = 0; i < TEST_COUNT(d); i++)
		if (d[i] != 0)
			return d[i] > 0;
	return older;
}

/* Lower priority, then longer prefixes, protocol, ports, then what they are, not their age. */
static bool
model_better(const struct sp *a, const struct sp *b)
{
	int la = a->sp_sel.sel_src.pr_len + a->sp_sel.sel_dst.pr_len;
	int lb = b->sp_sel.sel_src.pr_len + b->sp_sel.sel_dst.pr_len;
	int pa = a->sp_sel.sel_proto != 0, pb = b->sp_sel.sel_proto != 0;
	int sa = ports_class(a->sp_sel.sel_sport), sb = ports_class(b->sp_sel.sel_sport);
	int da = ports_class(a->sp_sel.sel_dport), db = ports_class(b->sp_sel.sel_dport);

	if (a->sp_priority != b->sp_priority)
		return a->sp_priority < b->sp_priority;
	if (la != lb)
		return la > lb;
	if (pa != pb)
		return pa > pb;
	if (sa != sb)
		return sa > sb;
	if (da != db)
		return da > db;
	return model_tie(&a->sp_sel, &b->sp_sel, a->sp_id < b->sp_id);
}

static struct sp *
model_lookup(enum sp_dir dir, const struct flow_key *k)
{
	struct sp *best = NULL;

	for (unsigned i = 0; i < nmodel; i++) {
		if (model[i]->sp_dir == dir && model_match(model[i], k) &&
		    (best == NULL || model_better(model[i], best)))
			best = model[i];
	}
	return best;
}

/* Builds up to n policies with deletions and changes between, as life does. */
static void
model_fill(unsigned n)
{
	struct sp sp, *made;

	nmodel = 0;
	for (unsigned i = 0; i < n * 2 && nmodel < n; i++) {
		small_policy(&sp);
		switch (rnd(10)) {
		case 0:
			if (nmodel != 0) {
				unsigned at = rnd(nmodel);

				CU_ASSERT_EQUAL(spd_delete(nk, model[at]), 0);
				model[at] = model[--nmodel];
			}
			break;
		case 1:
			if (nmodel != 0) {
				sp = *model[rnd(nmodel)];
				sp.sp_priority = rnd(3) * 1000;
				CU_ASSERT_EQUAL(spd_update(nk, &sp, &made), 0);
			}
			break;
		default:
			if (spd_add(nk, &sp, &made) == 0)
				model[nmodel++] = made;
			else
				CU_ASSERT_PTR_NOT_NULL(spd_find(nk, sp.sp_dir, &sp.sp_sel));
		}
	}
	CU_ASSERT_EQUAL(spd_count(nk), nmodel);
}

/* Pairs of a policy base and a packet: 1,000 bases of growing size, 1,000 packets each. */
static void
against_list(void)
{
	struct flow_key k;
	unsigned wrong = 0, hits = 0;

	open_world(1);
	for (unsigned base = 0; base < 1000; base++) {
		model_fill(1 + base % 60);
		for (unsigned i = 0; i < 1000; i++) {
			enum sp_dir dir = (enum sp_dir)rnd(2);
			struct sp *sp;

			small_key(&k);
			sp = spd_lookup(nk, dir, &k);
			hits += sp != NULL;
			wrong += sp != model_lookup(dir, &k);
		}
		nk_lock(nk);
		spd_flush(nk);
		nk_unlock(nk);
		world_settle(wo);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(hits > 300000 && hits < 999000);
	close_world();
}

static void
large_list(void)
{
	struct flow_key k;
	unsigned wrong = 0;

	open_world(2);
	model_fill(1500);
	for (unsigned i = 0; i < 5000; i++) {
		small_key(&k);
		wrong += spd_lookup(nk, SP_OUT, &k) != model_lookup(SP_OUT, &k);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	for (unsigned i = 0; i < nmodel; i++) {
		CU_ASSERT_PTR_EQUAL(spd_byid(nk, model[i]->sp_id), model[i]);
		CU_ASSERT_PTR_EQUAL(spd_find(nk, model[i]->sp_dir, &model[i]->sp_sel), model[i]);
	}
	close_world();
}

/* ---- what is refused ---- */

static void
refusals(void)
{
	struct sp sp, *made;
	uint32_t gen;

	open_world(3);
	policy(&sp, SP_OUT, "10.1.0.0/16", "10.2.0.0/16", 0, "192.0.2.1", "192.0.2.2", 7);
	gen = nk_generation(nk);
	test_row("a new policy moves the generation");
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
	CU_ASSERT_NOT_EQUAL(nk_generation(nk), gen);
	test_row("the same selector twice");
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), EEXIST);
	test_row("the same selector the other way");
	sp.sp_dir = SP_IN;
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
	test_row("host bits in a prefix");
	sp.sp_dir = SP_OUT;
	sp.sp_sel.sel_src.pr_addr.ad_bytes[3] = 1;
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), EINVAL);
	test_row("two families");
	sp.sp_sel.sel_src.pr_addr.ad_bytes[3] = 0;
	sp.sp_sel.sel_dst.pr_addr.ad_af = AF_INET6;
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), EINVAL);
	test_row("ports without a protocol");
	sp.sp_sel.sel_dst.pr_addr.ad_af = AF_INET;
	sp.sp_sel.sel_dport = (struct port_range){ 80, 80 };
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), EINVAL);
	test_row("ports the wrong way round");
	sp.sp_sel.sel_proto = 6;
	sp.sp_sel.sel_dport = (struct port_range){ 80, 79 };
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), EINVAL);
	CU_ASSERT_EQUAL(spd_count(nk), 2);
	close_world();
}

/* ---- RFC 4301 section 5.2 ---- */

enum came { CLEAR, RIGHT, OTHER_REQID, TRANSPORT, NARROW, NARROW_OUT };

static const struct check_case {
	const char	*name;
	int		 action;	/* -1: no policy */
	int		 level;
	enum came	 came;
	enum drop_reason want;
} checks[] = {
	{ "no policy, in clear", -1, 0, CLEAR, DROP_NONE },
	{ "no policy, through an SA for anything", -1, 0, RIGHT, DROP_SPD_UNAUTH },
	{ "no policy, inside the SA's selectors", -1, 0, NARROW, DROP_NONE },
	{ "no policy, outside the SA's selectors", -1, 0, NARROW_OUT, DROP_SAD_SELECTOR },
	{ "bypass, in clear", SP_BYPASS, 0, CLEAR, DROP_NONE },
	{ "bypass, through an SA", SP_BYPASS, 0, RIGHT, DROP_SPD_UNAUTH },
	{ "discard, in clear", SP_DISCARD, 0, CLEAR, DROP_SPD_DISCARD },
	{ "discard, through an SA", SP_DISCARD, 0, RIGHT, DROP_SPD_DISCARD },
	{ "require, in clear", SP_PROTECT, SP_LEVEL_REQUIRE, CLEAR, DROP_SPD_CLEAR },
	{ "require, through its SA", SP_PROTECT, SP_LEVEL_REQUIRE, RIGHT, DROP_NONE },
	{ "require, through an SA of another reqid", SP_PROTECT, SP_LEVEL_REQUIRE, OTHER_REQID,
	    DROP_SPD_WRONG_SA },
	{ "tunnel required, through a transport SA", SP_PROTECT, SP_LEVEL_REQUIRE, TRANSPORT,
	    DROP_SPD_WRONG_SA },
	{ "require, outside the SA's selectors", SP_PROTECT, SP_LEVEL_REQUIRE, NARROW_OUT,
	    DROP_SAD_SELECTOR },
	{ "use, in clear", SP_PROTECT, SP_LEVEL_USE, CLEAR, DROP_NONE },
	{ "use, through its SA", SP_PROTECT, SP_LEVEL_USE, RIGHT, DROP_NONE },
};

static void
arriving(void)
{
	struct flow_key k = { .fk_proto = 17, .fk_af = AF_INET, .fk_sport = htons(5),
	    .fk_dport = htons(6) };

	memcpy(k.fk_srcb, (uint8_t[]){ 10, 2, 0, 1 }, 4);
	memcpy(k.fk_dstb, (uint8_t[]){ 10, 1, 0, 1 }, 4);
	for (size_t i = 0; i < TEST_COUNT(checks); i++) {
		const struct check_case *c = &checks[i];
		struct sa sa = { .sa_proto = IPPROTO_ESP, .sa_mode = SA_TUNNEL, .sa_reqid = 7 };
		struct sp sp, *made = NULL;

		test_row("%s", c->name);
		open_world(4);
		if (c->action >= 0) {
			policy(&sp, SP_IN, "10.2.0.0/16", "10.1.0.0/16", 0, "192.0.2.1",
			    "192.0.2.2", 7);
			sp.sp_action = (uint8_t)c->action;
			sp.sp_level = (uint8_t)c->level;
			CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
		}
		if (c->came == OTHER_REQID)
			sa.sa_reqid = 8;
		if (c->came == TRANSPORT)
			sa.sa_mode = SA_TRANSPORT;
		if (c->came == NARROW || c->came == NARROW_OUT) {
			sa.sa_sel.sel_dport = sa.sa_sel.sel_sport = (struct port_range){ 0, 65535 };
			(void)prefix_parse(c->came == NARROW ? "10.2.0.0/24" : "10.2.1.0/24",
			    &sa.sa_sel.sel_src);
			(void)prefix_parse("10.1.0.0/24", &sa.sa_sel.sel_dst);
		}
		CU_ASSERT_EQUAL(spd_check_in(nk, &k, c->came == CLEAR ? NULL : &sa, &made), c->want);
		CU_ASSERT_EQUAL(made != NULL, c->action >= 0);
		close_world();
	}
}

static void
forward_policies(void)
{
	struct sp sp, *made;
	struct flow_key k = { .fk_proto = 17, .fk_af = AF_INET };

	open_world(5);
	memcpy(k.fk_srcb, (uint8_t[]){ 10, 2, 0, 1 }, 4);
	memcpy(k.fk_dstb, (uint8_t[]){ 10, 1, 0, 1 }, 4);
	policy(&sp, SP_FWD, "10.2.0.0/16", "10.1.0.0/16", 0, "192.0.2.1", "192.0.2.2", 7);
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
	CU_ASSERT_EQUAL(spd_check_in(nk, &k, NULL, &made), DROP_SPD_CLEAR);
	policy(&sp, SP_IN, "10.2.0.0/16", "10.1.0.0/16", 0, "192.0.2.1", "192.0.2.2", 7);
	sp.sp_action = SP_BYPASS;
	CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
	CU_ASSERT_EQUAL(spd_check_in(nk, &k, NULL, &made), DROP_NONE);
	close_world();
}

/* ---- 100,000 ---- */

static void
hundred_thousand(void)
{
	struct sp sp, *made;
	struct flow_key k = { .fk_proto = 6, .fk_af = AF_INET };
	unsigned n = 100000, wrong = 0, visited = 0;
	struct spd_cursor c;
	uint64_t t;

	open_world(6);
	policy(&sp, SP_OUT, "10.0.0.0/32", "11.0.0.0/32", 0, "192.0.2.1", "192.0.2.2", 7);
	t = clock_ns();
	for (unsigned i = 0; i < n; i++) {
		sp.sp_sel.sel_src.pr_addr.ad_u32[0] = htonl(0x0a000000 + i);
		sp.sp_sel.sel_dst.pr_addr.ad_u32[0] = htonl(0x0b000000 + i * 3);
		sp.sp_reqid = i + 1;
		wrong += spd_add(nk, &sp, &made) != 0;
	}
	t = clock_ns() - t;
	printf("%u policies added in %.3f s, %zu bytes each\n", n, (double)t / 1e9,
	    sizeof(struct sp));
	t = clock_ns();
	for (unsigned i = 0; i < n; i++) {
		unsigned x = (i * 7919) % n;

		k.fk_src4 = htonl(0x0a000000 + x);
		k.fk_dst4 = htonl(0x0b000000 + x * 3);
		made = spd_lookup(nk, SP_OUT, &k);
		wrong += made == NULL || made->sp_reqid != x + 1;
	}
	t = clock_ns() - t;
	printf("%.0f ns a lookup\n", (double)t / n);
	CU_ASSERT_EQUAL(wrong, 0);

	/* A walk that is disturbed: what stays is seen once. */
	spd_cursor_start(nk, &c);
	for (unsigned i = 0; (made = spd_cursor_next(nk, &c)) != NULL; i++) {
		visited += made->sp_reqid % 2;
		if (c.sc_next != NULL && c.sc_next->sp_reqid % 2 == 0)
			spd_delete(nk, c.sc_next);
		if (i == 10) {
			sp.sp_dir = SP_IN;
			sp.sp_reqid = 1;
			CU_ASSERT_EQUAL(spd_add(nk, &sp, &made), 0);
		}
	}
	spd_cursor_end(nk, &c);
	CU_ASSERT_EQUAL(visited, n / 2);
	close_world();
}

TEST_MAIN(
	TEST("SPD against a list, 10^6 pairs", against_list),
	TEST("SPD of 1,500 against a list", large_list),
	TEST("policies refused", refusals),
	TEST("arriving packets", arriving),
	TEST("forward policies", forward_policies),
	TEST("100,000 policies", hundred_thousand))
