/* SPDX-License-Identifier: ISC */
/*
 * The table of partitions of a disk (see gpt.h).
 */
#include <string.h>
#include <unistd.h>

#include "gpt.h"
#include "libutil/cur.h"

enum {
	HEADER		= 92,		/* bytes of the header that count */
	TABLE_SECTORS	= GPT_TABLE / GPT_SECTOR,
	REVISION	= 0x00010000,
};

/* 0FC63DAF-8483-4772-8E79-3D69D8477DE4, Linux filesystem data */
static const uint8_t type_linux[16] = {
	0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
	0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
};

/* ---- little-endian numbers ---- */

static uint32_t
get32(struct cur *c)
{
	return __builtin_bswap32(cur_u32(c));
}

static uint64_t
get64(struct cur *c)
{
	return __builtin_bswap64(cur_u64(c));
}

static void
put32(struct wcur *w, uint32_t v)
{
	wcur_u32(w, __builtin_bswap32(v));
}

static void
put64(struct wcur *w, uint64_t v)
{
	wcur_u64(w, __builtin_bswap64(v));
}

/* CRC-32 as UEFI and ISO 3309 have it. */
static uint32_t
crc32(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc;
}

/* ---- reading ---- */

struct header {
	uint32_t	h_size, h_crc, h_entries, h_entry, h_tablecrc;
	uint64_t	h_self, h_other, h_first, h_last, h_table;
	uint8_t		h_disk[16];
};

static bool
header_parse(const uint8_t *sector, uint64_t at, struct header *h)
{
	struct cur c = cur_init(sector, GPT_SECTOR);
	const uint8_t *magic = cur_bytes(&c, 8);
	uint8_t copy[HEADER];

	if (memcmp(magic, "EFI PART", 8) != 0 || get32(&c) != REVISION)
		return false;
	h->h_size = get32(&c);
	h->h_crc = get32(&c);
	cur_skip(&c, 4);
	h->h_self = get64(&c);
	h->h_other = get64(&c);
	h->h_first = get64(&c);
	h->h_last = get64(&c);
	(void)cur_copy(&c, h->h_disk, sizeof(h->h_disk));
	h->h_table = get64(&c);
	h->h_entries = get32(&c);
	h->h_entry = get32(&c);
	h->h_tablecrc = get32(&c);
	memcpy(copy, sector, sizeof(copy));
	memset(copy + 16, 0, 4);
	return cur_ok(&c) && h->h_size == HEADER && h->h_self == at &&
	    h->h_entry == GPT_ENTRY && h->h_entries >= 1 &&
	    h->h_entries <= GPT_ENTRIES && crc32(copy, HEADER) == h->h_crc;
}

static bool
read_at(int fd, uint64_t sector, void *buf, size_t n)
{
	return pread(fd, buf, n, (off_t)(sector * GPT_SECTOR)) == (ssize_t)n;
}

static bool
read_one(struct gpt *g, int fd, uint64_t at)
{
	uint8_t sector[GPT_SECTOR];
	struct header h;
	size_t n;

	if (!read_at(fd, at, sector, sizeof(sector)) ||
	    !header_parse(sector, at, &h))
		return false;
	n = (size_t)h.h_entries * GPT_ENTRY;
	memset(g->g_table, 0, sizeof(g->g_table));
	if (h.h_table >= g->g_sectors || h.h_first < 2 + TABLE_SECTORS ||
	    h.h_last < h.h_first || h.h_last >= g->g_sectors ||
	    !read_at(fd, h.h_table, g->g_table, n) ||
	    crc32(g->g_table, n) != h.h_tablecrc)
		return false;
	g->g_first = h.h_first;
	g->g_last = h.h_last;
	memcpy(g->g_disk, h.h_disk, sizeof(g->g_disk));
	return true;
}

bool
gpt_read(struct gpt *g, int fd, uint64_t sectors, const char **why)
{
	memset(g, 0, sizeof(*g));
	g->g_sectors = sectors;
	if (sectors < 4 * GPT_ALIGN || !read_at(fd, 0, g->g_mbr, GPT_SECTOR)) {
		*why = "the disk cannot be read, or is too small";
		return false;
	}
	if (read_one(g, fd, 1))
		return true;
	g->g_copy = true;
	if (read_one(g, fd, sectors - 1))
		return true;
	*why = "the disk has no table of partitions (GPT) whose checksum is right";
	return false;
}

/* ---- entries ---- */

static struct cur
entry(const struct gpt *g, int place)
{
	return cur_init(g->g_table + (size_t)place * GPT_ENTRY, GPT_ENTRY);
}

static bool
used(const struct gpt *g, int place)
{
	static const uint8_t none[16];
	struct cur c = entry(g, place);

	return memcmp(cur_bytes(&c, 16), none, 16) != 0;
}

void
gpt_extent(const struct gpt *g, int place, uint64_t *first, uint64_t *count)
{
	struct cur c = entry(g, place);
	uint64_t last;

	cur_skip(&c, 32);
	*first = get64(&c);
	last = get64(&c);
	*count = last >= *first ? last - *first + 1 : 0;
}

int
gpt_find(const struct gpt *g, const char *name)
{
	for (int i = 0; i < GPT_ENTRIES; i++) {
		struct cur c = entry(g, i);
		size_t n = strlen(name), k;

		if (!used(g, i))
			continue;
		cur_skip(&c, 56);
		for (k = 0; k < GPT_NAME; k++) {
			uint16_t u = __builtin_bswap16(cur_u16(&c));

			if (u != (k < n ? (uint8_t)name[k] : 0))
				break;
		}
		if (k == GPT_NAME && n <= GPT_NAME)
			return i;
	}
	return -1;
}

