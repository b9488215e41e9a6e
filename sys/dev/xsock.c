/* SPDX-License-Identifier: ISC */
/*
 * AF_XDP sockets by the system calls themselves.
 *
 * The same memory is registered by each socket of its own: sockets that
 * share a UMEM would all have to be of one mode.  The kernel counts pinned
 * memory for each (xdpprog_prepare() lifts the limit), but pins it once.
 */
#include "dev/xsock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP		283
#endif
#define SEND_BYTES	(32 << 20)
#define PROBE_FRAMES	64
#define BIND_TRIES	40
#define SEND_CALLS	(XSOCK_RING / 32)	/* with a copy a call takes 32 */

static int
ring_map(int fd, struct xring *xr, const struct xdp_ring_offset *off, off_t at, size_t entry)
{
	uint8_t *m;

	xr->xr_size = XSOCK_RING;
	xr->xr_maplen = off->desc + XSOCK_RING * entry;
	m = mmap(NULL, xr->xr_maplen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, at);
	if (m == MAP_FAILED)
		return errno;
	xr->xr_map = m;
	xr->xr_producer = (uint32_t *)(void *)(m + off->producer);
	xr->xr_consumer = (uint32_t *)(void *)(m + off->consumer);
	xr->xr_flags = (uint32_t *)(void *)(m + off->flags);
	xr->xr_entry = m + off->desc;
	return 0;
}

static void
ring_unmap(struct xring *xr)
{
	if (xr->xr_map != NULL)
		munmap(xr->xr_map, xr->xr_maplen);
	xr->xr_map = NULL;
}

static int
umem(int fd, const struct frames *fr)
{
	struct xdp_umem_reg reg = { .addr = (uintptr_t)fr->fr_mem, .len = fr->fr_len,
	    .chunk_size = FRAME_SIZE };

	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) == -1 ? errno : 0;
}

static int
rings_size(int fd)
{
	static const int which[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING,
	    XDP_RX_RING, XDP_TX_RING };
	int n = XSOCK_RING;

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		if (setsockopt(fd, SOL_XDP, which[i], &n, sizeof(n)) == -1)
			return errno;
	return 0;
}

static int
rings_map(struct xsock *xs)
{
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	int error;

	if (getsockopt(xs->xs_fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) == -1)
		return errno;
	if (len != sizeof(off))		/* before Linux 5.4 */
		return EOPNOTSUPP;
	error = ring_map(xs->xs_fd, &xs->xs_fill, &off.fr, XDP_UMEM_PGOFF_FILL_RING,
	    sizeof(uint64_t));
	if (error == 0)
		error = ring_map(xs->xs_fd, &xs->xs_done, &off.cr,
		    (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t));
	if (error == 0)
		error = ring_map(xs->xs_fd, &xs->xs_rx, &off.rx, XDP_PGOFF_RX_RING,
		    sizeof(struct xdp_desc));
	if (error == 0)
		error = ring_map(xs->xs_fd, &xs->xs_tx, &off.tx, XDP_PGOFF_TX_RING,
		    sizeof(struct xdp_desc));
	return error;
}

/* The kernel lets go of a queue a moment after its last socket was closed. */
static int
bind_to(struct xsock *xs, int ifindex, unsigned queue, uint16_t flags)
{
	struct sockaddr_xdp sxdp = { .sxdp_family = AF_XDP,
	    .sxdp_flags = (uint16_t)(flags | XDP_USE_NEED_WAKEUP),
	    .sxdp_ifindex = (uint32_t)ifindex, .sxdp_queue_id = queue };
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct xdp_options opt = { 0 };
	socklen_t len = sizeof(opt);
	unsigned tries = 0;

	while (bind(xs->xs_fd, (struct sockaddr *)&sxdp, sizeof(sxdp)) == -1) {
		if (errno != EBUSY || tries++ == BIND_TRIES)
			return errno;
		(void)nanosleep(&pause, NULL);
	}
	if (getsockopt(xs->xs_fd, SOL_XDP, XDP_OPTIONS, &opt, &len) == 0)
		xs->xs_zerocopy = (opt.flags & XDP_OPTIONS_ZEROCOPY) != 0;
	return 0;
}

int
xsock_open(struct xsock *xs, const struct frames *fr, int ifindex, unsigned queue,
    uint16_t flags, const char **what)
{
	int n = SEND_BYTES, error;

	memset(xs, 0, sizeof(*xs));
	*what = "AF_XDP";
	xs->xs_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xs->xs_fd == -1)
		return errno;
	(void)setsockopt(xs->xs_fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof(n));
	*what = "memory for AF_XDP";
	error = umem(xs->xs_fd, fr);
	if (error == 0)
		error = rings_size(xs->xs_fd);
	if (error == 0)
		error = rings_map(xs);
	if (error == 0) {
		*what = (flags & XDP_ZEROCOPY) != 0 ? "no zero copy" : "bind";
		error = bind_to(xs, ifindex, queue, flags);
		if (error == EBUSY)
			*what = "somebody else has it by AF_XDP";
	}
	if (error != 0)
		xsock_close(xs);
	return error;
}

/* Opens one, with few frames of its own, and closes it. */
static int
xsock_try(int ifindex, unsigned queue, uint16_t flags, const char **what)
{
	struct frames few = { .fr_len = PROBE_FRAMES * FRAME_SIZE };
	struct xsock xs;
	int error;

	*what = "memory";
	few.fr_mem = mmap(NULL, few.fr_len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (few.fr_mem == MAP_FAILED)
		return errno;
	error = xsock_open(&xs, &few, ifindex, queue, flags, what);
	if (error == 0)
		xsock_close(&xs);
	munmap(few.fr_mem, few.fr_len);
	return error;
}

int
xsock_probe(int ifindex, const char **what)
{
	return xsock_try(ifindex, 0, XDP_ZEROCOPY, what);
}

/*
 * The kernel keeps the queue for a closed socket until the device has given back
 * what it was to fill, and what was sent is freed; only then it takes another.
 */
bool
xsock_gone(int ifindex, unsigned queue)
{
	const char *what;
	int error = xsock_try(ifindex, queue, XDP_COPY, &what);

	return error == 0 || error == ENODEV;
}

void
xsock_close(struct xsock *xs)
{
	ring_unmap(&xs->xs_fill);
	ring_unmap(&xs->xs_done);
	ring_unmap(&xs->xs_rx);
	ring_unmap(&xs->xs_tx);
	if (xs->xs_fd != -1)
		close(xs->xs_fd);
	xs->xs_fd = -1;
}

void
xsock_send(struct xsock *xs)
{
	uint32_t waiting = xring_waiting(&xs->xs_tx), had;
	unsigned i;

	if (waiting == 0 || !xring_sleeps(&xs->xs_tx))
		return;
	for (i = 0; i < SEND_CALLS && waiting != 0; i++) {
		had = waiting;
		if (sendto(xs->xs_fd, NULL, 0, MSG_DONTWAIT, NULL, 0) == -1 &&
		    errno != EAGAIN && errno != EBUSY)
			return;
		waiting = xring_waiting(&xs->xs_tx);
		if (waiting == had)
			return;
	}
}

uint64_t
xsock_drops(const struct xsock *xs)
{
	struct xdp_statistics st = { 0 };
	socklen_t len = sizeof(st);

	/* before Linux 5.9 it tells less */
	if (getsockopt(xs->xs_fd, SOL_XDP, XDP_STATISTICS, &st, &len) == -1)
		return 0;
	return st.rx_dropped + st.rx_ring_full;
}
