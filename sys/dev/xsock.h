/* SPDX-License-Identifier: ISC */
/*
 * One AF_XDP socket: a receive and a transmit queue of a Linux interface,
 * with all frames of the instance registered as its UMEM.  Of a queue that
 * only receives, the transmit ring is never emptied.
 */
#ifndef DEV_XSOCK_H
#define DEV_XSOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/xring.h"
#include "kern/frames.h"

#define XSOCK_RING	2048		/* entries of each ring */

struct xsock {
	int		 xs_fd;		/* -1: closed */
	bool		 xs_zerocopy;
	struct xring	 xs_fill, xs_done, xs_rx, xs_tx;
};

/*
 * Opens and binds it.  flags: XDP_ZEROCOPY, XDP_COPY, or 0 for the better one.
 * 0, or an errno with what failed in *what; closed then.
 */
int	xsock_open(struct xsock *, const struct frames *, int ifindex, unsigned queue,
    uint16_t flags, const char **what);
void	xsock_close(struct xsock *);
/*
 * Has the interface zero copy?  Costs next to no memory and changes nothing.
 * As xsock_open().
 */
int	xsock_probe(int ifindex, const char **what);
/*
 * A socket of the queue was closed: have the kernel and the device let go of all
 * its frames?  Waits a moment for that.
 */
bool	xsock_gone(int ifindex, unsigned queue);
/*
 * Has the kernel take what was given to the transmit ring, as far as it does
 * so at once.
 */
void	xsock_send(struct xsock *);
/* Frames that came and found no room. */
uint64_t xsock_drops(const struct xsock *);

#endif
