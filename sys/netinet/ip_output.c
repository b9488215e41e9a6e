/* SPDX-License-Identifier: ISC */
/*
 * IPv4 packets on their way out: time to live, path MTU, fragments, and the
 * headers of what this host sends itself.
 */
#include "net/ether.h"
#include "net/fib.h"
#include "netinet/ip.h"
#include "netinet/wire.h"
#include "pf/explain.h"
#include "pf/flow.h"

/* One less in a word means one more in the sum's complement (RFC 1141). */
static inline void
ttl_decrement(uint8_t *ip)
{
	uint32_t sum = be16(ip + IPH_SUM) + 0x0100u;

	ip[IPH_TTL]--;
	put16(ip + IPH_SUM, (uint16_t)(sum + (sum >= 0xffff)));
}

bool
ip_ttl(struct worker *w, struct pkt *p)
{
	if (p->pkt_flags & (PKT_F_LOCAL_OUT | PKT_F_TTL_DONE))
		return true;
	if (p->pkt_data[IPH_TTL] <= 1) {
		icmp_error(w, p, ICMPT_TIMXCEED, ICMPC_TTL, 0);
		pkt_drop(w, p, DROP_IP_TTL);
		return false;
	}
	ttl_decrement(p->pkt_data);
	p->pkt_flags |= PKT_F_TTL_DONE;
	return true;
}

/* The largest packet for the way that was chosen; or that the program wants. */
static uint16_t
path_mtu(const struct pkt *p)
{
	uint16_t mtu = p->pkt_oif->if_mtu;
	const struct flow_dir *fd;

	if ((p->pkt_flags & PKT_F_LOCAL_OUT) && p->pkt_frag_max != 0 && p->pkt_frag_max < mtu)
		mtu = p->pkt_frag_max;
	if (p->pkt_flow == NULL)
		return mtu;
	fd = &p->pkt_flow->fl_dir[p->pkt_dir];
	if (fd->fd_next == PKT_NEXT_FORWARD && fd->fd_oif == p->pkt_oif &&
	    fd->fd_mtu != 0 && fd->fd_mtu < mtu)
		mtu = fd->fd_mtu;
	return mtu;
}

/* Bytes of the largest packet that will be on the wire. */
static uint32_t
wire_len(const struct pkt *p)
{
	uint32_t headers;

	if (p->pkt_gso_size == 0 || p->pkt_l4 == NULL)
		return p->pkt_len;
	headers = (uint32_t)(p->pkt_l4 - p->pkt_data) + (p->pkt_gso == PKT_GSO_UDP ?
	    UDP_HLEN : (p->pkt_l4[TCP_OFF] >> 4) * 4u);
	return headers + p->pkt_gso_size;
}

/* Segments that are too big themselves: first those, then fragments of each. */
static void
output_segments(struct worker *w, struct pkt *p, uint16_t mtu)
{
	struct gso_state gs = { 0 };
	struct pktvec cut;
	bool done;

	do {
		cut.pv_n = 0;
		done = gso_segment(w, p, &gs, &cut);
		for (unsigned i = 0; i < cut.pv_n; i++) {
			if (cut.pv_pkt[i]->pkt_len <= mtu)
				ether_output(w, cut.pv_pkt[i]);
			else
				frag_output(w, cut.pv_pkt[i], mtu);
		}
	} while (!done);
	pkt_free(w, p);
}

/* Too big as it is: cut it up, or say so. */
static void
output_too_big(struct worker *w, struct pkt *p, uint16_t mtu)
{
	bool df = (be16(p->pkt_data + IPH_OFF) & IPOFF_DF) != 0;

	if (df && (p->pkt_frag_max == 0 || p->pkt_frag_max > mtu)) {
		icmp_error(w, p, ICMPT_UNREACH, ICMPC_NEEDFRAG, mtu);
		pkt_drop(w, p, DROP_IP_CANTFRAG);
		return;
	}
	if (p->pkt_frag_max != 0 && p->pkt_frag_max < mtu)
		mtu = p->pkt_frag_max;
	if (p->pkt_gso_size != 0)
		output_segments(w, p, mtu);
	else
		frag_output(w, p, mtu);
}

void
ip_output(struct worker *w, struct pkt *p)
{
	uint16_t mtu;

	if (p->pkt_oif == NULL || p->pkt_neigh == NULL) {
		pkt_drop(w, p, DROP_IP_NOROUTE);
		return;
	}
	if (!ip_ttl(w, p))
		return;
	counter_add(&w->w_count[(p->pkt_flags & PKT_F_LOCAL_OUT) ? CNT_IP_SENT : CNT_IP_FORWARDED], 1);
	mtu = path_mtu(p);
	if (wire_len(p) <= mtu)
		ether_output(w, p);
	else
		output_too_big(w, p, mtu);
}

void
ip_output_vec(struct worker *w, struct pktvec *v)
{
	gro_merge(w, v);
	for (unsigned i = 0; i < v->pv_n; i++)
		ip_output(w, v->pv_pkt[i]);
	v->pv_n = 0;
}

/* ---- packets made here ---- */

void
ip_header(struct pkt *p, struct in_addr src, struct in_addr dst, uint8_t proto,
    uint8_t ttl, uint8_t tos, bool df, uint16_t id)
{
	uint8_t *ip = pkt_push(p, IP_HLEN);

	ip[0] = 0x45;
	ip[IPH_TOS] = tos;
	put16(ip + IPH_LEN, (uint16_t)p->pkt_len);
	put16(ip + IPH_ID, id);
	put16(ip + IPH_OFF, df ? IPOFF_DF : 0);
	ip[IPH_TTL] = ttl;
	ip[IPH_PROTO] = proto;
	put16(ip + IPH_SUM, 0);
	memcpy(ip + IPH_SRC, &src, 4);
	memcpy(ip + IPH_DST, &dst, 4);
	set16(ip + IPH_SUM, in_fold(in_sum(ip, IP_HLEN, 0)));
	p->pkt_af = AF_INET;
	p->pkt_proto = proto;
}

enum drop_reason
ip_made(struct pkt *p)
{
	unsigned hlen;

	p->pkt_flags |= PKT_F_LOCAL_OUT | PKT_F_TTL_DONE;
	p->pkt_ifp = NULL;
	if (p->pkt_len >= IP_HLEN && (hlen = ip_hlen(p->pkt_data)) <= p->pkt_len) {
		put16(p->pkt_data + IPH_SUM, 0);
		set16(p->pkt_data + IPH_SUM, in_fold(in_sum(p->pkt_data, hlen, 0)));
	}
	return ip_parse(p);
}

void
ip_send(struct worker *w, struct pkt *p)
{
	struct pktvec one = { .pv_n = 1, .pv_pkt = { p } };
	enum drop_reason why;

	if (w->w_nk->nk_explain != NULL) {
		explain_answer(w, p);
		return;
	}
	if ((why = ip_made(p)) != DROP_NONE)
		pkt_drop(w, p, why);
	else
		ip_flow(w, &one);
}
