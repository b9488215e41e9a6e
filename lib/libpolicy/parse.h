/* SPDX-License-Identifier: ISC */
/*
 * Inside of the grammar: what its files share.
 *
 * A statement is a row of clauses: a keyword and what belongs to it.  Each
 * kind of statement has a table of its clauses (struct clause); one driver
 * walks the tokens, refuses what comes twice, and offers the nearest
 * keyword for what it does not know.  Clauses fill a draft (lists as
 * written); when the line has been read without an error the draft is
 * expanded to rules.
 *
 * A clause returns false when it cannot tell where the next clause begins:
 * the rest of the statement is then skipped.  Errors that leave the place
 * certain are told and the statement goes on, so that one line can show
 * several; it is not expanded.
 */
#ifndef LIBPOLICY_PARSE_H
#define LIBPOLICY_PARSE_H

#include "libpolicy/lex.h"

enum {
	POLICY_RULES_MAX	= 1 << 18,	/* of each kind */
	POLICY_LIST_MAX		= 4096,		/* elements of one list */
};

struct host {
	struct prefix	 ho_prefix;
	bool		 ho_any;	/* of whichever family */
};

struct hosts {
	struct host		*hs_v;
	size_t			 hs_n;
	struct port_range	*hs_port;	/* hs_nport 0: any */
	size_t			 hs_nport;
	bool			 hs_list;	/* was written with braces */
};

/* from ... to ... */
struct pair {
	struct hosts	 pa_src;
	struct hosts	 pa_dst;
	struct tok	*pa_at;
};

struct keyspec {
	struct policy_key	 kp_key[2];	/* as written, and reversed */
	unsigned		 kp_n;
	const struct tok	*kp_at;
};

struct draft {
	const struct tok	*dr_at;		/* the statement's first token */
	uint64_t		 dr_seen;	/* bit per clause of the table */
	uint8_t			 dr_satype;
	enum policy_dir		 dr_dir;	/* 0: both */
	enum policy_mode	 dr_mode;	/* 0: not given */
	uint8_t			 dr_af;
	uint8_t			*dr_proto;	/* dr_nproto 0: any */
	size_t			 dr_nproto;
	struct pair		*dr_pair;
	size_t			 dr_npair;
	struct addr		 dr_local;
	struct prefix		 dr_peer;	/* ad_af 0: not given, or any */
	bool			 dr_peer_given;
	const struct tok	*dr_peer_at;
	struct policy_id	 dr_srcid;	/* texts in the pool */
	struct policy_id	 dr_dstid;
	enum policy_flow_type	 dr_type;
	bool			 dr_type_given;
	/* manual SA */
	bool			 dr_manual;
	bool			 dr_auth_given;	/* psk, rsa, ... */
	uint32_t		 dr_spi[2];
	unsigned		 dr_nspi;
	const struct tok	*dr_spi_at;
	const struct alg	*dr_enc;
	const struct alg	*dr_auth;
	const struct tok	*dr_enc_at;
	const struct tok	*dr_auth_at;
	struct keyspec		 dr_enckey;
	struct keyspec		 dr_authkey;
	/* ikev2 */
	const char		*dr_name;
	struct policy_ike	 dr_ike;	/* flags, lifetimes, selectors */
	struct keyspec		 dr_psk;
	/* last, for they are large: set when they are counted */
	struct policy_proposal	 dr_ikesa[POLICY_PROPOSALS_MAX];
	struct policy_proposal	 dr_childsa[POLICY_PROPOSALS_MAX];
};

struct parse {
	struct policy		*ps_pol;
	const struct policy_env	*ps_env;
	struct lexer		 ps_lx;
	struct pool		 ps_pool;	/* of the statement */
	struct tok		*ps_t;		/* the next token */
	struct draft		 ps_d;
	bool			 ps_bad;	/* of this statement */
};

struct clause {
	const char	*cl_word;
	bool		 (*cl_fn)(struct parse *ps, const struct tok *word);
	unsigned	 cl_flags;
};

#define CLAUSE_MANY	1	/* may come more than once */
#define CLAUSE_REFUSED	2	/* read whole, and refused by name */

/* All clauses up to the end of the statement. */
bool	parse_clauses(struct parse *ps, const struct clause *table);

/* ---- tokens of the statement ---- */

