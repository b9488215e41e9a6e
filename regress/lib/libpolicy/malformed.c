/* SPDX-License-Identifier: ISC */
/*
 * 10,000 texts with mistakes, made from good ones by a fixed sequence: each
 * is refused with at least one complaint that has a place and a text, and
 * after every 1,000 the good ones load as before.
 */
#include "libpolicy/policy.h"
#include "test.h"

enum { REFUSALS = 10000 };

static const char *const good[] = {
	"lan = \"10.1.0.0/16\"\nflow esp proto { tcp udp } from $lan port 80 "
	"to { 10.2.0.0/16 10.3.0.0/16 } local 192.0.2.1 peer 192.0.2.2 type "
	"require\n",
	"flow in from 10.1.0.0/16 to any type bypass\n",
	"esp transport from 192.0.2.1 to 192.0.2.2 spi 0x1001 auth "
	"hmac-sha2-256 enc aes-128 authkey 0x000102030405060708090a0b0c0d0e0f"
	"101112131415161718191a1b1c1d1e1f enckey "
	"0x000102030405060708090a0b0c0d0e0f\n",
	"set passive\nikev2 \"paris\" active esp from 10.1.0.0/24 to "
	"10.2.0.0/24 local 192.0.2.1 peer 192.0.2.2 ikesa enc aes-256-gcm prf "
	"hmac-sha2-256 group curve25519 childsa enc aes-128-gcm esn srcid "
	"a.example dstid b@example ikelifetime 4h lifetime 20m bytes 512M psk "
	"\"correct horse battery staple\" tag vpn\n",
	"ikev2 \"old\" from 10.1.0.0/24 to { 10.2.0.0/24 10.3.0.0/24 } peer "
	"192.0.2.2 ikesa { aes256-sha384-ecp384, weak \"aes256-sha1-modp1024\" } "
	"childsa enc aes-256 auth { hmac-sha2-256 weak sha1 } group weak grp2 "
	"noesn psk \"correct horse battery staple\"\n",
	("flow from em0:network to 10.2.0.0/16 local em0 peer 192.0.2.2 type "
	"use\nset nostickyaddress\nset dpd_check_interval 2m\n"),
};

/* Read whole and refused by name, whatever else is wrong with them. */
static const char *const refused[] = {
	"ike passive esp tunnel proto tcp rdomain 1 from 10.1.0.0/16 port 80 to "
	"10.2.0.0/16 local 192.0.2.1 peer 192.0.2.2 main auth hmac-sha1 enc aes "
	"group modp1024 lifetime 3600 quick auth hmac-sha2-256 enc aes-256 comp "
	"deflate group none lifetime 20m srcid a dstid b psk \"x\" tag t tap "
	"enc1\n",
	"ike dynamic from em0 to any aggressive enc 3des lifetime 1h ecdsa256 "
	"interface sec0\n",
	"ah transport from 192.0.2.1 to 192.0.2.2 spi 0x1001:0x1002 auth "
	"hmac-sha2-256 authkey 0x00010203:0x04050607 bundle \"b\"\n",
	"ipcomp from 192.0.2.1 to 192.0.2.2 cpi 0x1001 comp deflate\n",
	"ipip tunnel from 192.0.2.1 to 192.0.2.2 spi 0x1001\n",
	"tcpmd5 from 192.0.2.1 to 192.0.2.2 spi 0x1001 authkey 0x00010203\n",
	"esp from 192.0.2.1 to 192.0.2.2 spi 0x1001 comp lzs authkey 0x00 enckey "
	"0x01 udpencap port 4500\n",
	"flow ah from 10.1.0.0/16 to 10.2.0.0/16 peer 192.0.2.2 srcid a dstid b "
	"type acquire\n",
	"ikev2 \"x\" skip ipcomp tunnel natt rdomain 1 from dynamic (10.9.0.0/16) "
	"to 10.2.0.0/24 peer 192.0.2.2 eap \"mschap-v2\" config address "
	"10.0.0.0/24 request name-server any iface sec0 tap enc1\n",
	"set ocsp \"http://x/\" tolerate 15 maxage 2h\nset certdir \"/x\"\n"
	"user \"alice\" \"secret\"\n",
};

static uint64_t state = 0x9e3779b97f4a7c15ull;

