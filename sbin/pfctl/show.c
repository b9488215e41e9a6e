/* SPDX-License-Identifier: ISC */
/*
 * pfctl -s: rules, labels, info, memory, timeouts, tables.
 */
#include <stdio.h>
#include <string.h>

#include "libctl/json.h"
#include "pfctl.h"



static unsigned long long
ull(uint64_t v)
{
	return (unsigned long long)v;
}

/* ---- rules ---- */

static uint64_t
both(const uint64_t v[2])
{
	return v[0] + v[1];
}

static void
json_counts(const struct pf_counts *pc)
{
	json_number("evaluations", pc->pc_evals);
	json_number("packets_in", pc->pc_packets[0]);
	json_number("packets_out", pc->pc_packets[1]);
	json_number("bytes_in", pc->pc_bytes[0]);
	json_number("bytes_out", pc->pc_bytes[1]);
	json_number("states", pc->pc_states);
	json_number("states_created", pc->pc_created);
}

static void
rule_json(const struct pf_rule_info *ri)
{
	char buf[PF_RULE_STRLEN];

	json_object(NULL);
	json_number("number", ri->ri_nr);
	json_string("rule", pf_rule_print(&ri->ri_rule, buf));
	json_string("label", ri->ri_rule.pr_label);
	json_counts(&ri->ri_counts);
	json_object_end();
}

static void
rule_one(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct pf_rule_info ri;
	char buf[PF_RULE_STRLEN];

	if (len != sizeof(ri))
		return;
	memcpy(&ri, body, sizeof(ri));
	if (op->op_json) {
		rule_json(&ri);
		return;
	}
	if (op->op_verbose > 1)
		printf("@%u ", ri.ri_nr);
	printf("%s\n", pf_rule_print(&ri.ri_rule, buf));
	if (op->op_verbose == 0)
		return;
	printf("  [ Evaluations: %-8llu  Packets: %-8llu  Bytes: %-10llu  States: %-6llu]\n",
	    ull(ri.ri_counts.pc_evals), ull(both(ri.ri_counts.pc_packets)),
	    ull(both(ri.ri_counts.pc_bytes)), ull(ri.ri_counts.pc_states));
	if (op->op_verbose > 1)
		printf("  [ Line: %-8u  State Creations: %-6llu]\n", ri.ri_rule.pr_line,
		    ull(ri.ri_counts.pc_created));
}

static void
label_one(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct pf_label_info li;

	if (len != sizeof(li))
		return;
	memcpy(&li, body, sizeof(li));
	if (op->op_json) {
		json_object(NULL);
		json_string("label", li.li_label);
		json_counts(&li.li_counts);
		json_object_end();
		return;
	}
	printf("%s %llu %llu %llu %llu %llu %llu %llu %llu\n", li.li_label,
	    ull(li.li_counts.pc_evals), ull(both(li.li_counts.pc_packets)),
	    ull(both(li.li_counts.pc_bytes)), ull(li.li_counts.pc_packets[0]),
	    ull(li.li_counts.pc_bytes[0]), ull(li.li_counts.pc_packets[1]),
	    ull(li.li_counts.pc_bytes[1]), ull(li.li_counts.pc_created));
}

static void
table_one(void *arg, const void *body, size_t len)
{
	const struct options *op = arg;
	struct pf_table_info ti;

	if (len != sizeof(ti))
		return;
	memcpy(&ti, body, sizeof(ti));
	if (op->op_json) {
		json_object(NULL);
		json_string("name", ti.ti_name);
		json_number("addresses", ti.ti_entries);
		json_number("rules", ti.ti_rules);
		json_bool("persist", ti.ti_flags & PF_TABLE_PERSIST);
		json_bool("const", ti.ti_flags & PF_TABLE_CONST);
		json_object_end();
		return;
	}
	if (op->op_verbose == 0) {
		printf("%s\n", ti.ti_name);
		return;
	}
	printf("%c%c%c--\t%s\n\tAddresses:   %llu\n\tReferences:  [ Rules: %u ]\n",
	    ti.ti_flags & PF_TABLE_CONST ? 'c' : '-', ti.ti_flags & PF_TABLE_PERSIST ? 'p' : '-',
	    ti.ti_rules != 0 ? 'r' : '-', ti.ti_name, ull(ti.ti_entries), ti.ti_rules);
}

static void
show_list(struct ctl_client *cl, const struct options *op, uint16_t what, const char *name,
    void (*fn)(void *, const void *, size_t))
{
	/* the callback takes options as it is asked for, and changes nothing */
	struct options copy = *op;

	if (op->op_json)
		json_array(name);
	ctl_must(cl, what, NULL, 0, fn, &copy);
	if (op->op_json)
		json_array_end();
}

/* ---- numbers ---- */

static struct pf_info
info_get(struct ctl_client *cl)
{
	struct pf_info in;

	ctl_must_get(cl, CTL_PF_INFO, NULL, 0, &in, sizeof(in));
	return in;
}

static void
rate_line(const char *name, uint64_t n, uint64_t seconds)
{
	printf("  %-24s %14llu %14.1f/s\n", name, ull(n),
	    seconds == 0 ? 0.0 : (double)n / (double)seconds);
}

