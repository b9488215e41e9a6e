/* SPDX-License-Identifier: ISC */
/*
 * CTL_EXPLAIN: the bytes of a described packet, and what becomes of them
 * (see explain.h).
 *
 * A TCP segment for which no flags are given opens a connection; if there is
 * a state, it is the next segment that the state expects of its sender.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"
#include "pf/explain.h"
#include "pf/flow_table.h"
#include "pf/track.h"

#define LEN_MAX	65535

/* ---- bytes ---- */

static uint32_t
header_len(const struct explain_req *er)
{
	if (er->er_off != 0)
		return 0;
	switch (er->er_proto) {
	case IPPROTO_TCP:
		return TCP_HLEN;
	case IPPROTO_UDP:
		return UDP_HLEN;
	case IPPROTO_ICMP:
		return ICMP_HLEN;
	default:
		return 0;
	}
}

static void
transport_put(const struct explain_req *er, uint8_t *l4, uint32_t len)
{
	struct flow_key k = { .fk_src4 = er->er_src.ad_v4.s_addr,
	    .fk_dst4 = er->er_dst.ad_v4.s_addr, .fk_proto = er->er_proto };
	uint32_t pseudo = in_pseudo(&k, (uint16_t)len);

	if (header_len(er) == 0)
		return;
	put16(l4, er->er_sport);
	put16(l4 + 2, er->er_dport);
	if (er->er_proto == IPPROTO_TCP) {
		l4[TCP_OFF] = TCP_HLEN / 4 << 4;
		l4[TCP_FLAGS] = er->er_flags & EXPLAIN_F_FLAGS ? er->er_tcpflags : TCPF_SYN;
		put16(l4 + TCP_WIN, 65535);
		set16(l4 + TCP_SUM, in_fold(in_sum(l4, len, pseudo)));
	} else if (er->er_proto == IPPROTO_UDP) {
		put16(l4 + UDP_LEN, (uint16_t)len);
		set16(l4 + UDP_SUM, in_fold(in_sum(l4, len, pseudo)));
	} else {
		l4[0] = er->er_icmp_type;
		l4[1] = er->er_icmp_code;
		put16(l4 + ICMP_SUM, 0);
		put16(l4 + ICMP_ID, er->er_sport);
		set16(l4 + ICMP_SUM, in_fold(in_sum(l4, len, 0)));
	}
}

static const char *
req_check(const struct explain_req *er)
{
	if (er->er_dir != EXPLAIN_IN && er->er_dir != EXPLAIN_OUT)
		return "a packet goes in or out";
	if (er->er_src.ad_af != AF_INET || er->er_dst.ad_af != AF_INET)
		return "packets of IPv4 can be described, and no others";
	if ((er->er_flags & ~EXPLAIN_F_ALL) != 0)
		return "unknown flag";
	if (er->er_off % 8 != 0)
		return "a fragment begins at a multiple of 8 bytes";
	if (er->er_proto == IPPROTO_ICMP && icmp_is_error(er->er_icmp_type))
		return "an ICMP error is judged by the packet that it is about, "
		    "which cannot be described";
	if (er->er_size != 0 && er->er_size < IP_HLEN + header_len(er))
		return "the size is less than the headers'";
	if (er->er_dir == EXPLAIN_OUT &&
	    (er->er_flags & (EXPLAIN_F_BCAST | EXPLAIN_F_SPI | EXPLAIN_F_NAME)))
		return "what is made here came through nothing";
	if (er->er_dir == EXPLAIN_OUT && (er->er_off != 0 || (er->er_flags & EXPLAIN_F_MORE)))
		return "what is made here is not a fragment";
	return NULL;
}

static const char *
explain_build(const struct explain_req *er, uint8_t *buf, uint32_t *len)
{
	const char *why = req_check(er);
	uint32_t n = er->er_size != 0 ? er->er_size : IP_HLEN + header_len(er);
	unsigned off = er->er_off / 8u;

	if (why != NULL)
		return why;
	if (er->er_size == 0 && (er->er_flags & EXPLAIN_F_MORE))
		n = IP_HLEN + (n == IP_HLEN ? 8 : (n - IP_HLEN + 7) / 8 * 8);
	memset(buf, 0, n);
	buf[0] = 0x45;
	buf[IPH_TOS] = er->er_tos;
	put16(buf + IPH_LEN, (uint16_t)n);
	if (er->er_flags & EXPLAIN_F_DF)
		off |= IPOFF_DF;
	if (er->er_flags & EXPLAIN_F_MORE)
		off |= IPOFF_MF;
	put16(buf + IPH_OFF, (uint16_t)off);
	buf[IPH_TTL] = er->er_ttl != 0 ? er->er_ttl : 64;
	buf[IPH_PROTO] = er->er_proto;
	memcpy(buf + IPH_SRC, er->er_src.ad_bytes, 4);
	memcpy(buf + IPH_DST, er->er_dst.ad_bytes, 4);
	set16(buf + IPH_SUM, in_fold(in_sum(buf, IP_HLEN, 0)));
	transport_put(er, buf + IP_HLEN, n - IP_HLEN);
	*len = n;
	return NULL;
}

/* ---- the next segment of a connection ---- */

