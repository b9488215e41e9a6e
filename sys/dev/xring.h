/* SPDX-License-Identifier: ISC */
/*
 * The rings that AF_XDP shares with the kernel.
 *
 * A ring has one producer and one consumer, one of them the kernel.  Both
 * indices run freely and are taken modulo the size, a power of two.  Of fill
 * and transmit rings we are the producer, of receive and completion rings the
 * consumer.  xr_mine is our index, which the kernel sees when it is given over
 * (xring_give()); xr_theirs is what we last saw of the kernel's, which is
 * read again when that says too little.
 */
#ifndef DEV_XRING_H
#define DEV_XRING_H

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xring {
	uint32_t	*xr_producer, *xr_consumer, *xr_flags;	/* shared */
	void		*xr_entry;	/* struct xdp_desc, or an address of 64 bits */
	uint32_t	 xr_size;
	uint32_t	 xr_mine, xr_theirs;
	void		*xr_map;
	size_t		 xr_maplen;
};

/* As producer: entries that may be written, at most want. */
static inline uint32_t
xring_room(struct xring *xr, uint32_t want)
{
	uint32_t room = xr->xr_size - (xr->xr_mine - xr->xr_theirs);

	if (room < want) {
		xr->xr_theirs = __atomic_load_n(xr->xr_consumer, __ATOMIC_ACQUIRE);
		room = xr->xr_size - (xr->xr_mine - xr->xr_theirs);
	}
	return room < want ? room : want;
}

/* As consumer: entries that may be read, at most want. */
static inline uint32_t
xring_ready(struct xring *xr, uint32_t want)
{
	uint32_t n = xr->xr_theirs - xr->xr_mine;

	if (n < want) {
		xr->xr_theirs = __atomic_load_n(xr->xr_producer, __ATOMIC_ACQUIRE);
		n = xr->xr_theirs - xr->xr_mine;
	}
	return n < want ? n : want;
}

/* Our next entry, of fill and completion rings. */
static inline uint64_t *
xring_addr(struct xring *xr)
{
	return (uint64_t *)xr->xr_entry + (xr->xr_mine++ & (xr->xr_size - 1));
}

/* Our next entry, of receive and transmit rings. */
static inline struct xdp_desc *
xring_desc(struct xring *xr)
{
	return (struct xdp_desc *)xr->xr_entry + (xr->xr_mine++ & (xr->xr_size - 1));
}

/* What we have written is the kernel's. */
static inline void
xring_give(struct xring *xr)
{
	__atomic_store_n(xr->xr_producer, xr->xr_mine, __ATOMIC_RELEASE);
}

/* What we have read may be written again. */
static inline void
xring_done(struct xring *xr)
{
	__atomic_store_n(xr->xr_consumer, xr->xr_mine, __ATOMIC_RELEASE);
}

/* As producer: entries that the kernel has not taken yet. */
static inline uint32_t
xring_waiting(const struct xring *xr)
{
	return xr->xr_mine - __atomic_load_n(xr->xr_consumer, __ATOMIC_ACQUIRE);
}

/* The kernel sleeps on this ring until it is called. */
static inline bool
xring_sleeps(const struct xring *xr)
{
	return (__atomic_load_n(xr->xr_flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

#endif
