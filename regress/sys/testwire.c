/* SPDX-License-Identifier: ISC */
/*
 * Routers, wires and virtual time (see testwire.h).
 */
#include "testwire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "kern/pool.h"
#include "net/fib.h"

#define ROUTERS	64
#define IFS	256

struct frame {
	STAILQ_ENTRY(frame)	 fr_link;
	uint64_t		 fr_at;		/* when it arrives */
	unsigned		 fr_queue;
	uint16_t		 fr_flags, fr_gso_size;
	uint8_t			 fr_gso;
	uint16_t		 fr_csum_at, fr_csum_off;
	size_t			 fr_len;
	uint8_t			 fr_bytes[];
};
STAILQ_HEAD(frames, frame);

/* The end of a wire that is an interface. */
struct wire_end {
	struct world		*we_world;
	struct ifnet		*we_if;
	struct wire_end		*we_peer;	/* NULL: open */
	struct wire		 we_wire;
	struct frames		 we_in;		/* to this interface, by arrival */
	struct frames		 we_out;	/* what an open end sent */
	unsigned		 we_nout;
};

struct router {
	struct nk		*ro_nk;
	char			 ro_name[32];
};

struct world {
	uint64_t		 wo_rand[2];
	uint64_t		 wo_now;
	struct router		 wo_router[ROUTERS];
	unsigned		 wo_nrouters;
	struct wire_end		*wo_end[IFS];
	unsigned		 wo_nends;
	void			(*wo_tap)(void *, struct ifnet *, const uint8_t *, size_t);
	void			*wo_tap_arg;
	bool			 wo_verbose;
};

static void
die(const char *what)
{
	fprintf(stderr, "testwire: %s\n", what);
	abort();
}

/* ---- chance and time ---- */

/* xorshift128+ */
uint64_t
world_rand(struct world *wo)
{
	uint64_t a = wo->wo_rand[0], b = wo->wo_rand[1];

	wo->wo_rand[0] = b;
	a ^= a << 23;
	wo->wo_rand[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
	return wo->wo_rand[1] + b;
}

static bool
chance(struct world *wo, unsigned thousandths)
{
	return thousandths != 0 && world_rand(wo) % 1000 < thousandths;
}

static void
fill_random(void *arg, void *buf, size_t n)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)world_rand(arg);
}

static void
print_log(void *arg, int pri, const char *msg)
{
	struct world *wo = arg;

	if (wo->wo_verbose)
		fprintf(stderr, "%.6f <%d> %s\n", (double)wo->wo_now / 1e9, pri, msg);
}

uint64_t
world_now(const struct world *wo)
{
	return wo->wo_now;
}

struct clock_now
world_clock(const struct world *wo)
{
	return (struct clock_now){ .now_ns = wo->wo_now, .now_wall = WORLD_WALL +
	    (int64_t)((wo->wo_now - WORLD_START) / NSEC_PER_SEC) };
}

/* ---- the device ---- */

static struct frame *
frame_new(const void *bytes, size_t len)
{
	struct frame *fr = calloc(1, sizeof(*fr) + len);

	if (fr == NULL)
		die("out of memory");
	fr->fr_len = len;
	memcpy(fr->fr_bytes, bytes, len);
	return fr;
}

/* In the order of arrival; later ones of the same time behind. */
static void
frame_insert(struct frames *list, struct frame *fr)
{
	struct frame *at, *before = NULL;

	STAILQ_FOREACH(at, list, fr_link) {
		if (at->fr_at > fr->fr_at)
			break;
		before = at;
	}
	if (before == NULL)
		STAILQ_INSERT_HEAD(list, fr, fr_link);
	else
		STAILQ_INSERT_AFTER(list, before, fr, fr_link);
}

static void
frames_free(struct frames *list)
{
	struct frame *fr;

	while ((fr = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, fr_link);
		free(fr);
	}
}

/* A frame arrives at an end, some time from now. */
static void
frame_send(struct wire_end *to, struct frame *fr)
{
	struct world *wo = to->we_world;
	const struct wire *wi = &to->we_wire;
	unsigned workers = to->we_if->if_nk->nk_nworkers;

	fr->fr_at = wo->wo_now + wi->wi_delay_ns;
	if (wi->wi_jitter_ns != 0)
		fr->fr_at += world_rand(wo) % wi->wi_jitter_ns;
	if (workers > 1)
		fr->fr_queue = (unsigned)(world_rand(wo) % workers);
	frame_insert(&to->we_in, fr);
}

