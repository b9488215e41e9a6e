/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's decisions: which unit starts when, what becomes of one
 * that ends, and how all of them end.  No clock, process or file is touched
 * here: the shell (supervisor.c) tells what happened and when, and carries
 * out the actions that it is handed.
 *
 * A unit is a task, which runs once and ends, or a daemon, which runs until
 * the stop.  It starts as soon as all units that it comes after have been
 * ready once: that one of them dies later does not hold up the others.
 * A task is ready when it has ended: with 0, or, unless UNIT_MUST says that
 * it is tried again until it succeeds, with anything.  A daemon is ready when
 * it answers, which the shell finds out by ACT_PROBE.
 *
 *	            spawned            answers
 *	UNIT_WAIT ----------> UNIT_START -------> UNIT_READY
 *	   ^  the delay is over    | ended            | ended
 *	   +-------------------- UNIT_AGAIN <---------+
 *
 * The delay doubles from SUPER_DELAY_MIN to SUPER_DELAY_MAX ms with each end
 * and starts over once the unit has run for SUPER_LONG ms.
 *
 * super_stop() ends units in the reverse of their order, one after the
 * other: SIGTERM, and SIGKILL after SUPER_GRACE ms.  ACT_END is the last
 * action.
 *
 * Times are milliseconds of a clock that only goes forward.
 */
#ifndef SUPER_H
#define SUPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SUPER_UNITS_MAX	= 32,
	SUPER_DELAY_MIN	= 100,
	SUPER_DELAY_MAX	= 30 * 1000,
	SUPER_LONG	= 60 * 1000,
	SUPER_GRACE	= 8 * 1000,
	SUPER_PROBE	= 20,
	SUPER_TEXT	= 200,
};

enum unit_kind {
	UNIT_TASK,
	UNIT_DAEMON,
};

enum {
	UNIT_MUST	= 1,	/* a task that is tried again until it succeeds */
	UNIT_APART	= 2,	/* its end says nothing about the router: not logged, not health */
};

struct unit_def {
	const char	*ud_name;
	enum unit_kind	 ud_kind;
	unsigned	 ud_flags;
	unsigned	 ud_patience;	/* ms until ready, then it is killed; 0: for ever */
	const char	*ud_after;	/* names with blanks between; NULL none */
	unsigned	 ud_latest;	/* ms from the begin: starts then in any case; 0 never */
};

enum unit_state {
	UNIT_WAIT,		/* for the units before it */
	UNIT_START,		/* runs, not ready */
	UNIT_READY,		/* answers; of a task: has ended */
	UNIT_AGAIN,		/* ended, waits for its delay */
	UNIT_DOWN,		/* ended by the stop */
};

enum super_how {
	SUPER_RUN,
	SUPER_REBOOT,
	SUPER_POWEROFF,
	SUPER_HALT,
};

struct unit {
	const struct unit_def	*un_def;
	enum unit_state		 un_state;
	uint32_t		 un_after;	/* bits of units */
	bool			 un_runs;	/* has a process */
	bool			 un_killed;	/* SIGKILL was sent */
	bool			 un_once;	/* has been ready before */
	bool			 un_failed;	/* task: ended with something else than 0 */
	unsigned		 un_ends;	/* in a row, for the delay */
	unsigned		 un_starts;
	int64_t			 un_since;	/* its state */
	int64_t			 un_began;	/* its process */
	int64_t			 un_due;	/* UNIT_AGAIN: when; else of SIGKILL; 0 none */
	int64_t			 un_probe;	/* next */
	char			 un_last[80];	/* how it ended last; empty: never */
};

enum super_act {
	ACT_NONE,
	ACT_SPAWN,		/* unit: start its process */
	ACT_PROBE,		/* does it answer? */
	ACT_TERM,
	ACT_KILL,
	ACT_LOG,		/* sa_text */
	ACT_END,		/* all have ended */
};

struct super_action {
	enum super_act	 sa_act;
	unsigned	 sa_unit;
	bool		 sa_loud;	/* ACT_LOG: to the consoles too */
	char		 sa_text[SUPER_TEXT];
};

enum { SUPER_QUEUE = 4 * SUPER_UNITS_MAX };

struct super {
	struct unit		 su_unit[SUPER_UNITS_MAX];
	unsigned		 su_n;
	int64_t			 su_began;	/* of the first tick; 0 before */
	enum super_how		 su_how;	/* other than SUPER_RUN: stopping */
	bool			 su_ended;
	int64_t			 su_healthy;	/* all ready since; -1: they are not */
	struct super_action	 su_queue[SUPER_QUEUE];
	unsigned		 su_head, su_len;
};

/*
 * defs must outlive su.  False: too many units, or ud_after names one that
 * does not stand before its user.
 */
bool	super_init(struct super *su, const struct unit_def *defs, size_t n);
/* Everything that is due now; call it first, and whenever a deadline has come. */
void	super_tick(struct super *su, int64_t now);
/* After ACT_SPAWN: ok, or there could be no process. */
void	super_spawned(struct super *su, unsigned unit, bool ok, int64_t now);
/* After ACT_PROBE, if it answered. */
void	super_answered(struct super *su, unsigned unit, int64_t now);
/* The process has ended with this status of wait(2). */
void	super_exited(struct super *su, unsigned unit, int wstatus, int64_t now);
/* Ends all; a second call can only turn a reboot into a halt or poweroff. */
void	super_stop(struct super *su, enum super_how how, int64_t now);
/* Runs a unit that has ended once more, or starts a daemon anew. */
void	super_again(struct super *su, unsigned unit, int64_t now);

/* The next action; false if there is none. */
bool	super_next(struct super *su, struct super_action *out);
/* When super_tick() is due; INT64_MAX never. */
int64_t	super_deadline(const struct super *su);

int	super_unit(const struct super *su, const char *name);	/* -1 none */
const char *unit_state_name(enum unit_state st);

#endif
