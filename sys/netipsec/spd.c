/* SPDX-License-Identifier: ISC */
/*
 * The SPD: policies, and the one that decides about a packet (RFC 4301
 * section 4.4.1).
 *
 * Lookup is a search over tuples.  A tuple is what a group of policies looks
 * at: direction, family, the two prefix lengths, and whether protocol and
 * ports are given.  Within a tuple the packet's masked key is hashed; a policy
 * with a range of ports counts as one without and is asked itself.  Tuples
 * are tried in the order of the best rank that a policy of theirs has, and the
 * search ends when the next tuple could not be better than what was found.
 * So the cost depends on the number of tuples (a handful in practice), not
 * on that of policies; only policies that differ in port ranges alone are
 * walked one by one.
 *
 * Rank: lower priority first, then the more specific, then the one with the
 * longer prefix of the source, then the narrower ports (better()).
 *
 * Everything here runs under nk_lock.  Policies outlive their removal until
 * every worker has passed a quiescent point.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netipsec/ipsec_var.h"

#define SPD_BUCKETS_MIN	64

/* What a tuple looks at besides the prefixes. */
#define TUPLE_PROTO	0x01
#define TUPLE_SPORT	0x02
#define TUPLE_DPORT	0x04

struct tuple {
	uint64_t	tu_smask[2], tu_dmask[2];
	uint64_t	tu_best;	/* no policy of it ranks better */
	uint32_t	tu_count;
	uint16_t	tu_id;
	uint8_t		tu_af, tu_slen, tu_dlen, tu_bits;
};

struct tuples {
	struct tuple	*ts_list;	/* best first */
	unsigned	 ts_n, ts_cap;
};

struct spd {
	struct tuples	 sd_tuples[SP_DIRS];
	struct sp	**sd_hash;	/* by masked key, over all tuples */
	struct sp	**sd_id;
	struct sp	**sd_sa;	/* SP_OUT by (reqid, peer) */
	uint64_t	 sd_buckets;	/* of each of the three; a power of two */
	struct sp	*sd_head, *sd_tail;	/* by age */
	uint64_t	 sd_count;
	uint32_t	 sd_next_id;
	uint16_t	 sd_next_tuple;
	struct spd_cursor *sd_cursors;
};

/* ---- tuples ---- */

static bool
port_any(const struct port_range *r)
{
	return r->po_lo == 0 && r->po_hi == 65535;
}

static bool
port_one(const struct port_range *r)
{
	return r->po_lo == r->po_hi;
}

static uint8_t
tuple_bits(const struct selector *sel)
{
	return (uint8_t)((sel->sel_proto != 0 ? TUPLE_PROTO : 0) |
	    (port_one(&sel->sel_sport) ? TUPLE_SPORT : 0) |
	    (port_one(&sel->sel_dport) ? TUPLE_DPORT : 0));
}

static void
mask_fill(uint64_t mask[2], unsigned len)
{
	struct addr a = { .ad_af = AF_INET6 };

	memset(a.ad_bytes, 0xff, 16);
	addr_mask(&a, len);
	mask[0] = a.ad_u64[0];
	mask[1] = a.ad_u64[1];
}

static struct tuple *
tuple_find(struct tuples *ts, const struct selector *sel)
{
	uint8_t bits = tuple_bits(sel);

	for (unsigned i = 0; i < ts->ts_n; i++) {
		struct tuple *t = &ts->ts_list[i];

		if (t->tu_slen == sel->sel_src.pr_len && t->tu_dlen == sel->sel_dst.pr_len &&
		    t->tu_bits == bits && t->tu_af == sel->sel_src.pr_addr.ad_af)
			return t;
	}
	return NULL;
}

/* Restores the order after tu_best of the i-th has become better. */
static struct tuple *
tuple_rise(struct tuples *ts, struct tuple *t)
{
	struct tuple tmp;

	for (; t > ts->ts_list && t[-1].tu_best > t->tu_best; t--) {
		tmp = t[-1];
		t[-1] = *t;
		*t = tmp;
	}
	return t;
}

