/* SPDX-License-Identifier: ISC */
/*
 * A program's side of netkern.sock (kern/ctl.h): one request, its answers.
 */
#ifndef LIBCTL_CLIENT_H
#define LIBCTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/ctl.h"

#define CTL_SOCKET	"netkern.sock"
#define CTL_RUNDIR	"/var/run/ravelin"

struct ctl_client;

/* The run directory: the argument, or $RAVELIN_RUN, or CTL_RUNDIR. */
const char	*ctl_rundir(const char *arg);
/*
 * Connects to netkern.sock in the run directory (NULL: the default one).
 * NULL: err holds a sentence that says what to do.
 */
struct ctl_client *ctl_open(const char *rundir, char *err, size_t errlen);
void		 ctl_close(struct ctl_client *);
/*
 * Sends a request with a body (len may be 0) and a descriptor (-1: none),
 * and calls fn(arg, body, len) for every answer's body (fn NULL: ignores
 * them).  0, or the errno of the answer, whose text ctl_error() gives.
 */
int		 ctl_call(struct ctl_client *, uint16_t op, const void *body, size_t len,
    int fd, void (*fn)(void *arg, const void *body, size_t len), void *arg);
/*
 * As ctl_call(), for what has one answer, of size bytes: copied to out, which
 * may be body.  EPROTO: no such answer came.
 */
int		 ctl_get(struct ctl_client *, uint16_t op, const void *body, size_t len,
    void *out, size_t size);
const char	*ctl_error(const struct ctl_client *);
/*
 * A client of an instance in this process, without a socket: message() gets
 * each request record and gives each answer record to ctl_answer() before it
 * returns.  NULL: no memory.
 */
struct ctl_client *ctl_open_direct(void (*message)(void *arg, const void *rec, size_t len),
    void *arg);
void		 ctl_answer(struct ctl_client *, const void *rec, size_t len);
/* As ctl_open(), but prints "NAME: reason" to standard error and exits with 1. */
struct ctl_client *ctl_must_open(const char *rundir);
/* As ctl_call() and ctl_get(), but print and exit with 1 if the answer is an error. */
void		 ctl_must(struct ctl_client *, uint16_t op, const void *body, size_t len,
    void (*fn)(void *arg, const void *body, size_t len), void *arg);
void		 ctl_must_get(struct ctl_client *, uint16_t op, const void *body, size_t len,
    void *out, size_t size);

#endif
