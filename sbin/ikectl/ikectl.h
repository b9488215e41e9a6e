/* SPDX-License-Identifier: ISC */
/*
 * ikectl(8): asking iked, and showing what it said.
 */
#ifndef IKECTL_PROGRAM_H
#define IKECTL_PROGRAM_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "libctl/ikectl.h"
#include "libhistory/history.h"

#define SCHEMA_VERSION	1

/* Exit codes. */
enum {
	EX_ASKED_NO	= 1,	/* the thing asked is not so */
	EX_USAGE_	= 2,
	EX_CONFIG_	= 3,	/* the rule cannot be carried out */
	EX_NONAME	= 4,
	EX_NODAEMON	= 5,
	EX_TIMEOUT	= 6,
	EX_DENIED	= 7,
	EX_TEMPORARY	= 75,	/* try again: disk full, locked, in change */
};

/* One tunnel, with the counters that the network kernel keeps. */
struct tunnel {
	struct ike_status	tu_st;
	uint64_t		tu_now;		/* clock of tu_st, ms */
	bool			tu_asked;	/* the network kernel has answered */
	bool			tu_counted;	/* it has both SAs, with these counters: */
	uint64_t		tu_in, tu_out;	/* bytes */
	int64_t			tu_in_last, tu_out_last;	/* date, 0 never */
};

/* ---- words.c: what all outputs say ---- */

enum tunnel_word {
	WORD_UP, WORD_SILENT, WORD_CONNECTING, WORD_RETRY, WORD_WAITING,
	WORD_DEMAND, WORD_DISABLED, WORD_BLOCKED
};

/* A child SA is installed in both directions. */
bool	tunnel_up(const struct tunnel *tu);
enum tunnel_word tunnel_word(const struct tunnel *tu);
/* One word for machines: "up", "silent", "retry" ... */
const char *tunnel_word_id(enum tunnel_word w);
/*
 * Why it is not as it should be, and what is said of it: in a line, and whole.
 * What to change is ike_reason_advice().
 */
enum ike_reason tunnel_reason(const struct tunnel *tu);
/* The reason holds now. */
bool	tunnel_trouble(const struct tunnel *tu);
const char *tunnel_note(const struct tunnel *tu, char *buf, size_t len);
const char *tunnel_detail(const struct tunnel *tu, char *buf, size_t len);
/* "12s", "38m", "4h12m", "9d" */
const char *tunnel_duration(uint64_t s, char buf[24]);
/* "up", "up, silent", "down, retry 3". */
const char *tunnel_state(const struct tunnel *tu, char buf[32]);

/* ---- status.c ---- */

void	status_table(const struct tunnel *list, size_t n);
void	status_verbose(const struct tunnel *list, size_t n);
void	status_json(const struct tunnel *list, size_t n);
/* An object of status_json(); the caller's. */
cJSON	*status_json_tunnel(const struct tunnel *tu);
void	event_print(const struct ikectl_event *ev, bool json);
/* What became of a command: a line, or a document. */
void	outcome_print(const char *command, const char *name, int code,
    const char *text, bool json);
void	stats_print(const struct ikectl_stats *st, bool json);
/* Prints and frees; line: one line. */
void	json_out(cJSON *o, bool line);

/* ---- metrics.c ---- */

/* The Prometheus text; the network kernel is asked for its part. */
void	metrics_print(const struct tunnel *list, size_t n,
    const struct ikectl_stats *st, const char *rundir);

/* ---- history.c ---- */

cJSON	*history_json(const struct history_event *ev);
void	history_print(const struct history_event *ev, bool json);
/* name NULL: of all; newest 0: whole.  An exit code. */
int	history_list(const char *name, unsigned newest, bool json);
bool	history_last_failure(const char *name, struct history_event *out);
/*
 * Prints what came after number `since' up to `last', waiting some seconds
 * for what is on its way to the store; says what is missing.  Returns the
 * number that has been dealt with.
 */
uint64_t history_catch_up(const char *name, uint64_t since, uint64_t last,
    bool json);

#endif
