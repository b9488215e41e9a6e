/* SPDX-License-Identifier: ISC */
/*
 * The SAD: where SAs are found (RFC 4301 section 4.4.2).
 *
 *	by (SPI, destination)	inbound packets, the key socket; lock-free
 *	by (reqid, destination)	the SA for a policy
 *	by destination		the same for policies without a reqid
 *	in order of age		dumps, which may pause (struct sad_cursor)
 *
 * Everything here but sad_lookup4() and sad_lookup() runs under nk_lock.  An
 * SA that is removed leaves all of these at once; its keys are wiped when
 * every worker has passed a quiescent point, its struct SA_GRAVE_S later.
 * What an SA is made of and its life is sa.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netipsec/ipsec_var.h"

#define SAD_SLOTS_MIN	256
#define SAD_BUCKETS_MIN	64

static uint64_t
sad_tag(uint32_t spi, const struct addr *dst)
{
	if (dst->ad_af == AF_INET)
		return sad_tag4(spi, dst->ad_u32[0]);
	return sad_tag4(spi, (uint32_t)mix64(dst->ad_u64[0] ^ mix64(dst->ad_u64[1])));
}

/* ---- the lock-free table ---- */

static struct sad_table *
table_new(uint64_t slots)
{
	struct sad_table *t;
	size_t size = (sizeof(*t) + slots * sizeof(t->st_slot[0]) + 63) & ~(size_t)63;

	t = aligned_alloc(64, size);
	if (t == NULL)
		return NULL;
	memset(t, 0, size);
	t->st_mask = slots - 1;
	return t;
}

static void
table_put(struct sad_table *t, uint64_t tag, struct sa *sa)
{
	uint64_t i = mix64(tag) & t->st_mask;
	struct sa *there;

	for (;; i = (i + 1) & t->st_mask) {
		there = atomic_load_explicit(&t->st_slot[i].ss_sa, memory_order_relaxed);
		if (there == NULL || there == SAD_GONE)
			break;
	}
	if (there == NULL)
		t->st_used++;
	__atomic_store_n(&t->st_slot[i].ss_tag, tag, __ATOMIC_RELAXED);
	atomic_store_explicit(&t->st_slot[i].ss_sa, sa, memory_order_release);
}

static bool
slot_matches(const struct sa *sa, uint32_t spi, const struct addr *dst, uint8_t proto)
{
	return sa->sa_spi == spi && sa->sa_proto == proto && addr_equal(&sa->sa_dst, dst);
}

static struct sad_slot *
table_find(struct sad_table *t, uint32_t spi, const struct addr *dst, uint8_t proto)
{
	uint64_t tag = sad_tag(spi, dst), i = mix64(tag) & t->st_mask;
	struct sa *sa;

	for (;; i = (i + 1) & t->st_mask) {
		sa = atomic_load_explicit(&t->st_slot[i].ss_sa, memory_order_acquire);
		if (sa == NULL)
			return NULL;
		if (sa != SAD_GONE &&
		    __atomic_load_n(&t->st_slot[i].ss_tag, __ATOMIC_RELAXED) == tag &&
		    slot_matches(sa, spi, dst, proto))
			return &t->st_slot[i];
	}
}

struct sa *
sad_lookup(struct nk *nk, uint32_t spi, const struct addr *dst, uint8_t proto)
{
	struct sad_slot *slot = table_find(EPOCH_READ(nk->nk_sad->sd_table), spi, dst, proto);
	struct sa *sa;

	if (slot == NULL)
		return NULL;
	sa = atomic_load_explicit(&slot->ss_sa, memory_order_acquire);
	return sa == SAD_GONE ? NULL : sa;
}

struct sa *
sad_lookup4(struct nk *nk, uint32_t spi, uint32_t dst4)
{
	struct sad_table *t = EPOCH_READ(nk->nk_sad->sd_table);
	uint64_t tag = sad_tag4(spi, dst4), i = mix64(tag) & t->st_mask;
	struct sa *sa;

	for (;; i = (i + 1) & t->st_mask) {
		sa = atomic_load_explicit(&t->st_slot[i].ss_sa, memory_order_acquire);
		if (sa == NULL)
			return NULL;
		if (sa == SAD_GONE ||
		    __atomic_load_n(&t->st_slot[i].ss_tag, __ATOMIC_RELAXED) != tag)
			continue;
		if (sa->sa_dst4 == dst4 && sa->sa_spi == spi && sa->sa_proto == IPPROTO_ESP)
			return sa;
	}
}

