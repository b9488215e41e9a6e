/* SPDX-License-Identifier: ISC */
/*
 * The slow path: what to do with a packet of which no current decision is
 * known.  nk_lock is held throughout.
 *
 *	path	where it comes from and goes to: this host, a next hop, an SA
 *		(spd_check_in, spd_lookup, sad_for_policy, nexthop_find)
 *	sides	the rules of the interface it came in on, and of the one it
 *		leaves on; enc0 stands in for what an SA brought or will seal
 *	flow	the decision is kept for the packets that follow
 *
 * A packet of a state asks no rules on a side that keeps state; path is
 * found again for each direction, also for the first packet back.
 */
#include "libutil/cur.h"
#include "net/capture.h"
#include "netinet/ip.h"
#include "netinet/udp.h"
#include "netinet/wire.h"
#include "netipsec/ipsec.h"
#include "pf/explain.h"
#include "pf/flow_table.h"
#include "pf/track.h"

struct path {
	struct flow_key	 pa_key;	/* as policies and rules see the packet */
	struct flow_dir	 pa_fd;
	struct sp	*pa_wants;	/* policy that protects but has no SA */
	struct ifnet	*pa_ifp[2];	/* whose rules: [0] in, [1] out; NULL: none */
};

/* ---- path ---- */

void
pf_policy_key(const struct pkt *p, struct flow_key *k)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);

	*k = p->pkt_key;
	if (p->pkt_proto != IPPROTO_ICMP)
		return;
	k->fk_proto = IPPROTO_ICMP;
	k->fk_sport = htons(p->pkt_icmp_type);
	k->fk_dport = htons(p->pkt_icmp_code);
	if (p->pkt_af != AF_INET)
		return;
	cur_skip(&c, 12);
	(void)cur_copy(&c, &k->fk_src4, 4);
	(void)cur_copy(&c, &k->fk_dst4, 4);
}

static struct addr
key_addr(const struct flow_key *k, bool dst)
{
	struct addr a = { .ad_af = k->fk_af };

	memcpy(a.ad_bytes, dst ? k->fk_dstb : k->fk_srcb, sizeof(a.ad_bytes));
	return a;
}

static bool
goes_here(struct nk *nk, const struct pkt *p, const struct addr *dst)
{
	if (if_is_local(nk, dst) || if_is_broadcast(nk, dst))
		return true;
	/* multicast is not forwarded: what arrives is for programs here */
	return dst->ad_af == AF_INET && (p->pkt_flags & PKT_F_LOCAL_OUT) == 0 &&
	    (ntohl(dst->ad_v4.s_addr) >> 28) == 0xe;
}

static enum drop_reason
path_in(struct nk *nk, const struct pkt *p, struct path *pa, bool here)
{
	struct addr src = key_addr(&pa->pa_key, false);
	enum drop_reason why;
	struct sp *sp = NULL;

	/* nobody else sends from our addresses, and nobody from one of all (RFC 1122 3.2.1.3) */
	if (if_is_local(nk, &src) || if_is_broadcast(nk, &src))
		return DROP_IP_ADDR;
	pa->pa_ifp[0] = p->pkt_came_sa != NULL ? nk->nk_ifs->it_enc : p->pkt_ifp;
	if (here && pa->pa_key.fk_proto == IPPROTO_UDP &&
	    udp_port_bypass(nk, pa->pa_key.fk_dport))
		return DROP_NONE;
	why = spd_check_in(nk, &pa->pa_key, p->pkt_came_sa, &sp);
	if (nk->nk_explain != NULL)
		explain_policy(nk, false, sp);
	return why;
}

