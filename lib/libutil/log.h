/* SPDX-License-Identifier: ISC */
/*
 * The log of a program: to standard error while it runs in the foreground,
 * else to syslog(3) (RFC 5424 severities).  Lines never hold key bytes; control
 * characters in what is logged, line ends too, become '?', so that each line is
 * one of the program's own.
 */
#ifndef LIBUTIL_LOG_H
#define LIBUTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

/*
 * Before the first line.  foreground: standard error, with the time; verbose
 * adds LOG_DEBUG, and a negative one (tests) leaves only LOG_CRIT.  name is
 * kept, not copied; it may be set again after a fork.
 */
void	log_init(const char *name, bool foreground, int verbose);
void	log_setname(const char *name);
void	log_at(int level, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Logs the text, ": " and errno's if it is not 0, and exits with 1. */
_Noreturn void	log_fatal(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

#define log_err(...)	log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_DEBUG, __VA_ARGS__)

#endif