static struct tuple *
tuple_get(struct spd *sd, struct tuples *ts, const struct selector *sel)
{
	struct tuple *t = tuple_find(ts, sel);
	unsigned cap;

	if (t != NULL)
		return t;
	if (ts->ts_n == ts->ts_cap) {
		cap = ts->ts_cap == 0 ? 8 : ts->ts_cap * 2;
		t = realloc(ts->ts_list, cap * sizeof(*t));
		if (t == NULL)
			return NULL;
		ts->ts_list = t;
		ts->ts_cap = cap;
	}
	t = &ts->ts_list[ts->ts_n++];
	memset(t, 0, sizeof(*t));
	t->tu_best = UINT64_MAX;
	t->tu_id = sd->sd_next_tuple++;
	t->tu_af = sel->sel_src.pr_addr.ad_af;
	t->tu_slen = sel->sel_src.pr_len;
	t->tu_dlen = sel->sel_dst.pr_len;
	t->tu_bits = tuple_bits(sel);
	mask_fill(t->tu_smask, t->tu_slen);
	mask_fill(t->tu_dmask, t->tu_dlen);
	return t;
}

static void
tuple_put(struct tuples *ts, struct tuple *t)
{
	if (--t->tu_count != 0)
		return;
	memmove(t, t + 1, (size_t)(ts->ts_list + ts->ts_n - t - 1) * sizeof(*t));
	ts->ts_n--;
}

static inline uint32_t
tuple_hash(const struct tuple *t, const struct flow_key *k)
{
	uint64_t h = t->tu_id;

	h = mix64(h ^ (k->fk_src[0] & t->tu_smask[0]));
	if (t->tu_af == AF_INET6)
		h = mix64(h ^ (k->fk_src[1] & t->tu_smask[1])) ^ (k->fk_dst[1] & t->tu_dmask[1]);
	h = mix64(h ^ (k->fk_dst[0] & t->tu_dmask[0]));
	h ^= (uint64_t)((t->tu_bits & TUPLE_SPORT) ? k->fk_sport : 0) << 32 |
	    (uint64_t)((t->tu_bits & TUPLE_DPORT) ? k->fk_dport : 0) << 16 |
	    ((t->tu_bits & TUPLE_PROTO) ? k->fk_proto : 0);
	return (uint32_t)mix64(h);
}

/* The key that a packet would have that hashes where this selector stands. */
static void
selector_key(const struct selector *sel, struct flow_key *k)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->fk_srcb, sel->sel_src.pr_addr.ad_bytes, 16);
	memcpy(k->fk_dstb, sel->sel_dst.pr_addr.ad_bytes, 16);
	k->fk_af = sel->sel_src.pr_addr.ad_af;
	k->fk_proto = sel->sel_proto;
	k->fk_sport = htons(sel->sel_sport.po_lo);
	k->fk_dport = htons(sel->sel_dport.po_lo);
}

/* ---- rank ---- */

static unsigned
port_class(const struct port_range *r)
{
	return port_any(r) ? 0 : port_one(r) ? 2 : 1;
}

static uint64_t
sp_rank_of(const struct sp *sp)
{
	const struct selector *sel = &sp->sp_sel;
	uint32_t specific = (uint32_t)(sel->sel_src.pr_len + sel->sel_dst.pr_len) << 8 |
	    (sel->sel_proto != 0) << 4 | port_class(&sel->sel_sport) << 2 |
	    port_class(&sel->sel_dport);

	return (uint64_t)sp->sp_priority << 32 | (0x1ffff - specific);
}

/*
 * Between policies of one rank what they are decides, not when they came: so
 * that a set of them means the same in whatever order it was put together.
 */
