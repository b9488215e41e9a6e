/* SPDX-License-Identifier: ISC */
/*
 * Frames with a struct virtio_net_hdr in front, as AF_PACKET with
 * PACKET_VNET_HDR and TAP devices with IFF_VNET_HDR carry them
 * (Virtual I/O Device 1.2, section 5.1.6): what remains to be done to a
 * checksum, and of what size the segments of a super-packet are.
 *
 * A receive slot has a small packet and a large one.  A frame is read into
 * both, one behind the other; one that fits the small packet leaves the
 * large one alone for next time, else what stands in the small one is copied
 * in front of the rest.  The virtio header lies in front of the small one's
 * frame, in its headroom.
 */
#ifndef DEV_VNET_H
#define DEV_VNET_H

#include <linux/virtio_net.h>
#include <sys/uio.h>

#include "kern/nk.h"
#include "kern/pkt.h"

#define VNET_FIRST	(PKT_SMALL - PKT_HEADROOM - PKT_TAILROOM)
#define VNET_REST	(65536 + 64 - VNET_FIRST)

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

#define VNET_HLEN	sizeof(struct virtio_net_hdr)

struct vnet_slot {
	struct iovec		 vs_iov[2];	/* header and frame; rest of the frame */
	struct pkt		*vs_small, *vs_large;
};

/* Fills what is missing of the slot; false: no buffer. */
bool	vnet_slot_fill(struct worker *, struct vnet_slot *);
/* The packet of a read of len bytes, header included; NULL: not a frame. */
struct pkt *vnet_slot_take(struct vnet_slot *, size_t len);
/* Gives its packets back. */
void	vnet_slot_free(struct worker *, struct vnet_slot *);

/* Header of a packet that leaves, pkt_data at the Ethernet header. */
void	vnet_tx(const struct pkt *, struct virtio_net_hdr *);
/* Does this kernel take UDP super-packets? */
bool	vnet_has_uso(void);

#endif
