/* SPDX-License-Identifier: ISC */
/*
 * The disk itself: files, names, the log of what was done to them, and what
 * a crash leaves of it (see memfs.h).  SQLite's side stands in memvfs.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memfs.h"
#include "memfs_int.h"

struct memfs memfs;

static void *
must(void *p)
{
	if (p == NULL) {
		printf("memfs: out of memory\n");
		exit(2);
	}
	return p;
}

/* ---- bytes ---- */

void
bytes_write(struct bytes *by, size_t off, const void *p, size_t n)
{
	size_t end = off + n;

	if (n == 0)
		return;
	if (end > by->by_cap) {
		size_t cap = end + end / 2 + 4096;

		by->by_p = must(realloc(by->by_p, cap));
		by->by_cap = cap;
	}
	if (off > by->by_n)
		memset(by->by_p + by->by_n, 0, off - by->by_n);
	memcpy(by->by_p + off, p, n);
	if (end > by->by_n)
		by->by_n = end;
}

void
bytes_truncate(struct bytes *by, size_t n)
{
	if (n < by->by_n)
		by->by_n = n;
}

static void
bytes_copy(struct bytes *to, const struct bytes *from)
{
	memset(to, 0, sizeof(*to));
	bytes_write(to, 0, from->by_p, from->by_n);
}

static void
bytes_free(struct bytes *by)
{
	free(by->by_p);
	memset(by, 0, sizeof(*by));
}

/* ---- names ---- */

int
names_find(const struct names *na, const char *name)
{
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (na->na_inode[i] != 0 && strcmp(na->na_name[i], name) == 0)
			return na->na_inode[i];
	}
	return 0;
}

static void
names_set(struct names *na, const char *name, int inode)
{
	unsigned at = FILES_MAX;

	for (unsigned i = FILES_MAX; i-- > 0;) {
		if (na->na_inode[i] == 0 && at == FILES_MAX)
			at = i;
		if (na->na_inode[i] != 0 && strcmp(na->na_name[i], name) == 0) {
			at = i;
			break;
		}
	}
	if (at == FILES_MAX)
		must(NULL);
	(void)snprintf(na->na_name[at], sizeof(na->na_name[at]), "%s", name);
	na->na_inode[at] = inode;
}

static void
names_apply(struct names *na, const struct op *op)
{
	if (op->op_name2[0] != '\0')		/* a rename: at once */
		names_set(na, op->op_name2, 0);
	names_set(na, op->op_name, op->op_type == OP_DELETE ? 0 :
	    op->op_inode);
}

/* ---- the log ---- */

static struct op *
log_op(enum op_type type, int inode)
{
	struct op *op;

	if (memfs.mf_nops == memfs.mf_cap) {
		memfs.mf_cap = memfs.mf_cap * 2 + 1024;
		memfs.mf_ops = must(realloc(memfs.mf_ops,
		    memfs.mf_cap * sizeof(*memfs.mf_ops)));
	}
	op = &memfs.mf_ops[memfs.mf_nops++];
	memset(op, 0, sizeof(*op));
	op->op_type = type;
	op->op_inode = inode;
	return op;
}

bool
memfs_fails(bool writes, int *error)
{
	struct memfs *mf = &memfs;

	if (mf->mf_error == 0 || (mf->mf_error != EIO && !writes))
		return false;
	if (mf->mf_in > 0 && --mf->mf_in > 0)
		return false;
	if (mf->mf_in == 0 && mf->mf_failed && !mf->mf_on)
		return false;
	mf->mf_failed = true;
	*error = errno = mf->mf_error;
	return true;
}

int
inode_new(void)
{
	int i = ++memfs.mf_ninodes;

	memfs.mf_inodes = must(realloc(memfs.mf_inodes,
	    (size_t)(i + 1) * sizeof(*memfs.mf_inodes)));
	memset(&memfs.mf_inodes[i], 0, sizeof(memfs.mf_inodes[i]));
	return i;
}

void
do_write(int inode, size_t off, const void *p, size_t n, bool logged)
{
	bytes_write(&memfs.mf_inodes[inode].in_bytes, off, p, n);
	if (logged) {
		struct op *op = log_op(OP_WRITE, inode);

		op->op_off = off;
		bytes_write(&op->op_data, 0, p, n);
	}
}

void
do_truncate(int inode, size_t n, bool logged)
{
	bytes_truncate(&memfs.mf_inodes[inode].in_bytes, n);
	if (logged)
		log_op(OP_TRUNCATE, inode)->op_off = n;
}

void
do_sync(int inode)
{
	memfs.mf_clock += memfs.mf_slow;
	(void)log_op(OP_SYNC, inode);
}

