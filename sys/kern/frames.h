/* SPDX-License-Identifier: ISC */
/*
 * Frames: packets whose buffers lie in one piece of memory that the kernel
 * of Linux, and with zero copy the device itself, reads and writes (AF_XDP's
 * UMEM).  A frame that came in on one device leaves on another as it is.
 *
 * The memory is made when the first device wants it and stays until the
 * instance ends: FRAMES_PER_WORKER frames of FRAME_SIZE for each worker,
 * which the kernel pins.  Each worker's pool has its own as a third class
 * (kern/pool.h); each device has all of them registered, so that a packet
 * may leave by another worker's queue.
 *
 * A frame is known to the kernel by its address: its offset in this memory.
 * While the kernel has it, pkt_lent holds the number of the ring that it was
 * lent to, so that all of a ring can be had back when it is closed.
 */
#ifndef KERN_FRAMES_H
#define KERN_FRAMES_H

#include <stdatomic.h>

#include "kern/nk.h"
#include "kern/pkt.h"

#define FRAME_SIZE		PKT_SMALL
#define FRAME_OFFSET		256	/* where the kernel puts what it receives */
#define FRAME_MAX		(FRAME_SIZE - FRAME_OFFSET - PKT_TAILROOM)
#define FRAMES_PER_WORKER	4096
#define FRAME_LOST		0xffff	/* in pkt_lent: the kernel never gave it back */

_Static_assert(FRAME_OFFSET >= PKT_HEADROOM, "a received frame has its headroom");

struct frames {
	uint8_t			*fr_mem;
	size_t			 fr_len;
	struct pkt		*fr_pkt;	/* of each frame */
	struct pkt	       **fr_free;	/* the pools' stacks of them */
	unsigned		 fr_n;
	_Atomic unsigned	 fr_rings;	/* that a worker fills, at most */
};

/* 0, or ENOMEM. nk_lock held; workers may run. */
int	frames_new(struct nk *);
/* The workers and their pools are gone. */
void	frames_free(struct nk *);

/* The frame that an address lies in; the address is below fr_len. */
static inline struct pkt *
frames_at(const struct frames *fr, uint64_t addr)
{
	return &fr->fr_pkt[addr / FRAME_SIZE];
}

/* Address of a byte of a frame. */
static inline uint64_t
frames_addr(const struct frames *fr, const uint8_t *at)
{
	return (uint64_t)(at - fr->fr_mem);
}

#endif
