/* SPDX-License-Identifier: ISC */
/*
 * The watchdog timer (see watchdog.h), by Linux's <linux/watchdog.h>: a
 * write feeds it, and a last one of "V" before it is closed stops it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include "boot.h"
#include "slots.h"
#include "watchdog.h"

#define DEVICE	"/dev/watchdog"

enum {
	SECONDS_MAX	= 600,
	FEEDS		= 4,		/* in the time that it takes to bark */
};

/* What the command line asks for; 0, and nothing else: no watchdog. */
static int
wanted(void)
{
	char value[SLOTS_VALUE], *end;
	long v;

	if (!slots_running("watchdog", value))
		return WATCHDOG_SECONDS;
	v = strtol(value, &end, 10);
	return end != value && *end == '\0' && v >= 0 && v <= SECONDS_MAX ?
	    (int)v : WATCHDOG_SECONDS;
}

void
watchdog_open(struct watchdog *wd, char text[WATCHDOG_TEXT])
{
	struct watchdog_info info = { 0 };
	int seconds = wanted(), status = 0;

	if (seconds == 0 || wd->wd_fd != -1) {
		(void)snprintf(text, WATCHDOG_TEXT, "the watchdog %s",
		    seconds == 0 ? "is off" : "runs already");
		return;
	}
	wd->wd_fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	if (wd->wd_fd == -1) {
		(void)snprintf(text, WATCHDOG_TEXT, "no watchdog: %s: %s",
		    DEVICE, strerror(errno));
		return;
	}
	(void)ioctl(wd->wd_fd, WDIOC_GETSUPPORT, &info);
	(void)ioctl(wd->wd_fd, WDIOC_GETBOOTSTATUS, &status);
	/* one that knows no other time than its own says which that is */
	(void)ioctl(wd->wd_fd, WDIOC_SETTIMEOUT, &seconds);
	if (ioctl(wd->wd_fd, WDIOC_GETTIMEOUT, &seconds) == -1 || seconds < 1)
		seconds = 1;
	wd->wd_every = seconds * INT64_C(1000) / FEEDS;
	wd->wd_due = 0;
	(void)snprintf(text, WATCHDOG_TEXT, "watchdog: %.*s, %d s%s",
	    (int)sizeof(info.identity), (const char *)info.identity, seconds,
	    (status & WDIOF_CARDRESET) != 0 ?
	    "; it has restarted this machine" : "");
}

void
watchdog_feed(struct watchdog *wd, int64_t now)
{
	if (wd->wd_fd == -1 || now < wd->wd_due)
		return;
	/* one write that fails is made good by the next, or by a restart */
	if (write(wd->wd_fd, "", 1) == 1)
		wd->wd_due = now + wd->wd_every;
	else
		wd->wd_due = now + wd->wd_every / FEEDS;
}

void
watchdog_stop(struct watchdog *wd)
{
	if (wd->wd_fd == -1)
		return;
	if (write(wd->wd_fd, "V", 1) == 1)
		close(wd->wd_fd);
	wd->wd_fd = -1;
	wd->wd_due = INT64_MAX;
}
