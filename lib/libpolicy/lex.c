/* SPDX-License-Identifier: ISC */
/*
 * The lexer (see lex.h).  Input is a stack of frames: included texts and,
 * on top of the place that uses them, values of macros.  A token may begin
 * in a macro and end behind it, so that `$net/24` is one word.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/lex.h"

enum {
	POOL_ALIGN		= 16,
	LEX_DEPTH_MAX		= 16,		/* includes and macros, nested */
	LEX_FILES_MAX		= 256,		/* texts of one parse */
	LEX_EXPANSIONS_MAX	= 1 << 20,	/* macro uses of one parse */
	LEX_TOKENS_MAX		= 1 << 18,	/* tokens of one statement */
	LEX_WORD_MAX		= 32768,		/* bytes of one token */
};

static const char *const lex_statements[] = {
	"flow", "esp", "ah", "ipcomp", "ipip", "tcpmd5", "ike", "ikev2",
	"set", "include", "user", "expect", NULL
};

struct lexer_frame {
	struct lexer_frame	*fr_below;
	const char		*fr_text;
	size_t			 fr_len;
	size_t			 fr_off;
	const char		*fr_name;	/* NULL: a macro's value */
	const char		*fr_path;	/* of an include, for loops */
	unsigned		 fr_line;
	size_t			 fr_bol;	/* offset of the line's begin */
	unsigned		 fr_depth;
	struct tok		 fr_use;	/* where the macro stands */
	const struct lexer_macro *fr_macro;
};

struct lexer_macro {
	struct lexer_macro	*ma_next;
	const char		*ma_name;
	const char		*ma_value;
	bool			 ma_fixed;	/* from the command line: wins */
};

struct pool_chunk {
	struct pool_chunk	*pc_next;
	size_t			 pc_size;	/* bytes behind this */
	size_t			 pc_used;
};

