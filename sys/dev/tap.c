/* SPDX-License-Identifier: ISC */
/*
 * Driver "tap": a TAP device that appears when the interface is created and
 * goes when it is destroyed.  A program or Linux itself is at its other end.
 * With "host" it is Linux, which serves what netkern does not (net/host.h):
 * its side asks for no neighbours, and has all addresses of this host
 * (dev/linuxside.h).
 *
 * Frames bear a virtio header and super-packets stay whole in both
 * directions.  With several workers the device has as many queues.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "dev/dev.h"
#include "dev/linuxside.h"
#include "dev/options.h"
#include "dev/vnet.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

#define TAP_BATCH	32

struct tap_queue {
	int			 tq_fd;
	struct vnet_slot	 tq_slot;
};

struct tap_dev {
	unsigned		 td_n;
	bool			 td_host;
	int			 td_index;	/* of the device, for Linux */
	char			 td_name[IF_NAMESIZE];
	struct tap_queue	 td_q[NK_WORKERS_MAX];
};

static int
refuse(const struct tap_dev *td, const char *what, char *err, size_t errlen)
{
	int error = errno;

	snprintf(err, errlen, "tap %s: %s: %s%s", td->td_name, what, strerror(error),
	    error == EPERM ? "; netkern must be started by root" : "");
	return error;
}

static void
tap_close(struct ifnet *ifp)
{
	struct tap_dev *td = ifp->if_priv;
	unsigned i;

	for (i = 0; i < td->td_n; i++) {
		vnet_slot_free(ifp->if_nk->nk_worker[i], &td->td_q[i].tq_slot);
		if (td->td_q[i].tq_fd != -1)
			close(td->td_q[i].tq_fd);
	}
	free(td);
	ifp->if_priv = NULL;
}

static int
queue_open(struct ifnet *ifp, struct tap_dev *td, unsigned q, char *err, size_t errlen)
{
	unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	struct ifreq ifr = { 0 };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	td->td_q[q].tq_fd = fd;
	if (fd == -1)
		return refuse(td, "/dev/net/tun", err, errlen);
	memcpy(ifr.ifr_name, td->td_name, sizeof(ifr.ifr_name));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (td->td_n > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &ifr) == -1)
		return refuse(td, "TUNSETIFF", err, errlen);
	memcpy(td->td_name, ifr.ifr_name, sizeof(td->td_name));
	if (ioctl(fd, TUNSETOFFLOAD, offload | TUN_F_USO4 | TUN_F_USO6) == 0) {
		ifp->if_caps |= IF_CAP_USO;
		return 0;
	}
	if (ioctl(fd, TUNSETOFFLOAD, offload) == -1)
		return refuse(td, "TUNSETOFFLOAD", err, errlen);
	return 0;
}

/* Linux' end of a host interface: its station and number, and routes into it. */
static int
learn_host(struct ifnet *ifp, struct tap_dev *td, int s, char *err, size_t errlen)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, td->td_name, sizeof(ifr.ifr_name));
	if (ioctl(s, SIOCGIFHWADDR, &ifr) == -1)
		return refuse(td, "reading its address", err, errlen);
	memcpy(ifp->if_peer, ifr.ifr_hwaddr.sa_data, sizeof(ifp->if_peer));
	if (ioctl(s, SIOCGIFINDEX, &ifr) == -1)
		return refuse(td, "reading its index", err, errlen);
	td->td_index = ifr.ifr_ifindex;
	errno = linuxside_default(td->td_index);
	return errno != 0 ? refuse(td, "its default route", err, errlen) : 0;
}

/* The far end's MTU, and up with it. Our own address differs from its. */
static int
learn(struct ifnet *ifp, struct tap_dev *td, char *err, size_t errlen)
{
	struct ifreq ifr = { 0 };
	int error = 0, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s == -1)
		return refuse(td, "socket", err, errlen);
	memcpy(ifr.ifr_name, td->td_name, sizeof(ifr.ifr_name));
	if (ioctl(s, SIOCGIFMTU, &ifr) == -1)
		error = refuse(td, "reading its MTU", err, errlen);
	else
		ifp->if_mtu = (uint16_t)ifr.ifr_mtu;
	if (error == 0 && (ioctl(s, SIOCGIFFLAGS, &ifr) == -1 ||
	    (ifr.ifr_flags |= (short)(IFF_UP | (td->td_host ? IFF_NOARP : 0)),
	    ioctl(s, SIOCSIFFLAGS, &ifr)) == -1))
		error = refuse(td, "setting it up", err, errlen);
	if (error == 0 && td->td_host)
		error = learn_host(ifp, td, s, err, errlen);
	close(s);
	nk_rand(ifp->if_nk, ifp->if_mac, sizeof(ifp->if_mac));
	ifp->if_mac[0] = 0x02;		/* locally administered */
	return error;
}

