/* SPDX-License-Identifier: ISC */
/*
 * The two doors to the disk in memory: a VFS of SQLite, and the functions of
 * storefs.h in the place of the system's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpolicy/storefs.h"
#include "memfs.h"
#include "memfs_int.h"

struct file {
	sqlite3_file	 fi_base;
	int		 fi_inode;
	int		 fi_lock;
	bool		 fi_temporary;
	bool		 fi_sync_folder;	/* with the first sync, as on unix */
	bool		 fi_shm;
	uint16_t	 fi_shm_shared;		/* slots */
};

static struct inode *
inode_of(const struct file *fi)
{
	return &memfs.mf_inodes[fi->fi_inode];
}

static int
code(int error, int other)
{
	return error == ENOSPC ? SQLITE_FULL : other;
}

/* ---- a file ---- */

static int
vfs_close(sqlite3_file *f)
{
	(void)f;
	memfs.mf_open--;
	return SQLITE_OK;
}

static int
vfs_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 off)
{
	struct file *fi = (struct file *)f;
	const struct bytes *by = &inode_of(fi)->in_bytes;
	size_t at = (size_t)off, have;
	int error;

	if (!fi->fi_temporary && memfs_fails(false, &error))
		return SQLITE_IOERR_READ;
	have = at < by->by_n ? by->by_n - at : 0;
	if (have > (size_t)n)
		have = (size_t)n;
	if (have != 0)
		memcpy(buf, by->by_p + at, have);
	if (have == (size_t)n)
		return SQLITE_OK;
	memset((char *)buf + have, 0, (size_t)n - have);
	return SQLITE_IOERR_SHORT_READ;
}

static int
vfs_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 off)
{
	struct file *fi = (struct file *)f;
	int error;

	if (!fi->fi_temporary && memfs_fails(true, &error))
		return code(error, SQLITE_IOERR_WRITE);
	do_write(fi->fi_inode, (size_t)off, buf, (size_t)n, !fi->fi_temporary);
	return SQLITE_OK;
}

static int
vfs_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct file *fi = (struct file *)f;
	int error;

	if (!fi->fi_temporary && memfs_fails(true, &error))
		return SQLITE_IOERR_TRUNCATE;
	do_truncate(fi->fi_inode, (size_t)n, !fi->fi_temporary);
	return SQLITE_OK;
}

static int
vfs_sync(sqlite3_file *f, int flags)
{
	struct file *fi = (struct file *)f;
	int error;

	(void)flags;
	if (fi->fi_temporary)
		return SQLITE_OK;
	if (memfs_fails(true, &error))
		return SQLITE_IOERR_FSYNC;
	do_sync(fi->fi_inode);
	if (fi->fi_sync_folder) {
		do_sync_folder();
		fi->fi_sync_folder = false;
	}
	return SQLITE_OK;
}

static int
vfs_size(sqlite3_file *f, sqlite3_int64 *n)
{
	*n = (sqlite3_int64)inode_of((struct file *)f)->in_bytes.by_n;
	return SQLITE_OK;
}

static int
vfs_lock(sqlite3_file *f, int level)
{
	struct file *fi = (struct file *)f;
	struct inode *in = inode_of(fi);

	if (fi->fi_lock >= level)
		return SQLITE_OK;
	if (in->in_exclusive != NULL && in->in_exclusive != fi)
		return SQLITE_BUSY;
	if (level >= SQLITE_LOCK_RESERVED && in->in_reserved != NULL &&
	    in->in_reserved != fi)
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE && in->in_shared > 1)
		return SQLITE_BUSY;
	if (fi->fi_lock == SQLITE_LOCK_NONE)
		in->in_shared++;
	if (level >= SQLITE_LOCK_RESERVED)
		in->in_reserved = fi;
	if (level == SQLITE_LOCK_EXCLUSIVE)
		in->in_exclusive = fi;
	fi->fi_lock = level;
	return SQLITE_OK;
}

static int
vfs_unlock(sqlite3_file *f, int level)
{
	struct file *fi = (struct file *)f;
	struct inode *in = inode_of(fi);

	if (fi->fi_lock <= level)
		return SQLITE_OK;
	if (in->in_exclusive == fi)
		in->in_exclusive = NULL;
	if (in->in_reserved == fi)
		in->in_reserved = NULL;
	if (level == SQLITE_LOCK_NONE)
		in->in_shared--;
	fi->fi_lock = level;
	return SQLITE_OK;
}

static int
vfs_reserved(sqlite3_file *f, int *out)
{
	*out = inode_of((struct file *)f)->in_reserved != NULL;
	return SQLITE_OK;
}

static int
vfs_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
vfs_sector(sqlite3_file *f)
{
	(void)f;
	return SECTOR;
}

