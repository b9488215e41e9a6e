/* SPDX-License-Identifier: ISC */
/*
 * The other end of a local socket (see peer.h).
 */
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

#include <sys/socket.h>

#include "libutil/peer.h"

bool
peer_of(int fd, uid_t *uid, gid_t *gid)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) == -1)
		return false;
	*uid = uc.uid;
	*gid = uc.gid;
	return true;
}

void
peer_members_read(struct peer_members *pm, const char *group)
{
	const struct group *gr = getgrnam(group);

	*pm = (struct peer_members){ .pm_self = geteuid(),
	    .pm_there = gr != NULL };
	if (gr == NULL)
		return;
	pm->pm_gid = gr->gr_gid;
	for (char **m = gr->gr_mem; *m != NULL && pm->pm_n <
	    sizeof(pm->pm_user) / sizeof(pm->pm_user[0]); m++) {
		const struct passwd *pw = getpwnam(*m);

		if (pw != NULL)
			pm->pm_user[pm->pm_n++] = pw->pw_uid;
	}
}

bool
peer_is_one_of(const struct peer_members *pm, uid_t uid, gid_t gid)
{
	bool listed = uid == 0 || uid == pm->pm_self ||
	    (pm->pm_there && gid == pm->pm_gid);

	for (size_t i = 0; i < pm->pm_n; i++)
		listed = listed || pm->pm_user[i] == uid;
	return listed;
}

bool
peer_is_member(uid_t uid, gid_t gid, const char *group)
{
	struct peer_members pm;

	peer_members_read(&pm, group);
	return peer_is_one_of(&pm, uid, gid);
}
