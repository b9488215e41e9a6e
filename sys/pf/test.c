/* SPDX-License-Identifier: ISC */
/*
 * pf_test(): which rule decides about a packet.  The last rule that matches
 * does, or the first with `quick'.  Skip steps pass over rules that cannot
 * match; the rest of a rule is compared only when all criteria agree.
 */
#include <arpa/inet.h>
#include <string.h>

#include "pf/ruleset.h"

static bool
if_named(const struct ifnet *ifp, const char *name)
{
	return ifp != NULL && (strncmp(ifp->if_name, name, IFNAME_MAX) == 0 ||
	    strncmp(ifp->if_group, name, IFNAME_MAX) == 0);
}

static bool
if_has(const struct ifnet *ifp, uint32_t a, bool network)
{
	for (unsigned i = 0; i < ifp->if_naddrs; i++) {
		const struct if_addr *ia = &ifp->if_addr[i];
		unsigned plen = network ? ia->ia_plen : 32;
		uint32_t mask = plen == 0 ? 0 : htonl(UINT32_MAX << (32 - plen));

		if (ia->ia_addr.ad_af == AF_INET &&
		    ((ia->ia_addr.ad_v4.s_addr ^ a) & mask) == 0)
			return true;
	}
	return false;
}

/* name NULL: any interface */
static bool
host_has(const struct if_table *it, const char *name, uint32_t a, bool network)
{
	if (it == NULL)
		return false;
	for (unsigned i = 0; i < IF_MAX; i++)
		if (it->it_if[i] != NULL && (name == NULL || if_named(it->it_if[i], name)) &&
		    if_has(it->it_if[i], a, network))
			return true;
	return false;
}

static bool
addr_matches(const struct pf_ruleset *rs, const struct pf_cmatch *m, uint8_t af, uint32_t a)
{
	bool in;

	if (m->cm_type == PF_ADDR_ANY)
		return true;
	if (af != AF_INET)
		return m->cm_neg;
	switch (m->cm_type) {
	case PF_ADDR_PREFIX:
		in = ((a ^ m->cm_addr) & m->cm_mask) == 0;
		break;
	case PF_ADDR_TABLE:
		in = pf_table_match4(m->cm_table, ntohl(a));
		break;
	case PF_ADDR_SELF:
		in = host_has(rs->rs_ifs, NULL, a, false);
		break;
	default:
		in = host_has(rs->rs_ifs, m->cm_name, a, m->cm_type == PF_ADDR_IFNET);
		break;
	}
	return in != m->cm_neg;
}

static bool
port_matches(const struct pf_cmatch *m, uint16_t port)
{
	uint16_t a = m->cm_port[0], b = m->cm_port[1];

	switch (m->cm_portop) {
	case PF_PORT_EQ:
		return port == a;
	case PF_PORT_NE:
		return port != a;
	case PF_PORT_LT:
		return port < a;
	case PF_PORT_LE:
		return port <= a;
	case PF_PORT_GT:
		return port > a;
	case PF_PORT_GE:
		return port >= a;
	case PF_PORT_IN:
		return port > a && port < b;
	case PF_PORT_OUT:
		return port < a || port > b;
	case PF_PORT_RANGE:
		return port >= a && port <= b;
	default:
		return true;
	}
}

/* What of a packet is compared, in host order. */
struct probe {
	const struct pf_pdesc	*pb_pd;
	uint16_t		 pb_sport, pb_dport;
	uint16_t		 pb_tag;
	uint64_t		 pb_if_known, pb_if_match;	/* by number of the name */
};

static bool
on_interface(const struct pf_crule *cr, struct probe *pb)
{
	uint64_t bit;
	bool on;

	if (cr->cr_if == IF_MANY)
		return if_named(pb->pb_pd->pd_ifp, cr->cr_rule->pr_ifname);
	bit = 1ull << cr->cr_if;
	if ((pb->pb_if_known & bit) == 0) {
		on = if_named(pb->pb_pd->pd_ifp, cr->cr_rule->pr_ifname);
		pb->pb_if_known |= bit;
		pb->pb_if_match |= on ? bit : 0;
	}
	return (pb->pb_if_match & bit) != 0;
}

