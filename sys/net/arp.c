/* SPDX-License-Identifier: ISC */
/*
 * Neighbours of Ethernet links by ARP (RFC 826); see arp.h for the states
 * of an entry.
 *
 * Everything here runs under nk_lock, on the control thread or on a worker;
 * packets are sent by workers only.  Timers stand on nk_wheel, which worker
 * 0 fires.  ne_eth is written once, before ne_valid is first set, so that
 * workers copy it without a lock: a neighbour that gets another Ethernet
 * address gets another entry.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "kern/pool.h"
#include "libutil/cur.h"
#include "net/arp.h"
#include "net/ether.h"
#include "net/fib.h"
#include "pf/explain.h"

#define BUCKETS		1024
#define OP_REQUEST	1
#define OP_REPLY	2
#define HTYPE_ETHER	1
#define PTYPE_IPV4	0x0800
#define DEFEND_NS	(10 * NSEC_PER_SEC)	/* RFC 5227: DEFEND_INTERVAL */

static const uint8_t ether_broadcast[6] = { 255, 255, 255, 255, 255, 255 };
static const uint8_t ether_none[6];

struct arp {
	struct neigh	*ar_bucket[BUCKETS];
	unsigned	 ar_count;
	unsigned	 ar_idle;	/* of them, those that gives_up() */
	uint64_t	 ar_defended;	/* now_ns of the last defence */
	uint64_t	 ar_logged;	/* now_ns of the last line */
	uint64_t	 ar_roomed;	/* now_ns when a full table last made room; 0 never */
	struct announce	*ar_announce;	/* for worker 0 to send */
	struct pkt	*ar_drop;	/* for worker 0 to drop, by pkt_link */
	struct pkt_waits ar_waits;	/* packets of all entries */
};

struct announce {
	struct announce	*an_next;
	struct ifnet	*an_if;
	struct addr	 an_addr;
};

/* An ARP packet for IPv4 over Ethernet. */
struct arp_msg {
	unsigned	am_op;
	uint8_t		am_sha[6], am_tha[6];
	struct addr	am_spa, am_tpa;
};

static void	neigh_timeout(void *arg, uint64_t now_ns);

/* ---- the table ---- */

int
arp_init(struct nk *nk)
{
	nk->nk_arp = calloc(1, sizeof(*nk->nk_arp));
	return nk->nk_arp == NULL ? ENOMEM : 0;
}

static unsigned
bucket_of(const struct ifnet *ifp, const struct addr *a)
{
	uint32_t h = a->ad_u32[0] ^ a->ad_u32[1] ^ a->ad_u32[2] ^ a->ad_u32[3];

	h = (h ^ ifp->if_index) * 0x9e3779b1u;
	return h >> 22;
}

struct neigh *
neigh_find(struct nk *nk, const struct ifnet *ifp, const struct addr *a)
{
	struct neigh *ne = nk->nk_arp->ar_bucket[bucket_of(ifp, a)];

	while (ne != NULL && (ne->ne_if != ifp || !addr_equal(&ne->ne_addr, a)))
		ne = ne->ne_next;
	return ne;
}

/* The worker that fires timers and sends what no packet of a worker's caused. */
static struct worker *
arp_worker(struct nk *nk)
{
	return nk->nk_worker[0];
}

/* What waits in the entry, oldest first; nothing does then. */
static struct pkt *
held_take(struct nk *nk, struct neigh *ne)
{
	struct pkt *list = ne->ne_hold;

	for (const struct pkt *p = list; p != NULL; p = p->pkt_link)
		pkt_waits_end(&nk->nk_arp->ar_waits, p);
	ne->ne_hold = NULL;
	ne->ne_nhold = 0;
	return list;
}

static void
held_drop(struct nk *nk, struct neigh *ne, enum drop_reason why)
{
	struct pkt *p = held_take(nk, ne), *next;

	for (; p != NULL; p = next) {
		next = p->pkt_link;
		p->pkt_link = NULL;
		pkt_drop(arp_worker(nk), p, why);
	}
}

