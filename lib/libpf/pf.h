/* SPDX-License-Identifier: ISC */
/*
 * pf.conf(5): from text to rules, and back.
 *
 * A parse takes the text and yields either a whole configuration or
 * complaints, up to PF_ERRORS_MAX of them, each as
 *
 *	file:line:column: message
 *	the source line
 *	    ^
 *
 * Lists and macros are expanded: a rule of pf.conf may become many.  What
 * the grammar knows and netkern cannot do yet is refused by name.
 * Printing yields text that parses to the same rules again.
 */
#ifndef LIBPF_PF_H
#define LIBPF_PF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "libpf/pfrule.h"

#define PF_ERRORS_MAX	20

struct pf_table_def {
	char			 td_name[PF_TABLE_MAX];
	uint32_t		 td_flags;	/* PF_TABLE_* */
	struct pf_table_entry	*td_entry;
	size_t			 td_n, td_cap;
};

struct pf_conf {
	struct pf_rule		*pc_rule;
	size_t			 pc_nrules, pc_rulecap;
	struct pf_table_def	*pc_table;
	size_t			 pc_ntables, pc_tablecap;
	char			 pc_skip[PF_SKIP_MAX][PF_IFNAME_MAX];
	size_t			 pc_nskip;
	struct pf_options	 pc_options;
	bool			 pc_options_set;	/* a set timeout or set limit stood there */
	uint8_t			 pc_block_return;	/* set block-policy */
	char			*pc_errors;		/* text; NULL: none */
	unsigned		 pc_nerrors;
};

struct pf_env {
	/*
	 * Reads a file named by `include' or `table file' to memory from
	 * malloc(); false with a reason in err.  NULL: files are refused.
	 */
	bool		(*pe_load)(void *arg, const char *path, char **text, size_t *len,
			    char *err, size_t errlen);
	void		*pe_arg;
	const char *const *pe_defines;	/* "macro=value", NULL ends; may be NULL */
};

/* False: pc_errors says why, and there are no rules. Free in either case. */
bool	 pf_parse(struct pf_conf *, const char *file, const char *text, size_t len,
    const struct pf_env *);
void	 pf_conf_free(struct pf_conf *);

#define PF_RULE_STRLEN	1024
/* One line without newline. */
char	*pf_rule_print(const struct pf_rule *, char buf[PF_RULE_STRLEN]);
/* "10.0.0.0/8", "! 10.0.0.1" */
char	*pf_entry_print(const struct pf_table_entry *, char buf[PREFIX_STRLEN + 2]);
/* All of it in normal form, which parses to the same. */
void	 pf_conf_print(const struct pf_conf *, FILE *);
/* Its rules, a line each; and the same of a record of CTL_PF_RULES (out is a FILE). */
void	 pf_rules_print(const struct pf_conf *, FILE *);
void	 pf_rule_info_print(void *out, const void *record, size_t len);
/* "table <t> persist"; without the addresses */
char	*pf_table_print(const char *name, uint32_t flags, char buf[PF_TABLE_MAX + 64]);
/* An address or prefix, with "!" in front if negated; false: neither. */
bool	 pf_entry_parse(const char *text, struct pf_table_entry *);
/* NULL beyond the last. */
const char *pf_timeout_name(unsigned);

#endif
