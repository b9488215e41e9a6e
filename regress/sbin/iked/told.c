/* SPDX-License-Identifier: ISC */
/*
 * How much is told of a rule whose peer has the key: some of each kind, all that is
 * new, and no more however much there is; of other rules everything; and the rest
 * as a number.
 */
#include "../../../sbin/iked/ikeproc.h"
#include "test.h"

static struct told td;
static struct ike_event sum;	/* the last PEER-05 */
static unsigned sums;

static bool
event(uint64_t now, const char *rule, enum ike_event_type type,
    enum ike_reason reason)
{
	struct ike_event ev = { .ev_type = type, .ev_reason = reason };

	(void)snprintf(ev.ev_policy, sizeof(ev.ev_policy), "%s", rule);
	return told_take(&td, now, &ev);
}

static unsigned
events(uint64_t now, unsigned n, const char *rule, enum ike_event_type type,
    enum ike_reason reason)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		kept += event(now, rule, type, reason);
	return kept;
}

static void
take_sum(void *arg, const struct ike_event *ev)
{
	(void)arg;
	sum = *ev;
	sums++;
}

static void
clear(void)
{
	told_fini(&td);
	memset(&td, 0, sizeof(td));
	sums = 0;
}

static void
failures(void)
{
	clear();
	test_row("one kind of failure");
	/* The first differs from what was told before, too. */
	CU_ASSERT_EQUAL(events(1000, 1000, "a", IKE_EV_NOTE, IKE_R_PROP_ESP), 5);
	test_row("another one is told at once");
	CU_ASSERT_EQUAL(events(1000, 1, "a", IKE_EV_NOTE, IKE_R_TS_NONE), 1);
	test_row("so is the return of the former, as a change");
	CU_ASSERT_EQUAL(events(1000, 100, "a", IKE_EV_NOTE, IKE_R_PROP_ESP), 1);
	test_row("another rule is not concerned");
	CU_ASSERT_EQUAL(events(1000, 5, "b", IKE_EV_NOTE, IKE_R_PROP_ESP), 5);
	test_row("one more a minute later");
	CU_ASSERT_EQUAL(events(61000, 100, "a", IKE_EV_NOTE, IKE_R_PROP_ESP), 1);
	test_row("an up in between");
	CU_ASSERT_EQUAL(events(61000, 1, "a", IKE_EV_CHILD_UP, 0), 1);
	test_row("what a command did is always told");
	CU_ASSERT_EQUAL(events(61000, 500, "a", IKE_EV_CHILD_DOWN, IKE_R_ASKED), 500);
	CU_ASSERT_EQUAL(events(61000, 500, "a", IKE_EV_CHECKED, IKE_R_MTU), 500);
	clear();
}

/* Which turns up, down and so on, all the time: what is told in so many seconds. */
static unsigned
flapping(uint64_t from, unsigned seconds, unsigned each)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < seconds * each; i++) {
		uint64_t now = from + i * UINT64_C(1000) / each;

		kept += event(now, "a", IKE_EV_IKE_UP, 0);
		kept += event(now, "a", IKE_EV_CHILD_UP, 0);
		kept += event(now, "a", IKE_EV_CHILD_DOWN, IKE_R_PEER_DELETED);
		kept += event(now, "a", IKE_EV_IKE_DOWN, IKE_R_PEER_DELETED);
		told_timer(&td, now, take_sum, NULL);
	}
	return kept;
}

static void
flood(void)
{
	unsigned kept;

	clear();
	test_row("75 changes of the tunnel in a row are all told");
	CU_ASSERT_EQUAL(flapping(1000, 1, 37), 4 * 37);
	clear();
	test_row("an hour of 50 connections a second");
	kept = flapping(1000, 3600, 50);
	CU_ASSERT_TRUE(kept >= 4 * 5 + 150 + 20 + 2 * 359 &&
	    kept <= 4 * 65 + 150 + 20 + 2 * 361);
	CU_ASSERT_TRUE(sums >= 59 && sums <= 60);
	CU_ASSERT_EQUAL(td.td_lost + kept, UINT64_C(4) * 50 * 3600);
	test_row("a new kind of failure is found in it");
	CU_ASSERT_TRUE(event(3601000, "a", IKE_EV_CHILD_DOWN, IKE_R_KERNEL));
	test_row("and another rule is whole");
	CU_ASSERT_EQUAL(events(3601000, 5, "b", IKE_EV_CHILD_UP, 0), 5);
	CU_ASSERT_EQUAL(events(3601000, 5, "b", IKE_EV_FAILED, IKE_R_DEAD), 5);
	clear();
}

static void
number(void)
{
	uint64_t when;

	clear();
	test_row("nothing to be told");
	CU_ASSERT_EQUAL(told_deadline(&td), UINT64_MAX);
	CU_ASSERT_EQUAL(events(1000, 25, "a", IKE_EV_NOTE, IKE_R_PROP_ESP), 5);
	CU_ASSERT_EQUAL(events(2000, 6, "a", IKE_EV_NOTE, IKE_R_TS_NONE), 5);
	CU_ASSERT_EQUAL(td.td_lost, 21);
	test_row("after a minute the others are");
	CU_ASSERT_EQUAL(when = told_deadline(&td), 61000);
	told_timer(&td, when - 1, take_sum, NULL);
	CU_ASSERT_EQUAL(sums, 0);
	told_timer(&td, when, take_sum, NULL);
	CU_ASSERT_EQUAL(sums, 1);
	TEST_STRING(sum.ev_policy, "a");
	CU_ASSERT_EQUAL(sum.ev_reason, IKE_R_MANY);
	TEST_STRING(sum.ev_text, "21 more events within 60 s are only counted: "
	    "20 note PROP-02, 1 note TS-01; the last was note TS-01");
	test_row("once");
	told_timer(&td, when + 60000, take_sum, NULL);
	CU_ASSERT_EQUAL(sums, 1);
	test_row("a rule of which nothing happens is forgotten");
	when = told_deadline(&td);
	CU_ASSERT_EQUAL(when, 2000 + 1500000);
	told_timer(&td, when - 1, take_sum, NULL);
	CU_ASSERT_EQUAL(td.td_n, 1);
	told_timer(&td, when, take_sum, NULL);
	CU_ASSERT_EQUAL(td.td_n, 0);
	CU_ASSERT_EQUAL(told_deadline(&td), UINT64_MAX);
	test_row("and has all its room then");
	CU_ASSERT_EQUAL(events(when, 25, "a", IKE_EV_NOTE, IKE_R_PROP_ESP), 5);
	clear();
}

/* More kinds than a line holds. */
static void
many_kinds(void)
{
	clear();
	for (unsigned r = 0; r < IKE_R_COUNT; r++)
		if (r != IKE_R_ASKED && r != IKE_R_POLICY && r != IKE_R_SHUTDOWN)
			(void)events(1000, 1000, "a", IKE_EV_IKE_DOWN, r);
	told_timer(&td, 61000, take_sum, NULL);
	CU_ASSERT_EQUAL(sums, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(sum.ev_text, ", ...; the last was ike-down "
	    "CONF-01"));
	test_row("many rules");
	for (unsigned i = 0; i < 10000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "r%u", i);
		CU_ASSERT_EQUAL(events(1000, 2, name, IKE_EV_CHILD_UP, 0), 2);
	}
	CU_ASSERT_EQUAL(td.td_n, 10001);
	clear();
}

TEST_MAIN(
	TEST("failures", failures),
	TEST("a flood of what is allowed", flood),
	TEST("the number of those that were not told", number),
	TEST("many kinds, many rules", many_kinds))