static void	arp_job(struct worker *, void *);

/* The same from the control thread, which must not touch a worker's pool. */
static void
held_drop_later(struct nk *nk, struct neigh *ne)
{
	struct arp *ar = nk->nk_arp;
	struct pkt *p = held_take(nk, ne), *next;

	if (p == NULL)
		return;
	for (; p != NULL; p = next) {
		next = p->pkt_link;
		p->pkt_link = ar->ar_drop;
		ar->ar_drop = p;
	}
	(void)worker_post(arp_worker(nk), arp_job, NULL);
}

/* A full table can do without it. */
static bool
gives_up(const struct neigh *ne)
{
	return ne->ne_state == NEIGH_FAILED || ne->ne_state == NEIGH_NEW;
}

static void
neigh_set(struct nk *nk, struct neigh *ne, enum neigh_state state)
{
	nk->nk_arp->ar_idle -= gives_up(ne);
	ne->ne_state = (uint8_t)state;
	nk->nk_arp->ar_idle += gives_up(ne);
}

/* Out of the table; freed when no flow can point at it any more. */
static void
neigh_remove(struct nk *nk, struct neigh *ne)
{
	struct neigh **at = &nk->nk_arp->ar_bucket[bucket_of(ne->ne_if, &ne->ne_addr)];

	while (*at != ne)
		at = &(*at)->ne_next;
	*at = ne->ne_next;
	nk->nk_arp->ar_count--;
	timer_clear(&nk->nk_wheel, &ne->ne_timer);
	atomic_store(&ne->ne_valid, 0);
	neigh_set(nk, ne, NEIGH_DEAD);
	nk_bump(nk);
	epoch_retire(&nk->nk_epoch, free, ne);
}

void
arp_fini(struct nk *nk)
{
	struct announce *an;
	struct pkt *p;

	if (nk->nk_arp == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct neigh *ne;

		while ((ne = nk->nk_arp->ar_bucket[i]) != NULL) {
			held_drop(nk, ne, DROP_ARP_TIMEOUT);
			neigh_remove(nk, ne);
		}
	}
	while ((an = nk->nk_arp->ar_announce) != NULL) {
		nk->nk_arp->ar_announce = an->an_next;
		free(an);
	}
	while ((p = nk->nk_arp->ar_drop) != NULL) {
		nk->nk_arp->ar_drop = p->pkt_link;
		pkt_free(arp_worker(nk), p);
	}
	free(nk->nk_arp);
	nk->nk_arp = NULL;
}

/* make_room() would make some: enough to be worth it, or not too often. */
static bool
has_room(const struct nk *nk)
{
	const struct arp *ar = nk->nk_arp;
	uint64_t now = nk->nk_worker[0]->w_now.now_ns;

	return ar->ar_idle >= ARP_MAX / 4 || (ar->ar_idle != 0 &&
	    (ar->ar_roomed == 0 || now - ar->ar_roomed >= ARP_ROOM_NS));
}

/*
 * A full table gives up all entries that did not resolve, at once: flows
 * decide anew after each change, so changes should be few.
 */
static bool
make_room(struct nk *nk)
{
	if (!has_room(nk))
		return false;
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct neigh *ne, *next;

		for (ne = nk->nk_arp->ar_bucket[i]; ne != NULL; ne = next) {
			next = ne->ne_next;
			if (gives_up(ne))
				neigh_remove(nk, ne);
		}
	}
	nk->nk_arp->ar_roomed = nk->nk_worker[0]->w_now.now_ns;
	return true;
}

static struct neigh *
neigh_new(struct ifnet *ifp, const struct addr *a)
{
	struct neigh *ne = calloc(1, sizeof(*ne));

	if (ne == NULL)
		return NULL;
	ne->ne_if = ifp;
	ne->ne_addr = *a;
	memcpy(ne->ne_eth + 6, ifp->if_mac, 6);
	ne->ne_eth[12] = a->ad_af == AF_INET6 ? 0x86 : 0x08;
	ne->ne_eth[13] = a->ad_af == AF_INET6 ? 0xdd : 0x00;
	timer_init(&ne->ne_timer, neigh_timeout, ne);
	return ne;
}

