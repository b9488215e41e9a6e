/* SPDX-License-Identifier: ISC */
/*
 * The watchdog timer: a device that restarts the machine unless somebody
 * writes to it in time.
 *
 * The supervisor opens /dev/watchdog once the kernel's modules are loaded,
 * and feeds it from its own loop, so that what the timer proves is that the
 * kernel schedules, the supervisor runs, and no step of it takes longer than
 * the timer.  It says nothing about the units: those that end or do not
 * answer are the supervisor's business, and a router that forwards without
 * iked is better than one that restarts for ever.
 *
 * Once it runs it is not stopped, whatever becomes of the supervisor, but by
 * watchdog_stop() before the machine is switched off or halted; a restart
 * that hangs on its way down is thus ended, too.  Where the driver does not
 * allow to stop it ("nowayout"), a halted machine starts again.
 *
 * ravelin.watchdog=SECONDS on the kernel's command line is another time than
 * WATCHDOG_SECONDS; 0: none.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stddef.h>
#include <stdint.h>

enum {
	WATCHDOG_SECONDS	= 60,
	WATCHDOG_TEXT		= 160,
};

struct watchdog {
	int	wd_fd;			/* -1: there is none */
	int64_t	wd_every, wd_due;	/* ms; INT64_MAX: never */
};

#define WATCHDOG_NONE	{ .wd_fd = -1, .wd_due = INT64_MAX }

/* Starts it, if there is one; text is what the log should say of that. */
void	watchdog_open(struct watchdog *wd, char text[WATCHDOG_TEXT]);
/* From the loop, at wd_due at the latest; now in ms of the supervisor's clock. */
void	watchdog_feed(struct watchdog *wd, int64_t now);
/* Before the machine is switched off or halted. */
void	watchdog_stop(struct watchdog *wd);

#endif
