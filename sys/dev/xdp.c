/* SPDX-License-Identifier: ISC */
/*
 * A Linux interface by AF_XDP: frames come from the device's driver straight
 * to our sockets, past Linux' stack, and into packets that may leave by such
 * an interface as they are.
 *
 * Life: xdp_open() takes the device's properties, opens one socket for each
 * of its receive queues, and attaches the XDP program last; workers post
 * frames to the fill rings when they first poll.  The device is asked for as
 * many queues as there are workers.  If it has more, a worker serves several
 * (it waits on an epoll(7) descriptor of them); if it has fewer to send by,
 * workers share those, under a lock.
 *
 * A frame that is posted or being sent is marked with the ring's number
 * (pkt_lent); what a device sends is not reused before the kernel says that
 * it is done.  When the interface is closed, workers stand still, and all that
 * was posted or was to be sent comes back; what the kernel does not let go of in
 * time is given up for good.
 *
 * The device finishes no checksums and cuts no super-packets (if_caps is 0),
 * and hands in none.
 */
#include "dev/xdp.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dev/linuxif.h"
#include "dev/xdpprog.h"
#include "dev/xsock.h"
#include "kern/pool.h"
#include "net/ether.h"

#define MTU_LIMIT	(FRAME_MAX - ETHER_HLEN)
#define POST_LEAST	64
#define POST_MAX	1024
#define FRAMES_SPARE	512
#define SENDING_MAX	256		/* in a ring, while frames are scarce */
#define LENT_SENDING	0x8000		/* in pkt_lent: in a transmit ring */
#define CLOSE_WAIT_MS	50
#define BACK_WAIT_MS	200

struct xdp_queue {
	struct xsock	 xq_sock;
	uint16_t	 xq_id;		/* for pkt_lent; never 0 */
	unsigned	 xq_posted;	/* frames with the kernel, to receive into */
	unsigned	 xq_sending;	/* and to send */
	atomic_flag	 xq_busy;	/* a worker has the transmit ring */
};

struct xdp_dev {
	struct xdp_want	 xd_want;
	int		 xd_index;
	int		 xd_prog, xd_link;	/* -1 */
	int		 xd_ctl;		/* a socket to change the device by; -1 */
	int		 xd_promisc;		/* a packet socket; -1 */
	bool		 xd_all;		/* as many queues as it can have */
	struct linuxif_queues xd_had, xd_has;	/* before, 0: not known yet; and now */
	struct linuxif_off xd_off;
	bool		 xd_shared;		/* transmit queues, by several workers */
	unsigned	 xd_nworkers;
	unsigned	 xd_nq, xd_ntx;		/* that receive; and of these, that send */
	unsigned	 xd_rings;		/* part of fr_rings */
	unsigned	 xd_turn[NK_WORKERS_MAX];
	int		 xd_wait[NK_WORKERS_MAX];	/* epoll; -1 */
	struct xdp_queue *xd_q[XDPPROG_QUEUES];
};

/* ---- closing ---- */

static void
reap(struct xdp_queue *xq, struct worker *w)
{
	const struct frames *fr = w->w_nk->nk_frames;
	uint32_t i, n = xring_ready(&xq->xq_sock.xs_done, XSOCK_RING);
	struct pkt *p;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		p = frames_at(fr, *xring_addr(&xq->xq_sock.xs_done));
		p->pkt_lent = 0;
		pkt_free(w, p);
	}
	xring_done(&xq->xq_sock.xs_done);
	xq->xq_sending -= n;
}

static void
wait_ms(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	(void)nanosleep(&ms, NULL);
}

/* What is on its way out gets a moment. */
static void
drain(struct xdp_queue *xq, struct worker *w)
{
	unsigned i;

	for (i = 0; i < CLOSE_WAIT_MS && xq->xq_sending != 0; i++) {
		xsock_send(&xq->xq_sock);
		reap(xq, w);
		if (xq->xq_sending != 0)
			wait_ms();
	}
}

