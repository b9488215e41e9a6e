/* SPDX-License-Identifier: ISC */
/*
 * Random rules, whatever the language can say of them: what pfctl -s rules
 * prints of each loads again to the very same rule.
 */
#include <string.h>

#include "dice.h"
#include "libpf/pf.h"
#include "test.h"

#define RULES	20000

static uint64_t seed = 20261122;

static uint32_t
rnd(uint32_t n)
{
	return dice(&seed, n);
}

static void
random_name(char *out, size_t max)
{
	static const char chars[] = "abcXYZ019_.-";
	size_t n = 1 + rnd((uint32_t)max - 1);

	out[0] = "abcXYZ"[rnd(6)];
	for (size_t i = 1; i < n; i++)
		out[i] = chars[rnd(sizeof(chars) - 1)];
	if (strcmp(out, "any") == 0)
		out[0] = 'b';
}

/* Anything but quotes and what stands for the rule's own values. */
static void
random_text(char *out, size_t max)
{
	size_t n = 1 + rnd((uint32_t)max - 1);

	for (size_t i = 0; i < n; i++) {
		out[i] = (char)(' ' + rnd(95));
		if (out[i] == '"' || out[i] == '$')
			out[i] = (char)0xe9;
	}
}

static void
random_host(struct pf_addr_match *m)
{
	uint32_t a = rnd(UINT32_MAX);

	m->pa_type = (uint8_t)rnd(PF_ADDR_TYPES);
	if (m->pa_type != PF_ADDR_ANY)
		m->pa_neg = rnd(3) == 0;
	if (m->pa_type == PF_ADDR_PREFIX) {
		m->pa_prefix.pr_len = (uint8_t)rnd(33);
		m->pa_prefix.pr_addr.ad_af = AF_INET;
		memcpy(m->pa_prefix.pr_addr.ad_bytes, &a, 4);
		addr_mask(&m->pa_prefix.pr_addr, m->pa_prefix.pr_len);
	} else if (m->pa_type == PF_ADDR_TABLE)
		random_name(m->pa_name, PF_TABLE_MAX);
	else if (m->pa_type == PF_ADDR_IF || m->pa_type == PF_ADDR_IFNET)
		random_name(m->pa_name, PF_IFNAME_MAX);
}

static void
random_port(struct pf_addr_match *m)
{
	m->pa_portop = (uint8_t)rnd(PF_PORT_OPS);
	if (m->pa_portop == PF_PORT_ANY)
		return;
	m->pa_port[0] = (uint16_t)rnd(65536);
	if (m->pa_portop == PF_PORT_IN || m->pa_portop == PF_PORT_OUT)
		m->pa_port[1] = (uint16_t)rnd(65536);
	else if (m->pa_portop == PF_PORT_RANGE)
		m->pa_port[1] = (uint16_t)(m->pa_port[0] + rnd(65536u - m->pa_port[0]));
}

static void
random_proto(struct pf_rule *r)
{
	static const uint8_t few[] = { 0, 1, 6, 17 };

	r->pr_proto = rnd(4) != 0 ? few[rnd(4)] : (uint8_t)(1 + rnd(255));
	if (r->pr_proto == 58)
		r->pr_proto = 50;
	if (r->pr_proto == 6 || r->pr_proto == 17) {
		random_port(&r->pr_src);
		random_port(&r->pr_dst);
	}
	if (r->pr_proto == 1 && rnd(2)) {
		r->pr_icmp_type = (uint16_t)(1 + rnd(256));
		r->pr_icmp_code = rnd(2) ? (uint16_t)(1 + rnd(256)) : 0;
	}
	if ((r->pr_proto == 0 || r->pr_proto == 6) && rnd(3) != 0) {
		r->pr_flagset = (uint8_t)rnd(256);
		r->pr_flags = (uint8_t)(r->pr_flagset & rnd(256));
	}
}

