/* SPDX-License-Identifier: ISC */
/*
 * The store of revisions (SQLite; schema.sql), and the socket of policyd(8),
 * its one writer.
 *
 * Who reads policy opens the store read-only and asks policyd for the number
 * of the revision in force:
 *
 *	st = policy_store_open_ro(path, &why);
 *	pc = policyctl_connect(rundir, &why);
 *	policyctl_subscribe(pc, &why);
 *	poll on policyctl_fd(pc); policyctl_next(pc, &ev) ...
 *	policy_store_load(st, ev.ev_revision, POLICY_LOAD_SECRETS, &pol, &why);
 *
 * Errors are static or store-owned English texts in *why, without newline.
 */
#ifndef LIBPOLICY_STORE_H
#define LIBPOLICY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpolicy/policy.h"
#include "libpolicy/texts.h"

#define POLICY_RUN_DEFAULT	"/var/run/ravelin"
#define POLICY_DB_DEFAULT	"/var/db/ravelin/policy.db"
#define POLICY_SOCKET		"policy.sock"		/* in the run directory */

/* The option's value, else RAVELIN_RUN / RAVELIN_DB, else the default. */
const char	*policy_run_dir(const char *option);
const char	*policy_db_path(const char *option);

struct policy_store;

enum {
	POLICY_LOAD_SECRETS = 1,	/* fill in pk_bytes (needs the machine key) */
};

/* Read-only; NULL on failure. The machine key is read only when needed. */
struct policy_store	*policy_store_open_ro(const char *path,
			    const char **why);
void	policy_store_close(struct policy_store *st);

/*
 * NULL, or what is wrong with the store: then all that is read comes from
 * the last export, and nothing can be committed.
 */
const char	*policy_store_damage(const struct policy_store *st);

/* The newest committed revision; 0 if there is none; false on failure. */
bool	policy_store_latest(struct policy_store *st, uint64_t *rev,
	    const char **why);
/* Loads and finishes revision rev into pol, which it initialises. */
bool	policy_store_load(struct policy_store *st, uint64_t rev,
	    unsigned flags, struct policy *pol, const char **why);
/*
 * The IKE rules of revision `to` by difference to those of `from` (0: none):
 * only what differs is read.  Places count the IKE rules of a revision, as
 * pol_ikes of a whole load does.  de_new is policy_free()d by the caller, on
 * true.  False with *why: load it whole.
 */
struct policy_delta {
	size_t		de_at;	/* rules before it are the same, in order */
	size_t		de_old;	/* so many of `from` stand there, and instead: */
	struct policy	de_new;	/* pol_ikes and pol_set of `to`, finished */
};				/* behind them they are the same again */

bool	policy_store_delta(struct policy_store *st, uint64_t from,
	    uint64_t to, unsigned flags, struct policy_delta *de,
	    const char **why);
/*
 * The rules of ipsec.conf or iked.conf in revision rev, in normal form with
 * keys as `sealed "N"`; malloc'd, NULL on failure.
 */
char	*policy_store_rules(struct policy_store *st, uint64_t rev,
	    enum policy_part part, const char **why);
/* Adds the texts of a part, as they are stored, to tx. */
bool	policy_store_texts(struct policy_store *st, uint64_t rev,
	    enum policy_part part, struct policy_texts *tx, const char **why);

/* Who committed a revision, when, why. */
struct policy_revision {
	uint64_t	pr_number;
	int64_t		pr_time;	/* seconds since 1970 */
	const char	*pr_author;	/* until fn returns */
	const char	*pr_reason;
};

/* Each revision, the newest first, until fn returns false. */
bool	policy_store_history(struct policy_store *st,
	    bool (*fn)(void *arg, const struct policy_revision *pr), void *arg,
	    const char **why);

/*
 * A revision that goes back by itself unless it is confirmed in time.  The
 * deadline counts from the boot that the boot id names; after another boot
 * the time of day counts, and never more than the span.
 */
struct policy_pending {
	uint64_t	pe_revision;	/* 0: none */
	uint64_t	pe_back;	/* 0: to no policy */
	int64_t		pe_span;	/* ms, as was asked for */
	int64_t		pe_time;	/* ms since 1970 */
	char		pe_boot[40];
	int64_t		pe_uptime;	/* ms since boot */
};

