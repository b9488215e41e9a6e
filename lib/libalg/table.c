/* SPDX-License-Identifier: ISC */
/*
 * The rows of the algorithm table.  See alg.h.
 *
 * Numbers: IANA "Internet Key Exchange Version 2 (IKEv2) Parameters",
 * transform types 1 to 4; linux/pfkeyv2.h.  PF_KEY has a number for
 * ChaCha20-Poly1305 only on FreeBSD (31), which is free in the Linux
 * numbering, and none for AES-CMAC.
 * Sizes: RFC 4106 (GCM), 4309 (CCM), 4543 (GMAC), 7634 (ChaCha20-Poly1305),
 * 3602 (CBC), 3686 (CTR), 2404 and 4868 (HMAC), 3566 and 4494 (XCBC, CMAC),
 * 3526 and 2409 (MODP), 5903 (ECP), 5114, 6954, 8031.
 *
 * The order of rows within a kind is the order of preference.
 */
#include "libalg/alg.h"

#define BOTH	(ALG_IKE | ALG_ESP)
#define WEAK	ALG_WEAK

#define ENCR(row, word, iana, swan, id, bits, sadb, key, salt, iv, icv,	\
    block, flags, ...)							\
	[row] = { .al_kind = ALG_ENCR, .al_name = word, .al_iana = iana,\
	    .al_swan = swan, .al_ike_id = id, .al_ike_bits = bits,	\
	    .al_sadb = sadb, .al_key = key, .al_salt = salt,		\
	    .al_iv = iv, .al_icv = icv, .al_block = block,		\
	    .al_flags = flags, __VA_ARGS__ }

#define AEAD(row, word, iana, swan, id, bits, sadb, salt, icv, flags, ...) \
	ENCR(row, word, iana, swan, id, bits, sadb, (bits) / 8, salt, 8, \
	    icv, 1, ALG_AEAD | ALG_COUNTER | (flags), __VA_ARGS__)

#define CIPHER(row, word, iana, swan, id, bits, sadb, key, salt, iv,	\
    block, flags, ...)							\
	ENCR(row, word, iana, swan, id, bits, sadb, key, salt, iv, 0,	\
	    block, flags, __VA_ARGS__)

#define PRF(row, word, iana, swan, id, key, out, flags, ...)		\
	[row] = { .al_kind = ALG_PRF, .al_name = word, .al_iana = iana,	\
	    .al_swan = swan, .al_ike_id = id, .al_key = key,		\
	    .al_out = out, .al_flags = flags, __VA_ARGS__ }

#define INTEG(row, word, iana, swan, id, sadb, key, icv, flags, ...)	\
	[row] = { .al_kind = ALG_INTEG, .al_name = word,		\
	    .al_iana = iana, .al_swan = swan, .al_ike_id = id,		\
	    .al_sadb = sadb, .al_key = key, .al_icv = icv,		\
	    .al_flags = flags, __VA_ARGS__ }

#define GROUP(row, word, iana, swan, id, pub, secret, flags, ...)	\
	[row] = { .al_kind = ALG_DH, .al_name = word, .al_iana = iana,	\
	    .al_swan = swan, .al_ike_id = id, .al_key = pub,		\
	    .al_out = secret, .al_flags = flags, __VA_ARGS__ }

#define MODP(row, bits, id, group, flags, ...)				\
	GROUP(row, "modp" #bits, #bits "-bit MODP Group", "modp" #bits,	\
	    id, (bits) / 8, (bits) / 8, flags, .al_alias = { group },	\
	    __VA_ARGS__)

#define ALIAS(...)	.al_alias = { __VA_ARGS__ }
#define BETTER(word)	.al_better = word

