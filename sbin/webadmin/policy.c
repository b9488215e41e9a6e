/* SPDX-License-Identifier: ISC */
/*
 * /policy: the revision in force, what waits for its confirm, all revisions;
 * confirm and rollback.  /policy/revision: one of them, and what it changed.
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/readwire.h"
#include "libpolicy/store.h"
#include "libutil/udiff.h"
#include "page.h"

enum { EACH = 20, LINES_MAX = 1500, SPAN_MAX_S = 86400 };

static void
put_revision(void *arg, const struct policy_revision *pr)
{
	cJSON *o = put_item(arg);

	put_number(o, "revision", (double)pr->pr_number);
	put_number(o, "time", (double)pr->pr_time);
	put_text(o, "author", pr->pr_author);
	put_text(o, "reason", pr->pr_reason);
}

static void
put_parts(struct page *pg)
{
	cJSON *a = put_array(pg->pg_data, "parts");

	for (unsigned i = 0; i < POLICY_PARTS; i++)
		put_text(put_item(a), "part", policy_part_name((enum policy_part)i));
}

/* The numbers of policyd; false: it does not run. */
static bool
put_status(struct page *pg, struct policyctl_status *ps)
{
	const char *why = "";
	struct policyctl *pc = policyctl_connect(pg->pg_se->se_run, &why);
	bool ok = pc != NULL && policyctl_status(pc, ps, &why);

	policyctl_close(pc);
	if (!ok) {
		page_problem(pg, why);
		return false;
	}
	put_bool(pg->pg_data, "told", true);
	put_number(pg->pg_data, "newest", (double)ps->ps_committed);
	put_number(pg->pg_data, "in_force", (double)ps->ps_applied);
	put_bool(pg->pg_data, "is_in_force", ps->ps_committed != 0 &&
	    ps->ps_applied == ps->ps_committed);
	put_text(pg->pg_data, "problem", ps->ps_text);
	return true;
}

/* Marks what is in force and what waits. */
static void
mark(struct page *pg, cJSON *list, uint64_t in_force, uint64_t waits)
{
	cJSON *o;

	cJSON_ArrayForEach(o, list) {
		double n = cJSON_GetNumberValue(cJSON_GetObjectItem(o, "revision"));

		put_bool(o, "in_force", (uint64_t)n == in_force);
		put_bool(o, "waits_for_confirm", waits != 0 && (uint64_t)n == waits);
		put_bool(o, "can_go_back", (uint64_t)n != in_force);
		if (cJSON_GetArraySize(list) == EACH && o->next == NULL && n > 1)
			put_number(pg->pg_data, "older", n);
	}
}

void
revisions_check(struct page *pg, struct policyread *pr, uint64_t newest)
{
	const char *why = "";
	char *text;

	if (newest == 0)
		return;
	text = policyread_text(pr, newest, POLICY_PART_IPSEC, &why);
	page_problem(pg, text != NULL ? "The list of revisions cannot be read: try "
	    "again." : why);
	free(text);
}

void
policy_get(struct page *pg)
{
	uint64_t before = web_number(&pg->pg_rq, "before", UINT64_MAX / 16, 0);
	struct policyread_pending pp = { 0 };
	struct policyctl_status ps;
	struct policyread *pr;
	const char *why = "";
	cJSON *list, *o;

	put_parts(pg);
	put_text(pg->pg_data, "did", web_text(&pg->pg_rq, "did"));
	if (!put_status(pg, &ps) ||
	    (pr = policyread_open(pg->pg_se->se_run, &why)) == NULL)
		return;
	list = put_array(pg->pg_data, "revisions");
	(void)policyread_list(pr, before, EACH, put_revision, list, &pp);
	if (before == 0 && cJSON_GetArraySize(list) == 0)
		revisions_check(pg, pr, ps.ps_committed);
	policyread_close(pr);
	put_bool(pg->pg_data, "some", cJSON_GetArraySize(list) != 0);
	if (pp.pp_revision != 0) {
		o = put_object(pg->pg_data, "pending");
		put_number(o, "revision", (double)pp.pp_revision);
		put_number(o, "back", (double)pp.pp_back);
		put_number(o, "left_s", (double)((pp.pp_left_ms + 999) / 1000));
		put_number(o, "until", (double)pg->pg_now +
		    (double)(pp.pp_left_ms / 1000));
	}
	mark(pg, list, ps.ps_applied, pp.pp_revision);
}

struct policyctl *
policy_open(struct page *pg, const char **why)
{
	struct policyctl *pc = policyctl_connect(pg->pg_se->se_run, why);

	if (pc == NULL || policyctl_author(pc, pg->pg_session.ws_user, why))
		return pc;
	policyctl_close(pc);
	return NULL;
}

static void
rollback(struct page *pg, struct policyctl *pc, struct policyctl_result *res)
{
	uint64_t to = web_number(&pg->pg_rq, "revision", UINT64_MAX / 16, 0);
	uint64_t span = web_number(&pg->pg_rq, "confirm", SPAN_MAX_S, 0);
	char reason[40];

	memset(res, 0, sizeof(*res));
	if (to == 0) {
		(void)snprintf(res->re_text, sizeof(res->re_text),
		    "No revision was named to go back to.");
		return;
	}
	(void)snprintf(reason, sizeof(reason), "back to %llu",
	    (unsigned long long)to);
	policyctl_rollback(pc, to, (uint32_t)span * 1000, reason, res);
}

