/* SPDX-License-Identifier: ISC */
/*
 * explain against the packet: random routers (rules, policies, SAs, routes,
 * neighbours) and random packets, from a seed each.  Every packet is first
 * explained, which must change nothing, and then sent; what becomes of it
 * must be what was said.
 *
 *	in0 10.1.0.1/24    em0 192.0.2.1/24 -- peer 192.0.2.2, networks behind
 *	dmz0 10.3.0.1/24
 *
 * A thousand routers and twelve packets each; a quarter of that with the
 * sanitizers.  EXPLAIN_SEED=n runs that seed alone and prints each packet;
 * EXPLAIN_RUNS=n runs that many.
 */
#include <linux/pfkeyv2.h>

#include "load.h"
#include "net/arp.h"
#include "netinet/frag.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netkey/key.h"
#include "pf/explain.h"
#include "pf/flow_table.h"
#include "sys/netipsec/gateways.h"
#include "test.h"

/* The sanitizers take four times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define RUNS		250
#else
#define RUNS		1000
#endif
#define PACKETS		12	/* of one seed */
#define HISTORY		8
#define IFS		3
#define SAS		8

struct packet {
	uint8_t		pa_frame[10000];	/* from the Ethernet header on */
	uint32_t	pa_len;			/* from the IP header on */
	struct ifnet	*pa_ifp;		/* NULL: made here */
	struct sa	*pa_came;
	uint16_t	pa_flags;
	struct tp_spec	pa_spec;
	char		pa_src[20], pa_dst[20];
};

static struct world *wo;
static struct nk *nk;
static struct ifnet *ifs[IFS];
static struct sa *sas[SAS];
static unsigned nsas;
static struct key_socket program;
static struct udp_client client;
static struct packet history[HISTORY], now_sent;
static unsigned nhistory;
static bool loud;
static uint64_t tally[EXPLAIN_VERDICTS], tally_drop[DROP_MAX], tally_answers;

/* ---- chance ---- */

static unsigned
pick(unsigned n)
{
	return (unsigned)(world_rand(wo) % n);
}

static bool
one_in(unsigned n)
{
	return pick(n) == 0;
}

#define PICK(list)	((list)[pick(TEST_COUNT(list))])

/* ---- a random router ---- */

static bool
tell_program(void *arg, const void *msg, size_t len)
{
	(void)arg;
	(void)msg;
	(void)len;
	return true;
}

static bool
take_datagram(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	(void)arg;
	(void)m;
	(void)data;
	(void)len;
	return true;
}

static const char *const rule_lines[] = {
	"pass\n", "block\n", "block return\n", "pass in\n", "pass out\n", "block in on em0\n",
	"pass on in0\n", "pass on enc0\n", "block out on enc0\n", "block return in on in0\n",
	"pass proto tcp to any port { 22 80 }\n", "block return-rst proto tcp to any port 80\n",
	"pass in proto icmp\n", "block return-icmp in on in0 proto udp\n", "pass proto udp no state\n",
	"block quick from 10.1.0.3\n", "pass in on in0 proto tcp flags S/SA\n",
	"pass out on em0 proto esp\n", "block out on em0 proto esp\n", "pass proto tcp flags any\n",
	"pass in on in0 tag \"lan\"\n", "block out on em0 tagged \"lan\"\n",
	"pass quick proto icmp icmp-type echoreq\n", "pass from self\n", "pass to self\n",
	"block return proto udp to 10.2.0.0/16 port 53\n", "pass in on dmz0 no state\n",
};

static void
random_rules(void)
{
	char text[2048] = "";

	size_t at = 0;

	if (one_in(8))
		at += (size_t)snprintf(text, sizeof(text), "set limit states 3\n");
	if (one_in(8))
		at += (size_t)snprintf(text + at, sizeof(text) - at, "set skip on in0\n");
	if (!one_in(4))
		at += (size_t)snprintf(text + at, sizeof(text) - at, "pass\n");
	for (unsigned n = pick(6); n != 0; n--)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", PICK(rule_lines));
	if (loud)
		printf("rules:\n%s", text);
	load(nk, text);
}

static void
add_policy(enum sp_dir dir, const char *mine, const char *theirs, uint8_t proto, unsigned kind)
{
	struct sp sp, *made;
	const char *src = dir == SP_OUT ? mine : theirs, *dst = dir == SP_OUT ? theirs : mine;

	policy(&sp, dir, src, dst, proto, "192.0.2.1", "192.0.2.2", kind == 4 ? 0 : 7);
	sp.sp_priority = 1000 + pick(3);
	sp.sp_action = kind == 1 ? SP_BYPASS : kind == 2 ? SP_DISCARD : SP_PROTECT;
	if (kind == 3)
		sp.sp_level = SP_LEVEL_USE;
	sp.sp_asks = !one_in(3);
	if (kind == 5)
		sp.sp_reqid = 9;		/* which no SA has */
	(void)spd_add(nk, &sp, &made);
}

