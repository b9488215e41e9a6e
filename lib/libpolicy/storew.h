/* SPDX-License-Identifier: ISC */
/*
 * The writing side of the store: policyd's alone.
 */
#ifndef LIBPOLICY_STOREW_H
#define LIBPOLICY_STOREW_H

#include "libpolicy/store.h"
#include "libpolicy/texts.h"

/*
 * Opens the store for writing, makes it and its machine key if they are not
 * there, brings it to the present version and checks it.  NULL with *why;
 * a damaged store is left as it is.
 */
struct policy_store	*policy_store_open_rw(const char *path,
			    const char **why);

/* The export alone, as policy_store_open_ro() gives it for a damaged store. */
struct policy_store	*policy_store_open_export(const char *path,
			    const char **why);

/* A secret as a text had it, from env_secret. */
struct policy_form {
	char			*pf_form;
	size_t			 pf_len;
	struct policy_key	 pf_key[2];
	unsigned		 pf_nkeys;
};

struct policy_forms {
	struct policy_form	*pf_v;
	size_t			 pf_n;
	bool			 pf_memory;	/* was short */
};

/* An env_secret; arg is a struct policy_forms, zero at first. */
void	policy_forms_add(struct policy_forms *pf, const char *form, size_t len,
	    const struct policy_key *keys, size_t nkeys);
void	policy_forms_free(struct policy_forms *pf);

struct policy_commit {
	const char		*co_author;
	const char		*co_reason;
	/* keys in them are replaced; none: the policy's normal form */
	struct policy_texts	*co_texts;
	struct policy_forms	*co_forms;
	struct policy		*co_policy;	/* finished; pk_id is filled in */
	uint64_t		 co_after;	/* the number is above this */
	/* not NULL: the revision waits for its confirm */
	const struct policy_pending *co_pending;
};

/*
 * One transaction, one revision; on true it is on the disk.  False with
 * *why, and the store is as before.
 */
bool	policy_store_commit(struct policy_store *st, struct policy_commit *co,
	    uint64_t *rev, const char **why);

/*
 * A new revision that is as revision `from` was.  What waited for a confirm
 * waits no more.  pe, if not NULL: the new one waits.
 */
bool	policy_store_copy(struct policy_store *st, uint64_t from,
	    const char *author, const char *reason,
	    const struct policy_pending *pe, uint64_t *rev, const char **why);
/* Nothing waits for a confirm any more. */
bool	policy_store_confirm(struct policy_store *st, const char **why);
/* Notes where the deadline is in this boot of the system. */
bool	policy_store_pending_move(struct policy_store *st,
	    const struct policy_pending *pe, const char **why);

/*
 * Was there a failure since the last question that another try may not have:
 * a full or failing disk, a lock?
 */
bool	policy_store_disk_failed(struct policy_store *st);

/*
 * Revisions in memory, with their keys.  The store holds the newest that was
 * committed or asked for, against which the next commit is compared.
 */
struct policy_held;

/* Takes the policy that was just committed as rev; pol is empty then. */
void	policy_store_keep(struct policy_store *st, uint64_t rev,
	    struct policy *pol);
/*
 * Revision rev (0: the empty policy); it is read only if neither the store
 * nor `perhaps` (may be NULL) has the same rules in memory.  NULL with *why.
 */
struct policy_held	*policy_store_hold(struct policy_store *st,
			    uint64_t rev, struct policy_held *perhaps,
			    const char **why);
void			 policy_held_release(struct policy_held *ph);
/*
 * Adds what ph has of ipsec.conf or iked.conf to pol, which is being made
 * from texts: rules with their names and keys, and `set` lines.
 */
bool	policy_store_keep_part(struct policy_store *st,
	    const struct policy_held *ph, enum policy_part part,
	    struct policy *pol, const char **why);
/*
 * The SPD entries, and the manual SAs, of the rules that ph has and other
 * (NULL: nothing) has not; a few that both have may be among them.  Strings
 * and keys are borrowed from ph.  malloc'd; false without memory.
 */
bool	policy_held_flows(const struct policy_held *ph,
	    const struct policy_held *other, struct policy_flow **v, size_t *n);
bool	policy_held_sas(const struct policy_held *ph,
	    const struct policy_held *other, struct policy_sa **v, size_t *n);

/*
 * Writes revision rev and its sealed keys beside the store (".export"),
 * whole or not at all: what is left if the store is damaged one day.  Then
 * what SQLite has written ahead goes into the database's file.
 */
bool	policy_store_export(struct policy_store *st, uint64_t rev,
	    const char **why);

/* Does the export hold revision rev? */
bool	policy_store_exported(struct policy_store *st, uint64_t rev);

#endif
