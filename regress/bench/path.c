/* SPDX-License-Identifier: ISC */
/*
 * ns per packet of the whole packet path, single worker, AES-128-GCM tunnel,
 * beside the raw engine on as many bytes in the same run.
 *
 *	out	pktgen -> ether_input, ip_input, pf_flow, ipsec_output -> pktgen
 *	in	frames that another router sealed -> ether_input, ip_input,
 *		ipsec_input, pf_flow, ip_output -> pktgen
 *
 * Out is timed with the generator's own cost.  In, the frames are laid
 * into the worker's buffers outside of the timed part.  Each row is measured
 * several times in turn with the raw engine, and the least time of each
 * counts.
 *
 *	path [-e engine] [-n SAs] [-f flows] [-t milliseconds]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <linux/pfkeyv2.h>

#include "clock.h"
#include "crypto/xform.h"
#include "dev/dev.h"
#include "kern/counters.h"
#include "kern/nk.h"
#include "net/arp.h"
#include "net/ether.h"
#include "net/fib.h"
#include "net/if.h"
#include "netipsec/ipsec.h"

#define ROUNDS		7
#define BATCH		64
#define FRAME_MAX	2048

static unsigned nsas = 1, nflows = 64, slice_ms = 40;
static const char *engine;

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "path: %s\n", what);
	exit(1);
}

static void
fill_random(void *arg, void *buf, size_t n)
{
	(void)arg;
	if (getrandom(buf, n, 0) != (ssize_t)n)
		die("getrandom");
}

static struct addr
ip4(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		die(text);
	return a;
}

/* ---- a device that keeps what is sent, for the far side ------------ */

struct keep {
	unsigned	k_n;
	uint32_t	k_len[BATCH];
	uint8_t		k_frame[BATCH][FRAME_MAX];
};

static int
keep_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err,
    size_t errlen)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 9, 9 };

	(void)arg, (void)nq, (void)err, (void)errlen;
	memcpy(ifp->if_mac, mac, sizeof(mac));
	ifp->if_mtu = 1600;
	ifp->if_priv = calloc(1, sizeof(struct keep));
	return ifp->if_priv == NULL ? ENOMEM : 0;
}

static void
keep_close(struct ifnet *ifp)
{
	free(ifp->if_priv);
}

static unsigned
keep_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	(void)ifp, (void)q, (void)w, (void)v;
	return 0;
}

static void
keep_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct keep *k = ifp->if_priv;

	(void)q;
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];

		if (k->k_n < BATCH && p->pkt_len <= FRAME_MAX) {
			memcpy(k->k_frame[k->k_n], p->pkt_data, p->pkt_len);
			k->k_len[k->k_n++] = p->pkt_len;
		}
		pkt_free(w, p);
	}
	v->pv_n = 0;
}

static int
keep_fd(struct ifnet *ifp, unsigned q)
{
	(void)ifp, (void)q;
	return -1;
}

static const struct if_ops keep_ops = {
	.io_name = "keep", .io_open = keep_open, .io_close = keep_close,
	.io_rx = keep_rx, .io_tx = keep_tx, .io_fd = keep_fd,
};

/* ---- a router ------------------------------------------------------ */

struct router {
	struct nk	*r_nk;
	struct worker	*r_w;
	struct ifnet	*r_lan, *r_wan;
	struct clock_now r_now;
};

static struct ifnet *
make_if(struct router *r, const char *name, const struct if_ops *ops,
    const char *arg, const char *addr)
{
	char err[256] = "";
	struct ifnet *ifp = if_create(r->r_nk, name, ops, arg, err,
	    sizeof(err));
	struct addr a = ip4(addr);

	if (ifp == NULL)
		die(err);
	if (if_addr_add(r->r_nk, ifp, &a, 24) != 0 ||
	    if_set_flags(r->r_nk, ifp, IF_F_UP) != 0)
		die("interface");
	return ifp;
}

static void
neighbour(struct router *r, const char *addr, uint8_t last)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, last };
	struct addr a = ip4(addr);

	if (arp_set(r->r_nk, &a, mac) != 0)
		die("neighbour");
}