static void
random_policies(void)
{
	static const char *const mine[] = { "10.1.0.0/24", "10.3.0.0/24", "10.1.0.2/32",
	    "0.0.0.0/0", "192.0.2.1/32" };
	static const char *const theirs[] = { "10.2.0.0/16", "10.2.0.2/32", "0.0.0.0/0",
	    "192.0.2.2/32", "10.6.0.0/16" };
	static const uint8_t protos[] = { 0, 0, 0, 1, 6, 17 };
	struct sp sp, *made;

	if (one_in(2)) {
		add_policy(SP_OUT, mine[0], theirs[0], 0, 0);
		add_policy(SP_IN, mine[0], theirs[0], 0, 0);
	}
	for (unsigned n = pick(4); n != 0; n--) {
		const char *m = PICK(mine), *t = PICK(theirs);
		uint8_t proto = PICK(protos);
		unsigned kind = pick(8);

		if (!one_in(6))
			add_policy(SP_OUT, m, t, proto, kind);
		if (!one_in(6))
			add_policy(one_in(4) ? SP_FWD : SP_IN, m, t, proto, kind);
	}
	if (one_in(3)) {
		policy(&sp, SP_OUT, "192.0.2.1/32", "192.0.2.2/32", 17, NULL, NULL, 7);
		(void)spd_add(nk, &sp, &made);
	}
}

static void
add_sa(bool in, uint32_t spi, uint8_t mode, uint32_t reqid)
{
	static const char *const names[] = { "aes-128-gcm", "aes-128-cbc+hmac-sha2-256",
	    "null+hmac-sha1" };
	struct sa_params pp;
	const char *err = "";
	struct sa *sa;

	sa_params(&pp, suite_by_name(PICK(names)), in ? "192.0.2.2" : "192.0.2.1",
	    in ? "192.0.2.1" : "192.0.2.2", spi, mode, spi);
	pp.spp_reqid = reqid;
	if (one_in(5))
		pp.spp_hard.lt_packets = 1 + pick(3);
	if (one_in(5))
		pp.spp_soft.lt_packets = 1 + pick(2);
	if (in && one_in(3)) {
		pp.spp_sel.sel_sport = pp.spp_sel.sel_dport = (struct port_range){ 0, 65535 };
		if (!prefix_parse("10.2.0.0/16", &pp.spp_sel.sel_src) ||
		    !prefix_parse("10.1.0.0/24", &pp.spp_sel.sel_dst))
			abort();
	}
	(void)sad_add(nk, world_clock(wo), &pp, &err, &sa);
}

static void
random_sas(void)
{
	if (!one_in(4))
		add_sa(false, 0x1001, one_in(6) ? SA_TRANSPORT : SA_TUNNEL, 7);
	if (one_in(3))
		add_sa(false, 0x1002, one_in(3) ? SA_TRANSPORT : SA_TUNNEL, 7);
	add_sa(true, 0x2001, SA_TUNNEL, 7);
	add_sa(true, 0x2002, SA_TUNNEL, 8);
	add_sa(true, 0x2003, SA_TRANSPORT, 7);
}

static void
add_route(const char *dst, const char *gw, uint16_t flags, uint16_t mtu)
{
	struct route rt = { .rt_flags = (uint16_t)(RT_F_STATIC | flags), .rt_mtu = mtu };

	if (!prefix_parse(dst, &rt.rt_dst) || (gw != NULL && !addr_parse(gw, &rt.rt_gw)))
		abort();
	(void)fib_add(nk, &rt);
}

static void
random_routes(void)
{
	static const uint16_t mtus[] = { 0, 0, 1400, 576 };

	if (!one_in(5))
		add_route("10.2.0.0/16", "192.0.2.2", 0, PICK(mtus));
	if (one_in(2))
		add_route("10.4.0.0/16", NULL, RT_F_REJECT, 0);
	if (one_in(2))
		add_route("10.5.0.0/16", NULL, RT_F_BLACKHOLE, 0);
	if (one_in(2))
		add_route("10.6.0.0/16", "192.0.2.3", 0, 0);
	if (!one_in(3))
		add_route("0.0.0.0/0", "192.0.2.2", 0, PICK(mtus));
}

static void
random_neighbours(void)
{
	static const char *const hosts[] = { "10.1.0.2", "10.1.0.3", "10.3.0.2", "192.0.2.2" };
	struct addr a;

	for (size_t i = 0; i < TEST_COUNT(hosts); i++)
		if (!one_in(5) && addr_parse(hosts[i], &a))
			(void)arp_set(nk, &a, (const uint8_t[]){ 2, 0xee, 0, 0, 0, (uint8_t)i });
}

static void
bind_port(uint16_t port, uint16_t flags)
{
	struct udp_msg m = { .um_op = UDP_BIND, .um_flags = flags, .um_lport = htons(port) };

	udp_client_message(nk->nk_worker[0], &client, &m, sizeof(m));
}

