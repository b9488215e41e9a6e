/* SPDX-License-Identifier: ISC */
/*
 * One daemon at a time, and its socket (see local.h).  To ask whether
 * somebody answers at the socket is not enough: of two that begin at once
 * neither does.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libutil/local.h"
#include "libutil/log.h"

enum { WAITING = 16 };		/* connections that nobody has taken yet */

bool
local_lock(const char *dir, const char *name)
{
	char path[4096];
	int fd = -1, n;

	(void)mkdir(dir, 0755);
	n = snprintf(path, sizeof(path), "%s/%s.lock", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		errno = ENAMETOOLONG;
	else
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1) {
		log_err("%s: %s", path, strerror(errno));
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;			/* fd stays open on purpose */
	if (errno == EWOULDBLOCK)
		log_err("another %s runs already (%s is locked)", name, path);
	else
		log_err("%s: %s", path, strerror(errno));
	(void)close(fd);
	return false;
}

/* Nobody can connect before it listens, so the group is in time. */
static bool
listen_for(int fd, const struct sockaddr_un *sun, const struct group *gr)
{
	(void)unlink(sun->sun_path);
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == -1 ||
	    chmod(sun->sun_path, gr != NULL ? 0660 : 0600) == -1)
		return false;
	/* who is not root serves itself, and its group as far as it may */
	if (gr != NULL && chown(sun->sun_path, (uid_t)-1, gr->gr_gid) == -1 &&
	    geteuid() == 0)
		return false;
	return listen(fd, WAITING) == 0;
}

int
local_listen(const char *path, const char *group)
{
	const struct group *gr = group != NULL ? getgrnam(group) : NULL;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path), fd = -1;

	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		errno = ENAMETOOLONG;
	else
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
	if (fd != -1 && listen_for(fd, &sun, gr))
		return fd;
	log_err("%s: %s", path, strerror(errno));
	if (fd != -1)
		(void)close(fd);
	return -1;
}
