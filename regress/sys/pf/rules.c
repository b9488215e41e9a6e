/* SPDX-License-Identifier: ISC */
/*
 * pf_test() with skip steps and compiled tables against an evaluator that
 * walks every rule and compares every field, on random rules and packets;
 * and tables alone against a walk over their entries.
 */
#include "dice.h"
#include "load.h"
#include "pf/ruleset.h"
#include "test.h"

#define RULESETS	400
#define PACKETS		2600		/* for each: above a million pairs of ruleset and packet */

static uint64_t seed = 20261121;

static uint32_t
rnd(uint32_t n)
{
	return dice(&seed, n);
}

/* ---- the plain evaluator ---- */

struct naive_table { char name[PF_TABLE_MAX]; struct pf_table_entry e[64]; size_t n; };
static struct naive_table ntables[3];
static struct ifnet ifs[3];
static struct if_table iftable;

static bool
naive_in_table(const char *name, const struct addr *a)
{
	int len = -1;
	bool in = false;

	for (unsigned t = 0; t < 3; t++)
		for (size_t i = 0; strcmp(ntables[t].name, name) == 0 && i < ntables[t].n; i++)
			if (prefix_match(&ntables[t].e[i].pe_prefix, a) &&
			    ntables[t].e[i].pe_prefix.pr_len > len) {
				len = ntables[t].e[i].pe_prefix.pr_len;
				in = !ntables[t].e[i].pe_neg;
			}
	return in;
}

static bool
naive_on_host(const char *name, const struct addr *a, bool network)
{
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < ifs[i].if_naddrs; j++) {
			struct prefix p = { .pr_addr = ifs[i].if_addr[j].ia_addr,
			    .pr_len = network ? ifs[i].if_addr[j].ia_plen : 32 };

			addr_mask(&p.pr_addr, p.pr_len);
			if ((name == NULL || strcmp(name, ifs[i].if_name) == 0 ||
			    strcmp(name, ifs[i].if_group) == 0) && prefix_match(&p, a))
				return true;
		}
	return false;
}

static bool
naive_end(const struct pf_addr_match *m, uint32_t addr4, uint16_t port)
{
	struct addr a = addr_v4((struct in_addr){ addr4 });
	bool in, ok;

	switch (m->pa_type) {
	case PF_ADDR_PREFIX:
		in = prefix_match(&m->pa_prefix, &a);
		break;
	case PF_ADDR_TABLE:
		in = naive_in_table(m->pa_name, &a);
		break;
	case PF_ADDR_SELF:
		in = naive_on_host(NULL, &a, false);
		break;
	case PF_ADDR_IF:
		in = naive_on_host(m->pa_name, &a, false);
		break;
	case PF_ADDR_IFNET:
		in = naive_on_host(m->pa_name, &a, true);
		break;
	default:
		in = true;
		break;
	}
	if (m->pa_neg)
		in = !in;
	ok = m->pa_portop == PF_PORT_ANY ||
	    (m->pa_portop == PF_PORT_EQ && port == m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_NE && port != m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_LT && port < m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_LE && port <= m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_GT && port > m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_GE && port >= m->pa_port[0]) ||
	    (m->pa_portop == PF_PORT_IN && port > m->pa_port[0] && port < m->pa_port[1]) ||
	    (m->pa_portop == PF_PORT_OUT && (port < m->pa_port[0] || port > m->pa_port[1])) ||
	    (m->pa_portop == PF_PORT_RANGE && port >= m->pa_port[0] && port <= m->pa_port[1]);
	return in && ok;
}