static void
neigh_insert(struct nk *nk, struct neigh *ne)
{
	struct neigh **head = &nk->nk_arp->ar_bucket[bucket_of(ne->ne_if, &ne->ne_addr)];

	ne->ne_next = *head;
	*head = ne;
	nk->nk_arp->ar_count++;
	nk->nk_arp->ar_idle += gives_up(ne);
}

struct neigh *
neigh_get(struct nk *nk, struct ifnet *ifp, const struct addr *a)
{
	struct neigh *ne = neigh_find(nk, ifp, a);

	if (nk->nk_explain != NULL)
		return ne == NULL && nk->nk_arp->ar_count >= ARP_MAX && !has_room(nk) ? NULL :
		    explain_neigh(nk, ifp, a, ne);
	if (ne != NULL)
		return ne;
	if (nk->nk_arp->ar_count >= ARP_MAX && !make_room(nk))
		return NULL;
	if ((ne = neigh_new(ifp, a)) != NULL)
		neigh_insert(nk, ne);
	return ne;
}

/* ---- sending ---- */

static void
arp_send(struct worker *w, struct ifnet *ifp, const uint8_t to[6], const struct arp_msg *am)
{
	struct pkt *p = pkt_alloc(w, ETHER_HLEN + ARP_LEN);
	struct wcur c;

	if (p == NULL)
		return;
	c = wcur_init(p->pkt_data, ETHER_HLEN + ARP_LEN);
	wcur_put(&c, to, 6);
	wcur_put(&c, ifp->if_mac, 6);
	wcur_u16(&c, 0x0806);
	wcur_u16(&c, HTYPE_ETHER);
	wcur_u16(&c, PTYPE_IPV4);
	wcur_u8(&c, 6);
	wcur_u8(&c, 4);
	wcur_u16(&c, (uint16_t)am->am_op);
	wcur_put(&c, am->am_sha, 6);
	wcur_put(&c, am->am_spa.ad_bytes, 4);
	wcur_put(&c, am->am_tha, 6);
	wcur_put(&c, am->am_tpa.ad_bytes, 4);
	p->pkt_len = (uint32_t)wcur_len(&c);
	p->pkt_flags |= PKT_F_LOCAL_OUT;
	counter_add(&w->w_count[am->am_op == OP_REQUEST ? CNT_ARP_REQUEST : CNT_ARP_REPLY], 1);
	if_output(w, ifp, p);
}

static void
arp_request(struct worker *w, struct ifnet *ifp, const uint8_t to[6],
    const struct addr *spa, const struct addr *tpa)
{
	struct arp_msg am = { .am_op = OP_REQUEST, .am_spa = *spa, .am_tpa = *tpa };

	memcpy(am.am_sha, ifp->if_mac, 6);
	arp_send(w, ifp, to, &am);
}

/* Asks for a neighbour: all, or, to confirm, itself. */
static void
neigh_ask(struct worker *w, struct neigh *ne)
{
	struct addr src = { .ad_af = AF_INET };

	(void)if_source_for(w->w_nk, ne->ne_if, &ne->ne_addr, &src);
	ne->ne_tries++;
	arp_request(w, ne->ne_if, ne->ne_state == NEIGH_PROBING ? ne->ne_eth :
	    ether_broadcast, &src, &ne->ne_addr);
	timer_set(&w->w_nk->nk_wheel, &ne->ne_timer, w->w_now.now_ns + ARP_RETRY_NS);
}

void
arp_announce(struct nk *nk, struct ifnet *ifp, const struct addr *a)
{
	struct announce *an;

	if (a->ad_af != AF_INET || (ifp->if_flags & (IF_F_LOOPBACK | IF_F_ENC)) ||
	    arp_worker(nk) == NULL || (an = malloc(sizeof(*an))) == NULL)
		return;
	*an = (struct announce){ nk->nk_arp->ar_announce, ifp, *a };
	nk->nk_arp->ar_announce = an;
	(void)worker_post(arp_worker(nk), arp_job, NULL);
}

