/* SPDX-License-Identifier: ISC */
/*
 * One rule of pf.conf with lists becomes one rule for each combination.
 * Checks of what needs what are made here, on the combinations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/parse.h"

#define TCP	6
#define UDP	17
#define ICMP	1

/* ---- labels: $if, $nr and others stand for the rule's own values ---- */

static void
end_text(const struct pf_addr_match *m, bool port, char *buf, size_t size)
{
	char p[PREFIX_STRLEN];
	const char *not = m->pa_neg ? "! " : "";

	if (port) {
		(void)snprintf(buf, size, m->pa_portop == PF_PORT_RANGE ? "%u:%u" : "%u",
		    m->pa_port[0], m->pa_port[1]);
		if (m->pa_portop == PF_PORT_ANY)
			buf[0] = '\0';
		return;
	}
	switch (m->pa_type) {
	case PF_ADDR_ANY:
		(void)snprintf(buf, size, "any");
		break;
	case PF_ADDR_PREFIX:
		(void)snprintf(buf, size, "%s%s", not, prefix_print(&m->pa_prefix, p));
		break;
	case PF_ADDR_TABLE:
		(void)snprintf(buf, size, "%s<%s>", not, m->pa_name);
		break;
	case PF_ADDR_SELF:
		(void)snprintf(buf, size, "%sself", not);
		break;
	default:
		(void)snprintf(buf, size, "%s(%s%s)", not, m->pa_name,
		    m->pa_type == PF_ADDR_IFNET ? ":network" : "");
		break;
	}
}

/* The text of a `$word' of a label; the length of the word, 0 if it is none. */
static size_t
label_word(const char *s, const struct pf_rule *r, size_t nr, char *buf, size_t size)
{
	static const char *const words[] = { "$if", "$nr", "$proto", "$srcaddr", "$dstaddr",
	    "$srcport", "$dstport" };
	const char *proto = pf_word_name(pf_protocols, r->pr_proto);
	unsigned i;

	for (i = 0; i < 7 && strncmp(s, words[i], strlen(words[i])) != 0; i++)
		continue;
	if (i == 7)
		return 0;
	if (i == 0)
		(void)snprintf(buf, size, "%s", r->pr_ifname[0] != '\0' ? r->pr_ifname : "any");
	else if (i == 1)
		(void)snprintf(buf, size, "%zu", nr);
	else if (i == 2)
		(void)snprintf(buf, size, "%s", proto != NULL ? proto : "");
	else
		end_text(i % 2 == 1 ? &r->pr_src : &r->pr_dst, i > 4, buf, size);
	return strlen(words[i]);
}

static bool
text_expand(char *text, size_t size, const struct pf_rule *r, size_t nr)
{
	char out[256] = "", word[80];
	size_t n = 0;

	if (strchr(text, '$') == NULL)
		return true;
	for (const char *s = text; *s != '\0' && n < sizeof(out) - sizeof(word);) {
		size_t len = label_word(s, r, nr, word, sizeof(word));

		if (len == 0)
			out[n++] = *s++;
		else {
			memcpy(out + n, word, strlen(word));
			n += strlen(word);
			s += len;
		}
	}
	if (n >= size)
		return false;
	memset(text, 0, size);
	memcpy(text, out, n);
	return true;
}

/* ---- checks and defaults ---- */

static bool
rule_check(struct parser *pr, const struct lists *li, const struct pf_rule *r)
{
	bool ports = r->pr_src.pa_portop != PF_PORT_ANY || r->pr_dst.pa_portop != PF_PORT_ANY;

	if (ports && r->pr_proto != TCP && r->pr_proto != UDP)
		pfc_complain(pr, li->li_ports_at, "port needs proto tcp or udp");
	else if (li->li_nicmp != 0 && r->pr_proto != ICMP)
		pfc_complain(pr, li->li_icmp_at, "icmp-type needs proto icmp");
	else if (li->li_flags && r->pr_flagset != 0 && r->pr_proto != 0 && r->pr_proto != TCP)
		pfc_complain(pr, li->li_flags_at, "flags need proto tcp");
	else if (r->pr_return == PF_RETURN_RST && r->pr_proto != 0 && r->pr_proto != TCP)
		pfc_complain(pr, li->li_at, "return-rst needs proto tcp");
	else
		return true;
	return false;
}

