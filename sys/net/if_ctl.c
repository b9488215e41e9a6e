/* SPDX-License-Identifier: ISC */
/*
 * What ifconfig(8) and netstat(1) -i ask of interfaces.
 */
#include "net/if_ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kern/counters.h"
#include "kern/ctl.h"
#include "net/capture.h"

#define NDRIVERS	(sizeof(((struct if_table *)0)->it_driver) / sizeof(struct if_ops *))

int
if_driver_register(struct nk *nk, const struct if_ops *ops)
{
	unsigned i;

	for (i = 0; i + 1 < NDRIVERS; i++)
		if (nk->nk_ifs->it_driver[i] == NULL) {
			nk->nk_ifs->it_driver[i] = ops;
			return 0;
		}
	return ENOSPC;
}

static const struct if_ops *
driver_find(const struct if_table *it, const char *name)
{
	unsigned i;

	for (i = 0; i < NDRIVERS && it->it_driver[i] != NULL; i++)
		if (strcmp(it->it_driver[i]->io_name, name) == 0)
			return it->it_driver[i];
	return NULL;
}

/* Reads the body; NULL with a text if the interface is not there. */
static struct ifnet *
request_if(struct nk *nk, struct ctl_request *rq, struct ctl_reply *cr, struct ctl_if *ci)
{
	struct ifnet *ifp;

	(void)cur_copy(&rq->cq_body, ci, sizeof(*ci));
	ci->ci_name[sizeof(ci->ci_name) - 1] = '\0';
	ci->ci_driver[sizeof(ci->ci_driver) - 1] = '\0';
	ci->ci_arg[sizeof(ci->ci_arg) - 1] = '\0';
	ci->ci_descr[sizeof(ci->ci_descr) - 1] = '\0';
	ifp = if_find(nk, ci->ci_name);
	if (ifp == NULL)
		snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: no such interface", ci->ci_name);
	return ifp;
}

static void
drivers_name(const struct if_table *it, char *buf, size_t len)
{
	size_t n = 0;
	unsigned i;

	buf[0] = '\0';
	for (i = 0; i < NDRIVERS && it->it_driver[i] != NULL && n < len; i++)
		n += (size_t)snprintf(buf + n, len - n, "%s%s", i == 0 ? "" : ", ",
		    it->it_driver[i]->io_name);
}

static int
op_create(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	const struct if_ops *ops;
	struct ifnet *ifp;
	struct ctl_if ci;
	char names[100];

	(void)now;
	(void)request_if(nk, rq, cr, &ci);
	ops = driver_find(nk->nk_ifs, ci.ci_driver);
	if (ops == NULL) {
		drivers_name(nk->nk_ifs, names, sizeof(names));
		snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: no driver '%s'; there are: %s",
		    ci.ci_name, ci.ci_driver, names);
		return ENODEV;
	}
	ifp = if_create(nk, ci.ci_name, ops, ci.ci_arg, cr->cr_err, sizeof(cr->cr_err));
	if (ifp == NULL)
		return EINVAL;
	nk_log(nk, 6, "%s: created, %s %s%s%s", ci.ci_name, ci.ci_driver, ci.ci_arg,
	    ifp->if_mode[0] != '\0' ? " by " : "", ifp->if_mode);
	return 0;
}

static int
op_destroy(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);
	int error;

	(void)now;
	if (ifp == NULL)
		return ENOENT;
	error = if_destroy(nk, ifp);
	if (error == EPERM)
		snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: always exists", ci.ci_name);
	return error;
}

static void
counters_sum(const struct nk *nk, struct ifnet *ifp, struct ctl_if *ci)
{
	const struct if_counters *ic;
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++) {
		ic = &ifp->if_count[i];
		ci->ci_ipackets += counter_get(&ic->ic_ipackets);
		ci->ci_ibytes += counter_get(&ic->ic_ibytes);
		ci->ci_idrops += counter_get(&ic->ic_idrops);
		ci->ci_opackets += counter_get(&ic->ic_opackets);
		ci->ci_obytes += counter_get(&ic->ic_obytes);
		ci->ci_odrops += counter_get(&ic->ic_odrops);
	}
	if (ifp->if_ops->io_drops != NULL)
		ci->ci_idrops += ifp->if_ops->io_drops(ifp);
	if (ifp == nk->nk_ifs->it_enc) {
		/* no frame is ever its own: what was opened, and what was sealed */
		ci->ci_ipackets = nk_count(nk, CNT_ESP_IN);
		ci->ci_ibytes = nk_count(nk, CNT_ESP_IN_BYTES);
		ci->ci_opackets = nk_count(nk, CNT_ESP_OUT);
		ci->ci_obytes = nk_count(nk, CNT_ESP_OUT_BYTES);
	}
}

static void
if_describe(const struct nk *nk, struct ifnet *ifp, struct ctl_if *ci)
{
	unsigned i;

	*ci = (struct ctl_if){ .ci_index = ifp->if_index, .ci_flags = ifp->if_flags,
	    .ci_caps = ifp->if_caps, .ci_mtu = ifp->if_mtu,
	    .ci_most = ifp->if_mtu == if_mtu_most(ifp), .ci_naddrs = ifp->if_naddrs };
	snprintf(ci->ci_name, sizeof(ci->ci_name), "%s", ifp->if_name);
	snprintf(ci->ci_driver, sizeof(ci->ci_driver), "%s", ifp->if_driver->io_name);
	snprintf(ci->ci_mode, sizeof(ci->ci_mode), "%s", ifp->if_mode);
	snprintf(ci->ci_arg, sizeof(ci->ci_arg), "%s", ifp->if_arg);
	snprintf(ci->ci_descr, sizeof(ci->ci_descr), "%s", ifp->if_descr);
	memcpy(ci->ci_mac, ifp->if_mac, sizeof(ci->ci_mac));
	for (i = 0; i < ifp->if_naddrs; i++) {
		ci->ci_addr[i] = ifp->if_addr[i].ia_addr;
		ci->ci_plen[i] = ifp->if_addr[i].ia_plen;
	}
	counters_sum(nk, ifp, ci);
}

