/* SPDX-License-Identifier: ISC */
/*
 * The file operations of the store besides SQLite's own: of the machine key
 * and of the export.  Each is the system call of its name, with its result
 * and its errno.  A test that defines these functions itself has them in the
 * place of storefs.c, and SQLite's come through its VFS: so all that the
 * store does to a disk can fail, tear and be lost.
 */
#ifndef LIBPOLICY_STOREFS_H
#define LIBPOLICY_STOREFS_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/stat.h>
#include <sys/types.h>

/* open(2) with O_CLOEXEC; a new file has mode 0600. */
int	storefs_open(const char *path, int flags);
int	storefs_stat(int fd, struct stat *sb);
ssize_t	storefs_read(int fd, void *buf, size_t n);
ssize_t	storefs_write(int fd, const void *buf, size_t n);
int	storefs_sync(int fd);
int	storefs_close(int fd);
int	storefs_rename(const char *from, const char *to);
int	storefs_link(const char *from, const char *to);
int	storefs_unlink(const char *path);
/* access(2) with F_OK. */
int	storefs_exists(const char *path);
/* The names in the folder of path to the disk. */
int	storefs_sync_folder(const char *path);

#endif