/* The policy for what leaves: true if it settles the path. */
static bool
path_policy(struct worker *w, const struct pkt *p, struct path *pa, enum drop_reason *why)
{
	struct nk *nk = w->w_nk;
	struct flow_dir *fd = &pa->pa_fd;
	struct sp *sp = NULL;

	*why = DROP_NONE;
	if ((p->pkt_flags & PKT_F_BYPASS) == 0)
		sp = spd_lookup(nk, SP_OUT, &pa->pa_key);
	if (nk->nk_explain != NULL)
		explain_policy(nk, true, sp);
	if (sp == NULL || sp->sp_action == SP_BYPASS)
		return false;
	if (sp->sp_action != SP_PROTECT) {
		*why = DROP_SPD_DISCARD;
		return true;
	}
	/* the stamp before what it stamps */
	fd->fd_sp_out = sp;
	fd->fd_sagen = atomic_load(&sp->sp_sagen);
	fd->fd_sa = sad_for_policy(nk, sp, &pa->pa_key);
	if (fd->fd_sa == NULL && sp->sp_level == SP_LEVEL_USE) {
		ipsec_acquire_beside(w, sp, &pa->pa_key);
		return false;
	}
	fd->fd_next = PKT_NEXT_PROTECT;
	pa->pa_ifp[1] = nk->nk_ifs->it_enc;
	if (fd->fd_sa == NULL)
		pa->pa_wants = sp;
	else
		fd->fd_mtu = fd->fd_sa->sa_inner_mtu;
	return true;
}

/* By netkern itself, not by Linux above the host interface (net/host.h). */
static bool
made_here(const struct pkt *p)
{
	return (p->pkt_flags & (PKT_F_LOCAL_OUT | PKT_F_HOST)) == PKT_F_LOCAL_OUT;
}

static enum drop_reason
path_out(struct worker *w, const struct pkt *p, struct path *pa, const struct addr *dst)
{
	struct nk *nk = w->w_nk;
	struct flow_dir *fd = &pa->pa_fd;
	struct nexthop nh = { 0 };
	enum drop_reason why;

	if (nk->nk_policy_wait && !made_here(p))
		return DROP_POLICY_WAIT;
	if ((p->pkt_flags & PKT_F_LOCAL_OUT) == 0) {
		if (!nk->nk_forwarding)
			return DROP_IP_FORWARD;
		if (p->pkt_flags & PKT_F_BCAST)
			return DROP_IP_BROADCAST;
	}
	if (path_policy(w, p, pa, &why))
		return why;
	why = nexthop_find(nk, dst, &nh);
	if (why != DROP_NONE)
		return why;
	if (nh.nh_local) {
		fd->fd_next = PKT_NEXT_LOCAL;
		return DROP_NONE;
	}
	fd->fd_next = PKT_NEXT_FORWARD;
	fd->fd_oif = nh.nh_if;
	fd->fd_neigh = nh.nh_neigh;
	fd->fd_mtu = nh.nh_mtu;
	pa->pa_ifp[1] = nh.nh_if;
	return DROP_NONE;
}

static enum drop_reason
path_find(struct worker *w, const struct pkt *p, struct path *pa)
{
	struct nk *nk = w->w_nk;
	bool local_out = (p->pkt_flags & PKT_F_LOCAL_OUT) != 0, here;
	enum drop_reason why;
	struct addr dst;

	memset(pa, 0, sizeof(*pa));
	pf_policy_key(p, &pa->pa_key);
	pa->pa_fd.fd_gen = nk_generation(nk);
	pa->pa_fd.fd_local_out = local_out;
	if (p->pkt_came_sa != NULL)
		pa->pa_fd.fd_came_id = p->pkt_came_sa->sa_id;
	if (p->pkt_flags & PKT_F_HOST) {
		struct addr src = key_addr(&pa->pa_key, false);

		if (!if_is_local(nk, &src))
			return DROP_HOST_SOURCE;
	}
	dst = key_addr(&pa->pa_key, true);
	here = goes_here(nk, p, &dst);
	if (!local_out && (why = path_in(nk, p, pa, here)) != DROP_NONE)
		return why;
	if (here) {
		pa->pa_fd.fd_next = PKT_NEXT_LOCAL;
		return DROP_NONE;
	}
	return path_out(w, p, pa, &dst);
}

/* ---- sides ---- */

static void
side_log(struct worker *w, const struct pkt *p, enum pf_dir dir,
    const struct ifnet *ifp, const struct pf_verdict *pv)
{
	struct capture_pflog info = {
		.cp_dir = dir == PF_IN ? CAPTURE_IN : CAPTURE_OUT,
		.cp_pass = pv->pv_pass, .cp_rule = pv->pv_rule - 1, .cp_ifp = ifp,
	};

	if (pv->pv_log != 0 && capture_pflog_on(w->w_nk))
		capture_pflog(w, p, &info);
}

