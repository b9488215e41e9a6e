/* SPDX-License-Identifier: ISC */
/*
 * Direct calls (see storefs.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpolicy/storefs.h"

int
storefs_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600);
}

int
storefs_stat(int fd, struct stat *sb)
{
	return fstat(fd, sb);
}

ssize_t
storefs_read(int fd, void *buf, size_t n)
{
	return read(fd, buf, n);
}

ssize_t
storefs_write(int fd, const void *buf, size_t n)
{
	return write(fd, buf, n);
}

int
storefs_sync(int fd)
{
	return fsync(fd);
}

int
storefs_close(int fd)
{
	return close(fd);
}

int
storefs_rename(const char *from, const char *to)
{
	return rename(from, to);
}

int
storefs_link(const char *from, const char *to)
{
	return link(from, to);
}

int
storefs_unlink(const char *path)
{
	return unlink(path);
}

int
storefs_exists(const char *path)
{
	return access(path, F_OK);
}

int
storefs_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : 0;
	char dir[4096] = ".";
	int fd, error;

	if (n >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (slash == path)
		(void)snprintf(dir, sizeof(dir), "/");
	else if (slash != NULL)
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)n, path);
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	error = fsync(fd) == 0 ? 0 : errno;
	(void)close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}
