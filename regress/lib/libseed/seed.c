/* SPDX-License-Identifier: ISC */
/*
 * seed.conf: what is read of it, its digest, and every way to cut it short
 * or to spoil one of its bytes.
 */
#include "libseed/seed.h"
#include "test.h"

static const char whole[] =
	"hostname gw\n"
	"nic wan0 mac 52:54:00:00:00:01\n"
	"nic lan0 pci 2\n"
	"### network.conf\n"
	"interface lan0 create packet lan0 inet 10.1.0.1/24\n"
	"### pf.conf\n"
	"block all\n"
	"pass on lan0 inet\n";

static struct seed sd;
static struct policy_errors errs;
static FILE *nowhere;

static bool
parse(const char *body, size_t len)
{
	struct policy_text text = { "seed.conf", body, len };
	bool ok = seed_parse(&sd, &text, &errs);

	CU_ASSERT_EQUAL(ok, errs.per_n == 0);
	ok = seed_check(&sd, &errs, nowhere) && ok;
	policy_errors_free(&errs);
	return ok;
}

static void
statements(void)
{
	CU_ASSERT(parse(whole, strlen(whole)));
	TEST_STRING(sd.sd_hostname, "gw");
	CU_ASSERT_EQUAL(sd.sd_nnics, 2);
	TEST_STRING(sd.sd_nic[0].sn_name, "wan0");
	TEST_BYTES(sd.sd_nic[0].sn_mac, "\x52\x54\0\0\0\1", 6);
	TEST_STRING(sd.sd_nic[0].sn_text, "mac 52:54:00:00:00:01");
	CU_ASSERT_EQUAL(sd.sd_nic[1].sn_how, SEED_NIC_PCI);
	CU_ASSERT_EQUAL(sd.sd_nic[1].sn_place, 2);
}

static void
parts(void)
{
	struct policy_texts tx = { 0 };

	CU_ASSERT(parse(whole, strlen(whole)));
	CU_ASSERT(seed_has_policy(&sd));
	CU_ASSERT(seed_texts(&sd, &tx));
	CU_ASSERT_EQUAL_FATAL(tx.tx_n, 2);
	CU_ASSERT_EQUAL(tx.tx_v[0].ti_part, POLICY_PART_PF);
	TEST_STRING(tx.tx_v[0].ti_body, "block all\npass on lan0 inet\n");
	TEST_STRING(tx.tx_v[1].ti_name, "network.conf");
	TEST_STRING(tx.tx_v[1].ti_body,
	    "interface lan0 create packet lan0 inet 10.1.0.1/24\n");
	policy_texts_free(&tx);
	CU_ASSERT_EQUAL(sd.sd_part[POLICY_PART_PF].sp_line, 7);
	CU_ASSERT(parse("hostname a\n", 11));
	CU_ASSERT_FALSE(seed_has_policy(&sd));
}

/* As Windows' editors save it: the stored revision has none of it. */
static void
dos(void)
{
	static const char body[] = "\xef\xbb\xbfhostname a\r\n### pf.conf \r\n"
	    "block \\\r\n all\r\n# \r.\r\n";
	struct policy_texts tx = { 0 };

	CU_ASSERT(parse(body, sizeof(body) - 1));
	TEST_STRING(sd.sd_hostname, "a");
	CU_ASSERT(seed_texts(&sd, &tx));
	CU_ASSERT_EQUAL_FATAL(tx.tx_n, 1);
	TEST_STRING(tx.tx_v[0].ti_body, "block \\\n all\n# \r.\n");
	CU_ASSERT_EQUAL(tx.tx_v[0].ti_len, strlen(tx.tx_v[0].ti_body));
	policy_texts_free(&tx);
}

/* FIPS 180-4: SHA-256 of "abc" (its example) and of nothing. */
static void
digest(void)
{
	uint8_t want[SEED_DIGEST];

	test_row("abc");
	(void)parse("abc", 3);
	test_hex("ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 96177a9c "
	    "b410ff61 f20015ad", want, sizeof(want));
	TEST_BYTES(sd.sd_digest, want, sizeof(want));
	test_row("nothing");
	CU_ASSERT(parse("", 0));
	test_hex("e3b0c442 98fc1c14 9afbf4c8 996fb924 27ae41e4 649b934c "
	    "a495991b 7852b855", want, sizeof(want));
	TEST_BYTES(sd.sd_digest, want, sizeof(want));
}

/* From memory that ends where the text ends: the sanitizer watches. */
static void
cut_short(void)
{
	for (size_t n = 0; n <= strlen(whole); n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, whole, n);
		copy = realloc(copy, n == 0 ? 1 : n);
		(void)parse(copy, n);
		free(copy);
	}
}

static void
spoilt(void)
{
	static const char bytes[] = { 0, '\n', '"', '#', ' ', '\xff', '\r', '{' };
	char copy[sizeof(whole)];

	for (size_t i = 0; i < strlen(whole); i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			memcpy(copy, whole, sizeof(whole));
			copy[i] = bytes[b];
			(void)parse(copy, strlen(whole));
		}
	}
	CU_ASSERT(parse(whole, strlen(whole)));
}

static void
limits(void)
{
	char text[8192] = "", name[80];
	struct policy_text large = { "seed.conf", whole, SEED_MAX + 1 };
	size_t n = 0;

	test_row("65 cards");
	for (unsigned i = 0; i <= SEED_NICS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "nic lan%u pci %u\n", i, i + 1);
	CU_ASSERT_FALSE(parse(text, n));
	CU_ASSERT_EQUAL(sd.sd_nnics, SEED_NICS_MAX);
	test_row("a host name of 64 characters");
	memset(name, 'a', 64);
	n = (size_t)snprintf(text, sizeof(text), "hostname %.64s\n", name);
	CU_ASSERT_FALSE(parse(text, n));
	n = (size_t)snprintf(text, sizeof(text), "hostname %.63s\n", name);
	CU_ASSERT(parse(text, n));
	test_row("a word of 200 characters");
	memset(text, 'x', 200);
	CU_ASSERT_FALSE(parse(text, 200));
	test_row("too large");
	large.tx_body = calloc(1, SEED_MAX + 1);
	CU_ASSERT_FALSE(seed_parse(&sd, &large, &errs));
	policy_errors_free(&errs);
	free((void *)(uintptr_t)large.tx_body);
}

static void
cards_file(void)
{
	char path[300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/nics", getenv("TMPDIR"));
	test_row("no file");
	CU_ASSERT(seed_nics(&sd, path));
	CU_ASSERT_EQUAL(sd.sd_nnics, 0);
	test_row("a file");
	f = fopen(path, "w");
	fputs("nic wan0 mac 52:54:00:00:00:01\n", f);
	fclose(f);
	CU_ASSERT(seed_nics(&sd, path));
	CU_ASSERT_EQUAL(sd.sd_nnics, 1);
	test_row("the path is a folder");
	CU_ASSERT_FALSE(seed_nics(&sd, "/"));
}

static void
open_nowhere(void)
{
	nowhere = fopen("/dev/null", "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(nowhere);
}

TEST_MAIN(
	TEST("complaints go nowhere", open_nowhere),
	TEST("statements", statements),
	TEST("parts", parts),
	TEST("of a DOS editor", dos),
	TEST("digest", digest),
	TEST("cut short at each byte", cut_short),
	TEST("each byte spoilt", spoilt),
	TEST("limits", limits),
	TEST("the file of cards", cards_file))
