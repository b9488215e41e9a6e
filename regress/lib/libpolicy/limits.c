/* SPDX-License-Identifier: ISC */
/*
 * Texts that are too large in one way or another, and bytes that no editor
 * writes: each is refused with the message that says how much is allowed.
 */
#include "libpolicy/policy.h"
#include "test.h"

enum { TEXT_MAX = 1 << 21 };

static char text[TEXT_MAX];
static size_t len;

static void
put(const char *s)
{
	size_t n = strlen(s);

	if (n > TEXT_MAX - len)
		n = TEXT_MAX - len;
	memcpy(text + len, s, n);
	len += n;
}

/* n numbers from base on, each between two texts. */
static void
repeat(unsigned n, const char *before, const char *after, unsigned base)
{
	char word[32];

	for (unsigned i = 0; i < n; i++) {
		put(before);
		(void)snprintf(word, sizeof(word), "%u", base + i);
		put(word);
		put(after);
	}
}

/* As many addresses as are asked for, or one of IPv6. */
static size_t
interface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	bool six = strcmp(name, "six0") == 0;

	(void)arg;
	(void)why;
	memset(out, 0, max * sizeof(*out));
	for (size_t i = 0; i < max; i++) {
		(void)addr_parse(six ? "2001:db8::1" : "10.1.0.1",
		    &out[i].pi_addr);
		out[i].pi_addr.ad_bytes[3] = (uint8_t)i;
		out[i].pi_len = six ? 64 : 24;
	}
	return six ? 1 : max;
}

/* The first complaint about the text. */
static void
complaint(char *out, size_t cap)
{
	struct policy_env env = { .env_iface = interface };
	struct policy_text tx = { "text", text, len };
	static struct policy_errors errs;
	struct policy pol;

	policy_init(&pol);
	if (policy_parse(&pol, &tx, &env, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs))
		(void)snprintf(out, cap, "loaded");
	else
		(void)snprintf(out, cap, "%u:%u: %s",
		    errs.per_list[0].pe_line, errs.per_list[0].pe_col,
		    errs.per_list[0].pe_msg);
	policy_errors_free(&errs);
	policy_free(&pol);
	len = 0;
}

static void
expect(const char *want)
{
	char got[600];

	test_row("%s", want);
	complaint(got, sizeof(got));
	TEST_STRING(got, want);
}

static void
tokens(void)
{
	put("flow from ");
	for (unsigned i = 0; i < 32769; i++)
		put("x");
	expect("1:11: word longer than 32768 bytes");
	put("flow from \"");
	for (unsigned i = 0; i < 32769; i++)
		put("x");
	put("\"\n");
	expect("1:11: string longer than 32768 bytes");
	put("include \"a b\"\n");
	text[10] = '\0';
	expect("1:9: string holds a zero byte");
	put("flow from \001\n");
	expect("1:11: byte 0x01 means nothing here");
	put("flow from x\n");
	text[10] = '\0';
	expect("1:11: byte 0x00 means nothing here");
	put("flow from {");
	repeat(1 << 18, " ", "", 0);
	put(" }\n");
	expect("1:1: statement is too long");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 srcid \"a\tb\"\n");
	expect("1:45: a control character cannot stand in an identity");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 srcid \"");
	repeat(64, "xxx", "", 10);
	expect("1:45: string is not closed on its line");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 srcid \"");
	repeat(64, "xxx", "", 10);
	put("\"\n");
	expect("1:45: an identity has 1 to 255 bytes");
}

static void
macros(void)
{
	for (unsigned i = 0; i < 9; i++) {
		put(i == 0 ? "a = " : " ");
		for (unsigned j = 0; j < 30000; j++)
			put("x");
	}
	put("\n");
	expect("1:1: the macro's value has more than 262144 bytes");
	put("m0 = \"10.1.0.0/16\"\n");
	for (unsigned i = 1; i < 20; i++) {
		repeat(1, "m", " = \"$m", i);
		repeat(1, "", "\"\n", i - 1);
	}
	put("flow from $m19 to any type deny\n");
	expect("21:11: macros are nested too deeply or too many");
}

static void
lists(void)
{
	put("flow from {");
	repeat(4097, " 10.1.0.0/", "", 0);
	put(" } to any type deny\n");
	expect("1:399: '10.1.0.0/33' is not a network: 192.0.2.0/24 or "
	    "2001:db8::/32 expected");
	put("flow proto tcp from any port {");
	repeat(4097, " ", "", 1);
	put(" } to any type deny\n");
	expect("1:19405: list of more than 4096 elements");
	put("flow from {");
	repeat(17, " em", "", 0);
	put(" } to any type deny\n");
	expect("1:83: more than 4096 addresses");
	put("flow from 10.1.0.0/16 to 10.2.0.0/16 local six0 peer 192.0.2.2\n");
	expect("1:44: interface 'six0' has no IPv4 address, and the end of an "
	    "SA needs one");
	put("flow proto tcp from 10.1.0.0/16 port {");
	repeat(600, " ", "", 1);
	put(" } to 10.2.0.0/16 port {");
	repeat(600, " ", "", 1);
	put(" } type deny\n");
	expect("1:1: more than 262144 flows");
	put("ikev2 proto tcp from 10.1.0.0/24 port {");
	repeat(40, " ", "", 1);
	put(" } to 10.2.0.0/24 port {");
	repeat(40, " ", "", 1);
	put(" } psk \"correct horse battery staple\"\n");
	expect("1:1: a rule has at most 1024 selectors");
}

static void
values(void)
{
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 childsa weak aes128-aes192-"
	    "aes256-aes128ctr-aes192ctr-aes256ctr-null-sha256-sha384-sha512-"
	    "sha1-curve25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096-"
	    "modp6144-modp8192-modp1536-modp1024-modp768-esn-noesn\n");
	expect("1:52: a proposal has at most 24 algorithms");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 ikesa aes256--sha256\n");
	expect("1:45: 'aes256--sha256' is not a proposal");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24");
	for (unsigned i = 0; i < 9; i++)
		put(" ikesa aes256-sha256-ecp384");
	expect("1:261: a rule has at most 8 proposals");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 psk 0x");
	repeat(172, "", "", 100);
	put("\n");
	expect("1:43: a key has at most 256 bytes");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 psk sealed \"0x1\"\n");
	expect("1:50: '0x1' is not the number of a sealed key");
	put("ikev2 from 10.1.0.0/24 to 10.2.0.0/24 psk sealed \"1:2:3\"\n");
	expect("1:50: no sealed key 1 is known here");
}

TEST_MAIN(
	TEST("tokens", tokens),
	TEST("macros", macros),
	TEST("lists", lists),
	TEST("values", values))
