/* SPDX-License-Identifier: ISC */
/*
 * Packets that wait for an SA (RFC 4301 section 4.4.1.1, RFC 2367 section
 * 3.1.6).
 *
 * The first packet that needs an SA raises an ACQUIRE and waits with its
 * policy; when an SA comes, it is the first that is sealed.  A policy holds
 * at most SP_HOLD_MAX packets, for at most SP_HOLD_S, and asks at most once
 * in SP_ACQUIRE_S.  If no program is registered nobody waits.  A policy that
 * asks nobody (ipsec.conf's "dontacq") holds nothing either; one that lets
 * packets pass in clear ("acquire") asks beside them.  However many policies
 * wait, what all of them hold is a share of each pool (struct pkt_waits).
 *
 * Buffers belong to workers, so packets that end or go on do so in a job of
 * the worker that owns them (worker_post).
 */
#include "netinet/ip.h"
#include "netipsec/ipsec_var.h"
#include "netkey/key.h"
#include "pf/explain.h"

static void
hold_timer(void *arg, uint64_t now_ns)
{
	struct sp *sp = arg;

	(void)now_ns;
	hold_drop(sp->sp_nk, sp, DROP_SPD_NO_SA);
}

static void
clear_timer(void *arg, uint64_t now_ns)
{
	struct sp *sp = arg;

	(void)now_ns;
	spd_again(sp->sp_nk, sp);
}

void
hold_init(struct sp *sp)
{
	sp->sp_hold_end = &sp->sp_hold;
	timer_init(&sp->sp_hold_timer, hold_timer, sp);
	timer_init(&sp->sp_clear_timer, clear_timer, sp);
}

/* When the next ACQUIRE may be raised after one of now. */
static uint64_t
ask_again(const struct worker *w)
{
	return w->w_now.now_ns + w->w_nk->nk_sad->sd_acquire_s * NSEC_PER_SEC;
}

/* One ACQUIRE now, and none for a while. False: nobody hears it. */
static bool
ask_once(struct worker *w, struct sp *sp, const struct flow_key *key)
{
	if (!key_acquire(w->w_nk, w->w_now, sp, key))
		return false;
	sp->sp_acq_until = ask_again(w);
	counter_add(&w->w_count[CNT_SPD_ACQUIRE], 1);
	return true;
}

void
ipsec_acquire_beside(struct worker *w, struct sp *sp, const struct flow_key *key)
{
	if (!sp->sp_asks || w->w_nk->nk_explain != NULL)
		return;
	if (w->w_now.now_ns >= sp->sp_acq_until)
		(void)ask_once(w, sp, key);
	if (!timer_armed(&sp->sp_clear_timer))
		timer_set(&w->w_nk->nk_wheel, &sp->sp_clear_timer, ask_again(w));
}

void
ipsec_acquire(struct worker *w, struct sp *sp, struct pkt *p)
{
	struct nk *nk = w->w_nk;
	bool ask = w->w_now.now_ns >= sp->sp_acq_until;
	struct flow_key key;

	if (!sp->sp_asks) {
		pkt_drop(w, p, DROP_SPD_NO_SA);
		return;
	}
	if (sp->sp_nhold >= SP_HOLD_MAX || !pkt_waits_room(nk, &nk->nk_sad->sd_waits, p)) {
		pkt_drop(w, p, DROP_SPD_HOLD);
		return;
	}
	if (nk->nk_explain != NULL) {
		if (ask && !key_registered(nk))
			pkt_drop(w, p, DROP_SPD_NO_SA);
		else
			explain_held(w, p, ask);
		return;
	}
	pf_policy_key(p, &key);
	if (ask && !ask_once(w, sp, &key)) {
		pkt_drop(w, p, DROP_SPD_NO_SA);
		return;
	}
	pkt_waits_add(&nk->nk_sad->sd_waits, p);
	p->pkt_link = NULL;
	p->pkt_flow = NULL;
	*sp->sp_hold_end = p;
	sp->sp_hold_end = &p->pkt_link;
	if (sp->sp_nhold++ == 0)
		timer_set(&nk->nk_wheel, &sp->sp_hold_timer, w->w_now.now_ns +
		    nk->nk_sad->sd_hold_s * NSEC_PER_SEC);
}

