/* SPDX-License-Identifier: ISC */
/*
 * What a piece of a packet (a segment, a fragment) has from the whole.
 */
#ifndef NETINET_META_H
#define NETINET_META_H

#include <stddef.h>
#include <string.h>

#include "kern/pkt.h"

/* All metadata but the buffer, lengths, and what only a super-packet has. */
static inline void
pkt_inherit(struct pkt *piece, const struct pkt *whole)
{
	uint8_t *data = piece->pkt_data;
	uint32_t len = piece->pkt_len;
	uint16_t large = piece->pkt_flags & PKT_F_LARGE;

	memcpy(piece, whole, offsetof(struct pkt, pkt_buf));
	piece->pkt_data = data;
	piece->pkt_len = len;
	piece->pkt_flags = (uint16_t)((whole->pkt_flags &
	    ~(PKT_F_CSUM_PARTIAL | PKT_F_LARGE)) | large);
	piece->pkt_gso_size = 0;
	piece->pkt_gso = PKT_GSO_NONE;
	piece->pkt_csum_base = NULL;
	piece->pkt_link = NULL;
	piece->pkt_l4 = NULL;
}

#endif
