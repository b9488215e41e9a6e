/* SPDX-License-Identifier: ISC */
/*
 * Diffie-Hellman against published vectors: RFC 7748 sections 5.2 and 6.1,
 * RFC 5903 section 8.  RFC 3526 has no vectors: the primes are compared by
 * their printed ends and by a digest, and powers by digests of what Python's
 * pow() gives; the primes there were computed from the formula with another
 * series for pi, and those up to 3072 bits were proven safe by Miller-Rabin.
 */
#include "libalg/dh.h"

#include "libalg/dh_local.h"
#include "libalg/prf.h"
#include "libalg/x25519.h"
#include "test.h"

/* A generator good enough to draw keys from, and repeatable. */
static void
lcg_fill(void *arg, void *buf, size_t n)
{
	uint64_t *s = arg;
	uint8_t *p = buf;

	while (n-- > 0) {
		*s = *s * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(*s >> 56);
	}
}

struct pair_case {
	const char	*name;
	enum alg_row	 row;
	const char	*a, *pub_a, *b, *pub_b, *secret;
};

static const struct pair_case pairs[] = {
	{ "RFC 7748 section 6.1", ALG_CURVE25519,
	    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db9"
	    "2c2a",
	    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b"
	    "4e6a",
	    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88"
	    "e0eb",
	    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f88"
	    "2b4f",
	    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e16"
	    "1742" },
	{ "RFC 5903 section 8.1", ALG_ECP256,
	    "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d"
	    "1433",
	    "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c377258"
	    "11805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577"
	    "b8990bb3",
	    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476b"
	    "ee53",
	    "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494"
	    "bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33"
	    "039872ab",
	    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b94"
	    "42de" },
	{ "RFC 5903 section 8.2", ALG_ECP384,
	    "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dc"
	    "e655e35b538041e649ee3faef896783ab194",
	    "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c5"
	    "5ee6de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc498462"
	    "5ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b"
	    "4c634573a81c",
	    "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa"
	    "2942e0308312916b8ed2960e4bd55a7448fc",
	    "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc"
	    "509d0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e83"
	    "8430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaa"
	    "d96db9e6386c",
	    "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156"
	    "c5c4d603135569b9e9d09cf5d4a270f59746" },
	{ "RFC 5903 section 8.3", ALG_ECP521,
	    "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce476081"
	    "72a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c2"
	    "7a57382d4a52",
	    "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9"
	    "ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4"
	    "195d176ced3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a"
	    "514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f15"
	    "07438bf01beb6ca3926f9582",
	    "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380"
	    "201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f"
	    "5cb151685eb9",
	    "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e573973"
	    "5a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171"
	    "640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c"
	    "2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f47"
	    "32296579ab44fcd17f0fc56a",
	    "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d7"
	    "9b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417"
	    "996d19f3ddea" },
};

static void
published_pairs(void)
{
	uint8_t priv[80], want[DH_PUBLIC_MAX], peer[DH_PUBLIC_MAX];
	uint8_t secret[DH_SECRET_MAX];
	struct dh d;
	size_t n, pub, sec;

	for (size_t i = 0; i < TEST_COUNT(pairs); i++) {
		const struct pair_case *c = &pairs[i];
		const struct alg *g = &alg_table[c->row];

		test_row("%s", c->name);
		for (unsigned side = 0; side < 2; side++) {
			n = test_hex(side ? c->b : c->a, priv, sizeof(priv));
			CU_ASSERT(dh_from_private(&d, g, priv, n));
			pub = test_hex(side ? c->pub_b : c->pub_a, want,
			    sizeof(want));
			CU_ASSERT_EQUAL(pub, dh_group_size(g));
			TEST_BYTES(d.dh_public, want, pub);
			test_hex(side ? c->pub_a : c->pub_b, peer,
			    sizeof(peer));
			CU_ASSERT(dh_shared(&d, peer, pub, secret));
			sec = test_hex(c->secret, want, sizeof(want));
			CU_ASSERT_EQUAL(sec, dh_secret_size(g));
			TEST_BYTES(secret, want, sec);
		}
	}
}

