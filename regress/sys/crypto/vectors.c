/* SPDX-License-Identifier: ISC */
/*
 * ESP transforms against published vectors, through every engine that runs
 * here: RFC 4106 as in draft-mcgrew-gcm-test, RFC 7634 appendix A, RFC 3686
 * section 6, RFC 3602 section 4.
 *
 * A cipher's vector has no ICV: the test makes one with libalg's HMAC, which
 * has vectors of its own.  CBC's sender makes the IV itself, so that CBC is
 * opened only.
 */
#include "crypto/xform.h"

#include "libalg/prf.h"
#include "test.h"

#define PACKET	400

struct vector {
	const char	*name;
	enum alg_row	 encr, integ;	/* integ ALG_ROWS: AEAD */
	const char	*key;		/* with salt */
	uint64_t	 spi_seq;
	bool		 esn;
	uint32_t	 esn_hi;
	const char	*iv, *plain, *cipher, *icv;	/* icv NULL: HMAC's */
};

static const struct vector vectors[] = {
	{ "AES-GCM with ESN (draft-mcgrew-gcm-test)",
	    ALG_AES_128_GCM, ALG_ROWS,
	    "4c80cdefbb5d10da906ac73c3613a634" "2e443b68",
	    0x0000432100000000, true, 0x87654321, "4956ed7e3b244cfe",
	    "45000048699a000080114db7c0a80102c0a801010a9bf15638d30100"
	    "00010000000000 00045f736970045f756470037369700963796265"
	    "726369747902646b000021000101020201",
	    "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa"
	    "13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff62"
	    "47aeabb786b93bce61bc17d768fd9732",
	    "459018148f6cbe722fd04796562dfdb4" },
	{ "ChaCha20-Poly1305 (RFC 7634 appendix A)",
	    ALG_CHACHA20_POLY1305, ALG_ROWS,
	    "808182838485868788898a8b8c8d8e8f"
	    "909192939495969798999a9b9c9d9e9f" "a0a1a2a3",
	    0x0102030400000005, false, 0, "1011121314151617",
	    "45000054a6f200004001e778c6336405c000020508005b7a3a080000"
	    "553bec100007362708090a0b0c0d0e0f101112131415161718191a1b"
	    "1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
	    "01020204",
	    "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef"
	    "407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9"
	    "befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b828"
	    "29f641e0",
	    "76aaa8266b7fb0f7b11b369907e1ad43" },
	{ "AES-CTR (RFC 3686 vector 1)", ALG_AES_128_CTR, ALG_HMAC_SHA1,
	    "ae6852f8121067cc4bf7a5765577f39e" "00000030",
	    0x0000100000000001, false, 0, "0000000000000000",
	    "53696e676c6520626c6f636b206d7367",
	    "e4095d4fb7a7b3792d6175a3261311b8", NULL },
	{ "AES-CTR (RFC 3686 vector 2)", ALG_AES_128_CTR, ALG_HMAC_SHA2_256,
	    "7e24067817fae0d743d6ce1f32539163" "006cb6db",
	    0x0000100000000001, true, 7, "c0543b59da48d90b",
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f",
	    "5104a106168a72d9790d41ee8edad388"
	    "eb2e1efc46da57c8fce630df9141be28", NULL },
	{ "AES-CTR (RFC 3686 vector 3)", ALG_AES_128_CTR, ALG_HMAC_SHA2_384,
	    "7691be035e5020a8ac6e618529f9a0dc" "00e0017b",
	    0x0000100000000001, false, 0, "27777f3f4a1786f0",
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f20212223",
	    "c1cf48a89f2ffdd9cf4652e9efdb72d7"
	    "4540a42bde6d7836d59a5ceaaef3105325b2072f", NULL },
	{ "AES-CTR (RFC 3686 vector 4)", ALG_AES_192_CTR, ALG_HMAC_SHA2_512,
	    "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb78515" "00000048",
	    0x0000100000000001, true, 0xffffffff, "36733c147d6d93cb",
	    "53696e676c6520626c6f636b206d7367",
	    "4b55384fe259c9c84e7935a003cbe928", NULL },
	{ "AES-CTR (RFC 3686 vector 7)", ALG_AES_256_CTR, ALG_HMAC_SHA2_256,
	    "776beff2851db06f4c8a0542c8696f6c"
	    "6a81af1eec96b4d37fc1d689e6c1c104" "00000060",
	    0x0000100000000001, false, 0, "db5672c97aa8f0b2",
	    "53696e676c6520626c6f636b206d7367",
	    "145ad01dbf824ec7560863dc71e3e0c0", NULL },
	{ "AES-CBC (RFC 3602 case 1)", ALG_AES_128_CBC, ALG_HMAC_SHA1,
	    "06a9214036b8a15b512e03d534120006",
	    0x0000432100000001, false, 0,
	    "3dafba429d9eb430b422da802c9fac41",
	    "53696e676c6520626c6f636b206d7367",
	    "e353779c1079aeb82708942dbe77181a", NULL },
	{ "AES-CBC (RFC 3602 case 2)", ALG_AES_128_CBC, ALG_HMAC_SHA2_256,
	    "c286696d887c9aa0611bbb3e2025a45a",
	    0x0000432100000001, true, 1,
	    "562e17996d093d28ddb3ba695a2e6f58",
	    "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f",
	    "d296cd94c2cccf8a3a863028b5e1dc0a"
	    "7586602d253cfff91b8266bea6d61ab1", NULL },
	{ "AES-CBC (RFC 3602 case 3)", ALG_AES_128_CBC, ALG_HMAC_SHA2_384,
	    "6c3ea0477630ce21a2ce334aa746c2cd",
	    0x0000432100000001, false, 0,
	    "c782dc4c098c66cbd9cd27d825682c81",
	    "546869732069732061203438 2d62797465206d657373616765202865"
	    "786163746c7920332041455320626c6f636b7329",
	    "d0a02b3836451753d493665d33f0e8862dea54cdb293abc750693927"
	    "6772f8d5021c19216bad525c8579695d83ba2684", NULL },
	{ "AES-CBC (RFC 3602 case 4)", ALG_AES_128_CBC, ALG_HMAC_SHA2_512,
	    "56e47a38c5598974bc46903dba290349",
	    0x0000432100000001, true, 0x01020304,
	    "8ce82eefbea0da3c44699ed7db51b7d9",
	    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babb"
	    "bcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
	    "d8d9dadbdcdddedf",
	    "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207e"
	    "b0ef8e4e35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d"
	    "49a53e87f4c3da55", NULL },
	{ "NULL, HMAC-SHA1", ALG_NULL, ALG_HMAC_SHA1, "",
	    0x0000432100000001, false, 0, "", "01020304", "01020304", NULL },
	{ "NULL, HMAC-SHA2-512 with ESN", ALG_NULL, ALG_HMAC_SHA2_512, "",
	    0x0000432100000001, true, 9, "", "0102030405060708",
	    "0102030405060708", NULL },
};

