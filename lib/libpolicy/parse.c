/* SPDX-License-Identifier: ISC */
/*
 * The grammar of ipsec.conf(5) and iked.conf(5): statements, the driver of
 * clauses, lists and macros.  The statements themselves stand in
 * parse_flow.c, parse_sa.c, parse_ike.c, parse_ike1.c and parse_set.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/parse.h"

static bool	statement_include(struct parse *ps);

static const struct statement {
	const char	*st_word;
	bool		 (*st_fn)(struct parse *ps);
} statements[] = {
	{ "flow",	statement_flow },
	{ "esp",	statement_esp },
	{ "ah",		statement_ah },
	{ "ipcomp",	statement_ipcomp },
	{ "ipip",	statement_ipip },
	{ "tcpmd5",	statement_tcpmd5 },
	{ "ike",	statement_ike },
	{ "ikev2",	statement_ikev2 },
	{ "set",	statement_set },
	{ "user",	statement_user },
	{ "include",	statement_include },
};

#define NSTATEMENTS	(sizeof(statements) / sizeof(statements[0]))

bool
parse_error(struct parse *ps, const struct tok *at, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	lex_error(&ps->ps_lx, at, "%s", msg);
	explicit_bzero(msg, sizeof(msg));
	ps->ps_bad = true;
	return false;
}

bool
tok_is(const struct tok *tk, const char *word)
{
	return tk->tk_type == TOK_WORD && strcmp(tk->tk_text, word) == 0;
}

bool
tok_is_char(const struct tok *tk, char c)
{
	return tk->tk_type == TOK_CHAR && tk->tk_char == c;
}

bool
parse_word(struct parse *ps, const char *word)
{
	if (!tok_is(ps->ps_t, word))
		return false;
	ps->ps_t++;
	return true;
}

bool
parse_char(struct parse *ps, char c)
{
	if (!tok_is_char(ps->ps_t, c))
		return false;
	ps->ps_t++;
	return true;
}

struct tok *
parse_text(struct parse *ps, const char *what)
{
	struct tok *tk = ps->ps_t;

	if (tk->tk_type == TOK_WORD || tk->tk_type == TOK_STRING) {
		ps->ps_t++;
		return tk;
	}
	if (tk->tk_type == TOK_END)
		(void)parse_error(ps, tk, "%s expected, but the line ends",
		    what);
	else
		(void)parse_error(ps, tk, "%s expected before '%s'", what,
		    tk->tk_text);
	return NULL;
}

/* The inside of braces, flat: a list in a list counts as its elements. */
static bool
parse_list_rest(struct parse *ps, const struct tok *open, const char *what,
    bool (*fn)(struct parse *, struct tok *, void *), void *arg)
{
	unsigned depth = 1;
	size_t n = 0;

	for (;;) {
		struct tok *tk = ps->ps_t;

		if (parse_char(ps, ','))
			continue;
		if (parse_char(ps, '{')) {
			depth++;
		} else if (parse_char(ps, '}')) {
			if (--depth == 0)
				break;
		} else if (tk->tk_type == TOK_END) {
			return parse_error(ps, open, "'{' is never closed");
		} else if ((tk = parse_text(ps, what)) == NULL) {
			return false;
		} else if (++n > POLICY_LIST_MAX) {
			return parse_error(ps, tk, "list of more than %d "
			    "elements", POLICY_LIST_MAX);
		} else {
			(void)fn(ps, tk, arg);
		}
	}
	if (n == 0)
		return parse_error(ps, open, "empty list: %s expected", what);
	return true;
}

bool
parse_list(struct parse *ps, const char *what,
    bool (*fn)(struct parse *, struct tok *, void *), void *arg)
{
	struct tok *tk = ps->ps_t;

	if (parse_char(ps, '{'))
		return parse_list_rest(ps, tk, what, fn, arg);
	if ((tk = parse_text(ps, what)) == NULL)
		return false;
	(void)fn(ps, tk, arg);
	return true;
}

void *
parse_grow(struct parse *ps, void *v, size_t n, size_t size)
{
	void *w;

	/* full at 0 and at each power of two */
	if ((n & (n - 1)) != 0 || (n != 0 && n < 4))
		return v;
	w = pool_alloc(&ps->ps_pool, size * (n == 0 ? 4 : n * 2));
	if (n != 0)
		memcpy(w, v, n * size);
	return w;
}

static const struct clause *
clause_find(const struct clause *table, const struct tok *tk, unsigned *bit)
{
	*bit = 0;
	for (; table->cl_word != NULL; table++, (*bit)++) {
		if (tok_is(tk, table->cl_word))
			return table;
	}
	return NULL;
}

static void
unknown_word(struct parse *ps, const struct clause *table,
    const struct tok *tk)
{
	const char *words[64];			/* as dr_seen has bits */
	const char *near;
	size_t n = 0;

	for (; table->cl_word != NULL && n < 63; table++)
		words[n++] = table->cl_word;
	words[n] = NULL;
	near = tk->tk_type == TOK_WORD ? nearest_word(tk->tk_text, words) : NULL;
	if (tk->tk_type == TOK_STRING)
		(void)parse_error(ps, tk, "a string means nothing here");
	else if (near != NULL)
		(void)parse_error(ps, tk, "unknown word '%s': did you mean "
		    "'%s'?", tk->tk_text, near);
	else
		(void)parse_error(ps, tk, tk->tk_type == TOK_WORD ?
		    "unknown word '%s'" : "'%s' means nothing here",
		    tk->tk_text);
}

