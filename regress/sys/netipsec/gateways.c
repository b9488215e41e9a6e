/* SPDX-License-Identifier: ISC */
#include "gateways.h"

#include <CUnit/CUnit.h>
#include <linux/pfkeyv2.h>
#include <stdio.h>

#include "libalg/alg.h"
#include "net/arp.h"
#include "netinet/udp.h"

static const uint8_t host_mac[6] = { 2, 0xee, 0, 0, 0, 1 };

#define GCM(bits)	{ "aes-" #bits "-gcm", SADB_X_EALG_AES_GCM_ICV16, 0, bits / 8 + 4, 0, 8, 16, 4 }
#define CBC(bits, hash, aalg, akey, icv) \
	{ "aes-" #bits "-cbc+" hash, SADB_X_EALG_AESCBC, aalg, bits / 8, akey, 16, icv, 16 }
#define NUL(hash, aalg, akey, icv) \
	{ "null+" hash, SADB_EALG_NULL, aalg, 0, akey, 0, icv, 4 }

const struct suite suites[] = {
	GCM(128), GCM(192), GCM(256),
	{ "chacha20-poly1305", 0, 0, 36, 0, 8, 16, 4 },
	CBC(128, "hmac-sha2-256", SADB_X_AALG_SHA2_256HMAC, 32, 16),
	CBC(192, "hmac-sha2-384", SADB_X_AALG_SHA2_384HMAC, 48, 24),
	CBC(256, "hmac-sha2-512", SADB_X_AALG_SHA2_512HMAC, 64, 32),
	CBC(128, "hmac-sha1", SADB_AALG_SHA1HMAC, 20, 12),
	NUL("hmac-sha2-256", SADB_X_AALG_SHA2_256HMAC, 32, 16),
	NUL("hmac-sha2-512", SADB_X_AALG_SHA2_512HMAC, 64, 32),
	NUL("hmac-sha1", SADB_AALG_SHA1HMAC, 20, 12),
};
const unsigned suite_count = sizeof(suites) / sizeof(suites[0]);

const struct suite *
suite_by_name(const char *name)
{
	for (unsigned i = 0; i < suite_count; i++) {
		if (strcmp(suites[i].su_name, name) == 0)
			return &suites[i];
	}
	abort();
}

static void
need(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "gateways: %s\n", what);
		abort();
	}
}

static struct addr
address(const char *text)
{
	struct addr a;

	need(addr_parse(text, &a), text);
	return a;
}

void
policy(struct sp *sp, enum sp_dir dir, const char *src, const char *dst, uint8_t proto,
    const char *local, const char *peer, uint32_t reqid)
{
	memset(sp, 0, sizeof(*sp));
	sp->sp_dir = (uint8_t)dir;
	sp->sp_action = SP_PROTECT;
	sp->sp_level = SP_LEVEL_REQUIRE;
	sp->sp_asks = true;
	sp->sp_mode = local != NULL ? SA_TUNNEL : SA_TRANSPORT;
	sp->sp_proto = IPPROTO_ESP;
	sp->sp_reqid = reqid;
	sp->sp_priority = 1000;
	need(prefix_parse(src, &sp->sp_sel.sel_src) && prefix_parse(dst, &sp->sp_sel.sel_dst),
	    "bad prefix");
	sp->sp_sel.sel_proto = proto;
	sp->sp_sel.sel_sport = sp->sp_sel.sel_dport = (struct port_range){ 0, 65535 };
	if (local != NULL)
		sp->sp_local = address(local);
	if (peer != NULL)
		sp->sp_peer = address(peer);
}

