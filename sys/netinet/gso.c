/* SPDX-License-Identifier: ISC */
/*
 * Ordinary packets out of super-packets.
 *
 * TCP (RFC 9293 3.1): sequence numbers go up by what went before; FIN and
 * PSH stay on the last segment only, CWR on the first only (RFC 3168 6.1.2).
 * UDP: each piece is a datagram of its own.  IPv4 identifications count up.
 * Checksums are finished.
 */
#include "netinet/ip.h"
#include "netinet/meta.h"
#include "netinet/wire.h"

#define HEADERS	GSO_ROOM	/* no headers are longer; every buffer holds more */

/* Where the parts of a super-packet are. */
struct layout {
	unsigned	la_l4;		/* offset of the transport header */
	unsigned	la_data;	/* and of the payload */
	unsigned	la_left;	/* payload bytes from gs_off on */
	bool		la_tcp;
};

/* False: not a super-packet that can be cut. */
static bool
layout_of(const struct pkt *p, uint32_t off, struct layout *la)
{
	const uint8_t *ip = p->pkt_data;

	if (p->pkt_len < IP_HLEN || p->pkt_gso_size == 0)
		return false;
	la->la_l4 = ip_hlen(ip);
	la->la_tcp = p->pkt_gso == PKT_GSO_TCP4;
	if (la->la_l4 < IP_HLEN ||
	    p->pkt_len < la->la_l4 + (la->la_tcp ? TCP_HLEN : UDP_HLEN) ||
	    ip[IPH_PROTO] != (la->la_tcp ? IPPROTO_TCP : IPPROTO_UDP))
		return false;
	la->la_data = la->la_l4 + (la->la_tcp ?
	    (ip[la->la_l4 + TCP_OFF] >> 4) * 4u : UDP_HLEN);
	if (la->la_data > p->pkt_len || p->pkt_len - la->la_data < off ||
	    (la->la_tcp && la->la_data < la->la_l4 + TCP_HLEN))
		return false;
	la->la_left = p->pkt_len - la->la_data - off;
	return true;
}

static void
segment_tcp(uint8_t *tcp, uint32_t off, bool last)
{
	put32(tcp + TCP_SEQ, be32(tcp + TCP_SEQ) + off);
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t)~(TCPF_FIN | TCPF_PSH);
	if (off != 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCPF_CWR;
}

/* The checksum of the transport part, l4 bytes behind ip, over len bytes of it. */
static void
segment_csum(uint8_t *ip, unsigned l4, unsigned len, unsigned field)
{
	uint8_t *t = ip + l4;
	const uint8_t tail[4] = { 0, ip[IPH_PROTO], (uint8_t)(len >> 8), (uint8_t)len };
	uint16_t sum;

	put16(t + field, 0);
	sum = in_fold(in_sum(t, len, in_sum(tail, 4, in_sum(ip + IPH_SRC, 8, 0))));
	set16(t + field, sum == 0 && field == UDP_SUM ? 0xffff : sum);
}

/* The next n bytes of payload, headers in front; HEADERS bytes at ip are free at least. */
static void
segment_write(uint8_t *ip, const struct pkt *p, const struct layout *la,
    const struct gso_state *gs, unsigned n)
{
	uint8_t *l4 = ip + la->la_l4;

	if (p->pkt_len >= HEADERS)
		memcpy(ip, p->pkt_data, HEADERS);	/* a known size is a few moves */
	else
		memcpy(ip, p->pkt_data, la->la_data);
	memcpy(ip + la->la_data, p->pkt_data + la->la_data + gs->gs_off, n);
	put16(ip + IPH_LEN, (uint16_t)(la->la_data + n));
	put16(ip + IPH_ID, gs->gs_id);
	put16(ip + IPH_SUM, 0);
	set16(ip + IPH_SUM, in_fold(in_sum(ip, la->la_l4, 0)));
	if (la->la_tcp)
		segment_tcp(l4, gs->gs_off, n == la->la_left);
	else
		put16(l4 + UDP_LEN, (uint16_t)(UDP_HLEN + n));
	if (!la->la_tcp && gs->gs_nosum)
		put16(l4 + UDP_SUM, 0);
	else
		segment_csum(ip, la->la_l4, la->la_data - la->la_l4 + n,
		    la->la_tcp ? TCP_SUM : UDP_SUM);
}

