/* SPDX-License-Identifier: ISC */
/*
 * SAs without their keys, for members of the socket's group: key.sock, which
 * gives keys out, is root's alone.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "netipsec/ipsec_var.h"
#include "netipsec/sa_list.h"

struct put {
	struct ctl_reply	*pu_reply;
	int			 pu_error;
};

/* The date of the last packet; 0: none yet. */
static uint64_t
last_use(const struct sa *sa)
{
	struct clock_now now = ipsec_clock(sa->sa_nk);
	uint64_t ago = now.now_ns > sa->sa_last_ns ? now.now_ns - sa->sa_last_ns : 0;

	return sa->sa_last_ns == 0 ? 0 : (uint64_t)now.now_wall - ago / NSEC_PER_SEC;
}

static void
put_one(void *arg, struct sa *sa)
{
	struct put *pu = arg;
	struct ctl_sa cs;

	if (pu->pu_error != 0 || (sa->sa_state != SA_MATURE && sa->sa_state != SA_DYING))
		return;
	memset(&cs, 0, sizeof(cs));
	cs.cs_spi = ntohl(sa->sa_spi);
	cs.cs_reqid = sa->sa_reqid;
	cs.cs_in = (sa->sa_flags & SA_F_IN) != 0;
	cs.cs_dying = sa->sa_state == SA_DYING;
	cs.cs_tunnel = sa->sa_mode == SA_TUNNEL;
	cs.cs_natt = (sa->sa_flags & SA_F_NATT) != 0;
	cs.cs_worker = sa->sa_worker;
	cs.cs_src = sa->sa_src;
	cs.cs_dst = sa->sa_dst;
	cs.cs_packets = sa->sa_packets;
	cs.cs_bytes = sa->sa_bytes;
	cs.cs_drops = sa_dropped(sa);
	cs.cs_added = sa->sa_added;
	cs.cs_last = last_use(sa);
	(void)snprintf(cs.cs_name, sizeof(cs.cs_name), "%s", sa->sa_name);
	pu->pu_error = pu->pu_reply->cr_put(pu->pu_reply, &cs, sizeof(cs));
}

int
sa_list(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	struct put pu = { cr, 0 };

	(void)now;
	(void)cq;
	sad_walk(nk, put_one, &pu);
	return pu.pu_error;
}
