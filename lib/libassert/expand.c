/* SPDX-License-Identifier: ISC */
/*
 * Lists of a statement (see expand.h): an odometer, whose last place turns
 * fastest.
 */
#include <string.h>

#include "libassert/expand.h"

static bool
is_char(const struct tok *tk, char c)
{
	return tk->tk_type == TOK_CHAR && tk->tk_char == c;
}

static bool
is_word(const struct tok *tk)
{
	return tk->tk_type == TOK_WORD || tk->tk_type == TOK_STRING;
}

static bool
unexpected(struct lexer *lx, const struct tok *tk)
{
	lex_error(lx, tk, "'%s' means nothing here", tk->tk_text);
	return false;
}

/* From the open brace to behind its end, a list in it flat; NULL after telling. */
static const struct tok *
list(struct expand *ex, const struct tok *open)
{
	const struct tok *tk = open + 1;
	size_t n = 0, depth = 1;

	ex->ex_place[ex->ex_n].pl_tok = tk;
	for (; depth != 0; tk++) {
		if (is_char(tk, '{'))
			depth++;
		else if (is_char(tk, '}'))
			depth--;
		else if (tk->tk_type == TOK_END) {
			lex_error(ex->ex_lx, open, "'{' is never closed");
			return NULL;
		} else if (is_word(tk))
			n++;
		else if (!is_char(tk, ',')) {
			(void)unexpected(ex->ex_lx, tk);
			return NULL;
		}
	}
	if (n == 0) {
		lex_error(ex->ex_lx, open, "empty list");
		return NULL;
	}
	ex->ex_place[ex->ex_n].pl_n = n;
	return tk;
}

bool
expand_begin(struct expand *ex, struct lexer *lx, size_t max)
{
	const struct tok *tk = lx->lx_tok + 1;

	memset(ex, 0, sizeof(*ex));
	ex->ex_lx = lx;
	ex->ex_all = 1;
	while (tk->tk_type != TOK_END) {
		const struct tok *at = tk;

		if (ex->ex_n == EXPAND_PLACES_MAX) {
			lex_error(lx, tk, "too many words");
			return false;
		}
		if (is_char(tk, '{')) {
			if ((tk = list(ex, tk)) == NULL)
				return false;
		} else if (is_word(tk)) {
			ex->ex_place[ex->ex_n].pl_tok = tk++;
			ex->ex_place[ex->ex_n].pl_n = 1;
		} else {
			return unexpected(lx, tk);
		}
		ex->ex_all *= ex->ex_place[ex->ex_n++].pl_n;
		if (ex->ex_all > max) {
			lex_error(lx, at, "the lists of this line stand for more than %zu "
			    "packets", max);
			return false;
		}
	}
	return true;
}

static const struct tok *
nth(const struct tok *tk, size_t n)
{
	for (;; tk++) {
		if (!is_word(tk))
			continue;
		if (n-- == 0)
			return tk;
	}
}

void
expand_words(const struct expand *ex, char **words, const struct tok **toks)
{
	union { const char *in; char *out; } text;	/* who takes the words only reads */

	for (size_t i = 0; i < ex->ex_n; i++) {
		toks[i] = nth(ex->ex_place[i].pl_tok, ex->ex_place[i].pl_at);
		text.in = toks[i]->tk_text;
		words[i] = text.out;
	}
	words[ex->ex_n] = NULL;
	toks[ex->ex_n] = NULL;
}

bool
expand_next(struct expand *ex)
{
	for (size_t i = ex->ex_n; i-- > 0;) {
		if (++ex->ex_place[i].pl_at < ex->ex_place[i].pl_n)
			return true;
		ex->ex_place[i].pl_at = 0;
	}
	return false;
}
