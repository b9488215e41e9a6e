/* SPDX-License-Identifier: ISC */
/*
 * Reassembly of IPv4 fragments (see frag.h for what is refused and why),
 * and the making of fragments.
 *
 * Since pieces never overlap, a packet is whole when the end is known and
 * the pieces' lengths add up to it.  A packet whose pieces overlapped stays
 * in the table without pieces, so that what follows of it is dropped too.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "kern/pool.h"
#include "net/ether.h"
#include "net/fib.h"
#include "netinet/frag.h"
#include "netinet/ip.h"
#include "netinet/meta.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"

#define BUCKETS		256
#define LEN_MAX		65535u

/* What fragments of one packet have in common (RFC 791), and how they came. */
struct frag_key {
	uint32_t	fk_src, fk_dst;
	uint16_t	fk_id;
	uint16_t	fk_proto;
	uint64_t	fk_origin;	/* in clear, or through which SAs; see origin_of() */
};

struct frag_packet {
	TAILQ_ENTRY(frag_packet) fp_age;
	LIST_ENTRY(frag_packet)	 fp_hash;
	struct frag_key		 fp_key;
	struct timer		 fp_timer;
	struct frag_table	*fp_table;
	struct pkt		*fp_piece;	/* by offset, through pkt_link */
	unsigned		 fp_pieces;
	unsigned		 fp_bytes;	/* of data */
	unsigned		 fp_end;	/* of data; 0: last piece not seen */
	bool			 fp_dead;	/* overlapped: swallow the rest */
};

struct frag_table {
	struct worker		*ft_worker;
	TAILQ_HEAD(frag_age, frag_packet) ft_age;	/* oldest first */
	LIST_HEAD(frag_bucket, frag_packet) ft_bucket[BUCKETS];
	LIST_HEAD(frag_free, frag_packet) ft_free;
	unsigned		 ft_packets, ft_held, ft_held_max;
	struct frag_packet	 ft_packet[FRAG_PACKETS];
};

/* A fragment's place. */
struct place {
	unsigned	pl_off, pl_len;		/* bytes of data */
	bool		pl_last;
};

static void	packet_timeout(void *arg, uint64_t now_ns);

int
frag_init(struct worker *w)
{
	struct frag_table *ft = calloc(1, sizeof(*ft));
	struct pkt_usage pu;

	if (ft == NULL)
		return ENOMEM;
	pkt_pool_usage(w->w_pool, &pu);
	ft->ft_worker = w;
	ft->ft_held_max = pu.pu_small / 2 < FRAG_HELD ? pu.pu_small / 2 : FRAG_HELD;
	TAILQ_INIT(&ft->ft_age);
	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_INIT(&ft->ft_bucket[i]);
	LIST_INIT(&ft->ft_free);
	for (unsigned i = 0; i < FRAG_PACKETS; i++)
		LIST_INSERT_HEAD(&ft->ft_free, &ft->ft_packet[i], fp_hash);
	w->w_frags = ft;
	return 0;
}

unsigned
frag_pending(const struct worker *w)
{
	return w->w_frags->ft_packets;
}

unsigned
frag_held(const struct worker *w)
{
	return w->w_frags->ft_held;
}

/* ---- packets of the table ---- */

/*
 * Fragments that different interfaces brought in clear, those that Linux
 * sends, and those that different policies' SAs brought never make one packet:
 * the rules are asked about the whole as of the first piece, and who is
 * outside must not add to what is sent inside.  Those of successive SAs of one
 * policy do.
 */
static uint64_t
origin_of(const struct pkt *p)
{
	const struct sa *sa = p->pkt_came_sa;

	if (sa == NULL)
		return p->pkt_ifp != NULL ? 3ull << 32 | p->pkt_ifp->if_index : 0;
	return sa->sa_reqid != 0 ? 1ull << 32 | sa->sa_reqid : 2ull << 32 | sa->sa_id;
}