void *
pool_alloc(struct pool *po, size_t n)
{
	struct pool_chunk *pc = po->po_head;
	char *p;

	n = (n + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	if (pc == NULL || pc->pc_size - pc->pc_used < n) {
		size_t size = n > 16384 ? n : 16384;

		if ((pc = calloc(1, sizeof(*pc) + POOL_ALIGN + size)) == NULL) {
			fputs("policy: out of memory\n", stderr);
			abort();
		}
		pc->pc_size = size;
		pc->pc_next = po->po_head;
		po->po_head = pc;
	}
	p = (char *)(pc + 1) + (POOL_ALIGN - sizeof(*pc) % POOL_ALIGN) %
	    POOL_ALIGN + pc->pc_used;
	pc->pc_used += n;
	return p;
}

char *
pool_copy(struct pool *po, const char *p, size_t n)
{
	char *s = pool_alloc(po, n + 1);

	if (n != 0)
		memcpy(s, p, n);
	return s;
}

void
pool_free(struct pool *po)
{
	while (po->po_head != NULL) {
		struct pool_chunk *pc = po->po_head;

		po->po_head = pc->pc_next;
		explicit_bzero(pc + 1, pc->pc_used + POOL_ALIGN);
		free(pc);
	}
}

/* Wipes all and keeps one piece of memory for the next use. */
static void
pool_reset(struct pool *po)
{
	struct pool_chunk *keep = po->po_head;
	struct pool rest;

	if (keep == NULL)
		return;
	rest.po_head = keep->pc_next;
	pool_free(&rest);
	keep->pc_next = NULL;
	explicit_bzero(keep + 1, keep->pc_used + POOL_ALIGN);
	keep->pc_used = 0;
}

void
lex_error(struct lexer *lx, const struct tok *tk, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	for (char *p = msg; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	policy_errors_add(lx->lx_errs, tk, msg);
	lx->lx_bad = true;
}

/* The frame whose place in a file stands for where we are. */
static const struct lexer_frame *
lex_file(const struct lexer *lx)
{
	const struct lexer_frame *fr = lx->lx_top;

	while (fr != NULL && fr->fr_name == NULL)
		fr = fr->fr_below;
	return fr;
}

/* A token of nothing at the present place. */
static struct tok
lex_here(const struct lexer *lx)
{
	const struct lexer_frame *fr = lx->lx_top;
	struct tok tk = { .tk_text = "" };

	if (fr != NULL && fr->fr_name == NULL)
		return fr->fr_use;
	if (fr == NULL)
		return tk;
	tk.tk_file = fr->fr_name;
	tk.tk_body = fr->fr_text;
	tk.tk_bodylen = fr->fr_len;
	tk.tk_off = fr->fr_off;
	tk.tk_line = fr->fr_line;
	tk.tk_col = (unsigned)(fr->fr_off - fr->fr_bol) + 1;
	return tk;
}

static struct lexer_frame *
lex_push(struct lexer *lx, const char *text, size_t len)
{
	struct lexer_frame *fr = pool_alloc(lx->lx_pool, sizeof(*fr));

	fr->fr_text = text;
	fr->fr_len = len;
	fr->fr_line = 1;
	fr->fr_below = lx->lx_top;
	fr->fr_depth = lx->lx_top != NULL ? lx->lx_top->fr_depth + 1 : 0;
	lx->lx_top = fr;
	return fr;
}

void
lex_open(struct lexer *lx, const struct policy_text *text)
{
	struct lexer_frame *fr;

	fr = lex_push(lx, pool_copy(lx->lx_pool, text->tx_body, text->tx_len),
	    text->tx_len);
	fr->fr_name = pool_copy(lx->lx_pool, text->tx_name,
	    strlen(text->tx_name));
	fr->fr_path = fr->fr_name;
	lx->lx_files++;
}

static bool
lex_is_open(const struct lexer *lx, const char *name)
{
	for (const struct lexer_frame *fr = lx->lx_top; fr != NULL;
	    fr = fr->fr_below) {
		if (fr->fr_path != NULL && strcmp(fr->fr_path, name) == 0)
			return true;
	}
	return false;
}

bool
lex_include(struct lexer *lx, const struct tok *name)
{
	struct policy_text text = { .tx_name = name->tk_text };
	const char *why = "no file can be included here";
	char *body = NULL;
	size_t len = 0;

	if (lex_is_open(lx, name->tk_text))
		why = "the file includes itself";
	else if (lx->lx_top != NULL && lx->lx_top->fr_depth >= LEX_DEPTH_MAX)
		why = "includes are nested too deeply";
	else if (lx->lx_files >= LEX_FILES_MAX)
		why = "too many files";
	else if (lx->lx_env != NULL && lx->lx_env->env_read != NULL)
		body = lx->lx_env->env_read(lx->lx_env->env_arg,
		    name->tk_text, false, &len, &why);
	if (body == NULL) {
		lex_error(lx, name, "cannot include \"%s\": %s",
		    name->tk_text, why);
		return false;
	}
	text.tx_body = body;
	text.tx_len = len;
	lex_open(lx, &text);
	explicit_bzero(body, len);
	free(body);
	return true;
}

void
lex_macro_set(struct lexer *lx, const char *name, const char *value,
    bool fixed)
{
	struct lexer_macro *ma = lx->lx_macros;

	while (ma != NULL && strcmp(ma->ma_name, name) != 0)
		ma = ma->ma_next;
	if (ma != NULL && ma->ma_fixed && !fixed)
		return;
	if (ma == NULL) {
		ma = pool_alloc(lx->lx_pool, sizeof(*ma));
		ma->ma_name = pool_copy(lx->lx_pool, name, strlen(name));
		ma->ma_next = lx->lx_macros;
		lx->lx_macros = ma;
	}
	ma->ma_value = pool_copy(lx->lx_pool, value, strlen(value));
	ma->ma_fixed = fixed;
}

/* The next character, or -1 at the end of the frame's text. */
static int
lex_peek(const struct lexer *lx)
{
	const struct lexer_frame *fr = lx->lx_top;

	if (fr == NULL || fr->fr_off >= fr->fr_len)
		return -1;
	return (unsigned char)fr->fr_text[fr->fr_off];
}

/* The byte n behind the next one, of the same text; -1: none. */
static int
lex_peek_at(const struct lexer *lx, size_t n)
{
	const struct lexer_frame *fr = lx->lx_top;

	if (fr == NULL || fr->fr_len - fr->fr_off <= n)
		return -1;
	return (unsigned char)fr->fr_text[fr->fr_off + n];
}

static void
lex_skip(struct lexer *lx)
{
	struct lexer_frame *fr = lx->lx_top;

	if (fr->fr_text[fr->fr_off++] == '\n') {
		fr->fr_line++;
		fr->fr_bol = fr->fr_off;
	}
}

/* Leaves macros whose value has been read; true if one was left. */
static bool
lex_leave_macro(struct lexer *lx)
{
	struct lexer_frame *fr = lx->lx_top;

	if (fr == NULL || fr->fr_name != NULL || fr->fr_off < fr->fr_len)
		return false;
	lx->lx_top = fr->fr_below;
	return true;
}

/* Bytes that a word cannot hold; all others can. */
static const bool ends_word[256] = {
	[0] = true, [1] = true, [2] = true, [3] = true, [4] = true, [5] = true,
	[6] = true, [7] = true, [8] = true, ['\t'] = true, ['\n'] = true,
	[11] = true, [12] = true, ['\r'] = true, [14] = true, [15] = true,
	[16] = true, [17] = true, [18] = true, [19] = true, [20] = true,
	[21] = true, [22] = true, [23] = true, [24] = true, [25] = true,
	[26] = true, [27] = true, [28] = true, [29] = true, [30] = true,
	[31] = true, [' '] = true, [0x7f] = true,
	['('] = true, [')'] = true, ['{'] = true, ['}'] = true, ['<'] = true,
	['>'] = true, ['='] = true, [','] = true, ['#'] = true, ['"'] = true,
	['$'] = true, ['!'] = true, [';'] = true, ['\\'] = true,
};

static bool
is_word(int c)
{
	return c >= 0 && !ends_word[c];
}

static bool
is_macro_name(int c)
{
	return c == '_' || (c > 0 && c < 0x80 && isalnum(c));
}

/* `$name`: goes into its value.  The name is consumed in any case. */
static void
lex_expand(struct lexer *lx)
{
	struct tok at = lex_here(lx);
	const struct lexer_macro *ma = lx->lx_macros;
	struct lexer_frame *fr;
	char name[64];
	size_t n = 0;

	lex_skip(lx);
	for (; is_macro_name(lex_peek(lx)); lex_skip(lx)) {
		if (n < sizeof(name) - 1)
			name[n++] = (char)lex_peek(lx);
	}
	name[n] = '\0';
	while (ma != NULL && strcmp(ma->ma_name, name) != 0)
		ma = ma->ma_next;
	if (ma == NULL) {
		lex_error(lx, &at, "macro '%s' is not defined", name);
		return;
	}
	for (const struct lexer_frame *f = lx->lx_top; f != NULL;
	    f = f->fr_below) {
		if (f->fr_macro == ma) {
			lex_error(lx, &at, "macro '%s' contains itself", name);
			return;
		}
	}
	if (lx->lx_top->fr_depth >= LEX_DEPTH_MAX ||
	    lx->lx_expansions++ >= LEX_EXPANSIONS_MAX) {
		lex_error(lx, &at, "macros are nested too deeply or too many");
		return;
	}
	fr = lex_push(lx, ma->ma_value, strlen(ma->ma_value));
	fr->fr_use = at;
	fr->fr_macro = ma;
}

/*
 * Blanks, comments, continued lines and the ends of macros.  Stops at a
 * newline, at a token, or at the end of the file (-1).
 */
static int
lex_blanks(struct lexer *lx)
{
	for (;;) {
		int c = lex_peek(lx);

		if (c == -1) {
			if (!lex_leave_macro(lx))
				return -1;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			lex_skip(lx);
		} else if (c == '\\' && (lex_peek_at(lx, 1) == '\n' ||
		    (lex_peek_at(lx, 1) == '\r' && lex_peek_at(lx, 2) == '\n'))) {
			while (lex_peek(lx) != '\n')
				lex_skip(lx);
			lex_skip(lx);
		} else if (c == '#') {
			while ((c = lex_peek(lx)) != -1 && c != '\n')
				lex_skip(lx);
		} else if (c == '$') {
			lex_expand(lx);
		} else {
			return c;
		}
	}
}

static struct tok *
lex_add(struct lexer *lx)
{
	if (lx->lx_n == lx->lx_cap) {
		size_t cap = lx->lx_cap != 0 ? lx->lx_cap * 2 : 64;
		struct tok *v = pool_alloc(lx->lx_tmp, cap * sizeof(*v));

		if (lx->lx_n != 0)
			memcpy(v, lx->lx_tok, lx->lx_n * sizeof(*v));
		lx->lx_tok = v;
		lx->lx_cap = cap;
	}
	lx->lx_tok[lx->lx_n] = lex_here(lx);
	return &lx->lx_tok[lx->lx_n++];
}

static void
lex_close_token(struct lexer *lx, struct tok *tk, const char *buf, size_t n)
{
	const struct lexer_frame *fr = lex_file(lx);

	tk->tk_text = pool_copy(lx->lx_tmp, buf, n);
	tk->tk_len = n;
	if (fr == lx->lx_top && fr != NULL && tk->tk_body == fr->fr_text &&
	    tk->tk_line == fr->fr_line)
		tk->tk_srclen = fr->fr_off - tk->tk_off;
	else
		tk->tk_srclen = 0;
}

/* A word that ends where it begins: not at a macro, and not at one's end. */
static bool
lex_plain_word(struct lexer *lx, struct tok *tk)
{
	struct lexer_frame *fr = lx->lx_top;
	const char *p = fr->fr_text + fr->fr_off, *end = fr->fr_text + fr->fr_len;
	const char *q = p;

	while (q < end && !ends_word[(unsigned char)*q])
		q++;
	if (q == end || *q == '$' || q - p > LEX_WORD_MAX)
		return false;
	fr->fr_off += (size_t)(q - p);
	lex_close_token(lx, tk, p, (size_t)(q - p));
	return true;
}

static void
lex_word(struct lexer *lx, struct tok *tk)
{
	char buf[LEX_WORD_MAX];
	size_t n = 0;

	tk->tk_type = TOK_WORD;
	if (lex_plain_word(lx, tk))
		return;
	for (;;) {
		int c = lex_peek(lx);

		if (c == -1 && lex_leave_macro(lx))
			continue;
		if (!is_word(c))
			break;
		if (n == sizeof(buf)) {
			lex_error(lx, tk, "word longer than %d bytes",
			    LEX_WORD_MAX);
			n = 0;
		}
		buf[n++] = (char)c;
		lex_skip(lx);
	}
	lex_close_token(lx, tk, buf, n);
	explicit_bzero(buf, n);
}

/* A string without a backslash, behind its quote. */
static bool
lex_plain_string(struct lexer *lx, struct tok *tk)
{
	struct lexer_frame *fr = lx->lx_top;
	const char *p = fr->fr_text + fr->fr_off, *end = fr->fr_text + fr->fr_len;
	const char *q = p;

	while (q < end && *q != '"' && *q != '\\' && *q != '\n' && *q != '\0')
		q++;
	if (q == end || *q != '"' || q - p > LEX_WORD_MAX)
		return false;
	fr->fr_off += (size_t)(q - p) + 1;
	lex_close_token(lx, tk, p, (size_t)(q - p));
	return true;
}

/* "text": \" is a quote, another backslash is itself. */
static void
lex_string(struct lexer *lx, struct tok *tk)
{
	char buf[LEX_WORD_MAX];
	size_t n = 0;
	int c;

	tk->tk_type = TOK_STRING;
	lex_skip(lx);
	if (lex_plain_string(lx, tk))
		return;
	while ((c = lex_peek(lx)) != '"') {
		if (c == -1 || c == '\n') {
			lex_error(lx, tk, "string is not closed on its line");
			break;
		}
		if (c == '\0') {
			lex_error(lx, tk, "string holds a zero byte");
			lex_skip(lx);
			continue;
		}
		if (c == '\\' && lex_peek_at(lx, 1) == '"') {
			lex_skip(lx);
			c = '"';
		}
		if (n == sizeof(buf)) {
			lex_error(lx, tk, "string longer than %d bytes",
			    LEX_WORD_MAX);
			n = 0;
		}
		buf[n++] = (char)c;
		lex_skip(lx);
	}
	if (c == '"')
		lex_skip(lx);
	lex_close_token(lx, tk, buf, n);
	explicit_bzero(buf, n);
}

static void
lex_token(struct lexer *lx, int c)
{
	struct tok *tk = lex_add(lx);

	tk->tk_srclen = 0;
	if (c == '"') {
		lex_string(lx, tk);
	} else if (is_word(c)) {
		lex_word(lx, tk);
	} else {
		char ch = (char)c;

		tk->tk_type = TOK_CHAR;
		tk->tk_char = ch;
		lex_skip(lx);
		lex_close_token(lx, tk, &ch, 1);
		if (c == '\0' || strchr("{}()=,", c) == NULL) {
			if (isprint(c))
				lex_error(lx, tk, "'%c' means nothing here", c);
			else
				lex_error(lx, tk, "byte 0x%02x means nothing "
				    "here", (unsigned)c);
			lx->lx_n--;
		}
	}
}

/* Does the line that begins here start with a statement's keyword? */
static bool
lex_at_statement(const struct lexer *lx)
{
	const struct lexer_frame *fr = lx->lx_top;
	size_t off = fr->fr_off, n = 0;

	while (off + n < fr->fr_len && is_word((unsigned char)fr->fr_text[off + n]))
		n++;
	for (const char *const *w = lex_statements; *w != NULL; w++) {
		if (strlen(*w) == n && memcmp(*w, fr->fr_text + off, n) == 0)
			return true;
	}
	return false;
}

static void
lex_end(struct lexer *lx)
{
	struct tok *tk = lex_add(lx);

	tk->tk_type = TOK_END;
	tk->tk_text = "end of line";
	tk->tk_srclen = 0;
}

/* Tokens up to the end of the statement; the newline is consumed. */
static void
lex_line(struct lexer *lx)
{
	size_t brace = 0;		/* index + 1 of the first open brace */
	unsigned depth = 0;

	for (;;) {
		int c = lex_blanks(lx);

		if (c == '\n' && brace != 0) {
			lex_skip(lx);
			if (!lex_at_statement(lx))
				continue;
			c = -1;
		}
		if (c == -1 && brace != 0) {
			lex_error(lx, &lx->lx_tok[brace - 1],
			    "'{' is never closed");
		}
		if (c == -1 || c == '\n') {
			lex_end(lx);
			if (c == '\n')
				lex_skip(lx);
			return;
		}
		if (lx->lx_n >= LEX_TOKENS_MAX) {
			lex_error(lx, &lx->lx_tok[0], "statement is too long");
			lx->lx_n = 0;
			brace = depth = 0;
		}
		lex_token(lx, c);
		if (c == '{' && lx->lx_n != 0 && depth++ == 0)
			brace = lx->lx_n;
		else if (c == '}' && depth != 0 && --depth == 0)
			brace = 0;
	}
}

bool
lex_statement(struct lexer *lx)
{
	for (;;) {
		bool bad = lx->lx_bad;

		while (lx->lx_top != NULL &&
		    lx->lx_top->fr_off >= lx->lx_top->fr_len)
			lx->lx_top = lx->lx_top->fr_below;
		if (lx->lx_top == NULL)
			return false;
		pool_reset(lx->lx_tmp);
		lx->lx_tok = NULL;
		lx->lx_cap = 0;
		lx->lx_n = 0;
		lx->lx_bad = false;
		lex_line(lx);
		if (lx->lx_bad)
			lx->lx_n = 0;	/* told already: the line is dropped */
		lx->lx_bad |= bad;
		if (lx->lx_n >= 2)
			return true;
	}
}
