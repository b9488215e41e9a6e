/* SPDX-License-Identifier: ISC */
/*
 * The supervisor's state machine, with a clock of the test's own: order,
 * readiness, restarts and their delays, the stop.
 */
#include <signal.h>

#include "../../../sbin/init/super.h"
#include "test.h"

static const struct unit_def defs[] = {
	{ .ud_name = "disk", .ud_patience = 5000 },
	{ .ud_name = "must", .ud_flags = UNIT_MUST, .ud_after = "disk" },
	{ .ud_name = "net", .ud_kind = UNIT_DAEMON, .ud_after = "disk must",
	    .ud_patience = 2000 },
	{ .ud_name = "ike", .ud_kind = UNIT_DAEMON, .ud_after = "net" },
	{ .ud_name = "menu", .ud_kind = UNIT_DAEMON, .ud_flags = UNIT_APART,
	    .ud_after = "ike", .ud_latest = 10000 },
};

enum { DISK, MUST, NET, IKE, MENU };

static struct super su;
static char seen[2000];		/* what the shell was told to do */

#define EXIT(n)		((n) << 8)

/* All that is queued, as "spawn disk, log ...". */
static const char *
drain(void)
{
	static const char *const names[] = { "", "spawn", "probe", "term",
	    "kill", "log", "end" };
	struct super_action sa;

	seen[0] = '\0';
	while (super_next(&su, &sa)) {
		size_t n = strlen(seen);

		if (sa.sa_act == ACT_PROBE || sa.sa_act == ACT_LOG)
			continue;
		(void)snprintf(seen + n, sizeof(seen) - n, "%s%s%s%s",
		    n == 0 ? "" : ", ", names[sa.sa_act],
		    sa.sa_act == ACT_END ? "" : " ", sa.sa_act == ACT_END ?
		    "" : defs[sa.sa_unit].ud_name);
	}
	return seen;
}

/* The last line logged, and the rest forgotten. */
static const char *
last_log(void)
{
	static struct super_action sa;
	static char text[SUPER_TEXT];

	text[0] = '\0';
	while (super_next(&su, &sa)) {
		if (sa.sa_act == ACT_LOG)
			memcpy(text, sa.sa_text, sizeof(text));
	}
	return text;
}

/* Everything up at time 1000. */
static void
boot(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	super_exited(&su, DISK, EXIT(0), 1000);
	super_exited(&su, MUST, EXIT(0), 1000);
	super_answered(&su, NET, 1000);
	super_answered(&su, IKE, 1000);
	super_answered(&su, MENU, 1000);
	(void)drain();
}

static void
order(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	TEST_STRING(drain(), "spawn disk");
	super_exited(&su, DISK, EXIT(1), 1100);		/* failed: goes on */
	TEST_STRING(drain(), "spawn must");
	super_exited(&su, MUST, EXIT(0), 1200);
	TEST_STRING(drain(), "spawn net");
	super_tick(&su, 1300);
	TEST_STRING(drain(), "");
	super_answered(&su, NET, 1400);
	TEST_STRING(drain(), "spawn ike");
	CU_ASSERT_EQUAL(su.su_healthy, -1);
	super_answered(&su, IKE, 1500);
	TEST_STRING(drain(), "spawn menu");
	CU_ASSERT_EQUAL(su.su_healthy, -1);		/* disk failed */
}

static void
health(void)
{
	boot();
	CU_ASSERT_EQUAL(su.su_healthy, 1000);
	super_exited(&su, MENU, EXIT(0), 2000);		/* says nothing */
	CU_ASSERT_EQUAL(su.su_healthy, 1000);
	super_exited(&su, IKE, SIGSEGV, 3000);
	CU_ASSERT_EQUAL(su.su_healthy, -1);
	super_tick(&su, 3100);
	super_answered(&su, IKE, 3200);
	CU_ASSERT_EQUAL(su.su_healthy, 3200);
}

static void
must(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	super_exited(&su, DISK, EXIT(0), 1000);
	(void)drain();
	super_exited(&su, MUST, EXIT(3), 1010);
	TEST_STRING(last_log(), "must: exited with 3 after 0.0 s; again in 0.1 s");
	CU_ASSERT_EQUAL(super_deadline(&su), 1110);
	super_tick(&su, 1109);
	TEST_STRING(drain(), "");
	super_tick(&su, 1110);
	TEST_STRING(drain(), "spawn must");
}

