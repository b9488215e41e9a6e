/* SPDX-License-Identifier: ISC */
/*
 * A whole gateway in a simulation (gateway.h): what the shells of netkern and
 * iked do, over lists instead of sockets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "libike/ike_auth.h"
#include "net/arp.h"

void
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
	return gateway_ms(arg);
}

static int64_t
io_date(void *arg)
{
	const struct gateway *g = arg;

	return (int64_t)world_clock(g->g_sim->s_wo).now_wall;
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
key_send(struct gateway *g, struct pfkey_msg *m, uint32_t pid)
{
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n;

	m->pm_pid = pid;
	pfkey_set(m, PFKEY_EXT_ASK);
	if ((n = pfkey_build(m, buf, sizeof(buf))) == 0)
		return EMSGSIZE;
	nk_lock(g->g_nk);
	key_message(g->g_nk, world_clock(g->g_sim->s_wo), &g->g_ks, buf, n);
	nk_unlock(g->g_nk);
	return 0;
}

static int
io_key_send(void *arg, struct pfkey_msg *m)
{
	struct gateway *g = arg;

	if (g->g_key_full)
		return EAGAIN;
	if (g->g_key_lost != 0 && m->pm_type != SADB_DELETE &&
	    world_rand(g->g_sim->s_wo) % 1000 < g->g_key_lost)
		return EAGAIN;
	return key_send(g, m, g->g_ip.ip_pid);
}

void
gateway_key_message(struct gateway *g, struct pfkey_msg *m, uint32_t pid)
{
	if (key_send(g, m, pid) != 0)
		abort();
}

uint64_t
gateway_ms(const struct gateway *g)
{
	return world_now(g->g_sim->s_wo) / NSEC_PER_MSEC;
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

static unsigned
io_mtu(void *arg, const struct addr *dst)
{
	const struct gateway *g = arg;

	(void)dst;
	return g->g_wan->if_mtu;
}

/* The auth process, without a process. */
static bool
io_auth(void *arg, uint32_t type, uint32_t id, const struct iked_auth_req *rq)
{
	const struct gateway *g = arg;
	const char *psk = g->g_psk != NULL ? g->g_psk : PSK;
	struct iked_signed ig = { 0 };
	uint32_t result;

	if (type == IMSG_SIGN) {
		ig.ig_len = (uint16_t)ike_auth_psk(rq->ia_prf, psk, strlen(psk),
		    rq->ia_octets, rq->ia_octets_len, ig.ig_auth);
		ig.ig_ok = ig.ig_len != 0;
		note_put(arg, NOTE_AUTH, NULL, IMSG_SIGNED, id, &ig,
		    sizeof(ig));
		return true;
	}
	result = ike_auth_psk_verify(rq->ia_prf, psk, strlen(psk),
	    rq->ia_octets, rq->ia_octets_len, rq->ia_auth, rq->ia_auth_len) ?
	    IKE_VERIFY_OK : IKE_VERIFY_BAD;
	note_put(arg, NOTE_AUTH, NULL, IMSG_VERIFIED, id, &result,
	    sizeof(result));
	return true;
}

