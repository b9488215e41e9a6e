/* SPDX-License-Identifier: ISC */
/*
 * Workers: their making, their turn, and what passes between threads.
 *
 * A turn empties the rings from the other workers, runs posted jobs, fires
 * timers, flushes transmit queues, and ends at a quiescent point.  Worker 0
 * also serves what has no worker of its own: the slow timers, and freeing
 * what was retired.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/xform.h"
#include "kern/nk.h"
#include "kern/pool.h"
#include "kern/worker.h"
#include "net/if.h"
#include "netinet/ip.h"
#include "netipsec/ipsec.h"
#include "pf/flow.h"

#define SMALL_DEFAULT	16384
#define LARGE_DEFAULT	768

struct worker_job {
	struct worker_job	*wj_next;
	void			(*wj_fn)(struct worker *, void *);
	void			*wj_arg;
};

/* ---- life ---- */

static int
rings_init(struct worker *w, unsigned nworkers)
{
	unsigned i;

	for (i = 0; i < nworkers; i++) {
		if (i == w->w_id)
			continue;
		w->w_in[i] = aligned_alloc(_Alignof(struct ring), sizeof(struct ring));
		if (w->w_in[i] == NULL)
			return ENOMEM;
		ring_init(w->w_in[i]);
	}
	return 0;
}

int
worker_init(struct nk *nk, unsigned id, struct clock_now now)
{
	const struct nk_conf *nc = &nk->nk_conf;
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	if (w == NULL)
		return ENOMEM;
	memset(w, 0, sizeof(*w));
	nk->nk_worker[id] = w;
	w->w_nk = nk;
	w->w_id = id;
	w->w_now = now;
	w->w_wakefd = w->w_cpu = -1;
	wheel_init(&w->w_wheel, now.now_ns);
	w->w_pool = pkt_pool_new(id, nc->nc_small != 0 ? nc->nc_small : SMALL_DEFAULT,
	    nc->nc_large != 0 ? nc->nc_large : LARGE_DEFAULT);
	if (w->w_pool == NULL)
		return ENOMEM;
	return rings_init(w, nk->nk_nworkers);
}

static void
jobs_free(struct worker *w)
{
	struct worker_job *wj, *next;

	for (wj = atomic_exchange(&w->w_jobs, NULL); wj != NULL; wj = next) {
		next = wj->wj_next;
		free(wj);
	}
}

void
worker_fini(struct worker *w)
{
	unsigned i;

	if (w == NULL)
		return;
	jobs_free(w);
	for (i = 0; i < NK_WORKERS_MAX; i++)
		free(w->w_in[i]);
	pkt_pool_free(w->w_pool);
	w->w_nk->nk_worker[w->w_id] = NULL;
	free(w);
}

/* ---- between threads ---- */

/* The fence pairs with the one between w_asleep and worker_pending() in the shell. */
void
worker_wake(struct worker *w)
{
	static const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->w_asleep, memory_order_relaxed) != 0 &&
	    w->w_wakefd != -1 && write(w->w_wakefd, &one, sizeof(one)) == -1)
		return;		/* full: it is awake already */
}

static void
worker_wake_others(struct worker *w)
{
	uint32_t m;

	for (m = w->w_wake; m != 0; m &= m - 1)
		worker_wake(w->w_nk->nk_worker[__builtin_ctz(m)]);
	w->w_wake = 0;
}

int
worker_post(struct worker *w, void (*fn)(struct worker *, void *), void *arg)
{
	struct worker_job *wj = malloc(sizeof(*wj));

	if (wj == NULL)
		return ENOMEM;
	wj->wj_fn = fn;
	wj->wj_arg = arg;
	wj->wj_next = atomic_load_explicit(&w->w_jobs, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&w->w_jobs, &wj->wj_next, wj))
		continue;
	worker_wake(w);
	return 0;
}

/* Jobs in the order in which they were posted. */
static void
jobs_run(struct worker *w)
{
	struct worker_job *wj, *next, *list = NULL;

	for (wj = atomic_exchange(&w->w_jobs, NULL); wj != NULL; wj = next) {
		next = wj->wj_next;
		wj->wj_next = list;
		list = wj;
	}
	for (wj = list; wj != NULL; wj = next) {
		next = wj->wj_next;
		wj->wj_fn(w, wj->wj_arg);
		free(wj);
	}
}

void
worker_handover(struct worker *from, unsigned to, struct pkt *p, enum handover stage)
{
	struct worker *w = from->w_nk->nk_worker[to];

	p->pkt_stage = (uint8_t)stage;
	if (!ring_put(w->w_in[from->w_id], p)) {
		pkt_drop(from, p, DROP_RING_FULL);
		return;
	}
	counter_add(&from->w_count[CNT_HANDOVER], 1);
	from->w_wake |= 1u << to;
}

