/* SPDX-License-Identifier: ISC */
/*
 * ikev2 ["name"] [active | passive] [esp] [tunnel | transport] [inet | inet6]
 *     [proto P] from A [port p] to B [port q] [from ... to ...]
 *     [local L] [peer P] [ikesa ...] [childsa ...] [srcid S] [dstid D]
 *     [ikelifetime T] [lifetime T [bytes N]] psk KEY [tag T]
 *
 * One rule is one child SA: lists and several from/to pairs become its
 * selectors.
 */
#include <ctype.h>
#include <string.h>

#include <netinet/in.h>

#include "libpolicy/parse.h"

enum {
	IKELIFETIME_DEFAULT	= 86400,
	LIFETIME_DEFAULT	= 10800,
	PSK_DISTINCT_MIN	= 6,		/* different bytes */
	SIDE_MAX		= 16,		/* traffic selectors of a side */
};

static bool
clause_esp(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_satype = IPPROTO_ESP;
	return true;
}

static bool
clause_active(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_ike.ik_active = true;
	return true;
}

static bool
clause_passive(struct parse *ps, const struct tok *word)
{
	if (ps->ps_d.dr_ike.ik_active)
		(void)parse_error(ps, word, "both active and passive");
	return true;
}

static bool
clause_quick(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_ike.ik_quick = true;
	return true;
}

static bool
clause_default(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_ike.ik_default = true;
	return true;
}

static bool
clause_encap(struct parse *ps, const struct tok *word)
{
	(void)word;
	ps->ps_d.dr_ike.ik_encap = true;
	return true;
}

static bool
clause_family(struct parse *ps, const struct tok *word)
{
	uint8_t af = tok_is(word, "inet") ? AF_INET : AF_INET6;

	if (ps->ps_d.dr_af != 0 && ps->ps_d.dr_af != af)
		(void)parse_error(ps, word, "both inet and inet6: leave both "
		    "out");
	ps->ps_d.dr_af = af;
	return true;
}

static bool
clause_ikelifetime(struct parse *ps, const struct tok *word)
{
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "time")) == NULL)
		return false;
	(void)parse_seconds(ps, tk, &ps->ps_d.dr_ike.ik_ikelifetime);
	return true;
}

static bool
clause_lifetime(struct parse *ps, const struct tok *word)
{
	struct policy_ike *ik = &ps->ps_d.dr_ike;
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "time")) == NULL)
		return false;
	(void)parse_seconds(ps, tk, &ik->ik_lifetime);
	if (!parse_word(ps, "bytes"))
		return true;
	if ((tk = parse_text(ps, "size")) == NULL)
		return false;
	(void)parse_bytes(ps, tk, &ik->ik_lifebytes);
	return true;
}

/* Guessable by anybody who sees one exchange? */
static void
check_psk(struct parse *ps, const struct keyspec *kp)
{
	bool seen[256] = { false };
	unsigned distinct = 0;

	if (kp->kp_n == 1 && kp->kp_key[0].pk_len == 0)
		return;			/* sealed, and not opened here */
	for (size_t i = 0; i < kp->kp_key[0].pk_len; i++) {
		distinct += !seen[kp->kp_key[0].pk_bytes[i]];
		seen[kp->kp_key[0].pk_bytes[i]] = true;
	}
	explicit_bzero(seen, sizeof(seen));
	if (kp->kp_n != 1)
		(void)parse_error(ps, kp->kp_at, "a rule has one pre-shared "
		    "key");
	else if (kp->kp_key[0].pk_len < POLICY_PSK_MIN)
		(void)parse_error(ps, kp->kp_at, "the pre-shared key is too "
		    "weak: %zu bytes, at least %d expected (openssl rand "
		    "-base64 24 makes a good one)", kp->kp_key[0].pk_len,
		    POLICY_PSK_MIN);
	else if (distinct < PSK_DISTINCT_MIN)
		(void)parse_error(ps, kp->kp_at, "the pre-shared key is too "
		    "weak: only %u different bytes", distinct);
}

static bool
clause_psk(struct parse *ps, const struct tok *word)
{
	struct keyspec *kp = &ps->ps_d.dr_psk;

	(void)clause_auth_method(ps, word);
	if (!parse_keyspec(ps, true, kp))
		return false;
	check_psk(ps, kp);
	return true;
}

static bool
name_ok(const struct tok *tk)
{
	for (const char *p = tk->tk_text; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr("._-:@+", *p) == NULL)
			return false;
	}
	return tk->tk_len != 0 && tk->tk_len <= POLICY_NAME_MAX;
}

static bool
clause_tag(struct parse *ps, const struct tok *word)
{
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "tag")) == NULL)
		return false;
	if (!name_ok(tk))
		(void)parse_error(ps, tk, "a tag is up to %d letters, digits "
		    "and . _ - : @ +", POLICY_NAME_MAX);
	ps->ps_d.dr_ike.ik_tag = pool_copy(&ps->ps_pool, tk->tk_text,
	    tk->tk_len);
	return true;
}