struct x25519_case {
	const char	*scalar, *u, *out;
};

static const struct x25519_case x25519s[] = {
	{ "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba44"
	    "9ac4",
	    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab"
	    "1c4c",
	    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a2"
	    "8552" },
	{ "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918"
	    "ba0d",
	    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715"
	    "a493",
	    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac"
	    "7957" },
};

/* RFC 7748 section 5.2; in the second, the top bit of u must be ignored. */
static void
x25519_scalars(void)
{
	const struct alg *g = &alg_table[ALG_CURVE25519];
	uint8_t k[32], u[32], want[32], out[32];
	struct dh d;

	for (size_t i = 0; i < TEST_COUNT(x25519s); i++) {
		test_row("scalar %zu", i + 1);
		test_hex(x25519s[i].scalar, k, sizeof(k));
		test_hex(x25519s[i].u, u, sizeof(u));
		test_hex(x25519s[i].out, want, sizeof(want));
		CU_ASSERT(dh_from_private(&d, g, k, sizeof(k)));
		CU_ASSERT(dh_shared(&d, u, sizeof(u), out));
		TEST_BYTES(out, want, sizeof(want));
	}
}

/* RFC 7748 section 5.2: k and u fed back into the function. */
static void
x25519_iterated(void)
{
	static const char *const after[2] = {
	    "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
	    "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
	};
	uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32], want[32];
	struct dh d;

	for (unsigned i = 1; i <= 1000; i++) {
		CU_ASSERT_FATAL(dh_from_private(&d,
		    &alg_table[ALG_CURVE25519], k, sizeof(k)));
		CU_ASSERT_FATAL(dh_shared(&d, u, sizeof(u), out));
		memcpy(u, k, sizeof(u));
		memcpy(k, out, sizeof(k));
		if (i == 1 || i == 1000) {
			test_row("after %u", i);
			test_hex(after[i == 1000], want, sizeof(want));
			TEST_BYTES(out, want, sizeof(want));
		}
	}
}

/*
 * Against BearSSL's, on random scalars and on the edges of the field: what
 * is near 0, p and 2^255, with and without the top bit.
 */
static void
x25519_against_bearssl(void)
{
	uint8_t k[32], u[32], mine[32], theirs[32];
	uint64_t seed = 25519;

	for (unsigned i = 0; i < 600; i++) {
		lcg_fill(&seed, k, sizeof(k));
		if (i < 200)
			lcg_fill(&seed, u, sizeof(u));
		else {
			memset(u, i < 400 ? 0 : 0xff, sizeof(u));
			u[0] = (uint8_t)i;
			if (i % 2 == 0)
				u[31] &= 0x7f;
			if (i % 3 == 0)
				u[i % 32] ^= (uint8_t)(1 << i % 8);
		}
		memcpy(theirs, u, sizeof(theirs));
		CU_ASSERT(br_ec_c25519_m31.mul(theirs, 32, k, 32,
		    BR_EC_curve25519) == 1);
		x25519(mine, k, u);
		TEST_BYTES(mine, theirs, sizeof(mine));
		x25519(u, k, u);
		TEST_BYTES(u, theirs, sizeof(u));
	}
}

struct modp_case {
	const char	*name;
	enum alg_row	 row;
	size_t		 privlen;
	const char	*tail;		/* of the prime, before 64 ones */
	const char	*prime, *pub_a, *pub_b, *secret;	/* SHA-256 */
};

