/* SPDX-License-Identifier: ISC */
/*
 * Values of rules: names, numbers, interfaces, protocols, ICMP types,
 * addresses and ports, alone or in lists.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/parse.h"

static bool
is_value(const struct tok *t)
{
	return t->tk_type == TOK_WORD || t->tk_type == TOK_STRING;
}

/* pfc_complain_word() with the names of a table. */
static void
complain_name(struct parser *pr, const struct tok *t, const char *what,
    const struct pf_word *w)
{
	const char *words[64];
	unsigned n = 0;

	for (; n < 63 && w[n].pw_name != NULL; n++)
		words[n] = w[n].pw_name;
	words[n] = NULL;
	pfc_complain_word(pr, t, what, words);
}

bool
pfc_parse_number(struct parser *pr, const struct tok *t, unsigned long max, unsigned long *out)
{
	char *end = NULL;

	errno = 0;
	if (!is_value(t) || !isdigit((unsigned char)t->tk_text[0])) {
		pfc_complain(pr, t, "expected a number");
		return false;
	}
	*out = strtoul(t->tk_text, &end, 10);
	if (*end != '\0' || errno != 0 || *out > max) {
		pfc_complain(pr, t, "`%s' is not a number from 0 to %lu", t->tk_text, max);
		return false;
	}
	return true;
}

bool
pfc_parse_name(struct parser *pr, const struct tok *t, const char *what, char *out, size_t size)
{
	size_t n = strlen(t->tk_text);

	if (!is_value(t) || n == 0) {
		pfc_complain(pr, t, "expected %s", what);
		return false;
	}
	if (n >= size) {
		pfc_complain(pr, t, "%s is longer than %zu characters", what, size - 1);
		return false;
	}
	memset(out, 0, size);
	memcpy(out, t->tk_text, n);
	return true;
}

static bool
name_chars(const char *s)
{
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("_-.:", *s) == NULL)
			return false;
	return true;
}

bool
pfc_parse_list(struct parser *pr, bool (*fn)(struct parser *, void *), void *arg)
{
	const struct tok *open = pfc_peek(pr);

	if (!pfc_take(pr, "{"))
		return fn(pr, arg);
	if (pfc_tok_is(pfc_peek(pr), "}")) {
		pfc_complain(pr, open, "the list is empty");
		return false;
	}
	while (!pfc_take(pr, "}")) {
		if (pfc_peek(pr)->tk_type == TOK_END) {
			pfc_complain(pr, open, "the brace is not closed");
			return false;
		}
		/* a macro with a list in it makes lists in lists: flat */
		if (!pfc_parse_list(pr, fn, arg))
			return false;
	}
	return true;
}

static bool
list_full(struct parser *pr, size_t n)
{
	if (n < PF_LIST_MAX)
		return false;
	pfc_complain(pr, pfc_peek(pr), "the list has more than %d items; use a table", PF_LIST_MAX);
	return true;
}

/* ---- interfaces ---- */

static bool
one_interface(struct parser *pr, void *arg)
{
	struct lists *li = arg;
	struct item_if *ii = &li->li_if[li->li_nif];
	const struct tok *t;

	if (list_full(pr, li->li_nif))
		return false;
	ii->ii_neg = pfc_take(pr, "!");
	t = pfc_next_tok(pr);
	if (!pfc_parse_name(pr, t, "an interface name", ii->ii_name, sizeof(ii->ii_name)))
		return false;
	if (!name_chars(ii->ii_name)) {
		pfc_complain(pr, t, "`%s' is not the name of an interface", ii->ii_name);
		return false;
	}
	if (strcmp(ii->ii_name, "any") == 0) {
		if (ii->ii_neg) {
			pfc_complain(pr, t, "not any interface matches nothing");
			return false;
		}
		memset(ii, 0, sizeof(*ii));
	}
	li->li_nif++;
	return true;
}

bool
pfc_parse_interfaces(struct parser *pr, struct lists *li)
{
	return pfc_parse_list(pr, one_interface, li);
}

/* ---- protocols ---- */

static const char *const protocol_words[] = { "tcp", "udp", "icmp", "esp", "ah", "gre",
    "igmp", "ospf", "sctp", "carp", "vrrp", "ipencap", "pim", NULL };