static void
router_open(uint64_t seed)
{
	static const unsigned mtus[] = { 1500, 1500, 1280, 576, 9000 };

	wo = world_new(seed);
	nk = world_router(wo, "r", one_in(4) ? 2 : 1);
	ifs[0] = world_if(wo, nk, "in0", "10.1.0.1/24", PICK(mtus));
	ifs[1] = world_if(wo, nk, "em0", "192.0.2.1/24", PICK(mtus));
	ifs[2] = world_if(wo, nk, "dmz0", "10.3.0.1/24", PICK(mtus));
	nk_lock(nk);
	program = (struct key_socket){ .ks_send = tell_program };
	key_socket_add(nk, &program);
	if (!one_in(3))
		program.ks_registered = 1u << SADB_SATYPE_ESP;
	client = (struct udp_client){ .uc_send = take_datagram };
	udp_client_add(nk, &client);
	bind_port(5353, 0);
	bind_port(500, UDP_M_BYPASS);
	bind_port(4500, UDP_M_BYPASS | UDP_M_NATT);
	random_routes();
	random_neighbours();
	random_policies();
	random_sas();
	random_rules();
	nk->nk_forwarding = !one_in(20);
	nk_unlock(nk);
	world_settle(wo);
	nhistory = 0;
}

static void
router_close(void)
{
	nk_lock(nk);
	key_socket_remove(nk, &program);
	udp_client_remove(nk, &client);
	nk_unlock(nk);
	world_run(wo, 90 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(nk), 0);
	world_free(wo);
}

/* SAs end and are gone. */
static void
living_sa(void *arg, struct sa *sa)
{
	(void)arg;
	if (nsas < SAS)
		sas[nsas++] = sa;
}

/* Something changes between two packets. */
static void
random_change(void)
{
	unsigned what = pick(16);

	nk_lock(nk);
	if (what == 0)
		random_rules();
	else if (what == 1)
		add_route("10.2.0.0/24", "192.0.2.4", 0, 0);
	else if (what == 2)
		add_sa(false, 0x1010 + pick(100), SA_TUNNEL, 7);
	else if (what == 3 && one_in(2))
		spd_flush(nk);
	else if (what == 4)
		random_neighbours();
	nk_unlock(nk);
	if (what == 5)
		world_run(wo, (1 + pick(4)) * NSEC_PER_SEC);
	else if (what == 6)
		world_run(wo, (40 + pick(60)) * NSEC_PER_SEC);
	else if (what == 7)
		nk->nk_worker[0]->w_icmp_tat = world_now(wo) + 10 * NSEC_PER_SEC;
	world_settle(wo);
}

/* ---- a random packet ---- */

static void
packet_make(struct packet *pa)
{
	struct tp_spec s = pa->pa_spec;

	s.tp_src = pa->pa_src;
	s.tp_dst = pa->pa_dst;
	pa->pa_len = (uint32_t)(tp_build(pa->pa_frame, &s) - TP_ETHER);
}

static void
random_addresses(struct packet *pa)
{
	static const char *const in[] = { "10.1.0.2", "10.1.0.2", "10.1.0.3", "10.3.0.2",
	    "10.2.0.2", "10.2.1.1", "10.1.0.9", "192.0.2.2" };
	static const char *const to[] = { "10.2.0.2", "10.2.0.2", "10.2.0.2", "10.2.1.1",
	    "10.2.1.1", "10.1.0.2", "10.3.0.2", "10.3.0.9", "192.0.2.1", "10.1.0.1", "10.4.0.1", "10.5.0.1", "10.6.0.1",
	    "10.7.0.1", "192.0.2.2", "192.0.2.7" };
	static const char *const odd[] = { "10.1.0.255", "255.255.255.255", "224.0.0.5",
	    "127.0.0.1", "10.1.0.1", "0.0.0.0", "192.0.2.1", "240.0.0.1" };

	snprintf(pa->pa_src, sizeof(pa->pa_src), "%s", one_in(50) ? PICK(odd) : PICK(in));
	do
		snprintf(pa->pa_dst, sizeof(pa->pa_dst), "%s", one_in(24) ? PICK(odd) : PICK(to));
	while (strcmp(pa->pa_src, pa->pa_dst) == 0 && !one_in(10));
}

static void
random_transport(struct tp_spec *s)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 17, 1, 1, 50, 89 };
	static const uint8_t flags[] = { 2, 2, 2, 2, 0x10, 0x12, 0x04, 0x11, 0 };
	static const uint16_t ports[] = { 22, 80, 53, 5353, 500, 4500, 9999 };
	static const uint8_t types[] = { 8, 8, 8, 0, 13, 42, 17 };

	s->tp_proto = PICK(protos);
	s->tp_sport = s->tp_proto == 17 && one_in(6) ? PICK(ports) : (uint16_t)(2000 + pick(3));
	s->tp_dport = PICK(ports);
	s->tp_seq = 1000;
	if (s->tp_proto == 6)
		s->tp_flags = PICK(flags);
	else if (s->tp_proto == 1)
		s->tp_flags = PICK(types);
}