/* Private keys: a is 1, 18, 35 ..., b is 5, 34, 63 ... modulo 256. */
static const struct modp_case modps[] = {
	{ "modp768", ALG_MODP768, 32, "a63a3620",
	    "b52ba6a3026520a6c49d37e4587601801bee500123b3259b6bf03e7cecc3"
	    "e63d",
	    "da3b9ad58f10763ce8415345ec9a12bf80ff2ed31ceaa5c6a59c7fda8789"
	    "99a2",
	    "cee1146c73043b4a1410560af8883dcf86c34bc5b15c47d43e457e1930ad"
	    "9f50",
	    "447ac2e2fd925ebcc92c265e5490a4501a5d3a3af9733023411fa423693b"
	    "495c" },
	{ "modp1024", ALG_MODP1024, 32, "ece65381",
	    "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b"
	    "67a0",
	    "3bf22123317d3b8f78e6efa21a40d4327d9da5ca8aec57996f34ad0e775a"
	    "8314",
	    "37c36912439bc51adf2b480eee1659a248bbd33c832fb02bb67fd8a71232"
	    "6219",
	    "7738e5a1046492f2a5c86c9f133404cc632838050992cf0640ac07c2a1fe"
	    "8b3b" },
	{ "modp1536", ALG_MODP1536, 32, "ca237327",
	    "64fcc83ec403930bf18393dbc883ccaa1fbb08ac876f77f7aa99748ca945"
	    "019b",
	    "325bcb949cc32b51d3a3b3973edfb007b02d69e37bc0b387b4180c6f5feb"
	    "1905",
	    "dce08e8751b3a6d87a249a32b922d6e817639dd9b0cd8d25fcb20cc69c9b"
	    "db5a",
	    "92d3b031af37875d0f5d5957101c7013aea2c253c786462e3da63fa67f5b"
	    "ab02" },
	{ "modp2048", ALG_MODP2048, 40, "8aacaa68",
	    "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60"
	    "890e",
	    "41e59d8fba33a6c8304acf9756505b3dcd10ba5a085aadad5dca09bf1db6"
	    "0b06",
	    "0bcdadd74390310d1efb8c3275daf0de5c8a4e274ccaa988e66a96d8409a"
	    "9170",
	    "1854267b8449cbec1af45de4e4f3dc74ab2df1acff8fcb8fa79bf4441149"
	    "ecd8" },
	{ "modp3072", ALG_MODP3072, 53, "a93ad2ca",
	    "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1"
	    "c55c",
	    "5c463b484f553fef744f7d14b250ba8e75eff48f4deb5fd6144275a1fb47"
	    "8a02",
	    "baa3cd1fcf52887f5fede668a62337878614cb2af49ea21e1509c3844449"
	    "1591",
	    "632be1f206a65898556f44933eafbe37332f47f6bdf888009d47aa734ffb"
	    "7fee" },
	{ "modp4096", ALG_MODP4096, 60, "34063199",
	    "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec2391"
	    "9e33",
	    "06455deaed944b2d3f0616d3955985637d488ab758a2fc405864ac830c0a"
	    "577a",
	    "1a39d45a767e52e6e7b84cb09a95fd2e90eff1584e2bdaf1d66bc4bf7021"
	    "f5dc",
	    "61af49e8b144d4b0e4bc323e9cb5230091ccff51bb9bb2a0ea65d2d8f4ae"
	    "f6bc" },
	{ "modp6144", ALG_MODP6144, 68, "6dcc4024",
	    "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b86484865"
	    "7efd",
	    "95fd7782e6460e003396fb0e4c9fd08ac1510f259aef26d52fb26b6052ed"
	    "4ec2",
	    "51c3c8bd8b7907c40da70cddc89b12c7c81e578dc056b47a4a6884f256e6"
	    "6395",
	    "f5b8fd6a0af7a38c587b85ab0c64cd0a32c41818d0a8985f603948a78ec6"
	    "39f1" },
	{ "modp8192", ALG_MODP8192, 78, "98edd3df",
	    "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c"
	    "3bcf",
	    "358ec87181d7f7faa5962f85eceb1300282bbf4b15a229a4ded401079fea"
	    "5b28",
	    "699a29c693da53cd0e31a2ca026be4a9315db7d30faa30008f24419d545d"
	    "305a",
	    "7c499173e7042e64583ae136dd6476d5ef2bb079ee2651f72b377a64cf28"
	    "79ec" },
};

static void
check_digest(const uint8_t *value, size_t n, const char *digest)
{
	struct alg_chunk all = { value, n };
	uint8_t want[32], got[32];

	test_hex(digest, want, sizeof(want));
	CU_ASSERT(hash_iov(ALG_SHA2_256, &all, 1, got));
	TEST_BYTES(got, want, sizeof(want));
}