static bool
filtered(const struct wire *wi, const struct frame *fr)
{
	const uint8_t *f = fr->fr_bytes;

	if (wi->wi_mtu != 0 && fr->fr_len > wi->wi_mtu + 14)
		return true;
	return wi->wi_nofrag && fr->fr_len >= 34 && f[12] == 8 && f[13] == 0 &&
	    ((f[20] & 0x3f) | f[21]) != 0;
}

/* What the wire makes of it. */
static void
wire_carry(struct wire_end *to, struct frame *fr)
{
	struct world *wo = to->we_world;
	const struct wire *wi = &to->we_wire;

	if (chance(wo, wi->wi_loss) || filtered(wi, fr)) {
		free(fr);
		return;
	}
	if (chance(wo, wi->wi_dup)) {
		struct frame *again = frame_new(fr->fr_bytes, fr->fr_len);

		again->fr_flags = fr->fr_flags;
		again->fr_gso = fr->fr_gso;
		again->fr_gso_size = fr->fr_gso_size;
		again->fr_csum_at = fr->fr_csum_at;
		again->fr_csum_off = fr->fr_csum_off;
		frame_send(to, again);
	}
	if (chance(wo, wi->wi_corrupt))
		fr->fr_bytes[world_rand(wo) % fr->fr_len] ^=
		    (uint8_t)(1u << world_rand(wo) % 8);
	frame_send(to, fr);
}

static int
wire_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct wire_end *we = calloc(1, sizeof(*we));

	(void)arg;
	(void)nq;
	(void)err;
	(void)errlen;
	if (we == NULL)
		die("out of memory");
	STAILQ_INIT(&we->we_in);
	STAILQ_INIT(&we->we_out);
	we->we_if = ifp;
	ifp->if_priv = we;
	ifp->if_mtu = 1500;
	return 0;
}

static void
wire_close(struct ifnet *ifp)
{
	(void)ifp;		/* world_free() has the end */
}

static unsigned
wire_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct wire_end *we = ifp->if_priv;
	struct frame *fr, *next;
	unsigned n = 0;

	for (fr = STAILQ_FIRST(&we->we_in); fr != NULL && !pktvec_full(v); fr = next) {
		struct pkt *p;

		next = STAILQ_NEXT(fr, fr_link);
		if (fr->fr_at > we->we_world->wo_now)
			break;
		if (fr->fr_queue != q)
			continue;
		STAILQ_REMOVE(&we->we_in, fr, frame, fr_link);
		if ((p = pkt_alloc(w, (uint32_t)fr->fr_len)) != NULL) {
			memcpy(p->pkt_data, fr->fr_bytes, fr->fr_len);
			p->pkt_len = (uint32_t)fr->fr_len;
			p->pkt_flags |= fr->fr_flags;
			p->pkt_gso = fr->fr_gso;
			p->pkt_gso_size = fr->fr_gso_size;
			p->pkt_csum_base = p->pkt_data;
			p->pkt_csum_start = fr->fr_csum_at;
			p->pkt_csum_off = fr->fr_csum_off;
			pktvec_add(v, p);
			n++;
		}
		free(fr);
	}
	return n;
}

static void
wire_tx_one(struct wire_end *we, const struct pkt *p)
{
	struct world *wo = we->we_world;
	struct frame *fr = frame_new(p->pkt_data, p->pkt_len);

	fr->fr_flags = p->pkt_flags & PKT_F_CSUM_PARTIAL;
	fr->fr_gso = p->pkt_gso;
	fr->fr_gso_size = p->pkt_gso_size;
	if (fr->fr_flags != 0) {
		fr->fr_csum_at = (uint16_t)(p->pkt_csum_base + p->pkt_csum_start -
		    p->pkt_data);
		fr->fr_csum_off = p->pkt_csum_off;
	}
	if (wo->wo_tap != NULL)
		wo->wo_tap(wo->wo_tap_arg, we->we_if, fr->fr_bytes, fr->fr_len);
	if (we->we_peer != NULL) {
		wire_carry(we->we_peer, fr);
	} else {
		STAILQ_INSERT_TAIL(&we->we_out, fr, fr_link);
		we->we_nout++;
	}
}

static void
wire_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	(void)q;
	for (unsigned i = 0; i < v->pv_n; i++) {
		wire_tx_one(ifp->if_priv, v->pv_pkt[i]);
		pkt_free(w, v->pv_pkt[i]);
	}
	v->pv_n = 0;
}

static int
wire_fd(struct ifnet *ifp, unsigned q)
{
	(void)ifp;
	(void)q;
	return -1;
}

static const struct if_ops wire_ops = {
	.io_name = "wire", .io_open = wire_open, .io_close = wire_close,
	.io_rx = wire_rx, .io_tx = wire_tx, .io_fd = wire_fd
};

/* ---- building ---- */

