/* SPDX-License-Identifier: ISC */
/*
 * Routes: longest prefix match for a million routes (see fib.h), and the
 * next hop of a destination (RFC 1812 section 5.2.4).
 *
 * IPv4 is cut at 16 bits.  Prefixes of 16 bits and more stand in tries that
 * hang off a table of 65,536 slots, so that a lookup of a /24 touches a slot
 * and two nodes.  Shorter prefixes stand in a small trie of their own; what
 * it says of each slot's first 16 bits is kept in the slot.  IPv6 is one trie.
 *
 * Several routes to one prefix are a list, the best (lowest rt_prio, then
 * oldest) first; the trie points at its head.  Routes come from slabs: an
 * entry costs 80 bytes and the trie about 10 to 20.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/arp.h"
#include "net/fib.h"
#include "net/fib_trie.h"
#include "net/route_ctl.h"

#define SLOTS		65536
#define SLOT_BITS	16
#define SLAB		256

struct fib_entry {
	struct route		 fe_route;
	struct fib_entry	*fe_next;	/* same prefix, worse; or free */
};

struct fib_slab {
	struct fib_slab		*fs_next;
	struct fib_entry	 fs_entry[SLAB];
};

struct fib_slot {
	struct trie_node	 sl_root;	/* prefixes of 16 bits and more */
	struct fib_entry	*sl_best;	/* best shorter one, or NULL */
};

struct fib {
	struct fib_slot		*fb_slot;	/* SLOTS */
	struct trie_node	 fb_short;	/* IPv4 prefixes of less than 16 bits */
	struct trie_node	 fb_v6;
	struct fib_slab		*fb_slabs;
	struct fib_entry	*fb_free;
	uint64_t		 fb_count;
};

int
fib_init(struct nk *nk)
{
	struct fib *fb = calloc(1, sizeof(*fb));
	int error;

	if (fb == NULL || (fb->fb_slot = calloc(SLOTS, sizeof(*fb->fb_slot))) == NULL) {
		free(fb);
		return ENOMEM;
	}
	nk->nk_fib = fb;
	if ((error = route_ctl_init(nk)) != 0)
		fib_fini(nk);
	return error;
}

void
fib_fini(struct nk *nk)
{
	struct fib *fb = nk->nk_fib;
	struct fib_slab *slab;

	if (fb == NULL)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		trie_clear(&fb->fb_slot[i].sl_root);
	trie_clear(&fb->fb_short);
	trie_clear(&fb->fb_v6);
	while ((slab = fb->fb_slabs) != NULL) {
		fb->fb_slabs = slab->fs_next;
		free(slab);
	}
	free(fb->fb_slot);
	free(fb);
	nk->nk_fib = NULL;
}

/* ---- entries ---- */

static struct fib_entry *
entry_new(struct fib *fb, const struct route *rt)
{
	struct fib_entry *e;

	if (fb->fb_free == NULL) {
		struct fib_slab *slab = malloc(sizeof(*slab));

		if (slab == NULL)
			return NULL;
		slab->fs_next = fb->fb_slabs;
		fb->fb_slabs = slab;
		for (unsigned i = 0; i < SLAB; i++) {
			slab->fs_entry[i].fe_next = fb->fb_free;
			fb->fb_free = &slab->fs_entry[i];
		}
	}
	e = fb->fb_free;
	fb->fb_free = e->fe_next;
	*e = (struct fib_entry){ .fe_route = *rt };
	return e;
}

static void
entry_free(struct fib *fb, struct fib_entry *e)
{
	e->fe_next = fb->fb_free;
	fb->fb_free = e;
}

/* ---- the tries that a prefix may stand in ---- */

static struct fib_slot *
slot_of(struct fib *fb, struct trie_key k)
{
	return &fb->fb_slot[k.tk_hi >> (64 - SLOT_BITS)];
}

/* The root under which a prefix stands, and the bits that the root stands for. */
static struct trie_node *
root_of(struct fib *fb, const struct prefix *dst, struct trie_key k, unsigned *off)
{
	*off = 0;
	if (dst->pr_addr.ad_af == AF_INET6)
		return &fb->fb_v6;
	if (dst->pr_len < SLOT_BITS)
		return &fb->fb_short;
	*off = SLOT_BITS;
	return &slot_of(fb, k)->sl_root;
}

