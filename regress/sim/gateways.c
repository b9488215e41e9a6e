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
 * both at once.  At the end of each history:
 *
 *	nothing but IKE, ESP and ARP was on the wire
 *	no packet arrived twice, changed, or at the wrong station
 *	on a wire that loses nothing, no packet was lost once the tunnel was up
 *	one pair of SAs is left at each end, and both carry traffic
 *	after the last command nothing is left: SAs, exchanges, packet buffers
 *
 *	gateways [seeds [first]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../../sbin/iked/ikeproc.h"
#include "../sys/testwire.h"
#include "libike/ike_auth.h"
#include "libutil/log.h"
#include "net/arp.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netipsec/ipsec.h"
#include "netkey/key.h"
#include "pf/flow.h"

#define STEP_NS		(2 * NSEC_PER_MSEC)
#define PSK		"a-key-of-decent-length"
#define PACKETS_MAX	20000
#define FRAME		200
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEEDS		40	/* each takes seven times as long */
#endif
#endif
#ifndef SEEDS
#define SEEDS		300
#endif

struct note {			/* what waits for the ike process */
	STAILQ_ENTRY(note)	 no_link;
	enum { NOTE_KEY, NOTE_UDP, NOTE_AUTH } no_type;
	struct udp_msg		 no_um;
	uint32_t		 no_imsg, no_id;
	size_t			 no_len;
	uint8_t			 no_data[];
};
STAILQ_HEAD(notes, note);

struct gateway {
	const char		*g_name;
	struct sim		*g_sim;
	struct gateway		*g_peer;
	struct nk		*g_nk;
	struct ifnet		*g_lan, *g_wan;
	struct key_socket	 g_ks;
	struct udp_client	 g_uc;
	struct ikeproc		 g_ip;
	struct ikeio		 g_io;
	struct notes		 g_notes;
	uint8_t			 g_net;		/* 10.g_net.0.0/24 */
	unsigned		 g_sent;
	unsigned		 g_first;	/* packets before it may be lost */
	unsigned		 g_got;
	uint8_t			 g_seen[PACKETS_MAX];
	unsigned		 g_ups, g_downs;
};

struct sim {
	uint64_t		 s_seed;
	struct world		*s_wo;
	struct gateway		 s_gw[2];
	bool			 s_lossy;
	unsigned		 s_clear;	/* frames in clear on the wire */
	unsigned		 s_bad;		/* what must not be: printed when found */
	bool			 s_verbose;
};

static void
bad(struct sim *s, const char *what, const char *who, unsigned long n)
{
	printf("seed %llu: gateway %s: %s (%lu) at %.3f s\n",
	    (unsigned long long)s->s_seed, who, what, n,
	    (double)(world_now(s->s_wo) - WORLD_START) / 1e9);
	s->s_bad++;
}

/* ---- between network kernel and ike process ------------------------ */

static void
note_put(struct gateway *g, int type, const struct udp_msg *um, uint32_t imsg,
    uint32_t id, const void *data, size_t len)
{
	struct note *no = calloc(1, sizeof(*no) + len);

	if (no == NULL)
		abort();
	no->no_type = type;
	if (um != NULL)
		no->no_um = *um;
	no->no_imsg = imsg;
	no->no_id = id;
	no->no_len = len;
	if (len != 0)
		memcpy(no->no_data, data, len);
	STAILQ_INSERT_TAIL(&g->g_notes, no, no_link);
}

static bool
from_key(void *arg, const void *msg, size_t len)
{
	note_put(arg, NOTE_KEY, NULL, 0, 0, msg, len);
	return true;
}

static bool
from_udp(void *arg, const struct udp_msg *um, const void *data, size_t len)
{
	note_put(arg, NOTE_UDP, um, 0, 0, data, len);
	return true;
}

static uint64_t
io_now(void *arg)
{
	struct gateway *g = arg;

	return world_now(g->g_sim->s_wo) / NSEC_PER_MSEC;
}

static void
io_random(void *arg, void *buf, size_t n)
{
	struct gateway *g = arg;
	uint8_t *p = buf;

	while (n-- != 0)
		*p++ = (uint8_t)world_rand(g->g_sim->s_wo);
}

static int
io_key_send(void *arg, struct pfkey_msg *m)
{
	struct gateway *g = arg;
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n;

	m->pm_pid = g->g_ip.ip_pid;
	pfkey_set(m, PFKEY_EXT_ASK);
	if ((n = pfkey_build(m, buf, sizeof(buf))) == 0)
		return EMSGSIZE;
	nk_lock(g->g_nk);
	key_message(g->g_nk, world_clock(g->g_sim->s_wo), &g->g_ks, buf, n);
	nk_unlock(g->g_nk);
	return 0;
}

static void
io_udp_send(void *arg, const struct udp_msg *um, const uint8_t *data,
    size_t len)
{
	struct gateway *g = arg;
	uint8_t rec[sizeof(*um) + 4096];

	if (len > 4096)
		abort();
	memcpy(rec, um, sizeof(*um));
	if (len != 0)
		memcpy(rec + sizeof(*um), data, len);
	nk_lock(g->g_nk);
	udp_client_message(g->g_nk->nk_worker[0], &g->g_uc, rec,
	    sizeof(*um) + len);
	nk_unlock(g->g_nk);
}

static bool
io_source(void *arg, const struct addr *dst, struct addr *src)
{
	struct gateway *g = arg;

	(void)dst;
	return addr_parse(g->g_net == 1 ? "192.0.2.1" : "192.0.2.2", src);
}

/* The auth process, without a process. */
static bool
io_auth(void *arg, uint32_t type, uint32_t id, const struct iked_auth_req *rq)
{
	struct iked_signed ig = { 0 };
	uint32_t result;

	if (type == IMSG_SIGN) {
		ig.ig_len = (uint16_t)ike_auth_psk(rq->ia_prf, PSK, strlen(PSK),
		    rq->ia_octets, rq->ia_octets_len, ig.ig_auth);
		ig.ig_ok = ig.ig_len != 0;
		note_put(arg, NOTE_AUTH, NULL, IMSG_SIGNED, id, &ig,
		    sizeof(ig));
		return true;
	}
	result = ike_auth_psk_verify(rq->ia_prf, PSK, strlen(PSK),
	    rq->ia_octets, rq->ia_octets_len, rq->ia_auth, rq->ia_auth_len) ?
	    IKE_VERIFY_OK : IKE_VERIFY_BAD;
	note_put(arg, NOTE_AUTH, NULL, IMSG_VERIFIED, id, &result,
	    sizeof(result));
	return true;
}

static void
io_event(void *arg, const struct ike_event *ev)
{
	struct gateway *g = arg;

	if (ev->ev_type == IKE_EV_CHILD_UP)
		g->g_ups++;
	if (ev->ev_type == IKE_EV_CHILD_DOWN)
		g->g_downs++;
	if (g->g_sim->s_verbose)
		printf("%8.3f %s: %s %s %s\n",
		    (double)(world_now(g->g_sim->s_wo) - WORLD_START) / 1e9,
		    g->g_name, ike_event_name(ev->ev_type),
		    ike_reason_id(ev->ev_reason), ev->ev_text);
}

static struct imsg imsg;

static void
note_take(struct gateway *g, struct note *no)
{
	struct pfkey_msg m;

	switch (no->no_type) {
	case NOTE_KEY:
		if (pfkey_parse(no->no_data, no->no_len, PFKEY_FROM_KERNEL, &m,
		    NULL) != 0)
			bad(g->g_sim, "a malformed message of the key socket",
			    g->g_name, no->no_len);
		else
			kernel_message(&g->g_ip, &m);
		break;
	case NOTE_UDP:
		udp_message(&g->g_ip, &no->no_um, no->no_data, no->no_len);
		break;
	case NOTE_AUTH:
		imsg.im_type = no->no_imsg;
		imsg.im_id = no->no_id;
		imsg.im_len = no->no_len;
		memcpy(imsg.im_data, no->no_data, no->no_len);
		(void)ikeproc_auth(&g->g_ip, &imsg);
		break;
	}
	free(no);
}

static void
ike_turn(struct gateway *g)
{
	struct note *no;

	while ((no = STAILQ_FIRST(&g->g_notes)) != NULL) {
		STAILQ_REMOVE_HEAD(&g->g_notes, no_link);
		note_take(g, no);
		ikeproc_act(&g->g_ip);
	}
	ikeproc_timer(&g->g_ip);
	ikeproc_act(&g->g_ip);
}

/* ---- configuration -------------------------------------------------- */

static void
policy(struct gateway *g, bool active, unsigned lifetime, unsigned ikelifetime)
{
	static struct iked_rule rule;
	struct iked_set set = { .is_dpd = 30, .is_nattport = 4500,
	    .is_fragmentation = 1 };
	struct policy_errors errs = { .per_n = 0 };
	struct policy_text tx = { .tx_name = g->g_name };
	struct policy pol;
	const char *why;
	char text[512];

	(void)snprintf(text, sizeof(text), "ikev2 \"t\" %s esp "
	    "from 10.%u.0.0/24 to 10.%u.0.0/24 local 192.0.2.%u peer 192.0.2.%u "
	    "srcid %s.example dstid %s.example ikelifetime %u lifetime %u "
	    "psk \"" PSK "\"\n", active ? "active" : "passive",
	    g->g_net, g->g_peer->g_net, g->g_net, g->g_peer->g_net, g->g_name,
	    g->g_peer->g_name, ikelifetime, lifetime);
	tx.tx_body = text;
	tx.tx_len = strlen(text);
	policy_init(&pol);
	if (!policy_parse(&pol, &tx, NULL, NULL, 0, &errs) ||
	    !policy_finish(&pol, &errs)) {
		policy_errors_print(&errs, stderr);
		abort();
	}
	why = iked_rule_make(&pol, &pol.pol_ikes[0], &rule);
	if (why != NULL || !ikeproc_policy_begin(&g->g_ip, &set) ||
	    !ikeproc_policy_rule(&g->g_ip, &rule) ||
	    !ikeproc_policy_end(&g->g_ip, 1) || g->g_ip.ip_failed != 0) {
		fprintf(stderr, "policy: %s\n", why != NULL ? why : "refused");
		abort();
	}
	policy_free(&pol);
}

static void
spd_entry(struct gateway *g, enum sp_dir dir)
{
	const struct iked_rule *rule = ikeproc_rule(&g->g_ip, "t");
	struct sp sp = { .sp_action = SP_PROTECT, .sp_level = SP_LEVEL_UNIQUE,
	    .sp_mode = SA_TUNNEL, .sp_proto = IPPROTO_ESP }, *made;
	char mine[32], theirs[32];

	(void)snprintf(mine, sizeof(mine), "10.%u.0.0/24", g->g_net);
	(void)snprintf(theirs, sizeof(theirs), "10.%u.0.0/24",
	    g->g_peer->g_net);
	sp.sp_dir = (uint8_t)dir;
	sp.sp_reqid = rule->ir_child.ch_reqid;
	sp.sp_sel.sel_sport.po_hi = sp.sp_sel.sel_dport.po_hi = 65535;
	(void)prefix_parse(dir == SP_OUT ? mine : theirs, &sp.sp_sel.sel_src);
	(void)prefix_parse(dir == SP_OUT ? theirs : mine, &sp.sp_sel.sel_dst);
	(void)io_source(dir == SP_OUT ? g : g->g_peer, NULL, &sp.sp_local);
	(void)io_source(dir == SP_OUT ? g->g_peer : g, NULL, &sp.sp_peer);
	nk_lock(g->g_nk);
	if (spd_add(g->g_nk, &sp, &made) != 0)
		abort();
	nk_unlock(g->g_nk);
}

static const uint8_t station_mac[6] = { 2, 0, 0, 0, 0, 0x55 };

static void
gateway_new(struct sim *s, unsigned i)
{
	struct gateway *g = &s->s_gw[i];
	char text[32];
	struct addr a;

	g->g_name = i == 0 ? "a" : "b";
	g->g_sim = s;
	g->g_peer = &s->s_gw[1 - i];
	g->g_net = (uint8_t)(i + 1);
	STAILQ_INIT(&g->g_notes);
	g->g_nk = world_router(s->s_wo, g->g_name, 1);
	(void)snprintf(text, sizeof(text), "10.%u.0.1/24", g->g_net);
	g->g_lan = world_if(s->s_wo, g->g_nk, "lan0", text, 1500);
	(void)snprintf(text, sizeof(text), "192.0.2.%u/24", g->g_net);
	g->g_wan = world_if(s->s_wo, g->g_nk, "wan0", text, 1500);
	(void)snprintf(text, sizeof(text), "10.%u.0.2", g->g_net);
	(void)addr_parse(text, &a);
	nk_lock(g->g_nk);
	if (arp_set(g->g_nk, &a, station_mac) != 0)
		abort();
	g->g_ks.ks_send = from_key;
	g->g_ks.ks_arg = g;
	key_socket_add(g->g_nk, &g->g_ks);
	g->g_uc.uc_send = from_udp;
	g->g_uc.uc_arg = g;
	udp_client_add(g->g_nk, &g->g_uc);
	nk_unlock(g->g_nk);
	g->g_io = (struct ikeio){ .io_arg = g, .io_now = io_now,
	    .io_random = io_random, .io_key_send = io_key_send,
	    .io_udp_send = io_udp_send, .io_source = io_source,
	    .io_auth = io_auth, .io_event = io_event };
	g->g_ip.ip_io = &g->g_io;
	g->g_ip.ip_pid = 4000 + i;
}

/* Ethernet's check sum keeps corruption out of ARP, which has none of its own. */
static void
know_peer(struct gateway *g)
{
	struct addr a;

	(void)io_source(g->g_peer, NULL, &a);
	nk_lock(g->g_nk);
	if (arp_set(g->g_nk, &a, g->g_peer->g_wan->if_mac) != 0)
		abort();
	nk_unlock(g->g_nk);
}

static void
gateway_start(struct gateway *g, bool active, unsigned life, unsigned ikelife)
{
	know_peer(g);
	policy(g, active, life, ikelife);
	spd_entry(g, SP_OUT);
	spd_entry(g, SP_IN);
	kernel_register(&g->g_ip);
	udp_bind_ports(&g->g_ip);
	ikeproc_act(&g->g_ip);
}

/* ---- stations ------------------------------------------------------- */

static void
station_send(struct gateway *g)
{
	uint8_t f[FRAME] = { 0 };
	uint8_t *ip = f + 14, *udp = ip + 20;
	uint32_t n = g->g_sent++;
	uint16_t sum;

	memcpy(f, g->g_lan->if_mac, 6);
	memcpy(f + 6, station_mac, 6);
	f[12] = 8;
	ip[0] = 0x45;
	ip[3] = FRAME - 14;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	ip[12] = ip[16] = 10;
	ip[13] = g->g_net;
	ip[17] = g->g_peer->g_net;
	ip[15] = ip[19] = 2;
	sum = in_fold(in_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
	udp[0] = 0x10;
	udp[2] = 0x20;
	udp[5] = FRAME - 34;
	memcpy(udp + 8, &n, 4);
	for (unsigned i = 46; i < FRAME; i++)
		f[i] = (uint8_t)(n + i);
	wire_put(g->g_lan, f, sizeof(f));
}

static void
station_receive(struct gateway *g)
{
	uint8_t f[WIRE_FRAME_MAX];
	size_t len;

	while ((len = wire_take(g->g_lan, f, sizeof(f))) != 0) {
		uint32_t n;

		if (len != FRAME || f[23] != IPPROTO_UDP ||
		    f[27] != g->g_peer->g_net) {
			if (f[12] == 8 && f[13] == 6)
				continue;	/* ARP */
			bad(g->g_sim, "a packet that nobody sent", g->g_name,
			    len);
			continue;
		}
		memcpy(&n, f + 42, 4);
		for (unsigned i = 46; i < FRAME; i++)
			if (f[i] != (uint8_t)(n + i)) {
				bad(g->g_sim, "a changed packet", g->g_name, n);
				break;
			}
		if (n >= g->g_peer->g_sent || g->g_seen[n])
			bad(g->g_sim, "a packet twice", g->g_name, n);
		else
			g->g_seen[n] = 1;
		g->g_got++;
	}
}

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
		if (f[23] == IPPROTO_ESP)
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

static void
step(struct sim *s, bool traffic)
{
	for (unsigned i = 0; i < 2; i++)
		if (traffic && world_rand(s->s_wo) % 16 == 0 &&
		    s->s_gw[i].g_sent < PACKETS_MAX)
			station_send(&s->s_gw[i]);
	world_run(s->s_wo, STEP_NS);
	for (unsigned i = 0; i < 2; i++) {
		ike_turn(&s->s_gw[i]);
		station_receive(&s->s_gw[i]);
	}
}

static void
run(struct sim *s, unsigned ms, bool traffic)
{
	for (uint64_t n = ms * NSEC_PER_MSEC / STEP_NS; n != 0; n--)
		step(s, traffic);
}

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

	ike_status(g->g_ip.ip_ike, io_now(g), count_up, &c);
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
		if (both || (r >> 3 & 1) == i) {
			struct gateway *g = &s->s_gw[i];

			(void)ike_command(g->g_ip.ip_ike, io_now(g),
			    (r >> 4 & 1) ? cmds[r >> 5 & 1] : cmd, NULL);
			ikeproc_act(&g->g_ip);
		}
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

static void
sim_free(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct gateway *g = &s->s_gw[i];
		struct note *no;

		while ((no = STAILQ_FIRST(&g->g_notes)) != NULL) {
			STAILQ_REMOVE_HEAD(&g->g_notes, no_link);
			free(no);
		}
		nk_lock(g->g_nk);
		key_socket_remove(g->g_nk, &g->g_ks);
		udp_client_remove(g->g_nk, &g->g_uc);
		nk_unlock(g->g_nk);
		ikeproc_fini(&g->g_ip);
	}
	world_free(s->s_wo);
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
		wi.wi_corrupt = (unsigned)(r >> 32) % 30;
		wi.wi_jitter_ns = (r >> 40) % 30 * NSEC_PER_MSEC;
	}
	return wi;
}

