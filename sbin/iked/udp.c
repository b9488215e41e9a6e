/* SPDX-License-Identifier: ISC */
/*
 * The ike process's network: datagrams of ports 500 and 4500 through the
 * network kernel's UDP service (netinet/udp_msg.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ikeproc.h"
#include "libutil/cur.h"
#include "libutil/log.h"

#define IKE_PORT	500
#define NATT_PORT	4500

static void
udp_bind(struct ikeproc *ip, uint16_t port, uint16_t flags)
{
	struct udp_msg um = { .um_op = UDP_BIND, .um_lport = htons(port),
	    .um_flags = flags | UDP_M_BYPASS };

	ip->ip_io->io_udp_send(ip->ip_io->io_arg, &um, NULL, 0);
}

uint16_t
udp_natt_port(const struct iked_set *set)
{
	return set->is_nattport != 0 ? set->is_nattport : NATT_PORT;
}


/*
 * IKE SAs that are made from now on use it.  Those that are there stay with the
 * port that they have, which is bound until the socket ends.
 */
static void
natt_bound(struct ikeproc *ip, uint16_t port)
{
	ip->ip_notice[0] = '\0';
	if (port == ip->ip_natt_port)
		return;
	ip->ip_natt_port = port;
	log_info("NAT traversal uses UDP port %u from now on", port);
	ikeproc_tune(ip);
}

/* Ports for NAT traversal that this socket has. */
static bool
natt_is_bound(const struct ikeproc *ip, uint16_t port)
{
	for (unsigned i = 0; i < ip->ip_nbound; i++)
		if (ip->ip_bound[i] == port)
			return true;
	return false;
}

void
udp_bind_natt(struct ikeproc *ip)
{
	uint16_t port = udp_natt_port(&ip->ip_set);

	if (natt_is_bound(ip, port))
		natt_bound(ip, port);
	else
		udp_bind(ip, port, UDP_M_NATT);
}

void
udp_bind_ports(struct ikeproc *ip)
{
	ip->ip_nbound = 0;
	udp_bind(ip, IKE_PORT, 0);
	udp_bind_natt(ip);
}

static void
bound(struct ikeproc *ip, uint16_t port)
{
	log_debug("UDP port %u is ours", port);
	if (port == IKE_PORT || natt_is_bound(ip, port) ||
	    ip->ip_nbound == NATT_PORTS_MAX)
		return;
	ip->ip_bound[ip->ip_nbound++] = port;
	if (port == udp_natt_port(&ip->ip_set))
		natt_bound(ip, port);
}

static void
bind_failed(struct ikeproc *ip, uint16_t port, int error)
{
	log_err("UDP port %u: %s", port, strerror(error));
	if (port == ip->ip_natt_port || port != udp_natt_port(&ip->ip_set))
		return;
	(void)snprintf(ip->ip_notice, sizeof(ip->ip_notice), "set nattport %u "
	    "is not in force (%s): NAT traversal stays on UDP port %u", port,
	    strerror(error), ip->ip_natt_port);
	log_warn("%s", ip->ip_notice);
}

static enum ike_hint
hint_of(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
		return IKE_HINT_NOT_OURS;
	case EHOSTUNREACH:
		return IKE_HINT_NO_ROUTE;
	case ENETDOWN:
		return IKE_HINT_IF_DOWN;
	case EPERM:
		return IKE_HINT_BLOCKED;
	case EHOSTDOWN:
		return IKE_HINT_NO_NEIGHBOUR;
	case ENETUNREACH:
		return IKE_HINT_UNREACHABLE;
	case ECONNREFUSED:
		return IKE_HINT_NO_PORT;
	case EACCES:
		return IKE_HINT_PROHIBITED;
	default:
		return IKE_HINT_NOTHING;
	}
}

/* An error of our network kernel, or by ICMP; it quotes the IKE header. */
static void
udp_hint(struct ikeproc *ip, const struct udp_msg *um, const uint8_t *data,
    size_t len)
{
	struct cur c = cur_init(data, len);
	uint64_t spi_i = cur_u64(&c), spi_r = cur_u64(&c);
	enum ike_hint hint = hint_of(um->um_errno);

	log_debug("datagram not sent: %s", strerror(um->um_errno));
	if (cur_ok(&c) && hint != IKE_HINT_NOTHING)
		ike_hint(ip->ip_ike, ikeproc_now(ip), &um->um_raddr, spi_i,
		    spi_r, hint);
}

void
udp_message(struct ikeproc *ip, const struct udp_msg *um, const uint8_t *data,
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
		ike_input(ip->ip_ike, ikeproc_now(ip), &dg);
		break;
	case UDP_BOUND:
		bound(ip, ntohs(um->um_lport));
		break;
	case UDP_ERROR:
		if (um->um_raddr.ad_af == 0)
			bind_failed(ip, ntohs(um->um_lport), um->um_errno);
		else if (um->um_errno == EMSGSIZE && um->um_mtu != 0)
			ike_path_told(ip->ip_ike, ikeproc_now(ip),
			    &um->um_raddr, um->um_mtu);
		else
			udp_hint(ip, um, data, len);
		break;
	}
}

void
udp_datagram(struct ikeproc *ip, const struct ike_datagram *dg)
{
	struct udp_msg um = {
		.um_op = dg->dg_keepalive ? UDP_KEEPALIVE : UDP_DATA,
		.um_flags = dg->dg_df ? UDP_M_DF : 0, .um_mtu = dg->dg_piece,
		.um_lport = htons(dg->dg_lport), .um_rport = htons(dg->dg_rport),
		.um_laddr = dg->dg_local, .um_raddr = dg->dg_remote,
	};

	ip->ip_io->io_udp_send(ip->ip_io->io_arg, &um,
	    dg->dg_keepalive ? NULL : dg->dg_data,
	    dg->dg_keepalive ? 0 : dg->dg_len);
}
