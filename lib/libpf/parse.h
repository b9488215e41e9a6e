/* SPDX-License-Identifier: ISC */
/*
 * Inside the pf.conf parser: tokens, lists of one rule before they are
 * expanded, complaints.
 */
#ifndef LIBPF_PARSE_H
#define LIBPF_PARSE_H

#include "libpf/pf.h"

#define PF_FILES_MAX	32
#define PF_DEPTH_MAX	8	/* macros in macros, files in files */
#define PF_LIST_MAX	512	/* items of one list */
#define PF_EXPAND_MAX	65536	/* rules out of one */
#define PF_TOKENS_MAX	(PF_ENTRIES_MAX + 65536)	/* in one statement, macros expanded */

enum tok_type { TOK_END, TOK_WORD, TOK_STRING, TOK_PUNCT };

struct source {			/* a text, and where in it we are */
	char		*so_name;
	char		*so_text;	/* owned, terminated */
	size_t		 so_len, so_at;
	unsigned	 so_line;
	size_t		 so_linestart;
};

struct tok {
	enum tok_type	 tk_type;
	char		*tk_text;	/* owned by the statement; punctuation as written */
	const struct source *tk_src;
	size_t		 tk_linestart;	/* offset of its line */
	unsigned	 tk_line, tk_col;
};

struct macro {
	char		*ma_name, *ma_value;
	bool		 ma_fixed;	/* from the command line */
	struct macro	*ma_next;
};

struct parser {
	struct pf_conf		*pr_conf;
	const struct pf_env	*pr_env;
	struct source		*pr_file[PF_FILES_MAX];	/* all, for complaints */
	unsigned		 pr_nfiles;
	struct source		*pr_stack[PF_DEPTH_MAX];
	unsigned		 pr_depth;
	struct macro		*pr_macros;
	struct tok		*pr_tok;		/* the statement */
	size_t			 pr_ntok, pr_tokcap;
	size_t			 pr_at;			/* the next token */
	size_t			 pr_open;		/* the last opening brace */
	int			 pr_braces;		/* open */
	bool			 pr_failed;		/* the statement has been complained of */
};

/* ---- lex.c ---- */

/* The next statement; false at the end of everything. */
bool		 pfc_lex_statement(struct parser *);
bool		 pfc_lex_open(struct parser *, const struct tok *at, const char *path);
bool		 pfc_lex_open_text(struct parser *, const char *name, const char *text, size_t len);
void		 pfc_lex_free(struct parser *);
bool		 pfc_macro_set(struct parser *, const char *name, const char *value, bool fixed);
const struct tok *pfc_peek(const struct parser *);
const struct tok *pfc_peek_at(const struct parser *, size_t ahead);
const struct tok *pfc_next_tok(struct parser *);
bool		 pfc_tok_is(const struct tok *, const char *);
/* Passes the token if it is the one. */
bool		 pfc_take(struct parser *, const char *);
bool		 pfc_expect(struct parser *, const char *);

/* ---- error.c ---- */

void		 pfc_complain(struct parser *, const struct tok *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "what: `word'", and the nearest of the words (ended by NULL) if one is near. */
void		 pfc_complain_word(struct parser *, const struct tok *at, const char *what,
    const char *const *words);

/* ---- values: parse_value.c ---- */

struct item_if { char ii_name[PF_IFNAME_MAX]; uint8_t ii_neg; };
struct item_icmp { uint16_t ic_type, ic_code; };	/* + 1; 0: any */
struct item_port { uint8_t ip_op; uint16_t ip_port[2]; };

struct lists {
	const struct tok	*li_at;		/* the rule, for complaints after parsing */
	struct pf_rule		 li_rule;	/* what is not a list */
	struct item_if		 li_if[PF_LIST_MAX];
	uint8_t			 li_proto[PF_LIST_MAX];
	struct item_icmp	 li_icmp[PF_LIST_MAX];
	struct pf_addr_match	 li_host[2][PF_LIST_MAX];
	struct item_port	 li_port[2][PF_LIST_MAX];
	size_t			 li_nif, li_nproto, li_nicmp, li_nhost[2], li_nport[2];
	const struct tok	*li_ports_at, *li_icmp_at, *li_flags_at;
	bool			 li_flags, li_nostate, li_keep;
};

/* All return false after a complaint. */
bool		 pfc_parse_number(struct parser *, const struct tok *, unsigned long max,
    unsigned long *out);
bool		 pfc_parse_interfaces(struct parser *, struct lists *);
bool		 pfc_parse_protocols(struct parser *, struct lists *);
bool		 pfc_parse_icmp_types(struct parser *, struct lists *);
bool		 pfc_parse_hosts(struct parser *, struct lists *, unsigned side);
bool		 pfc_parse_ports(struct parser *, struct lists *, unsigned side);
bool		 pfc_parse_name(struct parser *, const struct tok *, const char *what, char *out,
    size_t size);
/* Items of { a, b c } or one, each by fn. */
bool		 pfc_parse_list(struct parser *, bool (*fn)(struct parser *, void *), void *arg);
bool		 pfc_parse_table_name(struct parser *, char out[PF_TABLE_MAX]);

/* ---- parse_rule.c, expand.c ---- */

bool		 pfc_parse_rule(struct parser *);
bool		 pfc_expand_rule(struct parser *, const struct lists *);
/* If the word is one of pf.conf's that are not built: complains by name, true. */
bool		 pfc_refused(struct parser *, const struct tok *);

/* ---- parse.c ---- */

void		*pfc_grow(void *p, size_t n, size_t *cap, size_t size);

#endif
