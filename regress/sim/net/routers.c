/* SPDX-License-Identifier: ISC */
/*
 * Routers in a row in one process, from a seed: links of different MTU that
 * lose, repeat, delay and reorder, devices that cut super-packets or not,
 * one to three workers each.
 *
 *	[r0] ──link 0── [r1] ──link 1── [r2] ... [rN]
 *
 * A program on r0 sends datagrams of 0 to 9,000 bytes to a program on rN,
 * which sends each back; r0 pings rN and every router between.  At the end of
 * each history:
 *
 *	every datagram that came is byte for byte one that was sent
 *	on links that lose nothing, all came, and as often as they were sent
 *	what has no route, or circles, ends with an ICMP error
 *	no packet buffer, fragment or neighbour timer is left behind
 *
 *	routers [part of a test's name]; SEED=n runs that history alone
 */
#include <arpa/inet.h>

#include "test.h"
#include "netinet/frag.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "sys/testpkt.h"
#include "sys/testwire.h"

#define ROUTERS_MAX	5
#define SENDS		60
#define ECHO_PORT	7
#define MY_PORT		1007
#define BIG		9000

struct history {
	struct world		*hi_wo;
	struct nk		*hi_nk[ROUTERS_MAX];
	struct ifnet		*hi_left[ROUTERS_MAX], *hi_right[ROUTERS_MAX];
	unsigned		 hi_n;
	bool			 hi_clean;	/* links lose nothing */
	bool			 hi_dup;
	struct udp_client	 hi_sender, hi_echoer;
	size_t			 hi_len[SENDS];
	unsigned		 hi_came[SENDS];
	unsigned		 hi_sent, hi_back, hi_wrong;
	unsigned		 hi_pings;
};

/* ---- datagrams that know what they must be ---- */

static void
fill(uint8_t *d, unsigned n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		d[i] = (uint8_t)(n * 13 + i * 7 + (i >> 8));
	if (len >= 2)
		tp_put16(d, n);
}

/* The number of a datagram that is exactly what was sent; -1. */
static int
recognise(const struct history *hi, const uint8_t *d, size_t len)
{
	uint8_t want[BIG];
	unsigned n;

	if (len < 2 || (n = tp_get16(d)) >= SENDS || hi->hi_len[n] != len)
		return -1;
	fill(want, n, len);
	return memcmp(want, d, len) == 0 ? (int)n : -1;
}

static void
tell(struct history *hi, unsigned r, struct udp_client *uc, struct udp_msg m,
    const void *data, size_t len)
{
	static uint8_t rec[sizeof(struct udp_msg) + BIG];
	struct nk *nk = hi->hi_nk[r];

	memcpy(rec, &m, sizeof(m));
	if (len != 0)
		memcpy(rec + sizeof(m), data, len);
	nk_lock(nk);
	nk->nk_worker[0]->w_now = world_clock(hi->hi_wo);
	udp_client_message(nk->nk_worker[0], uc, rec, sizeof(m) + len);
	nk_unlock(nk);
}

static bool
sender_gets(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	struct history *hi = arg;
	int n;

	if (m->um_op != UDP_DATA)
		return true;
	if ((n = recognise(hi, data, len)) < 0)
		hi->hi_wrong++;
	else
		hi->hi_came[n]++;
	hi->hi_back++;
	return true;
}

static bool
echoer_gets(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	struct history *hi = arg;
	static uint8_t copy[BIG];
	struct udp_msg back = { .um_op = UDP_DATA, .um_lport = m->um_lport,
	    .um_rport = m->um_rport, .um_laddr = m->um_laddr, .um_raddr = m->um_raddr };

	if (m->um_op != UDP_DATA)
		return true;
	if (len > sizeof(copy) || recognise(hi, data, len) < 0) {
		hi->hi_wrong++;
		return true;
	}
	memcpy(copy, data, len);
	tell(hi, hi->hi_n - 1, &hi->hi_echoer, back, copy, len);
	return true;
}

/* ---- the row ---- */

static unsigned
pick(struct history *hi, unsigned from, unsigned to)
{
	return from + (unsigned)(world_rand(hi->hi_wo) % (to - from + 1));
}

static void
link_up(struct history *hi, unsigned i)
{
	struct world *wo = hi->hi_wo;
	unsigned mtu = pick(hi, 0, 2) == 0 ? pick(hi, 576, 1500) : 1500;
	struct wire wi = { .wi_delay_ns = pick(hi, 0, 20) * NSEC_PER_MSEC };
	char a[24], b[24];

	if (!hi->hi_clean)
		wi.wi_loss = pick(hi, 0, 150);
	if (hi->hi_dup)
		wi.wi_dup = pick(hi, 0, 150);
	if (pick(hi, 0, 1))
		wi.wi_jitter_ns = pick(hi, 1, 10) * NSEC_PER_MSEC;
	snprintf(a, sizeof(a), "10.0.%u.1/24", i);
	snprintf(b, sizeof(b), "10.0.%u.2/24", i);
	hi->hi_right[i] = world_if(wo, hi->hi_nk[i], "em1", a, mtu);
	hi->hi_left[i + 1] = world_if(wo, hi->hi_nk[i + 1], "em0", b, mtu);
	if (pick(hi, 0, 1))
		hi->hi_right[i]->if_caps = IF_CAP_CSUM | IF_CAP_TSO | IF_CAP_USO;
	world_link(wo, hi->hi_right[i], hi->hi_left[i + 1], wi);
}

