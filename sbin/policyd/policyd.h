/* SPDX-License-Identifier: ISC */
/*
 * policyd(8): the one writer of the policy store.  What its files share.
 *
 *	policyd.c	start, the loop over sockets, the end
 *	client.c	the control socket: who may ask, what they ask
 *	commit.c	texts to a revision
 *	history.c	what iked tells of tunnels
 *	read.c		what those may read who may not open the store
 *	revise.c	a revision takes effect, or goes back
 *	apply.c, filter.c, netconf.c	its parts (revise.h)
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

/* Where the time of a commit went; us. */
struct stages {
	int64_t	sg_mark;	/* when the last one ended */
	int64_t	sg_parse;
	int64_t	sg_store;
	int64_t	sg_apply;
};

struct client {
	int			 cl_fd;		/* -1: free */
	char			 cl_author[64];
	bool			 cl_web;	/* may say on whose behalf it asks */
	bool			 cl_subscribed;
	struct policy_texts	 cl_texts;
	size_t			 cl_total;	/* bytes of all texts */
};

/* The text that was read last (read.c). */
struct read_kept {
	char		*rk_text;	/* NULL: none */
	uint64_t	 rk_revision;
	unsigned	 rk_part;
};

/* How often others and we have changed policies and manual SAs. */
struct force_count {
	uint64_t	fc_flows;
	uint64_t	fc_sas;
};

struct policyd {
	const char		*pd_rundir;
	const char		*pd_db;
	char			 pd_sock[108];
	char			 pd_keysock[108];
	int			 pd_listen;
	struct policy_store	*pd_store;
	char			 pd_readonly[256];	/* why it cannot be written; "": it can */
	struct client		 pd_client[CLIENTS_MAX];

	struct history		*pd_history;	/* NULL: not opened yet */
	bool			 pd_history_failed;	/* which is in the log */

	struct read_kept	 pd_kept;

	uint64_t		 pd_committed;	/* newest revision */
	uint64_t		 pd_applied;	/* was put in force last */
	bool			 pd_in_force;	/* and is, as far as we know */
	char			 pd_problem[PROBLEM_MAX];	/* of applying */

	struct pfkey		*pd_key;	/* NULL: not connected */
	/* what the network kernel holds of us, as of that count; NULL: not known */
	struct policy_held	*pd_force;
	struct force_count	 pd_force_count;
	int64_t			 pd_retry;	/* ms, next try */
	int			 pd_backoff;	/* ms */
	bool			 pd_refused;	/* by the network kernel, not for want of it */

	struct policy_pending	 pd_pending;	/* pe_revision 0: none */
	bool			 pd_going_back;	/* to pd_back, not yet in the store */
	uint64_t		 pd_back;
	int64_t			 pd_back_retry;	/* ms */
	char			 pd_back_reason[PROBLEM_MAX];

	struct stages		 pd_stages;	/* of the commit under way */
	int64_t			 pd_export_due;	/* ms; 0: the export is of the newest */
	int64_t			 pd_export_last;	/* ms; not later */

	uint64_t		 pd_pf_serial;	/* of the rules that we loaded last */
	uint8_t			 pd_pf_digest[32];	/* of their texts */
};

/* What a client asks for with its texts. */
struct commit_request {
	unsigned	 cr_flags;	/* POLICYCTL_* */
	uint64_t	 cr_base;	/* POLICYCTL_ANY: whatever is newest */
	uint32_t	 cr_confirm;	/* ms; 0: for good */
	const char	*cr_author;
	const char	*cr_reason;
};

/* client.c */
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

/* read.c: an operation of libpolicy/readwire.h; false: none of them, or it does not fit. */
bool	read_message(struct policyd *pd, struct client *cl, unsigned op,
	uint32_t seq, struct cur *c);

/*
 * commit.c: false with a text; on true pd_committed has advanced.  The texts
 * are used up.
 */
bool	commit_texts(struct policyd *pd, struct policy_texts *tx,
	    const struct commit_request *cr, char *text, size_t cap);
/* A new revision that is as `from` was, 0: empty. */
bool	commit_copy(struct policyd *pd, uint64_t from, const char *author,
	    const char *reason, const struct policy_pending *pe, uint64_t *rev,
	    const char **why);
/* The export comes to say what the store says, once there is time for it. */
void	export_later(struct policyd *pd);
/* ms until then, -1: never; and doing it, if it is due or `now`. */
int	export_timeout(const struct policyd *pd);
void	export_tick(struct policyd *pd, bool now);
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
/* Another try after a while. */
void	apply_later(struct policyd *pd);
/* Reads what the key socket says unasked. */
void	apply_read(struct policyd *pd);

/* readonly.c */
/* A store that cannot be opened for writing; false: nor for reading. */
bool	readonly_open(struct policyd *pd, const char *why);
/* Can the store be written, now? Tries to open it anew if it could not. */
bool	readonly_over(struct policyd *pd);

/* revise.c */
/* The revision that should be in force. */
uint64_t revise_target(const struct policyd *pd);
/*
 * Puts revision back in force again and makes it the newest one, whether the
 * store can be written at the moment or not.  False: not in force.
 */
bool	revise_back(struct policyd *pd, uint64_t back, const char *reason);
/* What waits for its confirm, at the start. */
void	revise_pending_load(struct policyd *pd);
/* Deadlines: ms until the next (-1: none), and what is due. */
int	revise_timeout(struct policyd *pd);
void	revise_tick(struct policyd *pd);

/* filter.c: has another program loaded rules since we did? */
bool	filter_foreign(const struct policyd *pd);

int64_t	now_ms(void);
/* us since the last mark, which is moved. */
int64_t	stage_end(struct stages *sg);

#endif
