/* SPDX-License-Identifier: ISC */
/*
 * ICMP (RFC 792): echo, and errors about packets (RFC 1122 3.2.2, RFC 1812
 * 4.3.2).
 */
#include "net/fib.h"
#include "net/host.h"
#include "netinet/icmp.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"

#define COST_NS		(NSEC_PER_SEC / ICMP_ERROR_RATE)

/* ---- errors: whether ---- */

/*
 * A leaky bucket by its theoretical arrival time.  What one error costs
 * varies at random by a quarter, so that nobody can count from outside how
 * many errors this router sent to others (as port scans by its limit do).
 */
static bool
rate_allows(struct worker *w)
{
	uint64_t now = w->w_now.now_ns, tat = w->w_icmp_tat;
	uint32_t r;

	if (tat > now + (ICMP_ERROR_BURST - 1) * COST_NS)
		return false;
	nk_rand(w->w_nk, &r, sizeof(r));
	if (tat < now)
		tat = now;
	w->w_icmp_tat = tat + COST_NS * 3 / 4 + r % (COST_NS / 2);
	return true;
}

/* A packet that no error may be about (RFC 1122 3.2.2, RFC 1812 4.3.2.7). */
static bool
muted(struct worker *w, const struct pkt *p)
{
	const uint8_t *ip = p->pkt_data;
	struct addr dst = { .ad_af = AF_INET };
	unsigned hlen = ip_hlen(ip);

	memcpy(dst.ad_bytes, ip + IPH_DST, 4);
	if (p->pkt_flags & PKT_F_BCAST)
		return true;
	if (be16(ip + IPH_OFF) & IPOFF_MASK)
		return true;
	if (ip[IPH_DST] >= 224 || ip[IPH_SRC] == 0 || ip[IPH_SRC] == 127 ||
	    ip[IPH_SRC] >= 224 || if_is_broadcast(w->w_nk, &dst))
		return true;
	/* Nothing about an error; about what is not known, nothing either. */
	if (ip[IPH_PROTO] == IPPROTO_ICMP)
		return p->pkt_len <= hlen || (ip[hlen] != ICMPT_ECHO &&
		    ip[hlen] != ICMPT_ECHOREPLY && ip[hlen] != ICMPT_TSTAMP &&
		    ip[hlen] != ICMPT_TSREPLY);
	return false;
}

/*
 * The source of an error (RFC 1812 4.3.2.4): the address that the packet was
 * for, if it is ours; else ours on the way back to the sender.
 */
static bool
error_source(struct nk *nk, const struct pkt *p, struct addr *src)
{
	struct addr to = { .ad_af = AF_INET }, from = { .ad_af = AF_INET };
	struct nexthop nh;

	memcpy(to.ad_bytes, p->pkt_data + IPH_DST, 4);
	memcpy(from.ad_bytes, p->pkt_data + IPH_SRC, 4);
	if (if_is_local(nk, &to) || (p->pkt_flags & PKT_F_HOST)) {	/* net/host.h */
		*src = to;
		return true;
	}
	if (p->pkt_came_sa == NULL && p->pkt_ifp != NULL &&
	    if_source_for(nk, p->pkt_ifp, &from, src))
		return true;
	if (nexthop_find(nk, &from, &nh) != DROP_NONE || nh.nh_if == NULL)
		return false;
	return if_source_for(nk, nh.nh_if, &from, src);
}

/* ---- errors: making ---- */

static struct pkt *
error_make(struct worker *w, const struct pkt *p, const struct addr *src,
    uint8_t type, uint8_t code, uint16_t mtu)
{
	uint32_t quote = ICMP_ERROR_MAX - IP_HLEN - ICMP_HLEN;
	struct in_addr dst;
	struct pkt *e;
	uint8_t *icmp;
	uint16_t id;

	if (quote > p->pkt_len)
		quote = p->pkt_len;
	if ((e = pkt_alloc(w, ICMP_HLEN + quote)) == NULL)
		return NULL;
	icmp = e->pkt_data;
	e->pkt_len = ICMP_HLEN + quote;
	memset(icmp, 0, ICMP_HLEN);
	icmp[0] = type;
	icmp[1] = code;
	if (type == ICMPT_UNREACH && code == ICMPC_NEEDFRAG)
		put16(icmp + ICMP_MTU, mtu);
	memcpy(icmp + ICMP_HLEN, p->pkt_data, quote);
	set16(icmp + ICMP_SUM, in_fold(in_sum(icmp, e->pkt_len, 0)));
	memcpy(&dst, p->pkt_data + IPH_SRC, 4);
	nk_rand(w->w_nk, &id, sizeof(id));
	/* RFC 1812 4.3.2.5: precedence 6, internetwork control */
	ip_header(e, src->ad_v4, dst, IPPROTO_ICMP, (uint8_t)w->w_nk->nk_ttl, 0xc0,
	    false, id);
	return e;
}

