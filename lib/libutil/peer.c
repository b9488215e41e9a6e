/* SPDX-License-Identifier: ISC */
/*
 * The other end of a local socket (see peer.h).
 */
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
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

bool
peer_is_member(uid_t uid, gid_t gid, const char *group)
{
	const struct passwd *pw = getpwuid(uid);
	const struct group *gr = getgrnam(group);

	if (uid == 0 || uid == geteuid())
		return true;
	if (gr == NULL)
		return false;
	if (gid == gr->gr_gid)
		return true;
	for (char **m = gr->gr_mem; pw != NULL && *m != NULL; m++)
		if (strcmp(*m, pw->pw_name) == 0)
			return true;
	return false;
}