/* What the policy holds, oldest first; it holds nothing then. */
static struct pkt *
hold_take(struct nk *nk, struct sp *sp)
{
	struct pkt *list = sp->sp_hold;

	/* At the end the SAD is gone before the policies. */
	for (const struct pkt *p = list; p != NULL && nk->nk_sad != NULL; p = p->pkt_link)
		pkt_waits_end(&nk->nk_sad->sd_waits, p);
	sp->sp_hold = NULL;
	sp->sp_hold_end = &sp->sp_hold;
	sp->sp_nhold = 0;
	timer_clear(&nk->nk_wheel, &sp->sp_hold_timer);
	return list;
}

/*
 * Packets that leave their policy go to the worker that owns them, in sd_ready
 * of the SAD: pkt_seq is the policy, pkt_drop why they end (DROP_NONE: an SA
 * has come).
 */
static struct pkt *
ready_take(struct worker *w)
{
	struct sad *sd = w->w_nk->nk_sad;
	struct pkt *p = sd->sd_ready[w->w_id];

	if (p != NULL) {
		sd->sd_ready[w->w_id] = p->pkt_link;
		p->pkt_link = NULL;
	}
	return p;
}

/* Into out if there is an SA; else it waits again, or ends. */
static void
ready_one(struct worker *w, struct pkt *p, struct pktvec *out)
{
	enum drop_reason why = p->pkt_drop;
	struct sp *sp = spd_byid(w->w_nk, (uint32_t)p->pkt_seq);
	struct flow_key key;

	p->pkt_drop = DROP_NONE;
	if (why == DROP_NONE && sp == NULL)
		why = DROP_SPD_NO_SA;
	if (why != DROP_NONE) {
		pkt_drop(w, p, why);
		return;
	}
	pf_policy_key(p, &key);
	p->pkt_sa = sad_for_policy(w->w_nk, sp, &key);
	if (p->pkt_sa != NULL)
		pktvec_add(out, p);
	else
		ipsec_acquire(w, sp, p);
}

/* What can be sealed now, at most a vector of it; false if nothing was left to look at. */
static bool
ready_vector(struct worker *w, struct pktvec *v)
{
	struct pkt *p = NULL;
	unsigned n = 0;

	v->pv_n = 0;
	nk_lock(w->w_nk);
	while (!pktvec_full(v) && (p = ready_take(w)) != NULL)
		ready_one(w, p, v);
	nk_unlock(w->w_nk);
	for (unsigned i = 0; i < v->pv_n; i++) {
		if (ip_ttl(w, v->pv_pkt[i]))
			v->pv_pkt[n++] = v->pv_pkt[i];
	}
	v->pv_n = n;
	return p != NULL;
}

static void
ready_run(struct worker *w, void *arg)
{
	struct pktvec v;
	bool more;

	(void)arg;
	do {
		more = ready_vector(w, &v);
		if (v.pv_n != 0)
			ipsec_output(w, &v);
	} while (more);
}

static void
ready_put(struct nk *nk, struct pkt *p, uint32_t policy, enum drop_reason why)
{
	struct pkt **pp = &nk->nk_sad->sd_ready[p->pkt_owner];

	p->pkt_link = NULL;
	p->pkt_seq = policy;
	p->pkt_drop = (uint8_t)why;
	while (*pp != NULL)
		pp = &(*pp)->pkt_link;
	*pp = p;
	/* Without memory for the job it waits for another's. */
	(void)worker_post(nk->nk_worker[p->pkt_owner], ready_run, NULL);
}

static void
hold_end(struct nk *nk, struct sp *sp, enum drop_reason why)
{
	struct pkt *list = hold_take(nk, sp), *p;

	while ((p = list) != NULL) {
		list = p->pkt_link;
		ready_put(nk, p, sp->sp_id, why);
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

static void
list_free(struct nk *nk, struct pkt *list)
{
	struct pkt *p;

	while ((p = list) != NULL) {
		list = p->pkt_link;
		pkt_free(nk->nk_worker[p->pkt_owner], p);
	}
}

void
hold_free(struct sp *sp)
{
	list_free(sp->sp_nk, hold_take(sp->sp_nk, sp));
}

void
hold_fini(struct nk *nk)
{
	for (unsigned i = 0; i < nk->nk_nworkers; i++)
		list_free(nk, nk->nk_sad->sd_ready[i]);
}