static bool
naive_rule(const struct pf_rule *r, uint32_t nr, const struct pf_pdesc *pd, const char *tag)
{
	bool on = strcmp(r->pr_ifname, pd->pd_ifp->if_name) == 0 ||
	    strcmp(r->pr_ifname, pd->pd_ifp->if_group) == 0;
	bool tcp = pd->pd_key.fk_proto == IPPROTO_TCP;

	if (r->pr_ifname[0] != '\0' && on == (r->pr_ifneg != 0))
		return false;
	if (r->pr_dir != 0 && r->pr_dir != pd->pd_dir)
		return false;
	if (r->pr_proto != 0 && r->pr_proto != pd->pd_key.fk_proto)
		return false;
	if (tcp && (pd->pd_tcpflags & r->pr_flagset) != r->pr_flags)
		return false;
	if (r->pr_icmp_type != 0 && pd->pd_icmp_type != r->pr_icmp_type - 1)
		return false;
	if (r->pr_icmp_code != 0 && pd->pd_icmp_code != r->pr_icmp_code - 1)
		return false;
	if (r->pr_tagged[0] != '\0' && (strcmp(tag, r->pr_tagged) == 0) == (r->pr_tagged_neg != 0))
		return false;
	if (r->pr_prob != 0 && pf_dice(pd->pd_rand, nr) >= r->pr_prob)
		return false;
	return naive_end(&r->pr_src, pd->pd_key.fk_src4, ntohs(pd->pd_key.fk_sport)) &&
	    naive_end(&r->pr_dst, pd->pd_key.fk_dst4, ntohs(pd->pd_key.fk_dport));
}

/* Number + 1 of the deciding rule; *tag after it. */
static uint32_t
naive(const struct pf_rule *r, size_t n, const struct pf_pdesc *pd, const char **tag)
{
	uint32_t last = 0;

	for (size_t i = 0; i < n; i++) {
		if (!naive_rule(&r[i], (uint32_t)i, pd, *tag))
			continue;
		last = (uint32_t)i + 1;
		if (r[i].pr_tag[0] != '\0')
			*tag = r[i].pr_tag;
		if (r[i].pr_quick)
			break;
	}
	return last;
}

/* ---- random things, from few values, so that they meet ---- */

static uint32_t
rnd_addr(void)
{
	return htonl(10u << 24 | rnd(3) << 16 | rnd(3) << 8 | rnd(4));
}

static struct prefix
rnd_prefix(void)
{
	static const uint8_t lens[] = { 0, 8, 15, 16, 24, 30, 31, 32, 32 };
	struct prefix p = { .pr_addr = addr_v4((struct in_addr){ rnd_addr() }),
	    .pr_len = lens[rnd(9)] };

	addr_mask(&p.pr_addr, p.pr_len);
	return p;
}

static const char *const ifnames[] = { "em0", "em1", "lo0", "em", "lo", "nosuch0" };

static void
rnd_end(struct pf_addr_match *m, bool ports)
{
	static const char *const tables[] = { "t0", "t1", "t2", "empty" };

	m->pa_type = (uint8_t)(rnd(3) == 0 ? PF_ADDR_ANY : rnd(PF_ADDR_TYPES));
	m->pa_neg = m->pa_type != PF_ADDR_ANY && rnd(4) == 0;
	if (m->pa_type == PF_ADDR_PREFIX)
		m->pa_prefix = rnd_prefix();
	else if (m->pa_type == PF_ADDR_TABLE)
		snprintf(m->pa_name, sizeof(m->pa_name), "%s", tables[rnd(4)]);
	else if (m->pa_type == PF_ADDR_IF || m->pa_type == PF_ADDR_IFNET)
		snprintf(m->pa_name, sizeof(m->pa_name), "%s", ifnames[rnd(6)]);
	if (!ports || rnd(2) == 0)
		return;
	m->pa_portop = (uint8_t)rnd(PF_PORT_OPS);
	m->pa_port[0] = (uint16_t)rnd(8);
	m->pa_port[1] = (uint16_t)(m->pa_port[0] + rnd(4));
}

