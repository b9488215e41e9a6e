/* SPDX-License-Identifier: ISC */
/*
 * Trying a packet out (see explain.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/pool.h"
#include "kern/worker.h"
#include "net/capture.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"
#include "pf/explain.h"
#include "pf/flow_table.h"
#include "pf/pf.h"

#define SMALL	256		/* packet buffers of the copy */
#define LARGE	4

struct trial {
	struct nk	*tr_nk;		/* the copy */
	struct worker	*tr_w;
	struct explain	 tr_explain;
	struct sa	*tr_sa;		/* a copy; NULL */
};

/* ---- what the path tells ---- */

void
explain_rule(struct nk *nk, const struct pf_pdesc *pd, const struct pf_verdict *pv)
{
	struct explain_info *ei = &nk->nk_explain->ex_info;
	const struct pf_set *ps = &nk->nk_pf->pf_rules->rs_set;
	struct explain_rule *r;

	if (ei->ei_nrules == EXPLAIN_RULES)
		return;
	r = &ei->ei_rule[ei->ei_nrules++];
	*r = (struct explain_rule){ .ex_dir = pd->pd_dir, .ex_pass = pv->pv_pass,
	    .ex_state = pv->pv_state, .ex_outer = nk->nk_explain->ex_outer,
	    .ex_nr = pv->pv_rule };
	(void)snprintf(r->ex_ifname, sizeof(r->ex_ifname), "%s", pd->pd_ifp->if_name);
	if (pv->pv_rule != 0 && pv->pv_rule <= ps->ps_nrules)
		r->ex_rule = ps->ps_rule[pv->pv_rule - 1];
}

void
explain_outer(struct nk *nk, bool outer)
{
	nk->nk_explain->ex_outer = outer;
}

void
explain_policy(struct nk *nk, bool out, const struct sp *sp)
{
	struct explain_info *ei = &nk->nk_explain->ex_info;
	struct explain_policy *ep = out ? &ei->ei_out : &ei->ei_in;

	*ep = (struct explain_policy){ .ep_action = EXPLAIN_SP_NONE };
	if (sp == NULL)
		return;
	ep->ep_action = sp->sp_action;
	ep->ep_protects = sp->sp_action == SP_PROTECT;
	if (sp->sp_level == SP_LEVEL_USE)
		ep->ep_type = sp->sp_asks ? EXPLAIN_ACQUIRE : EXPLAIN_USE;
	else
		ep->ep_type = sp->sp_asks ? EXPLAIN_REQUIRE : EXPLAIN_DONTACQ;
	ep->ep_mode = sp->sp_mode;
	ep->ep_id = sp->sp_id;
	(void)snprintf(ep->ep_name, sizeof(ep->ep_name), "%s", sp->sp_name);
}

struct neigh *
explain_neigh(struct nk *nk, struct ifnet *ifp, const struct addr *a, const struct neigh *real)
{
	struct explain *ex = nk->nk_explain;

	ex->ex_real = real;
	ex->ex_neigh.ne_if = ifp;
	ex->ex_neigh.ne_addr = *a;
	return &ex->ex_neigh;
}

static void
tell_sa(struct explain_sa *es, const struct sa *sa)
{
	if (sa == NULL)
		return;
	es->es_spi = ntohl(sa->sa_spi);
	es->es_id = sa->sa_id;
	es->es_src = sa->sa_src;
	es->es_dst = sa->sa_dst;
	(void)snprintf(es->es_name, sizeof(es->es_name), "%s", sa->sa_name);
}

