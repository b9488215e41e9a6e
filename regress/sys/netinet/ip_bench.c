/* SPDX-License-Identifier: ISC */
/*
 * Nanoseconds a packet, from the Ethernet header in to the Ethernet header
 * out, with a device that does nothing; and of the parts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "net/arp.h"
#include "net/ether.h"
#include "net/fib.h"
#include "netinet/ip.h"
#include "pf/flow.h"
#include "sys/testnull.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

#define FLOWS	1024

static struct world *wo;
static struct nk *nk;
static struct worker *w;
static struct ifnet *em0, *em1;
static uint8_t frames[FLOWS][2048];
static size_t frame_len;

static void
receive(struct pktvec *v, unsigned at, unsigned flows)
{
	v->pv_n = 0;
	for (unsigned i = 0; i < PKT_VEC_MAX; i++) {
		struct pkt *p = pkt_alloc(w, (uint32_t)frame_len);

		memcpy(p->pkt_data, frames[(at + i) % flows], frame_len);
		p->pkt_len = (uint32_t)frame_len;
		pktvec_add(v, p);
	}
}

static void
step_empty(struct pktvec *v)
{
	for (unsigned i = 0; i < v->pv_n; i++)
		pkt_free(w, v->pv_pkt[i]);
}

static void
step_parse(struct pktvec *v)
{
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];

		p->pkt_ifp = em0;
		pkt_pull(p, ETHER_HLEN);
		if (ip_parse(p) != DROP_NONE)
			abort();
		pkt_free(w, p);
	}
}

static void
step_forward(struct pktvec *v)
{
	ether_input(w, em0, v);
	if_flush(w);
}

/* Nanoseconds a packet; the best of five runs. */
static double
measure(void (*step)(struct pktvec *), unsigned flows)
{
	double best = 1e9;

	for (unsigned run = 0; run < 5; run++) {
		const unsigned rounds = 10000;
		struct pktvec v;
		double t = (double)clock_ns();

		for (unsigned i = 0; i < rounds; i++) {
			receive(&v, i * PKT_VEC_MAX, flows);
			step(&v);
		}
		t = ((double)clock_ns() - t) / rounds / PKT_VEC_MAX;
		if (t < best)
			best = t;
	}
	return best;
}

static void
build(size_t len)
{
	static const uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };

	for (unsigned i = 0; i < FLOWS; i++) {
		struct tp_spec s = { .tp_dmac = em0->if_mac, .tp_smac = mac,
		    .tp_src = "10.0.0.2", .tp_dst = "10.0.1.2", .tp_proto = 17,
		    .tp_sport = (uint16_t)(1024 + i), .tp_dport = 53,
		    .tp_len = len - 42 };

		frame_len = tp_build(frames[i], &s);
	}
}

static void
checksums(void)
{
	static const size_t sizes[] = { 64, 512, 1448, 65535 };
	static uint8_t data[65536];

	for (size_t i = 0; i < 4; i++) {
		unsigned rounds = (unsigned)(200000000 / (sizes[i] + 64));
		uint32_t sum = 0;
		double t = (double)clock_ns();

		for (unsigned k = 0; k < rounds; k++)
			sum = in_sum(data, sizes[i], sum);
		t = ((double)clock_ns() - t) / rounds;
		printf("checksum %5zu bytes %8.1f ns %6.1f GB/s%s\n", sizes[i], t,
		    (double)sizes[i] / t, sum == 1 ? " " : "");
	}
}

/* One super-packet of 44 segments: cut up, then joined again. */
static void
supers(void)
{
	static uint8_t frame[70000];
	struct tp_spec s = { .tp_src = "10.0.0.2", .tp_dst = "10.0.1.2", .tp_proto = 6,
	    .tp_flags = 0x10, .tp_off = 0x4000, .tp_len = 44 * 1448 };
	const unsigned rounds = 4000, n = 44;
	size_t len = tp_build(frame, &s) - TP_ETHER;
	double cut = 0, join = 0;

	em1->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	for (unsigned i = 0; i < rounds; i++) {
		struct pkt *p = pkt_alloc(w, (uint32_t)len);
		struct gso_state gs = { 0 };
		struct pktvec v = { 0 };
		double t;

		memcpy(p->pkt_data, frame + TP_ETHER, len);
		p->pkt_len = (uint32_t)len;
		p->pkt_oif = em1;
		p->pkt_gso = PKT_GSO_TCP4;
		p->pkt_gso_size = 1448;
		t = (double)clock_ns();
		if (!gso_segment(w, p, &gs, &v))
			abort();
		cut += (double)clock_ns() - t;
		pkt_free(w, p);
		for (unsigned k = 0; k < v.pv_n; k++)
			v.pv_pkt[k]->pkt_flags &= (uint16_t)~PKT_F_CSUM_OK;
		t = (double)clock_ns();
		gro_merge(w, &v);
		join += (double)clock_ns() - t;
		if (v.pv_n != 1)
			abort();
		pkt_free(w, v.pv_pkt[0]);
	}
	printf("super-packet of %u segments of 1448: cut %6.1f ns, join %6.1f ns a segment\n",
	    n, cut / rounds / n, join / rounds / n);
}

int
main(void)
{
	struct addr b;

	wo = world_new(1);
	nk = world_router_conf(wo, "r", (struct nk_conf){ .nc_workers = 1 });
	w = nk->nk_worker[0];
	em0 = null_if(nk, "em0", "10.0.0.1", IF_CAP_CSUM);
	em1 = null_if(nk, "em1", "10.0.1.1", IF_CAP_CSUM);
	if (!addr_parse("10.0.1.2", &b) ||
	    arp_set(nk, &b, (const uint8_t[]){ 2, 8, 8, 8, 8, 8 }) != 0)
		abort();
	w->w_now = world_clock(wo);
	for (size_t len = 64; len <= 1500; len = len == 64 ? 512 : len + 988) {
		double empty, parse;

		build(len);
		empty = measure(step_empty, 1);
		parse = measure(step_parse, 1);
		printf("%4zu bytes: buffer and copy %5.1f ns, checks and key %5.1f ns, "
		    "whole path beside the buffer: 1 flow %5.1f ns, %d flows %5.1f ns\n",
		    len, empty, parse - empty, measure(step_forward, 1) - empty, FLOWS,
		    measure(step_forward, FLOWS) - measure(step_empty, FLOWS));
	}
	checksums();
	supers();
	world_free(wo);
	return 0;
}
