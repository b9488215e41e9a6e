/* SPDX-License-Identifier: ISC */
/*
 * /upgrade: another version into the slot that does not run.
 *
 *	(upload, looked at) -> POST install -> POST restart
 */
#include <string.h>

#include "page.h"

void
upgrade_get(struct page *pg)
{
	put_text(pg->pg_data, "did", web_text(&pg->pg_rq, "did"));
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
			page_go(pg, "/upgrade?did=restart");
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
