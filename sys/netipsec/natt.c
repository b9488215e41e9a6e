/* SPDX-License-Identifier: ISC */
/*
 * ESP in UDP: which datagram of a NAT-T port is what (RFC 3948 section 2).
 *
 *	one byte 0xff			NAT keepalive, ends here
 *	four zero bytes first		IKE, behind the non-ESP marker
 *	anything else			ESP, whose SPI is never zero
 */
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
