/* SPDX-License-Identifier: ISC */
/*
 * Interfaces: their table, addresses, and the way of frames in and out.
 *
 * Life: if_create() opens the driver and shows the interface to workers by
 * publishing its slot in it_if; if_destroy() takes it out, brings every
 * worker to a stand (so that none is inside the driver), closes the driver
 * and keeps the structure in it_dead, because packets that wait for an
 * address or an SA may still name it.
 *
 * Locks: all changes under nk_lock.  if_output(), if_flush() and if_poll()
 * take none; a worker touches only its own queue and counters.
 */
#include "net/host.h"
#include "net/if.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/arp.h"
#include "net/capture.h"
#include "net/ether.h"
#include "net/fib.h"
#include "net/if_ctl.h"
#include "netinet/ip.h"

#define MTU_MIN		68		/* RFC 791 */
#define MTU_MAX		65535
#define MTU_DEFAULT	1500

/* ---- names ---- */

/* Letters, then a number: "em0". Fills the group, "em". */
static bool
ifname_check(const char *name, char group[IFNAME_MAX])
{
	size_t i, n = strnlen(name, IFNAME_MAX);
	size_t letters = 0;

	if (n == 0 || n == IFNAME_MAX)
		return false;
	while (name[letters] >= 'a' && name[letters] <= 'z')
		letters++;
	if (letters == 0 || letters == n)
		return false;
	for (i = letters; i < n; i++)
		if (name[i] < '0' || name[i] > '9')
			return false;
	memset(group, 0, IFNAME_MAX);
	memcpy(group, name, letters);
	return true;
}

struct ifnet *
if_find(struct nk *nk, const char *name)
{
	unsigned i;

	for (i = 0; i < IF_MAX; i++)
		if (nk->nk_ifs->it_if[i] != NULL &&
		    strcmp(nk->nk_ifs->it_if[i]->if_name, name) == 0)
			return nk->nk_ifs->it_if[i];
	return NULL;
}

static struct ifnet *
if_byindex(struct nk *nk, unsigned idx)
{
	if (idx == 0 || idx > IF_MAX)
		return NULL;
	return nk->nk_ifs->it_if[idx - 1];
}

/* ---- life ---- */

static void
if_release(struct ifnet *ifp)
{
	unsigned i;

	for (i = 0; i < NK_WORKERS_MAX; i++)
		free(ifp->if_txq[i]);
	free(ifp);
}

static struct ifnet *
if_alloc(struct nk *nk, const char *name, const struct if_ops *ops, const char *arg)
{
	struct ifnet *ifp = calloc(1, sizeof(*ifp));
	unsigned i;

	if (ifp == NULL)
		return NULL;
	ifp->if_nk = nk;
	ifp->if_driver = ifp->if_ops = ops;
	ifp->if_mtu = MTU_DEFAULT;
	snprintf(ifp->if_name, sizeof(ifp->if_name), "%s", name);
	snprintf(ifp->if_arg, sizeof(ifp->if_arg), "%s", arg);
	(void)ifname_check(name, ifp->if_group);
	for (i = 0; i < nk->nk_nworkers; i++) {
		ifp->if_txq[i] = calloc(1, sizeof(*ifp->if_txq[i]));
		if (ifp->if_txq[i] == NULL) {
			if_release(ifp);
			return NULL;
		}
	}
	return ifp;
}

/* Gives it the first free index and shows it to the workers; false: table full. */
static bool
if_publish(struct nk *nk, struct ifnet *ifp)
{
	struct if_table *it = nk->nk_ifs;
	unsigned i;

	for (i = 0; i < IF_MAX && it->it_if[i] != NULL; i++)
		continue;
	if (i == IF_MAX)
		return false;
	ifp->if_index = (uint16_t)(i + 1);
	EPOCH_PUBLISH(it->it_if[i], ifp);
	if (i + 1 > it->it_n)
		__atomic_store_n(&it->it_n, i + 1, __ATOMIC_RELEASE);
	nk_bump(nk);
	return true;
}