/* A short IPv4 prefix has changed: what the slots within it say. */
static void
slots_refresh(struct fib *fb, const struct prefix *dst, struct trie_key k)
{
	uint64_t n, first;

	if (dst->pr_addr.ad_af != AF_INET || dst->pr_len >= SLOT_BITS)
		return;
	first = k.tk_hi >> (64 - SLOT_BITS);
	n = 1ull << (SLOT_BITS - dst->pr_len);
	for (uint64_t i = first; i < first + n; i++)
		fb->fb_slot[i].sl_best = trie_lookup(&fb->fb_short, 0,
		    (struct trie_key){ i << (64 - SLOT_BITS), 0 });
}

static struct fib_entry *
head_of(struct fib *fb, const struct prefix *dst)
{
	struct trie_key k = trie_key(&dst->pr_addr);
	unsigned off;
	struct trie_node *root = root_of(fb, dst, k, &off);

	return trie_exact(root, off, k, dst->pr_len);
}

/* Makes head the list of a prefix; NULL removes the prefix. False: no memory. */
static bool
head_set(struct fib *fb, const struct prefix *dst, struct fib_entry *head)
{
	struct trie_key k = trie_key(&dst->pr_addr);
	unsigned off;
	struct trie_node *root = root_of(fb, dst, k, &off);

	if (head == NULL)
		trie_remove(root, off, k, dst->pr_len);
	else if (!trie_put(root, off, k, dst->pr_len, head))
		return false;
	slots_refresh(fb, dst, k);
	return true;
}

/* ---- changes ---- */

static bool
prefix_valid(const struct prefix *p)
{
	struct addr a = p->pr_addr;

	if ((a.ad_af != AF_INET && a.ad_af != AF_INET6) || p->pr_len > addr_bits(&a))
		return false;
	addr_mask(&a, p->pr_len);
	return addr_equal(&a, &p->pr_addr);
}

/* What an IPv4 address does not use is zero. */
static bool
addr_clean(const struct addr *a)
{
	return a->ad_af != AF_INET ||
	    (a->ad_u32[1] == 0 && a->ad_u32[2] == 0 && a->ad_u32[3] == 0);
}

/* A gateway must be on a link; it says on which if the route does not. */
static int
gateway_resolve(struct nk *nk, struct route *rt)
{
	const struct route *link;

	if (rt->rt_gw.ad_af == 0)
		return rt->rt_if != NULL ||
		    (rt->rt_flags & (RT_F_REJECT | RT_F_BLACKHOLE | RT_F_LOCAL)) ?
		    0 : ENETUNREACH;
	if (rt->rt_gw.ad_af != rt->rt_dst.pr_addr.ad_af || !addr_clean(&rt->rt_gw))
		return EINVAL;
	link = fib_lookup(nk, &rt->rt_gw);
	if (link == NULL || (link->rt_flags & RT_F_CONNECTED) == 0 ||
	    (rt->rt_if != NULL && rt->rt_if != link->rt_if) ||
	    if_is_local(nk, &rt->rt_gw))
		return ENETUNREACH;
	rt->rt_if = link->rt_if;
	rt->rt_flags |= RT_F_GATEWAY;
	return 0;
}

/* The place in a list behind all that are as good or better. */
static struct fib_entry **
list_place(struct fib_entry **head, uint8_t prio)
{
	while (*head != NULL && (*head)->fe_route.rt_prio <= prio)
		head = &(*head)->fe_next;
	return head;
}

static bool
route_same(const struct route *a, const struct route *b)
{
	return addr_equal(&a->rt_gw, &b->rt_gw) && a->rt_if == b->rt_if;
}

int
fib_add(struct nk *nk, const struct route *rt)
{
	struct fib *fb = nk->nk_fib;
	struct route r = *rt;
	struct fib_entry *head, *e, **at;
	int error;

	if (!prefix_valid(&r.rt_dst))
		return EINVAL;
	if ((error = gateway_resolve(nk, &r)) != 0)
		return error;
	head = head_of(fb, &r.rt_dst);
	for (e = head; e != NULL; e = e->fe_next)
		if (route_same(&e->fe_route, &r))
			return EEXIST;
	if ((e = entry_new(fb, &r)) == NULL)
		return ENOMEM;
	at = list_place(&head, r.rt_prio);
	e->fe_next = *at;
	*at = e;
	if (head == e && !head_set(fb, &r.rt_dst, head)) {
		entry_free(fb, e);
		return ENOMEM;
	}
	fb->fb_count++;
	nk_bump(nk);
	return 0;
}