static struct pkt *
segment_make(struct worker *w, const struct pkt *p, const struct layout *la,
    const struct gso_state *gs, unsigned n)
{
	struct pkt *s = pkt_alloc(w, la->la_data + n);

	if (s == NULL)
		return NULL;
	s->pkt_len = la->la_data + n;
	pkt_inherit(s, p);
	segment_write(s->pkt_data, p, la, gs, n);
	s->pkt_l4 = s->pkt_data + la->la_l4;
	if (la->la_tcp)
		s->pkt_tcpflags = s->pkt_l4[TCP_FLAGS];
	s->pkt_flags |= PKT_F_CSUM_OK;
	return s;
}

/* Payload of the next segment; the first finds out where to count from. */
static unsigned
segment_next(const struct pkt *p, struct gso_state *gs, const struct layout *la)
{
	if (gs->gs_off == 0)
		gs->gs_id = be16(p->pkt_data + IPH_ID);
	return la->la_left < p->pkt_gso_size ? la->la_left : p->pkt_gso_size;
}

static void
segment_done(struct worker *w, struct gso_state *gs, unsigned n)
{
	counter_add(&w->w_count[CNT_GSO_SEGS], 1);
	gs->gs_off += n;
	gs->gs_id++;
}

unsigned
gso_left(const struct pkt *p, const struct gso_state *gs)
{
	struct layout la;

	if (!layout_of(p, gs->gs_off, &la))
		return 0;
	return (la.la_left + p->pkt_gso_size - 1) / p->pkt_gso_size;
}

uint32_t
gso_write(struct worker *w, const struct pkt *p, struct gso_state *gs, uint8_t *to)
{
	struct layout la;
	unsigned n;

	if (!layout_of(p, gs->gs_off, &la) || la.la_left == 0)
		return 0;
	n = segment_next(p, gs, &la);
	segment_write(to, p, &la, gs, n);
	segment_done(w, gs, n);
	return la.la_data + n;
}

void
gso_mark(struct pkt *p, enum pkt_gso kind, uint16_t size)
{
	uint8_t *ip = p->pkt_data, *l4 = ip + IP_HLEN;
	unsigned len = p->pkt_len - IP_HLEN;
	const uint8_t tail[4] = { 0, ip[IPH_PROTO], (uint8_t)(len >> 8), (uint8_t)len };
	uint32_t sum;

	put16(ip + IPH_LEN, (uint16_t)p->pkt_len);
	put16(ip + IPH_SUM, 0);
	set16(ip + IPH_SUM, in_fold(in_sum(ip, IP_HLEN, 0)));
	if (kind == PKT_GSO_UDP)
		put16(l4 + UDP_LEN, (uint16_t)len);
	p->pkt_gso = (uint8_t)kind;
	p->pkt_gso_size = size;
	p->pkt_csum_base = ip;
	p->pkt_csum_start = IP_HLEN;
	p->pkt_csum_off = kind == PKT_GSO_UDP ? UDP_SUM : TCP_SUM;
	sum = in_sum(tail, 4, in_sum(ip + IPH_SRC, 8, 0));
	set16(l4 + p->pkt_csum_off, (uint16_t)~in_fold(sum));
	p->pkt_flags = (uint16_t)((p->pkt_flags & ~PKT_F_CSUM_OK) | PKT_F_CSUM_PARTIAL);
}

bool
gso_segment(struct worker *w, const struct pkt *p, struct gso_state *gs, struct pktvec *out)
{
	struct layout la;

	if (!layout_of(p, gs->gs_off, &la))
		return true;
	while (la.la_left > 0 && !pktvec_full(out)) {
		unsigned n = segment_next(p, gs, &la);
		struct pkt *s = segment_make(w, p, &la, gs, n);

		if (s == NULL)
			return true;
		segment_done(w, gs, n);
		la.la_left -= n;
		pktvec_add(out, s);
	}
	return la.la_left == 0;
}