static bool
create_allowed(struct nk *nk, const char *name, const char *arg, char *err, size_t errlen)
{
	char group[IFNAME_MAX];

	if (!ifname_check(name, group)) {
		snprintf(err, errlen, "'%.20s' is no interface name: letters and a number, such as em0",
		    name);
		return false;
	}
	if (if_find(nk, name) != NULL) {
		snprintf(err, errlen, "%s: exists already; ifconfig %s destroy removes it",
		    name, name);
		return false;
	}
	if (strlen(arg) >= sizeof(((struct ifnet *)0)->if_arg)) {
		snprintf(err, errlen, "%s: argument of the driver is too long", name);
		return false;
	}
	return true;
}

struct ifnet *
if_create(struct nk *nk, const char *name, const struct if_ops *ops,
    const char *arg, char *err, size_t errlen)
{
	struct ifnet *ifp;
	int error;

	if (!create_allowed(nk, name, arg, err, errlen))
		return NULL;
	ifp = if_alloc(nk, name, ops, arg);
	if (ifp == NULL) {
		snprintf(err, errlen, "%s: out of memory", name);
		return NULL;
	}
	err[0] = '\0';
	error = ops->io_open(ifp, arg, nk->nk_nworkers, err, errlen);
	if (error != 0) {
		if (err[0] == '\0')
			snprintf(err, errlen, "%s: %s", name, strerror(error));
		if_release(ifp);
		return NULL;
	}
	ifp->if_flags |= IF_F_RUNNING;
	if (!if_publish(nk, ifp)) {
		snprintf(err, errlen, "%s: no more than %d interfaces", name, IF_MAX);
		ifp->if_ops->io_close(ifp);
		if_release(ifp);
		return NULL;
	}
	if (ifp->if_flags & IF_F_HOST)
		host_attach(nk, ifp);
	return ifp;
}

/* Frames that wait for a flush; workers stand still. */
static void
txq_discard(struct nk *nk, struct ifnet *ifp)
{
	struct pktvec *v;
	unsigned i, j;

	for (i = 0; i < nk->nk_nworkers; i++) {
		v = &ifp->if_txq[i]->tq_vec;
		for (j = 0; j < v->pv_n; j++)
			pkt_drop(nk->nk_worker[i], v->pv_pkt[j], DROP_IF_DOWN);
		v->pv_n = 0;
		nk->nk_worker[i]->w_txdirty &= ~(1ull << (ifp->if_index - 1));
	}
}

static void
if_bury(struct nk *nk, struct ifnet *ifp)
{
	EPOCH_PUBLISH(nk->nk_ifs->it_if[ifp->if_index - 1], NULL);
	if (ifp->if_ops != NULL && ifp->if_ops->io_close != NULL)
		ifp->if_ops->io_close(ifp);
	ifp->if_ops = NULL;
	ifp->if_flags = 0;
	ifp->if_naddrs = 0;
	ifp->if_next = nk->nk_ifs->it_dead;
	nk->nk_ifs->it_dead = ifp;
}

/* Linux is told of what goes with an interface. */
static void
host_leave(struct nk *nk, struct ifnet *ifp)
{
	host_detach(nk, ifp);
	for (unsigned i = 0; i < ifp->if_naddrs; i++)
		host_addr(nk, ifp, &ifp->if_addr[i], false);
}

int
if_destroy(struct nk *nk, struct ifnet *ifp)
{
	if (ifp == nk->nk_ifs->it_lo || ifp == nk->nk_ifs->it_enc)
		return EPERM;
	nk_stop_workers(nk);
	if (if_byindex(nk, ifp->if_index) != ifp) {	/* gone while we waited */
		nk_start_workers(nk);
		return ENOENT;
	}
	(void)capture_stop(nk, ifp->if_name);
	host_leave(nk, ifp);
	fib_delete_if(nk, ifp);
	arp_flush_if(nk, ifp);
	txq_discard(nk, ifp);
	if_bury(nk, ifp);
	nk_bump(nk);
	nk_start_workers(nk);
	return 0;
}

/* ---- lo0 and enc0 ---- */

