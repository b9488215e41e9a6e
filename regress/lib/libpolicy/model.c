/* SPDX-License-Identifier: ISC */
/*
 * The policy as a value: names, reqids, implied flows, differences, limits.
 */
#include "libpolicy/diff.h"
#include "libpolicy/keymsg.h"
#include "libpolicy/policy.h"
#include "test.h"

#define PSK	" psk \"correct horse battery staple\"\n"

static bool
load(struct policy *pol, const char *text, struct policy_errors *errs)
{
	struct policy_text tx = { "test", text, strlen(text) };

	memset(errs, 0, sizeof(*errs));
	policy_init(pol);
	return policy_parse(pol, &tx, NULL, NULL, 0, errs) &&
	    policy_finish(pol, errs);
}

/* Loads what must load. */
static void
must_load(struct policy *pol, const char *text)
{
	struct policy_errors errs;
	bool ok = load(pol, text, &errs);

	CU_ASSERT_TRUE(ok);
	if (!ok)
		policy_errors_print(&errs, stdout);
	policy_errors_free(&errs);
}

static void
reqids(void)
{
	static char text[200000];
	struct policy a, b;
	size_t n = 0;
	bool same = true, unique = true;

	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "ikev2 "
		    "\"r%d\" from 10.1.0.0/24 to 10.%d.%d.0/24 peer "
		    "192.0.2.2" PSK, i, 2 + i / 256, i % 256);
	must_load(&a, text);
	must_load(&b, strchr(text, '\n') + 1);	/* without the first */
	CU_ASSERT_EQUAL(a.pol_nikes, 1000);
	CU_ASSERT_EQUAL(b.pol_nikes, 999);
	for (size_t i = 0; i < b.pol_nikes; i++) {
		same &= a.pol_ikes[i + 1].ik_reqid == b.pol_ikes[i].ik_reqid;
		for (size_t j = 0; j < i; j++)
			unique &= b.pol_ikes[i].ik_reqid !=
			    b.pol_ikes[j].ik_reqid;
	}
	CU_ASSERT_TRUE(same);
	CU_ASSERT_TRUE(unique);
	CU_ASSERT_TRUE(a.pol_ikes[0].ik_reqid >= 0x4000);
	CU_ASSERT_PTR_EQUAL(policy_ike_by_reqid(&a, a.pol_ikes[7].ik_reqid),
	    &a.pol_ikes[7]);
	CU_ASSERT_PTR_EQUAL(policy_ike_by_name(&a, "r999"), &a.pol_ikes[999]);
	CU_ASSERT_PTR_NULL(policy_ike_by_name(&a, "r1000"));
	policy_free(&a);
	policy_free(&b);
}

static void
implied_flows(void)
{
	struct policy pol;
	struct policy_flow fl[4], *all;
	size_t n;

	must_load(&pol, "ikev2 \"a\" proto tcp from 10.1.0.0/24 port 80 to "
	    "10.2.0.0/24 from 10.3.0.0/24 to 10.4.0.0/24 local 192.0.2.1 "
	    "peer 192.0.2.2" PSK "ikev2 \"b\" from 10.5.0.0/24 to "
	    "10.6.0.0/24 peer any" PSK "ikev2 \"c\" from 10.5.0.0/24 to "
	    "10.7.0.0/24 peer 198.51.100.0/24" PSK
	    "flow out from 10.9.0.0/16 to 10.8.0.0/16 type deny\n");
	CU_ASSERT_EQUAL(policy_flows_of_ike(&pol.pol_ikes[0], NULL, 0), 4);
	CU_ASSERT_EQUAL(policy_flows_of_ike(&pol.pol_ikes[0], fl, 4), 4);
	CU_ASSERT_EQUAL(policy_flows_of_ike(&pol.pol_ikes[1], fl, 4), 0);
	CU_ASSERT_EQUAL(policy_flows_of_ike(&pol.pol_ikes[2], fl, 4), 0);
	CU_ASSERT_EQUAL(fl[0].fl_dir, POLICY_OUT);
	CU_ASSERT_EQUAL(fl[1].fl_dir, POLICY_IN);
	CU_ASSERT_EQUAL(fl[0].fl_type, POLICY_REQUIRE);
	CU_ASSERT_EQUAL(fl[0].fl_sel.ps_sport.po_lo, 80);
	CU_ASSERT_EQUAL(fl[1].fl_sel.ps_dport.po_hi, 80);
	CU_ASSERT_EQUAL(fl[1].fl_sel.ps_proto, 6);
	CU_ASSERT_TRUE(memcmp(&fl[0].fl_sel.ps_src, &fl[1].fl_sel.ps_dst,
	    sizeof(struct prefix)) == 0);
	CU_ASSERT_EQUAL(fl[3].fl_reqid, pol.pol_ikes[0].ik_reqid);
	all = policy_flows(&pol, &n);
	CU_ASSERT_EQUAL(n, 5);
	free(all);
	policy_free(&pol);
}

