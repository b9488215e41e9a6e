/* SPDX-License-Identifier: ISC */
/*
 * The ike process's network: datagrams of ports 500 and 4500 through the
 * network kernel's UDP service (netinet/udp_msg.h).
 */
#include <arpa/inet.h>
#include <string.h>

#include "ikeproc.h"
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

void
udp_bind_ports(struct ikeproc *ip)
{
	uint16_t natt = ip->ip_set.is_nattport;

	udp_bind(ip, IKE_PORT, 0);
	udp_bind(ip, natt != 0 ? natt : NATT_PORT, UDP_M_NATT);
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

void
udp_datagram(struct ikeproc *ip, const struct ike_datagram *dg)
{
	struct udp_msg um = {
		.um_op = dg->dg_keepalive ? UDP_KEEPALIVE : UDP_DATA,
		.um_lport = htons(dg->dg_lport), .um_rport = htons(dg->dg_rport),
		.um_laddr = dg->dg_local, .um_raddr = dg->dg_remote,
	};

	ip->ip_io->io_udp_send(ip->ip_io->io_arg, &um,
	    dg->dg_keepalive ? NULL : dg->dg_data,
	    dg->dg_keepalive ? 0 : dg->dg_len);
}
