/* SPDX-License-Identifier: ISC */
/*
 * What all SAs of a reqid have carried, those that have ended included: sums
 * that only grow while a tunnel is rekeyed.
 *
 * An SA's numbers are added when it leaves the SAD, and what its worker counted
 * after that when no worker can hold it any more.  A reqid that was seen once
 * keeps its entry until the network kernel ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ctl.h"
#include "netipsec/ipsec_var.h"
#include "netipsec/sa_list.h"

#define BUCKETS		4096

struct total {
	struct total		*to_next;
	struct ctl_ipsec_total	 to_sum;	/* of SAs that have ended */
	struct ctl_ipsec_total	 to_all;	/* and of those that have not, while listed */
};

struct totals {
	struct total	*ts_bucket[BUCKETS];
};

static struct total *
total_get(struct totals *ts, uint32_t reqid)
{
	struct total **pp = &ts->ts_bucket[mix64(reqid) % BUCKETS], *to;

	for (; *pp != NULL; pp = &(*pp)->to_next)
		if ((*pp)->to_sum.ct_reqid == reqid)
			return *pp;
	if ((to = calloc(1, sizeof(*to))) == NULL)
		return NULL;
	to->to_sum.ct_reqid = to->to_all.ct_reqid = reqid;
	return *pp = to;
}

/* What the SA has counted and is not in a sum yet. */
static void
add(struct ctl_ipsec_total *ct, const struct sa *sa)
{
	uint64_t packets = sa->sa_packets - sa->sa_sum_packets;
	uint64_t bytes = sa->sa_bytes - sa->sa_sum_bytes;
	uint64_t dropped = sa_dropped(sa) - sa->sa_sum_drops;

	if (sa->sa_flags & SA_F_IN) {
		ct->ct_in_packets += packets;
		ct->ct_in_bytes += bytes;
		ct->ct_in_drops += dropped;
	} else {
		ct->ct_out_packets += packets;
		ct->ct_out_bytes += bytes;
		ct->ct_out_drops += dropped;
	}
}

void
totals_add(struct nk *nk, struct sa *sa)
{
	struct total *to = sa->sa_reqid == 0 ? NULL :
	    total_get(nk->nk_sad->sd_totals, sa->sa_reqid);

	if (to == NULL)
		return;
	add(&to->to_sum, sa);
	sa->sa_sum_packets = sa->sa_packets;
	sa->sa_sum_bytes = sa->sa_bytes;
	sa->sa_sum_drops = sa_dropped(sa);
}

/* ---- control socket ------------------------------------------------- */

static void
each(struct totals *ts, void (*fn)(void *, struct total *), void *arg)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct total *to = ts->ts_bucket[i]; to != NULL; to = to->to_next)
			fn(arg, to);
}

static void
begin(void *arg, struct total *to)
{
	(void)arg;
	to->to_all = to->to_sum;
}

static void
add_live(void *arg, struct sa *sa)
{
	struct totals *ts = arg;
	struct total *to = sa->sa_reqid == 0 ? NULL : total_get(ts, sa->sa_reqid);

	if (to == NULL)
		return;
	add(&to->to_all, sa);
	if (sa->sa_state != SA_MATURE && sa->sa_state != SA_DYING)
		return;
	if (sa->sa_flags & SA_F_IN)
		to->to_all.ct_in_sas++;
	else
		to->to_all.ct_out_sas++;
}

struct put {
	struct ctl_reply	*pu_reply;
	int			 pu_error;
};

static void
put_one(void *arg, struct total *to)
{
	struct put *pu = arg;

	if (pu->pu_error == 0)
		pu->pu_error = pu->pu_reply->cr_put(pu->pu_reply, &to->to_all,
		    sizeof(to->to_all));
}

static int
op_totals(struct nk *nk, struct clock_now now, struct ctl_request *cq, struct ctl_reply *cr)
{
	struct totals *ts = nk->nk_sad->sd_totals;
	struct put pu = { cr, 0 };

	(void)now;
	(void)cq;
	each(ts, begin, NULL);
	sad_walk(nk, add_live, ts);
	each(ts, put_one, &pu);
	return pu.pu_error;
}

static const struct ctl_entry totals_ops[] = {
	{ CTL_IPSEC_TOTALS, false, 0, 0, op_totals },
	{ CTL_IPSEC_SAS, false, 0, 0, sa_list },
	{ 0, false, 0, 0, NULL }
};

int
totals_init(struct nk *nk)
{
	nk->nk_sad->sd_totals = calloc(1, sizeof(*nk->nk_sad->sd_totals));
	if (nk->nk_sad->sd_totals == NULL)
		return ENOMEM;
	return ctl_register(nk, totals_ops);
}

void
totals_fini(struct nk *nk)
{
	struct totals *ts = nk->nk_sad->sd_totals;
	struct total *to;

	for (unsigned i = 0; ts != NULL && i < BUCKETS; i++)
		while ((to = ts->ts_bucket[i]) != NULL) {
			ts->ts_bucket[i] = to->to_next;
			free(to);
		}
	free(ts);
	nk->nk_sad->sd_totals = NULL;
}
