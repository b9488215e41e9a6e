/* SPDX-License-Identifier: ISC */
/*
 * Protection of IKE messages: published vectors, round trips over every
 * suite and many lengths, and every bit of a message flipped.
 */
#include "libalg/sk.h"

#include "libalg/prf.h"
#include "test.h"

#define HDR	36		/* IKE header, header of SK, fragment numbers */
#define MSG_MAX	2200

struct suite {
	const char	*name;
	enum alg_row	 encr, integ;	/* integ ALG_ROWS: none */
};

static const struct suite suites[] = {
	{ "aes-128-gcm", ALG_AES_128_GCM, ALG_ROWS },
	{ "aes-192-gcm", ALG_AES_192_GCM, ALG_ROWS },
	{ "aes-256-gcm", ALG_AES_256_GCM, ALG_ROWS },
	{ "chacha20-poly1305", ALG_CHACHA20_POLY1305, ALG_ROWS },
	{ "aes-128 sha1", ALG_AES_128_CBC, ALG_HMAC_SHA1 },
	{ "aes-128 sha2-256", ALG_AES_128_CBC, ALG_HMAC_SHA2_256 },
	{ "aes-192 sha2-384", ALG_AES_192_CBC, ALG_HMAC_SHA2_384 },
	{ "aes-256 sha2-512", ALG_AES_256_CBC, ALG_HMAC_SHA2_512 },
};

static void
pattern_fill(void *arg, void *buf, size_t n)
{
	uint8_t *next = arg, *p = buf;

	while (n-- > 0)
		*p++ = (*next)++;
}

static void
suite_init(struct sk *sk, const struct suite *s)
{
	uint8_t key[SK_KEY_MAX], ikey[SK_IKEY_MAX];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 3 + 1);
	for (unsigned i = 0; i < sizeof(ikey); i++)
		ikey[i] = (uint8_t)(i * 5 + 2);
	CU_ASSERT_FATAL(sk_init(sk, &alg_table[s->encr],
	    s->integ == ALG_ROWS ? NULL : &alg_table[s->integ], key,
	    s->integ == ALG_ROWS ? NULL : ikey));
}

/* A sealed message with n bytes of payloads; returns its length. */
static size_t
make(struct sk *sk, uint8_t *msg, size_t n)
{
	uint8_t next = 0x40;
	struct alg_rand rnd = { pattern_fill, &next };
	uint8_t *text = &msg[HDR + sk_iv_len(sk)];

	for (unsigned i = 0; i < HDR; i++)
		msg[i] = (uint8_t)i;
	for (size_t i = 0; i < n; i++)
		text[i] = (uint8_t)(i * 7);
	sk_pad(sk, text, n);
	CU_ASSERT_FATAL(sk_seal(sk, msg, HDR, sk_padded(sk, n), &rnd));
	return HDR + sk_iv_len(sk) + sk_padded(sk, n) + sk_icv_len(sk);
}

static void
round_trip(void)
{
	static uint8_t msg[MSG_MAX];
	size_t len, text, textlen;
	struct sk sk;

	for (size_t s = 0; s < TEST_COUNT(suites); s++) {
		test_row("%s", suites[s].name);
		suite_init(&sk, &suites[s]);
		for (size_t n = 0; n <= 2000; n += n < 70 ? 1 : 61) {
			bool same = true;

			len = make(&sk, msg, n);
			CU_ASSERT(sk_open(&sk, msg, HDR, len, &text,
			    &textlen));
			CU_ASSERT_EQUAL(text, HDR + sk_iv_len(&sk));
			CU_ASSERT_EQUAL(textlen, n);
			for (size_t i = 0; i < n; i++)
				same = same &&
				    msg[text + i] == (uint8_t)(i * 7);
			CU_ASSERT(same);
		}
		sk_wipe(&sk);
	}
}

static void
every_bit(void)
{
	uint8_t good[200], msg[200];
	size_t len, text, textlen;
	struct sk sk;

	for (size_t s = 0; s < TEST_COUNT(suites); s++) {
		test_row("%s", suites[s].name);
		suite_init(&sk, &suites[s]);
		len = make(&sk, good, 37);
		for (size_t bit = 0; bit < len * 8; bit++) {
			memcpy(msg, good, len);
			msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT(!sk_open(&sk, msg, HDR, len, &text,
			    &textlen));
		}
		for (size_t n = 0; n < len; n++) {
			memcpy(msg, good, len);
			CU_ASSERT(!sk_open(&sk, msg, HDR, n, &text,
			    &textlen));
		}
		memcpy(msg, good, len);
		CU_ASSERT(sk_open(&sk, msg, HDR, len, &text, &textlen));
	}
}

