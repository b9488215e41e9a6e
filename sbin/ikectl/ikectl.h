/* SPDX-License-Identifier: ISC */
/*
 * ikectl(8): asking iked, and showing what it said.
 */
#ifndef IKECTL_PROGRAM_H
#define IKECTL_PROGRAM_H

#include <stdbool.h>

#include "libctl/ikectl.h"

/* Exit codes. */
enum {
	EX_ASKED_NO	= 1,	/* the thing asked is not so */
	EX_USAGE_	= 2,
	EX_NONAME	= 4,
	EX_NODAEMON	= 5,
	EX_TIMEOUT	= 6,
	EX_DENIED	= 7,
};

/* One tunnel, with the counters that the network kernel keeps. */
struct tunnel {
	struct ike_status	tu_st;
	uint64_t		tu_now;		/* clock of tu_st, ms */
	bool			tu_counted;	/* what follows is known */
	uint64_t		tu_in, tu_out;	/* bytes */
	int64_t			tu_in_last, tu_out_last;	/* date, 0 never */
};

/* status.c */
void	status_table(const struct tunnel *list, size_t n);
void	status_verbose(const struct tunnel *list, size_t n);
void	status_json(const struct tunnel *list, size_t n);
/* "up", "up, silent", "down, retry 3": the word that all outputs use. */
const char *tunnel_state(const struct tunnel *tu, char buf[32]);
void	event_print(const struct ikectl_event *ev, bool json);
void	stats_print(const struct ikectl_stats *st, bool json);

#endif
