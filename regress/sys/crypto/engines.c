/* SPDX-License-Identifier: ISC */
/*
 * The engines against each other and against damage: every transform, random
 * lengths and alignments, batches in which keys differ; any bit of a packet
 * flipped; wrong lengths, wrong keys, the choice of an engine.
 */
#include "crypto/xform.h"

#include "test.h"

#define ENGINES	2
#define BATCH	70		/* more than an engine's own batch */
#define KEYS	5
#define TEXT	2000
#define PACKET	(8 + 16 + TEXT + 32 + 64)

struct bench {
	struct xform_ctx	*c[ENGINES];
	unsigned		 n;		/* engines that run here */
	struct xform_key	*key[ENGINES][KEYS];
	struct xform_job	 job[BATCH];
	uint8_t			 packet[ENGINES][BATCH][PACKET];
	uint8_t			 plain[BATCH][TEXT];
};

static uint64_t seed = 20;

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static struct bench *
bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	CU_ASSERT_FATAL(b != NULL);
	for (unsigned e = 0; xform_engine_name(e) != NULL; e++)
		if ((b->c[b->n] = xform_ctx_new(xform_engine_name(e),
		    NULL)) != NULL)
			b->n++;
	CU_ASSERT_FATAL(b->n > 0);
	return b;
}

static void
bench_free(struct bench *b)
{
	for (unsigned e = 0; e < b->n; e++)
		xform_ctx_free(b->c[e]);
	free(b);
}

static void
keys_new(struct bench *b, const struct xform *x)
{
	uint8_t enc[40], integ[64];

	for (unsigned k = 0; k < KEYS; k++) {
		for (unsigned i = 0; i < sizeof(enc); i++)
			enc[i] = (uint8_t)draw(256);
		for (unsigned i = 0; i < sizeof(integ); i++)
			integ[i] = (uint8_t)draw(256);
		for (unsigned e = 0; e < b->n; e++) {
			b->key[e][k] = aligned_alloc(XFORM_KEY_ALIGN,
			    xform_key_size(b->c[e], x));
			CU_ASSERT_FATAL(b->key[e][k] != NULL &&
			    xform_key_init(b->c[e], x, b->key[e][k], enc,
			    x->x_key, integ, x->x_akey));
		}
	}
}

static void
keys_free(struct bench *b, const struct xform *x)
{
	for (unsigned k = 0; k < KEYS; k++)
		for (unsigned e = 0; e < b->n; e++) {
			const uint8_t *p = (const uint8_t *)b->key[e][k];
			uint8_t any = 0;

			xform_key_wipe(b->c[e], x, b->key[e][k]);
			for (size_t i = 0; i < xform_key_size(b->c[e], x); i++)
				any |= p[i];
			CU_ASSERT_EQUAL(any, 0);
			free(b->key[e][k]);
		}
}

/* The same jobs for each engine, at alignments of their own. */
static void
jobs_draw(struct bench *b, const struct xform *x, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct xform_job *j = &b->job[i];

		*j = (struct xform_job){ .xj_iv = (uint64_t)draw(1u << 31) <<
		    32 | draw(1u << 31), .xj_esn = draw(2),
		    .xj_esn_hi = draw(1u << 31) };
		j->xj_len = (1 + draw(TEXT / x->x_align)) * x->x_align;
		for (uint32_t k = 0; k < j->xj_len; k++)
			b->plain[i][k] = (uint8_t)draw(256);
	}
}

/* Engine e's packets; seals them.  align: where in its buffer each lies. */
static void
seal(struct bench *b, unsigned e, const struct xform *x, unsigned n,
    const unsigned *align, const unsigned *key)
{
	struct xform_job j[BATCH];

	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = &b->packet[e][i][align[i]];

		memset(b->packet[e][i], 0xa5, PACKET);
		memset(p, (int)i, 8);
		memcpy(&p[8 + x->x_iv], b->plain[i], b->job[i].xj_len);
		j[i] = b->job[i];
		j[i].xj_esp = p;
		j[i].xj_key = b->key[e][key[i]];
		j[i].xj_ok = false;
	}
	xform_seal(b->c[e], x, j, n);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT(j[i].xj_ok);
	}
}

