/* SPDX-License-Identifier: ISC */
/*
 * Ethernet (RFC 894): frames in, sorted by type; packets out behind the
 * header of their neighbour.
 */
#include <string.h>

#include "net/arp.h"
#include "net/ether.h"
#include "netinet/ip.h"

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_ARP	0x0806

static inline unsigned
ether_type(const struct pkt *p)
{
	return (unsigned)p->pkt_data[12] << 8 | p->pkt_data[13];
}

/*
 * The frame is for this station, or for many.  Marks the latter.
 */
static inline bool
ether_for_us(const struct ifnet *ifp, struct pkt *p)
{
	if (p->pkt_data[0] & 1) {
		p->pkt_flags |= PKT_F_BCAST;
		return true;
	}
	return memcmp(p->pkt_data, ifp->if_mac, 6) == 0;
}

static enum drop_reason
ether_check(const struct ifnet *ifp, struct pkt *p)
{
	if (p->pkt_len < ETHER_HLEN)
		return DROP_ETH_SHORT;
	if ((ifp->if_flags & IF_F_UP) == 0)
		return DROP_IF_DOWN;
	if (!ether_for_us(ifp, p))
		return DROP_ETH_NOTOURS;
	return DROP_NONE;
}

static enum drop_reason
ether_input_one(struct worker *w, struct ifnet *ifp, struct pkt *p, struct pktvec *ip)
{
	enum drop_reason why = ether_check(ifp, p);
	unsigned type;

	if (why != DROP_NONE)
		return why;
	type = ether_type(p);
	p->pkt_ifp = ifp;
	pkt_pull(p, ETHER_HLEN);
	if (type == ETHERTYPE_IPV4)
		pktvec_add(ip, p);
	else if (type == ETHERTYPE_ARP)
		arp_input(w, p);
	else
		return DROP_ETH_PROTO;
	return DROP_NONE;
}

void
ether_input(struct worker *w, struct ifnet *ifp, struct pktvec *v)
{
	struct pktvec ip;

	ip.pv_n = 0;
	for (unsigned i = 0; i < v->pv_n; i++)
		__builtin_prefetch(v->pv_pkt[i]->pkt_data);
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];
		enum drop_reason why = ether_input_one(w, ifp, p, &ip);

		if (why != DROP_NONE) {
			counter_add(&ifp->if_count[w->w_id].ic_idrops, 1);
			pkt_drop(w, p, why);
		}
	}
	v->pv_n = 0;
	if (ip.pv_n != 0)
		ip_input(w, &ip);
}

void
ether_output(struct worker *w, struct pkt *p)
{
	struct neigh *ne = p->pkt_neigh;

	if (ne == NULL) {
		pkt_drop(w, p, DROP_IP_NOROUTE);
		return;
	}
	if (!atomic_load_explicit(&ne->ne_valid, memory_order_acquire)) {
		arp_resolve(w, ne, p);
		return;
	}
	if (!atomic_load_explicit(&ne->ne_used, memory_order_relaxed))
		atomic_store_explicit(&ne->ne_used, 1, memory_order_relaxed);
	if (pkt_headroom(p) < ETHER_HLEN) {
		pkt_drop(w, p, DROP_NOBUF);
		return;
	}
	memcpy(pkt_push(p, ETHER_HLEN), ne->ne_eth, ETHER_HLEN);
	if_output(w, ne->ne_if, p);
}