/* ---- known, and refused by name ---- */

static bool
clause_eap(struct parse *ps, const struct tok *word)
{
	static const char *const words[] = { "mschap-v2", "radius", NULL };

	(void)clause_auth_method(ps, word);
	return parse_one_of(ps, "a method of EAP", words);
}

/* An address or a network, or (for `request`) any. */
static bool
option_value(struct parse *ps, bool request)
{
	struct prefix p;
	struct tok *tk;

	if ((tk = parse_text(ps, "address")) == NULL)
		return false;
	if ((!request || strcmp(tk->tk_text, "any") != 0) &&
	    !prefix_parse(tk->tk_text, &p))
		(void)parse_error(ps, tk, "'%s' is not an address",
		    tk->tk_text);
	return true;
}

static bool
clause_config(struct parse *ps, const struct tok *word)
{
	static const char *const words[] = { "address", "netmask",
	    "name-server", "netbios-server", "dhcp-server",
	    "protected-subnet", "access-server", NULL };

	(void)word;
	return parse_one_of(ps, "an option of 'config'", words) &&
	    option_value(ps, false);
}

static bool
clause_request(struct parse *ps, const struct tok *word)
{
	static const char *const words[] = { "address", "name-server", NULL };

	(void)word;
	return parse_one_of(ps, "an option of 'request'", words) &&
	    option_value(ps, true);
}

static const struct clause ike_clauses[] = {
	{ "quick",	clause_quick,		0 },
	{ "skip",	clause_nothing,		CLAUSE_REFUSED },
	{ "default",	clause_default,		0 },
	{ "active",	clause_active,		0 },
	{ "passive",	clause_passive,		0 },
	{ "esp",	clause_esp,		0 },
	{ "ah",		clause_nothing,		CLAUSE_REFUSED },
	{ "ipcomp",	clause_nothing,		CLAUSE_REFUSED },
	{ "tunnel",	clause_tunnel,		0 },
	{ "transport",	clause_transport,	0 },
	{ "natt",	clause_nothing,		CLAUSE_REFUSED },
	{ "encap",	clause_encap,		0 },
	{ "inet",	clause_family,		0 },
	{ "inet6",	clause_family,		0 },
	{ "proto",	clause_proto,		0 },
	{ "rdomain",	clause_rdomain,		CLAUSE_REFUSED },
	{ "from",	clause_from,		CLAUSE_MANY },
	{ "to",		clause_from,		CLAUSE_MANY },
	{ "local",	clause_local,		0 },
	{ "peer",	clause_peer,		0 },
	{ "ikesa",	clause_ikesa,		CLAUSE_MANY },
	{ "childsa",	clause_childsa,		CLAUSE_MANY },
	{ "srcid",	clause_srcid,		0 },
	{ "dstid",	clause_dstid,		0 },
	{ "ikelifetime", clause_ikelifetime,	0 },
	{ "lifetime",	clause_lifetime,	0 },
	{ "psk",	clause_psk,		0 },
	{ "rsa",	clause_auth_method,	CLAUSE_REFUSED },
	{ "ecdsa256",	clause_auth_method,	CLAUSE_REFUSED },
	{ "ecdsa384",	clause_auth_method,	CLAUSE_REFUSED },
	{ "ecdsa521",	clause_auth_method,	CLAUSE_REFUSED },
	{ "rfc7427",	clause_auth_method,	CLAUSE_REFUSED },
	{ "eap",	clause_eap,		CLAUSE_REFUSED },
	{ "config",	clause_config,		CLAUSE_MANY | CLAUSE_REFUSED },
	{ "request",	clause_request,		CLAUSE_MANY | CLAUSE_REFUSED },
	{ "iface",	clause_ifname,		CLAUSE_REFUSED },
	{ "tag",	clause_tag,		0 },
	{ "tap",	clause_ifname,		CLAUSE_REFUSED },
	{ NULL,		NULL,			0 },
};

static void
ike_name(struct parse *ps)
{
	struct tok *tk = ps->ps_t;

	for (const struct clause *cl = ike_clauses; cl->cl_word != NULL; cl++) {
		if (tok_is(tk, cl->cl_word))
			return;
	}
	if (tk->tk_type != TOK_STRING && (tk->tk_type != TOK_WORD ||
	    ps->ps_t[1].tk_type == TOK_END))
		return;
	ps->ps_t++;
	if (!name_ok(tk))
		(void)parse_error(ps, tk, "a rule's name is up to %d letters, "
		    "digits and . _ - : @ +", POLICY_NAME_MAX);
	ps->ps_d.dr_name = tk->tk_text;
}

