/* SPDX-License-Identifier: ISC */
/*
 * network.conf(5): what is read, what is refused, and what must change.
 */
#include <string.h>

#include "libpolicy/network.h"
#include "net/fib.h"
#include "net/if.h"
#include "test.h"

#define BASE								\
	"interface wan0 create packet eth0\n"				\
	"interface wan0 description \"to the provider\"\n"		\
	"interface wan0 inet 192.0.2.1/24\n"				\
	"interface lan0 create packet eth1 inet 10.1.0.1 netmask 255.255.255.0\n" \
	"interface lan0 inet 10.1.1.1/24 alias\n"			\
	"route add default 192.0.2.254\n"				\
	"route add -reject 10.0.0.0/8	# a comment\n"

static char *
print(const struct network *ne)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	network_print(ne, out);
	(void)fclose(out);
	return text;
}

static bool
parse(struct network *ne, const char *body, char *complaint, size_t cap)
{
	struct policy_text text = { "t", body, strlen(body) };
	struct policy_errors errs;
	bool ok;

	memset(&errs, 0, sizeof(errs));
	memset(ne, 0, sizeof(*ne));
	ok = network_parse(ne, &text, &errs);
	if (!ok)
		(void)snprintf(complaint, cap, "%u:%u: %s",
		    errs.per_list[0].pe_line, errs.per_list[0].pe_col,
		    errs.per_list[0].pe_msg);
	policy_errors_free(&errs);
	return ok;
}

static void
round_trip(void)
{
	static const char *const texts[] = {
		"", "# nothing\n\n", BASE,
		"ifconfig a create tap up\nifconfig a mtu 1400 down\n",
		"interface a create tap\nroute add 10.0.0.0/8 -iface a\n",
		"interface enc0 inet 10.9.9.9/32\n",
		"route add -mtu 1400 -priority 7 10.0.0.0 192.0.2.1 255.0.0.0",
		"interface a create pktgen size=64,flows=3 mtu 9000\n",
	};

	for (size_t i = 0; i < TEST_COUNT(texts); i++) {
		struct network ne, again;
		char why[300] = "", *a, *b;

		test_row("%.40s", texts[i]);
		CU_ASSERT_TRUE(parse(&ne, texts[i], why, sizeof(why)));
		a = print(&ne);
		CU_ASSERT_TRUE(parse(&again, a, why, sizeof(why)));
		TEST_STRING(why, "");
		b = print(&again);
		TEST_STRING(b, a);
		network_free(&ne);
		network_free(&again);
		free(a);
		free(b);
	}
}

static void
refused(void)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "foo\n", "1:1: a line begins" },
		{ "\ninterface\n", "2:10: an interface expected" },
		{ "interface a up\n", "1:11: nothing above creates a" },
		{ "interface a create\n", "1:19: a driver" },
		{ "interface lo0 create tap\n", "1:11: lo0 exists" },
		{ "interface a create tap\ninterface a create tap\n", "2:11: a exists" },
		{ "interface a create tap inet\n", "1:28: an address" },
		{ "interface a create tap inet x\n", "1:29: not an IPv4" },
		{ "interface a create tap inet 10.0.0.1\n", "say how long" },
		{ "interface a create tap inet 10.0.0.1/33\n", "1 to 32" },
		{ "interface a create tap inet ::1/64\n", "not an IPv4" },
		{ "interface a create tap inet 10.0.0.1 netmask 255.0.255.0\n", "netmask" },
		{ "interface a create tap mtu 12\n", "from 68 to 65535" },
		{ "interface a create tap inet 10.0.0.1/8\n"
		  "interface a inet 10.0.0.1/8 alias\n", "2:18: the interface has" },
		{ "interface a create tap x destroy\n", "unknown word 'destroy'" },
		{ "interface an-interface-with-a-long-name create tap\n", "longer than" },
		{ "interface a create tap description \"open\n", "1:36: a quote" },
		{ "interface a create tap description a\"b\"\n", "1:37: a quote within" },
		{ "route\n", "only 'route add'" },
		{ "route delete default\n", "only 'route add'" },
		{ "route add\n", "a destination expected" },
		{ "route add default\n", "name the gateway" },
		{ "route add 10.1.0.0 192.0.2.1 255.0.0.0\n", "the destination has" },
		{ "route add -foo default 192.0.2.1\n", "1:11: unknown option" },
		{ "route add default 192.0.2.1 x\n", "should end here" },
		{ "route add -mtu\n", "an MTU expected" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct network ne;
		char why[300] = "";

		test_row("%.60s", cases[i].text);
		CU_ASSERT_FALSE(parse(&ne, cases[i].text, why, sizeof(why)));
		if (strstr(why, cases[i].why) == NULL)
			TEST_STRING(why, cases[i].why);
		network_free(&ne);
	}
}