static const struct { const char *name; size_t at; } counter_rows[] = {
	{ "match", offsetof(struct pf_info, in_match) },
	{ "default-pass", offsetof(struct pf_info, in_default) },
	{ "short", offsetof(struct pf_info, in_short) },
	{ "state-limit", offsetof(struct pf_info, in_state_limit) },
	{ "state-mismatch", offsetof(struct pf_info, in_window) },
	{ "icmp-mismatch", offsetof(struct pf_info, in_icmp_state) },
};
#define COUNTER_ROWS	(sizeof(counter_rows) / sizeof(counter_rows[0]))

static uint64_t
counter_of(const struct pf_info *in, unsigned i)
{
	uint64_t v;

	memcpy(&v, (const char *)in + counter_rows[i].at, sizeof(v));
	return v;
}

static void
info_json(const struct pf_info *in)
{
	json_bool("enabled", in->in_enabled != 0);
	json_number("seconds", in->in_since_s);
	json_number("rules", in->in_rules);
	json_number("states", in->in_states);
	json_number("searches", in->in_searches);
	json_number("inserts", in->in_inserts);
	json_number("removals", in->in_removals);
	json_object("counters");
	for (unsigned i = 0; i < COUNTER_ROWS; i++)
		json_number(counter_rows[i].name, counter_of(in, i));
	json_object_end();
}

static void
show_info(struct ctl_client *cl, const struct options *op)
{
	struct pf_info in = info_get(cl);
	char status[100];
	uint64_t s = in.in_since_s;

	if (op->op_json) {
		info_json(&in);
		return;
	}
	(void)snprintf(status, sizeof(status), "Status: %s for %llu days %02llu:%02llu:%02llu",
	    in.in_enabled ? "Enabled" : "Disabled", ull(s / 86400), ull(s / 3600 % 24),
	    ull(s / 60 % 60), ull(s % 60));
	printf("%-44s Rules: %llu\n\n", status, ull(in.in_rules));
	printf("State Table                          Total             Rate\n");
	printf("  %-24s %14llu\n", "current entries", ull(in.in_states));
	rate_line("searches", in.in_searches, s);
	rate_line("inserts", in.in_inserts, s);
	rate_line("removals", in.in_removals, s);
	printf("Counters\n");
	for (unsigned i = 0; i < COUNTER_ROWS; i++)
		rate_line(counter_rows[i].name, counter_of(&in, i), s);
}

static void
show_memory(struct ctl_client *cl, const struct options *op)
{
	struct pf_info in = info_get(cl);

	if (op->op_json) {
		json_number("states_limit", in.in_limit);
		json_number("states_capacity", in.in_capacity);
		return;
	}
	printf("states        hard limit %8llu\n", ull(in.in_limit));
	printf("tables        hard limit %8u\n", PF_TABLES_MAX);
	printf("table-entries hard limit %8u\n", PF_ENTRIES_MAX);
	printf("rules         hard limit %8u\n", PF_RULES_MAX);
}

static void
show_timeouts(struct ctl_client *cl, const struct options *op)
{
	struct pf_info in = info_get(cl);
	uint32_t *tm = in.in_options.po_timeout;

	if (tm[PF_TM_ADAPTIVE_END] == 0) {
		tm[PF_TM_ADAPTIVE_START] = (uint32_t)(in.in_limit * 6 / 10);
		tm[PF_TM_ADAPTIVE_END] = (uint32_t)(in.in_limit * 12 / 10);
	}
	for (unsigned i = 0; i < PF_TM_MAX; i++)
		if (op->op_json)
			json_number(pf_timeout_name(i), in.in_options.po_timeout[i]);
		else
			printf("%-20s %10u%s\n", pf_timeout_name(i), in.in_options.po_timeout[i],
			    i < PF_TM_ADAPTIVE_START ? "s" : " states");
}

/* ---- what to show ---- */

static void
rules(struct ctl_client *cl, const struct options *op)
{
	show_list(cl, op, CTL_PF_RULES, "rules", rule_one);
}

static void
labels(struct ctl_client *cl, const struct options *op)
{
	show_list(cl, op, CTL_PF_LABELS, "labels", label_one);
}

static void
tables(struct ctl_client *cl, const struct options *op)
{
	show_list(cl, op, CTL_PF_TABLES, "tables", table_one);
}

static const struct part {
	const char	*name, *title;
	void		(*fn)(struct ctl_client *, const struct options *);
} parts[] = {
	{ "rules", "FILTER RULES:", rules },
	{ "states", "STATES:", show_states },
	{ "info", "INFO:", show_info },
	{ "labels", "LABEL COUNTERS:", labels },
	{ "timeouts", "TIMEOUTS:", show_timeouts },
	{ "memory", "LIMITS:", show_memory },
	{ "Tables", "TABLES:", tables },
};

static void
show_all(struct ctl_client *cl, const struct options *op)
{
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (op->op_json)
			json_object(parts[i].name);
		else
			printf("%s%s\n", i == 0 ? "" : "\n", parts[i].title);
		parts[i].fn(cl, op);
		if (op->op_json)
			json_object_end();
	}
}

bool
show(struct ctl_client *cl, const struct options *op, const char *what)
{
	const struct part *found = NULL;
	bool all = what[0] != '\0' && strncmp(what, "all", strlen(what)) == 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]) && found == NULL; i++)
		if (what[0] != '\0' && strncmp(what, parts[i].name, strlen(what)) == 0)
			found = &parts[i];
	if (found == NULL && !all)
		return false;
	if (op->op_json)
		json_begin();
	if (found != NULL)
		found->fn(cl, op);
	else
		show_all(cl, op);
	if (op->op_json)
		json_end();
	return true;
}
