/* SPDX-License-Identifier: ISC */
/*
 * esp [tunnel | transport] from A to B spi OUT[:IN] [auth X] [enc Y]
 *     authkey K[:L] enckey M[:N]
 *
 * ah from A to B spi ... [auth X] authkey K		and others alike
 * ipcomp from A to B cpi N [comp deflate]
 * ipip from A to B spi ...
 * tcpmd5 from A to B spi ... authkey K[:L]
 *
 * Only esp can be loaded; the others are read whole, so that their own
 * mistakes are told, and refused by name.
 *
 * A second SPI makes a second SA, from B to A, with the second keys.
 * Ciphers that count their IVs cannot be used: with a key that outlives a
 * restart they would use an IV twice (RFC 4106 section 2, RFC 8221
 * section 3).
 */
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "libalg/alg.h"
#include "libpolicy/parse.h"

enum { TCPMD5_KEY_MAX = 80 };	/* as routers take it */

static bool
spi_number(const char *text, size_t n, uint32_t *out)
{
	char buf[16], *end;
	unsigned long v;

	if (n == 0 || n >= sizeof(buf))
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (buf[0] < '0' || buf[0] > '9')
		return false;
	v = strtoul(buf, &end, 0);
	if (*end != '\0' || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool
clause_spi(struct parse *ps, const struct tok *word)
{
	struct draft *d = &ps->ps_d;
	struct tok *tk;
	size_t n;

	(void)word;
	if ((tk = parse_text(ps, "SPI")) == NULL)
		return false;
	d->dr_spi_at = tk;
	n = strcspn(tk->tk_text, ":");
	d->dr_nspi = tk->tk_text[n] == ':' ? 2 : 1;
	if (!spi_number(tk->tk_text, n, &d->dr_spi[0]) ||
	    (d->dr_nspi == 2 && !spi_number(tk->tk_text + n + 1,
	    strlen(tk->tk_text + n + 1), &d->dr_spi[1])))
		(void)parse_error(ps, tk, "'%s' is not an SPI: a number, or "
		    "two with a colon, such as 0x1001:0x1002, expected",
		    tk->tk_text);
	else if (d->dr_spi[0] < 256 || (d->dr_nspi == 2 && d->dr_spi[1] < 256))
		(void)parse_error(ps, tk, "SPIs up to 255 are reserved");
	return true;
}

static bool
clause_enc(struct parse *ps, const struct tok *word)
{
	struct draft *d = &ps->ps_d;
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "encryption algorithm")) == NULL)
		return false;
	d->dr_enc = parse_alg(ps, &tk, ALG_ENCR, false);
	d->dr_enc_at = tk;
	if (d->dr_enc != NULL && (d->dr_enc->al_flags & ALG_COUNTER) != 0 &&
	    (d->dr_enc->al_flags & ALG_WEAK) == 0) {
		(void)parse_error(ps, tk, "'%s' must not be used with manual "
		    "keys, which outlive its counter: use 'aes-256' with "
		    "'auth hmac-sha2-256', or an ikev2 rule",
		    d->dr_enc->al_name);
		d->dr_enc = NULL;
	}
	return true;
}

static bool
clause_auth(struct parse *ps, const struct tok *word)
{
	struct draft *d = &ps->ps_d;
	struct tok *tk;

	(void)word;
	if ((tk = parse_text(ps, "authentication algorithm")) == NULL)
		return false;
	d->dr_auth = parse_alg(ps, &tk, ALG_INTEG, false);
	d->dr_auth_at = tk;
	return true;
}

/* Compression needs no key; its "SPI" has 16 bits (RFC 3173 section 3.3). */
static bool
clause_cpi(struct parse *ps, const struct tok *word)
{
	struct draft *d = &ps->ps_d;

	if (!clause_spi(ps, word))
		return false;
	if (d->dr_spi[0] > 0xffff || d->dr_spi[1] > 0xffff)
		(void)parse_error(ps, d->dr_spi_at, "a CPI is at most 65535");
	return true;
}

static bool
clause_comp(struct parse *ps, const struct tok *word)
{
	static const char *const words[] = { "deflate", "lzs", NULL };

	(void)word;
	return parse_one_of(ps, "a compression algorithm", words);
}

static bool
clause_udpencap(struct parse *ps, const struct tok *word)
{
	struct tok *tk;
	uint64_t v;

	(void)word;
	if (!parse_word(ps, "port"))
		return true;
	if ((tk = parse_text(ps, "port")) == NULL)
		return false;
	if (!parse_number(tk->tk_text, 65535, &v) || v == 0)
		(void)parse_error(ps, tk, "'%s' is not a port", tk->tk_text);
	return true;
}

static bool
clause_authkey(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_keyspec(ps, false, &ps->ps_d.dr_authkey);
}

static bool
clause_enckey(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_keyspec(ps, false, &ps->ps_d.dr_enckey);
}

