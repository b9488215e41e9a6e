/* SPDX-License-Identifier: ISC */
/*
 * Statements that set a macro, the same in each language: name = value.
 */
#include <string.h>

#include "libpolicy/lex.h"

enum { MACRO_MAX = 1 << 18 };	/* bytes of a value */

static bool
macro_name_ok(const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name != '_' && (*name < '0' || (*name > '9' &&
		    *name < 'A') || (*name > 'Z' && *name < 'a') ||
		    *name > 'z'))
			return false;
	}
	return true;
}

/* The value's tokens, joined by blanks. */
void
lex_macro_statement(struct lexer *lx)
{
	const struct tok *name = lx->lx_tok, *from = name + 2;
	size_t n = 0, at = 0;
	char *value;

	if (!macro_name_ok(name->tk_text)) {
		lex_error(lx, name, "'%s' cannot be a macro's name",
		    name->tk_text);
		return;
	}
	if (from->tk_type == TOK_END) {
		lex_error(lx, from, "value of macro '%s' expected, but the "
		    "line ends", name->tk_text);
		return;
	}
	for (const struct tok *tk = from; tk->tk_type != TOK_END; tk++)
		n += tk->tk_len + 1;
	if (n > MACRO_MAX) {
		lex_error(lx, name, "the macro's value has more than %d bytes",
		    MACRO_MAX);
		return;
	}
	value = pool_alloc(lx->lx_tmp, n + 1);
	for (const struct tok *tk = from; tk->tk_type != TOK_END; tk++) {
		if (at != 0)
			value[at++] = ' ';
		memcpy(value + at, tk->tk_text, tk->tk_len);
		at += tk->tk_len;
	}
	lex_macro_set(lx, name->tk_text, value, false);
}