/* Room for one more at a load of at most a half, tombstones counted. */
static int
table_reserve(struct nk *nk)
{
	struct sad *sd = nk->nk_sad;
	struct sad_table *old = sd->sd_table, *t;
	uint64_t slots = SAD_SLOTS_MIN;
	struct sa *sa;

	if ((old->st_used + 1) * 2 <= old->st_mask + 1)
		return 0;
	while (slots < (sd->sd_count + 1) * 4)
		slots *= 2;
	t = table_new(slots);
	if (t == NULL)
		return ENOMEM;
	for (sa = sd->sd_head; sa != NULL; sa = sa->sa_next)
		table_put(t, sad_tag(sa->sa_spi, &sa->sa_dst), sa);
	EPOCH_PUBLISH(sd->sd_table, t);
	epoch_retire(&nk->nk_epoch, free, old);
	return 0;
}

/* ---- usable SAs by reqid and destination ---- */

static uint64_t
dst_hash(const struct addr *dst)
{
	return mix64(dst->ad_u64[0] ^ mix64(dst->ad_u64[1] ^ dst->ad_af));
}

static struct sa **
req_bucket(struct sad *sd, uint32_t reqid, const struct addr *dst)
{
	return &sd->sd_req[mix64(dst_hash(dst) ^ reqid) & (sd->sd_buckets - 1)];
}

static struct sa **
dst_bucket(struct sad *sd, const struct addr *dst)
{
	return &sd->sd_dst[dst_hash(dst) & (sd->sd_buckets - 1)];
}

static void
usable_put(struct sad *sd, struct sa *sa)
{
	struct sa **b = req_bucket(sd, sa->sa_reqid, &sa->sa_dst);

	sa->sa_next_req = *b;
	sa->sa_prev_req = b;
	if (*b != NULL)
		(*b)->sa_prev_req = &sa->sa_next_req;
	*b = sa;
	b = dst_bucket(sd, &sa->sa_dst);
	sa->sa_next_dst = *b;
	sa->sa_prev_dst = b;
	if (*b != NULL)
		(*b)->sa_prev_dst = &sa->sa_next_dst;
	*b = sa;
}

void
sad_link_usable(struct nk *nk, struct sa *sa)
{
	usable_put(nk->nk_sad, sa);
}

static void
sad_unlink_usable(struct nk *nk, struct sa *sa)
{
	(void)nk;
	if (sa->sa_prev_req == NULL)
		return;
	*sa->sa_prev_req = sa->sa_next_req;
	if (sa->sa_next_req != NULL)
		sa->sa_next_req->sa_prev_req = sa->sa_prev_req;
	*sa->sa_prev_dst = sa->sa_next_dst;
	if (sa->sa_next_dst != NULL)
		sa->sa_next_dst->sa_prev_dst = sa->sa_prev_dst;
	sa->sa_prev_req = sa->sa_prev_dst = NULL;
	sa->sa_next_req = sa->sa_next_dst = NULL;
}

/* Four times the buckets; the lists are filled from the oldest on again. */
static int
buckets_grow(struct sad *sd)
{
	uint64_t n = sd->sd_buckets * 4;
	struct sa **req = calloc(n, sizeof(*req)), **dst = calloc(n, sizeof(*dst)), *sa;

	if (req == NULL || dst == NULL) {
		free(req);
		free(dst);
		return ENOMEM;
	}
	free(sd->sd_req);
	free(sd->sd_dst);
	sd->sd_req = req;
	sd->sd_dst = dst;
	sd->sd_buckets = n;
	for (sa = sd->sd_head; sa != NULL; sa = sa->sa_next) {
		if (sa->sa_prev_req != NULL)
			usable_put(sd, sa);
	}
	return 0;
}

/* The ends that a policy asks of an SA, for this packet. */
static bool
ends_match(const struct sa *sa, const struct sp *sp, const struct addr *src)
{
	if (sa->sa_mode != sp->sp_mode || sa->sa_proto != sp->sp_proto)
		return false;
	if (sp->sp_mode == SA_TUNNEL) {
		return sp->sp_local.ad_af == 0 || addr_equal(&sp->sp_local, &sa->sa_src);
	}
	return addr_equal(src, &sa->sa_src);
}

static bool
sel_has_port(const struct port_range *r, uint16_t port)
{
	return port >= r->po_lo && port <= r->po_hi;
}

bool
selector_match(const struct selector *sel, const struct flow_key *key)
{
	struct addr a = { .ad_af = key->fk_af };

	if (sel->sel_proto != 0 && sel->sel_proto != key->fk_proto)
		return false;
	if (!sel_has_port(&sel->sel_sport, ntohs(key->fk_sport)) ||
	    !sel_has_port(&sel->sel_dport, ntohs(key->fk_dport)))
		return false;
	memcpy(a.ad_bytes, key->fk_srcb, 16);
	if (!prefix_match(&sel->sel_src, &a))
		return false;
	memcpy(a.ad_bytes, key->fk_dstb, 16);
	return prefix_match(&sel->sel_dst, &a);
}