static bool
one_protocol(struct parser *pr, void *arg)
{
	struct lists *li = arg;
	const struct tok *t = pfc_next_tok(pr);
	unsigned long n;
	int number;

	if (list_full(pr, li->li_nproto))
		return false;
	if (is_value(t) && isdigit((unsigned char)t->tk_text[0])) {
		if (!pfc_parse_number(pr, t, 255, &n))
			return false;
		number = (int)n;
		if (number == 0) {
			pfc_complain(pr, t, "protocol 0 is not supported yet");
			return false;
		}
	} else {
		number = is_value(t) ? pf_word_number(pf_protocols, t->tk_text) : -1;
		if (number < 0) {
			pfc_complain_word(pr, t, "unknown protocol", protocol_words);
			return false;
		}
	}
	if (number == IPPROTO_ICMPV6) {
		pfc_complain(pr, t, "inet6 is not supported yet");
		return false;
	}
	li->li_proto[li->li_nproto++] = (uint8_t)number;
	return true;
}

bool
pfc_parse_protocols(struct parser *pr, struct lists *li)
{
	return pfc_parse_list(pr, one_protocol, li);
}

/* ---- ICMP ---- */

static bool
icmp_code(struct parser *pr, int type, struct item_icmp *ic)
{
	const struct tok *t = pfc_next_tok(pr);
	int code;
	unsigned long n;

	code = is_value(t) ? pf_code_number((uint8_t)type, t->tk_text) : -1;
	if (code < 0) {
		if (is_value(t) && !isdigit((unsigned char)t->tk_text[0])) {
			pfc_complain(pr, t, "unknown code `%s' of this ICMP type", t->tk_text);
			return false;
		}
		if (!pfc_parse_number(pr, t, 255, &n))
			return false;
		code = (int)n;
	}
	ic->ic_code = (uint16_t)(code + 1);
	return true;
}

static bool
one_icmp(struct parser *pr, void *arg)
{
	struct lists *li = arg;
	struct item_icmp *ic = &li->li_icmp[li->li_nicmp];
	const struct tok *t = pfc_next_tok(pr);
	unsigned long n;
	int type;

	if (list_full(pr, li->li_nicmp))
		return false;
	type = is_value(t) ? pf_word_number(pf_icmp_types, t->tk_text) : -1;
	if (type < 0) {
		if (!is_value(t) || !isdigit((unsigned char)t->tk_text[0])) {
			complain_name(pr, t, "unknown ICMP type", pf_icmp_types);
			return false;
		}
		if (!pfc_parse_number(pr, t, 255, &n))
			return false;
		type = (int)n;
	}
	*ic = (struct item_icmp){ .ic_type = (uint16_t)(type + 1) };
	if (pfc_take(pr, "code") && !icmp_code(pr, type, ic))
		return false;
	li->li_nicmp++;
	return true;
}

bool
pfc_parse_icmp_types(struct parser *pr, struct lists *li)
{
	return pfc_parse_list(pr, one_icmp, li);
}

/* ---- hosts ---- */

bool
pfc_parse_table_name(struct parser *pr, char out[PF_TABLE_MAX])
{
	const struct tok *t;

	if (!pfc_expect(pr, "<"))
		return false;
	t = pfc_next_tok(pr);
	if (!pfc_parse_name(pr, t, "a table name", out, PF_TABLE_MAX))
		return false;
	if (!name_chars(out)) {
		pfc_complain(pr, t, "`%s' is not a table name", out);
		return false;
	}
	return pfc_expect(pr, ">");
}

/* An interface's addresses: em0, em0:network, with or without parentheses. */
static bool
host_interface(struct parser *pr, const struct tok *t, struct pf_addr_match *m)
{
	char name[PF_TABLE_MAX], *colon;

	if (!pfc_parse_name(pr, t, "an address", name, sizeof(name)))
		return false;
	colon = strchr(name, ':');
	m->pa_type = PF_ADDR_IF;
	if (colon != NULL) {
		if (strcmp(colon, ":network") != 0) {
			pfc_complain(pr, t, "`%s' is not supported yet", colon);
			return false;
		}
		memset(colon, 0, sizeof(name) - (size_t)(colon - name));
		m->pa_type = PF_ADDR_IFNET;
	}
	if (strlen(name) >= PF_IFNAME_MAX || !name_chars(name) || name[0] == '\0') {
		pfc_complain(pr, t, "`%s' is not the name of an interface", t->tk_text);
		return false;
	}
	memcpy(m->pa_name, name, sizeof(m->pa_name));
	return true;
}