static void
segment_next(struct nk *nk, const struct explain_req *er, uint8_t *ip, uint32_t len)
{
	uint8_t *l4 = ip + IP_HLEN;
	const struct flow *fl;
	struct flow_key k;
	unsigned dir;
	uint32_t hash;

	if (er->er_proto != IPPROTO_TCP || (er->er_flags & (EXPLAIN_F_FLAGS | EXPLAIN_F_MORE)) ||
	    er->er_off != 0)
		return;
	memset(&k, 0, sizeof(k));
	k.fk_src4 = er->er_src.ad_v4.s_addr;
	k.fk_dst4 = er->er_dst.ad_v4.s_addr;
	k.fk_proto = er->er_proto;
	k.fk_af = AF_INET;
	k.fk_sport = htons(er->er_sport);
	k.fk_dport = htons(er->er_dport);
	hash = flow_hash(&k);
	fl = flow_find(nk->nk_worker[flow_worker(nk, hash)], &k, hash, &dir);
	if (fl == NULL || (fl->fl_flags & FL_TCP) == 0 ||
	    fl->fl_peer[dir].fp_state == TCP_PEER_RESET)
		return;
	put32(l4 + TCP_SEQ, fl->fl_peer[dir].fp_seqlo);
	put32(l4 + TCP_ACK, fl->fl_peer[!dir].fp_seqlo);
	l4[TCP_FLAGS] = fl->fl_peer[dir].fp_state == TCP_PEER_CLOSED ? TCPF_SYN | TCPF_ACK :
	    fl->fl_peer[!dir].fp_state == TCP_PEER_CLOSED ? TCPF_SYN : TCPF_ACK;
	if (l4[TCP_FLAGS] == TCPF_SYN)
		put32(l4 + TCP_SEQ, fl->fl_peer[dir].fp_seqlo - 1);
	put16(l4 + TCP_SUM, 0);
	set16(l4 + TCP_SUM, in_fold(in_sum(l4, len - IP_HLEN,
	    in_pseudo(&k, (uint16_t)(len - IP_HLEN)))));
}

/* ---- the request ---- */

struct came {
	const struct explain_req	*ca_req;
	struct sa			*ca_sa;
};

static void
came_match(void *arg, struct sa *sa)
{
	struct came *ca = arg;
	const struct explain_req *er = ca->ca_req;

	if ((sa->sa_flags & SA_F_IN) == 0 ||
	    (sa->sa_state != SA_MATURE && sa->sa_state != SA_DYING))
		return;
	if ((er->er_flags & EXPLAIN_F_SPI) && ntohl(sa->sa_spi) != er->er_spi)
		return;
	if ((er->er_flags & EXPLAIN_F_NAME) &&
	    strncmp(sa->sa_name, er->er_name, sizeof(sa->sa_name)) != 0)
		return;
	ca->ca_sa = sa;		/* the youngest: it is last */
}

static int
refuse(struct ctl_reply *cr, int error, const char *why)
{
	(void)snprintf(cr->cr_err, sizeof(cr->cr_err), "%s", why);
	return error;
}

/* Interface and SA of a described packet. */
static int
origin(struct nk *nk, const struct explain_req *er, struct explain_pkt *ek,
    struct ctl_reply *cr)
{
	struct came ca = { er, NULL };

	if (er->er_dir == EXPLAIN_OUT) {
		ek->ek_flags = PKT_F_LOCAL_OUT;
		if (er->er_proto == IPPROTO_UDP && udp_port_bypass(nk, htons(er->er_sport)))
			ek->ek_flags |= PKT_F_BYPASS;
		return 0;
	}
	if (memchr(er->er_ifname, '\0', sizeof(er->er_ifname)) == NULL ||
	    (ek->ek_ifp = if_find(nk, er->er_ifname)) == NULL)
		return refuse(cr, ENXIO, "no such interface");
	if (er->er_flags & EXPLAIN_F_BCAST)
		ek->ek_flags |= PKT_F_BCAST;
	if ((er->er_flags & (EXPLAIN_F_SPI | EXPLAIN_F_NAME)) == 0)
		return 0;
	sad_walk(nk, came_match, &ca);
	if (ca.ca_sa == NULL)
		return refuse(cr, ESRCH, "no SA of that SPI or name brings packets in");
	ek->ek_came_sa = ca.ca_sa;
	return 0;
}

static int
explain_stopped(struct nk *nk, struct clock_now now, const struct explain_req *er,
    uint8_t *buf, struct explain_info *ei, struct ctl_reply *cr)
{
	struct explain_pkt ek = { .ek_data = buf };
	const char *why = explain_build(er, buf, &ek.ek_len);
	int error;

	if (why != NULL)
		return refuse(cr, EINVAL, why);
	if ((error = origin(nk, er, &ek, cr)) != 0)
		return error;
	segment_next(nk, er, buf, ek.ek_len);
	return explain_packet(nk, now, &ek, ei);
}

static int
ctl_explain(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct explain_info ei;
	struct explain_req er;
	uint8_t *buf = malloc(LEN_MAX);
	int error;

	(void)cur_copy(&rq->cq_body, &er, sizeof(er));
	if (buf == NULL)
		return refuse(cr, ENOMEM, "out of memory");
	nk_stop_workers(nk);
	error = explain_stopped(nk, now, &er, buf, &ei, cr);
	nk_start_workers(nk);
	free(buf);
	return error != 0 ? error : cr->cr_put(cr, &ei, sizeof(ei));
}

static const struct ctl_entry ops[] = {
	{ CTL_EXPLAIN, false, sizeof(struct explain_req), sizeof(struct explain_req), ctl_explain },
	{ 0 }
};

int
explain_init(struct nk *nk)
{
	return ctl_register(nk, ops);
}