static struct frag_key
key_of(const struct pkt *p)
{
	return (struct frag_key){ .fk_src = p->pkt_key.fk_src4,
	    .fk_dst = p->pkt_key.fk_dst4, .fk_id = raw16(p->pkt_data + IPH_ID),
	    .fk_proto = p->pkt_proto, .fk_origin = origin_of(p) };
}

static bool
key_equal(const struct frag_key *a, const struct frag_key *b)
{
	return a->fk_src == b->fk_src && a->fk_dst == b->fk_dst &&
	    a->fk_id == b->fk_id && a->fk_proto == b->fk_proto &&
	    a->fk_origin == b->fk_origin;
}

static uint32_t
key_hash(const struct frag_key *k)
{
	uint64_t h = ((uint64_t)k->fk_src << 32 | k->fk_dst) * 0x9e3779b97f4a7c15ull;

	h ^= (uint64_t)k->fk_id << 16 | k->fk_proto;
	h = (h ^ h >> 29) * 0xd6e8feb86659fd93ull;
	return (uint32_t)(h >> 32);
}

static void
pieces_drop(struct frag_packet *fp, enum drop_reason why)
{
	struct worker *w = fp->fp_table->ft_worker;
	struct pkt *p;

	while ((p = fp->fp_piece) != NULL) {
		fp->fp_piece = p->pkt_link;
		p->pkt_link = NULL;
		pkt_drop(w, p, why);
	}
	fp->fp_table->ft_held -= fp->fp_pieces;
	fp->fp_pieces = fp->fp_bytes = 0;
}

static void
packet_end(struct frag_packet *fp, enum drop_reason why)
{
	struct frag_table *ft = fp->fp_table;

	pieces_drop(fp, why);
	timer_clear(&ft->ft_worker->w_wheel, &fp->fp_timer);
	TAILQ_REMOVE(&ft->ft_age, fp, fp_age);
	LIST_REMOVE(fp, fp_hash);
	LIST_INSERT_HEAD(&ft->ft_free, fp, fp_hash);
	ft->ft_packets--;
}

void
frag_fini(struct worker *w)
{
	struct frag_packet *fp;

	if (w->w_frags == NULL)
		return;
	while ((fp = TAILQ_FIRST(&w->w_frags->ft_age)) != NULL)
		packet_end(fp, DROP_FRAG_TIMEOUT);
	free(w->w_frags);
	w->w_frags = NULL;
}

/* The receiver of a packet of which the first piece came tells (RFC 1122 3.3.2). */
static void
packet_timeout(void *arg, uint64_t now_ns)
{
	struct frag_packet *fp = arg;
	struct worker *w = fp->fp_table->ft_worker;
	const struct pkt *first = fp->fp_piece;
	struct addr dst = addr_v4((struct in_addr){ fp->fp_key.fk_dst });
	bool ours;

	(void)now_ns;
	if (first != NULL && (be16(first->pkt_data + IPH_OFF) & IPOFF_MASK) == 0) {
		nk_lock(w->w_nk);
		ours = if_is_local(w->w_nk, &dst);
		nk_unlock(w->w_nk);
		if (ours)
			icmp_error(w, first, ICMPT_TIMXCEED, ICMPC_REASS, 0);
	}
	packet_end(fp, DROP_FRAG_TIMEOUT);
}

static struct frag_packet *
packet_find(struct frag_table *ft, const struct frag_key *k)
{
	struct frag_packet *fp;

	LIST_FOREACH(fp, &ft->ft_bucket[key_hash(k) % BUCKETS], fp_hash)
		if (key_equal(&fp->fp_key, k))
			return fp;
	return NULL;
}

/* The oldest packet of a source that has as many as it may; else NULL. */
static struct frag_packet *
source_oldest(struct frag_table *ft, uint32_t src)
{
	struct frag_packet *fp, *oldest = NULL;
	unsigned n = 0;

	TAILQ_FOREACH(fp, &ft->ft_age, fp_age)
		if (fp->fp_key.fk_src == src) {
			if (n++ == 0)
				oldest = fp;
		}
	return n >= FRAG_SOURCE ? oldest : NULL;
}