/* One vector from a ring, sorted by where the packets go on. */
static void
ring_dispatch(struct worker *w, struct pkt **pkts, unsigned n)
{
	struct pktvec flow, seal, open, frag;
	unsigned i;

	flow.pv_n = seal.pv_n = open.pv_n = frag.pv_n = 0;
	for (i = 0; i < n; i++)
		switch ((enum handover)pkts[i]->pkt_stage) {
		case HANDOVER_FLOW:
			pktvec_add(&flow, pkts[i]);
			break;
		case HANDOVER_SEAL:
			pktvec_add(&seal, pkts[i]);
			break;
		case HANDOVER_OPEN:
			pktvec_add(&open, pkts[i]);
			break;
		case HANDOVER_FRAG:
			pktvec_add(&frag, pkts[i]);
			break;
		case HANDOVER_FREE:
			pkt_free(w, pkts[i]);
			break;
		}
	if (open.pv_n != 0)
		ipsec_input(w, &open);
	if (frag.pv_n != 0)
		ip_input(w, &frag);
	if (flow.pv_n != 0)
		ip_flow(w, &flow);
	if (seal.pv_n != 0)
		ipsec_output(w, &seal);
}

/* At most one ring's worth from each, so that a turn ends. */
static void
rings_drain(struct worker *w)
{
	struct pkt *pkts[PKT_VEC_MAX];
	unsigned i, n, got;

	for (i = 0; i < w->w_nk->nk_nworkers; i++) {
		if (w->w_in[i] == NULL)
			continue;
		for (got = 0; got < RING_SIZE; got += n) {
			n = ring_get(w->w_in[i], pkts, PKT_VEC_MAX);
			if (n == 0)
				break;
			ring_dispatch(w, pkts, n);
		}
	}
}

bool
worker_pending(const struct worker *w)
{
	unsigned i;

	if (atomic_load(&w->w_jobs) != NULL || w->w_txdirty != 0)
		return true;
	for (i = 0; i < w->w_nk->nk_nworkers; i++)
		if (w->w_in[i] != NULL && atomic_load(&w->w_in[i]->rg_head) !=
		    atomic_load(&w->w_in[i]->rg_tail))
			return true;
	return false;
}

/* ---- the turn ---- */

/* Worker 0: slow timers once a tick, and freeing what was retired. */
static void
slow_turn(struct worker *w, struct clock_now now)
{
	struct nk *nk = w->w_nk;

	if (now.now_ns / TIMER_TICK_NS != w->w_slow_tick) {
		w->w_slow_tick = now.now_ns / TIMER_TICK_NS;
		nk_lock(nk);
		wheel_advance(&nk->nk_wheel, now.now_ns);
		nk_unlock(nk);
	}
	if (atomic_load_explicit(&nk->nk_epoch.ep_pending,
	    memory_order_relaxed) != 0 &&
	    pthread_mutex_trylock(&nk->nk_lock) == 0) {
		epoch_reclaim(&nk->nk_epoch);
		nk_unlock(nk);
	}
}

void
worker_turn(struct worker *w, struct clock_now now)
{
	struct epoch *ep = &w->w_nk->nk_epoch;
	uint64_t sample = epoch_sample(ep, w->w_id);

	w->w_now = now;
	if (w->w_nk->nk_nworkers > 1)
		rings_drain(w);
	if (atomic_load_explicit(&w->w_jobs, memory_order_relaxed) != NULL)
		jobs_run(w);
	wheel_advance(&w->w_wheel, now.now_ns);
	if (w->w_id == 0)
		slow_turn(w, now);
	if_flush(w);
	worker_wake_others(w);
	epoch_quiescent(ep, w->w_id, sample);
}

uint64_t
worker_deadline(const struct worker *w)
{
	struct nk *nk = w->w_nk;
	uint64_t slow = UINT64_MAX, own = wheel_next(&w->w_wheel);

	if (worker_pending(w))
		return 0;
	if (w->w_id == 0) {
		nk_lock(nk);
		slow = wheel_next(&nk->nk_wheel);
		nk_unlock(nk);
	}
	return own < slow ? own : slow;
}

/* ---- standing still ---- */

void
worker_thread_begin(struct worker *w)
{
	nk_lock(w->w_nk);
	w->w_nk->nk_threads++;
	nk_unlock(w->w_nk);
}

void
worker_thread_end(struct worker *w)
{
	nk_lock(w->w_nk);
	w->w_nk->nk_threads--;
	pthread_cond_broadcast(&w->w_nk->nk_park);
	nk_unlock(w->w_nk);
}

void
worker_park(struct worker *w)
{
	struct nk *nk = w->w_nk;

	if (atomic_load_explicit(&nk->nk_stop, memory_order_relaxed) == 0)
		return;
	nk_lock(nk);
	nk->nk_parked++;
	pthread_cond_broadcast(&nk->nk_park);
	while (atomic_load(&nk->nk_stop) != 0)
		pthread_cond_wait(&nk->nk_go, &nk->nk_lock);
	nk->nk_parked--;
	nk_unlock(nk);
}

void
nk_stop_workers(struct nk *nk)
{
	unsigned i;

	atomic_fetch_add(&nk->nk_stop, 1);
	for (i = 0; i < nk->nk_nworkers; i++)
		worker_wake(nk->nk_worker[i]);
	while (nk->nk_parked < nk->nk_threads)
		pthread_cond_wait(&nk->nk_park, &nk->nk_lock);
}

void
nk_start_workers(struct nk *nk)
{
	if (atomic_fetch_sub(&nk->nk_stop, 1) == 1)
		pthread_cond_broadcast(&nk->nk_go);
}