static int
op_list(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	unsigned i;
	int error = 0;

	(void)now;
	(void)rq;
	for (i = 0; i < IF_MAX && error == 0; i++) {
		if (nk->nk_ifs->it_if[i] == NULL)
			continue;
		if_describe(nk, nk->nk_ifs->it_if[i], &ci);
		error = cr->cr_put(cr, &ci, sizeof(ci));
	}
	return error;
}

static int
addr_error(struct ctl_reply *cr, const struct ctl_if *ci, int error)
{
	char text[ADDR_STRLEN];
	const char *why = strerror(error);

	addr_print(&ci->ci_addr[0], text);
	if (error == EEXIST)
		why = "is an address of this router already";
	else if (error == ENOENT)
		why = "is not an address of this interface";
	else if (error == ENOSPC)
		why = "does not fit: the interface has 16 addresses";
	else if (error == EINVAL)
		why = "cannot be a host's address with this prefix length";
	if (error != 0)
		snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: %s/%u %s", ci->ci_name,
		    text, ci->ci_plen[0], why);
	return error;
}

static int
op_addr_add(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);

	(void)now;
	if (ifp == NULL)
		return ENOENT;
	return addr_error(cr, &ci, if_addr_add(nk, ifp, &ci.ci_addr[0], ci.ci_plen[0]));
}

static int
op_addr_del(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);

	(void)now;
	if (ifp == NULL)
		return ENOENT;
	return addr_error(cr, &ci, if_addr_del(nk, ifp, &ci.ci_addr[0]));
}

static int
op_flags(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);

	(void)now;
	return ifp == NULL ? ENOENT : if_set_flags(nk, ifp, ci.ci_flags);
}

static int
op_mtu(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);
	int error;

	(void)now;
	if (ifp == NULL)
		return ENOENT;
	if (ci.ci_most != 0 && ci.ci_mtu > if_mtu_most(ifp))
		ci.ci_mtu = (uint16_t)if_mtu_most(ifp);
	error = if_set_mtu(nk, ifp, ci.ci_mtu);
	if (error != 0)
		snprintf(cr->cr_err, sizeof(cr->cr_err),
		    "%s: an MTU is 68 to %u bytes%s%s%s%s", ci.ci_name,
		    if_mtu_most(ifp), ifp->if_arg[0] == '\0' ? "" : " for its device, ",
		    ifp->if_arg, ifp->if_mode[0] == '\0' ? "" : " by ", ifp->if_mode);
	return error;
}

static int
op_descr(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_if ci;
	struct ifnet *ifp = request_if(nk, rq, cr, &ci);

	(void)now;
	if (ifp == NULL)
		return ENOENT;
	memcpy(ifp->if_descr, ci.ci_descr, sizeof(ifp->if_descr));
	return 0;
}

static int
op_capture(struct nk *nk, struct clock_now now, struct ctl_request *rq, struct ctl_reply *cr)
{
	struct ctl_capture cx;
	int error, fd;

	(void)now;
	(void)cur_copy(&rq->cq_body, &cx, sizeof(cx));
	cx.cx_ifname[sizeof(cx.cx_ifname) - 1] = '\0';
	if (rq->cq_fd == -1) {
		error = capture_stop(nk, cx.cx_ifname);
		if (error != 0)
			snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: no capture runs",
			    cx.cx_ifname);
		return error;
	}
	fd = dup(rq->cq_fd);
	if (fd == -1)
		return errno;
	error = capture_start(nk, cx.cx_ifname, fd, cx.cx_snaplen);
	if (error != 0)
		close(fd);
	if (error == EBUSY)
		snprintf(cr->cr_err, sizeof(cr->cr_err),
		    "%s: a capture runs already; ifconfig %s -capture ends it",
		    cx.cx_ifname, cx.cx_ifname);
	else if (error == ENOENT)
		snprintf(cr->cr_err, sizeof(cr->cr_err), "%s: no such interface", cx.cx_ifname);
	return error;
}

#define CI	sizeof(struct ctl_if)
#define CX	sizeof(struct ctl_capture)

static const struct ctl_entry if_ctl_ops[] = {
	{ CTL_IF_CREATE, true, CI, CI, op_create },
	{ CTL_IF_DESTROY, true, CI, CI, op_destroy },
	{ CTL_IF_LIST, false, 0, 0, op_list },
	{ CTL_IF_ADDR_ADD, true, CI, CI, op_addr_add },
	{ CTL_IF_ADDR_DEL, true, CI, CI, op_addr_del },
	{ CTL_IF_FLAGS, true, CI, CI, op_flags },
	{ CTL_IF_MTU, true, CI, CI, op_mtu },
	{ CTL_IF_DESCR, true, CI, CI, op_descr },
	{ CTL_CAPTURE, true, CX, CX, op_capture },
	{ 0, false, 0, 0, NULL }
};

int
if_ctl_init(struct nk *nk)
{
	return ctl_register(nk, if_ctl_ops);
}