static void
modp_known(void)
{
	uint8_t a[DH_PRIVATE_MAX], b[DH_PRIVATE_MAX], tail[4];
	uint8_t prime[DH_PUBLIC_MAX], secret[DH_SECRET_MAX];
	struct dh da, db;

	for (size_t i = 0; i < TEST_COUNT(modps); i++) {
		const struct modp_case *c = &modps[i];
		const struct alg *g = &alg_table[c->row];
		size_t n = dh_group_size(g);

		test_row("%s", c->name);
		for (unsigned k = 0; k < DH_PRIVATE_MAX; k++) {
			a[k] = (uint8_t)(k * 17 + 1);
			b[k] = (uint8_t)(k * 29 + 5);
		}
		dh_modp_prime(g, prime);
		test_hex(c->tail, tail, sizeof(tail));
		TEST_BYTES(&prime[n - 12], tail, sizeof(tail));
		check_digest(prime, n, c->prime);

		CU_ASSERT(dh_from_private(&da, g, a, c->privlen));
		CU_ASSERT(dh_from_private(&db, g, b, c->privlen));
		check_digest(da.dh_public, n, c->pub_a);
		check_digest(db.dh_public, n, c->pub_b);
		CU_ASSERT(dh_shared(&da, db.dh_public, n, secret));
		check_digest(secret, n, c->secret);
	}
}

static void
both_sides_agree(void)
{
	uint64_t seed = 1;
	struct alg_rand rnd = { lcg_fill, &seed };
	uint8_t sa[DH_SECRET_MAX], sb[DH_SECRET_MAX];
	const struct alg *g;
	struct dh a, b;

	for (g = alg_next(ALG_DH, NULL); g != NULL; g = alg_next(ALG_DH, g)) {
		if ((g->al_flags & ALG_IKE) == 0 || g->al_key > 512)
			continue;
		test_row("%s", g->al_name);
		for (unsigned i = 0; i < 3; i++) {
			CU_ASSERT(dh_generate(&a, g, &rnd));
			CU_ASSERT(dh_generate(&b, g, &rnd));
			CU_ASSERT(memcmp(a.dh_public, b.dh_public,
			    g->al_key) != 0);
			CU_ASSERT(dh_shared(&a, b.dh_public, g->al_key, sa));
			CU_ASSERT(dh_shared(&b, a.dh_public, g->al_key, sb));
			TEST_BYTES(sa, sb, g->al_out);
			dh_wipe(&a);
			CU_ASSERT_EQUAL(a.dh_private[0] | a.dh_public[0], 0);
		}
	}
}

/* Each of these must be refused, and leave a zeroed secret. */
static void
expect_refused(const struct dh *d, const uint8_t *peer, size_t n)
{
	uint8_t secret[DH_SECRET_MAX], zero[DH_SECRET_MAX] = { 0 };

	memset(secret, 0xff, sizeof(secret));
	CU_ASSERT(!dh_shared(d, peer, n, secret));
	TEST_BYTES(secret, zero, dh_secret_size(d->dh_group));
}

static void
modp_refuses(void)
{
	const struct alg *g = &alg_table[ALG_MODP2048];
	uint8_t y[DH_PUBLIC_MAX], secret[DH_SECRET_MAX], key[40] = { 1 };
	size_t n = dh_group_size(g);
	struct dh d;

	CU_ASSERT_FATAL(dh_from_private(&d, g, key, sizeof(key)));
	memset(y, 0, sizeof(y));
	test_row("0");
	expect_refused(&d, y, n);
	test_row("1");
	y[n - 1] = 1;
	expect_refused(&d, y, n);
	test_row("2 is good");
	y[n - 1] = 2;
	CU_ASSERT(dh_shared(&d, y, n, secret));

	test_row("p");
	dh_modp_prime(g, y);
	expect_refused(&d, y, n);
	test_row("p - 1");
	y[n - 1]--;
	expect_refused(&d, y, n);
	test_row("p - 2 is good");
	y[n - 1]--;
	CU_ASSERT(dh_shared(&d, y, n, secret));
	test_row("all ones");
	memset(y, 0xff, n);
	expect_refused(&d, y, n);
	test_row("lengths");
	dh_modp_prime(g, y);
	y[0] = 0;
	expect_refused(&d, y, n - 1);
	expect_refused(&d, y, n + 1);
	expect_refused(&d, y, 0);
}