void
sa_params(struct sa_params *pp, const struct suite *su, const char *src, const char *dst,
    uint32_t spi, uint8_t mode, unsigned seed)
{
	static uint8_t keys[2][SA_KEY_MAX];

	for (unsigned i = 0; i < SA_KEY_MAX; i++) {
		keys[0][i] = (uint8_t)(seed * 31 + i * 7 + 1);
		keys[1][i] = (uint8_t)(seed * 17 + i * 5 + 2);
	}
	memset(pp, 0, sizeof(*pp));
	pp->spp_spi = htonl(spi);
	pp->spp_proto = IPPROTO_ESP;
	pp->spp_mode = mode;
	pp->spp_window = 64;
	pp->spp_reqid = 7;
	pp->spp_src = address(src);
	pp->spp_dst = address(dst);
	pp->spp_ealg = su->su_ealg;
	if (su->su_ealg == 0)
		pp->spp_ealg = alg_table[ALG_CHACHA20_POLY1305].al_sadb;
	pp->spp_aalg = su->su_aalg;
	pp->spp_ekey = keys[0];
	pp->spp_ekeylen = su->su_ekey;
	pp->spp_akey = keys[1];
	pp->spp_akeylen = su->su_akey;
}

/* One direction: the same SA at both ends. */
static void
sa_pair(struct gateways *gw, const struct gateways_conf *gc, bool ab, struct sa *out[2])
{
	struct nk *ends[2] = { ab ? gw->gw_a : gw->gw_b, ab ? gw->gw_b : gw->gw_a };
	struct sa_params pp;
	const char *err = "";

	sa_params(&pp, gc->gc_suite, ab ? "192.0.2.1" : "192.0.2.2", ab ? "192.0.2.2" : "192.0.2.1",
	    ab ? 0xabab0001 : 0xbaba0001, gc->gc_mode, ab);
	pp.spp_flags = gc->gc_flags;
	pp.spp_seq_start = gc->gc_seq;
	pp.spp_natt_sport = htons(4500);
	pp.spp_natt_dport = htons(4500);
	for (int i = 0; i < 2; i++)
		need(sad_add(ends[i], world_clock(gw->gw_world), &pp, &err, &out[i]) == 0, err);
}

static void
policies(struct nk *nk, bool a, uint8_t mode)
{
	const char *mine = a ? "10.1.0.0/24" : "10.2.0.0/24";
	const char *theirs = a ? "10.2.0.0/24" : "10.1.0.0/24";
	const char *local = a ? "192.0.2.1" : "192.0.2.2", *peer = a ? "192.0.2.2" : "192.0.2.1";
	struct sp sp, *made;

	if (mode == SA_TRANSPORT) {
		mine = a ? "192.0.2.1/32" : "192.0.2.2/32";
		theirs = a ? "192.0.2.2/32" : "192.0.2.1/32";
		local = peer = NULL;
	}
	policy(&sp, SP_OUT, mine, theirs, mode == SA_TRANSPORT ? 1 : 0, local, peer, 7);
	need(spd_add(nk, &sp, &made) == 0, "policy out");
	policy(&sp, SP_IN, theirs, mine, mode == SA_TRANSPORT ? 1 : 0, local, peer, 7);
	need(spd_add(nk, &sp, &made) == 0, "policy in");
}

static bool
udp_sink(void *arg, const struct udp_msg *m, const void *data, size_t len)
{
	(void)arg;
	(void)m;
	(void)data;
	(void)len;
	return true;
}

static struct udp_client natt_clients[2];

/* Port 4500 carries ESP, as iked's bind makes it. */
static void
natt_bind(struct nk *nk, struct udp_client *uc)
{
	struct udp_msg m = { .um_op = UDP_BIND, .um_flags = UDP_M_NATT | UDP_M_BYPASS,
	    .um_lport = htons(4500) };

	*uc = (struct udp_client){ .uc_send = udp_sink };
	udp_client_add(nk, uc);
	udp_client_message(nk->nk_worker[0], uc, &m, sizeof(m));
}