static void
random_size(struct packet *pa)
{
	static const size_t sizes[] = { 0, 8, 100, 100, 100, 500, 1000, 1300, 1400, 1436, 1440,
	    1452, 1460, 1472, 1480, 3000, 8900 };

	pa->pa_spec.tp_len = PICK(sizes);
	if (one_in(2))
		pa->pa_spec.tp_off |= 0x4000;
	if (one_in(12))
		pa->pa_spec.tp_ttl = 1;
	if (one_in(20)) {
		pa->pa_spec.tp_off |= one_in(2) ? 0x2000 : 0x2000 | (1 + pick(30));
		pa->pa_spec.tp_len &= ~(size_t)7;
	}
	pa->pa_spec.tp_id = (uint16_t)world_rand(wo);
}

/* What the other end answers to an earlier packet. */
static void
answer_to(struct packet *pa, const struct packet *to)
{
	pa->pa_spec = to->pa_spec;
	pa->pa_spec.tp_off &= 0x4000;
	pa->pa_spec.tp_ttl = 0;
	pa->pa_spec.tp_sport = to->pa_spec.tp_proto == 1 ? to->pa_spec.tp_sport :
	    to->pa_spec.tp_dport;
	pa->pa_spec.tp_dport = to->pa_spec.tp_sport;
	memcpy(pa->pa_src, to->pa_dst, sizeof(pa->pa_src));
	memcpy(pa->pa_dst, to->pa_src, sizeof(pa->pa_dst));
	pa->pa_spec.tp_seq = to->pa_spec.tp_ack != 0 ? to->pa_spec.tp_ack : 5000;
	pa->pa_spec.tp_ack = to->pa_spec.tp_seq + (uint32_t)to->pa_spec.tp_len +
	    ((to->pa_spec.tp_flags & 3) != 0);
	if (pa->pa_spec.tp_proto == 6)
		pa->pa_spec.tp_flags = to->pa_spec.tp_flags == 2 ? 0x12 : 0x10;
	else if (pa->pa_spec.tp_proto == 1)
		pa->pa_spec.tp_flags = to->pa_spec.tp_flags == 8 ? 0 : to->pa_spec.tp_flags;
	if (one_in(10))
		pa->pa_spec.tp_seq += 1u << 20;
}

/* An ICMP error about an earlier packet. */
static void
error_about(struct packet *pa, const struct packet *about)
{
	static const uint8_t what[][2] = { { 3, 1 }, { 3, 3 }, { 3, 4 }, { 11, 0 } };
	static uint8_t quote[28];
	unsigned i = pick(TEST_COUNT(what));

	memcpy(quote, about->pa_frame + TP_ETHER, sizeof(quote));
	pa->pa_spec = (struct tp_spec){ .tp_proto = 1, .tp_flags = what[i][0],
	    .tp_code = what[i][1], .tp_data = quote, .tp_len = sizeof(quote) };
	snprintf(pa->pa_src, sizeof(pa->pa_src), "%s", one_in(2) ? about->pa_dst : "192.0.2.2");
	memcpy(pa->pa_dst, about->pa_src, sizeof(pa->pa_dst));
}

static struct ifnet *
side_of(const char *src)
{
	return strncmp(src, "10.1.", 5) == 0 ? ifs[0] : strncmp(src, "10.3.", 5) == 0 ? ifs[2] :
	    ifs[1];
}

static void
random_origin(struct packet *pa)
{
	static const char *const own[] = { "192.0.2.1", "10.1.0.1", "10.3.0.1" };
	bool ours = false;
	struct sa *sa;

	for (unsigned i = 0; i < TEST_COUNT(own); i++)
		ours |= strcmp(own[i], pa->pa_src) == 0;

	pa->pa_ifp = one_in(10) ? ifs[pick(IFS)] : side_of(pa->pa_src);
	if (nsas != 0 && pa->pa_ifp == ifs[1] && one_in(3)) {
		sa = sas[pick(nsas)];
		if ((sa->sa_flags & SA_F_IN) && sa->sa_state == SA_MATURE)
			pa->pa_came = sa;
	} else if (one_in(20)) {
		pa->pa_flags = PKT_F_BCAST;
	} else if (ours ? !one_in(8) : one_in(8)) {
		pa->pa_ifp = NULL;
		pa->pa_flags = PKT_F_LOCAL_OUT;
		pa->pa_spec.tp_off &= 0x4000;	/* what is made here is whole */
		if (!ours)
			snprintf(pa->pa_src, sizeof(pa->pa_src), "%s", PICK(own));
		if (pa->pa_spec.tp_proto == 17 && (pa->pa_spec.tp_sport == 500 ||
		    pa->pa_spec.tp_sport == 4500))
			pa->pa_flags |= PKT_F_BYPASS;
	}
}