static bool
better(const struct sp *a, const struct sp *b)
{
	const struct selector *x = &a->sp_sel, *y = &b->sp_sel;

	if (a->sp_rank != b->sp_rank)
		return a->sp_rank < b->sp_rank;
	if (x->sel_src.pr_len != y->sel_src.pr_len)
		return x->sel_src.pr_len > y->sel_src.pr_len;
	if (x->sel_sport.po_lo != y->sel_sport.po_lo)
		return x->sel_sport.po_lo > y->sel_sport.po_lo;
	if (x->sel_sport.po_hi != y->sel_sport.po_hi)
		return x->sel_sport.po_hi < y->sel_sport.po_hi;
	if (x->sel_dport.po_lo != y->sel_dport.po_lo)
		return x->sel_dport.po_lo > y->sel_dport.po_lo;
	if (x->sel_dport.po_hi != y->sel_dport.po_hi)
		return x->sel_dport.po_hi < y->sel_dport.po_hi;
	return a->sp_id < b->sp_id;
}

/* ---- lookup ---- */

static struct sp *
tuple_lookup(struct spd *sd, const struct tuple *t, const struct flow_key *key)
{
	uint32_t h = tuple_hash(t, key);
	struct sp *sp = sd->sd_hash[h & (sd->sd_buckets - 1)];

	for (; sp != NULL; sp = sp->sp_next_hash) {
		if (sp->sp_hash == h && sp->sp_tuple == t->tu_id &&
		    selector_match(&sp->sp_sel, key))
			return sp;
	}
	return NULL;
}

struct sp *
spd_lookup(struct nk *nk, enum sp_dir dir, const struct flow_key *key)
{
	struct spd *sd = nk->nk_spd;
	const struct tuples *ts = &sd->sd_tuples[dir];
	const struct tuple *t;
	struct sp *best = NULL, *sp;

	for (size_t i = 0; i < ts->ts_n; i++) {
		t = &ts->ts_list[i];
		if (best != NULL && best->sp_rank < t->tu_best)
			break;
		if (t->tu_af != key->fk_af)
			continue;
		sp = tuple_lookup(sd, t, key);
		if (sp != NULL && (best == NULL || better(sp, best)))
			best = sp;
	}
	return best;
}

static struct sp *
lookup_in(struct nk *nk, const struct flow_key *key)
{
	struct sp *sp = spd_lookup(nk, SP_IN, key);

	return sp != NULL ? sp : spd_lookup(nk, SP_FWD, key);
}

/* The SA is one that a policy for arriving packets asks for. */
static bool
sa_fits(const struct sp *sp, const struct sa *sa)
{
	if (sa->sa_mode != sp->sp_mode || sa->sa_proto != sp->sp_proto)
		return false;
	if (sp->sp_reqid != 0)
		return sa->sa_reqid == sp->sp_reqid;
	return (sp->sp_local.ad_af == 0 || addr_equal(&sp->sp_local, &sa->sa_dst)) &&
	    (sp->sp_peer.ad_af == 0 || addr_equal(&sp->sp_peer, &sa->sa_src));
}

static enum drop_reason
check_protected(const struct sp *sp, const struct flow_key *key, const struct sa *sa)
{
	bool bound = sa->sa_sel.sel_src.pr_addr.ad_af != 0;

	if (bound && !selector_match(&sa->sa_sel, key))
		return DROP_SAD_SELECTOR;
	if (sp != NULL && sp->sp_action == SP_DISCARD)
		return DROP_SPD_DISCARD;
	if (sp != NULL && sp->sp_action == SP_PROTECT)
		return sa_fits(sp, sa) ? DROP_NONE : DROP_SPD_WRONG_SA;
	return bound ? DROP_NONE : DROP_SPD_UNAUTH;
}

enum drop_reason
spd_check_in(struct nk *nk, const struct flow_key *key, struct sa *came_sa, struct sp **sp_out)
{
	struct sp *sp = lookup_in(nk, key);

	*sp_out = sp;
	if (came_sa != NULL) {
		enum drop_reason why = check_protected(sp, key, came_sa);

		if (why != DROP_NONE && nk->nk_explain == NULL)
			sa_drop_count(came_sa, SA_DROP_SELECTOR);
		return why;
	}
	if (sp == NULL || sp->sp_action == SP_BYPASS)
		return DROP_NONE;
	if (sp->sp_action == SP_DISCARD)
		return DROP_SPD_DISCARD;
	return sp->sp_level == SP_LEVEL_USE ? DROP_NONE : DROP_SPD_CLEAR;
}

/* ---- the tables that hold policies ---- */

