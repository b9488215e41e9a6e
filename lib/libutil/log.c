/* SPDX-License-Identifier: ISC */
/*
 * The log of a program (see log.h).  One process has one log, so its state
 * is the one global of libutil.  A line is made in a buffer and written by
 * one call, so that the lines of several processes do not mix.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libutil/log.h"
#include "libutil/utf8.h"

static struct {
	const char	*name;
	bool		 foreground;
	int		 verbose;
} state = { .name = "ravelin", .foreground = true };

void
log_init(const char *name, bool foreground, int verbose)
{
	state.name = name;
	state.foreground = foreground;
	state.verbose = verbose;
	tzset();
	if (!foreground)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_setname(const char *name)
{
	state.name = name;
	if (!state.foreground)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

static void
log_stderr(const char *text)
{
	char line[2048], when[32];
	struct timespec ts;
	struct tm tm;
	int n;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)localtime_r(&ts.tv_sec, &tm);
	(void)strftime(when, sizeof(when), "%H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s.%03ld %s: %s\n", when,
	    ts.tv_nsec / 1000000, state.name, text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;		/* nowhere left to complain */
}

static void
log_vat(int level, const char *fmt, va_list ap)
{
	char text[1900];

	if (level > (state.verbose < 0 ? LOG_CRIT : state.verbose == 0 ?
	    LOG_INFO : LOG_DEBUG))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	utf8_line(text, strlen(text));
	if (state.foreground)
		log_stderr(text);
	else
		syslog(level, "%s", text);
}

void
log_at(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vat(level, fmt, ap);
	va_end(ap);
}

_Noreturn void
log_fatal(const char *fmt, ...)
{
	int e = errno;
	char text[1800];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (e != 0)
		log_err("%s: %s", text, strerror(e));
	else
		log_err("%s", text);
	exit(1);
}
