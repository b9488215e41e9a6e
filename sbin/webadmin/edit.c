/* SPDX-License-Identifier: ISC */
/*
 * /policy/edit: one part of the policy as text.  The form carries the revision
 * that the editing began with; policyd refuses it if another has come, and then
 * the page shows what changed meanwhile, beside the text, which is never lost:
 * not if policyd does not run, and not if the session has ended meanwhile; then
 * the page of the login holds it, and the editor shows it again.
 *
 *	GET        the newest revision's text
 *	POST check  a dry run: errors with their places, assertions, nothing kept
 *	POST diff   what would change
 *	POST commit for good, or until the timer ends unless it is confirmed
 */
#include <stdlib.h>
#include <string.h>

#include "libpolicy/readwire.h"
#include "libpolicy/store.h"
#include "page.h"

enum { ERRORS_MAX = 40, REASON_MAX = 500 };

static bool
part_of(struct page *pg, enum policy_part *part)
{
	const char *name = web_text(&pg->pg_rq, "part");

	for (unsigned i = 0; i < POLICY_PARTS; i++)
		if (strcmp(name, policy_part_name((enum policy_part)i)) == 0) {
			*part = (enum policy_part)i;
			return true;
		}
	page_fail(pg, 404, "There is no such part of the policy.");
	return false;
}

void
spans_put(struct page *pg, uint64_t chosen)
{
	static const struct { unsigned s; const char *label; } spans[] = {
		{ 120, "2 minutes" }, { 600, "10 minutes" }, { 30, "30 seconds" },
		{ 0, "no timer: for good at once" } };
	cJSON *a = put_array(pg->pg_data, "spans"), *o;

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		o = put_item(a);
		put_number(o, "seconds", spans[i].s);
		put_text(o, "label", spans[i].label);
		put_bool(o, "selected", spans[i].s == chosen);
	}
}

static void
put_form(struct page *pg, enum policy_part part, const char *text, uint64_t base)
{
	/* of an answer to a form, too, the footer names the twin of its page */
	if (pg->pg_rq.wr_query[0] == '\0')
		(void)snprintf(pg->pg_rq.wr_query, sizeof(pg->pg_rq.wr_query),
		    "part=%s", policy_part_name(part));
	put_text(pg->pg_data, "part", policy_part_name(part));
	put_text(pg->pg_data, "text", text);
	put_number(pg->pg_data, "base", (double)base);
	put_text(pg->pg_data, "reason", web_posted(&pg->pg_rq, "reason"));
	spans_put(pg, web_number(&pg->pg_rq, "confirm", 86400, 120));
}

static bool
newest(const struct page *pg, uint64_t *rev, const char **why)
{
	struct policyctl_status ps;
	struct policyctl *pc = policyctl_connect(pg->pg_se->se_run, why);
	bool ok = pc != NULL && policyctl_status(pc, &ps, why);

	policyctl_close(pc);
	if (ok)
		*rev = ps.ps_committed;
	return ok;
}

/* malloc'd; NULL with *why. */
static char *
stored(const struct page *pg, uint64_t rev, enum policy_part part,
    const char **why)
{
	static char said[300];
	struct policyread *pr = policyread_open(pg->pg_se->se_run, why);
	char *text = pr != NULL ? policyread_text(pr, rev, part, why) : NULL;

	if (text == NULL) {	/* it may be pr's own */
		(void)snprintf(said, sizeof(said), "%s", *why);
		*why = said;
	}
	policyread_close(pr);
	return text;
}

/* ?find=NAME, as a tunnel's page asks: the line with the quoted name. */
static void
put_found(struct page *pg, const char *text)
{
	const char *name = web_text(&pg->pg_rq, "find"), *at;
	char rule[140];
	unsigned line = 1;

	if (name[0] == '\0' || strlen(name) > 120)
		return;
	put_text(pg->pg_data, "find", name);
	(void)snprintf(rule, sizeof(rule), "ikev2 \"%s\"", name);
	if ((at = strstr(text, rule)) == NULL &&
	    (at = strstr(text, rule + strlen("ikev2 "))) == NULL)
		return;
	while (at > text)
		line += *--at == '\n';
	put_number(pg->pg_data, "found", line);
}

