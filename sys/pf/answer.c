/* SPDX-License-Identifier: ISC */
/*
 * What a blocked packet is answered: `block return'.
 *
 * An RST answers a segment as a host without the connection would
 * (RFC 9293 section 3.5.2): from its acknowledgement number if it has one,
 * else acknowledging all of it.  No RST is answered.  Everything else gets
 * ICMP destination unreachable, except ICMP itself; icmp_error() limits the
 * rate and refuses broadcasts (RFC 1122 section 3.2.2).
 */
#include <arpa/inet.h>

#include "libutil/cur.h"
#include "netinet/ip.h"
#include "pf/pfvar.h"

#define ICMP_UNREACH	3
#define CODE_PORT	3
#define TH_FIN		0x01
#define TH_SYN		0x02
#define TH_RST		0x04
#define TH_ACK		0x10
#define TCP_HLEN	20
#define IP_HLEN		20

struct rst {
	uint32_t	rs_seq, rs_ack;
	uint8_t		rs_flags;
};

/* False: not to be answered. */
static bool
rst_for(const struct pkt *p, struct rst *r)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	uint32_t seq, ack, len;
	uint8_t off, flags;

	if (p->pkt_l4 == NULL || (p->pkt_flags & PKT_F_BCAST))
		return false;
	cur_skip(&c, (size_t)(p->pkt_l4 - p->pkt_data));
	len = (uint32_t)cur_left(&c);
	cur_skip(&c, 4);
	seq = cur_u32(&c);
	ack = cur_u32(&c);
	off = (uint8_t)((cur_u8(&c) >> 4) * 4);
	flags = cur_u8(&c);
	if (!cur_ok(&c) || off < TCP_HLEN || off > len || (flags & TH_RST))
		return false;
	if (flags & TH_ACK) {
		*r = (struct rst){ .rs_seq = ack, .rs_flags = TH_RST };
		return true;
	}
	len -= off;
	len += ((flags & TH_SYN) != 0) + ((flags & TH_FIN) != 0);
	*r = (struct rst){ .rs_ack = seq + len, .rs_flags = TH_RST | TH_ACK };
	return true;
}

static void
send_rst(struct worker *w, const struct pkt *p, uint8_t ttl)
{
	const struct flow_key *k = &p->pkt_key;
	struct flow_key back = *k;
	struct wcur wc;
	struct rst r;
	struct pkt *q;
	uint32_t sum;

	if (p->pkt_af != AF_INET || !rst_for(p, &r) ||
	    (q = pkt_alloc(w, IP_HLEN + TCP_HLEN)) == NULL)
		return;
	wc = wcur_init(q->pkt_data, TCP_HLEN);
	wcur_put(&wc, &k->fk_dport, 2);
	wcur_put(&wc, &k->fk_sport, 2);
	wcur_u32(&wc, r.rs_seq);
	wcur_u32(&wc, r.rs_ack);
	wcur_u8(&wc, TCP_HLEN / 4 << 4);
	wcur_u8(&wc, r.rs_flags);
	wcur_zero(&wc, 6);	/* window, checksum, urgent */
	q->pkt_len = TCP_HLEN;
	back.fk_src4 = k->fk_dst4;
	back.fk_dst4 = k->fk_src4;
	sum = in_sum(q->pkt_data, TCP_HLEN, in_pseudo(&back, TCP_HLEN));
	wc = wcur_init(q->pkt_data + 16, 2);
	wcur_put(&wc, &(uint16_t){ in_fold(sum) }, 2);
	ip_header(q, (struct in_addr){ k->fk_dst4 }, (struct in_addr){ k->fk_src4 },
	    IPPROTO_TCP, ttl != 0 ? ttl : (uint8_t)w->w_nk->nk_ttl, 0, true, 0);
	q->pkt_flags |= PKT_F_UNFILTERED;
	counter_add(&w->w_count[CNT_PF_ANSWER], 1);
	ip_send(w, q);
}

void
pf_answer(struct worker *w, const struct pkt *p, const struct pf_verdict *pv)
{
	uint8_t code = pv->pv_return == PF_RETURN_ICMP ? pv->pv_ret_code : CODE_PORT;

	if (p->pkt_proto == IPPROTO_TCP && pv->pv_return != PF_RETURN_ICMP) {
		send_rst(w, p, pv->pv_ret_ttl);
		return;
	}
	if (p->pkt_proto == IPPROTO_ICMP || pv->pv_return == PF_RETURN_RST)
		return;
	counter_add(&w->w_count[CNT_PF_ANSWER], 1);
	icmp_error(w, p, ICMP_UNREACH, code, 0);
}