/* What the neighbour is, and what it would do with one more packet. */
static enum drop_reason
hop_tell(struct worker *w, struct explain *ex, const struct pkt *p)
{
	struct explain_info *ei = &ex->ex_info;
	const struct neigh *ne = ex->ex_real;
	enum drop_reason why;
	bool ask;

	if (ne != NULL && ne->ne_state == NEIGH_DEAD)
		ne = neigh_find(w->w_nk, ne->ne_if, &ne->ne_addr);
	ei->ei_hop = EXPLAIN_HOP_ASK;
	ei->ei_neigh.cn_addr = ex->ex_neigh.ne_addr;
	(void)snprintf(ei->ei_neigh.cn_ifname, CTL_NAME, "%s", ex->ex_neigh.ne_if->if_name);
	if (ne == NULL)
		return DROP_NONE;
	ei->ei_neigh.cn_state = ne->ne_state;
	ei->ei_neigh.cn_permanent = ne->ne_permanent;
	if (atomic_load(&ne->ne_valid)) {
		ei->ei_hop = EXPLAIN_HOP_RESOLVED;
		memcpy(ei->ei_neigh.cn_mac, ne->ne_eth, sizeof(ei->ei_neigh.cn_mac));
		return ne->ne_if->if_flags & IF_F_UP ? DROP_NONE : DROP_IF_DOWN;
	}
	why = neigh_waits(w, ne, p, &ask);
	ei->ei_hop = why == DROP_ARP_TIMEOUT ? EXPLAIN_HOP_FAILED :
	    ask ? EXPLAIN_HOP_ASK : EXPLAIN_HOP_WAIT;
	return why;
}

/* The copy's own pool is small, and nobody knows which worker would get the packet. */
bool
explain_room(const struct nk *nk, const struct pkt_waits *pw, const struct pkt *p)
{
	const struct nk *real = nk->nk_explain->ex_nk;
	struct pkt like = { .pkt_class = p->pkt_class };

	for (unsigned i = 0; i < real->nk_nworkers; i++) {
		like.pkt_owner = (uint8_t)i;
		if (pkt_waits_room(real, pw, &like))
			return true;
	}
	return false;
}

/* A frame would leave. */
void
explain_sent(struct worker *w, struct pkt *p)
{
	struct explain *ex = w->w_nk->nk_explain;
	struct explain_info *ei = &ex->ex_info;
	enum drop_reason why = DROP_NONE;

	if (ei->ei_packets == 0) {
		(void)snprintf(ei->ei_oif, sizeof(ei->ei_oif), "%s",
		    ex->ex_neigh.ne_if->if_name);
		why = hop_tell(w, ex, p);
	} else if (ei->ei_hop != EXPLAIN_HOP_RESOLVED && ei->ei_packets +
	    (ex->ex_real == NULL ? 0 : ex->ex_real->ne_nhold) >= ARP_HOLD_MAX) {
		why = DROP_ARP_HOLD;
	}
	if (why != DROP_NONE) {
		pkt_drop(w, p, why);
		return;
	}
	ei->ei_packets++;
	if (p->pkt_len > ei->ei_longest)
		ei->ei_longest = (uint16_t)p->pkt_len;
	pkt_free(w, p);
}

/* An ICMP message or an RST would be sent back. */
void
explain_answer(struct worker *w, struct pkt *p)
{
	struct explain_info *ei = &w->w_nk->nk_explain->ex_info;
	struct explain_answer *ea;
	const uint8_t *l4;

	if (ei->ei_nanswers < EXPLAIN_ANSWERS && p->pkt_len >= IP_HLEN + ICMP_HLEN) {
		ea = &ei->ei_answer[ei->ei_nanswers++];
		l4 = p->pkt_data + IP_HLEN;
		ea->ea_proto = p->pkt_data[IPH_PROTO];
		if (ea->ea_proto == IPPROTO_ICMP) {
			ea->ea_type = l4[0];
			ea->ea_code = l4[1];
			if (l4[0] == ICMPT_UNREACH && l4[1] == ICMPC_NEEDFRAG)
				ea->ea_mtu = be16(l4 + ICMP_MTU);
		}
	}
	pkt_free(w, p);
}

/* Linux would get it. */
void
explain_host(struct worker *w, struct pkt *p)
{
	w->w_nk->nk_explain->ex_info.ei_local = 2;
	pkt_free(w, p);
}

