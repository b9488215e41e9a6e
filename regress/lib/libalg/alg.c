/* SPDX-License-Identifier: ISC */
/*
 * The algorithm table: its rows hold together, and every name and number
 * leads to its row.
 */
#include "libalg/alg.h"

#include <linux/pfkeyv2.h>
#include <strings.h>

#include "test.h"

static const enum alg_kind kinds[] = { ALG_ENCR, ALG_PRF, ALG_INTEG, ALG_DH };

struct word_case {
	enum alg_kind	 kind;
	const char	*word;
	enum alg_row	 row;
	unsigned	 ike_id, ike_bits, sadb, sadb_bits;
};

/* Numbers from IANA's registry and linux/pfkeyv2.h. */
static const struct word_case words[] = {
	{ ALG_ENCR, "aes-128-gcm", ALG_AES_128_GCM, 20, 128,
	    SADB_X_EALG_AES_GCM_ICV16, 160 },
	{ ALG_ENCR, "aes256gcm16", ALG_AES_256_GCM, 20, 256,
	    SADB_X_EALG_AES_GCM_ICV16, 288 },
	{ ALG_ENCR, "AES-256-GCM-12", ALG_AES_256_GCM_12, 19, 256,
	    SADB_X_EALG_AES_GCM_ICV12, 288 },
	{ ALG_ENCR, "aes192gcm8", ALG_AES_192_GCM_8, 18, 192,
	    SADB_X_EALG_AES_GCM_ICV8, 224 },
	{ ALG_ENCR, "aes128ccm16", ALG_AES_128_CCM, 16, 128,
	    SADB_X_EALG_AES_CCM_ICV16, 152 },
	{ ALG_ENCR, "chacha20poly1305", ALG_CHACHA20_POLY1305, 28, 0, 31, 288 },
	{ ALG_ENCR, "aes-128", ALG_AES_128_CBC, 12, 128,
	    SADB_X_EALG_AESCBC, 128 },
	{ ALG_ENCR, "aes-192", ALG_AES_192_CBC, 12, 192,
	    SADB_X_EALG_AESCBC, 192 },
	{ ALG_ENCR, "aes-256-ctr", ALG_AES_256_CTR, 13, 256,
	    SADB_X_EALG_AESCTR, 288 },
	{ ALG_ENCR, "aes-128-gmac", ALG_AES_128_GMAC, 21, 128,
	    SADB_X_EALG_NULL_AES_GMAC, 160 },
	{ ALG_ENCR, "3des", ALG_3DES, 3, 0, SADB_EALG_3DESCBC, 192 },
	{ ALG_ENCR, "des", ALG_DES, 2, 0, SADB_EALG_DESCBC, 64 },
	{ ALG_INTEG, "hmac-sha2-256", ALG_HMAC_SHA2_256, 12, 0,
	    SADB_X_AALG_SHA2_256HMAC, 256 },
	{ ALG_INTEG, "sha384", ALG_HMAC_SHA2_384, 13, 0,
	    SADB_X_AALG_SHA2_384HMAC, 384 },
	{ ALG_INTEG, "hmac-sha2-512", ALG_HMAC_SHA2_512, 14, 0,
	    SADB_X_AALG_SHA2_512HMAC, 512 },
	{ ALG_INTEG, "hmac-sha1", ALG_HMAC_SHA1, 2, 0, SADB_AALG_SHA1HMAC,
	    160 },
	{ ALG_INTEG, "hmac-md5", ALG_HMAC_MD5, 1, 0, SADB_AALG_MD5HMAC, 128 },
	{ ALG_INTEG, "aesxcbc", ALG_AES_XCBC, 5, 0, SADB_X_AALG_AES_XCBC_MAC,
	    128 },
	{ ALG_PRF, "hmac-sha2-256", ALG_PRF_HMAC_SHA2_256, 5, 0, 0, 0 },
	{ ALG_PRF, "prfsha384", ALG_PRF_HMAC_SHA2_384, 6, 0, 0, 0 },
	{ ALG_PRF, "PRF_HMAC_SHA1", ALG_PRF_HMAC_SHA1, 2, 0, 0, 0 },
	{ ALG_DH, "curve25519", ALG_CURVE25519, 31, 0, 0, 0 },
	{ ALG_DH, "x25519", ALG_CURVE25519, 31, 0, 0, 0 },
	{ ALG_DH, "grp14", ALG_MODP2048, 14, 0, 0, 0 },
	{ ALG_DH, "modp8192", ALG_MODP8192, 18, 0, 0, 0 },
	{ ALG_DH, "ecp521", ALG_ECP521, 21, 0, 0, 0 },
	{ ALG_DH, "modp1024", ALG_MODP1024, 2, 0, 0, 0 },
	{ ALG_DH, "mlkem768", ALG_MLKEM768, 36, 0, 0, 0 },
};

static void
names_and_numbers(void)
{
	for (size_t i = 0; i < TEST_COUNT(words); i++) {
		const struct word_case *w = &words[i];
		const struct alg *a = &alg_table[w->row];

		test_row("%s", w->word);
		CU_ASSERT_PTR_EQUAL(alg_by_name(w->kind, w->word), a);
		CU_ASSERT_PTR_EQUAL(alg_by_ike(w->kind, w->ike_id,
		    w->ike_bits), a);
		CU_ASSERT_EQUAL(a->al_sadb, w->sadb);
		if (w->sadb != 0) {
			CU_ASSERT_PTR_EQUAL(alg_by_sadb(w->kind, w->sadb,
			    w->sadb_bits), a);
		}
	}
}