static void
random_packet(struct packet *pa)
{
	const struct packet *old = nhistory == 0 ? NULL :
	    &history[pick(nhistory < HISTORY ? nhistory : HISTORY)];
	unsigned kind = old == NULL ? 0 : pick(8);

	memset(pa, 0, sizeof(*pa));
	if (kind == 1 || kind == 2)
		answer_to(pa, old);
	else if (kind == 3)
		error_about(pa, old);
	else if (kind == 4 || kind == 5) {
		pa->pa_spec = old->pa_spec;
		memcpy(pa->pa_src, old->pa_src, sizeof(pa->pa_src));
		memcpy(pa->pa_dst, old->pa_dst, sizeof(pa->pa_dst));
		pa->pa_spec.tp_off &= 0x4000;
	} else {
		random_addresses(pa);
		random_transport(&pa->pa_spec);
		random_size(pa);
	}
	random_origin(pa);
	packet_make(pa);
	if (pa->pa_ifp != NULL && one_in(40))
		pa->pa_frame[TP_ETHER + pick(pa->pa_len < 60 ? pa->pa_len : 60)] ^= 0x10;
}

/* ---- nothing may change ---- */

static uint64_t print_hash;

static void
mix(const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		print_hash = (print_hash ^ p[i]) * 0x100000001b3ull;
}

static void
mix_flow(void *arg, struct flow *fl)
{
	(void)arg;
	mix(fl, sizeof(*fl));
}

static void
mix_sa(void *arg, struct sa *sa)
{
	(void)arg;
	mix(sa, sizeof(*sa));
}

static void
mix_sp(void *arg, struct sp *sp)
{
	(void)arg;
	mix(sp, sizeof(*sp));
}

static void
mix_neigh(void *arg, const struct neigh *ne)
{
	(void)arg;
	mix(ne, sizeof(*ne));
}

static void
mix_worker(struct worker *w)
{
	uint64_t numbers[] = { flow_count(w), w->w_icmp_tat, w->w_depth, worker_deadline(w),
	    w->w_flows->ft_used, w->w_flows->ft_removals, frag_pending(w), frag_held(w),
	    w->w_wheel.wh_count };

	mix(w->w_drop, sizeof(w->w_drop));
	mix(w->w_count, sizeof(w->w_count));
	mix(numbers, sizeof(numbers));
	flow_walk(w, mix_flow, NULL);
}

/* Everything that a packet can leave a trace in. */
static uint64_t
fingerprint(void)
{
	const struct pf *pf = nk->nk_pf;
	uint64_t numbers[] = { world_busy(nk), nk_generation(nk), nk->nk_wheel.wh_count,
	    pf->pf_matches, spd_count(nk), sad_count(nk), fib_count(nk), program.ks_lost };

	print_hash = 0xcbf29ce484222325ull;
	mix(numbers, sizeof(numbers));
	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		mix_worker(nk->nk_worker[i]);
	for (unsigned i = 0; i < IFS; i++) {
		unsigned waiting = wire_waiting(ifs[i]);

		mix(ifs[i]->if_count, sizeof(ifs[i]->if_count));
		mix(&waiting, sizeof(waiting));
	}
	mix(pf->pf_rules->rs_evals, pf->pf_rules->rs_n * sizeof(*pf->pf_rules->rs_evals));
	mix(pf->pf_rules->rs_count, pf->pf_rules->rs_n * sizeof(*pf->pf_rules->rs_count));
	arp_walk(nk, mix_neigh, NULL);
	spd_walk(nk, mix_sp, NULL);
	sad_walk(nk, mix_sa, NULL);
	return print_hash;
}

/* ---- the real packet ---- */

struct fate {
	enum explain_verdict	fa_verdict;
	enum drop_reason	fa_drop;
	unsigned		fa_oif;		/* bit an interface that IP frames left */
	unsigned		fa_frames, fa_longest, fa_held;
	uint64_t		fa_icmp, fa_states;
	uint32_t		fa_sa;		/* sa_id that sealed; 0 */
	int			fa_type, fa_code;	/* of an ICMP frame that left; -1 */
};

static void
held_by(void *arg, struct sp *sp)
{
	struct { const struct pkt *p; bool found; } *h = arg;

	for (const struct pkt *q = sp->sp_hold; q != NULL; q = q->pkt_link)
		h->found |= q == h->p;
}

static bool
is_held(const struct pkt *p)
{
	struct { const struct pkt *p; bool found; } h = { p, false };

	spd_walk(nk, held_by, &h);
	return h.found;
}

static void
neigh_holds(void *arg, const struct neigh *ne)
{
	*(unsigned *)arg += ne->ne_nhold;
}