static void
describe(struct worker *w, const struct pkt *p, const struct flow_key *k,
    enum pf_dir dir, const struct ifnet *ifp, uint16_t tag, struct pf_pdesc *pd)
{
	memset(pd, 0, sizeof(*pd));
	pd->pd_dir = dir;
	pd->pd_ifp = ifp;
	pd->pd_key = *k;
	pd->pd_tcpflags = p->pkt_tcpflags;
	pd->pd_icmp_type = p->pkt_icmp_type;
	pd->pd_icmp_code = p->pkt_icmp_code;
	pd->pd_tos = p->pkt_af == AF_INET && p->pkt_len >= 2 ? p->pkt_data[1] : 0;
	pd->pd_len = (uint16_t)(p->pkt_len > UINT16_MAX ? UINT16_MAX : p->pkt_len);
	pd->pd_tag = tag;
	if (pf_rolls_dice(w->w_nk))
		nk_rand(w->w_nk, &pd->pd_rand, sizeof(pd->pd_rand));
}

/* ESP for this host that the state of our own ESP to that peer would let in. */
static bool
outer_answer(struct nk *nk, const struct path *pa, enum pf_dir dir, const struct ifnet *ifp)
{
	return dir == PF_IN && pa->pa_fd.fd_next == PKT_NEXT_LOCAL &&
	    (pa->pa_key.fk_proto == IPPROTO_ESP || pa->pa_key.fk_proto == IPPROTO_AH) &&
	    pf_outer_allowed(nk, PF_IN, ifp, &pa->pa_key);
}

/* One side's rules. False: blocked, and pv says how. */
static bool
side_ask(struct worker *w, const struct pkt *p, const struct path *pa,
    enum pf_dir dir, uint16_t tag, struct pf_verdict *pv)
{
	struct ifnet *ifp = pa->pa_ifp[dir == PF_OUT];
	struct pf_pdesc pd;

	*pv = (struct pf_verdict){ .pv_pass = true, .pv_tag = tag };
	if (ifp == NULL || (p->pkt_flags & PKT_F_UNFILTERED) || !pf_filters(w->w_nk, ifp))
		return true;
	describe(w, p, &pa->pa_key, dir, ifp, tag, &pd);
	pf_ask(w->w_nk, &pd, pv);
	if (pv->pv_rule == 0)
		counter_add(&w->w_count[CNT_PF_DEFAULT], 1);
	if (!pv->pv_pass && outer_answer(w->w_nk, pa, dir, ifp))
		*pv = (struct pf_verdict){ .pv_pass = true, .pv_tag = tag };
	side_log(w, p, dir, ifp, pv);
	return pv->pv_pass;
}

static enum pkt_next
side_block(struct worker *w, struct pkt *p, enum pf_dir dir, const struct pf_verdict *pv)
{
	pf_count(w->w_nk, dir, pv, track_segments(p), p->pkt_len);
	if (pv->pv_return != PF_RETURN_DROP)
		pf_answer(w, p, pv);
	return pkt_drop(w, p, DROP_PF_BLOCK);
}

/*
 * The rules of both sides, except those that fl (may be NULL) keeps state
 * on.  False: the packet has been dropped.
 */
static bool
sides_ask(struct worker *w, struct pkt *p, const struct path *pa,
    const struct flow *fl, unsigned dir, struct pf_verdict pv[2])
{
	uint8_t keeps = fl == NULL ? 0 : fl->fl_flags;
	uint16_t tag = fl == NULL ? p->pkt_tag : fl->fl_tag;

	for (unsigned out = 0; out < 2; out++) {
		enum pf_dir d = out ? PF_OUT : PF_IN;

		if (keeps & FL_KEEPS(dir ^ out)) {
			pv[out] = (struct pf_verdict){ .pv_pass = true, .pv_tag = tag,
			    .pv_rule = fl->fl_rule[dir][out] };
			continue;
		}
		if (!side_ask(w, p, pa, d, tag, &pv[out])) {
			(void)side_block(w, p, d, &pv[out]);
			return false;
		}
		tag = pv[out].pv_tag;
	}
	return true;
}

