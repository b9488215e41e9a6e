/* SPDX-License-Identifier: ISC */
/*
 * /import: what `ipsecctl export' wrote, as a file or pasted.
 *
 *	(upload, tried: the difference, a dry run) -> POST commit
 */
#include <stdlib.h>
#include <string.h>

#include "page.h"

/* Errors of the file as those of the editor. */
static void
put_refusal(struct page *pg, const char *name)
{
	const cJSON *o = cJSON_GetObjectItem(pg->pg_data, name);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(o, "text"));

	if (o == NULL || cJSON_IsTrue(cJSON_GetObjectItem(o, "ok")))
		return;
	if (strncmp(text != NULL ? text : "", "uploaded.", 9) == 0)
		text = "This is no export, or it is not as it was written. A text "
		    "that was edited by hand goes by the editor of its part.";
	errors_put(pg, text != NULL && text[0] != '\0' ? text :
	    "The file could not be looked at: try again.");
	put_text(pg->pg_data, "at", name);
}

void
import_get(struct page *pg)
{
	put_text(pg->pg_data, "reason", web_posted(&pg->pg_rq, "reason"));
	spans_put(pg, web_number(&pg->pg_rq, "confirm", MAINT_CONFIRM, 120));
	if (!maint_put(pg, MAINT_IMPORT))
		return;
	/* what was done comes last, and is what matters then */
	put_refusal(pg, cJSON_HasObjectItem(pg->pg_data, "done") ? "done" : "found");
}

static void
commit(struct page *pg)
{
	struct maint_request mq = {
		.mq_base = web_number(&pg->pg_rq, "base", UINT64_MAX / 16, 0),
		.mq_confirm = (uint32_t)web_number(&pg->pg_rq, "confirm",
		    MAINT_CONFIRM, 120),
	};

	/* a reason is one line of plain text; maintd takes no other */
	(void)snprintf(mq.mq_reason, sizeof(mq.mq_reason), "%.400s%s(imported on "
	    "the web pages)", web_posted(&pg->pg_rq, "reason"),
	    web_posted(&pg->pg_rq, "reason")[0] != '\0' ? " " : "");
	for (char *p = mq.mq_reason; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (maint_command(pg, MAINT_TAKE, &mq, NULL) == MAINT_OK)
		page_go(pg, "/policy?did=commit");
}

void
import_post(struct page *pg)
{
	const char *what = web_posted(&pg->pg_rq, "action");

	if (strcmp(what, "commit") == 0) {
		commit(pg);
	} else if (strcmp(what, "drop") == 0) {
		maint_drop(pg, MAINT_IMPORT);
		if (pg->pg_status == 0)
			page_go(pg, "/import");
	} else {
		page_fail(pg, 400, "This is nothing that can be done here.");
	}
	if (pg->pg_status != 0 && cJSON_HasObjectItem(pg->pg_data, "refused"))
		import_get(pg);
}
