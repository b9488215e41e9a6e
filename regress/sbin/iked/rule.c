/* SPDX-License-Identifier: ISC */
/*
 * From an `ikev2' rule of iked.conf(5) to the policy of the IKE core.
 */
#include "../../../sbin/iked/iked.h"
#include "test.h"

/* Parses one text of rules; false if the grammar refused it. */
static bool
parse(struct policy *pol, const char *text)
{
	struct policy_text tx = { "test", text, strlen(text) };
	struct policy_errors errs = { .per_n = 0 };
	bool ok;

	policy_init(pol);
	ok = policy_parse(pol, &tx, NULL, NULL, 0, &errs) &&
	    policy_finish(pol, &errs);
	policy_errors_print(&errs, stdout);
	policy_errors_free(&errs);
	return ok;
}

#define ENDS	"local 192.0.2.1 peer 192.0.2.2 "
#define NETS	"from 10.1.0.0/24 to 10.2.0.0/24 "
#define KEY	"psk \"a-key-of-decent-length\"\n"

static void
fields(void)
{
	static struct iked_rule r;
	struct policy pol;
	char text[256];

	CU_ASSERT_FATAL(parse(&pol, "ikev2 \"paris\" active esp " NETS ENDS
	    "ikesa enc aes-256-gcm prf hmac-sha2-384 group ecp384 "
	    "childsa enc aes-128-gcm group curve25519 "
	    "srcid gw.example dstid 192.0.2.2 ikelifetime 7200 lifetime 600 "
	    KEY));
	CU_ASSERT_PTR_NULL_FATAL(iked_rule_make(&pol, &pol.pol_ikes[0], &r));
	TEST_STRING(r.ir_policy.po_name, "paris");
	TEST_STRING(r.ir_child.ch_name, "paris");
	CU_ASSERT_EQUAL(r.ir_child.ch_reqid, pol.pol_ikes[0].ik_reqid);
	CU_ASSERT_NOT_EQUAL(r.ir_child.ch_reqid, 0);
	CU_ASSERT_EQUAL(r.ir_child.ch_start, IKE_START_ACTIVE);
	CU_ASSERT_EQUAL(r.ir_child.ch_mode, IKE_MODE_TUNNEL);
	CU_ASSERT_EQUAL(r.ir_policy.po_lifetime_s, 7200);
	CU_ASSERT_EQUAL(r.ir_child.ch_lifetime_s, 600);
	CU_ASSERT_EQUAL(r.ir_policy.po_srcid.id_type, IKE_ID_FQDN);
	CU_ASSERT_EQUAL(r.ir_policy.po_dstid.id_type, IKE_ID_IPV4_ADDR);
	CU_ASSERT_EQUAL(r.ir_child.ch_local.tl_n, 1);
	CU_ASSERT_EQUAL(r.ir_child.ch_remote.tl_n, 1);
	(void)ike_proposals_print(&r.ir_policy.po_ike, text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ecp384"));
	policy_free(&pol);
}

static const struct {
	const char	*name;
	const char	*text;
	enum ike_start	 start;
} starts[] = {
	{ "active", "ikev2 \"x\" active esp " NETS ENDS KEY,
	  IKE_START_ACTIVE },
	{ "passive starts on traffic", "ikev2 \"x\" passive esp " NETS ENDS KEY,
	  IKE_START_DEMAND },
	{ "any peer can only be waited for",
	  "ikev2 \"x\" passive esp " NETS "local 192.0.2.1 peer any " KEY,
	  IKE_START_PASSIVE },
	{ "set passive starts nothing",
	  "set passive\nikev2 \"x\" active esp " NETS ENDS KEY,
	  IKE_START_PASSIVE },
};

static void
start_modes(void)
{
	static struct iked_rule r;

	for (size_t i = 0; i < TEST_COUNT(starts); i++) {
		struct policy pol;
		const char *why;

		test_row("%s", starts[i].name);
		CU_ASSERT(parse(&pol, starts[i].text));
		if (pol.pol_nikes == 1) {
			why = iked_rule_make(&pol, &pol.pol_ikes[0], &r);
			TEST_STRING(why, NULL);
			CU_ASSERT_EQUAL(r.ir_child.ch_start, starts[i].start);
		}
		policy_free(&pol);
	}
}

/* Networks that stand twice are one selector. */
static void
selectors(void)
{
	static struct iked_rule r;
	struct policy pol;

	CU_ASSERT(parse(&pol, "ikev2 \"x\" active esp from 10.1.0.0/24 to "
	    "10.2.0.0/24 from 10.3.0.0/24 to 10.2.0.0/24 " ENDS KEY));
	CU_ASSERT_PTR_NULL(iked_rule_make(&pol, &pol.pol_ikes[0], &r));
	CU_ASSERT_EQUAL(r.ir_child.ch_local.tl_n, 2);
	CU_ASSERT_EQUAL(r.ir_child.ch_remote.tl_n, 1);
	policy_free(&pol);
}

TEST_MAIN(
	TEST("fields of a rule", fields),
	TEST("how a rule starts", start_modes),
	TEST("networks", selectors))
