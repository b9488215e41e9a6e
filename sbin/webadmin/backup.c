/* SPDX-License-Identifier: ISC */
/*
 * /backup: everything as one encrypted file, and back.
 *
 *	POST create	the file itself is the answer
 *	(upload)	-> POST show: its passphrase -> the difference
 *	POST bring	the user's password -> restored
 */
#include <string.h>
#include <time.h>

#include "page.h"

enum { PASS_MIN = 10 };		/* as backup(8) wants it */

void
backup_get(struct page *pg)
{
	put_number(pg->pg_data, "pass_min", PASS_MIN);
	if (pg->pg_backup != 0)
		put_number(pg->pg_data, "last_backup", (double)pg->pg_backup);
	(void)maint_put(pg, MAINT_RESTORE);
	spans_put(pg, web_number(&pg->pg_rq, "confirm", MAINT_CONFIRM, 120));
}

static void
refuse(struct page *pg, const char *text)
{
	cJSON *s = cJSON_CreateString(text);

	if (s != NULL)
		(void)cJSON_AddItemToArray(put_array(pg->pg_data, "refused"), s);
	pg->pg_status = 409;
}

/* "ravelin-paris.example-20261122-0931.backup" */
static void
name_file(struct page *pg)
{
	time_t now = (time_t)pg->pg_now;
	char date[20] = "", host[48];
	struct tm tm;
	size_t n = strspn(pg->pg_rq.wr_host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");

	(void)snprintf(host, sizeof(host), "%.*s", (int)n, pg->pg_rq.wr_host);
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(date, sizeof(date), "%Y%m%d-%H%M", &tm);
	(void)snprintf(pg->pg_filename, sizeof(pg->pg_filename),
	    "ravelin-%s-%s.backup", host, date);
}

static void
create(struct page *pg)
{
	const char *passphrase = web_posted(&pg->pg_rq, "passphrase");
	struct maint_request mq = { .mq_op = MAINT_RUN };

	if (strlen(passphrase) < PASS_MIN)
		refuse(pg, "The passphrase is too short: it has at least 10 "
		    "characters.");
	else if (strlen(passphrase) > MAINT_SECRET)
		refuse(pg, "The passphrase is too long: it has at most 256 "
		    "characters.");
	else if (strcmp(passphrase, web_posted(&pg->pg_rq, "again")) != 0)
		refuse(pg, "The two passphrases are not the same: type both again.");
	else if (maint_command(pg, MAINT_CREATE, &mq, &pg->pg_file) == MAINT_OK)
		name_file(pg);
}

/* The reason of the revision. */
static void
bring(struct page *pg)
{
	struct maint_request mq = { .mq_confirm = (uint32_t)web_number(
	    &pg->pg_rq, "confirm", MAINT_CONFIRM, 120) };

	(void)snprintf(mq.mq_reason, sizeof(mq.mq_reason), "restored from a "
	    "backup, on the web pages");
	if (maint_command(pg, MAINT_BRING, &mq, NULL) == MAINT_OK)
		page_go(pg, "/backup#restore");
}

void
backup_post(struct page *pg)
{
	const char *what = web_posted(&pg->pg_rq, "action");
	struct maint_request mq = { .mq_op = MAINT_RUN };

	if (strcmp(what, "create") == 0) {
		create(pg);
	} else if (strcmp(what, "show") == 0) {
		if (maint_command(pg, MAINT_SHOW, &mq, NULL) == MAINT_OK)
			page_go(pg, "/backup#restore");
	} else if (strcmp(what, "bring") == 0) {
		bring(pg);
	} else if (strcmp(what, "drop") == 0) {
		maint_drop(pg, MAINT_RESTORE);
		if (pg->pg_status == 0)
			page_go(pg, "/backup");
	} else {
		page_fail(pg, 400, "This is nothing that can be done here.");
	}
	if (pg->pg_status != 0 && cJSON_HasObjectItem(pg->pg_data, "refused")) {
		put_bool(pg->pg_data, "at_create", strcmp(what, "create") == 0);
		backup_get(pg);
	}
}
