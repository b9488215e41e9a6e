/* SPDX-License-Identifier: ISC */
/*
 * Addresses and prefixes: what is read, what is refused, what is printed
 * (RFC 5952 for IPv6), and which prefix holds what.
 */
#include "libutil/addr.h"
#include "test.h"

static const struct text_case {
	const char	*in;
	const char	*out;	/* NULL: refused */
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
	{ "::", "::" },
	{ "", NULL },
	{ "192.0.2", NULL },
	{ "192.0.2.256", NULL },
	{ "192.0.2.1 ", NULL },
	{ " 192.0.2.1", NULL },
	{ "192.0.2.1.1", NULL },
	{ "2001:db8::1::2", NULL },
	{ "2001:db8", NULL },
	{ "fe80::1%eth0", NULL },
	{ "host", NULL },
}, prefixes[] = {
	{ "192.0.2.0/24", "192.0.2.0/24" },
	{ "192.0.2.255/24", "192.0.2.0/24" },
	{ "192.0.2.255/31", "192.0.2.254/31" },
	{ "192.0.2.7/32", "192.0.2.7" },
	{ "192.0.2.7", "192.0.2.7" },
	{ "192.0.2.7/0", "0.0.0.0/0" },
	{ "255.255.255.255/1", "128.0.0.0/1" },
	{ "255.255.255.255/9", "255.128.0.0/9" },
	{ "2001:db8:ffff::/33", "2001:db8:8000::/33" },
	{ "2001:db8::1/128", "2001:db8::1" },
	{ "2001:db8::1/127", "2001:db8::/127" },
	{ "::1/0", "::/0" },
	{ "any", NULL },
	{ "192.0.2.0/33", NULL },
	{ "2001:db8::/129", NULL },
	{ "192.0.2.0/", NULL },
	{ "192.0.2.0/024", NULL },
	{ "192.0.2.0/-1", NULL },
	{ "192.0.2.0/+8", NULL },
	{ "192.0.2.0/8 ", NULL },
	{ "192.0.2.0/8/8", NULL },
	{ "192.0.2.0/4294967304", NULL },
	{ "/8", NULL },
	{ "0000:0000:0000:0000:0000:ffff:255.255.255.255.0000000/8", NULL },
};

static const struct mask_case {
	const char	*text;
	int		 len;	/* -1: refused */
} masks[] = {
	{ "255.255.255.0", 24 },
	{ "255.255.255.255", 32 },
	{ "128.0.0.0", 1 },
	{ "0.0.0.0", 0 },
	{ "0xfffffe00", 23 },
	{ "0xffffffff", 32 },
	{ "0x0", 0 },
	{ "255.0.255.0", -1 },
	{ "0.0.0.255", -1 },
	{ "0xff00ff00", -1 },
	{ "0x1ffffff00", -1 },
	{ "0xffffff0g", -1 },
	{ "0x", -1 },
	{ "ffffff00", -1 },
	{ "24", -1 },
	{ "", -1 },
};

static void
netmask_text(void)
{
	for (size_t i = 0; i < TEST_COUNT(masks); i++) {
		unsigned len = 99;
		const char *why = netmask_parse(masks[i].text, &len);

		test_row("\"%s\"", masks[i].text);
		CU_ASSERT_EQUAL(why == NULL ? (int)len : -1, masks[i].len);
	}
}

static void
address_text(void)
{
	for (size_t i = 0; i < TEST_COUNT(addresses); i++) {
		const struct text_case *c = &addresses[i];
		struct addr a = { .ad_af = 77 };
		char buf[ADDR_STRLEN];

		test_row("\"%s\"", c->in);
		CU_ASSERT_EQUAL(addr_parse(c->in, &a), c->out != NULL);
		if (c->out != NULL) {
			TEST_STRING(addr_print(&a, buf), c->out);
		} else {
			CU_ASSERT_EQUAL(a.ad_af, 77);
		}
	}
}