/* ---- packets that make no flow ---- */

static enum pkt_next
pass_loose(struct worker *w, struct pkt *p, const struct path *pa, const struct pf_verdict pv[2])
{
	if (pa->pa_wants != NULL) {
		ipsec_acquire(w, pa->pa_wants, p);
		return PKT_NEXT_DONE;
	}
	if (pv != NULL) {
		pf_count(w->w_nk, PF_IN, &pv[0], track_segments(p), p->pkt_len);
		pf_count(w->w_nk, PF_OUT, &pv[1], track_segments(p), p->pkt_len);
		p->pkt_tag = pv[1].pv_tag;
	}
	p->pkt_flow = NULL;
	p->pkt_sa = pa->pa_fd.fd_sa;
	p->pkt_oif = pa->pa_fd.fd_oif;
	p->pkt_neigh = pa->pa_fd.fd_neigh;
	return (enum pkt_next)pa->pa_fd.fd_next;
}

/* Dropped for want of a path; who forwards must say so (RFC 1812 section 5.2.7.1). */
static enum pkt_next
no_path(struct worker *w, struct pkt *p, enum drop_reason why)
{
	if (!made_here(p)) {
		if (why == DROP_IP_NOROUTE)
			icmp_error(w, p, 3, 0, 0);
		else if (why == DROP_IF_DOWN || why == DROP_IP_REJECT)
			icmp_error(w, p, 3, 1, 0);
	}
	return pkt_drop(w, p, why);
}

static enum pkt_next
decide_loose(struct worker *w, struct pkt *p)
{
	struct path pa;
	struct pf_verdict pv[2];
	enum drop_reason why = path_find(w, p, &pa);

	if (why != DROP_NONE)
		return no_path(w, p, why);
	if (!sides_ask(w, p, &pa, NULL, 0, pv))
		return PKT_NEXT_DONE;
	return pass_loose(w, p, &pa, pv);
}

/* An error about ESP that this host sealed: what path MTU needs. */
static bool
about_our_esp(struct nk *nk, const struct pkt *p)
{
	struct cur c = cur_init(p->pkt_data, p->pkt_len);
	uint8_t vhl;
	uint32_t spi = 0;

	if (p->pkt_key.fk_proto != IPPROTO_ESP || p->pkt_l4 == NULL)
		return false;
	cur_skip(&c, (size_t)(p->pkt_l4 - p->pkt_data) + 8);
	vhl = cur_u8(&c);
	if ((vhl & 0xf) < 5)
		return false;
	cur_skip(&c, (vhl & 0xfu) * 4 - 1);
	(void)cur_copy(&c, &spi, sizeof(spi));
	return cur_ok(&c) && sad_lookup4(nk, spi, p->pkt_key.fk_src4) != NULL;
}

/*
 * An ICMP error passes if the packet that it is about is of a state, and
 * where that was a TCP segment, one that can have been sent.  One that
 * belongs to no state asks the rules, and never makes a state.
 */
static enum pkt_next
decide_error(struct worker *w, struct pkt *p)
{
	unsigned dir = 0;
	struct flow *fl = flow_find(w, &p->pkt_key, p->pkt_hash, &dir);
	struct path pa;
	enum drop_reason why;

	if (fl != NULL && !track_icmp_error(fl, dir, p))
		return pkt_drop(w, p, DROP_PF_ICMP_STATE);
	if ((fl == NULL || (fl->fl_flags & FL_KEEP) == 0) &&
	    !made_here(p) && !about_our_esp(w->w_nk, p))
		return decide_loose(w, p);
	why = path_find(w, p, &pa);
	if (why != DROP_NONE)
		return pkt_drop(w, p, why);
	return pass_loose(w, p, &pa, NULL);
}

/* ---- packets that have a flow, or make one ---- */