#define SA_CLAUSES						\
	{ "tunnel",	clause_tunnel,		0 },		\
	{ "transport",	clause_transport,	0 },		\
	{ "proto",	clause_proto,		CLAUSE_REFUSED }, \
	{ "from",	clause_from,		0 },		\
	{ "to",		clause_from,		0 },		\
	{ "bundle",	clause_text,		CLAUSE_REFUSED }

static const struct clause esp_clauses[] = {
	SA_CLAUSES,
	{ "spi",	clause_spi,		0 },
	{ "auth",	clause_auth,		0 },
	{ "enc",	clause_enc,		0 },
	{ "authkey",	clause_authkey,		0 },
	{ "enckey",	clause_enckey,		0 },
	{ "comp",	clause_comp,		CLAUSE_REFUSED },
	{ "udpencap",	clause_udpencap,	CLAUSE_REFUSED },
	{ NULL,		NULL,			0 },
};

static const struct clause ah_clauses[] = {
	SA_CLAUSES,
	{ "spi",	clause_spi,		0 },
	{ "auth",	clause_auth,		0 },
	{ "authkey",	clause_authkey,		0 },
	{ NULL,		NULL,			0 },
};

static const struct clause ipcomp_clauses[] = {
	SA_CLAUSES,
	{ "cpi",	clause_cpi,		0 },
	{ "spi",	clause_cpi,		0 },
	{ "comp",	clause_comp,		0 },
	{ NULL,		NULL,			0 },
};

static const struct clause ipip_clauses[] = {
	SA_CLAUSES,
	{ "spi",	clause_spi,		0 },
	{ NULL,		NULL,			0 },
};

static const struct clause tcpmd5_clauses[] = {
	{ "from",	clause_from,		0 },
	{ "to",		clause_from,		0 },
	{ "spi",	clause_spi,		0 },
	{ "authkey",	clause_authkey,		0 },
	{ NULL,		NULL,			0 },
};

/* One host without a port. */
static void
check_host(struct parse *ps, const struct hosts *hs, const char *what)
{
	const struct host *ho = hs->hs_v;

	if (hs->hs_n != 1 || ho->ho_any ||
	    ho->ho_prefix.pr_len != addr_bits(&ho->ho_prefix.pr_addr))
		(void)parse_error(ps, ps->ps_d.dr_pair->pa_at, "an SA's %s is "
		    "one address", what);
	else if (hs->hs_nport != 0)
		(void)parse_error(ps, ps->ps_d.dr_pair->pa_at, "an SA has no "
		    "ports: they belong to flows");
	else
		check_end(ps, ps->ps_d.dr_pair->pa_at,
		    &ho->ho_prefix.pr_addr);
}

static void
check_key(struct parse *ps, const char *what, const struct keyspec *kp,
    const struct alg *a, size_t size)
{
	const struct draft *d = &ps->ps_d;

	if (size == 0 && kp->kp_n != 0) {
		(void)parse_error(ps, kp->kp_at, "%s: '%s' has no key", what,
		    a->al_name);
	} else if (size != 0 && kp->kp_n == 0) {
		(void)parse_error(ps, d->dr_at, "'%s' is missing: %zu bytes "
		    "for '%s'", what, size, a->al_name);
	} else if (kp->kp_n != 0 && kp->kp_n != d->dr_nspi) {
		(void)parse_error(ps, kp->kp_at, "%s: %u SPI%s, %u key%s", what,
		    d->dr_nspi, d->dr_nspi == 1 ? "" : "s", kp->kp_n,
		    kp->kp_n == 1 ? "" : "s");
	} else {
		for (unsigned i = 0; i < kp->kp_n; i++) {
			if (kp->kp_key[i].pk_len != size &&
			    kp->kp_key[i].pk_len != 0)
				(void)parse_error(ps, kp->kp_at, "%s has %zu "
				    "bytes, but '%s' takes %zu", what,
				    kp->kp_key[i].pk_len, a->al_name, size);
		}
	}
}

static void
sa_check(struct parse *ps)
{
	struct draft *d = &ps->ps_d;
	const struct pair *pa = d->dr_pair;

	check_host(ps, &pa->pa_src, "source");
	check_host(ps, &pa->pa_dst, "destination");
	if (pa->pa_src.hs_n == 1 && pa->pa_dst.hs_n == 1 &&
	    !pa->pa_src.hs_v->ho_any && !pa->pa_dst.hs_v->ho_any &&
	    pa->pa_src.hs_v->ho_prefix.pr_addr.ad_af !=
	    pa->pa_dst.hs_v->ho_prefix.pr_addr.ad_af)
		(void)parse_error(ps, pa->pa_at, "the two sides are of "
		    "different address families");
	if (d->dr_nspi == 0)
		(void)parse_error(ps, d->dr_at, "'%s' is missing",
		    d->dr_satype == IPPROTO_COMP ? "cpi" : "spi");
	if (d->dr_enc_at == NULL && d->dr_satype == IPPROTO_ESP)
		d->dr_enc = &alg_table[ALG_AES_128_CBC];
	if (d->dr_auth_at == NULL && (d->dr_satype == IPPROTO_ESP ||
	    d->dr_satype == IPPROTO_AH))
		d->dr_auth = &alg_table[ALG_HMAC_SHA2_256];
	if (d->dr_enc != NULL && d->dr_nspi != 0)
		check_key(ps, "enckey", &d->dr_enckey, d->dr_enc,
		    alg_keymat(d->dr_enc));
	if (d->dr_auth != NULL && d->dr_nspi != 0)
		check_key(ps, "authkey", &d->dr_authkey, d->dr_auth,
		    d->dr_auth->al_key);
}

