/* SPDX-License-Identifier: ISC */
/*
 * A peer that has the key makes IKE SA after IKE SA and deletes none: it has its
 * few, the newest, and the others' room is theirs.
 */
#include "libike/ike_msg.h"
#include "test.h"
#include "world.h"

#define PEER	4	/* of one peer */
#define MANY	20	/* that it makes */

static struct world w;
static struct world_policy left, right;
static struct ike_conf conf;

/* Nothing that deletes leaves end 0. */
static bool
tap(struct world *world, int from, const struct ike_datagram *dg)
{
	(void)world;
	return from != 0 || dg->dg_len < IKE_HDR_LEN ||
	    dg->dg_data[18] != IKE_X_INFORMATIONAL;
}

static void
begin(void)
{
	ike_conf_default(&conf);
	conf.cf_ikesas_peer = PEER;
	world_init(&w, 5, &conf);
	w.w_wire.wi_delay_ms = 1;
	w.w_tap = tap;
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	CU_ASSERT(world_policy_set(&w, 1, &right));
	CU_ASSERT(world_policy_set(&w, 0, &left));
	CU_ASSERT(world_run_up(&w, 60000));
}

static void
end(void)
{
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

static struct ike_objects
objects(int i)
{
	struct ike_objects oc;

	ike_objects(w.w_end[i].we_ike, &oc);
	return oc;
}

static void
line(void *arg, const struct ike_status *st)
{
	*(struct ike_status *)arg = *st;
}

static void
rekeys(void)
{
	struct ike_status st = { .st_retry = 0 };
	size_t most = 0;

	begin();
	for (unsigned i = 0; i < MANY; i++) {
		(void)ike_command(w.w_end[0].we_ike, w.w_now, IKE_CMD_REKEY_IKE,
		    "site");
		world_drain(&w, 0);
		world_run(&w, 100);
		if (objects(1).oc_ikesas > most)
			most = objects(1).oc_ikesas;
	}
	CU_ASSERT_EQUAL(most, PEER);
	test_row("the newest is in use, with its child");
	ike_status(w.w_end[1].we_ike, w.w_now, line, &st);
	CU_ASSERT_EQUAL(st.st_state, IKE_ST_UP);
	CU_ASSERT_EQUAL(st.st_rekeys_ike, MANY);
	CU_ASSERT_EQUAL(w.w_end[1].we_events[IKE_EV_CHILD_DOWN], 0);
	end();
}

/* It forgets all and begins anew, faster than its INITIAL_CONTACT works. */
static void
connections(void)
{
	size_t most = 0;

	begin();
	for (unsigned i = 0; i < MANY; i++) {
		struct world_end *we = &w.w_end[0];

		ike_free(we->we_ike);
		memset(we->we_sas, 0, sizeof(we->we_sas));
		we->we_larval = 0;
		world_conf(&w, 0, &conf);
		we->we_ike = ike_new(&conf, w.w_now);
		CU_ASSERT(world_policy_set(&w, 0, &left));
		world_run(&w, 20);
		if (objects(1).oc_ikesas > most)
			most = objects(1).oc_ikesas;
	}
	CU_ASSERT_TRUE(most > 2 && most <= PEER + 2);
	CU_ASSERT_EQUAL(w.w_end[1].we_events[IKE_EV_IKE_UP], MANY + 1);
	w.w_tap = NULL;
	world_run(&w, 60000);
	test_row("and it is up in the end");
	TEST_STRING(world_check(&w, 1), NULL);
	end();
}

TEST_MAIN(
	TEST("rekeys without a Delete", rekeys),
	TEST("connections without a Delete", connections))
