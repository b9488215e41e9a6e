/* SPDX-License-Identifier: ISC */
/*
 * What netstat(1) asks: counters and drops by reason, and how the workers do.
 *
 * Workers write their numbers without locks and nobody else writes them; a
 * reader sees each number whole, and no two of them at the same instant.
 */
#include "kern/counters.h"

#include <stdio.h>

#include "kern/ctl.h"
#include "kern/pool.h"
#include "pf/flow.h"

uint64_t
nk_count(const struct nk *nk, enum counter c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++)
		sum += counter_get(&nk->nk_worker[i]->w_count[c]);
	return sum;
}

uint64_t
nk_drops(const struct nk *nk, enum drop_reason why)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < nk->nk_nworkers; i++)
		sum += counter_get(&nk->nk_worker[i]->w_drop[why]);
	return sum;
}

static int
put(struct ctl_reply *cr, bool drop, const char *area, const char *name,
    const char *text, uint64_t value)
{
	struct ctl_counter cc = { .cc_value = value, .cc_is_drop = drop };

	snprintf(cc.cc_area, sizeof(cc.cc_area), "%s", area);
	snprintf(cc.cc_name, sizeof(cc.cc_name), "%s", name);
	snprintf(cc.cc_text, sizeof(cc.cc_text), "%s", text);
	return cr->cr_put(cr, &cc, sizeof(cc));
}

static int
op_counters(struct nk *nk, struct clock_now now, struct ctl_request *rq,
    struct ctl_reply *cr)
{
	unsigned i;
	int error = 0;

	(void)now;
	(void)rq;
	for (i = 0; i < CNT_MAX && error == 0; i++)
		error = put(cr, false, counter_area(i), counter_name(i),
		    counter_text(i), nk_count(nk, i));
	for (i = DROP_NONE + 1; i < DROP_MAX && error == 0; i++)
		error = put(cr, true, drop_area(i), drop_name(i),
		    drop_text(i), nk_drops(nk, i));
	return error;
}

static void
worker_describe(struct worker *w, struct ctl_worker *cw)
{
	struct pkt_usage u;

	pkt_pool_usage(w->w_pool, &u);
	*cw = (struct ctl_worker){
		.cw_id = w->w_id, .cw_cpu = w->w_cpu,
		.cw_small = u.pu_small, .cw_small_free = u.pu_small_free,
		.cw_large = u.pu_large, .cw_large_free = u.pu_large_free,
		.cw_frames = u.pu_frames, .cw_frames_free = u.pu_frames_free,
		.cw_flows = flow_count(w), .cw_turns = w->w_turns,
		.cw_busy_turns = w->w_busy, .cw_sleeps = w->w_sleeps,
	};
}

static int
op_workers(struct nk *nk, struct clock_now now, struct ctl_request *rq,
    struct ctl_reply *cr)
{
	struct ctl_worker cw[NK_WORKERS_MAX];
	unsigned i;
	int error = 0;

	(void)now;
	(void)rq;
	nk_stop_workers(nk);
	for (i = 0; i < nk->nk_nworkers; i++)
		worker_describe(nk->nk_worker[i], &cw[i]);
	nk_start_workers(nk);
	for (i = 0; i < nk->nk_nworkers && error == 0; i++)
		error = cr->cr_put(cr, &cw[i], sizeof(cw[i]));
	return error;
}

static const struct ctl_entry counters_ops[] = {
	{ CTL_COUNTERS, false, 0, 0, op_counters },
	{ CTL_WORKERS, false, 0, 0, op_workers },
	{ 0, false, 0, 0, NULL }
};

int
counters_init(struct nk *nk)
{
	return ctl_register(nk, counters_ops);
}
