/* SPDX-License-Identifier: ISC */
/*
 * from, to, port, proto, local, peer: who talks to whom.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/parse.h"

static bool
host_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct hosts *hs = arg;
	struct host *ho;

	hs->hs_v = parse_grow(ps, hs->hs_v, hs->hs_n, sizeof(*hs->hs_v));
	ho = &hs->hs_v[hs->hs_n];
	memset(ho, 0, sizeof(*ho));
	if (strcmp(tk->tk_text, "any") == 0)
		ho->ho_any = true;
	else if (strcmp(tk->tk_text, "dynamic") == 0)
		return clause_refused(ps, tk);
	else if (strchr(tk->tk_text, '/') != NULL &&
	    !prefix_parse(tk->tk_text, &ho->ho_prefix))
		return parse_error(ps, tk, "'%s' is not a network: "
		    "192.0.2.0/24 or 2001:db8::/32 expected", tk->tk_text);
	else if (!prefix_parse(tk->tk_text, &ho->ho_prefix))
		return parse_error(ps, tk, "'%s' is not an address: names of "
		    "hosts and interfaces cannot be loaded by this version",
		    tk->tk_text);
	hs->hs_n++;
	return true;
}

/* Services that policies name; the numbers are IANA's. */
static const struct service {
	const char	*sv_name;
	uint16_t	 sv_port;
} services[] = {
	{ "ftp-data", 20 }, { "ftp", 21 }, { "ssh", 22 }, { "telnet", 23 },
	{ "smtp", 25 }, { "domain", 53 }, { "tftp", 69 }, { "http", 80 },
	{ "www", 80 }, { "kerberos", 88 }, { "pop3", 110 }, { "sunrpc", 111 },
	{ "ntp", 123 }, { "imap", 143 }, { "snmp", 161 }, { "bgp", 179 },
	{ "ldap", 389 }, { "https", 443 }, { "submission", 587 },
	{ "isakmp", 500 }, { "syslog", 514 }, { "ldaps", 636 },
	{ "imaps", 993 }, { "pop3s", 995 }, { "l2tp", 1701 },
	{ "radius", 1812 }, { "nfs", 2049 }, { "ipsec-nat-t", 4500 },
	{ "ipsec-msft", 4500 }, { "sip", 5060 }, { "postgresql", 5432 },
};

static bool
port_one(const char *text, uint16_t *port)
{
	uint64_t v;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].sv_name, text) == 0) {
			*port = services[i].sv_port;
			return true;
		}
	}
	if (!parse_number(text, 65535, &v))
		return false;
	*port = (uint16_t)v;
	return true;
}

/* 80, http, 1000:2000; 1000-2000 as in iked.conf. */
static bool
port_range_parse(const char *text, struct port_range *out)
{
	const char *sep = strchr(text, ':');
	char low[32];

	if (port_one(text, &out->po_lo)) {
		out->po_hi = out->po_lo;
		return true;
	}
	if (sep == NULL)
		sep = strrchr(text, '-');
	if (sep == NULL || (size_t)(sep - text) >= sizeof(low))
		return false;
	memcpy(low, text, (size_t)(sep - text));
	low[sep - text] = '\0';
	return port_one(low, &out->po_lo) && port_one(sep + 1, &out->po_hi) &&
	    out->po_lo <= out->po_hi;
}

static bool
port_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct hosts *hs = arg;
	struct port_range po;

	if (strcmp(tk->tk_text, "any") == 0)
		po = (struct port_range){ 0, 65535 };
	else if (!port_range_parse(tk->tk_text, &po))
		return parse_error(ps, tk, "'%s' is not a port: a number up "
		    "to 65535, a service's name or a range expected",
		    tk->tk_text);
	hs->hs_port = parse_grow(ps, hs->hs_port, hs->hs_nport,
	    sizeof(*hs->hs_port));
	hs->hs_port[hs->hs_nport++] = po;
	return true;
}