static bool
state_limit(const struct worker *w)
{
	uint64_t limit = pf_options(w->w_nk)->po_limit_states;

	return limit != 0 && w->w_flows->ft_states >=
	    (limit + w->w_nk->nk_nworkers - 1) / w->w_nk->nk_nworkers;
}

static void
flow_fill(struct flow *fl, unsigned dir, const struct path *pa,
    const struct pf_verdict pv[2])
{
	struct flow_dir *fd = &fl->fl_dir[dir];
	uint64_t packets = fd->fd_packets, bytes = fd->fd_bytes;

	*fd = pa->pa_fd;
	fd->fd_packets = packets;
	fd->fd_bytes = bytes;
	fl->fl_rule[dir][0] = pv[0].pv_rule;
	fl->fl_rule[dir][1] = pv[1].pv_rule;
	if (pv[1].pv_tag != 0)
		fl->fl_tag = pv[1].pv_tag;
	if (pv[0].pv_log == PF_LOG_ALL || pv[1].pv_log == PF_LOG_ALL)
		fl->fl_flags |= FL_LOG;
}

/* What follows of the first packet: which sides keep state, and what is tracked. */
static enum drop_reason
flow_begin(struct worker *w, struct flow *fl, const struct pkt *p,
    const struct path *pa, const struct pf_verdict pv[2])
{
	fl->fl_flags |= (pv[0].pv_state ? FL_KEEP_0 : 0) | (pv[1].pv_state ? FL_KEEP_1 : 0);
	if ((fl->fl_flags & FL_KEEP) && !track_first(fl, p)) {
		fl->fl_flags &= (uint8_t)~FL_KEEP;
		return p->pkt_tcpflags & 0x12 ? DROP_PF_SHORT : DROP_PF_NOSTATE;
	}
	fl->fl_ifp = pa->pa_ifp[0];
	fl->fl_created_ns = fl->fl_last_ns = w->w_now.now_ns;
	fl->fl_ruleset = pf_serial(w->w_nk);
	fl->fl_dir[0].fd_packets = track_segments(p);
	fl->fl_dir[0].fd_bytes = p->pkt_len;
	flow_fill(fl, 0, pa, pv);
	/* the back direction meets the same rules the other way round */
	fl->fl_rule[1][0] = fl->fl_flags & FL_KEEP_1 ? pv[1].pv_rule : 0;
	fl->fl_rule[1][1] = fl->fl_flags & FL_KEEP_0 ? pv[0].pv_rule : 0;
	return DROP_NONE;
}

/*
 * May a segment with these flags stand at the beginning?  SYN with FIN or RST,
 * FIN or URG without ACK, and none of SYN, RST and ACK are read differently by
 * different hosts; only who looks for gaps in a filter sends them.
 */
static bool
tcp_flags_make_sense(uint8_t flags)
{
	if (flags & TCPF_SYN)
		return (flags & (TCPF_FIN | TCPF_RST)) == 0;
	if (flags & TCPF_ACK)
		return true;
	return (flags & TCPF_RST) && (flags & (TCPF_FIN | TCPF_URG)) == 0;
}

static enum pkt_next
flow_make(struct worker *w, struct pkt *p, const struct path *pa, const struct pf_verdict pv[2])
{
	struct flow_table *ft = w->w_flows;
	bool keep = pv[0].pv_state || pv[1].pv_state;
	struct flow *fl = NULL;
	enum drop_reason why;

	if (p->pkt_proto == IPPROTO_TCP && !tcp_flags_make_sense(p->pkt_tcpflags))
		return pkt_drop(w, p, DROP_PF_TCP_FLAGS);
	if (keep ? !state_limit(w) : ft->ft_used < ft->ft_max - ft->ft_max / 8)
		fl = flow_new(ft, &p->pkt_key, p->pkt_hash);
	if (fl == NULL)
		return keep ? pkt_drop(w, p, DROP_PF_STATE_LIMIT) :
		    pass_loose(w, p, pa, pv);
	why = flow_begin(w, fl, p, pa, pv);
	if (why != DROP_NONE) {
		flow_remove(w, fl);
		return pkt_drop(w, p, why);
	}
	if (keep) {
		ft->ft_states++;
		counter_add(&w->w_count[CNT_STATE_NEW], 1);
	}
	pf_state_account(w->w_nk, fl, 1);
	flow_timer(w, fl);
	p->pkt_flow = fl;
	p->pkt_dir = 0;
	p->pkt_tag = fl->fl_tag;
	p->pkt_sa = pa->pa_fd.fd_sa;
	p->pkt_oif = pa->pa_fd.fd_oif;
	p->pkt_neigh = pa->pa_fd.fd_neigh;
	return (enum pkt_next)pa->pa_fd.fd_next;
}

