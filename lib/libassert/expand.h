/* SPDX-License-Identifier: ISC */
/*
 * A statement with lists in braces, as each of the statements that it
 * stands for.
 */
#ifndef LIBASSERT_EXPAND_H
#define LIBASSERT_EXPAND_H

#include "libpolicy/lex.h"

enum { EXPAND_PLACES_MAX = 64 };	/* words and lists of a statement */

struct expand {
	struct lexer	*ex_lx;
	struct {
		const struct tok	*pl_tok;	/* its words; commas are passed over */
		size_t			 pl_n;		/* words */
		size_t			 pl_at;		/* the one that is taken now */
	}		 ex_place[EXPAND_PLACES_MAX];
	size_t		 ex_n;
	size_t		 ex_all;	/* combinations */
};

/* From the statement's second token on. False after lex_error(). */
bool	expand_begin(struct expand *ex, struct lexer *lx, size_t max);
/*
 * The words of the present combination, NULL behind the last, and the token
 * that each comes from; room for EXPAND_PLACES_MAX + 1.
 */
void	expand_words(const struct expand *ex, char **words, const struct tok **toks);
/* On to the next combination; false: there is none. */
bool	expand_next(struct expand *ex);

#endif