/* What is sent to lo0 comes in on it. */
static void
lo_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct pktvec in = *v;
	unsigned i;

	(void)q;
	v->pv_n = 0;
	for (i = 0; i < in.pv_n; i++) {
		in.pv_pkt[i]->pkt_ifp = ifp;
		in.pv_pkt[i]->pkt_flags &= (uint16_t)~PKT_F_LOCAL_OUT;
		pkt_pull(in.pv_pkt[i], ETHER_HLEN);
	}
	ip_input(w, &in);
}

static const struct if_ops lo_ops = { .io_name = "lo", .io_tx = lo_tx };
static const struct if_ops enc_ops = { .io_name = "enc" };

static struct ifnet *
pseudo_create(struct nk *nk, const char *name, const struct if_ops *ops, uint16_t flags)
{
	struct ifnet *ifp = if_alloc(nk, name, ops, "");

	if (ifp == NULL)
		return NULL;
	ifp->if_flags = (uint16_t)(flags | IF_F_UP | IF_F_RUNNING);
	ifp->if_mtu = MTU_MAX;
	ifp->if_caps = IF_CAP_CSUM | IF_CAP_TSO | IF_CAP_USO;
	(void)if_publish(nk, ifp);
	return ifp;
}

int
if_init(struct nk *nk)
{
	struct in_addr home = { .s_addr = htonl(INADDR_LOOPBACK) };
	struct addr a = addr_v4(home);
	int error;

	nk->nk_ifs = calloc(1, sizeof(*nk->nk_ifs));
	if (nk->nk_ifs == NULL)
		return ENOMEM;
	nk->nk_ifs->it_lo = pseudo_create(nk, "lo0", &lo_ops, IF_F_LOOPBACK);
	nk->nk_ifs->it_enc = pseudo_create(nk, "enc0", &enc_ops, IF_F_ENC);
	error = nk->nk_ifs->it_lo == NULL || nk->nk_ifs->it_enc == NULL ? ENOMEM : 0;
	if (error == 0)
		error = if_addr_add(nk, nk->nk_ifs->it_lo, &a, 8);
	if (error == 0)
		error = if_ctl_init(nk);
	if (error != 0)
		if_fini(nk);
	return error;
}

void
if_fini(struct nk *nk)
{
	struct ifnet *ifp;
	unsigned i;

	for (i = 0; i < IF_MAX; i++)
		if ((ifp = nk->nk_ifs->it_if[i]) != NULL) {
			fib_delete_if(nk, ifp);
			arp_flush_if(nk, ifp);
			txq_discard(nk, ifp);
			if_bury(nk, ifp);
		}
	epoch_drain(&nk->nk_epoch);
	while ((ifp = nk->nk_ifs->it_dead) != NULL) {
		nk->nk_ifs->it_dead = ifp->if_next;
		if_release(ifp);
	}
	free(nk->nk_ifs);
	nk->nk_ifs = NULL;
}

/* ---- addresses ---- */

static int
addr_index(const struct ifnet *ifp, const struct addr *a)
{
	int i;

	for (i = 0; i < ifp->if_naddrs; i++)
		if (addr_equal(&ifp->if_addr[i].ia_addr, a))
			return i;
	return -1;
}

static void
addr_routes(struct ifnet *ifp, const struct addr *a, unsigned plen,
    struct route *local, struct route *net)
{
	*local = (struct route){ .rt_if = ifp, .rt_flags = RT_F_LOCAL };
	local->rt_dst.pr_addr = *a;
	local->rt_dst.pr_len = (uint8_t)addr_bits(a);
	*net = (struct route){ .rt_if = ifp, .rt_flags = RT_F_CONNECTED };
	net->rt_dst.pr_addr = *a;
	net->rt_dst.pr_len = (uint8_t)plen;
	addr_mask(&net->rt_dst.pr_addr, plen);
}

/* Another address of the interface in the same network keeps its route. */
static bool
net_shared(const struct ifnet *ifp, const struct addr *a, const struct prefix *net)
{
	unsigned i;

	for (i = 0; i < ifp->if_naddrs; i++)
		if (ifp->if_addr[i].ia_plen == net->pr_len &&
		    !addr_equal(&ifp->if_addr[i].ia_addr, a) &&
		    prefix_match(net, &ifp->if_addr[i].ia_addr))
			return true;
	return false;
}

