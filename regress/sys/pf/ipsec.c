/* SPDX-License-Identifier: ISC */
/*
 * Filter and IPsec are one decision: rules on enc0 and on the wire, and that
 * neither a state nor a rule takes the place of policy.
 *
 *	host 10.1.0.1 -- in0 [A] em0 ==== em0 [B] in0 -- host 10.2.0.1
 */
#include "load.h"
#include "netinet/ip.h"
#include "sys/netipsec/gateways.h"
#include "test.h"

#define HA	"10.1.0.1"
#define HB	"10.2.0.1"

static struct gateways gw;
static uint8_t got[4096];

static const struct tp_spec ab = { .tp_src = HA, .tp_dst = HB, .tp_proto = 17, .tp_sport = 1000,
    .tp_dport = 53, .tp_len = 40 };
static const struct tp_spec ba = { .tp_src = HB, .tp_dst = HA, .tp_proto = 17, .tp_sport = 53,
    .tp_dport = 1000, .tp_len = 40 };

static void
tunnel(bool with_sas)
{
	struct gateways_conf gc = { .gc_mode = SA_TUNNEL,
	    .gc_suite = with_sas ? suite_by_name("aes-128-gcm") : NULL };

	gateways_open(&gw, &gc);
}

static bool
reaches_b(void)
{
	send_a(&gw, &ab);
	return take_b(&gw, got, sizeof(got)) != 0;
}

static bool
reaches_a(void)
{
	send_b(&gw, &ba);
	return take_a(&gw, got, sizeof(got)) != 0;
}

/* A packet in clear arrives on the wire side of a gateway. */
static void
in_clear(struct nk *nk, struct ifnet *ifp, const struct tp_spec *s)
{
	struct worker *w = nk->nk_worker[0];
	struct pkt *p = pkt_alloc(w, 200);
	uint8_t frame[300];
	size_t n = tp_build(frame, s);
	struct pktvec v = { 0 };

	memcpy(p->pkt_data, frame + TP_ETHER, n - TP_ETHER);
	p->pkt_len = (uint32_t)(n - TP_ETHER);
	p->pkt_ifp = ifp;
	pktvec_add(&v, p);
	ip_input(w, &v);
	world_settle(gw.gw_world);
}

static void
protected(void)
{
	tunnel(true);
	load(gw.gw_a, "pass all\n");
	load(gw.gw_b, "pass all\n");
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(reaches_b());
		CU_ASSERT_TRUE(reaches_a());
	}
	CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_ESP_OUT), 5);
	CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ESP_OUT), 5);
	/* one state carries both directions of the inner connection */
	CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_FLOW_REFILL), 1);
	gateways_close(&gw);
}

/* A state is known, and still nothing of its flow enters in clear. */
static void
clear_on_a_known_flow(void)
{
	tunnel(true);
	load(gw.gw_a, "pass all\n");
	load(gw.gw_b, "pass all\n");
	CU_ASSERT_TRUE(reaches_b());
	CU_ASSERT_TRUE(reaches_a());
	in_clear(gw.gw_b, gw.gw_b_out, &ab);
	CU_ASSERT_EQUAL(take_b(&gw, got, sizeof(got)), 0);
	CU_ASSERT_EQUAL(world_drops(gw.gw_b, DROP_SPD_CLEAR), 1);
	in_clear(gw.gw_a, gw.gw_a_out, &ba);
	CU_ASSERT_EQUAL(take_a(&gw, got, sizeof(got)), 0);
	CU_ASSERT_EQUAL(world_drops(gw.gw_a, DROP_SPD_CLEAR), 1);
	CU_ASSERT_TRUE(reaches_b());
	CU_ASSERT_TRUE(reaches_a());
	gateways_close(&gw);
}

/* Without an SA nothing leaves in clear, also of a flow that was protected until now. */
static void
no_sa(void)
{
	test_row("never had one");
	tunnel(false);
	load(gw.gw_a, "pass all\n");
	uint64_t sent = gw.gw_a_out->if_count[0].ic_opackets;
	CU_ASSERT_FALSE(reaches_b());
	CU_ASSERT_EQUAL(gw.gw_a_out->if_count[0].ic_opackets, sent);
	gateways_close(&gw);

	test_row("lost it");
	tunnel(true);
	load(gw.gw_a, "pass all\n");
	load(gw.gw_b, "pass all\n");
	CU_ASSERT_TRUE(reaches_b());
	sent = gw.gw_a_out->if_count[0].ic_opackets;
	nk_lock(gw.gw_a);
	CU_ASSERT_EQUAL(sad_delete(gw.gw_a, gw.gw_ab[0]), 0);
	nk_unlock(gw.gw_a);
	CU_ASSERT_FALSE(reaches_b());
	CU_ASSERT_EQUAL(gw.gw_a_out->if_count[0].ic_opackets, sent);
	gateways_close(&gw);
}