static unsigned
waiting_for_neighbours(void)
{
	unsigned n = 0;

	arp_walk(nk, neigh_holds, &n);
	return n;
}

/* The frames that left: IP ones are counted. */
static void
collect_frames(struct fate *fa)
{
	static uint8_t f[WIRE_FRAME_MAX];
	size_t n;

	for (unsigned i = 0; i < IFS; i++)
		while ((n = wire_take(ifs[i], f, sizeof(f))) != 0) {
			if (n < TP_ETHER + 20 || f[12] != 8 || f[13] != 0)
				continue;
			fa->fa_oif |= 1u << i;
			fa->fa_frames++;
			n = tp_get16(f + TP_ETHER + 2);
			if (n > fa->fa_longest)
				fa->fa_longest = (unsigned)n;
			if (f[TP_ETHER + 9] == 1 && (tp_get16(f + TP_ETHER + 6) & 0x1fff) == 0) {
				fa->fa_type = f[TP_IP];
				fa->fa_code = f[TP_IP + 1];
			}
		}
}

static struct worker *
worker_of(const struct packet *pa)
{
	struct worker *w = nk->nk_worker[0];
	struct pkt *p = pkt_alloc(w, pa->pa_len);

	memcpy(p->pkt_data, pa->pa_frame + TP_ETHER, pa->pa_len);
	p->pkt_len = pa->pa_len;
	p->pkt_ifp = pa->pa_ifp;
	if (ip_parse(p) == DROP_NONE)
		w = nk->nk_worker[flow_worker(nk, p->pkt_hash)];
	pkt_free(nk->nk_worker[0], p);
	return w;
}

static struct pkt *
packet_alloc(struct worker *w, const struct packet *pa)
{
	struct pkt *p = pkt_alloc(w, pa->pa_len);

	memcpy(p->pkt_data, pa->pa_frame + TP_ETHER, pa->pa_len);
	p->pkt_len = pa->pa_len;
	p->pkt_flags |= pa->pa_flags;
	p->pkt_ifp = pa->pa_ifp;
	p->pkt_came_sa = pa->pa_came;
	return p;
}

/* What the counters say of the main packet, when neither drop nor hold took it. */
static enum explain_verdict
fate_of(uint64_t delivered, uint64_t forwarded, uint64_t sealed, bool fragment)
{
	if (fragment)
		return EXPLAIN_FRAGMENT;
	if (delivered != 0)
		return EXPLAIN_DELIVERED;
	if (forwarded != 0)
		return EXPLAIN_FORWARDED;
	return sealed != 0 ? EXPLAIN_PROTECTED : EXPLAIN_FORWARDED;
}

static unsigned
fragments(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		n += frag_held(nk->nk_worker[i]);
	return n;
}

static uint64_t sealed_before[SAS];

static void
sealed_note(void)
{
	for (unsigned i = 0; i < nsas; i++)
		sealed_before[i] = sas[i]->sa_packets;
}

/* Of the fragments of one packet, each is dropped alone. */
static enum drop_reason
pieces_drop(const uint64_t before[DROP_MAX])
{
	static const enum drop_reason why[] = { DROP_ARP_TIMEOUT, DROP_ARP_HOLD, DROP_IF_DOWN,
	    DROP_SAD_LIFETIME, DROP_SAD_STATE, DROP_PF_BLOCK };

	for (size_t i = 0; i < TEST_COUNT(why); i++)
		if (world_drops(nk, why[i]) != before[why[i]])
			return why[i];
	return DROP_NONE;
}

