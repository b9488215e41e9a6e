/* SPDX-License-Identifier: ISC */
/*
 * The table of partitions of a disk: GPT (UEFI Specification 2.10, section
 * 5.3), with sectors of 512 bytes and up to 128 entries of 128 bytes.
 *
 *	gpt_read() -> gpt_find(), gpt_add(), gpt_rename() -> gpt_write()
 *
 * gpt_read() takes the first table whose checksums are right: the one at the
 * begin, else the copy that the disk's last sector holds.  gpt_add() uses the
 * disk to its end, also if it has grown since the table was made.
 *
 * gpt_write() writes the copy at the end first, syncs, then the begin by one
 * write of the sectors that change: whoever is interrupted leaves a table.
 */
#ifndef GPT_H
#define GPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GPT_SECTOR	= 512,
	GPT_ENTRIES	= 128,
	GPT_ENTRY	= 128,
	GPT_TABLE	= GPT_ENTRIES * GPT_ENTRY,
	GPT_NAME	= 36,		/* characters */
	GPT_ALIGN	= 2048,		/* sectors: where a partition may begin */
};

struct gpt {
	uint64_t	g_sectors;	/* of the disk */
	uint64_t	g_first, g_last;	/* usable, both included */
	uint8_t		g_disk[16];	/* GUID */
	uint8_t		g_mbr[GPT_SECTOR];	/* protective; kept but for its size */
	uint8_t		g_table[GPT_TABLE];
	bool		g_copy;		/* read from the copy */
};

/* False with *why. */
bool	gpt_read(struct gpt *g, int fd, uint64_t sectors, const char **why);
/* The place of the partition of that name, from 0; -1 none. */
int	gpt_find(const struct gpt *g, const char *name);
/* First sector and count of the partition at a place. */
void	gpt_extent(const struct gpt *g, int place, uint64_t *first,
	    uint64_t *count);
/*
 * A partition of Linux data in the largest free space, all of it, with a
 * random GUID from the caller. Its place; -1 with *why (less than `least`
 * sectors are free, or the table is full).
 */
int	gpt_add(struct gpt *g, const char *name, const uint8_t guid[16],
	    uint64_t least, const char **why);
void	gpt_rename(struct gpt *g, int place, const char *name);
bool	gpt_write(const struct gpt *g, int fd, const char **why);

#endif
