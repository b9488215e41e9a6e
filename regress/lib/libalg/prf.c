/* SPDX-License-Identifier: ISC */
/*
 * Hashes, PRF, prf+ and integrity against published vectors: RFC 2202
 * section 3 (HMAC-SHA1), RFC 4231 section 4 (HMAC-SHA2), RFC 4868 section
 * 2.7.2 (truncated), FIPS 180 ("abc").  The answers for prf+ were computed
 * with Python's hmac after RFC 7296 section 2.13.
 */
#include "libalg/prf.h"

#include "test.h"

struct hmac_case {
	const char	*name;
	uint8_t		 key_byte;	/* key: this byte keylen times, or */
	const char	*key;		/* text, or 1, 2, 3 ... */
	size_t		 keylen;
	uint8_t		 data_byte;	/* data: likewise */
	const char	*data;
	size_t		 datalen;
	enum alg_row	 row;
	const char	*mac;
};

static const struct hmac_case hmacs[] = {
	{ "RFC 4231 case 1, SHA2-256", 0x0b, NULL, 20, 0x00,
	    "Hi There", 8, ALG_PRF_HMAC_SHA2_256,
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32"
	    "cff7" },
	{ "RFC 4231 case 1, SHA2-384", 0x0b, NULL, 20, 0x00,
	    "Hi There", 8, ALG_PRF_HMAC_SHA2_384,
	    "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7ceb"
	    "c59cfaea9ea9076ede7f4af152e8b2fa9cb6" },
	{ "RFC 4231 case 1, SHA2-512", 0x0b, NULL, 20, 0x00,
	    "Hi There", 8, ALG_PRF_HMAC_SHA2_512,
	    "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e1"
	    "7cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c20"
	    "3a126854" },
	{ "RFC 4231 case 2, SHA2-256", 0x00, "Jefe", 4, 0x00,
	    "what do ya want for nothing?", 28, ALG_PRF_HMAC_SHA2_256,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec"
	    "3843" },
	{ "RFC 4231 case 2, SHA2-384", 0x00, "Jefe", 4, 0x00,
	    "what do ya want for nothing?", 28, ALG_PRF_HMAC_SHA2_384,
	    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322"
	    "445e8e2240ca5e69e2c78b3239ecfab21649" },
	{ "RFC 4231 case 2, SHA2-512", 0x00, "Jefe", 4, 0x00,
	    "what do ya want for nothing?", 28, ALG_PRF_HMAC_SHA2_512,
	    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea25"
	    "05549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a"
	    "38bce737" },
	{ "RFC 4231 case 3, SHA2-256", 0xaa, NULL, 20, 0xdd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_256,
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced5"
	    "65fe" },
	{ "RFC 4231 case 3, SHA2-384", 0xaa, NULL, 20, 0xdd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_384,
	    "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966"
	    "144b2a5ab39dc13814b94e3ab6e101a34f27" },
	{ "RFC 4231 case 3, SHA2-512", 0xaa, NULL, 20, 0xdd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_512,
	    "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b227"
	    "9d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859"
	    "e13292fb" },
	{ "RFC 4231 case 4, SHA2-256", 0x00, NULL, 25, 0xcd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_256,
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729"
	    "665b" },
	{ "RFC 4231 case 4, SHA2-384", 0x00, NULL, 25, 0xcd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_384,
	    "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f57"
	    "3b4e6801dd23c4a7d679ccf8a386c674cffb" },
	{ "RFC 4231 case 4, SHA2-512", 0x00, NULL, 25, 0xcd,
	    NULL, 50, ALG_PRF_HMAC_SHA2_512,
	    "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361e"
	    "e3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb"
	    "10a298dd" },
	{ "RFC 4231 case 6, SHA2-256", 0xaa, NULL, 131, 0x00,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, ALG_PRF_HMAC_SHA2_256,
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee3"
	    "7f54" },
	{ "RFC 4231 case 6, SHA2-384", 0xaa, NULL, 131, 0x00,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, ALG_PRF_HMAC_SHA2_384,
	    "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033a"
	    "c4c60c2ef6ab4030fe8296248df163f44952" },
	{ "RFC 4231 case 6, SHA2-512", 0xaa, NULL, 131, 0x00,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, ALG_PRF_HMAC_SHA2_512,
	    "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8"
	    "f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a98"
	    "5d786598" },
	{ "RFC 4231 case 7, SHA2-256", 0xaa, NULL, 131, 0x00,
	    "This is a test using a larger than block-size key and a"
	    " larger than block-size data. The key needs to be hashe"
	    "d before being used by the HMAC algorithm.", 152, ALG_PRF_HMAC_SHA2_256,
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a"
	    "35e2" },
	{ "RFC 4231 case 7, SHA2-384", 0xaa, NULL, 131, 0x00,
	    "This is a test using a larger than block-size key and a"
	    " larger than block-size data. The key needs to be hashe"
	    "d before being used by the HMAC algorithm.", 152, ALG_PRF_HMAC_SHA2_384,
	    "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e"
	    "99c5a678cc31e799176d3860e6110c46523e" },
	{ "RFC 4231 case 7, SHA2-512", 0xaa, NULL, 131, 0x00,
	    "This is a test using a larger than block-size key and a"
	    " larger than block-size data. The key needs to be hashe"
	    "d before being used by the HMAC algorithm.", 152, ALG_PRF_HMAC_SHA2_512,
	    "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cd"
	    "c944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440"
	    "fa8c6a58" },
	{ "RFC 2202 case 1", 0x0b, NULL, 20, 0x00,
	    "Hi There", 8, ALG_PRF_HMAC_SHA1,
	    "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ "RFC 2202 case 2", 0x00, "Jefe", 4, 0x00,
	    "what do ya want for nothing?", 28, ALG_PRF_HMAC_SHA1,
	    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ "RFC 2202 case 3", 0xaa, NULL, 20, 0xdd,
	    NULL, 50, ALG_PRF_HMAC_SHA1,
	    "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
	{ "RFC 2202 case 4", 0x00, NULL, 25, 0xcd,
	    NULL, 50, ALG_PRF_HMAC_SHA1,
	    "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
	{ "RFC 2202 case 5", 0x0c, NULL, 20, 0x00,
	    "Test With Truncation", 20, ALG_PRF_HMAC_SHA1,
	    "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
	{ "RFC 2202 case 6", 0xaa, NULL, 80, 0x00,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, ALG_PRF_HMAC_SHA1,
	    "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	{ "RFC 2202 case 7", 0xaa, NULL, 80, 0x00,
	    "Test Using Larger Than Block-Size Key and Larger Than O"
	    "ne Block-Size Data", 73, ALG_PRF_HMAC_SHA1,
	    "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
};

static void
fill(uint8_t *out, size_t n, uint8_t byte, const char *text)
{
	for (size_t i = 0; i < n; i++)
		out[i] = text != NULL ? (uint8_t)text[i] :
		    byte != 0 ? byte : (uint8_t)(i + 1);
}

static void
hmac_vectors(void)
{
	uint8_t key[200], data[200], want[PRF_MAX], got[PRF_MAX];
	struct alg_chunk split[3];
	struct prf p;

	for (size_t i = 0; i < TEST_COUNT(hmacs); i++) {
		const struct hmac_case *c = &hmacs[i];
		const struct alg *a = &alg_table[c->row];

		test_row("%s", c->name);
		fill(key, c->keylen, c->key_byte, c->key);
		fill(data, c->datalen, c->data_byte, c->data);
		CU_ASSERT_EQUAL(test_hex(c->mac, want, sizeof(want)),
		    a->al_out);

		/* In three pieces, one of them empty, and byte by byte. */
		split[0] = (struct alg_chunk){ data, 5 };
		split[1] = (struct alg_chunk){ NULL, 0 };
		split[2] = (struct alg_chunk){ &data[5], c->datalen - 5 };
		prf_iov(a, key, c->keylen, split, 3, got);
		TEST_BYTES(got, want, a->al_out);

		prf_init(&p, a, key, c->keylen);
		for (size_t n = 0; n < c->datalen; n++)
			prf_update(&p, &data[n], 1);
		prf_final(&p, got);
		TEST_BYTES(got, want, a->al_out);
	}
}

struct plus_case {
	const char	*name;
	enum alg_row	 row;
	const char	*start;		/* two outputs and five bytes */
	const char	*digest;	/* SHA-256 of all 255 outputs */
};

/* key 0, 1, 2 ... as long as the output; seed "Ni|Nr|SPIi|SPIr" */
static const struct plus_case pluses[] = {
	{ "sha1", ALG_PRF_HMAC_SHA1,
	    "1135c6d7fc1f8472e5acd03d64445e44e80848795825fb91286897a4ca72"
	    "e52ed702751050de481976eaee81e8",
	    "acf5225f04f73cf8676e5c5aa4163d7abd66c400126b4c47546fd9a5f680"
	    "27b3" },
	{ "sha256", ALG_PRF_HMAC_SHA2_256,
	    "53c84cde72fd7c6ad66d83e8c2b5f60526edf011e9c91a3c09711fa47dae"
	    "deecd4b99f0c696da3810e3d5d475efa27a7ebd4fa20cf32ec6b02bf5365"
	    "c1f1606e81b9ec8321",
	    "48e2877ab6d1ba734f53779202cb19b304c433b23bd97c755dcc91b982c9"
	    "2877" },
	{ "sha384", ALG_PRF_HMAC_SHA2_384,
	    "93889ad27f5740c93e8a2215095fd39418a1ad26b451f02f984ff5e4a5ae"
	    "baea0e8d4cbff1bfab52a1750d8da7db7800521a99d68988ce7c2bd10f5d"
	    "26c2ad44890346986d266f4fdbba2b31fa7634adfb46250175aa7ebd3140"
	    "20b892dfa56a49047131a2",
	    "e8e4dae304624a7554e32b6947da1c6441a746cf316a706750e0f989d683"
	    "8c2c" },
	{ "sha512", ALG_PRF_HMAC_SHA2_512,
	    "443d21209079b958090c3f99075b004fabe71e29e789c135911ddcae4d56"
	    "938f619cb1291796e063cc9e671137766207d6f048d71261b0ef2333d88a"
	    "b266b8bf795fae8db898bdf446c53b3a146e809934655c851e5739e1c6a8"
	    "fbdbd48e959aaf59e5901e69e3bf48f9395228347ea240ad084830ec118b"
	    "5a24dcd8ac886178cffa18a9bc",
	    "2dffc3fcb0cbca43031ec481536e3bd6900579c5cbb60e3039c6c109edd6"
	    "0924" },
};

static void
plus_vectors(void)
{
	static uint8_t out[255 * PRF_MAX + 1];
	const struct alg_chunk seed[2] = { { "Ni|Nr|", 6 },
	    { "SPIi|SPIr", 9 } };
	uint8_t key[PRF_MAX], want[2 * PRF_MAX + 5], digest[32];
	struct alg_chunk all = { out, 0 };

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (size_t i = 0; i < TEST_COUNT(pluses); i++) {
		const struct alg *a = &alg_table[pluses[i].row];
		size_t n = test_hex(pluses[i].start, want, sizeof(want));

		test_row("%s", pluses[i].name);
		CU_ASSERT_EQUAL(n, 2u * a->al_out + 5);
		CU_ASSERT(prf_plus(a, key, a->al_out, seed, 2, out, n));
		TEST_BYTES(out, want, n);

		all.n = 255u * a->al_out;
		CU_ASSERT(prf_plus(a, key, a->al_out, seed, 2, out, all.n));
		CU_ASSERT(hash_iov(ALG_SHA2_256, &all, 1, digest));
		test_hex(pluses[i].digest, want, sizeof(want));
		TEST_BYTES(digest, want, sizeof(digest));

		CU_ASSERT(!prf_plus(a, key, a->al_out, seed, 2, out,
		    all.n + 1));
		CU_ASSERT_EQUAL(out[0] | out[all.n], 0);
	}
}

struct integ_case {
	const char	*name;
	enum alg_row	 row;
	uint8_t		 key_byte;
	const char	*data, *icv;
};

static const struct integ_case integs[] = {
	{ "RFC 4868 AUTH256-1", ALG_HMAC_SHA2_256, 0x0b, "Hi There",
	    "198a607eb44bfbc69903a0f1cf2bbdc5" },
	{ "RFC 4868 AUTH384-1", ALG_HMAC_SHA2_384, 0x0b, "Hi There",
	    "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973" },
	{ "RFC 4868 AUTH512-1", ALG_HMAC_SHA2_512, 0x0b, "Hi There",
	    "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e91"
	    "0fb8" },
	{ "RFC 2202 case 1, 96 bits", ALG_HMAC_SHA1, 0x0b, "Hi There",
	    "b617318655057264e28bc0b6" },
};

static void
integ_vectors(void)
{
	uint8_t key[64], want[INTEG_ICV_MAX], got[INTEG_ICV_MAX + 1];

	for (size_t i = 0; i < TEST_COUNT(integs); i++) {
		const struct integ_case *c = &integs[i];
		const struct alg *a = &alg_table[c->row];
		struct alg_chunk in = { c->data, strlen(c->data) };

		test_row("%s", c->name);
		memset(key, c->key_byte, sizeof(key));
		CU_ASSERT_EQUAL(test_hex(c->icv, want, sizeof(want)),
		    a->al_icv);
		got[a->al_icv] = 0x5a;
		integ_compute(a, key, &in, 1, got);
		TEST_BYTES(got, want, a->al_icv);
		CU_ASSERT_EQUAL(got[a->al_icv], 0x5a);
		CU_ASSERT(integ_verify(a, key, &in, 1, want));
		for (unsigned bit = 0; bit < a->al_icv * 8u; bit++) {
			want[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT(!integ_verify(a, key, &in, 1, want));
			want[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

struct hash_case {
	const char	*name;
	enum alg_hash	 hash;
	const char	*digest;	/* of "abc" */
};

static const struct hash_case hashes[] = {
	{ "sha1", ALG_SHA1,
	    "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "sha256", ALG_SHA2_256,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f200"
	    "15ad" },
	{ "sha384", ALG_SHA2_384,
	    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff"
	    "5bed8086072ba1e7cc2358baeca134c825a7" },
	{ "sha512", ALG_SHA2_512,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55"
	    "d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94f"
	    "a54ca49f" },
};

static void
hash_vectors(void)
{
	const struct alg_chunk abc[2] = { { "a", 1 }, { "bc", 2 } };
	uint8_t want[ALG_HASH_MAX], got[ALG_HASH_MAX];

	for (size_t i = 0; i < TEST_COUNT(hashes); i++) {
		test_row("%s", hashes[i].name);
		CU_ASSERT_EQUAL(test_hex(hashes[i].digest, want, sizeof(want)),
		    hash_len(hashes[i].hash));
		CU_ASSERT(hash_iov(hashes[i].hash, abc, 2, got));
		TEST_BYTES(got, want, hash_len(hashes[i].hash));
	}
	test_row("unknown hash");
	CU_ASSERT_EQUAL(hash_len((enum alg_hash)5), 0);
	CU_ASSERT(!hash_iov((enum alg_hash)5, abc, 2, got));
}

TEST_MAIN(
	TEST("HMAC as PRF", hmac_vectors),
	TEST("prf+", plus_vectors),
	TEST("integrity", integ_vectors),
	TEST("hashes", hash_vectors))