/* Opens with engine e what engine from sealed. */
static void
open(struct bench *b, unsigned e, unsigned from, const struct xform *x,
    unsigned n, const unsigned *align, const unsigned *key)
{
	struct xform_job j[BATCH];

	for (unsigned i = 0; i < n; i++) {
		j[i] = b->job[i];
		j[i].xj_esp = &b->packet[from][i][align[i]];
		j[i].xj_key = b->key[e][key[i]];
		j[i].xj_ok = false;
	}
	xform_open(b->c[e], x, j, n);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT(j[i].xj_ok);
		TEST_BYTES(&j[i].xj_esp[8 + x->x_iv], b->plain[i],
		    j[i].xj_len);
	}
}

/* The same into other places, which leaves the packets as they are. */
static void
open_apart(struct bench *b, unsigned e, unsigned from, const struct xform *x,
    unsigned n, const unsigned *align, const unsigned *key)
{
	static uint8_t was[BATCH][PACKET], to[BATCH][PACKET];
	struct xform_job j[BATCH];

	memcpy(was, b->packet[from], sizeof(was));
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = &b->packet[from][i][align[i]];

		memset(to[i], 0x5a, PACKET);
		memcpy(to[i], p, 8);
		j[i] = b->job[i];
		j[i].xj_esp = to[i];
		j[i].xj_from = i % 5 == 4 ? NULL : p;
		if (j[i].xj_from == NULL)
			memcpy(to[i], p, 8u + x->x_iv + j[i].xj_len + x->x_icv);
		j[i].xj_key = b->key[e][key[i]];
		j[i].xj_ok = false;
	}
	xform_open(b->c[e], x, j, n);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT(j[i].xj_ok);
		TEST_BYTES(&to[i][8 + x->x_iv], b->plain[i], j[i].xj_len);
		CU_ASSERT_EQUAL(to[i][8u + x->x_iv + j[i].xj_len + x->x_icv], 0x5a);
		TEST_BYTES(b->packet[from][i], was[i], PACKET);
	}
}

static void
draw_places(unsigned *align, unsigned *key)
{
	for (unsigned i = 0; i < BATCH; i++) {
		align[i] = draw(64);
		key[i] = draw(KEYS);
	}
}

static void
agree_once(struct bench *b, const struct xform *x, unsigned n)
{
	unsigned align[BATCH], key[BATCH], last = b->n - 1;

	draw_places(align, key);
	jobs_draw(b, x, n);
	for (unsigned e = 0; e < b->n; e++)
		seal(b, e, x, n, align, key);
	for (unsigned i = 0; i < n; i++) {
		/* Whole buffers: nothing is written beside the packet. */
		TEST_BYTES(b->packet[0][i], b->packet[last][i], PACKET);
	}
	for (unsigned e = 0; e < b->n; e++)
		open_apart(b, e, b->n - 1 - e, x, n, align, key);
	for (unsigned e = 0; e < b->n; e++)
		open(b, e, b->n - 1 - e, x, n, align, key);
}

static void
engines_agree(void)
{
	struct bench *b = bench_new();

	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];

		test_row("%s", x->x_name);
		keys_new(b, x);
		agree_once(b, x, 1);
		agree_once(b, x, 3);
		agree_once(b, x, 64);
		agree_once(b, x, BATCH);
		keys_free(b, x);
	}
	bench_free(b);
}

/*
 * One small sealed packet, opened in a batch together with an undamaged one:
 * each bit flipped, the high half changed, ESN forgotten.
 */
