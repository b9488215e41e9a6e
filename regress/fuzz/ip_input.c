/* SPDX-License-Identifier: ISC */
/*
 * Frames from the wire, several to one router: no read or write astray, no
 * buffer lost, and an honest ping is answered afterwards.
 *
 * Input: records of { u8 how, u8 length / 4, bytes }.  how: bit 0 the
 * interface, bit 1 repair the IPv4 header's sum, bit 2 a super-packet of
 * TCP, bit 3 of UDP, bit 4 the transport sum is unfinished, bit 5 a second
 * passes, bit 6 it is ARP, bit 7 Linux sent it above the host interface, which
 * gets what is for this router.
 */
#include <stdlib.h>

#include "libutil/cur.h"
#include "net/arp.h"
#include "net/ether.h"
#include "net/host.h"
#include "pf/flow.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct world *wo;
static struct nk *nk;
static struct ifnet *ifs[2], *host;
static const uint8_t mac[6] = { 2, 5, 5, 5, 5, 5 };

static void
know(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a) || arp_set(nk, &a, mac) != 0)
		abort();
}

static void
begin(void)
{
	wo = world_new(1);
	nk = world_router(wo, "r", 1);
	ifs[0] = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	ifs[1] = world_if(wo, nk, "em1", "10.0.1.1/24", 600);
	ifs[1]->if_caps = IF_CAP_CSUM | IF_CAP_TSO | IF_CAP_USO;
	know("10.0.0.2");
	know("10.0.1.2");
	host = world_if(wo, nk, "host0", NULL, 1500);
	host->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	host->if_flags |= IF_F_HOST;
	nk_lock(nk);
	host_attach(nk, host);
	nk_unlock(nk);
	world_settle(wo);
}

static void
flush(void)
{
	wire_flush(ifs[0]);
	wire_flush(ifs[1]);
	wire_flush(host);
}

/* One frame, as a driver would hand it up. */
static void
frame(unsigned how, const uint8_t *bytes, size_t n)
{
	struct worker *w = nk->nk_worker[0];
	struct pkt *p = pkt_alloc(w, (uint32_t)n + 14);
	struct pktvec v = { .pv_n = 1, .pv_pkt = { p } };
	struct ifnet *ifp = ifs[how & 1];
	uint8_t *ip;
	size_t hlen;

	if (p == NULL)
		abort();
	memcpy(p->pkt_data, ifp->if_mac, 6);
	memcpy(p->pkt_data + 6, mac, 6);
	p->pkt_data[12] = 8;
	p->pkt_data[13] = (how & 0x40) ? 6 : 0;
	memcpy(p->pkt_data + 14, bytes, n);
	p->pkt_len = (uint32_t)n + 14;
	ip = p->pkt_data + 14;
	hlen = n < 20 ? 0 : (ip[0] & 15u) * 4;
	if ((how & 2) && hlen >= 20 && hlen <= n) {
		tp_put16(ip + 10, 0);
		tp_put16(ip + 10, (uint16_t)~tp_sum(ip, hlen, 0));
	}
	if (how & 12) {
		p->pkt_gso = how & 4 ? PKT_GSO_TCP4 : PKT_GSO_UDP;
		p->pkt_gso_size = (uint16_t)(1 + n / 3);
	}
	if (how & 0x1c) {
		p->pkt_flags |= PKT_F_CSUM_PARTIAL;
		p->pkt_csum_base = p->pkt_data;
		p->pkt_csum_start = (uint16_t)(14 + hlen);
		p->pkt_csum_off = how & 4 ? 16 : 6;
	}
	w->w_now = world_clock(wo);
	if (how & 0x80)
		host_input(w, host, &v);
	else
		ether_input(w, ifp, &v);
	world_settle(wo);
	if (how & 0x20)
		world_run(wo, NSEC_PER_SEC);
}

static void
honest(void)
{
	struct tp_spec s = { .tp_dmac = ifs[0]->if_mac, .tp_smac = mac,
	    .tp_src = "10.0.0.2", .tp_dst = "10.0.0.1", .tp_proto = 1, .tp_flags = 8,
	    .tp_sport = 1, .tp_len = 8 };
	uint8_t f[100];

	flush();
	wire_put_now(wo, ifs[0], f, tp_build(f, &s));
	if (wire_take(ifs[0], f, sizeof(f)) != 50 || f[34] != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cur c = cur_init(data, size);

	if (wo == NULL)
		begin();
	while (cur_left(&c) > 2) {
		unsigned how = cur_u8(&c), n = cur_u8(&c) * 4u;

		if (n > cur_left(&c))
			n = (unsigned)cur_left(&c);
		frame(how, cur_bytes(&c, n), n);
	}
	flow_flush(nk->nk_worker[0]);
	honest();
	flow_flush(nk->nk_worker[0]);
	flush();
	world_run(wo, 20 * NSEC_PER_SEC);
	flush();
	if (world_busy(nk) != 0)
		abort();
	return 0;
}
