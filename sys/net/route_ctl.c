/* SPDX-License-Identifier: ISC */
/*
 * Routes and neighbours over the control socket (see route_ctl.h).
 *
 *	RT_ADD, RT_DELETE, RT_GET	one struct ctl_route
 *	RT_LIST, RT_FLUSH		empty; LIST is answered by one ctl_route each
 *	ARP_SET, ARP_DELETE		one struct ctl_neigh
 *	ARP_LIST			empty; answered by one ctl_neigh each
 *
 * RT_GET looks up the address in cr_dst as a packet would.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kern/ctl.h"
#include "net/arp.h"
#include "net/fib.h"
#include "net/route_ctl.h"

static int
refuse(struct ctl_reply *cr, int error, const char *why)
{
	(void)snprintf(cr->cr_err, sizeof(cr->cr_err), "%s", why);
	return error;
}

static const char *
route_error(int error)
{
	switch (error) {
	case EEXIST:
		return "this route exists";
	case ENOENT:
		return "no such route";
	case ENETUNREACH:
		return "the gateway is on no connected network";
	case EINVAL:
		return "destination has host bits set, or families differ";
	case ENOMEM:
		return "out of memory";
	default:
		return "cannot change routes";
	}
}

/* The interface that a message names: NULL with 0 if it names none. */
static int
named_if(struct nk *nk, const char name[CTL_NAME], struct ifnet **out)
{
	*out = NULL;
	if (name[0] == '\0')
		return 0;
	if (memchr(name, '\0', CTL_NAME) == NULL)
		return EINVAL;
	*out = if_find(nk, name);
	return *out == NULL ? ENXIO : 0;
}

static int
rt_add(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	struct ctl_route m;
	struct route rt = { 0 };
	int error;

	(void)now;
	(void)cur_copy(&cq->cq_body, &m, sizeof(m));
	if ((error = named_if(nk, m.cr_ifname, &rt.rt_if)) != 0)
		return refuse(cr, error, "no such interface");
	rt.rt_dst = m.cr_dst;
	rt.rt_gw = m.cr_gw;
	rt.rt_flags = RT_F_STATIC | (m.cr_flags & (RT_F_REJECT | RT_F_BLACKHOLE));
	rt.rt_mtu = m.cr_mtu;
	rt.rt_prio = m.cr_prio;
	error = fib_add(nk, &rt);
	return error == 0 ? 0 : refuse(cr, error, route_error(error));
}

static int
rt_delete(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	const struct route *rt;
	struct ctl_route m;
	int error;

	(void)now;
	(void)cur_copy(&cq->cq_body, &m, sizeof(m));
	rt = fib_exact(nk, &m.cr_dst);
	if (rt != NULL && m.cr_gw.ad_af == 0 &&
	    (rt->rt_flags & (RT_F_CONNECTED | RT_F_LOCAL)))
		return refuse(cr, EPERM, "this route goes with an interface's address");
	error = fib_delete(nk, &m.cr_dst, &m.cr_gw);
	return error == 0 ? 0 : refuse(cr, error, route_error(error));
}

/* A list under way; once the client does not take a record, no more are made. */
struct listing {
	struct ctl_reply	*ls_reply;
	uint64_t		 ls_ticks;	/* now */
	int			 ls_error;
};

static void
put_route(void *arg, const struct route *rt)
{
	struct listing *ls = arg;
	struct ctl_route m = { .cr_dst = rt->rt_dst, .cr_gw = rt->rt_gw,
	    .cr_flags = rt->rt_flags, .cr_mtu = rt->rt_mtu, .cr_prio = rt->rt_prio };

	if (ls->ls_error != 0)
		return;
	if (rt->rt_if != NULL)
		(void)snprintf(m.cr_ifname, sizeof(m.cr_ifname), "%s", rt->rt_if->if_name);
	ls->ls_error = ls->ls_reply->cr_put(ls->ls_reply, &m, sizeof(m));
}

