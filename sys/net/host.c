/* SPDX-License-Identifier: ISC */
/*
 * Packets to and from Linux (see host.h).
 */
#include "net/host.h"

#include <string.h>

#include "net/ether.h"
#include "netinet/ip.h"
#include "pf/explain.h"

/* ---- life ---- */

/* Linux has its own loopback. */
static void
tell_all(struct nk *nk, struct ifnet *host, bool add)
{
	for (unsigned i = 0; i < IF_MAX; i++) {
		const struct ifnet *ifp = nk->nk_ifs->it_if[i];

		if (ifp == NULL || (ifp->if_flags & IF_F_LOOPBACK) || host->if_ops == NULL ||
		    host->if_ops->io_addr == NULL)
			continue;
		for (unsigned j = 0; j < ifp->if_naddrs; j++)
			host->if_ops->io_addr(host, &ifp->if_addr[j], add);
	}
}

void
host_attach(struct nk *nk, struct ifnet *host)
{
	EPOCH_PUBLISH(nk->nk_ifs->it_host, host);
	tell_all(nk, host, true);
}

void
host_detach(struct nk *nk, struct ifnet *host)
{
	if (nk->nk_ifs->it_host != host)
		return;
	tell_all(nk, host, false);
	EPOCH_PUBLISH(nk->nk_ifs->it_host, NULL);
}

void
host_addr(struct nk *nk, const struct ifnet *ifp, const struct if_addr *ia, bool add)
{
	struct ifnet *host = nk->nk_ifs->it_host;

	if (host != NULL && (ifp->if_flags & IF_F_LOOPBACK) == 0 &&
	    host->if_ops->io_addr != NULL)
		host->if_ops->io_addr(host, ia, add);
}

/* ---- to Linux ---- */

/*
 * What Linux sent itself does not come back to it.  Until policy is in force
 * there are no rules either that would keep the world from it.
 */
bool
host_takes(const struct worker *w, const struct pkt *p)
{
	const struct ifnet *host = EPOCH_READ(w->w_nk->nk_ifs->it_host);

	return host != NULL && (host->if_flags & IF_F_UP) && (p->pkt_flags & PKT_F_HOST) == 0 &&
	    !__atomic_load_n(&w->w_nk->nk_policy_wait, __ATOMIC_RELAXED);
}

void
host_output(struct worker *w, struct pkt *p)
{
	struct ifnet *host = EPOCH_READ(w->w_nk->nk_ifs->it_host);
	uint8_t *eth;

	if (w->w_nk->nk_explain != NULL) {
		explain_host(w, p);
		return;
	}
	if (host == NULL || pkt_headroom(p) < ETHER_HLEN) {
		pkt_drop(w, p, host == NULL ? DROP_IF_DOWN : DROP_NOBUF);
		return;
	}
	eth = pkt_push(p, ETHER_HLEN);
	memcpy(eth, host->if_peer, 6);
	memcpy(eth + 6, host->if_mac, 6);
	eth[12] = 0x08;
	eth[13] = 0x00;
	if_output(w, host, p);
}

void
host_output_vec(struct worker *w, struct pktvec *v)
{
	struct pktvec out = { .pv_n = 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];

		if (p->pkt_proto != IPPROTO_TCP || !host_takes(w, p)) {
			v->pv_pkt[n++] = p;
			continue;
		}
		p->pkt_oif = EPOCH_READ(w->w_nk->nk_ifs->it_host);
		p->pkt_neigh = NULL;
		pktvec_add(&out, p);
	}
	v->pv_n = n;
	gro_merge(w, &out);
	for (unsigned i = 0; i < out.pv_n; i++)
		host_output(w, out.pv_pkt[i]);
}

/* ---- from Linux ---- */

/* Marked as made here before anybody looks at it: fragments may be joined elsewhere. */
static enum drop_reason
frame(struct ifnet *host, struct pkt *p)
{
	if (p->pkt_len < ETHER_HLEN)
		return DROP_ETH_SHORT;
	if (p->pkt_data[12] != 0x08 || p->pkt_data[13] != 0x00)
		return DROP_ETH_PROTO;
	pkt_pull(p, ETHER_HLEN);
	p->pkt_ifp = host;
	p->pkt_flags |= PKT_F_HOST | PKT_F_LOCAL_OUT | PKT_F_TTL_DONE;
	return DROP_NONE;
}

void
host_input(struct worker *w, struct ifnet *host, struct pktvec *v)
{
	struct pktvec ready = { .pv_n = 0 };

	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];
		enum drop_reason why = frame(host, p);

		if (why != DROP_NONE) {
			counter_add(&host->if_count[w->w_id].ic_idrops, 1);
			pkt_drop(w, p, why);
		} else if ((p = ip_input_one(w, p)) != NULL)
			pktvec_add(&ready, p);
	}
	v->pv_n = 0;
	if (ready.pv_n != 0)
		ip_flow(w, &ready);
}