static struct sp **
hash_bucket(struct spd *sd, uint32_t h)
{
	return &sd->sd_hash[h & (sd->sd_buckets - 1)];
}

static struct sp **
id_bucket(struct spd *sd, uint32_t id)
{
	return &sd->sd_id[id & (sd->sd_buckets - 1)];
}

static struct sp **
sa_bucket(struct spd *sd, uint32_t reqid, const struct addr *peer)
{
	uint64_t h = mix64(peer->ad_u64[0] ^ mix64(peer->ad_u64[1] ^ peer->ad_af));

	return &sd->sd_sa[mix64(h ^ reqid) & (sd->sd_buckets - 1)];
}

static void
hash_put(struct spd *sd, struct sp *sp)
{
	struct sp **pp = hash_bucket(sd, sp->sp_hash);

	while (*pp != NULL && better(*pp, sp))
		pp = &(*pp)->sp_next_hash;
	sp->sp_next_hash = *pp;
	*pp = sp;
}

static void
sa_put(struct spd *sd, struct sp *sp)
{
	struct sp **b;

	sp->sp_prev_sa = NULL;
	if (sp->sp_dir != SP_OUT || sp->sp_action != SP_PROTECT)
		return;
	b = sa_bucket(sd, sp->sp_reqid, &sp->sp_peer);
	sp->sp_next_sa = *b;
	sp->sp_prev_sa = b;
	if (*b != NULL)
		(*b)->sp_prev_sa = &sp->sp_next_sa;
	*b = sp;
}

static void
sa_take(struct sp *sp)
{
	if (sp->sp_prev_sa == NULL)
		return;
	*sp->sp_prev_sa = sp->sp_next_sa;
	if (sp->sp_next_sa != NULL)
		sp->sp_next_sa->sp_prev_sa = sp->sp_prev_sa;
	sp->sp_prev_sa = NULL;
}

static void
tables_put(struct spd *sd, struct sp *sp)
{
	struct sp **b = id_bucket(sd, sp->sp_id);

	sp->sp_next_id = *b;
	*b = sp;
	hash_put(sd, sp);
	sa_put(sd, sp);
}

static int
tables_resize(struct spd *sd, uint64_t n)
{
	struct sp **hash = calloc(n, sizeof(*hash)), **id = calloc(n, sizeof(*id));
	struct sp **sa = calloc(n, sizeof(*sa)), *sp;

	if (hash == NULL || id == NULL || sa == NULL) {
		free(hash);
		free(id);
		free(sa);
		return ENOMEM;
	}
	free(sd->sd_hash);
	free(sd->sd_id);
	free(sd->sd_sa);
	sd->sd_hash = hash;
	sd->sd_id = id;
	sd->sd_sa = sa;
	sd->sd_buckets = n;
	for (sp = sd->sd_head; sp != NULL; sp = sp->sp_next)
		tables_put(sd, sp);
	return 0;
}

/* Places the selector: tuple, hash and rank. ENOMEM leaves everything as it was. */
static int
place(struct spd *sd, struct sp *sp)
{
	struct tuples *ts = &sd->sd_tuples[sp->sp_dir];
	struct tuple *t = tuple_get(sd, ts, &sp->sp_sel);
	struct flow_key key;

	if (t == NULL)
		return ENOMEM;
	selector_key(&sp->sp_sel, &key);
	sp->sp_rank = sp_rank_of(sp);
	sp->sp_tuple = t->tu_id;
	sp->sp_hash = tuple_hash(t, &key);
	t->tu_count++;
	if (sp->sp_rank < t->tu_best) {
		t->tu_best = sp->sp_rank;
		tuple_rise(ts, t);
	}
	return 0;
}

static void
list_put(struct spd *sd, struct sp *sp)
{
	sp->sp_prev = sd->sd_tail;
	sp->sp_next = NULL;
	if (sd->sd_tail != NULL)
		sd->sd_tail->sp_next = sp;
	else
		sd->sd_head = sp;
	sd->sd_tail = sp;
	sd->sd_count++;
}

