/* SPDX-License-Identifier: ISC */
/*
 * The clock of a router whose battery is empty, or that has none.
 *
 * It never begins before the time that the image was made, nor, once /data
 * is there, before the time that the router was last known to run, which is
 * kept hourly, at a stop in order, and when a time server has set the clock.
 * That is late by the time that it was off; a time server or a person puts it
 * right.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	CLOCK_TEXT	= 200,
	CLOCK_SAVE	= 3600,		/* seconds between two copies */
};

/* Seconds that a text of digits says; 0: it says none, or one past 2200. */
time_t	clock_read(const char *text);
/*
 * Sets the clock if it is before `least`, when `what` was.  True if there
 * is something to tell, in text: it was set, or could not be.
 */
bool	clock_raise(time_t now, time_t least, const char *what,
	    int (*set)(time_t), char text[CLOCK_TEXT]);
/* When the image was made; 0: it does not say. */
time_t	clock_built(void);
/* clock_settime(2). */
int	clock_set(time_t);

#endif
