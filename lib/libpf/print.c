/* SPDX-License-Identifier: ISC */
/*
 * Rules and tables as pf.conf(5) writes them: what pfctl -s rules prints
 * loads again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/pf.h"

struct out {
	char	*ou_buf;
	size_t	 ou_size, ou_len;
};

__attribute__((format(printf, 2, 3))) static void
put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->ou_buf + o->ou_len, o->ou_size - o->ou_len, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->ou_len += (size_t)n;
	if (o->ou_len >= o->ou_size)
		o->ou_len = o->ou_size - 1;
}

static void
put_action(struct out *o, const struct pf_rule *r)
{
	const char *code = pf_code_name(3, r->pr_ret_code);

	if (r->pr_action == PF_PASS) {
		put(o, "pass");
		return;
	}
	put(o, "block");
	switch (r->pr_return) {
	case PF_RETURN_BOTH:
		put(o, " return");
		break;
	case PF_RETURN_RST:
		put(o, " return-rst");
		if (r->pr_ret_ttl != 0)
			put(o, "(ttl %u)", r->pr_ret_ttl);
		break;
	case PF_RETURN_ICMP:
		put(o, " return-icmp");
		if (code != NULL)
			put(o, "(%s)", code);
		else
			put(o, "(%u)", r->pr_ret_code);
		break;
	default:
		put(o, " drop");
		break;
	}
}

static void
put_host(struct out *o, const struct pf_addr_match *m)
{
	char buf[PREFIX_STRLEN];

	if (m->pa_neg)
		put(o, "! ");
	switch (m->pa_type) {
	case PF_ADDR_PREFIX:
		put(o, "%s", prefix_print(&m->pa_prefix, buf));
		break;
	case PF_ADDR_TABLE:
		put(o, "<%s>", m->pa_name);
		break;
	case PF_ADDR_SELF:
		put(o, "self");
		break;
	case PF_ADDR_IF:
		put(o, "(%s)", m->pa_name);
		break;
	case PF_ADDR_IFNET:
		put(o, "(%s:network)", m->pa_name);
		break;
	default:
		put(o, "any");
		break;
	}
}

static void
put_port(struct out *o, const struct pf_addr_match *m)
{
	static const char *const ops[] = { [PF_PORT_EQ] = "=", [PF_PORT_NE] = "!=",
	    [PF_PORT_LT] = "<", [PF_PORT_LE] = "<=", [PF_PORT_GT] = ">", [PF_PORT_GE] = ">=" };

	switch (m->pa_portop) {
	case PF_PORT_ANY:
		break;
	case PF_PORT_IN:
		put(o, " port %u >< %u", m->pa_port[0], m->pa_port[1]);
		break;
	case PF_PORT_OUT:
		put(o, " port %u <> %u", m->pa_port[0], m->pa_port[1]);
		break;
	case PF_PORT_RANGE:
		put(o, " port %u:%u", m->pa_port[0], m->pa_port[1]);
		break;
	default:
		if (m->pa_portop <= PF_PORT_GE)
			put(o, " port %s %u", ops[m->pa_portop], m->pa_port[0]);
		break;
	}
}

static bool
is_all(const struct pf_addr_match *m)
{
	return m->pa_type == PF_ADDR_ANY && m->pa_portop == PF_PORT_ANY;
}

static void
put_ends(struct out *o, const struct pf_rule *r)
{
	if (is_all(&r->pr_src) && is_all(&r->pr_dst)) {
		put(o, " all");
		return;
	}
	put(o, " from ");
	put_host(o, &r->pr_src);
	put_port(o, &r->pr_src);
	put(o, " to ");
	put_host(o, &r->pr_dst);
	put_port(o, &r->pr_dst);
}

static void
put_flags(struct out *o, uint8_t flags)
{
	static const char letters[] = "FSRPAUEW";

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i)
			put(o, "%c", letters[i]);
}

/* Flags that the parser would not supply by itself. */
static void
put_tcp(struct out *o, const struct pf_rule *r)
{
	bool defaults = r->pr_keep && (r->pr_proto == 0 || r->pr_proto == IPPROTO_TCP);

	if (r->pr_flagset != 0) {
		put(o, " flags ");
		put_flags(o, r->pr_flags);
		put(o, "/");
		put_flags(o, r->pr_flagset);
	} else if (defaults)
		put(o, " flags any");
}