/* What netkern would list for a text. */
static void
as_listed(struct network *ne)
{
	for (size_t i = 0; i < ne->ne_nifs; i++)
		ne->ne_if[i].ci_index = (uint16_t)(i + 1);
	for (size_t i = 0; i < ne->ne_nroutes; i++) {
		struct ctl_route *cr = &ne->ne_route[i];

		cr->cr_flags |= RT_F_STATIC;
		if (cr->cr_gw.ad_af != 0) {
			cr->cr_flags |= RT_F_GATEWAY;
			memcpy(cr->cr_ifname, "wan0", 5);
		}
	}
}

static void
plans(void)
{
	static const struct { const char *name, *from, *to, *steps; } cases[] = {
		{ "nothing", BASE, BASE, "" },
		{ "all", "", "interface a create tap inet 10.0.0.1/8\n"
		  "route add default 10.0.0.2\n",
		  "interface a create tap \ninterface a mtu 1500\n"
		  "interface a inet 10.0.0.1/8 alias\ninterface a up\n"
		  "route add default 10.0.0.2\n" },
		{ "another gateway: the new one first", BASE,
		  BASE "route add default 192.0.2.253\n",
		  "route add default 192.0.2.253\n" },
		{ "an address goes before one comes",
		  "interface a create tap inet 10.0.0.1/8\n",
		  "interface a create tap inet 10.0.0.2/8\n",
		  "interface a without inet 10.0.0.1/8\n"
		  "interface a inet 10.0.0.2/8 alias\n" },
		{ "another device", "interface a create tap x up\n",
		  "interface a create tap y up\n",
		  "interface a destroy\ninterface a create tap y\n"
		  "interface a mtu 1500\ninterface a up\n" },
		{ "gone", "interface a create tap\nroute add -reject 10.0.0.0/8\n",
		  "", "interface a destroy\nwithout route add -reject 10.0.0.0/8\n" },
		{ "another way to the same place",
		  "route add -mtu 1400 10.0.0.0/8 192.0.2.1\n",
		  "route add -mtu 1300 10.0.0.0/8 192.0.2.1\n",
		  "without route add -mtu 1400 10.0.0.0/8 192.0.2.1\n"
		  "route add -mtu 1300 10.0.0.0/8 192.0.2.1\n" },
		{ "the words", "interface a create tap\n",
		  "interface a create tap up mtu 1400 description b\n",
		  "interface a mtu 1400\ninterface a description \"b\"\n"
		  "interface a up\n" },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct network_plan np = { 0 };
		struct network from, to;
		char why[300], *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		test_row("%s", cases[i].name);
		CU_ASSERT_TRUE(parse(&from, cases[i].from, why, sizeof(why)));
		CU_ASSERT_TRUE(parse(&to, cases[i].to, why, sizeof(why)));
		as_listed(&from);
		network_plan_ifs(&np, &to, from.ne_if, from.ne_nifs);
		network_plan_routes(&np, &to, from.ne_route, from.ne_nroutes);
		for (size_t k = 0; k < np.np_n; k++)
			network_step_print(&np.np_step[k], out);
		(void)fclose(out);
		TEST_STRING(text, cases[i].steps);
		free(text);
		network_plan_free(&np);
		network_free(&from);
		network_free(&to);
	}
}

/* What no text says is no more than the device takes; what it says is as said. */
static void
mtus(void)
{
	static const struct { const char *name, *text; unsigned have; bool most;
	    unsigned asked; bool less; } cases[] = {
		{ "usual, of one that takes it", "", 1500, false, 0, false },
		{ "usual, of one that has more", "", 9000, false, 1500, true },
		{ "usual, of one that was given less", "", 1300, false, 1500, true },
		{ "usual, of one that takes no more", "", 1460, true, 0, false },
		{ "1500 is the usual", "mtu 1500", 1460, true, 0, false },
		{ "as said", "mtu 1600", 1500, true, 1600, false },
		{ "less", "mtu 1400", 1460, true, 1400, false },
	};

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		struct network_plan np = { 0 };
		struct network ne;
		struct ctl_if have;
		char why[300], text[80];

		test_row("%s", cases[i].name);
		(void)snprintf(text, sizeof(text), "interface a create tap %s\n",
		    cases[i].text);
		CU_ASSERT_TRUE(parse(&ne, text, why, sizeof(why)));
		have = ne.ne_if[0];
		have.ci_mtu = (uint16_t)cases[i].have;
		have.ci_most = cases[i].most;
		network_plan_ifs(&np, &ne, &have, 1);
		CU_ASSERT_EQUAL(np.np_n, cases[i].asked != 0);
		if (np.np_n == 1) {
			CU_ASSERT_EQUAL(np.np_step[0].ns_if.ci_mtu, cases[i].asked);
			CU_ASSERT_EQUAL(np.np_step[0].ns_if.ci_most != 0, cases[i].less);
		}
		network_plan_free(&np);
		network_free(&ne);
	}
}

TEST_MAIN(
	TEST("normal form reads to itself", round_trip),
	TEST("what is refused, and where", refused),
	TEST("what must change", plans),
	TEST("an MTU, and what the device takes", mtus))
