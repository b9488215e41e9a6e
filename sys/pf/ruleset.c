/* SPDX-License-Identifier: ISC */
/*
 * Making rulesets: what a transaction gathers, the check of every field
 * that a program sent, and compilation (see ruleset.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pf/ruleset.h"

/* ---- checks ---- */

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
}

static bool
text_ok(const char *s, size_t size, bool (*ok)(char))
{
	size_t i = 0;

	while (i < size && s[i] != '\0')
		if (!ok(s[i++]))
			return false;
	if (i == size)
		return false;
	for (; i < size; i++)
		if (s[i] != '\0')
			return false;
	return true;
}

bool
pf_name_ok(const char *name, size_t size)
{
	return text_ok(name, size, name_char);
}

static bool
label_char(char c)
{
	return (unsigned char)c >= ' ' && c != '"' && c != 0x7f;
}

static const char *
match_check(const struct pf_addr_match *m, uint8_t proto)
{
	struct pf_table_entry e = { .pe_prefix = m->pa_prefix };

	if (m->pa_type >= PF_ADDR_TYPES || m->pa_neg > 1)
		return "unknown kind of address";
	if (m->pa_portop >= PF_PORT_OPS)
		return "unknown port operator";
	if (m->pa_portop != PF_PORT_ANY && proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return "ports need proto tcp or udp";
	if (!pf_name_ok(m->pa_name, sizeof(m->pa_name)))
		return "malformed name of a table or interface";
	if (m->pa_type == PF_ADDR_ANY && m->pa_neg)
		return "not any matches nothing";
	if (m->pa_type == PF_ADDR_PREFIX && !pf_entry_ok(&e))
		return "malformed address";
	if ((m->pa_type == PF_ADDR_TABLE || m->pa_type == PF_ADDR_IF ||
	    m->pa_type == PF_ADDR_IFNET) && m->pa_name[0] == '\0')
		return "empty name of a table or interface";
	return NULL;
}

static const char *
kinds_check(const struct pf_rule *r)
{
	if (r->pr_action != PF_PASS && r->pr_action != PF_BLOCK)
		return "unknown action";
	if (r->pr_dir > PF_OUT)
		return "unknown direction";
	if (r->pr_af != 0 && r->pr_af != AF_INET)
		return "address family not supported";
	if (r->pr_quick > 1 || r->pr_keep > 1 || r->pr_ifneg > 1 ||
	    r->pr_tagged_neg > 1 || r->pr_log > PF_LOG_ALL)
		return "malformed flag";
	if (r->pr_return > PF_RETURN_ICMP ||
	    (r->pr_return != PF_RETURN_DROP && r->pr_action != PF_BLOCK))
		return "malformed answer";
	if (r->pr_keep && r->pr_action != PF_PASS)
		return "only pass keeps state";
	if (r->pr_flags & ~r->pr_flagset)
		return "TCP flags outside their mask";
	if (r->pr_icmp_type > 256 || r->pr_icmp_code > 256 || r->pr_tos > 256)
		return "malformed ICMP type or code";
	if ((r->pr_icmp_type != 0 || r->pr_icmp_code != 0) && r->pr_proto != IPPROTO_ICMP)
		return "ICMP types need proto icmp";
	if (r->pr_flagset != 0 && r->pr_proto != 0 && r->pr_proto != IPPROTO_TCP)
		return "flags need proto tcp";
	return NULL;
}

const char *
pf_rule_check(const struct pf_rule *r)
{
	const char *why = kinds_check(r);

	if (why != NULL)
		return why;
	if (!pf_name_ok(r->pr_ifname, sizeof(r->pr_ifname)) ||
	    (r->pr_ifneg && r->pr_ifname[0] == '\0'))
		return "malformed interface name";
	if (!text_ok(r->pr_label, sizeof(r->pr_label), label_char))
		return "malformed label";
	if (!text_ok(r->pr_tag, sizeof(r->pr_tag), label_char) ||
	    !text_ok(r->pr_tagged, sizeof(r->pr_tagged), label_char))
		return "malformed tag";
	if ((why = match_check(&r->pr_src, r->pr_proto)) != NULL)
		return why;
	return match_check(&r->pr_dst, r->pr_proto);
}

const char *
pf_options_check(const struct pf_options *o)
{
	for (unsigned i = 0; i < PF_TM_ADAPTIVE_START; i++)
		if (o->po_timeout[i] == 0 || o->po_timeout[i] > PF_TIMEOUT_MAX)
			return "timeout out of range";
	if (o->po_timeout[PF_TM_ADAPTIVE_END] != 0 &&
	    o->po_timeout[PF_TM_ADAPTIVE_END] <= o->po_timeout[PF_TM_ADAPTIVE_START])
		return "adaptive.end is not above adaptive.start";
	return NULL;
}

/* ---- sets ---- */

void
pf_set_init(struct pf_set *ps)
{
	static const uint32_t defaults[PF_TM_MAX] = {
#define X(name, text, def) [PF_TM_##name] = def,
		PF_TIMEOUTS(X)
#undef X
	};

	memset(ps, 0, sizeof(*ps));
	memcpy(ps->ps_options.po_timeout, defaults, sizeof(defaults));
}

void
pf_set_free(struct pf_set *ps)
{
	for (size_t i = 0; i < ps->ps_ntables; i++)
		pf_table_free(ps->ps_table[i]);
	free(ps->ps_table);
	free(ps->ps_rule);
	memset(ps, 0, sizeof(*ps));
}

/* Room for one more of size bytes each. */
static void *
grow(void *p, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *q = p;

	if (n < *cap)
		return p;
	q = reallocarray(p, more, size);
	if (q != NULL)
		*cap = more;
	return q;
}

int
pf_set_rule(struct pf_set *ps, const struct pf_rule *r, const char **err)
{
	struct pf_rule *p;

	*err = pf_rule_check(r);
	if (*err != NULL)
		return EINVAL;
	if (ps->ps_nrules >= PF_RULES_MAX) {
		*err = "too many rules";
		return ENOSPC;
	}
	p = grow(ps->ps_rule, ps->ps_nrules, &ps->ps_rulecap, sizeof(*p));
	if (p == NULL) {
		*err = "out of memory";
		return ENOMEM;
	}
	ps->ps_rule = p;
	ps->ps_rule[ps->ps_nrules++] = *r;
	return 0;
}

struct pf_table *
pf_set_table(const struct pf_set *ps, const char *name)
{
	for (size_t i = 0; i < ps->ps_ntables; i++)
		if (strcmp(pf_table_name(ps->ps_table[i]), name) == 0)
			return ps->ps_table[i];
	return NULL;
}

struct pf_table *
pf_set_table_make(struct pf_set *ps, const char *name, uint32_t flags)
{
	struct pf_table *t = pf_set_table(ps, name), **p;

	if (t != NULL || ps->ps_ntables >= PF_TABLES_MAX)
		return t;
	p = grow(ps->ps_table, ps->ps_ntables, &ps->ps_tablecap, sizeof(struct pf_table *));
	if (p == NULL)
		return NULL;
	ps->ps_table = p;
	t = pf_table_new(name, flags);
	if (t != NULL)
		ps->ps_table[ps->ps_ntables++] = t;
	return t;
}

/* ---- tags ---- */

uint16_t
pf_tag_number(struct pf_tags *pt, const char *name)
{
	char (*p)[PF_TAG_MAX];
	size_t cap = pt->pt_cap;

	if (name[0] == '\0')
		return 0;
	for (uint16_t i = 0; i < pt->pt_n; i++)
		if (strcmp(pt->pt_name[i], name) == 0)
			return (uint16_t)(i + 1);
	if (pt->pt_n >= 50000)
		return 0;
	p = grow(pt->pt_name, pt->pt_n, &cap, sizeof(*p));
	if (p == NULL)
		return 0;
	pt->pt_name = p;
	pt->pt_cap = (uint16_t)cap;
	memset(p[pt->pt_n], 0, PF_TAG_MAX);
	memcpy(p[pt->pt_n], name, strlen(name));
	return ++pt->pt_n;
}

/* ---- compilation ---- */

static bool
match_compile(struct pf_set *ps, struct pf_cmatch *cm, const struct pf_addr_match *m)
{
	cm->cm_type = m->pa_type;
	cm->cm_neg = m->pa_neg;
	cm->cm_portop = m->pa_portop;
	cm->cm_port[0] = m->pa_port[0];
	cm->cm_port[1] = m->pa_port[1];
	cm->cm_name = m->pa_name;
	if (m->pa_type == PF_ADDR_PREFIX) {
		cm->cm_addr = m->pa_prefix.pr_addr.ad_v4.s_addr;
		cm->cm_mask = m->pa_prefix.pr_len == 0 ? 0 :
		    htonl(UINT32_MAX << (32 - m->pa_prefix.pr_len));
	} else if (m->pa_type == PF_ADDR_TABLE) {
		cm->cm_table = pf_set_table_make(ps, m->pa_name, 0);
		return cm->cm_table != NULL;
	}
	return true;
}

static bool
rule_compile(struct pf_set *ps, struct pf_tags *tags, struct pf_crule *cr,
    const struct pf_rule *r)
{
	cr->cr_rule = r;
	cr->cr_action = r->pr_action;
	cr->cr_dir = r->pr_dir;
	cr->cr_af = r->pr_af;
	cr->cr_proto = r->pr_proto;
	cr->cr_flags = r->pr_flags;
	cr->cr_flagset = r->pr_flagset;
	cr->cr_quick = r->pr_quick;
	cr->cr_ifneg = r->pr_ifneg;
	cr->cr_icmp_type = r->pr_icmp_type;
	cr->cr_icmp_code = r->pr_icmp_code;
	cr->cr_tos = r->pr_tos;
	cr->cr_tag = pf_tag_number(tags, r->pr_tag);
	cr->cr_tagged = pf_tag_number(tags, r->pr_tagged);
	cr->cr_tagged_neg = r->pr_tagged_neg;
	cr->cr_prob = r->pr_prob;
	return (cr->cr_tag != 0 || r->pr_tag[0] == '\0') &&
	    (cr->cr_tagged != 0 || r->pr_tagged[0] == '\0') &&
	    match_compile(ps, &cr->cr_src, &r->pr_src) &&
	    match_compile(ps, &cr->cr_dst, &r->pr_dst);
}

static bool
same_addr(const struct pf_addr_match *a, const struct pf_addr_match *b)
{
	return a->pa_type == b->pa_type && a->pa_neg == b->pa_neg &&
	    memcmp(&a->pa_prefix, &b->pa_prefix, sizeof(a->pa_prefix)) == 0 &&
	    strcmp(a->pa_name, b->pa_name) == 0;
}

static bool
same_port(const struct pf_addr_match *a, const struct pf_addr_match *b)
{
	return a->pa_portop == b->pa_portop && a->pa_port[0] == b->pa_port[0] &&
	    a->pa_port[1] == b->pa_port[1];
}

static bool
same_criterion(const struct pf_rule *a, const struct pf_rule *b, enum pf_skip k)
{
	switch (k) {
	case SKIP_IF:
		return a->pr_ifneg == b->pr_ifneg && strcmp(a->pr_ifname, b->pr_ifname) == 0;
	case SKIP_DIR:
		return a->pr_dir == b->pr_dir;
	case SKIP_AF:
		return a->pr_af == b->pr_af;
	case SKIP_PROTO:
		return a->pr_proto == b->pr_proto;
	case SKIP_SRC:
		return same_addr(&a->pr_src, &b->pr_src);
	case SKIP_SPORT:
		return same_port(&a->pr_src, &b->pr_src);
	case SKIP_DST:
		return same_addr(&a->pr_dst, &b->pr_dst);
	default:
		return same_port(&a->pr_dst, &b->pr_dst);
	}
}

static void
skips_compile(struct pf_ruleset *rs)
{
	const struct pf_rule *r = rs->rs_set.ps_rule;

	for (uint32_t i = rs->rs_n; i-- > 0;)
		for (unsigned k = 0; k < SKIP_MAX; k++)
			rs->rs_rule[i].cr_skip[k] = i + 1 < rs->rs_n &&
			    same_criterion(&r[i], &r[i + 1], k) ?
			    rs->rs_rule[i + 1].cr_skip[k] : i + 1;
}

/* The number of rule i's interface name: that of an earlier rule, or the next. */
static uint8_t
if_number(struct pf_ruleset *rs, uint32_t i)
{
	const struct pf_rule *r = rs->rs_set.ps_rule;

	if (r[i].pr_ifname[0] == '\0')
		return IF_ANY;
	for (uint8_t n = 0; n < rs->rs_nifs; n++)
		if (strcmp(r[rs->rs_ifrule[n]].pr_ifname, r[i].pr_ifname) == 0)
			return n;
	if (rs->rs_nifs == IF_NUMBERED)
		return IF_MANY;
	rs->rs_ifrule[rs->rs_nifs] = i;
	return rs->rs_nifs++;
}

static bool
ruleset_compile(struct pf_ruleset *rs, struct pf_tags *tags)
{
	struct pf_set *ps = &rs->rs_set;

	for (uint32_t i = 0; i < rs->rs_n; i++) {
		if (!rule_compile(ps, tags, &rs->rs_rule[i], &ps->ps_rule[i]))
			return false;
		rs->rs_rule[i].cr_if = if_number(rs, i);
		rs->rs_random |= ps->ps_rule[i].pr_prob != 0;
	}
	for (size_t i = 0; i < ps->ps_ntables; i++)
		if (pf_table_compile(ps->ps_table[i]) != 0)
			return false;
	skips_compile(rs);
	return true;
}

struct pf_ruleset *
pf_ruleset_new(struct pf_set *ps, struct pf_tags *tags, const struct if_table *ifs)
{
	struct pf_ruleset *rs = calloc(1, sizeof(*rs));
	size_t n = ps->ps_nrules + 1;

	if (rs == NULL) {
		pf_set_free(ps);
		return NULL;
	}
	rs->rs_set = *ps;
	memset(ps, 0, sizeof(*ps));
	rs->rs_n = (uint32_t)rs->rs_set.ps_nrules;
	rs->rs_ifs = ifs;
	rs->rs_rule = calloc(n, sizeof(*rs->rs_rule));
	rs->rs_count = calloc(n, sizeof(*rs->rs_count));
	rs->rs_evals = calloc(n, sizeof(*rs->rs_evals));
	if (rs->rs_rule == NULL || rs->rs_count == NULL || rs->rs_evals == NULL ||
	    !ruleset_compile(rs, tags)) {
		pf_ruleset_free(rs);
		return NULL;
	}
	return rs;
}

void
pf_ruleset_free(struct pf_ruleset *rs)
{
	if (rs == NULL)
		return;
	pf_set_free(&rs->rs_set);
	free(rs->rs_rule);
	free(rs->rs_count);
	free(rs->rs_evals);
	free(rs);
}
