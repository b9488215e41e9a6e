/* SPDX-License-Identifier: ISC */
/*
 * The socket (unix(7), SOCK_SEQPACKET) of a daemon that runs once in a
 * directory: first the lock, then what belongs to the daemon alone, its files
 * and its socket.  Both say in the log why they fail.
 */
#ifndef LIBUTIL_LOCAL_H
#define LIBUTIL_LOCAL_H

#include <stdbool.h>

/*
 * Locks dir/name.lock until this process and those forked from it have ended,
 * in whatever way; an exec lets go of it.  dir is made if missing.  False:
 * another one has it, or it cannot be had.
 */
bool	local_lock(const char *dir, const char *name);
/*
 * Listens at path, in place of what is there: the lock comes before.
 * It does not block, and is closed on exec.  Members of group may connect; if
 * there is no such group, or it is NULL, only the user that it runs as.  -1:
 * it cannot be had.
 */
int	local_listen(const char *path, const char *group);

#endif
