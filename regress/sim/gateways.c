/* SPDX-License-Identifier: ISC */
/*
 * Two whole gateways in one process: network kernel, key socket, UDP service,
 * ike process and IKE core of each are the objects that run in the router.
 * Virtual time, and a wire between them that loses, repeats, delays and
 * reorders, come from one seed.
 *
 *	station A -- [lan0 A wan0] ==== wire ==== [wan0 B lan0] -- station B
 *
 * The stations send numbered packets to each other all the time, while the
 * child SA and the IKE SA are rekeyed by lifetime and by command, at one end or
 * both at once.  In one history of four A's rule says `encap', and the wire
 * takes super-packets.  At the end of each history:
 *
 *	nothing but IKE, ESP and ARP was on the wire; with `encap', ESP in UDP
 *	no packet arrived twice, changed, or at the wrong station
 *	on a wire that loses nothing, no packet was lost once the tunnel was up
 *	one pair of SAs is left at each end, and both carry traffic
 *	after the last command nothing is left: SAs, exchanges, packet buffers
 *
 *	gateways [seeds [first]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "station.h"
#include "libutil/log.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEEDS		40	/* each takes seven times as long */
#endif
#endif
#ifndef SEEDS
#define SEEDS		300
#endif

/* ---- configuration -------------------------------------------------- */

static bool
in_udp(const struct sim *s)
{
	return s->s_seed % 4 == 2;
}

static void
start(struct gateway *g, bool active, bool encap)
{
	gateway_rule(g, active ? "active" : "passive", encap ?
	    "encap ikelifetime 60 lifetime 25" : "ikelifetime 60 lifetime 25", 1);
	gateway_start(g);
}

/* ---- the wire ------------------------------------------------------- */

/* Nothing of the stations may be on the wire between the gateways. */
static void
watch(void *arg, struct ifnet *from, const uint8_t *f, size_t len)
{
	struct sim *s = arg;
	unsigned dport;

	if (from != s->s_gw[0].g_wan && from != s->s_gw[1].g_wan)
		return;
	if (len >= 14 && f[12] == 8 && f[13] == 6)
		return;
	if (len >= 34 && f[12] == 8 && f[13] == 0) {
		if (f[23] == IPPROTO_ESP && !in_udp(s))
			return;
		dport = (unsigned)f[36] << 8 | f[37];
		if (f[23] == IPPROTO_UDP && len >= 42 &&
		    (dport == 500 || dport == 4500))
			return;
	}
	if (s->s_clear++ == 0)
		bad(s, "a packet in clear on the wire", from->if_name, len);
}

/* ---- a history ------------------------------------------------------ */

struct count {
	struct gateway	*c_gw;
	unsigned	 c_up, c_lines;
};

static void
count_up(void *arg, const struct ike_status *st)
{
	struct count *c = arg;

	c->c_lines++;
	c->c_up += st->st_state == IKE_ST_UP;
}

static unsigned
pairs_up(struct gateway *g)
{
	struct count c = { .c_gw = g };

	ike_status(g->g_ip.ip_ike, gateway_ms(g), count_up, &c);
	return c.c_up;
}

static void
random_command(struct sim *s)
{
	static const enum ike_command cmds[] = { IKE_CMD_REKEY,
	    IKE_CMD_REKEY_IKE };
	uint64_t r = world_rand(s->s_wo);
	enum ike_command cmd = cmds[r & 1];
	bool both = (r >> 1 & 3) == 0;

	for (unsigned i = 0; i < 2; i++)
		if (both || (r >> 3 & 1) == i)
			gateway_command(&s->s_gw[i], (r >> 4 & 1) ?
			    cmds[r >> 5 & 1] : cmd);
}

static void
check_traffic(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct gateway *g = &s->s_gw[i], *to = g->g_peer;
		unsigned lost = 0;

		for (unsigned n = g->g_first; n < g->g_sent; n++)
			lost += !to->g_seen[n];
		if (!s->s_lossy && lost != 0)
			bad(s, "packets lost on a wire that loses none",
			    g->g_name, lost);
		if (to->g_got * 4 < g->g_sent)
			bad(s, "hardly any packet arrived", to->g_name,
			    to->g_got);
	}
}

static bool
one_pair(struct sim *s)
{
	return sad_count(s->s_gw[0].g_nk) == 2 &&
	    sad_count(s->s_gw[1].g_nk) == 2;
}