static void
announce_all(struct worker *w, struct arp *ar)
{
	struct announce *an;

	while ((an = ar->ar_announce) != NULL) {
		ar->ar_announce = an->an_next;
		if (an->an_if->if_flags & IF_F_UP)
			arp_request(w, an->an_if, ether_broadcast, &an->an_addr,
			    &an->an_addr);
		free(an);
	}
}

/* ---- an entry's life ---- */

/* Sends what waited. The list is taken first: sending may come back here. */
static void
held_send(struct worker *w, struct neigh *ne)
{
	struct pkt *p = held_take(w->w_nk, ne), *next;

	for (; p != NULL; p = next) {
		next = p->pkt_link;
		p->pkt_link = NULL;
		p->pkt_neigh = ne;
		ether_output(w, p);
	}
}

/*
 * The entry with this Ethernet address: ne, or one that takes its place and
 * what waits in it.  NULL: no memory.
 */
static struct neigh *
neigh_with_mac(struct nk *nk, struct neigh *ne, const uint8_t mac[6])
{
	struct neigh *re;

	if (memcmp(ne->ne_eth, mac, 6) == 0)
		return ne;
	if (memcmp(ne->ne_eth, ether_none, 6) == 0) {
		memcpy(ne->ne_eth, mac, 6);
		return ne;
	}
	if ((re = neigh_new(ne->ne_if, &ne->ne_addr)) == NULL)
		return NULL;
	memcpy(re->ne_eth, mac, 6);
	re->ne_state = ne->ne_state;
	re->ne_hold = ne->ne_hold;
	re->ne_nhold = ne->ne_nhold;
	ne->ne_hold = NULL;
	ne->ne_nhold = 0;
	neigh_remove(nk, ne);
	neigh_insert(nk, re);
	return re;
}

static void
neigh_reachable(struct worker *w, struct neigh *ne, const uint8_t mac[6])
{
	if ((ne = neigh_with_mac(w->w_nk, ne, mac)) == NULL)
		return;
	ne->ne_tries = 0;
	neigh_set(w->w_nk, ne, NEIGH_REACHABLE);
	atomic_store_explicit(&ne->ne_used, 0, memory_order_relaxed);
	atomic_store_explicit(&ne->ne_valid, 1, memory_order_release);
	timer_set(&w->w_nk->nk_wheel, &ne->ne_timer, w->w_now.now_ns + ARP_REACHABLE_NS);
	held_send(w, ne);
}

static void
neigh_fail(struct worker *w, struct neigh *ne)
{
	neigh_set(w->w_nk, ne, NEIGH_FAILED);
	ne->ne_tries = 0;
	atomic_store(&ne->ne_valid, 0);
	held_drop(w->w_nk, ne, DROP_ARP_TIMEOUT);
	timer_set(&w->w_nk->nk_wheel, &ne->ne_timer, w->w_now.now_ns + ARP_FAILED_NS);
}

/* Its time is over: with others like it, now, or when the next of them go. */
static void
neigh_goes(struct nk *nk, struct neigh *ne, uint64_t now_ns)
{
	uint64_t late = now_ns % ARP_SWEEP_NS;

	if (late < NSEC_PER_SEC)
		neigh_remove(nk, ne);
	else
		timer_set(&nk->nk_wheel, &ne->ne_timer, now_ns - late + ARP_SWEEP_NS);
}

