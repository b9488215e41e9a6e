/* SPDX-License-Identifier: ISC */
/*
 * The control operations of pf: transactions are whole or nothing, and what
 * a hostile program sends is refused field by field, record by record.
 */
#include <errno.h>
#include <stddef.h>

#include "load.h"
#include "kern/ctl_conn.h"
#include "sys/netinet/router.h"

static struct {
	struct ctl_hdr	last;
	uint8_t		body[1024];	/* of the last record that had one */
	size_t		len;
	unsigned	records;
} answer;

static bool
client_send(struct ctl_conn *cc, const void *rec, size_t len)
{
	(void)cc;
	memcpy(&answer.last, rec, sizeof(answer.last));
	if (len > sizeof(answer.last) && (answer.last.ch_flags & CTL_F_END) == 0) {
		answer.records++;
		answer.len = len - sizeof(answer.last);
		memcpy(answer.body, (const uint8_t *)rec + sizeof(answer.last),
		    answer.len < sizeof(answer.body) ? answer.len : sizeof(answer.body));
	}
	return true;
}

static struct ctl_conn root = { .cc_id = 1, .cc_privileged = true, .cc_fd = -1, .cc_send = client_send };
static struct ctl_conn other = { .cc_id = 2, .cc_privileged = true, .cc_fd = -1, .cc_send = client_send };
static struct ctl_conn anyone = { .cc_id = 3, .cc_privileged = false, .cc_fd = -1, .cc_send = client_send };

static int
ask(struct ctl_conn *cc, uint16_t op, const void *body, size_t len)
{
	static uint8_t rec[CTL_MSG_MAX + 100];
	struct ctl_hdr h = { .ch_version = CTL_VERSION, .ch_op = op, .ch_seq = 5 };

	memset(&answer, 0, sizeof(answer));
	memcpy(rec, &h, sizeof(h));
	if (len != 0)
		memcpy(rec + sizeof(h), body, len);
	nk_lock(nk);
	ctl_message(nk, world_clock(wo), cc, rec, sizeof(h) + len);
	nk_unlock(nk);
	return answer.last.ch_errno;
}

static struct pf_rule
good_rule(void)
{
	struct pf_rule r = { .pr_action = PF_BLOCK, .pr_dir = PF_IN, .pr_proto = IPPROTO_TCP };

	r.pr_src.pa_portop = PF_PORT_EQ;
	r.pr_src.pa_port[0] = 80;
	memcpy(r.pr_ifname, "em0", 3);
	memcpy(r.pr_label, "l", 1);
	return r;
}

static uint32_t
rules_now(void)
{
	return pf_active(nk)->rs_n;
}

static void
transaction(void)
{
	struct pf_rule r = good_rule();

	setup();
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULE, &r, sizeof(r)), EINVAL);	/* no BEGIN */
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), EINVAL);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_BEGIN, NULL, 0), 0);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULE, &r, sizeof(r)), 0);
	CU_ASSERT_EQUAL(rules_now(), 0);			/* not before COMMIT */
	CU_ASSERT_EQUAL(ask(&other, CTL_PF_RULE, &r, sizeof(r)), EINVAL);	/* not its transaction */
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), 0);
	CU_ASSERT_EQUAL(rules_now(), 1);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), EINVAL);	/* only once */
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_BEGIN, NULL, 0), 0);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_ABORT, NULL, 0), 0);
	CU_ASSERT_EQUAL(rules_now(), 1);
	/* a client that goes away leaves nothing and holds nothing */
	for (unsigned i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(ask(&root, CTL_PF_BEGIN, NULL, 0), 0);
		CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULE, &r, sizeof(r)), 0);
		nk_lock(nk);
		ctl_closed(nk, root.cc_id);
		nk_unlock(nk);
	}
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), EINVAL);
	CU_ASSERT_EQUAL(rules_now(), 1);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULES, NULL, 0), 0);
	CU_ASSERT_EQUAL(answer.records, 1);
	CU_ASSERT_EQUAL(answer.len, sizeof(struct pf_rule_info));
	teardown();
}