/* Frames lent as that, of a socket that is closed: how many were not given back. */
static unsigned
recall(struct nk *nk, uint16_t lent, bool back)
{
	struct frames *fr = nk->nk_frames;
	unsigned i, lost = 0;
	struct pkt *p;

	for (i = 0; i < fr->fr_n; i++) {
		p = &fr->fr_pkt[i];
		if (p->pkt_lent != lent)
			continue;
		p->pkt_lent = back ? 0 : FRAME_LOST;
		if (back)
			pkt_free(nk->nk_worker[p->pkt_owner], p);
		else
			lost++;
	}
	return lost;
}

/* Without zero copy nothing is received once the socket is closed. */
static void
queue_close(struct ifnet *ifp, struct xdp_dev *xd, unsigned q, struct worker *w)
{
	struct xdp_queue *xq = xd->xd_q[q];
	bool copy = !xq->xq_sock.xs_zerocopy, gone;
	unsigned lost = 0;

	drain(xq, w);
	xsock_close(&xq->xq_sock);
	if (xq->xq_posted + xq->xq_sending != 0) {
		gone = (copy && xq->xq_sending == 0) || xsock_gone(xd->xd_index, q);
		lost = recall(ifp->if_nk, xq->xq_id, gone || copy);
		lost += recall(ifp->if_nk, xq->xq_id | LENT_SENDING, gone);
	}
	if (lost != 0)
		nk_log(ifp->if_nk, LOG_WARNING, "%s: %u buffers that Linux did not give "
		    "back are not used again", ifp->if_name, lost);
	free(xq);
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/*
 * The device as it was found.  Linux takes no queue away that has a socket, and
 * lets go of one a moment after it was closed.
 */
static void
device_back(struct xdp_dev *xd)
{
	const char *name = xd->xd_want.xw_name;
	unsigned i;

	if (memcmp(&xd->xd_had, &xd->xd_has, sizeof(xd->xd_had)) != 0)
		for (i = 0; i < BACK_WAIT_MS &&
		    linuxif_queues_set(xd->xd_ctl, name, &xd->xd_had) == EINVAL; i++)
			wait_ms();
	linuxif_on_again(xd->xd_ctl, name, &xd->xd_off);
}

static void
xdp_close(struct ifnet *ifp)
{
	struct xdp_dev *xd = ifp->if_priv;
	unsigned i;

	shut(&xd->xd_link);
	for (i = 0; i < xd->xd_nq; i++)
		if (xd->xd_q[i] != NULL)
			queue_close(ifp, xd, i, ifp->if_nk->nk_worker[i % xd->xd_nworkers]);
	for (i = 0; i < xd->xd_nworkers; i++)
		shut(&xd->xd_wait[i]);
	device_back(xd);
	shut(&xd->xd_promisc);
	shut(&xd->xd_ctl);
	if (xd->xd_prog != -1)
		xdpprog_give_back(xd->xd_prog);
	if (xd->xd_rings != 0)
		atomic_fetch_sub(&ifp->if_nk->nk_frames->fr_rings, xd->xd_rings);
	free(xd);
	ifp->if_priv = NULL;
}

/* ---- opening ---- */

static int
refuse(const struct xdp_dev *xd, int error, const char *what, char *err, size_t errlen)
{
	errno = error;
	return linuxif_refuse(xd->xd_want.xw_name, what, err, errlen);
}

/* Is there any chance?  Nothing is changed, and no memory taken, to find out. */
static int
look(struct ifnet *ifp, struct xdp_dev *xd, char *err, size_t errlen)
{
	const char *name = xd->xd_want.xw_name, *what;
	int error = linuxif_learn(ifp, name, xd->xd_ctl, &xd->xd_index, err, errlen);

	if (error != 0)
		return error;
	if (ifp->if_mtu > MTU_LIMIT) {
		snprintf(err, errlen, "%s: AF_XDP takes an MTU of at most %d here, not %u",
		    name, MTU_LIMIT, ifp->if_mtu);
		return EMSGSIZE;
	}
	if (xd->xd_want.xw_mode == XDP_ONLY_ZEROCOPY &&
	    (error = xsock_probe(xd->xd_index, &what)) != 0)
		return refuse(xd, error, what, err, errlen);
	return 0;
}

/* What the device must be like. */
static int
prepare(struct xdp_dev *xd, char *err, size_t errlen)
{
	const char *name = xd->xd_want.xw_name;
	int error = linuxif_as_sent(xd->xd_ctl, name, &xd->xd_off);
	unsigned n, ntx;

	if (error != 0)
		return refuse(xd, error, "leaving VLAN tags in frames", err, errlen);
	if (xd->xd_want.xw_mode == XDP_GENERIC)
		(void)linuxif_no_gro(xd->xd_ctl, name, &xd->xd_off);
	xd->xd_had = linuxif_queues(xd->xd_ctl, name);
	linuxif_queues_want(xd->xd_ctl, name, xd->xd_all ? XDPPROG_QUEUES : xd->xd_nworkers);
	xd->xd_has = linuxif_queues(xd->xd_ctl, name);
	n = xd->xd_has.lq_both + xd->xd_has.lq_rx;
	ntx = xd->xd_has.lq_both + xd->xd_has.lq_tx;
	if (n > XDPPROG_QUEUES) {
		snprintf(err, errlen, "%s: AF_XDP takes at most %d receive queues here, not %u",
		    name, XDPPROG_QUEUES, n);
		return E2BIG;
	}
	xd->xd_nq = n;
	xd->xd_ntx = ntx < n ? ntx : n;
	xd->xd_shared = xd->xd_ntx < xd->xd_nworkers;
	return 0;
}

static int
queue_open(struct nk *nk, struct xdp_dev *xd, unsigned q, char *err, size_t errlen)
{
	static const uint16_t flags[] = { [XDP_BETTER] = 0, [XDP_ONLY_ZEROCOPY] = XDP_ZEROCOPY,
	    [XDP_ONLY_COPY] = XDP_COPY, [XDP_GENERIC] = XDP_COPY };
	struct xdp_queue *xq = aligned_alloc(64, (sizeof(*xq) + 63) / 64 * 64);
	const char *what;
	int error;

	if (xq == NULL)
		return refuse(xd, ENOMEM, "AF_XDP", err, errlen);
	memset(xq, 0, sizeof(*xq));
	atomic_flag_clear(&xq->xq_busy);
	xq->xq_id = (uint16_t)(xd->xd_prog * XDPPROG_QUEUES + (int)q + 1);
	xd->xd_q[q] = xq;
	error = xsock_open(&xq->xq_sock, nk->nk_frames, xd->xd_index, q,
	    flags[xd->xd_want.xw_mode], &what);
	if (error != 0)
		return refuse(xd, error, what, err, errlen);
	if (xdpprog_queue(xd->xd_prog, q, xq->xq_sock.xs_fd) == -1)
		return refuse(xd, errno, "naming its socket to XDP", err, errlen);
	return 0;
}

/* A worker that serves one socket waits on that; others on all or none of theirs. */
static int
wait_open(struct xdp_dev *xd, unsigned w)
{
	struct epoll_event ev = { .events = EPOLLIN };
	unsigned q;

	if (w < xd->xd_nq && w + xd->xd_nworkers >= xd->xd_nq)
		return 0;
	xd->xd_wait[w] = epoll_create1(EPOLL_CLOEXEC);
	if (xd->xd_wait[w] == -1)
		return errno;
	for (q = w; q < xd->xd_nq; q += xd->xd_nworkers)
		if (epoll_ctl(xd->xd_wait[w], EPOLL_CTL_ADD, xd->xd_q[q]->xq_sock.xs_fd,
		    &ev) == -1)
			return errno;
	return 0;
}

static int
queues_open(struct ifnet *ifp, struct xdp_dev *xd, char *err, size_t errlen)
{
	unsigned i;
	int error = frames_new(ifp->if_nk);

	if (error != 0)
		return refuse(xd, error, "frames", err, errlen);
	for (i = 0; i < xd->xd_nq && error == 0; i++)
		error = queue_open(ifp->if_nk, xd, i, err, errlen);
	for (i = 0; i < xd->xd_nworkers && error == 0; i++)
		if ((error = wait_open(xd, i)) != 0)
			return refuse(xd, error, "epoll", err, errlen);
	if (error != 0)
		return error;
	xd->xd_rings = (xd->xd_nq + xd->xd_nworkers - 1) / xd->xd_nworkers;
	atomic_fetch_add(&ifp->if_nk->nk_frames->fr_rings, xd->xd_rings);
	return 0;
}

static int
attach(struct xdp_dev *xd, char *err, size_t errlen)
{
	bool generic = xd->xd_want.xw_mode == XDP_GENERIC;

	if (xd->xd_want.xw_promisc) {
		xd->xd_promisc = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		if (xd->xd_promisc == -1 || linuxif_promisc(xd->xd_promisc, xd->xd_index) == -1)
			return refuse(xd, errno, "promisc", err, errlen);
	}
	xd->xd_link = xdpprog_attach(xd->xd_prog, xd->xd_index, generic);
	if (xd->xd_link != -1)
		return 0;
	return refuse(xd, errno, errno == EBUSY ? "another XDP program is attached" :
	    generic ? "generic XDP" : "no native XDP", err, errlen);
}

static struct xdp_dev *
dev_new(const struct xdp_want *xw, unsigned nworkers)
{
	struct xdp_dev *xd = calloc(1, sizeof(*xd));
	unsigned i;

	if (xd == NULL)
		return NULL;
	xd->xd_want = *xw;
	xd->xd_nworkers = nworkers;
	xd->xd_prog = xd->xd_link = xd->xd_ctl = xd->xd_promisc = -1;
	for (i = 0; i < NK_WORKERS_MAX; i++)
		xd->xd_wait[i] = -1;
	return xd;
}

static int
all_open(struct ifnet *ifp, struct xdp_dev *xd, char *err, size_t errlen)
{
	int error;

	xd->xd_ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (xd->xd_ctl == -1)
		return refuse(xd, errno, "socket", err, errlen);
	error = look(ifp, xd, err, errlen);
	if (error == 0)
		error = prepare(xd, err, errlen);
	if (error != 0)
		return error;
	xd->xd_prog = xdpprog_take();
	if (xd->xd_prog == -1 && errno == EMFILE) {
		snprintf(err, errlen, "%s: at most %d interfaces are driven by AF_XDP here",
		    xd->xd_want.xw_name, XDPPROG_MAX);
		return EMFILE;
	}
	if (xd->xd_prog == -1)
		return refuse(xd, errno, "a program for XDP", err, errlen);
	error = queues_open(ifp, xd, err, errlen);
	return error != 0 ? error : attach(xd, err, errlen);
}

static int
try(struct ifnet *ifp, const struct xdp_want *xw, unsigned nq, bool all, char *err,
    size_t errlen)
{
	struct xdp_dev *xd = dev_new(xw, nq);
	int error;

	if (xd == NULL)
		return ENOMEM;
	ifp->if_priv = xd;
	xd->xd_all = all;
	error = all_open(ifp, xd, err, errlen);
	if (error != 0) {
		xdp_close(ifp);
		return error;
	}
	ifp->if_caps = 0;
	snprintf(ifp->if_mode, sizeof(ifp->if_mode), "xdp %s", xw->xw_mode == XDP_GENERIC ?
	    "generic" : xd->xd_q[0]->xq_sock.xs_zerocopy ? "zero-copy" : "copy");
	return 0;
}

/* A veth has no native XDP with fewer queues than its peer: it gets all then. */
int
xdp_open(struct ifnet *ifp, const struct xdp_want *xw, unsigned nq, char *err, size_t errlen)
{
	int error = try(ifp, xw, nq, false, err, errlen);

	return error == ENOSPC ? try(ifp, xw, nq, true, err, errlen) : error;
}

/* ---- receiving ---- */

/*
 * Each socket of a worker has its part of half of the frames.  Those that were
 * there before others came may have more, and keep it while nothing comes in
 * on them: as far as frames are short of it, the others have less.
 */
static unsigned
post_target(const struct frames *fr, struct worker *w)
{
	unsigned rings = atomic_load_explicit(&fr->fr_rings, memory_order_relaxed);
	unsigned n = FRAMES_PER_WORKER / 2 / (rings != 0 ? rings : 1);

	if (pkt_frames_scarce(w, 2 * FRAMES_SPARE))
		return POST_LEAST;
	return n < POST_MAX ? n : POST_MAX;
}

static void
post(struct xdp_queue *xq, struct worker *w)
{
	const struct frames *fr = w->w_nk->nk_frames;
	unsigned i, n, target = post_target(fr, w);
	struct pkt *p;

	if (xq->xq_posted > target - target / 4)
		return;
	n = xring_room(&xq->xq_sock.xs_fill, target - xq->xq_posted);
	for (i = 0; i < n && (p = pkt_frame(w)) != NULL; i++) {
		p->pkt_lent = xq->xq_id;
		*xring_addr(&xq->xq_sock.xs_fill) = frames_addr(fr, p->pkt_buf);
	}
	xring_give(&xq->xq_sock.xs_fill);
	xq->xq_posted += i;
	if (xring_sleeps(&xq->xq_sock.xs_fill))
		(void)recvfrom(xq->xq_sock.xs_fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/*
 * Packets that wait somewhere (for their other fragments, a neighbour, an SA)
 * hold their frames: when few are left, what comes in is copied out of its own.
 */
static struct pkt *
spared(struct worker *w, struct pkt *p)
{
	struct pkt *copy = pkt_copy(w, p);

	pkt_free(w, p);
	return copy;
}

static void
take(const struct frames *fr, const struct xdp_desc *d, struct worker *w, struct pktvec *v)
{
	struct pkt *p = frames_at(fr, d->addr);

	p->pkt_lent = 0;
	pkt_frame_begin(p, fr->fr_mem + d->addr, d->len);
	if (d->len < ETHER_HLEN)
		pkt_drop(w, p, DROP_ETH_SHORT);
	else if (d->len > FRAME_MAX)
		pkt_drop(w, p, DROP_IF_OVERSIZE);
	else if (!pkt_frames_scarce(w, FRAMES_SPARE) ||
	    (p = spared(w, p)) != NULL)
		pktvec_add(v, p);
}

static void
queue_rx(struct xdp_queue *xq, struct worker *w, struct pktvec *v)
{
	const struct frames *fr = w->w_nk->nk_frames;
	uint32_t i, n = xring_ready(&xq->xq_sock.xs_rx, PKT_VEC_MAX - v->pv_n);

	if (n != 0) {
		for (i = 0; i < n; i++)
			take(fr, xring_desc(&xq->xq_sock.xs_rx), w, v);
		xring_done(&xq->xq_sock.xs_rx);
		xq->xq_posted -= n;
	}
	post(xq, w);
}

static bool
tx_try(const struct xdp_dev *xd, struct xdp_queue *xq)
{
	return !xd->xd_shared ||
	    !atomic_flag_test_and_set_explicit(&xq->xq_busy, memory_order_acquire);
}

static void
tx_end(const struct xdp_dev *xd, struct xdp_queue *xq)
{
	if (xd->xd_shared)
		atomic_flag_clear_explicit(&xq->xq_busy, memory_order_release);
}

/* What was sent is done, and what the kernel did not take is offered again. */
static void
tx_look(const struct xdp_dev *xd, struct xdp_queue *xq, struct worker *w)
{
	if (!tx_try(xd, xq))
		return;
	if (xq->xq_sending != 0) {
		reap(xq, w);
		xsock_send(&xq->xq_sock);
	}
	tx_end(xd, xq);
}

static unsigned
xdp_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct xdp_dev *xd = ifp->if_priv;
	unsigned i, n, had = v->pv_n;

	if (q >= xd->xd_nq)
		return 0;
	n = (xd->xd_nq - q + xd->xd_nworkers - 1) / xd->xd_nworkers;
	if (n > 1)			/* each is the first in its turn */
		xd->xd_turn[q]++;
	for (i = 0; i < n; i++) {
		struct xdp_queue *xq = xd->xd_q[q + (i + xd->xd_turn[q]) % n * xd->xd_nworkers];

		queue_rx(xq, w, v);
		tx_look(xd, xq, w);
	}
	return v->pv_n - had;
}

/* ---- sending ---- */

/* The packet in a frame: itself or a copy.  NULL: dropped. */
static struct pkt *
framed(struct worker *w, struct pkt *p)
{
	struct pkt *f;

	if (__builtin_expect(p->pkt_class == PKT_CLASS_FRAME, 1))
		return p;
	if (p->pkt_len > FRAME_MAX) {
		pkt_drop(w, p, DROP_IF_OVERSIZE);
		return NULL;
	}
	f = pkt_frame(w);
	if (f == NULL) {
		pkt_drop(w, p, DROP_NOBUF);
		return NULL;
	}
	f->pkt_data = f->pkt_buf + FRAME_OFFSET;
	f->pkt_len = p->pkt_len;
	memcpy(f->pkt_data, p->pkt_data, p->pkt_len);
	pkt_free(w, p);
	return f;
}

/*
 * The rings of devices that take nothing, as they are down or have no link, must
 * not fill up with all the frames: the others need theirs to receive into.
 */
static void
xdp_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct xdp_dev *xd = ifp->if_priv;
	struct xdp_queue *xq = xd->xd_q[q % xd->xd_ntx];
	const struct frames *fr = w->w_nk->nk_frames;
	unsigned i, sent = 0, room;
	struct xdp_desc *d;
	struct pkt *p;

	while (!tx_try(xd, xq))
		continue;
	reap(xq, w);
	room = xq->xq_sending > SENDING_MAX && pkt_frames_scarce(w, 2 * FRAMES_SPARE) ? 0 :
	    xring_room(&xq->xq_sock.xs_tx, v->pv_n);
	for (i = 0; i < v->pv_n && sent < room; i++) {
		p = framed(w, v->pv_pkt[i]);
		if (p == NULL)
			continue;
		p->pkt_lent = xq->xq_id | LENT_SENDING;
		d = xring_desc(&xq->xq_sock.xs_tx);
		*d = (struct xdp_desc){ .addr = frames_addr(fr, p->pkt_data), .len = p->pkt_len };
		sent++;
	}
	xring_give(&xq->xq_sock.xs_tx);
	xq->xq_sending += sent;
	xsock_send(&xq->xq_sock);
	tx_end(xd, xq);
	counter_add(&ifp->if_count[w->w_id].ic_odrops, v->pv_n - sent);
	for (; i < v->pv_n; i++)
		pkt_drop(w, v->pv_pkt[i], DROP_TX_FULL);
	v->pv_n = 0;
}

static int
xdp_fd(struct ifnet *ifp, unsigned q)
{
	const struct xdp_dev *xd = ifp->if_priv;

	return xd->xd_wait[q] != -1 ? xd->xd_wait[q] : xd->xd_q[q]->xq_sock.xs_fd;
}

static uint64_t
xdp_drops(struct ifnet *ifp)
{
	const struct xdp_dev *xd = ifp->if_priv;
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < xd->xd_nq; i++)
		n += xsock_drops(&xd->xd_q[i]->xq_sock);
	return n;
}

static unsigned
xdp_mtu(struct ifnet *ifp)
{
	const struct xdp_dev *xd = ifp->if_priv;
	unsigned mtu = linuxif_mtu(xd->xd_ctl, xd->xd_want.xw_name);

	return mtu < MTU_LIMIT ? mtu : MTU_LIMIT;
}

const struct if_ops xdp_device_ops = {
	.io_name = "xdp",
	.io_close = xdp_close,
	.io_rx = xdp_rx,
	.io_tx = xdp_tx,
	.io_fd = xdp_fd,
	.io_mtu = xdp_mtu,
	.io_drops = xdp_drops,
};
