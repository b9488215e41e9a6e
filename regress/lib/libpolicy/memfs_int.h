/* SPDX-License-Identifier: ISC */
/*
 * Inside of memfs: what memfs.c and memvfs.c share.
 */
#ifndef REGRESS_MEMFS_INT_H
#define REGRESS_MEMFS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILES_MAX = 16, NAME_LEN = 64, SECTOR = 512, SHM_REGIONS = 64,
	SHM_LOCKS = 8 };

struct bytes {
	uint8_t	*by_p;
	size_t	 by_n;
	size_t	 by_cap;
};

struct names {
	char	na_name[FILES_MAX][NAME_LEN];
	int	na_inode[FILES_MAX];		/* 0: free */
};

enum op_type { OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_NAME, OP_DELETE,
	OP_SYNC_FOLDER };

struct op {
	enum op_type	op_type;
	int		op_inode;
	size_t		op_off;
	struct bytes	op_data;
	char		op_name[NAME_LEN];
	char		op_name2[NAME_LEN];	/* of a rename: the old one */
};

struct inode {
	struct bytes	 in_bytes;
	unsigned	 in_shared;		/* locks of the file */
	const void	*in_reserved;
	const void	*in_exclusive;
	void		*in_shm[SHM_REGIONS];
	unsigned	 in_shm_users;
	unsigned	 in_shm_shared[SHM_LOCKS];
	const void	*in_shm_exclusive[SHM_LOCKS];
};

struct memfs {
	struct inode	*mf_inodes;		/* from 1 */
	int		 mf_ninodes;
	struct names	 mf_names;
	struct op	*mf_ops;
	unsigned	 mf_nops;
	unsigned	 mf_cap;
	unsigned	 mf_open;
	unsigned	 mf_in;			/* the fault comes so soon */
	int		 mf_error;
	bool		 mf_on;
	bool		 mf_failed;
	unsigned	 mf_slow;
	uint64_t	 mf_clock;
};

extern struct memfs memfs;

void	bytes_write(struct bytes *by, size_t off, const void *p, size_t n);
void	bytes_truncate(struct bytes *by, size_t n);
int	names_find(const struct names *na, const char *name);
int	inode_new(void);
void	do_write(int inode, size_t off, const void *p, size_t n, bool logged);
void	do_truncate(int inode, size_t n, bool logged);
void	do_sync(int inode);
void	do_sync_folder(void);
void	do_name(const char *name, int inode, const char *from);
/* Shall this operation fail? */
bool	memfs_fails(bool writes, int *error);

#endif