/* Takes e out of its prefix's list and frees it. */
static void
entry_remove(struct nk *nk, struct fib_entry *e)
{
	struct fib *fb = nk->nk_fib;
	struct prefix dst = e->fe_route.rt_dst;
	struct fib_entry *head = head_of(fb, &dst), **at = &head;
	struct fib_entry *was = head;

	while (*at != e)
		at = &(*at)->fe_next;
	*at = e->fe_next;
	/* Replacing or removing what is there takes no memory. */
	if (head != was)
		(void)head_set(fb, &dst, head);
	entry_free(fb, e);
	fb->fb_count--;
	nk_bump(nk);
}

int
fib_delete(struct nk *nk, const struct prefix *dst, const struct addr *gw)
{
	struct fib_entry *e;

	if (!prefix_valid(dst))
		return EINVAL;
	for (e = head_of(nk->nk_fib, dst); e != NULL; e = e->fe_next)
		if (gw == NULL || gw->ad_af == 0 || addr_equal(gw, &e->fe_route.rt_gw))
			break;
	if (e == NULL)
		return ENOENT;
	entry_remove(nk, e);
	return 0;
}

/* ---- questions ---- */

const struct route *
fib_lookup(struct nk *nk, const struct addr *dst)
{
	struct fib *fb = nk->nk_fib;
	struct trie_key k = trie_key(dst);
	const struct fib_entry *e;

	if (dst->ad_af == AF_INET6)
		e = trie_lookup(&fb->fb_v6, 0, k);
	else if ((e = trie_lookup(&slot_of(fb, k)->sl_root, SLOT_BITS, k)) == NULL)
		e = slot_of(fb, k)->sl_best;
	return e == NULL ? NULL : &e->fe_route;
}

const struct route *
fib_exact(struct nk *nk, const struct prefix *dst)
{
	const struct fib_entry *e;

	if (!prefix_valid(dst) || (e = head_of(nk->nk_fib, dst)) == NULL)
		return NULL;
	return &e->fe_route;
}

uint64_t
fib_count(struct nk *nk)
{
	return nk->nk_fib->fb_count;
}

uint64_t
fib_bytes(struct nk *nk)
{
	const struct fib *fb = nk->nk_fib;
	uint64_t sum = SLOTS * sizeof(struct fib_slot) + trie_bytes(&fb->fb_short) +
	    trie_bytes(&fb->fb_v6);

	for (unsigned i = 0; i < SLOTS; i++)
		sum += trie_bytes(&fb->fb_slot[i].sl_root);
	for (const struct fib_slab *s = fb->fb_slabs; s != NULL; s = s->fs_next)
		sum += sizeof(*s);
	return sum;
}

struct walk {
	void	(*wk_fn)(void *, const struct route *);
	void	*wk_arg;
};

static void
walk_list(void *arg, void *item)
{
	const struct walk *wk = arg;

	for (const struct fib_entry *e = item; e != NULL; e = e->fe_next)
		wk->wk_fn(wk->wk_arg, &e->fe_route);
}

void
fib_walk(struct nk *nk, void (*fn)(void *, const struct route *), void *arg)
{
	struct fib *fb = nk->nk_fib;
	struct walk wk = { fn, arg };

	trie_walk(&fb->fb_short, walk_list, &wk);
	for (unsigned i = 0; i < SLOTS; i++)
		trie_walk(&fb->fb_slot[i].sl_root, walk_list, &wk);
	trie_walk(&fb->fb_v6, walk_list, &wk);
}

/* ---- removal of many ---- */

struct doomed {
	const struct ifnet	*dm_if;		/* NULL: those of dm_flags */
	uint16_t		 dm_flags;
	struct route		 dm_route;	/* one that was found */
	bool			 dm_found;
};

