/* SPDX-License-Identifier: ISC */
/*
 * pf.conf(5): any text is rules or complaints.  Rules print to text that
 * means the same, netkern believes each of them, and they compile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpf/pf.h"
#include "pf/pfvar.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define RULES_PRINTED	200

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
again(const struct pf_rule *r)
{
	char text[PF_RULE_STRLEN + 2], more[PF_RULE_STRLEN];
	struct pf_conf pc;

	(void)pf_rule_print(r, text);
	/* a label cannot hold what would end it */
	check(pf_parse(&pc, "again", text, strlen(text), NULL), text);
	check(pc.pc_nrules == 1, "one rule became another number");
	check(strcmp(pf_rule_print(&pc.pc_rule[0], more), text) == 0, "printed differently");
	pf_conf_free(&pc);
}

static void
compile(const struct pf_conf *pc)
{
	struct pf_tags tags = { 0 };
	struct pf_set ps;
	struct pf_ruleset *rs;
	struct pf_pdesc pd = { .pd_dir = PF_IN, .pd_key = { .fk_af = AF_INET, .fk_proto = 6 } };
	struct ifnet ifp = { .if_name = "em0", .if_group = "em" };
	struct pf_verdict pv;
	const char *why;

	pf_set_init(&ps);
	for (size_t i = 0; i < pc->pc_nrules; i++)
		check(pf_set_rule(&ps, &pc->pc_rule[i], &why) == 0, "netkern refuses the parser's rule");
	check(pf_options_check(&pc->pc_options) == NULL, "netkern refuses the parser's options");
	rs = pf_ruleset_new(&ps, &tags, NULL);
	check(rs != NULL, "does not compile");
	pd.pd_ifp = &ifp;
	pf_test(rs, &pd, &pv);
	check(pv.pv_rule <= pc->pc_nrules, "a rule that is not there");
	pf_ruleset_free(rs);
	free(tags.pt_name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pf_conf pc;

	if (len > 20000)
		return 0;
	if (pf_parse(&pc, "input", (const char *)data, len, NULL)) {
		for (size_t i = 0; i < pc.pc_nrules && i < RULES_PRINTED; i++)
			again(&pc.pc_rule[i]);
		if (pc.pc_nrules < 2000)
			compile(&pc);
	} else
		check(pc.pc_errors != NULL && pc.pc_nrules == 0, "refused without a word");
	pf_conf_free(&pc);
	return 0;
}