/* nk_lock is held: worker 0's turn. */
static void
neigh_timeout(void *arg, uint64_t now_ns)
{
	struct neigh *ne = arg;
	struct nk *nk = ne->ne_if->if_nk;
	struct worker *w = arp_worker(nk);

	switch ((enum neigh_state)ne->ne_state) {
	case NEIGH_ASKING:
	case NEIGH_PROBING:
		if (ne->ne_tries >= ARP_TRIES)
			neigh_fail(w, ne);
		else
			neigh_ask(w, ne);
		break;
	case NEIGH_REACHABLE:
		if (!atomic_load(&ne->ne_used)) {
			neigh_goes(nk, ne, now_ns);
			break;
		}
		neigh_set(nk, ne, NEIGH_PROBING);
		neigh_ask(w, ne);
		break;
	case NEIGH_FAILED:
		neigh_goes(nk, ne, now_ns);
		break;
	case NEIGH_NEW:
	case NEIGH_DEAD:
		break;
	}
}

static void
hold(struct nk *nk, struct neigh *ne, struct pkt *p)
{
	struct pkt **at = &ne->ne_hold;

	pkt_waits_add(&nk->nk_arp->ar_waits, p);
	while (*at != NULL)
		at = &(*at)->pkt_link;
	p->pkt_link = NULL;
	*at = p;
	ne->ne_nhold++;
}

/* A failed entry is asked for again, but not by each packet. */
static bool
may_ask_again(const struct worker *w, const struct neigh *ne)
{
	uint64_t left_ns = ne->ne_timer.tm_when * TIMER_TICK_NS - w->w_now.now_ns;

	return !timer_armed(&ne->ne_timer) || left_ns + ARP_RETRY_NS <= ARP_FAILED_NS;
}

static void	resolve_locked(struct worker *, struct neigh *, struct pkt *);

/* The entry went while the packet was on its way to it; another may have come. */
static void
resolve_successor(struct worker *w, struct neigh *dead, struct pkt *p)
{
	struct neigh *ne = neigh_find(w->w_nk, dead->ne_if, &dead->ne_addr);

	if (ne == NULL)
		pkt_drop(w, p, DROP_ARP_TIMEOUT);
	else
		resolve_locked(w, ne, p);
}

enum drop_reason
neigh_waits(const struct worker *w, const struct neigh *ne, const struct pkt *p, bool *ask)
{
	const struct nk *nk = w->w_nk;

	*ask = false;
	if (ne->ne_state == NEIGH_FAILED && !may_ask_again(w, ne))
		return DROP_ARP_TIMEOUT;
	*ask = ne->ne_state == NEIGH_FAILED || ne->ne_state == NEIGH_NEW;
	return ne->ne_nhold < ARP_HOLD_MAX && pkt_waits_room(nk, &nk->nk_arp->ar_waits, p) ?
	    DROP_NONE : DROP_ARP_HOLD;
}

static void
resolve_locked(struct worker *w, struct neigh *ne, struct pkt *p)
{
	enum drop_reason why;
	bool ask;

	if (atomic_load(&ne->ne_valid)) {	/* another worker's reply, just now */
		p->pkt_neigh = ne;
		ether_output(w, p);
		return;
	}
	if (ne->ne_state == NEIGH_DEAD) {
		resolve_successor(w, ne, p);
		return;
	}
	why = neigh_waits(w, ne, p, &ask);
	if (why == DROP_NONE)
		hold(w->w_nk, ne, p);
	else
		pkt_drop(w, p, why);
	if (!ask)
		return;
	neigh_set(w->w_nk, ne, NEIGH_ASKING);
	ne->ne_tries = 0;
	neigh_ask(w, ne);
}

void
arp_resolve(struct worker *w, struct neigh *ne, struct pkt *p)
{
	if (w->w_nk->nk_explain != NULL) {
		explain_sent(w, p);
		return;
	}
	nk_lock(w->w_nk);
	resolve_locked(w, ne, p);
	nk_unlock(w->w_nk);
}

/* ---- receiving ---- */