void
explain_held(struct worker *w, struct pkt *p, bool ask)
{
	struct explain *ex = w->w_nk->nk_explain;

	ex->ex_held = true;
	ex->ex_info.ei_acquire = ask;
	pkt_free(w, p);
}

/* ---- the copy ---- */

static void
lock_init(struct nk *nk)
{
	pthread_mutexattr_t ma;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_settype(&ma, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&nk->nk_lock, &ma);
	pthread_mutexattr_destroy(&ma);
}

static void
trial_free(struct trial *tr)
{
	struct nk *nk = tr->tr_nk;

	free(tr->tr_sa);
	if (nk == NULL)
		return;
	if (tr->tr_w != NULL) {
		if (tr->tr_w->w_flows != NULL)
			flow_table_fini(tr->tr_w);
		if (tr->tr_w->w_frags != NULL)
			frag_fini(tr->tr_w);
		worker_fini(tr->tr_w);
	}
	if (nk->nk_capture != NULL)
		capture_fini(nk);
	pthread_mutex_destroy(&nk->nk_lock);
	free(nk);
}

/* False: no memory; trial_free() in either case. */
static bool
trial_init(struct trial *tr, struct nk *nk, struct clock_now now)
{
	struct nk *copy = aligned_alloc(_Alignof(struct nk), sizeof(*copy));

	memset(tr, 0, sizeof(*tr));
	if (copy == NULL)
		return false;
	*copy = *nk;
	tr->tr_nk = copy;
	memset(copy->nk_worker, 0, sizeof(copy->nk_worker));
	copy->nk_nworkers = 1;
	copy->nk_conf.nc_small = SMALL;
	copy->nk_conf.nc_large = LARGE;
	copy->nk_conf.nc_flows = 1;
	copy->nk_conf.nc_log = NULL;
	copy->nk_explain = &tr->tr_explain;
	copy->nk_capture = NULL;
	lock_init(copy);
	wheel_init(&copy->nk_wheel, now.now_ns);
	tr->tr_explain.ex_nk = nk;
	tr->tr_explain.ex_info.ei_in.ep_action = EXPLAIN_SP_NOT_ASKED;
	tr->tr_explain.ex_info.ei_out.ep_action = EXPLAIN_SP_NOT_ASKED;
	if (worker_init(copy, 0, now) != 0) {
		tr->tr_w = copy->nk_worker[0];
		return false;
	}
	tr->tr_w = copy->nk_worker[0];
	return capture_init(copy) == 0 && flow_table_init(tr->tr_w) == 0 &&
	    frag_init(tr->tr_w) == 0;
}

/* The copy's table is as full as that of the worker whose packet it is. */
static void
trial_room(struct flow_table *to, const struct flow_table *from, unsigned workers)
{
	to->ft_states = from->ft_states * workers;
	if (from->ft_used >= from->ft_max)
		to->ft_max = to->ft_fresh;
	else if (from->ft_used >= from->ft_max - from->ft_max / 8)
		to->ft_used = to->ft_max;
}

/* What follows would be done by that worker: its engine, its rate of ICMP errors. */
static void
trial_worker(struct trial *tr, unsigned id)
{
	const struct worker *w = tr->tr_explain.ex_nk->nk_worker[id];

	tr->tr_w->w_xform = w->w_xform;
	tr->tr_w->w_icmp_tat = w->w_icmp_tat;
}