void
edit_get(struct page *pg)
{
	enum policy_part part;
	const char *why = "";
	uint64_t base = 0, from = 0;
	char *text = NULL;

	if (!part_of(pg, &part))
		return;
	if (newest(pg, &base, &why)) {
		from = web_number(&pg->pg_rq, "from", UINT64_MAX / 16, base);
		why = "There is no such revision.";
		if (from <= base)
			text = stored(pg, from, part, &why);
	}
	if (text == NULL) {
		page_fail(pg, from > base ? 404 : 503, why);
		return;
	}
	put_form(pg, part, text, base);
	put_found(pg, text);
	if (from != base)
		put_number(pg->pg_data, "from", (double)from);
	free(text);
}

/* ---- what was sent ---- */

/* Lines end as on Unix; a browser sends CR LF.  malloc'd. */
static char *
sent_text(const struct page *pg)
{
	const char *in = web_posted(&pg->pg_rq, "text");
	size_t len = strlen(in), n = 0;
	char *out = malloc(len + 2);

	for (size_t i = 0; out != NULL && i < len; i++)
		if (in[i] != '\r' || in[i + 1] != '\n')
			out[n++] = in[i];
	if (out == NULL)
		return NULL;
	if (n != 0 && out[n - 1] != '\n')
		out[n++] = '\n';
	out[n] = '\0';
	return out;
}

/* FILE:LINE:COLUMN: message; the lines behind a tab belong to the one before. */
static cJSON *
put_error(cJSON *a, char *line)
{
	char *colon = strchr(line, ':'), *end;
	unsigned long at, column = 0;
	cJSON *o = put_item(a);

	at = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
	if (at == 0 || *end != ':') {
		put_text(o, "message", line);
		return o;
	}
	if (end[1] >= '0' && end[1] <= '9')
		column = strtoul(end + 1, &end, 10);
	*colon = '\0';
	put_text(o, "file", line);
	put_number(o, "line", (double)at);
	put_number(o, "column", (double)column);
	put_text(o, "message", end + strspn(end, ": "));
	return o;
}

/* A line that is nothing but a caret under the one before. */
static bool
is_caret(const char *line)
{
	return line != NULL && line[strspn(line, " \t")] == '^';
}

void
errors_put(struct page *pg, const char *text)
{
	cJSON *a = put_array(pg->pg_data, "errors"), *last = NULL;
	char *copy = strdup(text), *rest = copy, *line;
	bool source = false;

	while (copy != NULL && (line = strsep(&rest, "\n")) != NULL &&
	    cJSON_GetArraySize(a) < ERRORS_MAX) {
		if (line[0] == '\0')
			continue;
		if ((line[0] == '\t' || line[0] == ' ' || is_caret(line) ||
		    (!source && is_caret(rest))) && last != NULL) {
			if (line[0] == '\t')
				line++;
			if (!source)
				put_text(last, "source", line);
			else if (!cJSON_HasObjectItem(last, "caret"))
				put_text(last, "caret", line);
			source = true;
			continue;
		}
		last = put_error(a, line);
		source = false;
	}
	free(copy);
}

/* A revision has come since: what it changed in this part. */
static void
put_stale(struct page *pg, enum policy_part part, uint64_t base)
{
	char *then, *now, label[2][64];
	const char *why = "";
	uint64_t rev;
	cJSON *o;

	if (!newest(pg, &rev, &why) || rev == base)
		return;
	then = stored(pg, base, part, &why);
	now = then != NULL ? stored(pg, rev, part, &why) : NULL;
	if (now != NULL) {
		o = put_object(pg->pg_data, "stale");
		put_number(o, "base", (double)base);
		put_number(o, "newest", (double)rev);
		put_bool(o, "same", strcmp(then, now) == 0);
		(void)snprintf(label[0], sizeof(label[0]), "revision %llu",
		    (unsigned long long)base);
		(void)snprintf(label[1], sizeof(label[1]), "revision %llu",
		    (unsigned long long)rev);
		diff_put(put_array(o, "changed"), then, now, label[0], label[1]);
	}
	free(then);
	free(now);
}

/* Nothing was done, but the text stays on the page. */
static void
refuse(struct page *pg, int status, const char *why)
{
	put_bool(pg->pg_data, "refused", true);
	errors_put(pg, page_plain(why));
	pg->pg_status = status;
}

