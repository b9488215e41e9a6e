/* SPDX-License-Identifier: ISC */
/*
 * Routes and neighbours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libctl/json.h"
#include "net/fib.h"
#include "netstat.h"

static const struct {
	uint16_t	 bit;
	char		 letter;
} letters[] = {
	{ RT_F_GATEWAY, 'G' }, { RT_F_STATIC, 'S' }, { RT_F_CONNECTED, 'C' },
	{ RT_F_LOCAL, 'l' }, { RT_F_REJECT, 'R' }, { RT_F_BLACKHOLE, 'B' },
};

static void
one_route(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	char dst[PREFIX_STRLEN], gw[ADDR_STRLEN] = "link", flags[12] = "U";
	struct ctl_route m;
	unsigned i, n = 1;

	if (len != sizeof(m))
		return;
	memcpy(&m, body, sizeof(m));
	if (m.cr_gw.ad_af != 0)
		addr_print(&m.cr_gw, gw);
	prefix_print(&m.cr_dst, dst);
	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if ((m.cr_flags & letters[i].bit) != 0)
			flags[n++] = letters[i].letter;
	if (m.cr_dst.pr_len == addr_bits(&m.cr_dst.pr_addr))
		flags[n++] = 'H';
	flags[n] = '\0';
	if (!op->op_json) {
		printf("%-24s %-20s %-7s %5u %5u  %s\n",
		    m.cr_dst.pr_len == 0 ? "default" : dst, gw, flags, m.cr_prio,
		    m.cr_mtu, m.cr_ifname);
		return;
	}
	json_object(NULL);
	json_string("destination", dst);
	json_string("gateway", gw);
	json_string("flags", flags);
	json_number("priority", m.cr_prio);
	json_number("mtu", m.cr_mtu);
	json_string("interface", m.cr_ifname);
	json_object_end();
}

void
show_routes(struct ctl_client *cl, const struct options *op)
{
	struct options copy = *op;

	if (op->op_json)
		json_array("routes");
	else
		printf("%-24s %-20s %-7s %5s %5s  %s\n", "Destination", "Gateway", "Flags",
		    "Prio", "Mtu", "Iface");
	ctl_must(cl, CTL_RT_LIST, NULL, 0, one_route, &copy);
	if (op->op_json)
		json_array_end();
}

static void
one_neighbour(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	char addr[ADDR_STRLEN], mac[18], expires[24];
	struct ctl_neigh m;

	if (len != sizeof(m))
		return;
	memcpy(&m, body, sizeof(m));
	addr_print(&m.cn_addr, addr);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m.cn_mac[0], m.cn_mac[1],
	    m.cn_mac[2], m.cn_mac[3], m.cn_mac[4], m.cn_mac[5]);
	snprintf(expires, sizeof(expires), "%" PRIu64 "s", m.cn_expires_s);
	if (!op->op_json) {
		printf("%-24s %-20s %-12s %s\n", addr, mac,
		    m.cn_permanent ? "permanent" : expires, m.cn_ifname);
		return;
	}
	json_object(NULL);
	json_string("address", addr);
	json_string("lladdr", mac);
	json_bool("permanent", m.cn_permanent != 0);
	json_number("expires", m.cn_expires_s);
	json_string("interface", m.cn_ifname);
	json_object_end();
}

void
show_neighbours(struct ctl_client *cl, const struct options *op)
{
	struct options copy = *op;

	if (op->op_json)
		json_array("neighbours");
	else
		printf("%-24s %-20s %-12s %s\n", "Address", "Station", "Expires", "Iface");
	ctl_must(cl, CTL_ARP_LIST, NULL, 0, one_neighbour, &copy);
	if (op->op_json)
		json_array_end();
}
