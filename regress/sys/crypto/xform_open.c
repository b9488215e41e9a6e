/* SPDX-License-Identifier: ISC */
/*
 * Fuzz: batches of damaged ESP packets through both engines.  Each job is
 * sealed by one engine, changed where the input says, and opened by both,
 * which must agree with each other and with whether it was changed; every other
 * one is opened from elsewhere.  The input also gives wrong lengths, which must
 * come back undone.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/xform.h"
#include "libutil/cur.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define JOBS	20
#define PACKET	(8 + 16 + TEXT + 16 + 32)
#define TEXT	400

struct engine {
	struct xform_ctx	*e_ctx;
	struct xform_key	*e_key;
	uint8_t			 e_packet[JOBS][PACKET];
	struct xform_job	 e_job[JOBS];
};

static unsigned
engines(struct engine *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2 && xform_engine_name(i) != NULL; i++)
		if ((e[n].e_ctx = xform_ctx_new(xform_engine_name(i),
		    NULL)) != NULL)
			n++;
	return n;
}

static void
key(struct engine *e, const struct xform *x)
{
	static const uint8_t bytes[64] = { 9, 8, 7 };

	e->e_key = aligned_alloc(XFORM_KEY_ALIGN,
	    xform_key_size(e->e_ctx, x));
	if (e->e_key == NULL || !xform_key_init(e->e_ctx, x, e->e_key, bytes,
	    x->x_key, bytes, x->x_akey))
		abort();
}

/* Jobs from the input; their texts are zeroes. */
static unsigned
draw(struct cur *c, struct engine *e)
{
	unsigned n = 0;

	for (; n < JOBS && cur_left(c) >= 8; n++) {
		struct xform_job *j = &e->e_job[n];

		memset(e->e_packet[n], 0, PACKET);
		*j = (struct xform_job){ .xj_key = e->e_key,
		    .xj_esp = e->e_packet[n], .xj_iv = n };
		j->xj_len = cur_u16(c) % TEXT;
		if (cur_u8(c) % 4 != 0)
			j->xj_len = j->xj_len / 16 * 16 + 16;
		j->xj_esn = cur_u8(c) & 1;
		j->xj_esn_hi = cur_u32(c);
	}
	return n;
}

/* Open by one engine what was sealed and changed; returns verdicts. */
static uint32_t
verdicts(struct engine *e, const struct engine *from, const struct xform *x,
    unsigned n)
{
	uint32_t ok = 0;

	memcpy(e->e_packet, from->e_packet, sizeof(e->e_packet));
	for (unsigned i = 0; i < n; i++) {
		e->e_job[i] = from->e_job[i];
		e->e_job[i].xj_key = e->e_key;
		e->e_job[i].xj_esp = e->e_packet[i];
		if (i & 1) {
			e->e_job[i].xj_from = from->e_packet[i];
			memset(e->e_packet[i] + 8, 0, PACKET - 8);
		}
	}
	xform_open(e->e_ctx, x, e->e_job, n);
	for (unsigned i = 0; i < n; i++)
		ok |= (uint32_t)e->e_job[i].xj_ok << i;
	return ok;
}

static bool
valid(const struct xform *x, const struct xform_job *j)
{
	return j->xj_len > 0 && j->xj_len % x->x_align == 0;
}

/* Seal by the first, change, open by all. */
static void
round_trip(struct cur *c, struct engine *e, unsigned engines_n,
    const struct xform *x)
{
	static struct engine sealed;
	size_t whole[JOBS];
	uint32_t want = 0, bits = cur_u32(c);
	unsigned n = draw(c, e), at;

	xform_seal(e->e_ctx, x, e->e_job, n);
	sealed = *e;
	for (unsigned i = 0; i < n; i++) {
		struct xform_job *j = &sealed.e_job[i];

		whole[i] = 8u + x->x_iv + j->xj_len + x->x_icv;
		if (j->xj_ok != valid(x, j))
			abort();
		want |= (uint32_t)(j->xj_ok && (bits >> i & 1) == 0) << i;
		at = (unsigned)((bits * 2654435761u + i * 97) % whole[i]);
		if (bits >> i & 1)
			sealed.e_packet[i][at] ^= (uint8_t)(1 << at % 8);
	}
	for (unsigned k = 0; k < engines_n; k++)
		if (verdicts(&e[k], &sealed, x, n) != want)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine e[2];
	static unsigned n;
	struct cur c = cur_init(data, size);
	const struct xform *x = &xform_table[cur_u8(&c) % xform_count];

	if (n == 0 && (n = engines(e)) == 0)
		abort();
	for (unsigned i = 0; i < n; i++)
		key(&e[i], x);
	round_trip(&c, e, n, x);
	for (unsigned i = 0; i < n; i++) {
		xform_key_wipe(e[i].e_ctx, x, e[i].e_key);
		free(e[i].e_key);
	}
	return 0;
}
