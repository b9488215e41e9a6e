/* SPDX-License-Identifier: ISC */
/*
 * Two workers on threads of their own forward, answer and reassemble while
 * routes and neighbours change under them.  Built with a thread sanitizer
 * this says whether what they share is shared rightly; as it is, that
 * nothing is lost or used after its end.
 */
#include <pthread.h>
#include <time.h>

#include "test.h"
#include "net/arp.h"
#include "net/ether.h"
#include "net/fib.h"
#include "netinet/ip.h"
#include "sys/testnull.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

#define CHANGES	1500

static struct nk *nk;
static struct ifnet *em0, *em1;
static _Atomic bool stop;
static _Atomic uint64_t clock_ns = WORLD_START;
static _Atomic uint32_t dice = 1;

static void
roll(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(atomic_fetch_add(&dice, 2654435761u) >> 16);
}

/* The k-th packet of a worker: through, to us, nowhere; whole or a piece. */
static struct pkt *
packet(struct worker *w, unsigned k)
{
	struct tp_spec s = { .tp_dmac = em0->if_mac, .tp_src = "10.0.0.2",
	    .tp_dst = k % 7 != 0 ? "10.0.1.2" : k % 3 != 0 ? "10.0.0.1" : "192.0.2.7",
	    .tp_proto = k % 5 != 0 ? 17 : 1, .tp_flags = 8, .tp_dport = 7,
	    .tp_sport = (uint16_t)(1000 + k % 50), .tp_len = 32 + k % 64,
	    .tp_id = (uint16_t)(k * 2 + w->w_id) };
	struct pkt *p = pkt_alloc(w, 200);

	if (p == NULL)
		return NULL;
	if (k % 11 == 0) {
		s.tp_off = 0x2000;
		s.tp_len = 40;
	}
	p->pkt_len = (uint32_t)tp_build(p->pkt_data, &s);
	return p;
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	worker_thread_begin(w);
	for (unsigned k = 0; !stop;) {
		struct clock_now now = { .now_ns = atomic_fetch_add(&clock_ns, 100000),
		    .now_wall = WORLD_WALL };
		struct pktvec v = { 0 };

		w->w_now = now;
		for (unsigned i = 0; i < 32; i++) {
			struct pkt *p = packet(w, k++);

			if (p != NULL)
				pktvec_add(&v, p);
		}
		ether_input(w, em0, &v);
		worker_turn(w, now);
		worker_park(w);
	}
	worker_thread_end(w);
	return NULL;
}

/* What an operator does, one thing at a time. */
static void
change(unsigned k)
{
	const uint8_t mac[6] = { 2, 1, 1, 1, 1, (uint8_t)k };
	struct route rt = { .rt_flags = RT_F_STATIC };
	struct addr b;

	if (!addr_parse("10.0.1.2", &b) || !addr_parse("10.0.1.9", &rt.rt_gw) ||
	    !prefix_parse("192.0.2.0/24", &rt.rt_dst))
		abort();
	nk_lock(nk);
	if (k % 3 == 0)
		(void)arp_set(nk, &b, mac);
	else if (k % 30 == 1)
		(void)arp_delete(nk, &b);
	if (k % 2 == 0)
		CU_ASSERT_EQUAL(fib_add(nk, &rt), 0);
	if (k % 2 != 0)
		CU_ASSERT_EQUAL(fib_delete(nk, &rt.rt_dst, NULL), 0);
	nk_unlock(nk);
}

/* Neighbours and fragments that wait hold buffers; in the end nothing does. */
static void
drain(void)
{
	for (unsigned i = 0; i < 200; i++) {
		struct clock_now now = { .now_ns = atomic_fetch_add(&clock_ns, NSEC_PER_SEC / 2),
		    .now_wall = WORLD_WALL };

		for (unsigned k = 0; k < 2; k++)
			worker_turn(nk->nk_worker[k], now);
	}
}

static uint64_t
sent(const struct ifnet *ifp)
{
	return ifp->if_count[0].ic_opackets + ifp->if_count[1].ic_opackets;
}

static void
two_workers(void)
{
	const struct nk_conf nc = { .nc_workers = 2, .nc_small = 4096, .nc_large = 64,
	    .nc_flows = 1024, .nc_rand = roll };
	pthread_t th[2];

	nk = nk_new(&nc, (struct clock_now){ WORLD_START, WORLD_WALL });
	nk_lock(nk);
	em0 = null_if(nk, "em0", "10.0.0.1", IF_CAP_CSUM | IF_CAP_TSO);
	em1 = null_if(nk, "em1", "10.0.1.1", IF_CAP_CSUM | IF_CAP_TSO);
	nk_unlock(nk);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&th[i], NULL, work, nk->nk_worker[i]);
	for (unsigned k = 0; k < CHANGES; k++) {
		change(k);
		nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
	}
	stop = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
	CU_ASSERT_TRUE(sent(em0) + sent(em1) > 1000);
	CU_ASSERT_TRUE(world_count(nk, CNT_HANDOVER) > 0);
	drain();
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	nk_free(nk);
}

TEST_MAIN(TEST("two workers, while routes and neighbours change", two_workers))
