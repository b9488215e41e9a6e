/* SPDX-License-Identifier: ISC */
/*
 * Exchanges that wait on one IKE SA: when they are too many, what is given up comes
 * again by itself; and one that a command has made needless leads to nothing.
 */
#include "test.h"
#include "world.h"

static struct world w;
static struct world_policy left, right;
static bool wire_cut, only_to_us;

static bool
tap(struct world *world, int from, const struct ike_datagram *dg)
{
	(void)world;
	(void)dg;
	return !wire_cut && !(only_to_us && from == 0);
}

/* "site" with so many children; and so many exchanges that may wait. */
static void
prepare(unsigned children, uint32_t queue)
{
	struct ike_conf cf;

	ike_conf_default(&cf);
	cf.cf_queue_max = queue;
	cf.cf_path = true;
	cf.cf_tries = 20;
	wire_cut = only_to_us = false;
	world_init(&w, 7, &cf);
	w.w_tap = tap;
	world_policy_default(&w, 0, &left);
	world_policy_default(&w, 1, &right);
	for (unsigned i = 1; i < children; i++)
		for (int side = 0; side < 2; side++) {
			struct world_policy *wp = side ? &right : &left;

			wp->wp_children[i] = wp->wp_children[0];
			wp->wp_policy.po_nchildren = (uint8_t)(i + 1);
			wp->wp_children[i].ch_reqid += i * 10;
			wp->wp_children[i].ch_start = side ? IKE_START_PASSIVE :
			    IKE_START_ACTIVE;
			(void)snprintf(wp->wp_children[i].ch_name, IKE_NAME_MAX,
			    "c%u", i);
		}
}

static void
begin(unsigned children, uint32_t queue)
{
	prepare(children, queue);
	CU_ASSERT(world_policy_set(&w, 1, &right));
	CU_ASSERT(world_policy_set(&w, 0, &left));
	CU_ASSERT(world_run_up(&w, 60000));
}

static void
end(unsigned pairs)
{
	TEST_STRING(world_check(&w, pairs), NULL);
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

static size_t
command(enum ike_command cmd, const char *name)
{
	size_t n = ike_command(w.w_end[0].we_ike, w.w_now, cmd, name);

	world_drain(&w, 0);
	return n;
}

static struct ike_stats
stats(void)
{
	struct ike_stats is;

	ike_stats(w.w_end[0].we_ike, &is);
	return is;
}

static void
last_line(void *arg, const struct ike_status *st)
{
	*(struct ike_status *)arg = *st;
}

static struct ike_status
status(const char *name)
{
	struct ike_status st = { .st_retry = 0 };

	ike_status_of(w.w_end[0].we_ike, w.w_now, name, last_line, &st);
	return st;
}

static void
probes_come_again(void)
{
	begin(1, 1);
	world_run(&w, 10000);
	test_row("sizes are tried at first");
	CU_ASSERT_TRUE(status("site").st_path_at != 0);
	wire_cut = true;
	CU_ASSERT(command(IKE_CMD_REKEY, "site") == 1);
	CU_ASSERT(command(IKE_CMD_REKEY_IKE, "site") == 1);
	test_row("by command, while too much waits: that is said");
	CU_ASSERT(command(IKE_CMD_CHECK, "site") == 1);
	world_run(&w, 100);
	CU_ASSERT_EQUAL(w.w_end[0].we_events[IKE_EV_CHECKED], 1);
	wire_cut = false;
	test_row("and they are tried again a minute later");
	{
		uint64_t was = status("site").st_path_at, probes;

		world_run(&w, 60000);
		probes = stats().is_probes;
		world_run(&w, 40000);
		CU_ASSERT_TRUE(stats().is_probes > probes ||
		    status("site").st_path_at > was);
		CU_ASSERT_TRUE(status("site").st_path_at > was);
	}
	end(1);
}

/* While the wire is cut one exchange is out, one waits, and the third is given up. */
static void
others_come_again(void)
{
	static const struct {
		const char *title, *name[3];
		enum ike_command cmd[3];
	} cases[] = {
		{ "a rekey of the child", { "site/c1", "site", "site/net" },
		    { IKE_CMD_UP, IKE_CMD_REKEY_IKE, IKE_CMD_REKEY } },
		{ "a rekey of the IKE SA", { "site/c1", "site/net", "site" },
		    { IKE_CMD_UP, IKE_CMD_REKEY, IKE_CMD_REKEY_IKE } },
		{ "a new child", { "site/net", "site", "site/c1" },
		    { IKE_CMD_REKEY, IKE_CMD_REKEY_IKE, IKE_CMD_UP } },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct ike_stats was;

		test_row("%s", cases[i].title);
		begin(2, 1);
		world_run(&w, 20000);
		CU_ASSERT(command(IKE_CMD_DOWN, "site/c1") == 1);
		world_run(&w, 20000);
		was = stats();
		wire_cut = true;
		for (unsigned k = 0; k < 3; k++) {
			CU_ASSERT(command(cases[i].cmd[k], cases[i].name[k]) == 1);
			world_run(&w, 20);
		}
		wire_cut = false;
		world_run(&w, 60000);
		CU_ASSERT_TRUE(stats().is_child_rekeyed > was.is_child_rekeyed);
		CU_ASSERT_TRUE(stats().is_ike_rekeyed > was.is_ike_rekeyed);
		CU_ASSERT_EQUAL(status("site/c1").st_state, IKE_ST_UP);
		end(2);
	}
}

static void
deletes_go(void)
{
	begin(2, 1);
	world_run(&w, 20000);
	wire_cut = true;
	CU_ASSERT(command(IKE_CMD_REKEY, "site/net") == 1);
	world_run(&w, 20);
	CU_ASSERT(command(IKE_CMD_REKEY_IKE, "site") == 1);
	CU_ASSERT(command(IKE_CMD_DOWN, "site/c1") == 1);
	wire_cut = false;
	world_run(&w, 60000);
	CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 1);
	end(1);
}

