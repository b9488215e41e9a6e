/* SPDX-License-Identifier: ISC */
/*
 * Driver "packet": a Linux network interface through AF_PACKET sockets, one
 * a worker, joined by PACKET_FANOUT so that both directions of a flow reach
 * the same one.
 *
 * Frames come and go with a virtio header (dev/vnet.h), so that super-packets
 * stay whole, many with one recvmmsg(2) or sendmmsg(2): the system calls
 * themselves, because musl's sendmmsg() is a loop of sendmsg(2).  The padding
 * of its struct msghdr, which the kernel reads, is zero here.  Frames that carry a
 * VLAN tag are for another interface: a filter keeps them out, as the tag
 * itself is not in the frame.  What this host itself sends is not seen, and
 * what the interface receives is kept from it (dev/ingress.h).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "dev/dev.h"
#include "dev/ingress.h"
#include "dev/linuxif.h"
#include "dev/options.h"
#include "dev/vnet.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING	23
#endif

#define BATCH		PKT_VEC_MAX
#define BATCH_LARGE	16		/* while super-packets come: stay in the cache */
#define QUEUE_BYTES	(32 << 20)

struct packet_queue {
	int			 pq_fd;
	unsigned		 pq_batch;
	struct vnet_slot	 pq_slot[BATCH];
	struct mmsghdr		 pq_rx[BATCH];
	struct mmsghdr		 pq_tx[BATCH];
	struct iovec		 pq_txiov[BATCH][2];
	struct virtio_net_hdr	 pq_txhdr[BATCH];
};

struct packet_dev {
	unsigned		 pd_n;
	int			 pd_index;
	bool			 pd_promisc, pd_shared;
	int			 pd_hold;	/* dev/ingress.h; -1 */
	char			 pd_name[IF_NAMESIZE];
	struct packet_queue	*pd_q[NK_WORKERS_MAX];
};

/* ---- opening ---- */

static int
refuse(const struct packet_dev *pd, const char *what, char *err, size_t errlen)
{
	return linuxif_refuse(pd->pd_name, what, err, errlen);
}

static int
parse(struct packet_dev *pd, const char *arg, char *err, size_t errlen)
{
	struct option_iter oi;

	option_start(&oi, arg);
	if (!option_next(&oi) || oi.oi_value[0] != '\0' ||
	    strlen(oi.oi_name) >= sizeof(pd->pd_name)) {
		snprintf(err, errlen, "driver packet wants the name of a Linux interface, such as eth0");
		return EINVAL;
	}
	memcpy(pd->pd_name, oi.oi_name, strlen(oi.oi_name) + 1);
	while (option_next(&oi)) {
		if (strcmp(oi.oi_name, "promisc") == 0)
			pd->pd_promisc = true;
		else if (strcmp(oi.oi_name, "shared") == 0)
			pd->pd_shared = true;
		else {
			snprintf(err, errlen, "driver packet has no option '%s'; "
			    "there are: promisc, shared", oi.oi_name);
			return EINVAL;
		}
	}
	return 0;
}

/* Refuses frames whose VLAN tag the kernel has taken off. */
static int
filter_vlan(int fd)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		    (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0 },
		{ BPF_RET | BPF_K, 0, 0, 0x40000 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static void
buffers(int fd, int force, int ask)
{
	int n = QUEUE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, force, &n, sizeof(n)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, ask, &n, sizeof(n));
}

static int
bind_to(const struct packet_dev *pd, int fd)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = pd->pd_index };

	if (bind(fd, (struct sockaddr *)&sll, sizeof(sll)) == -1)
		return -1;
	return pd->pd_promisc ? linuxif_promisc(fd, pd->pd_index) : 0;
}

/* The first socket founds a group with an id of the kernel's choice. */
static int
fanout(int fd, uint32_t *group)
{
	socklen_t len = sizeof(*group);
	uint32_t v = *group;

	if (v == 0)
		v = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &v, sizeof(v)) == -1)
		return -1;
	if (*group == 0) {
		if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, group, &len) == -1)
			return -1;
		*group = (*group & 0xffff) | PACKET_FANOUT_HASH << 16;
	}
	return 0;
}