static void
rnd_rule(struct pf_rule *r)
{
	static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 50 };
	static const char *const tags[] = { "a", "b", "c" };

	memset(r, 0, sizeof(*r));
	r->pr_action = rnd(2) ? PF_PASS : PF_BLOCK;
	r->pr_keep = r->pr_action == PF_PASS && rnd(2);
	r->pr_dir = (uint8_t)rnd(3);
	r->pr_quick = rnd(12) == 0;
	r->pr_proto = protos[rnd(5)];
	if (rnd(2) == 0) {
		snprintf(r->pr_ifname, sizeof(r->pr_ifname), "%s", ifnames[rnd(6)]);
		r->pr_ifneg = rnd(4) == 0;
	}
	if ((r->pr_proto == 0 || r->pr_proto == IPPROTO_TCP) && rnd(3) == 0) {
		r->pr_flagset = 0x12;
		r->pr_flags = rnd(2) ? 0x02 : 0x10;
	}
	if (r->pr_proto == IPPROTO_ICMP && rnd(2) == 0) {
		r->pr_icmp_type = (uint16_t)(1 + rnd(10));
		r->pr_icmp_code = (uint16_t)rnd(3);
	}
	if (rnd(8) == 0)
		snprintf(r->pr_tag, sizeof(r->pr_tag), "%s", tags[rnd(3)]);
	if (rnd(8) == 0) {
		snprintf(r->pr_tagged, sizeof(r->pr_tagged), "%s", tags[rnd(3)]);
		r->pr_tagged_neg = (uint8_t)rnd(2);
	}
	if (rnd(10) == 0)
		r->pr_prob = 1 + rnd(UINT32_MAX / 2) * 2;
	rnd_end(&r->pr_src, r->pr_proto == IPPROTO_TCP || r->pr_proto == IPPROTO_UDP);
	rnd_end(&r->pr_dst, r->pr_proto == IPPROTO_TCP || r->pr_proto == IPPROTO_UDP);
}

static void
rnd_packet(struct pf_pdesc *pd)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 50, 47 };

	memset(pd, 0, sizeof(*pd));
	pd->pd_dir = rnd(2) ? PF_IN : PF_OUT;
	pd->pd_ifp = &ifs[rnd(3)];
	pd->pd_key.fk_af = AF_INET;
	pd->pd_key.fk_proto = protos[rnd(5)];
	pd->pd_key.fk_src4 = rnd_addr();
	pd->pd_key.fk_dst4 = rnd_addr();
	if (pd->pd_key.fk_proto == IPPROTO_TCP || pd->pd_key.fk_proto == IPPROTO_UDP) {
		pd->pd_key.fk_sport = htons((uint16_t)rnd(10));
		pd->pd_key.fk_dport = htons((uint16_t)rnd(10));
	}
	pd->pd_tcpflags = (uint8_t)(rnd(2) ? 0x02 : 0x10);
	pd->pd_icmp_type = (uint8_t)rnd(10);
	pd->pd_icmp_code = (uint8_t)rnd(3);
	pd->pd_rand = rnd(UINT32_MAX);
}

static void
interfaces(void)
{
	static const char *const addrs[] = { "10.0.0.1", "10.1.0.2", "10.2.2.3" };

	memset(ifs, 0, sizeof(ifs));
	for (unsigned i = 0; i < 3; i++) {
		snprintf(ifs[i].if_name, sizeof(ifs[i].if_name), "%s", ifnames[i]);
		snprintf(ifs[i].if_group, sizeof(ifs[i].if_group), "%s", i < 2 ? "em" : "lo");
		ifs[i].if_naddrs = 1;
		ifs[i].if_addr[0].ia_plen = (uint8_t)(24 - 8 * (i == 1));
		if (!addr_parse(addrs[i], &ifs[i].if_addr[0].ia_addr))
			abort();
		iftable.it_if[i] = &ifs[i];
	}
	iftable.it_n = 3;
}

/* A set with three tables, which the plain evaluator knows too. */
static void
rnd_set(struct pf_set *ps, unsigned nrules)
{
	const char *why;
	size_t added;
	struct pf_rule r;

	pf_set_init(ps);
	for (unsigned t = 0; t < 3; t++) {
		struct naive_table *nt = &ntables[t];

		snprintf(nt->name, sizeof(nt->name), "t%u", t);
		nt->n = 0;
		for (unsigned i = rnd(30); i > 0; i--) {
			struct pf_table_entry e = { .pe_prefix = rnd_prefix(), .pe_neg = rnd(3) == 0 };
			bool have = false;

			for (size_t j = 0; j < nt->n; j++)
				have |= memcmp(&nt->e[j].pe_prefix, &e.pe_prefix,
				    sizeof(e.pe_prefix)) == 0;
			if (!have)
				nt->e[nt->n++] = e;
		}
		if (pf_table_add(pf_set_table_make(ps, nt->name, 0), nt->e, nt->n, &added) != 0 ||
		    added != nt->n)
			abort();
	}
	for (unsigned i = 0; i < nrules; i++) {
		rnd_rule(&r);
		if (nrules > 80) {	/* more names than a walk has numbers for */
			memset(r.pr_ifname, 0, sizeof(r.pr_ifname));
			if (i <= 70)
				snprintf(r.pr_ifname, sizeof(r.pr_ifname), "x%u", i);
			else
				snprintf(r.pr_ifname, sizeof(r.pr_ifname), "%s", ifnames[i % 5]);
		}
		if (rnd(3) != 0 && i > 0 && nrules <= 80) {
			/* like its neighbour in most things: what skip steps live on */
			struct pf_rule *last = &ps->ps_rule[ps->ps_nrules - 1];
			struct pf_addr_match dst = r.pr_dst;

			r = *last;
			if (rnd(2))
				r.pr_dst.pa_port[0] = (uint16_t)rnd(8);
			else if (dst.pa_portop == PF_PORT_ANY)
				r.pr_dst = dst;
		}
		if (pf_set_rule(ps, &r, &why) != 0) {
			printf("random rule refused: %s\n", why);
			CU_FAIL("random rule refused");
		}
	}
}

