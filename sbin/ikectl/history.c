/* SPDX-License-Identifier: ISC */
/*
 * What happened to tunnels, as the policy store keeps it: lines of at most 80
 * columns where texts allow, and JSON.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ikectl.h"
#include "libpolicy/store.h"
#include "libutil/wrap.h"

static const char *
date(int64_t ms, char buf[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(buf, 32, "%b %e %H:%M:%S", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

cJSON *
history_json(const struct history_event *ev)
{
	cJSON *o = cJSON_CreateObject();

	(void)cJSON_AddNumberToObject(o, "schema_version", SCHEMA_VERSION);
	(void)cJSON_AddNumberToObject(o, "id", (double)ev->he_id);
	(void)cJSON_AddNumberToObject(o, "time", (double)ev->he_time / 1000);
	(void)cJSON_AddStringToObject(o, "name", ev->he_tunnel);
	(void)cJSON_AddStringToObject(o, "child", ev->he_child);
	(void)cJSON_AddStringToObject(o, "event", ev->he_event);
	(void)cJSON_AddStringToObject(o, "reason", ev->he_reason);
	(void)cJSON_AddStringToObject(o, "peer", ev->he_peer);
	(void)cJSON_AddStringToObject(o, "text", ev->he_text);
	return o;
}

void
history_print(const struct history_event *ev, bool json)
{
	char when[32], name[sizeof(ev->he_tunnel) + sizeof(ev->he_child)];
	bool child = ev->he_child[0] != '\0' &&
	    strcmp(ev->he_child, ev->he_tunnel) != 0;

	if (json) {
		json_out(history_json(ev), true);
		(void)fflush(stdout);
		return;
	}
	(void)snprintf(name, sizeof(name), "%s%s%s",
	    ev->he_tunnel[0] != '\0' ? ev->he_tunnel : "-", child ? "/" : "",
	    child ? ev->he_child : "");
	printf("%s %-12s %-13s %s%s%s\n", date(ev->he_time, when), name,
	    ev->he_event, ev->he_reason, ev->he_reason[0] != '\0' ? " " : "",
	    ev->he_peer);
	wrap_print(stdout, "", ev->he_text, 16, 80);
	(void)fflush(stdout);
}

/* ---- ikectl history ------------------------------------------------ */

struct listing {
	bool	 li_json;
	cJSON	*li_array;
	size_t	 li_n;
};

static void
list_one(void *arg, const struct history_event *ev)
{
	struct listing *li = arg;
	cJSON *o;

	li->li_n++;
	if (!li->li_json) {
		history_print(ev, false);
		return;
	}
	o = history_json(ev);
	cJSON_DeleteItemFromObject(o, "schema_version");
	(void)cJSON_AddItemToArray(li->li_array, o);
}

int
history_list(const char *name, unsigned newest, bool json)
{
	struct history_query hq = { .hq_tunnel = name, .hq_newest = newest };
	struct listing li = { .li_json = json };
	const char *why;
	struct history *hi = history_open_ro(policy_db_path(NULL), &why);
	cJSON *doc = NULL;
	bool ok;
	int e;

	if (json) {
		doc = cJSON_CreateObject();
		(void)cJSON_AddNumberToObject(doc, "schema_version",
		    SCHEMA_VERSION);
		li.li_array = cJSON_AddArrayToObject(doc, "events");
	}
	ok = hi != NULL && history_read(hi, &hq, list_one, &li, &why);
	e = errno;
	if (!ok)
		(void)fprintf(stderr, "ikectl: %s\n", why);
	else if (json)
		json_out(doc, false);
	else if (li.li_n == 0)
		printf("nothing has happened%s%s\n", name != NULL ? " to " :
		    "", name != NULL ? name : "");
	history_close(hi);
	if (!ok)
		cJSON_Delete(doc);
	return ok ? 0 : e == EAGAIN ? EX_TEMPORARY : EX_ASKED_NO;
}

/* ---- the last failure ---------------------------------------------- */

static void
take_one(void *arg, const struct history_event *ev)
{
	*(struct history_event *)arg = *ev;
}

bool
history_last_failure(const char *name, struct history_event *out)
{
	struct history_query hq = { .hq_tunnel = name, .hq_newest = 1,
	    .hq_failures = true };
	const char *why;
	struct history *hi = history_open_ro(policy_db_path(NULL), &why);

	memset(out, 0, sizeof(*out));
	if (hi != NULL)
		(void)history_read(hi, &hq, take_one, out, &why);
	history_close(hi);
	return out->he_id != 0;
}

/* ---- catching up --------------------------------------------------- */

struct catch_up {
	const char	*cu_name;
	bool		 cu_json;
	uint64_t	 cu_shown;	/* numbers up to this are dealt with */
};

/* Rows come in order: what is skipped is not in the history. */
static void
catch_one(void *arg, const struct history_event *ev)
{
	struct catch_up *cu = arg;
	size_t n = cu->cu_name == NULL ? 0 : strlen(cu->cu_name);

	if (ev->he_id > cu->cu_shown + 1)
		(void)fprintf(stderr, "ikectl: events %" PRIu64 " to %" PRIu64
		    " are not kept any more\n", cu->cu_shown + 1,
		    ev->he_id - 1);
	cu->cu_shown = ev->he_id;
	if (n == 0 || strcmp(ev->he_tunnel, cu->cu_name) == 0)
		history_print(ev, cu->cu_json);
}

uint64_t
history_catch_up(const char *name, uint64_t since, uint64_t last, bool json)
{
	struct catch_up cu = { name, json, since };
	const char *why;
	struct history *hi = history_open_ro(policy_db_path(NULL), &why);

	/* The newest may still be on their way to the disk. */
	for (int i = 0; hi != NULL && cu.cu_shown < last && i < 100; i++) {
		struct history_query hq = { .hq_after = cu.cu_shown };

		if (i != 0)
			(void)usleep(50000);
		if (!history_read(hi, &hq, catch_one, &cu, &why))
			break;
	}
	history_close(hi);
	if (cu.cu_shown < last)
		(void)fprintf(stderr, "ikectl: events %" PRIu64 " to %" PRIu64
		    " have not been kept\n", cu.cu_shown + 1, last);
	return cu.cu_shown < last ? last : cu.cu_shown;
}
