/* SPDX-License-Identifier: ISC */
/*
 * set OPTION: of the daemon as a whole, and `user`, which is refused.
 */
#include <stddef.h>
#include <string.h>

#include "libpolicy/parse.h"

/* What an option's word does: sets a flag, takes a value, or is refused. */
enum option_kind { OPT_TRUE, OPT_FALSE, OPT_DPD, OPT_NATTPORT,
	OPT_REFUSED, OPT_NOTHING, OPT_OCSP, OPT_CERTDIR };

static const struct option {
	const char		*op_word;
	enum option_kind	 op_kind;
	size_t			 op_field;
} options[] = {
	{ "active",	OPT_TRUE,	offsetof(struct policy_set, set_active) },
	{ "passive",	OPT_FALSE,	offsetof(struct policy_set, set_active) },
	{ "couple",	OPT_TRUE,	offsetof(struct policy_set, set_coupled) },
	{ "decouple",	OPT_REFUSED,	0 },
	{ "fragmentation", OPT_TRUE,	offsetof(struct policy_set, set_fragmentation) },
	{ "nofragmentation", OPT_FALSE,	offsetof(struct policy_set, set_fragmentation) },
	{ "pathmtu",	OPT_TRUE,	offsetof(struct policy_set, set_pathmtu) },
	{ "nopathmtu",	OPT_FALSE,	offsetof(struct policy_set, set_pathmtu) },
	{ "mobike",	OPT_REFUSED,	0 },
	{ "nomobike",	OPT_FALSE,	offsetof(struct policy_set, set_mobike) },
	{ "enforcesingleikesa", OPT_REFUSED, 0 },
	{ "noenforcesingleikesa", OPT_FALSE, offsetof(struct policy_set, set_enforcesingleikesa) },
	{ "vendorid",	OPT_REFUSED,	0 },
	{ "novendorid",	OPT_FALSE,	offsetof(struct policy_set, set_vendorid) },
	{ "dpd_check_interval", OPT_DPD, 0 },
	{ "nattport",	OPT_NATTPORT,	0 },
	{ "stickyaddress", OPT_REFUSED,	0 },
	{ "nostickyaddress", OPT_NOTHING, 0 },
	{ "ocsp",	OPT_OCSP,	0 },
	{ "cert_partial_chain", OPT_REFUSED, 0 },
	{ "certdir",	OPT_CERTDIR,	0 },
};

#define NOPTIONS	(sizeof(options) / sizeof(options[0]))

/* URL [tolerate TIME [maxage TIME]] */
static bool
set_ocsp(struct parse *ps)
{
	static const char *const words[] = { "tolerate", "maxage" };
	struct tok *tk;
	uint32_t v;

	if ((tk = parse_text(ps, "URL")) == NULL)
		return false;
	if (strncmp(tk->tk_text, "http://", 7) != 0)
		(void)parse_error(ps, tk, "'%s' is not a URL: http://... "
		    "expected", tk->tk_text);
	for (unsigned i = 0; i < 2 && parse_word(ps, words[i]); i++) {
		if ((tk = parse_text(ps, "time")) == NULL)
			return false;
		(void)parse_seconds(ps, tk, &v);
	}
	return true;
}

static bool
set_value(struct parse *ps, const struct option *op, const struct tok *word)
{
	struct policy_set *set = &ps->ps_pol->pol_set;
	struct tok *tk;
	uint64_t v;

	switch (op->op_kind) {
	case OPT_TRUE:
	case OPT_FALSE:
		*(bool *)((char *)set + op->op_field) =
		    op->op_kind == OPT_TRUE;
		return true;
	case OPT_NOTHING:
		return true;
	case OPT_REFUSED:
		return refuse(ps, word);
	case OPT_OCSP:
		return refuse(ps, word) && set_ocsp(ps);
	case OPT_CERTDIR:
		return refuse(ps, word) && parse_text(ps, "folder") != NULL;
	case OPT_DPD:
		return (tk = parse_text(ps, "time")) != NULL &&
		    parse_seconds(ps, tk, &set->set_dpd);
	case OPT_NATTPORT:
		if ((tk = parse_text(ps, "port")) == NULL)
			return false;
		if (!parse_number(tk->tk_text, 65535, &v) || v == 0)
			return parse_error(ps, tk, "'%s' is not a port",
			    tk->tk_text);
		if (v != 4500)
			return parse_error(ps, tk, "another port than 4500 "
			    "cannot be used by this version");
		return true;
	}
	return false;
}

static void
unknown_option(struct parse *ps, const struct tok *tk)
{
	const char *words[NOPTIONS + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < NOPTIONS; i++)
		words[i] = options[i].op_word;
	near = nearest_word(tk->tk_text, words);
	if (near != NULL)
		(void)parse_error(ps, tk, "unknown option '%s': did you mean "
		    "'%s'?", tk->tk_text, near);
	else
		(void)parse_error(ps, tk, "unknown option '%s'", tk->tk_text);
}

bool
statement_set(struct parse *ps)
{
	const struct option *op = options;
	struct tok *tk;

	if ((tk = parse_text(ps, "option")) == NULL)
		return false;
	while (op < options + NOPTIONS && strcmp(op->op_word, tk->tk_text) != 0)
		op++;
	if (op == options + NOPTIONS) {
		unknown_option(ps, tk);
		return false;
	}
	if (!set_value(ps, op, tk))
		return false;
	if (ps->ps_t->tk_type != TOK_END)
		return parse_error(ps, ps->ps_t, "'%s' means nothing here",
		    ps->ps_t->tk_text);
	return true;
}

bool
statement_user(struct parse *ps)
{
	(void)refuse(ps, ps->ps_d.dr_at);
	if (parse_text(ps, "user name") == NULL ||
	    parse_text(ps, "password") == NULL)
		return false;
	if (ps->ps_t->tk_type != TOK_END)
		return parse_error(ps, ps->ps_t, "'%s' means nothing here",
		    ps->ps_t->tk_text);
	return true;
}
