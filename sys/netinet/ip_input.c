/* SPDX-License-Identifier: ISC */
/*
 * IPv4 packets on their way through the router.
 *
 *	ip_input	checks and parses each, collects fragments
 *	ip_flow		asks pf_flow() for all, and sorts them:
 *			  for this host  ip_deliver(), or host_output_vec()
 *			  ESP for us     ipsec_input(), as one vector
 *			  to protect     ipsec_output(), as one vector
 *			  to forward     ip_output_vec()
 *
 * Inner packets of a tunnel come back to ip_input() from ipsec_input();
 * w_depth bounds how often, so that a peer cannot nest its way through the
 * stack (the kernel's, that is: the C one).
 */
#include "net/fib.h"
#include "net/host.h"
#include "netinet/frag.h"
#include "netinet/icmp.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"
#include "pf/flow.h"

#define DEPTH_MAX	4

/* The next stages of one vector. */
struct sorted {
	struct pktvec	so_esp;
	unsigned	so_supers;	/* of so_esp: super-packets of ESP in UDP */
	struct pktvec	so_protect;
	struct pktvec	so_forward;
	struct pktvec	so_local;
};

/*
 * A frame that the link addressed to many may only hold a packet that is
 * addressed to many too (RFC 1122 3.3.6).
 */
static bool
broadcast_matches(struct nk *nk, const struct pkt *p)
{
	struct addr dst = addr_v4((struct in_addr){ p->pkt_key.fk_dst4 });
	bool yes = dst.ad_v4.s_addr == INADDR_BROADCAST;

	if (!yes) {
		nk_lock(nk);
		yes = if_is_broadcast(nk, &dst);
		nk_unlock(nk);
	}
	return yes;
}

/* Multicast is not routed, and nothing here listens to a group. */
static enum drop_reason
destination_check(struct worker *w, const struct pkt *p)
{
	if (p->pkt_data[IPH_DST] >> 4 == 14)
		return DROP_IP_BROADCAST;
	if ((p->pkt_flags & PKT_F_BCAST) && !broadcast_matches(w->w_nk, p))
		return DROP_IP_BROADCAST;
	return DROP_NONE;
}

struct pkt *
ip_input_one(struct worker *w, struct pkt *p)
{
	enum drop_reason why = ip_parse(p);

	if (why == DROP_NONE)
		why = destination_check(w, p);
	if (why != DROP_NONE) {
		pkt_drop(w, p, why);
		return NULL;
	}
	if (p->pkt_l4 != NULL)
		return p;
	if ((p = frag_input(w, p)) == NULL)
		return NULL;
	if ((why = ip_parse(p)) != DROP_NONE) {
		pkt_drop(w, p, why);
		return NULL;
	}
	return p;
}

static void
drop_all(struct worker *w, struct pktvec *v, enum drop_reason why)
{
	for (unsigned i = 0; i < v->pv_n; i++)
		pkt_drop(w, v->pv_pkt[i], why);
	v->pv_n = 0;
}

void
ip_input(struct worker *w, struct pktvec *v)
{
	struct pktvec ready, esp;
	unsigned received = 0, super = 0;

	if (w->w_depth >= DEPTH_MAX) {
		drop_all(w, v, DROP_IP_NESTED);
		return;
	}
	ready.pv_n = esp.pv_n = 0;
	w->w_depth++;
	for (unsigned i = 0; i < v->pv_n; i++) {
		struct pkt *p = v->pv_pkt[i];

		if (i + 2 < v->pv_n) {
			__builtin_prefetch(&v->pv_pkt[i + 2]->pkt_key, 1);
			__builtin_prefetch(v->pv_pkt[i + 2]->pkt_data);
		}
		/* a fragment that another worker handed over was counted there */
		received += p->pkt_stage != HANDOVER_FRAG;
		super += p->pkt_gso_size != 0;
		if (esp_again(w, p))
			pktvec_add(&esp, p);
		else if ((p = ip_input_one(w, p)) != NULL)
			pktvec_add(&ready, p);
	}
	v->pv_n = 0;
	counter_add(&w->w_count[CNT_IP_RECEIVED], received);
	counter_add(&w->w_count[CNT_GSO_IN], super);
	counter_add(&w->w_count[CNT_IP_DELIVERED], esp.pv_n);
	if (esp.pv_n != 0)
		ipsec_input(w, &esp);
	if (ready.pv_n != 0)
		ip_flow(w, &ready);
	w->w_depth--;
}

/* ---- sorting ---- */

static bool
esp_super(const struct pkt *p)
{
	return p->pkt_gso_size != 0 && p->pkt_proto == IPPROTO_UDP;
}

/* All of so_esp, in order. */
static void
esp_sorted(struct worker *w, struct sorted *so)
{
	struct pktvec *v = &so->so_esp, run;

	if (so->so_supers == 0) {
		ipsec_input(w, v);
		return;
	}
	run.pv_n = 0;
	for (unsigned i = 0; i < v->pv_n; i++) {
		if (!esp_super(v->pv_pkt[i])) {
			pktvec_add(&run, v->pv_pkt[i]);
			continue;
		}
		if (run.pv_n != 0)
			ipsec_input(w, &run);
		natt_super(w, v->pv_pkt[i]);
	}
	if (run.pv_n != 0)
		ipsec_input(w, &run);
	v->pv_n = so->so_supers = 0;
}

