/* SPDX-License-Identifier: ISC */
/*
 * A million routes: time and memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "net/fib.h"
#include "sys/testwire.h"

/* Lengths as in the Internet's table: six in ten are /24. */
static unsigned
length(struct world *wo)
{
	static const uint8_t table[10] = { 24, 24, 24, 24, 24, 24, 23, 22, 20, 16 };
	unsigned len = table[world_rand(wo) % 10];

	return len == 16 ? 8 + (unsigned)(world_rand(wo) % 12) : len;
}

int
main(void)
{
	const unsigned n = 1000000, lookups = 5000000;
	struct world *wo = world_new(1);
	struct nk *nk = world_router(wo, "a", 1);
	struct ifnet *em0 = world_if(wo, nk, "em0", "10.0.0.1/24", 1500);
	struct addr *dst = calloc(1 << 16, sizeof(*dst));
	uint64_t hits = 0;
	unsigned added = 0;
	double t;

	t = (double)clock_ns();
	while (added < n) {
		struct route rt = { .rt_if = em0, .rt_flags = RT_F_STATIC };

		rt.rt_dst.pr_len = (uint8_t)length(wo);
		rt.rt_dst.pr_addr.ad_af = AF_INET;
		rt.rt_dst.pr_addr.ad_v4.s_addr = (uint32_t)world_rand(wo);
		addr_mask(&rt.rt_dst.pr_addr, rt.rt_dst.pr_len);
		added += fib_add(nk, &rt) == 0;
	}
	t = (double)clock_ns() - t;
	printf("add     %8.0f ns a route, %u routes\n", t / n, n);
	printf("memory  %8.1f MB, %.0f bytes a route\n", (double)fib_bytes(nk) / 1e6,
	    (double)fib_bytes(nk) / n);
	for (unsigned i = 0; i < 1 << 16; i++) {
		dst[i].ad_af = AF_INET;
		dst[i].ad_v4.s_addr = (uint32_t)world_rand(wo);
	}
	t = (double)clock_ns();
	for (unsigned i = 0; i < lookups; i++)
		hits += fib_lookup(nk, &dst[i & 0xffff]) != NULL;
	t = (double)clock_ns() - t;
	printf("lookup  %8.1f ns, random destinations, %.0f %% found\n", t / lookups,
	    100.0 * (double)hits / lookups);
	t = (double)clock_ns();
	for (unsigned i = 0; i < lookups; i++)
		hits += fib_lookup(nk, &dst[i & 15]) != NULL;
	t = (double)clock_ns() - t;
	printf("lookup  %8.1f ns, 16 destinations\n", t / lookups);
	t = (double)clock_ns();
	fib_flush(nk);
	t = (double)clock_ns() - t;
	printf("flush   %8.0f ns a route\n", t / n);
	free(dst);
	world_free(wo);
	return hits == 0;
}
