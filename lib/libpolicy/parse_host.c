/* SPDX-License-Identifier: ISC */
/*
 * from, to, port, proto, local, peer: who talks to whom.
 *
 * An address may be the name of an interface (em0), or of a group of them
 * (em): then it is all addresses that it has at this moment, each for
 * itself; em0:network and em0/24 are their networks.  Names of hosts are
 * not looked up: a policy must not depend on who answers.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/parse.h"

enum { IFADDRS_MAX = 256 };	/* of one interface or group */

/* em0, em, em0:network or em0/24, taken apart. */
struct ifspec {
	char		is_name[16];
	bool		is_network;
	uint64_t	is_len;		/* 255: none given */
};

static bool
ifspec_parse(const char *text, struct ifspec *is)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");

	if (n != 0)
		n += strspn(text + n, "0123456789");
	if (n == 0 || n >= sizeof(is->is_name))
		return false;
	memset(is, 0, sizeof(*is));
	memcpy(is->is_name, text, n);
	is->is_len = 255;
	if (text[n] == '/')
		return parse_number(text + n + 1, 128, &is->is_len);
	is->is_network = strcmp(text + n, ":network") == 0;
	return text[n] == '\0' || is->is_network;
}

/* Told, if it is no address and cannot be the name of an interface. */
static bool
not_an_address(struct parse *ps, const struct tok *tk)
{
	const char *p = tk->tk_text;
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
	    "WXYZ0123456789.-_");

	if (strchr(p, '/') != NULL)
		return parse_error(ps, tk, "'%s' is not a network: "
		    "192.0.2.0/24 or 2001:db8::/32 expected", p);
	if (n == tk->tk_len && strspn(p, "0123456789.") != n)
		return parse_error(ps, tk, "'%s' is not an address: names of "
		    "hosts are not looked up, write the address", p);
	return parse_error(ps, tk, "'%s' is not an address", p);
}

/* The interface's addresses; 0 if that was told to be impossible. */
static size_t
interface_addrs(struct parse *ps, const struct tok *tk,
    const struct ifspec *is, struct policy_ifaddr *v)
{
	const struct policy_env *env = ps->ps_env;
	const char *why = "interfaces are not known here: write the address";
	size_t n = 0;

	if (env != NULL && env->env_iface != NULL)
		n = env->env_iface(env->env_arg, is->is_name, v, IFADDRS_MAX,
		    &why);
	if (n == 0)
		(void)parse_error(ps, tk, "'%s' is not an address, and as an "
		    "interface: %s", tk->tk_text, why);
	return n;
}

static bool
host_add(struct parse *ps, const struct tok *tk, struct hosts *hs,
    const struct host *ho)
{
	if (hs->hs_n >= POLICY_LIST_MAX)
		return parse_error(ps, tk, "more than %d addresses",
		    POLICY_LIST_MAX);
	hs->hs_v = parse_grow(ps, hs->hs_v, hs->hs_n, sizeof(*hs->hs_v));
	hs->hs_v[hs->hs_n++] = *ho;
	return true;
}

static bool
host_interface(struct parse *ps, const struct tok *tk,
    const struct ifspec *is, struct hosts *hs)
{
	struct policy_ifaddr v[IFADDRS_MAX];
	size_t n = interface_addrs(ps, tk, is, v), before = hs->hs_n;

	for (size_t i = 0; i < n; i++) {
		struct host ho = { .ho_prefix.pr_addr = v[i].pi_addr };
		unsigned bits = addr_bits(&v[i].pi_addr);
		unsigned len = is->is_network ? v[i].pi_len :
		    is->is_len != 255 ? (unsigned)is->is_len : bits;
		bool seen = len > bits;

		if (seen)
			continue;	/* em0/64 means its IPv6 addresses */
		addr_mask(&ho.ho_prefix.pr_addr, len);
		ho.ho_prefix.pr_len = (uint8_t)len;
		for (size_t j = before; j < hs->hs_n && !seen; j++)
			seen = memcmp(&hs->hs_v[j], &ho, sizeof(ho)) == 0;
		if (!seen && !host_add(ps, tk, hs, &ho))
			return false;
	}
	if (n != 0 && hs->hs_n == before)
		return parse_error(ps, tk, "no address of '%s' has that many "
		    "bits", is->is_name);
	return n != 0;
}

