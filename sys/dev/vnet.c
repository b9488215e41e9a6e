/* SPDX-License-Identifier: ISC */
/*
 * The virtio header, both ways, and receive slots.
 */
#include "dev/vnet.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "net/ether.h"

bool
vnet_slot_fill(struct worker *w, struct vnet_slot *vs)
{
	if (vs->vs_small == NULL) {
		vs->vs_small = pkt_alloc(w, VNET_FIRST);
		if (vs->vs_small == NULL)
			return false;
		vs->vs_iov[0].iov_base = vs->vs_small->pkt_data - VNET_HLEN;
		vs->vs_iov[0].iov_len = VNET_HLEN + VNET_FIRST;
	}
	if (vs->vs_large == NULL) {
		vs->vs_large = pkt_alloc(w, VNET_FIRST + VNET_REST);
		if (vs->vs_large == NULL)
			return false;
		vs->vs_iov[1].iov_base = vs->vs_large->pkt_data + VNET_FIRST;
		vs->vs_iov[1].iov_len = VNET_REST;
	}
	return true;
}

static void
vnet_rx(struct pkt *p, const struct virtio_net_hdr *h)
{
	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
		p->pkt_flags |= PKT_F_CSUM_PARTIAL | PKT_F_CSUM_OK;
		p->pkt_csum_base = p->pkt_data;
		p->pkt_csum_start = h->csum_start;
		p->pkt_csum_off = h->csum_offset;
	} else if ((h->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0)
		p->pkt_flags |= PKT_F_CSUM_OK;
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		p->pkt_gso = PKT_GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		p->pkt_gso = PKT_GSO_TCP6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		p->pkt_gso = PKT_GSO_UDP;
		break;
	default:
		return;
	}
	p->pkt_gso_size = h->gso_size;
}

/* A checksum to be finished must lie within the frame. */
static bool
vnet_sane(const struct virtio_net_hdr *h, size_t len)
{
	if ((h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
	    (size_t)h->csum_start + h->csum_offset + 2 > len)
		return false;
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE || h->gso_size != 0;
}

struct pkt *
vnet_slot_take(struct vnet_slot *vs, size_t len)
{
	struct virtio_net_hdr h;
	struct pkt *p;

	if (len < VNET_HLEN + ETHER_HLEN || len > VNET_HLEN + VNET_FIRST + VNET_REST)
		return NULL;
	len -= VNET_HLEN;
	memcpy(&h, vs->vs_iov[0].iov_base, VNET_HLEN);
	if (!vnet_sane(&h, len))
		return NULL;
	if (len <= VNET_FIRST) {
		p = vs->vs_small;
		vs->vs_small = NULL;
	} else {
		p = vs->vs_large;
		vs->vs_large = NULL;
		memcpy(p->pkt_data, vs->vs_small->pkt_data, VNET_FIRST);
	}
	p->pkt_len = (uint32_t)len;
	vnet_rx(p, &h);
	return p;
}

void
vnet_slot_free(struct worker *w, struct vnet_slot *vs)
{
	if (vs->vs_small != NULL)
		pkt_free(w, vs->vs_small);
	if (vs->vs_large != NULL)
		pkt_free(w, vs->vs_large);
	vs->vs_small = vs->vs_large = NULL;
}

static uint8_t
gso_type(const struct pkt *p)
{
	switch ((enum pkt_gso)p->pkt_gso) {
	case PKT_GSO_TCP4:
		return VIRTIO_NET_HDR_GSO_TCPV4;
	case PKT_GSO_TCP6:
		return VIRTIO_NET_HDR_GSO_TCPV6;
	case PKT_GSO_UDP:
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	case PKT_GSO_NONE:
		break;
	}
	return VIRTIO_NET_HDR_GSO_NONE;
}

/* Bytes in front of the payload: up to and with the transport header. */
static uint16_t
header_len(const struct pkt *p, uint16_t start)
{
	const uint8_t *th = p->pkt_data + start;

	if (p->pkt_gso == PKT_GSO_UDP)
		return (uint16_t)(start + 8);
	if ((uint32_t)start + 20 > p->pkt_len)
		return (uint16_t)p->pkt_len;
	return (uint16_t)(start + (th[12] >> 4) * 4);
}

void
vnet_tx(const struct pkt *p, struct virtio_net_hdr *h)
{
	*h = (struct virtio_net_hdr){ 0 };
	if ((p->pkt_flags & PKT_F_CSUM_PARTIAL) == 0)
		return;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)(p->pkt_csum_base + p->pkt_csum_start - p->pkt_data);
	h->csum_offset = p->pkt_csum_off;
	if (p->pkt_gso_size == 0)
		return;
	h->gso_type = gso_type(p);
	h->gso_size = p->pkt_gso_size;
	h->hdr_len = header_len(p, h->csum_start);
}

/* Linux takes VIRTIO_NET_HDR_GSO_UDP_L4 since 6.2. */
bool
vnet_has_uso(void)
{
	struct utsname u;
	unsigned long major, minor;
	char *end;

	if (uname(&u) == -1)
		return false;
	major = strtoul(u.release, &end, 10);
	if (*end != '.')
		return false;
	minor = strtoul(end + 1, NULL, 10);
	return major > 6 || (major == 6 && minor >= 2);
}
