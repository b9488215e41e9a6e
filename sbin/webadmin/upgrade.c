/* SPDX-License-Identifier: ISC */
/*
 * /upgrade: another version into the slot that does not run.
 *
 *	(upload, looked at) -> POST install -> POST restart
 */
#include <string.h>

#include "page.h"

enum { RESTART_S = 120 };

/*
 * ?since=S: a restart was asked for when the machine had been up for S seconds.
 * It restarts until that is less, or long ago.
 */
static bool
restarts(const struct page *pg)
{
	uint64_t up = (uint64_t)pg->pg_up / 1000;
	uint64_t since = web_number(&pg->pg_rq, "since", UINT64_MAX / 16, UINT64_MAX);

	return since <= up && up - since < RESTART_S;
}

void
upgrade_get(struct page *pg)
{
	put_bool(pg->pg_data, "restarts", restarts(pg));
	if (maint_put(pg, MAINT_UPGRADE))
		put_bool(pg->pg_data, "no_slots",
		    !cJSON_HasObjectItem(pg->pg_data, "slots"));
}

void
upgrade_post(struct page *pg)
{
	const char *what = web_posted(&pg->pg_rq, "action");
	struct maint_request mq = { .mq_op = MAINT_RUN };

	if (strcmp(what, "install") == 0) {
		if (maint_command(pg, MAINT_INSTALL, &mq, NULL) == MAINT_OK)
			page_go(pg, "/upgrade");
	} else if (strcmp(what, "restart") == 0) {
		if (maint_command(pg, MAINT_RESTART, &mq, NULL) == MAINT_OK)
			page_go(pg, "/upgrade?since=%lld",
			    (long long)pg->pg_up / 1000);
	} else if (strcmp(what, "drop") == 0) {
		maint_drop(pg, MAINT_UPGRADE);
		if (pg->pg_status == 0)
			page_go(pg, "/upgrade");
	} else {
		page_fail(pg, 400, "This is nothing that can be done here.");
	}
	if (pg->pg_status != 0 && cJSON_HasObjectItem(pg->pg_data, "refused"))
		upgrade_get(pg);
}
