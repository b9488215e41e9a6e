/* SPDX-License-Identifier: ISC */
/*
 * Every allocation of a history fails once: no crash, the endpoints recover,
 * and no object is left over.  What cannot be told for lack of memory (an
 * action) may be lost, so the models of the kernels are not compared.
 */
#include "libike/ike_var.h"
#include "test.h"
#include "world.h"

static struct world w;
static struct world_policy left, right;
static unsigned count, fail_at;

/* In front of the library's own. */
void *
ike_calloc(size_t n, size_t size)
{
	if (++count == fail_at)
		return NULL;
	return calloc(n, size);
}

static void
command(int i, enum ike_command cmd)
{
	(void)ike_command(w.w_end[i].we_ike, w.w_now, cmd, NULL);
	world_drain(&w, i);
	world_run(&w, 20);
}

/* A handshake, both rekeys from both ends, quiet, the end. */
static bool
history(void)
{
	struct ike_objects oc;
	bool set = false;

	world_init(&w, 1, NULL);
	count = 0;
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	for (unsigned tries = 0; tries < 3 && !set; tries++)
		set = world_policy_set(&w, 1, &right) &&
		    world_policy_set(&w, 0, &left);
	(void)world_run_up(&w, 300000);
	command(0, IKE_CMD_REKEY);
	command(1, IKE_CMD_REKEY_IKE);
	world_run(&w, 20000);
	command(1, IKE_CMD_REKEY);
	command(0, IKE_CMD_REKEY_IKE);
	world_run(&w, 400000);
	command(0, IKE_CMD_DOWN);
	world_run(&w, 400000);
	command(0, IKE_CMD_UP);
	if (!world_run_up(&w, 900000)) {
		printf("allocation %u of %u\n", fail_at, count);
		CU_FAIL("not up again");
	}
	for (int i = 0; i < 2; i++) {
		(void)ike_policy_set(w.w_end[i].we_ike, w.w_now, NULL, 0);
		world_drain(&w, i);
	}
	world_run(&w, 600000);
	for (int i = 0; i < 2; i++) {
		ike_objects(w.w_end[i].we_ike, &oc);
		CU_ASSERT_EQUAL(oc.oc_policies + oc.oc_ikesas + oc.oc_halfopen +
		    oc.oc_children + oc.oc_exchanges + oc.oc_fragments +
		    oc.oc_actions, 0);
	}
	world_free(&w);
	return set;
}

static void
each_fails(void)
{
	unsigned all;

	fail_at = 0;
	CU_ASSERT_TRUE(history());
	all = count;
	CU_ASSERT_TRUE(all > 50);
	for (unsigned i = 3; i < all; i++) {
		fail_at = i;
		CU_ASSERT_TRUE(history());
	}
}

TEST_MAIN(
	TEST("every allocation fails once", each_fails))
