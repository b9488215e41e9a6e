/* SPDX-License-Identifier: ISC */
/*
 * pf.conf(5): statements other than rules, and the whole parse.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/names.h"
#include "libpf/parse.h"

static const char *const timeout_names[] = {
#define X(name, text, def) text,
	PF_TIMEOUTS(X)
#undef X
	NULL
};

static const char *const statement_words[] = { "pass", "block", "table", "set", "include",
    "match", "anchor", "antispoof", "queue", NULL };

void *
pfc_grow(void *p, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 16 : *cap * 2;
	void *q;

	if (n < *cap)
		return p;
	q = reallocarray(p, more, size);
	if (q != NULL)
		*cap = more;
	return q;
}

const char *
pf_timeout_name(unsigned i)
{
	return i < PF_TM_MAX ? timeout_names[i] : NULL;
}

/* ---- macros, include ---- */

static bool
parse_macro(struct parser *pr)
{
	const struct tok *name = pfc_next_tok(pr);
	char value[4096] = "";
	size_t n = 0;

	(void)pfc_next_tok(pr);	/* = */
	if (pfc_peek(pr)->tk_type == TOK_END) {
		pfc_complain(pr, pfc_peek(pr), "the macro has no value");
		return false;
	}
	for (const char *s = name->tk_text; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && *s != '_') {
			pfc_complain(pr, name, "`%s' is not the name of a macro", name->tk_text);
			return false;
		}
	while (pfc_peek(pr)->tk_type != TOK_END) {
		const struct tok *t = pfc_next_tok(pr);
		size_t len = strlen(t->tk_text);

		if (n + len + 2 > sizeof(value)) {
			pfc_complain(pr, t, "the macro is too long");
			return false;
		}
		if (n != 0)
			value[n++] = ' ';
		memcpy(value + n, t->tk_text, len + 1);
		n += len;
	}
	return pfc_macro_set(pr, name->tk_text, value, false);
}

static bool
parse_include(struct parser *pr)
{
	const struct tok *t;

	(void)pfc_next_tok(pr);
	t = pfc_next_tok(pr);
	if (t->tk_type != TOK_STRING) {
		pfc_complain(pr, t, "expected a file name in quotes");
		return false;
	}
	if (pfc_peek(pr)->tk_type != TOK_END) {
		pfc_complain(pr, pfc_peek(pr), "unexpected here: `%s'", pfc_peek(pr)->tk_text);
		return false;
	}
	return pfc_lex_open(pr, t, t->tk_text);
}

/* ---- tables ---- */

static bool
table_entry_add(struct parser *pr, struct pf_table_def *td, const struct tok *at,
    const struct pf_table_entry *e)
{
	struct pf_table_entry *p;

	if (td->td_n >= PF_ENTRIES_MAX) {
		pfc_complain(pr, at, "more than %d addresses in a table", PF_ENTRIES_MAX);
		return false;
	}
	p = pfc_grow(td->td_entry, td->td_n, &td->td_cap, sizeof(*p));
	if (p == NULL) {
		pfc_complain(pr, at, "out of memory");
		return false;
	}
	td->td_entry = p;
	td->td_entry[td->td_n++] = *e;
	return true;
}

static bool
table_address(struct parser *pr, void *arg)
{
	struct pf_table_def *td = arg;
	struct pf_table_entry e = { 0 };
	const struct tok *t;

	e.pe_neg = pfc_take(pr, "!");
	t = pfc_next_tok(pr);
	if (t->tk_type != TOK_WORD || !prefix_parse(t->tk_text, &e.pe_prefix)) {
		pfc_complain(pr, t, t->tk_type == TOK_WORD ? "`%s' is not an address" :
		    "expected an address%.0s", t->tk_text);
		return false;
	}
	if (e.pe_prefix.pr_addr.ad_af != AF_INET) {
		pfc_complain(pr, t, "inet6 is not supported yet");
		return false;
	}
	return table_entry_add(pr, td, t, &e);
}

