/* SPDX-License-Identifier: ISC */
/*
 * Packets that wait for an SA (RFC 4301 section 4.4.1.1, RFC 2367 section
 * 3.1.6).
 *
 * The first packet that needs an SA raises an ACQUIRE and waits with its
 * policy; when an SA comes, it is the first that is sealed.  A policy holds
 * at most SP_HOLD_MAX packets, for at most SP_HOLD_NS, and asks at most once
 * in SP_ACQUIRE_NS.  If no program is registered nobody waits.
 *
 * Buffers belong to workers, so packets that end or go on do so in a job of
 * the worker that owns them (worker_post).
 */
#include <stdlib.h>

#include "netinet/ip.h"
#include "netipsec/ipsec_var.h"
#include "netkey/key.h"

struct hold_job {
	uint32_t		 hj_policy;	/* sp_id */
	enum drop_reason	 hj_why;	/* DROP_NONE: seal */
	struct pkt		*hj_list;
};

static void
hold_timer(void *arg, uint64_t now_ns)
{
	struct sp *sp = arg;

	(void)now_ns;
	hold_drop(sp->sp_nk, sp, DROP_SPD_NO_SA);
}

void
hold_init(struct sp *sp)
{
	sp->sp_hold_end = &sp->sp_hold;
	timer_init(&sp->sp_hold_timer, hold_timer, sp);
}

void
ipsec_acquire(struct worker *w, struct sp *sp, struct pkt *p)
{
	struct nk *nk = w->w_nk;

	if (sp->sp_nhold >= SP_HOLD_MAX) {
		pkt_drop(w, p, DROP_SPD_HOLD);
		return;
	}
	if (w->w_now.now_ns >= sp->sp_acq_until) {
		if (!key_acquire(nk, w->w_now, sp, &p->pkt_key)) {
			pkt_drop(w, p, DROP_SPD_NO_SA);
			return;
		}
		sp->sp_acq_until = w->w_now.now_ns + SP_ACQUIRE_NS;
		w->w_count[CNT_SPD_ACQUIRE]++;
	}
	p->pkt_link = NULL;
	p->pkt_flow = NULL;
	*sp->sp_hold_end = p;
	sp->sp_hold_end = &p->pkt_link;
	if (sp->sp_nhold++ == 0)
		timer_set(&nk->nk_wheel, &sp->sp_hold_timer, w->w_now.now_ns + SP_HOLD_NS);
}

/* What the policy holds, oldest first; it holds nothing then. */
static struct pkt *
hold_take(struct nk *nk, struct sp *sp)
{
	struct pkt *list = sp->sp_hold;

	sp->sp_hold = NULL;
	sp->sp_hold_end = &sp->sp_hold;
	sp->sp_nhold = 0;
	timer_clear(&nk->nk_wheel, &sp->sp_hold_timer);
	return list;
}

/* Seals what has an SA now; the rest waits again, or ends with its policy. */
static void
hold_seal(struct worker *w, struct hold_job *job)
{
	struct pktvec v = { 0 };
	struct pkt *p;
	struct sp *sp;
	unsigned n = 0;

	nk_lock(w->w_nk);
	sp = spd_byid(w->w_nk, job->hj_policy);
	while ((p = job->hj_list) != NULL) {
		job->hj_list = p->pkt_link;
		p->pkt_link = NULL;
		p->pkt_sa = sp != NULL ? sad_for_policy(w->w_nk, sp, &p->pkt_key) : NULL;
		if (p->pkt_sa != NULL)
			pktvec_add(&v, p);
		else if (sp != NULL)
			ipsec_acquire(w, sp, p);
		else
			pkt_drop(w, p, DROP_SPD_NO_SA);
	}
	nk_unlock(w->w_nk);
	for (unsigned i = 0; i < v.pv_n; i++) {
		if (ip_ttl(w, v.pv_pkt[i]))
			v.pv_pkt[n++] = v.pv_pkt[i];
	}
	v.pv_n = n;
	if (n != 0)
		ipsec_output(w, &v);
}

static void
hold_run(struct worker *w, void *arg)
{
	struct hold_job *job = arg;
	struct pkt *p;

	if (job->hj_why == DROP_NONE)
		hold_seal(w, job);
	while ((p = job->hj_list) != NULL) {
		job->hj_list = p->pkt_link;
		p->pkt_link = NULL;
		pkt_drop(w, p, job->hj_why);
	}
	free(job);
}

/* One job for the packets of one worker. */
static void
hold_post(struct nk *nk, unsigned owner, struct pkt *list, uint32_t policy, enum drop_reason why)
{
	struct hold_job *job = malloc(sizeof(*job));
	struct pkt *p;

	if (job != NULL) {
		*job = (struct hold_job){ policy, why, list };
		if (worker_post(nk->nk_worker[owner], hold_run, job) == 0)
			return;
		free(job);
	}
	while ((p = list) != NULL) {
		list = p->pkt_link;
		pkt_drop(nk->nk_worker[owner], p, DROP_SPD_HOLD);
	}
}

static void
hold_end(struct nk *nk, struct sp *sp, enum drop_reason why)
{
	struct pkt *list = hold_take(nk, sp), *mine, **end, **pp, *p;

	while (list != NULL) {
		unsigned owner = list->pkt_owner;

		mine = NULL;
		end = &mine;
		for (pp = &list; (p = *pp) != NULL;) {
			if (p->pkt_owner != owner) {
				pp = &p->pkt_link;
				continue;
			}
			*pp = p->pkt_link;
			p->pkt_link = NULL;
			*end = p;
			end = &p->pkt_link;
		}
		hold_post(nk, owner, mine, sp->sp_id, why);
	}
}

void
hold_release(struct nk *nk, struct sp *sp)
{
	sp->sp_acq_seq = 0;
	sp->sp_acq_until = 0;
	hold_end(nk, sp, DROP_NONE);
}

void
hold_drop(struct nk *nk, struct sp *sp, enum drop_reason why)
{
	if (sp->sp_hold != NULL)
		hold_end(nk, sp, why);
}

void
hold_free(struct sp *sp)
{
	struct nk *nk = sp->sp_nk;
	struct pkt *list = hold_take(nk, sp), *p;

	while ((p = list) != NULL) {
		list = p->pkt_link;
		pkt_free(nk->nk_worker[p->pkt_owner], p);
	}
}
