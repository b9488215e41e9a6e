/* SPDX-License-Identifier: ISC */
/*
 * Requests of the web pages' role, whose every byte may be an attacker's, and
 * what they are answered.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include "libutil/log.h"
#include "libutil/peer.h"
#include "maintd.h"

void
client_accept(struct maintd *md)
{
	int fd = accept4(md->md_listen, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);
	uid_t uid;
	gid_t gid;

	if (fd == -1)
		return;
	if (!peer_of(fd, &uid, &gid) ||
	    !peer_is_member(uid, gid, CONTROL_GROUP)) {
		log_warn("refused: a user who is not in the group "
		    CONTROL_GROUP);
		close(fd);
		return;
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *cl = &md->md_client[i];

		if (cl->cl_fd != -1)
			continue;
		*cl = (struct client){ .cl_fd = fd, .cl_file = -1,
		    .cl_seen = now_ms() };
		return;
	}
	close(fd);
}

void
client_close(struct maintd *md, struct client *cl)
{
	stock_abandon(md, cl);
	if (md->md_job.jo_client == cl)
		md->md_job.jo_client = NULL;
	if (cl->cl_fd != -1)
		close(cl->cl_fd);
	cl->cl_fd = -1;
}

void
client_answer(struct maintd *md, struct client *cl, uint32_t seq,
    enum maint_status status, const char *text, int fd)
{
	union { struct cmsghdr h; char buf[CMSG_SPACE(sizeof(int))]; } u = {
	    .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS } };
	uint8_t record[MAINT_TEXT + 64];
	struct iovec iov = { record, 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	iov.iov_len = maint_build_answer(seq, status, text, record,
	    sizeof(record));
	if (fd != -1) {
		memcpy(CMSG_DATA(&u.h), &fd, sizeof(fd));
		m.msg_control = u.buf;
		m.msg_controllen = sizeof(u.buf);
	}
	/* who does not read its answers is not waited for */
	if (sendmsg(cl->cl_fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		client_close(md, cl);
}

/* ---- the state as a document ---- */

static void
put_result(cJSON *o, const char *name, const struct result *rs)
{
	cJSON *r;

	if (!rs->rs_set)
		return;
	r = cJSON_AddObjectToObject(o, name);
	(void)cJSON_AddStringToObject(r, "what", job_name(rs->rs_command));
	(void)cJSON_AddNumberToObject(r, "status", rs->rs_status);
	(void)cJSON_AddNumberToObject(r, "time", (double)rs->rs_time);
	(void)cJSON_AddStringToObject(r, "user", rs->rs_user);
	(void)cJSON_AddStringToObject(r, "out", rs->rs_out != NULL ?
	    rs->rs_out : "");
	(void)cJSON_AddStringToObject(r, "err", rs->rs_err != NULL ?
	    rs->rs_err : "");
}

static void
put_file(cJSON *o, const struct stock *st)
{
	cJSON *f;

	if (st->st_id[0] == '\0')
		return;
	f = cJSON_AddObjectToObject(o, "file");
	(void)cJSON_AddStringToObject(f, "id", st->st_id);
	(void)cJSON_AddNumberToObject(f, "size", (double)st->st_size);
	(void)cJSON_AddNumberToObject(f, "time", (double)st->st_time);
	(void)cJSON_AddStringToObject(f, "user", st->st_user);
	(void)cJSON_AddBoolToObject(f, "opened", st->st_pass[0] != '\0');
}

static char *
state_text(const struct maintd *md, enum maint_kind kind)
{
	const struct stock *st = &md->md_stock[kind];
	const struct job *jo = &md->md_job;
	cJSON *o = cJSON_CreateObject();
	char *text, *slots;

	(void)cJSON_AddStringToObject(o, "kind", kind_names[kind]);
	(void)cJSON_AddBoolToObject(o, "can_restart", job_can_restart());
	(void)cJSON_AddNumberToObject(o, "size_max", (double)kind_sizes[kind]);
	if (jo->jo_pid != 0) {
		(void)cJSON_AddStringToObject(o, "busy", job_name(jo->jo_command));
		(void)cJSON_AddNumberToObject(o, "busy_s",
		    (double)((now_ms() - jo->jo_began) / 1000));
	}
	put_file(o, st);
	put_result(o, "checked", &st->st_checked);
	put_result(o, "done", &st->st_done);
	if (kind == MAINT_UPGRADE && (slots = job_slots(md)) != NULL) {
		(void)cJSON_AddStringToObject(o, "slots", slots);
		free(slots);
	}
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

static void
answer_state(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	char *text = state_text(md, mq->mq_kind);
	int fd = text != NULL ? memfd_create("state", MFD_CLOEXEC) : -1;
	size_t n = text != NULL ? strlen(text) : 0;

	if (fd != -1 && write(fd, text, n) == (ssize_t)n &&
	    lseek(fd, 0, SEEK_SET) == 0)
		client_answer(md, cl, mq->mq_seq, MAINT_OK, "", fd);
	else
		client_answer(md, cl, mq->mq_seq, MAINT_LATER,
		    "There is no memory for it now: try again.", -1);
	if (fd != -1)
		close(fd);
	free(text);
}

/* ---- requests ---- */

static void
upload(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	const char *why = stock_begin(md, cl, mq);

	client_answer(md, cl, mq->mq_seq, why == NULL ? MAINT_OK :
	    MAINT_REFUSED, why == NULL ? "" : why, -1);
}

static void
done(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	const char *why = "Nothing is being uploaded.";
	enum maint_kind kind = cl->cl_kind;

	if (cl->cl_file != -1)
		why = stock_end(md, cl, mq->mq_size);
	client_answer(md, cl, mq->mq_seq, why == NULL ? MAINT_OK :
	    MAINT_REFUSED, why == NULL ? md->md_stock[kind].st_id : why, -1);
}

static void
drop(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	const struct stock *st = &md->md_stock[mq->mq_kind];
	bool here = st->st_id[0] != '\0' && strcmp(st->st_id, mq->mq_id) == 0;

	if (md->md_job.jo_pid != 0) {
		client_answer(md, cl, mq->mq_seq, MAINT_LATER, "Something is "
		    "under way: try again when it is done.", -1);
		return;
	}
	if (here)
		stock_drop(md, mq->mq_kind);
	client_answer(md, cl, mq->mq_seq, here ? MAINT_OK : MAINT_GONE, "", -1);
}

static void
run(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	enum maint_status status = MAINT_OK;
	const char *why = job_start(md, mq, &status);

	if (why != NULL)
		client_answer(md, cl, mq->mq_seq, status, why, -1);
	else if (job_detached(mq->mq_command))
		client_answer(md, cl, mq->mq_seq, MAINT_OK, "", -1);
	else
		md->md_job.jo_client = cl;
}

static void
request(struct maintd *md, struct client *cl, const struct maint_request *mq)
{
	switch (mq->mq_op) {
	case MAINT_STATUS:
		answer_state(md, cl, mq);
		return;
	case MAINT_UPLOAD:
		upload(md, cl, mq);
		return;
	case MAINT_DATA:
		if (cl->cl_file != -1)
			stock_data(cl, mq->mq_data);
		return;
	case MAINT_DONE:
		done(md, cl, mq);
		return;
	case MAINT_DROP:
		drop(md, cl, mq);
		return;
	default:
		run(md, cl, mq);
	}
}

void
client_read(struct maintd *md, struct client *cl)
{
	static uint8_t record[MAINT_RECORD];
	static struct maint_request mq;
	ssize_t n = recv(cl->cl_fd, record, sizeof(record),
	    MSG_DONTWAIT | MSG_TRUNC);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	cl->cl_seen = now_ms();
	if (n <= 0 || (size_t)n > sizeof(record) ||
	    md->md_job.jo_client == cl || !maint_parse(&mq, record, (size_t)n)) {
		if (n > 0)
			log_warn("a request that does not fit: its end");
		client_close(md, cl);
	} else {
		request(md, cl, &mq);
	}
	if (n > 0)
		explicit_bzero(record, (size_t)n < sizeof(record) ? (size_t)n :
		    sizeof(record));
	explicit_bzero(&mq, sizeof(mq));
}