void
policy_post(struct page *pg)
{
	const char *what = web_posted(&pg->pg_rq, "action"), *why = "";
	struct policyctl *pc = policy_open(pg, &why);
	struct policyctl_result res = { .re_text = "" };
	bool confirm = strcmp(what, "confirm") == 0;

	if (pc == NULL) {
		page_fail(pg, 503, why);
		return;
	}
	if (confirm)
		policyctl_confirm(pc, web_number(&pg->pg_rq, "revision",
		    UINT64_MAX / 16, 0), &res);
	else if (strcmp(what, "rollback") == 0)
		rollback(pg, pc, &res);
	policyctl_close(pc);
	if (res.re_ok)
		page_go(pg, "/policy?did=%s", confirm ? "confirm" : "rollback");
	else
		page_fail(pg, res.re_later ? 503 : 409, res.re_text[0] != '\0' ?
		    res.re_text : "This is nothing that can be asked of policyd.");
}

/* ---- differences ---- */

void
diff_lines_put(cJSON *array, char *text)
{
	size_t len = strlen(text), n = 0;
	char *line, *rest = text;
	cJSON *o;

	for (; n < LINES_MAX && (line = strsep(&rest, "\n")) != NULL; n++) {
		if (line[0] == '\0')
			continue;
		o = put_item(array);
		put_text(o, "kind", strncmp(line, "---", 3) == 0 ||
		    strncmp(line, "+++", 3) == 0 ? "name" : line[0] == '@' ?
		    "place" : line[0] == '+' ? "add" : line[0] == '-' ? "del" :
		    "same");
		put_text(o, "text", line);
	}
	if (rest != NULL && rest[0] != '\0') {
		o = put_item(array);
		put_text(o, "kind", "place");
		put_text(o, "text", "@@ more lines follow, which are not shown here: "
		    "ipsecctl diff and backup show tell all @@");
	}
	explicit_bzero(text, len);
}

void
diff_put(cJSON *array, const char *a, const char *b, const char *aname,
    const char *bname)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool differ = false, ok;

	ok = out != NULL && udiff(a, b, aname, bname, out, &differ);
	ok = out != NULL && fclose(out) == 0 && ok;
	if (ok && differ)
		diff_lines_put(array, text);
	free(text);
}

/* One part of the revision, and what it changed against another. */
static void
put_part(struct page *pg, cJSON *list, struct policyread *pr, enum policy_part part,
    const uint64_t rev[2])
{
	const char *why = "", *name = policy_part_name(part);
	char *now = policyread_text(pr, rev[1], part, &why);
	char *then = now == NULL ? NULL : policyread_text(pr, rev[0], part, &why);
	char label[2][64];
	cJSON *o;

	if (then == NULL)
		page_problem(pg, why);
	else if ((now[0] != '\0' || then[0] != '\0')) {
		o = put_item(list);
		put_text(o, "part", name);
		put_text(o, "text", strlen(now) > 60000 ? "" : now);
		put_bool(o, "too_long", strlen(now) > 60000);
		for (int i = 0; i < 2; i++)
			(void)snprintf(label[i], sizeof(label[i]),
			    "%s revision %llu", name, (unsigned long long)rev[i]);
		put_bool(o, "changed", strcmp(now, then) != 0);
		diff_put(put_array(o, "diff"), then, now, label[0], label[1]);
	}
	free(now);
	free(then);
}

void
revision_get(struct page *pg)
{
	uint64_t rev[2] = { 0, web_number(&pg->pg_rq, "n", UINT64_MAX / 16, 0) };
	struct policyctl_status ps;
	struct policyread *pr;
	const char *why = "";
	cJSON *list;

	if (!put_status(pg, &ps))
		return;
	if (rev[1] == 0 || rev[1] > ps.ps_committed) {
		page_fail(pg, 404, "There is no such revision.");
		return;
	}
	rev[0] = web_number(&pg->pg_rq, "with", UINT64_MAX / 16, rev[1] - 1);
	if (rev[0] > ps.ps_committed) {
		page_problem(pg, "There is no such revision to compare with: this is "
		    "the difference to the one before.");
		rev[0] = rev[1] - 1;
	}
	spans_put(pg, 120);
	put_number(pg->pg_data, "revision", (double)rev[1]);
	put_number(pg->pg_data, "with", (double)rev[0]);
	put_bool(pg->pg_data, "can_go_back", rev[1] != ps.ps_applied);
	if ((pr = policyread_open(pg->pg_se->se_run, &why)) == NULL) {
		page_problem(pg, why);
		return;
	}
	list = put_array(pg->pg_data, "about");
	(void)policyread_list(pr, rev[1] + 1, 1, put_revision, list, NULL);
	if (cJSON_GetArraySize(list) == 0)
		revisions_check(pg, pr, rev[1]);
	list = put_array(pg->pg_data, "parts");
	for (unsigned i = 0; i < POLICY_PARTS; i++)
		put_part(pg, list, pr, (enum policy_part)i, rev);
	policyread_close(pr);
}