/* clang-format off */
const struct alg alg_table[ALG_ROWS] = {
	AEAD(ALG_AES_128_GCM, "aes-128-gcm", "ENCR_AES_GCM_16", "aes128gcm16",
	    20, 128, 20, 4, 16, BOTH, ALIAS("aes128gcm", "aes-gcm-16")),
	AEAD(ALG_AES_192_GCM, "aes-192-gcm", "ENCR_AES_GCM_16", "aes192gcm16",
	    20, 192, 20, 4, 16, BOTH, ALIAS("aes192gcm")),
	AEAD(ALG_AES_256_GCM, "aes-256-gcm", "ENCR_AES_GCM_16", "aes256gcm16",
	    20, 256, 20, 4, 16, BOTH, ALIAS("aes256gcm")),
	ENCR(ALG_CHACHA20_POLY1305, "chacha20-poly1305",
	    "ENCR_CHACHA20_POLY1305", "chacha20poly1305", 28, 0, 31, 32, 4, 8,
	    16, 1, ALG_AEAD | ALG_COUNTER | BOTH, ALIAS(NULL)),

	CIPHER(ALG_AES_128_CBC, "aes-128", "ENCR_AES_CBC", "aes128", 12, 128,
	    12, 16, 0, 16, 16, BOTH, ALIAS("aes-128-cbc", "aes")),
	CIPHER(ALG_AES_192_CBC, "aes-192", "ENCR_AES_CBC", "aes192", 12, 192,
	    12, 24, 0, 16, 16, BOTH, ALIAS("aes-192-cbc")),
	CIPHER(ALG_AES_256_CBC, "aes-256", "ENCR_AES_CBC", "aes256", 12, 256,
	    12, 32, 0, 16, 16, BOTH, ALIAS("aes-256-cbc")),
	CIPHER(ALG_AES_128_CTR, "aes-128-ctr", "ENCR_AES_CTR", "aes128ctr", 13,
	    128, 13, 16, 4, 8, 1, ALG_COUNTER | ALG_ESP, ALIAS("aesctr")),
	CIPHER(ALG_AES_192_CTR, "aes-192-ctr", "ENCR_AES_CTR", "aes192ctr", 13,
	    192, 13, 24, 4, 8, 1, ALG_COUNTER | ALG_ESP, ALIAS(NULL)),
	CIPHER(ALG_AES_256_CTR, "aes-256-ctr", "ENCR_AES_CTR", "aes256ctr", 13,
	    256, 13, 32, 4, 8, 1, ALG_COUNTER | ALG_ESP, ALIAS(NULL)),

	AEAD(ALG_AES_128_GCM_12, "aes-128-gcm-12", "ENCR_AES_GCM_12",
	    "aes128gcm12", 19, 128, 19, 4, 12, ALG_ESP, ALIAS("aes128gcm96")),
	AEAD(ALG_AES_192_GCM_12, "aes-192-gcm-12", "ENCR_AES_GCM_12",
	    "aes192gcm12", 19, 192, 19, 4, 12, ALG_ESP, ALIAS("aes192gcm96")),
	AEAD(ALG_AES_256_GCM_12, "aes-256-gcm-12", "ENCR_AES_GCM_12",
	    "aes256gcm12", 19, 256, 19, 4, 12, ALG_ESP, ALIAS("aes256gcm96")),
	AEAD(ALG_AES_128_GCM_8, "aes-128-gcm-8", "ENCR_AES_GCM_8",
	    "aes128gcm8", 18, 128, 18, 4, 8, ALG_ESP, ALIAS("aes128gcm64")),
	AEAD(ALG_AES_192_GCM_8, "aes-192-gcm-8", "ENCR_AES_GCM_8",
	    "aes192gcm8", 18, 192, 18, 4, 8, ALG_ESP, ALIAS("aes192gcm64")),
	AEAD(ALG_AES_256_GCM_8, "aes-256-gcm-8", "ENCR_AES_GCM_8",
	    "aes256gcm8", 18, 256, 18, 4, 8, ALG_ESP, ALIAS("aes256gcm64")),
	AEAD(ALG_AES_128_CCM, "aes-128-ccm", "ENCR_AES_CCM_16", "aes128ccm16",
	    16, 128, 16, 3, 16, 0, ALIAS("aes128ccm128")),
	AEAD(ALG_AES_192_CCM, "aes-192-ccm", "ENCR_AES_CCM_16", "aes192ccm16",
	    16, 192, 16, 3, 16, 0, ALIAS("aes192ccm128")),
	AEAD(ALG_AES_256_CCM, "aes-256-ccm", "ENCR_AES_CCM_16", "aes256ccm16",
	    16, 256, 16, 3, 16, 0, ALIAS("aes256ccm128")),
	AEAD(ALG_AES_128_CCM_12, "aes-128-ccm-12", "ENCR_AES_CCM_12",
	    "aes128ccm12", 15, 128, 15, 3, 12, 0, ALIAS("aes128ccm96")),
	AEAD(ALG_AES_192_CCM_12, "aes-192-ccm-12", "ENCR_AES_CCM_12",
	    "aes192ccm12", 15, 192, 15, 3, 12, 0, ALIAS("aes192ccm96")),
	AEAD(ALG_AES_256_CCM_12, "aes-256-ccm-12", "ENCR_AES_CCM_12",
	    "aes256ccm12", 15, 256, 15, 3, 12, 0, ALIAS("aes256ccm96")),
	AEAD(ALG_AES_128_CCM_8, "aes-128-ccm-8", "ENCR_AES_CCM_8",
	    "aes128ccm8", 14, 128, 14, 3, 8, 0, ALIAS("aes128ccm64")),
	AEAD(ALG_AES_192_CCM_8, "aes-192-ccm-8", "ENCR_AES_CCM_8",
	    "aes192ccm8", 14, 192, 14, 3, 8, 0, ALIAS("aes192ccm64")),
	AEAD(ALG_AES_256_CCM_8, "aes-256-ccm-8", "ENCR_AES_CCM_8",
	    "aes256ccm8", 14, 256, 14, 3, 8, 0, ALIAS("aes256ccm64")),
	AEAD(ALG_AES_128_GMAC, "aes-128-gmac", "ENCR_NULL_AUTH_AES_GMAC",
	    "aes128gmac", 21, 128, 23, 4, 16, ALG_ESP, ALIAS("aes-gmac")),
	AEAD(ALG_AES_192_GMAC, "aes-192-gmac", "ENCR_NULL_AUTH_AES_GMAC",
	    "aes192gmac", 21, 192, 23, 4, 16, ALG_ESP, ALIAS(NULL)),
	AEAD(ALG_AES_256_GMAC, "aes-256-gmac", "ENCR_NULL_AUTH_AES_GMAC",
	    "aes256gmac", 21, 256, 23, 4, 16, ALG_ESP, ALIAS(NULL)),
	CIPHER(ALG_NULL, "null", "ENCR_NULL", "null", 11, 0, 11, 0, 0, 0, 1,
	    ALG_ESP, ALIAS(NULL)),

	CIPHER(ALG_CAMELLIA_128, "camellia-128", "ENCR_CAMELLIA_CBC",
	    "camellia128", 23, 128, 22, 16, 0, 16, 16, 0, ALIAS(NULL)),
	CIPHER(ALG_CAMELLIA_192, "camellia-192", "ENCR_CAMELLIA_CBC",
	    "camellia192", 23, 192, 22, 24, 0, 16, 16, 0, ALIAS(NULL)),
	CIPHER(ALG_CAMELLIA_256, "camellia-256", "ENCR_CAMELLIA_CBC",
	    "camellia256", 23, 256, 22, 32, 0, 16, 16, 0, ALIAS(NULL)),
	CIPHER(ALG_3DES, "3des", "ENCR_3DES", "3des", 3, 0, 3, 24, 0, 8, 8,
	    WEAK, ALIAS("3des-cbc"), BETTER("aes-128-gcm")),
	CIPHER(ALG_DES, "des", "ENCR_DES", "des", 2, 0, 2, 8, 0, 8, 8, WEAK,
	    ALIAS("des-cbc"), BETTER("aes-128-gcm")),
	CIPHER(ALG_BLOWFISH, "blowfish", "ENCR_BLOWFISH", "blowfish128", 7,
	    128, 7, 16, 0, 8, 8, WEAK, ALIAS("blowfish-cbc"),
	    BETTER("aes-128-gcm")),
	CIPHER(ALG_CAST, "cast128", "ENCR_CAST", "cast128", 6, 128, 6, 16, 0,
	    8, 8, WEAK, ALIAS("cast"), BETTER("aes-128-gcm")),

	PRF(ALG_PRF_HMAC_SHA2_256, "hmac-sha2-256", "PRF_HMAC_SHA2_256",
	    "prfsha256", 5, 32, 32, ALG_IKE, ALIAS("sha256", "sha2-256")),
	PRF(ALG_PRF_HMAC_SHA2_384, "hmac-sha2-384", "PRF_HMAC_SHA2_384",
	    "prfsha384", 6, 48, 48, ALG_IKE, ALIAS("sha384", "sha2-384")),
	PRF(ALG_PRF_HMAC_SHA2_512, "hmac-sha2-512", "PRF_HMAC_SHA2_512",
	    "prfsha512", 7, 64, 64, ALG_IKE, ALIAS("sha512", "sha2-512")),
	PRF(ALG_PRF_HMAC_SHA1, "hmac-sha1", "PRF_HMAC_SHA1", "prfsha1", 2, 20,
	    20, ALG_IKE | WEAK, ALIAS("sha1", "sha"), BETTER("hmac-sha2-256")),
	PRF(ALG_PRF_AES_XCBC, "aes-xcbc", "PRF_AES128_XCBC", "prfaesxcbc", 4,
	    16, 16, 0, ALIAS("aesxcbc")),
	PRF(ALG_PRF_AES_CMAC, "aes-cmac", "PRF_AES128_CMAC", "prfaescmac", 8,
	    16, 16, 0, ALIAS("aescmac")),
	PRF(ALG_PRF_HMAC_MD5, "hmac-md5", "PRF_HMAC_MD5", "prfmd5", 1, 16, 16,
	    WEAK, ALIAS("md5"), BETTER("hmac-sha2-256")),

	INTEG(ALG_HMAC_SHA2_256, "hmac-sha2-256", "AUTH_HMAC_SHA2_256_128",
	    "sha256", 12, 5, 32, 16, BOTH, ALIAS("sha2_256", "sha2-256")),
	INTEG(ALG_HMAC_SHA2_384, "hmac-sha2-384", "AUTH_HMAC_SHA2_384_192",
	    "sha384", 13, 6, 48, 24, BOTH, ALIAS("sha2_384", "sha2-384")),
	INTEG(ALG_HMAC_SHA2_512, "hmac-sha2-512", "AUTH_HMAC_SHA2_512_256",
	    "sha512", 14, 7, 64, 32, BOTH, ALIAS("sha2_512", "sha2-512")),
	INTEG(ALG_HMAC_SHA1, "hmac-sha1", "AUTH_HMAC_SHA1_96", "sha1", 2, 3,
	    20, 12, BOTH | WEAK, ALIAS("sha"), BETTER("hmac-sha2-256")),
	INTEG(ALG_AES_XCBC, "aes-xcbc", "AUTH_AES_XCBC_96", "aesxcbc", 5, 9,
	    16, 12, 0, ALIAS("xcbc")),
	INTEG(ALG_AES_CMAC, "aes-cmac", "AUTH_AES_CMAC_96", "aescmac", 8, 0,
	    16, 12, 0, ALIAS("cmac")),
	INTEG(ALG_HMAC_MD5, "hmac-md5", "AUTH_HMAC_MD5_96", "md5", 1, 2, 16,
	    12, WEAK, ALIAS(NULL), BETTER("hmac-sha2-256")),

	GROUP(ALG_CURVE25519, "curve25519", "Curve25519", "curve25519", 31, 32,
	    32, BOTH, ALIAS("x25519", "grp31")),
	GROUP(ALG_ECP256, "ecp256", "256-bit random ECP group", "ecp256", 19,
	    64, 32, BOTH, ALIAS("grp19")),
	GROUP(ALG_ECP384, "ecp384", "384-bit random ECP group", "ecp384", 20,
	    96, 48, BOTH, ALIAS("grp20")),
	GROUP(ALG_ECP521, "ecp521", "521-bit random ECP group", "ecp521", 21,
	    132, 66, BOTH, ALIAS("grp21")),
	MODP(ALG_MODP2048, 2048, 14, "grp14", BOTH),
	MODP(ALG_MODP3072, 3072, 15, "grp15", BOTH),
	MODP(ALG_MODP4096, 4096, 16, "grp16", BOTH),
	MODP(ALG_MODP6144, 6144, 17, "grp17", BOTH),
	MODP(ALG_MODP8192, 8192, 18, "grp18", BOTH),
	GROUP(ALG_CURVE448, "curve448", "Curve448", "curve448", 32, 56, 56, 0,
	    ALIAS("x448", "grp32")),
	GROUP(ALG_BRAINPOOL256, "brainpool256", "brainpoolP256r1", "ecp256bp",
	    28, 64, 32, 0, ALIAS("grp28")),
	GROUP(ALG_BRAINPOOL384, "brainpool384", "brainpoolP384r1", "ecp384bp",
	    29, 96, 48, 0, ALIAS("grp29")),
	GROUP(ALG_BRAINPOOL512, "brainpool512", "brainpoolP512r1", "ecp512bp",
	    30, 128, 64, 0, ALIAS("grp30")),
	GROUP(ALG_MLKEM512, "mlkem512", "ml-kem-512", "mlkem512", 35, 800, 32,
	    0, ALIAS("ml-kem-512")),
	GROUP(ALG_MLKEM768, "mlkem768", "ml-kem-768", "mlkem768", 36, 1184, 32,
	    0, ALIAS("ml-kem-768")),
	GROUP(ALG_MLKEM1024, "mlkem1024", "ml-kem-1024", "mlkem1024", 37, 1568,
	    32, 0, ALIAS("ml-kem-1024")),
	GROUP(ALG_SNTRUP761X25519, "sntrup761x25519", "sntrup761x25519", NULL,
	    1035, 1190, 64, 0, ALIAS(NULL)),
	MODP(ALG_MODP1536, 1536, 5, "grp5", BOTH | WEAK, BETTER("modp3072")),
	MODP(ALG_MODP1024, 1024, 2, "grp2", BOTH | WEAK, BETTER("modp3072")),
	MODP(ALG_MODP768, 768, 1, "grp1", BOTH | WEAK, BETTER("modp3072")),
	GROUP(ALG_MODP1024S160, "modp1024s160",
	    "1024-bit MODP Group with 160-bit Prime Order Subgroup",
	    "modp1024s160", 22, 128, 128, WEAK, ALIAS("grp22"),
	    BETTER("modp3072")),
	GROUP(ALG_MODP2048S224, "modp2048s224",
	    "2048-bit MODP Group with 224-bit Prime Order Subgroup",
	    "modp2048s224", 23, 256, 256, WEAK, ALIAS("grp23"),
	    BETTER("modp3072")),
	GROUP(ALG_MODP2048S256, "modp2048s256",
	    "2048-bit MODP Group with 256-bit Prime Order Subgroup",
	    "modp2048s256", 24, 256, 256, WEAK, ALIAS("grp24"),
	    BETTER("modp3072")),
	GROUP(ALG_ECP192, "ecp192", "192-bit Random ECP Group", "ecp192", 25,
	    48, 24, WEAK, ALIAS("grp25"), BETTER("ecp256")),
	GROUP(ALG_ECP224, "ecp224", "224-bit Random ECP Group", "ecp224", 26,
	    56, 28, WEAK, ALIAS("grp26"), BETTER("ecp256")),
	GROUP(ALG_BRAINPOOL224, "brainpool224", "brainpoolP224r1", "ecp224bp",
	    27, 56, 28, WEAK, ALIAS("grp27"), BETTER("ecp256")),
};
/* clang-format on */