static int
queue_open(const struct packet_dev *pd, struct packet_queue *pq, uint32_t *group,
    char *err, size_t errlen)
{
	int fd = pq->pq_fd, one = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == -1)
		return refuse(pd, "PACKET_VNET_HDR", err, errlen);
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	buffers(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	buffers(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (filter_vlan(fd) == -1)
		return refuse(pd, "filter", err, errlen);
	if (bind_to(pd, fd) == -1)
		return refuse(pd, "bind", err, errlen);
	if (pd->pd_n > 1 && fanout(fd, group) == -1)
		return refuse(pd, "PACKET_FANOUT", err, errlen);
	return 0;
}

static struct packet_queue *
queue_new(void)
{
	struct packet_queue *pq = calloc(1, sizeof(*pq));
	unsigned i;

	if (pq == NULL)
		return NULL;
	pq->pq_batch = BATCH;
	for (i = 0; i < BATCH; i++) {
		pq->pq_rx[i].msg_hdr.msg_iov = pq->pq_slot[i].vs_iov;
		pq->pq_rx[i].msg_hdr.msg_iovlen = 2;
		pq->pq_txiov[i][0].iov_base = &pq->pq_txhdr[i];
		pq->pq_txiov[i][0].iov_len = sizeof(pq->pq_txhdr[i]);
		pq->pq_tx[i].msg_hdr.msg_iov = pq->pq_txiov[i];
		pq->pq_tx[i].msg_hdr.msg_iovlen = 2;
	}
	/* protocol 0: receives nothing before bind */
	pq->pq_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (pq->pq_fd == -1) {
		free(pq);
		return NULL;
	}
	return pq;
}

static void
packet_close(struct ifnet *ifp)
{
	struct packet_dev *pd = ifp->if_priv;
	struct packet_queue *pq;
	unsigned i, j;

	for (i = 0; i < pd->pd_n; i++) {
		pq = pd->pd_q[i];
		if (pq == NULL)
			continue;
		for (j = 0; j < BATCH; j++)
			vnet_slot_free(ifp->if_nk->nk_worker[i], &pq->pq_slot[j]);
		close(pq->pq_fd);
		free(pq);
	}
	if (pd->pd_hold != -1)
		close(pd->pd_hold);
	free(pd);
	ifp->if_priv = NULL;
}

static int
queues_open(struct ifnet *ifp, struct packet_dev *pd, char *err, size_t errlen)
{
	uint32_t group = 0;
	unsigned i;
	int error;

	for (i = 0; i < pd->pd_n; i++) {
		pd->pd_q[i] = queue_new();
		if (pd->pd_q[i] == NULL)
			return refuse(pd, "AF_PACKET", err, errlen);
		if (i == 0) {
			error = linuxif_learn(ifp, pd->pd_name, pd->pd_q[0]->pq_fd,
			    &pd->pd_index, err, errlen);
			if (error != 0)
				return error;
		}
		error = queue_open(pd, pd->pd_q[i], &group, err, errlen);
		if (error != 0)
			return error;
	}
	return 0;
}

/* What comes in is ours alone. */
static void
keep_from_linux(struct ifnet *ifp, struct packet_dev *pd)
{
	int error;

	pd->pd_hold = ingress_hold(pd->pd_index);
	if (pd->pd_hold == -1 && (error = ingress_quiet(pd->pd_name)) != 0)
		nk_log(ifp->if_nk, LOG_WARNING, "%s: Linux sees what comes in on %s, too: %s",
		    ifp->if_name, pd->pd_name, strerror(error));
}

static int
packet_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct packet_dev *pd = calloc(1, sizeof(*pd));
	int error;

	if (pd == NULL)
		return ENOMEM;
	ifp->if_priv = pd;
	pd->pd_n = nq;
	pd->pd_hold = -1;
	error = parse(pd, arg, err, errlen);
	if (error == 0)
		error = queues_open(ifp, pd, err, errlen);
	if (error != 0) {
		packet_close(ifp);
		return error;
	}
	if (!pd->pd_shared)
		keep_from_linux(ifp, pd);
	ifp->if_caps = IF_CAP_CSUM | IF_CAP_TSO | (vnet_has_uso() ? IF_CAP_USO : 0);
	return 0;
}

