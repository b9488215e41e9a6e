/* SPDX-License-Identifier: ISC */
/*
 * A whole configuration as it was understood: lists and macros expanded.  It
 * parses to the same.
 */
#include <stdio.h>
#include <string.h>

#include "libpf/pf.h"

static void
print_timeouts(const struct pf_options *po, FILE *out)
{
	static const uint32_t defaults[PF_TM_MAX] = {
#define X(name, text, def) [PF_TM_##name] = def,
		PF_TIMEOUTS(X)
#undef X
	};

	for (unsigned i = 0; i < PF_TM_MAX; i++)
		if (po->po_timeout[i] != defaults[i])
			fprintf(out, "set timeout %s %u\n", pf_timeout_name(i), po->po_timeout[i]);
	if (po->po_limit_states != 0)
		fprintf(out, "set limit states %u\n", po->po_limit_states);
}

void
pf_rules_print(const struct pf_conf *pc, FILE *out)
{
	char rule[PF_RULE_STRLEN];

	for (size_t i = 0; i < pc->pc_nrules; i++)
		fprintf(out, "%s\n", pf_rule_print(&pc->pc_rule[i], rule));
}

void
pf_rule_info_print(void *out, const void *body, size_t len)
{
	char rule[PF_RULE_STRLEN];
	struct pf_rule_info ri;

	if (len != sizeof(ri))
		return;
	memcpy(&ri, body, sizeof(ri));
	fprintf(out, "%s\n", pf_rule_print(&ri.ri_rule, rule));
}

void
pf_conf_print(const struct pf_conf *pc, FILE *out)
{
	char table[PF_TABLE_MAX + 64], entry[PREFIX_STRLEN + 2];

	print_timeouts(&pc->pc_options, out);
	for (size_t i = 0; i < pc->pc_nskip; i++)
		fprintf(out, "set skip on %s\n", pc->pc_skip[i]);
	for (size_t i = 0; i < pc->pc_ntables; i++) {
		const struct pf_table_def *td = &pc->pc_table[i];

		fprintf(out, "%s", pf_table_print(td->td_name, td->td_flags, table));
		if ((td->td_flags & PF_TABLE_KEEP) == 0) {
			fprintf(out, " {");
			for (size_t j = 0; j < td->td_n; j++)
				fprintf(out, " %s", pf_entry_print(&td->td_entry[j], entry));
			fprintf(out, " }");
		}
		fprintf(out, "\n");
	}
	pf_rules_print(pc, out);
}