/* Full vectors go on at once; the rest at the end. */
static void
esp_add(struct worker *w, struct sorted *so, struct pkt *p)
{
	if (pktvec_full(&so->so_esp))
		esp_sorted(w, so);
	pktvec_add(&so->so_esp, p);
	so->so_supers += esp_super(p);
}

/* An ordinary UDP packet on a port that carries ESP (RFC 3948). */
static void
natt_sort(struct worker *w, struct sorted *so, struct pkt *p)
{
	enum drop_reason why = udp_check(p);

	if (why != DROP_NONE) {
		pkt_drop(w, p, why);
		return;
	}
	switch (natt_input(w, p)) {
	case PKT_NEXT_ESP:
		esp_add(w, so, p);
		break;
	case PKT_NEXT_LOCAL:
		ip_deliver(w, p);
		break;
	default:
		break;
	}
}

/* A UDP super-packet is many datagrams: fn takes each; so may be NULL. */
static void
each_datagram(struct worker *w, struct sorted *so, struct pkt *p,
    void (*fn)(struct worker *, struct sorted *, struct pkt *))
{
	/* They go no further than this host, which knows their sum to be right. */
	struct gso_state gs = { .gs_nosum = true };
	struct pktvec cut;
	bool done;

	if (gso_left(p, &gs) == 0) {
		pkt_drop(w, p, DROP_UDP_BAD);
		return;
	}
	do {
		cut.pv_n = 0;
		done = gso_segment(w, p, &gs, &cut);
		for (unsigned i = 0; i < cut.pv_n; i++) {
			enum drop_reason why = ip_parse(cut.pv_pkt[i]);

			if (why != DROP_NONE)
				pkt_drop(w, cut.pv_pkt[i], why);
			else
				fn(w, so, cut.pv_pkt[i]);
		}
	} while (!done);
	pkt_free(w, p);
}

static void
local_sort(struct worker *w, struct sorted *so, struct pkt *p)
{
	counter_add(&w->w_count[CNT_IP_DELIVERED], 1);
	if (p->pkt_proto == IPPROTO_ESP) {
		p->pkt_gso_size = 0;		/* there is no such super-packet */
		esp_keep(w, p);
		esp_add(w, so, p);
	} else if (p->pkt_proto != IPPROTO_UDP || !udp_is_natt(w->w_nk, p->pkt_key.fk_dport))
		pktvec_add(&so->so_local, p);
	else if (p->pkt_gso_size == 0)
		natt_sort(w, so, p);
	else if (natt_all_esp(p))
		esp_add(w, so, p);
	else
		each_datagram(w, so, p, natt_sort);
}

static void
sort_one(struct worker *w, struct sorted *so, struct pkt *p, enum pkt_next next)
{
	switch (next) {
	case PKT_NEXT_FORWARD:
		pktvec_add(&so->so_forward, p);
		break;
	case PKT_NEXT_PROTECT:
		if (ip_ttl(w, p))
			pktvec_add(&so->so_protect, p);
		break;
	case PKT_NEXT_LOCAL:
		local_sort(w, so, p);
		break;
	case PKT_NEXT_ESP:
		counter_add(&w->w_count[CNT_IP_DELIVERED], 1);
		esp_add(w, so, p);
		break;
	case PKT_NEXT_INNER:
	case PKT_NEXT_DONE:
		break;
	}
}

void
ip_flow(struct worker *w, struct pktvec *v)
{
	enum pkt_next next[PKT_VEC_MAX];
	struct sorted so;

	so.so_esp.pv_n = so.so_supers = so.so_protect.pv_n = 0;
	so.so_forward.pv_n = so.so_local.pv_n = 0;
	pf_flow(w, v, next);
	for (unsigned i = 0; i < v->pv_n; i++)
		sort_one(w, &so, v->pv_pkt[i], next[i]);
	v->pv_n = 0;
	/* Before anything that may end a flow: these still use pkt_flow. */
	if (so.so_forward.pv_n != 0)
		ip_output_vec(w, &so.so_forward);
	if (so.so_protect.pv_n != 0)
		ipsec_output(w, &so.so_protect);
	if (so.so_esp.pv_n != 0)
		esp_sorted(w, &so);
	if (so.so_local.pv_n != 0)
		host_output_vec(w, &so.so_local);
	for (unsigned i = 0; i < so.so_local.pv_n; i++)
		ip_deliver(w, so.so_local.pv_pkt[i]);
}

/* ---- for this host ---- */

static void
deliver_datagram(struct worker *w, struct sorted *so, struct pkt *p)
{
	(void)so;
	udp_input(w, p);
}

void
ip_deliver(struct worker *w, struct pkt *p)
{
	struct pktvec one = { .pv_n = 1, .pv_pkt = { p } };

	switch (p->pkt_proto) {
	case IPPROTO_ICMP:
		icmp_input(w, p);
		break;
	case IPPROTO_UDP:
		if (p->pkt_gso_size != 0)
			each_datagram(w, NULL, p, deliver_datagram);
		else
			udp_input(w, p);
		break;
	case IPPROTO_ESP:
		ipsec_input(w, &one);
		break;
	default:
		if (host_takes(w, p)) {
			host_output(w, p);
			break;
		}
		icmp_error(w, p, ICMPT_UNREACH, ICMPC_PROTO, 0);
		pkt_drop(w, p, DROP_IP_PROTO);
		break;
	}
}
