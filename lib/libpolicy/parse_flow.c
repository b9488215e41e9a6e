/* SPDX-License-Identifier: ISC */
/*
 * flow [esp] [tunnel | transport] [in | out] [proto P] from A [port p] to B
 *     [port q] [local L] [peer P] [type T]
 *
 * What only OpenBSD's kernel can do with a flow (other protocols than ESP,
 * identities) is read whole and refused by name.
 *
 * A rule without a direction is two: out as written, and in with the ends
 * exchanged.  Both have the rule's type; without one both are `require`,
 * so that what the rule protects does not enter in clear either
 * (RFC 4301 section 5.2).
 */
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "libpolicy/parse.h"

static bool
clause_esp(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_satype = IPPROTO_ESP;
	return true;
}

static bool
clause_direction(struct parse *ps, const struct tok *word)
{
	enum policy_dir dir = tok_is(word, "in") ? POLICY_IN : POLICY_OUT;

	if (ps->ps_d.dr_dir != 0 && ps->ps_d.dr_dir != dir)
		(void)parse_error(ps, word, "both in and out: leave the "
		    "direction out to have both");
	ps->ps_d.dr_dir = dir;
	return true;
}

static bool
clause_type(struct parse *ps, const struct tok *word)
{
	static const char *const names[] = { "use", "acquire", "require",
	    "dontacq", "bypass", "deny", NULL };
	const char *near;
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "flow type")) == NULL)
		return false;
	for (unsigned i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], tk->tk_text) != 0)
			continue;
		ps->ps_d.dr_type = (enum policy_flow_type)i;
		ps->ps_d.dr_type_given = true;
		return true;
	}
	near = nearest_word(tk->tk_text, names);
	(void)parse_error(ps, tk, "'%s' is not a flow type: %s%s%s", tk->tk_text,
	    near != NULL ? "did you mean '" : "use, acquire, require, "
	    "dontacq, bypass or deny",
	    near != NULL ? near : "", near != NULL ? "'?" : "");
	return true;
}

static const struct clause flow_clauses[] = {
	{ "esp",	clause_esp,		0 },
	{ "ah",		clause_nothing,		CLAUSE_REFUSED },
	{ "ipcomp",	clause_nothing,		CLAUSE_REFUSED },
	{ "ipip",	clause_nothing,		CLAUSE_REFUSED },
	{ "in",		clause_direction,	0 },
	{ "out",	clause_direction,	0 },
	{ "tunnel",	clause_tunnel,		0 },
	{ "transport",	clause_transport,	0 },
	{ "proto",	clause_proto,		0 },
	{ "from",	clause_from,		0 },
	{ "to",		clause_from,		0 },
	{ "local",	clause_local,		0 },
	{ "peer",	clause_peer,		0 },
	{ "srcid",	clause_srcid,		CLAUSE_REFUSED },
	{ "dstid",	clause_dstid,		CLAUSE_REFUSED },
	{ "type",	clause_type,		0 },
	{ NULL,		NULL,			0 },
};

static void
selector_swap(struct policy_selector *sel)
{
	struct prefix p = sel->ps_src;
	struct port_range r = sel->ps_sport;

	sel->ps_src = sel->ps_dst;
	sel->ps_dst = p;
	sel->ps_sport = sel->ps_dport;
	sel->ps_dport = r;
}

static bool
is_host(const struct prefix *p)
{
	return p->pr_len == addr_bits(&p->pr_addr);
}

/*
 * The ends that a rule leaves out: the peer is the other side if that is
 * one host.  A rule between the ends themselves is transport mode.
 */
static bool
flow_ends(struct parse *ps, struct policy_flow *fl)
{
	const struct draft *d = &ps->ps_d;
	bool out = fl->fl_dir == POLICY_OUT;
	const struct prefix *far = out ? &fl->fl_sel.ps_dst : &fl->fl_sel.ps_src;
	const struct prefix *near = out ? &fl->fl_sel.ps_src : &fl->fl_sel.ps_dst;

	fl->fl_local = d->dr_local;
	fl->fl_peer = d->dr_peer.pr_addr;
	if (fl->fl_peer.ad_af == 0) {
		if (!is_host(far))
			return parse_error(ps, d->dr_at, "the flow needs "
			    "'peer ADDRESS': its far side is not one host");
		fl->fl_peer = far->pr_addr;
		check_end(ps, d->dr_at, &fl->fl_peer);
		if (ps->ps_bad)
			return false;
	}
	fl->fl_mode = d->dr_mode;
	if (fl->fl_mode == 0) {
		bool ends = is_host(far) && is_host(near) &&
		    addr_equal(&far->pr_addr, &fl->fl_peer) &&
		    (fl->fl_local.ad_af == 0 ||
		    addr_equal(&near->pr_addr, &fl->fl_local));

		fl->fl_mode = ends ? POLICY_TRANSPORT : POLICY_TUNNEL;
	}
	if (fl->fl_mode == POLICY_TRANSPORT && fl->fl_local.ad_af == 0 &&
	    is_host(near))
		fl->fl_local = near->pr_addr;
	return true;
}

static bool
flow_add(struct parse *ps, const struct policy_selector *sel,
    enum policy_dir dir, bool swap)
{
	struct draft *d = &ps->ps_d;
	struct policy_flow fl = { .fl_type = d->dr_type, .fl_dir = dir,
	    .fl_satype = IPPROTO_ESP, .fl_mode = POLICY_TUNNEL, .fl_sel = *sel };

	fl.fl_at = parse_place(ps);
	if (swap)
		selector_swap(&fl.fl_sel);
	if (fl.fl_type != POLICY_BYPASS && fl.fl_type != POLICY_DENY &&
	    !flow_ends(ps, &fl))
		return false;
	if (ps->ps_pol->pol_nflows >= POLICY_RULES_MAX)
		return parse_error(ps, d->dr_at, "more than %d flows",
		    POLICY_RULES_MAX);
	if (!policy_add_flow(ps->ps_pol, &fl))
		return parse_error(ps, d->dr_at, "out of memory");
	return true;
}

static bool
flow_selector(struct parse *ps, const struct policy_selector *sel)
{
	enum policy_dir dir = ps->ps_d.dr_dir;

	return (dir == POLICY_IN || flow_add(ps, sel, POLICY_OUT, false)) &&
	    (dir == POLICY_OUT || flow_add(ps, sel, POLICY_IN, dir == 0));
}

static void
flow_check(struct parse *ps)
{
	struct draft *d = &ps->ps_d;
	bool clear = d->dr_type == POLICY_BYPASS || d->dr_type == POLICY_DENY;

	if (clear && d->dr_peer_given)
		(void)parse_error(ps, d->dr_peer_at, "a peer means nothing "
		    "to a flow that is not protected");
	if (d->dr_peer.pr_addr.ad_af != 0 && !is_host(&d->dr_peer))
		(void)parse_error(ps, d->dr_peer_at, "the peer of a flow is "
		    "one address");
	check_families(ps);
	(void)check_ports(ps, d->dr_pair);
}

bool
statement_flow(struct parse *ps)
{
	struct draft *d = &ps->ps_d;

	d->dr_type = POLICY_REQUIRE;
	if (!parse_clauses(ps, flow_clauses))
		return false;
	if (d->dr_npair == 0)
		return parse_error(ps, ps->ps_t, "'from ADDRESS to ADDRESS' "
		    "is missing");
	if (d->dr_npair > 1)
		return false;		/* told: a second time */
	flow_check(ps);
	return !ps->ps_bad && pair_each(ps, d->dr_pair, flow_selector);
}
