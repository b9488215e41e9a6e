/* SPDX-License-Identifier: ISC */
/*
 * What the menu does to network.conf: one address, the default route, and
 * nothing else.
 */
#include "../../../sbin/console/console.h"
#include "test.h"

static const char before[] =
	"interface wan0 create packet eth0\n"
	"interface wan0 inet 192.0.2.1/24\n"
	"interface lan0 create packet eth1\n"
	"interface lan0 inet 10.1.0.1/24\n"
	"interface lan0 inet 10.1.1.1/24 alias\n"
	"interface dmz0 create packet eth2\n"
	"route add default 192.0.2.254\n"
	"route add 10.9.0.0/16 10.1.0.9\n";

static struct network ne;

static void
read_text(const char *body)
{
	struct policy_errors errs = { 0 };
	struct policy_text text = { "network.conf", body, strlen(body) };

	network_free(&ne);
	CU_ASSERT(network_parse(&ne, &text, &errs));
	policy_errors_free(&errs);
}

/* The text as it is now. */
static char *
print(void)
{
	static char text[2000];
	FILE *out = fmemopen(text, sizeof(text), "w");

	network_print(&ne, out);
	fclose(out);
	return text;
}

static void
addresses(void)
{
	static const struct {
		const char	*ifname, *text, *shows;	/* shows NULL: refused */
	} cases[] = {
		{ "wan0", "198.51.100.7/29", "198.51.100.7/29" },
		{ "lan0", "10.7.0.1/16", "10.7.0.1/16" },
		{ "dmz0", "10.3.0.1/24", "10.3.0.1/24" },
		{ "lan0", "none", "none" },
		{ "eth0", "10.3.0.1/24", NULL },
		{ "lan0", "10.3.0.1", NULL },
		{ "lan0", "10.3.0.1/33", NULL },
		{ "lan0", "10.3.0.1/0", NULL },
		{ "lan0", "10.3.0.1/2x", NULL },
		{ "lan0", "10.3.0/24", NULL },
		{ "lan0", "2001:db8::1/64", NULL },
		{ "lan0", "", NULL },
	};
	char shown[64];

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		const char *why = "";
		bool ok;

		test_row("%s %s", cases[i].ifname, cases[i].text);
		read_text(before);
		ok = netedit_address(&ne, cases[i].ifname, cases[i].text, &why);
		CU_ASSERT_EQUAL(ok, cases[i].shows != NULL);
		CU_ASSERT_EQUAL(ok, why[0] == '\0');
		if (!ok)
			continue;
		netedit_show_address(&ne, cases[i].ifname, shown, sizeof(shown));
		TEST_STRING(shown, cases[i].shows);
	}
}

static void
the_rest_stays(void)
{
	const char *why = "";

	read_text(before);
	CU_ASSERT(netedit_address(&ne, "dmz0", "10.3.0.1/24", &why));
	CU_ASSERT(netedit_address(&ne, "dmz0", "none", &why));
	CU_ASSERT(netedit_gateway(&ne, "192.0.2.253", &why));
	CU_ASSERT_PTR_NOT_NULL(strstr(print(), "10.9.0.0/16"));
	CU_ASSERT_PTR_NOT_NULL(strstr(print(), "10.1.1.1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(print(), "192.0.2.253"));
	CU_ASSERT_PTR_NULL(strstr(print(), "192.0.2.254"));
}

static void
gateways(void)
{
	const char *why = "";
	char shown[64];

	read_text(before);
	netedit_show_gateway(&ne, shown, sizeof(shown));
	TEST_STRING(shown, "192.0.2.254");
	CU_ASSERT(netedit_gateway(&ne, "none", &why));
	CU_ASSERT_EQUAL(ne.ne_nroutes, 1);
	netedit_show_gateway(&ne, shown, sizeof(shown));
	TEST_STRING(shown, "none");
	CU_ASSERT(netedit_gateway(&ne, "none", &why));
	CU_ASSERT(netedit_gateway(&ne, "192.0.2.9", &why));
	netedit_show_gateway(&ne, shown, sizeof(shown));
	TEST_STRING(shown, "192.0.2.9");
	CU_ASSERT_FALSE(netedit_gateway(&ne, "wan0", &why));
	CU_ASSERT_FALSE(netedit_gateway(&ne, "192.0.2.1/24", &why));
	netedit_show_gateway(&ne, shown, sizeof(shown));
	TEST_STRING(shown, "192.0.2.9");
	network_free(&ne);
}

TEST_MAIN(
	TEST("addresses", addresses),
	TEST("the rest stays", the_rest_stays),
	TEST("the default route", gateways))
