/* SPDX-License-Identifier: ISC */
/*
 * One router between two stations, A on em0 and B on em1, whose Ethernet
 * addresses it knows.
 *
 *	A 10.0.0.2 ── em0 10.0.0.1 [r] 10.0.1.1 em1 ── B 10.0.1.2
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "test.h"
#include "net/arp.h"
#include "net/fib.h"
#include "netinet/ip.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

#define A	"10.0.0.2"
#define B	"10.0.1.2"

__attribute__((unused)) static const uint8_t mac_a[6] = { 2, 0xa, 0xa, 0xa, 0xa, 0xa };
__attribute__((unused)) static const uint8_t mac_b[6] = { 2, 0xb, 0xb, 0xb, 0xb, 0xb };
__attribute__((unused)) static const uint8_t mac_all[6] = { 255, 255, 255, 255, 255, 255 };
static struct world *wo;
static struct nk *nk;
static struct ifnet *em0, *em1;
static uint8_t out[70000];		/* what was built */
static uint8_t got[70000];		/* what came */

static inline void
know(const char *text, const uint8_t mac[6])
{
	struct addr a;

	if (!addr_parse(text, &a) || arp_set(nk, &a, mac) != 0)
		abort();
}

static inline void
setup_workers(unsigned workers)
{
	wo = world_new(11);
	nk = world_router(wo, "r", workers);
	em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	em1 = world_if(wo, nk, "em1", "10.0.1.1/24", 1500);
	know(A, mac_a);
	know(B, mac_b);
	world_settle(wo);
	wire_flush(em0);
	wire_flush(em1);
}

static inline void
setup(void)
{
	setup_workers(1);
}

static inline void
teardown(void)
{
	world_run(wo, 60 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	world_free(wo);
}

/* A sends; the spec's Ethernet addresses are filled in. */
static inline void
from_a(struct tp_spec s)
{
	s.tp_dmac = em0->if_mac;
	s.tp_smac = mac_a;
	wire_put_now(wo, em0, out, tp_build(out, &s));
}

static inline void
from_b(struct tp_spec s)
{
	s.tp_dmac = em1->if_mac;
	s.tp_smac = mac_b;
	wire_put_now(wo, em1, out, tp_build(out, &s));
}

/* The packet that the station at ifp gets: its length behind the Ethernet header, 0 if none. */
static inline size_t
take(struct ifnet *ifp)
{
	size_t n = wire_take(ifp, got, sizeof(got));

	return n < TP_ETHER ? 0 : n - TP_ETHER;
}

#define GOT_IP	(got + TP_ETHER)
#define GOT_L4	(got + TP_IP)

#endif
