/* SPDX-License-Identifier: ISC */
/*
 * Rules, tables and their evaluation.  pf_test() is pure: it reads a ruleset
 * and a described packet and says what would happen, so that the packet
 * path, pfctl and explain all ask the same code.
 *
 * Rules are made by lib/libpf from pf.conf(5), sent by pfctl(8) in one
 * transaction, checked here again, and published whole.
 */
#ifndef PF_PFVAR_H
#define PF_PFVAR_H

#include "kern/nk.h"
#include "net/if.h"
#include "libpf/pfrule.h"

struct pf_ruleset;

enum pf_dir { PF_IN = 1, PF_OUT = 2 };

/* A packet as rules see it. */
struct pf_pdesc {
	enum pf_dir		 pd_dir;
	const struct ifnet	*pd_ifp;	/* enc0 for what is about to be sealed or was opened */
	struct flow_key		 pd_key;
	uint8_t			 pd_tcpflags;
	uint8_t			 pd_icmp_type, pd_icmp_code;
	uint8_t			 pd_tos;
	uint16_t		 pd_len;	/* network packet */
	uint16_t		 pd_tag;
	uint32_t		 pd_rand;	/* for probability */
};

struct pf_verdict {
	bool		pv_pass;
	uint8_t		pv_log;		/* PF_LOG_* */
	bool		pv_state;	/* keep state (default for pass) */
	uint8_t		pv_return;	/* enum pf_return: what a block answers */
	uint8_t		pv_ret_code;	/* ICMP code */
	uint8_t		pv_ret_ttl;
	uint16_t	pv_tag;		/* tag after the rules */
	uint32_t	pv_rule;	/* number + 1 of the deciding rule; 0: default */
};

int	pf_init(struct nk *);
void	pf_fini(struct nk *);
/* nk_lock held (or on a ruleset that the caller holds). Counts nothing. */
void	pf_test(const struct pf_ruleset *, const struct pf_pdesc *, struct pf_verdict *);
/* As pf_test(), and counts the evaluations of the active ruleset. nk_lock held. */
void	pf_ask(struct nk *, const struct pf_pdesc *, struct pf_verdict *);
/* The ruleset in force, never NULL: without one loaded, an empty one, which passes all. */
const struct pf_ruleset *pf_active(struct nk *);
/* Adds packets to the counters of the rule of a verdict. nk_lock held. */
void	pf_count(struct nk *, enum pf_dir, const struct pf_verdict *, uint64_t packets,
    uint64_t bytes);
/* Are rules asked on the interface: pf enabled, and not `set skip'? */
bool	pf_filters(const struct nk *, const struct ifnet *);

/* A flow has come (1) or gone (-1): its rules' counters. nk_lock held. */
struct flow;
void	pf_state_account(struct nk *, const struct flow *, int change);
/* May be read without nk_lock: each field is old or new. */
const struct pf_options *pf_options(const struct nk *);
/* Does any rule look at pd_rand? nk_lock held. */
bool	pf_rolls_dice(const struct nk *);
uint32_t pf_serial(const struct nk *);		/* of the ruleset in force */

/* Name of a tag, "" for 0 or a number never given. */
const char *pf_tag_name(const struct nk *, uint16_t tag);

/* Answers for a blocked packet; the packet stays the caller's. */
void	pf_answer(struct worker *, const struct pkt *, const struct pf_verdict *);

/* ---- rulesets (ruleset.c, test.c) ---- */

struct pf_table;

struct pf_tags {		/* names <-> numbers, for as long as the nk lives */
	char		(*pt_name)[PF_TAG_MAX];
	uint16_t	 pt_n, pt_cap;
};

/* Its number, given if new; 0: "" or no memory. */
uint16_t	 pf_tag_number(struct pf_tags *, const char *name);

struct pf_set {			/* what a transaction has gathered, and what a ruleset is made of */
	struct pf_rule	*ps_rule;
	size_t		 ps_nrules, ps_rulecap;
	struct pf_table	**ps_table;
	size_t		 ps_ntables, ps_tablecap;
	char		 ps_skip[PF_SKIP_MAX][PF_IFNAME_MAX];
	size_t		 ps_nskip;
	struct pf_options ps_options;
};

void		 pf_set_init(struct pf_set *);
void		 pf_set_free(struct pf_set *);
/* 0, EINVAL with the reason in err, ENOMEM, ENOSPC (PF_RULES_MAX). Checks every field. */
int		 pf_set_rule(struct pf_set *, const struct pf_rule *, const char **err);
struct pf_table	*pf_set_table(const struct pf_set *, const char *name);
/* The table, made if new; NULL: no memory, or PF_TABLES_MAX. */
struct pf_table	*pf_set_table_make(struct pf_set *, const char *name, uint32_t flags);

/* Why a rule cannot be believed; NULL if it can. */
const char	*pf_rule_check(const struct pf_rule *);
const char	*pf_options_check(const struct pf_options *);
/* Terminated, zero behind, made of characters that names have. */
bool		 pf_name_ok(const char *name, size_t size);

/*
 * Compiles the set, which it takes over.  Tables that rules name and that
 * are not there are made, empty.  ifs may be NULL (then self and (em0)
 * match nothing); NULL: no memory.
 */
struct pf_ruleset *pf_ruleset_new(struct pf_set *, struct pf_tags *, const struct if_table *ifs);
void		 pf_ruleset_free(struct pf_ruleset *);

/* ---- tables (table.c) ---- */

/* The entry is checked: family, length, host bits. */
bool		 pf_entry_ok(const struct pf_table_entry *);
struct pf_table	*pf_table_new(const char *name, uint32_t flags);
void		 pf_table_free(struct pf_table *);
/* Adds what is not there, changes what is; *n: how many were new. 0, ENOMEM, ENOSPC. */
int		 pf_table_add(struct pf_table *, const struct pf_table_entry *, size_t, size_t *n);
size_t		 pf_table_delete(struct pf_table *, const struct pf_table_entry *, size_t);
void		 pf_table_clear(struct pf_table *);
/* Must follow changes before the next match. 0 or ENOMEM (then the table is as before the changes for matches). */
int		 pf_table_compile(struct pf_table *);
/* By the longest prefix that covers the address; constant time. */
bool		 pf_table_match4(const struct pf_table *, uint32_t addr_host_order);
const char	*pf_table_name(const struct pf_table *);
uint32_t	 pf_table_flags(const struct pf_table *);
size_t		 pf_table_entries(const struct pf_table *, const struct pf_table_entry **);

#endif