static void
damage(struct bench *b, unsigned e, const struct xform *x)
{
	uint8_t good[200], bad[200], ref[200];
	uint32_t text = 48, all = 8 + x->x_iv + text + x->x_icv;
	struct xform_job one = { .xj_key = b->key[e][0], .xj_esp = good,
	    .xj_iv = 77, .xj_len = text, .xj_esn = true, .xj_esn_hi = 3 };
	struct xform_job two[2];

	memset(good, 0x11, sizeof(good));
	xform_seal(b->c[e], x, &one, 1);
	for (uint32_t bit = 0; bit < all * 8 + 3; bit++) {
		memcpy(bad, good, sizeof(bad));
		memcpy(ref, good, sizeof(ref));
		two[0] = two[1] = one;
		two[0].xj_esp = bad;
		two[1].xj_esp = ref;
		if (bit < all * 8)
			bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		else if (bit == all * 8)
			two[0].xj_esn_hi = 2;
		else if (bit == all * 8 + 1)
			two[0].xj_esn = false;
		else
			two[0].xj_key = b->key[e][1];
		two[0].xj_ok = true;
		two[1].xj_ok = false;
		xform_open(b->c[e], x, two, 2);
		CU_ASSERT(!two[0].xj_ok);
		CU_ASSERT(two[1].xj_ok);
	}
}

static void
every_bit(void)
{
	struct bench *b = bench_new();

	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];

		test_row("%s", x->x_name);
		keys_new(b, x);
		for (unsigned e = 0; e < b->n; e++)
			damage(b, e, x);
		keys_free(b, x);
	}
	bench_free(b);
}

/* Jobs that no engine may see are given back, the others are done. */
static void
wrong_lengths(void)
{
	struct bench *b = bench_new();
	static const uint32_t lens[] = { 0, 1, 7, 18, 65412, 0xfffffff0u };

	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];
		uint8_t p[TEST_COUNT(lens) + 1][100];
		struct xform_job j[TEST_COUNT(lens) + 1];

		test_row("%s", x->x_name);
		keys_new(b, x);
		for (unsigned e = 0; e < b->n; e++) {
			memset(p, 1, sizeof(p));
			for (size_t k = 0; k <= TEST_COUNT(lens); k++)
				j[k] = (struct xform_job){
				    .xj_key = b->key[e][0], .xj_esp = p[k],
				    .xj_len = k == 3 ? 32 :
				    lens[k > 3 ? k - 1 : k], .xj_ok = k != 3 };
			xform_seal(b->c[e], x, j, TEST_COUNT(j));
			for (size_t k = 0; k < TEST_COUNT(j); k++) {
				CU_ASSERT_EQUAL(j[k].xj_ok, k == 3);
				CU_ASSERT_EQUAL(p[k][99], 1);
				CU_ASSERT(k == 3 || p[k][8 + x->x_iv] == 1);
			}
			for (size_t k = 0; k < TEST_COUNT(j); k++)
				j[k].xj_ok = k != 3;
			xform_open(b->c[e], x, j, TEST_COUNT(j));
			for (size_t k = 0; k < TEST_COUNT(j); k++) {
				CU_ASSERT_EQUAL(j[k].xj_ok, k == 3);
			}
			xform_seal(b->c[e], x, j, 0);
		}
		keys_free(b, x);
	}
	bench_free(b);
}

/* The largest text that is allowed. */
static void
largest(void)
{
	enum { LEN = 65408 };
	struct bench *b = bench_new();
	uint8_t *p = malloc(LEN + 64), *q = malloc(LEN + 64);

	CU_ASSERT_FATAL(p != NULL && q != NULL);
	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];
		struct xform_job j = { .xj_len = LEN, .xj_esn = true };

		test_row("%s", x->x_name);
		keys_new(b, x);
		for (unsigned e = 0; e < b->n; e++) {
			memset(e ? p : q, 0x77, LEN + 64);
			j.xj_key = b->key[e][0];
			j.xj_esp = e ? p : q;
			xform_seal(b->c[e], x, &j, 1);
			CU_ASSERT(j.xj_ok);
		}
		if (b->n > 1) {
			CU_ASSERT_EQUAL(memcmp(p, q, LEN + 64), 0);
		}
		xform_open(b->c[b->n - 1], x, &j, 1);
		CU_ASSERT(j.xj_ok);
		keys_free(b, x);
	}
	free(p);
	free(q);
	bench_free(b);
}