/* No two messages have the same IV, and a counter that ends ends the key. */
static void
ivs(void)
{
	uint8_t a[200], b[200];
	uint8_t next = 0;
	struct alg_rand rnd = { pattern_fill, &next };
	struct sk sk;

	for (size_t s = 0; s < TEST_COUNT(suites); s++) {
		test_row("%s", suites[s].name);
		suite_init(&sk, &suites[s]);
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		CU_ASSERT(sk_seal(&sk, a, HDR, 16, &rnd));
		CU_ASSERT(sk_seal(&sk, b, HDR, 16, &rnd));
		CU_ASSERT(memcmp(&a[HDR], &b[HDR], sk_iv_len(&sk)) != 0);
		sk.sk_iv = UINT64_MAX;
		CU_ASSERT(sk_seal(&sk, a, HDR, 16, &rnd) ||
		    sk.sk_integ != NULL);
		if (sk.sk_integ == NULL) {
			CU_ASSERT(!sk_seal(&sk, a, HDR, 16, &rnd));
			CU_ASSERT_EQUAL(a[HDR + sk_iv_len(&sk)], 0);
		}
	}
}

static void
wrong_use(void)
{
	const struct alg *gcm = &alg_table[ALG_AES_128_GCM];
	const struct alg *cbc = &alg_table[ALG_AES_128_CBC];
	const struct alg *sha = &alg_table[ALG_HMAC_SHA2_256];
	uint8_t key[64] = { 0 }, msg[200] = { 0 };
	uint8_t next = 0;
	struct alg_rand rnd = { pattern_fill, &next };
	struct sk sk;

	CU_ASSERT(!sk_init(&sk, gcm, sha, key, key));
	CU_ASSERT(!sk_init(&sk, cbc, NULL, key, NULL));
	CU_ASSERT(!sk_init(&sk, cbc, gcm, key, key));
	CU_ASSERT(!sk_init(&sk, sha, sha, key, key));
	CU_ASSERT(!sk_init(&sk, &alg_table[ALG_3DES], sha, key, key));
	CU_ASSERT(!sk_init(&sk, &alg_table[ALG_AES_128_CCM], NULL, key, NULL));
	CU_ASSERT(!sk_init(&sk, cbc, &alg_table[ALG_HMAC_MD5], key, key));
	CU_ASSERT(sk_init(&sk, cbc, sha, key, key));
	CU_ASSERT(!sk_seal(&sk, msg, HDR, 17, &rnd));
	CU_ASSERT(!sk_seal(&sk, msg, HDR, 0, &rnd));
}

/* A pad length beyond the text, under a right ICV. */
static void
padding(void)
{
	uint8_t msg[200] = { 0 };
	uint8_t next = 0;
	struct alg_rand rnd = { pattern_fill, &next };
	size_t text, textlen;
	struct sk sk;

	for (size_t s = 0; s < TEST_COUNT(suites); s++) {
		test_row("%s", suites[s].name);
		suite_init(&sk, &suites[s]);
		for (unsigned pad = 0; pad < 256; pad++) {
			size_t last = HDR + sk_iv_len(&sk) + 31;

			memset(msg, 0, sizeof(msg));
			msg[last] = (uint8_t)pad;
			CU_ASSERT(sk_seal(&sk, msg, HDR, 32, &rnd));
			CU_ASSERT_EQUAL(sk_open(&sk, msg, HDR,
			    last + 1 + sk_icv_len(&sk), &text, &textlen),
			    pad < 32);
		}
	}
}

struct aead_case {
	const char	*name;
	enum alg_row	 row;
	const char	*key;		/* and salt */
	const char	*aad, *iv, *plain, *cipher, *icv;
};

#define MV_AAD		"feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define MV_IV		"facedbaddecaf888"
#define MV_PLAIN							\
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d"	\
	"8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"	\
	"ba637b39"
#define MV_KEY		"feffe9928665731c6d6a8f9467308308"
#define KEY_80_9F							\
	"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"

static const struct aead_case aeads[] = {
	{ "GCM specification, case 4", ALG_AES_128_GCM,
	    MV_KEY "cafebabe", MV_AAD, MV_IV, MV_PLAIN,
	    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e23"
	    "29aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac97"
	    "3d58e091", "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "GCM specification, case 10", ALG_AES_192_GCM,
	    MV_KEY "feffe9928665731ccafebabe", MV_AAD, MV_IV, MV_PLAIN,
	    "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b4"
	    "0ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9"
	    "ccda2710", "2519498e80f1478f37ba55bd6d27618c" },
	{ "GCM specification, case 16", ALG_AES_256_GCM,
	    MV_KEY MV_KEY "cafebabe", MV_AAD, MV_IV, MV_PLAIN,
	    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd"
	    "2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
	    "bcc9f662", "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "RFC 8439 section 2.8.2", ALG_CHACHA20_POLY1305,
	    KEY_80_9F "07000000", "50515253c0c1c2c3c4c5c6c7",
	    "4041424344454647",
	    "4c616469657320616e642047656e746c656d656e206f662074686520"
	    "636c617373206f66202739393a204966204920636f756c64206f6666"
	    "657220796f75206f6e6c79206f6e652074697020666f722074686520"
	    "6675747572652c2073756e73637265656e20776f756c642062652069"
	    "742e",
	    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a7"
	    "36ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29"
	    "05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4"
	    "fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b"
	    "6116", "1ae10b594f09e26a7e902ecbd0600691" },
	{ "RFC 7634 appendix B (IKEv2)", ALG_CHACHA20_POLY1305,
	    KEY_80_9F "a0a1a2a3",
	    "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045"
	    "29000029", "1011121314151617", "0000000c000040010000000a00",
	    "610394701f8d017f7c12924889",
	    "6b71bfe25236efd7cdc67066906315b2" },
};