static void
router_new(struct router *r)
{
	struct nk_conf nc = { .nc_workers = 1, .nc_rand = fill_random,
	    .nc_engine = engine, .nc_flows = nflows * 2 + 1024 };

	r->r_now = (struct clock_now){ .now_ns = clock_ns(),
	    .now_wall = time(NULL) };
	if ((r->r_nk = nk_new(&nc, r->r_now)) == NULL)
		die("no memory, or no such engine");
	r->r_w = r->r_nk->nk_worker[0];
}

/* One tunnel of `nsas': its policy and SA at one end. */
static void
tunnel(struct router *r, unsigned i, bool out)
{
	uint8_t key[20];
	const char *err = NULL;
	struct sp sp = { 0 }, *made;
	struct sa *sa;
	struct sa_params sx = { .spp_spi = htonl(0x1000 + i),
	    .spp_proto = IPPROTO_ESP, .spp_mode = SA_TUNNEL,
	    .spp_reqid = i + 1, .spp_window = 1024,
	    .spp_src = ip4("192.0.2.1"), .spp_dst = ip4("192.0.2.2"),
	    .spp_ealg = SADB_X_EALG_AES_GCM_ICV16, .spp_ekey = key,
	    .spp_ekeylen = sizeof(key) };

	memset(key, (int)(i % 251) + 1, sizeof(key));
	memcpy(key, &i, sizeof(i));
	sp.sp_action = SP_PROTECT;
	sp.sp_dir = out ? SP_OUT : SP_IN;
	sp.sp_level = SP_LEVEL_UNIQUE;
	sp.sp_mode = SA_TUNNEL;
	sp.sp_proto = IPPROTO_ESP;
	sp.sp_reqid = i + 1;
	sp.sp_sel.sel_src.pr_addr = ip4("10.1.0.0");
	sp.sp_sel.sel_src.pr_len = 16;
	sp.sp_sel.sel_dst.pr_addr = ip4("20.0.0.0");
	sp.sp_sel.sel_dst.pr_addr.ad_v4.s_addr = htonl(0x14000000 + i);
	sp.sp_sel.sel_dst.pr_len = 32;
	if (nsas == 1) {
		sp.sp_sel.sel_dst.pr_addr.ad_v4.s_addr = htonl(0x14000000);
		sp.sp_sel.sel_dst.pr_len = 8;
	}
	sp.sp_sel.sel_sport.po_hi = sp.sp_sel.sel_dport.po_hi = 65535;
	sp.sp_local = out ? sx.spp_src : sx.spp_dst;
	sp.sp_peer = out ? sx.spp_dst : sx.spp_src;
	if (spd_add(r->r_nk, &sp, &made) != 0)
		die("policy");
	if (sad_add(r->r_nk, r->r_now, &sx, &err, &sa) != 0)
		die(err != NULL ? err : "SA");
}

static void
route(struct router *r, const char *dst, unsigned len, const char *gw)
{
	struct route rt = { .rt_flags = RT_F_STATIC | RT_F_GATEWAY };

	rt.rt_dst.pr_addr = ip4(dst);
	rt.rt_dst.pr_len = (uint8_t)len;
	rt.rt_gw = ip4(gw);
	if (fib_add(r->r_nk, &rt) != 0)
		die("route");
}

static void
turn(struct router *r)
{
	r->r_now.now_ns = clock_ns();
	worker_turn(r->r_w, r->r_now);
}

/*
 * The sender: pktgen on the inside, the sealed packets to pktgen's sink, or
 * kept for the receiver.
 */
static void
sender_new(struct router *r, const char *size, const struct if_ops *wan)
{
	char arg[200];

	router_new(r);
	(void)snprintf(arg, sizeof(arg),
	    "%s%s,flows=%u,src=10.1.0.2,dst=20.0.0.0,dsts=%u",
	    strcmp(size, "imix") == 0 ? "" : "size=", size, nflows, nsas);
	r->r_lan = make_if(r, "gen0", &pktgen_ops, arg, "10.1.0.1");
	r->r_wan = make_if(r, "wan0", wan, "sink", "192.0.2.1");
	r->r_wan->if_mtu = 1600;
	neighbour(r, "192.0.2.2", 2);
	route(r, "20.0.0.0", 8, "192.0.2.2");
	for (unsigned i = 0; i < nsas; i++)
		tunnel(r, i, true);
}