static void
list_take(struct spd *sd, struct sp *sp)
{
	struct spd_cursor *c;

	for (c = sd->sd_cursors; c != NULL; c = c->sc_link) {
		if (c->sc_next == sp)
			c->sc_next = sp->sp_next;
	}
	*(sp->sp_prev != NULL ? &sp->sp_prev->sp_next : &sd->sd_head) = sp->sp_next;
	*(sp->sp_next != NULL ? &sp->sp_next->sp_prev : &sd->sd_tail) = sp->sp_prev;
	sd->sd_count--;
}

/* ---- SAs that serve ---- */

/* Chooses the SA that serves all of the policy and tells the flows. */
static void
sp_choose(struct nk *nk, struct sp *sp)
{
	struct sa *sa = NULL;
	uint32_t gen;

	if (sp->sp_action == SP_PROTECT && sp->sp_dir == SP_OUT)
		sa = sad_for_policy(nk, sp, NULL);
	__atomic_store_n(&sp->sp_sa, sa, __ATOMIC_RELEASE);
	gen = atomic_load_explicit(&sp->sp_sagen, memory_order_relaxed) + 1;
	atomic_store_explicit(&sp->sp_sagen, gen != 0 ? gen : 1, memory_order_release);
}

void
spd_again(struct nk *nk, struct sp *sp)
{
	sp_choose(nk, sp);
}

static void
changed_one(struct nk *nk, uint32_t reqid, const struct addr *peer, const struct sa *sa)
{
	struct sp *sp, *next;

	for (sp = *sa_bucket(nk->nk_spd, reqid, peer); sp != NULL; sp = next) {
		next = sp->sp_next_sa;
		if (sp->sp_reqid != reqid || !addr_equal(&sp->sp_peer, peer))
			continue;
		sp_choose(nk, sp);
		if (sp->sp_hold != NULL && sa->sa_state == SA_MATURE)
			hold_release(nk, sp);
	}
}

void
spd_sa_changed(struct nk *nk, const struct sa *sa)
{
	static const struct addr none;

	changed_one(nk, sa->sa_reqid, &sa->sa_dst, sa);
	changed_one(nk, sa->sa_reqid, &none, sa);
	if (sa->sa_reqid != 0) {
		changed_one(nk, 0, &sa->sa_dst, sa);
		changed_one(nk, 0, &none, sa);
	}
}

/* ---- add, update, delete ---- */

/* ICMP: type and code in the places of the ports (RFC 4301 section 4.4.1.1). */
static bool
proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ||
	    proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	    proto == IPPROTO_SCTP || proto == 33 /* DCCP */ ||
	    proto == IPPROTO_UDPLITE;
}

static int
sel_check(const struct selector *sel)
{
	bool ports = !port_any(&sel->sel_sport) || !port_any(&sel->sel_dport);
	uint8_t af = sel->sel_src.pr_addr.ad_af;
	struct addr a;

	if ((af != AF_INET && af != AF_INET6) || sel->sel_dst.pr_addr.ad_af != af ||
	    sel->sel_sport.po_lo > sel->sel_sport.po_hi ||
	    sel->sel_dport.po_lo > sel->sel_dport.po_hi ||
	    sel->sel_src.pr_len > addr_bits(&sel->sel_src.pr_addr) ||
	    sel->sel_dst.pr_len > addr_bits(&sel->sel_dst.pr_addr))
		return EINVAL;
	a = sel->sel_src.pr_addr;
	addr_mask(&a, sel->sel_src.pr_len);
	if (!addr_equal(&a, &sel->sel_src.pr_addr))
		return EINVAL;
	a = sel->sel_dst.pr_addr;
	addr_mask(&a, sel->sel_dst.pr_len);
	if (!addr_equal(&a, &sel->sel_dst.pr_addr))
		return EINVAL;
	return ports && !proto_has_ports(sel->sel_proto) ? EINVAL : 0;
}