/* On a clean wire now: one pair each, and it carries traffic. */
static void
check_one_pair(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct gateway *g = &s->s_gw[i];

		if (pairs_up(g) != 1)
			bad(s, "not one tunnel is up", g->g_name, pairs_up(g));
		if (sad_count(g->g_nk) != 2)
			bad(s, "not one pair of SAs is left", g->g_name,
			    sad_count(g->g_nk));
	}
}

static void
check_nothing_left(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct gateway *g = &s->s_gw[i];
		struct ike_objects oc;

		ike_objects(g->g_ip.ip_ike, &oc);
		if (oc.oc_ikesas + oc.oc_halfopen + oc.oc_children +
		    oc.oc_exchanges + oc.oc_fragments != 0)
			bad(s, "IKE objects left", g->g_name, oc.oc_ikesas +
			    oc.oc_children + oc.oc_exchanges);
		if (sad_count(g->g_nk) != 0)
			bad(s, "SAs left", g->g_name, sad_count(g->g_nk));
		if (world_busy(g->g_nk) != 0)
			bad(s, "packet buffers left", g->g_name,
			    world_busy(g->g_nk));
	}
}

static struct wire
random_wire(struct sim *s)
{
	uint64_t r = world_rand(s->s_wo);
	struct wire wi = { .wi_delay_ns = r % 20 * NSEC_PER_MSEC };

	s->s_lossy = (r >> 8 & 3) != 0;		/* a quarter loses nothing */
	if (s->s_lossy) {
		wi.wi_loss = (unsigned)(r >> 16) % 200;
		wi.wi_dup = (unsigned)(r >> 24) % 100;
		/* No sum covers the ports of ESP in UDP: who changes them is a NAT. */
		wi.wi_corrupt = in_udp(s) ? 0 : (unsigned)(r >> 32) % 30;
		wi.wi_jitter_ns = (r >> 40) % 30 * NSEC_PER_MSEC;
	}
	return wi;
}

/* The number of things that were not as they must be. */
static unsigned
history(uint64_t seed, bool verbose)
{
	struct sim *s = sim_new(seed);
	const struct wire clean = { .wi_delay_ns = 3 * NSEC_PER_MSEC };
	unsigned found;

	s->s_verbose = verbose;
	world_link(s->s_wo, s->s_gw[0].g_wan, s->s_gw[1].g_wan,
	    random_wire(s));
	world_tap(s->s_wo, watch, s);
	for (int i = 0; i < 2; i++)
		s->s_gw[i].g_wan->if_caps |= in_udp(s) ? IF_CAP_USO : 0;
	start(&s->s_gw[0], seed & 1, in_udp(s));
	start(&s->s_gw[1], false, false);

	stations_run(s, 2000, 3);
	for (int i = 0; i < 2; i++)	/* what waited for the tunnel may have been too much */
		s->s_gw[i].g_first = s->s_lossy ? s->s_gw[i].g_sent : 17;
	for (int i = 0; i < 8; i++) {
		stations_run(s, 1000 + (unsigned)(world_rand(s->s_wo) % 6000), 3);
		random_command(s);
	}
	/* Longer than any retransmission, on a clean wire. */
	world_wire(s->s_wo, s->s_gw[0].g_wan, clean);
	stations_run(s, 12000, 3);
	stations_run(s, 500, 0);
	check_traffic(s);
	if (s->s_lossy)			/* one end may have given up meanwhile */
		stations_run(s, 200000, 3);
	/* An old inbound SA lives on for some seconds after a rekey. */
	for (int i = 0; i < 14 && !one_pair(s); i++)
		stations_run(s, 1000, 0);
	check_one_pair(s);

	gateway_command(&s->s_gw[0], IKE_CMD_DOWN);
	gateway_command(&s->s_gw[1], IKE_CMD_DOWN);
	stations_run(s, 40000, 0);
	check_nothing_left(s);
	found = s->s_bad;
	sim_free(s);
	return found;
}

int
main(int argc, char **argv)
{
	unsigned long long seeds = argc > 1 ? strtoull(argv[1], NULL, 10) :
	    SEEDS, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	unsigned failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init("gateways", true, seeds == 1 ? 1 : -1);
	for (unsigned long long i = 0; i < seeds; i++)
		if (history(first + i, seeds == 1) != 0) {
			printf("repeat it: %s 1 %llu\n", argv[0], first + i);
			failed++;
		}
	printf("%llu passed, %u failed\n", seeds - failed, failed);
	return failed != 0;
}
