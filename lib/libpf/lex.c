/* SPDX-License-Identifier: ISC */
/*
 * Text to statements.  A statement is a line, with backslash continuations,
 * or more lines while a brace is open.  Macros are expanded here: the value
 * is cut into tokens where it is used, and complaints about them point to
 * the use.  A line that begins as a statement does ends an open brace, so
 * that one forgotten brace costs one complaint.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/parse.h"

static const char *const starters[] = { "pass", "block", "match", "table", "set",
    "anchor", "antispoof", "include", "queue", "load", "nat", "rdr", NULL };

/* ---- sources ---- */

bool
pfc_lex_open_text(struct parser *pr, const char *name, const char *text, size_t len)
{
	struct source *so = calloc(1, sizeof(*so));

	if (so == NULL || pr->pr_nfiles == PF_FILES_MAX || pr->pr_depth == PF_DEPTH_MAX) {
		free(so);
		return false;
	}
	so->so_name = strdup(name);
	so->so_text = malloc(len + 1);
	if (so->so_name == NULL || so->so_text == NULL) {
		free(so->so_name);
		free(so->so_text);
		free(so);
		return false;
	}
	if (len != 0)
		memcpy(so->so_text, text, len);
	so->so_text[len] = '\0';
	so->so_len = len;
	so->so_line = 1;
	pr->pr_file[pr->pr_nfiles++] = so;
	pr->pr_stack[pr->pr_depth++] = so;
	return true;
}

bool
pfc_lex_open(struct parser *pr, const struct tok *at, const char *path)
{
	char err[200] = "files are not read here", *text;
	size_t len;
	bool ok;

	if (pr->pr_env == NULL || pr->pr_env->pe_load == NULL ||
	    !pr->pr_env->pe_load(pr->pr_env->pe_arg, path, &text, &len, err, sizeof(err))) {
		pfc_complain(pr, at, "%s: %s", path, err);
		return false;
	}
	ok = pfc_lex_open_text(pr, path, text, len);
	free(text);
	if (!ok)
		pfc_complain(pr, at, "%s: too many files, or files in files", path);
	return ok;
}

static void
statement_free(struct parser *pr)
{
	for (size_t i = 0; i < pr->pr_ntok; i++)
		free(pr->pr_tok[i].tk_text);
	pr->pr_ntok = pr->pr_at = 0;
	pr->pr_braces = 0;
}

void
pfc_lex_free(struct parser *pr)
{
	struct macro *m;

	statement_free(pr);
	free(pr->pr_tok);
	for (unsigned i = 0; i < pr->pr_nfiles; i++) {
		free(pr->pr_file[i]->so_name);
		free(pr->pr_file[i]->so_text);
		free(pr->pr_file[i]);
	}
	while ((m = pr->pr_macros) != NULL) {
		pr->pr_macros = m->ma_next;
		free(m->ma_name);
		free(m->ma_value);
		free(m);
	}
}

/* ---- macros ---- */

static struct macro *
macro_find(const struct parser *pr, const char *name)
{
	for (struct macro *m = pr->pr_macros; m != NULL; m = m->ma_next)
		if (strcmp(m->ma_name, name) == 0)
			return m;
	return NULL;
}

bool
pfc_macro_set(struct parser *pr, const char *name, const char *value, bool fixed)
{
	struct macro *m = macro_find(pr, name);
	char *v;

	if (m != NULL && m->ma_fixed)
		return true;	/* the command line wins */
	v = strdup(value);
	if (v == NULL)
		return false;
	if (m != NULL) {
		free(m->ma_value);
		m->ma_value = v;
		return true;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL || (m->ma_name = strdup(name)) == NULL) {
		free(m);
		free(v);
		return false;
	}
	m->ma_value = v;
	m->ma_fixed = fixed;
	m->ma_next = pr->pr_macros;
	pr->pr_macros = m;
	return true;
}

/* ---- tokens ---- */

static bool
word_char(char c)
{
	return isgraph((unsigned char)c) && strchr("(){}<>!=\"#,$\\|'", c) == NULL;
}

static bool
token_add(struct parser *pr, enum tok_type type, const char *text, size_t len,
    const struct tok *at)
{
	struct tok *p;

	if (pr->pr_ntok >= PF_TOKENS_MAX) {
		if (!pr->pr_failed)
			pfc_complain(pr, at, "the statement is too long");
		return false;
	}
	p = pfc_grow(pr->pr_tok, pr->pr_ntok, &pr->pr_tokcap, sizeof(*p));
	if (p == NULL)
		return false;
	pr->pr_tok = p;
	p = &pr->pr_tok[pr->pr_ntok];
	*p = *at;
	p->tk_type = type;
	p->tk_text = strndup(text, len);
	if (p->tk_text == NULL)
		return false;
	if (type == TOK_PUNCT && text[0] == '{') {
		pr->pr_open = pr->pr_ntok;
		pr->pr_braces++;
	} else if (type == TOK_PUNCT && text[0] == '}')
		pr->pr_braces--;
	pr->pr_ntok++;
	return true;
}

