/* SPDX-License-Identifier: ISC */
/*
 * net.key.policy_changes and net.key.manual_changes: a program that has seen
 * what is there, and finds the numbers as it expects them, knows that it is
 * there still.
 */
#include <errno.h>
#include <stdlib.h>

#include "kern/sysctl.h"
#include "talk.h"
#include "test.h"

static struct pfkey_msg m;

static unsigned long
value(const char *name)
{
	char buf[128] = "";

	CU_ASSERT_EQUAL(sysctl_get(nk, name, buf, sizeof(buf)), 0);
	return strtoul(buf, NULL, 10);
}

/* One message: its errno, and by how much the two numbers grow. */
static void
grows(const char *name, int error, unsigned spd, unsigned manual)
{
	unsigned long p = value("net.key.policy_changes");
	unsigned long s = value("net.key.manual_changes");

	test_row("%s", name);
	CU_ASSERT_EQUAL(say(&alice, &m), error);
	CU_ASSERT_EQUAL(value("net.key.policy_changes") - p, spd);
	CU_ASSERT_EQUAL(value("net.key.manual_changes") - s, manual);
}

static void
policies(void)
{
	talk_open();
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	grows("SPDADD", 0, 1, 0);
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	grows("SPDADD of what is there", EEXIST, 0, 0);
	msg_spd(&m, SADB_X_SPDUPDATE, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	grows("SPDUPDATE", 0, 1, 0);
	msg_spd(&m, SADB_X_SPDDELETE, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	grows("SPDDELETE", 0, 1, 0);
	msg_spd(&m, SADB_X_SPDDELETE, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	grows("SPDDELETE of what is not there", ENOENT, 0, 0);
	pfkey_init(&m, SADB_X_SPDFLUSH, 0);
	grows("SPDFLUSH", 0, 1, 0);
	pfkey_init(&m, SADB_X_SPDDUMP, 0);
	grows("SPDDUMP", ENOENT, 0, 0);
	talk_close();
}

static void
delete(uint32_t spi)
{
	msg_add(&m, SADB_DELETE, spi);
	m.pm_has &= ~(PFKEY_BIT(SADB_EXT_KEY_ENCRYPT) | PFKEY_BIT(SADB_X_EXT_SA2));
}

static void
sas(void)
{
	talk_open();
	msg_add(&m, SADB_ADD, 0x1001);
	m.pm_reqid = IPSEC_MANUAL_REQID_MAX;
	pfkey_set(&m, SADB_X_EXT_SA2);
	grows("ADD", 0, 0, 1);
	grows("ADD of what is there", EEXIST, 0, 0);
	msg_add(&m, SADB_ADD, 0x1002);
	m.pm_reqid = IPSEC_MANUAL_REQID_MAX + 1;
	pfkey_set(&m, SADB_X_EXT_SA2);
	grows("ADD, keyed by a daemon", 0, 0, 0);
	msg_add(&m, SADB_UPDATE, 0x1002);
	m.pm_has &= ~PFKEY_BIT(SADB_EXT_KEY_ENCRYPT);
	grows("UPDATE, keyed by a daemon", 0, 0, 0);
	msg_add(&m, SADB_UPDATE, 0x1001);
	m.pm_has &= ~PFKEY_BIT(SADB_EXT_KEY_ENCRYPT);
	grows("UPDATE", 0, 0, 1);
	delete(0x1002);
	grows("DELETE, keyed by a daemon", 0, 0, 0);
	delete(0x1001);
	grows("DELETE", 0, 0, 1);
	pfkey_init(&m, SADB_FLUSH, SADB_SATYPE_ESP);
	grows("FLUSH", 0, 0, 1);
	talk_close();
}

/* The hard lifetime of a manual SA ends: nobody sent a message. */
static void
ends(void)
{
	unsigned long before;

	talk_open();
	msg_add(&m, SADB_ADD, 0x1001);
	m.pm_hard.pl_addtime = 10;
	pfkey_set(&m, SADB_EXT_LIFETIME_HARD);
	grows("ADD with a lifetime", 0, 0, 1);
	before = value("net.key.manual_changes");
	world_run(wo, 11 * NSEC_PER_SEC);
	CU_ASSERT_EQUAL(sad_count(nk), 0);
	CU_ASSERT_EQUAL(value("net.key.manual_changes") - before, 1);
	talk_close();
}

TEST_MAIN(
	TEST("policies", policies),
	TEST("SAs", sas),
	TEST("an SA ends by itself", ends))
