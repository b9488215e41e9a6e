/* SPDX-License-Identifier: ISC */
/*
 * Giving up privilege: another user, an empty root directory, and a list of
 * the system calls that are left (seccomp(2)).
 */
#ifndef LIBUTIL_SANDBOX_H
#define LIBUTIL_SANDBOX_H

#include <stdbool.h>

/*
 * What a process may still do once it is set up.  Memory of the heap, time,
 * randomness, waiting, and exit are allowed in each.
 *
 * SANDBOX_PURE		read, write, send and receive on what is open
 * SANDBOX_NET		also accept, and sockets' options
 * SANDBOX_FILES	also open, lock, stat, rename and unlink files, and
 *			make local sockets
 * SANDBOX_FORK		also fork, and narrow what the child may do: it enters
 *			another sandbox, and both hold
 */
enum sandbox {
	SANDBOX_PURE,
	SANDBOX_NET,
	SANDBOX_FILES,
	SANDBOX_FORK,
};

/*
 * Becomes user (or "nobody" if there is no such user) for good, with
 * no supplementary groups, in the root directory dir, made if missing.
 * Does nothing but return true if the process is not root.
 * False with errno.
 */
bool	sandbox_drop(const char *user, const char *dir);

/*
 * From now on a call outside the list ends the process (SIGSYS).  Nothing
 * can be gained by execve(2) any more.  False with errno.  In the checked
 * build (sanitizers) only the latter holds: their run-time needs more calls.
 */
bool	sandbox_enter(enum sandbox);

#endif
