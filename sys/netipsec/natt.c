/* SPDX-License-Identifier: ISC */
/*
 * ESP in UDP: which datagram of a NAT-T port is what (RFC 3948 section 2).
 *
 *	one byte 0xff			NAT keepalive, ends here
 *	four zero bytes first		IKE, behind the non-ESP marker
 *	anything else			ESP, whose SPI is never zero
 *
 * A super-packet holds many datagrams of one size, the last of which may be
 * shorter.
 */
#include "netinet/meta.h"
#include "netinet/wire.h"
#include "netipsec/ipsec_var.h"

enum pkt_next
natt_input(struct worker *w, struct pkt *p)
{
	uint32_t off = (uint32_t)(p->pkt_l4 - p->pkt_data) + UDP_HLEN;
	const uint8_t *data = p->pkt_l4 + UDP_HLEN;

	if (p->pkt_len == off + 1 && data[0] == 0xff)
		return pkt_drop(w, p, DROP_NATT_KEEPALIVE);
	if (p->pkt_len < off + 4)
		return pkt_drop(w, p, DROP_NATT_SHORT);
	if (raw32(data) == 0)
		return PKT_NEXT_LOCAL;
	p->pkt_natt_port = raw16(p->pkt_l4);
	p->pkt_peer4 = raw32(p->pkt_data + IPH_SRC);
	p->pkt_flags |= PKT_F_NATT;
	p->pkt_l4 += UDP_HLEN;
	return PKT_NEXT_ESP;
}

bool
natt_all_esp(const struct pkt *p)
{
	const uint8_t *at = p->pkt_l4 + UDP_HLEN, *end = p->pkt_data + p->pkt_len;
	size_t size = p->pkt_gso_size;

	if (p->pkt_gso != PKT_GSO_UDP || size < XFORM_HDR || at >= end)
		return false;
	for (; at < end; at += size) {
		if ((size_t)(end - at) < XFORM_HDR || raw32(at) == 0)
			return false;
		if ((size_t)(end - at) <= size)
			break;
	}
	return true;
}

/* A datagram's packet: headers, SPI and sequence number.  NULL: no buffer. */
static struct pkt *
natt_piece(struct worker *w, const struct pkt *p, const uint8_t *at, uint32_t n)
{
	uint32_t head = (uint32_t)(p->pkt_l4 - p->pkt_data) + UDP_HLEN;
	struct pkt *s = pkt_alloc(w, head + n);

	if (s == NULL)
		return NULL;
	s->pkt_len = head + n;
	pkt_inherit(s, p);
	memcpy(s->pkt_data, p->pkt_data, head);
	memcpy(s->pkt_data + head, at, XFORM_HDR);
	s->pkt_l4 = s->pkt_data + head;
	s->pkt_from = at;
	s->pkt_natt_port = raw16(p->pkt_l4);
	s->pkt_peer4 = raw32(p->pkt_data + IPH_SRC);
	s->pkt_flags |= PKT_F_NATT;
	return s;
}

void
natt_super(struct worker *w, struct pkt *p)
{
	const uint8_t *at = p->pkt_l4 + UDP_HLEN, *end = p->pkt_data + p->pkt_len;
	struct pktvec v;
	struct pkt *s;
	uint32_t n;

	v.pv_n = 0;
	for (; at < end; at += n) {
		n = end - at < p->pkt_gso_size ? (uint32_t)(end - at) : p->pkt_gso_size;
		if ((s = natt_piece(w, p, at, n)) == NULL)
			break;
		counter_add(&w->w_count[CNT_GSO_SEGS], 1);
		pktvec_add(&v, s);
		if (pktvec_full(&v))
			ipsec_input(w, &v);
	}
	if (v.pv_n != 0)
		ipsec_input(w, &v);
	pkt_free(w, p);
}
