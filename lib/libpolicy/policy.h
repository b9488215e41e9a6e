/* SPDX-License-Identifier: ISC */
/*
 * The policy of a router, as ipsec.conf(5) and iked.conf(5) describe it and
 * as the store of revisions keeps it: flows, manual SAs, IKE rules and
 * `set` lines.
 *
 * Life cycle: policy_init(); policy_parse() any number of times (each adds
 * one text), or policy_store_load() (store.h); policy_finish() gives every
 * rule its name and reqid and checks what only the whole can show;
 * policy_free() wipes the secrets.  A finished policy is not changed again
 * and may be read by many.
 *
 * Lists, macros, `any` and the direction that was left out have been
 * expanded: a struct policy holds one element per combination.  Addresses
 * are in network byte order (libutil/addr.h), ports, SPIs and numbers in
 * host byte order.  Strings are never NULL unless the field says so, and
 * belong to the policy.  Algorithms are numbers of the IKEv2 registries
 * (RFC 7296 section 3.3.2); libalg/alg.h has their names, sizes and PF_KEY
 * numbers.
 */
#ifndef LIBPOLICY_POLICY_H
#define LIBPOLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libutil/addr.h"

enum {
	POLICY_TRANSFORMS_MAX	= 24,	/* in one proposal */
	POLICY_PROPOSALS_MAX	= 8,	/* of one rule, ikesa and childsa each */
	POLICY_SELECTORS_MAX	= 1024,	/* from/to pairs of one rule */
	POLICY_KEY_MAX		= 256,	/* bytes of a PSK or a manual key */
	POLICY_PSK_MIN		= 16,	/* bytes; shorter ones are refused */
	POLICY_NAME_MAX		= 63,	/* characters of a rule's name or tag */
	POLICY_ERRORS_MAX	= 20,	/* reported at once */
};

enum policy_flow_type {
	POLICY_USE,		/* protect if an SA is there; clear text passes */
	POLICY_ACQUIRE,		/* as use, but asks for an SA */
	POLICY_REQUIRE,		/* protect, ask for an SA, nothing in clear */
	POLICY_DONTACQ,		/* as require, but asks nobody */
	POLICY_BYPASS,		/* never protected */
	POLICY_DENY,		/* dropped */
};

enum policy_dir {
	POLICY_IN	= 1,	/* IPSEC_DIR_INBOUND of the key socket */
	POLICY_OUT	= 2,	/* IPSEC_DIR_OUTBOUND */
};

enum policy_mode {
	POLICY_TRANSPORT	= 1,	/* IPSEC_MODE_TRANSPORT */
	POLICY_TUNNEL		= 2,	/* IPSEC_MODE_TUNNEL */
};

/* Traffic, as the sender writes it: src is the address that sends. */
struct policy_selector {
	struct prefix		ps_src;		/* both of one family */
	struct prefix		ps_dst;
	struct port_range	ps_sport;	/* 0..65535 any */
	struct port_range	ps_dport;
	uint8_t			ps_proto;	/* IPPROTO_*, 0 any */
	uint8_t			ps_pad[7];	/* zero */
};

/*
 * A secret: the bytes, or only its number in the store's table of secrets,
 * or both.  pk_id 0: not in a store.  pk_len 0: bytes not known here.
 */
struct policy_key {
	uint64_t	 pk_id;
	size_t		 pk_len;
	uint8_t		*pk_bytes;		/* wiped by policy_free() */
};

/* An identity (RFC 7296 section 3.5); text as written in the file. */
struct policy_id {
	uint8_t		 pi_type;		/* POLICY_ID_*: the IKEv2 ID type; 0 not given */
	char		*pi_text;		/* NULL if not given */
};

enum {
	POLICY_ID_NONE		= 0,
	POLICY_ID_IPV4		= 1,
	POLICY_ID_FQDN		= 2,
	POLICY_ID_UFQDN		= 3,
	POLICY_ID_IPV6		= 5,
	POLICY_ID_ASN1_DN	= 9,		/* "/C=DE/CN=gw" */
};