/* The number of things that were not as they must be. */
static unsigned
history(uint64_t seed, bool verbose)
{
	struct sim *s = calloc(1, sizeof(*s));
	const struct wire clean = { .wi_delay_ns = 3 * NSEC_PER_MSEC };
	unsigned found;

	if (s == NULL)
		abort();
	s->s_seed = seed;
	s->s_verbose = verbose;
	s->s_wo = world_new(seed);
	gateway_new(s, 0);
	gateway_new(s, 1);
	world_link(s->s_wo, s->s_gw[0].g_wan, s->s_gw[1].g_wan,
	    random_wire(s));
	world_tap(s->s_wo, watch, s);
	gateway_start(&s->s_gw[0], seed & 1, 25, 60);
	gateway_start(&s->s_gw[1], false, 25, 60);

	run(s, 2000, true);
	for (int i = 0; i < 2; i++)	/* what waited for the tunnel may have been too much */
		s->s_gw[i].g_first = s->s_lossy ? s->s_gw[i].g_sent : 17;
	for (int i = 0; i < 8; i++) {
		run(s, 1000 + (unsigned)(world_rand(s->s_wo) % 6000), true);
		random_command(s);
	}
	/* Longer than any retransmission, on a clean wire. */
	world_wire(s->s_wo, s->s_gw[0].g_wan, clean);
	run(s, 12000, true);
	run(s, 500, false);
	check_traffic(s);
	if (s->s_lossy)			/* one end may have given up meanwhile */
		run(s, 200000, true);
	/* An old inbound SA lives on for some seconds after a rekey. */
	for (int i = 0; i < 14 && !one_pair(s); i++)
		run(s, 1000, false);
	check_one_pair(s);

	for (int i = 0; i < 2; i++) {
		struct gateway *g = &s->s_gw[i];

		(void)ike_command(g->g_ip.ip_ike, io_now(g), IKE_CMD_DOWN,
		    NULL);
		ikeproc_act(&g->g_ip);
	}
	run(s, 40000, false);
	check_nothing_left(s);
	found = s->s_bad;
	sim_free(s);
	free(s);
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
