/* SPDX-License-Identifier: ISC */
/*
 * Counters and drops by area, and workers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libctl/json.h"
#include "netstat.h"

#define STATS_MAX	256

struct stats {
	struct ctl_counter	st_counter[STATS_MAX];
	unsigned		st_n;
};

static void
collect(void *arg, const void *body, size_t len)
{
	struct stats *st = arg;

	if (len != sizeof(st->st_counter[0]) || st->st_n == STATS_MAX)
		return;
	memcpy(&st->st_counter[st->st_n++], body, len);
}

static bool
wanted(const struct options *op, const struct ctl_counter *cc)
{
	if (op->op_area != NULL && strcmp(op->op_area, cc->cc_area) != 0)
		return false;
	return op->op_all || op->op_json || cc->cc_value != 0;
}

static void
text_area(const struct options *op, const struct stats *st, const char *area)
{
	const struct ctl_counter *cc;
	bool head = false;
	unsigned i;

	for (i = 0; i < st->st_n; i++) {
		cc = &st->st_counter[i];
		if (strcmp(cc->cc_area, area) != 0 || !wanted(op, cc))
			continue;
		if (!head)
			printf("%s:\n", area);
		head = true;
		printf("\t%" PRIu64 " %s%s\n", cc->cc_value, cc->cc_is_drop ? "dropped: " : "",
		    cc->cc_text);
	}
}

static void
text(const struct options *op, const struct stats *st)
{
	unsigned i, j;

	for (i = 0; i < st->st_n; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(st->st_counter[i].cc_area, st->st_counter[j].cc_area) == 0)
				break;
		if (j == i)
			text_area(op, st, st->st_counter[i].cc_area);
	}
}

static void
json(const struct options *op, const struct stats *st)
{
	const struct ctl_counter *cc;
	unsigned i;

	json_array("counters");
	for (i = 0; i < st->st_n; i++) {
		cc = &st->st_counter[i];
		if (!wanted(op, cc))
			continue;
		json_object(NULL);
		json_string("area", cc->cc_area);
		json_string("name", cc->cc_name);
		json_string("text", cc->cc_text);
		json_bool("drop", cc->cc_is_drop != 0);
		json_number("value", cc->cc_value);
		json_object_end();
	}
	json_array_end();
}

void
show_stats(struct ctl_client *cl, const struct options *op)
{
	static struct stats st;
	unsigned i;

	st.st_n = 0;
	ctl_must(cl, CTL_COUNTERS, NULL, 0, collect, &st);
	for (i = 0; op->op_area != NULL && i < st.st_n; i++)
		if (strcmp(op->op_area, st.st_counter[i].cc_area) == 0)
			break;
	if (op->op_area != NULL && i == st.st_n) {
		fprintf(stderr, "netstat: %s: no such area; netstat -sa shows all\n", op->op_area);
		exit(1);
	}
	if (op->op_json)
		json(op, &st);
	else
		text(op, &st);
}

static void
one_worker(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct ctl_worker cw;
	char cpu[12] = "any";

	if (len != sizeof(cw))
		return;
	memcpy(&cw, body, sizeof(cw));
	if (cw.cw_cpu >= 0)
		snprintf(cpu, sizeof(cpu), "%d", cw.cw_cpu);
	if (!op->op_json) {
		printf("%6u %4s %8" PRIu64 " %7u/%-7u %5u/%-5u %12" PRIu64 " %10" PRIu64 "\n",
		    cw.cw_id, cpu, cw.cw_flows, cw.cw_small - cw.cw_small_free, cw.cw_small,
		    cw.cw_large - cw.cw_large_free, cw.cw_large, cw.cw_busy_turns,
		    cw.cw_sleeps);
		return;
	}
	json_object(NULL);
	json_number("worker", cw.cw_id);
	json_string("cpu", cpu);
	json_number("states", cw.cw_flows);
	json_number("small", cw.cw_small);
	json_number("small_free", cw.cw_small_free);
	json_number("large", cw.cw_large);
	json_number("large_free", cw.cw_large_free);
	json_number("frames", cw.cw_frames);
	json_number("frames_free", cw.cw_frames_free);
	json_number("turns", cw.cw_turns);
	json_number("busy_turns", cw.cw_busy_turns);
	json_number("sleeps", cw.cw_sleeps);
	json_object_end();
}

void
show_workers(struct ctl_client *cl, const struct options *op)
{
	struct options copy = *op;

	if (op->op_json)
		json_array("workers");
	else
		printf("%6s %4s %8s %15s %11s %12s %10s\n", "Worker", "CPU", "States",
		    "Small used/of", "Large", "Busy turns", "Sleeps");
	ctl_must(cl, CTL_WORKERS, NULL, 0, one_worker, &copy);
	if (op->op_json)
		json_array_end();
}