/* The flow that the packet is of, into the copy. False: no memory. */
static bool
trial_flow(struct trial *tr, const struct pkt *p)
{
	const struct nk *nk = tr->tr_explain.ex_nk;
	struct worker *from = nk->nk_worker[flow_worker(nk, p->pkt_hash)], *w = tr->tr_w;
	unsigned dir;
	const struct flow *fl = flow_find(from, &p->pkt_key, p->pkt_hash, &dir);
	struct flow *to;
	struct timer timer;

	trial_worker(tr, from->w_id);
	if (fl != NULL) {
		if ((to = flow_new(w->w_flows, &fl->fl_key[0], fl->fl_hash)) == NULL)
			return false;
		timer = to->fl_timer;
		*to = *fl;
		to->fl_timer = timer;
		to->fl_owner = w;
		tr->tr_explain.ex_info.ei_state_id = fl->fl_id;
		tr->tr_explain.ex_info.ei_dir = (uint8_t)dir;
		tr->tr_explain.ex_info.ei_state = fl->fl_flags & FL_KEEP ?
		    EXPLAIN_ST_KNOWN : EXPLAIN_ST_MEMORY;
	}
	trial_room(w->w_flows, from->w_flows, nk->nk_nworkers);
	return true;
}

/* The SA that would seal it, into the copy. */
static bool
trial_sa(struct trial *tr, struct pkt *p)
{
	const struct sa *sa = p->pkt_sa;

	tr->tr_sa = aligned_alloc(_Alignof(struct sa), sizeof(*sa));
	if (tr->tr_sa == NULL)
		return false;
	*tr->tr_sa = *sa;
	tr->tr_sa->sa_worker = 0;
	/* an old one may be gone; sa_path() finds another then */
	if (sa->sa_nhgen == nk_generation(tr->tr_nk) && sa->sa_nh.nh_neigh != NULL)
		tr->tr_sa->sa_nh.nh_neigh = explain_neigh(tr->tr_nk, sa->sa_nh.nh_if,
		    &sa->sa_nh.nh_neigh->ne_addr, sa->sa_nh.nh_neigh);
	p->pkt_sa = tr->tr_sa;
	return true;
}

/* ---- after the decision ---- */

static void
tell_route(struct explain_info *ei, struct nk *nk, const struct addr *dst)
{
	const struct route *rt = fib_lookup(nk, dst);

	if (rt == NULL)
		return;
	ei->ei_routed = 1;
	ei->ei_route = (struct ctl_route){ .cr_dst = rt->rt_dst, .cr_gw = rt->rt_gw,
	    .cr_flags = rt->rt_flags, .cr_mtu = rt->rt_mtu, .cr_prio = rt->rt_prio };
	if (rt->rt_if != NULL)
		(void)snprintf(ei->ei_route.cr_ifname, CTL_NAME, "%s", rt->rt_if->if_name);
}

/* The rules that passed the flow's first packet, which were not asked again. */
static void
tell_made_by(struct trial *tr, const struct flow *fl)
{
	struct explain_info *ei = &tr->tr_explain.ex_info;
	const struct pf_set *ps = &tr->tr_nk->nk_pf->pf_rules->rs_set;

	for (unsigned out = 0; out < 2; out++) {
		uint32_t nr = fl->fl_rule[ei->ei_dir][out];
		struct explain_rule *r;

		if (nr == 0 || nr > ps->ps_nrules || ei->ei_nrules == EXPLAIN_RULES ||
		    fl->fl_ruleset != pf_serial(tr->tr_nk))
			continue;
		r = &ei->ei_rule[ei->ei_nrules++];
		*r = (struct explain_rule){ .ex_dir = out ? PF_OUT : PF_IN, .ex_pass = 1,
		    .ex_state = (fl->fl_flags & FL_KEEPS(ei->ei_dir ^ out)) != 0,
		    .ex_nr = nr, .ex_rule = ps->ps_rule[nr - 1] };
	}
}

/* What pf_flow() left in the packet. */
static void
tell_flow(struct trial *tr, const struct pkt *p, bool asked)
{
	struct explain_info *ei = &tr->tr_explain.ex_info;
	const struct flow *fl = p->pkt_flow;

	if (fl == NULL)
		return;
	if (tr->tr_w->w_count[CNT_STATE_NEW] != 0)
		ei->ei_state = EXPLAIN_ST_NEW;
	else if (fl->fl_id != ei->ei_state_id)
		ei->ei_state = EXPLAIN_ST_NONE;
	if (ei->ei_state == EXPLAIN_ST_NEW || ei->ei_state == EXPLAIN_ST_NONE)
		ei->ei_state_id = 0;
	/* a decision that was in force already: nobody was asked, so nobody told */
	ei->ei_remembered = !asked;
	if (!asked)
		explain_policy(tr->tr_nk, true, fl->fl_dir[p->pkt_dir].fd_sp_out);
	if (ei->ei_nrules == 0)
		tell_made_by(tr, fl);
}

