/* SPDX-License-Identifier: ISC */
/*
 * Dumps of 100,000 entries through a queue of a few messages, while the world
 * changes: what was there all the time is told once, and the end is marked.
 */
#include "test.h"

#include <errno.h>

#include "talk.h"

#define N	100000u

static struct pfkey_msg m;
static uint8_t told[N + 1000];
static unsigned entries, ends;
static uint32_t room;

/* A queue of a few messages, emptied by the shell's next turn. */
static bool
narrow(void *arg, const void *msg, size_t len)
{
	struct pfkey_msg e;
	uint32_t i;

	(void)arg;
	if (room == 0)
		return false;
	room--;
	CU_ASSERT_EQUAL(pfkey_parse(msg, len, PFKEY_FROM_KERNEL, &e, NULL), 0);
	if (e.pm_errno != 0 || (e.pm_type != SADB_DUMP && e.pm_type != SADB_X_SPDDUMP))
		return true;
	i = e.pm_type == SADB_DUMP ? e.pm_sa.ps_spi - 0x1000 :
	    ntohl(e.pm_src.pa_addr.ad_u32[0]) - 0x0a000000;
	if (i < sizeof(told))
		told[i]++;
	entries++;
	ends += e.pm_seq == 0;
	return true;
}

static void
start(uint8_t type)
{
	memset(told, 0, sizeof(told));
	entries = ends = 0;
	room = 7;
	alice.pr_ks.ks_send = narrow;
	pfkey_init(&m, type, 0);
	(void)say(&alice, &m);
}

static void
sas(void)
{
	unsigned wrong = 0, turns = 0;

	talk_open();
	for (uint32_t i = 0; i < N; i++) {
		msg_add(&m, SADB_ADD, 0x1000 + i);
		wrong += say(&bob, &m) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	test_row("undisturbed");
	start(SADB_DUMP);
	CU_ASSERT_TRUE(key_socket_waits(&alice.pr_ks));
	for (; key_socket_waits(&alice.pr_ks); turns++) {
		room = 7;
		key_socket_ready(nk, world_clock(wo), &alice.pr_ks);
	}
	CU_ASSERT_EQUAL(entries, N);
	CU_ASSERT_EQUAL(ends, 1);
	for (uint32_t i = 0; i < N; i++)
		wrong += told[i] != 1;
	CU_ASSERT_EQUAL(wrong, 0);

	test_row("while SAs come and go");
	start(SADB_DUMP);
	for (turns = 0; key_socket_waits(&alice.pr_ks); turns++) {
		struct addr dst = at("192.0.2.2");
		struct sa *sa = sad_lookup(nk, htonl(0x1000 + turns * 8 + 1), &dst, IPPROTO_ESP);

		if (sa != NULL)
			sad_delete(nk, sa);	/* just told, or about to be */
		room = 7;
		key_socket_ready(nk, world_clock(wo), &alice.pr_ks);
	}
	for (uint32_t i = 0; i < N; i++)
		wrong += (i - 1) % 8 == 0 ? told[i] > 1 : told[i] != 1;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(ends, 1);
	test_row("one dump at a time");
	start(SADB_DUMP);
	room = 1;
	CU_ASSERT_EQUAL(say_bytes(&alice, "", 0), -1);
	talk_close();
}

static void
policies(void)
{
	unsigned wrong = 0;

	talk_open();
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.0.0.0/32", "11.0.0.0/32");
	for (uint32_t i = 0; i < N; i++) {
		m.pm_src.pa_addr.ad_u32[0] = htonl(0x0a000000 + i);
		wrong += say(&bob, &m) != 0;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	start(SADB_X_SPDDUMP);
	while (key_socket_waits(&alice.pr_ks)) {
		room = 100;
		key_socket_ready(nk, world_clock(wo), &alice.pr_ks);
	}
	for (uint32_t i = 0; i < N; i++)
		wrong += told[i] != 1;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(ends, 1);
	test_row("all removed in the middle");
	start(SADB_X_SPDDUMP);
	spd_flush(nk);
	room = 10;
	key_socket_ready(nk, world_clock(wo), &alice.pr_ks);
	CU_ASSERT_FALSE(key_socket_waits(&alice.pr_ks));
	CU_ASSERT_EQUAL(entries, 7);
	talk_close();
}

static void
small(void)
{
	talk_open();
	test_row("nothing there");
	pfkey_init(&m, SADB_DUMP, 0);
	CU_ASSERT_EQUAL(say(&alice, &m), ENOENT);
	pfkey_init(&m, SADB_X_SPDDUMP, 0);
	CU_ASSERT_EQUAL(say(&alice, &m), ENOENT);
	test_row("only a type that there is not");
	msg_add(&m, SADB_ADD, 0x1001);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	pfkey_init(&m, SADB_DUMP, SADB_SATYPE_AH);
	CU_ASSERT_EQUAL(say(&alice, &m), ENOENT);
	test_row("one entry is first and last");
	pfkey_init(&m, SADB_DUMP, SADB_SATYPE_ESP);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_seq, 0);
	CU_ASSERT_EQUAL(heard(&alice, 0)->pm_sa.ps_spi, 0x1001);
	test_row("filtered by address");
	pfkey_init(&m, SADB_DUMP, SADB_SATYPE_ESP);
	(void)prefix_parse("192.0.2.1/32", &m.pm_filter_dst);
	(void)prefix_parse("0.0.0.0/0", &m.pm_filter_src);
	pfkey_set(&m, SADB_X_EXT_FILTER);
	CU_ASSERT_EQUAL(say(&alice, &m), ENOENT);
	(void)prefix_parse("192.0.2.0/30", &m.pm_filter_dst);
	CU_ASSERT_EQUAL(say(&alice, &m), 0);
	test_row("the socket goes while its dump waits");
	alice.pr_room = 0;
	pfkey_init(&m, SADB_DUMP, SADB_SATYPE_ESP);
	CU_ASSERT_EQUAL(say(&alice, &m), -1);
	CU_ASSERT_TRUE(key_socket_waits(&alice.pr_ks));
	talk_close();
}

TEST_MAIN(
	TEST("SAs", sas),
	TEST("policies", policies),
	TEST("small dumps", small))