/* A password of TCP (RFC 2385 section 4.5) has no length of its own. */
static void
tcpmd5_check(struct parse *ps)
{
	const struct keyspec *kp = &ps->ps_d.dr_authkey;

	if (kp->kp_n == 0)
		(void)parse_error(ps, ps->ps_d.dr_at, "'authkey' is missing");
	else if (kp->kp_n != ps->ps_d.dr_nspi && ps->ps_d.dr_nspi != 0)
		(void)parse_error(ps, kp->kp_at, "authkey: %u SPI%s, %u key%s",
		    ps->ps_d.dr_nspi, ps->ps_d.dr_nspi == 1 ? "" : "s",
		    kp->kp_n, kp->kp_n == 1 ? "" : "s");
	else if (kp->kp_key[0].pk_len > TCPMD5_KEY_MAX)
		(void)parse_error(ps, kp->kp_at, "a key of tcpmd5 has at most "
		    "%d bytes", TCPMD5_KEY_MAX);
}

static bool
sa_add(struct parse *ps, unsigned i)
{
	const struct draft *d = &ps->ps_d;
	const struct addr *src = &d->dr_pair->pa_src.hs_v->ho_prefix.pr_addr;
	const struct addr *dst = &d->dr_pair->pa_dst.hs_v->ho_prefix.pr_addr;
	struct policy_sa sa = { .sa_satype = IPPROTO_ESP,
	    .sa_mode = d->dr_mode != 0 ? d->dr_mode : POLICY_TUNNEL,
	    .sa_spi = d->dr_spi[i], .sa_src = i == 0 ? *src : *dst,
	    .sa_dst = i == 0 ? *dst : *src };

	sa.sa_at = parse_place(ps);
	sa.sa_enc = (struct policy_transform){ POLICY_T_ENCR,
	    d->dr_enc->al_ike_id, d->dr_enc->al_ike_bits };
	sa.sa_auth = (struct policy_transform){ POLICY_T_INTEG,
	    d->dr_auth->al_ike_id, d->dr_auth->al_ike_bits };
	if (d->dr_enckey.kp_n != 0)
		sa.sa_enckey = d->dr_enckey.kp_key[i];
	sa.sa_authkey = d->dr_authkey.kp_key[i];
	if (ps->ps_pol->pol_nsas >= POLICY_RULES_MAX)
		return parse_error(ps, d->dr_at, "more than %d SAs",
		    POLICY_RULES_MAX);
	if (!policy_add_sa(ps->ps_pol, &sa))
		return parse_error(ps, d->dr_at, "out of memory");
	return true;
}

/* Reads the whole rule; true if it can be loaded. */
static bool
sa_rule(struct parse *ps, uint8_t satype, const struct clause *table)
{
	struct draft *d = &ps->ps_d;

	d->dr_manual = true;
	d->dr_satype = satype;
	if (satype != IPPROTO_ESP)
		(void)refuse(ps, d->dr_at);
	if (!parse_clauses(ps, table))
		return false;
	if (d->dr_npair == 0)
		return parse_error(ps, ps->ps_t, "'from ADDRESS to ADDRESS' "
		    "is missing");
	if (d->dr_npair > 1)
		return false;		/* told: a second time */
	sa_check(ps);
	if (satype == IPPROTO_TCP)
		tcpmd5_check(ps);
	return !ps->ps_bad;
}

bool
statement_esp(struct parse *ps)
{
	if (!sa_rule(ps, IPPROTO_ESP, esp_clauses))
		return false;
	for (unsigned i = 0; i < ps->ps_d.dr_nspi; i++) {
		if (!sa_add(ps, i))
			return false;
	}
	return true;
}

bool
statement_ah(struct parse *ps)
{
	return sa_rule(ps, IPPROTO_AH, ah_clauses);
}

bool
statement_ipcomp(struct parse *ps)
{
	return sa_rule(ps, IPPROTO_COMP, ipcomp_clauses);
}

bool
statement_ipip(struct parse *ps)
{
	return sa_rule(ps, IPPROTO_IPIP, ipip_clauses);
}

bool
statement_tcpmd5(struct parse *ps)
{
	return sa_rule(ps, IPPROTO_TCP, tcpmd5_clauses);
}