static bool
sel_equal(const struct selector *a, const struct selector *b)
{
	return a->sel_proto == b->sel_proto &&
	    a->sel_sport.po_lo == b->sel_sport.po_lo && a->sel_sport.po_hi == b->sel_sport.po_hi &&
	    a->sel_dport.po_lo == b->sel_dport.po_lo && a->sel_dport.po_hi == b->sel_dport.po_hi &&
	    a->sel_src.pr_len == b->sel_src.pr_len && a->sel_dst.pr_len == b->sel_dst.pr_len &&
	    addr_equal(&a->sel_src.pr_addr, &b->sel_src.pr_addr) &&
	    addr_equal(&a->sel_dst.pr_addr, &b->sel_dst.pr_addr);
}

struct sp *
spd_find(struct nk *nk, enum sp_dir dir, const struct selector *sel)
{
	struct spd *sd = nk->nk_spd;
	const struct tuple *t = tuple_find(&sd->sd_tuples[dir], sel);
	struct flow_key key;
	struct sp *sp;
	uint32_t h;

	if (t == NULL)
		return NULL;
	selector_key(sel, &key);
	h = tuple_hash(t, &key);
	for (sp = *hash_bucket(sd, h); sp != NULL; sp = sp->sp_next_hash) {
		if (sp->sp_hash == h && sp->sp_tuple == t->tu_id && sel_equal(&sp->sp_sel, sel))
			return sp;
	}
	return NULL;
}

struct sp *
spd_byid(struct nk *nk, uint32_t id)
{
	struct sp *sp = *id_bucket(nk->nk_spd, id);

	while (sp != NULL && sp->sp_id != id)
		sp = sp->sp_next_id;
	return sp;
}

/* What the caller decides of a policy; the rest is ours. */
static void
sp_copy(struct sp *to, const struct sp *from)
{
	to->sp_action = from->sp_action;
	to->sp_dir = from->sp_dir;
	to->sp_level = from->sp_level;
	to->sp_asks = from->sp_asks;
	to->sp_mode = from->sp_mode;
	to->sp_reqid = from->sp_reqid;
	to->sp_priority = from->sp_priority;
	to->sp_proto = from->sp_proto;
	to->sp_sel = from->sp_sel;
	to->sp_local = from->sp_local;
	to->sp_peer = from->sp_peer;
	memcpy(to->sp_name, from->sp_name, sizeof(to->sp_name));
}

int
spd_add(struct nk *nk, const struct sp *from, struct sp **out)
{
	struct spd *sd = nk->nk_spd;
	struct sp *sp;
	int error;

	if ((error = sel_check(&from->sp_sel)) != 0)
		return error;
	if (spd_find(nk, from->sp_dir, &from->sp_sel) != NULL)
		return EEXIST;
	if (sd->sd_count >= sd->sd_buckets && tables_resize(sd, sd->sd_buckets * 4) != 0)
		return ENOMEM;
	sp = calloc(1, sizeof(*sp));
	if (sp == NULL)
		return ENOMEM;
	sp_copy(sp, from);
	sp->sp_nk = nk;
	sp->sp_id = sd->sd_next_id;
	hold_init(sp);
	if (place(sd, sp) != 0) {
		free(sp);
		return ENOMEM;
	}
	sd->sd_next_id++;
	sp->sp_added = (uint64_t)ipsec_clock(nk).now_wall;
	tables_put(sd, sp);
	list_put(sd, sp);
	sp_choose(nk, sp);
	nk_bump(nk);
	*out = sp;
	return 0;
}

static void
hash_take(struct spd *sd, struct sp *sp)
{
	struct sp **pp = hash_bucket(sd, sp->sp_hash);

	while (*pp != sp)
		pp = &(*pp)->sp_next_hash;
	*pp = sp->sp_next_hash;
}