static void
routes(struct history *hi)
{
	char dst[24], gw[24];

	for (unsigned r = 0; r < hi->hi_n; r++)
		for (unsigned net = 0; net + 1 < hi->hi_n; net++) {
			if (net == r || net + 1 == r)
				continue;
			snprintf(dst, sizeof(dst), "10.0.%u.0/24", net);
			snprintf(gw, sizeof(gw), net > r ? "10.0.%u.2" : "10.0.%u.1",
			    net > r ? r : r - 1);
			world_route(hi->hi_nk[r], dst, gw);
		}
	/* r1 and the next, or r0 itself, send this to each other: it circles */
	world_route(hi->hi_nk[0], "198.51.100.0/24", "10.0.0.2");
	world_route(hi->hi_nk[1], "198.51.100.0/24", hi->hi_n > 2 ? "10.0.1.2" : "10.0.0.1");
	if (hi->hi_n > 2)
		world_route(hi->hi_nk[2], "198.51.100.0/24", "10.0.1.1");
	/* and this ends at r1 */
	world_route(hi->hi_nk[0], "203.0.113.0/24", "10.0.0.2");
}

static void
start(struct history *hi, uint64_t seed, bool clean, bool dup)
{
	struct world *wo = world_new(seed);

	*hi = (struct history){ .hi_wo = wo, .hi_clean = clean, .hi_dup = dup };
	hi->hi_n = pick(hi, 2, ROUTERS_MAX);
	for (unsigned i = 0; i < hi->hi_n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%u", i);
		hi->hi_nk[i] = world_router(wo, name, pick(hi, 1, 3));
	}
	for (unsigned i = 0; i + 1 < hi->hi_n; i++)
		link_up(hi, i);
	routes(hi);
	hi->hi_sender = (struct udp_client){ .uc_send = sender_gets, .uc_arg = hi };
	hi->hi_echoer = (struct udp_client){ .uc_send = echoer_gets, .uc_arg = hi };
	udp_client_add(hi->hi_nk[0], &hi->hi_sender);
	udp_client_add(hi->hi_nk[hi->hi_n - 1], &hi->hi_echoer);
	tell(hi, 0, &hi->hi_sender, (struct udp_msg){ .um_op = UDP_BIND,
	    .um_lport = htons(MY_PORT) }, NULL, 0);
	tell(hi, hi->hi_n - 1, &hi->hi_echoer, (struct udp_msg){ .um_op = UDP_BIND,
	    .um_lport = htons(ECHO_PORT) }, NULL, 0);
	world_settle(wo);
}

static void
send_one(struct history *hi, unsigned n)
{
	struct udp_msg m = { .um_op = UDP_DATA, .um_lport = htons(MY_PORT),
	    .um_rport = htons(ECHO_PORT) };
	uint8_t d[BIG];
	char text[24];

	snprintf(text, sizeof(text), "10.0.%u.2", hi->hi_n - 2);
	(void)addr_parse(text, &m.um_raddr);
	hi->hi_len[n] = pick(hi, 2, pick(hi, 0, 3) == 0 ? BIG : 1472);
	fill(d, n, hi->hi_len[n]);
	tell(hi, 0, &hi->hi_sender, m, d, hi->hi_len[n]);
	hi->hi_sent++;
}

static void
ping(struct history *hi, const char *dst, uint8_t ttl)
{
	struct worker *w = hi->hi_nk[0]->nk_worker[0];
	struct tp_spec s = { .tp_src = "10.0.0.1", .tp_dst = dst, .tp_proto = 1,
	    .tp_flags = 8, .tp_sport = (uint16_t)pick(hi, 1, 60000), .tp_ttl = ttl,
	    .tp_dport = 1, .tp_id = (uint16_t)pick(hi, 0, 65535), .tp_len = pick(hi, 0, 1400) };
	static uint8_t f[2048];
	size_t n = tp_build(f, &s) - TP_ETHER;
	struct pkt *p = pkt_alloc(w, (uint32_t)n);

	w->w_now = world_clock(hi->hi_wo);
	memcpy(p->pkt_data, f + TP_ETHER, n);
	p->pkt_len = (uint32_t)n;
	ip_send(w, p);
	hi->hi_pings++;
}