static void
refused(void)
{
	CU_ASSERT_PTR_NULL(alg_by_name(ALG_ENCR, "aes-129"));
	CU_ASSERT_PTR_NULL(alg_by_name(ALG_ENCR, ""));
	CU_ASSERT_PTR_NULL(alg_by_name(ALG_DH, "aes-128"));
	CU_ASSERT_PTR_NULL(alg_by_ike(ALG_ENCR, 20, 0));
	CU_ASSERT_PTR_NULL(alg_by_ike(ALG_ENCR, 12, 512));
	CU_ASSERT_PTR_NULL(alg_by_ike(ALG_ENCR, 28, 256));
	CU_ASSERT_PTR_NULL(alg_by_ike(ALG_ENCR, ALG_NO_IKE_ID, 0));
	CU_ASSERT_PTR_NULL(alg_by_ike(ALG_DH, 0, 0));
	CU_ASSERT_PTR_NULL(alg_by_sadb(ALG_ENCR, 0, 0));
	CU_ASSERT_PTR_NULL(alg_by_sadb(ALG_ENCR, 20, 128));
	CU_ASSERT_PTR_NULL(alg_by_sadb(ALG_INTEG, 200, 0));
}

/* All words by which a row may be asked for. */
static bool
has_word(const struct alg *a, const char *word)
{
	const char *const all[] = { a->al_name, a->al_swan, a->al_alias[0],
	    a->al_alias[1] };

	for (size_t i = 0; i < TEST_COUNT(all); i++)
		if (all[i] != NULL && strcasecmp(all[i], word) == 0)
			return true;
	return false;
}

static void
row_is_whole(const struct alg *a)
{
	bool usable = (a->al_flags & (ALG_IKE | ALG_ESP)) != 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a->al_name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a->al_iana);
	CU_ASSERT_PTR_EQUAL(alg_by_name(a->al_kind, a->al_name), a);
	CU_ASSERT_PTR_EQUAL(alg_by_ike(a->al_kind, a->al_ike_id,
	    a->al_ike_bits), a);
	CU_ASSERT_EQUAL((a->al_flags & ALG_WEAK) != 0, a->al_better != NULL);
	if (a->al_ike_bits != 0) {
		CU_ASSERT_EQUAL(a->al_ike_bits, a->al_key * 8);
	}
	if (a->al_sadb != 0) {
		CU_ASSERT_PTR_EQUAL(alg_by_sadb(a->al_kind, a->al_sadb,
		    (unsigned)alg_keymat(a) * 8), a);
	}
	if (a->al_kind == ALG_ENCR) {
		CU_ASSERT_EQUAL((a->al_flags & ALG_AEAD) != 0, a->al_icv != 0);
		CU_ASSERT(a->al_block >= 1);
	}
	if (a->al_kind == ALG_DH && usable) {
		CU_ASSERT(a->al_out >= 32 && a->al_key >= a->al_out);
	}
	if (a->al_better != NULL) {
		const struct alg *b = alg_better(a->al_kind, a);

		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		CU_ASSERT((b->al_flags & ALG_WEAK) == 0);
		CU_ASSERT((b->al_flags & ALG_IKE) != 0);
	}
}

static void
rows(void)
{
	for (size_t i = 0; i < ALG_ROWS; i++) {
		test_row("row %zu: %s", i, alg_table[i].al_name);
		row_is_whole(&alg_table[i]);
	}
}

static void
words_are_unique(void)
{
	for (size_t i = 0; i < ALG_ROWS; i++) {
		const struct alg *a = &alg_table[i];

		for (size_t k = 0; k < ALG_ROWS; k++) {
			const struct alg *b = &alg_table[k];

			if (i == k || a->al_kind != b->al_kind)
				continue;
			CU_ASSERT(!has_word(b, a->al_name));
			CU_ASSERT(a->al_swan == NULL ||
			    !has_word(b, a->al_swan));
		}
	}
}

static void
walk_visits_all_once(void)
{
	size_t n = 0;

	for (size_t k = 0; k < TEST_COUNT(kinds); k++) {
		const struct alg *a = alg_next(kinds[k], NULL);

		CU_ASSERT_PTR_EQUAL(alg_better(kinds[k], NULL), a);
		CU_ASSERT((a->al_flags & (ALG_WEAK | ALG_IKE)) == ALG_IKE);
		for (; a != NULL; a = alg_next(kinds[k], a)) {
			CU_ASSERT_EQUAL(a->al_kind, kinds[k]);
			n++;
		}
	}
	CU_ASSERT_EQUAL(n, ALG_ROWS);
}

static void
equal(void)
{
	uint8_t a[40], b[40];

	memset(a, 7, sizeof(a));
	memcpy(b, a, sizeof(b));
	CU_ASSERT(alg_equal(a, b, sizeof(a)));
	CU_ASSERT(alg_equal(a, b, 0));
	for (unsigned i = 0; i < sizeof(a) * 8; i++) {
		b[i / 8] ^= (uint8_t)(1 << i % 8);
		CU_ASSERT(!alg_equal(a, b, sizeof(a)));
		b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

TEST_MAIN(
	TEST("names and numbers", names_and_numbers),
	TEST("what has no row", refused),
	TEST("rows", rows),
	TEST("words are unique within a kind", words_are_unique),
	TEST("the walk visits every row once", walk_visits_all_once),
	TEST("constant-time compare", equal))