static int
vfs_characteristics(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- shared memory of the WAL: it does not outlive a crash ---- */

static int
vfs_shm_map(sqlite3_file *f, int region, int size, int extend,
    void volatile **out)
{
	struct file *fi = (struct file *)f;
	struct inode *in = inode_of(fi);

	if (!fi->fi_shm) {
		fi->fi_shm = true;
		in->in_shm_users++;
	}
	*out = NULL;
	if (region >= SHM_REGIONS)
		return SQLITE_IOERR_SHMMAP;
	if (in->in_shm[region] == NULL && extend)
		in->in_shm[region] = calloc(1, (size_t)size);
	*out = in->in_shm[region];
	return *out == NULL && extend ? SQLITE_NOMEM : SQLITE_OK;
}

static bool
shm_lock_one(struct file *fi, struct inode *in, int slot, int flags)
{
	uint16_t bit = (uint16_t)(1 << slot);

	if ((flags & SQLITE_SHM_UNLOCK) != 0) {
		if ((fi->fi_shm_shared & bit) != 0)
			in->in_shm_shared[slot]--;
		if (in->in_shm_exclusive[slot] == fi)
			in->in_shm_exclusive[slot] = NULL;
		fi->fi_shm_shared &= (uint16_t)~bit;
		return true;
	}
	if (in->in_shm_exclusive[slot] != NULL)
		return in->in_shm_exclusive[slot] == fi;
	if ((flags & SQLITE_SHM_SHARED) != 0) {
		if ((fi->fi_shm_shared & bit) == 0)
			in->in_shm_shared[slot]++;
		fi->fi_shm_shared |= bit;
		return true;
	}
	if (in->in_shm_shared[slot] > ((fi->fi_shm_shared & bit) != 0))
		return false;
	in->in_shm_exclusive[slot] = fi;
	return true;
}

static int
vfs_shm_lock(sqlite3_file *f, int from, int n, int flags)
{
	struct file *fi = (struct file *)f;
	struct inode *in = inode_of(fi);

	for (int i = 0; i < n; i++) {
		if (shm_lock_one(fi, in, from + i, flags))
			continue;
		while (i-- > 0)
			(void)shm_lock_one(fi, in, from + i,
			    SQLITE_SHM_UNLOCK);
		return SQLITE_BUSY;
	}
	return SQLITE_OK;
}

static void
vfs_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

static int
vfs_shm_unmap(sqlite3_file *f, int del)
{
	struct file *fi = (struct file *)f;
	struct inode *in = inode_of(fi);

	(void)del;
	if (!fi->fi_shm)
		return SQLITE_OK;
	fi->fi_shm = false;
	if (--in->in_shm_users == 0) {
		for (unsigned i = 0; i < SHM_REGIONS; i++) {
			free(in->in_shm[i]);
			in->in_shm[i] = NULL;
		}
	}
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = vfs_close, .xRead = vfs_read,
	.xWrite = vfs_write, .xTruncate = vfs_truncate, .xSync = vfs_sync,
	.xFileSize = vfs_size, .xLock = vfs_lock, .xUnlock = vfs_unlock,
	.xCheckReservedLock = vfs_reserved, .xFileControl = vfs_control,
	.xSectorSize = vfs_sector,
	.xDeviceCharacteristics = vfs_characteristics,
	.xShmMap = vfs_shm_map, .xShmLock = vfs_shm_lock,
	.xShmBarrier = vfs_shm_barrier, .xShmUnmap = vfs_shm_unmap,
};

/* ---- the VFS ---- */

static int
vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	struct file *fi = (struct file *)f;
	int error;

	(void)v;
	memset(fi, 0, sizeof(*fi));
	fi->fi_temporary = name == NULL;
	if (name != NULL) {
		fi->fi_inode = names_find(&memfs.mf_names, name);
		if (memfs_fails(fi->fi_inode == 0, &error))
			return code(error, SQLITE_CANTOPEN);
		if (fi->fi_inode == 0 && (flags & SQLITE_OPEN_CREATE) == 0)
			return SQLITE_CANTOPEN;
	}
	if (fi->fi_inode == 0) {
		fi->fi_inode = inode_new();
		if (name != NULL)
			do_name(name, fi->fi_inode, NULL);
		fi->fi_sync_folder = (flags & (SQLITE_OPEN_MAIN_JOURNAL |
		    SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
	}
	fi->fi_base.pMethods = &methods;
	memfs.mf_open++;
	if (out != NULL)
		*out = flags;
	return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
	int error;

	(void)v;
	if (names_find(&memfs.mf_names, name) == 0)
		return SQLITE_IOERR_DELETE_NOENT;
	if (memfs_fails(true, &error))
		return SQLITE_IOERR_DELETE;
	do_name(name, 0, NULL);
	if (sync)
		do_sync_folder();
	return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
	int inode = names_find(&memfs.mf_names, name);

	(void)v;
	*out = inode != 0;
	if (flags == SQLITE_ACCESS_EXISTS && inode != 0)
		*out = memfs.mf_inodes[inode].in_bytes.by_n != 0;
	return SQLITE_OK;
}

static int
vfs_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
	(void)v;
	(void)snprintf(out, (size_t)n, "%s", name);
	return SQLITE_OK;
}

static int
vfs_random(sqlite3_vfs *v, int n, char *out)
{
	sqlite3_vfs *real = v->pAppData;

	return real->xRandomness(real, n, out);
}

static int
vfs_sleep(sqlite3_vfs *v, int us)
{
	(void)v;
	memfs.mf_clock += (uint64_t)us / 1000;
	return us;
}

static int
vfs_time(sqlite3_vfs *v, double *days)
{
	(void)v;
	*days = 2460000.5 + (double)memfs.mf_clock / 86400000.0;
	return SQLITE_OK;
}

static int
vfs_last_error(sqlite3_vfs *v, int n, char *out)
{
	(void)v;
	if (n > 0)
		out[0] = '\0';
	return memfs.mf_failed ? memfs.mf_error : 0;
}

void
memfs_register(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1, .szOsFile = sizeof(struct file),
		.mxPathname = NAME_LEN, .zName = "memfs", .xOpen = vfs_open,
		.xDelete = vfs_delete, .xAccess = vfs_access,
		.xFullPathname = vfs_path, .xRandomness = vfs_random,
		.xSleep = vfs_sleep, .xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
	};

	vfs.pAppData = sqlite3_vfs_find(NULL);
	(void)sqlite3_vfs_register(&vfs, 1);
}