void
icmp_error(struct worker *w, const struct pkt *p, uint8_t type, uint8_t code, uint16_t mtu)
{
	struct nk *nk = w->w_nk;
	struct pkt *e = NULL;
	struct addr src;

	if (p->pkt_len < IP_HLEN)
		return;
	nk_lock(nk);
	if (muted(w, p))
		counter_add(&w->w_count[CNT_ICMP_MUTED], 1);
	else if (!rate_allows(w))
		counter_add(&w->w_count[CNT_ICMP_LIMITED], 1);
	else if (error_source(nk, p, &src))
		e = error_make(w, p, &src, type, code, mtu);
	nk_unlock(nk);
	if (e == NULL)
		return;
	counter_add(&w->w_count[CNT_ICMP_SENT], 1);
	if (p->pkt_flags & PKT_F_HOST)
		host_output(w, e);
	else
		ip_send(w, e);
}

/* ---- input ---- */

/*
 * Turns an echo request round, in its own buffer.  Options are not sent
 * back; what came in fragments may leave in fragments.
 */
static void
echo_reply(struct worker *w, struct pkt *p)
{
	struct in_addr src, dst;
	uint8_t tos = p->pkt_data[IPH_TOS];
	uint16_t id, type;

	memcpy(&src, p->pkt_data + IPH_DST, 4);
	memcpy(&dst, p->pkt_data + IPH_SRC, 4);
	pkt_pull(p, (uint32_t)(p->pkt_l4 - p->pkt_data));
	type = raw16(p->pkt_data);
	p->pkt_data[0] = ICMPT_ECHOREPLY;
	set16(p->pkt_data + ICMP_SUM, in_adjust(raw16(p->pkt_data + ICMP_SUM), type,
	    raw16(p->pkt_data)));
	nk_rand(w->w_nk, &id, sizeof(id));
	ip_header(p, src, dst, IPPROTO_ICMP, (uint8_t)w->w_nk->nk_ttl, tos, false, id);
	p->pkt_flags &= PKT_F_LARGE;
	p->pkt_flow = NULL;
	p->pkt_sa = p->pkt_came_sa = NULL;
	p->pkt_oif = NULL;
	p->pkt_neigh = NULL;
	p->pkt_tag = 0;
	p->pkt_frag_max = 0;
	counter_add(&w->w_count[CNT_ICMP_ECHO], 1);
	counter_add(&w->w_count[CNT_ICMP_SENT], 1);
	ip_send(w, p);
}

static bool
for_many(struct worker *w, const struct pkt *p)
{
	struct addr dst = { .ad_af = AF_INET };
	bool yes;

	memcpy(dst.ad_bytes, p->pkt_data + IPH_DST, 4);
	nk_lock(w->w_nk);
	yes = dst.ad_v4.s_addr == INADDR_BROADCAST || if_is_broadcast(w->w_nk, &dst);
	nk_unlock(w->w_nk);
	return yes;
}

static bool
icmp_csum_ok(const struct pkt *p)
{
	if (p->pkt_flags & (PKT_F_CSUM_OK | PKT_F_CSUM_PARTIAL))
		return true;
	return in_fold(in_sum(p->pkt_l4, p->pkt_len -
	    (uint32_t)(p->pkt_l4 - p->pkt_data), 0)) == 0;
}

/* It answers what Linux sent, or may: netkern asks nothing and has no connections. */
static bool
for_linux(const struct worker *w, const struct pkt *p)
{
	if (!host_takes(w, p))
		return false;
	if (ip_is_icmp_error(p))
		return p->pkt_key.fk_proto != IPPROTO_ESP;
	return p->pkt_icmp_type == ICMPT_ECHOREPLY || p->pkt_icmp_type == ICMPT_TSREPLY;
}

void
icmp_input(struct worker *w, struct pkt *p)
{
	if (!icmp_csum_ok(p)) {
		pkt_drop(w, p, DROP_ICMP_CSUM);
		return;
	}
	csum_finish(p);
	if (ip_is_icmp_error(p)) {
		counter_add(&w->w_count[CNT_ICMP_ERROR_IN], 1);
		ipsec_icmp(w, p);
		udp_icmp(w, p);
		if (for_linux(w, p))
			host_output(w, p);
		else
			pkt_free(w, p);
	} else if (for_linux(w, p)) {
		host_output(w, p);
	} else if (p->pkt_icmp_type != ICMPT_ECHO) {
		pkt_drop(w, p, DROP_ICMP_TYPE);
	} else if (for_many(w, p)) {
		pkt_drop(w, p, DROP_ICMP_BCAST);
	} else {
		echo_reply(w, p);
	}
}