static void
vectors(void)
{
	uint8_t key[64], msg[400], want[400], iv[8];
	struct alg_rand none = { NULL, NULL };
	size_t hdr, n, start, text, textlen;
	struct sk sk;

	for (size_t i = 0; i < TEST_COUNT(aeads); i++) {
		const struct aead_case *c = &aeads[i];

		test_row("%s", c->name);
		test_hex(c->key, key, sizeof(key));
		CU_ASSERT_FATAL(sk_init(&sk, &alg_table[c->row], NULL, key,
		    NULL));
		hdr = test_hex(c->aad, msg, sizeof(msg));
		start = hdr + 8;
		n = test_hex(c->plain, &msg[start], sizeof(msg) - start);

		test_hex(c->iv, iv, sizeof(iv));
		sk.sk_iv = 0;
		for (unsigned k = 0; k < 8; k++)
			sk.sk_iv = sk.sk_iv << 8 | iv[k];
		CU_ASSERT(sk_seal(&sk, msg, hdr, n, &none));
		TEST_BYTES(&msg[hdr], iv, sizeof(iv));
		CU_ASSERT_EQUAL(test_hex(c->cipher, want, sizeof(want)), n);
		TEST_BYTES(&msg[start], want, n);
		test_hex(c->icv, want, sizeof(want));
		TEST_BYTES(&msg[start + n], want, 16);

		CU_ASSERT(sk_open(&sk, msg, hdr, start + n + 16, &text,
		    &textlen));
		test_hex(c->plain, want, sizeof(want));
		TEST_BYTES(&msg[start], want, n);
		CU_ASSERT_EQUAL(textlen, n - 1 - want[n - 1]);
	}
}

struct cbc_case {
	const char	*name, *key, *iv, *plain, *cipher;
};

static const struct cbc_case cbcs[] = {
	{ "RFC 3602 case 1", "06a9214036b8a15b512e03d534120006",
	    "3dafba429d9eb430b422da802c9fac41",
	    "53696e676c6520626c6f636b206d7367",
	    "e353779c1079aeb82708942dbe77181a" },
	{ "RFC 3602 case 2", "c286696d887c9aa0611bbb3e2025a45a",
	    "562e17996d093d28ddb3ba695a2e6f58",
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f",
	    "d296cd94c2cccf8a3a863028b5e1dc0a"
	    "7586602d253cfff91b8266bea6d61ab1" },
	{ "RFC 3602 case 4", "56e47a38c5598974bc46903dba290349",
	    "8ce82eefbea0da3c44699ed7db51b7d9",
	    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
	    "c30e32ffedc0774e6aff6af0869f71aa"
	    "0f3af07a9a31a9c684db207eb0ef8e4e"
	    "35907aa632c3ffdf868bb7b29d3d46ad"
	    "83ce9f9a102ee99d49a53e87f4c3da55" },
};

static void
given_fill(void *arg, void *buf, size_t n)
{
	memcpy(buf, arg, n);
}

static void
cbc_vectors(void)
{
	uint8_t key[32], ikey[32] = { 1 }, iv[16], msg[200], want[100];
	struct alg_rand rnd = { given_fill, iv };
	struct alg_chunk all = { msg, 0 };
	struct sk sk;
	size_t n;

	for (size_t i = 0; i < TEST_COUNT(cbcs); i++) {
		test_row("%s", cbcs[i].name);
		test_hex(cbcs[i].key, key, sizeof(key));
		test_hex(cbcs[i].iv, iv, sizeof(iv));
		memset(msg, 0x33, sizeof(msg));
		n = test_hex(cbcs[i].plain, &msg[HDR + 16], 100);
		CU_ASSERT_FATAL(sk_init(&sk, &alg_table[ALG_AES_128_CBC],
		    &alg_table[ALG_HMAC_SHA2_256], key, ikey));
		CU_ASSERT(sk_seal(&sk, msg, HDR, n, &rnd));
		TEST_BYTES(&msg[HDR], iv, sizeof(iv));
		test_hex(cbcs[i].cipher, want, sizeof(want));
		TEST_BYTES(&msg[HDR + 16], want, n);

		/* The ICV covers header, IV and ciphertext. */
		all.n = HDR + 16 + n;
		CU_ASSERT(integ_verify(&alg_table[ALG_HMAC_SHA2_256], ikey,
		    &all, 1, &msg[all.n]));
	}
}

TEST_MAIN(
	TEST("AEAD vectors", vectors),
	TEST("CBC vectors", cbc_vectors),
	TEST("round trip", round_trip),
	TEST("every bit flipped, every truncation", every_bit),
	TEST("IVs do not repeat", ivs),
	TEST("wrong use is refused", wrong_use),
	TEST("pad length", padding))
