/* SPDX-License-Identifier: ISC */
/*
 * The clock (see clock.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot.h"
#include "clock.h"

#define SAVED	BOOT_ETC "/clock"

#define LATEST	INT64_C(7258118400)	/* 2200-01-01 */

time_t
clock_read(const char *text)
{
	int64_t v = 0;
	size_t n = 0;

	while (text[n] >= '0' && text[n] <= '9' && n < 11)
		v = 10 * v + (text[n++] - '0');
	return n == 0 || text[n] != '\0' || v > LATEST ? 0 : (time_t)v;
}

time_t
clock_built(void)
{
	char text[32];

	return file_value("/etc/release", "serial", text, sizeof(text)) ?
	    clock_read(text) : 0;
}

int
clock_set(time_t to)
{
	const struct timespec ts = { .tv_sec = to };

	return clock_settime(CLOCK_REALTIME, &ts);
}

static void
print(time_t t, char out[32])
{
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, 32, "%Y-%m-%d %H:%M", &tm);
}

bool
clock_raise(time_t now, time_t least, const char *what, int (*set)(time_t),
    char text[CLOCK_TEXT])
{
	char was[32], is[32];

	if (now >= least)
		return false;
	print(now, was);
	print(least, is);
	if (set(least) == -1)
		(void)snprintf(text, CLOCK_TEXT, "CLOCK-01 the clock says %s, "
		    "is wrong, and cannot be set: %s", was, strerror(errno));
	else
		(void)snprintf(text, CLOCK_TEXT, "CLOCK-01 the clock said %s; "
		    "now %s, when %s: set it, or name a time server (menu, t)",
		    was, is, what);
	return true;
}

void
clock_save(void)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld\n", (long long)time(NULL));
	if (mounted(BOOT_DATA) &&
	    !file_replace(SAVED, text, strlen(text), 0600))
		quiet(SAVED ": %s", strerror(errno));
}

int
task_clock(void)
{
	char line[32], text[CLOCK_TEXT];

	if (file_line(SAVED, line, sizeof(line)) && clock_raise(time(NULL),
	    clock_read(line), "the router last ran", clock_set, text))
		loud("%s", text);
	return 0;
}
