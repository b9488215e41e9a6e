/* SPDX-License-Identifier: ISC */
/*
 * Flows of type `acquire' (ipsec.conf(5)) through two whole gateways in virtual
 * time: a station's packets pass in clear while iked negotiates beside them, and
 * are sealed from then on.  With a peer whose key is another they go on in clear,
 * and the question is put again and again, but seldom.
 */
#include "test.h"

#include "gateway.h"
#include "libutil/log.h"
#include "../sys/testpkt.h"

#define FRAME	100

static struct sim *s;
static unsigned clear, sealed;		/* frames of the station on the wire */

static void
watch(void *arg, struct ifnet *from, const uint8_t *f, size_t len)
{
	(void)arg;
	if (from != s->s_gw[0].g_wan || len < 34 || f[12] != 8 || f[13] != 0)
		return;
	sealed += f[23] == IPPROTO_ESP;
	clear += f[23] == IPPROTO_UDP && f[26] == 10;
}

/* Policies of a flow rule over both networks, of type acquire. */
static void
retype(struct gateway *g)
{
	for (unsigned dir = SP_IN; dir <= SP_OUT; dir++) {
		struct selector sel = { .sel_sport = { 0, 65535 }, .sel_dport = { 0, 65535 } };
		char mine[32], theirs[32];
		struct sp sp, *made;

		(void)snprintf(mine, sizeof(mine), "10.%u.0.0/24", g->g_net);
		(void)snprintf(theirs, sizeof(theirs), "10.%u.0.0/24", g->g_peer->g_net);
		(void)prefix_parse(dir == SP_OUT ? mine : theirs, &sel.sel_src);
		(void)prefix_parse(dir == SP_OUT ? theirs : mine, &sel.sel_dst);
		nk_lock(g->g_nk);
		made = spd_find(g->g_nk, dir, &sel);
		CU_ASSERT_PTR_NOT_NULL_FATAL(made);
		sp = *made;
		sp.sp_level = SP_LEVEL_USE;
		sp.sp_asks = true;
		sp.sp_reqid = 0;	/* any SA of the two ends */
		(void)snprintf(mine, sizeof(mine), "192.0.2.%u", g->g_net);
		(void)snprintf(theirs, sizeof(theirs), "192.0.2.%u", g->g_peer->g_net);
		(void)addr_parse(mine, &sp.sp_local);
		(void)addr_parse(theirs, &sp.sp_peer);
		CU_ASSERT_EQUAL(spd_update(g->g_nk, &sp, &made), 0);
		nk_unlock(g->g_nk);
	}
}

static void
gateway(unsigned i, const char *psk)
{
	struct gateway *g = &s->s_gw[i];
	char text[32];

	g->g_psk = psk;
	gateway_rule(g, "passive", "", 1);
	gateway_start(g);
	(void)snprintf(text, sizeof(text), "192.0.2.%u", g->g_peer->g_net);
	world_route(g->g_nk, i == 0 ? "10.2.0.0/24" : "10.1.0.0/24", text);
	retype(g);
}

static void
station_send(void)
{
	struct gateway *g = &s->s_gw[0];
	struct tp_spec spec = { .tp_dmac = g->g_lan->if_mac, .tp_smac = station_mac,
	    .tp_src = "10.1.0.2", .tp_dst = "10.2.0.2", .tp_proto = 17, .tp_sport = 4096,
	    .tp_dport = 8192, .tp_len = FRAME - TP_L4 };
	uint8_t f[FRAME];

	wire_put(g->g_lan, f, tp_build(f, &spec));
}

/* A packet each 100 ms; what station B has got of them. */
static unsigned
run(unsigned seconds)
{
	uint8_t f[WIRE_FRAME_MAX];
	unsigned got = 0;

	for (unsigned i = 0; i < seconds * 500; i++) {
		size_t len;

		if (i % 50 == 0)
			station_send();
		world_run(s->s_wo, STEP_NS);
		gateway_turn(&s->s_gw[0]);
		gateway_turn(&s->s_gw[1]);
		while ((len = wire_take(s->s_gw[1].g_lan, f, sizeof(f))) != 0)
			got += len == FRAME && f[23] == IPPROTO_UDP;
	}
	return got;
}

static void
begin(const char *psk)
{
	const struct wire wire = { .wi_delay_ns = 20 * NSEC_PER_MSEC };

	clear = sealed = 0;
	s = sim_new(1);
	world_link(s->s_wo, s->s_gw[0].g_wan, s->s_gw[1].g_wan, wire);
	world_tap(s->s_wo, watch, NULL);
	gateway(0, NULL);
	gateway(1, psk);
}

static void
in_clear_then_sealed(void)
{
	unsigned got;

	begin(NULL);
	got = run(2);
	test_row("nothing waits while it is negotiated");
	CU_ASSERT(clear >= 1 && clear <= 5);
	CU_ASSERT(got >= 18);		/* two may be on their way */
	test_row("then all is sealed");
	CU_ASSERT_EQUAL(clear + sealed, 20);
	clear = sealed = 0;
	got = run(20);
	CU_ASSERT_EQUAL(clear, 0);
	CU_ASSERT_EQUAL(sealed, 200);
	CU_ASSERT(got >= 198);
	test_row("asked for once");
	CU_ASSERT_EQUAL(world_count(s->s_gw[0].g_nk, CNT_SPD_ACQUIRE), 1);
	sim_free(s);
}

static void
in_clear_for_ever(void)
{
	unsigned got;

	begin("another-key-of-decent-length");
	got = run(60);
	test_row("a peer that cannot be proven: in clear");
	CU_ASSERT_EQUAL(clear, 600);
	CU_ASSERT_EQUAL(sealed, 0);
	CU_ASSERT(got >= 598);
	test_row("asked for every five seconds");
	CU_ASSERT(world_count(s->s_gw[0].g_nk, CNT_SPD_ACQUIRE) >= 10 &&
	    world_count(s->s_gw[0].g_nk, CNT_SPD_ACQUIRE) <= 13);
	sim_free(s);
}

static void
quiet(void)
{
	log_init("acquire", true, -1);
}

TEST_MAIN(
	TEST("no noise", quiet),
	TEST("in clear, then sealed", in_clear_then_sealed),
	TEST("in clear for ever", in_clear_for_ever))