static bool
addr_usable(const struct ifnet *ifp, const struct addr *a, unsigned plen)
{
	uint32_t v4 = ntohl(a->ad_v4.s_addr);

	if (a->ad_af != AF_INET || plen == 0 || plen > 32)
		return false;
	if (v4 >> 28 >= 0xe || v4 >> 24 == 0)	/* multicast, reserved, this net */
		return false;
	if (v4 >> 24 == 127 && (ifp->if_flags & IF_F_LOOPBACK) == 0)
		return false;
	if (plen < 31 && ((v4 << plen) == 0 || (v4 | ~(0xffffffffu << (32 - plen))) == v4))
		return false;			/* network and broadcast address */
	return true;
}

int
if_addr_add(struct nk *nk, struct ifnet *ifp, const struct addr *a, unsigned plen)
{
	struct route local, net;
	int error;

	if (!addr_usable(ifp, a, plen))
		return EINVAL;
	if (if_is_local(nk, a))
		return EEXIST;
	if (ifp->if_naddrs == IF_ADDRS_MAX)
		return ENOSPC;
	addr_routes(ifp, a, plen, &local, &net);
	error = fib_add(nk, &local);
	if (error != 0)
		return error;
	if (plen < 32 && !net_shared(ifp, a, &net.rt_dst)) {
		error = fib_add(nk, &net);
		if (error != 0) {
			(void)fib_delete(nk, &local.rt_dst, NULL);
			return error;
		}
	}
	ifp->if_addr[ifp->if_naddrs].ia_addr = *a;
	ifp->if_addr[ifp->if_naddrs].ia_plen = (uint8_t)plen;
	ifp->if_naddrs++;
	nk_bump(nk);
	host_addr(nk, ifp, &ifp->if_addr[ifp->if_naddrs - 1], true);
	if (ifp->if_flags & IF_F_UP)
		arp_announce(nk, ifp, a);
	return 0;
}

int
if_addr_del(struct nk *nk, struct ifnet *ifp, const struct addr *a)
{
	struct route local, net;
	int i = addr_index(ifp, a);

	if (i < 0)
		return ENOENT;
	addr_routes(ifp, a, ifp->if_addr[i].ia_plen, &local, &net);
	(void)fib_delete(nk, &local.rt_dst, NULL);
	if (net.rt_dst.pr_len < 32 && !net_shared(ifp, a, &net.rt_dst))
		(void)fib_delete(nk, &net.rt_dst, NULL);
	host_addr(nk, ifp, &ifp->if_addr[i], false);
	ifp->if_naddrs--;
	memmove(&ifp->if_addr[i], &ifp->if_addr[i + 1],
	    (size_t)(ifp->if_naddrs - i) * sizeof(ifp->if_addr[0]));
	nk_bump(nk);
	return 0;
}

bool
if_is_local(struct nk *nk, const struct addr *a)
{
	unsigned i;

	for (i = 0; i < IF_MAX; i++)
		if (nk->nk_ifs->it_if[i] != NULL &&
		    addr_index(nk->nk_ifs->it_if[i], a) >= 0)
			return true;
	return false;
}

static bool
broadcast_of(const struct ifnet *ifp, uint32_t v4)
{
	uint32_t mask;
	unsigned i;

	for (i = 0; i < ifp->if_naddrs; i++) {
		if (ifp->if_addr[i].ia_addr.ad_af != AF_INET ||
		    ifp->if_addr[i].ia_plen >= 31)
			continue;
		mask = 0xffffffffu << (32 - ifp->if_addr[i].ia_plen);
		if (v4 == (ntohl(ifp->if_addr[i].ia_addr.ad_v4.s_addr) | ~mask))
			return true;
	}
	return false;
}