/* ---- receiving ---- */

static unsigned
slots_fill(struct packet_queue *pq, struct worker *w, unsigned want)
{
	unsigned i;

	for (i = 0; i < want && vnet_slot_fill(w, &pq->pq_slot[i]); i++)
		continue;
	return i;
}

static unsigned
packet_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct packet_queue *pq = ((struct packet_dev *)ifp->if_priv)->pd_q[q];
	unsigned i, room = PKT_VEC_MAX - v->pv_n, had = v->pv_n;
	bool large = false;
	struct pkt *p;
	int n;

	if (room > pq->pq_batch)
		room = pq->pq_batch;
	room = slots_fill(pq, w, room);
	if (room == 0)
		return 0;
	n = (int)syscall(SYS_recvmmsg, pq->pq_fd, pq->pq_rx, room,
	    MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	for (i = 0; i < (unsigned)n; i++) {
		p = vnet_slot_take(&pq->pq_slot[i], pq->pq_rx[i].msg_len);
		if (p == NULL) {
			counter_add(&w->w_drop[DROP_ETH_SHORT], 1);
			continue;
		}
		large |= p->pkt_len > VNET_FIRST;
		pktvec_add(v, p);
	}
	pq->pq_batch = large ? BATCH_LARGE : BATCH;
	return v->pv_n - had;
}

/* ---- sending ---- */

static void
tx_done(struct ifnet *ifp, struct worker *w, struct pkt *p, bool sent)
{
	if (sent) {
		pkt_free(w, p);
		return;
	}
	counter_add(&ifp->if_count[w->w_id].ic_odrops, 1);
	pkt_drop(w, p, DROP_TX_FULL);
}

static void
packet_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct packet_queue *pq = ((struct packet_dev *)ifp->if_priv)->pd_q[q];
	unsigned i, done, n = v->pv_n;
	int r;

	for (i = 0; i < n; i++) {
		vnet_tx(v->pv_pkt[i], &pq->pq_txhdr[i]);
		pq->pq_txiov[i][1].iov_base = v->pv_pkt[i]->pkt_data;
		pq->pq_txiov[i][1].iov_len = v->pv_pkt[i]->pkt_len;
	}
	for (i = 0; i < n; i = done) {
		r = (int)syscall(SYS_sendmmsg, pq->pq_fd, pq->pq_tx + i, n - i,
		    MSG_DONTWAIT);
		done = r > 0 ? i + (unsigned)r : i;
		for (; i < done; i++)
			tx_done(ifp, w, v->pv_pkt[i], true);
		if (r <= 0)		/* this one does not go: the next may */
			tx_done(ifp, w, v->pv_pkt[done++], false);
	}
	v->pv_n = 0;
}

static int
packet_fd(struct ifnet *ifp, unsigned q)
{
	return ((struct packet_dev *)ifp->if_priv)->pd_q[q]->pq_fd;
}

/* Linux sends no frame of more than its own MTU. */
static unsigned
packet_mtu(struct ifnet *ifp)
{
	const struct packet_dev *pd = ifp->if_priv;

	return linuxif_mtu(pd->pd_q[0]->pq_fd, pd->pd_name);
}

const struct if_ops packet_ops = {
	.io_name = "packet",
	.io_open = packet_open,
	.io_close = packet_close,
	.io_rx = packet_rx,
	.io_tx = packet_tx,
	.io_fd = packet_fd,
	.io_mtu = packet_mtu,
};
