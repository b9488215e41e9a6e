/* SPDX-License-Identifier: ISC */
/*
 * The arguments of drivers xdp and nic.  Neither opens anything here: the
 * interface that they are told of does not exist.
 */
#include "devtest.h"

static void
arguments(void)
{
	static const struct {
		const struct if_ops *ops; const char *arg, *why;
	} cases[] = {
		{ &xdp_ops, "", "driver xdp wants the name of a Linux interface" },
		{ &nic_ops, "", "driver nic wants the name of a Linux interface" },
		{ &nic_ops, "name=eth0", "driver nic wants the name of a Linux interface" },
		{ &xdp_ops, "sixteen-letters-", "driver xdp wants the name of a Linux interface" },
		{ &xdp_ops, "nope0,shared", "there are: promisc, copy, generic" },
		{ &xdp_ops, "nope0,copy=1", "driver xdp has no option 'copy'" },
		{ &nic_ops, "nope0,copy", "there are: promisc, shared" },
		{ &nic_ops, "nope0,promisc,generic", "driver nic has no option 'generic'" },
	};
	struct nk *nk = devtest_nk();
	char err[256];

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s %s", cases[i].ops->io_name, cases[i].arg);
		err[0] = '\0';
		CU_ASSERT_PTR_NULL(if_create(nk, "em0", cases[i].ops, cases[i].arg, err,
		    sizeof(err)));
		CU_ASSERT_PTR_NOT_NULL(strstr(err, cases[i].why));
	}
	nk_free(nk);
}

static char logged[256];

static void
log_line(void *arg, int priority, const char *msg)
{
	(void)arg;
	(void)priority;
	(void)snprintf(logged, sizeof(logged), "%s", msg);
}

/* Both try AF_PACKET in the end, and its refusal is what is told. */
static void
falls_back(void)
{
	static const struct { const struct if_ops *ops; const char *arg; } cases[] = {
		{ &xdp_ops, "nope0" }, { &xdp_ops, "nope0,promisc,copy" },
		{ &xdp_ops, "nope0,generic" }, { &nic_ops, "nope0" },
		{ &nic_ops, "nope0,promisc" },
	};
	struct nk *nk = devtest_nk();
	char err[256];

	nk->nk_conf.nc_log = log_line;
	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s %s", cases[i].ops->io_name, cases[i].arg);
		err[0] = logged[0] = '\0';
		CU_ASSERT_PTR_NULL(if_create(nk, "em0", cases[i].ops, cases[i].arg, err,
		    sizeof(err)));
		CU_ASSERT_PTR_NOT_NULL(strstr(err, "nope0: "));
		CU_ASSERT_PTR_NOT_NULL(strstr(logged, "em0: by AF_PACKET, not AF_XDP: nope0: "));
		CU_ASSERT_PTR_NULL(nk->nk_frames);
	}
	test_row("shared is AF_PACKET's: AF_XDP is not tried");
	logged[0] = '\0';
	CU_ASSERT_PTR_NULL(if_create(nk, "em0", &nic_ops, "nope0,shared", err, sizeof(err)));
	TEST_STRING(logged, "");
	nk_free(nk);
}

TEST_MAIN(
	TEST("arguments", arguments),
	TEST("falls back", falls_back))
