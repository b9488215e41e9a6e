/* SPDX-License-Identifier: ISC */
/*
 * /upload/...: files go to maintd(8) as they come, once it is known who sends
 * them: the token stands before the file.  What came is then looked at, and the
 * page that is about it tells.
 */
#include <stdlib.h>
#include <string.h>

#include "page.h"

enum { FORM_MAX = 65536 };	/* of a form, without its file */

static const uint64_t sizes[MAINT_KINDS] = {
	[MAINT_RESTORE] = 64 << 20, [MAINT_UPGRADE] = 100 * 1000 * 1000,
	[MAINT_IMPORT] = 8 << 20,
};

struct upload {
	struct page	*up_pg;
	struct maint	*up_ma;
	enum maint_kind	 up_kind;
	uint64_t	 up_n;
	bool		 up_begun;
};

static bool
begin(void *arg)
{
	struct upload *up = arg;

	return session_allows(up->up_pg, true);
}

/* Only when there is a byte: a form without a file leaves the one that is there. */
static bool
start(struct upload *up)
{
	struct page *pg = up->up_pg;
	struct maint_request mq = { .mq_op = MAINT_UPLOAD,
	    .mq_kind = up->up_kind, .mq_size = sizes[up->up_kind] };
	const char *length = pg->pg_rq.wr_length, *text = "";
	uint64_t announced = strtoull(length, NULL, 10);
	enum maint_status status;

	if (announced < mq.mq_size)
		mq.mq_size = announced;
	(void)snprintf(mq.mq_user, sizeof(mq.mq_user), "%.31s",
	    pg->pg_session.ws_user);
	if ((up->up_ma = maint_connect(pg)) == NULL)
		return false;
	status = maint_ask(up->up_ma, &mq, &text, NULL);
	if (status != MAINT_OK)
		page_fail(pg, status == MAINT_LATER ? 503 : 409, text);
	up->up_begun = status == MAINT_OK;
	return up->up_begun;
}

/* Lines of a text end as on Unix; a browser sends CR LF.  How much is left. */
static size_t
without_cr(const char *in, size_t n, char *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (in[i] != '\r')
			out[kept++] = in[i];
	return kept;
}

static bool
data(void *arg, const void *p, size_t n)
{
	static char text[WEB_WINDOW];
	struct upload *up = arg;
	bool ok;

	if (!up->up_begun && !start(up))
		return false;
	if (up->up_kind == MAINT_IMPORT) {
		n = without_cr(p, n, text);
		p = text;
	}
	up->up_n += n;
	ok = maint_data(up->up_ma, p, n);
	explicit_bzero(text, sizeof(text));
	if (ok)
		return true;
	page_fail(up->up_pg, 503, "maintd has ended meanwhile: try again.");
	return false;
}

static bool
receive(struct upload *up)
{
	struct page *pg = up->up_pg;
	const struct web_upload wu = { .wu_read = page_read, .wu_begin = begin,
	    .wu_data = data, .wu_arg = up };
	const char *why = "";
	int status = web_upload(&pg->pg_rq, &wu, sizes[up->up_kind] + FORM_MAX,
	    &why);

	if (status != 0 && why[0] != '\0')
		page_fail(pg, status, why);
	else if (status == 0 && !up->up_begun)
		page_fail(pg, 400, "No file was chosen, or it is empty: go back "
		    "and choose one.");
	return status == 0 && up->up_begun;
}

/* Whole: its id into the request, to ask about it. */
static bool
finish(struct upload *up, struct maint_request *mq)
{
	struct maint_request done = { .mq_op = MAINT_DONE, .mq_size = up->up_n };
	const char *text = "";

	if (maint_ask(up->up_ma, &done, &text, NULL) != MAINT_OK) {
		page_fail(up->up_pg, 409, text);
		return false;
	}
	memset(mq, 0, sizeof(*mq));
	(void)snprintf(mq->mq_id, sizeof(mq->mq_id), "%s", text);
	return true;
}

/* look: MAINT_COMMANDS none. */
static void
upload(struct page *pg, enum maint_kind kind, enum maint_command look,
    const char *path)
{
	struct upload up = { .up_pg = pg, .up_kind = kind };
	struct maint_request mq;
	const char *text = "";
	bool ok = receive(&up) && finish(&up, &mq);

	if (ok && look != MAINT_COMMANDS) {
		mq.mq_op = MAINT_RUN;
		mq.mq_command = look;
		(void)snprintf(mq.mq_user, sizeof(mq.mq_user), "%.31s",
		    pg->pg_session.ws_user);
		/* what it found is kept by maintd: the page shows it */
		(void)maint_ask(up.up_ma, &mq, &text, NULL);
	}
	if (ok)
		page_go(pg, "%s", path);
	else
		put_text(pg->pg_data, "back", path);
	maint_close(up.up_ma);
}

void
upload_restore_post(struct page *pg)
{
	upload(pg, MAINT_RESTORE, MAINT_COMMANDS, "/backup#restore");
}

void
upload_upgrade_post(struct page *pg)
{
	upload(pg, MAINT_UPGRADE, MAINT_CHECK, "/upgrade");
}

void
upload_import_post(struct page *pg)
{
	upload(pg, MAINT_IMPORT, MAINT_TRY, "/import");
}
