/* SPDX-License-Identifier: ISC */
/*
 * Text to statements: macros, includes, continuation, comments and quotes
 * are dealt with here, so that the grammar sees one statement at a time as
 * an array of tokens.
 *
 * A statement ends with its line.  A backslash before the newline continues
 * it, and so does an open brace; but a line that begins with a keyword of
 * lex_statements[] ends an open brace, so that one forgotten brace costs
 * one error and not the rest of the file.
 *
 * What a parse allocates lives in two pools, one until the end of the parse
 * and one until the end of the statement, and is wiped then: texts hold
 * secrets.
 */
#ifndef LIBPOLICY_LEX_H
#define LIBPOLICY_LEX_H

#include "libpolicy/policy.h"

/* ---- memory of one parse ---- */

struct pool_chunk;
struct pool {
	struct pool_chunk	*po_head;
};

/* Zeroed; never NULL (a parse that has no memory ends its process loudly). */
void	*pool_alloc(struct pool *po, size_t n);
char	*pool_copy(struct pool *po, const char *p, size_t n);
void	 pool_free(struct pool *po);

/* ---- tokens ---- */

enum tok_type {
	TOK_END,	/* behind the last of a statement */
	TOK_WORD,	/* addresses, numbers, keywords, names */
	TOK_STRING,	/* was quoted */
	TOK_CHAR,	/* one of { } ( ) = , */
};

struct tok {
	enum tok_type	 tk_type;
	char		 tk_char;
	const char	*tk_text;	/* terminated, never NULL */
	size_t		 tk_len;
	/* where: of a token from a macro, where the macro stands */
	const char	*tk_file;
	const char	*tk_body;	/* the whole text it stands in */
	size_t		 tk_bodylen;
	size_t		 tk_off;	/* into the text */
	size_t		 tk_srclen;	/* bytes there, quotes included; 0 from a macro */
	unsigned	 tk_line;
	unsigned	 tk_col;
};

struct lexer_frame;
struct lexer_macro;

struct lexer {
	struct pool		*lx_pool;	/* texts and macros */
	struct pool		*lx_tmp;	/* tokens of the statement */
	struct policy_errors	*lx_errs;
	const struct policy_env	*lx_env;
	struct lexer_frame	*lx_top;
	struct lexer_macro	*lx_macros;
	struct tok		*lx_tok;	/* the statement */
	size_t			 lx_n;
	size_t			 lx_cap;
	unsigned		 lx_files;	/* opened so far, for the cap */
	unsigned		 lx_expansions;
	bool			 lx_bad;	/* an error was reported */
};

/* Begins with one text. */
void	lex_open(struct lexer *lx, const struct policy_text *text);
/* Continues inside an included file; false after telling why not. */
bool	lex_include(struct lexer *lx, const struct tok *name);
/* Sets a macro; the value is lexed where it is used. */
void	lex_macro_set(struct lexer *lx, const char *name, const char *value,
	    bool fixed);
/* The statement is `name = value`: sets it, or tells why not. */
void	lex_macro_statement(struct lexer *lx);
/*
 * The next statement into lx_tok[0..lx_n), which ends in TOK_END; tokens of
 * the last one, and all else in lx_tmp, are gone.  False at
 * the end of all texts.  lx_n is at least 2: empty lines are passed over.
 */
bool	lex_statement(struct lexer *lx);

/* A complaint at a token. */
void	lex_error(struct lexer *lx, const struct tok *tk, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* ---- errors (error.c) ---- */

/* The word of the NULL-terminated list nearest to word, or NULL. */
const char	*nearest_word(const char *word, const char *const *list);
void		 policy_errors_add(struct policy_errors *e,
		    const struct tok *at, const char *msg);

#endif