/* What a rule means that does not say. */
static void
rule_defaults(const struct lists *li, struct pf_rule *r)
{
	if (r->pr_action == PF_PASS)
		r->pr_keep = !li->li_nostate;
	/* the first packet of a connection makes the state */
	if (!li->li_flags && r->pr_keep && (r->pr_proto == 0 || r->pr_proto == TCP)) {
		r->pr_flags = 0x02;
		r->pr_flagset = 0x12;
	}
	if (r->pr_src.pa_type == PF_ADDR_PREFIX || r->pr_dst.pa_type == PF_ADDR_PREFIX)
		r->pr_af = AF_INET;
}

static bool
rule_append(struct parser *pr, const struct lists *li, struct pf_rule *r)
{
	struct pf_conf *pc = pr->pr_conf;
	struct pf_rule *p;

	if (!rule_check(pr, li, r))
		return false;
	rule_defaults(li, r);
	if (pc->pc_nrules >= PF_RULES_MAX) {
		pfc_complain(pr, li->li_at, "more than %d rules", PF_RULES_MAX);
		return false;
	}
	if (!text_expand(r->pr_label, sizeof(r->pr_label), r, pc->pc_nrules) ||
	    !text_expand(r->pr_tag, sizeof(r->pr_tag), r, pc->pc_nrules) ||
	    !text_expand(r->pr_tagged, sizeof(r->pr_tagged), r, pc->pc_nrules)) {
		pfc_complain(pr, li->li_at, "the label or tag is too long once expanded");
		return false;
	}
	p = pfc_grow(pc->pc_rule, pc->pc_nrules, &pc->pc_rulecap, sizeof(*p));
	if (p == NULL) {
		pfc_complain(pr, li->li_at, "out of memory");
		return false;
	}
	pc->pc_rule = p;
	pc->pc_rule[pc->pc_nrules++] = *r;
	return true;
}

/* ---- combinations ---- */

static void
end_set(struct pf_addr_match *m, const struct lists *li, unsigned side, size_t host, size_t port)
{
	if (li->li_nhost[side] != 0)
		*m = li->li_host[side][host];
	if (li->li_nport[side] != 0) {
		m->pa_portop = li->li_port[side][port].ip_op;
		m->pa_port[0] = li->li_port[side][port].ip_port[0];
		m->pa_port[1] = li->li_port[side][port].ip_port[1];
	}
}

/* The n-th combination; the last list turns fastest. */
static void
combination(const struct lists *li, const size_t count[7], size_t n, struct pf_rule *r)
{
	size_t at[7];

	for (unsigned k = 7; k-- > 0;) {
		at[k] = n % count[k];
		n /= count[k];
	}
	*r = li->li_rule;
	if (li->li_nif != 0) {
		memcpy(r->pr_ifname, li->li_if[at[0]].ii_name, sizeof(r->pr_ifname));
		r->pr_ifneg = li->li_if[at[0]].ii_neg;
	}
	if (li->li_nproto != 0)
		r->pr_proto = li->li_proto[at[1]];
	if (li->li_nicmp != 0) {
		r->pr_icmp_type = li->li_icmp[at[2]].ic_type;
		r->pr_icmp_code = li->li_icmp[at[2]].ic_code;
	}
	end_set(&r->pr_src, li, 0, at[3], at[4]);
	end_set(&r->pr_dst, li, 1, at[5], at[6]);
}

bool
pfc_expand_rule(struct parser *pr, const struct lists *li)
{
	const size_t count[7] = {
		li->li_nif ? li->li_nif : 1, li->li_nproto ? li->li_nproto : 1,
		li->li_nicmp ? li->li_nicmp : 1,
		li->li_nhost[0] ? li->li_nhost[0] : 1, li->li_nport[0] ? li->li_nport[0] : 1,
		li->li_nhost[1] ? li->li_nhost[1] : 1, li->li_nport[1] ? li->li_nport[1] : 1,
	};
	size_t total = 1;

	for (unsigned k = 0; k < 7; k++) {
		total *= count[k];
		if (total > PF_EXPAND_MAX) {
			pfc_complain(pr, li->li_at, "the lists make more than %d rules; use tables",
			    PF_EXPAND_MAX);
			return false;
		}
	}
	for (size_t n = 0; n < total; n++) {
		struct pf_rule r;

		combination(li, count, n, &r);
		if (!rule_append(pr, li, &r))
			return false;
	}
	return true;
}