/* Length of the punctuation at s. */
static size_t
punct_len(const char *s)
{
	static const char *const two[] = { "!=", "<=", ">=", "<>", "><", NULL };

	for (const char *const *t = two; *t != NULL; t++)
		if (s[0] == (*t)[0] && s[1] == (*t)[1])
			return 2;
	return 1;
}

static bool	lex_macro(struct parser *, const char *name, size_t len, const struct tok *at,
    unsigned depth);

/*
 * $lan:network: what follows a macro without a blank belongs to its last
 * word.  Returns the bytes of s taken, n of which the macro has.
 */
static size_t
token_join(struct parser *pr, const char *s, size_t n)
{
	struct tok *last = pr->pr_ntok == 0 ? NULL : &pr->pr_tok[pr->pr_ntok - 1];
	size_t more = 0, old;
	char *p;

	while (s[n + more] != '\0' && word_char(s[n + more]))
		more++;
	if (more == 0 || last == NULL || last->tk_type != TOK_WORD)
		return n;
	old = strlen(last->tk_text);
	p = realloc(last->tk_text, old + more + 1);
	if (p == NULL)
		return 0;
	memcpy(p + old, s + n, more);
	p[old + more] = '\0';
	last->tk_text = p;
	return n + more;
}

/*
 * One token at s, which is no blank; returns the bytes that it takes, 0
 * after a complaint.
 */
static size_t
lex_one(struct parser *pr, const char *s, const struct tok *at, unsigned depth)
{
	size_t n = 0;

	if (*s == '"') {
		const char *end = s + 1 + strcspn(s + 1, "\"\n");

		if (*end != '"') {
			pfc_complain(pr, at, "the quoted string does not end on this line");
			return 0;
		}
		n = (size_t)(end - s) + 1;
		return token_add(pr, TOK_STRING, s + 1, n - 2, at) ? n : 0;
	}
	if (*s == '$') {
		while (isalnum((unsigned char)s[n + 1]) || s[n + 1] == '_')
			n++;
		return lex_macro(pr, s + 1, n, at, depth) ? token_join(pr, s, n + 1) : 0;
	}
	while (s[n] != '\0' && word_char(s[n]))
		n++;
	if (n != 0)
		return token_add(pr, TOK_WORD, s, n, at) ? n : 0;
	if (strchr("(){}<>!=,", *s) == NULL) {
		pfc_complain(pr, at, "unexpected character");
		return 0;
	}
	n = punct_len(s);
	/* a comma separates and means nothing */
	return *s == ',' || token_add(pr, TOK_PUNCT, s, n, at) ? n : 0;
}

static bool
lex_macro(struct parser *pr, const char *name, size_t len, const struct tok *at,
    unsigned depth)
{
	char key[64];
	struct macro *m;
	const char *s;

	if (len == 0 || len >= sizeof(key)) {
		pfc_complain(pr, at, "malformed macro name");
		return false;
	}
	memcpy(key, name, len);
	key[len] = '\0';
	m = macro_find(pr, key);
	if (m == NULL) {
		pfc_complain(pr, at, "macro `%s' is not defined", key);
		return false;
	}
	if (depth >= PF_DEPTH_MAX) {
		pfc_complain(pr, at, "macro `%s': macros too deep in each other", key);
		return false;
	}
	for (s = m->ma_value; *s != '\0';) {
		size_t n;

		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		n = lex_one(pr, s, at, depth + 1);
		if (n == 0)
			return false;
		s += n;
	}
	return true;
}

/* ---- statements ---- */

static struct tok
here(const struct source *so)
{
	return (struct tok){ .tk_src = so, .tk_linestart = so->so_linestart,
	    .tk_line = so->so_line, .tk_col = (unsigned)(so->so_at - so->so_linestart) + 1 };
}

static void
line_next(struct source *so)
{
	while (so->so_at < so->so_len && so->so_text[so->so_at] != '\n')
		so->so_at++;
	if (so->so_at < so->so_len)
		so->so_at++;
	so->so_line++;
	so->so_linestart = so->so_at;
}