static void
differential(void)
{
	struct pf_tags tags = { 0 };
	uint64_t decided = 0, differ = 0;

	interfaces();
	for (unsigned i = 0; i < RULESETS; i++) {
		struct pf_set ps;
		struct pf_ruleset *rs;
		unsigned n = i % 40 == 0 ? 81 + rnd(40) : 1 + rnd(60);

		rnd_set(&ps, n);
		rs = pf_ruleset_new(&ps, &tags, &iftable);
		CU_ASSERT_PTR_NOT_NULL_FATAL(rs);
		for (unsigned j = 0; j < PACKETS; j++) {
			struct pf_pdesc pd;
			struct pf_verdict pv;
			const char *tag = "";
			uint32_t nr;

			rnd_packet(&pd);
			nr = naive(rs->rs_set.ps_rule, rs->rs_n, &pd, &tag);
			pf_test(rs, &pd, &pv);
			decided += nr != 0;
			if (pv.pv_rule != nr || pv.pv_tag != pf_tag_number(&tags, tag) ||
			    pv.pv_pass != (nr == 0 ||
			    rs->rs_set.ps_rule[nr - 1].pr_action == PF_PASS))
				differ++;
		}
		pf_ruleset_free(rs);
	}
	free(tags.pt_name);
	CU_ASSERT_EQUAL(differ, 0);
	CU_ASSERT_TRUE(decided > (uint64_t)RULESETS * PACKETS / 4);
}

/* Skip steps are not only right but taken: few rules of a thousand are looked at. */
static void
skipping(void)
{
	char text[300000];
	struct pf_tags tags = { 0 };
	struct pf_set ps;
	struct pf_ruleset *rs;
	struct pf_pdesc pd;
	struct pf_verdict pv;
	uint64_t evals[1200] = { 0 }, sum = 0;
	size_t n = 0;

	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "pass in on em%u proto tcp from any to 10.%u.%u.0/24 port 80\n",
		    i / 250, i / 250, i % 250);
	interfaces();
	set_from(&ps, text);
	rs = pf_ruleset_new(&ps, &tags, &iftable);
	memset(&pd, 0, sizeof(pd));
	pd.pd_dir = PF_OUT;
	pd.pd_ifp = &ifs[0];
	pd.pd_key.fk_af = AF_INET;
	pd.pd_key.fk_proto = IPPROTO_TCP;
	pf_walk(rs, &pd, &pv, evals);
	for (unsigned i = 0; i < 1000; i++)
		sum += evals[i];
	CU_ASSERT_EQUAL(pv.pv_rule, 0);
	CU_ASSERT_TRUE(sum <= 4);
	pf_ruleset_free(rs);
	free(tags.pt_name);
}

/* ---- tables ---- */