/* One transform of a proposal (RFC 7296 section 3.3.2). */
struct policy_transform {
	uint8_t		pt_type;		/* POLICY_T_* */
	uint16_t	pt_id;			/* number in that type's registry */
	uint16_t	pt_bits;		/* key length attribute; 0 none */
};

enum {
	POLICY_T_ENCR	= 1,
	POLICY_T_PRF	= 2,
	POLICY_T_INTEG	= 3,
	POLICY_T_KE	= 4,
	POLICY_T_ESN	= 5,		/* pt_id 0: 32-bit numbers, 1: 64-bit */
};

/*
 * A proposal: transforms in the order of preference, grouped by type as
 * written.  An ikesa proposal with a combined-mode cipher holds no INTEG; a
 * childsa proposal holds KE only if PFS is asked for.  What the rule leaves
 * out has been filled in by policy_finish(), so that a proposal is complete.
 */
struct policy_proposal {
	struct policy_transform	pp_t[POLICY_TRANSFORMS_MAX];
	unsigned		pp_n;
};

/* Where a rule stood, for complaints that only the whole can show. */
struct policy_place {
	uint32_t	po_file;	/* index into pol_files */
	uint32_t	po_line;	/* 0: not from a text */
	uint32_t	po_col;
};

/* One entry of the SPD: a `flow` rule, or what an IKE rule implies. */
struct policy_flow {
	enum policy_flow_type	 fl_type;
	enum policy_dir		 fl_dir;
	uint8_t			 fl_satype;	/* IPPROTO_ESP; AH, IPCOMP, IPV4 when they land */
	enum policy_mode	 fl_mode;	/* of protect types */
	struct policy_selector	 fl_sel;	/* as the packet carries it */
	struct addr		 fl_local;	/* ad_af 0: not given */
	struct addr		 fl_peer;	/* ad_af 0: none or any */
	struct policy_id	 fl_srcid;
	struct policy_id	 fl_dstid;
	uint32_t		 fl_reqid;	/* 0: any SA between the ends */
	const char		*fl_name;	/* IKE rule that implies it, borrowed; or NULL */
	struct policy_place	 fl_at;
};

/* One manual SA, one way. */
struct policy_sa {
	uint8_t			 sa_satype;	/* IPPROTO_ESP for now */
	enum policy_mode	 sa_mode;
	uint32_t		 sa_spi;	/* 256 and up */
	struct addr		 sa_src;
	struct addr		 sa_dst;
	struct policy_transform	 sa_enc;
	struct policy_transform	 sa_auth;	/* pt_id 0: none (combined mode) */
	struct policy_key	 sa_enckey;	/* pk_len 0 with the null cipher */
	struct policy_key	 sa_authkey;
	struct policy_place	 sa_at;
};

enum policy_auth {
	POLICY_AUTH_PSK = 1,		/* signatures are refused by name until they land */
};

/* One `ikev2` rule: one IKE SA with one child SA that carries all pairs. */
struct policy_ike {
	char			*ik_name;	/* unique in the policy after policy_finish() */
	bool			 ik_named;	/* in the file, not by policy_finish() */
	bool			 ik_active;	/* starts by itself; else answers, and on traffic */
	bool			 ik_default;	/* the rule for peers that no other rule names */
	bool			 ik_quick;	/* the first match wins */
	bool			 ik_encap;	/* ESP in UDP, with or without a NAT on the way */
	enum policy_mode	 ik_mode;
	uint8_t			 ik_af;		/* AF_INET, AF_INET6, 0 any: as written */
	struct policy_selector	*ik_sel;	/* src is our side, dst the peer's */
	size_t			 ik_nsel;
	struct addr		 ik_local;	/* ad_af 0: any address of ours */
	struct prefix		 ik_peer;	/* ad_af 0: any; full length: one host */
	struct policy_proposal	*ik_ikesa;
	unsigned		 ik_nikesa;	/* at least 1 after policy_finish() */
	bool			 ik_ikesa_given;	/* else the defaults */
	struct policy_proposal	*ik_childsa;
	unsigned		 ik_nchildsa;	/* at least 1 after policy_finish() */
	bool			 ik_childsa_given;
	struct policy_id	 ik_srcid;	/* not given: our address */
	struct policy_id	 ik_dstid;	/* not given: any identity with the right key */
	uint32_t		 ik_ikelifetime;	/* seconds; 0 never rekeyed */
	uint32_t		 ik_lifetime;	/* seconds of the child; 0 no limit */
	uint64_t		 ik_lifebytes;	/* 0 no limit */
	enum policy_auth	 ik_auth;
	struct policy_key	 ik_psk;
	char			*ik_tag;	/* NULL none */
	uint32_t		 ik_reqid;	/* of the flows and of the child SAs; never 0 */
	struct policy_place	 ik_at;
};