static size_t
below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

/* One place of the text is deleted, doubled, overwritten or cut off. */
static size_t
mutate(char *text, size_t len)
{
	static const char bytes[] = "\0{}()\"$\\#=,/:.-0aZ\n \xff";
	size_t at = below(len), n = 1 + below(8);

	if (n > len - at)
		n = len - at;
	switch (below(5)) {
	case 0:
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 1:
		memmove(text + at + n, text + at, len - at);
		return len + n;
	case 2:
		for (size_t i = 0; i < n; i++)
			text[at + i] = bytes[below(sizeof(bytes) - 1)];
		return len;
	case 3:
		return at;
	default:
		text[at] ^= (char)(1 << below(8));
		return len;
	}
}

static size_t
interface(void *arg, const char *name, struct policy_ifaddr *out, size_t max,
    const char **why)
{
	(void)arg;
	*why = "no interface of that name";
	if (strcmp(name, "em0") != 0 || max == 0)
		return 0;
	memset(out, 0, sizeof(*out));
	out->pi_len = 24;
	return addr_parse("192.0.2.9", &out->pi_addr);
}

/* True if loaded; otherwise the complaint must be whole. */
static bool
load(const char *text, size_t len, bool *clear)
{
	struct policy_env env = { .env_iface = interface };
	struct policy_text tx = { "text", text, len };
	struct policy_errors errs;
	struct policy pol;
	bool ok;

	memset(&errs, 0, sizeof(errs));
	policy_init(&pol);
	ok = policy_parse(&pol, &tx, &env, NULL, 0, &errs) &&
	    policy_finish(&pol, &errs);
	*clear = ok ? errs.per_n == 0 : errs.per_n != 0;
	for (unsigned i = 0; i < errs.per_n; i++) {
		const struct policy_error *pe = &errs.per_list[i];

		*clear &= strcmp(pe->pe_file, "text") == 0 &&
		    pe->pe_line >= 1 && pe->pe_col >= 1 &&
		    strlen(pe->pe_msg) > 5;
	}
	policy_errors_free(&errs);
	policy_free(&pol);
	return ok;
}

static void
good_texts(void)
{
	for (size_t i = 0; i < TEST_COUNT(good); i++) {
		bool clear;

		CU_ASSERT_TRUE(load(good[i], strlen(good[i]), &clear) && clear);
	}
}

static void
malformed(void)
{
	unsigned refusals = 0, unclear = 0, tried = 0;
	char text[2048];

	good_texts();
	while (refusals < REFUSALS && tried < 10 * REFUSALS) {
		const char *from = good[below(TEST_COUNT(good))];
		size_t len = strlen(from);
		bool clear;

		tried++;
		memcpy(text, from, len);
		for (size_t n = 1 + below(3); n > 0 && len > 0; n--)
			len = mutate(text, len);
		refusals += !load(text, len, &clear);
		if (!clear && unclear++ < 3)
			printf("not refused clearly: %.*s\n", (int)len, text);
		if (refusals % 1000 == 0)
			good_texts();
	}
	CU_ASSERT_EQUAL(refusals, REFUSALS);
	CU_ASSERT_EQUAL(unclear, 0);
}

/* What is refused by name stays refused, and clearly so. */
static void
malformed_refused(void)
{
	unsigned unclear = 0, loaded = 0;
	char text[2048];

	for (unsigned i = 0; i < REFUSALS; i++) {
		const char *from = refused[i % TEST_COUNT(refused)];
		size_t len = strlen(from);
		bool clear;

		memcpy(text, from, len);
		for (size_t n = i < TEST_COUNT(refused) ? 0 : 1 + below(3);
		    n > 0 && len > 0; n--)
			len = mutate(text, len);
		if (load(text, len, &clear))
			loaded += i < TEST_COUNT(refused);
		if (!clear && unclear++ < 3)
			printf("not refused clearly: %.*s\n", (int)len, text);
	}
	CU_ASSERT_EQUAL(loaded, 0);
	CU_ASSERT_EQUAL(unclear, 0);
	good_texts();
}

TEST_MAIN(
	TEST("10,000 malformed texts are refused clearly", malformed),
	TEST("10,000 of what is refused by name", malformed_refused))