static void
receiver_new(struct router *r)
{
	router_new(r);
	r->r_wan = make_if(r, "wan0", &keep_ops, "", "192.0.2.2");
	r->r_lan = make_if(r, "lan0", &pktgen_ops, "sink", "10.2.0.1");
	neighbour(r, "10.2.0.2", 3);
	route(r, "20.0.0.0", 8, "10.2.0.2");
	for (unsigned i = 0; i < nsas; i++)
		tunnel(r, i, false);
}

/* ---- measuring ----------------------------------------------------- */

struct result {
	double	ns;		/* a packet */
	double	bytes;		/* inner, a packet */
};

static void
least(struct result *best, uint64_t ns, uint64_t packets, uint64_t bytes)
{
	double v = packets == 0 ? 0 : (double)ns / (double)packets;

	if (packets == 0)
		die("nothing came through");
	if (best->ns == 0 || v < best->ns)
		*best = (struct result){ v, (double)bytes / (double)packets };
}

static void
measure_out(struct router *r, struct result *best)
{
	struct worker *w = r->r_w;
	uint64_t n0 = w->w_count[CNT_ESP_OUT], b0 = w->w_count[CNT_ESP_OUT_BYTES];
	uint64_t start = clock_ns(), end;

	do {
		for (int i = 0; i < 32; i++) {
			(void)if_poll(w, r->r_lan);
			worker_turn(w, r->r_now);
		}
		r->r_now.now_ns = end = clock_ns();
	} while (end - start < slice_ms * NSEC_PER_MSEC);
	least(best, end - start, w->w_count[CNT_ESP_OUT] - n0,
	    w->w_count[CNT_ESP_OUT_BYTES] - b0);
}

/* Frames of the sender in buffers of the receiver, not timed. */
static void
load(struct router *from, struct router *to, struct pktvec *v)
{
	struct keep *k = from->r_wan->if_priv;

	k->k_n = 0;
	while (k->k_n < BATCH) {
		(void)if_poll(from->r_w, from->r_lan);
		turn(from);
	}
	v->pv_n = 0;
	for (unsigned i = 0; i < k->k_n; i++) {
		struct pkt *p = pkt_alloc(to->r_w, k->k_len[i]);

		if (p == NULL)
			die("buffers");
		memcpy(p->pkt_data, k->k_frame[i], k->k_len[i]);
		memcpy(p->pkt_data, to->r_wan->if_mac, 6);
		p->pkt_len = k->k_len[i];
		pktvec_add(v, p);
	}
}

static void
measure_in(struct router *from, struct router *to, struct result *best)
{
	struct worker *w = to->r_w;
	uint64_t n0 = w->w_count[CNT_ESP_IN], b0 = w->w_count[CNT_ESP_IN_BYTES];
	uint64_t spent = 0, start = clock_ns();
	struct pktvec v;

	do {
		uint64_t t;

		load(from, to, &v);
		t = clock_ns();
		ether_input(w, to->r_wan, &v);
		to->r_now.now_ns = t;
		worker_turn(w, to->r_now);
		spent += clock_ns() - t;
	} while (clock_ns() - start < 3 * slice_ms * NSEC_PER_MSEC);
	least(best, spent, w->w_count[CNT_ESP_IN] - n0,
	    w->w_count[CNT_ESP_IN_BYTES] - b0);
}

/* ---- the raw engine ------------------------------------------------ */

static unsigned
text_len(unsigned inner)
{
	return (inner + 2 + 3) & ~3u;	/* RFC 4303 section 2.4 */
}

static void
measure_raw(const struct router *r, const unsigned *sizes, unsigned nsizes,
    struct result *best)
{
	static uint8_t text[BATCH][FRAME_MAX], icv[BATCH][16];
	static const uint8_t nonce[12] = { 1 }, aad[8] = { 2 };
	const struct xform *x = xform_find(&alg_table[ALG_AES_128_GCM], NULL);
	uint8_t key[20] = { 7 };
	struct xform_key *k = aligned_alloc(XFORM_KEY_ALIGN,
	    xform_key_size(r->r_w->w_xform, x));
	struct xform_raw raw[BATCH];
	uint64_t start, end, n = 0, bytes = 0;