/* The `set` lines; each has its default before the first. */
struct policy_set {
	bool		set_active;	/* true; false: iked starts nothing */
	bool		set_coupled;	/* true; false: no SAs and flows */
	bool		set_fragmentation;	/* RFC 7383; default true */
	bool		set_pathmtu;		/* sizes are tried; default true */
	bool		set_mobike;		/* default false until it lands */
	bool		set_enforcesingleikesa;	/* default false */
	bool		set_vendorid;		/* default false until it lands */
	uint16_t	set_nattport;		/* default 4500 */
	uint32_t	set_dpd;		/* seconds of silence before a check; 60; 0 off */
};

/*
 * Where the rules of iked.conf begin, behind those of ipsec.conf, and the
 * `set` lines of each.  SIZE_MAX: all are of ipsec.conf.
 */
struct policy_split {
	size_t			 sp_flows;
	size_t			 sp_sas;
	size_t			 sp_ikes;
	struct policy_set	 sp_set[2];
};

struct policy_arena;

struct policy {
	struct policy_set	 pol_set;
	struct policy_split	 pol_split;
	struct policy_flow	*pol_flows;	/* as written; the most specific decides */
	size_t			 pol_nflows;
	struct policy_sa	*pol_sas;
	size_t			 pol_nsas;
	struct policy_ike	*pol_ikes;
	size_t			 pol_nikes;
	bool			 pol_finished;
	char			**pol_files;	/* names of the texts, for po_file */
	size_t			 pol_nfiles;
	struct policy_arena	*pol_arena;	/* what rules point to */
};

/* ---- errors ------------------------------------------------------- */

/* One complaint about a text; strings belong to the list. */
struct policy_error {
	char		*pe_file;
	unsigned	 pe_line;	/* from 1 */
	unsigned	 pe_col;	/* from 1, bytes; tabs count one */
	char		*pe_msg;
	char		*pe_source;	/* the source line; NULL if there is none */
};

struct policy_errors {
	struct policy_error	 per_list[POLICY_ERRORS_MAX];
	unsigned		 per_n;		/* in the list */
	unsigned		 per_more;	/* found beyond the list */
};

/* `file:line:col: message`, the source line, a caret; for each error. */
void	policy_errors_print(const struct policy_errors *e, FILE *out);
void	policy_errors_free(struct policy_errors *e);

/* ---- parse -------------------------------------------------------- */

/* One text, by the name that errors show. */
struct policy_text {
	const char	*tx_name;
	const char	*tx_body;	/* need not be terminated */
	size_t		 tx_len;
};

/* An address of an interface, host bits and all, and its network's length. */
struct policy_ifaddr {
	struct addr	pi_addr;
	uint8_t		pi_len;
};

/*
 * What a parse may ask of its surroundings.  Any function may be NULL: then
 * what needs it is refused at its place.
 */
