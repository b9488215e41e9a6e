/* SPDX-License-Identifier: ISC */
/*
 * Wrong passwords, counted in a file of sixteen bytes: a menu that begins anew
 * goes on from what was counted before, and of several at once each sees what
 * the others count.  A record lock (fcntl(2)) is held meanwhile; it ends
 * with its process, however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/mman.h>

#include "console.h"

int
tries_open(const char *path)
{
	const off_t size = sizeof(struct auth_lock);
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);

	/* what is taken now is not missing later, when memory is short */
	if (fd != -1 && posix_fallocate(fd, 0, size) != 0) {
		close(fd);
		fd = -1;
	}
	if (fd == -1 && (fd = memfd_create("tries", MFD_CLOEXEC)) != -1)
		(void)posix_fallocate(fd, 0, size);
	return fd;
}

static bool
lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };
	int rc;

	do
		rc = fcntl(fd, F_SETLKW, &fl);
	while (rc == -1 && errno == EINTR);
	return rc != -1;
}

static bool
put(int fd, const struct auth_lock *al)
{
	return pwrite(fd, al, sizeof(*al), 0) == (ssize_t)sizeof(*al);
}

int64_t
tries_try(int fd, int64_t now)
{
	int64_t wait = AUTH_WAIT_MAX;	/* not counted, not allowed */
	struct auth_lock al = { 0 };

	if (lock(fd, F_WRLCK) &&
	    pread(fd, &al, sizeof(al), 0) == (ssize_t)sizeof(al))
		wait = auth_lock_try(&al, now);
	if (wait == 0 && !put(fd, &al))
		wait = AUTH_WAIT_MAX;
	(void)lock(fd, F_UNLCK);
	return wait;
}

void
tries_passed(int fd)
{
	struct auth_lock al = { 0 };

	auth_lock_passed(&al);
	if (lock(fd, F_WRLCK))
		(void)put(fd, &al);
	(void)lock(fd, F_UNLCK);
}
