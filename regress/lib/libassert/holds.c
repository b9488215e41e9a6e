/* SPDX-License-Identifier: ISC */
/*
 * When an assertion holds: each verdict and condition against answers that
 * fit and answers that almost do.
 */
#include <stdlib.h>
#include <string.h>

#include "libassert/assert.h"
#include "test.h"

#define PACKET	" in on lan0 proto udp from 10.1.0.5 to 10.2.0.9 port 53"

/* What became of the packet, as far as assertions look at it. */
struct fate {
	enum explain_verdict	 verdict;
	const char		*drop, *oif, *entry;
	uint32_t		 rule;		/* number + 1 that matched */
	const char		*label;
	bool			 outer;		/* it was asked about the sealed packet */
};

static const struct {
	const char	*expect;
	struct fate	 fate;
	bool		 holds;
} cases[] = {
	{ "pass", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, true },
	{ "pass", { EXPLAIN_DELIVERED, "", "", "", 0, "", false }, true },
	{ "pass", { EXPLAIN_HELD, "", "", "b", 0, "", false }, true },
	{ "pass", { EXPLAIN_DROPPED, "PF_BLOCK", "", "", 0, "", false }, false },
	{ "pass via wan0", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, true },
	{ "pass via wan0", { EXPLAIN_FORWARDED, "", "wan1", "", 0, "", false }, false },
	{ "pass via wan0", { EXPLAIN_HELD, "", "", "b", 0, "", false }, false },
	{ "block", { EXPLAIN_DROPPED, "IP_NOROUTE", "", "", 0, "", false }, true },
	{ "block", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, false },
	{ "block", { EXPLAIN_HELD, "", "", "b", 0, "", false }, false },
	{ "block reason PF_BLOCK", { EXPLAIN_DROPPED, "PF_BLOCK", "", "", 0, "", false }, true },
	{ "block reason PF_BLOCK", { EXPLAIN_DROPPED, "IP_NOROUTE", "", "", 0, "", false }, false },
	/* of some pieces */
	{ "block reason PF_BLOCK", { EXPLAIN_FORWARDED, "PF_BLOCK", "wan0", "", 0, "", false }, false },
	{ "clear", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, true },
	{ "clear", { EXPLAIN_PROTECTED, "", "wan0", "b", 0, "", false }, false },
	{ "clear", { EXPLAIN_HELD, "", "", "b", 0, "", false }, false },
	{ "clear", { EXPLAIN_DELIVERED, "", "", "", 0, "", false }, false },
	{ "protect", { EXPLAIN_PROTECTED, "", "wan0", "", 0, "", false }, true },
	{ "protect", { EXPLAIN_HELD, "", "", "other", 0, "", false }, true },
	{ "protect", { EXPLAIN_FORWARDED, "", "wan0", "b", 0, "", false }, false },
	{ "protect", { EXPLAIN_DROPPED, "SPD_NO_SA", "", "b", 0, "", false }, false },
	{ "protect b", { EXPLAIN_HELD, "", "", "b", 0, "", false }, true },
	{ "protect b", { EXPLAIN_HELD, "", "", "b2", 0, "", false }, false },
	{ "deliver", { EXPLAIN_DELIVERED, "", "", "", 0, "", false }, true },
	{ "deliver", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, false },
	{ "pass rule 2", { EXPLAIN_FORWARDED, "", "wan0", "", 3, "", false }, true },
	{ "pass rule 2", { EXPLAIN_FORWARDED, "", "wan0", "", 2, "", false }, false },
	{ "pass rule 0", { EXPLAIN_FORWARDED, "", "wan0", "", 0, "", false }, false },
	{ "pass rule 2", { EXPLAIN_PROTECTED, "", "wan0", "b", 3, "", true }, false },
	{ "pass label web", { EXPLAIN_FORWARDED, "", "wan0", "", 3, "web", false }, true },
	{ "pass label web", { EXPLAIN_FORWARDED, "", "wan0", "", 3, "webs", false }, false },
	{ "pass rule 2 label web", { EXPLAIN_FORWARDED, "", "wan0", "", 3, "", false }, false },
};

static void
info_of(const struct fate *f, struct explain_info *ei)
{
	memset(ei, 0, sizeof(*ei));
	ei->ei_verdict = (uint8_t)f->verdict;
	(void)snprintf(ei->ei_drop_name, sizeof(ei->ei_drop_name), "%s", f->drop);
	(void)snprintf(ei->ei_oif, sizeof(ei->ei_oif), "%s", f->oif);
	(void)snprintf(ei->ei_out.ep_name, sizeof(ei->ei_out.ep_name), "%s", f->entry);
	ei->ei_nrules = 1;
	ei->ei_rule[0].ex_nr = f->rule;
	ei->ei_rule[0].ex_outer = f->outer;
	(void)snprintf(ei->ei_rule[0].ex_rule.pr_label, PF_LABEL_MAX, "%s", f->label);
}

static void
parse(struct assertions *av, const char *line)
{
	struct policy_text text = { "assert.conf", line, strlen(line) };
	static struct policy_errors errs;

	*av = (struct assertions){ 0 };
	CU_ASSERT_TRUE_FATAL(assert_parse(av, &text, &errs));
	CU_ASSERT_EQUAL_FATAL(av->av_n, 1);
}

static void
holds(void)
{
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct explain_info ei;
		struct assertions av;
		char line[200];

		test_row("%zu: expect %s", i, cases[i].expect);
		(void)snprintf(line, sizeof(line), "expect %s" PACKET, cases[i].expect);
		parse(&av, line);
		info_of(&cases[i].fate, &ei);
		CU_ASSERT_EQUAL(assert_holds(av.av_v, &ei), cases[i].holds);
		assert_free(&av);
	}
}

static void
told(void)
{
	struct fate f = { EXPLAIN_DROPPED, "IP_NOROUTE", "", "", 0, "", false };
	struct explain_info ei;
	struct assertions av;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	parse(&av, "# one\nexpect pass \\\n" PACKET);
	info_of(&f, &ei);
	ei.ei_in.ep_action = ei.ei_out.ep_action = EXPLAIN_SP_NOT_ASKED;
	ei.ei_nrules = 0;
	(void)snprintf(ei.ei_drop_area, sizeof(ei.ei_drop_area), "ip");
	(void)snprintf(ei.ei_drop_text, sizeof(ei.ei_drop_text), "no route");
	assert_print_failure(av.av_v, &ei, out);
	assert_print_untried(av.av_v, "no such interface", out);
	(void)fclose(out);
	TEST_STRING(text, "assert.conf:2: expect pass" PACKET "\n"
	    "\tverdict    dropped: ip: no route (IP_NOROUTE)\n"
	    "assert.conf:2: expect pass" PACKET "\n"
	    "\tverdict    none: no such interface\n");
	assert_free(&av);
	free(text);
}

TEST_MAIN(
	TEST("when an assertion holds", holds),
	TEST("what is told of one that does not", told),
)