static void
put_icmp(struct out *o, const struct pf_rule *r)
{
	uint8_t type = (uint8_t)(r->pr_icmp_type - 1), code = (uint8_t)(r->pr_icmp_code - 1);
	const char *name;

	if (r->pr_icmp_type == 0)
		return;
	name = pf_word_name(pf_icmp_types, type);
	if (name != NULL)
		put(o, " icmp-type %s", name);
	else
		put(o, " icmp-type %u", type);
	if (r->pr_icmp_code == 0)
		return;
	name = pf_code_name(type, code);
	if (name != NULL)
		put(o, " code %s", name);
	else
		put(o, " code %u", code);
}

/* With as few digits as give the same number again. */
static void
put_probability(struct out *o, uint32_t prob)
{
	char buf[32];

	for (int digits = 2; digits <= 15; digits++) {
		(void)snprintf(buf, sizeof(buf), "%.*g", digits,
		    prob / (double)UINT32_MAX * 100);
		if (pf_probability(strtod(buf, NULL) / 100) == prob)
			break;
	}
	put(o, " probability %s%%", buf);
}

static void
put_options(struct out *o, const struct pf_rule *r)
{
	put_tcp(o, r);
	put_icmp(o, r);
	if (r->pr_tos != 0)
		put(o, " tos 0x%02x", r->pr_tos - 1u);
	if (r->pr_action == PF_PASS && !r->pr_keep)
		put(o, " no state");
	if (r->pr_prob != 0)
		put_probability(o, r->pr_prob);
	if (r->pr_label[0] != '\0')
		put(o, " label \"%s\"", r->pr_label);
	if (r->pr_tag[0] != '\0')
		put(o, " tag \"%s\"", r->pr_tag);
	if (r->pr_tagged[0] != '\0')
		put(o, "%s tagged \"%s\"", r->pr_tagged_neg ? " !" : "", r->pr_tagged);
}

char *
pf_rule_print(const struct pf_rule *r, char buf[PF_RULE_STRLEN])
{
	struct out o = { .ou_buf = buf, .ou_size = PF_RULE_STRLEN };
	const char *proto = pf_word_name(pf_protocols, r->pr_proto);

	put_action(&o, r);
	if (r->pr_dir != 0)
		put(&o, r->pr_dir == 1 ? " in" : " out");
	if (r->pr_log != 0)
		put(&o, r->pr_log == PF_LOG_ALL ? " log (all)" : " log");
	if (r->pr_quick)
		put(&o, " quick");
	if (r->pr_ifname[0] != '\0')
		put(&o, " on %s%s", r->pr_ifneg ? "! " : "", r->pr_ifname);
	if (r->pr_af == AF_INET)
		put(&o, " inet");
	if (r->pr_proto != 0 && proto != NULL)
		put(&o, " proto %s", proto);
	else if (r->pr_proto != 0)
		put(&o, " proto %u", r->pr_proto);
	put_ends(&o, r);
	put_options(&o, r);
	return buf;
}

char *
pf_entry_print(const struct pf_table_entry *e, char buf[PREFIX_STRLEN + 2])
{
	char p[PREFIX_STRLEN];

	(void)snprintf(buf, PREFIX_STRLEN + 2, "%s%s", e->pe_neg ? "! " : "",
	    prefix_print(&e->pe_prefix, p));
	return buf;
}

char *
pf_table_print(const char *name, uint32_t flags, char buf[PF_TABLE_MAX + 64])
{
	(void)snprintf(buf, PF_TABLE_MAX + 64, "table <%s>%s%s", name,
	    flags & PF_TABLE_PERSIST ? " persist" : "", flags & PF_TABLE_CONST ? " const" : "");
	return buf;
}

bool
pf_entry_parse(const char *text, struct pf_table_entry *e)
{
	memset(e, 0, sizeof(*e));
	if (*text == '!') {
		e->pe_neg = 1;
		text++;
		while (*text == ' ')
			text++;
	}
	return prefix_parse(text, &e->pe_prefix) && e->pe_prefix.pr_addr.ad_af == AF_INET;
}
