/* SPDX-License-Identifier: ISC */
/*
 * The flow table: slots, buckets, expiry (see flow_table.h).
 *
 * Slots are one array, allocated at start and touched only as they are
 * used.  A flow's timer is not moved by its packets: when it fires, it looks
 * when the last packet was, and goes back to sleep for what is left.  Only
 * a change of state that shortens the timeout moves it.  While the table is
 * so full that timeouts shrink (adaptive.start), a sweep that passes the
 * whole table in two seconds ends what timers would find too late.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "pf/flow_table.h"
#include "pf/pfvar.h"
#include "pf/track.h"

#define FLOWS_DEFAULT	(1u << 18)	/* a worker */
#define FLOWS_MIN	64u
#define SWEEP_PARTS	20		/* of the table, one each SWEEP_NS */
#define SWEEP_NS	(100 * NSEC_PER_MSEC)
#define CROWD_NS	(150 * NSEC_PER_SEC)	/* above what one packet of a stranger is remembered */

static void	flow_sweep(void *, uint64_t);

static uint32_t
flow_buckets(uint32_t flows)
{
	uint32_t n = 16;

	/* two entries a flow at most, half full at most */
	while (n < flows / 2)
		n *= 2;
	return n;
}

/* All zero, and no memory until a flow is near: a table is 8 MB. */
static struct flow_bucket *
buckets_new(uint32_t n)
{
	void *m = mmap(NULL, n * sizeof(struct flow_bucket), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

int
flow_table_init(struct worker *w)
{
	struct flow_table *ft = calloc(1, sizeof(*ft));
	uint32_t max = w->w_nk->nk_conf.nc_flows;
	uint32_t n;

	if (ft == NULL)
		return ENOMEM;
	if (max == 0)
		max = FLOWS_DEFAULT;
	if (max < FLOWS_MIN)
		max = FLOWS_MIN;
	n = flow_buckets(max);
	ft->ft_worker = w;
	ft->ft_max = max;
	ft->ft_mask = n - 1;
	ft->ft_bucket = buckets_new(n);
	ft->ft_flow = aligned_alloc(64, (size_t)max * sizeof(*ft->ft_flow));
	ft->ft_free = malloc((size_t)max * sizeof(*ft->ft_free));
	timer_init(&ft->ft_sweep, flow_sweep, ft);
	w->w_flows = ft;
	if (ft->ft_bucket == NULL || ft->ft_flow == NULL || ft->ft_free == NULL) {
		flow_table_fini(w);
		return ENOMEM;
	}
	return 0;
}

void
flow_table_fini(struct worker *w)
{
	struct flow_table *ft = w->w_flows;

	if (ft == NULL)
		return;
	if (ft->ft_flow != NULL)
		flow_flush(w);
	timer_clear(&w->w_wheel, &ft->ft_sweep);
	if (ft->ft_bucket != NULL)
		munmap(ft->ft_bucket, ((size_t)ft->ft_mask + 1) * sizeof(*ft->ft_bucket));
	free(ft->ft_flow);
	free(ft->ft_free);
	free(ft);
	w->w_flows = NULL;
}

uint64_t
flow_count(struct worker *w)
{
	return w->w_flows == NULL ? 0 : w->w_flows->ft_states;
}

uint64_t
flow_capacity(struct worker *w)
{
	return w->w_flows == NULL ? 0 : w->w_flows->ft_max;
}

/* ---- buckets ---- */

static bool
bucket_put(struct flow_bucket *b, uint32_t hash, uint32_t entry)
{
	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		if (b->fb_sig[i] == 0) {
			b->fb_entry[i] = entry;
			b->fb_sig[i] = hash;
			return true;
		}
	return false;
}

static bool
bucket_drop(struct flow_bucket *b, uint32_t hash, uint32_t entry)
{
	for (unsigned i = 0; i < BUCKET_SLOTS; i++)
		if (b->fb_sig[i] == hash && b->fb_entry[i] == entry) {
			b->fb_sig[i] = b->fb_entry[i] = 0;
			return true;
		}
	return false;
}

static bool
table_put(struct flow_table *ft, uint32_t hash, uint32_t entry)
{
	return bucket_put(flow_bucket1(ft, hash), hash, entry) ||
	    bucket_put(flow_bucket2(ft, hash), hash, entry);
}

static struct flow *
bucket_find(const struct flow_table *ft, const struct flow_bucket *b,
    const struct flow_key *k, uint32_t hash, unsigned *dir)
{
	for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
		struct flow *fl;

		if (b->fb_sig[i] != hash)
			continue;
		fl = &ft->ft_flow[(b->fb_entry[i] - 1) / 2];
		if (flow_is(fl, k, dir))
			return fl;
	}
	return NULL;
}

struct flow *
flow_find(struct worker *w, const struct flow_key *k, uint32_t hash, unsigned *dir)
{
	const struct flow_table *ft = w->w_flows;
	struct flow *fl = bucket_find(ft, flow_bucket1(ft, hash), k, hash, dir);

	return fl != NULL ? fl :
	    bucket_find(ft, flow_bucket2(ft, hash), k, hash, dir);
}

/* ---- flows ---- */

static struct flow *
slot_get(struct flow_table *ft)
{
	if (ft->ft_nfree != 0)
		return &ft->ft_flow[ft->ft_free[--ft->ft_nfree]];
	if (ft->ft_fresh < ft->ft_max)
		return &ft->ft_flow[ft->ft_fresh++];
	return NULL;
}

static uint32_t
slot_index(const struct flow_table *ft, const struct flow *fl)
{
	return (uint32_t)(fl - ft->ft_flow);
}

/* This worker's share of a figure that counts for all. */
static uint64_t
share(const struct flow_table *ft, uint64_t all)
{
	unsigned n = ft->ft_worker->w_nk->nk_nworkers;

	return (all + n - 1) / n;
}

/* From how many states on timeouts shrink, and where they come to nothing. */
static void
adaptive(const struct flow_table *ft, uint64_t *start, uint64_t *end)
{
	const struct pf_options *po = pf_options(ft->ft_worker->w_nk);
	uint64_t cap = ft->ft_max;

	*start = share(ft, po->po_timeout[PF_TM_ADAPTIVE_START]);
	*end = share(ft, po->po_timeout[PF_TM_ADAPTIVE_END]);
	if (*end != 0)
		return;
	if (po->po_limit_states != 0 && share(ft, po->po_limit_states) < cap)
		cap = share(ft, po->po_limit_states);
	if (*start == 0)
		*start = cap * 6 / 10;
	*end = cap * 12 / 10;
}

uint64_t
flow_end_ns(const struct flow_table *ft, const struct flow *fl)
{
	uint64_t t = track_timeout(fl, pf_options(ft->ft_worker->w_nk)) * NSEC_PER_SEC;
	uint64_t start, end;

	adaptive(ft, &start, &end);
	if (ft->ft_states > start && end > start)
		t = ft->ft_states >= end ? 0 : t / (end - start) * (end - ft->ft_states);
	return fl->fl_last_ns + t;
}

static void
flow_expire(void *arg, uint64_t now_ns)
{
	struct flow *fl = arg;
	struct worker *w = fl->fl_owner;
	uint64_t end = flow_end_ns(w->w_flows, fl);

	if (end > now_ns)
		timer_set(&w->w_wheel, &fl->fl_timer, end);
	else
		flow_remove(w, fl);
}

static void
sweep_arm(struct flow_table *ft, uint64_t now_ns)
{
	uint64_t start, end;

	adaptive(ft, &start, &end);
	if (ft->ft_states > start && !timer_armed(&ft->ft_sweep))
		timer_set(&ft->ft_worker->w_wheel, &ft->ft_sweep, now_ns + SWEEP_NS);
}

static void
flow_sweep(void *arg, uint64_t now_ns)
{
	struct flow_table *ft = arg;

	for (uint32_t n = ft->ft_fresh / SWEEP_PARTS + 64; n != 0; n--) {
		struct flow *fl;

		if (ft->ft_sweep_at >= ft->ft_fresh)
			ft->ft_sweep_at = 0;
		fl = &ft->ft_flow[ft->ft_sweep_at++];
		if ((fl->fl_flags & FL_USED) && flow_end_ns(ft, fl) <= now_ns)
			flow_remove(ft->ft_worker, fl);
	}
	sweep_arm(ft, now_ns);
}

/* The flow of a bucket that ends before *end, which then says when; best otherwise. */
static struct flow *
bucket_soonest(const struct flow_table *ft, const struct flow_bucket *b, struct flow *best,
    uint64_t *end)
{
	for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
		struct flow *fl = &ft->ft_flow[(b->fb_entry[i] - 1) / 2];
		uint64_t ends = flow_end_ns(ft, fl);

		if (ends < *end) {
			best = fl;
			*end = ends;
		}
	}
	return best;
}