/* ---- storefs.h ---- */

enum { FDS = 16 };

static struct { int fd_inode; size_t fd_off; } fds[FDS];

int
storefs_open(const char *path, int flags)
{
	int inode = names_find(&memfs.mf_names, path), fd = 0, error;

	if (memfs_fails(inode == 0 || (flags & O_TRUNC) != 0, &error))
		return -1;
	if (inode == 0 && (flags & O_CREAT) == 0) {
		errno = ENOENT;
		return -1;
	}
	if (inode != 0 && (flags & O_EXCL) != 0) {
		errno = EEXIST;
		return -1;
	}
	if (inode == 0) {
		inode = inode_new();
		do_name(path, inode, NULL);
	} else if ((flags & O_TRUNC) != 0) {
		do_truncate(inode, 0, true);
	}
	while (fds[fd].fd_inode != 0)
		if (++fd == FDS)
			abort();
	fds[fd].fd_inode = inode;
	fds[fd].fd_off = 0;
	memfs.mf_open++;
	return fd;
}

int
storefs_stat(int fd, struct stat *sb)
{
	memset(sb, 0, sizeof(*sb));
	sb->st_mode = S_IFREG | 0600;
	sb->st_size = (off_t)memfs.mf_inodes[fds[fd].fd_inode].in_bytes.by_n;
	return 0;
}

ssize_t
storefs_read(int fd, void *buf, size_t n)
{
	const struct bytes *by = &memfs.mf_inodes[fds[fd].fd_inode].in_bytes;
	int error;

	if (memfs_fails(false, &error))
		return -1;
	if (n > by->by_n - fds[fd].fd_off)
		n = by->by_n - fds[fd].fd_off;
	if (n != 0)
		memcpy(buf, by->by_p + fds[fd].fd_off, n);
	fds[fd].fd_off += n;
	return (ssize_t)n;
}

ssize_t
storefs_write(int fd, const void *buf, size_t n)
{
	int error;

	if (memfs_fails(true, &error))
		return -1;
	do_write(fds[fd].fd_inode, fds[fd].fd_off, buf, n, true);
	fds[fd].fd_off += n;
	return (ssize_t)n;
}

int
storefs_sync(int fd)
{
	int error;

	if (memfs_fails(true, &error))
		return -1;
	do_sync(fds[fd].fd_inode);
	return 0;
}

int
storefs_close(int fd)
{
	fds[fd].fd_inode = 0;
	memfs.mf_open--;
	return 0;
}

int
storefs_rename(const char *from, const char *to)
{
	int error;

	if (memfs_fails(true, &error))
		return -1;
	do_name(to, names_find(&memfs.mf_names, from), from);
	return 0;
}

int
storefs_link(const char *from, const char *to)
{
	int error;

	if (memfs_fails(true, &error))
		return -1;
	do_name(to, names_find(&memfs.mf_names, from), NULL);
	return 0;
}

int
storefs_unlink(const char *path)
{
	int error;

	if (names_find(&memfs.mf_names, path) == 0) {
		errno = ENOENT;
		return -1;
	}
	if (memfs_fails(true, &error))
		return -1;
	do_name(path, 0, NULL);
	return 0;
}

int
storefs_exists(const char *path)
{
	errno = ENOENT;
	return names_find(&memfs.mf_names, path) != 0 ? 0 : -1;
}

int
storefs_sync_folder(const char *path)
{
	int error;

	(void)path;
	if (memfs_fails(true, &error))
		return -1;
	do_sync_folder();
	return 0;
}
