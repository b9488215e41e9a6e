/* SPDX-License-Identifier: ISC */
/*
 * policyd(8): the one writer of the policy store.  What its files share.
 *
 *	policyd.c	start, the loop over sockets, the end
 *	client.c	the control socket: who may ask, what they ask
 *	commit.c	texts to a revision
 *	history.c	what iked tells of tunnels
 *	apply.c		the revision to the network kernel, by difference
 */
#ifndef POLICYD_H
#define POLICYD_H

#include <stdbool.h>
#include <stdint.h>

#include "libhistory/history.h"
#include "libpfkey/pfkey.h"
#include "libpolicy/policywire.h"
#include "libpolicy/storew.h"

enum {
	CLIENTS_MAX	= 64,
	PROBLEM_MAX	= 2048,
};

struct client {
	int			 cl_fd;		/* -1: free */
	char			 cl_author[64];
	bool			 cl_subscribed;
	struct policy_texts	 cl_texts;
	size_t			 cl_total;	/* bytes of all texts */
};

struct policyd {
	const char		*pd_rundir;
	const char		*pd_db;
	char			 pd_sock[108];
	char			 pd_keysock[108];
	int			 pd_listen;
	struct policy_store	*pd_store;
	struct client		 pd_client[CLIENTS_MAX];

	struct history		*pd_history;	/* NULL: not opened yet */
	bool			 pd_history_failed;	/* which is in the log */

	uint64_t		 pd_committed;	/* newest revision */
	uint64_t		 pd_applied;	/* in force, as far as we know */
	char			 pd_problem[PROBLEM_MAX];	/* of applying */

	struct pfkey		*pd_key;	/* NULL: not connected */
	int64_t			 pd_retry;	/* ms, next try */
	int			 pd_backoff;	/* ms */
};

/* client.c */
bool	control_lock(const struct policyd *pd);
bool	control_open(struct policyd *pd);
void	control_close(struct policyd *pd);
void	control_accept(struct policyd *pd);
void	client_read(struct policyd *pd, struct client *cl);
void	client_close(struct client *cl);
/* The new revision to all subscribers. */
void	control_announce(struct policyd *pd);

/* history.c: an HISTORY_OP_KEEP; false: it does not fit. */
bool	history_message(struct policyd *pd, struct client *cl, uint32_t seq,
	    struct cur *c);

/* commit.c: false with a text; on true pd_committed has advanced. */
bool	commit_texts(struct policyd *pd, struct policy_texts *tx,
	    unsigned flags, const char *author, const char *reason,
	    char *text, size_t cap);
/* A store without revisions begins with what an export left. */
void	commit_from_export(struct policyd *pd);

/* apply.c */
bool	apply_connect(struct policyd *pd);
void	apply_disconnect(struct policyd *pd, const char *why);
/*
 * Makes the newest revision be in force; false with pd_problem.  Connects
 * if there is no connection.
 */
bool	apply_revision(struct policyd *pd);
/* Reads what the key socket says unasked. */
void	apply_read(struct policyd *pd);

int64_t	now_ms(void);

#endif
