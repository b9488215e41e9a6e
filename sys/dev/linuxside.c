/* SPDX-License-Identifier: ISC */
/*
 * Addresses and routes by rtnetlink(7), one request at a time.
 */
#include "dev/linuxside.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libutil/cur.h"

#define ATTR_HLEN	4	/* length and type */

struct request {
	uint8_t		rq_buf[256];
	struct wcur	rq_w;
};

/* The message's header, its length still 0. */
static void
begin(struct request *rq, uint16_t type, uint16_t flags)
{
	struct nlmsghdr nh = { .nlmsg_type = type, .nlmsg_seq = 1,
	    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) };

	rq->rq_w = wcur_init(rq->rq_buf, sizeof(rq->rq_buf));
	wcur_put(&rq->rq_w, &nh, sizeof(nh));
}

static void
attr(struct request *rq, uint16_t type, const void *data, uint16_t len)
{
	struct nlattr na = { .nla_len = (uint16_t)(ATTR_HLEN + len), .nla_type = type };

	wcur_put(&rq->rq_w, &na, sizeof(na));
	wcur_put(&rq->rq_w, data, len);
}

static void
attr_u32(struct request *rq, uint16_t type, uint32_t v)
{
	attr(rq, type, &v, sizeof(v));
}

/* What Linux answers: one message with an error, which is 0 if all is well. */
static int
answer(int s)
{
	uint8_t buf[1024];
	ssize_t n = recv(s, buf, sizeof(buf), 0);
	struct cur c = cur_init(buf, n > 0 ? (size_t)n : 0);
	struct nlmsghdr nh;
	int32_t error;

	if (n == -1)
		return errno;
	if (!cur_copy(&c, &nh, sizeof(nh)) || nh.nlmsg_type != NLMSG_ERROR ||
	    !cur_copy(&c, &error, sizeof(error)))
		return EPROTO;
	return -error;
}

static int
ask(struct request *rq)
{
	uint32_t len = (uint32_t)wcur_len(&rq->rq_w);
	int s, error;

	if (!wcur_ok(&rq->rq_w))
		return EMSGSIZE;
	memcpy(rq->rq_buf, &len, sizeof(len));
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (s == -1)
		return errno;
	error = send(s, rq->rq_buf, len, 0) == -1 ? errno : answer(s);
	close(s);
	return error;
}

/* A route into the device; src NULL: Linux chooses. */
static int
route(int ifindex, const struct prefix *dst, const struct addr *src)
{
	struct rtmsg rm = { .rtm_family = AF_INET, .rtm_dst_len = dst->pr_len,
	    .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
	    .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
	struct request rq;
	int error;

	begin(&rq, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	wcur_put(&rq.rq_w, &rm, sizeof(rm));
	if (dst->pr_len != 0)
		attr(&rq, RTA_DST, dst->pr_addr.ad_bytes, 4);
	if (src != NULL)
		attr(&rq, RTA_PREFSRC, src->ad_bytes, 4);
	attr_u32(&rq, RTA_OIF, (uint32_t)ifindex);
	attr_u32(&rq, RTA_PRIORITY, LINUXSIDE_METRIC);
	error = ask(&rq);
	return error == EEXIST ? 0 : error;
}

int
linuxside_default(int ifindex)
{
	struct prefix all = { .pr_addr = { .ad_af = AF_INET } };

	return route(ifindex, &all, NULL);
}

int
linuxside_addr(int ifindex, const struct addr *a, unsigned plen, bool add)
{
	struct ifaddrmsg im = { .ifa_family = AF_INET, .ifa_prefixlen = 32,
	    .ifa_index = (uint32_t)ifindex };
	struct prefix net = { .pr_addr = *a, .pr_len = (uint8_t)plen };
	struct request rq;
	int error;

	if (a->ad_af != AF_INET)
		return EAFNOSUPPORT;
	begin(&rq, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	wcur_put(&rq.rq_w, &im, sizeof(im));
	attr(&rq, IFA_LOCAL, a->ad_bytes, 4);
	attr(&rq, IFA_ADDRESS, a->ad_bytes, 4);
	error = ask(&rq);
	if (error == (add ? EEXIST : EADDRNOTAVAIL))
		error = 0;
	if (error != 0 || !add || plen >= 32)
		return error;	/* a route with that source goes with it */
	addr_mask(&net.pr_addr, plen);
	return route(ifindex, &net, a);
}