static void
doomed_find(void *arg, const struct route *rt)
{
	struct doomed *dm = arg;

	if (dm->dm_found || (dm->dm_if != NULL ? rt->rt_if != dm->dm_if :
	    (rt->rt_flags & dm->dm_flags) == 0))
		return;
	dm->dm_route = *rt;
	dm->dm_found = true;
}

static struct fib_entry *
entry_find(struct fib *fb, const struct route *rt)
{
	struct fib_entry *e = head_of(fb, &rt->rt_dst);

	while (e != NULL && !route_same(&e->fe_route, rt))
		e = e->fe_next;
	return e;
}

/* Collects in one walk, then removes: a walk must not change what it walks. */
struct doomed_list {
	struct doomed	 dl_which;
	struct route	*dl_route;
	uint64_t	 dl_n;
};

static void
doomed_collect(void *arg, const struct route *rt)
{
	struct doomed_list *dl = arg;

	dl->dl_which.dm_found = false;
	doomed_find(&dl->dl_which, rt);
	if (dl->dl_which.dm_found)
		dl->dl_route[dl->dl_n++] = *rt;
}

static void
remove_which(struct nk *nk, struct doomed which)
{
	struct doomed_list dl = { .dl_which = which };

	dl.dl_route = calloc(nk->nk_fib->fb_count + 1, sizeof(*dl.dl_route));
	if (dl.dl_route == NULL) {
		/* Slower, one walk a route, but it always ends. */
		for (;;) {
			which.dm_found = false;
			fib_walk(nk, doomed_find, &which);
			if (!which.dm_found)
				return;
			entry_remove(nk, entry_find(nk->nk_fib, &which.dm_route));
		}
	}
	fib_walk(nk, doomed_collect, &dl);
	for (uint64_t i = 0; i < dl.dl_n; i++)
		entry_remove(nk, entry_find(nk->nk_fib, &dl.dl_route[i]));
	free(dl.dl_route);
}

void
fib_delete_if(struct nk *nk, struct ifnet *ifp)
{
	if (nk->nk_fib != NULL)
		remove_which(nk, (struct doomed){ .dm_if = ifp });
}

void
fib_flush(struct nk *nk)
{
	remove_which(nk, (struct doomed){ .dm_flags = RT_F_STATIC });
}

/* ---- next hops ---- */

static bool
is_local(struct nk *nk, const struct addr *dst)
{
	if (dst->ad_af == AF_INET && dst->ad_v4.s_addr == INADDR_BROADCAST)
		return true;
	return if_is_local(nk, dst) || if_is_broadcast(nk, dst);
}

static bool
is_multicast(const struct addr *dst)
{
	return dst->ad_af == AF_INET ? (dst->ad_bytes[0] & 0xf0) == 0xe0 :
	    dst->ad_bytes[0] == 0xff;
}

enum drop_reason
nexthop_find(struct nk *nk, const struct addr *dst, struct nexthop *nh)
{
	const struct route *rt;

	*nh = (struct nexthop){ 0 };
	if (is_multicast(dst))
		return DROP_IP_BROADCAST;
	if (is_local(nk, dst)) {
		nh->nh_local = true;
		return DROP_NONE;
	}
	if ((rt = fib_lookup(nk, dst)) == NULL)
		return DROP_IP_NOROUTE;
	if (rt->rt_flags & RT_F_BLACKHOLE)
		return DROP_IP_BLACKHOLE;
	if (rt->rt_flags & RT_F_REJECT)
		return DROP_IP_REJECT;
	nh->nh_if = rt->rt_if;
	nh->nh_local = (rt->rt_flags & RT_F_LOCAL) != 0;
	if (nh->nh_local)
		return DROP_NONE;
	if ((rt->rt_if->if_flags & IF_F_UP) == 0)
		return DROP_IF_DOWN;
	nh->nh_mtu = rt->rt_if->if_mtu;
	if (rt->rt_mtu != 0 && rt->rt_mtu < nh->nh_mtu)
		nh->nh_mtu = rt->rt_mtu;
	nh->nh_neigh = neigh_get(nk, rt->rt_if, rt->rt_gw.ad_af != 0 ? &rt->rt_gw : dst);
	return nh->nh_neigh == NULL ? DROP_ARP_HOLD : DROP_NONE;
}