static bool
host_element(struct parse *ps, struct tok *tk, void *arg)
{
	struct hosts *hs = arg;
	struct ifspec is;
	struct host ho;

	memset(&ho, 0, sizeof(ho));
	if (strcmp(tk->tk_text, "dynamic") == 0)
		return refuse(ps, tk);
	if (strcmp(tk->tk_text, "any") == 0)
		ho.ho_any = true;
	else if (prefix_parse(tk->tk_text, &ho.ho_prefix))
		;
	else if (ifspec_parse(tk->tk_text, &is))
		return host_interface(ps, tk, &is, hs);
	else
		return not_an_address(ps, tk);
	return host_add(ps, tk, hs, &ho);
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

/* (ADDRESS): what the peer is told instead. Refused, but read. */
static bool
parse_before_nat(struct parse *ps)
{
	struct hosts hs = { 0 };

	(void)parse_error(ps, ps->ps_t, "an address before NAT in "
	    "parentheses cannot be loaded by this version");
	ps->ps_t++;
	if (!parse_list(ps, "address", host_element, &hs))
		return false;
	if (!parse_char(ps, ')'))
		return parse_error(ps, ps->ps_t, "')' expected before '%s'",
		    ps->ps_t->tk_text);
	return true;
}

static bool
parse_hosts(struct parse *ps, struct hosts *hs)
{
	hs->hs_list = tok_is_char(ps->ps_t, '{');
	if (!parse_list(ps, "address", host_element, hs))
		return false;
	if (tok_is_char(ps->ps_t, '(') && !parse_before_nat(ps))
		return false;
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

/* The first address of an interface that can be an end. */
static bool
end_interface(struct parse *ps, const struct tok *tk,
    const struct ifspec *is, struct addr *out)
{
	struct policy_ifaddr v[IFADDRS_MAX];
	size_t n = interface_addrs(ps, tk, is, v);

	for (size_t i = 0; i < n; i++) {
		if (v[i].pi_addr.ad_af == AF_INET) {
			*out = v[i].pi_addr;
			return true;
		}
	}
	if (n != 0)
		(void)parse_error(ps, tk, "interface '%s' has no IPv4 "
		    "address, and the end of an SA needs one", is->is_name);
	return false;
}

/* An end: a network if it may be one, a name without anything behind it. */
static void
parse_end(struct parse *ps, const struct tok *tk, struct prefix *out)
{
	struct ifspec is;

	if (strcmp(tk->tk_text, "any") == 0 ||
	    prefix_parse(tk->tk_text, out)) {
		check_end(ps, tk, &out->pr_addr);
	} else if (ifspec_parse(tk->tk_text, &is)) {
		if (is.is_network || is.is_len != 255)
			(void)parse_error(ps, tk, "'%s' is not one address",
			    tk->tk_text);
		else if (end_interface(ps, tk, &is, &out->pr_addr))
			out->pr_len = 32;
	} else {
		(void)not_an_address(ps, tk);
	}
}

/* One address; `any` leaves ad_af 0. */
bool
clause_local(struct parse *ps, const struct tok *word)
{
	struct prefix end = { 0 };
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "address")) == NULL)
		return false;
	parse_end(ps, tk, &end);
	if (end.pr_addr.ad_af != 0 && end.pr_len != addr_bits(&end.pr_addr))
		(void)parse_error(ps, tk, "'%s' is not one address",
		    tk->tk_text);
	ps->ps_d.dr_local = end.pr_addr;
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
	parse_end(ps, tk, &ps->ps_d.dr_peer);
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

/* The selector of one combination; false if the families do not fit. */
static bool
pair_selector(const struct pair *pa, size_t s, size_t d, uint8_t af,
    struct policy_selector *out)
{
	static const struct port_range any = { 0, 65535 };

	memset(out, 0, sizeof(*out));
	out->ps_sport = out->ps_dport = any;
	return host_of(&pa->pa_src.hs_v[s], af, &out->ps_src) &&
	    host_of(&pa->pa_dst.hs_v[d], af, &out->ps_dst);
}

/* A list that is empty stands for one that has no say. */
static size_t
turns(size_t n)
{
	return n != 0 ? n : 1;
}

static bool
each_port(struct parse *ps, const struct pair *pa, struct policy_selector *sel,
    bool (*fn)(struct parse *ps, const struct policy_selector *sel))
{
	const struct hosts *src = &pa->pa_src, *dst = &pa->pa_dst;
	struct draft *d = &ps->ps_d;

	for (size_t s = 0; s < turns(src->hs_nport); s++) {
		for (size_t t = 0; t < turns(dst->hs_nport); t++) {
			for (size_t p = 0; p < turns(d->dr_nproto); p++) {
				if (src->hs_nport != 0)
					sel->ps_sport = src->hs_port[s];
				if (dst->hs_nport != 0)
					sel->ps_dport = dst->hs_port[t];
				if (d->dr_nproto != 0)
					sel->ps_proto = d->dr_proto[p];
				if (!fn(ps, sel))
					return false;
			}
		}
	}
	return true;
}

bool
pair_each(struct parse *ps, const struct pair *pa,
    bool (*fn)(struct parse *ps, const struct policy_selector *sel))
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct policy_selector sel;
	size_t n = 0;

	if (pa->pa_src.hs_n == 0 || pa->pa_dst.hs_n == 0)
		return false;		/* told */
	for (size_t s = 0; s < pa->pa_src.hs_n; s++) {
		for (size_t t = 0; t < pa->pa_dst.hs_n; t++) {
			for (unsigned f = 0; f < 2; f++) {
				if ((ps->ps_d.dr_af != 0 &&
				    ps->ps_d.dr_af != families[f]) ||
				    !pair_selector(pa, s, t, families[f], &sel))
					continue;
				n++;
				if (!each_port(ps, pa, &sel, fn))
					return false;
			}
		}
	}
	if (n == 0)
		return parse_error(ps, pa->pa_at, "the two sides are of "
		    "different address families");
	return true;
}

bool
check_ports(struct parse *ps, const struct pair *pa)
{
	if ((pa->pa_src.hs_nport != 0 || pa->pa_dst.hs_nport != 0) &&
	    ps->ps_d.dr_nproto == 0)
		return parse_error(ps, pa->pa_at, "ports need a protocol: "
		    "add 'proto tcp' or 'proto udp'");
	return true;
}

void
check_families(struct parse *ps)
{
	const struct draft *d = &ps->ps_d;

	if (!ps->ps_bad && d->dr_local.ad_af != 0 &&
	    d->dr_peer.pr_addr.ad_af != 0 &&
	    d->dr_local.ad_af != d->dr_peer.pr_addr.ad_af)
		(void)parse_error(ps, d->dr_peer_at, "local and peer are of "
		    "different address families");
}