/* Every byte of a rule set to every hostile value: refused, or a rule that can be believed. */
static void
hostile_rules(void)
{
	static const uint8_t values[] = { 1, 2, 3, 6, 7, 0x41, 0x7f, 0x80, 0xfe, 0xff };
	unsigned refusals = 0;

	setup();
	for (size_t at = 0; at < sizeof(struct pf_rule); at++)
		for (size_t v = 0; v < sizeof(values); v++) {
			struct pf_rule r = good_rule();

			((uint8_t *)&r)[at] = values[v];
			CU_ASSERT_EQUAL(ask(&root, CTL_PF_BEGIN, NULL, 0), 0);
			if (ask(&root, CTL_PF_RULE, &r, sizeof(r)) != 0)
				refusals++;
			else {
				CU_ASSERT_PTR_NULL(pf_rule_check(&r));
				CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), 0);
				from_a((struct tp_spec){ .tp_src = A, .tp_dst = B, .tp_proto = 6,
				    .tp_sport = 80, .tp_dport = 9, .tp_flags = 2 });
				(void)take(em1);
			}
		}
	CU_ASSERT_TRUE(refusals > 1000);
	teardown();
}

struct field {
	const char	*name;
	size_t		 at;
	uint8_t		 value;
};
#define F(f, v)	{ #f " = " #v, offsetof(struct pf_rule, f), v }

static const struct field fields[] = {
	F(pr_action, 0), F(pr_action, 3), F(pr_dir, 3), F(pr_quick, 2), F(pr_log, 3),
	F(pr_af, 10), F(pr_af, 99), F(pr_ifneg, 2), F(pr_return, 4), F(pr_keep, 1),
	F(pr_flags, 1), F(pr_tagged_neg, 2), F(pr_icmp_type, 1), F(pr_icmp_code, 1),
	F(pr_src.pa_type, 6), F(pr_src.pa_neg, 1), F(pr_src.pa_portop, 10), F(pr_proto, 1),
	F(pr_dst.pa_type, PF_ADDR_PREFIX), F(pr_dst.pa_type, PF_ADDR_TABLE),
	F(pr_dst.pa_type, PF_ADDR_IF), F(pr_ifname[0], '/'), F(pr_ifname[10], 'x'),
	F(pr_label[0], 1), F(pr_label[0], '"'), F(pr_tag[5], 'x'), F(pr_tagged[0], 0x7f),
};

static void
each_field(void)
{
	setup();
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_BEGIN, NULL, 0), 0);
	for (size_t i = 0; i < TEST_COUNT(fields); i++) {
		struct pf_rule r = good_rule();

		test_row("%s", fields[i].name);
		CU_ASSERT_PTR_NULL(pf_rule_check(&r));
		((uint8_t *)&r)[fields[i].at] = fields[i].value;
		CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULE, &r, sizeof(r)), EINVAL);
	}
	test_row("a name that does not end");
	{
		struct pf_rule r = good_rule();

		memset(r.pr_ifname, 'x', sizeof(r.pr_ifname));
		CU_ASSERT_EQUAL(ask(&root, CTL_PF_RULE, &r, sizeof(r)), EINVAL);
	}
	test_row("nothing of it was loaded");
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_COMMIT, NULL, 0), 0);
	CU_ASSERT_EQUAL(rules_now(), 0);
	teardown();
}

/* Every operation with every length up to well beyond its own, and random bytes. */
static void
lengths(void)
{
	uint8_t body[700];
	uint64_t s = 1;

	setup();
	load(nk, "table <t> persist { 10.0.0.0/8 }\npass all\n");
	for (uint16_t op = CTL_PF_BEGIN; op <= CTL_PF_OPTIONS; op++) {
		if (op == CTL_PF_FLUSH_RULES)
			continue;
		for (size_t len = 0; len <= sizeof(body); len++) {
			for (size_t i = 0; i < len; i++)
				body[i] = (uint8_t)((s = s * 6364136223846793005u + 1) >> 56);
			(void)ask(&root, op, body, len);
			CU_ASSERT_TRUE((answer.last.ch_flags & CTL_F_END) != 0);
		}
	}
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_INFO, NULL, 0), 0);
	CU_ASSERT_EQUAL(answer.len, sizeof(struct pf_info));
	teardown();
}

