/* SPDX-License-Identifier: ISC */
/*
 * A good configuration cut off at every byte, with every byte changed, and
 * with words of the language thrown together: always rules or complaints,
 * never both, and complaints that are well formed.
 */
#include "libpf/pf.h"
#include "test.h"

static const char good[] =
    "ext = \"em0\"\nweb = \"{ 80, 443 }\"\n"
    "table <bad> persist { 1.2.3.4 !10.1.0.0/16 }\n"
    "set skip on lo0\nset timeout { tcp.first 30, udp.single 5 }\n"
    "block return log all # comment\n"
    "pass in quick on $ext inet proto tcp from any to 10.0.0.0/8 port $web \\\n"
    "    flags S/SA keep state label \"web $dstport\"\n"
    "pass in on { em1 em2 } proto { tcp udp } from <bad> to ! 192.168.0.1 port domain\n"
    "pass proto icmp icmp-type { echoreq unreach code needfrag }\n"
    "pass in proto udp from port 1000:2000 to self port 5 >< 9 no state tag x\n"
    "block return-icmp(host-unr) quick on ! em0 from (em0:network) to em1 tagged y\n"
    "pass probability 20%\n";

static unsigned accepted, refused;

static void
feed(const char *text, size_t len)
{
	struct pf_conf pc;
	bool ok = pf_parse(&pc, "f", text, len, NULL);

	if (ok) {
		accepted++;
		if (pc.pc_errors != NULL || pc.pc_nerrors != 0)
			CU_FAIL("rules and complaints");
	} else {
		refused++;
		if (pc.pc_errors == NULL || pc.pc_nrules != 0 || pc.pc_nerrors == 0 ||
		    strncmp(pc.pc_errors, "f:", 2) != 0)
			CU_FAIL("no complaint, or rules beside it");
	}
	pf_conf_free(&pc);
}

static void
still_good(void)
{
	struct pf_conf pc;

	CU_ASSERT_TRUE(pf_parse(&pc, "f", good, strlen(good), NULL));
	CU_ASSERT_EQUAL(pc.pc_nrules, 12);
	pf_conf_free(&pc);
}

static void
cut(void)
{
	for (size_t n = 0; n < sizeof(good); n++)
		feed(good, n);
	CU_ASSERT_TRUE(refused > 300);
	still_good();
}

static void
bytes(void)
{
	static const char values[] = "\0\n\"{}()<>!=$#,\\ 9aZ\x80\xff/:";
	char text[sizeof(good)];

	for (size_t at = 0; at + 1 < sizeof(good); at++)
		for (size_t v = 0; v + 1 < sizeof(values); v++) {
			memcpy(text, good, sizeof(good));
			text[at] = values[v];
			feed(text, sizeof(good) - 1);
		}
	still_good();
}

static void
words(void)
{
	static const char *const list[] = { "pass", "block", "in", "out", "quick", "on", "em0", "inet",
	    "proto", "tcp", "udp", "icmp", "from", "to", "any", "all", "port", "80", "=", "<", ">",
	    "<>", "><", "!=", "{", "}", "(", ")", "!", "\n", "\n", "table", "<t>", "set", "skip",
	    "timeout", "tcp.first", "$m", "m = \"$m x\"\n", "flags", "S/SA", "keep", "no", "state",
	    "label", "\"x\"", "tag", "tagged", "10.0.0.0/8", "self", "nat-to", "return-icmp",
	    "icmp-type", "echoreq", "code", "1:2", "probability", "5%", "log", "antispoof",
	    "include", "limit", "states", "tos", "persist", "file", "\\\n", "$", "-" };
	uint64_t s = 7;

	refused = 0;
	for (unsigned i = 0; i < 20000; i++) {
		char text[2000];
		size_t n = 0;

		for (unsigned j = 1 + (unsigned)(i % 40); j > 0; j--) {
			s = s * 6364136223846793005u + 1442695040888963407u;
			n += (size_t)sprintf(text + n, "%s ", list[(s >> 33) % TEST_COUNT(list)]);
		}
		feed(text, n);
	}
	CU_ASSERT_TRUE(refused > 10000);
	still_good();
}

/* Macros in macros, lists of lists, lines without end: bounded. */
static void
bombs(void)
{
	char text[200000];
	size_t n = 0;

	test_row("a macro doubles the one before, 40 times");
	n = (size_t)sprintf(text, "m0 = \"10.0.0.1 10.0.0.2\"\n");
	for (unsigned i = 1; i < 40; i++)
		n += (size_t)sprintf(text + n, "m%u = \"$m%u $m%u\"\n", i, i - 1, i - 1);
	n += (size_t)sprintf(text + n, "pass from { $m39 }\n");
	refused = 0;
	feed(text, n);
	CU_ASSERT_EQUAL(refused, 1);
	test_row("lists that multiply to millions");
	n = (size_t)sprintf(text, "pass in proto tcp from {");
	for (unsigned i = 0; i < 500; i++)
		n += (size_t)sprintf(text + n, " 10.0.%u.%u", i >> 8, i & 255);
	n += (size_t)sprintf(text + n, " } to {");
	for (unsigned i = 0; i < 500; i++)
		n += (size_t)sprintf(text + n, " 10.1.%u.%u", i >> 8, i & 255);
	n += (size_t)sprintf(text + n, " }\n");
	feed(text, n);
	CU_ASSERT_EQUAL(refused, 2);
	test_row("braces in braces");
	memset(text, '{', 100000);
	memcpy(text, "pass from ", 10);
	feed(text, 100000);
	CU_ASSERT_EQUAL(refused, 3);
	test_row("more than 20 mistakes");
	n = 0;
	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "pas\n");
	feed(text, n);
	CU_ASSERT_EQUAL(refused, 4);
}

TEST_MAIN(
	TEST("cut off at every byte", cut),
	TEST("every byte changed", bytes),
	TEST("words thrown together", words),
	TEST("bombs", bombs))