/* em0 and lo0:network look like interfaces, www and a.example like hosts. */
static bool
looks_like_interface(const char *s)
{
	size_t n = strcspn(s, ":");

	return n > 1 && n < PF_IFNAME_MAX && isalpha((unsigned char)s[0]) &&
	    memchr(s, '.', n) == NULL && isdigit((unsigned char)s[n - 1]);
}

static bool
host_word(struct parser *pr, const struct tok *t, struct pf_addr_match *m)
{
	static const char *const later[] = { "no-route", "urpf-failed", "route", "egress", NULL };
	struct prefix p;

	if (pfc_tok_is(t, "any")) {
		m->pa_type = PF_ADDR_ANY;
		return true;
	}
	if (pfc_tok_is(t, "self")) {
		m->pa_type = PF_ADDR_SELF;
		return true;
	}
	for (const char *const *w = later; *w != NULL; w++)
		if (pfc_tok_is(t, *w)) {
			pfc_complain(pr, t, "`%s' is not supported yet", *w);
			return false;
		}
	if (prefix_parse(t->tk_text, &p)) {
		if (p.pr_addr.ad_af != AF_INET) {
			pfc_complain(pr, t, "inet6 is not supported yet");
			return false;
		}
		m->pa_type = PF_ADDR_PREFIX;
		m->pa_prefix = p;
		return true;
	}
	if (looks_like_interface(t->tk_text))
		return host_interface(pr, t, m);
	if (isdigit((unsigned char)t->tk_text[0]))
		pfc_complain(pr, t, "`%s' is not an address", t->tk_text);
	else
		pfc_complain(pr, t, "host names are not looked up: give the address of `%s'", t->tk_text);
	return false;
}

struct host_arg { struct lists *ha_li; unsigned ha_side; };

static bool
one_host(struct parser *pr, void *arg)
{
	struct host_arg *ha = arg;
	struct lists *li = ha->ha_li;
	struct pf_addr_match *m = &li->li_host[ha->ha_side][li->li_nhost[ha->ha_side]];
	const struct tok *t;

	if (list_full(pr, li->li_nhost[ha->ha_side]))
		return false;
	memset(m, 0, sizeof(*m));
	m->pa_neg = pfc_take(pr, "!");
	t = pfc_peek(pr);
	if (pfc_tok_is(t, "<")) {
		m->pa_type = PF_ADDR_TABLE;
		if (!pfc_parse_table_name(pr, m->pa_name))
			return false;
	} else if (pfc_take(pr, "(")) {
		if (!host_interface(pr, pfc_next_tok(pr), m) || !pfc_expect(pr, ")"))
			return false;
	} else if (!is_value(t)) {
		pfc_complain(pr, t, "expected an address, a table or any");
		return false;
	} else if (!host_word(pr, pfc_next_tok(pr), m))
		return false;
	if (m->pa_neg && m->pa_type == PF_ADDR_ANY) {
		pfc_complain(pr, t, "not any matches nothing");
		return false;
	}
	if (pfc_tok_is(pfc_peek(pr), "-")) {
		pfc_complain(pr, pfc_peek(pr), "address ranges are not supported yet: use prefixes");
		return false;
	}
	li->li_nhost[ha->ha_side]++;
	return true;
}

bool
pfc_parse_hosts(struct parser *pr, struct lists *li, unsigned side)
{
	struct host_arg ha = { .ha_li = li, .ha_side = side };

	return pfc_parse_list(pr, one_host, &ha);
}

/* ---- ports ---- */