/* The rule to look at next; the rule's own number if its criteria agree. */
static uint32_t
rule_skip(const struct pf_ruleset *rs, uint32_t i, struct probe *pb)
{
	const struct pf_crule *cr = &rs->rs_rule[i];
	const struct pf_pdesc *pd = pb->pb_pd;
	const struct flow_key *k = &pd->pd_key;

	if (cr->cr_if != IF_ANY && on_interface(cr, pb) == cr->cr_ifneg)
		return cr->cr_skip[SKIP_IF];
	if (cr->cr_dir != 0 && cr->cr_dir != pd->pd_dir)
		return cr->cr_skip[SKIP_DIR];
	if (cr->cr_af != 0 && cr->cr_af != k->fk_af)
		return cr->cr_skip[SKIP_AF];
	if (cr->cr_proto != 0 && cr->cr_proto != k->fk_proto)
		return cr->cr_skip[SKIP_PROTO];
	if (!addr_matches(rs, &cr->cr_src, k->fk_af, k->fk_src4))
		return cr->cr_skip[SKIP_SRC];
	if (!port_matches(&cr->cr_src, pb->pb_sport))
		return cr->cr_skip[SKIP_SPORT];
	if (!addr_matches(rs, &cr->cr_dst, k->fk_af, k->fk_dst4))
		return cr->cr_skip[SKIP_DST];
	if (!port_matches(&cr->cr_dst, pb->pb_dport))
		return cr->cr_skip[SKIP_DPORT];
	return i;
}

/* What no skip step knows. */
static bool
rule_rest(const struct pf_crule *cr, uint32_t nr, const struct probe *pb)
{
	const struct pf_pdesc *pd = pb->pb_pd;

	if (cr->cr_flagset != 0 && pd->pd_key.fk_proto == IPPROTO_TCP &&
	    (pd->pd_tcpflags & cr->cr_flagset) != cr->cr_flags)
		return false;
	if (cr->cr_icmp_type != 0 && cr->cr_icmp_type != pd->pd_icmp_type + 1)
		return false;
	if (cr->cr_icmp_code != 0 && cr->cr_icmp_code != pd->pd_icmp_code + 1)
		return false;
	if (cr->cr_tos != 0 && cr->cr_tos != pd->pd_tos + 1)
		return false;
	if (cr->cr_tagged != 0 && (cr->cr_tagged == pb->pb_tag) == cr->cr_tagged_neg)
		return false;
	return cr->cr_prob == 0 || pf_dice(pd->pd_rand, nr) < cr->cr_prob;
}

static void
verdict_set(const struct pf_crule *cr, uint32_t nr, struct pf_verdict *pv)
{
	const struct pf_rule *r = cr->cr_rule;

	pv->pv_pass = r->pr_action == PF_PASS;
	pv->pv_log = r->pr_log;
	pv->pv_state = r->pr_keep != 0;
	pv->pv_return = r->pr_return;
	pv->pv_ret_code = r->pr_ret_code;
	pv->pv_ret_ttl = r->pr_ret_ttl;
	pv->pv_rule = nr + 1;
}

void
pf_walk(const struct pf_ruleset *rs, const struct pf_pdesc *pd, struct pf_verdict *pv,
    uint64_t *evals)
{
	bool ports = pd->pd_key.fk_proto == IPPROTO_TCP || pd->pd_key.fk_proto == IPPROTO_UDP;
	struct probe pb = { .pb_pd = pd, .pb_tag = pd->pd_tag,
	    .pb_sport = ports ? ntohs(pd->pd_key.fk_sport) : 0,
	    .pb_dport = ports ? ntohs(pd->pd_key.fk_dport) : 0 };
	const struct pf_crule *last = NULL;
	uint32_t i = 0, next;

	while (i < rs->rs_n) {
		const struct pf_crule *cr = &rs->rs_rule[i];

		if (evals != NULL)
			evals[i]++;
		next = rule_skip(rs, i, &pb);
		if (next != i) {
			i = next;
			continue;
		}
		if (rule_rest(cr, i, &pb)) {
			/* a tag stays, whichever rule decides in the end */
			if (cr->cr_tag != 0)
				pb.pb_tag = cr->cr_tag;
			last = cr;
			if (cr->cr_quick)
				break;
		}
		i++;
	}
	*pv = (struct pf_verdict){ .pv_pass = true };
	if (last != NULL)
		verdict_set(last, (uint32_t)(last - rs->rs_rule), pv);
	pv->pv_tag = pb.pb_tag;
}

void
pf_test(const struct pf_ruleset *rs, const struct pf_pdesc *pd, struct pf_verdict *pv)
{
	pf_walk(rs, pd, pv, NULL);
}