static bool
parse_hosts(struct parse *ps, struct hosts *hs)
{
	hs->hs_list = tok_is_char(ps->ps_t, '{');
	if (!parse_list(ps, "address", host_element, hs))
		return false;
	if (tok_is_char(ps->ps_t, '('))
		return parse_error(ps, ps->ps_t, "an address before NAT in "
		    "parentheses cannot be loaded by this version");
	if (!parse_word(ps, "port"))
		return true;
	return parse_list(ps, "port", port_element, hs);
}

bool
clause_from(struct parse *ps, const struct tok *word)
{
	struct draft *d = &ps->ps_d;
	bool from = tok_is(word, "from");
	const char *other = from ? "to" : "from";
	struct pair *pa;

	d->dr_pair = parse_grow(ps, d->dr_pair, d->dr_npair, sizeof(*pa));
	pa = &d->dr_pair[d->dr_npair++];
	memset(pa, 0, sizeof(*pa));
	pa->pa_at = ps->ps_t - 1;
	if (!parse_hosts(ps, from ? &pa->pa_src : &pa->pa_dst))
		return false;
	if (!parse_word(ps, other))
		return parse_error(ps, ps->ps_t, "'%s' expected, but '%s' "
		    "follows", other, ps->ps_t->tk_text);
	if (!parse_hosts(ps, from ? &pa->pa_dst : &pa->pa_src))
		return false;
	(void)parse_char(ps, ',');
	return true;
}

static bool
proto_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct draft *d = arg;
	uint8_t proto;

	if (!parse_proto_name(tk->tk_text, &proto))
		return parse_error(ps, tk, "'%s' is not a protocol: a name "
		    "such as tcp or a number from 1 to 255 expected",
		    tk->tk_text);
	for (size_t i = 0; i < d->dr_nproto; i++) {
		if (d->dr_proto[i] == proto)
			return true;
	}
	d->dr_proto = parse_grow(ps, d->dr_proto, d->dr_nproto, 1);
	d->dr_proto[d->dr_nproto++] = proto;
	return true;
}

bool
clause_proto(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_list(ps, "protocol", proto_element, &ps->ps_d);
}

/* The ends of SAs are IPv4 until the network kernel has IPv6. */
void
check_end(struct parse *ps, const struct tok *tk, const struct addr *a)
{
	if (a->ad_af == AF_INET6)
		(void)parse_error(ps, tk, "an IPv6 address as the end of an "
		    "SA is known, but cannot be loaded by this version");
}

/* One address; `any` leaves ad_af 0. */
bool
clause_local(struct parse *ps, const struct tok *word)
{
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "address")) == NULL)
		return false;
	if (strcmp(tk->tk_text, "any") != 0 &&
	    !addr_parse(tk->tk_text, &ps->ps_d.dr_local))
		(void)parse_error(ps, tk, "'%s' is not an address",
		    tk->tk_text);
	check_end(ps, tk, &ps->ps_d.dr_local);
	return true;
}

bool
clause_peer(struct parse *ps, const struct tok *word)
{
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "address")) == NULL)
		return false;
	ps->ps_d.dr_peer_given = true;
	ps->ps_d.dr_peer_at = tk;
	if (strcmp(tk->tk_text, "any") != 0 &&
	    !prefix_parse(tk->tk_text, &ps->ps_d.dr_peer))
		(void)parse_error(ps, tk, "'%s' is not an address: names of "
		    "peers cannot be loaded by this version", tk->tk_text);
	check_end(ps, tk, &ps->ps_d.dr_peer.pr_addr);
	return true;
}

static bool
host_of(const struct host *ho, uint8_t af, struct prefix *out)
{
	if (ho->ho_any) {
		memset(out, 0, sizeof(*out));
		out->pr_addr.ad_af = af;
		return true;
	}
	*out = ho->ho_prefix;
	return out->pr_addr.ad_af == af;
}

bool
pair_selector(const struct pair *pa, size_t s, size_t d, uint8_t af,
    struct policy_selector *out)
{
	static const struct port_range any = { 0, 65535 };

	memset(out, 0, sizeof(*out));
	out->ps_sport = out->ps_dport = any;
	return host_of(&pa->pa_src.hs_v[s], af, &out->ps_src) &&
	    host_of(&pa->pa_dst.hs_v[d], af, &out->ps_dst);
}