/* The selector stays, and with it tuple and hash. */
int
spd_update(struct nk *nk, const struct sp *from, struct sp **out)
{
	struct spd *sd = nk->nk_spd;
	struct tuples *ts = &sd->sd_tuples[from->sp_dir];
	struct tuple *t;
	struct sp *sp;
	int error;

	if ((error = sel_check(&from->sp_sel)) != 0)
		return error;
	sp = spd_find(nk, from->sp_dir, &from->sp_sel);
	if (sp == NULL)
		return spd_add(nk, from, out);
	hash_take(sd, sp);
	sa_take(sp);
	sp_copy(sp, from);
	sp->sp_rank = sp_rank_of(sp);
	t = tuple_find(ts, &sp->sp_sel);
	if (sp->sp_rank < t->tu_best) {
		t->tu_best = sp->sp_rank;
		tuple_rise(ts, t);
	}
	hash_put(sd, sp);
	sa_put(sd, sp);
	sp_choose(nk, sp);
	if (sp->sp_action != SP_PROTECT || sp->sp_level == SP_LEVEL_USE || !sp->sp_asks)
		hold_drop(nk, sp, DROP_SPD_HOLD);
	nk_bump(nk);
	*out = sp;
	return 0;
}

int
spd_delete(struct nk *nk, struct sp *sp)
{
	struct spd *sd = nk->nk_spd;
	struct tuples *ts = &sd->sd_tuples[sp->sp_dir];
	struct sp **pp;

	hold_drop(nk, sp, DROP_SPD_HOLD);
	timer_clear(&nk->nk_wheel, &sp->sp_clear_timer);
	hash_take(sd, sp);
	sa_take(sp);
	for (pp = id_bucket(sd, sp->sp_id); *pp != sp; pp = &(*pp)->sp_next_id)
		;
	*pp = sp->sp_next_id;
	tuple_put(ts, tuple_find(ts, &sp->sp_sel));
	list_take(sd, sp);
	nk_bump(nk);
	epoch_retire(&nk->nk_epoch, free, sp);
	return 0;
}

void
spd_flush(struct nk *nk)
{
	while (nk->nk_spd->sd_head != NULL)
		spd_delete(nk, nk->nk_spd->sd_head);
}

/* ---- walks ---- */

uint64_t
spd_count(struct nk *nk)
{
	return nk->nk_spd->sd_count;
}

void
spd_cursor_start(struct nk *nk, struct spd_cursor *c)
{
	c->sc_next = nk->nk_spd->sd_head;
	c->sc_last_id = nk->nk_spd->sd_next_id - 1;
	c->sc_link = nk->nk_spd->sd_cursors;
	nk->nk_spd->sd_cursors = c;
}

struct sp *
spd_cursor_next(struct nk *nk, struct spd_cursor *c)
{
	struct sp *sp = c->sc_next;

	(void)nk;
	if (sp == NULL || sp->sp_id > c->sc_last_id)
		return NULL;
	c->sc_next = sp->sp_next;
	return sp;
}

void
spd_cursor_end(struct nk *nk, struct spd_cursor *c)
{
	struct spd_cursor **pp = &nk->nk_spd->sd_cursors;

	while (*pp != NULL && *pp != c)
		pp = &(*pp)->sc_link;
	if (*pp == c)
		*pp = c->sc_link;
}

void
spd_walk(struct nk *nk, void (*fn)(void *, struct sp *), void *arg)
{
	struct spd_cursor c;
	struct sp *sp;

	spd_cursor_start(nk, &c);
	while ((sp = spd_cursor_next(nk, &c)) != NULL)
		fn(arg, sp);
	spd_cursor_end(nk, &c);
}

/* ---- life ---- */

int
spd_init(struct nk *nk)
{
	struct spd *sd = calloc(1, sizeof(*sd));

	if (sd == NULL)
		return ENOMEM;
	sd->sd_next_id = 1;
	nk->nk_spd = sd;
	if (tables_resize(sd, SPD_BUCKETS_MIN) != 0) {
		spd_fini(nk);
		return ENOMEM;
	}
	return 0;
}

void
spd_fini(struct nk *nk)
{
	struct spd *sd = nk->nk_spd;

	if (sd == NULL)
		return;
	for (struct sp *sp = sd->sd_head; sp != NULL; sp = sp->sp_next)
		hold_free(sp);
	spd_flush(nk);
	for (unsigned i = 0; i < SP_DIRS; i++)
		free(sd->sd_tuples[i].ts_list);
	free(sd->sd_hash);
	free(sd->sd_id);
	free(sd->sd_sa);
	free(sd);
	nk->nk_spd = NULL;
}