struct world *
world_new(uint64_t seed)
{
	struct world *wo = calloc(1, sizeof(*wo));

	if (wo == NULL)
		die("out of memory");
	wo->wo_rand[0] = seed * 0x9e3779b97f4a7c15ull + 1;
	wo->wo_rand[1] = seed ^ 0xd6e8feb86659fd93ull;
	for (int i = 0; i < 16; i++)
		(void)world_rand(wo);
	wo->wo_now = WORLD_START;
	wo->wo_verbose = getenv("WORLD_VERBOSE") != NULL;
	return wo;
}

void
world_free(struct world *wo)
{
	for (unsigned i = 0; i < wo->wo_nrouters; i++)
		nk_free(wo->wo_router[i].ro_nk);
	for (unsigned i = 0; i < wo->wo_nends; i++) {
		frames_free(&wo->wo_end[i]->we_in);
		frames_free(&wo->wo_end[i]->we_out);
		free(wo->wo_end[i]);
	}
	free(wo);
}

struct nk *
world_router_conf(struct world *wo, const char *name, struct nk_conf nc)
{
	struct router *ro = &wo->wo_router[wo->wo_nrouters++];

	nc.nc_rand = fill_random;
	nc.nc_rand_arg = wo;
	nc.nc_log = print_log;
	nc.nc_log_arg = wo;
	snprintf(ro->ro_name, sizeof(ro->ro_name), "%s", name);
	if (wo->wo_nrouters > ROUTERS || (ro->ro_nk = nk_new(&nc, world_clock(wo))) == NULL)
		die("no router");
	return ro->ro_nk;
}

struct nk *
world_router(struct world *wo, const char *name, unsigned workers)
{
	return world_router_conf(wo, name, (struct nk_conf){ .nc_workers = workers,
	    .nc_small = 2048, .nc_large = 64, .nc_flows = 4096 });
}

struct ifnet *
world_if(struct world *wo, struct nk *nk, const char *name, const char *cidr, unsigned mtu)
{
	struct wire_end *we;
	struct ifnet *ifp;
	struct prefix pr;
	struct addr host;
	char err[128] = "", text[64];

	nk_lock(nk);
	if ((ifp = if_create(nk, name, &wire_ops, "", err, sizeof(err))) == NULL)
		die(err);
	we = ifp->if_priv;
	we->we_world = wo;
	wo->wo_end[wo->wo_nends++] = we;
	memcpy(ifp->if_mac, (uint8_t[]){ 2, 0, 0, 0, (uint8_t)(wo->wo_nends >> 8),
	    (uint8_t)wo->wo_nends }, 6);
	if (if_set_mtu(nk, ifp, mtu) != 0 ||
	    if_set_flags(nk, ifp, ifp->if_flags | IF_F_UP) != 0)
		die("interface refuses");
	if (cidr != NULL) {
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(cidr, "/"), cidr);
		if (!prefix_parse(cidr, &pr) || !addr_parse(text, &host) ||
		    if_addr_add(nk, ifp, &host, pr.pr_len) != 0)
			die("bad address");
	}
	nk_unlock(nk);
	return ifp;
}

void
world_route(struct nk *nk, const char *dst, const char *gw)
{
	struct route rt = { .rt_flags = RT_F_STATIC };

	nk_lock(nk);
	if (!prefix_parse(dst, &rt.rt_dst) || !addr_parse(gw, &rt.rt_gw) ||
	    fib_add(nk, &rt) != 0)
		die("bad route");
	nk_unlock(nk);
}

void
world_link(struct world *wo, struct ifnet *a, struct ifnet *b, struct wire wi)
{
	struct wire_end *ea = a->if_priv, *eb = b->if_priv;

	ea->we_peer = eb;
	eb->we_peer = ea;
	world_wire(wo, a, wi);
}

void
world_wire(struct world *wo, struct ifnet *ifp, struct wire wi)
{
	struct wire_end *we = ifp->if_priv;

	(void)wo;
	we->we_wire = wi;
	if (we->we_peer != NULL)
		we->we_peer->we_wire = wi;
}

void
world_tap(struct world *wo, void (*fn)(void *, struct ifnet *, const uint8_t *, size_t),
    void *arg)
{
	wo->wo_tap = fn;
	wo->wo_tap_arg = arg;
}

/* ---- running ---- */

/* One turn of a worker; true if it received something. */
static bool
worker_step(struct world *wo, struct worker *w)
{
	struct nk *nk = w->w_nk;
	bool busy = false;

	w->w_now = world_clock(wo);
	for (unsigned i = 0; i < IF_MAX; i++) {
		struct ifnet *ifp = nk->nk_ifs->it_if[i];

		if (ifp != NULL && ifp->if_ops->io_rx == wire_ops.io_rx)
			while (if_poll(w, ifp) != 0)
				busy = true;
	}
	worker_turn(w, world_clock(wo));
	return busy;
}

