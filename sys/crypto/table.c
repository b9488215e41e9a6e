/* SPDX-License-Identifier: ISC */
/*
 * The transforms of ESP: every AEAD, and every cipher with every integrity
 * algorithm, whose rows in the algorithm table say ALG_ESP.  See xform.h.
 */
#include "crypto/engine.h"

/*
 * Sizes repeat the algorithm table's, which C cannot read in a constant
 * expression; regress compares them.
 */
#define AEAD(row, word, key, icv)					\
	{ .x_name = word, .x_encr = &alg_table[row], .x_iv = 8,		\
	    .x_icv = icv, .x_align = 4, .x_key = (key) + 4,		\
	    .x_counter = true }

#define PAIR(row, word, key, iv, align, counter, irow, iword, ikey, icv) \
	{ .x_name = word "+" iword, .x_encr = &alg_table[row],		\
	    .x_integ = &alg_table[irow], .x_iv = iv, .x_icv = icv,	\
	    .x_align = align, .x_key = key, .x_akey = ikey,		\
	    .x_counter = counter }

#define PAIRS(row, word, key, iv, align, counter)			\
	PAIR(row, word, key, iv, align, counter,			\
	    ALG_HMAC_SHA2_256, "hmac-sha2-256", 32, 16),		\
	PAIR(row, word, key, iv, align, counter,			\
	    ALG_HMAC_SHA2_384, "hmac-sha2-384", 48, 24),		\
	PAIR(row, word, key, iv, align, counter,			\
	    ALG_HMAC_SHA2_512, "hmac-sha2-512", 64, 32),		\
	PAIR(row, word, key, iv, align, counter,			\
	    ALG_HMAC_SHA1, "hmac-sha1", 20, 12)

const struct xform xform_table[] = {
	AEAD(ALG_AES_128_GCM, "aes-128-gcm", 16, 16),
	AEAD(ALG_AES_192_GCM, "aes-192-gcm", 24, 16),
	AEAD(ALG_AES_256_GCM, "aes-256-gcm", 32, 16),
	AEAD(ALG_AES_128_GCM_12, "aes-128-gcm-12", 16, 12),
	AEAD(ALG_AES_192_GCM_12, "aes-192-gcm-12", 24, 12),
	AEAD(ALG_AES_256_GCM_12, "aes-256-gcm-12", 32, 12),
	AEAD(ALG_AES_128_GCM_8, "aes-128-gcm-8", 16, 8),
	AEAD(ALG_AES_192_GCM_8, "aes-192-gcm-8", 24, 8),
	AEAD(ALG_AES_256_GCM_8, "aes-256-gcm-8", 32, 8),
	AEAD(ALG_CHACHA20_POLY1305, "chacha20-poly1305", 32, 16),
	AEAD(ALG_AES_128_GMAC, "aes-128-gmac", 16, 16),
	AEAD(ALG_AES_192_GMAC, "aes-192-gmac", 24, 16),
	AEAD(ALG_AES_256_GMAC, "aes-256-gmac", 32, 16),
	PAIRS(ALG_AES_128_CBC, "aes-128", 16, 16, 16, false),
	PAIRS(ALG_AES_192_CBC, "aes-192", 24, 16, 16, false),
	PAIRS(ALG_AES_256_CBC, "aes-256", 32, 16, 16, false),
	PAIRS(ALG_AES_128_CTR, "aes-128-ctr", 20, 8, 4, true),
	PAIRS(ALG_AES_192_CTR, "aes-192-ctr", 28, 8, 4, true),
	PAIRS(ALG_AES_256_CTR, "aes-256-ctr", 36, 8, 4, true),
	PAIRS(ALG_NULL, "null", 0, 0, 4, false),
};

const unsigned xform_count = sizeof(xform_table) / sizeof(xform_table[0]);

_Static_assert(sizeof(xform_table) / sizeof(xform_table[0]) <= XFORM_MAX,
    "a context has room for every transform");

const struct xform *
xform_find(const struct alg *encr, const struct alg *integ)
{
	for (unsigned i = 0; i < xform_count; i++)
		if (xform_table[i].x_encr == encr &&
		    xform_table[i].x_integ == integ)
			return &xform_table[i];
	return NULL;
}
