/* SPDX-License-Identifier: ISC */
/*
 * ike [active | passive | dynamic] [esp | ah] [tunnel | transport] [proto P]
 *     [rdomain N] from A [port p] to B [port q] [local L] [peer P]
 *     [main | aggressive [auth X] [enc Y] [group Z] [lifetime T]]
 *     [quick [auth X] [enc Y] [comp C] [group Z | none] [lifetime T]]
 *     [srcid S] [dstid D] [psk KEY | rsa | ecdsa256 ...] [tag T]
 *     [tap IF | interface IF]
 *
 * IKEv1, as on OpenBSD.  The rule is read whole, so that its own mistakes
 * are told at their places, and refused by name.  Weak algorithms, which
 * IKEv1 lives on, are no further mistake.
 */
#include <string.h>
#include <strings.h>

#include "libalg/alg.h"
#include "libpolicy/parse.h"

enum { PHASE_AUTH = 1, PHASE_ENC = 2, PHASE_GROUP = 4, PHASE_LIFETIME = 8,
	PHASE_COMP = 16 };

static const struct phase_word {
	const char	*ph_word;
	unsigned	 ph_bit;
	unsigned	 ph_kind;	/* of algorithm */
} phase_words[] = {
	{ "auth",	PHASE_AUTH,	ALG_INTEG },
	{ "enc",	PHASE_ENC,	ALG_ENCR },
	{ "group",	PHASE_GROUP,	ALG_DH },
	{ "lifetime",	PHASE_LIFETIME,	0 },
	{ "comp",	PHASE_COMP,	0 },
};

#define NPHASE	(sizeof(phase_words) / sizeof(phase_words[0]))

static bool
phase_value(struct parse *ps, const struct phase_word *ph, bool quick)
{
	static const char *const comps[] = { "deflate", "lzs", NULL };
	struct tok *tk = ps->ps_t;
	uint32_t seconds;

	if (ph->ph_bit == PHASE_COMP)
		return parse_one_of(ps, "a compression algorithm", comps);
	if (ph->ph_bit == PHASE_GROUP && quick && parse_word(ps, "none"))
		return true;
	if (ph->ph_kind != 0)
		return parse_alg_name(ps, ph->ph_kind);
	if ((tk = parse_text(ps, "time")) == NULL)
		return false;
	if (parse_seconds(ps, tk, &seconds) && seconds == 0)
		(void)parse_error(ps, tk, "a lifetime is at least a second");
	return true;
}

/* auth X enc Y group Z lifetime T, in any order, at least one. */
static bool
clause_phase(struct parse *ps, const struct tok *word)
{
	bool quick = tok_is(word, "quick");
	unsigned seen = 0;

	for (;;) {
		const struct phase_word *ph = phase_words;
		const struct tok *tk = ps->ps_t;

		while (ph < phase_words + NPHASE && !tok_is(tk, ph->ph_word))
			ph++;
		if (ph == phase_words + NPHASE ||
		    (ph->ph_bit == PHASE_COMP && !quick))
			break;
		ps->ps_t++;
		if ((seen & ph->ph_bit) != 0)
			(void)parse_error(ps, tk, "'%s' a second time in '%s'",
			    tk->tk_text, word->tk_text);
		seen |= ph->ph_bit;
		if (!phase_value(ps, ph, quick))
			return false;
	}
	if (seen == 0)
		return parse_error(ps, ps->ps_t, "auth, enc, group or "
		    "lifetime expected after '%s'", word->tk_text);
	return true;
}

static bool
clause_psk(struct parse *ps, const struct tok *word)
{
	return clause_auth_method(ps, word) &&
	    parse_keyspec(ps, true, &ps->ps_d.dr_psk);
}

static const struct clause ike1_clauses[] = {
	{ "active",	clause_nothing,		0 },
	{ "passive",	clause_nothing,		0 },
	{ "dynamic",	clause_nothing,		0 },
	{ "esp",	clause_nothing,		0 },
	{ "ah",		clause_nothing,		0 },
	{ "tunnel",	clause_tunnel,		0 },
	{ "transport",	clause_transport,	0 },
	{ "proto",	clause_proto,		0 },
	{ "rdomain",	clause_rdomain,		0 },
	{ "from",	clause_from,		0 },
	{ "to",		clause_from,		0 },
	{ "local",	clause_local,		0 },
	{ "peer",	clause_peer,		0 },
	{ "main",	clause_phase,		0 },
	{ "aggressive",	clause_phase,		0 },
	{ "quick",	clause_phase,		0 },
	{ "srcid",	clause_srcid,		0 },
	{ "dstid",	clause_dstid,		0 },
	{ "psk",	clause_psk,		0 },
	{ "rsa",	clause_auth_method,	0 },
	{ "ecdsa256",	clause_auth_method,	0 },
	{ "ecdsa384",	clause_auth_method,	0 },
	{ "ecdsa521",	clause_auth_method,	0 },
	{ "tag",	clause_text,		0 },
	{ "tap",	clause_ifname,		0 },
	{ "interface",	clause_ifname,		0 },
	{ NULL,		NULL,			0 },
};

/* Were two of the words of the table seen that exclude each other? */
static void
check_one_of(struct parse *ps, const char *a, const char *b)
{
	uint64_t bits = 0;
	unsigned bit = 0;

	for (const struct clause *cl = ike1_clauses; cl->cl_word != NULL;
	    cl++, bit++) {
		if (strcmp(cl->cl_word, a) == 0 || strcmp(cl->cl_word, b) == 0)
			bits |= 1ull << bit;
	}
	if ((ps->ps_d.dr_seen & bits) == bits)
		(void)parse_error(ps, ps->ps_d.dr_at, "both %s and %s", a, b);
}

bool
statement_ike(struct parse *ps)
{
	(void)parse_error(ps, ps->ps_d.dr_at, "'ike' means IKEv1, which this "
	    "version does not speak: write an 'ikev2' rule");
	if (!parse_clauses(ps, ike1_clauses))
		return false;
	check_one_of(ps, "active", "passive");
	check_one_of(ps, "active", "dynamic");
	check_one_of(ps, "passive", "dynamic");
	check_one_of(ps, "esp", "ah");
	check_one_of(ps, "main", "aggressive");
	check_one_of(ps, "tap", "interface");
	if (ps->ps_d.dr_npair == 0)
		return parse_error(ps, ps->ps_t, "'from ADDRESS to ADDRESS' "
		    "is missing");
	return true;
}