static bool
port_number(struct parser *pr, const struct tok *t, const char *text, uint16_t *out)
{
	char *end;
	unsigned long n;
	int number;

	if (isdigit((unsigned char)text[0])) {
		errno = 0;
		n = strtoul(text, &end, 10);
		if (*end == '\0' && errno == 0 && n <= 65535) {
			*out = (uint16_t)n;
			return true;
		}
		pfc_complain(pr, t, "`%s' is not a port number from 0 to 65535", text);
		return false;
	}
	number = pf_word_number(pf_services, text);
	if (number >= 0) {
		*out = (uint16_t)number;
		return true;
	}
	complain_name(pr, t, "unknown service", pf_services);
	return false;
}

static bool
port_range(struct parser *pr, const struct tok *t, struct item_port *ip)
{
	char text[64], *colon;

	if (strlen(t->tk_text) >= sizeof(text)) {
		pfc_complain(pr, t, "`%s' is not a port", t->tk_text);
		return false;
	}
	memcpy(text, t->tk_text, strlen(t->tk_text) + 1);
	colon = strchr(text, ':');
	if (colon == NULL) {
		ip->ip_op = PF_PORT_EQ;
		return port_number(pr, t, text, &ip->ip_port[0]);
	}
	*colon = '\0';
	ip->ip_op = PF_PORT_RANGE;
	if (!port_number(pr, t, text, &ip->ip_port[0]) ||
	    !port_number(pr, t, colon + 1, &ip->ip_port[1]))
		return false;
	if (ip->ip_port[0] > ip->ip_port[1]) {
		pfc_complain(pr, t, "the range ends before it begins");
		return false;
	}
	return true;
}

static bool
port_between(struct parser *pr, struct item_port *ip)
{
	const struct tok *t = pfc_next_tok(pr), *hi = pfc_next_tok(pr);

	if (ip->ip_op != PF_PORT_EQ) {
		pfc_complain(pr, t, "expected one port before `%s'", t->tk_text);
		return false;
	}
	ip->ip_op = strcmp(t->tk_text, "><") == 0 ? PF_PORT_IN : PF_PORT_OUT;
	if (!is_value(hi)) {
		pfc_complain(pr, hi, "expected a port");
		return false;
	}
	return port_number(pr, hi, hi->tk_text, &ip->ip_port[1]);
}

struct port_arg { struct lists *po_li; unsigned po_side; };

static bool
one_port(struct parser *pr, void *arg)
{
	static const struct { const char *text; uint8_t op; } ops[] = {
		{ "=", PF_PORT_EQ }, { "!=", PF_PORT_NE }, { "<", PF_PORT_LT },
		{ "<=", PF_PORT_LE }, { ">", PF_PORT_GT }, { ">=", PF_PORT_GE },
	};
	struct port_arg *pa = arg;
	struct lists *li = pa->po_li;
	struct item_port *ip = &li->li_port[pa->po_side][li->li_nport[pa->po_side]];
	const struct tok *t;
	uint8_t op = PF_PORT_ANY;

	if (list_full(pr, li->li_nport[pa->po_side]))
		return false;
	for (unsigned i = 0; op == PF_PORT_ANY && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (pfc_take(pr, ops[i].text))
			op = ops[i].op;
	t = pfc_next_tok(pr);
	if (!is_value(t)) {
		pfc_complain(pr, t, "expected a port");
		return false;
	}
	*ip = (struct item_port){ 0 };
	if (!port_range(pr, t, ip))
		return false;
	if (op != PF_PORT_ANY && ip->ip_op == PF_PORT_RANGE && op != PF_PORT_EQ) {
		pfc_complain(pr, t, "a range after an operator");
		return false;
	}
	if (op != PF_PORT_ANY && ip->ip_op != PF_PORT_RANGE)
		ip->ip_op = op;
	else if ((pfc_tok_is(pfc_peek(pr), "><") || pfc_tok_is(pfc_peek(pr), "<>")) && !port_between(pr, ip))
		return false;
	li->li_nport[pa->po_side]++;
	return true;
}

bool
pfc_parse_ports(struct parser *pr, struct lists *li, unsigned side)
{
	struct port_arg pa = { .po_li = li, .po_side = side };

	return pfc_parse_list(pr, one_port, &pa);
}
