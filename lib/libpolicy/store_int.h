/* SPDX-License-Identifier: ISC */
/*
 * Inside of the store: what its files share.
 */
#ifndef LIBPOLICY_STORE_INT_H
#define LIBPOLICY_STORE_INT_H

#include <sqlite3.h>

#include "libpolicy/seal.h"
#include "libpolicy/storew.h"

enum {
	STORE_APPLICATION	= 0x52765031,	/* application_id: "RvP1" */
	STORE_VERSION		= 4,		/* user_version */
	STORE_DIGEST		= 32,
};

/* A sealed key of an export. */
struct export_secret {
	uint64_t	es_id;
	uint8_t		es_nonce[SEAL_NONCE];
	uint8_t		es_sealed[SEAL_MAX];
	size_t		es_len;
};

/* Statements that a commit or a load runs once for each key. */
enum store_kept { KEPT_SECRET, KEPT_FINGER, KEPT_INSERT, KEPT_CHUNK, KEPT_STATEMENTS };

struct chunks;

struct policy_store {
	sqlite3_stmt		*st_kept[KEPT_STATEMENTS];
	sqlite3			*st_db;		/* NULL: from the export */
	char			*st_path;
	struct seal		 st_seal;
	bool			 st_sealed;	/* st_seal is there */
	char			 st_why[512];
	bool			 st_disk;	/* failed, not the policy */
	struct policy_held	*st_held;	/* newest in memory; NULL: none */
	struct chunks		*st_new;	/* of the commit under way */
	uint64_t		 st_newrev;
	/* the export that stands in for a damaged store */
	uint64_t		 st_xrev;
	char			*st_xtext;
	struct export_secret	*st_xsecret;
	size_t			 st_nxsecret;
	struct policy_texts	 st_xtexts;	/* of pf.conf and network.conf */
	char			 st_damage[256];
};

/* Puts a text in st_why and *why; returns false. */
bool	store_fail(struct policy_store *st, const char **why,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "doing what: " and what SQLite says, with what to do about it. */
bool	store_fail_sql(struct policy_store *st, const char **why,
	    const char *what);
bool	store_exec(struct policy_store *st, const char *sql);
/* The first column of the first row; false if there is no row. */
bool	store_int(struct policy_store *st, const char *sql, int64_t *out);
sqlite3_stmt	*store_prepare(struct policy_store *st, const char *sql);
/* Prepared once for the life of the store; reset it after use. */
sqlite3_stmt	*store_keep(struct policy_store *st, enum store_kept which,
		    const char *sql);

/* A revision that waits for its confirm, into the transaction under way. */
bool	store_put_pending(struct policy_store *st, uint64_t rev,
	    const struct policy_pending *pe);
/* The number of the next revision, above `after`; 0 on failure. */
uint64_t	store_next(struct policy_store *st, uint64_t after);

/* Nothing is held any more. */
void	held_forget(struct policy_store *st);

/* The rules of a revision, one after the other; malloc'd. */
char	*store_rules(struct policy_store *st, uint64_t rev, const char **why);

/* The forms of keys (forms.c), so that they are found in a text. */
struct form_length;
struct form_index {
	const struct policy_forms	*fi_forms;
	bool				*fi_used;	/* of forms: the first of equal ones */
	size_t				*fi_first;	/* that, of each form */
	size_t				*fi_table;	/* forms + 1 by their bytes; 0 free */
	size_t				*fi_head;	/* lengths + 1 by their first bytes */
	struct form_length		*fi_length;
	size_t				 fi_nlengths;
	size_t				 fi_mask;	/* of fi_table and fi_head */
	uint64_t			 fi_filter[1024]; /* bit per hash of first bytes */
};

bool	form_index_make(struct form_index *fi, struct policy_forms *pf);
void	form_index_free(struct form_index *fi);
/* The longest form that stands at p, noted as used; NULL if none does. */
const struct policy_form	*form_at(const struct form_index *fi,
				    const char *p, size_t left);
/* Has each form been found somewhere? */
bool	form_index_used(const struct form_index *fi);

/* Fills st_x*. */
bool	export_load(struct policy_store *st, const char **why);

#endif
