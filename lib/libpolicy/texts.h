/* SPDX-License-Identifier: ISC */
/*
 * The texts that a load is made of: the file named by the user, what it
 * includes, the key files it names, and macros from the command line.
 *
 * ipsecctl(8) reads them from files while it parses (policy_texts_read);
 * policyd(8), which opens no file that a client names, parses again from
 * the collected texts alone (policy_texts_find).
 *
 * Each belongs to a part: the texts of ipsec.conf and iked.conf make one
 * struct policy, pf.conf's the filter, network.conf's interfaces and routes; what assert.conf's
 * expects is tried before they take effect.
 */
#ifndef LIBPOLICY_TEXTS_H
#define LIBPOLICY_TEXTS_H

#include "libpolicy/policy.h"

enum {
	POLICY_TEXTS_MAX	= 512,
	POLICY_TEXT_MAX		= 64 << 20,	/* bytes of one text */
};

enum policy_text_kind {
	POLICY_TEXT_MAIN	= 1,	/* named by the user */
	POLICY_TEXT_INCLUDE,
	POLICY_TEXT_KEY,		/* a key file: never stored as text */
	POLICY_TEXT_MACRO,		/* name: the macro; body: its value */
	/* rules of another revision: parsed, not stored; without a body: env_kept */
	POLICY_TEXT_RULES,
};

enum policy_part {
	POLICY_PART_IPSEC,	/* ipsec.conf */
	POLICY_PART_IKED,
	POLICY_PART_PF,
	POLICY_PART_NETWORK,
	POLICY_PART_ASSERT,	/* assert.conf: of no effect, but asked before a commit */
	POLICY_PARTS
};

struct policy_text_item {
	enum policy_text_kind	 ti_kind;
	enum policy_part	 ti_part;
	bool			 ti_kept;	/* of another revision: stored, not parsed */
	char			*ti_name;
	char			*ti_body;	/* ti_len bytes, then a NUL */
	size_t			 ti_len;
	size_t			 ti_cap;	/* bytes of ti_body, the NUL too */
};

struct policy_texts {
	struct policy_text_item	*tx_v;
	size_t			 tx_n;
	enum policy_part	 tx_part;	/* being parsed: of what it includes */
};

/* "ipsec.conf", "iked.conf", "pf.conf", "network.conf", "assert.conf" */
const char	*policy_part_name(enum policy_part part);
/* The part that a file belongs to, by the begin of its name; ipsec.conf. */
enum policy_part policy_part_of_file(const char *name);
/* Is there a text of the part, other than macros? */
bool	policy_texts_has(const struct policy_texts *tx, enum policy_part part);

/*
 * Do the texts name no other file?  False if one only seems to: what they
 * name, if anything, is known when they have been parsed.
 */
bool	policy_texts_whole(const struct policy_texts *tx);

/* Copies the body; the part is ipsec.conf. False without memory, or with too many or too large. */
bool	policy_texts_add(struct policy_texts *tx, enum policy_text_kind kind,
	    const char *name, const char *body, size_t len);
bool	policy_texts_add_part(struct policy_texts *tx, enum policy_part part,
	    enum policy_text_kind kind, const char *name, const char *body,
	    size_t len);
/* More bytes to the end of the text added last; false as above. */
bool	policy_texts_more(struct policy_texts *tx, const char *body,
	    size_t len);
void	policy_texts_free(struct policy_texts *tx);	/* wipes */
/* Not among those that are kept. */
struct policy_text_item	*policy_texts_find(struct policy_texts *tx,
	    enum policy_text_kind kind, const char *name);

/*
 * Reads a file ("-" is standard input) and adds it.  Refuses what others
 * could have written, and key files that others can read.  False with *why.
 */
bool	policy_texts_read(struct policy_texts *tx, enum policy_part part,
	    enum policy_text_kind kind, const char *name, const char **why);

/* env_read functions; arg is the struct policy_texts. */
char	*policy_texts_env_disk(void *arg, const char *name, bool secret,
	    size_t *len, const char **why);
char	*policy_texts_env_memory(void *arg, const char *name, bool secret,
	    size_t *len, const char **why);

/*
 * Parses the main texts of ipsec.conf, then those of iked.conf, with the
 * macros, and finishes the policy, which it initialises (pol_split says where
 * those of iked.conf begin).
 */
bool	policy_texts_parse(struct policy_texts *tx, struct policy *pol,
	    const struct policy_env *env, struct policy_errors *errs);

#endif