struct policy_env {
	/*
	 * The text of an `include` (secret false) or of a key's `file`
	 * (secret true).  Returns malloc'd bytes that the parser frees (and
	 * wipes if secret), or NULL with *why set to a static text.
	 */
	char	*(*env_read)(void *arg, const char *name, bool secret,
		    size_t *len, const char **why);
	/* The secret that the store keeps under id; false if there is none. */
	bool	 (*env_unseal)(void *arg, uint64_t id,
		    uint8_t buf[POLICY_KEY_MAX], size_t *len);
	/*
	 * Tells of each secret that a text holds: its form as written (with
	 * quotes, if it had any) and the keys read from it, at most two.
	 */
	void	 (*env_secret)(void *arg, const char *form, size_t len,
		    const struct policy_key *keys, size_t nkeys);
	/*
	 * The addresses of an interface ("em0"), or of a group of them
	 * ("em"), at most max.  Returns how many there are; 0 with *why set
	 * to a static text that says what to do.
	 */
	size_t	 (*env_iface)(void *arg, const char *name,
		    struct policy_ifaddr *out, size_t max, const char **why);
	/*
	 * Adds what another revision has of a part (policy_texts_parse():
	 * texts.h), for which no text is given.
	 */
	bool	 (*env_kept)(void *arg, unsigned part, struct policy *pol);
	void	*env_arg;
};

/* A macro from outside the text, as -D name=value. */
struct policy_macro {
	const char	*ma_name;
	const char	*ma_value;
};

void	policy_init(struct policy *pol);
void	policy_free(struct policy *pol);
/*
 * Adds the rules of one text.  True if the text held no error; else errs
 * has grown and pol is only good for policy_free().
 */
bool	policy_parse(struct policy *pol, const struct policy_text *text,
	    const struct policy_env *env, const struct policy_macro *macros,
	    size_t nmacros, struct policy_errors *errs);
/* Names, reqids, defaults, checks over all rules.  Errors as above. */
bool	policy_finish(struct policy *pol, struct policy_errors *errs);

/* ---- print -------------------------------------------------------- */

enum {
	POLICY_PRINT_KEYS = 1,	/* secrets in clear; else `sealed "N"` or `sealed` */
	POLICY_PRINT_NO_KEYS = 2, /* of SAs: not even that */
};

/*
 * Normal form, one rule a line, which parses (with POLICY_PRINT_KEYS, or
 * with an env_unseal that knows the numbers) to the same policy.
 */
void	policy_print(const struct policy *pol, FILE *out, unsigned flags);
void	policy_print_flow(const struct policy_flow *fl, FILE *out);
void	policy_print_sa(const struct policy_sa *sa, FILE *out, unsigned flags);

/* "in", "out" */
const char	*policy_dir_name(enum policy_dir dir);

/* ---- what a policy implies ---------------------------------------- */

/*
 * The SPD entries that an IKE rule implies: for each from/to pair one out
 * and one in, type require, with the rule's ends, mode and reqid (level
 * unique), so that traffic raises an ACQUIRE and only SAs with ik_reqid
 * serve it.  A rule whose peer is any or a network implies none: its
 * daemon adds entries with each child SA, with the same reqid.
 * => Returns how many there are, and writes at most max of them to out.
 * => The flows borrow the rule's identities: do not free them.
 */
size_t	policy_flows_of_ike(const struct policy_ike *ik,
	    struct policy_flow *out, size_t max);

/*
 * All SPD entries of a policy: those of the `flow` rules, then those of the
 * IKE rules.  After policy_finish() no two have the same selector and
 * direction.  malloc'd array; its strings are borrowed from pol.  NULL with
 * *n 0 if there are none, NULL with *n 1 if memory is short.
 */
struct policy_flow	*policy_flows(const struct policy *pol, size_t *n);

/* The rule that owns a reqid, or of that name; NULL if none. */
const struct policy_ike	*policy_ike_by_reqid(const struct policy *pol,
			    uint32_t reqid);
const struct policy_ike	*policy_ike_by_name(const struct policy *pol,
			    const char *name);

bool	policy_flow_equal(const struct policy_flow *a,
	    const struct policy_flow *b);
bool	policy_sa_equal(const struct policy_sa *a, const struct policy_sa *b);
/* All that matters to iked, the secret included. */
bool	policy_ike_equal(const struct policy_ike *a,
	    const struct policy_ike *b);

#endif