/* Addresses of a file, one or more a line, # begins a comment. */
static bool
table_file(struct parser *pr, struct pf_table_def *td)
{
	const struct tok *t = pfc_next_tok(pr);
	char err[200] = "files are not read here", *text = NULL;
	const struct pf_env *env = pr->pr_env;
	size_t len;
	unsigned line = 1;
	bool ok = true;

	if (t->tk_type != TOK_STRING) {
		pfc_complain(pr, t, "expected a file name in quotes");
		return false;
	}
	if (env == NULL || env->pe_load == NULL ||
	    !env->pe_load(env->pe_arg, t->tk_text, &text, &len, err, sizeof(err))) {
		pfc_complain(pr, t, "%s: %s", t->tk_text, err);
		return false;
	}
	for (size_t i = 0; ok && i < len;) {
		char word[64];
		size_t n = 0;
		struct pf_table_entry e;

		if (text[i] == '#')
			while (i < len && text[i] != '\n')
				i++;
		if (i < len && (isspace((unsigned char)text[i]) || text[i] == '\0')) {
			line += text[i++] == '\n';
			continue;
		}
		for (; i < len && !isspace((unsigned char)text[i]) && text[i] != '#' &&
		    text[i] != '\0'; i++)
			if (n < sizeof(word) - 1)
				word[n++] = text[i];
		word[n] = '\0';
		if (n == 1 && word[0] == '!' && i < len) {
			pfc_complain(pr, t, "%s line %u: no blank after !", t->tk_text, line);
			ok = false;
		} else if (n != 0 && !pf_entry_parse(word, &e)) {
			pfc_complain(pr, t, "%s line %u: `%s' is not an address", t->tk_text, line, word);
			ok = false;
		} else if (n != 0)
			ok = table_entry_add(pr, td, t, &e);
	}
	free(text);
	return ok;
}

static bool
table_options(struct parser *pr, struct pf_table_def *td, bool *init)
{
	static const char *const words[] = { "persist", "const", "file", "counters", NULL };

	while (pfc_peek(pr)->tk_type != TOK_END) {
		const struct tok *t = pfc_peek(pr);

		if (pfc_take(pr, "persist"))
			td->td_flags |= PF_TABLE_PERSIST;
		else if (pfc_take(pr, "const"))
			td->td_flags |= PF_TABLE_CONST;
		else if (pfc_take(pr, "file")) {
			*init = true;
			if (!table_file(pr, td))
				return false;
		} else if (pfc_tok_is(t, "{")) {
			*init = true;
			if (pfc_tok_is(pfc_peek_at(pr, 1), "}")) {
				(void)pfc_next_tok(pr);
				(void)pfc_next_tok(pr);
			} else if (!pfc_parse_list(pr, table_address, td))
				return false;
		} else {
			if (pfc_tok_is(t, "counters"))
				pfc_complain(pr, t, "counters is not supported yet");
			else
				pfc_complain_word(pr, t, "unexpected here", words);
			return false;
		}
	}
	return true;
}

static bool
parse_table(struct parser *pr)
{
	struct pf_conf *pc = pr->pr_conf;
	struct pf_table_def *td;
	const struct tok *at;
	bool init = false;

	(void)pfc_next_tok(pr);
	at = pfc_peek_at(pr, 1);
	if (pc->pc_ntables >= PF_TABLES_MAX) {
		pfc_complain(pr, at, "more than %d tables", PF_TABLES_MAX);
		return false;
	}
	td = pfc_grow(pc->pc_table, pc->pc_ntables, &pc->pc_tablecap, sizeof(*td));
	if (td == NULL)
		return false;
	pc->pc_table = td;
	td = &pc->pc_table[pc->pc_ntables];
	memset(td, 0, sizeof(*td));
	if (!pfc_parse_table_name(pr, td->td_name))
		return false;
	for (size_t i = 0; i < pc->pc_ntables; i++)
		if (strcmp(pc->pc_table[i].td_name, td->td_name) == 0) {
			pfc_complain(pr, at, "table <%s> is defined twice", td->td_name);
			return false;
		}
	pc->pc_ntables++;
	if (!table_options(pr, td, &init))
		return false;
	if (!init)
		td->td_flags |= PF_TABLE_KEEP;
	return true;
}

/* ---- set ---- */

static bool
set_skip(struct parser *pr)
{
	struct pf_conf *pc = pr->pr_conf;
	struct lists *li = calloc(1, sizeof(*li));
	bool ok;

	if (li == NULL)
		return false;
	ok = pfc_expect(pr, "on") && pfc_parse_interfaces(pr, li);
	for (size_t i = 0; ok && i < li->li_nif; i++) {
		if (li->li_if[i].ii_neg || li->li_if[i].ii_name[0] == '\0') {
			pfc_complain(pr, pfc_peek_at(pr, 0), "skip on takes names of interfaces only");
			ok = false;
		} else if (pc->pc_nskip == PF_SKIP_MAX) {
			pfc_complain(pr, pfc_peek(pr), "more than %d interfaces to skip", PF_SKIP_MAX);
			ok = false;
		} else
			memcpy(pc->pc_skip[pc->pc_nskip++], li->li_if[i].ii_name, PF_IFNAME_MAX);
	}
	free(li);
	return ok;
}