static struct xform_ctx *
engine(unsigned i)
{
	struct xform_ctx *c = xform_ctx_new(xform_engine_name(i), NULL);

	if (c == NULL)
		test_skip("the engine does not run on this processor");
	return c;
}

static struct xform_key *
new_key(const struct xform_ctx *c, const struct xform *x, const uint8_t *enc,
    const uint8_t *integ)
{
	struct xform_key *k = aligned_alloc(XFORM_KEY_ALIGN,
	    xform_key_size(c, x));

	CU_ASSERT_FATAL(k != NULL && xform_key_init(c, x, k, enc, x->x_key,
	    integ, x->x_akey));
	return k;
}

/* Header, IV and the text; returns the text's length. */
static uint32_t
packet(const struct vector *v, const struct xform *x, const char *text,
    uint8_t *p)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v->spi_seq >> (56 - 8 * i));
	CU_ASSERT_EQUAL(test_hex(v->iv, &p[8], 16), x->x_iv);
	return (uint32_t)test_hex(text, &p[8 + x->x_iv],
	    PACKET - 8u - x->x_iv);
}

/* What must follow the ciphertext. */
static void
expected_icv(const struct vector *v, const struct xform *x,
    const uint8_t *integ, const uint8_t *p, uint32_t len, uint8_t *icv)
{
	const uint8_t hi[4] = { (uint8_t)(v->esn_hi >> 24),
	    (uint8_t)(v->esn_hi >> 16), (uint8_t)(v->esn_hi >> 8),
	    (uint8_t)v->esn_hi };
	const struct alg_chunk in[2] = { { p, 8u + x->x_iv + len },
	    { hi, v->esn ? 4 : 0 } };

	if (v->icv != NULL)
		test_hex(v->icv, icv, 32);
	else
		integ_compute(x->x_integ, integ, in, 2, icv);
}

static void
run(struct xform_ctx *c, const struct vector *v)
{
	const struct xform *x = xform_find(&alg_table[v->encr],
	    v->integ == ALG_ROWS ? NULL : &alg_table[v->integ]);
	uint8_t sealed[PACKET], mine[PACKET], key[40], integ[64], icv[32];
	struct xform_key *k;
	uint32_t len;
	size_t text;

	CU_ASSERT_FATAL(x != NULL);
	text = 8u + x->x_iv;
	CU_ASSERT_EQUAL(test_hex(v->key, key, sizeof(key)), x->x_key);
	memset(integ, 0x0b, sizeof(integ));
	k = new_key(c, x, key, integ);
	len = packet(v, x, v->cipher, sealed);
	expected_icv(v, x, integ, sealed, len, icv);
	memcpy(&sealed[text + len], icv, x->x_icv);

	if (x->x_iv != 16) {
		struct xform_job j = { .xj_key = k, .xj_esp = mine,
		    .xj_len = packet(v, x, v->plain, mine),
		    .xj_esn = v->esn, .xj_esn_hi = v->esn_hi };

		for (unsigned i = 0; i < x->x_iv; i++)
			j.xj_iv = j.xj_iv << 8 | mine[8 + i];
		memset(&mine[8], 0xee, x->x_iv);
		mine[text + len + x->x_icv] = 0x5a;
		xform_seal(c, x, &j, 1);
		CU_ASSERT(j.xj_ok);
		TEST_BYTES(mine, sealed, text + len + x->x_icv);
		CU_ASSERT_EQUAL(mine[text + len + x->x_icv], 0x5a);
	}
	{
		struct xform_job j = { .xj_key = k, .xj_esp = sealed,
		    .xj_len = len, .xj_esn = v->esn,
		    .xj_esn_hi = v->esn_hi };

		xform_open(c, x, &j, 1);
		CU_ASSERT(j.xj_ok);
		CU_ASSERT_EQUAL(packet(v, x, v->plain, mine), len);
		TEST_BYTES(&sealed[8], &mine[8], x->x_iv + len);
	}
	xform_key_wipe(c, x, k);
	free(k);
}

static void
published(void)
{
	for (unsigned e = 0; xform_engine_name(e) != NULL; e++) {
		struct xform_ctx *c;

		test_row("%s", xform_engine_name(e));
		if ((c = engine(e)) == NULL)
			continue;
		for (size_t i = 0; i < TEST_COUNT(vectors); i++) {
			test_row("%s: %s", xform_engine_name(e),
			    vectors[i].name);
			run(c, &vectors[i]);
		}
		xform_ctx_free(c);
	}
}

TEST_MAIN(TEST("published vectors", published))