/* A new SA for the policy: the flow moves to it, and asks no rules. */
static void
rekey(void)
{
	struct sa_params sx;
	struct sa *sa;
	const char *err = NULL;
	uint64_t refills;

	tunnel(true);
	load(gw.gw_a, "pass all\n");
	load(gw.gw_b, "pass all\n");
	CU_ASSERT_TRUE(reaches_b());
	load(gw.gw_a, "block all\npass out on em0 proto esp\n");	/* the state lives on */
	CU_ASSERT_TRUE(reaches_b());
	refills = world_count(gw.gw_a, CNT_FLOW_REFILL);
	for (unsigned i = 0; i < 2; i++) {
		struct nk *nk = i == 0 ? gw.gw_b : gw.gw_a;	/* the receiver first */

		sa_params(&sx, suite_by_name("aes-128-gcm"), "192.0.2.1", "192.0.2.2", 0x7777,
		    SA_TUNNEL, 9);
		sx.spp_reqid = gw.gw_ab[i == 0]->sa_reqid;
		nk_lock(nk);
		CU_ASSERT_EQUAL_FATAL(sad_add(nk, world_clock(gw.gw_world), &sx, &err, &sa), 0);
		nk_unlock(nk);
	}
	CU_ASSERT_TRUE(reaches_b());
	CU_ASSERT_EQUAL(sa->sa_packets, 1);
	CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_FLOW_REFILL), refills + 1);
	CU_ASSERT_TRUE(reaches_b());
	CU_ASSERT_EQUAL(world_count(gw.gw_a, CNT_FLOW_REFILL), refills + 1);
	gateways_close(&gw);
}

struct enc_case {
	const char	*name;
	const char	*a, *b;		/* rules */
	bool		 passes;
	enum drop_reason drop;		/* counted at either */
};

static const struct enc_case cases[] = {
	{ "enc0 out blocked before sealing", "pass\nblock out on enc0\n", "pass\n", false, DROP_PF_BLOCK },
	{ "enc0 in blocked after opening", "pass\n", "pass\nblock in on enc0\n", false, DROP_PF_BLOCK },
	{ "rules of the wire do not see the inner packet", "pass\n",
	    "pass\nblock in on em0 proto udp\n", true, DROP_NONE },
	{ "ESP blocked on the way out", "pass\nblock out on em0 proto esp\n", "pass\n", false, DROP_PF_BLOCK },
	{ "ESP blocked on the way in", "pass\n",
	    "pass\nblock on em0 proto esp\n", false, DROP_PF_BLOCK },
	{ "only what is needed", "block\npass in on in0\npass out on enc0\npass out on em0 proto esp\n",
	    "block\npass in on em0 proto esp\npass in on enc0\npass out on in0\n", true, DROP_NONE },
	{ "ESP in as the answer to ours", "pass\n",
	    "block\npass out on em0 proto esp\npass in on enc0\npass out on in0\n", true, DROP_NONE },
	{ "not if ours keeps no state", "pass\n",
	    "block\npass out on em0 proto esp no state\npass in on enc0\npass out on in0\n", false, DROP_PF_BLOCK },
	{ "tag from enc0 to the LAN", "pass\n",
	    "block\npass on em0\npass in on enc0 tag \"vpn\"\npass out on in0 tagged \"vpn\"\n", true, DROP_NONE },
};

static void
rules_on_enc0(void)
{
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		tunnel(true);
		load(gw.gw_a, cases[i].a);
		load(gw.gw_b, cases[i].b);
		CU_ASSERT_EQUAL(reaches_b(), cases[i].passes);
		if (!cases[i].passes)
			CU_ASSERT_EQUAL(world_drops(gw.gw_a, cases[i].drop) +
			    world_drops(gw.gw_b, cases[i].drop), 1);
		gateways_close(&gw);
	}
}

/* block return at the far end: the answer goes back through the tunnel. */
static void
answer_is_protected(void)
{
	tunnel(true);
	load(gw.gw_a, "pass all\n");
	load(gw.gw_b, "pass all\nblock return in on enc0\n");
	send_a(&gw, &(struct tp_spec){ .tp_src = HA, .tp_dst = HB, .tp_proto = 6, .tp_sport = 7,
	    .tp_dport = 8, .tp_flags = 2, .tp_seq = 100 });
	CU_ASSERT_EQUAL(take_a(&gw, got, sizeof(got)), 40);
	CU_ASSERT_EQUAL(got[9], 6);
	CU_ASSERT_EQUAL(got[33], 0x14);
	CU_ASSERT_EQUAL(world_count(gw.gw_b, CNT_ESP_OUT), 1);
	gateways_close(&gw);
}

TEST_MAIN(
	TEST("a protected flow", protected),
	TEST("clear text on a known flow", clear_on_a_known_flow),
	TEST("no SA", no_sa),
	TEST("a new SA", rekey),
	TEST("rules on enc0 and on the wire", rules_on_enc0),
	TEST("an answer is protected", answer_is_protected))
