/* SPDX-License-Identifier: ISC */
/*
 * A backup: one file that only its passphrase opens.
 *
 *	 0  16	"RAVELIN BACKUP\n", zero
 *	16   2	format, 1
 *	18   2	zero
 *	20   4	argon2id (RFC 9106): passes
 *	24   8	argon2id: bytes of memory
 *	32  16	salt
 *	48  24	nonce
 *	72   8	length of what follows, without the last 32 bytes
 *	80	entries, sealed by XChaCha20-Poly1305 with the 80 bytes above as
 *		associated data
 *	-32	SHA-256 of all that stands above
 *
 * Numbers are big-endian.  The digest at the end is no protection but tells a
 * damaged file from a wrong passphrase.  An entry is the length of its name
 * (2), the length of its body (8), name and body.
 */
#ifndef BACKUP_H
#define BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BACKUP_HEADER	= 80,
	BACKUP_DIGEST	= 32,
	BACKUP_MAX	= 64 << 20,	/* bytes of a file */
	BACKUP_NAME_MAX	= 63,
	BACKUP_ENTRIES	= 32,
	BACKUP_OPS	= 3,
	BACKUP_MEM	= 64 << 20,
	BACKUP_PASS_MIN	= 10,		/* characters of a passphrase */
};

/* ---- archive.c: what is inside ---- */

struct backup_entry {
	char		 be_name[BACKUP_NAME_MAX + 1];
	const uint8_t	*be_body;	/* in the archive's bytes */
	size_t		 be_len;
};

struct backup {
	struct backup_entry	bk_entry[BACKUP_ENTRIES];
	size_t			bk_n;
};

/* Bytes that are wiped when they are freed. */
struct bytes {
	uint8_t	*by_p;
	size_t	 by_n;
};

void	bytes_free(struct bytes *by);
/* Adds an entry to the bytes of an archive; false without memory. */
bool	backup_add(struct bytes *by, const char *name, const void *body,
	    size_t n);
/*
 * Finds the entries: false if it is no archive. They point into p; their names
 * are letters, digits, '.', '/', '-' and '_'.
 */
bool	backup_parse(struct backup *bk, const void *p, size_t n);
/* NULL: there is none. */
const struct backup_entry *backup_find(const struct backup *bk,
	    const char *name);

/* ---- entries.c ---- */

/*
 * Can what reads it make sense of this file?  True of what is no file of a
 * folder of settings.
 */
bool	backup_entry_good(const struct backup_entry *be);

/* ---- seal.c ---- */

/* The whole file; ops and mem of argon2id. False with *why. */
bool	backup_seal(const struct bytes *archive, const char *passphrase,
	    unsigned ops, size_t mem, struct bytes *file, const char **why);
/* And back. False with *why: damaged, wrong passphrase ... */
bool	backup_open(const void *file, size_t n, const char *passphrase,
	    struct bytes *archive, const char **why);

/* ---- restore.c ---- */

struct options {
	const char	*op_file;
	const char	*op_passfile;	/* -P; "-" standard input; NULL: asks */
	const char	*op_confirm;	/* -c: the policy goes back unless confirmed; NULL */
	const char	*op_reason;	/* -m; NULL: "restored from a backup" */
	const char	*op_etc;	/* -e */
	const char	*op_tls;	/* -t */
	bool		 op_yes;	/* -y */
	bool		 op_json;	/* -j */
	bool		 op_quiet;	/* -q */
};

int	backup_fail(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
/* Asks for the passphrase, or reads its file. */
bool	backup_passphrase(const struct options *op, bool twice, char *out,
	    size_t cap);
/* Shows what the file holds and would change; with change: does it, if wanted. */
int	backup_restore(const struct options *op, bool change);

/* Files of the folder of settings that a backup holds. */
extern const char *const backup_files[];

#endif