static void
send_real(const struct packet *pa, enum drop_reason expected, struct fate *fa)
{
	struct worker *w = worker_of(pa);
	struct pkt *p = packet_alloc(w, pa);
	struct pktvec v = { .pv_n = 1, .pv_pkt = { p } };
	uint64_t count[CNT_MAX], drops[DROP_MAX];
	unsigned held = waiting_for_neighbours(), frags = fragments();
	bool to_ipsec, fragment, some = false;

	for (unsigned i = 0; i < CNT_MAX; i++)
		count[i] = world_count(nk, (enum counter)i);
	for (unsigned i = 0; i < DROP_MAX; i++)
		drops[i] = world_drops(nk, (enum drop_reason)i);
	sealed_note();
	for (unsigned i = 0; i < IFS; i++)
		wire_flush(ifs[i]);
	w->w_now = world_clock(wo);
	if (pa->pa_flags & PKT_F_LOCAL_OUT)
		ip_send(w, p);
	else
		ip_input(w, &v);
	fa->fa_drop = (enum drop_reason)p->pkt_drop;
	world_settle(wo);
	/* it went on at another worker; its buffer may have been used again since */
	if (fa->fa_drop == DROP_NONE && world_count(nk, CNT_HANDOVER) != count[CNT_HANDOVER] &&
	    world_drops(nk, expected) != drops[expected])
		fa->fa_drop = expected;
	fragment = fragments() != frags;
#define GREW(c)	(world_count(nk, CNT_##c) - count[CNT_##c])
	to_ipsec = p->pkt_proto == IPPROTO_ESP || (p->pkt_proto == IPPROTO_UDP &&
	    udp_is_natt(nk, p->pkt_key.fk_dport));
	fa->fa_icmp = GREW(ICMP_SENT);
	fa->fa_states = GREW(STATE_NEW);
	fa->fa_held = waiting_for_neighbours() - held;
	for (unsigned i = 0; i < nsas; i++)
		if (sas[i]->sa_packets != sealed_before[i] && (sas[i]->sa_flags & SA_F_IN) == 0)
			fa->fa_sa = sas[i]->sa_id;
	collect_frames(fa);
	if (GREW(ICMP_ECHO) != 0 || (GREW(IP_DELIVERED) != 0 && to_ipsec))
		fa->fa_drop = DROP_NONE;
	else if (fa->fa_drop == DROP_NONE && fa->fa_icmp == 0 && GREW(IP_DELIVERED) == 0) {
		fa->fa_drop = pieces_drop(drops);
		some = fa->fa_frames != 0 || fa->fa_held != 0;
	}
	if (fa->fa_drop != DROP_NONE && !some)
		fa->fa_verdict = EXPLAIN_DROPPED;
	else if (is_held(p) && GREW(IP_DELIVERED) == 0)
		fa->fa_verdict = EXPLAIN_HELD;
	else
		fa->fa_verdict = fate_of(GREW(IP_DELIVERED), GREW(IP_FORWARDED), GREW(ESP_OUT),
		    fragment);
#undef GREW
}

/* ---- both ---- */

static void
describe(const struct packet *pa)
{
	printf("  %s %s > %s proto %u len %u ttl %u off %04x ports %u %u flags %02x %s%s%s\n",
	    pa->pa_ifp == NULL ? "out" : pa->pa_ifp->if_name, pa->pa_src, pa->pa_dst,
	    pa->pa_spec.tp_proto, pa->pa_len, pa->pa_spec.tp_ttl, pa->pa_spec.tp_off,
	    pa->pa_spec.tp_sport, pa->pa_spec.tp_dport, pa->pa_spec.tp_flags,
	    pa->pa_came != NULL ? " through an SA" : "",
	    pa->pa_flags & PKT_F_BCAST ? " broadcast" : "",
	    pa->pa_flags & PKT_F_BYPASS ? " bypass" : "");
}

static const char *
verdict_name(unsigned v)
{
	static const char *const names[] = { "dropped", "delivered", "forwarded", "protected",
	    "held", "fragment" };

	return v < TEST_COUNT(names) ? names[v] : "?";
}

static bool
oif_agrees(const struct explain_info *ei, const struct fate *fa)
{
	for (unsigned i = 0; i < IFS; i++)
		if (strcmp(ifs[i]->if_name, ei->ei_oif) == 0)
			return fa->fa_oif == 1u << i;
	return false;
}

/* What left, or waits for its neighbour's address. */
static bool
leaves_agree(const struct explain_info *ei, const struct fate *fa)
{
	if (ei->ei_verdict == EXPLAIN_PROTECTED && ei->ei_sa_out.es_id != fa->fa_sa)
		return false;
	if (ei->ei_hop == EXPLAIN_HOP_RESOLVED)
		return oif_agrees(ei, fa) && ei->ei_packets == fa->fa_frames &&
		    ei->ei_longest == fa->fa_longest;
	return fa->fa_frames == 0 && fa->fa_held == ei->ei_packets;
}

static bool
answers_agree(const struct explain_info *ei, const struct fate *fa)
{
	unsigned icmp = 0;

	for (unsigned i = 0; i < ei->ei_nanswers; i++)
		icmp += ei->ei_answer[i].ea_proto == IPPROTO_ICMP;
	/* what comes back to this host itself may be answered again */
	if (icmp != fa->fa_icmp && (now_sent.pa_ifp != NULL || ei->ei_nanswers == 0))
		return false;
	return icmp == 0 || fa->fa_type < 0 || (fa->fa_type == ei->ei_answer[0].ea_type &&
	    fa->fa_code == ei->ei_answer[0].ea_code);
}

static bool
agrees(const struct explain_info *ei, const struct fate *fa)
{
	if (ei->ei_verdict != fa->fa_verdict || ei->ei_drop != fa->fa_drop)
		return false;
	if (!answers_agree(ei, fa))
		return false;
	if (ei->ei_verdict != EXPLAIN_DROPPED &&
	    (ei->ei_state == EXPLAIN_ST_NEW) != (fa->fa_states != 0) &&
	    ei->ei_verdict != EXPLAIN_DELIVERED)
		return false;
	return (ei->ei_verdict != EXPLAIN_FORWARDED && ei->ei_verdict != EXPLAIN_PROTECTED) ||
	    leaves_agree(ei, fa);
}