static bool
ask(struct page *pg, enum policy_part part, const char *text, uint64_t base,
    bool dry, struct policyctl_result *res)
{
	uint64_t span = web_number(&pg->pg_rq, "confirm", 86400, 120);
	struct policy_texts tx = { 0 };
	const char *why = "";
	struct policyctl *pc = policy_open(pg, &why);
	char reason[REASON_MAX + 1];
	bool ok = pc != NULL && policy_texts_add_part(&tx, part, POLICY_TEXT_MAIN,
	    policy_part_name(part), text, strlen(text));

	if (ok) {
		(void)snprintf(reason, sizeof(reason), "%s",
		    web_posted(&pg->pg_rq, "reason"));
		policyctl_commit(pc, &tx, POLICYCTL_KEEP |
		    (dry ? POLICYCTL_DRY : 0), base, dry ? 0 :
		    (uint32_t)span * 1000, reason, res);
	} else {
		refuse(pg, 503, pc == NULL ? why : "The text is too large.");
	}
	policyctl_close(pc);
	policy_texts_free(&tx);
	return ok;
}

static void
show_diff(struct page *pg, enum policy_part part, const char *text, uint64_t base)
{
	const char *why = "";
	char *then = stored(pg, base, part, &why), label[64];
	cJSON *a;

	if (then == NULL) {
		refuse(pg, 503, why);
		return;
	}
	(void)snprintf(label, sizeof(label), "revision %llu",
	    (unsigned long long)base);
	a = put_array(pg->pg_data, "diff");
	diff_put(a, then, text, label, "as edited");
	put_bool(pg->pg_data, "no_change", cJSON_GetArraySize(a) == 0);
	put_bool(pg->pg_data, "has_diff", cJSON_GetArraySize(a) != 0);
	free(then);
}

static void
act(struct page *pg, enum policy_part part, const char *text, uint64_t base,
    bool dry)
{
	static struct policyctl_result res;

	if (!ask(pg, part, text, base, dry, &res))
		return;
	if (dry && res.re_checked) {
		put_bool(pg->pg_data, "checked", true);
		put_text(pg->pg_data, "result", res.re_text);
		show_diff(pg, part, text, base);
		return;
	}
	if (!dry && res.re_ok && res.re_applied) {
		page_go(pg, "/policy?did=commit");
		return;
	}
	refuse(pg, res.re_later ? 503 : 409, res.re_text);
	put_bool(pg->pg_data, "later", res.re_later);
	put_bool(pg->pg_data, "committed", res.re_ok);
	if (strstr(res.re_text, "since you began") != NULL)
		put_stale(pg, part, base);
}

void
edit_post(struct page *pg)
{
	const char *what = web_posted(&pg->pg_rq, "action");
	uint64_t base = web_number(&pg->pg_rq, "base", UINT64_MAX / 16, 0);
	enum policy_part part;
	char *text;

	if (!part_of(pg, &part) || (text = sent_text(pg)) == NULL)
		return;
	put_form(pg, part, text, base);
	if (strcmp(what, "commit") == 0)
		act(pg, part, text, base, false);
	else if (strcmp(what, "check") == 0)
		act(pg, part, text, base, true);
	else
		show_diff(pg, part, text, base);
	explicit_bzero(text, strlen(text));
	free(text);
}

/* ---- the session has ended, or is another one ---- */

void
edit_keep(struct page *pg)
{
	uint64_t base = web_number(&pg->pg_rq, "base", UINT64_MAX / 16, 0);
	enum policy_part part;
	char *text;

	if (!part_of(pg, &part) || (text = sent_text(pg)) == NULL)
		return;
	pg->pg_rq.wr_query[0] = '\0';
	put_form(pg, part, text, base);
	put_number(pg->pg_data, "chosen", (double)web_number(&pg->pg_rq,
	    "confirm", 86400, 120));
	put_bool(pg->pg_data, "kept", true);
	(void)snprintf(pg->pg_rq.wr_path, sizeof(pg->pg_rq.wr_path),
	    "/policy/edit");
	pg->pg_template = pg->pg_in ? "edit" : "login";
	pg->pg_title = pg->pg_in ? "Edit policy" : "Log in";
	explicit_bzero(text, strlen(text));
	free(text);
}