static void
finish(struct history *hi)
{
	unsigned left = 0;

	udp_client_remove(hi->hi_nk[0], &hi->hi_sender);
	udp_client_remove(hi->hi_nk[hi->hi_n - 1], &hi->hi_echoer);
	world_run(hi->hi_wo, 2 * FRAG_TIMEOUT_NS);
	for (unsigned i = 0; i < hi->hi_n; i++) {
		left += world_busy(hi->hi_nk[i]);
		for (unsigned k = 0; k < hi->hi_nk[i]->nk_nworkers; k++)
			left += frag_pending(hi->hi_nk[i]->nk_worker[k]);
	}
	CU_ASSERT_EQUAL(left, 0);
	if (getenv("SEED") != NULL)
		for (unsigned i = 0; i < hi->hi_n; i++) {
			printf("r%u:\n", i);
			world_print(hi->hi_nk[i]);
		}
	world_free(hi->hi_wo);
}

/* ---- histories ---- */

/* Neighbours are asked for, with loss, until each link knows; then all begins. */
static void
warm_up(struct history *hi)
{
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned net = 0; net + 1 < hi->hi_n; net++) {
			char text[24];

			snprintf(text, sizeof(text), "10.0.%u.2", net);
			ping(hi, text, 64);
		}
		world_run(hi->hi_wo, NSEC_PER_SEC);
	}
}

static void
history(uint64_t seed, bool clean, bool dup)
{
	static struct history hi;
	unsigned missing = 0, often = 0;

	test_row("SEED=%llu", (unsigned long long)seed);
	start(&hi, seed, clean, dup);
	warm_up(&hi);
	for (unsigned n = 0; n < SENDS; n++) {
		send_one(&hi, n);
		if (pick(&hi, 0, 3) == 0)
			ping(&hi, "10.0.0.2", 64);
		if (pick(&hi, 0, 1))
			world_run(hi.hi_wo, pick(&hi, 0, 50) * NSEC_PER_MSEC);
	}
	world_run(hi.hi_wo, 3 * NSEC_PER_SEC);
	for (unsigned n = 0; n < SENDS; n++) {
		missing += hi.hi_came[n] == 0;
		often += hi.hi_came[n] > 1;
	}
	CU_ASSERT_EQUAL(hi.hi_wrong, 0);
	if (clean)
		CU_ASSERT_EQUAL(missing, 0);
	if (!dup)
		CU_ASSERT_EQUAL(often, 0);
	CU_ASSERT_TRUE(hi.hi_back > 0);
	finish(&hi);
}

static void
seeds(uint64_t first, unsigned n, bool clean, bool dup)
{
	const char *one = getenv("SEED");

	if (one != NULL) {
		uint64_t seed = strtoull(one, NULL, 10);

		if (seed >= first && seed < first + n)
			history(seed, clean, dup);
		return;
	}
	for (uint64_t s = first; s < first + n; s++)
		history(s, clean, dup);
}

static void
clean_links(void)
{
	seeds(1000, 40, true, false);
}

static void
repeating_links(void)
{
	seeds(2000, 40, true, true);
}

static void
bad_links(void)
{
	seeds(3000, 120, false, true);
}

/* What circles ends by its time to live; what has no route ends at once. Both are told. */
static void
nowhere(void)
{
	static struct history hi;
	uint64_t told;

	for (uint64_t seed = 4000; seed < 4010; seed++) {
		if (getenv("SEED") != NULL && strtoull(getenv("SEED"), NULL, 10) != seed)
			continue;
		test_row("SEED=%llu", (unsigned long long)seed);
		start(&hi, seed, true, false);
		warm_up(&hi);
		told = world_count(hi.hi_nk[0], CNT_ICMP_ERROR_IN);
		ping(&hi, "198.51.100.1", 255);
		world_run(hi.hi_wo, 20 * NSEC_PER_SEC);
		if (hi.hi_n > 2) {
			CU_ASSERT_EQUAL(world_drops(hi.hi_nk[1], DROP_IP_TTL) +
			    world_drops(hi.hi_nk[2], DROP_IP_TTL), 1);
			CU_ASSERT_EQUAL(world_count(hi.hi_nk[0], CNT_ICMP_ERROR_IN), told + 1);
		} else {
			/* r0 refuses what comes back with its own address as source */
			CU_ASSERT_EQUAL(world_drops(hi.hi_nk[0], DROP_IP_ADDR), 1);
		}
		ping(&hi, "203.0.113.1", 64);
		world_run(hi.hi_wo, NSEC_PER_SEC);
		CU_ASSERT_EQUAL(world_drops(hi.hi_nk[1], DROP_IP_NOROUTE), 1);
		CU_ASSERT_TRUE(world_count(hi.hi_nk[0], CNT_ICMP_ERROR_IN) > told);
		finish(&hi);
	}
}

TEST_MAIN(
	TEST("links that lose nothing", clean_links),
	TEST("links that repeat", repeating_links),
	TEST("links that lose, repeat and reorder", bad_links),
	TEST("packets that lead nowhere", nowhere))