/* 0.1, 0.2, 0.4 ... 30, 30 s; and from the begin after a minute's run. */
static void
delays(void)
{
	int64_t now = 1000, want = 100;

	boot();
	for (unsigned i = 0; i < 12; i++) {
		now += 5;
		super_exited(&su, NET, SIGKILL, now);
		CU_ASSERT_EQUAL(super_deadline(&su), now + want);
		(void)drain();
		super_tick(&su, now + want - 1);
		TEST_STRING(drain(), "");
		now += want;
		super_tick(&su, now);
		TEST_STRING(drain(), "spawn net");
		super_answered(&su, NET, now);
		want = want * 2 < SUPER_DELAY_MAX ? want * 2 : SUPER_DELAY_MAX;
	}
	CU_ASSERT_EQUAL(want, SUPER_DELAY_MAX);
	now += SUPER_LONG;
	super_exited(&su, NET, SIGKILL, now);
	CU_ASSERT_EQUAL(super_deadline(&su), now + SUPER_DELAY_MIN);
}

static void
others_go_on(void)
{
	boot();
	super_exited(&su, NET, SIGSEGV, 5000);
	TEST_STRING(last_log(), "net: killed by signal 11 (Segmentation fault)"
	    " after 4.0 s; again in 0.1 s");
	super_exited(&su, IKE, EXIT(1), 5001);
	(void)drain();
	/* ike does not wait for net, which was ready once */
	super_tick(&su, 5150);
	TEST_STRING(drain(), "spawn net, spawn ike");
}

static void
patience(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	super_exited(&su, DISK, EXIT(0), 1000);
	super_exited(&su, MUST, EXIT(0), 1000);
	(void)drain();
	super_tick(&su, 2999);
	TEST_STRING(drain(), "");
	super_tick(&su, 3000);
	TEST_STRING(drain(), "kill net");
	super_tick(&su, 3500);
	TEST_STRING(drain(), "");
	super_exited(&su, NET, SIGKILL, 3600);
	TEST_STRING(last_log(), "net: not ready within 2 s: killed after 2.6 s;"
	    " again in 0.1 s");
}

static void
latest(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	(void)drain();
	super_tick(&su, 10999);
	TEST_STRING(drain(), "kill disk");
	super_tick(&su, 11000);
	TEST_STRING(drain(), "spawn menu");
}

static void
no_process(void)
{
	boot();
	super_exited(&su, IKE, EXIT(0), 2000);
	super_tick(&su, 2100);
	TEST_STRING(drain(), "spawn ike");
	super_spawned(&su, IKE, false, 2100);
	TEST_STRING(last_log(), "ike: cannot be started after 0.0 s; again in 0.2 s");
	super_tick(&su, 2300);
	TEST_STRING(drain(), "spawn ike");
}

static void
stop(void)
{
	boot();
	super_stop(&su, SUPER_REBOOT, 2000);
	TEST_STRING(drain(), "term menu");
	super_exited(&su, MENU, SIGTERM, 2010);
	TEST_STRING(drain(), "term ike");
	super_tick(&su, 2010 + SUPER_GRACE - 1);
	TEST_STRING(drain(), "");
	super_tick(&su, 2010 + SUPER_GRACE);
	TEST_STRING(drain(), "kill ike");
	super_exited(&su, IKE, SIGKILL, 10100);
	TEST_STRING(drain(), "term net");
	super_stop(&su, SUPER_POWEROFF, 10100);		/* changed our mind */
	TEST_STRING(drain(), "");
	super_exited(&su, NET, EXIT(0), 10200);
	TEST_STRING(drain(), "end");
	CU_ASSERT_EQUAL(su.su_how, SUPER_POWEROFF);
	CU_ASSERT_EQUAL(super_deadline(&su), INT64_MAX);
}

static void
stop_early(void)
{
	CU_ASSERT(super_init(&su, defs, TEST_COUNT(defs)));
	super_tick(&su, 1000);
	(void)drain();
	super_stop(&su, SUPER_HALT, 1500);
	TEST_STRING(drain(), "term disk");
	super_exited(&su, DISK, EXIT(0), 1600);
	TEST_STRING(drain(), "end");
}

static void
by_hand(void)
{
	boot();
	super_again(&su, NET, 2000);
	TEST_STRING(drain(), "term net");
	super_exited(&su, NET, EXIT(0), 2100);
	super_tick(&su, 2200);
	TEST_STRING(drain(), "spawn net");
	super_again(&su, DISK, 3000);			/* a task that has ended */
	TEST_STRING(drain(), "spawn disk");
}

