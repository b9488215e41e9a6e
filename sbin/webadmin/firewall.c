/* SPDX-License-Identifier: ISC */
/*
 * /firewall: rules with what they counted; /firewall/tables: tables and their
 * addresses.
 */
#include <stdlib.h>
#include <string.h>

#include "libpf/pf.h"
#include "page.h"

enum { EACH_RULES = 100, EACH_ADDRESSES = 200 };

struct records {
	char	*re_v;
	size_t	 re_n, re_cap, re_size;
};

static void
keep(void *arg, const void *body, size_t len)
{
	struct records *re = arg;
	size_t cap;
	char *more;

	if (len != re->re_size)
		return;
	if (re->re_n == re->re_cap) {
		cap = re->re_cap == 0 ? 64 : re->re_cap * 2;
		if ((more = reallocarray(re->re_v, cap, re->re_size)) == NULL)
			return;
		re->re_v = more;
		re->re_cap = cap;
	}
	memcpy(re->re_v + re->re_n++ * re->re_size, body, len);
}

/* All answers to a request, of one size; false with a problem told. */
static bool
collect_records(struct page *pg, uint16_t op, const void *body, size_t len,
    struct records *re)
{
	struct ctl_client *cl = netkern_open(pg);
	bool ok;

	if (cl == NULL)
		return false;
	ok = ctl_call(cl, op, body, len, -1, keep, re) == 0;
	if (!ok)
		page_problem(pg, ctl_error(cl));
	ctl_close(cl);
	return ok;
}

static void
put_rule(cJSON *a, const struct pf_rule_info *ri)
{
	char buf[PF_RULE_STRLEN];
	const struct pf_counts *pc = &ri->ri_counts;
	cJSON *o = put_item(a);

	put_number(o, "number", ri->ri_nr);
	put_text(o, "rule", pf_rule_print(&ri->ri_rule, buf));
	put_text(o, "label", ri->ri_rule.pr_label);
	put_text(o, "action", ri->ri_rule.pr_action == PF_BLOCK ? "block" : "pass");
	put_number(o, "line", ri->ri_rule.pr_line);
	put_number(o, "evaluations", (double)pc->pc_evals);
	put_number(o, "packets_in", (double)pc->pc_packets[0]);
	put_number(o, "packets_out", (double)pc->pc_packets[1]);
	put_number(o, "bytes_in", (double)pc->pc_bytes[0]);
	put_number(o, "bytes_out", (double)pc->pc_bytes[1]);
	put_number(o, "packets", (double)(pc->pc_packets[0] + pc->pc_packets[1]));
	put_number(o, "bytes", (double)(pc->pc_bytes[0] + pc->pc_bytes[1]));
	put_number(o, "states", (double)pc->pc_states);
	put_number(o, "states_created", (double)pc->pc_created);
}

static bool
rule_matches(const struct pf_rule_info *ri, const char *q)
{
	char buf[PF_RULE_STRLEN];

	return q[0] == '\0' || strcasestr(pf_rule_print(&ri->ri_rule, buf), q) != NULL;
}

static void
put_info(struct page *pg)
{
	struct records re = { .re_size = sizeof(struct pf_info) };
	struct pf_info in;
	cJSON *o;

	if (collect_records(pg, CTL_PF_INFO, NULL, 0, &re) && re.re_n != 0) {
		memcpy(&in, re.re_v, sizeof(in));
		o = put_object(pg->pg_data, "info");
		put_bool(o, "enabled", in.in_enabled != 0);
		put_number(o, "states", (double)in.in_states);
		put_number(o, "states_limit", (double)in.in_limit);
		put_number(o, "searches", (double)in.in_searches);
		put_number(o, "inserts", (double)in.in_inserts);
		put_number(o, "removals", (double)in.in_removals);
	}
	free(re.re_v);
}

void
rules_get(struct page *pg)
{
	struct records re = { .re_size = sizeof(struct pf_rule_info) };
	const char *q = web_text(&pg->pg_rq, "q");
	struct pf_rule_info *ri;
	struct span sp;
	size_t n = 0;
	cJSON *a;

	put_info(pg);
	(void)collect_records(pg, CTL_PF_RULES, NULL, 0, &re);
	ri = (struct pf_rule_info *)(void *)re.re_v;
	for (size_t i = 0; i < re.re_n; i++)
		if (rule_matches(&ri[i], q))
			ri[n++] = ri[i];
	put_text(pg->pg_data, "q", q);
	sp = page_span(pg, n, EACH_RULES);
	put_bool(pg->pg_data, "some", sp.to > sp.from);
	a = put_array(pg->pg_data, "rules");
	for (size_t i = sp.from; i < sp.to; i++)
		put_rule(a, &ri[i]);
	free(re.re_v);
}

/* ---- tables ---- */

static void
put_table(struct page *pg, const char *name)
{
	struct records re = { .re_size = sizeof(struct pf_table_entry) };
	const struct pf_table_entry *pe;
	struct pf_name pn = { "" };
	char text[PREFIX_STRLEN + 2];
	struct span sp;
	cJSON *a;

	(void)snprintf(pn.pn_name, sizeof(pn.pn_name), "%s", name);
	(void)collect_records(pg, CTL_PF_TABLE_SHOW, &pn, sizeof(pn), &re);
	pe = (const struct pf_table_entry *)(const void *)re.re_v;
	put_text(pg->pg_data, "name", name);
	sp = page_span(pg, re.re_n, EACH_ADDRESSES);
	a = put_array(pg->pg_data, "addresses");
	for (size_t i = sp.from; i < sp.to; i++)
		put_text(put_item(a), "address", pf_entry_print(&pe[i], text));
	free(re.re_v);
}

void
tables_get(struct page *pg)
{
	struct records re = { .re_size = sizeof(struct pf_table_info) };
	const char *name = web_text(&pg->pg_rq, "name");
	const struct pf_table_info *ti;
	cJSON *a = put_array(pg->pg_data, "tables"), *o;
	bool told = collect_records(pg, CTL_PF_TABLES, NULL, 0, &re), here = false;

	ti = (const struct pf_table_info *)(const void *)re.re_v;
	for (size_t i = 0; i < re.re_n; i++) {
		o = put_item(a);
		here = here || strcmp(ti[i].ti_name, name) == 0;
		put_text(o, "name", ti[i].ti_name);
		put_number(o, "addresses", (double)ti[i].ti_entries);
		put_number(o, "rules", ti[i].ti_rules);
		put_bool(o, "persist", ti[i].ti_flags & PF_TABLE_PERSIST);
		put_bool(o, "const", ti[i].ti_flags & PF_TABLE_CONST);
	}
	free(re.re_v);
	if (here)
		put_table(pg, name);
	else if (told && name[0] != '\0')
		page_fail(pg, 404, "There is no table of that name.");
}
