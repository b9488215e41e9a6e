/* SPDX-License-Identifier: ISC */
/*
 * 20,000 malformed messages, made from good ones: each is answered or ignored,
 * none that is refused changes anything, and the socket lives on.
 */
#include "test.h"

#include "talk.h"

static struct pfkey_msg m;
static uint8_t good[16][PFKEY_MSG_MAX];
static size_t good_len[16];
static unsigned ngood;

static void
keep(void)
{
	good_len[ngood] = pfkey_build(&m, good[ngood], PFKEY_MSG_MAX);
	ngood++;
}

static void
goods(void)
{
	struct addr src = at("192.0.2.1"), dst = at("192.0.2.2");

	ngood = 0;
	msg_add(&m, SADB_ADD, 0x9001);
	pfkey_set_natt(&m, 4500, 4500);
	pfkey_set_window(&m, 512);
	pfkey_set_name(&m, "x");
	pfkey_set(&m, SADB_EXT_LIFETIME_HARD);
	m.pm_ident_src.pi_text = "gw.example";
	pfkey_set(&m, SADB_EXT_IDENTITY_SRC);
	keep();
	m.pm_type = SADB_UPDATE;
	keep();
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.8.0.0/16", "10.9.0.0/16");
	keep();
	m.pm_type = SADB_X_SPDUPDATE;
	keep();
	m.pm_type = SADB_X_SPDDELETE;
	keep();
	pfkey_init(&m, SADB_GETSPI, SADB_SATYPE_ESP);
	pfkey_set_ends(&m, &src, &dst);
	m.pm_spi_min = 0x100;
	m.pm_spi_max = 0x200;
	pfkey_set(&m, SADB_EXT_SPIRANGE);
	keep();
	msg_add(&m, SADB_GET, 0x1001);
	m.pm_has &= ~PFKEY_BIT(SADB_EXT_KEY_ENCRYPT);
	keep();
	pfkey_init(&m, SADB_DUMP, SADB_SATYPE_ESP);
	(void)prefix_parse("10.0.0.0/8", &m.pm_filter_dst);
	(void)prefix_parse("10.0.0.0/8", &m.pm_filter_src);
	pfkey_set(&m, SADB_X_EXT_FILTER);
	keep();
}

/* Does an extension end at n? */
static bool
boundary(const uint8_t *buf, size_t len, size_t n)
{
	for (size_t at_ = 16; at_ < len; at_ += (buf[at_] + buf[at_ + 1] * 256u) * 8) {
		if (at_ == n)
			return true;
	}
	return false;
}

/* Damage that leaves no message legal: lengths, structure, version. */
static size_t
damage(uint8_t *buf, size_t len)
{
	size_t n = len;
	unsigned words;

	switch (world_rand(wo) % 6) {
	case 0:				/* truncated, with the length that was */
		return world_rand(wo) % len;
	case 1:				/* truncated within an extension, the length made right */
		do
			n = 16 + 8 * (world_rand(wo) % ((len - 16) / 8));
		while (boundary(buf, len, n));
		words = (unsigned)(n / 8);
		buf[4] = (uint8_t)words;
		buf[5] = 0;
		return n;
	case 2:				/* an extension's length, at the first */
		buf[16] = (uint8_t)(world_rand(wo) % 2 ? 0 : 40 + world_rand(wo) % 200);
		return n;
	case 3:				/* the message's length */
		buf[4] = (uint8_t)(len / 8 + 1 + world_rand(wo) % 100);
		return n;
	case 4:				/* version */
		buf[0] = (uint8_t)(3 + world_rand(wo) % 250);
		return n;
	default:			/* the first extension twice */
		words = buf[16] + buf[17] * 256u;
		memmove(buf + len, buf + 16, words * 8);
		n = len + words * 8;
		buf[4] = (uint8_t)(n / 8);
		buf[5] = (uint8_t)(n / 8 >> 8);
		return n;
	}
}

/* The router as it was. */
static void
furnish(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		msg_add(&m, SADB_ADD, 0x1001 + i);
		CU_ASSERT_EQUAL(say(&carol, &m), 0);
	}
	msg_spd(&m, SADB_X_SPDADD, IPSEC_DIR_OUTBOUND, "10.1.0.0/16", "10.2.0.0/16");
	CU_ASSERT_EQUAL(say(&carol, &m), 0);
}

static void
malformed(void)
{
	unsigned answered = 0, changed = 0, silent = 0;
	uint32_t gen;

	talk_open();
	furnish();
	goods();
	gen = nk_generation(nk);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t buf[2 * PFKEY_MSG_MAX];
		unsigned g = (unsigned)(world_rand(wo) % ngood);
		size_t n;
		int error;

		memcpy(buf, good[g], good_len[g]);
		n = damage(buf, good_len[g]);
		error = say_bytes(&alice, buf, n);
		answered += error > 0;
		silent += error <= 0;
		changed += sad_count(nk) != 3 || spd_count(nk) != 1 || nk_generation(nk) != gen;
		if (i % 1000 == 999) {
			msg_add(&m, SADB_GET, 0x1001);
			m.pm_has &= ~PFKEY_BIT(SADB_EXT_KEY_ENCRYPT);
			CU_ASSERT_EQUAL(say(&alice, &m), 0);
		}
	}
	CU_ASSERT_EQUAL(changed, 0);
	CU_ASSERT_EQUAL(answered, 20000);
	CU_ASSERT_EQUAL(silent, 0);
	talk_close();
}

/* Any bytes at all: whatever is taken for a request, the router stays consistent. */
static void
random_bytes(void)
{
	talk_open();
	furnish();
	goods();
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t buf[PFKEY_MSG_MAX];
		unsigned g = (unsigned)(world_rand(wo) % ngood);
		size_t n = good_len[g];

		memcpy(buf, good[g], n);
		for (unsigned k = 0; k < 1 + world_rand(wo) % 6; k++)
			buf[world_rand(wo) % n] = (uint8_t)world_rand(wo);
		(void)say_bytes(&alice, buf, n);
	}
	sad_flush(nk, 0);
	spd_flush(nk);
	CU_ASSERT_EQUAL(sad_count(nk) + spd_count(nk), 0);
	furnish();
	talk_close();
}

TEST_MAIN(
	TEST("20,000 malformed messages", malformed),
	TEST("20,000 messages with random bytes", random_bytes))
