/* SPDX-License-Identifier: ISC */
/*
 * Events on their way to the history: numbers, bounds, and what was lost.
 */
#ifndef IKED_EVENT_H
#define IKED_EVENT_H

#include "bucket.h"
#include "iked.h"
#include "libhistory/history.h"

struct events {
	int		es_fd;		/* the parent */
	uint64_t	es_last;	/* number of the newest one kept; the parent sets it */
	uint64_t	es_lost;	/* events without a place in the history */
	uint64_t	es_lost_parent;	/* so many more, says the parent */
	struct bucket	es_bucket;
};

void	events_init(struct events *es, int parentfd);
/*
 * An event at `now' (ms): fills in *out, with number 0 if it is not kept,
 * and else tells the parent of it.  Never waits.
 */
void	events_add(struct events *es, uint64_t now, const struct ike_event *ev,
    bool keep, struct iked_event *out);
/* As the history has it. */
void	event_for_history(const struct iked_event *ie, struct history_event *out);

#endif
