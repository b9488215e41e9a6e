/* SPDX-License-Identifier: ISC */
/*
 * The fast path: a packet of a known flow.
 *
 * A vector is walked in passes, so that the cache misses of many packets
 * overlap: the first asks for the buckets, the second finds the candidates
 * and asks for their flows, the third verifies keys and asks for policies
 * and SAs, the last decides.  A packet whose decision is current (the
 * generation, the stamp of its policy's SAs, the SA that it came through)
 * is counted, followed if it is TCP, and told where to go.  That takes no
 * lock and allocates nothing.  All else is decide.c's, under nk_lock.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "net/capture.h"
#include "netipsec/ipsec.h"
#include "pf/flow_table.h"
#include "pf/track.h"

#define TH_SYN	0x02

/* Bit i: slot i has the signature. */
static inline unsigned
bucket_match(const struct flow_bucket *b, uint32_t hash)
{
#ifdef __SSE2__
	const __m128i *sig = (const void *)b->fb_sig;
	__m128i h = _mm_set1_epi32((int)hash);
	__m128i lo = _mm_cmpeq_epi32(_mm_load_si128(&sig[0]), h);
	__m128i hi = _mm_cmpeq_epi32(_mm_load_si128(&sig[1]), h);
	__m128i w = _mm_packs_epi32(lo, hi);

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(w, w)) & 0xff;
#else
	unsigned m = 0;

	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		m |= (unsigned)(b->fb_sig[i] == hash) << i;
	return m;
#endif
}

/* The likely flow: what the hash names, keys not yet compared. */
static inline struct flow *
flow_candidate(const struct flow_table *ft, uint32_t hash)
{
	const struct flow_bucket *b = flow_bucket1(ft, hash);
	unsigned m = bucket_match(b, hash);

	if (__builtin_expect(m == 0, 0)) {
		b = flow_bucket2(ft, hash);
		m = bucket_match(b, hash);
		if (m == 0)
			return NULL;
	}
	return &ft->ft_flow[(b->fb_entry[__builtin_ctz(m)] - 1) / 2];
}

static inline uint32_t
came_id(const struct pkt *p)
{
	return p->pkt_came_sa == NULL ? 0 : p->pkt_came_sa->sa_id;
}

/* Does what was decided for the direction still hold, for this packet? */
static inline bool
flow_current(const struct flow_dir *fd, const struct pkt *p, uint32_t gen)
{
	return fd->fd_gen == gen && fd->fd_came_id == came_id(p) &&
	    fd->fd_local_out == ((p->pkt_flags & PKT_F_LOCAL_OUT) != 0) &&
	    (fd->fd_sp_out == NULL || fd->fd_sagen ==
	    atomic_load_explicit(&fd->fd_sp_out->sp_sagen, memory_order_acquire));
}

/*
 * Follows the flow's ends by this packet.  An ICMP error travels with the
 * flow that it is about and moves nothing.
 */
static inline enum drop_reason
flow_follow(struct worker *w, struct flow *fl, unsigned dir, const struct pkt *p)
{
	enum drop_reason why;
	bool sooner = false;

	if (fl->fl_flags & FL_TCP) {
		why = track_tcp(fl, dir, p, &sooner);
		if (__builtin_expect(sooner, 0))
			flow_timer(w, fl);
		return why;
	}
	if ((fl->fl_flags & FL_SETTLED) == 0)
		track_other(fl, dir);
	return DROP_NONE;
}

static void
flow_log(struct worker *w, const struct flow *fl, unsigned dir, const struct pkt *p)
{
	struct capture_pflog info = {
		.cp_dir = dir == 0 ? CAPTURE_IN : CAPTURE_OUT, .cp_pass = true,
		.cp_rule = fl->fl_rule[dir][0] - 1,
		.cp_ifp = p->pkt_ifp != NULL ? p->pkt_ifp : fl->fl_dir[dir].fd_oif,
	};

	if (capture_pflog_on(w->w_nk))
		capture_pflog(w, p, &info);
}

static inline void
flow_mark(struct flow *fl, unsigned dir, struct pkt *p)
{
	const struct flow_dir *fd = &fl->fl_dir[dir];

	p->pkt_flow = fl;
	p->pkt_dir = (uint8_t)dir;
	p->pkt_sa = fd->fd_sa;
	p->pkt_oif = fd->fd_oif;
	p->pkt_neigh = fd->fd_neigh;
	p->pkt_tag = fl->fl_tag;
}

static inline bool
is_icmp_error(const struct pkt *p)
{
	return __builtin_expect(p->pkt_proto == IPPROTO_ICMP, 0) &&
	    icmp_is_error(p->pkt_icmp_type);
}

/*
 * Packets that a current decision does not settle: an ICMP error, a SYN
 * (which may open anew what is over), the wrong type for an ICMP flow.
 */
static inline bool
flow_odd(const struct flow *fl, unsigned dir, const struct pkt *p)
{
	if (is_icmp_error(p))
		return true;
	if (fl->fl_flags & FL_TCP)
		return (p->pkt_tcpflags & TH_SYN) != 0;
	return (fl->fl_flags & FL_ICMP) && !flow_icmp_fits(fl, dir, p);
}

static inline __attribute__((always_inline)) enum pkt_next
take(struct worker *w, struct flow *fl, unsigned dir, struct pkt *p)
{
	struct flow_dir *fd = &fl->fl_dir[dir];
	enum drop_reason why = flow_follow(w, fl, dir, p);

	if (__builtin_expect(why != DROP_NONE, 0))
		return pkt_drop(w, p, why);
	fd->fd_packets += p->pkt_gso_size == 0 ? 1 : track_segments(p);
	fd->fd_bytes += p->pkt_len;
	fl->fl_last_ns = w->w_now.now_ns;
	flow_mark(fl, dir, p);
	if (__builtin_expect(fl->fl_flags & FL_LOG, 0))
		flow_log(w, fl, dir, p);
	return (enum pkt_next)fd->fd_next;
}

