/* SPDX-License-Identifier: ISC */
/*
 * The header of an upgrade file: it comes back as it was written, and no bit
 * of it can be turned without notice.
 */
#include <sodium.h>

#include "../../../sbin/upgrade/upgrade.h"
#include "test.h"

static uint8_t public[UPGRADE_PUBLIC], secret[UPGRADE_SECRET];
static uint8_t header[UPGRADE_HEADER];
static struct upgrade ug = {
	.ug_serial = 7, .ug_version = "1.2.3", .ug_machine = "x86_64",
	.ug_part = { { 512, 100, { 1 } }, { 612, 200, { 2 } } }, .ug_len = 812,
};

/* RFC 8032 section 7.1, test 1: the keys; the rest of libsodium is its own. */
static void
keys(void)
{
	uint8_t seed[32], want[UPGRADE_PUBLIC];

	test_hex("9d61b19d effd5a60 ba844af4 92ec2cc4 4449c569 7b326919"
	    "703bac03 1cae7f60", seed, sizeof(seed));
	test_hex("d75a9801 82b10ab7 d54bfed3 c964073a 0ee172f3 daa62325"
	    "af021a68 f707511a", want, sizeof(want));
	CU_ASSERT(sodium_init() != -1);
	CU_ASSERT_EQUAL(crypto_sign_seed_keypair(public, secret, seed), 0);
	TEST_BYTES(public, want, sizeof(want));
}

static void
there_and_back(void)
{
	const char *why = "";
	struct upgrade got;

	upgrade_build(&ug, secret, header);
	CU_ASSERT(upgrade_parse(header, public, &got, &why));
	TEST_STRING(got.ug_version, "1.2.3");
	TEST_STRING(got.ug_machine, "x86_64");
	CU_ASSERT_EQUAL(got.ug_serial, 7);
	CU_ASSERT_EQUAL(got.ug_len, 812);
	CU_ASSERT_EQUAL(got.ug_part[1].up_off, 612);
	CU_ASSERT_EQUAL(got.ug_part[1].up_digest[0], 2);
}

static void
every_bit(void)
{
	const char *why = "";
	struct upgrade got = { .ug_serial = 99 };
	unsigned taken = 0;

	upgrade_build(&ug, secret, header);
	for (unsigned i = 0; i < UPGRADE_HEADER * 8; i++) {
		header[i / 8] ^= (uint8_t)(1 << i % 8);
		taken += upgrade_parse(header, public, &got, &why);
		header[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CU_ASSERT_EQUAL(taken, 0);
	CU_ASSERT_EQUAL(got.ug_serial, 99);	/* not touched */
}

/* Signed by us, and senseless all the same. */
static void
senseless(void)
{
	static const struct {
		const char	*name;
		struct upgrade	 ug;
	} cases[] = {
		{ "no version", { .ug_machine = "m",
		    .ug_part = { { 512, 1, { 0 } }, { 513, 1, { 0 } } }, .ug_len = 514 } },
		{ "a version with a blank", { .ug_version = "1 2", .ug_machine = "m",
		    .ug_part = { { 512, 1, { 0 } }, { 513, 1, { 0 } } }, .ug_len = 514 } },
		{ "a gap", { .ug_version = "1", .ug_machine = "m",
		    .ug_part = { { 512, 1, { 0 } }, { 514, 1, { 0 } } }, .ug_len = 515 } },
		{ "an empty part", { .ug_version = "1", .ug_machine = "m",
		    .ug_part = { { 512, 0, { 0 } }, { 512, 1, { 0 } } }, .ug_len = 513 } },
		{ "a part without end", { .ug_version = "1", .ug_machine = "m",
		    .ug_part = { { 512, UINT64_MAX, { 0 } }, { 511, 1, { 0 } } },
		    .ug_len = 512 } },
		{ "another length", { .ug_version = "1", .ug_machine = "m",
		    .ug_part = { { 512, 1, { 0 } }, { 513, 1, { 0 } } }, .ug_len = 515 } },
	};
	struct upgrade got;
	const char *why;

	for (size_t i = 0; i < TEST_COUNT(cases); i++) {
		test_row("%s", cases[i].name);
		why = "";
		upgrade_build(&cases[i].ug, secret, header);
		CU_ASSERT_FALSE(upgrade_parse(header, public, &got, &why));
		TEST_STRING(why, "the header makes no sense");
	}
}

TEST_MAIN(
	TEST("keys", keys),
	TEST("there and back", there_and_back),
	TEST("every bit counts", every_bit),
	TEST("senseless headers", senseless))