static void
tell(uint64_t seed, unsigned n, const struct packet *pa, const struct explain_info *ei,
    const struct fate *fa)
{
	printf("seed %llu, packet %u:\n", (unsigned long long)seed, n);
	describe(pa);
	printf("  explained: %s %s state %u oif %s packets %u longest %u hop %u sa %u answers %u",
	    verdict_name(ei->ei_verdict), ei->ei_drop_name, ei->ei_state, ei->ei_oif,
	    ei->ei_packets, ei->ei_longest, ei->ei_hop, ei->ei_sa_out.es_id, ei->ei_nanswers);
	if (ei->ei_nanswers != 0)
		printf(" (%u/%u)", ei->ei_answer[0].ea_type, ei->ei_answer[0].ea_code);
	printf("\n  real:      %s %s states %llu oif %x frames %u longest %u held %u sa %u icmp %llu"
	    " (%d/%d)\n", verdict_name(fa->fa_verdict),
	    fa->fa_drop == DROP_NONE ? "" : drop_name(fa->fa_drop),
	    (unsigned long long)fa->fa_states, fa->fa_oif, fa->fa_frames, fa->fa_longest,
	    fa->fa_held, fa->fa_sa, (unsigned long long)fa->fa_icmp, fa->fa_type, fa->fa_code);
}

static bool
one_packet(uint64_t seed, unsigned n)
{
	struct packet *pa = &now_sent;
	struct explain_pkt ek = { 0 };
	struct explain_info ei;
	struct fate fa = { .fa_type = -1, .fa_code = -1 };
	uint64_t before;
	bool same, ok;

	nsas = 0;
	sad_walk(nk, living_sa, NULL);
	random_packet(pa);
	ek.ek_data = pa->pa_frame + TP_ETHER;
	ek.ek_len = pa->pa_len;
	ek.ek_flags = pa->pa_flags;
	ek.ek_ifp = pa->pa_ifp;
	ek.ek_came_sa = pa->pa_came;
	nk_lock(nk);
	before = fingerprint();
	CU_ASSERT_EQUAL_FATAL(explain_packet(nk, world_clock(wo), &ek, &ei), 0);
	same = fingerprint() == before;
	nk_unlock(nk);
	send_real(pa, ei.ei_verdict == EXPLAIN_DROPPED ? (enum drop_reason)ei.ei_drop :
	    DROP_NONE, &fa);
	ok = agrees(&ei, &fa);
	if (!ok || loud)
		tell(seed, n, pa, &ei, &fa);
	if (!same)
		printf("seed %llu, packet %u: explaining it changed something\n",
		    (unsigned long long)seed, n);
	CU_ASSERT_TRUE(same);
	CU_ASSERT_TRUE(ok);
	tally[ei.ei_verdict]++;
	tally_drop[ei.ei_drop]++;
	tally_answers += ei.ei_nanswers;
	history[nhistory++ % HISTORY] = *pa;
	return ok && same;
}

static bool
one_seed(uint64_t seed)
{
	bool ok = true;

	router_open(seed);
	for (unsigned i = 0; ok && i < PACKETS; i++) {
		random_change();
		ok = one_packet(seed, i);
	}
	router_close();
	if (!ok)
		printf("repeat with: EXPLAIN_SEED=%llu make -C regress/sys/pf run T=explain\n",
		    (unsigned long long)seed);
	return ok;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : strtoull(s, NULL, 0);
}

static void
differential(void)
{
	uint64_t seed = number("EXPLAIN_SEED", 0), runs = number("EXPLAIN_RUNS", RUNS);
	unsigned bad = 0, reasons = 0;

	loud = seed != 0;
	if (seed != 0)
		runs = 1;
	else
		seed = 1;
	for (uint64_t i = 0; i < runs && bad < 5; i++) {
		test_row("seed %llu", (unsigned long long)(seed + i));
		bad += !one_seed(seed + i);
	}
	for (unsigned i = 0; i < EXPLAIN_VERDICTS; i++)
		printf("%8llu %s\n", (unsigned long long)tally[i], verdict_name(i));
	for (unsigned i = 1; i < DROP_MAX; i++)
		reasons += tally_drop[i] != 0;
	for (unsigned i = 1; i < DROP_MAX; i++)
		if (tally_drop[i] != 0)
			printf("%8llu   %s\n", (unsigned long long)tally_drop[i],
			    drop_name((enum drop_reason)i));
	printf("%8llu answered, %u reasons\n", (unsigned long long)tally_answers, reasons);
	if (runs < RUNS)
		return;
	/* the test is one only if it comes by all of this */
	for (unsigned i = 0; i < EXPLAIN_VERDICTS; i++)
		CU_ASSERT_TRUE(tally[i] >= RUNS / 50);
	CU_ASSERT_TRUE(reasons >= 20);
}

TEST_MAIN(
	TEST("explained and sent", differential))