/* a lets in at least what b does */
static bool
selector_covers(const struct selector *a, const struct selector *b)
{
	return (a->sel_proto == 0 || a->sel_proto == b->sel_proto) &&
	    a->sel_sport.po_lo <= b->sel_sport.po_lo && a->sel_sport.po_hi >= b->sel_sport.po_hi &&
	    a->sel_dport.po_lo <= b->sel_dport.po_lo && a->sel_dport.po_hi >= b->sel_dport.po_hi &&
	    prefix_covers(&a->sel_src, &b->sel_src) && prefix_covers(&a->sel_dst, &b->sel_dst);
}

static bool
sa_serves(const struct sa *sa, const struct sp *sp, const struct flow_key *key)
{
	if (sa->sa_sel.sel_src.pr_addr.ad_af == 0)
		return true;
	return key != NULL ? selector_match(&sa->sa_sel, key) :
	    selector_covers(&sa->sa_sel, &sp->sp_sel);
}

struct sa *
sad_for_policy(struct nk *nk, struct sp *sp, const struct flow_key *key)
{
	struct addr src = { 0 }, dst = sp->sp_peer;
	struct sa *sa, *dying = NULL;

	if (sp->sp_mode == SA_TRANSPORT || dst.ad_af == 0) {
		if (key == NULL)
			return NULL;
		src.ad_af = dst.ad_af = key->fk_af;
		memcpy(src.ad_bytes, key->fk_srcb, 16);
		memcpy(dst.ad_bytes, key->fk_dstb, 16);
	}
	sa = sp->sp_reqid != 0 ? *req_bucket(nk->nk_sad, sp->sp_reqid, &dst) :
	    *dst_bucket(nk->nk_sad, &dst);
	for (; sa != NULL; sa = sp->sp_reqid != 0 ? sa->sa_next_req : sa->sa_next_dst) {
		if (sp->sp_reqid != 0 && sa->sa_reqid != sp->sp_reqid)
			continue;
		if (!addr_equal(&sa->sa_dst, &dst) || !ends_match(sa, sp, &src) ||
		    !sa_serves(sa, sp, key))
			continue;
		if (sa->sa_state == SA_MATURE)
			return sa;
		if (sa->sa_state == SA_DYING && dying == NULL)
			dying = sa;
	}
	return dying;
}

/* ---- all, by age ---- */

int
sad_insert(struct nk *nk, struct sa *sa)
{
	struct sad *sd = nk->nk_sad;

	if (table_reserve(nk) != 0)
		return ENOMEM;
	if (sd->sd_count >= sd->sd_buckets * 2 && buckets_grow(sd) != 0)
		return ENOMEM;
	sa->sa_id = sd->sd_next_id++;
	sa->sa_prev = sd->sd_tail;
	sa->sa_next = NULL;
	if (sd->sd_tail != NULL)
		sd->sd_tail->sa_next = sa;
	else
		sd->sd_head = sa;
	sd->sd_tail = sa;
	sd->sd_count++;
	sd->sd_load[sa->sa_worker]++;
	table_put(sd->sd_table, sad_tag(sa->sa_spi, &sa->sa_dst), sa);
	return 0;
}

void
sad_remove(struct nk *nk, struct sa *sa)
{
	struct sad *sd = nk->nk_sad;
	struct sad_slot *slot = table_find(sd->sd_table, sa->sa_spi, &sa->sa_dst, sa->sa_proto);
	struct sad_cursor *c;

	if (slot != NULL)
		atomic_store_explicit(&slot->ss_sa, SAD_GONE, memory_order_release);
	sad_unlink_usable(nk, sa);
	for (c = sd->sd_cursors; c != NULL; c = c->sc_link) {
		if (c->sc_next == sa)
			c->sc_next = sa->sa_next;
	}
	*(sa->sa_prev != NULL ? &sa->sa_prev->sa_next : &sd->sd_head) = sa->sa_next;
	*(sa->sa_next != NULL ? &sa->sa_next->sa_prev : &sd->sd_tail) = sa->sa_prev;
	sa->sa_next = sa->sa_prev = NULL;
	sd->sd_count--;
	sd->sd_load[sa->sa_worker]--;
	totals_add(nk, sa);
}

