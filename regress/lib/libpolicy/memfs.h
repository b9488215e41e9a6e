/* SPDX-License-Identifier: ISC */
/*
 * A disk in memory under the store: a VFS of SQLite, and storefs.h.  It
 * fails on demand, and it knows what a crash would leave.
 *
 * What was written is on the disk only after the file was synced, names only
 * after their folder was.  Of the rest a crash keeps any part: nothing, all,
 * the first writes and a piece of the next, or some sectors (512 bytes) and
 * not others, each perhaps in part.  Folders are journaled: of changes to
 * names it keeps the first ones.  Bytes beside those written stay, as on a
 * disk that SQLite calls safe for overwriting.
 *
 *	memfs_reset();			an empty disk, its log begins
 *	... the store works; memfs_ops() counts its operations ...
 *	total = memfs_ops();
 *	mr = memfs_replay_new();
 *	for (n = 1; n <= total; n++) {
 *		memfs_replay_step(mr);		the power went in operation n:
 *		memfs_load(memfs_crash(mr, seed));	that is the disk now
 *		... the store is opened again ...
 *	}
 */
#ifndef REGRESS_MEMFS_H
#define REGRESS_MEMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memfs_image;
struct memfs_replay;

/* SQLite's default VFS from now on. */
void	memfs_register(void);
/* No file may be open. */
void	memfs_reset(void);
/* Writes, syncs and changes of names since the reset. */
unsigned memfs_ops(void);
/* Files that are open. */
unsigned memfs_open_files(void);

/* Takes the log. */
struct memfs_replay	*memfs_replay_new(void);
void	memfs_replay_free(struct memfs_replay *mr);
void	memfs_replay_step(struct memfs_replay *mr);
/* What the crash leaves; the same for the same seed. */
struct memfs_image	*memfs_crash(const struct memfs_replay *mr,
			    uint64_t seed);
/* The disk as it is, as if all were synced. */
struct memfs_image	*memfs_save(void);
/* Resets, and the disk is the image, which is used up.  No file may be open. */
void	memfs_load(struct memfs_image *im);
/* The log begins with the disk as it is, as if that had just been written. */
void	memfs_settle(void);

/*
 * The operation `at` from now (1: the next; reads and opens count too) fails
 * with ENOSPC (writes alone count), EIO, or EROFS (writes, creation and
 * syncs); with `on`, all later ones too.  0: none fails.
 */
void	memfs_fault(unsigned at, int error, bool on);
/* Has it failed yet? */
bool	memfs_faulted(void);
/* Each sync takes so long, by the clock that SQLite sees. */
void	memfs_slow(unsigned ms);
uint64_t memfs_clock_ms(void);

#endif