bool
if_is_broadcast(struct nk *nk, const struct addr *a)
{
	uint32_t v4 = ntohl(a->ad_v4.s_addr);
	unsigned i;

	if (a->ad_af != AF_INET)
		return false;
	if (v4 == INADDR_BROADCAST)
		return true;
	for (i = 0; i < IF_MAX; i++)
		if (nk->nk_ifs->it_if[i] != NULL &&
		    broadcast_of(nk->nk_ifs->it_if[i], v4))
			return true;
	return false;
}

bool
if_source_for(struct nk *nk, struct ifnet *ifp, const struct addr *dst, struct addr *out)
{
	struct prefix net;
	unsigned i;
	int first = -1;

	(void)nk;
	for (i = 0; i < ifp->if_naddrs; i++) {
		if (ifp->if_addr[i].ia_addr.ad_af != dst->ad_af)
			continue;
		if (first < 0)
			first = (int)i;
		net = (struct prefix){ .pr_addr = ifp->if_addr[i].ia_addr,
		    .pr_len = ifp->if_addr[i].ia_plen };
		addr_mask(&net.pr_addr, net.pr_len);
		if (prefix_match(&net, dst)) {
			first = (int)i;
			break;
		}
	}
	if (first < 0)
		return false;
	*out = ifp->if_addr[first].ia_addr;
	return true;
}

/* ---- settings ---- */

/* Only IF_F_UP can be set; a destroyed or pseudo interface keeps its flags. */
int
if_set_flags(struct nk *nk, struct ifnet *ifp, uint16_t flags)
{
	uint16_t old = ifp->if_flags;

	if ((ifp->if_flags & IF_F_RUNNING) == 0)
		return ENXIO;
	ifp->if_flags = (uint16_t)((old & ~IF_F_UP) | (flags & IF_F_UP));
	if (ifp->if_flags == old)
		return 0;
	if ((ifp->if_flags & IF_F_UP) == 0)
		arp_flush_if(nk, ifp);
	else
		for (unsigned i = 0; i < ifp->if_naddrs; i++)
			arp_announce(nk, ifp, &ifp->if_addr[i].ia_addr);
	nk_bump(nk);
	return 0;
}

unsigned
if_mtu_most(struct ifnet *ifp)
{
	return ifp->if_ops == NULL || ifp->if_ops->io_mtu == NULL ? MTU_MAX :
	    ifp->if_ops->io_mtu(ifp);
}

int
if_set_mtu(struct nk *nk, struct ifnet *ifp, unsigned mtu)
{
	if (mtu < MTU_MIN || mtu > if_mtu_most(ifp))
		return EINVAL;
	ifp->if_mtu = (uint16_t)mtu;
	nk_bump(nk);
	return 0;
}

/* ---- frames ---- */

static void
if_send(struct worker *w, struct ifnet *ifp)
{
	struct pktvec *v = &ifp->if_txq[w->w_id]->tq_vec;
	struct if_counters *ic = &ifp->if_count[w->w_id];
	uint64_t bytes = 0;
	unsigned i;

	if (v->pv_n == 0)
		return;
	for (i = 0; i < v->pv_n; i++)
		bytes += v->pv_pkt[i]->pkt_len;
	counter_add(&ic->ic_opackets, v->pv_n);
	counter_add(&ic->ic_obytes, bytes);
	ifp->if_ops->io_tx(ifp, w->w_id, w, v);
	if (ifp->if_ops != &lo_ops)		/* lo0's may have been filled again */
		v->pv_n = 0;
}

/* A frame that the device takes as it is. */
static inline void
if_enqueue(struct worker *w, struct ifnet *ifp, struct pkt *p)
{
	struct pktvec *v = &ifp->if_txq[w->w_id]->tq_vec;

	if (__builtin_expect(atomic_load_explicit(&ifp->if_capture,
	    memory_order_relaxed), 0))
		capture_frame(w, ifp, p);
	if (pktvec_full(v))
		if_send(w, ifp);
	pktvec_add(v, p);
	w->w_txdirty |= 1ull << (ifp->if_index - 1);
}

/*
 * Cutting is for a device that makes the checksums, too: one that is finished
 * already, as of what a device has joined (LRO), says nothing of the pieces.
 */