	if (k == NULL || !xform_key_init(r->r_w->w_xform, x, k, key,
	    sizeof(key), NULL, 0))
		die("raw key");
	for (unsigned i = 0; i < BATCH; i++)
		raw[i] = (struct xform_raw){ .xr_key = k, .xr_text = text[i],
		    .xr_nonce = nonce, .xr_aad = aad, .xr_icv = icv[i],
		    .xr_len = text_len(sizes[i % nsizes]) };
	start = clock_ns();
	do {
		for (int i = 0; i < 32; i++)
			if (!xform_raw_seal(r->r_w->w_xform, x, raw, BATCH))
				die("the engine has no raw entry");
		n += 32 * BATCH;
		end = clock_ns();
	} while (end - start < slice_ms * NSEC_PER_MSEC);
	for (unsigned i = 0; i < BATCH; i++)
		bytes += sizes[i % nsizes];
	least(best, end - start, n, n / BATCH * bytes);
	xform_key_wipe(r->r_w->w_xform, x, k);
	free(k);
}

/* ---- the table ----------------------------------------------------- */

static const struct {
	const char	*name;		/* pktgen's word */
	unsigned	 sizes[12];
	unsigned	 n;
} rows[] = {
	{ "64",   { 64 }, 1 },
	{ "512",  { 512 }, 1 },
	{ "1420", { 1420 }, 1 },
	{ "imix", { 40, 40, 576, 40, 40, 576, 40, 576, 40, 1420, 576, 40 }, 12 },
};

static void
print_row(const char *size, const char *dir, const struct result *path,
    const struct result *raw)
{
	printf("%-8s %-5s %-4s %8.1f %8.2f %9.1f %8.1f %7.2f\n",
	    engine, size, dir, path->ns, path->bytes * 8 / path->ns, raw->ns,
	    path->ns - raw->ns, path->ns / raw->ns);
	(void)fflush(stdout);
}

static void
bench_row(size_t i)
{
	struct router out, feed, in;
	struct result o = { 0 }, n = { 0 }, raw = { 0 };

	sender_new(&out, rows[i].name, &pktgen_ops);
	sender_new(&feed, rows[i].name, &keep_ops);
	receiver_new(&in);
	for (int r = 0; r < ROUNDS; r++) {
		measure_raw(&out, rows[i].sizes, rows[i].n, &raw);
		measure_out(&out, &o);
		measure_in(&feed, &in, &n);
	}
	print_row(rows[i].name, "out", &o, &raw);
	print_row(rows[i].name, "in", &n, &raw);
	nk_free(out.r_nk);
	nk_free(feed.r_nk);
	nk_free(in.r_nk);
}

static void
bench_engine(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_row(i);
}

int
main(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "e:f:n:t:")) != -1)
		switch (ch) {
		case 'e':
			engine = optarg;
			break;
		case 'f':
			nflows = (unsigned)atoi(optarg);
			break;
		case 'n':
			nsas = (unsigned)atoi(optarg);
			break;
		case 't':
			slice_ms = (unsigned)atoi(optarg);
			break;
		default:
			die("usage: path [-e engine] [-f flows] [-n SAs] [-t ms]");
		}
	if (nflows < nsas)
		nflows = nsas;
	printf("Whole path, one worker, AES-128-GCM tunnel, %u SA%s, %u flows\n",
	    nsas, nsas == 1 ? "" : "s", nflows);
	printf("%-8s %-5s %-4s %8s %8s %9s %8s %7s\n", "engine", "bytes", "way",
	    "ns/pkt", "Gbit/s", "raw ns", "beside", "ratio");
	if (engine != NULL) {
		bench_engine();
		return 0;
	}
	for (unsigned i = 0; (engine = xform_engine_name(i)) != NULL; i++)
		bench_engine();
	return 0;
}