static int
rt_get(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	struct listing ls = { .ls_reply = cr };
	const struct route *rt;
	struct ctl_route m;

	(void)now;
	(void)cur_copy(&cq->cq_body, &m, sizeof(m));
	if (m.cr_dst.pr_addr.ad_af != AF_INET && m.cr_dst.pr_addr.ad_af != AF_INET6)
		return refuse(cr, EINVAL, "no address given");
	if ((rt = fib_lookup(nk, &m.cr_dst.pr_addr)) == NULL)
		return refuse(cr, ESRCH, "no route");
	put_route(&ls, rt);
	return ls.ls_error;
}

static int
rt_list(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	struct listing ls = { .ls_reply = cr };

	(void)now;
	(void)cq;
	fib_walk(nk, put_route, &ls);
	return ls.ls_error;
}

static int
rt_flush(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	(void)now;
	(void)cq;
	(void)cr;
	fib_flush(nk);
	return 0;
}

static void
put_neigh(void *arg, const struct neigh *ne)
{
	struct listing *ls = arg;
	struct ctl_neigh m = { .cn_addr = ne->ne_addr, .cn_state = ne->ne_state,
	    .cn_permanent = ne->ne_permanent };

	(void)snprintf(m.cn_ifname, sizeof(m.cn_ifname), "%s", ne->ne_if->if_name);
	if (ne->ne_valid)
		memcpy(m.cn_mac, ne->ne_eth, sizeof(m.cn_mac));
	if (timer_armed(&ne->ne_timer) && ne->ne_timer.tm_when > ls->ls_ticks)
		m.cn_expires_s = (ne->ne_timer.tm_when - ls->ls_ticks) *
		    TIMER_TICK_NS / NSEC_PER_SEC;
	if (ls->ls_error == 0)
		ls->ls_error = ls->ls_reply->cr_put(ls->ls_reply, &m, sizeof(m));
}

static int
arp_ctl_list(struct nk *nk, struct clock_now now, struct ctl_request *cq,
    struct ctl_reply *cr)
{
	struct listing ls = { .ls_reply = cr, .ls_ticks = now.now_ns / TIMER_TICK_NS };

	(void)cq;
	arp_walk(nk, put_neigh, &ls);
	return ls.ls_error;
}

static int
arp_ctl_set(struct nk *nk, struct clock_now now, struct ctl_request *cq,
    struct ctl_reply *cr)
{
	struct ctl_neigh m;
	int error;

	(void)now;
	(void)cur_copy(&cq->cq_body, &m, sizeof(m));
	error = arp_set(nk, &m.cn_addr, m.cn_mac);
	if (error == ENETUNREACH)
		return refuse(cr, error, "the address is on no connected network");
	if (error == EINVAL)
		return refuse(cr, error, "not an address of one station");
	return error == 0 ? 0 : refuse(cr, error, "neighbour table full");
}

static int
arp_ctl_delete(struct nk *nk, struct clock_now now, struct ctl_request *cq,
    struct ctl_reply *cr)
{
	struct ctl_neigh m;
	int error;

	(void)now;
	(void)cur_copy(&cq->cq_body, &m, sizeof(m));
	error = arp_delete(nk, &m.cn_addr);
	return error == 0 ? 0 : refuse(cr, error, "no such neighbour");
}

int
route_ctl_init(struct nk *nk)
{
	static const struct ctl_entry table[] = {
		{ CTL_RT_ADD,	  true,  sizeof(struct ctl_route), sizeof(struct ctl_route), rt_add },
		{ CTL_RT_DELETE,  true,  sizeof(struct ctl_route), sizeof(struct ctl_route), rt_delete },
		{ CTL_RT_GET,	  false, sizeof(struct ctl_route), sizeof(struct ctl_route), rt_get },
		{ CTL_RT_LIST,	  false, 0, 0, rt_list },
		{ CTL_RT_FLUSH,	  true,  0, 0, rt_flush },
		{ CTL_ARP_LIST,	  false, 0, 0, arp_ctl_list },
		{ CTL_ARP_SET,	  true,  sizeof(struct ctl_neigh), sizeof(struct ctl_neigh), arp_ctl_set },
		{ CTL_ARP_DELETE, true,  sizeof(struct ctl_neigh), sizeof(struct ctl_neigh), arp_ctl_delete },
		{ 0, false, 0, 0, NULL }
	};

	return ctl_register(nk, table);
}
