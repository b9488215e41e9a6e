/* SPDX-License-Identifier: ISC */
/*
 * What happened to tunnels, kept across restarts: the table `event' in the
 * policy store's file.
 *
 *	iked --- KEEP ---> policyd ---> table <--- ikectl, the web pages
 *
 * iked(8) numbers events and hands them to policyd(8), the one writer; anybody
 * who may read the file reads them.  Numbers begin behind the highest one
 * kept and go up by one for each event that is to be kept, so a gap between
 * rows is what was lost, or was dropped for room.
 *
 * The table has nothing to do with revisions: it is made when it is missing,
 * whatever the store's user_version, by a connection of its own, and when it
 * cannot be written, policy still can.
 *
 * On policy.sock (libpolicy/policywire.h; header, then):
 *	KEEP	u16 count, that many events (history_event_put)
 *	KEPT	u8 kept, the answer
 */
#ifndef LIBHISTORY_HISTORY_H
#define LIBHISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libutil/cur.h"

#define HISTORY_ROWS		10000	/* the newest are kept */
#define HISTORY_ROWS_TUNNEL	200	/* likewise, of one tunnel */
#define HISTORY_BATCH_MAX	32	/* events in one record */
#define HISTORY_OP_KEEP		32	/* operations of policy.sock */
#define HISTORY_OP_KEPT		96

/* Texts are printable ASCII. */
struct history_event {
	uint64_t	he_id;			/* not 0 */
	int64_t		he_time;		/* ms since 1970 */
	char		he_tunnel[64];		/* rule's name; empty: of none */
	char		he_child[64];		/* empty: of the IKE SA */
	char		he_event[24];		/* child-up, failed ... */
	char		he_reason[16];		/* messages(7); empty: none */
	char		he_peer[64];		/* address and port, or empty */
	char		he_text[512];
};

/* One event as bytes; what is not printable is read as '?'. */
void	history_event_put(struct wcur *w, const struct history_event *ev);
bool	history_event_get(struct cur *c, struct history_event *ev);

/* ---- the table ---------------------------------------------------- */

struct history;

/* For writing (policyd alone): makes the table if it is not there. NULL with *why. */
struct history	*history_open_rw(const char *dbpath, const char **why);
/*
 * For reading.  NULL with *why.  This and the functions below set errno, too, when
 * they fail: EAGAIN if the same may succeed later (locked, disk full), else EIO.
 */
struct history	*history_open_ro(const char *dbpath, const char **why);
void		 history_close(struct history *hi);
/*
 * Adds the events in one transaction and drops what is too much.  A number
 * that is there already stays as it is.  False with *why: none was added.
 */
bool		 history_add(struct history *hi, const struct history_event *ev,
		    size_t n, const char **why);
/* The highest number kept, 0: none. */
bool		 history_last(struct history *hi, uint64_t *id, const char **why);

struct history_query {
	const char	*hq_tunnel;	/* "TUNNEL[/CHILD]"; NULL: all */
	uint64_t	 hq_after;	/* numbers above this */
	unsigned	 hq_newest;	/* only so many, the newest; 0: all */
	bool		 hq_failures;	/* with a reason, and not by command (ADMIN) */
};

/* Calls fn for each, oldest first.  False with *why. */
bool		 history_read(struct history *hi, const struct history_query *hq,
		    void (*fn)(void *arg, const struct history_event *ev),
		    void *arg, const char **why);

/* ---- iked's way to policyd ---------------------------------------- */

#define HISTORY_WAITING	1024	/* events that wait; beyond, the oldest are lost */

/*
 * Never waits for policyd: events wait here, go in batches, and are let go
 * when policyd has said that they are on the disk; after a restart of policyd
 * they are sent again.
 */
struct history_client;

struct history_client *history_client_new(const char *rundir);	/* NULL: memory */
void		 history_client_free(struct history_client *hc);
void		 history_client_add(struct history_client *hc,
		    const struct history_event *ev);
/* What to poll for POLLIN; -1: nothing. */
int		 history_client_fd(const struct history_client *hc);
/* Milliseconds until there is something to do; -1: nothing. */
int		 history_client_wait(const struct history_client *hc, int64_t now_ms);
/* Does what is due at now_ms (monotonic). */
void		 history_client_turn(struct history_client *hc, int64_t now_ms);
/* Events that were never kept, since it was made. */
uint64_t	 history_client_lost(const struct history_client *hc);
/* Tries for at most ms to get rid of all; at the end of a daemon. */
void		 history_client_flush(struct history_client *hc, int ms);

#endif