void
gpt_rename(struct gpt *g, int place, const char *name)
{
	struct wcur w = wcur_init(g->g_table + (size_t)place * GPT_ENTRY + 56,
	    (size_t)2 * GPT_NAME);
	size_t n = strlen(name);

	for (size_t k = 0; k < GPT_NAME; k++) {
		wcur_u8(&w, k < n ? (uint8_t)name[k] : 0);
		wcur_u8(&w, 0);
	}
}

/* ---- a new one ---- */

/* The begin of the first used partition at or behind a sector, and its end. */
static bool
next_used(const struct gpt *g, uint64_t from, uint64_t *first, uint64_t *end)
{
	bool found = false;
	uint64_t f, n;

	for (int i = 0; i < GPT_ENTRIES; i++) {
		if (!used(g, i))
			continue;
		gpt_extent(g, i, &f, &n);
		if (f + n <= from || (found && f >= *first))
			continue;
		*first = f;
		*end = f + n;
		found = true;
	}
	return found;
}

static uint64_t
align(uint64_t sector)
{
	return (sector + GPT_ALIGN - 1) / GPT_ALIGN * GPT_ALIGN;
}

static void
largest_gap(const struct gpt *g, uint64_t *at, uint64_t *count)
{
	uint64_t from = g->g_first, first = 0, end = 0, to;

	*at = *count = 0;
	while (from <= g->g_last) {
		bool more = next_used(g, from, &first, &end);

		to = more && first <= g->g_last ? first : g->g_last + 1;
		from = align(from);
		if (to > from && to - from > *count) {
			*at = from;
			*count = to - from;
		}
		if (!more)
			break;
		from = end;
	}
}

int
gpt_add(struct gpt *g, const char *name, const uint8_t guid[16],
    uint64_t least, const char **why)
{
	uint64_t at, count;
	struct wcur w;
	int place = 0;

	while (place < GPT_ENTRIES && used(g, place))
		place++;
	g->g_last = g->g_sectors - TABLE_SECTORS - 2;
	largest_gap(g, &at, &count);
	count = count / GPT_ALIGN * GPT_ALIGN;
	if (place == GPT_ENTRIES || count < least || count == 0) {
		*why = place == GPT_ENTRIES ? "the table of partitions is full" :
		    "there is not enough free space on the disk";
		return -1;
	}
	w = wcur_init(g->g_table + (size_t)place * GPT_ENTRY, GPT_ENTRY);
	wcur_put(&w, type_linux, sizeof(type_linux));
	wcur_put(&w, guid, 16);
	put64(&w, at);
	put64(&w, at + count - 1);
	put64(&w, 0);
	gpt_rename(g, place, name);
	return place;
}

/* ---- writing ---- */

static void
header_build(const struct gpt *g, bool copy, uint8_t sector[GPT_SECTOR])
{
	uint64_t end = g->g_sectors - 1;
	struct wcur w = wcur_init(sector, GPT_SECTOR);
	uint32_t crc;

	memset(sector, 0, GPT_SECTOR);
	wcur_put(&w, "EFI PART", 8);
	put32(&w, REVISION);
	put32(&w, HEADER);
	put32(&w, 0);
	put32(&w, 0);
	put64(&w, copy ? end : 1);
	put64(&w, copy ? 1 : end);
	put64(&w, g->g_first);
	put64(&w, g->g_last);
	wcur_put(&w, g->g_disk, sizeof(g->g_disk));
	put64(&w, copy ? end - TABLE_SECTORS : 2);
	put32(&w, GPT_ENTRIES);
	put32(&w, GPT_ENTRY);
	put32(&w, crc32(g->g_table, GPT_TABLE));
	crc = crc32(sector, HEADER);
	w = wcur_init(sector + 16, 4);
	put32(&w, crc);
}

/* The protective MBR's one partition covers the disk, as far as it can say. */
static void
mbr_build(const struct gpt *g, uint8_t sector[GPT_SECTOR])
{
	uint64_t n = g->g_sectors - 1;
	struct wcur w;

	memcpy(sector, g->g_mbr, GPT_SECTOR);
	if (sector[450] != 0xee)
		return;
	w = wcur_init(sector + 458, 4);
	put32(&w, n > 0xffffffff ? 0xffffffff : (uint32_t)n);
}

static bool
write_at(int fd, uint64_t sector, const void *buf, size_t n)
{
	return pwrite(fd, buf, n, (off_t)(sector * GPT_SECTOR)) == (ssize_t)n;
}

bool
gpt_write(const struct gpt *g, int fd, const char **why)
{
	uint8_t begin[(2 + TABLE_SECTORS) * GPT_SECTOR], header[GPT_SECTOR];

	header_build(g, true, header);
	*why = "the disk cannot be written";
	if (!write_at(fd, g->g_sectors - 1 - TABLE_SECTORS, g->g_table,
	    GPT_TABLE) || !write_at(fd, g->g_sectors - 1, header,
	    GPT_SECTOR) || fsync(fd) == -1)
		return false;
	mbr_build(g, begin);
	header_build(g, false, begin + GPT_SECTOR);
	memcpy(begin + (size_t)2 * GPT_SECTOR, g->g_table, GPT_TABLE);
	return write_at(fd, 0, begin, sizeof(begin)) && fsync(fd) == 0;
}
