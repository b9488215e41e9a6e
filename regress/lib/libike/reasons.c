/* SPDX-License-Identifier: ISC */
/*
 * What was measured stands beside the reason, and the setting it depends on: NAT-01
 * and DPD-01.
 */
#include "test.h"
#include "world.h"

static struct world w;
static struct world_policy left, right;
static bool cut, cut_natt;	/* the wire; and of it port 4500 */

static bool
tap(struct world *world, int from, const struct ike_datagram *dg)
{
	(void)world;
	(void)from;
	return !cut && !(cut_natt && dg->dg_natt);
}

static void
begin(bool nat)
{
	cut = cut_natt = false;
	world_init(&w, 3, NULL);
	w.w_nat = nat;
	w.w_tap = tap;
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
}

static bool
meet(void)
{
	return world_meet(&w, &left, &right);
}

static void
end(void)
{
	cut = cut_natt = false;
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

static void
command(int i, enum ike_command cmd)
{
	(void)ike_command(w.w_end[i].we_ike, w.w_now, cmd, "site");
	world_drain(&w, i);
}

static void
line(void *arg, const struct ike_status *st)
{
	*(struct ike_status *)arg = *st;
}

static struct ike_status
status(int i)
{
	struct ike_status st = { .st_retry = 0 };

	ike_status(w.w_end[i].we_ike, w.w_now, line, &st);
	return st;
}

/* The last failure or end. */
static bool
told(int i, enum ike_reason r, const char *what)
{
	const struct world_end *we = &w.w_end[i];

	if (we->we_reason == r && strstr(we->we_text, what) != NULL)
		return true;
	printf("%s %s\n", ike_reason_id(we->we_reason), we->we_text);
	return false;
}

/* What status says now. */
static bool
says(int i, enum ike_reason r, const char *what)
{
	struct ike_status st = status(i);

	if (st.st_reason == r && strstr(st.st_note, what) != NULL)
		return true;
	printf("%s %s\n", ike_reason_id(st.st_reason), st.st_note);
	return false;
}

static void
natt_filtered(void)
{
	test_row("a NAT in front of us, and UDP port 4500 is filtered");
	begin(true);
	cut_natt = true;
	CU_ASSERT(world_policy_set(&w, 1, &right));
	CU_ASSERT(world_policy_set(&w, 0, &left));
	world_run(&w, 250000);
	CU_ASSERT(told(0, IKE_R_NAT, "a NAT is in front of us, so from IKE_AUTH "
	    "on all goes to UDP port 4500"));
	CU_ASSERT(told(0, IKE_R_NAT, "it was sent 10 times, up to 1"));
	CU_ASSERT_EQUAL(w.w_end[0].we_reasons[IKE_R_NO_AUTH_ANSWER], 0);
	test_row("it is let pass");
	cut_natt = false;
	CU_ASSERT(world_run_up(&w, 300000));
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	end();
	test_row("without a NAT IKE_AUTH is another matter");
	begin(false);
	left.wp_policy.po_encap = true;
	cut_natt = true;
	CU_ASSERT(world_policy_set(&w, 1, &right));
	CU_ASSERT(world_policy_set(&w, 0, &left));
	world_run(&w, 250000);
	CU_ASSERT(told(0, IKE_R_NAT, "a rule says encap, so from IKE_AUTH on"));
	end();
}

static void
natt_not_offered(void)
{
	struct ike_conf cf;

	for (int i = 0; i < 2; i++) {
		test_row(i == 0 ? "the initiator's rule says encap" :
		    "the responder's rule");
		begin(false);
		ike_free(w.w_end[1 - i].we_ike);
		ike_conf_default(&cf);
		cf.cf_natt_off = true;
		world_conf(&w, 1 - i, &cf);
		w.w_end[1 - i].we_ike = ike_new(&cf, w.w_now);
		(i == 0 ? &left : &right)->wp_policy.po_encap = true;
		CU_ASSERT(meet());
		CU_ASSERT(says(i, IKE_R_NAT, "does not offer NAT traversal"));
		CU_ASSERT_EQUAL(w.w_end[i].we_reasons[IKE_R_NAT], 1);
		CU_ASSERT_EQUAL(status(1 - i).st_reason, IKE_R_NONE);
		end();
	}
	test_row("it is offered");
	begin(false);
	left.wp_policy.po_encap = true;
	CU_ASSERT(meet());
	CU_ASSERT_EQUAL(w.w_end[0].we_reasons[IKE_R_NAT], 0);
	CU_ASSERT_EQUAL(status(0).st_reason, IKE_R_NONE);
	end();
}

static void
mapping(void)
{
	begin(true);
	CU_ASSERT(meet());
	world_run(&w, 9000);
	w.w_nat_port = 21000;
	command(0, IKE_CMD_REKEY_IKE);
	world_run(&w, 2000);
	CU_ASSERT_EQUAL(w.w_end[1].we_events[IKE_EV_MOVED], 1);
	CU_ASSERT_EQUAL(w.w_end[1].we_reason, IKE_R_NAT);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.w_end[1].we_text, ":24500 to "
	    "203.0.113.9:25500: the NAT in front of it has another mapping, "));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.w_end[1].we_text, " s after the last message"));
	end();
}

static void
dead(void)
{
	begin(false);
	CU_ASSERT(meet());
	world_run(&w, 5000);
	cut = true;
	world_run(&w, 300000);
	CU_ASSERT(told(1, IKE_R_DEAD, "peer stopped answering: nothing of it came "
	    "for 2"));
	CU_ASSERT(told(1, IKE_R_DEAD, " s, and a question was sent 10 times; who is "
	    "silent is asked after 30 s (dpd_check_interval)"));
	end();
}

TEST_MAIN(
	TEST("UDP port 4500 is filtered", natt_filtered),
	TEST("NAT traversal is not offered", natt_not_offered),
	TEST("another mapping", mapping),
	TEST("a dead peer", dead))