/* pe_revision is 0 if nothing waits. */
bool	policy_store_pending(struct policy_store *st, struct policy_pending *pe,
	    const char **why);
/* A deadline of span ms from now. */
void	policy_pending_init(struct policy_pending *pe, uint64_t back,
	    int64_t span);
/* How much of it is left; 0 or less: overdue. Moves pe into this boot. */
int64_t	policy_pending_left(struct policy_pending *pe);

/* One secret by its number. Caller wipes buf. */
bool	policy_secret(struct policy_store *st, uint64_t id,
	    uint8_t buf[POLICY_KEY_MAX], size_t *len, const char **why);

/* ---- client of policyd --------------------------------------------- */

struct policyctl;

enum policyctl_event_type {
	POLICYCTL_REVISION = 1,	/* ev_revision is in force (or as far as it could be) */
	POLICYCTL_CLOSED,	/* policyd has gone: connect again later */
};

struct policyctl_event {
	enum policyctl_event_type	ev_type;
	uint64_t			ev_revision;
};

/* NULL if policyd does not run, or refuses us. */
struct policyctl	*policyctl_connect(const char *rundir,
			    const char **why);
void	policyctl_close(struct policyctl *pc);
int	policyctl_fd(const struct policyctl *pc);
/*
 * Who sits at the web pages: what is committed is "NAME (web)" 's work.  policyd
 * heeds it from the user _web, and from root, who is maintd(8); of others, the
 * user is the author.
 */
bool	policyctl_author(struct policyctl *pc, const char *name,
	    const char **why);
/* Events from now on; the first is the present revision at once. */
bool	policyctl_subscribe(struct policyctl *pc, const char **why);
/* The next event without waiting; false if there is none now. */
bool	policyctl_next(struct policyctl *pc, struct policyctl_event *ev);

enum {
	POLICYCTL_DELETE = 1,	/* take the rules of the texts away */
	POLICYCTL_FLUSH	 = 2,	/* an empty policy; texts are not sent */
	POLICYCTL_DRY	 = 8,	/* of a commit: checked, assertions too; nothing is written */
	POLICYCTL_KEEP	 = 4,	/* ipsec.conf or iked.conf stays if it has no text here */
};

#define POLICYCTL_ANY	UINT64_MAX	/* base: whatever is newest */

struct policyctl_result {
	bool		re_ok;		/* committed */
	bool		re_checked;	/* POLICYCTL_DRY: nothing speaks against a commit */
	bool		re_later;	/* the disk did not take it: try again */
	bool		re_applied;	/* and in force */
	uint64_t	re_revision;
	char		re_text[4096];	/* for the user */
};

/*
 * Commits the texts as a new revision and waits until it has been applied,
 * or told why not.  reason may be NULL.
 */
void	policyctl_load(struct policyctl *pc, const struct policy_texts *tx,
	    unsigned flags, const char *reason, struct policyctl_result *res);

/*
 * As policyctl_load(), if base is still the newest revision.  confirm, ms:
 * it goes back by itself unless policyctl_confirm() comes in time; 0: never.
 */
void	policyctl_commit(struct policyctl *pc, const struct policy_texts *tx,
	    unsigned flags, uint64_t base, uint32_t confirm, const char *reason,
	    struct policyctl_result *res);
/* revision 0: whichever waits. */
void	policyctl_confirm(struct policyctl *pc, uint64_t revision,
	    struct policyctl_result *res);
/* A new revision as `to` was. */
void	policyctl_rollback(struct policyctl *pc, uint64_t to, uint32_t confirm,
	    const char *reason, struct policyctl_result *res);

struct policyctl_status {
	uint64_t	ps_committed;	/* newest revision, 0 none */
	uint64_t	ps_applied;	/* the one in force, 0 none */
	char		ps_text[4096];	/* what is wrong; empty: nothing */
};

bool	policyctl_status(struct policyctl *pc, struct policyctl_status *out,
	    const char **why);

#endif
