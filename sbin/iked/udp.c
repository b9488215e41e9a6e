/* SPDX-License-Identifier: ISC */
/*
 * The ike process's network: datagrams of ports 500 and 4500 through the
 * network kernel's UDP service (netinet/udp_msg.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ikeproc.h"
#include "libutil/log.h"
#include "netinet/udp_msg.h"

#define IKE_PORT	500
#define SOURCE_WAIT_MS	500

static void
udp_bind(int fd, uint16_t port, uint16_t flags)
{
	struct udp_msg um = { .um_op = UDP_BIND, .um_lport = htons(port),
	    .um_flags = flags | UDP_M_BYPASS };

	if (send(fd, &um, sizeof(um), MSG_NOSIGNAL) == -1)
		log_warn("cannot bind UDP port %u: %s", port, strerror(errno));
}

void
udp_attach(struct ikeproc *ip, int fd)
{
	if (ip->ip_udp != -1)
		close(ip->ip_udp);
	ip->ip_udp = fd;
	udp_bind(fd, IKE_PORT, 0);
	udp_bind(fd, ip->ip_set.is_nattport != 0 ? ip->ip_set.is_nattport :
	    4500, UDP_M_NATT);
}

static void
udp_take(struct ikeproc *ip, const struct udp_msg *um, const uint8_t *data,
    size_t len)
{
	struct ike_datagram dg = {
		.dg_local = um->um_laddr, .dg_remote = um->um_raddr,
		.dg_lport = ntohs(um->um_lport), .dg_rport = ntohs(um->um_rport),
		.dg_natt = ntohs(um->um_lport) != IKE_PORT,
		.dg_data = data, .dg_len = len
	};

	switch (um->um_op) {
	case UDP_DATA:
		ike_input(ip->ip_ike, now_ms(), &dg);
		break;
	case UDP_BOUND:
		log_debug("UDP port %u is ours", ntohs(um->um_lport));
		break;
	case UDP_ERROR:
		if (um->um_raddr.ad_af == 0)
			log_err("UDP port %u: %s", ntohs(um->um_lport),
			    strerror(um->um_errno));
		else
			log_debug("datagram not sent: %s",
			    strerror(um->um_errno));
		break;
	}
}

/* Some records at a time, so that a flood leaves room for other sockets. */
void
udp_read(struct ikeproc *ip)
{
	static uint8_t data[UDP_DATA_MAX];
	struct udp_msg um;
	struct iovec iov[2] = { { &um, sizeof(um) }, { data, sizeof(data) } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	for (int i = 0; i < 64 && ip->ip_udp != -1; i++) {
		ssize_t n = recvmsg(ip->ip_udp, &m, MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < (ssize_t)sizeof(um)) {
			ikeproc_kernel_gone(ip);
			return;
		}
		udp_take(ip, &um, data, (size_t)n - sizeof(um));
	}
}

void
udp_send(struct ikeproc *ip, const struct ike_datagram *dg)
{
	struct udp_msg um = {
		.um_op = dg->dg_keepalive ? UDP_KEEPALIVE : UDP_DATA,
		.um_lport = htons(dg->dg_lport), .um_rport = htons(dg->dg_rport),
		.um_laddr = dg->dg_local, .um_raddr = dg->dg_remote,
	};
	struct iovec iov[2] = { { &um, sizeof(um) }, { 0 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 1 };

	if (ip->ip_udp == -1)
		return;		/* may be lost; libike sends it again */
	if (!dg->dg_keepalive) {
		memcpy(&iov[1].iov_base, &dg->dg_data, sizeof(void *));
		iov[1].iov_len = dg->dg_len;
		m.msg_iovlen = 2;
	}
	if (sendmsg(ip->ip_udp, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("datagram not sent: %s", strerror(errno));
}

/* Asked on a socket of its own, so that no datagram comes in between. */
bool
udp_source(struct ikeproc *ip, const struct addr *dst, struct addr *src)
{
	struct udp_msg um = { .um_op = UDP_SOURCE, .um_raddr = *dst };
	struct pollfd p = { .fd = ip->ip_source, .events = POLLIN };

	if (ip->ip_source == -1 ||
	    send(ip->ip_source, &um, sizeof(um), MSG_NOSIGNAL) == -1)
		return false;
	while (poll(&p, 1, SOURCE_WAIT_MS) == 1) {
		if (recv(ip->ip_source, &um, sizeof(um), MSG_DONTWAIT) !=
		    (ssize_t)sizeof(um))
			return false;
		if (!addr_equal(&um.um_raddr, dst))
			continue;	/* a late answer to another question */
		*src = um.um_laddr;
		return um.um_op == UDP_SOURCE && src->ad_af != 0;
	}
	return false;
}