static void
io_event(void *arg, const struct ike_event *ev, bool keep)
{
	struct gateway *g = arg;

	(void)keep;
	g->g_events[ev->ev_type]++;
	g->g_event = *ev;
	if (ev->ev_type == IKE_EV_CHILD_UP) {
		g->g_ups++;
		g->g_last_up = true;
	}
	if (ev->ev_type == IKE_EV_CHILD_DOWN) {
		g->g_downs++;
		g->g_last_up = false;
	}
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

void
gateway_turn(struct gateway *g)
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

void
gateway_command(struct gateway *g, enum ike_command cmd)
{
	(void)ike_command(g->g_ip.ip_ike, gateway_ms(g), cmd, NULL);
	ikeproc_act(&g->g_ip);
}

/* ---- configuration -------------------------------------------------- */

static const char *
give_rule(struct gateway *g, const struct policy *pol,
    const struct policy_ike *ik)
{
	static struct iked_rule rule;
	struct iked_blocked ib = { .ib_peer = ik->ik_peer.pr_addr };
	const char *why = iked_rule_make(pol, ik, &rule);

	if (strcmp(ik->ik_name, "t") == 0)
		g->g_reqid = ik->ik_reqid;
	if (why == NULL)
		return ikeproc_policy_rule(&g->g_ip, &rule) ? NULL : "refused";
	(void)snprintf(ib.ib_name, sizeof(ib.ib_name), "%s", ik->ik_name);
	(void)snprintf(ib.ib_why, sizeof(ib.ib_why), "%s", why);
	return ikeproc_policy_blocked(&g->g_ip, &ib) ? NULL : "refused";
}

void
gateway_policy(struct gateway *g, const char *text, uint64_t revision)
{
	const struct iked_begin begin = { .ib_set = g->g_set };
	struct iked_end end = { .ie_number = revision, .ie_revision = revision };
	struct policy_errors errs = { .per_n = 0 };
	struct policy_text tx = { .tx_name = g->g_name };
	const char *why = NULL;
	struct policy pol;
	char *body = strdup(text);

	tx.tx_body = body;
	tx.tx_len = strlen(text);
	policy_init(&pol);
	if (body == NULL || !policy_parse(&pol, &tx, NULL, NULL, 0, &errs) ||
	    !policy_finish(&pol, &errs)) {
		policy_errors_print(&errs, stderr);
		abort();
	}
	if (!ikeproc_policy_begin(&g->g_ip, &begin))
		why = "refused";
	for (size_t i = 0; why == NULL && i < pol.pol_nikes; i++)
		why = give_rule(g, &pol, &pol.pol_ikes[i]);
	end.ie_rules = (uint32_t)g->g_ip.ip_next.in_rules;
	end.ie_blocked = (uint32_t)g->g_ip.ip_next.in_blocked.bl_n;
	if (why != NULL || !ikeproc_policy_end(&g->g_ip, &end) ||
	    g->g_ip.ip_failed != 0) {
		fprintf(stderr, "policy: %s\n", why != NULL ? why : "refused");
		abort();
	}
	policy_free(&pol);
	free(body);
}

void
gateway_rule(struct gateway *g, const char *how, const char *more, uint64_t revision)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "ikev2 \"t\" %s esp "
	    "from 10.%u.0.0/24 to 10.%u.0.0/24 local 192.0.2.%u peer 192.0.2.%u %s "
	    "srcid %s.example dstid %s.example psk \"" PSK "\"\n", how,
	    g->g_net, g->g_peer->g_net, g->g_net, g->g_peer->g_net, more, g->g_name,
	    g->g_peer->g_name);
	gateway_policy(g, text, revision);
}

static void
spd_entry(struct gateway *g, enum sp_dir dir)
{
	struct sp sp = { .sp_action = SP_PROTECT, .sp_level = SP_LEVEL_UNIQUE, .sp_asks = true,
	    .sp_mode = SA_TUNNEL, .sp_proto = IPPROTO_ESP }, *made;
	char mine[32], theirs[32];

	(void)snprintf(mine, sizeof(mine), "10.%u.0.0/24", g->g_net);
	(void)snprintf(theirs, sizeof(theirs), "10.%u.0.0/24",
	    g->g_peer->g_net);
	sp.sp_dir = (uint8_t)dir;
	sp.sp_reqid = g->g_reqid;
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

const uint8_t station_mac[6] = { 2, 0, 0, 0, 0, 0x55 };

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
	g->g_set = (struct iked_set){ .is_dpd = 30, .is_nattport = 4500,
	    .is_fragmentation = 1 };
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
	    .io_date = io_date, .io_random = io_random, .io_key_send = io_key_send,
	    .io_udp_send = io_udp_send, .io_source = io_source, .io_mtu = io_mtu,
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

void
gateway_start(struct gateway *g)
{
	know_peer(g);
	spd_entry(g, SP_OUT);
	spd_entry(g, SP_IN);
	kernel_register(&g->g_ip);
	udp_bind_ports(&g->g_ip);
	ikeproc_act(&g->g_ip);
}

struct sim *
sim_new(uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->s_seed = seed;
	s->s_wo = world_new(seed);
	gateway_new(s, 0);
	gateway_new(s, 1);
	return s;
}

void
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
	free(s);
}
