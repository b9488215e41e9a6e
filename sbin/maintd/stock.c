/* SPDX-License-Identifier: ISC */
/*
 * Files that were uploaded: one of each kind, in a folder that is root's
 * alone, written as they come, never more than is allowed and fits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "libutil/log.h"
#include "maintd.h"

const char *const kind_names[MAINT_KINDS] = { "restore", "upgrade", "import" };
const char *const kind_files[MAINT_KINDS] = { "uploaded.backup",
    "uploaded.upgrade", "uploaded.export" };
const uint64_t kind_sizes[MAINT_KINDS] = { 64 << 20, 100 * 1000 * 1000, 8 << 20 };

static void
stock_path(const struct maintd *md, enum maint_kind kind, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s/%s", md->md_se.se_dir, kind_files[kind]);
}

/* While it comes. */
static void
part_path(const struct maintd *md, enum maint_kind kind, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s/%s.part", md->md_se.se_dir,
	    kind_files[kind]);
}

bool
stock_open(const struct maintd *md)
{
	char path[600];
	struct stat sb;

	if (mkdir(md->md_se.se_dir, 0700) == -1 && errno != EEXIST)
		return false;
	/* nobody else's, and nobody else's way into it */
	if (lstat(md->md_se.se_dir, &sb) == -1 || !S_ISDIR(sb.st_mode) ||
	    sb.st_uid != geteuid() || (sb.st_mode & 077) != 0) {
		errno = EPERM;
		return false;
	}
	for (unsigned k = 0; k < MAINT_KINDS; k++) {
		stock_path(md, (enum maint_kind)k, path, sizeof(path));
		(void)unlink(path);
		part_path(md, (enum maint_kind)k, path, sizeof(path));
		(void)unlink(path);
	}
	stock_sweep(md);
	return true;
}

void
stock_sweep(const struct maintd *md)
{
	static const char *const names[] = { CREATED, CREATED ".new" };
	char path[600];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", md->md_se.se_dir,
		    names[i]);
		(void)unlink(path);
	}
}

void
result_free(struct result *rs)
{
	free(rs->rs_out);
	free(rs->rs_err);
	*rs = (struct result){ 0 };
}

/* ---- an upload ---- */

static bool
room(const struct maintd *md, uint64_t size)
{
	struct statvfs vf;

	return statvfs(md->md_se.se_dir, &vf) == 0 &&
	    (uint64_t)vf.f_bavail * vf.f_frsize > size + RESERVE;
}

/* One at a time; who has fallen silent makes way. */
static bool
another_uploads(struct maintd *md, const struct client *cl)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *other = &md->md_client[i];

		if (other == cl || other->cl_fd == -1 || other->cl_file == -1)
			continue;
		if (now_ms() - other->cl_seen < UPLOAD_IDLE_MS)
			return true;
		client_close(md, other);
	}
	return false;
}

const char *
stock_begin(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	char path[600];

	stock_abandon(md, cl);
	if (mq->mq_size > kind_sizes[mq->mq_kind])
		return "The file is too large.";
	if (another_uploads(md, cl))
		return "Another file is being uploaded: try again in a while.";
	if (md->md_job.jo_pid != 0)
		return "Something else is under way: try again when it is done.";
	stock_drop(md, mq->mq_kind);
	if (!room(md, mq->mq_size))
		return "The disk has no room for the file.";
	part_path(md, mq->mq_kind, path, sizeof(path));
	(void)unlink(path);
	cl->cl_file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (cl->cl_file == -1)
		return "The disk does not take the file.";
	cl->cl_kind = mq->mq_kind;
	cl->cl_size = mq->mq_size;
	cl->cl_got = 0;
	cl->cl_bad = NULL;
	memcpy(cl->cl_user, mq->mq_user, sizeof(cl->cl_user));
	return NULL;
}

void
stock_data(struct client *cl, struct cur data)
{
	size_t n = cur_left(&data);
	const uint8_t *p = cur_bytes(&data, n);

	if (cl->cl_bad != NULL)
		return;
	if (n > cl->cl_size - cl->cl_got) {
		cl->cl_bad = "More came than was announced.";
		return;
	}
	cl->cl_got += n;
	while (n != 0) {
		ssize_t done = write(cl->cl_file, p, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0) {
			cl->cl_bad = "The disk does not take the file.";
			return;
		}
		p += done;
		n -= (size_t)done;
	}
}

static bool
new_id(char id[MAINT_ID + 1])
{
	uint8_t raw[MAINT_ID / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return false;
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", raw[i]);
	return true;
}

const char *
stock_end(struct maintd *md, struct client *cl, uint64_t size)
{
	struct stock *st = &md->md_stock[cl->cl_kind];
	char path[600], part[600];
	const char *why = cl->cl_bad;

	if (why == NULL && cl->cl_got != size)
		why = "The file did not come whole.";
	if (why == NULL && size == 0)
		why = "The file is empty.";
	stock_path(md, cl->cl_kind, path, sizeof(path));
	part_path(md, cl->cl_kind, part, sizeof(part));
	if (why == NULL && (fsync(cl->cl_file) == -1 || rename(part, path) == -1))
		why = "The disk does not take the file.";
	stock_abandon(md, cl);
	if (why != NULL)
		return why;
	result_free(&st->st_checked);
	result_free(&st->st_done);
	if (!new_id(st->st_id))
		return "There is no randomness.";
	st->st_size = size;
	st->st_time = (int64_t)time(NULL);
	st->st_used = now_ms();
	memcpy(st->st_user, cl->cl_user, sizeof(st->st_user));
	log_info("%s: %llu bytes of %s", kind_names[cl->cl_kind],
	    (unsigned long long)size, st->st_user);
	return NULL;
}

void
stock_abandon(struct maintd *md, struct client *cl)
{
	char path[600];

	if (cl->cl_file == -1)
		return;
	close(cl->cl_file);
	cl->cl_file = -1;
	part_path(md, cl->cl_kind, path, sizeof(path));
	(void)unlink(path);
}

/* ---- the end of a file ---- */

void
stock_drop(struct maintd *md, enum maint_kind kind)
{
	struct stock *st;
	char path[600];

	st = &md->md_stock[kind];
	stock_path(md, kind, path, sizeof(path));
	(void)unlink(path);
	st->st_id[0] = '\0';
	explicit_bzero(st->st_pass, sizeof(st->st_pass));
	result_free(&st->st_checked);
}

void
stock_tick(struct maintd *md)
{
	for (unsigned k = 0; k < MAINT_KINDS; k++) {
		struct stock *st = &md->md_stock[k];

		if (st->st_pass[0] != '\0' &&
		    now_ms() - st->st_pass_time > PASS_MS)
			explicit_bzero(st->st_pass, sizeof(st->st_pass));
		if (st->st_id[0] != '\0' && md->md_job.jo_pid == 0 &&
		    now_ms() - st->st_used > STOCK_MS)
			stock_drop(md, (enum maint_kind)k);
	}
}