static void
prefix_text(void)
{
	for (size_t i = 0; i < TEST_COUNT(prefixes); i++) {
		const struct text_case *c = &prefixes[i];
		struct prefix p = { .pr_len = 77 };
		char buf[PREFIX_STRLEN];

		test_row("\"%s\"", c->in);
		CU_ASSERT_EQUAL(prefix_parse(c->in, &p), c->out != NULL);
		if (c->out != NULL) {
			TEST_STRING(prefix_print(&p, buf), c->out);
		} else {
			CU_ASSERT_EQUAL(p.pr_len, 77);
		}
	}
}

static void
print_of_nothing(void)
{
	struct addr none = { 0 };
	char buf[ADDR_STRLEN];

	TEST_STRING(addr_print(&none, buf), "none");
}

static const struct match_case {
	const char	*prefix;
	const char	*in;
	bool		 match;
} matches[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.1.255", false },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.1/32", "192.0.2.1", true },
	{ "192.0.2.1/32", "192.0.2.2", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "::", false },
	{ "::/0", "0.0.0.0", false },
	{ "::/0", "ffff::", true },
	{ "2001:db8::/65", "2001:db8:0:0:7fff::", true },
	{ "2001:db8::/65", "2001:db8:0:0:8000::", false },
};

static void
prefix_holds_address(void)
{
	for (size_t i = 0; i < TEST_COUNT(matches); i++) {
		const struct match_case *c = &matches[i];
		struct prefix p;
		struct addr a;

		test_row("%s in %s", c->in, c->prefix);
		CU_ASSERT_TRUE_FATAL(prefix_parse(c->prefix, &p));
		CU_ASSERT_TRUE_FATAL(addr_parse(c->in, &a));
		CU_ASSERT_EQUAL(prefix_match(&p, &a), c->match);
	}
}

static const struct match_case covers[] = {
	{ "10.0.0.0/8", "10.0.0.0/8", true },
	{ "10.0.0.0/8", "10.255.0.0/16", true },
	{ "10.255.0.0/16", "10.0.0.0/8", false },
	{ "10.0.0.0/8", "11.0.0.0/16", false },
	{ "0.0.0.0/0", "::/0", false },
	{ "2001:db8::/32", "2001:db8:1::/48", true },
};

static void
prefix_holds_prefix(void)
{
	for (size_t i = 0; i < TEST_COUNT(covers); i++) {
		const struct match_case *c = &covers[i];
		struct prefix a, b;

		test_row("%s in %s", c->in, c->prefix);
		CU_ASSERT_TRUE_FATAL(prefix_parse(c->prefix, &a));
		CU_ASSERT_TRUE_FATAL(prefix_parse(c->in, &b));
		CU_ASSERT_EQUAL(prefix_covers(&a, &b), c->match);
	}
}

/* Families first, then bytes; each neighbour pair in both directions. */
static void
order(void)
{
	static const char *const sorted[] = {
		"0.0.0.0", "9.255.0.0", "10.0.0.0", "128.0.0.1", "::", "::1",
		"2001:db8::", "ff02::1"
	};

	for (size_t i = 0; i < TEST_COUNT(sorted); i++)
		for (size_t j = 0; j < TEST_COUNT(sorted); j++) {
			struct addr a, b;
			int c;

			CU_ASSERT_TRUE_FATAL(addr_parse(sorted[i], &a));
			CU_ASSERT_TRUE_FATAL(addr_parse(sorted[j], &b));
			c = addr_cmp(&a, &b);
			CU_ASSERT_EQUAL((c > 0) - (c < 0), (i > j) - (i < j));
			CU_ASSERT_EQUAL(addr_equal(&a, &b), i == j);
		}
}

TEST_MAIN(
	TEST("address text", address_text),
	TEST("prefix text", prefix_text),
	TEST("netmask text", netmask_text),
	TEST("no address prints as none", print_of_nothing),
	TEST("a prefix holds an address", prefix_holds_address),
	TEST("a prefix holds a prefix", prefix_holds_prefix),
	TEST("order of addresses", order))
