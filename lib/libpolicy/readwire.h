/* SPDX-License-Identifier: ISC */
/*
 * Reading over policy.sock, for programs that may not open the store: the
 * records, and policyread.c, their client.  Headers are those of policywire.h;
 * integers in network byte order.
 *
 *	SHOW	u64 revision, u8 part, u32 offset.  Answered by SHOWN: u8 1, u32
 *		length of the whole text, at most READW_PIECE bytes of it from the
 *		offset on; or u8 0, u32 length, why not.  Keys stand as
 *		`sealed "N"'; the text is as written, comments too, if it was
 *		one file, else in normal form.
 *	LIST	u64 before (0: from the newest), u16 how many at most.
 *		Answered by LISTED: u64 revision that waits for its confirm (0:
 *		none), u64 what it goes back to, u64 ms left, u16 count, then for
 *		each, newest first: u64 number, u64 seconds since 1970, author,
 *		reason (u16 length, bytes).
 *	EVENTS	u64 before (0: the newest), u8 only failures, u16 how many at
 *		most, "TUNNEL[/CHILD]" (u16 length, bytes; empty: of all).
 *		Answered by EVENTS_ARE: u16 count, events (libhistory/history.h),
 *		newest first.
 */
#ifndef LIBPOLICY_READWIRE_H
#define LIBPOLICY_READWIRE_H

#include "libpolicy/policywire.h"
#include "libpolicy/texts.h"

enum {
	READW_SHOW	= 48,
	READW_LIST,
	READW_EVENTS,
	READW_SHOWN	= 112,
	READW_LISTED,
	READW_EVENTS_ARE,

	READW_PIECE	= 30000,
	READW_LIST_MAX	= 14,		/* revisions in one record */
	READW_EVENTS_MAX = 32,
};

struct policyread;
struct policy_revision;
struct policyread_pending {
	uint64_t	pp_revision;	/* 0: none waits */
	uint64_t	pp_back;
	uint64_t	pp_left_ms;
};

/* NULL with *why if policyd does not run or refuses us. */
struct policyread	*policyread_open(const char *rundir, const char **why);
void	policyread_close(struct policyread *pr);
/* A part's text, malloc'd; NULL with *why (valid until the next call). */
char	*policyread_text(struct policyread *pr, uint64_t rev,
	    enum policy_part part, const char **why);
/*
 * Revisions below `before' (0: from the newest), newest first, at most max;
 * pp may be NULL.  False: policyd has gone.
 */
bool	policyread_list(struct policyread *pr, uint64_t before, unsigned max,
	    void (*fn)(void *arg, const struct policy_revision *pr), void *arg,
	    struct policyread_pending *pp);
/*
 * What policyd answers to a request of EVENTS' form, as a cursor over the
 * events, *n of them; valid until the next call.
 */
bool	policyread_events(struct policyread *pr, const char *tunnel,
	    uint64_t before, bool failures, unsigned max, struct cur *events,
	    unsigned *n);

#endif