static void
forward(struct trial *tr, struct pkt *p)
{
	struct explain *ex = &tr->tr_explain;
	const struct flow_dir *fd = p->pkt_flow == NULL ? NULL :
	    &p->pkt_flow->fl_dir[p->pkt_dir];

	if (p->pkt_neigh != NULL && p->pkt_neigh != &ex->ex_neigh)
		p->pkt_neigh = explain_neigh(tr->tr_nk, p->pkt_neigh->ne_if,
		    &p->pkt_neigh->ne_addr, p->pkt_neigh);
	if (p->pkt_oif != NULL)
		ex->ex_info.ei_mtu = fd != NULL && fd->fd_mtu != 0 &&
		    fd->fd_mtu < p->pkt_oif->if_mtu ? fd->fd_mtu : p->pkt_oif->if_mtu;
	ip_output(tr->tr_w, p);
}

static bool
protect(struct trial *tr, struct pkt *p)
{
	struct explain_info *ei = &tr->tr_explain.ex_info;
	struct pktvec one = { .pv_n = 1, .pv_pkt = { p } };

	tell_sa(&ei->ei_sa_out, p->pkt_sa);
	tell_route(ei, tr->tr_nk, &p->pkt_sa->sa_dst);
	if (!ip_ttl(tr->tr_w, p))
		return true;
	trial_worker(tr, p->pkt_sa->sa_worker);
	if (!trial_sa(tr, p)) {
		pkt_free(tr->tr_w, p);
		return false;
	}
	ipsec_output(tr->tr_w, &one);
	ei->ei_mtu = tr->tr_sa->sa_inner_mtu;
	if (tr->tr_sa->sa_nh.nh_if != NULL)
		ei->ei_wire_mtu = tr->tr_sa->sa_nh.nh_mtu;
	return true;
}

/* ESP, alone or in UDP, and IKE beside it: what comes of them is not for us to say. */
static bool
for_ipsec(const struct trial *tr, const struct pkt *p)
{
	return p->pkt_proto == IPPROTO_ESP || (p->pkt_proto == IPPROTO_UDP &&
	    udp_is_natt(tr->tr_nk, p->pkt_key.fk_dport));
}

static void
deliver(struct trial *tr, struct pkt *p)
{
	tr->tr_explain.ex_info.ei_local = 1;
	if (for_ipsec(tr, p))
		pkt_free(tr->tr_w, p);
	else
		ip_deliver(tr->tr_w, p);
}

/* ---- the whole ---- */

static enum drop_reason
dropped(const struct worker *w)
{
	for (unsigned i = 1; i < DROP_MAX; i++)
		if (w->w_drop[i] != 0)
			return (enum drop_reason)i;
	return DROP_NONE;
}

static void
verdict(struct trial *tr, enum pkt_next next)
{
	struct explain_info *ei = &tr->tr_explain.ex_info;

	ei->ei_drop = dropped(tr->tr_w);
	if (ei->ei_drop != DROP_NONE) {
		(void)snprintf(ei->ei_drop_name, sizeof(ei->ei_drop_name), "%s",
		    drop_name(ei->ei_drop));
		(void)snprintf(ei->ei_drop_area, sizeof(ei->ei_drop_area), "%s",
		    drop_area(ei->ei_drop));
		(void)snprintf(ei->ei_drop_text, sizeof(ei->ei_drop_text), "%s",
		    drop_text(ei->ei_drop));
	}
	/* of the pieces of one packet, some may go and others not */
	if (ei->ei_drop != DROP_NONE && ei->ei_packets == 0)
		ei->ei_verdict = EXPLAIN_DROPPED;
	else if (tr->tr_explain.ex_held)
		ei->ei_verdict = EXPLAIN_HELD;
	else if (next == PKT_NEXT_PROTECT)
		ei->ei_verdict = EXPLAIN_PROTECTED;
	else if (next == PKT_NEXT_FORWARD)
		ei->ei_verdict = EXPLAIN_FORWARDED;
	else
		ei->ei_verdict = EXPLAIN_DELIVERED;
}