static void
table_holds_together(void)
{
	for (unsigned i = 0; i < xform_count; i++) {
		const struct xform *x = &xform_table[i];
		const struct alg *e = x->x_encr, *a = x->x_integ;

		test_row("%s", x->x_name);
		CU_ASSERT_PTR_EQUAL(xform_find(e, a), x);
		CU_ASSERT_EQUAL(x->x_key, alg_keymat(e));
		CU_ASSERT_EQUAL(x->x_iv, e->al_iv);
		CU_ASSERT_EQUAL(x->x_icv, a ? a->al_icv : e->al_icv);
		CU_ASSERT_EQUAL(x->x_akey, a ? a->al_key : 0);
		CU_ASSERT_EQUAL(x->x_align, e->al_block > 4 ? e->al_block : 4);
		CU_ASSERT_EQUAL(x->x_counter,
		    (e->al_flags & ALG_COUNTER) != 0);
		CU_ASSERT_EQUAL((e->al_flags & ALG_AEAD) != 0, a == NULL);
	}
	/* ALG_ESP promises a transform, and none exists without it. */
	for (const struct alg *e = alg_next(ALG_ENCR, NULL); e != NULL;
	    e = alg_next(ALG_ENCR, e)) {
		bool aead = (e->al_flags & ALG_AEAD) != 0;
		bool esp = (e->al_flags & ALG_ESP) != 0;

		test_row("promise of %s", e->al_name);
		CU_ASSERT_EQUAL(xform_find(e, NULL) != NULL, esp && aead);
		for (const struct alg *a = alg_next(ALG_INTEG, NULL);
		    a != NULL; a = alg_next(ALG_INTEG, a)) {
			CU_ASSERT_EQUAL(xform_find(e, a) != NULL, esp &&
			    !aead && (a->al_flags & ALG_ESP) != 0);
		}
	}
}

static void
count_line(void *arg, const char *line)
{
	unsigned *n = arg;

	CU_ASSERT_PTR_NULL(strstr(line, "failed"));
	++*n;
}

static void
contexts(void)
{
	const struct xform *x = xform_find(&alg_table[ALG_AES_128_GCM], NULL);
	struct xform_ctx *first, *second;
	uint8_t enc[40] = { 0 };
	struct xform_key *k;
	unsigned lines = 0;

	CU_ASSERT_PTR_NULL(xform_ctx_new("no such engine", NULL));
	first = xform_ctx_new(NULL, NULL);
	CU_ASSERT_FATAL(first != NULL);
	second = xform_ctx_new(NULL, first);
	CU_ASSERT_FATAL(second != NULL);
	xform_report(first, count_line, &lines);
	CU_ASSERT(lines > 0);
	for (unsigned i = 0; i < xform_count; i++) {
		CU_ASSERT_PTR_NOT_NULL(xform_engine(first, &xform_table[i]));
		CU_ASSERT_PTR_EQUAL(xform_engine(first, &xform_table[i]),
		    xform_engine(second, &xform_table[i]));
		CU_ASSERT_EQUAL(xform_key_size(first, &xform_table[i]) %
		    XFORM_KEY_ALIGN, 0);
	}
	k = aligned_alloc(XFORM_KEY_ALIGN, xform_key_size(first, x));
	CU_ASSERT_FATAL(k != NULL);
	CU_ASSERT(!xform_key_init(first, x, k, enc, 16, NULL, 0));
	CU_ASSERT(!xform_key_init(first, x, k, enc, 20, enc, 20));
	CU_ASSERT(xform_key_init(first, x, k, enc, 20, NULL, 0));
	free(k);
	xform_ctx_free(second);
	xform_ctx_free(first);
	xform_ctx_free(NULL);
	CU_ASSERT_PTR_NULL(xform_find(&alg_table[ALG_AES_128_GCM],
	    &alg_table[ALG_HMAC_SHA1]));
	CU_ASSERT_PTR_NULL(xform_find(&alg_table[ALG_AES_128_CBC], NULL));
}

TEST_MAIN(
	TEST("transforms and algorithm table", table_holds_together),
	TEST("contexts", contexts),
	TEST("engines agree", engines_agree),
	TEST("every bit flipped", every_bit),
	TEST("wrong lengths", wrong_lengths),
	TEST("largest text", largest))