/* Both buckets of the hash are full: room for one. */
static bool
crowd_out(struct flow_table *ft, uint32_t hash)
{
	uint64_t end = ft->ft_worker->w_now.now_ns + CROWD_NS;
	struct flow *fl = bucket_soonest(ft, flow_bucket1(ft, hash), NULL, &end);

	fl = bucket_soonest(ft, flow_bucket2(ft, hash), fl, &end);
	if (fl == NULL)
		return false;
	flow_remove(ft->ft_worker, fl);
	return true;
}

struct flow *
flow_new(struct flow_table *ft, const struct flow_key *k, uint32_t hash)
{
	struct flow *fl = slot_get(ft);
	uint32_t i;

	if (fl == NULL)
		return NULL;
	i = slot_index(ft, fl);
	if (!table_put(ft, hash, i * 2 + 1) &&
	    (!crowd_out(ft, hash) || !table_put(ft, hash, i * 2 + 1))) {
		ft->ft_free[ft->ft_nfree++] = i;
		return NULL;
	}
	memset(fl, 0, sizeof(*fl));
	fl->fl_key[0] = *k;
	flow_key_turn(&fl->fl_key[1], k);
	fl->fl_hash = hash;
	fl->fl_flags = FL_USED | FL_MIRROR;
	fl->fl_id = ++ft->ft_next_id << 8 | ft->ft_worker->w_id;
	fl->fl_owner = ft->ft_worker;
	timer_init(&fl->fl_timer, flow_expire, fl);
	ft->ft_used++;
	return fl;
}