static void
tables_random(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		struct pf_table *t = pf_table_new("t", 0);
		struct naive_table *nt = &ntables[0];
		size_t added, bad = 0;

		snprintf(nt->name, sizeof(nt->name), "t");
		nt->n = 0;
		for (unsigned j = rnd(40); j > 0; j--) {
			struct pf_table_entry e = { .pe_prefix = rnd_prefix(), .pe_neg = rnd(2) == 0 };

			if (pf_table_add(t, &e, 1, &added) != 0)
				abort();
			if (added)
				nt->e[nt->n++] = e;
			else	/* the newer sign counts */
				for (size_t k = 0; k < nt->n; k++)
					if (memcmp(&nt->e[k].pe_prefix, &e.pe_prefix, sizeof(e.pe_prefix)) == 0)
						nt->e[k].pe_neg = e.pe_neg;
		}
		if (nt->n != 0 && rnd(2) == 0) {
			CU_ASSERT_EQUAL(pf_table_delete(t, &nt->e[nt->n - 1], 1), 1);
			nt->n--;
		}
		CU_ASSERT_EQUAL(pf_table_compile(t), 0);
		for (unsigned j = 0; j < 300; j++) {
			uint32_t a = rnd(4) == 0 ? rnd(UINT32_MAX) : ntohl(rnd_addr());
			struct addr ad = addr_v4((struct in_addr){ htonl(a) });

			bad += pf_table_match4(t, a) != naive_in_table("t", &ad);
		}
		CU_ASSERT_EQUAL(bad, 0);
		pf_table_free(t);
	}
}

static void
tables_edges(void)
{
	static const struct { const char *entry; const char *in, *out; } rows[] = {
		{ "0.0.0.0/0", "255.255.255.255", NULL },
		{ "255.255.255.255", "255.255.255.255", "255.255.255.254" },
		{ "0.0.0.0", "0.0.0.0", "0.0.0.1" },
		{ "128.0.0.0/1", "255.255.255.255", "127.255.255.255" },
		{ "10.0.255.0/24", "10.0.255.255", "10.1.0.0" },
		{ "10.1.0.0/16", "10.1.255.255", "10.2.0.0" },
	};

	for (size_t i = 0; i < TEST_COUNT(rows); i++) {
		struct pf_table *t = pf_table_new("t", 0);
		struct pf_table_entry e;
		struct addr a;
		size_t n;

		test_row("%s", rows[i].entry);
		CU_ASSERT_TRUE(pf_entry_parse(rows[i].entry, &e));
		CU_ASSERT_FALSE(pf_table_match4(t, 0));
		CU_ASSERT_EQUAL(pf_table_add(t, &e, 1, &n), 0);
		CU_ASSERT_EQUAL(pf_table_compile(t), 0);
		CU_ASSERT_TRUE(addr_parse(rows[i].in, &a));
		CU_ASSERT_TRUE(pf_table_match4(t, ntohl(a.ad_v4.s_addr)));
		if (rows[i].out != NULL) {
			CU_ASSERT_TRUE(addr_parse(rows[i].out, &a));
			CU_ASSERT_FALSE(pf_table_match4(t, ntohl(a.ad_v4.s_addr)));
		}
		pf_table_free(t);
	}
}

static void
tables_large(void)
{
	struct pf_table *t = pf_table_new("t", 0);
	struct pf_table_entry *e = calloc(100000, sizeof(*e));
	size_t n, in = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		e[i].pe_prefix.pr_addr = addr_v4((struct in_addr){ htonl(i * 40503u) });
		e[i].pe_prefix.pr_len = 32;
	}
	CU_ASSERT_EQUAL(pf_table_add(t, e, 100000, &n), 0);
	CU_ASSERT_EQUAL(n, 100000);
	CU_ASSERT_EQUAL(pf_table_compile(t), 0);
	for (uint32_t i = 0; i < 100000; i++)
		in += pf_table_match4(t, i * 40503u) && !pf_table_match4(t, i * 40503u + 1);
	CU_ASSERT_EQUAL(in, 100000);
	CU_ASSERT_EQUAL(pf_table_delete(t, e, 100000), 100000);
	CU_ASSERT_EQUAL(pf_table_compile(t), 0);
	CU_ASSERT_FALSE(pf_table_match4(t, 0));
	pf_table_free(t);
	free(e);
}

TEST_MAIN(
	TEST("rules against a plain walk, a million packets", differential),
	TEST("skip steps skip", skipping),
	TEST("tables against a plain walk", tables_random),
	TEST("tables at the edges", tables_edges),
	TEST("a table of 100,000", tables_large))
