/* SPDX-License-Identifier: ISC */
/*
 * What pf_flow() costs a packet of a known flow: vectors of 64 packets whose
 * headers are parsed, flows at random, nothing else done with them.
 */

#include "clock.h"
#include "pf/flow_table.h"
#include "pf/track.h"
#include "load.h"
#include "sys/netinet/router.h"

#define ROUNDS	(1u << 22)

static struct pkt *
make(struct worker *w, unsigned i, uint8_t proto)
{
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = proto,
	    .tp_sport = (uint16_t)i, .tp_dport = (uint16_t)(1 + i / 60000), .tp_flags = 0x02,
	    .tp_seq = 1000 };
	struct pkt *p = pkt_alloc(w, 100);
	size_t n = tp_build(out, &s);

	if (p == NULL)
		abort();
	memcpy(p->pkt_data, out + TP_ETHER, n - TP_ETHER);
	p->pkt_len = (uint32_t)(n - TP_ETHER);
	p->pkt_ifp = em0;
	if (ip_parse(p) != DROP_NONE)
		abort();
	return p;
}

static void
measure(const char *name, unsigned flows, uint8_t proto)
{
	struct worker *w = nk->nk_worker[0];
	struct pkt **all = calloc(flows, sizeof(struct pkt *));
	enum pkt_next next[PKT_VEC_MAX];
	struct pktvec v;
	double t;
	uint32_t x = 1;

	w->w_now = world_clock(wo);
	for (unsigned i = 0; i < flows; i++) {
		all[i] = make(w, i, proto);
		v.pv_n = 1;
		v.pv_pkt[0] = all[i];
		pf_flow(w, &v, next);
		if (next[0] != PKT_NEXT_FORWARD)
			abort();
		if (proto == 6) {
			all[i]->pkt_l4[13] = 0x10;	/* what follows are ACKs */
			all[i]->pkt_tcpflags = 0x10;
			tp_put32(all[i]->pkt_l4 + 4, 1001);
			all[i]->pkt_flow->fl_peer[0].fp_state = TCP_PEER_OPEN;
			all[i]->pkt_flow->fl_peer[1].fp_state = TCP_PEER_OPEN;
		}
	}
	t = (double)clock_ns();
	for (unsigned r = 0; r < ROUNDS / PKT_VEC_MAX; r++) {
		v.pv_n = PKT_VEC_MAX;
		for (unsigned i = 0; i < PKT_VEC_MAX; i++) {
			x = x * 1664525 + 1013904223;
			v.pv_pkt[i] = all[flows == 1 ? 0 : (x >> 8) % flows];
		}
		pf_flow(w, &v, next);
	}
	t = (double)clock_ns() - t;
	printf("%-4s %7u flows: %5.1f ns a packet (%.0f %% hits)\n", name, flows,
	    t / ROUNDS, 100.0 * (double)world_count(nk, CNT_FLOW_HIT) / ROUNDS);
	nk->nk_worker[0]->w_count[CNT_FLOW_HIT] = 0;
	for (unsigned i = 0; i < flows; i++)
		pkt_free(w, all[i]);
	free(all);
	flow_flush(w);
}

/* First packets: path, rules of both sides, a new state; all under nk_lock. */
static void
measure_new(const char *name, const char *rules)
{
	struct worker *w = nk->nk_worker[0];
	enum pkt_next next[PKT_VEC_MAX];
	struct pkt **all = calloc(50000, sizeof(struct pkt *));
	double t;

	load(nk, rules);
	w->w_now = world_clock(wo);
	for (unsigned i = 0; i < 50000; i++)
		all[i] = make(w, i, 17);
	t = (double)clock_ns();
	for (unsigned i = 0; i < 50000; i++) {
		struct pktvec v = { .pv_n = 1, .pv_pkt = { all[i] } };

		pf_flow(w, &v, next);
	}
	printf("new state, %-22s %7.0f ns\n", name, ((double)clock_ns() - t) / 50000);
	for (unsigned i = 0; i < 50000; i++)
		pkt_free(w, all[i]);
	free(all);
	flow_flush(w);
}

int
main(void)
{
	static char rules[200000];
	size_t n = 0;

	static const unsigned counts[] = { 1, 100, 1000, 10000, 100000 };

	wo = world_new(11);
	nk = world_router_conf(wo, "r", (struct nk_conf){ .nc_workers = 1, .nc_small = 101000,
	    .nc_large = 4, .nc_flows = 200000 });
	em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	em1 = world_if(wo, nk, "em1", "10.0.1.1/24", 1500);
	know(A, mac_a);
	know(B, mac_b);
	load(nk, "pass all flags any\n");
	for (size_t i = 0; i < TEST_COUNT(counts); i++) {
		measure("UDP", counts[i], 17);
		measure("TCP", counts[i], 6);
	}
	measure_new("one rule:", "pass all\n");
	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)sprintf(rules + n, "pass in on em0 proto udp from any to 10.%u.%u.0/24 "
		    "port %u\n", 2 + i / 250, i % 250, i + 1);
	sprintf(rules + n, "pass\n");
	measure_new("1,000 unlike rules:", rules);
	for (n = 0; n < 50000;)
		n += (size_t)sprintf(rules + n, "pass in on em7 proto udp from any to 10.2.%zu.0/24\n",
		    n / 50 % 250);
	sprintf(rules + n, "pass\n");
	measure_new("1,000 that are skipped:", rules);
	world_free(wo);
	return 0;
}
