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
linuxif_as_sent(int fd, const char *name)
{
	const uint32_t off = ETH_FLAG_RXVLAN | ETH_FLAG_LRO;
	struct ethtool_value v = { .cmd = ETHTOOL_GFLAGS };
	int error = ethtool(fd, name, &v);

	if (error != 0)
		return error;
	if ((v.data & off) == 0)
		return 0;
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
linuxif_no_gro(int fd, const char *name)
{
	struct ethtool_value v = { .cmd = ETHTOOL_SGRO };

	return ethtool(fd, name, &v);
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A device has queues that receive and send, or queues of either kind. */
unsigned
linuxif_queues(int fd, const char *name, unsigned want)
{
	struct ethtool_channels is = { .cmd = ETHTOOL_GCHANNELS }, set;
	unsigned n;

	if (ethtool(fd, name, &is) != 0)
		return 1;
	set = is;
	set.cmd = ETHTOOL_SCHANNELS;
	if (is.max_combined != 0) {
		set.combined_count = least(want, is.max_combined);
		set.rx_count = set.tx_count = 0;
	} else {
		set.rx_count = least(want, is.max_rx);
		set.tx_count = least(want, is.max_tx);
	}
	n = is.combined_count + is.rx_count;
	if (want != 0 && want != n && ethtool(fd, name, &set) == 0)
		n = set.combined_count + set.rx_count;
	return n != 0 ? n : 1;
}