/* ---- differences ---- */

static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A random set of flows over few selectors, none twice. */
static size_t
random_flows(uint64_t *state, struct policy_flow *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < 24; i++) {
		uint64_t r = next(state);
		struct policy_flow fl = { .fl_satype = 50 };

		if (r % 3 == 0)
			continue;
		fl.fl_dir = i % 2 ? POLICY_IN : POLICY_OUT;
		fl.fl_mode = POLICY_TUNNEL;
		fl.fl_sel.ps_src.pr_addr.ad_af = AF_INET;
		fl.fl_sel.ps_dst.pr_addr.ad_af = AF_INET;
		fl.fl_sel.ps_src.pr_addr.ad_bytes[1] = (uint8_t)(i / 2);
		fl.fl_type = r >> 8 & 1 ? POLICY_REQUIRE : POLICY_USE;
		fl.fl_reqid = r >> 9 & 1;
		v[n++] = fl;
	}
	for (size_t i = n; i > 1; i--) {	/* order does not matter */
		size_t j = next(state) % i;
		struct policy_flow t = v[i - 1];

		v[i - 1] = v[j];
		v[j] = t;
	}
	return n;
}

static bool
same_place(const struct policy_flow *a, const struct policy_flow *b)
{
	return a->fl_dir == b->fl_dir &&
	    memcmp(&a->fl_sel, &b->fl_sel, sizeof(a->fl_sel)) == 0;
}

/* How often v has an equal flow (or, with place, one of that selector). */
static unsigned
count(const struct policy_flow *v, size_t n, const struct policy_flow *fl,
    bool place)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		found += place ? same_place(&v[i], fl) :
		    policy_flow_equal(&v[i], fl);
	return found;
}

/* Each change is what must change, and there are as many as needed. */
static bool
diff_right(const struct policy_flow *a, size_t na,
    const struct policy_flow *b, size_t nb)
{
	struct policy_change *ch;
	size_t n, need = 0;
	bool ok = true, deleting = false;

	for (size_t i = 0; i < na; i++)
		need += count(b, nb, &a[i], true) == 0;
	for (size_t i = 0; i < nb; i++)
		need += count(a, na, &b[i], false) == 0;
	ch = policy_diff_flows(a, na, b, nb, &n);
	for (size_t i = 0; i < n; i++) {
		bool del = ch[i].ch_type == POLICY_DELETE;

		ok &= del || !deleting;		/* additions come first */
		deleting |= del;
		if (del)
			ok &= count(b, nb, &a[ch[i].ch_old], true) == 0;
		else if (ch[i].ch_type == POLICY_ADD)
			ok &= count(a, na, &b[ch[i].ch_new], true) == 0;
		else
			ok &= same_place(&a[ch[i].ch_old], &b[ch[i].ch_new]) &&
			    !policy_flow_equal(&a[ch[i].ch_old],
			    &b[ch[i].ch_new]);
	}
	free(ch);
	return ok && n == need;
}