static bool
arp_parse(const struct pkt *p, struct arp_msg *am)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	unsigned htype = cur_u16(&c), ptype = cur_u16(&c);
	unsigned hlen = cur_u8(&c), plen = cur_u8(&c);

	*am = (struct arp_msg){ .am_op = cur_u16(&c) };
	am->am_spa.ad_af = am->am_tpa.ad_af = AF_INET;
	(void)cur_copy(&c, am->am_sha, 6);
	(void)cur_copy(&c, am->am_spa.ad_bytes, 4);
	(void)cur_copy(&c, am->am_tha, 6);
	(void)cur_copy(&c, am->am_tpa.ad_bytes, 4);
	return cur_ok(&c) && htype == HTYPE_ETHER && ptype == PTYPE_IPV4 &&
	    hlen == 6 && plen == 4 &&
	    (am->am_op == OP_REQUEST || am->am_op == OP_REPLY) &&
	    (am->am_sha[0] & 1) == 0 && memcmp(am->am_sha, ether_none, 6) != 0 &&
	    am->am_spa.ad_bytes[0] < 224;
}

static bool
addr_of_if(const struct ifnet *ifp, const struct addr *a)
{
	for (unsigned i = 0; i < ifp->if_naddrs; i++)
		if (addr_equal(&ifp->if_addr[i].ia_addr, a))
			return true;
	return false;
}

static void
arp_log(struct worker *w, const struct ifnet *ifp, const struct arp_msg *am, const char *what)
{
	struct arp *ar = w->w_nk->nk_arp;
	char text[ADDR_STRLEN];

	if (ar->ar_logged != 0 && w->w_now.now_ns - ar->ar_logged < NSEC_PER_SEC)
		return;
	ar->ar_logged = w->w_now.now_ns;
	nk_log(w->w_nk, LOG_WARNING, "%s: %02x:%02x:%02x:%02x:%02x:%02x %s %s",
	    ifp->if_name, am->am_sha[0], am->am_sha[1], am->am_sha[2],
	    am->am_sha[3], am->am_sha[4], am->am_sha[5], what,
	    addr_print(&am->am_spa, text));
}

/* Another station claims an address of ours: keep it, and say so (RFC 5227 2.4 (b)). */
static void
arp_conflict(struct worker *w, struct ifnet *ifp, const struct arp_msg *am)
{
	struct arp *ar = w->w_nk->nk_arp;

	counter_add(&w->w_count[CNT_ARP_CONFLICT], 1);
	arp_log(w, ifp, am, "claims our address");
	if (ar->ar_defended != 0 && w->w_now.now_ns - ar->ar_defended < DEFEND_NS)
		return;
	ar->ar_defended = w->w_now.now_ns;
	arp_request(w, ifp, ether_broadcast, &am->am_spa, &am->am_spa);
}

/* What the sender says of itself, if we care for it. */
static void
arp_learn(struct worker *w, struct ifnet *ifp, const struct arp_msg *am)
{
	struct neigh *ne = neigh_find(w->w_nk, ifp, &am->am_spa);
	bool same;

	if (ne == NULL || ne->ne_state == NEIGH_NEW)
		return;
	same = ne->ne_valid && memcmp(ne->ne_eth, am->am_sha, 6) == 0;
	if (ne->ne_permanent) {
		if (!same)
			arp_log(w, ifp, am, "claims the address of a permanent entry,");
		return;
	}
	if (ne->ne_valid && !same) {
		counter_add(&w->w_count[CNT_ARP_CHANGED], 1);
		arp_log(w, ifp, am, "is the new station of");
	}
	neigh_reachable(w, ne, am->am_sha);
}

static void
arp_answer(struct worker *w, struct ifnet *ifp, const struct arp_msg *am)
{
	struct arp_msg re = { .am_op = OP_REPLY, .am_spa = am->am_tpa,
	    .am_tpa = am->am_spa };

	memcpy(re.am_sha, ifp->if_mac, 6);
	memcpy(re.am_tha, am->am_sha, 6);
	arp_send(w, ifp, am->am_sha, &re);
}