static bool
one_timeout(struct parser *pr, void *arg)
{
	struct pf_options *po = arg;
	const struct tok *t = pfc_next_tok(pr);
	unsigned long n;

	for (unsigned i = 0; timeout_names[i] != NULL; i++)
		if (pfc_tok_is(t, timeout_names[i])) {
			const struct tok *v = pfc_next_tok(pr);
			bool states = i >= PF_TM_ADAPTIVE_START;

			if (!pfc_parse_number(pr, v, states ? UINT32_MAX : PF_TIMEOUT_MAX, &n))
				return false;
			if (n == 0 && !states) {
				pfc_complain(pr, v, "a timeout of 0 seconds");
				return false;
			}
			po->po_timeout[i] = (uint32_t)n;
			return true;
		}
	if (pfc_tok_is(t, "interval") || pfc_tok_is(t, "frag") || pfc_tok_is(t, "src.track"))
		pfc_complain(pr, t, "timeout %s is not supported yet", t->tk_text);
	else
		pfc_complain_word(pr, t, "unknown timeout", timeout_names);
	return false;
}

static bool
one_limit(struct parser *pr, void *arg)
{
	static const char *const words[] = { "states", "frags", "src-nodes", "tables",
	    "table-entries", "anchors", NULL };
	struct pf_options *po = arg;
	const struct tok *t = pfc_next_tok(pr);
	unsigned long n;

	if (pfc_tok_is(t, "states")) {
		if (!pfc_parse_number(pr, pfc_next_tok(pr), UINT32_MAX, &n))
			return false;
		po->po_limit_states = (uint32_t)n;
		return true;
	}
	for (const char *const *w = words; *w != NULL; w++)
		if (pfc_tok_is(t, *w)) {
			pfc_complain(pr, t, "limit %s is not supported yet", *w);
			return false;
		}
	pfc_complain_word(pr, t, "unknown limit", words);
	return false;
}

/* Options of which only the value that is so anyway can be had. */
static const struct { const char *name, *value; } fixed_options[] = {
	{ "state-policy", "floating" }, { "optimization", "normal" },
	{ "ruleset-optimization", "none" }, { "reassemble", "yes" },
	{ "loginterface", "none" }, { "syncookies", "never" },
};

static bool
set_fixed(struct parser *pr, const struct tok *t, bool *known)
{
	const struct tok *v;

	*known = false;
	for (unsigned i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++) {
		if (!pfc_tok_is(t, fixed_options[i].name))
			continue;
		*known = true;
		v = pfc_next_tok(pr);
		if (pfc_tok_is(v, fixed_options[i].value))
			return true;
		pfc_complain(pr, v, "set %s %s is not supported yet; it is `%s'", t->tk_text,
		    v->tk_text, fixed_options[i].value);
		return false;
	}
	return true;
}

static bool
set_block_policy(struct parser *pr)
{
	static const char *const words[] = { "drop", "return", NULL };
	const struct tok *t = pfc_next_tok(pr);

	if (!pfc_tok_is(t, "drop") && !pfc_tok_is(t, "return")) {
		pfc_complain_word(pr, t, "unknown block-policy", words);
		return false;
	}
	pr->pr_conf->pc_block_return = pfc_tok_is(t, "return") ? PF_RETURN_BOTH : PF_RETURN_DROP;
	return true;
}

static bool
set_unknown(struct parser *pr, const struct tok *t)
{
	static const char *const later[] = { "debug", "fingerprints", "hostid",
	    "state-defaults", NULL };
	static const char *const words[] = { "skip", "block-policy", "timeout", "limit",
	    "state-policy", "optimization", "ruleset-optimization", "reassemble",
	    "loginterface", "syncookies", "debug", "fingerprints", "hostid",
	    "state-defaults", NULL };

	for (const char *const *w = later; *w != NULL; w++)
		if (pfc_tok_is(t, *w)) {
			pfc_complain(pr, t, "set %s is not supported yet", *w);
			return false;
		}
	pfc_complain_word(pr, t, "unknown option", words);
	return false;
}

