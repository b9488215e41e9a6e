/* SPDX-License-Identifier: ISC */
/*
 * ike [active | passive | dynamic] [esp | ah] [tunnel | transport] [proto P]
 *     from A to B [local L] [peer P] [main | aggressive ...] [quick ...]
 *     [srcid S] [dstid D] [psk KEY] [tag T]
 *
 * IKEv1, as on OpenBSD.  The rule is read whole, so that its own mistakes
 * are told, and refused by name.
 */
#include <string.h>

#include "libpolicy/parse.h"

static bool
clause_nothing(struct parse *ps, const struct tok *word)
{
	(void)ps;
	(void)word;
	return true;
}

static bool
clause_one(struct parse *ps, const struct tok *word)
{
	return parse_text(ps, word->tk_text) != NULL;
}

/* main auth X enc Y group Z lifetime T; aggressive and quick alike. */
static bool
clause_phase(struct parse *ps, const struct tok *word)
{
	static const char *const words[] = { "auth", "enc", "group",
	    "lifetime", NULL };
	bool any = false;

	for (;;) {
		const char *const *w = words;

		while (*w != NULL && !tok_is(ps->ps_t, *w))
			w++;
		if (*w == NULL)
			break;
		ps->ps_t++;
		if (parse_text(ps, *w) == NULL)
			return false;
		any = true;
	}
	if (!any)
		return parse_error(ps, ps->ps_t, "auth, enc, group or "
		    "lifetime expected after '%s'", word->tk_text);
	return true;
}

static bool
clause_key(struct parse *ps, const struct tok *word)
{
	(void)word;
	return parse_keyspec(ps, true, &ps->ps_d.dr_psk);
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
	{ "rdomain",	clause_one,		0 },
	{ "from",	clause_from,		0 },
	{ "to",		clause_from,		0 },
	{ "local",	clause_local,		0 },
	{ "peer",	clause_peer,		0 },
	{ "main",	clause_phase,		0 },
	{ "aggressive",	clause_phase,		0 },
	{ "quick",	clause_phase,		0 },
	{ "srcid",	clause_srcid,		0 },
	{ "dstid",	clause_dstid,		0 },
	{ "psk",	clause_key,		0 },
	{ "rsa",	clause_nothing,		0 },
	{ "ecdsa256",	clause_nothing,		0 },
	{ "ecdsa384",	clause_nothing,		0 },
	{ "ecdsa521",	clause_nothing,		0 },
	{ "tag",	clause_one,		0 },
	{ "tap",	clause_one,		0 },
	{ "interface",	clause_one,		0 },
	{ NULL,		NULL,			0 },
};

bool
statement_ike(struct parse *ps)
{
	(void)parse_error(ps, ps->ps_d.dr_at, "'ike' means IKEv1, which this "
	    "version does not speak: write an 'ikev2' rule");
	return parse_clauses(ps, ike1_clauses);
}