static struct frag_packet *
packet_new(struct frag_table *ft, const struct frag_key *k)
{
	struct worker *w = ft->ft_worker;
	struct frag_packet *fp = source_oldest(ft, k->fk_src);

	if (fp != NULL)
		packet_end(fp, DROP_FRAG_LIMIT);
	if (LIST_EMPTY(&ft->ft_free))
		packet_end(TAILQ_FIRST(&ft->ft_age), DROP_FRAG_LIMIT);
	fp = LIST_FIRST(&ft->ft_free);
	LIST_REMOVE(fp, fp_hash);
	*fp = (struct frag_packet){ .fp_key = *k, .fp_table = ft };
	TAILQ_INSERT_TAIL(&ft->ft_age, fp, fp_age);
	LIST_INSERT_HEAD(&ft->ft_bucket[key_hash(k) % BUCKETS], fp, fp_hash);
	timer_init(&fp->fp_timer, packet_timeout, fp);
	timer_set(&w->w_wheel, &fp->fp_timer, w->w_now.now_ns + FRAG_TIMEOUT_NS);
	ft->ft_packets++;
	return fp;
}

/* ---- pieces ---- */

static struct place
place_of(const struct pkt *p)
{
	unsigned off = be16(p->pkt_data + IPH_OFF);

	return (struct place){ .pl_off = (off & IPOFF_MASK) * 8,
	    .pl_len = p->pkt_len - ip_hlen(p->pkt_data),
	    .pl_last = (off & IPOFF_MF) == 0 };
}

static bool
place_valid(const struct pkt *p, const struct place *pl)
{
	if (pl->pl_len == 0 || (!pl->pl_last && pl->pl_len % 8 != 0))
		return false;
	return ip_hlen(p->pkt_data) + pl->pl_off + pl->pl_len <= LEN_MAX;
}

static bool
same_bytes(const struct pkt *a, const struct pkt *b, unsigned len)
{
	return memcmp(a->pkt_data + ip_hlen(a->pkt_data),
	    b->pkt_data + ip_hlen(b->pkt_data), len) == 0;
}

enum fit { FIT_HERE, FIT_AGAIN, FIT_OVERLAP };

/* Where among the pieces the fragment goes; *at is its link. */
static enum fit
piece_fit(struct frag_packet *fp, const struct pkt *p, const struct place *pl,
    struct pkt ***at)
{
	unsigned end = pl->pl_off + pl->pl_len;
	struct pkt **link = &fp->fp_piece;

	for (; *link != NULL; link = &(*link)->pkt_link) {
		struct place q = place_of(*link);

		if (q.pl_off == pl->pl_off && q.pl_len == pl->pl_len &&
		    q.pl_last == pl->pl_last && same_bytes(*link, p, q.pl_len))
			return FIT_AGAIN;
		if (q.pl_off >= end)
			break;
		if (q.pl_off + q.pl_len > pl->pl_off)
			return FIT_OVERLAP;
	}
	*at = link;
	if (pl->pl_last)
		return fp->fp_end != 0 || *link != NULL ? FIT_OVERLAP : FIT_HERE;
	return fp->fp_end != 0 && end > fp->fp_end ? FIT_OVERLAP : FIT_HERE;
}

static bool
packet_whole(const struct frag_packet *fp)
{
	return fp->fp_end != 0 && fp->fp_bytes == fp->fp_end;
}

/* ---- the whole ---- */

#define ECN_CE	3

/*
 * The congestion mark of one piece is that of the whole (RFC 3168 section
 * 5.3).  False: a sender that cannot take it sent some of the others.
 */
static bool
pieces_ecn(const struct pkt *first, uint8_t *mark)
{
	unsigned seen = 0;

	for (const struct pkt *q = first; q != NULL; q = q->pkt_link)
		seen |= 1u << (q->pkt_data[IPH_TOS] & 3);
	*mark = seen & 1u << ECN_CE ? ECN_CE : 0;
	return *mark == 0 || (seen & 1) == 0;
}