static void
privilege(void)
{
	static const uint16_t writes[] = { CTL_PF_BEGIN, CTL_PF_FLUSH_RULES, CTL_PF_FLUSH_STATES,
	    CTL_PF_CLEAR_COUNTERS };

	setup();
	for (size_t i = 0; i < TEST_COUNT(writes); i++) {
		test_row("operation 0x%x", writes[i]);
		CU_ASSERT_NOT_EQUAL(ask(&anyone, writes[i], NULL, 0), 0);
		CU_ASSERT_EQUAL(ask(&root, writes[i], NULL, 0), 0);
	}
	test_row("reading is for all");
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_RULES, NULL, 0), 0);
	teardown();
}

struct table_request {
	struct pf_table_msg	pm;
	struct pf_table_entry	e[4];
};

static int
table_ask(uint16_t op, const char *name, uint32_t flags, const char *a, const char *b)
{
	struct table_request t = { .pm.pm_flags = flags };

	snprintf(t.pm.pm_name, sizeof(t.pm.pm_name), "%s", name);
	for (const char *text = a; text != NULL; text = text == a ? b : NULL)
		if (!pf_entry_parse(text, &t.e[t.pm.pm_n++]))
			abort();
	return ask(&root, op, &t, sizeof(t.pm) + t.pm.pm_n * sizeof(t.e[0]));
}

static uint64_t
number(void)
{
	struct pf_number n;

	memcpy(&n, answer.body, sizeof(n));
	return n.pn_value;
}

static void
tables(void)
{
	struct pf_name pn = { "bad" };

	setup();
	load(nk, "table <bad> persist\ntable <fix> const { 192.0.2.1 }\n"
	    "pass all no state\nblock in quick from <bad>\nblock in from <fix>\n");
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 17, .tp_sport = 1, .tp_dport = 2 };
	from_a(s);
	CU_ASSERT_TRUE(take(em1) != 0);
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_ADD, "bad", 0, A, "10.9.0.0/16"), 0);
	CU_ASSERT_EQUAL(number(), 2);
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 0);		/* at once, also what was remembered */
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_TEST, "bad", 0, "10.9.9.9", "10.8.0.1"), 0);
	CU_ASSERT_EQUAL(number(), 1);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_TABLE_SHOW, &pn, sizeof(pn)), 0);
	CU_ASSERT_EQUAL(answer.records, 2);
	/* a reload keeps what the file does not say */
	load(nk, "table <bad> persist\npass all\nblock in quick from <bad>\n");
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 0);
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_DEL, "bad", 0, A, "1.2.3.4"), 0);
	CU_ASSERT_EQUAL(number(), 1);
	from_a(s);
	CU_ASSERT_TRUE(take(em1) != 0);
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_ADD, "bad", PF_TABLE_REPLACE, "1.1.1.1", NULL), 0);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_TABLE_SHOW, &pn, sizeof(pn)), 0);
	CU_ASSERT_EQUAL(answer.records, 1);
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_DEL, "nosuch", 0, A, NULL), ENOENT);
	load(nk, "table <fix> const { 192.0.2.1 }\nblock in from <fix>\n");
	CU_ASSERT_EQUAL(table_ask(CTL_PF_TABLE_ADD, "fix", 0, A, NULL), EPERM);
	teardown();
}

/* With a body in the request, many to a record. */
static void
states_many(void)
{
	setup();
	load(nk, "pass\n");
	for (unsigned i = 0; i < PF_MSG_STATES + 10; i++)
		from_a((struct tp_spec){ .tp_src = A, .tp_dst = B, .tp_proto = 17,
		    .tp_sport = (uint16_t)(2000 + i), .tp_dport = 53, .tp_len = 72 });
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_STATES, NULL, 0), 0);
	CU_ASSERT_EQUAL(answer.records, PF_MSG_STATES + 10);
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_STATES, &(struct pf_number){ 1 },
	    sizeof(struct pf_number)), 0);
	CU_ASSERT_EQUAL(answer.records, 2);
	CU_ASSERT_EQUAL(answer.len, 10 * sizeof(struct pf_state_info));
	teardown();
}