static void
differences(void)
{
	uint64_t state = 88172645463325252ull;
	struct policy_flow a[24], b[24];
	unsigned wrong = 0;

	for (int i = 0; i < 2000; i++) {
		size_t na = random_flows(&state, a);
		size_t nb = i % 10 == 0 ? 0 : random_flows(&state, b);

		wrong += !diff_right(a, na, b, nb);
		wrong += !diff_right(b, nb, a, na);
		wrong += !diff_right(a, na, a, na);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- messages of the key socket ---- */

static void
key_messages(void)
{
	struct policy pol;
	struct policy_flow *all, back;
	struct pfkey_msg m, parsed;
	uint8_t buf[PFKEY_MSG_MAX];
	size_t n, len;
	bool ours;

	must_load(&pol, "flow from 10.1.0.0/16 to 10.2.0.0/16 peer 192.0.2.2\n"
	    "flow out proto tcp from 10.3.0.0/16 port 5:9 to 10.4.0.1 port 80 "
	    "local 192.0.2.1 peer 192.0.2.2 type use\n"
	    "flow from 192.0.2.1 to 192.0.2.2\n"
	    "flow out from 2001:db8:1::/48 to 2001:db8:2::/48 peer 192.0.2.2\n"
	    "flow from any to any type bypass\n"
	    "flow from 10.8.0.0/16 to 10.9.0.0/16 peer 192.0.2.2 type acquire\n"
	    "flow from 10.8.0.0/16 to 10.10.0.0/16 peer 192.0.2.2 type dontacq\n"
	    "flow in from 10.7.0.0/16 to any type deny\n"
	    "ikev2 \"x\" from 10.5.0.0/24 to 10.6.0.0/24 peer 192.0.2.2" PSK);
	all = policy_flows(&pol, &n);
	CU_ASSERT_EQUAL(n, 17);
	for (size_t i = 0; i < n; i++) {
		struct policy_change *ch;
		size_t differ;

		keymsg_from_flow(&m, SADB_X_SPDADD, &all[i]);
		len = pfkey_build(&m, buf, sizeof(buf));
		CU_ASSERT_NOT_EQUAL(len, 0);
		CU_ASSERT_EQUAL(pfkey_parse(buf, len, PFKEY_FROM_USER, &parsed,
		    NULL), 0);
		CU_ASSERT_TRUE(keymsg_to_flow(&parsed, &back, &ours));
		CU_ASSERT_TRUE(ours);
		ch = policy_diff_flows(&back, 1, &all[i], 1, &differ);
		CU_ASSERT_EQUAL(differ, 0);
		free(ch);
	}
	free(all);
	policy_free(&pol);
}

static void
sa_messages(void)
{
	struct policy pol;
	struct policy_sa back;
	struct pfkey_msg m, parsed;
	uint8_t buf[PFKEY_MSG_MAX];
	size_t len;
	bool ours;

	must_load(&pol, "esp from 192.0.2.1 to 192.0.2.2 spi 0x1001 authkey "
	    "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	    " enckey 0x000102030405060708090a0b0c0d0e0f\n"
	    "esp transport from 192.0.2.2 to 192.0.2.1 spi 0x1002 enc null"
	    " auth hmac-sha2-384 authkey 0x000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f000102030405060708090a0b0c0d0e0f\n");
	for (size_t i = 0; i < pol.pol_nsas; i++) {
		keymsg_from_sa(&m, SADB_ADD, &pol.pol_sas[i]);
		len = pfkey_build(&m, buf, sizeof(buf));
		CU_ASSERT_EQUAL(pfkey_parse(buf, len, PFKEY_FROM_USER, &parsed,
		    NULL), 0);
		CU_ASSERT_TRUE(keymsg_to_sa(&parsed, &back, &ours));
		CU_ASSERT_TRUE(ours);
		CU_ASSERT_TRUE(policy_sa_equal(&back, &pol.pol_sas[i]));
		policy_sa_wipe(&back);
	}
	policy_free(&pol);
}

/* ---- limits and comparison ---- */

static void
expansion_is_capped(void)
{
	static char text[60000];
	struct policy_errors errs;
	struct policy pol;
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "m = \"{");
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " 10.0.%d.0/24",
		    i);
	(void)snprintf(text + n, sizeof(text) - n, " }\"\nflow proto { 1 2 3 4 "
	    "5 6 } from $m to $m peer 192.0.2.2\n");
	CU_ASSERT_FALSE(load(&pol, text, &errs));
	CU_ASSERT_EQUAL(errs.per_n, 1);
	if (errs.per_n == 1) {
		CU_ASSERT_PTR_NOT_NULL(strstr(errs.per_list[0].pe_msg,
		    "more than"));
	}
	policy_errors_free(&errs);
	policy_free(&pol);
}