bool	parse_error(struct parse *ps, const struct tok *at,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool	tok_is(const struct tok *tk, const char *word);
bool	tok_is_char(const struct tok *tk, char c);
/* The next token if it is that word or character; else it stays. */
bool	parse_word(struct parse *ps, const char *word);
bool	parse_char(struct parse *ps, char c);
/* The next token if it is a word or a string; else an error: "what expected". */
struct tok	*parse_text(struct parse *ps, const char *what);
/*
 * One element, or a list of them in braces, commas optional.  fn takes the
 * element's token; its errors do not end the list.
 */
bool	parse_list(struct parse *ps, const char *what,
	    bool (*fn)(struct parse *ps, struct tok *tk, void *arg), void *arg);
/* Grows an array of the pool by one and returns the place. */
void	*parse_grow(struct parse *ps, void *v, size_t n, size_t size);

/* ---- shared clauses (parse_host.c, parse_value.c) ---- */

bool	clause_from(struct parse *ps, const struct tok *word);
bool	clause_proto(struct parse *ps, const struct tok *word);
bool	clause_local(struct parse *ps, const struct tok *word);
bool	clause_peer(struct parse *ps, const struct tok *word);
bool	clause_srcid(struct parse *ps, const struct tok *word);
bool	clause_dstid(struct parse *ps, const struct tok *word);
bool	clause_tunnel(struct parse *ps, const struct tok *word);
bool	clause_transport(struct parse *ps, const struct tok *word);
/* Refuses an end of an SA that this version cannot use. */
void	check_end(struct parse *ps, const struct tok *tk,
	    const struct addr *a);
/* Refuses local and peer of different families. */
void	check_families(struct parse *ps);
/* Refuses ports without a protocol. */
bool	check_ports(struct parse *ps, const struct pair *pa);
/* Refuses by name what is known but not built; true: the place is certain. */
bool	refuse(struct parse *ps, const struct tok *tk);
/* Values that are only looked at: none, a word or string, a number. */
bool	clause_nothing(struct parse *ps, const struct tok *word);
bool	clause_text(struct parse *ps, const struct tok *word);
bool	clause_rdomain(struct parse *ps, const struct tok *word);
bool	clause_ifname(struct parse *ps, const struct tok *word);
/* One of the words; told with the nearest if it is not. */
bool	parse_one_of(struct parse *ps, const char *what,
	    const char *const *words);
/* rsa, ecdsa256, ...: once in a rule, psk included. */
bool	clause_auth_method(struct parse *ps, const struct tok *word);

/*
 * Each selector of from ... to ..., whose hosts, families, ports and protocols may
 * be lists, until fn says false; an error if there is none.
 */
bool	pair_each(struct parse *ps, const struct pair *pa,
	    bool (*fn)(struct parse *ps, const struct policy_selector *sel));

bool	parse_number(const char *text, uint64_t max, uint64_t *out);
bool	parse_seconds(struct parse *ps, const struct tok *tk, uint32_t *out);
bool	parse_bytes(struct parse *ps, const struct tok *tk, uint64_t *out);
bool	parse_proto_name(const char *text, uint8_t *proto);
const char	*proto_name(uint8_t proto);	/* NULL: a number only */
/* A key of manual SAs (hex, or file "name", or sealed) or a PSK (text too). */
bool	parse_keyspec(struct parse *ps, bool psk, struct keyspec *out);

/* ---- statements ---- */

bool	statement_flow(struct parse *ps);	/* parse_flow.c */
bool	statement_esp(struct parse *ps);	/* parse_sa.c */
bool	statement_ah(struct parse *ps);
bool	statement_ipcomp(struct parse *ps);
bool	statement_ipip(struct parse *ps);
bool	statement_tcpmd5(struct parse *ps);
bool	statement_ike(struct parse *ps);	/* parse_ike1.c */
bool	statement_ikev2(struct parse *ps);	/* parse_ike.c */
bool	statement_set(struct parse *ps);	/* parse_set.c */
bool	statement_user(struct parse *ps);

/* ---- algorithms (parse_alg.c) ---- */

struct alg;
/*
 * The row of a word for use with SAs (ike false) or IKE SAs; NULL after
 * telling that it is unknown, weak or not there, and what to use instead.
 * If the word is `weak`, the next one is the algorithm, and *tk is moved.
 */
const struct alg	*parse_alg(struct parse *ps, struct tok **tk,
			    unsigned kind, bool ike);
/* The next word must be an algorithm's name, of whatever strength. */
bool	parse_alg_name(struct parse *ps, unsigned kind);
bool	clause_ikesa(struct parse *ps, const struct tok *word);
bool	clause_childsa(struct parse *ps, const struct tok *word);

/* ---- the policy's arrays (policy.c); texts are copied ---- */

/* Memory that lasts as long as the policy, and is wiped with it; or NULL. */
void	*policy_alloc(struct policy *pol, size_t n);
char	*policy_text(struct policy *pol, const char *text);

bool	policy_add_flow(struct policy *pol, const struct policy_flow *fl);
bool	policy_add_sa(struct policy *pol, const struct policy_sa *sa);
bool	policy_add_ike(struct policy *pol, const struct policy_ike *ik);
struct policy_place	parse_place(struct parse *ps);
void	policy_key_copy(struct policy_key *to, const struct policy_key *from);
void	policy_key_wipe(struct policy_key *key);
/* What rules without proposals have; they share it (proposal.c). */
enum { POLICY_DEFAULTS = 2 };
struct policy_defaults {
	struct policy_proposal	de_ikesa[POLICY_DEFAULTS];
	struct policy_proposal	de_childsa[POLICY_DEFAULTS];
};

void	policy_defaults_init(struct policy_defaults *de);
/* Fills in what the rule leaves out; de belongs to its policy. */
void	policy_proposals_complete(struct policy_ike *ik,
	    struct policy_defaults *de);

#endif
