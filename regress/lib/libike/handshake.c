/* SPDX-License-Identifier: ISC */
/*
 * Handshakes of two endpoints over a good wire (libike/ike.h).
 */
#include "libike/ike_msg.h"
#include "test.h"
#include "world.h"

static struct world w;
static struct world_policy left, right;

static void
begin(const struct ike_conf *cf)
{
	world_init(&w, 1, cf);
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
}

static void
end(void)
{
	for (int i = 0; i < 2; i++) {
		(void)ike_policy_set(w.w_end[i].we_ike, w.w_now, NULL, 0);
		world_drain(&w, i);
	}
	world_run(&w, 300000);
	TEST_STRING(world_check_empty(&w), NULL);
	world_free(&w);
}

static bool
meet(void)
{
	CU_ASSERT_TRUE(world_policy_set(&w, 1, &right));
	CU_ASSERT_TRUE(world_policy_set(&w, 0, &left));
	return world_run_up(&w, 60000);
}

static void
honest(void)
{
	begin(NULL);
	CU_ASSERT_TRUE(meet());
	world_run(&w, 1000);
	TEST_STRING(world_check(&w, 1), NULL);
	CU_ASSERT_EQUAL(w.w_end[0].we_sent, 2);
	CU_ASSERT_EQUAL(w.w_end[1].we_sent, 2);
	end();
}

TEST_MAIN(
	TEST("an honest handshake takes four messages", honest))