static void
states_and_counters(void)
{
	struct pf_rule_info ri;
	struct pf_state_info si;
	struct pf_kill pk = { 0 };

	setup();
	load(nk, "pass in on em0 label web\npass out\n");
	for (unsigned i = 0; i < 3; i++)
		from_a((struct tp_spec){ .tp_src = A, .tp_dst = B, .tp_proto = 17,
		    .tp_sport = 1000, .tp_dport = 53, .tp_len = 72 });
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_STATES, NULL, 0), 0);
	CU_ASSERT_EQUAL(answer.records, 1);
	memcpy(&si, answer.body, sizeof(si));
	CU_ASSERT_EQUAL(si.si_packets[0], 3);
	CU_ASSERT_EQUAL(si.si_bytes[0], 300);
	CU_ASSERT_EQUAL(si.si_sport, 1000);
	CU_ASSERT_EQUAL(si.si_rule_in, 1);
	CU_ASSERT_EQUAL(si.si_rule_out, 2);
	TEST_STRING(si.si_ifname, "em0");
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_LABELS, NULL, 0), 0);
	CU_ASSERT_EQUAL(answer.records, 1);
	struct pf_label_info li;
	memcpy(&li, answer.body, sizeof(li));
	CU_ASSERT_EQUAL(li.li_counts.pc_packets[0], 3);
	CU_ASSERT_EQUAL(li.li_counts.pc_states, 1);
	/* kill: not what does not match */
	CU_ASSERT_TRUE(prefix_parse("10.0.0.99", &pk.pk_src));
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_KILL, &pk, sizeof(pk)), 0);
	CU_ASSERT_EQUAL(number(), 0);
	CU_ASSERT_TRUE(prefix_parse(A, &pk.pk_src));
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_KILL, &pk, sizeof(pk)), 0);
	CU_ASSERT_EQUAL(number(), 1);
	/* the counters stay with the rule */
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_RULES, NULL, 0), 0);
	memcpy(&ri, answer.body, sizeof(ri));
	CU_ASSERT_EQUAL(ri.ri_nr, 1);
	CU_ASSERT_EQUAL(ri.ri_counts.pc_packets[1], 3);
	CU_ASSERT_EQUAL(ri.ri_counts.pc_states, 0);
	CU_ASSERT_EQUAL(ri.ri_counts.pc_created, 1);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_CLEAR_COUNTERS, NULL, 0), 0);
	CU_ASSERT_EQUAL(ask(&anyone, CTL_PF_RULES, NULL, 0), 0);
	memcpy(&ri, answer.body, sizeof(ri));
	CU_ASSERT_EQUAL(ri.ri_counts.pc_packets[1], 0);
	teardown();
}

static void
enable(void)
{
	struct pf_number n = { 0 };
	struct tp_spec s = { .tp_src = A, .tp_dst = B, .tp_proto = 17, .tp_sport = 1, .tp_dport = 2 };

	setup();
	load(nk, "block all\n");
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 0);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_ENABLE, &n, sizeof(n)), 0);
	from_a(s);
	CU_ASSERT_TRUE(take(em1) != 0);
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_ENABLE, &n, sizeof(n)), EEXIST);
	n.pn_value = 1;
	CU_ASSERT_EQUAL(ask(&root, CTL_PF_ENABLE, &n, sizeof(n)), 0);
	from_a(s);
	CU_ASSERT_EQUAL(take(em1), 0);
	teardown();
}

TEST_MAIN(
	TEST("a ruleset comes whole or not at all", transaction),
	TEST("every byte of a rule", hostile_rules),
	TEST("every field of a rule", each_field),
	TEST("every length of every operation", lengths),
	TEST("privilege", privilege),
	TEST("tables", tables),
	TEST("states and counters", states_and_counters),
	TEST("states, many to a record", states_many),
	TEST("enable and disable", enable))