/* The packet, whole and parsed, through the decision and behind it. */
static int
run(struct trial *tr, struct pkt *p)
{
	struct explain_info *ei = &tr->tr_explain.ex_info;
	struct pktvec one = { .pv_n = 1, .pv_pkt = { p } };
	struct addr dst = addr_v4((struct in_addr){ 0 });
	enum pkt_next next[PKT_VEC_MAX];

	memcpy(dst.ad_bytes, p->pkt_data + IPH_DST, 4);
	if (!trial_flow(tr, p)) {
		pkt_free(tr->tr_w, p);
		return ENOMEM;
	}
	pf_flow(tr->tr_w, &one, next);
	if (next[0] != PKT_NEXT_DONE)
		tell_flow(tr, p, tr->tr_w->w_count[CNT_FLOW_HIT] == 0);
	if (next[0] != PKT_NEXT_LOCAL && next[0] != PKT_NEXT_PROTECT)
		tell_route(ei, tr->tr_nk, &dst);
	if (next[0] == PKT_NEXT_LOCAL)
		deliver(tr, p);
	else if (next[0] == PKT_NEXT_FORWARD)
		forward(tr, p);
	else if (next[0] == PKT_NEXT_PROTECT && !protect(tr, p))
		return ENOMEM;
	verdict(tr, next[0]);
	return 0;
}

static struct pkt *
packet(struct trial *tr, const struct explain_pkt *ek)
{
	struct pkt *p = pkt_alloc(tr->tr_w, ek->ek_len);

	if (p == NULL)
		return NULL;
	memcpy(p->pkt_data, ek->ek_data, ek->ek_len);
	p->pkt_len = ek->ek_len;
	p->pkt_flags |= ek->ek_flags;
	p->pkt_ifp = ek->ek_ifp;
	p->pkt_came_sa = ek->ek_came_sa;
	return p;
}

/* The first half of ip_input(), or of ip_send(). */
static struct pkt *
parse(struct trial *tr, struct pkt *p)
{
	enum drop_reason why;

	if ((p->pkt_flags & PKT_F_LOCAL_OUT) == 0)
		return ip_input_one(tr->tr_w, p);
	if ((why = ip_made(p)) == DROP_NONE)
		return p;
	pkt_drop(tr->tr_w, p, why);
	return NULL;
}

int
explain_packet(struct nk *nk, struct clock_now now, const struct explain_pkt *ek,
    struct explain_info *out)
{
	struct explain_info *ei;
	struct trial *tr = malloc(sizeof(*tr));
	struct pkt *p;
	int error = ENOMEM;

	if (tr == NULL)
		return ENOMEM;
	ei = &tr->tr_explain.ex_info;
	if (trial_init(tr, nk, now) && (p = packet(tr, ek)) != NULL) {
		ei->ei_len = (uint16_t)ek->ek_len;
		ei->ei_forwarding = nk->nk_forwarding != 0;
		ei->ei_dice = pf_rolls_dice(nk);
		tell_sa(&ei->ei_came, ek->ek_came_sa);
		if ((p = parse(tr, p)) != NULL) {
			error = run(tr, p);
		} else {
			verdict(tr, PKT_NEXT_DONE);
			if (ei->ei_drop == DROP_NONE)
				ei->ei_verdict = EXPLAIN_FRAGMENT;
			error = 0;
		}
		*out = *ei;
	}
	trial_free(tr);
	free(tr);
	return error;
}
