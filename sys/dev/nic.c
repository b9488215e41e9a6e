/* SPDX-License-Identifier: ISC */
/*
 * Drivers "xdp" and "nic", which choose how a Linux interface is driven.
 *
 *	xdp NAME[,copy|generic][,promisc]
 *		AF_XDP, in the device's driver
 *	nic NAME[,promisc][,shared]
 *		the better one: AF_XDP if the device has zero copy, else
 *		AF_PACKET, whose super-packets are worth more than what a copy by
 *		AF_XDP saves
 *
 * What cannot be had by AF_XDP is driven by AF_PACKET: a router whose card was
 * changed for another still has its interfaces.  The reason is logged, and
 * if_mode tells what is in use.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "dev/dev.h"
#include "dev/options.h"
#include "dev/xdp.h"

struct choice {
	struct xdp_want	ch_xdp;
	bool		ch_shared;	/* Linux is to see it, too: not by XDP */
};

static bool
option(struct choice *ch, const char *word, bool nic)
{
	if (strcmp(word, "promisc") == 0)
		ch->ch_xdp.xw_promisc = true;
	else if (nic && strcmp(word, "shared") == 0)
		ch->ch_shared = true;
	else if (!nic && strcmp(word, "copy") == 0)
		ch->ch_xdp.xw_mode = XDP_ONLY_COPY;
	else if (!nic && strcmp(word, "generic") == 0)
		ch->ch_xdp.xw_mode = XDP_GENERIC;
	else
		return false;
	return true;
}

static int
parse(struct choice *ch, const char *driver, const char *arg, bool nic, char *err,
    size_t errlen)
{
	struct option_iter oi;

	option_start(&oi, arg);
	if (!option_next(&oi) || oi.oi_value[0] != '\0' ||
	    strlen(oi.oi_name) >= sizeof(ch->ch_xdp.xw_name)) {
		snprintf(err, errlen, "driver %s wants the name of a Linux interface, such as eth0",
		    driver);
		return EINVAL;
	}
	memcpy(ch->ch_xdp.xw_name, oi.oi_name, strlen(oi.oi_name) + 1);
	while (option_next(&oi))
		if (oi.oi_value[0] != '\0' || !option(ch, oi.oi_name, nic)) {
			snprintf(err, errlen, "driver %s has no option '%s'; there are: %s",
			    driver, oi.oi_name, nic ? "promisc, shared" :
			    "promisc, copy, generic");
			return EINVAL;
		}
	return 0;
}

static int
packet_instead(struct ifnet *ifp, const struct choice *ch, unsigned nq, char *err, size_t errlen)
{
	char arg[64];

	(void)snprintf(arg, sizeof(arg), "%s%s%s", ch->ch_xdp.xw_name,
	    ch->ch_xdp.xw_promisc ? ",promisc" : "", ch->ch_shared ? ",shared" : "");
	ifp->if_ops = &packet_ops;
	(void)snprintf(ifp->if_mode, sizeof(ifp->if_mode), "packet");
	return packet_ops.io_open(ifp, arg, nq, err, errlen);
}

static int
choose(struct ifnet *ifp, const struct choice *ch, unsigned nq, int priority, char *err,
    size_t errlen)
{
	int error;

	if (ch->ch_shared)
		return packet_instead(ifp, ch, nq, err, errlen);
	ifp->if_ops = &xdp_device_ops;
	error = xdp_open(ifp, &ch->ch_xdp, nq, err, errlen);
	if (error == 0 || error == EBUSY)	/* packets go to whoever has it */
		return error;
	nk_log(ifp->if_nk, priority, "%s: by AF_PACKET, not AF_XDP: %s", ifp->if_name, err);
	err[0] = '\0';
	return packet_instead(ifp, ch, nq, err, errlen);
}

static int
xdp_choose(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct choice ch = { .ch_xdp.xw_mode = XDP_BETTER };
	int error = parse(&ch, "xdp", arg, false, err, errlen);

	return error != 0 ? error : choose(ifp, &ch, nq, LOG_WARNING, err, errlen);
}

static int
nic_choose(struct ifnet *ifp, const char *arg, unsigned nq, char *err, size_t errlen)
{
	struct choice ch = { .ch_xdp.xw_mode = XDP_ONLY_ZEROCOPY };
	int error = parse(&ch, "nic", arg, true, err, errlen);

	return error != 0 ? error : choose(ifp, &ch, nq, LOG_INFO, err, errlen);
}

/* Once open, an interface has the functions of what it is driven by. */
const struct if_ops xdp_ops = { .io_name = "xdp", .io_open = xdp_choose };
const struct if_ops nic_ops = { .io_name = "nic", .io_open = nic_choose };