/* Blanks, comments and continued newlines; true at the end of a line. */
static bool
line_ends(struct source *so)
{
	for (;;) {
		const char *s = so->so_text + so->so_at;

		if (so->so_at >= so->so_len || *s == '\n' || *s == '#' ||
		    (*s == '\r' && s[1] == '\n'))
			return true;
		if (*s == '\\' && (s[1] == '\n' || (s[1] == '\r' && s[2] == '\n')))
			line_next(so);
		else if (isspace((unsigned char)*s))
			so->so_at++;
		else
			return false;
	}
}

/* Does the line at the cursor begin as a statement does? */
static bool
line_starts(const struct source *so)
{
	const char *s = so->so_text + so->so_at;

	for (const char *const *w = starters; *w != NULL; w++) {
		size_t n = strlen(*w);

		if (strncmp(s, *w, n) == 0 && !word_char(s[n]))
			return true;
	}
	return false;
}

/* The tokens of one line. */
static void
lex_line(struct parser *pr, struct source *so)
{
	while (!line_ends(so)) {
		struct tok at = here(so);
		size_t n = lex_one(pr, so->so_text + so->so_at, &at, 0);

		if (n == 0)
			break;
		so->so_at += n;
	}
	line_next(so);
}

/* After a complaint within braces: the rest of them is passed over. */
static void
lex_resync(struct source *so)
{
	while (so->so_at < so->so_len) {
		const char *s = so->so_text + so->so_at;
		size_t n = strcspn(s, "\n");
		bool closed = memchr(s, '}', n) != NULL;

		if (!line_ends(so) && line_starts(so))
			return;
		line_next(so);
		if (closed)
			return;
	}
}

static void
lex_gather(struct parser *pr, struct source *so)
{
	for (;;) {
		const char *line = so->so_text + so->so_at;
		size_t len = strcspn(line, "\n");

		lex_line(pr, so);
		if (pr->pr_failed && (pr->pr_braces > 0 ||
		    memchr(line, '{', len) != NULL) && memchr(line, '}', len) == NULL)
			lex_resync(so);
		if (pr->pr_failed || pr->pr_braces <= 0)
			return;
		while (so->so_at < so->so_len && line_ends(so))
			line_next(so);
		if (so->so_at >= so->so_len || line_starts(so)) {
			pfc_complain(pr, &pr->pr_tok[pr->pr_open], "the brace is not closed");
			return;
		}
	}
}

bool
pfc_lex_statement(struct parser *pr)
{
	statement_free(pr);
	pr->pr_failed = false;
	while (pr->pr_depth != 0) {
		struct source *so = pr->pr_stack[pr->pr_depth - 1];
		struct tok end;

		if (so->so_at >= so->so_len) {
			pr->pr_depth--;
			continue;
		}
		if (line_ends(so)) {
			line_next(so);
			continue;
		}
		lex_gather(pr, so);
		/* the end of a statement stands behind its last token */
		if (pr->pr_ntok == 0)
			end = here(so);
		else {
			end = pr->pr_tok[pr->pr_ntok - 1];
			end.tk_col += (unsigned)strlen(end.tk_text);
		}
		if (!token_add(pr, TOK_END, "", 0, &end))
			pr->pr_failed = true;
		return true;
	}
	return false;
}

/* ---- reading a statement ---- */

const struct tok *
pfc_peek_at(const struct parser *pr, size_t ahead)
{
	size_t i = pr->pr_at + ahead;

	return &pr->pr_tok[i < pr->pr_ntok ? i : pr->pr_ntok - 1];
}

const struct tok *
pfc_peek(const struct parser *pr)
{
	return pfc_peek_at(pr, 0);
}

const struct tok *
pfc_next_tok(struct parser *pr)
{
	const struct tok *t = pfc_peek(pr);

	if (t->tk_type != TOK_END)
		pr->pr_at++;
	return t;
}

bool
pfc_tok_is(const struct tok *t, const char *text)
{
	return (t->tk_type == TOK_WORD || t->tk_type == TOK_PUNCT) &&
	    strcmp(t->tk_text, text) == 0;
}

bool
pfc_take(struct parser *pr, const char *text)
{
	if (!pfc_tok_is(pfc_peek(pr), text))
		return false;
	pr->pr_at++;
	return true;
}

bool
pfc_expect(struct parser *pr, const char *text)
{
	if (pfc_take(pr, text))
		return true;
	if (pfc_peek(pr)->tk_type == TOK_END)
		pfc_complain(pr, pfc_peek(pr), "expected `%s', and the line ends here", text);
	else
		pfc_complain(pr, pfc_peek(pr), "expected `%s', not `%s'", text, pfc_peek(pr)->tk_text);
	return false;
}
