/* SPDX-License-Identifier: ISC */
/*
 * How much is told of strangers: some of each rule or address, some of all, and no
 * more however many there are; and the next ones after a while.
 */
#include "../../../sbin/iked/ikeproc.h"
#include "test.h"

static struct strangers sr;

/* An attempt at a rule ("": none) of 192.0.2.host; is it told? */
static bool
attempt(uint64_t now, const char *rule, unsigned host)
{
	struct ike_event ev = { .ev_stranger = true };

	(void)snprintf(ev.ev_policy, sizeof(ev.ev_policy), "%s", rule);
	ev.ev_peer.ad_af = AF_INET;
	ev.ev_peer.ad_bytes[0] = 192;
	ev.ev_peer.ad_bytes[2] = (uint8_t)(host >> 8);
	ev.ev_peer.ad_bytes[3] = (uint8_t)host;
	return stranger_told(&sr, now, &ev);
}

static unsigned
attempts(uint64_t now, unsigned n, const char *rule, unsigned host, unsigned step)
{
	unsigned told = 0;

	for (unsigned i = 0; i < n; i++)
		told += attempt(now, rule, host + i * step);
	return told;
}

static void
bounds(void)
{
	test_row("an address that fits no rule");
	memset(&sr, 0, sizeof(sr));
	CU_ASSERT_EQUAL(attempts(1000, 1000, "", 7, 0), 5);
	test_row("and one more a minute later");
	CU_ASSERT_EQUAL(attempts(61000 - 1, 10, "", 7, 0), 0);
	CU_ASSERT_EQUAL(attempts(61000, 10, "", 7, 0), 1);
	test_row("all at once after a long time");
	CU_ASSERT_EQUAL(attempts(86400000, 10, "", 7, 0), 5);
	test_row("a rule, whatever the address");
	memset(&sr, 0, sizeof(sr));
	CU_ASSERT_EQUAL(attempts(1000, 1000, "paris", 1, 1), 5);
	test_row("and another rule");
	CU_ASSERT_EQUAL(attempts(1000, 1000, "lyon", 1, 1), 5);
	test_row("very many addresses");
	memset(&sr, 0, sizeof(sr));
	CU_ASSERT_EQUAL(attempts(1000, 60000, "", 1, 1), 100);
	CU_ASSERT_EQUAL(sr.sr_lost, 59900);
	test_row("and then one a second");
	CU_ASSERT_EQUAL(attempts(1999, 100, "x", 1, 1), 0);
	CU_ASSERT_EQUAL(attempts(2000, 100, "y", 1, 1), 1);
}

/* 200 attempts a second. */
static void
hour(void)
{
	unsigned told = 0;

	memset(&sr, 0, sizeof(sr));
	for (unsigned i = 0; i < 200 * 3600; i++)
		told += attempt(1000 + i * 5, i % 3 == 0 ? "paris" : "", i);
	CU_ASSERT_TRUE(told >= 3600 && told <= 3600 + 101);
}

static void
number(void)
{
	memset(&sr, 0, sizeof(sr));
	CU_ASSERT_EQUAL(attempts(1000, 25, "", 7, 0), 5);
	CU_ASSERT_EQUAL(sr.sr_untold, 20);
	stranger_timer(&sr, 60999);
	CU_ASSERT_EQUAL(sr.sr_untold, 20);
	stranger_timer(&sr, 61000);
	CU_ASSERT_EQUAL(sr.sr_untold, 0);
	CU_ASSERT_EQUAL(sr.sr_lost, 20);
}

TEST_MAIN(
	TEST("bounds", bounds),
	TEST("an hour of a flood", hour),
	TEST("the number of those that were not told", number))