static void
random_action(struct pf_rule *r)
{
	if (rnd(2)) {
		r->pr_action = PF_PASS;
		r->pr_keep = rnd(3) != 0;
		return;
	}
	r->pr_action = PF_BLOCK;
	r->pr_return = (uint8_t)rnd(4);
	if (r->pr_return == PF_RETURN_RST && r->pr_proto != 0 && r->pr_proto != 6)
		r->pr_return = PF_RETURN_BOTH;
	if (r->pr_return == PF_RETURN_RST)
		r->pr_ret_ttl = (uint8_t)rnd(256);
	else if (r->pr_return == PF_RETURN_ICMP)
		r->pr_ret_code = (uint8_t)rnd(16);
}

static void
random_rule(struct pf_rule *r)
{
	memset(r, 0, sizeof(*r));
	random_host(&r->pr_src);
	random_host(&r->pr_dst);
	random_proto(r);
	random_action(r);
	r->pr_dir = (uint8_t)rnd(3);
	r->pr_quick = (uint8_t)rnd(2);
	r->pr_log = (uint8_t)rnd(3);
	if (rnd(2) || r->pr_src.pa_type == PF_ADDR_PREFIX || r->pr_dst.pa_type == PF_ADDR_PREFIX)
		r->pr_af = AF_INET;
	if (rnd(2)) {
		random_name(r->pr_ifname, PF_IFNAME_MAX);
		r->pr_ifneg = (uint8_t)rnd(2);
	}
	if (rnd(3) == 0)
		r->pr_tos = (uint16_t)(1 + rnd(256));
	if (rnd(3) == 0)
		r->pr_prob = 1 + rnd(UINT32_MAX - 1);
	if (rnd(3) == 0)
		random_text(r->pr_label, PF_LABEL_MAX);
	if (rnd(3) == 0)
		random_text(r->pr_tag, PF_TAG_MAX);
	if (rnd(3) == 0) {
		random_text(r->pr_tagged, PF_TAG_MAX);
		r->pr_tagged_neg = (uint8_t)rnd(2);
	}
}

static bool
comes_back(const struct pf_rule *r, char text[PF_RULE_STRLEN])
{
	struct pf_conf pc;
	bool same;

	(void)pf_rule_print(r, text);
	same = pf_parse(&pc, "printed", text, strlen(text), NULL) && pc.pc_nrules == 1;
	if (same) {
		pc.pc_rule[0].pr_line = 0;
		same = memcmp(&pc.pc_rule[0], r, sizeof(*r)) == 0;
	} else if (pc.pc_errors != NULL)
		printf("%s", pc.pc_errors);
	pf_conf_free(&pc);
	return same;
}

static void
rules(void)
{
	static struct pf_rule r;
	char text[PF_RULE_STRLEN];
	unsigned wrong = 0;

	for (unsigned i = 0; i < RULES; i++) {
		random_rule(&r);
		if (!comes_back(&r, text) && wrong++ < 10)
			printf("rule %u is another when it is loaded again: %s\n", i, text);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* What people write is printed as they wrote it. */
static void
probabilities(void)
{
	static const char *const rows[] = { "50%", "33.3%", "0.1%", "20%", "99.999%", "12.345678%" };
	char text[PF_RULE_STRLEN], line[64];
	struct pf_conf pc;

	for (size_t i = 0; i < TEST_COUNT(rows); i++) {
		test_row("%s", rows[i]);
		(void)snprintf(line, sizeof(line), "block drop all probability %s", rows[i]);
		CU_ASSERT_TRUE_FATAL(pf_parse(&pc, "rules", line, strlen(line), NULL));
		TEST_STRING(pf_rule_print(&pc.pc_rule[0], text), line);
		pf_conf_free(&pc);
	}
	test_row("nearly always is not always");
	(void)snprintf(line, sizeof(line), "block all probability 99.99999999999%%");
	CU_ASSERT_TRUE_FATAL(pf_parse(&pc, "rules", line, strlen(line), NULL));
	CU_ASSERT_NOT_EQUAL(pc.pc_rule[0].pr_prob, 0);
	CU_ASSERT_TRUE(comes_back(&(struct pf_rule){ .pr_action = PF_BLOCK,
	    .pr_prob = pc.pc_rule[0].pr_prob }, text));
	pf_conf_free(&pc);
}

TEST_MAIN(
	TEST("random rules", rules),
	TEST("probabilities", probabilities))
