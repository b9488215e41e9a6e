/* SPDX-License-Identifier: ISC */
/*
 * Chunks: how the store keeps the rules of revisions (schema4.sql).
 *
 * A chunk is a run of rules of one kind and one part, in normal form; it is
 * never changed, and revisions share it.  A revision is the list of its
 * chunks: `set` lines, flows, SAs, ikev2 rules, each of ipsec.conf first.
 * Its digest is the SHA-256 of its chunks' digests in that order, and that
 * of a chunk covers all that the row says but its number.
 *
 * A commit compares the rules with those of the revision that is in memory
 * (struct policy_held), takes the chunks in which nothing differs as they
 * are, and prints, seals and writes the rest (chunk_plan()).  So its cost is
 * that of what changed, but for the comparison.
 */
#ifndef LIBPOLICY_CHUNK_H
#define LIBPOLICY_CHUNK_H

#include <bearssl.h>

#include "libpolicy/store_int.h"
#include "libpolicy/textbuf.h"

enum {
	CHUNK_BYTES	= 16384,	/* at which a chunk is full */
};

enum rule_kind { RULE_SET, RULE_FLOW, RULE_SA, RULE_IKE, RULE_KINDS };

struct chunk {
	int64_t			 ch_id;
	enum rule_kind		 ch_kind;
	enum policy_part	 ch_part;	/* ipsec or iked */
	size_t			 ch_rules;
	size_t			 ch_len;	/* bytes of its rules */
	uint8_t			 ch_digest[STORE_DIGEST];
};

struct chunks {
	struct chunk	*cs_v;
	size_t		 cs_n;
};

struct policy_held {
	unsigned	ph_refs;
	uint64_t	ph_revision;
	struct policy	ph_policy;	/* finished, with its keys */
	struct chunks	ph_chunks;
	bool		ph_whole;	/* from an export: without chunks */
};

void	chunks_free(struct chunks *cs);

/* ---- writing ---- */

struct chunk_writer {
	struct policy_store	*cw_st;
	uint64_t		 cw_rev;
	struct chunks		 cw_chunks;	/* so far */
	bool			 cw_ok;
	/* the one that is being filled */
	enum rule_kind		 cw_kind;
	enum policy_part	 cw_part;
	size_t			 cw_rules;
	struct textbuf		 cw_body;
	struct textbuf		 cw_reqids;
	sqlite3_stmt		*cw_find, *cw_insert, *cw_member, *cw_secret;
};

void	chunk_writer_begin(struct chunk_writer *cw, struct policy_store *st,
	    uint64_t rev);
/* The begin of one rule; its text then goes to the end of cw_body. */
void	chunk_writer_rule(struct chunk_writer *cw, enum rule_kind kind,
	    enum policy_part part, uint32_t reqid);
/* A chunk that is in the store. */
void	chunk_writer_take(struct chunk_writer *cw, const struct chunk *ch);
/*
 * Ends the last chunk and sets the revision's digest; what was allocated is
 * gone but cw_chunks, which is the caller's.  False if anything failed.
 */
bool	chunk_writer_end(struct chunk_writer *cw);

/* ---- reading ---- */

/* Of a revision, in order, without bodies; false with *why. */
bool	chunks_list(struct policy_store *st, uint64_t rev, struct chunks *cs,
	    const char **why);
/*
 * Adds the body of a chunk, after proving its digest; reqids, unless NULL,
 * gets those of its ikev2 rules as they are stored.
 */
bool	chunk_read(struct policy_store *st, const struct chunk *ch,
	    struct textbuf *body, struct textbuf *reqids, const char **why);

/* The policy of a text in normal form. On false pol is to be freed, too. */
bool	store_load_text(struct policy_store *st, const char *body,
	    unsigned flags, struct policy *pol, const char **why);
/* The policy that these chunks make, which is initialised and finished. */
bool	store_load_chunks(struct policy_store *st, const struct chunks *cs,
	    unsigned flags, struct policy *pol, const char **why);

/* Fills the tables of version 4 from those of version 3. */
bool	chunks_migrate(struct policy_store *st, const char **why);

/* ---- in memory (held.c) ---- */

/* Notes the chunks of the revision that is being committed, taking them. */
void	held_chunks(struct policy_store *st, uint64_t rev, struct chunks *cs);

/* ---- what stays ---- */

/* Rules [pl_from, pl_to) of a kind: a chunk of the base, or new ones. */
struct plan_step {
	const struct chunk	*pl_chunk;	/* NULL: new */
	enum rule_kind		 pl_kind;
	enum policy_part	 pl_part;
	size_t			 pl_from, pl_to;
};

struct chunk_plan {
	struct plan_step	*cp_v;
	size_t			 cp_n;
};

/*
 * How pol is made of chunks of base (may be NULL) and new ones.  The rules
 * of pol that are in the base get the numbers of their keys from it.
 * Without memory: false.
 */
bool	chunk_plan(struct chunk_plan *cp, const struct policy_held *base,
	    struct policy *pol);
void	chunk_plan_free(struct chunk_plan *cp);

#endif