/* [NAME][,host] */
static int
arguments(struct ifnet *ifp, struct tap_dev *td, const char *arg, char *err, size_t errlen)
{
	const struct ifnet *other = ifp->if_nk->nk_ifs->it_host;
	size_t n = strcspn(arg, ",");

	td->td_host = strcmp(arg + n, ",host") == 0;
	if (n >= sizeof(td->td_name) || (arg[n] != '\0' && !td->td_host)) {
		snprintf(err, errlen, "driver tap wants a name of at most 15 letters, or none, "
		    "and may be told 'host' behind a comma");
		return EINVAL;
	}
	memcpy(td->td_name, arg, n);
	if (!td->td_host)
		return 0;
	if (other != NULL) {
		snprintf(err, errlen, "%s is the host interface already", other->if_name);
		return EEXIST;
	}
	ifp->if_flags |= IF_F_HOST;
	return 0;
}

static int
tap_open(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct tap_dev *td = calloc(1, sizeof(*td));
	unsigned i;
	int error;

	if (td == NULL)
		return ENOMEM;
	ifp->if_priv = td;
	td->td_n = nq;
	for (i = 0; i < nq; i++)
		td->td_q[i].tq_fd = -1;
	error = arguments(ifp, td, arg, err, errlen);
	ifp->if_caps = IF_CAP_CSUM | IF_CAP_TSO;
	for (i = 0; i < nq && error == 0; i++)
		error = queue_open(ifp, td, i, err, errlen);
	if (error == 0)
		error = learn(ifp, td, err, errlen);
	if (error != 0)
		tap_close(ifp);
	return error;
}

static unsigned
tap_rx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct tap_queue *tq = &((struct tap_dev *)ifp->if_priv)->td_q[q];
	unsigned had = v->pv_n;
	struct pkt *p;
	ssize_t n;

	while (!pktvec_full(v) && v->pv_n - had < TAP_BATCH) {
		if (!vnet_slot_fill(w, &tq->tq_slot))
			break;
		n = readv(tq->tq_fd, tq->tq_slot.vs_iov, 2);
		if (n <= 0)
			break;
		p = vnet_slot_take(&tq->tq_slot, (size_t)n);
		if (p == NULL)
			counter_add(&w->w_drop[DROP_ETH_SHORT], 1);
		else
			pktvec_add(v, p);
	}
	return v->pv_n - had;
}

static void
tap_tx(struct ifnet *ifp, unsigned q, struct worker *w, struct pktvec *v)
{
	struct tap_queue *tq = &((struct tap_dev *)ifp->if_priv)->td_q[q];
	struct virtio_net_hdr h;
	struct iovec iov[2] = { { &h, sizeof(h) }, { NULL, 0 } };
	struct pkt *p;
	unsigned i;

	for (i = 0; i < v->pv_n; i++) {
		p = v->pv_pkt[i];
		vnet_tx(p, &h);
		iov[1].iov_base = p->pkt_data;
		iov[1].iov_len = p->pkt_len;
		if (writev(tq->tq_fd, iov, 2) >= 0) {
			pkt_free(w, p);
			continue;
		}
		counter_add(&ifp->if_count[w->w_id].ic_odrops, 1);
		pkt_drop(w, p, DROP_TX_FULL);
	}
	v->pv_n = 0;
}

static int
tap_fd(struct ifnet *ifp, unsigned q)
{
	return ((struct tap_dev *)ifp->if_priv)->td_q[q].tq_fd;
}

/* What Linux does not take is told; the packets that it concerns say more. */
static void
tap_addr(struct ifnet *ifp, const struct if_addr *ia, bool add)
{
	const struct tap_dev *td = ifp->if_priv;
	char text[ADDR_STRLEN];
	int error = linuxside_addr(td->td_index, &ia->ia_addr, ia->ia_plen, add);

	if (error != 0)
		nk_log(ifp->if_nk, LOG_WARNING, "%s: Linux does not %s %s: %s", ifp->if_name,
		    add ? "take" : "give up", addr_print(&ia->ia_addr, text), strerror(error));
}

const struct if_ops tap_ops = {
	.io_name = "tap",
	.io_open = tap_open,
	.io_close = tap_close,
	.io_rx = tap_rx,
	.io_tx = tap_tx,
	.io_fd = tap_fd,
	.io_addr = tap_addr,
};