/* What the shell would do, with processes that are bits. */
struct world {
	bool		wo_runs[TEST_COUNT(defs)];
	bool		wo_end;
	int64_t		wo_now;
	unsigned	wo_random, wo_spawned, wo_wrong;
};

static unsigned
dice(struct world *wo)
{
	wo->wo_random = wo->wo_random * 1103515245 + 12345;
	return wo->wo_random >> 16;
}

static void
obey(struct world *wo)
{
	struct super_action sa;

	while (super_next(&su, &sa)) {
		bool *runs = &wo->wo_runs[sa.sa_unit];

		wo->wo_wrong += sa.sa_act == ACT_SPAWN ? *runs || wo->wo_end :
		    (sa.sa_act == ACT_TERM || sa.sa_act == ACT_KILL ||
		    sa.sa_act == ACT_PROBE) && !*runs;
		if (sa.sa_act == ACT_SPAWN) {
			*runs = dice(wo) % 50 != 1;
			super_spawned(&su, sa.sa_unit, *runs, wo->wo_now);
			wo->wo_spawned++;
		} else if (sa.sa_act == ACT_KILL) {
			*runs = false;
			super_exited(&su, sa.sa_unit, SIGKILL, wo->wo_now);
		}
		wo->wo_end = wo->wo_end || sa.sa_act == ACT_END;
	}
}

static void
happen(struct world *wo)
{
	unsigned d = dice(wo), unit = dice(wo) % TEST_COUNT(defs);

	wo->wo_now += d % 16 == 0 ? d % 9000 : d % 40;
	super_tick(&su, wo->wo_now);
	obey(wo);
	if (wo->wo_runs[unit] && d % 4 == 0)
		super_answered(&su, unit, wo->wo_now);
	obey(wo);
	if (wo->wo_runs[unit] && d % 16 == 3) {
		wo->wo_runs[unit] = false;
		super_exited(&su, unit, EXIT(d / 7 % 2), wo->wo_now);
	}
	obey(wo);
	if (d % 512 == 9)
		super_again(&su, unit, wo->wo_now);
	obey(wo);
}

/*
 * Histories from a seed: units end, answer, cannot be started and stop
 * answering as it happens.  A unit never has two processes, nothing is asked
 * of one that has none, and a stop comes to its end.
 */
static void
histories(void)
{
	struct world wo = { .wo_random = 1 };
	unsigned ended = 0;

	for (unsigned h = 0; h < 600; h++) {
		(void)super_init(&su, defs, TEST_COUNT(defs));
		memset(wo.wo_runs, 0, sizeof(wo.wo_runs));
		wo.wo_end = false;
		wo.wo_now = 1;
		for (unsigned step = 0; step < 3000 && !wo.wo_end; step++) {
			happen(&wo);
			if (step != 2000)
				continue;
			super_stop(&su, SUPER_REBOOT, wo.wo_now);
			obey(&wo);
		}
		ended += wo.wo_end;
		for (size_t i = 0; i < TEST_COUNT(defs); i++)
			wo.wo_wrong += wo.wo_runs[i];
	}
	CU_ASSERT_EQUAL(ended, 600);
	CU_ASSERT_EQUAL(wo.wo_wrong, 0);
	CU_ASSERT(wo.wo_spawned > 30000);
}

static void
bad_lists(void)
{
	static const struct unit_def unknown[] = {
		{ .ud_name = "a", .ud_after = "b" }, { .ud_name = "b" },
	};
	static struct unit_def many[SUPER_UNITS_MAX + 1];

	CU_ASSERT_FALSE(super_init(&su, unknown, 2));
	for (size_t i = 0; i <= SUPER_UNITS_MAX; i++)
		many[i].ud_name = "x";
	CU_ASSERT_FALSE(super_init(&su, many, SUPER_UNITS_MAX + 1));
}

TEST_MAIN(
	TEST("units start in their order", order),
	TEST("health is since all are ready", health),
	TEST("a task that must succeed is tried again", must),
	TEST("the delay doubles up to its most", delays),
	TEST("one that dies does not hold up the others", others_go_on),
	TEST("one that does not get ready is killed", patience),
	TEST("the menu comes in any case", latest),
	TEST("no process to be had", no_process),
	TEST("the stop goes backwards", stop),
	TEST("a stop during the start", stop_early),
	TEST("again by hand", by_hand),
	TEST("600 histories", histories),
	TEST("lists that make no sense", bad_lists))