void
do_sync_folder(void)
{
	memfs.mf_clock += memfs.mf_slow;
	(void)log_op(OP_SYNC_FOLDER, 0);
}

/* inode 0: the name goes; from: it had that name until now, or NULL. */
void
do_name(const char *name, int inode, const char *from)
{
	struct op *op = log_op(inode == 0 ? OP_DELETE : OP_NAME, inode);

	(void)snprintf(op->op_name, sizeof(op->op_name), "%s", name);
	if (from != NULL)
		(void)snprintf(op->op_name2, sizeof(op->op_name2), "%s", from);
	names_apply(&memfs.mf_names, op);
}

/* ---- life ---- */

static void
ops_free(struct op *ops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		bytes_free(&ops[i].op_data);
	free(ops);
}

void
memfs_reset(void)
{
	ops_free(memfs.mf_ops, memfs.mf_nops);
	for (int i = 1; i <= memfs.mf_ninodes; i++)
		bytes_free(&memfs.mf_inodes[i].in_bytes);
	free(memfs.mf_inodes);
	memset(&memfs, 0, sizeof(memfs));
}

unsigned
memfs_ops(void)
{
	return memfs.mf_nops;
}

unsigned
memfs_open_files(void)
{
	return memfs.mf_open;
}

void
memfs_fault(unsigned at, int error, bool on)
{
	memfs.mf_in = at;
	memfs.mf_error = at != 0 ? error : 0;
	memfs.mf_on = on;
	memfs.mf_failed = false;
}

bool
memfs_faulted(void)
{
	return memfs.mf_failed;
}

void
memfs_slow(unsigned ms)
{
	memfs.mf_slow = ms;
}

uint64_t
memfs_clock_ms(void)
{
	return memfs.mf_clock;
}

/* ---- what a crash leaves ---- */

struct memfs_image {
	struct names	im_names;	/* inode: index into im_file, + 1 */
	struct bytes	im_file[FILES_MAX];
};

struct memfs_replay {
	struct op	*mr_ops;	/* the log */
	unsigned	 mr_nops;
	int		 mr_ninodes;
	unsigned	 mr_done;	/* operations */
	struct names	 mr_names;	/* on the disk */
	struct bytes	*mr_disk;	/* by inode, on the disk */
	unsigned	*mr_wait;	/* operations that are not */
	unsigned	 mr_nwait;
	unsigned	 mr_capwait;
};

struct memfs_replay *
memfs_replay_new(void)
{
	struct memfs_replay *mr = must(calloc(1, sizeof(*mr)));

	mr->mr_ops = memfs.mf_ops;
	mr->mr_nops = memfs.mf_nops;
	mr->mr_ninodes = memfs.mf_ninodes;
	mr->mr_disk = must(calloc((size_t)mr->mr_ninodes + 1,
	    sizeof(*mr->mr_disk)));
	memfs.mf_ops = NULL;
	memfs.mf_nops = memfs.mf_cap = 0;
	return mr;
}

void
memfs_replay_free(struct memfs_replay *mr)
{
	for (int i = 1; i <= mr->mr_ninodes; i++)
		bytes_free(&mr->mr_disk[i]);
	ops_free(mr->mr_ops, mr->mr_nops);
	free(mr->mr_disk);
	free(mr->mr_wait);
	free(mr);
}

static void
replay_apply(struct bytes *by, const struct op *op)
{
	if (op->op_type == OP_WRITE)
		bytes_write(by, op->op_off, op->op_data.by_p,
		    op->op_data.by_n);
	else
		bytes_truncate(by, op->op_off);
}

static bool
is_name(const struct op *op)
{
	return op->op_type == OP_NAME || op->op_type == OP_DELETE;
}

static void
replay_wait(struct memfs_replay *mr, unsigned n)
{
	if (mr->mr_nwait == mr->mr_capwait) {
		mr->mr_capwait = mr->mr_capwait * 2 + 256;
		mr->mr_wait = must(realloc(mr->mr_wait,
		    mr->mr_capwait * sizeof(*mr->mr_wait)));
	}
	mr->mr_wait[mr->mr_nwait++] = n;
}

/* The sync of operation n has succeeded before the next begins. */
static void
replay_settle(struct memfs_replay *mr, const struct op *sync)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < mr->mr_nwait; i++) {
		const struct op *op = &mr->mr_ops[mr->mr_wait[i]];

		if (sync->op_type == OP_SYNC_FOLDER && is_name(op))
			names_apply(&mr->mr_names, op);
		else if (sync->op_type == OP_SYNC && !is_name(op) &&
		    op->op_inode == sync->op_inode)
			replay_apply(&mr->mr_disk[op->op_inode], op);
		else
			mr->mr_wait[kept++] = mr->mr_wait[i];
	}
	mr->mr_nwait = kept;
}