static bool
world_step(struct world *wo)
{
	bool busy = false;

	for (unsigned r = 0; r < wo->wo_nrouters; r++) {
		struct nk *nk = wo->wo_router[r].ro_nk;

		for (unsigned i = 0; i < nk->nk_nworkers; i++)
			busy |= worker_step(wo, nk->nk_worker[i]);
		/* A later worker may have handed something to an earlier one. */
		for (unsigned i = 0; i < nk->nk_nworkers; i++)
			busy |= worker_deadline(nk->nk_worker[i]) <= wo->wo_now;
	}
	return busy;
}

/* When something happens next. */
static uint64_t
world_next(const struct world *wo)
{
	uint64_t next = UINT64_MAX, t;

	for (unsigned i = 0; i < wo->wo_nends; i++) {
		const struct frame *fr = STAILQ_FIRST(&wo->wo_end[i]->we_in);

		if (fr != NULL && fr->fr_at < next)
			next = fr->fr_at;
	}
	for (unsigned r = 0; r < wo->wo_nrouters; r++) {
		const struct nk *nk = wo->wo_router[r].ro_nk;

		for (unsigned i = 0; i < nk->nk_nworkers; i++)
			if ((t = worker_deadline(nk->nk_worker[i])) < next)
				next = t;
	}
	return next;
}

void
world_settle(struct world *wo)
{
	unsigned steps = 0;

	while (world_step(wo))
		if (++steps > 100000)
			die("the world does not come to rest");
}

void
world_run(struct world *wo, uint64_t ns)
{
	uint64_t end = wo->wo_now + ns, next;

	for (;;) {
		world_settle(wo);
		next = world_next(wo);
		if (next > end)
			break;
		if (next > wo->wo_now)
			wo->wo_now = next;
	}
	wo->wo_now = end;
	world_settle(wo);
}

/* ---- open ends ---- */

void
wire_put(struct ifnet *ifp, const void *frame, size_t len)
{
	frame_send(ifp->if_priv, frame_new(frame, len));
}

void
wire_put_now(struct world *wo, struct ifnet *ifp, const void *frame, size_t len)
{
	wire_put(ifp, frame, len);
	world_settle(wo);
}

size_t
wire_take(struct ifnet *ifp, void *frame, size_t cap)
{
	struct wire_end *we = ifp->if_priv;
	struct frame *fr = STAILQ_FIRST(&we->we_out);
	size_t len;

	if (fr == NULL)
		return 0;
	STAILQ_REMOVE_HEAD(&we->we_out, fr_link);
	we->we_nout--;
	len = fr->fr_len;
	if (len > cap)
		die("frame longer than the test expects");
	memcpy(frame, fr->fr_bytes, len);
	free(fr);
	return len;
}

unsigned
wire_waiting(const struct ifnet *ifp)
{
	const struct wire_end *we = ifp->if_priv;

	return we->we_nout;
}

void
wire_flush(struct ifnet *ifp)
{
	struct wire_end *we = ifp->if_priv;

	frames_free(&we->we_out);
	we->we_nout = 0;
}

/* ---- numbers ---- */

unsigned
world_busy(const struct nk *nk)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < nk->nk_nworkers; i++) {
		struct pkt_usage pu;

		pkt_pool_usage(nk->nk_worker[i]->w_pool, &pu);
		busy += pu.pu_small - pu.pu_small_free + pu.pu_large - pu.pu_large_free;
	}
	return busy;
}

uint64_t
world_drops(const struct nk *nk, enum drop_reason why)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		n += nk->nk_worker[i]->w_drop[why];
	return n;
}

uint64_t
world_count(const struct nk *nk, enum counter c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		n += nk->nk_worker[i]->w_count[c];
	return n;
}

void
world_print(const struct nk *nk)
{
	for (int i = 0; i < CNT_MAX; i++)
		if (world_count(nk, (enum counter)i) != 0)
			printf("%12llu %s: %s\n",
			    (unsigned long long)world_count(nk, (enum counter)i),
			    counter_area((enum counter)i), counter_text((enum counter)i));
	for (int i = 1; i < DROP_MAX; i++)
		if (world_drops(nk, (enum drop_reason)i) != 0)
			printf("%12llu %s: dropped: %s\n",
			    (unsigned long long)world_drops(nk, (enum drop_reason)i),
			    drop_area((enum drop_reason)i), drop_text((enum drop_reason)i));
}