static bool
parse_set(struct parser *pr)
{
	struct pf_conf *pc = pr->pr_conf;
	const struct tok *t;
	bool known, ok;

	(void)pfc_next_tok(pr);
	t = pfc_next_tok(pr);
	if (pfc_tok_is(t, "skip"))
		ok = set_skip(pr);
	else if (pfc_tok_is(t, "block-policy"))
		ok = set_block_policy(pr);
	else if (pfc_tok_is(t, "timeout"))
		ok = pfc_parse_list(pr, one_timeout, &pc->pc_options);
	else if (pfc_tok_is(t, "limit"))
		ok = pfc_parse_list(pr, one_limit, &pc->pc_options);
	else {
		ok = set_fixed(pr, t, &known);
		if (!known)
			return set_unknown(pr, t);
	}
	if (ok && pfc_peek(pr)->tk_type != TOK_END) {
		pfc_complain(pr, pfc_peek(pr), "unexpected here: `%s'", pfc_peek(pr)->tk_text);
		return false;
	}
	return ok;
}

/* ---- the whole ---- */

static void
parse_statement(struct parser *pr)
{
	const struct tok *t = pfc_peek(pr);

	if (t->tk_type == TOK_END)
		return;
	if (t->tk_type == TOK_WORD && pfc_tok_is(pfc_peek_at(pr, 1), "="))
		(void)parse_macro(pr);
	else if (pfc_tok_is(t, "pass") || pfc_tok_is(t, "block"))
		(void)pfc_parse_rule(pr);
	else if (pfc_tok_is(t, "table"))
		(void)parse_table(pr);
	else if (pfc_tok_is(t, "set"))
		(void)parse_set(pr);
	else if (pfc_tok_is(t, "include"))
		(void)parse_include(pr);
	else if (!pfc_refused(pr, t))
		pfc_complain_word(pr, t, "not a statement", statement_words);
}

static bool
parse_defines(struct parser *pr, const struct pf_env *env)
{
	if (env == NULL || env->pe_defines == NULL)
		return true;
	for (const char *const *d = env->pe_defines; *d != NULL; d++) {
		const char *eq = strchr(*d, '=');
		char name[64];

		if (eq == NULL || eq == *d || (size_t)(eq - *d) >= sizeof(name))
			return false;
		memcpy(name, *d, (size_t)(eq - *d));
		name[eq - *d] = '\0';
		if (!pfc_macro_set(pr, name, eq + 1, true))
			return false;
	}
	return true;
}

static void
conf_defaults(struct pf_conf *pc)
{
	static const uint32_t defaults[PF_TM_MAX] = {
#define X(name, text, def) [PF_TM_##name] = def,
		PF_TIMEOUTS(X)
#undef X
	};

	memset(pc, 0, sizeof(*pc));
	memcpy(pc->pc_options.po_timeout, defaults, sizeof(defaults));
}

bool
pf_parse(struct pf_conf *pc, const char *file, const char *text, size_t len,
    const struct pf_env *env)
{
	struct parser pr = { .pr_conf = pc, .pr_env = env };
	const uint32_t *tm = pc->pc_options.po_timeout;
	bool ok;

	conf_defaults(pc);
	ok = parse_defines(&pr, env) && pfc_lex_open_text(&pr, file, text, len);
	while (ok && pc->pc_nerrors <= PF_ERRORS_MAX && pfc_lex_statement(&pr)) {
		if (!pr.pr_failed)
			parse_statement(&pr);
	}
	if (ok && pc->pc_nerrors == 0 && tm[PF_TM_ADAPTIVE_END] != 0 &&
	    tm[PF_TM_ADAPTIVE_END] <= tm[PF_TM_ADAPTIVE_START]) {
		struct tok at = { .tk_src = pr.pr_file[0], .tk_line = 1, .tk_col = 1 };

		pfc_complain(&pr, &at, "adaptive.end must be above adaptive.start");
	}
	pfc_lex_free(&pr);
	if (ok && pc->pc_nerrors == 0)
		return true;
	if (pc->pc_errors == NULL)
		pc->pc_errors = strdup(ok ? "out of memory\n" :
		    "out of memory, or a definition is not name=value\n");
	if (pc->pc_nerrors == 0)
		pc->pc_nerrors = 1;
	pc->pc_nrules = 0;
	return false;
}

void
pf_conf_free(struct pf_conf *pc)
{
	for (size_t i = 0; i < pc->pc_ntables; i++)
		free(pc->pc_table[i].td_entry);
	free(pc->pc_table);
	free(pc->pc_rule);
	free(pc->pc_errors);
	memset(pc, 0, sizeof(*pc));
}