void
memfs_replay_step(struct memfs_replay *mr)
{
	const struct op *op;

	if (mr->mr_done != 0) {
		op = &mr->mr_ops[mr->mr_done - 1];
		if (op->op_type == OP_SYNC || op->op_type == OP_SYNC_FOLDER)
			replay_settle(mr, op);
	}
	op = &mr->mr_ops[mr->mr_done];
	if (op->op_type != OP_SYNC && op->op_type != OP_SYNC_FOLDER)
		replay_wait(mr, mr->mr_done);
	mr->mr_done++;
}

static uint64_t
draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Some sectors of a write, each perhaps in part. */
static void
tear(struct bytes *by, const struct op *op, uint64_t *seed)
{
	size_t off = op->op_off, end = off + op->op_data.by_n;

	while (off < end) {
		size_t next = (off / SECTOR + 1) * SECTOR;
		size_t n = (next < end ? next : end) - off;
		uint64_t r = draw(seed);

		if (r % 4 == 0)
			n = r / 4 % n;
		if (r % 4 != 1)
			bytes_write(by, off, op->op_data.by_p +
			    (off - op->op_off), n);
		off = next;
	}
}

enum fate { LOST, KEPT, TORN, FIRST, FATES };

static void
crash_file(const struct memfs_replay *mr, int inode, struct bytes *by,
    uint64_t *seed)
{
	enum fate fate = (enum fate)(draw(seed) % FATES);
	uint64_t keep = draw(seed) % (mr->mr_nwait + 1);

	bytes_copy(by, &mr->mr_disk[inode]);
	for (unsigned i = 0; fate != LOST && i < mr->mr_nwait; i++) {
		const struct op *op = &mr->mr_ops[mr->mr_wait[i]];
		bool last = mr->mr_wait[i] + 1 == mr->mr_done ||
		    (fate == FIRST && i == keep);

		if (op->op_inode != inode || is_name(op))
			continue;
		if (fate == FIRST && i > keep)
			break;
		if (op->op_type == OP_TRUNCATE) {
			if (fate != TORN || draw(seed) % 2 == 0)
				replay_apply(by, op);
		} else if (fate == TORN || last) {
			tear(by, op, seed);
		} else {
			replay_apply(by, op);
		}
	}
}

struct memfs_image *
memfs_crash(const struct memfs_replay *mr, uint64_t seed)
{
	struct memfs_image *im = must(calloc(1, sizeof(*im)));
	uint64_t names = 0;

	for (unsigned i = 0; i < mr->mr_nwait; i++)
		names += is_name(&mr->mr_ops[mr->mr_wait[i]]);
	names = draw(&seed) % (names + 1);
	im->im_names = mr->mr_names;
	for (unsigned i = 0; i < mr->mr_nwait && names != 0; i++) {
		if (is_name(&mr->mr_ops[mr->mr_wait[i]])) {
			names_apply(&im->im_names,
			    &mr->mr_ops[mr->mr_wait[i]]);
			names--;
		}
	}
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (im->im_names.na_inode[i] == 0)
			continue;
		/* a file of two names is one file still, but nobody writes */
		crash_file(mr, im->im_names.na_inode[i], &im->im_file[i],
		    &seed);
	}
	return im;
}

struct memfs_image *
memfs_save(void)
{
	struct memfs_image *im = must(calloc(1, sizeof(*im)));

	im->im_names = memfs.mf_names;
	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (im->im_names.na_inode[i] != 0)
			bytes_copy(&im->im_file[i], &memfs.mf_inodes[
			    im->im_names.na_inode[i]].in_bytes);
	}
	return im;
}

void
memfs_load(struct memfs_image *im)
{
	memfs_reset();
	for (unsigned i = 0; i < FILES_MAX; i++) {
		int inode;

		if (im->im_names.na_inode[i] == 0)
			continue;
		inode = inode_new();
		memfs.mf_inodes[inode].in_bytes = im->im_file[i];
		names_set(&memfs.mf_names, im->im_names.na_name[i], inode);
	}
	free(im);
}

void
memfs_settle(void)
{
	const struct names *na = &memfs.mf_names;
	struct op *op;

	for (unsigned i = 0; i < FILES_MAX; i++) {
		if (na->na_inode[i] == 0)
			continue;
		op = log_op(OP_NAME, na->na_inode[i]);
		(void)snprintf(op->op_name, sizeof(op->op_name), "%s",
		    na->na_name[i]);
		op = log_op(OP_WRITE, na->na_inode[i]);
		bytes_copy(&op->op_data,
		    &memfs.mf_inodes[na->na_inode[i]].in_bytes);
		(void)log_op(OP_SYNC, na->na_inode[i]);
	}
	(void)log_op(OP_SYNC_FOLDER, 0);
}