static enum pkt_next
decide_new(struct worker *w, struct pkt *p)
{
	struct path pa;
	struct pf_verdict pv[2];
	enum drop_reason why;

	counter_add(&w->w_count[CNT_FLOW_MISS], 1);
	why = path_find(w, p, &pa);
	if (why != DROP_NONE)
		return no_path(w, p, why);
	if (!sides_ask(w, p, &pa, NULL, 0, pv))
		return PKT_NEXT_DONE;
	if (pa.pa_wants != NULL) {
		ipsec_acquire(w, pa.pa_wants, p);
		return PKT_NEXT_DONE;
	}
	if (p->pkt_flags & PKT_F_UNFILTERED)
		return pass_loose(w, p, &pa, NULL);
	return flow_make(w, p, &pa, pv);
}

/* A direction that is not filled, or whose stamps are stale. */
static enum pkt_next
decide_known(struct worker *w, struct pkt *p, struct flow *fl, unsigned dir)
{
	struct path pa;
	struct pf_verdict pv[2];
	enum drop_reason why;

	counter_add(&w->w_count[CNT_FLOW_REFILL], 1);
	why = path_find(w, p, &pa);
	if (why != DROP_NONE)
		return no_path(w, p, why);
	if (!sides_ask(w, p, &pa, fl, dir, pv))
		return PKT_NEXT_DONE;
	if (pa.pa_wants != NULL) {
		ipsec_acquire(w, pa.pa_wants, p);
		return PKT_NEXT_DONE;
	}
	if ((fl->fl_flags & FL_KEEP) == 0 && (pv[0].pv_state || pv[1].pv_state)) {
		/* only remembered until now: this packet opens a state */
		flow_remove(w, fl);
		return flow_make(w, p, &pa, pv);
	}
	flow_fill(fl, dir, &pa, pv);
	return flow_take(w, fl, dir, p);
}

enum pkt_next
flow_decide(struct worker *w, struct pkt *p)
{
	unsigned dir = 0;
	struct flow *fl;

	if (p->pkt_proto == IPPROTO_ICMP && icmp_is_error(p->pkt_icmp_type))
		return decide_error(w, p);
	fl = flow_find(w, &p->pkt_key, p->pkt_hash, &dir);
	if (fl != NULL && (track_reopens(fl, dir, p) ||
	    ((fl->fl_flags & FL_KEEP) == 0 && fl->fl_ruleset != pf_serial(w->w_nk)))) {
		flow_remove(w, fl);
		fl = NULL;
	}
	if (fl == NULL)
		return decide_new(w, p);
	if ((fl->fl_flags & FL_ICMP) && !flow_icmp_fits(fl, dir, p))
		return decide_loose(w, p);
	return decide_known(w, p, fl, dir);
}

bool
pf_outer_allowed(struct nk *nk, enum pf_dir dir, const struct ifnet *ifp,
    const struct flow_key *k)
{
	struct pf_pdesc pd = { .pd_dir = dir, .pd_ifp = ifp, .pd_key = *k };
	struct pf_verdict pv;

	if (ifp == NULL || !pf_filters(nk, ifp))
		return true;
	if (nk->nk_explain != NULL)
		explain_outer(nk, true);
	pf_ask(nk, &pd, &pv);
	if (pv.pv_pass || dir == PF_OUT)
		return pv.pv_pass;
	pd.pd_dir = PF_OUT;
	flow_key_turn(&pd.pd_key, k);
	pf_ask(nk, &pd, &pv);
	return pv.pv_pass && pv.pv_state;
}