static bool
can_gso(const struct ifnet *ifp, const struct pkt *p)
{
	return (p->pkt_flags & PKT_F_CSUM_PARTIAL) != 0 && (ifp->if_caps &
	    (p->pkt_gso == PKT_GSO_UDP ? IF_CAP_USO : IF_CAP_TSO)) != 0;
}

/* Cuts a super-packet for a device that cannot. Takes it. */
static void
if_segment(struct worker *w, struct ifnet *ifp, struct pkt *p)
{
	struct gso_state gs = { 0 };
	struct pktvec out;
	uint8_t eth[ETHER_HLEN];
	bool done;
	unsigned i;

	memcpy(eth, p->pkt_data, ETHER_HLEN);
	pkt_pull(p, ETHER_HLEN);
	do {
		out.pv_n = 0;
		done = gso_segment(w, p, &gs, &out);
		for (i = 0; i < out.pv_n; i++) {
			memcpy(pkt_push(out.pv_pkt[i], ETHER_HLEN), eth, ETHER_HLEN);
			if_enqueue(w, ifp, out.pv_pkt[i]);
		}
	} while (!done && out.pv_n != 0);
	pkt_free(w, p);
}

void
if_output(struct worker *w, struct ifnet *ifp, struct pkt *p)
{
	if ((ifp->if_flags & IF_F_UP) == 0 || ifp->if_ops == NULL ||
	    ifp->if_ops->io_tx == NULL) {
		counter_add(&ifp->if_count[w->w_id].ic_odrops, 1);
		pkt_drop(w, p, DROP_IF_DOWN);
		return;
	}
	if (p->pkt_gso_size != 0) {
		if (can_gso(ifp, p))
			if_enqueue(w, ifp, p);
		else
			if_segment(w, ifp, p);
		return;
	}
	/* Linux takes what is for this host, however big it is on the other side. */
	if (p->pkt_len > (uint32_t)ifp->if_mtu + ETHER_HLEN && (ifp->if_flags & IF_F_HOST) == 0) {
		counter_add(&ifp->if_count[w->w_id].ic_odrops, 1);
		pkt_drop(w, p, DROP_IF_OVERSIZE);
		return;
	}
	if ((p->pkt_flags & PKT_F_CSUM_PARTIAL) != 0 &&
	    (ifp->if_caps & IF_CAP_CSUM) == 0)
		csum_finish(p);
	if_enqueue(w, ifp, p);
}

void
if_flush(struct worker *w)
{
	struct ifnet *ifp;
	uint64_t m;

	while ((m = w->w_txdirty) != 0) {
		w->w_txdirty = m & (m - 1);
		ifp = w->w_nk->nk_ifs->it_if[__builtin_ctzll(m)];
		if_send(w, ifp);
	}
}

unsigned
if_poll(struct worker *w, struct ifnet *ifp)
{
	struct if_counters *ic = &ifp->if_count[w->w_id];
	struct pktvec v;
	uint64_t bytes = 0;
	unsigned i, n;

	v.pv_n = 0;
	n = ifp->if_ops->io_rx(ifp, w->w_id, w, &v);
	if (n == 0)
		return 0;
	counter_add(&ic->ic_ipackets, n);
	for (i = 0; i < v.pv_n; i++)
		bytes += v.pv_pkt[i]->pkt_len;
	counter_add(&ic->ic_ibytes, bytes);
	if (__builtin_expect(atomic_load_explicit(&ifp->if_capture,
	    memory_order_relaxed), 0))
		for (i = 0; i < v.pv_n; i++)
			capture_frame(w, ifp, v.pv_pkt[i]);
	if ((ifp->if_flags & IF_F_UP) == 0) {
		counter_add(&ic->ic_idrops, v.pv_n);
		for (i = 0; i < v.pv_n; i++)
			pkt_drop(w, v.pv_pkt[i], DROP_IF_DOWN);
		return n;
	}
	if (__builtin_expect(ifp->if_flags & IF_F_HOST, 0))
		host_input(w, ifp, &v);
	else
		ether_input(w, ifp, &v);
	return n;
}
