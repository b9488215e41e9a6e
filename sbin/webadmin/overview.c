/* SPDX-License-Identifier: ISC */
/*
 * /: is all well, and if not, what needs attention first?
 */
#include <stdlib.h>
#include <string.h>

#include "ikectl.h"
#include "libpolicy/readwire.h"
#include "libpolicy/store.h"
#include "page.h"

enum { SHOWN_MAX = 8, NAMED_MAX = 3 };

static void
count_one(void *arg, const struct policy_revision *pr)
{
	(void)pr;
	++*(unsigned *)arg;
}

/* What policyd says: the revision in force, what waits, what is wrong. */
static void
put_policy(struct page *pg)
{
	cJSON *o = put_object(pg->pg_data, "policy");
	struct policyctl_status ps = { 0 };
	struct policyread_pending pp = { 0 };
	const char *why = "";
	struct policyctl *pc = policyctl_connect(pg->pg_se->se_run, &why);
	struct policyread *pr;
	unsigned n = 0;

	if (pc == NULL || !policyctl_status(pc, &ps, &why)) {
		page_problem(pg, why);
		policyctl_close(pc);
		return;
	}
	policyctl_close(pc);
	put_bool(o, "told", true);
	put_number(o, "newest", (double)ps.ps_committed);
	put_number(o, "in_force", (double)ps.ps_applied);
	put_text(o, "problem", ps.ps_text);
	if ((pr = policyread_open(pg->pg_se->se_run, &why)) == NULL)
		return;
	events_put(pg, pr, "", 0, false, 6);
	if (policyread_list(pr, 0, 1, count_one, &n, &pp) && pp.pp_revision != 0) {
		put_number(o, "waits", (double)pp.pp_revision);
		put_number(o, "waits_s", (double)(pp.pp_left_ms / 1000));
	}
	if (n == 0)	/* the store may be damaged */
		revisions_check(pg, pr, ps.ps_committed);
	policyread_close(pr);
}

static void
put_attention(struct page *pg, const struct tunnel **order, size_t n)
{
	cJSON *a = put_array(pg->pg_data, "tunnels");

	for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
		tunnel_put(a, order[i]);
	put_number(pg->pg_data, "shown", n < SHOWN_MAX ? (double)n : SHOWN_MAX);
	if (n > SHOWN_MAX)
		put_number(pg->pg_data, "more", (double)(n - SHOWN_MAX));
}

/* ", berlin, oslo and 3 more" behind the first. */
static void
names(char *out, size_t cap, const struct tunnel **order, size_t bad)
{
	size_t at = 0;

	for (size_t i = 0; i < bad && i < NAMED_MAX && at < cap; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s%s", i == 0 ? "" :
		    ", ", order[i]->tu_st.st_child);
	if (bad > NAMED_MAX && at < cap)
		(void)snprintf(out + at, cap - at, " and %zu more", bad - NAMED_MAX);
}

static const char *
tunnels_sentence(const struct tunnel **order, size_t n, char *out, size_t cap)
{
	char list[400];
	size_t bad = 0, up = 0;

	for (size_t i = 0; i < n; i++) {
		bad += tunnel_rank(order[i]) <= 3;
		up += tunnel_up(order[i]);
	}
	if (n == 0)
		(void)snprintf(out, cap, "No tunnel is configured.");
	else if (bad != 0) {
		names(list, sizeof(list), order, bad);
		(void)snprintf(out, cap, "%zu of %zu tunnels need%s attention: %s.",
		    bad, n, bad == 1 ? "s" : "", list);
	} else if (up == n)
		(void)snprintf(out, cap, n == 1 ? "The tunnel is up." :
		    "All %zu tunnels are up.", n);
	else if (up == 0)
		(void)snprintf(out, cap, n == 1 ? "The tunnel waits for traffic or is "
		    "on its way." : "None of %zu tunnels is up: they wait for "
		    "traffic or are on their way.", n);
	else
		(void)snprintf(out, cap, "%zu of %zu tunnels %s up; the others wait "
		    "for traffic or are on their way.", up, n, up == 1 ? "is" :
		    "are");
	return bad != 0 ? "warn" : "ok";
}

static void
put_health(struct page *pg, const struct tunnel **order, size_t n)
{
	const cJSON *problems = cJSON_GetObjectItem(pg->pg_data, "problems");
	const cJSON *policy = cJSON_GetObjectItem(pg->pg_data, "policy");
	const cJSON *wrong = cJSON_GetObjectItem(policy, "problem");
	const cJSON *waits = cJSON_GetObjectItem(policy, "waits");
	cJSON *o = put_object(pg->pg_data, "health");
	char text[700], both[700];
	const char *level = tunnels_sentence(order, n, text, sizeof(text));

	if (cJSON_GetArraySize(problems) != 0) {
		level = "bad";
		(void)snprintf(text, sizeof(text), "%s",
		    cJSON_GetArrayItem(problems, 0)->valuestring);
	} else if (wrong != NULL && wrong->valuestring[0] != '\0') {
		level = "bad";
		(void)snprintf(text, sizeof(text), "The policy is not as it "
		    "should be: %.500s", wrong->valuestring);
	} else if (waits != NULL) {
		(void)snprintf(both, sizeof(both), "Revision %.0f goes back by "
		    "itself unless it is confirmed.%s%.600s", waits->valuedouble,
		    strcmp(level, "warn") == 0 ? " " : "",
		    strcmp(level, "warn") == 0 ? text : "");
		(void)snprintf(text, sizeof(text), "%s", both);
		level = "warn";
	}
	put_text(o, "level", level);
	put_text(o, "word", strcmp(level, "ok") == 0 ? "Well" :
	    strcmp(level, "warn") == 0 ? "Look here" : "Trouble");
	put_text(o, "sentence", text);
	put_bool(o, level, true);
	if (cJSON_GetArraySize(problems) > 1) {
		cJSON *also = cJSON_Duplicate(problems, true);

		cJSON_DeleteItemFromArray(also, 0);
		(void)cJSON_AddItemToObject(o, "also", also);
	}
}

static void
put_machine(struct page *pg)
{
	cJSON *o = put_object(pg->pg_data, "disk");
	double size = (double)pg->pg_disk_size;

	put_number(o, "free_bytes", (double)pg->pg_disk_free);
	put_number(o, "size_bytes", size);
	put_number(o, "used_percent", size > 0 ?
	    100 - (double)pg->pg_disk_free * 100 / size : 0);
	put_bool(o, "tight", size > 0 && (double)pg->pg_disk_free < size / 10);
	put_text(pg->pg_data, "certificates", "none configured");
	if (pg->pg_backup != 0)
		put_number(pg->pg_data, "last_backup", (double)pg->pg_backup);
}

void
overview_get(struct page *pg)
{
	size_t n;
	struct tunnel *list = gather_tunnels(pg, NULL, &n);
	const struct tunnel **order = calloc(n + 1, sizeof(*order));
	struct ctl_client *cl;

	if (order == NULL)
		n = 0;
	for (size_t i = 0; i < n; i++)
		order[i] = &list[i];
	if (n == 0 && (cl = netkern_open(pg)) != NULL)
		ctl_close(cl);
	tunnels_sort(order, n, false);
	tunnels_count(pg, list, n);
	put_policy(pg);
	put_health(pg, order, n);
	put_attention(pg, order, n);
	chart_put(pg, put_object(pg->pg_data, "throughput"), "ipsec", 3600);
	put_machine(pg);
	free(order);
	free(list);
}