void
flow_timer(struct worker *w, struct flow *fl)
{
	fl->fl_last_ns = w->w_now.now_ns;
	timer_set(&w->w_wheel, &fl->fl_timer, flow_end_ns(w->w_flows, fl));
	sweep_arm(w->w_flows, w->w_now.now_ns);
}

void
flow_remove(struct worker *w, struct flow *fl)
{
	struct flow_table *ft = w->w_flows;
	uint32_t entry = slot_index(ft, fl) * 2 + 1;

	if (!bucket_drop(flow_bucket1(ft, fl->fl_hash), fl->fl_hash, entry))
		(void)bucket_drop(flow_bucket2(ft, fl->fl_hash), fl->fl_hash, entry);
	timer_clear(&w->w_wheel, &fl->fl_timer);
	nk_lock(w->w_nk);
	pf_state_account(w->w_nk, fl, -1);
	nk_unlock(w->w_nk);
	if (fl->fl_flags & FL_KEEP) {
		ft->ft_states--;
		counter_add(&w->w_count[CNT_STATE_END], 1);
	}
	fl->fl_flags = 0;
	ft->ft_free[ft->ft_nfree++] = slot_index(ft, fl);
	ft->ft_used--;
	ft->ft_removals++;
}

void
flow_walk(struct worker *w, void (*fn)(void *, struct flow *), void *arg)
{
	struct flow_table *ft = w->w_flows;

	if (ft == NULL)
		return;
	/* bytes of slots that were never used are not read; fn may remove its flow */
	for (uint32_t i = 0; i < ft->ft_fresh; i++)
		if (ft->ft_flow[i].fl_flags & FL_USED)
			fn(arg, &ft->ft_flow[i]);
}

static void
flush_one(void *arg, struct flow *fl)
{
	flow_remove(arg, fl);
}

void
flow_flush(struct worker *w)
{
	flow_walk(w, flush_one, w);
}
