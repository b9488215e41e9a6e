/* SPDX-License-Identifier: ISC */
/*
 * A Linux interface's properties.
 */
#include "dev/linuxif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/if.h"

int
linuxif_refuse(const char *name, const char *what, char *err, size_t errlen)
{
	int error = errno;

	snprintf(err, errlen, "%s: %s: %s%s", name, what, strerror(error),
	    error == EPERM ? "; netkern must be started by root" : "");
	return error;
}

static void
request(struct ifreq *ifr, const char *name)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, name, strnlen(name, sizeof(ifr->ifr_name) - 1));
}

int
linuxif_learn(struct ifnet *ifp, const char *name, int fd, int *ifindex,
    char *err, size_t errlen)
{
	struct ifreq ifr;

	request(&ifr, name);
	if (ioctl(fd, SIOCGIFINDEX, &ifr) == -1)
		return linuxif_refuse(name, "no such Linux interface", err, errlen);
	*ifindex = ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) == -1)
		return linuxif_refuse(name, "reading its address", err, errlen);
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		snprintf(err, errlen, "%s: is no Ethernet interface, and others are not driven",
		    name);
		return EPFNOSUPPORT;
	}
	memcpy(ifp->if_mac, ifr.ifr_hwaddr.sa_data, sizeof(ifp->if_mac));
	if (ioctl(fd, SIOCGIFMTU, &ifr) == -1)
		return linuxif_refuse(name, "reading its MTU", err, errlen);
	ifp->if_mtu = ifr.ifr_mtu > 65535 ? 65535 : (uint16_t)ifr.ifr_mtu;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == -1)
		return linuxif_refuse(name, "reading its flags", err, errlen);
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) == -1)
		return linuxif_refuse(name, "setting it up", err, errlen);
	return 0;
}

unsigned
linuxif_mtu(int fd, const char *name)
{
	struct ifreq ifr;

	request(&ifr, name);
	if (ioctl(fd, SIOCGIFMTU, &ifr) == -1 || ifr.ifr_mtu < 0 || ifr.ifr_mtu > 65535)
		return 65535;
	return (unsigned)ifr.ifr_mtu;
}

int
linuxif_promisc(int fd, int ifindex)
{
	struct packet_mreq mr = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr));
}

/* ---- ethtool ---- */

static int
ethtool(int fd, const char *name, void *data)
{
	struct ifreq ifr;

	request(&ifr, name);
	ifr.ifr_data = data;
	return ioctl(fd, SIOCETHTOOL, &ifr) == -1 ? errno : 0;
}

int
linuxif_as_sent(int fd, const char *name, struct linuxif_off *was)
{
	const uint32_t off = ETH_FLAG_RXVLAN | ETH_FLAG_LRO;
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };
	int error = ethtool(fd, name, &v);

	if (error != 0)
		return error;
	if ((v.data & off) == 0)
		return 0;
	was->lo_flags |= v.data & off;
	v.cmd = ETHTOOL_SFLAGS;
	v.data &= ~off;
	error = ethtool(fd, name, &v);
	if (error != 0)
		return error;
	v.cmd = ETHTOOL_GFLAGS;
	error = ethtool(fd, name, &v);
	return error == 0 && (v.data & off) != 0 ? EOPNOTSUPP : error;
}

int
linuxif_no_gro(int fd, const char *name, struct linuxif_off *was)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GGRO };
	int error = ethtool(fd, name, &v);

	if (error != 0 || v.data == 0)
		return error;
	was->lo_gro = true;
	v = (struct ethtool_value){ .cmd = ETHTOOL_SGRO };
	return ethtool(fd, name, &v);
}

void
linuxif_on_again(int fd, const char *name, const struct linuxif_off *was)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };

	if (was->lo_flags != 0 && ethtool(fd, name, &v) == 0) {
		v.cmd = ETHTOOL_SFLAGS;
		v.data |= was->lo_flags;
		(void)ethtool(fd, name, &v);
	}
	if (was->lo_gro) {
		v = (struct ethtool_value){ .cmd = ETHTOOL_SGRO, .data = 1 };
		(void)ethtool(fd, name, &v);
	}
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

struct linuxif_queues
linuxif_queues(int fd, const char *name)
{
	struct ethtool_channels ec = { .cmd = ETHTOOL_GCHANNELS };

	if (ethtool(fd, name, &ec) != 0 || ec.combined_count + ec.rx_count == 0 ||
	    ec.combined_count + ec.tx_count == 0)
		return (struct linuxif_queues){ .lq_both = 1 };
	return (struct linuxif_queues){ .lq_both = ec.combined_count, .lq_rx = ec.rx_count,
	    .lq_tx = ec.tx_count };
}

int
linuxif_queues_set(int fd, const char *name, const struct linuxif_queues *q)
{
	struct ethtool_channels ec = { .cmd = ETHTOOL_GCHANNELS };
	int error = ethtool(fd, name, &ec);

	if (error != 0)
		return error;
	ec.cmd = ETHTOOL_SCHANNELS;
	ec.combined_count = q->lq_both;
	ec.rx_count = q->lq_rx;
	ec.tx_count = q->lq_tx;
	return ethtool(fd, name, &ec);
}

void
linuxif_queues_want(int fd, const char *name, unsigned want)
{
	struct ethtool_channels ec = { .cmd = ETHTOOL_GCHANNELS };
	struct linuxif_queues q = { .lq_both = 0 };

	if (ethtool(fd, name, &ec) != 0 || (ec.combined_count + ec.rx_count == want &&
	    ec.combined_count + ec.tx_count >= want))
		return;
	if (ec.max_combined != 0) {
		q.lq_both = least(want, ec.max_combined);
	} else {
		q.lq_rx = least(want, ec.max_rx);
		q.lq_tx = least(want, ec.max_tx);
	}
	if (q.lq_both != ec.combined_count || q.lq_rx != ec.rx_count ||
	    q.lq_tx != ec.tx_count)
		(void)linuxif_queues_set(fd, name, &q);
}