static void
whole_header(struct pkt *p, unsigned hlen, unsigned len, bool df, uint8_t ecn)
{
	uint8_t *ip = p->pkt_data;

	ip[IPH_TOS] |= ecn;
	put16(ip + IPH_LEN, (uint16_t)len);
	put16(ip + IPH_OFF, df ? IPOFF_DF : 0);
	put16(ip + IPH_SUM, 0);
	set16(ip + IPH_SUM, in_fold(in_sum(ip, hlen, 0)));
}

/* The header of the first piece, and all data; NULL: no buffer. */
static struct pkt *
packet_join(struct worker *w, const struct frag_packet *fp, uint8_t ecn)
{
	const struct pkt *first = fp->fp_piece;
	unsigned hlen = ip_hlen(first->pkt_data), len = hlen + fp->fp_end, max = 0;
	struct pkt *p = pkt_alloc(w, len);
	bool df = true;

	if (p == NULL)
		return NULL;
	p->pkt_len = len;
	pkt_inherit(p, first);
	/* What a device said of one piece's checksum is not said of the whole. */
	p->pkt_flags = (uint16_t)((p->pkt_flags & ~PKT_F_CSUM_OK) | PKT_F_FRAG);
	memcpy(p->pkt_data, first->pkt_data, hlen);
	for (const struct pkt *q = first; q != NULL; q = q->pkt_link) {
		struct place pl = place_of(q);

		memcpy(p->pkt_data + hlen + pl.pl_off,
		    q->pkt_data + ip_hlen(q->pkt_data), pl.pl_len);
		df = df && (be16(q->pkt_data + IPH_OFF) & IPOFF_DF);
		if (q->pkt_len > max)
			max = q->pkt_len;
	}
	p->pkt_frag_max = (uint16_t)max;
	whole_header(p, hlen, len, df, ecn);
	return p;
}

static void
pieces_free(struct frag_packet *fp)
{
	struct worker *w = fp->fp_table->ft_worker;
	struct pkt *p;

	while ((p = fp->fp_piece) != NULL) {
		fp->fp_piece = p->pkt_link;
		p->pkt_link = NULL;
		pkt_free(w, p);
	}
	fp->fp_table->ft_held -= fp->fp_pieces;
	fp->fp_pieces = 0;
}

static struct pkt *
packet_finish(struct worker *w, struct frag_packet *fp)
{
	struct pkt *p = NULL;
	uint8_t ecn;

	if (ip_hlen(fp->fp_piece->pkt_data) + fp->fp_end > LEN_MAX ||
	    !pieces_ecn(fp->fp_piece, &ecn)) {
		packet_end(fp, DROP_FRAG_BAD);
		return NULL;
	}
	if ((p = packet_join(w, fp, ecn)) == NULL) {
		packet_end(fp, DROP_NOBUF);
		return NULL;
	}
	pieces_free(fp);
	packet_end(fp, DROP_NONE);
	counter_add(&w->w_count[CNT_IP_REASSEMBLED], 1);
	return p;
}

/* Room for one more buffer: the oldest packet but this one goes. */
static bool
hold_room(struct frag_table *ft, const struct frag_packet *mine)
{
	struct frag_packet *fp;

	while (ft->ft_held >= ft->ft_held_max) {
		fp = TAILQ_FIRST(&ft->ft_age);
		while (fp != NULL && (fp == mine || fp->fp_pieces == 0))
			fp = TAILQ_NEXT(fp, fp_age);
		if (fp == NULL)
			return false;
		packet_end(fp, DROP_FRAG_LIMIT);
	}
	return true;
}