void
arp_input(struct worker *w, struct pkt *p)
{
	struct ifnet *ifp = p->pkt_ifp;
	struct arp_msg am;

	if (!arp_parse(p, &am)) {
		pkt_drop(w, p, DROP_ARP_BAD);
		return;
	}
	counter_add(&w->w_count[CNT_ARP_RECEIVED], 1);
	pkt_free(w, p);
	if (memcmp(am.am_sha, ifp->if_mac, 6) == 0)
		return;			/* our own, come back */
	nk_lock(w->w_nk);
	if (addr_of_if(ifp, &am.am_spa))
		arp_conflict(w, ifp, &am);
	else
		arp_learn(w, ifp, &am);
	if (am.am_op == OP_REQUEST && addr_of_if(ifp, &am.am_tpa) &&
	    !addr_equal(&am.am_spa, &am.am_tpa))
		arp_answer(w, ifp, &am);
	nk_unlock(w->w_nk);
}

/* ---- the operator ---- */

/* The interface on whose link the address is. */
static struct ifnet *
link_of(struct nk *nk, const struct addr *a)
{
	const struct route *rt = fib_lookup(nk, a);

	if (rt == NULL || (rt->rt_flags & RT_F_CONNECTED) == 0 || rt->rt_if == NULL ||
	    (rt->rt_if->if_flags & (IF_F_LOOPBACK | IF_F_ENC)))
		return NULL;
	return rt->rt_if;
}

/* What the control thread left for worker 0 to do. */
static void
arp_job(struct worker *w, void *arg)
{
	struct arp *ar = w->w_nk->nk_arp;
	struct pkt *p;

	(void)arg;
	nk_lock(w->w_nk);
	announce_all(w, ar);
	while ((p = ar->ar_drop) != NULL) {
		ar->ar_drop = p->pkt_link;
		p->pkt_link = NULL;
		pkt_drop(w, p, DROP_ARP_TIMEOUT);
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct neigh *ne = ar->ar_bucket[i]; ne != NULL; ne = ne->ne_next)
			if (ne->ne_valid && ne->ne_hold != NULL)
				held_send(w, ne);
	nk_unlock(w->w_nk);
}

int
arp_set(struct nk *nk, const struct addr *a, const uint8_t mac[6])
{
	struct ifnet *ifp;
	struct neigh *ne;

	if (a->ad_af != AF_INET || a->ad_u32[1] != 0 || a->ad_u64[1] != 0 ||
	    (mac[0] & 1) || memcmp(mac, ether_none, 6) == 0)
		return EINVAL;
	if ((ifp = link_of(nk, a)) == NULL || addr_of_if(ifp, a))
		return ENETUNREACH;
	if ((ne = neigh_get(nk, ifp, a)) == NULL)
		return ENOSPC;
	if ((ne = neigh_with_mac(nk, ne, mac)) == NULL)
		return ENOSPC;
	timer_clear(&nk->nk_wheel, &ne->ne_timer);
	ne->ne_permanent = 1;
	neigh_set(nk, ne, NEIGH_REACHABLE);
	atomic_store_explicit(&ne->ne_valid, 1, memory_order_release);
	if (ne->ne_hold != NULL)
		(void)worker_post(arp_worker(nk), arp_job, NULL);
	return 0;
}

int
arp_delete(struct nk *nk, const struct addr *a)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct neigh *ne = nk->nk_arp->ar_bucket[i]; ne != NULL;
		    ne = ne->ne_next)
			if (addr_equal(&ne->ne_addr, a)) {
				held_drop_later(nk, ne);
				neigh_remove(nk, ne);
				return 0;
			}
	return ENOENT;
}

void
arp_flush_if(struct nk *nk, struct ifnet *ifp)
{
	for (unsigned i = 0; nk->nk_arp != NULL && i < BUCKETS; i++) {
		struct neigh *ne, *next;

		for (ne = nk->nk_arp->ar_bucket[i]; ne != NULL; ne = next) {
			next = ne->ne_next;
			if (ne->ne_if != ifp)
				continue;
			held_drop_later(nk, ne);
			neigh_remove(nk, ne);
		}
	}
}

void
arp_walk(struct nk *nk, void (*fn)(void *, const struct neigh *), void *arg)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct neigh *ne = nk->nk_arp->ar_bucket[i]; ne != NULL;
		    ne = ne->ne_next)
			fn(arg, ne);
}