static void
places_of_errors(void)
{
	struct policy_errors errs;
	struct policy pol;

	CU_ASSERT_FALSE(load(&pol, "# one\n\nflow \\\n\tesp fro any\n", &errs));
	CU_ASSERT_EQUAL(errs.per_n, 1);
	CU_ASSERT_EQUAL(errs.per_list[0].pe_line, 4);
	CU_ASSERT_EQUAL(errs.per_list[0].pe_col, 6);
	TEST_STRING(errs.per_list[0].pe_source, "\tesp fro any");
	TEST_STRING(errs.per_list[0].pe_file, "test");
	policy_errors_free(&errs);
	policy_free(&pol);
	/* a mistake in a macro is told where the macro is used */
	CU_ASSERT_FALSE(load(&pol, "a = \"no address\"\nflow from $a to any\n",
	    &errs));
	CU_ASSERT_EQUAL(errs.per_list[0].pe_line, 2);
	CU_ASSERT_EQUAL(errs.per_list[0].pe_col, 11);
	policy_errors_free(&errs);
	policy_free(&pol);
}

static void
rules_compare(void)
{
	static const char *const other[] = {
	    "active ", "transport ", "local 192.0.2.1 ", "srcid a ",
	    "dstid b ", "lifetime 5 ", "lifetime 3h bytes 5 ",
	    "ikelifetime 5 ", "tag x ", "ikesa group ecp384 ",
	    "childsa noesn ", "quick ",
	};
	struct policy a, b;
	char text[512];

	must_load(&a, "ikev2 \"x\" from 10.1.0.0/24 to 10.2.0.0/24 peer "
	    "192.0.2.2" PSK);
	for (size_t i = 0; i < TEST_COUNT(other); i++) {
		test_row("%s", other[i]);
		(void)snprintf(text, sizeof(text), "ikev2 \"x\" %sfrom "
		    "10.1.0.0/24 to 10.2.0.0/24 peer 192.0.2.2" PSK, other[i]);
		must_load(&b, text);
		CU_ASSERT_FALSE(policy_ike_equal(&a.pol_ikes[0],
		    &b.pol_ikes[0]));
		CU_ASSERT_TRUE(policy_ike_equal(&b.pol_ikes[0],
		    &b.pol_ikes[0]));
		policy_free(&b);
	}
	test_row("another key");
	must_load(&b, "ikev2 \"x\" from 10.1.0.0/24 to 10.2.0.0/24 peer "
	    "192.0.2.2 psk \"correct horse battery stable\"\n");
	CU_ASSERT_FALSE(policy_ike_equal(&a.pol_ikes[0], &b.pol_ikes[0]));
	policy_free(&b);
	policy_free(&a);
}

TEST_MAIN(
	TEST("reqids follow names, not places", reqids),
	TEST("IKE rules imply flows", implied_flows),
	TEST("differences are exact", differences),
	TEST("flows as messages and back", key_messages),
	TEST("SAs as messages and back", sa_messages),
	TEST("a list cannot expand without end", expansion_is_capped),
	TEST("errors have their places", places_of_errors),
	TEST("rules that differ are not equal", rules_compare))
