/* SPDX-License-Identifier: ISC */
/*
 * Who is at the other end of a local socket, and may it ask for changes?
 */
#ifndef LIBUTIL_PEER_H
#define LIBUTIL_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

/* False with errno: it cannot be told.  The user and group are the effective ones. */
bool	peer_of(int fd, uid_t *uid, gid_t *gid);

/*
 * The superuser, whom this process runs as, whose own group it is, and whom
 * the file of groups lists.  A process that was given the group besides its
 * own (setgroups(2)) is none of these: it may open what the group may read,
 * and ask for nothing.
 */
bool	peer_is_member(uid_t uid, gid_t gid, const char *group);

/*
 * The same for who can read no file any more, nor ask for its own user: who they
 * are, found out before.
 */
struct peer_members {
	uid_t	pm_self;		/* as which that ran */
	bool	pm_there;		/* there is such a group */
	gid_t	pm_gid;
	uid_t	pm_user[64];		/* listed; more than these are left out */
	size_t	pm_n;
};
void	peer_members_read(struct peer_members *pm, const char *group);
bool	peer_is_one_of(const struct peer_members *pm, uid_t uid, gid_t gid);

#endif
