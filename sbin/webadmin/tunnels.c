/* SPDX-License-Identifier: ISC */
/*
 * /tunnels: all of them, those that need attention first.  /tunnel: one with
 * its children and SAs, why it is down, what happened, and what can be done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ikectl.h"
#include "libpolicy/readwire.h"
#include "page.h"

enum { EACH = 50, EVENTS = 20 };

static bool
contains(const char *text, const char *what)
{
	return strcasestr(text, what) != NULL;
}

/* Does the filter's text stand in what the line shows? */
static bool
matches(const struct tunnel *tu, const char *q, const char *state)
{
	const struct ike_status *st = &tu->tu_st;
	char a[ADDR_STRLEN] = "", s[32];

	if (strcmp(state, "attention") == 0) {
		if (tunnel_rank(tu) > 3)
			return false;
	} else if (state[0] != '\0' &&
	    strcmp(state, tunnel_word_id(tunnel_word(tu))) != 0) {
		return false;
	}
	if (q[0] == '\0')
		return true;
	if (st->st_peer.ad_af != 0)
		(void)addr_print(&st->st_peer, a);
	return contains(st->st_policy, q) || contains(st->st_child, q) ||
	    contains(a, q) || contains(tunnel_state(tu, s), q) ||
	    contains(ike_reason_id(st->st_reason), q) || contains(st->st_note, q);
}

static void
put_choices(struct page *pg, const char *state)
{
	static const char *const ids[][2] = { { "", "any state" },
	    { "attention", "needs attention" }, { "up", "up" },
	    { "silent", "up, silent" }, { "connecting", "connecting" },
	    { "retry", "down, retry" }, { "waiting", "down, waiting for peer" },
	    { "demand", "on demand" }, { "disabled", "disabled" },
	    { "blocked", "blocked by config" } };
	cJSON *a = put_array(pg->pg_data, "choices"), *o;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		o = put_item(a);
		put_text(o, "value", ids[i][0]);
		put_text(o, "label", ids[i][1]);
		put_bool(o, "selected", strcmp(ids[i][0], state) == 0);
	}
}

void
tunnels_get(struct page *pg)
{
	const char *q = web_text(&pg->pg_rq, "q");
	const char *state = web_text(&pg->pg_rq, "state");
	bool name = strcmp(web_text(&pg->pg_rq, "sort"), "name") == 0;
	size_t n, m = 0;
	struct tunnel *list = gather_tunnels(pg, NULL, &n);
	const struct tunnel **show = calloc(n + 1, sizeof(*show));
	struct span sp;
	cJSON *a;

	for (size_t i = 0; show != NULL && i < n; i++)
		if (matches(&list[i], q, state))
			show[m++] = &list[i];
	tunnels_sort(show, m, name);
	tunnels_count(pg, list, n);
	put_text(pg->pg_data, "q", q);
	put_bool(pg->pg_data, "by_name", name);
	put_choices(pg, state);
	sp = page_span(pg, m, EACH);
	put_bool(pg->pg_data, "tunnels_shown", sp.to > sp.from);
	a = put_array(pg->pg_data, "tunnels");
	for (size_t i = sp.from; i < sp.to; i++)
		tunnel_put(a, show[i]);
	free(show);
	free(list);
}

/* ---- one tunnel ---- */

/* The last failure, unless what is wrong now is told anyway. */
static void
put_history(struct page *pg, const char *name, bool well)
{
	const char *why = "";
	struct policyread *pr = policyread_open(pg->pg_se->se_run, &why);
	cJSON *failed, *last;

	if (pr == NULL) {
		page_problem(pg, why);
		return;
	}
	if (well) {
		events_put(pg, pr, name, 0, true, 1);
		failed = cJSON_DetachItemFromObject(pg->pg_data, "events");
		cJSON_DeleteItemFromObject(pg->pg_data, "older");
		cJSON_DeleteItemFromObject(pg->pg_data, "events_told");
		last = cJSON_DetachItemFromArray(failed, 0);
		if (last != NULL)
			(void)cJSON_AddItemToObject(pg->pg_data, "last_failure", last);
		cJSON_Delete(failed);
	}
	events_put(pg, pr, name, web_number(&pg->pg_rq, "before",
	    UINT64_MAX / 16, 0), false, EVENTS);
	policyread_close(pr);
}

static const struct { const char *word; unsigned op; const char *label; } actions[] = {
	{ "start", IKECTL_UP, "was asked to come up" },
	{ "stop", IKECTL_DOWN, "was asked to go down" },
	{ "rekey", IKECTL_REKEY, "was asked for new keys" },
	{ "rekey-ike", IKECTL_REKEY_IKE, "was asked for new keys of its IKE SA" },
	{ "reset", IKECTL_RESET, "was asked to begin anew" },
};

/* What the form before has asked for; no words that an address brings. */
static void
put_asked(struct page *pg)
{
	const char *asked = web_text(&pg->pg_rq, "asked");

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].word, asked) == 0)
			put_text(pg->pg_data, "asked", actions[i].label);
}

void
tunnel_get(struct page *pg)
{
	const char *name = web_text(&pg->pg_rq, "name");
	size_t n = 0;
	struct tunnel *list = name[0] == '\0' ? NULL :
	    gather_tunnels(pg, name, &n);
	bool well = n != 0, up = well;
	cJSON *a;

	if (n == 0 && cJSON_GetObjectItem(pg->pg_data, "problems") == NULL) {
		free(list);
		page_fail(pg, 404, "There is no tunnel of that name.");
		return;
	}
	put_text(pg->pg_data, "name", name);
	a = put_array(pg->pg_data, "tunnels");
	for (size_t i = 0; i < n; i++) {
		up = up && tunnel_up(&list[i]);
		well = well && !tunnel_trouble(&list[i]);
		tunnel_put(a, &list[i]);
	}
	put_bool(pg->pg_data, "up", up);
	put_asked(pg);
	put_history(pg, name, well);
	free(list);
}

static void
command_failed(struct page *pg, int error)
{
	if (error == ENOENT)
		page_fail(pg, 404, "There is no tunnel of that name.");
	else if (error == EACCES)
		page_fail(pg, 503, "iked's socket is not for this user.");
	else if (error == ECONNREFUSED || error == ECONNRESET || error == EPIPE)
		page_fail(pg, 503, "iked does not run.");
	else
		page_fail(pg, 503, strerror(error));
}

void
tunnel_post(struct page *pg)
{
	const char *name = web_posted(&pg->pg_rq, "name");
	const char *what = web_posted(&pg->pg_rq, "action");
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int error;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].word, what) != 0 || name[0] == '\0')
			continue;
		error = iked_command(pg->pg_se, actions[i].op, name, NULL);
		if (error != 0) {
			command_failed(pg, error);
			return;
		}
		if ((out = open_memstream(&text, &len)) == NULL)
			return;
		web_encode(name, out);
		(void)fclose(out);
		page_go(pg, "/tunnel?name=%s&asked=%s", text, what);
		free(text);
		return;
	}
	page_fail(pg, 400, "This is nothing that can be asked of a tunnel.");
}
