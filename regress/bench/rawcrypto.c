/* SPDX-License-Identifier: ISC */
/*
 * The engines alone: nanoseconds per packet, best of 25, of the raw cipher
 * and of sealing and opening ESP through the transforms.  One core, one SA,
 * batches of 64 out of 240 packets, which stay in the cache.
 *
 * IMIX is 7 of 64, 4 of 594 and 1 of 1518 bytes.  Sizes are of the text; for
 * CBC they are rounded up to the block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto/xform.h"

#define PACKETS	240
#define BATCH	60
#define STRIDE	1664
#define REPEATS	25
#define RUN_NS	2000000u	/* short, to fall between others' turns */

static const unsigned imix[12] = { 64, 64, 594, 64, 64, 594, 64, 594, 64,
    1518, 594, 64 };
static const unsigned sizes[] = { 64, 512, 1420, 0 };	/* 0: IMIX */

enum what { RAW, SEAL, OPEN };

struct bench {
	struct xform_ctx	*b_ctx;
	const struct xform	*b_x;
	struct xform_key	*b_key;
	uint8_t			*b_mem, *b_sealed;
	uint64_t		 b_iv, b_bytes;
	struct xform_job	 b_job[PACKETS];
	struct xform_raw	 b_raw[PACKETS];
	uint8_t			 b_nonce[12];
};

static void
prepare(struct bench *b, unsigned size)
{
	uint32_t align = b->b_x->x_align;

	b->b_bytes = 0;
	for (unsigned i = 0; i < PACKETS; i++) {
		uint8_t *p = b->b_mem + (size_t)i * STRIDE;
		uint32_t len = size != 0 ? size : imix[i % 12];

		b->b_bytes += len;
		len = (len + align - 1) / align * align;
		b->b_job[i] = (struct xform_job){ .xj_key = b->b_key,
		    .xj_esp = p, .xj_len = len, .xj_iv = ++b->b_iv };
		b->b_raw[i] = (struct xform_raw){ .xr_key = b->b_key,
		    .xr_text = p + 16, .xr_nonce = b->b_nonce, .xr_aad = p,
		    .xr_icv = p + 16 + len, .xr_len = len };
	}
}

/* All packets once; the clock sees only what is measured. */
static uint64_t
round_ns(struct bench *b, enum what what)
{
	uint64_t t;

	if (what == OPEN)	/* what was opened must be sealed again */
		memcpy(b->b_mem, b->b_sealed, (size_t)PACKETS * STRIDE);
	t = clock_ns();
	for (unsigned i = 0; i < PACKETS; i += BATCH)
		if (what == RAW)
			xform_raw_seal(b->b_ctx, b->b_x, &b->b_raw[i], BATCH);
		else if (what == SEAL)
			xform_seal(b->b_ctx, b->b_x, &b->b_job[i], BATCH);
		else
			xform_open(b->b_ctx, b->b_x, &b->b_job[i], BATCH);
	return clock_ns() - t;
}

static double
measure(struct bench *b, enum what what)
{
	double best = 1e18;

	xform_seal(b->b_ctx, b->b_x, b->b_job, PACKETS);
	memcpy(b->b_sealed, b->b_mem, (size_t)PACKETS * STRIDE);
	for (unsigned r = 0; r < REPEATS; r++) {
		uint64_t spent = 0, rounds = 0;
		double ns;

		do {
			spent += round_ns(b, what);
			rounds++;
		} while (spent < RUN_NS);
		ns = (double)spent / (double)(rounds * PACKETS);
		best = ns < best ? ns : best;
	}
	for (unsigned i = 0; what == OPEN && i < PACKETS; i++)
		if (!b->b_job[i].xj_ok) {
			fprintf(stderr, "a packet did not open\n");
			exit(1);
		}
	return best;
}

static void
line(struct bench *b, const char *engine, enum what what)
{
	static const char *const word[] = { "raw", "seal", "open" };
	double ns[4], bytes[4];

	for (unsigned s = 0; s < 4; s++) {
		prepare(b, sizes[s]);
		bytes[s] = (double)b->b_bytes / PACKETS;
		ns[s] = measure(b, what);
	}
	printf("%-8s %-24s %-5s %7.0f %7.0f %7.0f %7.0f %9.1f\n", engine,
	    b->b_x->x_name, word[what], ns[0], ns[1], ns[2], ns[3],
	    bytes[2] * 8 / ns[2]);
}

static void
transform(struct bench *b, const char *engine, enum alg_row encr,
    enum alg_row integ)
{
	static const uint8_t key[64] = { 1, 2, 3 };

	b->b_x = xform_find(&alg_table[encr], integ == ALG_ROWS ? NULL :
	    &alg_table[integ]);
	b->b_key = aligned_alloc(XFORM_KEY_ALIGN,
	    xform_key_size(b->b_ctx, b->b_x));
	if (b->b_key == NULL || !xform_key_init(b->b_ctx, b->b_x, b->b_key,
	    key, b->b_x->x_key, key, b->b_x->x_akey))
		exit(1);
	prepare(b, 64);
	if (xform_raw_seal(b->b_ctx, b->b_x, b->b_raw, 1))
		line(b, engine, RAW);
	line(b, engine, SEAL);
	line(b, engine, OPEN);
	free(b->b_key);
}

static void
engine_table(struct bench *b, const char *engine)
{
	b->b_ctx = xform_ctx_new(engine, NULL);
	if (b->b_ctx == NULL) {
		printf("%-8s does not run on this processor\n", engine);
		return;
	}
	transform(b, engine, ALG_AES_128_GCM, ALG_ROWS);
	transform(b, engine, ALG_AES_256_GCM, ALG_ROWS);
	transform(b, engine, ALG_CHACHA20_POLY1305, ALG_ROWS);
	transform(b, engine, ALG_AES_128_CBC, ALG_HMAC_SHA2_256);
	transform(b, engine, ALG_AES_128_CBC, ALG_HMAC_SHA1);
	transform(b, engine, ALG_NULL, ALG_HMAC_SHA2_256);
	xform_ctx_free(b->b_ctx);
}

int
main(void)
{
	static struct bench b;

	b.b_mem = calloc(PACKETS, STRIDE);
	b.b_sealed = calloc(PACKETS, STRIDE);
	if (b.b_mem == NULL || b.b_sealed == NULL)
		return 1;
	printf("ns per packet, one core, best of %d; Gbit/s at 1420 bytes\n"
	    "%-8s %-24s %-5s %7s %7s %7s %7s %9s\n", REPEATS, "engine",
	    "transform", "what", "64", "512", "1420", "IMIX", "Gbit/s");
	for (unsigned i = 0; xform_engine_name(i) != NULL; i++)
		engine_table(&b, xform_engine_name(i));
	free(b.b_mem);
	free(b.b_sealed);
	return 0;
}