/*
 * Ours waits for its turn when the peer's rekey of the same pair comes, which we
 * refuse: it is put off, not forgotten.
 */
static void
peers_rekey_is_refused(void)
{
	static const struct ike_transform group = { IKE_T_DH, IKE_DH_ECP_384, 0 };
	struct ike_proposal *pr;

	prepare(1, 256);
	ike_proposals_default(IKE_PROTO_ESP, &left.wp_children[0].ch_esp);
	for (unsigned i = 0; i < left.wp_children[0].ch_esp.ps_n; i++) {
		unsigned n = 0;

		pr = &left.wp_children[0].ch_esp.ps_p[i];
		for (unsigned t = 0; t < pr->pr_n; t++)
			if (pr->pr_t[t].tr_type != IKE_T_DH)
				pr->pr_t[n++] = pr->pr_t[t];
		pr->pr_t[n++] = group;
		pr->pr_n = (uint8_t)n;
	}
	right.wp_children[0].ch_esp = left.wp_children[0].ch_esp;
	for (unsigned i = 0; i < right.wp_children[0].ch_esp.ps_n; i++) {
		pr = &right.wp_children[0].ch_esp.ps_p[i];
		pr->pr_t[pr->pr_n - 1].tr_id = IKE_DH_MODP_3072;
	}
	CU_ASSERT(world_policy_set(&w, 1, &right));
	CU_ASSERT(world_policy_set(&w, 0, &left));
	CU_ASSERT(world_run_up(&w, 60000));
	world_run(&w, 20000);
	CU_ASSERT_EQUAL(w.w_end[0].we_reasons[IKE_R_REKEY], 0);
	/* What is out cannot be answered for a while, and ours waits behind it. */
	only_to_us = true;
	CU_ASSERT(command(IKE_CMD_CHECK, "site") == 1);
	world_run(&w, 20);
	CU_ASSERT(command(IKE_CMD_REKEY, "site/net") == 1);
	(void)ike_command(w.w_end[1].we_ike, w.w_now, IKE_CMD_REKEY, "site/net");
	world_drain(&w, 1);
	world_run(&w, 1000);
	CU_ASSERT_TRUE(w.w_end[0].we_reasons[IKE_R_PROP_PFS] +
	    w.w_end[0].we_reasons[IKE_R_PROP_ESP] > 0);
	only_to_us = false;
	world_run(&w, 60000);
	CU_ASSERT_TRUE(w.w_end[0].we_reasons[IKE_R_REKEY] > 0);
	TEST_STRING(world_end(&w), NULL);
	world_free(&w);
}

/* The child that is asked for waits, or is asked of the peer, when it is taken down. */
static void
down_while_it_waits(void)
{
	for (unsigned rekey = 0; rekey < 2; rekey++) {
		test_row(rekey ? "it waits" : "it is on its way");
		begin(2, 256);
		world_run(&w, 10000);
		CU_ASSERT(command(IKE_CMD_DOWN, "site/c1") == 1);
		world_run(&w, 10000);
		wire_cut = true;
		if (rekey)
			CU_ASSERT(command(IKE_CMD_REKEY, "site/net") == 1);
		world_run(&w, 20);
		CU_ASSERT(command(IKE_CMD_UP, "site/c1") == 1);
		world_run(&w, 20);
		CU_ASSERT(command(IKE_CMD_DOWN, "site/c1") == 1);
		wire_cut = false;
		world_run(&w, 60000);
		CU_ASSERT_EQUAL(status("site/c1").st_state, IKE_ST_DOWN);
		CU_ASSERT_EQUAL(world_sas(&w.w_end[0], true), 1);
		CU_ASSERT_EQUAL(world_sas(&w.w_end[1], true), 1);
		test_row("and it comes up again by command");
		CU_ASSERT(command(IKE_CMD_UP, "site/c1") == 1);
		world_run(&w, 2000);
		CU_ASSERT_EQUAL(status("site/c1").st_state, IKE_ST_UP);
		end(2);
	}
}

TEST_MAIN(
	TEST("a probe that was given up comes again", probes_come_again),
	TEST("others that were given up", others_come_again),
	TEST("a Delete is never given up", deletes_go),
	TEST("the peer's rekey is refused", peers_rekey_is_refused),
	TEST("down while it waits", down_while_it_waits))