void
sad_walk(struct nk *nk, void (*fn)(void *, struct sa *), void *arg)
{
	struct sad_cursor c;
	struct sa *sa;

	sad_cursor_start(nk, &c);
	while ((sa = sad_cursor_next(nk, &c)) != NULL)
		fn(arg, sa);
	sad_cursor_end(nk, &c);
}

uint64_t
sad_count(struct nk *nk)
{
	return nk->nk_sad->sd_count;
}

void
sad_cursor_start(struct nk *nk, struct sad_cursor *c)
{
	struct sad *sd = nk->nk_sad;

	c->sc_next = sd->sd_head;
	c->sc_last_id = sd->sd_next_id - 1;
	c->sc_link = sd->sd_cursors;
	sd->sd_cursors = c;
}

struct sa *
sad_cursor_next(struct nk *nk, struct sad_cursor *c)
{
	struct sa *sa = c->sc_next;

	(void)nk;
	if (sa == NULL || sa->sa_id > c->sc_last_id)
		return NULL;
	c->sc_next = sa->sa_next;
	return sa;
}

void
sad_cursor_end(struct nk *nk, struct sad_cursor *c)
{
	struct sad_cursor **pp = &nk->nk_sad->sd_cursors;

	while (*pp != NULL && *pp != c)
		pp = &(*pp)->sc_link;
	if (*pp == c)
		*pp = c->sc_link;
}

/* ---- the dead ---- */

static void
grave_timer(void *arg, uint64_t now_ns)
{
	struct nk *nk = arg;
	struct sad *sd = nk->nk_sad;
	struct sa *sa;

	while ((sa = sd->sd_grave) != NULL && sa->sa_last_ns + SA_GRAVE_S * NSEC_PER_SEC <= now_ns) {
		sd->sd_grave = sa->sa_next;
		if (sd->sd_grave == NULL)
			sd->sd_grave_tail = NULL;
		free(sa);
	}
	if (sd->sd_grave != NULL)
		timer_set(&nk->nk_wheel, &sd->sd_grave_timer,
		    sd->sd_grave->sa_last_ns + SA_GRAVE_S * NSEC_PER_SEC);
}

/* No worker uses the keys any more; the struct waits for held packets. */
void
sad_bury(struct nk *nk, struct sa *sa)
{
	struct sad *sd = nk->nk_sad;

	totals_add(nk, sa);
	sa->sa_last_ns = ipsec_clock(nk).now_ns;
	sa->sa_next = NULL;
	if (sd->sd_grave_tail != NULL)
		sd->sd_grave_tail->sa_next = sa;
	else
		sd->sd_grave = sa;
	sd->sd_grave_tail = sa;
	if (!timer_armed(&sd->sd_grave_timer))
		timer_set(&nk->nk_wheel, &sd->sd_grave_timer,
		    sa->sa_last_ns + SA_GRAVE_S * NSEC_PER_SEC);
}

/* ---- life ---- */

int
sad_init(struct nk *nk)
{
	struct sad *sd = calloc(1, sizeof(*sd));

	if (sd == NULL)
		return ENOMEM;
	nk->nk_sad = sd;
	sd->sd_next_id = 1;
	sd->sd_larval_s = SA_LARVAL_S;
	sd->sd_hold_s = SP_HOLD_S;
	sd->sd_acquire_s = SP_ACQUIRE_S;
	sd->sd_buckets = SAD_BUCKETS_MIN;
	sd->sd_table = table_new(SAD_SLOTS_MIN);
	sd->sd_req = calloc(sd->sd_buckets, sizeof(*sd->sd_req));
	sd->sd_dst = calloc(sd->sd_buckets, sizeof(*sd->sd_dst));
	timer_init(&sd->sd_grave_timer, grave_timer, nk);
	if (sd->sd_table == NULL || sd->sd_req == NULL || sd->sd_dst == NULL ||
	    sysctl_register(nk, ipsec_sysctl) != 0 || totals_init(nk) != 0) {
		sad_fini(nk);
		return ENOMEM;
	}
	return 0;
}

/* All workers have ended: nothing is shared any more. */
void
sad_fini(struct nk *nk)
{
	struct sad *sd = nk->nk_sad;
	struct sa *sa;

	if (sd == NULL)
		return;
	while ((sa = sd->sd_head) != NULL)
		sad_delete(nk, sa);
	hold_fini(nk);
	epoch_drain(&nk->nk_epoch);
	timer_clear(&nk->nk_wheel, &sd->sd_grave_timer);
	while ((sa = sd->sd_grave) != NULL) {
		sd->sd_grave = sa->sa_next;
		free(sa);
	}
	totals_fini(nk);
	free(sd->sd_table);
	free(sd->sd_req);
	free(sd->sd_dst);
	free(sd);
	nk->nk_sad = NULL;
}