void
gateways_open(struct gateways *gw, const struct gateways_conf *gc)
{
	struct nk_conf nc = { .nc_workers = gc->gc_workers != 0 ? gc->gc_workers : 1,
	    .nc_small = 1024, .nc_large = 32, .nc_flows = 4096, .nc_engine = gc->gc_engine };
	unsigned mtu = gc->gc_mtu != 0 ? gc->gc_mtu : 1500;
	struct addr host;

	memset(gw, 0, sizeof(*gw));
	gw->gw_world = world_new(5);
	gw->gw_a = world_router_conf(gw->gw_world, "a", nc);
	gw->gw_b = world_router_conf(gw->gw_world, "b", nc);
	gw->gw_a_out = world_if(gw->gw_world, gw->gw_a, "em0", "192.0.2.1/24", mtu);
	gw->gw_b_out = world_if(gw->gw_world, gw->gw_b, "em0", "192.0.2.2/24", mtu);
	gw->gw_a_in = world_if(gw->gw_world, gw->gw_a, "in0", "10.1.0.254/24", 9000);
	gw->gw_b_in = world_if(gw->gw_world, gw->gw_b, "in0", "10.2.0.254/24", 9000);
	world_link(gw->gw_world, gw->gw_a_out, gw->gw_b_out, gc->gc_wire);
	world_route(gw->gw_a, "10.2.0.0/16", "192.0.2.2");
	world_route(gw->gw_b, "10.1.0.0/16", "192.0.2.1");
	nk_lock(gw->gw_a);
	nk_lock(gw->gw_b);
	host = address("10.1.0.1");
	need(arp_set(gw->gw_a, &host, host_mac) == 0, "host a");
	host = address("10.2.0.1");
	need(arp_set(gw->gw_b, &host, host_mac) == 0, "host b");
	host = address("192.0.2.2");
	need(arp_set(gw->gw_a, &host, gw->gw_b_out->if_mac) == 0, "gateway b");
	host = address("192.0.2.1");
	need(arp_set(gw->gw_b, &host, gw->gw_a_out->if_mac) == 0, "gateway a");
	policies(gw->gw_a, true, gc->gc_mode);
	policies(gw->gw_b, false, gc->gc_mode);
	if (gc->gc_flags & SA_F_NATT) {
		natt_bind(gw->gw_a, &natt_clients[0]);
		natt_bind(gw->gw_b, &natt_clients[1]);
	}
	if (gc->gc_suite != NULL) {
		sa_pair(gw, gc, true, gw->gw_ab);
		sa_pair(gw, gc, false, gw->gw_ba);
	}
	nk_unlock(gw->gw_b);
	nk_unlock(gw->gw_a);
	world_settle(gw->gw_world);
	wire_flush(gw->gw_a_in);
	wire_flush(gw->gw_b_in);
}

void
gateways_close(struct gateways *gw)
{
	world_run(gw->gw_world, 90 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(world_busy(gw->gw_a), 0);
	CU_ASSERT_EQUAL(world_busy(gw->gw_b), 0);
	world_free(gw->gw_world);
}

static void
host_sends(struct gateways *gw, struct ifnet *in, const struct tp_spec *spec)
{
	static uint8_t frame[70000];
	struct tp_spec s = *spec;

	s.tp_dmac = in->if_mac;
	s.tp_smac = host_mac;
	wire_put_now(gw->gw_world, in, frame, tp_build(frame, &s));
	world_settle(gw->gw_world);
}

void
send_a(struct gateways *gw, const struct tp_spec *spec)
{
	host_sends(gw, gw->gw_a_in, spec);
}

void
send_b(struct gateways *gw, const struct tp_spec *spec)
{
	host_sends(gw, gw->gw_b_in, spec);
}

static size_t
host_takes(struct ifnet *in, uint8_t *ip, size_t cap)
{
	static uint8_t frame[WIRE_FRAME_MAX];
	size_t n = wire_take(in, frame, sizeof(frame));

	if (n < 14 || n - 14 > cap)
		return 0;
	memcpy(ip, frame + 14, n - 14);
	return n - 14;
}

size_t
take_a(struct gateways *gw, uint8_t *ip, size_t cap)
{
	return host_takes(gw->gw_a_in, ip, cap);
}

size_t
take_b(struct gateways *gw, uint8_t *ip, size_t cap)
{
	return host_takes(gw->gw_b_in, ip, cap);
}