static struct pkt *
piece_add(struct worker *w, struct frag_packet *fp, struct pkt *p, const struct place *pl)
{
	struct pkt **at;

	if (fp->fp_dead) {
		pkt_drop(w, p, DROP_FRAG_OVERLAP);
		return NULL;
	}
	switch (piece_fit(fp, p, pl, &at)) {
	case FIT_AGAIN:
		pkt_free(w, p);
		return NULL;
	case FIT_OVERLAP:
		pieces_drop(fp, DROP_FRAG_OVERLAP);
		fp->fp_dead = true;
		pkt_drop(w, p, DROP_FRAG_OVERLAP);
		return NULL;
	case FIT_HERE:
		break;
	}
	if (fp->fp_pieces == FRAG_PIECES || !hold_room(w->w_frags, fp)) {
		pkt_drop(w, p, DROP_FRAG_LIMIT);
		return NULL;
	}
	p->pkt_link = *at;
	*at = p;
	fp->fp_pieces++;
	w->w_frags->ft_held++;
	fp->fp_bytes += pl->pl_len;
	if (pl->pl_last)
		fp->fp_end = pl->pl_off + pl->pl_len;
	return packet_whole(fp) ? packet_finish(w, fp) : NULL;
}

struct pkt *
frag_input(struct worker *w, struct pkt *p)
{
	struct frag_table *ft = w->w_frags;
	struct frag_key k = key_of(p);
	struct place pl = place_of(p);
	unsigned owner = key_hash(&k) % w->w_nk->nk_nworkers;
	struct frag_packet *fp;

	if (!place_valid(p, &pl)) {
		pkt_drop(w, p, DROP_FRAG_BAD);
		return NULL;
	}
	if (owner != w->w_id) {
		worker_handover(w, owner, p, HANDOVER_FRAG);
		return NULL;
	}
	counter_add(&w->w_count[CNT_IP_FRAG_IN], 1);
	fp = packet_find(ft, &k);
	if (fp == NULL)
		fp = packet_new(ft, &k);
	return piece_add(w, fp, p, &pl);
}

/* ---- making fragments ---- */

static struct pkt *
fragment_make(struct worker *w, const struct pkt *p, unsigned hlen, unsigned off, unsigned n)
{
	unsigned base = be16(p->pkt_data + IPH_OFF), at, flags;
	bool last = hlen + off + n == p->pkt_len;
	struct pkt *f = pkt_alloc(w, hlen + n);

	if (f == NULL)
		return NULL;
	f->pkt_len = hlen + n;
	pkt_inherit(f, p);
	memcpy(f->pkt_data, p->pkt_data, hlen);
	memcpy(f->pkt_data + hlen, p->pkt_data + hlen + off, n);
	at = (base & IPOFF_MASK) + off / 8;
	flags = (base & IPOFF_DF) | (last ? base & IPOFF_MF : IPOFF_MF);
	put16(f->pkt_data + IPH_LEN, (uint16_t)f->pkt_len);
	put16(f->pkt_data + IPH_OFF, (uint16_t)(flags | at));
	put16(f->pkt_data + IPH_SUM, 0);
	set16(f->pkt_data + IPH_SUM, in_fold(in_sum(f->pkt_data, hlen, 0)));
	return f;
}

bool
frag_split(struct worker *w, const struct pkt *p, uint16_t mtu, struct gso_state *gs,
    struct pktvec *out)
{
	unsigned hlen = ip_hlen(p->pkt_data), left, n, room;

	if (mtu < hlen + 8)
		return true;
	room = (mtu - hlen) & ~7u;
	while (!pktvec_full(out) && (left = p->pkt_len - hlen - gs->gs_off) > 0) {
		struct pkt *f;

		n = hlen + left <= mtu ? left : room;
		if ((f = fragment_make(w, p, hlen, gs->gs_off, n)) == NULL)
			return true;
		counter_add(&w->w_count[CNT_IP_FRAG_OUT], 1);
		gs->gs_off += n;
		pktvec_add(out, f);
	}
	return p->pkt_len - hlen == gs->gs_off;
}

void
frag_output(struct worker *w, struct pkt *p, uint16_t mtu)
{
	struct gso_state gs = { 0 };
	struct pktvec cut;
	bool done;

	csum_finish(p);
	do {
		cut.pv_n = 0;
		done = frag_split(w, p, mtu, &gs, &cut);
		for (unsigned i = 0; i < cut.pv_n; i++)
			ether_output(w, cut.pv_pkt[i]);
	} while (!done);
	pkt_free(w, p);
}