enum pkt_next
flow_take(struct worker *w, struct flow *fl, unsigned dir, struct pkt *p)
{
	return take(w, fl, dir, p);
}

static inline enum pkt_next
flow_slow(struct worker *w, struct pkt *p)
{
	enum pkt_next next;

	nk_lock(w->w_nk);
	next = flow_decide(w, p);
	nk_unlock(w->w_nk);
	return next;
}

/* What the passes learn of a vector. */
struct lookahead {
	struct flow	*la_flow[PKT_VEC_MAX];	/* NULL: not known, or not ours */
	uint8_t		 la_dir[PKT_VEC_MAX];
};

static inline void
prefetch_flow(const struct flow *fl)
{
	__builtin_prefetch(&fl->fl_key[0]);
	__builtin_prefetch(&fl->fl_dir[0], 1);
	__builtin_prefetch(&fl->fl_dir[1], 1);
	__builtin_prefetch(&fl->fl_key[1], 1);
}

static inline void
prefetch_decision(const struct flow *fl, unsigned dir)
{
	const struct flow_dir *fd = &fl->fl_dir[dir];

	if (fd->fd_sp_out != NULL)
		__builtin_prefetch(&fd->fd_sp_out->sp_sagen);
	if (fd->fd_sa != NULL) {
		__builtin_prefetch(fd->fd_sa);
		__builtin_prefetch((const char *)fd->fd_sa + 64);
	}
}

static void
lookahead(struct worker *w, const struct pktvec *v, struct lookahead *la)
{
	const struct flow_table *ft = w->w_flows;
	unsigned dir;

	for (unsigned i = 0; i < v->pv_n; i++)
		__builtin_prefetch(flow_bucket1(ft, v->pv_pkt[i]->pkt_hash));
	for (unsigned i = 0; i < v->pv_n; i++) {
		la->la_flow[i] = flow_candidate(ft, v->pv_pkt[i]->pkt_hash);
		if (la->la_flow[i] != NULL)
			prefetch_flow(la->la_flow[i]);
	}
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct flow *fl = la->la_flow[i];

		if (fl == NULL)
			continue;
		if (__builtin_expect(!flow_is(fl, &v->pv_pkt[i]->pkt_key, &dir), 0)) {
			/* another flow of the same hash, or none */
			fl = flow_find(w, &v->pv_pkt[i]->pkt_key, v->pv_pkt[i]->pkt_hash, &dir);
			la->la_flow[i] = fl;
			if (fl == NULL)
				continue;
		}
		la->la_dir[i] = (uint8_t)dir;
		prefetch_decision(fl, dir);
	}
}

void
pf_flow(struct worker *w, struct pktvec *v, enum pkt_next next[PKT_VEC_MAX])
{
	const struct flow_table *ft = w->w_flows;
	const uint32_t gen = nk_generation(w->w_nk), removals = ft->ft_removals;
	struct lookahead la;
	unsigned to, hits = 0;

	lookahead(w, v, &la);
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];
		struct flow *fl = la.la_flow[i];
		unsigned dir = la.la_dir[i];

		if (__builtin_expect(fl != NULL && removals == ft->ft_removals &&
		    flow_current(&fl->fl_dir[dir], p, gen) &&
		    !flow_odd(fl, dir, p), 1)) {
			next[i] = take(w, fl, dir, p);
			hits++;
		} else if ((to = flow_worker(w->w_nk, p->pkt_hash)) != w->w_id) {
			worker_handover(w, to, p, HANDOVER_FLOW);
			next[i] = PKT_NEXT_DONE;
		} else
			next[i] = flow_slow(w, p);
	}
	counter_add(&w->w_count[CNT_FLOW_HIT], hits);
}

void
pf_flow_keep(const struct worker *w, const struct pkt *p, struct flow_stamp *fs)
{
	const struct flow *fl = p->pkt_flow;
	unsigned dir;

	fs->fs_gen = 0;
	if (fl == NULL || fl->fl_owner != w || (fl->fl_flags & (FL_TCP | FL_ICMP | FL_LOG)) ||
	    p->pkt_came_sa != NULL || p->pkt_gso_size != 0)
		return;
	/* a later packet of the vector may have ended it, and another begun in its place */
	if ((fl->fl_flags & FL_USED) == 0 || !flow_is(fl, &p->pkt_key, &dir) || dir != p->pkt_dir)
		return;
	fs->fs_flow = p->pkt_flow;
	fs->fs_dir = p->pkt_dir;
	fs->fs_removals = w->w_flows->ft_removals;
	fs->fs_gen = fl->fl_dir[p->pkt_dir].fd_gen;
}

bool
pf_flow_again(struct worker *w, const struct flow_stamp *fs, struct pkt *p)
{
	const uint32_t gen = nk_generation(w->w_nk);
	struct flow *fl = fs->fs_flow;

	if (fs->fs_gen != gen || fs->fs_removals != w->w_flows->ft_removals ||
	    !flow_current(&fl->fl_dir[fs->fs_dir], p, gen) ||
	    fl->fl_dir[fs->fs_dir].fd_next != PKT_NEXT_LOCAL)
		return false;
	(void)take(w, fl, fs->fs_dir, p);
	counter_add(&w->w_count[CNT_FLOW_HIT], 1);
	return true;
}