static void
ecp_refuses(void)
{
	static const enum alg_row rows[] = { ALG_ECP256, ALG_ECP384,
	    ALG_ECP521 };
	uint8_t y[DH_PUBLIC_MAX], zero[DH_PRIVATE_MAX] = { 0 }, one = 1;
	uint8_t ones[DH_PRIVATE_MAX];
	struct dh d;

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < TEST_COUNT(rows); i++) {
		const struct alg *g = &alg_table[rows[i]];
		size_t n = dh_group_size(g);

		/* With the private key 1 the public value is the generator. */
		CU_ASSERT_FATAL(dh_from_private(&d, g, &one, 1));
		test_row("%s: bits of a point", g->al_name);
		for (size_t bit = 0; bit < n * 8; bit += 7) {
			memcpy(y, d.dh_public, n);
			y[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT(!dh_public_valid(g, y, n));
			if (bit % 35 == 0)
				expect_refused(&d, y, n);
		}
		test_row("%s: zero, ones, lengths", g->al_name);
		memset(y, 0, n);
		expect_refused(&d, y, n);
		memset(y, 0xff, n);
		expect_refused(&d, y, n);
		expect_refused(&d, d.dh_public, n - 1);
		expect_refused(&d, d.dh_public, 0);
		CU_ASSERT(dh_public_valid(g, d.dh_public, n));

		test_row("%s: private keys", g->al_name);
		CU_ASSERT(!dh_from_private(&d, g, zero, g->al_out));
		CU_ASSERT(!dh_from_private(&d, g, ones, g->al_out));
		CU_ASSERT(!dh_from_private(&d, g, ones, g->al_out + 1u));
	}
}

/*
 * The points of small order: u = 0, 1, p - 1, p, p + 1 and the two of order
 * 8, which RFC 7748 section 6.1 has in mind.
 */
static void
x25519_refuses(void)
{
	static const char *const small[] = {
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	const struct alg *g = &alg_table[ALG_CURVE25519];
	uint8_t key[32], u[33] = { 0 };
	struct dh d;

	memset(key, 0x42, sizeof(key));
	CU_ASSERT_FATAL(dh_from_private(&d, g, key, sizeof(key)));
	for (size_t i = 0; i < TEST_COUNT(small); i++) {
		test_row("%s", small[i]);
		test_hex(small[i], u, 32);
		expect_refused(&d, u, 32);
		u[31] |= 0x80;		/* ignored, hence the same point */
		expect_refused(&d, u, 32);
	}
	test_row("lengths");
	u[0] = 9;
	expect_refused(&d, u, 31);
	expect_refused(&d, u, 33);
}

static void
unusable_groups(void)
{
	uint64_t seed = 1;
	struct alg_rand rnd = { lcg_fill, &seed };
	const struct alg *g;
	struct dh d;

	for (g = alg_next(ALG_DH, NULL); g != NULL; g = alg_next(ALG_DH, g))
		if ((g->al_flags & ALG_IKE) == 0) {
			CU_ASSERT(!dh_generate(&d, g, &rnd));
			CU_ASSERT(!dh_public_valid(g, &d, g->al_key));
		}
	CU_ASSERT(!dh_generate(&d, &alg_table[ALG_AES_128_GCM], &rnd));
}

TEST_MAIN(
	TEST("published pairs", published_pairs),
	TEST("X25519 scalars", x25519_scalars),
	TEST("X25519 iterated", x25519_iterated),
	TEST("X25519 against BearSSL's", x25519_against_bearssl),
	TEST("MODP known answers", modp_known),
	TEST("both sides agree", both_sides_agree),
	TEST("MODP refuses", modp_refuses),
	TEST("ECP refuses", ecp_refuses),
	TEST("X25519 refuses small orders", x25519_refuses),
	TEST("groups that are not built", unusable_groups))