static bool
selector_same(const struct policy_selector *a, const struct policy_selector *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
ike_selector(struct parse *ps, const struct policy_selector *sel)
{
	struct policy_ike *ik = &ps->ps_d.dr_ike;

	for (size_t i = 0; i < ik->ik_nsel; i++) {
		if (selector_same(&ik->ik_sel[i], sel))
			return true;
	}
	if (ik->ik_nsel == POLICY_SELECTORS_MAX)
		return parse_error(ps, ps->ps_d.dr_at, "a rule has at most "
		    "%d selectors", POLICY_SELECTORS_MAX);
	ik->ik_sel = parse_grow(ps, ik->ik_sel, ik->ik_nsel, sizeof(*sel));
	ik->ik_sel[ik->ik_nsel++] = *sel;
	return true;
}

/* As traffic selectors of one side: address range, ports, protocol. */
static bool
side_same(const struct policy_selector *a, const struct policy_selector *b,
    bool src)
{
	const struct prefix *p = src ? &a->ps_src : &a->ps_dst;
	const struct prefix *q = src ? &b->ps_src : &b->ps_dst;
	const struct port_range *r = src ? &a->ps_sport : &a->ps_dport;
	const struct port_range *s = src ? &b->ps_sport : &b->ps_dport;

	return a->ps_proto == b->ps_proto && p->pr_len == q->pr_len &&
	    addr_equal(&p->pr_addr, &q->pr_addr) && r->po_lo == s->po_lo &&
	    r->po_hi == s->po_hi;
}

/* One child SA carries so many selectors of a side, and no more. */
static void
check_side(struct parse *ps, bool src)
{
	const struct policy_ike *ik = &ps->ps_d.dr_ike;
	unsigned n = 0;

	for (size_t i = 0; i < ik->ik_nsel; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = side_same(&ik->ik_sel[i], &ik->ik_sel[j], src);
		n += !seen;
	}
	if (n > SIDE_MAX)
		(void)parse_error(ps, ps->ps_d.dr_at, "%u different networks "
		    "on %s side: a rule has at most %d", n, src ? "our" :
		    "the peer's", SIDE_MAX);
}

static void
ike_check(struct parse *ps)
{
	struct draft *d = &ps->ps_d;

	check_families(ps);
	if (d->dr_ike.ik_active && (d->dr_peer.pr_addr.ad_af == 0 ||
	    d->dr_peer.pr_len != addr_bits(&d->dr_peer.pr_addr)))
		(void)parse_error(ps, d->dr_at, "an active rule needs 'peer "
		    "ADDRESS', one host");
	if (!d->dr_auth_given)
		(void)parse_error(ps, d->dr_at, "'psk KEY' is missing: this "
		    "version authenticates by pre-shared keys only");
	for (size_t i = 0; i < d->dr_npair; i++)
		(void)(check_ports(ps, &d->dr_pair[i]) &&
		    pair_each(ps, &d->dr_pair[i], ike_selector));
	check_side(ps, true);
	check_side(ps, false);
}

bool
statement_ikev2(struct parse *ps)
{
	struct draft *d = &ps->ps_d;
	struct policy_ike *ik = &d->dr_ike;

	ik->ik_ikelifetime = IKELIFETIME_DEFAULT;
	ik->ik_lifetime = LIFETIME_DEFAULT;
	ike_name(ps);
	if (!parse_clauses(ps, ike_clauses))
		return false;
	if (d->dr_npair == 0)
		return parse_error(ps, ps->ps_t, "'from ADDRESS to ADDRESS' "
		    "is missing");
	ike_check(ps);
	if (ps->ps_bad)
		return false;
	ik->ik_named = d->dr_name != NULL;
	ik->ik_name = pool_copy(&ps->ps_pool, ik->ik_named ? d->dr_name : "",
	    ik->ik_named ? strlen(d->dr_name) : 0);
	ik->ik_mode = d->dr_mode != 0 ? d->dr_mode : POLICY_TUNNEL;
	ik->ik_af = d->dr_af;
	ik->ik_local = d->dr_local;
	ik->ik_peer = d->dr_peer;
	ik->ik_srcid = d->dr_srcid;
	ik->ik_dstid = d->dr_dstid;
	ik->ik_ikesa = d->dr_ikesa;
	ik->ik_childsa = d->dr_childsa;
	ik->ik_auth = POLICY_AUTH_PSK;
	ik->ik_at = parse_place(ps);
	ik->ik_psk = d->dr_psk.kp_key[0];
	if (ps->ps_pol->pol_nikes >= POLICY_RULES_MAX)
		return parse_error(ps, d->dr_at, "more than %d rules",
		    POLICY_RULES_MAX);
	if (!policy_add_ike(ps->ps_pol, ik))
		return parse_error(ps, d->dr_at, "out of memory");
	return true;
}