bool
parse_clauses(struct parse *ps, const struct clause *table)
{
	while (ps->ps_t->tk_type != TOK_END) {
		const struct tok *tk = ps->ps_t;
		const struct clause *cl;
		unsigned bit;

		if ((cl = clause_find(table, tk, &bit)) == NULL) {
			unknown_word(ps, table, tk);
			return false;
		}
		ps->ps_t++;
		if ((ps->ps_d.dr_seen & 1ull << bit) != 0 &&
		    (cl->cl_flags & CLAUSE_MANY) == 0)
			(void)parse_error(ps, tk, "'%s' a second time",
			    tk->tk_text);
		ps->ps_d.dr_seen |= 1ull << bit;
		if ((cl->cl_flags & CLAUSE_REFUSED) != 0)
			(void)refuse(ps, tk);
		if (!cl->cl_fn(ps, tk))
			return false;
	}
	return true;
}

bool
refuse(struct parse *ps, const struct tok *tk)
{
	(void)parse_error(ps, tk, "'%s' is known, but cannot be loaded by "
	    "this version", tk->tk_text);
	return true;
}

/* The place of the statement; a new file's name is remembered. */
struct policy_place
parse_place(struct parse *ps)
{
	struct policy *pol = ps->ps_pol;
	const struct tok *tk = ps->ps_d.dr_at;
	struct policy_place at = { .po_line = tk->tk_line, .po_col = tk->tk_col };
	char **files;

	for (size_t i = pol->pol_nfiles; i-- > 0;) {
		if (strcmp(pol->pol_files[i], tk->tk_file) == 0) {
			at.po_file = (uint32_t)i;
			return at;
		}
	}
	files = reallocarray(pol->pol_files, pol->pol_nfiles + 1, sizeof(*files));
	if (files == NULL)
		return (struct policy_place){ 0 };
	pol->pol_files = files;
	if ((files[pol->pol_nfiles] = strdup(tk->tk_file)) == NULL)
		return (struct policy_place){ 0 };
	at.po_file = (uint32_t)pol->pol_nfiles++;
	return at;
}

static bool
statement_include(struct parse *ps)
{
	struct tok *name;

	if ((name = parse_text(ps, "file name")) == NULL)
		return false;
	if (ps->ps_t->tk_type != TOK_END)
		return parse_error(ps, ps->ps_t, "'%s' means nothing here",
		    ps->ps_t->tk_text);
	return lex_include(&ps->ps_lx, name);
}

static void
unknown_statement(struct parse *ps, const struct tok *tk)
{
	const char *words[NSTATEMENTS + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < NSTATEMENTS; i++)
		words[i] = statements[i].st_word;
	near = nearest_word(tk->tk_text, words);
	if (near != NULL && tk->tk_type == TOK_WORD)
		(void)parse_error(ps, tk, "unknown statement '%s': did you "
		    "mean '%s'?", tk->tk_text, near);
	else
		(void)parse_error(ps, tk, "unknown statement '%s': flow, esp, "
		    "ikev2, set, include or a macro expected", tk->tk_text);
}

static void
parse_statement(struct parse *ps)
{
	struct tok *first = ps->ps_t = ps->ps_lx.lx_tok;

	memset(&ps->ps_d, 0, offsetof(struct draft, dr_ikesa));
	ps->ps_d.dr_at = first;
	ps->ps_bad = false;
	ps->ps_t++;
	if (first->tk_type == TOK_WORD && parse_char(ps, '=')) {
		lex_macro_statement(&ps->ps_lx);
		return;
	}
	for (size_t i = 0; i < NSTATEMENTS; i++) {
		if (tok_is(first, statements[i].st_word)) {
			(void)statements[i].st_fn(ps);
			return;
		}
	}
	unknown_statement(ps, first);
}

bool
policy_parse(struct policy *pol, const struct policy_text *text,
    const struct policy_env *env, const struct policy_macro *macros,
    size_t nmacros, struct policy_errors *errs)
{
	struct pool texts = { 0 };
	struct parse ps;
	bool ok;

	memset(&ps, 0, sizeof(ps));
	ps.ps_pol = pol;
	ps.ps_env = env;
	ps.ps_lx.lx_pool = &texts;
	ps.ps_lx.lx_tmp = &ps.ps_pool;
	ps.ps_lx.lx_errs = errs;
	ps.ps_lx.lx_env = env;
	for (size_t i = 0; i < nmacros; i++)
		lex_macro_set(&ps.ps_lx, macros[i].ma_name,
		    macros[i].ma_value, true);
	lex_open(&ps.ps_lx, text);
	while (lex_statement(&ps.ps_lx))
		parse_statement(&ps);
	ok = !ps.ps_lx.lx_bad;
	explicit_bzero(&ps.ps_d, sizeof(ps.ps_d));
	pool_free(&ps.ps_pool);
	pool_free(&texts);
	return ok;
}
